//! Pages for auditors: the log searched and proved, who saw a member, exceptions, alarms, verification and exports,
//! pictures, and a request's dossier. Each look is an entry of the log, and the page says which.

mod actions;
mod alarms;
mod bars;
mod dossier;
mod entry;
mod exceptions;
mod explorer;
mod pictures;
mod subject;
mod tabs;
mod verification;
mod words;

use axum::Router;
use axum::routing::{get, post};

use crate::http::App;

/// This room's pages.
pub(super) fn pages() -> Router<App> {
    Router::new()
        .route("/audit", get(explorer::show))
        .route("/audit/{seq}", get(entry::show))
        .route("/audit/subject", get(subject::ask).post(subject::find))
        .route("/audit/exceptions", get(exceptions::show))
        .route("/audit/alarms", get(alarms::list))
        .route("/audit/alarms/{seq}", post(alarms::acknowledge))
        .route("/audit/verification", get(verification::show).post(verification::verify))
        .route("/audit/export", post(verification::export))
        .route("/audit/pictures", get(pictures::show))
        .route("/requests/{no}/dossier", get(dossier::show))
}
