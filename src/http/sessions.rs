//! `/session`: sign in, step up, look who one is, sign out.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::App;
use super::bodies::{Json, password};
use super::entering::{COOKIE_NAME, From, SignedIn};
use super::factors::{Passkey, second};
use super::problem::Problem;
use crate::broker::sessions::{LONGEST, Session, SessionToken};
use crate::clock::rfc3339;
use crate::model::code::Role;
use crate::model::ids::{Login, UnitCode};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(show, open, close)).routes(routes!(step_up))
}

/// Who wants in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "login": "he.fang", "password": "a long one", "bearer": true }))]
pub(super) struct Credentials {
    login: Login,
    #[schema(value_type = String, format = Password)]
    password: Zeroizing<String>,
    /// The second factor, where one is set up: a time-based or recovery code.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    code: Option<Zeroizing<String>>,
    /// The second factor, where one is set up: a passkey's answer.
    #[serde(default)]
    passkey: Option<Passkey>,
    /// The token in the answer instead of a cookie, for programs.
    #[serde(default)]
    bearer: bool,
}

/// The password again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "password": "a long one" }))]
pub(super) struct Again {
    #[schema(value_type = String, format = Password)]
    password: Zeroizing<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    code: Option<Zeroizing<String>>,
    #[serde(default)]
    passkey: Option<Passkey>,
}

/// Who one is here, and until when.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "login": "he.fang", "name": "何芳", "unit": "S001", "roles": [{ "role": "counter", "unit": "S001" }],
    "ends_at": "2027-01-04T17:00:00Z", "stepped_until": "2027-01-04T09:05:00Z",
    "second_factor": true, "held_until": null, "undertaken_until": "2027-12-01T08:00:00Z", "csrf": "c3RhbmRzIGluIGEgcGFnZQ",
}))]
pub(super) struct SessionShown {
    login: Login,
    /// For colleagues to read.
    name: String,
    unit: UnitCode,
    roles: Vec<Held>,
    /// When it ends at the latest, RFC 3339.
    #[schema(format = DateTime)]
    ends_at: String,
    /// Until when the password counts as given, RFC 3339.
    #[schema(format = DateTime)]
    stepped_until: String,
    /// Whether a second factor is set up.
    second_factor: bool,
    /// Until when a new key or role signs nothing (B9); null when nothing is held.
    #[schema(required, format = DateTime)]
    held_until: Option<String>,
    /// Until when the confidentiality undertaking holds (A10a); null without one.
    #[schema(required, format = DateTime)]
    undertaken_until: Option<String>,
    /// What a page sends as `X-CSRF-Token`.
    csrf: String,
    /// The bearer token, in the answer that opens a session with `bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    token: Option<Zeroizing<String>>,
}

/// A role at a unit.
#[derive(Serialize, ToSchema)]
struct Held {
    role: Role,
    unit: String,
}

/// Sign in.
///
/// The answer sets the session's cookie, or holds the token when `bearer` asks for it.
#[utoipa::path(
    post, path = "/session", tag = "sessions", security(()), request_body = Credentials,
    responses((status = 201, description = "Signed in.", body = SessionShown,
        headers(("Set-Cookie" = Option<String>, description = "The session, unless `bearer` was asked for.")))),
    extensions(("x-problems" = json!(["unknown_person", "suspended", "key_ended", "try_later", "second_factor_needed", "wrong_factor", "passkey_copied", "passkeys_off", "challenge_gone"]))),
)]
pub(super) async fn open(
    State(app): State<App>,
    From(from): From,
    Json(who): Json<Credentials>,
) -> Result<Response, Problem> {
    let (given, second) = (password(&who.password), second(who.code, who.passkey));
    let opened = app.broker().session_open(&who.login, &given, &second, from);
    let (token, session) = app.stretched(opened).await?;
    let mut body = about(&app, &token, &session).await?;
    if who.bearer {
        body.token = Some(token.reveal());
        return Ok((StatusCode::CREATED, Answer(body)).into_response());
    }
    let mut response = (StatusCode::CREATED, Answer(body)).into_response();
    if let Some(cookie) = session_cookie(&token) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// A session's cookie.
pub(crate) fn session_cookie(token: &SessionToken) -> Option<HeaderValue> {
    let (text, age) = (token.reveal(), LONGEST / 1_000_000);
    let cookie = Zeroizing::new(format!(
        "{COOKIE_NAME}={}; Path=/; Max-Age={age}; Secure; HttpOnly; SameSite=Strict",
        *text
    ));
    let mut cookie = HeaderValue::from_str(&cookie).ok()?;
    cookie.set_sensitive(true);
    Some(cookie)
}

/// What takes a session's cookie away.
pub(crate) fn cleared_cookie() -> HeaderValue {
    const CLEARED: &str = "__Host-countersign=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict";
    HeaderValue::from_static(CLEARED)
}

/// Who one is.
#[utoipa::path(get, path = "/session", tag = "sessions", responses((status = 200, description = "Signed in.", body = SessionShown)))]
pub(super) async fn show(State(app): State<App>, who: SignedIn) -> Result<Answer<SessionShown>, Problem> {
    Ok(Answer(about(&app, &who.token, &who.session).await?))
}

/// Give the password again, for what wants a fresh one.
#[utoipa::path(
    post, path = "/session/step-up", tag = "sessions", request_body = Again,
    responses((status = 200, description = "It counts from now.", body = SessionShown)),
    extensions(("x-problems" = json!(["unknown_person", "suspended", "key_ended", "try_later", "second_factor_needed", "wrong_factor", "passkey_copied", "passkeys_off", "challenge_gone"]))),
)]
pub(super) async fn step_up(
    State(app): State<App>,
    From(from): From,
    who: SignedIn,
    Json(again): Json<Again>,
) -> Result<Answer<SessionShown>, Problem> {
    let (given, second) = (password(&again.password), second(again.code, again.passkey));
    let stepped = app.broker().session_step_up(&who.token, who.session, &given, &second, from);
    let stepped = app.stretched(stepped).await?;
    Ok(Answer(about(&app, &who.token, &stepped).await?))
}

/// Sign out.
#[utoipa::path(
    delete, path = "/session", tag = "sessions",
    responses((status = 204, description = "Signed out.",
        headers(("Set-Cookie" = String, description = "The session's cookie, ended.")))),
)]
pub(super) async fn close(State(app): State<App>, who: SignedIn) -> Result<Response, Problem> {
    app.broker().session_close(who.session).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(SET_COOKIE, cleared_cookie());
    Ok(response)
}

async fn about(app: &App, token: &SessionToken, session: &Session) -> Result<SessionShown, Problem> {
    let me = app.broker().myself(session.caller()).await?;
    let undertaken = app.broker().undertaken_until(session.caller().login()).await?;
    let held = app.broker().held_until(session.caller().login()).await?;
    Ok(SessionShown {
        login: me.person.login,
        name: me.person.name,
        unit: me.person.unit,
        roles: me.roles.into_iter().map(|(role, unit)| Held { role, unit }).collect(),
        ends_at: rfc3339(session.ends_at),
        stepped_until: rfc3339(session.stepped_until),
        second_factor: app.broker().factors(session.caller().login()).await?.any(),
        held_until: held.map(rfc3339),
        undertaken_until: undertaken.map(rfc3339),
        csrf: token.anti_forgery(),
        token: None,
    })
}
