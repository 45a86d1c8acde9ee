//! Requests: the lists, the calendar, consents by store, one with its chain and what its reader may do, and the form step by step.

mod acts;
mod calendar;
mod coverage;
mod dates;
mod drafting;
mod executing;
mod list;
mod one;
mod selecting;
mod steps;
mod words;

use axum::routing::{get, post};
use axum::{Extension, Router};

use crate::http::App;
pub(super) use list::{Line, counts, drafts, standing};
pub(super) use one::lines;

pub(super) fn pages() -> Router<App> {
    Router::new()
        .route("/requests", get(list::show))
        .route("/requests/new", get(drafting::ask).post(drafting::draft))
        .route("/requests/calendar", get(calendar::show))
        .route("/requests/coverage", get(coverage::show).post(coverage::count))
        .route("/requests/{no}", get(one::show))
        .route("/requests/{no}/count", post(one::count))
        .route("/requests/{no}/selection", get(selecting::ask).post(selecting::save))
        .route("/requests/{no}/purpose", get(drafting::ask_purpose).post(drafting::save_purpose))
        .route("/requests/{no}/channel", get(drafting::ask_channel).post(drafting::save_channel))
        .route("/requests/{no}/window", get(dates::ask).post(dates::save))
        .route("/requests/{no}/submit", post(acts::submit))
        .route("/requests/{no}/sign", post(acts::sign))
        .route("/requests/{no}/return", post(acts::send_back))
        .route("/requests/{no}/reject", post(acts::reject))
        .route("/requests/{no}/transfer", post(acts::transfer))
        .route("/requests/{no}/recall", post(acts::recall))
        .route("/requests/{no}/remind", post(acts::remind))
        .route("/requests/{no}/copy", post(acts::copy))
        .route("/requests/{no}/repeat", post(acts::repeat))
        .route("/requests/{no}/execute", post(executing::execute))
        .route("/requests/{no}/execution", get(executing::show))
        .route("/requests/{no}/execution/now", get(executing::now))
        .layer(Extension(executing::Running::default()))
}
