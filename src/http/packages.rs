//! Packages: listed, fetched once, handed off, recalled.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;

use super::App;
use super::bodies::{Json, Path, Query};
use super::entering::{SignedIn, Stepped};
use super::pages::Page;
use super::problem::Problem;
use super::streams;
use crate::broker::downloading::{Fetched, Wanted};

/// Which file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum File {
    Part(u32),
    Manifest {},
}

/// Why it is taken back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Because {
    reason: String,
}

pub(super) async fn list(
    State(app): State<App>,
    Query(page): Query<Page>,
    who: SignedIn,
) -> Result<Answer<Value>, Problem> {
    let items = app.broker().package_list(who.caller()).await?;
    page.of(&items, |line| line.no.to_string())
}

pub(super) async fn download(
    State(app): State<App>,
    Path(no): Path,
    Stepped(step): Stepped,
    Json(file): Json<File>,
) -> Result<Response, Problem> {
    let no = app.broker().package_named(&no).await?;
    let wanted = match file {
        File::Part(number) => Wanted::Part(number),
        File::Manifest {} => Wanted::Manifest,
    };
    Ok(sent(app.broker().package_fetch(step, &no, wanted).await?))
}

pub(super) async fn hand_off(
    State(app): State<App>,
    Path(no): Path,
    who: SignedIn,
) -> Result<StatusCode, Problem> {
    let no = app.broker().package_named(&no).await?;
    app.broker().package_hand_off(who.caller(), &no).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn recall(
    State(app): State<App>,
    Path(no): Path,
    who: SignedIn,
    Json(why): Json<Because>,
) -> Result<StatusCode, Problem> {
    let no = app.broker().package_named(&no).await?;
    app.broker().package_recall(who.caller(), &no, &why.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The file as it is read.
fn sent(file: Fetched) -> Response {
    let Fetched { name, bytes, sha256, body } = file;
    let kind = if name.ends_with(".json") { "application/json" } else { "application/octet-stream" };
    let headers = [
        (CONTENT_TYPE, kind.to_owned()),
        (CONTENT_LENGTH, bytes.to_string()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (HeaderName::from_static("x-content-sha256"), sha256.to_string()),
    ];
    (headers, streams::body(body)).into_response()
}
