//! By way of the identity provider: there, back, and an account that its owner links or unlinks.
//!
//! The way back is a link on another site, on which a browser sends no cookie of ours that is `Strict`: so what waits is in one that
//! is `Lax`, sealed and good for ten minutes, and the last step is a page of ours that goes on by itself.

use std::net::IpAddr;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::answer::{html, to};
use super::entering::refused_page;
use super::look::{Bare, Look, cookie, local};
use super::problems::no_provider;
use super::visitor::{Anew, Nothing, Stepped};
use crate::http::{App, From, Problem, Query, session_cookie};
use crate::oidc::{BACK, Provider, denied, gone};

/// Where what waits is kept.
const WAITING: &str = "__Host-countersign-oidc";

pub(super) fn pages() -> Router<App> {
    Router::new()
        .route("/sign-in/oidc", get(leave))
        .route(BACK, get(back))
        .route("/account/oidc", post(link))
        .route("/account/oidc/remove", post(unlink))
}

/// A page that goes on by itself, and says where to.
#[derive(Template)]
#[template(path = "onward.html")]
struct Onward {
    frame: Bare,
    to: String,
    name: String,
}

/// Where to go afterwards.
#[derive(Deserialize)]
struct Then {
    #[serde(default)]
    then: String,
}

fn provider(app: &App) -> Result<&Provider, Problem> {
    app.provider().ok_or_else(no_provider)
}

async fn leave(State(app): State<App>, look: Look, query: Query<Then>) -> Result<Response, Problem> {
    let then = local(&query.0.then);
    match left(&app, then.clone()).await {
        Ok((url, waiting)) => Ok(waits(to(url), &waiting)),
        Err(wrong) => refused_page(&app, look, then, wrong).await,
    }
}

async fn left(app: &App, then: String) -> Result<(String, Zeroizing<String>), Problem> {
    let (url, begun) = provider(app)?.begin(app.broker().clock().now()).await?;
    Ok((url.into(), app.broker().away_to_sign_in(begun, then)?))
}

/// What the provider says in the address.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    state: Zeroizing<String>,
    /// Absent when it has nothing to vouch for.
    code: Option<Zeroizing<String>>,
}

async fn back(
    State(app): State<App>,
    From(from): From,
    look: Look,
    headers: HeaderMap,
    said: axum::extract::Query<Said>,
) -> Result<Response, Problem> {
    let response = match arrived(&app, from, &look, &headers, &said).await {
        Ok(response) => response,
        Err(wrong) => {
            // What stands in this address leads nowhere a second time.
            let look = Look { path: "/sign-in".to_owned(), ..look };
            refused_page(&app, look, "/".to_owned(), wrong).await?
        }
    };
    Ok(waits(response, ""))
}

async fn arrived(
    app: &App,
    from: Option<IpAddr>,
    look: &Look,
    headers: &HeaderMap,
    said: &Said,
) -> Result<Response, Problem> {
    let broker = app.broker();
    let waiting = broker.back(cookie(headers, WAITING).ok_or_else(gone)?)?;
    let code = said.code.as_ref().ok_or_else(denied)?;
    let identity = provider(app)?.finish(&waiting.begun, &said.state, code).await?;
    let onward = |to: &str| {
        let (to, name) = (to.to_owned(), look.words().product.to_owned());
        html(&Onward { frame: look.clone().bare(), to, name })
    };
    if waiting.links() {
        broker.account_link(&waiting, &identity).await?;
        return Ok(onward(&waiting.then));
    }
    let (token, _) = broker.session_open_linked(&identity, from).await?;
    let mut response = onward(&waiting.then);
    if let Some(cookie) = session_cookie(&token) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// It is a page that leads on, and not a redirect: our pages let no form lead elsewhere.
async fn link(
    State(app): State<App>,
    Anew(step, who, Nothing {}): Anew<Nothing>,
) -> Result<Response, Problem> {
    let (step, provider) = (step?, provider(&app)?);
    let (url, begun) = provider.begin(app.broker().clock().now()).await?;
    let then = "/account?done=linked".to_owned();
    let waiting = app.broker().away_to_link(step, &who.session, begun, then)?;
    let page = Onward { frame: who.look.bare(), to: url.into(), name: provider.name().to_owned() };
    Ok(waits(html(&page), &waiting))
}

async fn unlink(
    State(app): State<App>,
    Stepped(step, _, Nothing {}): Stepped<Nothing>,
) -> Result<Response, Problem> {
    app.broker().account_unlink(step).await?;
    Ok(to("/account?done=saved"))
}

/// Has what waits kept for as long as it is good; nothing: no longer.
fn waits(mut response: Response, waiting: &str) -> Response {
    let age = if waiting.is_empty() { 0 } else { 600 };
    let text =
        Zeroizing::new(format!("{WAITING}={waiting}; Path=/; Max-Age={age}; Secure; HttpOnly; SameSite=Lax"));
    if let Ok(mut value) = HeaderValue::from_str(&text) {
        value.set_sensitive(true);
        response.headers_mut().append(SET_COOKIE, value);
    }
    response
}
