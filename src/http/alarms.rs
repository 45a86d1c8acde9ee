//! Alarms: listed, and seen to.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::bodies::{Json, Path, Query};
use super::entering::SignedIn;
use super::pages::{Listed, Page};
use super::problem::Problem;
use crate::broker::alarms::AlarmShown;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list)).routes(routes!(acknowledge))
}

/// What an alarm was.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AlarmFound, example = json!({ "comment": "asked her: a queue at the counter" }))]
pub(super) struct Found {
    comment: String,
}

/// Alarms, newest first (A10b).
#[utoipa::path(
    get, path = "/alarms", tag = "audit", params(Page),
    responses((status = 200, description = "A page of alarms.", body = Listed<AlarmShown>)),
    extensions(("x-problems" = json!(["not_permitted", "bad_value"]))),
)]
pub(super) async fn list(
    State(app): State<App>,
    Query(page): Query<Page>,
    who: SignedIn,
) -> Result<Answer<Listed<AlarmShown>>, Problem> {
    let alarms = app.broker().alarms(who.caller()).await?;
    page.of(alarms, |alarm| alarm.seq.to_string())
}

/// Say what an alarm was.
#[utoipa::path(
    post, path = "/alarms/{seq}/acknowledge", tag = "audit",
    params(("seq" = u64, Path, description = "An alarm's place in the log.")), request_body = Found,
    responses((status = 204, description = "Recorded.")),
    extensions(("x-problems" = json!(["not_permitted", "unknown_alarm", "acknowledged_already", "bad_comment"]))),
)]
pub(super) async fn acknowledge(
    State(app): State<App>,
    Path(seq): Path,
    who: SignedIn,
    Json(found): Json<Found>,
) -> Result<StatusCode, Problem> {
    let unknown = |_| Problem::new(StatusCode::NOT_FOUND, "unknown_alarm", "an alarm has a number");
    let seq = seq.parse().map_err(unknown)?;
    app.broker().alarm_acknowledge(who.caller(), seq, &found.comment).await?;
    Ok(StatusCode::NO_CONTENT)
}
