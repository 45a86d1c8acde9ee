//! Who a page is for, and forms that come from pages of ours: posted, or signed with a proof of who it is.

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::look::Look;
use super::problems::{prove_anew, unreadable_form};
use crate::broker::StepUp;
use crate::broker::people::Password;
use crate::broker::second::Second;
use crate::broker::sessions::{Session, SessionToken};
use crate::http::{App, From, LARGEST_BODY, Problem, SignedIn, check_anti_forgery};

/// Somebody who is signed in, and how pages look to them.
pub(super) struct Visitor {
    pub(super) token: SessionToken,
    pub(super) session: Session,
    pub(super) look: Look,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Ok(look) = Look::from_request_parts(parts, app).await;
        let SignedIn { token, session } = SignedIn::by_cookie(parts, app).await?;
        Ok(Visitor { token, session, look })
    }
}

/// A form that came from one of our own pages, by somebody who has just proven to be who they are: with it, or within
/// the last five minutes.
pub(super) struct Stepped<T>(pub(super) StepUp, pub(super) Visitor, pub(super) T);

impl<T: DeserializeOwned + Send> FromRequest<App> for Stepped<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let Proving(step, who, form) = Proving::from_request(request, app).await?;
        Ok(Stepped(step?, who, form))
    }
}

/// The same, where a proof that is not right is told beside the form: what was typed is not lost by it.
pub(super) struct Proving<T>(pub(super) Result<StepUp, Problem>, pub(super) Visitor, pub(super) T);

impl<T: DeserializeOwned + Send> FromRequest<App> for Proving<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        proving(request, app, false).await
    }
}

/// The same, where the proof comes with this very form, however lately another was given: what is made by it lasts longer
/// than a session, and would outlast somebody's minutes at an unlocked desk.
pub(super) struct Anew<T>(pub(super) Result<StepUp, Problem>, pub(super) Visitor, pub(super) T);

impl<T: DeserializeOwned + Send> FromRequest<App> for Anew<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let Proving(step, who, form) = proving(request, app, true).await?;
        Ok(Anew(step, who, form))
    }
}

async fn proving<T: DeserializeOwned + Send>(
    request: Request,
    app: &App,
    anew: bool,
) -> Result<Proving<T>, Problem> {
    let (mut parts, bytes, who) = posted(request, app).await?;
    let form = read(&bytes)?;
    let Proven { password, factor, passkey } = read(&bytes)?;
    let Visitor { token, mut session, look } = who;
    if !password.is_empty() {
        let Ok(From(from)) = From::from_request_parts(&mut parts, app).await;
        let password = Password::new(password.as_bytes().to_vec());
        let second = second(&factor, &passkey)?;
        let stepped = app.broker().session_step_up(&token, session, &password, &second, from);
        match app.stretched(stepped).await {
            Ok(stepped) => session = stepped,
            Err(wrong) => {
                let wrong = Problem::from(wrong);
                // A session that ended with it has no page.
                let Ok(session) = app.broker().session(&token).await else { return Err(wrong) };
                return Ok(Proving(Err(wrong), Visitor { token, session, look }, form));
            }
        }
    }
    let step = match anew && password.is_empty() {
        true => Err(prove_anew()),
        false => app.broker().session_step(&token, &session).map_err(Problem::from),
    };
    Ok(Proving(step, Visitor { token, session, look }, form))
}

/// What proves that it is still the same person: the password and, where one is set up, the second factor.
#[derive(Deserialize)]
struct Proven {
    #[serde(default)]
    password: Zeroizing<String>,
    /// A time-based or recovery code.
    #[serde(default)]
    factor: Zeroizing<String>,
    /// What a passkey made of a challenge, as the page's script wrote it down.
    #[serde(default)]
    passkey: Zeroizing<String>,
}

/// What a passkey said.
#[derive(Deserialize)]
struct Said {
    challenge: String,
    credential: serde_json::Value,
}

pub(super) fn second(code: &Zeroizing<String>, passkey: &Zeroizing<String>) -> Result<Second, Problem> {
    let code = code.trim();
    if !passkey.is_empty() {
        let Said { challenge, credential } = serde_json::from_str(passkey).map_err(|_| unreadable_form())?;
        return Ok(Second::Passkey { challenge, credential });
    }
    Ok(if code.is_empty() { Second::Nothing } else { Second::Code(Zeroizing::new(code.to_owned())) })
}

/// A form that came from one of our own pages, and by whom.
pub(super) struct Posted<T>(pub(super) Visitor, pub(super) T);

/// What every form of ours carries.
#[derive(Deserialize)]
struct Proof {
    #[serde(default)]
    csrf: String,
}

impl<T: DeserializeOwned> FromRequest<App> for Posted<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (_, bytes, who) = posted(request, app).await?;
        Ok(Posted(who, read(&bytes)?))
    }
}

async fn posted(request: Request, app: &App) -> Result<(Parts, Bytes, Visitor), Problem> {
    let (mut parts, body) = request.into_parts();
    let who = Visitor::from_request_parts(&mut parts, app).await?;
    let bytes = to_bytes(body, LARGEST_BODY).await.map_err(|_| unreadable_form())?;
    let proof: Proof = read(&bytes)?;
    check_anti_forgery(&parts.headers, &who.token, proof.csrf.as_bytes())?;
    Ok((parts, bytes, who))
}

/// A form's fields; what is wrong in it is not repeated.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_urlencoded::from_bytes(bytes).map_err(|_| unreadable_form())
}

/// Nothing but that it is ours.
#[derive(Deserialize)]
pub(super) struct Nothing {}
