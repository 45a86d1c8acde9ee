//! A request on its way: submitted, signed, returned, rejected, handed on, taken back, executed. All of it wants the
//! password, given lately.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::bodies::{Json, Path, Read};
use super::entering::Stepped;
use super::problem::Problem;
use super::requests::{FORM, IF_MATCH, NO, WALK, number};
use crate::broker::executing::{Executed, MOST_PARTS};
use crate::broker::submitting::Submitted;
use crate::model::code::Step;
use crate::model::ids::{Digest, Login, RequestNo};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(submit))
        .routes(routes!(sign))
        .routes(routes!(send_back))
        .routes(routes!(reject))
        .routes(routes!(recall))
        .routes(routes!(transfer))
        .routes(routes!(execute))
}

/// A signature: over what, and with which words.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" }))]
pub(super) struct Signing {
    /// The digest that was shown with the sentence: another one is not signed.
    digest: Digest,
    #[serde(default)]
    comment: Option<String>,
}

/// Why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "comment": "名单过大" }))]
pub(super) struct Because {
    /// 1 to 500 characters.
    comment: String,
}

/// Why, and how far back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SentBack, example = json!({ "comment": "名单过大", "to": "dept_head" }))]
pub(super) struct Back {
    /// 1 to 500 characters.
    comment: String,
    /// An earlier step, which signs again; left out: the requester, and the round ends.
    #[serde(default)]
    to: Option<Step>,
}

/// To whom a step is handed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "to": "li.na", "comment": "本周出差" }))]
pub(super) struct Deputy {
    to: Login,
    #[serde(default)]
    comment: Option<String>,
}

/// Something to say, if one likes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "comment": "活动改期" }))]
pub(super) struct Comment {
    #[serde(default)]
    comment: Option<String>,
}

/// In how many files.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "parts": 1 }))]
pub(super) struct Parts {
    #[serde(default)]
    #[schema(minimum = 1, maximum = 64)]
    parts: Option<u32>,
}

/// The step at which something was said.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "step": "dept_head" }))]
pub(super) struct AtStep {
    step: Step,
}

/// What any signature can be refused for.
const SIGNING: &[&str] = &[
    "step_up_needed",
    "key_ended",
    "suspended",
    "not_permitted",
    "executed_already",
    "signed_already",
    "bad_comment",
];

/// Submit for a new round of signatures (A4c).
#[utoipa::path(
    post, path = "/requests/{no}/submit", tag = "requests", 
    params(("no" = RequestNo, Path, description = NO), ("If-Match" = Option<String>, Header, description = IF_MATCH)),
    responses((status = 200, description = "Submitted.", body = Submitted)),
    extensions(("x-problems" = json!([WALK, "stale", FORM, "step_up_needed", "key_ended", "suspended", "not_permitted", "not_officer", "in_progress", "executed_already"]))),
)]
pub(super) async fn submit(
    State(app): State<App>,
    Path(no): Path,
    Stepped(step): Stepped,
    Read(seen): Read,
) -> Result<Answer<Submitted>, Problem> {
    Ok(Answer(app.broker().request_submit(step.having_seen(seen), &number(&no)?).await?))
}

/// Sign a step (A6a): over the digest that was shown with the sentence.
#[utoipa::path(
    post, path = "/requests/{no}/sign", tag = "requests", 
    params(("no" = RequestNo, Path, description = NO), ("If-Match" = Option<String>, Header, description = IF_MATCH)), request_body = Signing,
    responses((status = 200, description = "Signed.", body = AtStep)),
    extensions(("x-problems" = json!([WALK, "stale", SIGNING]))),
)]
pub(super) async fn sign(
    State(app): State<App>,
    Path(no): Path,
    Stepped(step): Stepped,
    Read(seen): Read,
    Json(what): Json<Signing>,
) -> Result<Answer<AtStep>, Problem> {
    let comment = what.comment.as_deref();
    let step =
        app.broker().request_sign(step.having_seen(seen), &number(&no)?, comment, Some(what.digest)).await?;
    Ok(Answer(AtStep { step }))
}

/// Send a request back, and say why: to an earlier step, or to the requester, which ends the round.
#[utoipa::path(
    post, path = "/requests/{no}/return", tag = "requests", params(("no" = RequestNo, Path, description = NO)), request_body = Back,
    responses((status = 200, description = "Sent back.", body = AtStep)),
    extensions(("x-problems" = json!([WALK, SIGNING, "bad_target"]))),
)]
pub(super) async fn send_back(
    State(app): State<App>,
    Path(no): Path,
    Stepped(step): Stepped,
    Json(why): Json<Back>,
) -> Result<Answer<AtStep>, Problem> {
    let (broker, no, comment) = (app.broker(), number(&no)?, &why.comment);
    let step = match why.to {
        None => broker.request_return(step, &no, comment).await?,
        Some(to) => broker.request_return_to(step, &no, to, comment).await?,
    };
    Ok(Answer(AtStep { step }))
}

/// Hand one's step to a deputy who is qualified for it.
#[utoipa::path(
    post, path = "/requests/{no}/transfer", tag = "requests", params(("no" = RequestNo, Path, description = NO)), request_body = Deputy,
    responses((status = 200, description = "Handed on.", body = AtStep)),
    extensions(("x-problems" = json!([WALK, SIGNING, "bad_target"]))),
)]
pub(super) async fn transfer(
    State(app): State<App>,
    Path(no): Path,
    Stepped(step): Stepped,
    Json(who): Json<Deputy>,
) -> Result<Answer<AtStep>, Problem> {
    let no = number(&no)?;
    let step = app.broker().request_transfer(step, &no, &who.to, who.comment.as_deref()).await?;
    Ok(Answer(AtStep { step }))
}

/// Reject a request, and say why. It ends the round.
#[utoipa::path(
    post, path = "/requests/{no}/reject", tag = "requests", params(("no" = RequestNo, Path, description = NO)), request_body = Because,
    responses((status = 200, description = "Rejected.", body = AtStep)),
    extensions(("x-problems" = json!([WALK, SIGNING]))),
)]
pub(super) async fn reject(
    State(app): State<App>,
    Path(no): Path,
    Stepped(step): Stepped,
    Json(why): Json<Because>,
) -> Result<Answer<AtStep>, Problem> {
    let step = app.broker().request_reject(step, &number(&no)?, &why.comment).await?;
    Ok(Answer(AtStep { step }))
}

/// Take a request back: who submitted it.
#[utoipa::path(
    post, path = "/requests/{no}/recall", tag = "requests", params(("no" = RequestNo, Path, description = NO)), request_body = Comment,
    responses((status = 204, description = "Taken back.")),
    extensions(("x-problems" = json!([WALK, "step_up_needed", "key_ended", "suspended", "not_permitted", "not_requester", "executed_already", "bad_comment"]))),
)]
pub(super) async fn recall(
    State(app): State<App>,
    Path(no): Path,
    Stepped(step): Stepped,
    Json(why): Json<Comment>,
) -> Result<StatusCode, Problem> {
    app.broker().request_recall(step, &number(&no)?, why.comment.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make the package (A6c). Answered when it is whole.
#[utoipa::path(
    post, path = "/requests/{no}/execute", tag = "requests", 
    params(("no" = RequestNo, Path, description = NO), ("If-Match" = Option<String>, Header, description = IF_MATCH)), request_body = Parts,
    responses((status = 200, description = "Whole.", body = Executed)),
    extensions(("x-problems" = json!([WALK, "stale", "step_up_needed", "key_ended", "suspended", "not_permitted", "executed_already", "nobody_left", "over_row_limit", "policy_changed", "members_kept_changing", "bad_value"]))),
)]
pub(super) async fn execute(
    State(app): State<App>,
    Path(no): Path,
    Stepped(step): Stepped,
    Read(seen): Read,
    Json(how): Json<Parts>,
) -> Result<Answer<Executed>, Problem> {
    let no = number(&no)?;
    if how.parts.is_some_and(|parts| !(1..=MOST_PARTS).contains(&parts)) {
        return Err(Problem::bad_value("/parts", format!("a package has 1 to {MOST_PARTS} parts")));
    }
    Ok(Answer(app.broker().request_execute_in(step.having_seen(seen), &no, how.parts, &|_, _| {}).await?))
}
