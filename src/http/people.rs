//! People: enrolled by a one-time code, suspended; the organisation.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::App;
use super::bodies::{Json, Path, Query, Text};
use super::entering::Stepped;
use super::problem::Problem;
use super::sessions::password as given;
use crate::model::ids::Login;

/// A first password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Enrolment {
    login: Login,
    code: Zeroizing<String>,
    password: Zeroizing<String>,
}

/// Another password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    password: Zeroizing<String>,
}

/// Only say what would change.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Apply {
    #[serde(default)]
    dry_run: bool,
}

fn person(text: &str) -> Result<Login, Problem> {
    Login::parse(text)
        .map_err(|wrong| Problem::new(StatusCode::NOT_FOUND, "unknown_login", wrong.to_string()))
}

pub(super) async fn enrol(State(app): State<App>, Json(new): Json<Enrolment>) -> Result<StatusCode, Problem> {
    let enrolled = app.stretched(app.broker().enrol(&new.login, &new.code, &given(&new.password))).await;
    enrolled?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn password(
    State(app): State<App>,
    Stepped(step): Stepped,
    Json(new): Json<New>,
) -> Result<StatusCode, Problem> {
    let changed = app.stretched(app.broker().change_password(step, &given(&new.password))).await;
    changed?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn apply(
    State(app): State<App>,
    Query(how): Query<Apply>,
    Stepped(step): Stepped,
    Text(org): Text,
) -> Result<Answer<Value>, Problem> {
    let change = app.broker().org_apply(step.caller(), &org, how.dry_run).await?;
    let unenrolled: Vec<&Login> = change.unenrolled.iter().map(|p| &p.login).collect();
    Ok(Answer(json!({
        "changes": change.lines, "gaps": change.gaps, "unenrolled": unenrolled, "dry_run": how.dry_run,
    })))
}

pub(super) async fn invite(
    State(app): State<App>,
    Path(login): Path,
    Stepped(step): Stepped,
) -> Result<Answer<Value>, Problem> {
    let login = person(&login)?;
    let code = app.broker().invite(step.caller(), &login).await?;
    Ok(Answer(json!({ "login": login, "code": *code })))
}

pub(super) async fn suspend(
    State(app): State<App>,
    Path(login): Path,
    Stepped(step): Stepped,
) -> Result<StatusCode, Problem> {
    app.broker().suspend(step.caller(), &person(&login)?, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn resume(
    State(app): State<App>,
    Path(login): Path,
    Stepped(step): Stepped,
) -> Result<StatusCode, Problem> {
    app.broker().suspend(step.caller(), &person(&login)?, false).await?;
    Ok(StatusCode::NO_CONTENT)
}
