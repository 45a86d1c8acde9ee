//! The counter: one member by an exact value, masked; revealed for a reason; what a member says, corrects, wants gone;
//! somebody who joins; and files of many.
//!
//! ```text
//! finding ─► record ─► acting (check, consent, correct, erase) · revealing · seen      intake      imports ◄─ upload · running
//! ```
//! A page carries no card number: whom it is about stands in its forms as a name that is good for half an hour and for
//! this reader alone (`broker::found`). What is typed travels in bodies; a refusal gives it back beside what is wrong.

mod acting;
mod finding;
mod imports;
mod intake;
mod record;
mod revealing;
mod running;
mod seen;
mod shape;
mod typed;
mod upload;
mod words;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::Response;
use axum::routing::{get, post};

use super::answer::to;
use crate::http::App;

pub(super) fn pages() -> Router<App> {
    // Files may be large: they are read while they come, and never held whole.
    let files = Router::new()
        .route("/imports", get(imports::ask).post(imports::import))
        .route("/imports/suppression", get(back).post(imports::suppress))
        .layer(DefaultBodyLimit::disable());
    Router::new()
        .route("/members", get(finding::ask).post(finding::find))
        .route("/members/new", get(intake::ask).post(intake::add))
        .route("/members/record", get(back).post(record::show))
        .route("/members/consents", get(back).post(record::consents))
        .route("/members/changes", get(back).post(record::changes))
        .route("/members/reveal", get(back).post(revealing::reveal))
        .route("/members/verify", get(back).post(acting::verify))
        .route("/members/consent", get(back).post(acting::consent))
        .route("/members/correct", get(back).post(acting::correct))
        .route("/members/erase", get(back).post(acting::erase))
        .route("/members/who-saw", get(seen::ask).post(seen::show))
        .route("/imports/template", get(imports::template))
        .route("/imports/{no}", get(running::show))
        .route("/imports/{no}/cancel", post(running::cancel))
        .merge(files)
}

/// Whoever comes to the address of an answer, by another language or from the history, begins again.
async fn back() -> Response {
    to("/members")
}
