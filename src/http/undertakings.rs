//! The confidentiality undertaking (A10a): read by anyone, given by whoever is signed in.

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::bodies::Json;
use super::entering::Stepped;
use super::problem::Problem;
use crate::clock::rfc3339;
use crate::model::ids::Digest;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(show, give))
}

/// What was read and is given.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UndertakingGive, example = json!({ "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" }))]
pub(super) struct Give {
    /// Digest of the text.
    digest: Digest,
}

/// The undertaking that holds today.
#[derive(Serialize, ToSchema)]
#[schema(as = UndertakingShown)]
pub(super) struct Shown {
    version: String,
    texts: Vec<Text>,
}

/// One language's text.
#[derive(Serialize, ToSchema)]
#[schema(as = UndertakingText)]
struct Text {
    language: String,
    body: String,
    digest: Digest,
}

/// What was given.
#[derive(Serialize, ToSchema)]
#[schema(as = UndertakingGiven)]
pub(super) struct Given {
    digest: Digest,
    until: String,
}

/// The text is asked for before the first sign-in too: who enrols gives it in the same step.
#[utoipa::path(
    get, path = "/undertaking", tag = "undertaking", security(()),
    responses((status = 200, description = "In both languages.", body = Shown)),
)]
pub(super) async fn show(State(app): State<App>) -> Result<Answer<Shown>, Problem> {
    let undertaking = app.broker().undertaking().await?;
    let texts = undertaking.texts.into_iter();
    let texts = texts.map(|t| Text { language: t.language, body: t.body, digest: t.digest }).collect();
    Ok(Answer(Shown { version: undertaking.version, texts }))
}

/// Give the undertaking, for a year.
#[utoipa::path(
    post, path = "/undertaking", tag = "undertaking", request_body = Give,
    responses((status = 200, description = "Given.", body = Given)),
    extensions(("x-problems" = json!(["step_up_needed", "undertaking_changed", "key_ended", "suspended"]))),
)]
pub(super) async fn give(
    State(app): State<App>,
    Stepped(step): Stepped,
    Json(Give { digest }): Json<Give>,
) -> Result<Answer<Given>, Problem> {
    let until = rfc3339(app.broker().undertake(step, digest).await?);
    Ok(Answer(Given { digest, until }))
}
