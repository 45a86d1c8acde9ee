//! The HTTP API under `/api/v1`: decode, call one verb of the broker, encode.
//!
//! ```text
//! connection ─► exchange (number, headers, limits) ─► entering (session, step-up) ─► a handler ─► broker
//!                        ▲                                                             │
//!                        └───────────── problem: why not, as RFC 9457 ◄────────────────┘
//! ```
//!
//! Personal data goes in bodies, never in a path or a query: what stands in a URL stands in logs.

mod audits;
mod bodies;
mod entering;
mod exchange;
mod members;
mod packages;
mod pages;
mod people;
mod policies;
mod problem;
mod requests;
mod serving;
mod sessions;
mod streams;
mod vendors;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::broker::Broker;
pub use problem::Problem;
pub use serving::{Served, serve};

/// Passwords stretched at once: each takes 64 MiB for a tenth of a second.
const STRETCHING: usize = 2;

/// What every handler is given.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    broker: Broker,
    stretching: Semaphore,
    /// What runs: a verb goes on when its client has gone.
    running: TaskTracker,
}

impl App {
    /// Over an opened vault.
    pub fn new(broker: Broker) -> Self {
        let stretching = Semaphore::new(STRETCHING);
        App(Arc::new(Inner { broker, stretching, running: TaskTracker::new() }))
    }

    /// The verbs.
    pub fn broker(&self) -> &Broker {
        &self.0.broker
    }

    /// Does something with a password, when it is its turn.
    async fn stretched<T>(&self, work: impl Future<Output = T>) -> T {
        // Never closed.
        let _turn = self.0.stretching.acquire().await;
        work.await
    }
}

/// Every route. `tests/api/routes.rs` holds the list beside who may.
pub fn router(app: App) -> Router {
    let running = app.0.running.clone();
    let api = Router::new()
        .route("/session", get(sessions::show).post(sessions::open).delete(sessions::close))
        .route("/session/step-up", post(sessions::step_up))
        .route("/enrolments", post(people::enrol))
        .route("/password", post(people::password))
        .route("/org", post(people::apply))
        .route("/people/{login}/invite", post(people::invite))
        .route("/people/{login}/suspend", post(people::suspend))
        .route("/people/{login}/resume", post(people::resume))
        .route("/members/look-up", post(members::look_up))
        .route("/members/show", post(members::show))
        .route("/members/reveal", post(members::reveal))
        .route("/members/correct", post(members::correct))
        .route("/members/erase", post(members::erase))
        .route("/members/who-saw", post(members::who_saw))
        .route("/imports", post(members::import))
        .route("/consents/show", post(members::consents))
        .route("/consents", post(members::consent))
        .route("/documents", post(policies::document))
        .route("/requests", get(requests::list).post(requests::draft))
        .route("/requests/{no}", get(requests::show).put(requests::revise))
        .route("/requests/{no}/preview", post(requests::preview))
        .route("/requests/{no}/sentence", get(requests::sentence))
        .route("/requests/{no}/submit", post(requests::submit))
        .route("/requests/{no}/sign", post(requests::sign))
        .route("/requests/{no}/return", post(requests::send_back))
        .route("/requests/{no}/reject", post(requests::reject))
        .route("/requests/{no}/recall", post(requests::recall))
        .route("/requests/{no}/execute", post(requests::execute))
        .route("/packages", get(packages::list))
        .route("/packages/{no}/download", post(packages::download))
        .route("/packages/{no}/hand-off", post(packages::hand_off))
        .route("/packages/{no}/recall", post(packages::recall))
        .route("/vendors", get(vendors::list).post(vendors::add))
        .route("/vendors/{code}/suspend", post(vendors::suspend))
        .route("/policies", get(policies::show))
        .route("/policies/{id}/second", post(policies::second))
        .route("/policies/proposals", post(policies::propose))
        .route("/audit/checkpoint", get(audits::checkpoint))
        .route("/audit/proofs/inclusion", get(audits::inclusion))
        .route("/audit/proofs/consistency", get(audits::consistency))
        .route("/audit/events", get(audits::events))
        .route("/audit/export", post(audits::export));
    let routes = Router::new()
        .nest("/api/v1", api)
        .route("/livez", get(serving::alive))
        .route("/readyz", get(serving::ready))
        .fallback(serving::nothing_here)
        .method_not_allowed_fallback(serving::not_that_way)
        .with_state(app);
    exchange::around(routes, running)
}
