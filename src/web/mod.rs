//! The console: pages for people over the verbs of the broker, in Chinese and English.
//!
//! ```text
//! cookie ─► visitor (session, look) ─► a handler ─► broker ─► page
//!                                        │
//!                                        └── refused: the form again, or a page: why, by which article, what would pass
//! ```
//!
//! Every page is made here, whole, and works without a script; what scripts add are live counts and times in the
//! reader's zone. Nothing comes from another origin, nothing personal stands in a title or an address.

#[macro_use]
mod words;

mod account;
mod admin;
mod answer;
mod assets;
mod audits;
mod called;
mod counter;
mod entering;
mod fall;
mod frame;
mod home;
mod linking;
mod look;
mod packages;
mod paging;
mod problems;
mod refused;
mod visitor;
mod requests;

use axum::Router;
use axum::middleware;
use axum::routing::{any, get, post};

use crate::http::{App, not_that_way, nothing_here};

/// Every page.
pub fn pages(app: &App) -> Router<App> {
    Router::new()
        .route("/", get(home::show))
        .route("/sign-in", get(entering::ask).post(entering::sign_in))
        .route("/sign-out", post(entering::sign_out))
        .route("/enrol", get(entering::ask_code).post(entering::enrol))
        .route("/look", post(look::choose))
        .merge(account::pages())
        .merge(linking::pages())
        .merge(requests::pages())
        .route("/packages", get(packages::list))
        .route("/packages/{no}/download", post(packages::download))
        .route("/packages/{no}/hand-off", post(packages::hand_off))
        .route("/packages/{no}/destroyed", post(packages::destroyed))
        .route("/packages/{no}/recall", post(packages::recall))
        .merge(audits::pages())
        .merge(admin::pages())
        .route("/assets/{name}", get(assets::asset))
        .merge(counter::pages())
        .route("/{*path}", any(nothing_here))
        .method_not_allowed_fallback(not_that_way)
        .layer(middleware::from_fn_with_state(app.clone(), refused::as_a_page))
}
