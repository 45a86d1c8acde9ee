//! `/session`: sign in, step up, look who one is, sign out.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::App;
use super::bodies::Json;
use super::entering::{COOKIE_NAME, From, SignedIn};
use super::problem::Problem;
use crate::broker::people::Password;
use crate::broker::sessions::{LONGEST, Session, SessionToken};
use crate::clock::rfc3339;
use crate::model::ids::Login;

/// Who wants in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    login: Login,
    password: Zeroizing<String>,
    /// The token in the answer instead of a cookie, for programs.
    #[serde(default)]
    bearer: bool,
}

/// The password again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Again {
    password: Zeroizing<String>,
}

pub(super) fn password(text: &Zeroizing<String>) -> Password {
    Password::new(text.as_bytes().to_vec())
}

pub(super) async fn open(
    State(app): State<App>,
    From(from): From,
    Json(who): Json<Credentials>,
) -> Result<Response, Problem> {
    let opened = app.stretched(app.broker().session_open(&who.login, &password(&who.password), from)).await;
    let (token, session) = opened?;
    let mut body = about(&app, &token, &session).await?;
    if who.bearer {
        body["token"] = json!(*token.reveal());
        return Ok((StatusCode::CREATED, Answer(body)).into_response());
    }
    let text = token.reveal();
    let age = LONGEST / 1_000_000;
    let cookie = Zeroizing::new(format!(
        "{COOKIE_NAME}={}; Path=/; Max-Age={age}; Secure; HttpOnly; SameSite=Strict",
        *text
    ));
    let mut response = (StatusCode::CREATED, Answer(body)).into_response();
    if let Ok(mut cookie) = HeaderValue::from_str(&cookie) {
        cookie.set_sensitive(true);
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(response)
}

pub(super) async fn show(State(app): State<App>, who: SignedIn) -> Result<Answer<Value>, Problem> {
    Ok(Answer(about(&app, &who.token, &who.session).await?))
}

pub(super) async fn step_up(
    State(app): State<App>,
    From(from): From,
    who: SignedIn,
    Json(again): Json<Again>,
) -> Result<Answer<Value>, Problem> {
    let stepped = app
        .stretched(app.broker().session_step_up(&who.token, who.session, &password(&again.password), from))
        .await;
    Ok(Answer(about(&app, &who.token, &stepped?).await?))
}

pub(super) async fn close(State(app): State<App>, who: SignedIn) -> Result<Response, Problem> {
    app.broker().session_close(who.session).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    let gone = format!("{COOKIE_NAME}=; Path=/; Max-Age=0; Secure; HttpOnly");
    if let Ok(gone) = HeaderValue::from_str(&gone) {
        response.headers_mut().insert(SET_COOKIE, gone);
    }
    Ok(response)
}

async fn about(app: &App, token: &SessionToken, session: &Session) -> Result<Value, Problem> {
    let me = app.broker().myself(session.caller()).await?;
    let roles: Vec<Value> = me.roles.iter().map(|(role, unit)| json!({"role": role, "unit": unit})).collect();
    Ok(json!({
        "login": me.person.login, "name": me.person.name, "unit": me.person.unit, "roles": roles,
        "ends_at": rfc3339(session.ends_at), "stepped_until": rfc3339(session.stepped_until),
        "csrf": token.anti_forgery(),
    }))
}
