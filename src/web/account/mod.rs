//! One's own account: the undertaking, the password, second factors, tokens for programs, and until when one
//! is signed in.

mod tokens;
mod words;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use zeroize::Zeroizing;

use self::words::Words;
use super::answer::{html, to};
use super::frame::{Frame, Place};
use super::visitor::{Nothing, Stepped, Visitor};
use crate::access::undertaken::Undertaking;
use crate::broker::factors::Factors;
use crate::broker::people::Password;
use crate::clock::{Micros, rfc3339};
use crate::http::{App, Problem};
use crate::model::ids::Digest;
use crate::model::lang::Word as _;

pub(super) fn pages() -> Router<App> {
    Router::new()
        .route("/account", get(show))
        .route("/account/undertaking", post(undertake))
        .route("/account/password", post(password))
        .route("/account/totp", post(totp_begin))
        .route("/account/totp/confirm", post(totp_confirm))
        .route("/account/totp/remove", post(totp_remove))
        .route("/account/passkey/remove", post(passkey_remove))
        .route("/account/prove", post(prove))
        .route("/account/tokens", get(tokens::show).post(tokens::make))
        .route("/account/tokens/revoke", post(tokens::revoke))
}

/// What is shown once, right after it was made.
enum Once {
    Nothing,
    /// A new secret for time-based codes, as an `otpauth:` address.
    Totp(Zeroizing<String>),
    /// Recovery codes.
    Codes(Vec<Zeroizing<String>>),
}

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    frame: Frame,
    a: &'static Words,
    roles: Vec<(&'static str, String)>,
    undertaking: Undertaking,
    undertaken_until: Option<String>,
    held_until: Option<String>,
    ends_at: String,
    factors: Factors,
    /// What the identity provider is called; none: there is none.
    provider: Option<String>,
    linked_since: Option<String>,
    once: Once,
}

impl Account {
    /// The secret alone, for who types it.
    fn secret<'a>(&self, uri: &'a str) -> &'a str {
        uri.split("secret=").nth(1).and_then(|rest| rest.split('&').next()).unwrap_or_default()
    }

    fn text(&self) -> Option<&crate::access::undertaken::Text> {
        self.undertaking.text_or_first(self.frame.look.lang)
    }
}

async fn show(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    page(&app, &who, Once::Nothing).await
}

async fn page(app: &App, who: &Visitor, once: Once) -> Result<Response, Problem> {
    let (broker, caller) = (app.broker(), who.session.caller());
    let frame = Frame::new(app, who, Place::Account, who.look.words().account).await?;
    let me = broker.myself(caller).await?;
    let told = |at: Option<Micros>| at.map(rfc3339);
    let account = Account {
        a: words::of(frame.look.lang),
        roles: me.roles.iter().map(|(role, unit)| (role.word(frame.look.lang), unit.clone())).collect(),
        undertaking: broker.undertaking().await?,
        undertaken_until: told(broker.undertaken_until(caller.login()).await?),
        held_until: told(broker.held_until(caller.login()).await?),
        ends_at: rfc3339(who.session.ends_at),
        factors: broker.factors(caller.login()).await?,
        provider: app.provider().map(|provider| provider.name().to_owned()),
        linked_since: told(broker.linked_since(caller.login()).await?),
        once,
        frame,
    };
    Ok(html(&account))
}

fn told(at: &Micros) -> String {
    rfc3339(*at)
}

/// Which of several is meant: the text that was read, a passkey.
#[derive(Deserialize)]
struct Meant {
    #[serde(alias = "digest")]
    id: Digest,
}

async fn undertake(
    State(app): State<App>,
    Stepped(step, _, text): Stepped<Meant>,
) -> Result<Response, Problem> {
    app.broker().undertake(step, text.id).await?;
    Ok(to("/account?done=undertaken"))
}

/// Another password.
#[derive(Deserialize)]
struct New {
    new_password: Zeroizing<String>,
}

/// It ends every session, this one too.
async fn password(State(app): State<App>, Stepped(step, _, new): Stepped<New>) -> Result<Response, Problem> {
    let password = Password::new(new.new_password.as_bytes().to_vec());
    app.stretched(app.broker().change_password(step, &password)).await?;
    Ok(to("/sign-in?done=password"))
}

async fn totp_begin(
    State(app): State<App>,
    Stepped(step, who, Nothing {}): Stepped<Nothing>,
) -> Result<Response, Problem> {
    let uri = app.broker().totp_begin(step).await?;
    page(&app, &who, Once::Totp(uri)).await
}

/// A first code.
#[derive(Deserialize)]
struct First {
    first: String,
}

async fn totp_confirm(
    State(app): State<App>,
    Stepped(step, who, code): Stepped<First>,
) -> Result<Response, Problem> {
    let codes = app.broker().totp_confirm(step, code.first.trim()).await?;
    page(&app, &who, Once::Codes(codes)).await
}

async fn totp_remove(
    State(app): State<App>,
    Stepped(step, _, Nothing {}): Stepped<Nothing>,
) -> Result<Response, Problem> {
    app.broker().totp_remove(step).await?;
    Ok(to("/account?done=saved"))
}

async fn passkey_remove(
    State(app): State<App>,
    Stepped(step, _, key): Stepped<Meant>,
) -> Result<Response, Problem> {
    app.broker().passkey_remove(step, key.id).await?;
    Ok(to("/account?done=saved"))
}

/// Proves who one is, for what the page's script does next.
async fn prove(_: State<App>, Stepped(..): Stepped<Nothing>) -> Response {
    to("/account")
}
