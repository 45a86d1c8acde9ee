//! Bodies going out that are longer than memory should hold: read on a thread of their own, a few pieces ahead of the
//! client. A client that is slow holds those pieces, one that goes away none.

use std::io::{self, PipeReader, Read};

use axum::body::Body;
use tokio::sync::{mpsc, oneshot};

/// Bytes read at once, and how many such reads wait for the client.
const READ: usize = 1 << 16;
const WAITING: usize = 4;

/// What is read, as a body. What fails ends the transfer short, so that nobody takes it for whole.
pub(super) fn body(mut source: impl Read + Send + 'static) -> Body {
    let (reads, mut waiting) = mpsc::channel::<io::Result<Vec<u8>>>(WAITING);
    tokio::task::spawn_blocking(move || {
        loop {
            let mut bytes = vec![0; READ];
            let read = source.read(&mut bytes).map(|n| {
                bytes.truncate(n);
                bytes
            });
            let ended = matches!(&read, Ok(bytes) if bytes.is_empty());
            let failed = read.is_err();
            if ended || reads.blocking_send(read).is_err() || failed {
                return;
            }
        }
    });
    Body::from_stream(futures_util::stream::poll_fn(move |context| waiting.poll_recv(context)))
}

/// The reading end of a pipe, and how the writing went: an end that came of a failure is none.
pub(super) struct Piped {
    pub(super) pipe: PipeReader,
    pub(super) written: oneshot::Receiver<bool>,
}

impl Read for Piped {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self.pipe.read(bytes)? {
            0 if !self.written.try_recv().unwrap_or(false) => Err(io::Error::other("the writing broke off")),
            read => Ok(read),
        }
    }
}
