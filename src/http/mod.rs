//! The HTTP API under `/api/v1`: decode, call one verb of the broker, encode.
//!
//! ```text
//! connection ─► exchange (number, headers, limits) ─► entering (session, step-up) ─► a handler ─► broker
//!                        ▲          └─ repeats: asked before? the same answer          │
//!                        └───────────── problem: why not, as RFC 9457 ◄────────────────┘
//! ```
//!
//! Personal data goes in bodies, never in a path or a query: what stands in a URL stands in logs.

mod alarms;
mod audits;
mod bodies;
mod compressing;
mod description;
mod entering;
mod exchange;
mod factors;
mod figures;
mod following;
mod imports;
mod languages;
mod listening;
mod members;
mod paced;
mod packages;
mod pages;
mod people;
mod policies;
mod problem;
mod proposals;
mod repeats;
mod requests;
mod schemas;
mod scopes;
mod serving;
mod sessions;
mod signing;
mod streams;
mod tls;
mod tokens;
mod undertakings;
mod vendors;
mod watching;

use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::routing::get;
use axum::{Extension, Router};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::broker::Broker;
use crate::oidc::Provider;
// What the console's pages take from this room: who is calling, what came, what is told.
pub(crate) use audits::exported;
pub(crate) use bodies::{LARGEST as LARGEST_BODY, Path, Query};
use description::Document;
pub(crate) use entering::{From, SignedIn, check_anti_forgery, check_same_site};
pub(crate) use packages::sent as file;
pub use problem::Problem;
pub(crate) use problem::{Unsent, card};
pub(crate) use requests::number as request_number;
pub use serving::{CONNECTIONS, Served, serve};
pub(crate) use serving::{not_that_way, nothing_here};
pub(crate) use sessions::{cleared_cookie, session_cookie};
pub use tls::{Tls, TlsFiles};

/// Passwords stretched at once: each takes 64 MiB for a tenth of a second.
const STRETCHING: usize = 2;

/// What every handler is given.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    broker: Broker,
    /// The company's identity provider; none: people sign in by password.
    provider: Option<Provider>,
    stretching: Semaphore,
    /// What runs: a verb goes on when its client has gone.
    running: TaskTracker,
    /// It was told to stop.
    stopping: CancellationToken,
    /// Imports that are followed at once.
    following: Arc<Semaphore>,
}

impl App {
    /// Over an opened vault.
    pub fn new(broker: Broker) -> Self {
        App::beside(broker, None)
    }

    /// The same beside the company's identity provider.
    pub fn beside(broker: Broker, provider: Option<Provider>) -> Self {
        let stretching = Semaphore::new(STRETCHING);
        let (running, stopping) = (TaskTracker::new(), CancellationToken::new());
        let following = Arc::new(Semaphore::new(following::MOST));
        App(Arc::new(Inner { broker, provider, stretching, running, stopping, following }))
    }

    /// The verbs.
    pub fn broker(&self) -> &Broker {
        &self.0.broker
    }

    /// The company's identity provider.
    pub(crate) fn provider(&self) -> Option<&Provider> {
        self.0.provider.as_ref()
    }

    /// Goes on with something after its request was answered. Who stops the server waits for it.
    pub(crate) fn goes_on(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.running.spawn(work);
    }

    /// Does something with a password, when it is its turn.
    pub(crate) async fn stretched<T>(&self, work: impl Future<Output = T>) -> T {
        // Never closed.
        let _turn = self.0.stretching.acquire().await;
        work.await
    }
}

/// Every route, with what it says of itself. `tests/api/routes.rs` holds the list beside who may.
///
/// Each room puts its own together: in a build without optimisation all of them in one function are more than a thread's
/// stack holds.
fn routes() -> OpenApiRouter<App> {
    let api = OpenApiRouter::default()
        .routes(routes!(description::document))
        .merge(sessions::routes())
        .merge(factors::routes())
        .merge(tokens::routes())
        .merge(people::routes())
        .merge(proposals::routes())
        .merge(undertakings::routes())
        .merge(members::routes())
        .merge(imports::routes())
        .merge(requests::routes())
        .merge(signing::routes())
        .merge(packages::routes())
        .merge(vendors::routes())
        .merge(policies::routes())
        .merge(audits::routes())
        .merge(alarms::routes());
    OpenApiRouter::default()
        .nest("/api/v1", api)
        .routes(routes!(serving::alive))
        .routes(routes!(serving::ready))
        .routes(routes!(figures::show))
}

/// Everything that is answered: the routes, their description, pages that show it, and the console's.
pub fn router(app: App, pages: Router<App>) -> Router {
    let (around, keyed) = (app.clone(), app.clone());
    let (routes, api) = routes().split_for_parts();
    let routes = routes.layer(middleware::from_fn(move |request: Request, next: Next| {
        repeats::once(request, next, keyed.clone())
    }));
    // These three are pages, not the API.
    let routes = routes
        .route("/api/docs", get(description::docs))
        .route("/api/docs/", get(description::front))
        .route("/api/docs/{file}", get(description::asset))
        .layer(Extension(Document::of(api)))
        .merge(pages)
        .fallback(serving::nothing_here)
        .method_not_allowed_fallback(serving::not_that_way)
        .with_state(app);
    exchange::around(routes, around)
}
