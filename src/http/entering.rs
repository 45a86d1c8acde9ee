//! Who is calling: a person by a session, whose token comes as cookie or bearer, and whether the password was given lately;
//! or a program by a token made for it. Which of them a route is open to stands in its handler's signature: [`SignedIn`] and
//! [`Stepped`] are people, [`Allowed`] is a person or a token of that scope.
//!
//! A cookie is sent by the browser whoever wrote the page, so whoever acts by cookie also sends what only our
//! pages can read, and a browser that says the request comes from elsewhere is believed.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use subtle::ConstantTimeEq as _;

use super::App;
use super::problem::Problem;
use super::scopes::Scoped;
use crate::broker::sessions::{Session, SessionToken};
use crate::broker::tokens::TokenText;
use crate::broker::{Caller, StepUp};

/// Name of the session's cookie: `__Host-` binds it to this host, over TLS only.
pub(super) const COOKIE_NAME: &str = "__Host-countersign";
/// Where a page gives back [`SessionToken::anti_forgery`].
pub(super) const ANTI_FORGERY: &str = "x-csrf-token";

/// Someone who is signed in.
pub(crate) struct SignedIn {
    pub(crate) token: SessionToken,
    pub(crate) session: Session,
}

impl SignedIn {
    pub(super) fn caller(&self) -> &Caller {
        self.session.caller()
    }
}

/// Who came in, by which door.
enum Entered {
    Person(SignedIn),
    Program(Caller),
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        match entered(parts, app).await? {
            Entered::Person(who) => Ok(who),
            Entered::Program(caller) => match app.broker().token_for_none(&caller).await? {},
        }
    }
}

/// A person who is signed in, or a program with a token of this scope.
pub(super) struct Allowed<S>(Caller, PhantomData<S>);

impl<S> Allowed<S> {
    pub(super) fn caller(&self) -> &Caller {
        &self.0
    }

    pub(super) fn into_caller(self) -> Caller {
        self.0
    }
}

impl<S: Scoped> FromRequestParts<App> for Allowed<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Calling(caller) = Calling::from_request_parts(parts, app).await?;
        app.broker().token_for(&caller, S::SCOPE).await?;
        Ok(Allowed(caller, PhantomData))
    }
}

/// Whoever calls, whatever they may: for what is around the handlers. A handler asks for one of the others.
pub(super) struct Calling(pub(super) Caller);

impl FromRequestParts<App> for Calling {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Ok(Calling(match entered(parts, app).await? {
            Entered::Person(who) => who.session.into_caller(),
            Entered::Program(caller) => caller,
        }))
    }
}

async fn entered(parts: &mut Parts, app: &App) -> Result<Entered, Problem> {
    let entered = enter(parts, app).await;
    // Nobody is known: counted, where everybody else's refusal is an entry.
    if let Some(code) = entered.as_ref().err().filter(|p| p.is_unknown()).map(Problem::code) {
        let From(from) = From::from_request_parts(parts, app).await.unwrap_or(From(None));
        app.broker().refused_unknown(from, code);
    }
    entered
}

async fn enter(parts: &Parts, app: &App) -> Result<Entered, Problem> {
    let token = match bearer(&parts.headers) {
        Some(text) if TokenText::is_meant(text) => {
            return Ok(Entered::Program(app.broker().token_caller(text).await?));
        }
        Some(token) => SessionToken::parse(token)?,
        None => {
            let signed_in = SignedIn::by_cookie(parts, app).await?;
            if !matches!(parts.method, Method::GET | Method::HEAD) {
                let given = parts.headers.get(ANTI_FORGERY).map(|value| value.as_bytes());
                check_anti_forgery(&parts.headers, &signed_in.token, given.unwrap_or_default())?;
            }
            return Ok(Entered::Person(signed_in));
        }
    };
    let session = app.broker().session(&token).await?;
    Ok(Entered::Person(SignedIn { token, session }))
}

impl SignedIn {
    /// By the cookie alone: whoever changes something has [`check_anti_forgery`] to pass as well.
    pub(crate) async fn by_cookie(parts: &Parts, app: &App) -> Result<Self, Problem> {
        let token = SessionToken::parse(cookie(&parts.headers).unwrap_or_default())?;
        let session = app.broker().session(&token).await?;
        Ok(SignedIn { token, session })
    }
}

/// Someone who gave the password within the last minutes; consumed by the verb.
pub(super) struct Stepped(pub(super) StepUp);

impl FromRequestParts<App> for Stepped {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let SignedIn { token, session } = SignedIn::from_request_parts(parts, app).await?;
        Ok(Stepped(app.broker().session_step(&token, &session)?))
    }
}

/// Where an exchange comes from; none when only a proxy on this machine is known. A proxy's word counts when it is on
/// this machine: the last address it adds is the one that it saw.
pub(crate) struct From(pub(crate) Option<IpAddr>);

impl<S: Send + Sync> FromRequestParts<S> for From {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        if let Some(ip) = peer.filter(|ip| !ip.is_loopback()) {
            return Ok(From(Some(ip)));
        }
        let said = parts.headers.get_all("x-forwarded-for").iter().next_back();
        let last = said.and_then(|v| v.to_str().ok()).and_then(|v| v.rsplit(',').next());
        Ok(From(last.and_then(|ip| ip.trim().parse().ok())))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value)
}

/// Whether what changes something comes from a page of ours: `given` is what only such a page can know.
pub(crate) fn check_anti_forgery(
    headers: &HeaderMap,
    token: &SessionToken,
    given: &[u8],
) -> Result<(), Problem> {
    check_same_site(headers)?;
    if bool::from(given.ct_eq(token.anti_forgery().as_bytes())) { Ok(()) } else { Err(cross_site()) }
}

/// Whether a browser says that it comes from a page of ours: all there is to ask of who is not signed in yet.
pub(crate) fn check_same_site(headers: &HeaderMap) -> Result<(), Problem> {
    let site = headers.get("sec-fetch-site").map(|value| value.as_bytes());
    let elsewhere = site.is_some_and(|site| site != b"same-origin" && site != b"none");
    if elsewhere { Err(cross_site()) } else { Ok(()) }
}

fn cross_site() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "cross_site", "this did not come from a page of ours")
        .hint("send the session's csrf value as X-CSRF-Token, or the token as Authorization: Bearer")
}
