//! Second factors: one's own, set up, listed and removed.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::App;
use super::bodies::{Json, Path, password as given};
use super::entering::{From, SignedIn, Stepped};
use super::problem::Problem;
use crate::broker::factors::Second;
use crate::broker::passkeys::Asked;
use crate::clock::rfc3339;
use crate::model::ids::{Digest, Login};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(passkey_challenge))
        .routes(routes!(show))
        .routes(routes!(totp_begin, totp_remove))
        .routes(routes!(totp_confirm))
        .routes(routes!(passkey_add))
        .routes(routes!(passkey_begin))
        .routes(routes!(passkey_remove))
}

/// A passkey's answer beside the password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasskeyAnswer)]
pub(super) struct Passkey {
    challenge: String,
    #[schema(value_type = Object)]
    credential: Value,
}

/// The second factor out of a body: a code, a passkey's answer, or nothing.
pub(super) fn second(code: Option<Zeroizing<String>>, passkey: Option<Passkey>) -> Second {
    match (code, passkey) {
        (_, Some(Passkey { challenge, credential })) => Second::Passkey { challenge, credential },
        (Some(code), None) => Second::Code(code),
        (None, None) => Second::Nothing,
    }
}

/// A first code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FirstCode, example = json!({ "code": "123456" }))]
pub(super) struct First {
    #[schema(value_type = String)]
    code: Zeroizing<String>,
}

/// A new passkey.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPasskey, example = json!({ "challenge": "…", "name": "work key", "credential": {} }))]
pub(super) struct New {
    challenge: String,
    name: String,
    #[schema(value_type = Object)]
    credential: Value,
}

/// For whom a challenge is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasskeyWhose, example = json!({ "login": "he.fang", "password": "a long one" }))]
pub(super) struct Whose {
    login: Login,
    #[schema(value_type = String, format = Password)]
    password: Zeroizing<String>,
}

/// One's factors.
#[derive(Serialize, ToSchema)]
#[schema(as = FactorsShown)]
pub(super) struct Shown {
    totp: bool,
    passkeys: Vec<Kept>,
    recovery_left: usize,
}

/// A passkey.
#[derive(Serialize, ToSchema)]
#[schema(as = PasskeyKept)]
struct Kept {
    id: Digest,
    name: String,
    added_at: String,
}

/// The secret, once, as the device reads it.
#[derive(Serialize, ToSchema)]
#[schema(as = TotpBegun)]
pub(super) struct Begun {
    #[schema(value_type = String)]
    uri: Zeroizing<String>,
}

/// Recovery codes, once; none when there are some already.
#[derive(Serialize, ToSchema)]
#[schema(as = FactorConfirmed)]
pub(super) struct Confirmed {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Digest>,
    #[schema(value_type = Vec<String>)]
    recovery_codes: Vec<Zeroizing<String>>,
}

/// What the browser is asked.
#[derive(Serialize, ToSchema)]
#[schema(as = PasskeyChallenge)]
pub(super) struct Challenge {
    challenge: String,
    #[schema(value_type = Object)]
    options: Value,
}

fn challenge(asked: Asked) -> Answer<Challenge> {
    Answer(Challenge { challenge: asked.challenge, options: asked.options })
}

/// One's second factors.
#[utoipa::path(get, path = "/second-factors", tag = "factors", responses((status = 200, description = "All of them.", body = Shown)))]
pub(super) async fn show(State(app): State<App>, who: SignedIn) -> Result<Answer<Shown>, Problem> {
    let factors = app.broker().factors(who.caller().login()).await?;
    let kept = |(id, name, at)| Kept { id, name, added_at: rfc3339(at) };
    let passkeys = factors.passkeys.into_iter().map(kept).collect();
    Ok(Answer(Shown { totp: factors.totp, passkeys, recovery_left: factors.recovery_left }))
}

/// A secret for time-based codes; it counts once a code of it was given.
#[utoipa::path(
    post, path = "/second-factors/totp", tag = "factors",
    responses((status = 201, description = "The secret, once.", body = Begun)),
    extensions(("x-problems" = json!(["step_up_needed", "key_ended", "suspended", "factor_exists"]))),
)]
pub(super) async fn totp_begin(
    State(app): State<App>,
    Stepped(step): Stepped,
) -> Result<(StatusCode, Answer<Begun>), Problem> {
    Ok((StatusCode::CREATED, Answer(Begun { uri: app.broker().totp_begin(step).await? })))
}

/// The first code: from now on one is asked for.
#[utoipa::path(
    post, path = "/second-factors/totp/confirm", tag = "factors", request_body = First,
    responses((status = 200, description = "Recovery codes, once.", body = Confirmed)),
    extensions(("x-problems" = json!(["step_up_needed", "key_ended", "suspended", "factor_exists", "no_such_factor", "wrong_factor", "try_later"]))),
)]
pub(super) async fn totp_confirm(
    State(app): State<App>,
    Stepped(step): Stepped,
    Json(First { code }): Json<First>,
) -> Result<Answer<Confirmed>, Problem> {
    let recovery_codes = app.broker().totp_confirm(step, &code).await?;
    Ok(Answer(Confirmed { id: None, recovery_codes }))
}

/// No time-based codes any more.
#[utoipa::path(
    delete, path = "/second-factors/totp", tag = "factors",
    responses((status = 204, description = "Removed.")),
    extensions(("x-problems" = json!(["step_up_needed", "key_ended", "suspended", "no_such_factor"]))),
)]
pub(super) async fn totp_remove(
    State(app): State<App>,
    Stepped(step): Stepped,
) -> Result<StatusCode, Problem> {
    app.broker().totp_remove(step).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the browser is asked for a new passkey.
#[utoipa::path(
    post, path = "/second-factors/passkeys/begin", tag = "factors",
    responses((status = 200, description = "The challenge.", body = Challenge)),
    extensions(("x-problems" = json!(["step_up_needed", "key_ended", "suspended", "passkeys_off", "factor_exists"]))),
)]
pub(super) async fn passkey_begin(
    State(app): State<App>,
    Stepped(step): Stepped,
) -> Result<Answer<Challenge>, Problem> {
    Ok(challenge(app.broker().passkey_begin(&step).await?))
}

/// A new passkey.
#[utoipa::path(
    post, path = "/second-factors/passkeys", tag = "factors", request_body = New,
    responses((status = 201, description = "Recovery codes, once, when there are none yet.", body = Confirmed)),
    extensions(("x-problems" = json!(["step_up_needed", "key_ended", "suspended", "passkeys_off", "factor_exists", "challenge_gone", "bad_name", "wrong_factor", "try_later"]))),
)]
pub(super) async fn passkey_add(
    State(app): State<App>,
    Stepped(step): Stepped,
    Json(new): Json<New>,
) -> Result<(StatusCode, Answer<Confirmed>), Problem> {
    let added = app.broker().passkey_add(step, &new.challenge, &new.name, &new.credential).await?;
    let answer = Confirmed { id: Some(added.id), recovery_codes: added.recovery_codes };
    Ok((StatusCode::CREATED, Answer(answer)))
}

/// A passkey less.
#[utoipa::path(
    delete, path = "/second-factors/passkeys/{id}", tag = "factors", params(("id" = Digest, Path, description = "A passkey.")),
    responses((status = 204, description = "Removed.")),
    extensions(("x-problems" = json!(["step_up_needed", "key_ended", "suspended", "no_such_factor"]))),
)]
pub(super) async fn passkey_remove(
    State(app): State<App>,
    Path(id): Path,
    Stepped(step): Stepped,
) -> Result<StatusCode, Problem> {
    let unknown = |_| Problem::new(StatusCode::NOT_FOUND, "no_such_factor", "there is no such passkey");
    app.broker().passkey_remove(step, id.parse().map_err(unknown)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A challenge for signing in: for a right password only.
#[utoipa::path(
    post, path = "/session/passkey", tag = "factors", security(()), request_body = Whose,
    responses((status = 200, description = "The challenge.", body = Challenge)),
    extensions(("x-problems" = json!(["unknown_person", "suspended", "key_ended", "try_later", "passkeys_off", "no_such_factor", "changed_meanwhile"]))),
)]
pub(super) async fn passkey_challenge(
    State(app): State<App>,
    From(from): From,
    Json(whose): Json<Whose>,
) -> Result<Answer<Challenge>, Problem> {
    let password = given(&whose.password);
    let asked = app.broker().passkey_challenge(&whose.login, &password, from);
    Ok(challenge(app.stretched(asked).await?))
}
