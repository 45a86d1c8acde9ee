//! Listening, being asked whether one lives, and stopping in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::listening::Listening;
use super::problem::{Problem, no_route};
use super::tls::Tls;
use super::{App, figures, router, watching};
use crate::notice::Notices;

/// Connections at once, when nothing else is said.
pub const CONNECTIONS: usize = 10_000;

/// A server that listens.
pub struct Served {
    listening: Listening,
    app: App,
    grace: Duration,
    watch: Option<Notices>,
    pages: Router<App>,
}

/// Takes the address.
///
/// # Errors
/// It is taken, or not ours.
pub async fn serve(app: App, address: SocketAddr) -> std::io::Result<Served> {
    let listener = TcpListener::bind(address).await?;
    let listening = Listening { listener, tls: None, most: CONNECTIONS };
    Ok(Served { listening, app, grace: Duration::ZERO, watch: None, pages: Router::new() })
}

impl Served {
    /// With pages beside the API.
    #[must_use]
    pub fn showing(mut self, pages: impl FnOnce(&App) -> Router<App>) -> Self {
        self.pages = pages(&self.app);
        self
    }

    /// Over TLS.
    pub fn over(mut self, tls: Option<Arc<Tls>>) -> Self {
        self.listening.tls = tls;
        self
    }

    /// With so many connections at once; the rest waits to be taken.
    pub fn at_most(mut self, connections: usize) -> Self {
        self.listening.most = connections;
        self
    }

    /// Goes on for so long after it was told to stop, while `/readyz` says no: whoever spreads the load looks there, and
    /// sends nobody here any more when the listener closes.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listening.listener.local_addr()
    }

    /// Also watches the log for alarms, and sends messages, while it answers.
    #[must_use]
    pub fn watching(self, notices: Notices) -> Served {
        Served { watch: Some(notices), ..self }
    }

    /// Answers until `stop` comes, then finishes what runs, whether its client still waits or not.
    ///
    /// # Errors
    /// The listener failed.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
        let Served { listening, app, grace, watch, pages } = self;
        let watched = CancellationToken::new();
        let watch = watch.map(|told| tokio::spawn(watching::watch(app.clone(), told, watched.clone())));
        figures::start();
        let stopping = async {
            stop.await;
            app.0.stopping.cancel();
            sleep(grace).await;
        };
        listening.run(router(app.clone(), pages), stopping).await;
        app.0.running.close();
        app.0.running.wait().await;
        watched.cancel();
        if let Some(watch) = watch {
            let _ = watch.await;
        }
        if let Err(cause) = app.broker().write_refused(true).await {
            tracing::error!(%cause, "refusals of unknown callers are lost");
        }
        app.broker().store().close().await;
        Ok(())
    }
}

/// The process runs.
#[utoipa::path(get, path = "/livez", tag = "serving", security(()), responses((status = 204, description = "It does.")))]
pub(super) async fn alive() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// The vault can be read, and more may come.
#[utoipa::path(
    get, path = "/readyz", tag = "serving", security(()),
    responses((status = 204, description = "It can.")),
    extensions(("x-problems" = json!(["stopping"]))),
)]
pub(super) async fn ready(State(app): State<App>) -> Result<StatusCode, Problem> {
    if app.0.stopping.is_cancelled() {
        let detail = "this server was told to stop";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", detail).hint("ask another one"));
    }
    app.broker().store().view().await?.log_size().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// There is nothing at a path.
pub(crate) async fn nothing_here() -> Problem {
    no_route().hint("the API is under /api/v1")
}

/// A path that is there, and does not take this method.
pub(crate) async fn not_that_way() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", "this path does not take this method")
}
