//! Requests: drafted, previewed, submitted, signed, executed.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::App;
use super::bodies::{Json, Path, Query, Text};
use super::entering::{SignedIn, Stepped};
use super::pages::Page;
use super::problem::Problem;
use crate::broker::executing::MOST_PARTS;
use crate::broker::requests::Sentence;
use crate::broker::showing::{Preview, RequestShown};
use crate::model::ids::{Digest, RequestNo};

/// A signature: over what, and with which words.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signing {
    /// The digest that was shown with the sentence: another one is not signed.
    digest: Digest,
    #[serde(default)]
    comment: Option<String>,
}

/// Why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Because {
    comment: String,
}

/// Something to say, if one likes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Comment {
    #[serde(default)]
    comment: Option<String>,
}

/// In how many files.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parts {
    #[serde(default)]
    parts: Option<u32>,
}

/// A number out of a path; one that is none is nobody's.
pub(super) fn number(text: &str) -> Result<RequestNo, Problem> {
    RequestNo::parse(text)
        .map_err(|wrong| Problem::new(StatusCode::NOT_FOUND, "unknown_request", wrong.to_string()))
}

pub(super) async fn list(
    State(app): State<App>,
    Query(page): Query<Page>,
    who: SignedIn,
) -> Result<Answer<Value>, Problem> {
    let items = app.broker().request_list(who.caller()).await?;
    page.of(&items, |line| line.no.to_string())
}

pub(super) async fn draft(
    State(app): State<App>,
    who: SignedIn,
    Text(form): Text,
) -> Result<Response, Problem> {
    let no = app.broker().request_draft(who.caller(), &form).await?;
    let mut response = (StatusCode::CREATED, Answer(json!({ "no": no }))).into_response();
    if let Ok(place) = HeaderValue::from_str(&format!("/api/v1/requests/{no}")) {
        response.headers_mut().insert(LOCATION, place);
    }
    Ok(response)
}

pub(super) async fn revise(
    State(app): State<App>,
    Path(no): Path,
    who: SignedIn,
    Text(form): Text,
) -> Result<StatusCode, Problem> {
    app.broker().request_revise(who.caller(), &number(&no)?, &form).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn show(
    State(app): State<App>,
    Path(no): Path,
    who: SignedIn,
) -> Result<Answer<RequestShown>, Problem> {
    Ok(Answer(app.broker().request_show(who.caller(), &number(&no)?).await?))
}

pub(super) async fn preview(
    State(app): State<App>,
    Path(no): Path,
    who: SignedIn,
) -> Result<Answer<Preview>, Problem> {
    Ok(Answer(app.broker().request_preview(who.caller(), &number(&no)?).await?))
}

pub(super) async fn sentence(
    State(app): State<App>,
    Path(no): Path,
    who: SignedIn,
) -> Result<Answer<Sentence>, Problem> {
    Ok(Answer(app.broker().request_sentence(who.caller(), &number(&no)?).await?))
}

pub(super) async fn submit(
    State(app): State<App>,
    Path(no): Path,
    Stepped(step): Stepped,
) -> Result<Answer<Value>, Problem> {
    let s = app.broker().request_submit(step, &number(&no)?).await?;
    Ok(Answer(json!({
        "round": s.round, "digest": s.digest, "sentence_zh": s.sentence_zh, "sentence_en": s.sentence_en,
    })))
}

pub(super) async fn sign(
    State(app): State<App>,
    Path(no): Path,
    Stepped(step): Stepped,
    Json(what): Json<Signing>,
) -> Result<Answer<Value>, Problem> {
    let comment = what.comment.as_deref();
    let signed = app.broker().request_sign(step, &number(&no)?, comment, Some(what.digest)).await?;
    Ok(Answer(json!({ "step": signed })))
}

pub(super) async fn send_back(
    State(app): State<App>,
    Path(no): Path,
    Stepped(step): Stepped,
    Json(why): Json<Because>,
) -> Result<Answer<Value>, Problem> {
    let at = app.broker().request_return(step, &number(&no)?, &why.comment).await?;
    Ok(Answer(json!({ "step": at })))
}

pub(super) async fn reject(
    State(app): State<App>,
    Path(no): Path,
    Stepped(step): Stepped,
    Json(why): Json<Because>,
) -> Result<Answer<Value>, Problem> {
    let at = app.broker().request_reject(step, &number(&no)?, &why.comment).await?;
    Ok(Answer(json!({ "step": at })))
}

pub(super) async fn recall(
    State(app): State<App>,
    Path(no): Path,
    Stepped(step): Stepped,
    Json(why): Json<Comment>,
) -> Result<StatusCode, Problem> {
    app.broker().request_recall(step, &number(&no)?, why.comment.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Answered when the package is whole.
pub(super) async fn execute(
    State(app): State<App>,
    Path(no): Path,
    Stepped(step): Stepped,
    Json(how): Json<Parts>,
) -> Result<Answer<Value>, Problem> {
    let no = number(&no)?;
    if how.parts.is_some_and(|parts| !(1..=MOST_PARTS).contains(&parts)) {
        return Err(Problem::bad_value("/parts", format!("a package has 1 to {MOST_PARTS} parts")));
    }
    let made = app.broker().request_execute_in(step, &no, how.parts, &|_, _| {}).await?;
    Ok(Answer(json!({
        "package": made.package, "rows": made.rows, "selected": made.selected, "excluded": made.excluded,
        "sha256": made.sha256, "parts": made.parts,
    })))
}
