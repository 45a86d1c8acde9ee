//! Nobody holds the server by being slow: how long a body may take to come, and an answer to go.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep, timeout};

/// So many bytes of a body, or its end, come within [`WINDOW`]: some 500 a second at least.
const PIECE: usize = 1 << 14;
const WINDOW: Duration = Duration::from_secs(30);
/// A client that takes nothing of its answer for so long is gone.
const STALLED: Duration = Duration::from_secs(60);

/// A body that breaks off when it comes too slowly, a half-open one too.
pub(super) fn body(body: Body) -> Body {
    if body.is_end_stream() {
        return body;
    }
    let pieces = stream::try_unfold(Some(body.into_data_stream()), |rest| async {
        let Some(mut rest) = rest else { return Ok(None) };
        match timeout(WINDOW, piece(&mut rest)).await {
            Ok(Ok((bytes, is_last))) if bytes.is_empty() && is_last => Ok(None),
            Ok(Ok((bytes, is_last))) => Ok(Some((Bytes::from(bytes), (!is_last).then_some(rest)))),
            Ok(Err(cause)) => Err(io::Error::other(cause)),
            Err(_) => Err(io::Error::new(ErrorKind::TimedOut, "the body comes too slowly")),
        }
    });
    Body::from_stream(pieces)
}

/// The next piece, and whether it is the last.
async fn piece<E>(rest: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin)) -> Result<(Vec<u8>, bool), E> {
    let mut bytes = Vec::new();
    while bytes.len() < PIECE {
        match rest.next().await {
            Some(more) => bytes.extend_from_slice(&more?),
            None => return Ok((bytes, true)),
        }
    }
    Ok((bytes, false))
}

/// A connection whose writes may not stall.
pub(super) struct Paced<S> {
    io: S,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Paced<S> {
    pub(super) fn new(io: S) -> Self {
        Paced { io, stalled: None }
    }

    fn within<T>(&mut self, context: &mut Context<'_>, wrote: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            self.stalled = None;
            return wrote;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(STALLED)));
        stalled.as_mut().poll(context).map(|()| Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.io).poll_write(context, bytes);
        self.within(context, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.io).poll_write_vectored(context, bytes);
        self.within(context, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(context);
        self.within(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.io).poll_shutdown(context);
        self.within(context, shut)
    }
}
