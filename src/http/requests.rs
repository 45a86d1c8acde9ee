//! Requests: drafted, listed, shown, previewed, repeated; whoever holds one is reminded, others get a copy.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::header::{ETAG, LOCATION};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::bodies::{Json, Path, Query, Read, Text};
use super::entering::{Allowed, SignedIn};
use super::pages::{Listed, Page, listed};
use super::problem::Problem;
use super::scopes;
use crate::broker::requests::Sentence;
use crate::broker::showing::{Filter, Mine, Preview, RequestLine, RequestShown, Status};
use crate::model::form::FormFile;
use crate::model::ids::{Login, RequestNo, UnitCode};
use crate::model::scope::Scope;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list, draft))
        .routes(routes!(show, revise))
        .routes(routes!(preview))
        .routes(routes!(sentence))
        .routes(routes!(remind))
        .routes(routes!(copy))
        .routes(routes!(repeat))
}

/// Which requests, and which page of them.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Standing so.
    #[serde(default)]
    status: Option<Status>,
    /// That are this to the caller.
    #[serde(default)]
    #[param(inline)]
    mine: Option<Mine>,
    /// Of this unit.
    #[serde(default)]
    unit: Option<UnitCode>,
    /// Items of a page; left out: 50.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next_cursor` of the page before, as it is.
    #[serde(default)]
    cursor: Option<String>,
}

/// To whom a request is copied.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RequestCopy, example = json!({ "login": "li.na" }))]
pub(super) struct Copy {
    login: Login,
}

/// Who was reminded.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "reminded": ["he.fang"] }))]
pub(super) struct Reminded {
    reminded: Vec<Login>,
}

/// A new draft.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "no": "CS2026-HQ-0001" }))]
pub(super) struct Drafted {
    no: RequestNo,
}

/// A request's number in a path.
pub(super) const NO: &str = "A request's number.";

/// Which editions were read.
pub(super) const IF_MATCH: &str =
    "`ETag` of the request as it was read; when something happened to it since, nothing is done.";

/// What a request can meet wherever it is walked again from its facts.
pub(super) const WALK: &[&str] = &[
    "unknown_request",
    "edited",
    "expired",
    "requester_not_officer",
    "receiver_not_officer",
    "separation_of_duties",
    "vendor_not_active",
    "vendor_key_changed",
    "vendor_key_unproven",
    "signature_void",
    "ended",
    "not_signed",
    "not_submitted",
    "not_your_step",
    "not_qualified",
    "no_chain",
    "channel_off",
    "field_missing",
    "field_not_allowed",
    "rank_too_low",
    "no_undertaking",
    "signing_held",
];

/// What a form can be refused for.
pub(super) const FORM: &[&str] = &[
    "bad_form",
    "unknown_purpose",
    "contact_in_selection",
    "bad_selection",
    "no_chain",
    "channel_off",
    "field_not_allowed",
    "field_missing",
];

/// A number out of a path; one that is none is nobody's.
pub(crate) fn number(text: &str) -> Result<RequestNo, Problem> {
    RequestNo::parse(text)
        .map_err(|wrong| Problem::new(StatusCode::NOT_FOUND, "unknown_request", wrong.to_string()))
}

/// The requests one may see, newest first.
#[utoipa::path(
    get, path = "/requests", tag = "requests", params(Wanted),
    responses((status = 200, description = "A page.", body = Listed<RequestLine>)),
    extensions(("x-scope" = json!(Scope::RequestsRead)),
        ("x-problems" = json!(["bad_value"]))),
)]
pub(super) async fn list(
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
    who: Allowed<scopes::RequestsRead>,
) -> Result<Answer<Listed<RequestLine>>, Problem> {
    let Wanted { status, mine, unit, limit, cursor } = wanted;
    let stretch = Page::new(limit, cursor).stretch(|text| RequestNo::parse(text).ok())?;
    let page = app.broker().request_page(who.caller(), &Filter { status, mine, unit }, &stretch).await?;
    Ok(listed(page, |line| line.no.to_string()))
}

/// A new request.
#[utoipa::path(
    post, path = "/requests", tag = "requests",
    request_body(content(
        (FormFile = "application/json"),
        (String = "application/toml", example = json!(include_str!("../../docs/examples/request.toml"))),
    )),
    responses((status = 201, description = "Drafted.", body = Drafted,
        headers(("Location" = String, description = "Where it is.")))),
    extensions(("x-problems" = json!([FORM, "not_permitted"]))),
)]
pub(super) async fn draft(
    State(app): State<App>,
    who: SignedIn,
    Text(form): Text,
) -> Result<Response, Problem> {
    let no = app.broker().request_draft(who.caller(), &form).await?;
    Ok(drafted(no))
}

/// The answer to a new draft: its number, and where it is.
fn drafted(no: RequestNo) -> Response {
    let place = HeaderValue::from_str(&format!("/api/v1/requests/{no}"));
    let mut response = (StatusCode::CREATED, Answer(Drafted { no })).into_response();
    if let Ok(place) = place {
        response.headers_mut().insert(LOCATION, place);
    }
    response
}

/// Another form for a draft. What was signed over the old one is void.
#[utoipa::path(
    put, path = "/requests/{no}", tag = "requests",
    params(("no" = RequestNo, Path, description = NO), ("If-Match" = Option<String>, Header, description = IF_MATCH)),
    request_body(content(
        (FormFile = "application/json"),
        (String = "application/toml", example = json!(include_str!("../../docs/examples/request.toml"))),
    )),
    responses((status = 204, description = "Changed.")),
    extensions(("x-problems" = json!([FORM, "unknown_request", "stale", "not_permitted", "not_your_draft", "other_unit", "executed_already", "in_progress"]))),
)]
pub(super) async fn revise(
    State(app): State<App>,
    Path(no): Path,
    who: SignedIn,
    Read(seen): Read,
    Text(form): Text,
) -> Result<StatusCode, Problem> {
    app.broker().request_revise(who.caller(), &number(&no)?, &form, &seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A request whole: its rounds and chain, what happened, what would leave, and what the caller may do.
#[utoipa::path(
    get, path = "/requests/{no}", tag = "requests", params(("no" = RequestNo, Path, description = NO)),
    responses((status = 200, description = "As it stands.", body = RequestShown,
        headers(("ETag" = String, description = "For `If-Match`: another after whatever happens to the request.")))),
    extensions(("x-scope" = json!(Scope::RequestsRead)),
        ("x-problems" = json!([WALK, "not_permitted"]))),
)]
pub(super) async fn show(
    State(app): State<App>,
    Path(no): Path,
    who: Allowed<scopes::RequestsRead>,
) -> Result<([(HeaderName, String); 1], Answer<RequestShown>), Problem> {
    let shown = app.broker().request_show(who.caller(), &number(&no)?).await?;
    Ok(([(ETAG, format!("\"{}\"", shown.edition))], Answer(shown)))
}

/// How many it would be now, and why others are out; small counts are hidden.
#[utoipa::path(
    post, path = "/requests/{no}/preview", tag = "requests", params(("no" = RequestNo, Path, description = NO)),
    responses((status = 200, description = "Tens, and \"<10\".", body = Preview)),
    extensions(("x-problems" = json!([WALK, "not_permitted"]))),
)]
pub(super) async fn preview(
    State(app): State<App>,
    Path(no): Path,
    who: SignedIn,
) -> Result<Answer<Preview>, Problem> {
    Ok(Answer(app.broker().request_preview(who.caller(), &number(&no)?).await?))
}

/// What a signer agrees to, with the digest to sign.
#[utoipa::path(
    get, path = "/requests/{no}/sentence", tag = "requests", params(("no" = RequestNo, Path, description = NO)),
    responses((status = 200, description = "In both languages.", body = Sentence)),
    extensions(("x-problems" = json!([WALK, "not_permitted"]))),
)]
pub(super) async fn sentence(
    State(app): State<App>,
    Path(no): Path,
    who: SignedIn,
) -> Result<Answer<Sentence>, Problem> {
    Ok(Answer(app.broker().request_sentence(who.caller(), &number(&no)?).await?))
}

/// Remind whoever holds it, once a day at most.
#[utoipa::path(
    post, path = "/requests/{no}/remind", tag = "requests", params(("no" = RequestNo, Path, description = NO)),
    responses((status = 200, description = "Reminded.", body = Reminded)),
    extensions(("x-problems" = json!([WALK, "not_permitted", "nothing_waits", "reminded_already"]))),
)]
pub(super) async fn remind(
    State(app): State<App>,
    Path(no): Path,
    who: SignedIn,
) -> Result<Answer<Reminded>, Problem> {
    let reminded = app.broker().request_remind(who.caller(), &number(&no)?).await?;
    Ok(Answer(Reminded { reminded }))
}

/// Copy a request to a person, who may see it from then on (A5c).
#[utoipa::path(
    post, path = "/requests/{no}/cc", tag = "requests", params(("no" = RequestNo, Path, description = NO)), request_body = Copy,
    responses((status = 204, description = "Copied.")),
    extensions(("x-problems" = json!([WALK, "not_holder", "unknown_login"]))),
)]
pub(super) async fn copy(
    State(app): State<App>,
    Path(no): Path,
    who: SignedIn,
    Json(to): Json<Copy>,
) -> Result<StatusCode, Problem> {
    app.broker().request_cc(who.caller(), &number(&no)?, &to.login).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A new draft with the form of another request.
#[utoipa::path(
    post, path = "/requests/{no}/repeat", tag = "requests", params(("no" = RequestNo, Path, description = NO)),
    responses((status = 201, description = "Drafted.", body = Drafted,
        headers(("Location" = String, description = "Where it is.")))),
    extensions(("x-problems" = json!([WALK, FORM, "not_permitted"]))),
)]
pub(super) async fn repeat(
    State(app): State<App>,
    Path(no): Path,
    who: SignedIn,
) -> Result<Response, Problem> {
    Ok(drafted(app.broker().request_repeat(who.caller(), &number(&no)?).await?))
}
