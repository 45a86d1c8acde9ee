//! Listening, being asked whether one lives, and stopping in order.

use std::net::SocketAddr;

use axum::extract::State;
use axum::http::StatusCode;
use tokio::net::TcpListener;

use super::problem::Problem;
use super::{App, router};

/// A server that listens.
pub struct Served {
    listener: TcpListener,
    app: App,
}

/// Takes the address.
///
/// # Errors
/// It is taken, or not ours.
pub async fn serve(app: App, address: SocketAddr) -> std::io::Result<Served> {
    Ok(Served { listener: TcpListener::bind(address).await?, app })
}

impl Served {
    /// Where it listens.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `stop` comes, then finishes what runs, whether its client still waits or not.
    ///
    /// # Errors
    /// The listener failed.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
        let app = self.app.clone();
        let service = router(self.app).into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(self.listener, service).with_graceful_shutdown(stop).await?;
        app.0.running.close();
        app.0.running.wait().await;
        app.broker().store().close().await;
        Ok(())
    }
}

/// The process runs.
pub(super) async fn alive() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// The vault can be read.
pub(super) async fn ready(State(app): State<App>) -> Result<StatusCode, Problem> {
    app.broker().store().view().await?.log_size().await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn nothing_here() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no_route", "there is nothing at this path")
        .hint("the API is under /api/v1")
}

pub(super) async fn not_that_way() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", "this path does not take this method")
}
