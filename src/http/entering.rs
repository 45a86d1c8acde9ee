//! Who is calling: a session by cookie or bearer token, and whether the password was given lately.
//!
//! A cookie is sent by the browser whoever wrote the page, so whoever acts by cookie also sends what only our
//! pages can read, and a browser that says the request comes from elsewhere is believed.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use subtle::ConstantTimeEq as _;

use super::App;
use super::problem::Problem;
use crate::broker::sessions::{Session, SessionToken};
use crate::broker::{Caller, StepUp};

/// Name of the session's cookie: `__Host-` binds it to this host, over TLS only.
pub(super) const COOKIE_NAME: &str = "__Host-countersign";
/// Where a page gives back [`SessionToken::anti_forgery`].
pub(super) const ANTI_FORGERY: &str = "x-csrf-token";

/// Someone who is signed in.
pub(super) struct SignedIn {
    pub(super) token: SessionToken,
    pub(super) session: Session,
}

impl SignedIn {
    pub(super) fn caller(&self) -> &Caller {
        self.session.caller()
    }
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let token = match bearer(&parts.headers) {
            Some(token) => SessionToken::parse(token)?,
            None => {
                let token = SessionToken::parse(cookie(&parts.headers).unwrap_or_default())?;
                check_origin(parts, &token)?;
                token
            }
        };
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
pub(super) struct From(pub(super) Option<IpAddr>);

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

fn check_origin(parts: &Parts, token: &SessionToken) -> Result<(), Problem> {
    if matches!(parts.method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    let header = |name: &str| parts.headers.get(name).map(|value| value.as_bytes());
    let elsewhere = header("sec-fetch-site").is_some_and(|site| site != b"same-origin" && site != b"none");
    let given = header(ANTI_FORGERY).unwrap_or_default();
    if elsewhere || !bool::from(given.ct_eq(token.anti_forgery().as_bytes())) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "cross_site",
            "this did not come from a page of ours",
        )
        .hint("send the session's csrf value as X-CSRF-Token, or the token as Authorization: Bearer"));
    }
    Ok(())
}
