//! Taking connections: so many at once, each with a time to say what it wants.
//!
//! ```text
//! listener ─► a slot ─► first byte ─► (TLS) ─► head within 30 s ─► exchange ─► next head …
//!   none free: the rest waits in the system's queue, which costs nothing here
//! ```

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower_service::Service as _;

use super::paced::Paced;
use super::tls::Tls;

/// The head of a request comes within so long; who has nothing to ask for so long may connect again.
const HEAD: Duration = Duration::from_secs(30);
/// A TLS handshake takes at most so long.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Bytes of a request's head at most.
const LARGEST_HEAD: usize = 1 << 15;
/// After an accept that failed for want of files or memory: at once it would fail again.
const BREATH: Duration = Duration::from_millis(50);

/// Put beside a request that came over TLS.
#[derive(Clone, Copy)]
pub(super) struct Secure;

/// A listener and what its connections get.
pub(super) struct Listening {
    pub(super) listener: TcpListener,
    pub(super) tls: Option<Arc<Tls>>,
    /// Connections at once.
    pub(super) most: usize,
}

impl Listening {
    /// Takes connections until `stop` comes, then finishes what was asked on those there are.
    pub(super) async fn run(self, routes: Router, stop: impl Future<Output = ()>) {
        let slots = Arc::new(Semaphore::new(self.most));
        let close = watch::Sender::new(());
        let mut stop = pin!(stop);
        loop {
            let taken = async {
                // Never closed, so there always is one at last.
                let slot = slots.clone().acquire_owned().await;
                (self.listener.accept().await, slot)
            };
            let (accepted, slot) = tokio::select! { taken = taken => taken, () = &mut stop => break };
            let Ok((stream, peer)) = accepted else {
                sleep(BREATH).await;
                continue;
            };
            let (routes, tls, closing) = (routes.clone(), self.tls.clone(), close.subscribe());
            tokio::spawn(async move {
                metrics::gauge!("countersign_connections").increment(1.0);
                // What a client does to its own connection is its own affair.
                let _ = serve(stream, peer, tls, routes, closing).await;
                metrics::gauge!("countersign_connections").decrement(1.0);
                drop(slot);
            });
        }
        drop(self.listener);
        let _ = close.send(());
        close.closed().await;
    }
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<Arc<Tls>>,
    routes: Router,
    mut closing: watch::Receiver<()>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    // Before its first byte a connection costs no buffer.
    tokio::select! {
        readable = timeout(HEAD, stream.readable()) => readable??,
        _ = closing.changed() => return Ok(()),
    }
    match tls {
        None => exchanges(stream, peer, false, routes, async { drop(closing.changed().await) }).await,
        Some(tls) => {
            let mut now = tls.now();
            let met_with = now.borrow_and_update().clone();
            let stream = timeout(HANDSHAKE, TlsAcceptor::from(met_with).accept(stream)).await??;
            // A client whose authority is trusted no more shows what it has anew, as every other does.
            let over = async {
                tokio::select! { _ = closing.changed() => {}, _ = now.changed() => {} }
            };
            exchanges(stream, peer, true, routes, over).await
        }
    }
}

async fn exchanges(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    is_secure: bool,
    routes: Router,
    over: impl Future<Output = ()>,
) -> io::Result<()> {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        if is_secure {
            request.extensions_mut().insert(Secure);
        }
        // A router is always ready.
        routes.clone().call(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(Paced::new(io)), service);
    let mut connection = pin!(connection);
    tokio::select! {
        ended = &mut connection => return ended.map_err(io::Error::other),
        () = over => connection.as_mut().graceful_shutdown(),
    }
    connection.await.map_err(io::Error::other)
}
