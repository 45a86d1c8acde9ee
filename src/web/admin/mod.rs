//! Pages for who keeps the vault: people and the organisation, vendors and their keys, policies, health. What gives power
//! needs a second person, and the page says so.

mod asking;
mod first;
mod health;
mod org;
mod people;
mod person;
mod policies;
mod proposals;
mod tabs;
pub(super) mod terms;
mod vendor;
mod vendors;
mod version;
mod words;

use axum::Router;
use axum::routing::{get, post};

use crate::http::App;

/// This room's pages.
pub(super) fn pages() -> Router<App> {
    Router::new()
        .route("/admin", get(first::show))
        .route("/admin/people", get(people::show))
        .route("/admin/people/{login}", get(person::show))
        .route("/admin/people/{login}/invite", post(person::invite))
        .route("/admin/people/{login}/suspend", post(person::suspend))
        .route("/admin/people/{login}/resume", post(person::resume))
        .route("/admin/org", get(org::ask).post(org::apply))
        .route("/admin/proposals", get(proposals::list))
        .route("/admin/proposals/{id}/second", post(proposals::second))
        .route("/admin/proposals/{id}/withdraw", post(proposals::withdraw))
        .route("/admin/vendors", get(vendors::list).post(vendors::add))
        .route("/admin/vendors/{code}", get(vendor::show))
        .route("/admin/vendors/{code}/suspend", post(vendor::suspend))
        .route("/admin/vendors/{code}/resume", post(vendor::resume))
        .route("/admin/vendors/{code}/challenge", post(vendor::challenge))
        .route("/admin/vendors/{code}/confirm", post(vendor::confirm))
        .route("/admin/policies", get(policies::show))
        .route("/admin/policies/explain", get(asking::ask).post(asking::explain))
        .route("/admin/policies/propose", get(version::ask).post(version::propose))
        .route("/admin/policies/{id}", get(version::show))
        .route("/admin/policies/{id}/second", post(version::second))
        .route("/admin/policies/{id}/withdraw", post(version::withdraw))
        .route("/admin/health", get(health::show))
}
