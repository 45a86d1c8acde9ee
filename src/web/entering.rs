//! Signing in and out, and the first password.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::answer::{html, html_as, percent, to};
use super::frame::done;
use super::look::{Bare, Look, local};
use super::problems::unknown_person;
use super::visitor::{Nothing, Posted, second};
use crate::access::undertaken::{Text, Undertaking};
use crate::broker::people::Password;
use crate::broker::sessions::SessionToken;
use crate::http::{App, From, Problem, check_same_site, cleared_cookie, session_cookie};
use crate::model::ids::{Digest, Login};
use crate::model::lang::{Lang, Word as _};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Bare,
    then: String,
    wrong: Option<Problem>,
    /// What the identity provider is called; none: there is none.
    provider: Option<String>,
    demo: bool,
    /// Who can be tried out; of a demo vault alone, and for this machine alone.
    roles: Vec<Tried>,
    done: Option<&'static str>,
}

/// Somebody of a demo vault.
struct Tried {
    login: String,
    name: String,
    /// What they are, and where.
    is: Vec<String>,
    password: Zeroizing<String>,
}

impl SignInPage {
    async fn new(app: &App, look: Look, then: String) -> Result<SignInPage, Problem> {
        let (done, demo) = (done(look.words(), &look.path), app.broker().store().info().demo);
        let provider = app.provider().map(|provider| provider.name().to_owned());
        let roles = if look.here { tried(app, look.lang).await? } else { Vec::new() };
        Ok(SignInPage { frame: look.bare(), then, wrong: None, provider, demo, roles, done })
    }

    fn escaped_then(&self) -> String {
        percent(&self.then)
    }
}

async fn tried(app: &App, lang: Lang) -> Result<Vec<Tried>, Problem> {
    let logins = app.broker().demo_logins().await?;
    let called = app.broker().called().await?;
    let tried = logins.into_iter().map(|one| Tried {
        name: called.person(one.login.as_str()).to_owned(),
        is: one
            .roles
            .iter()
            .map(|(role, unit)| format!("{} · {}", role.word(lang), called.unit(unit.as_str(), lang)))
            .collect(),
        password: Zeroizing::new(one.password.reveal().to_owned()),
        login: one.login.to_string(),
    });
    Ok(tried.collect())
}

/// Where to go afterwards.
#[derive(Deserialize)]
pub(super) struct Then {
    #[serde(default)]
    then: String,
}

pub(super) async fn ask(
    State(app): State<App>,
    look: Look,
    query: axum::extract::Query<Then>,
) -> Result<Response, Problem> {
    Ok(html(&SignInPage::new(&app, look, local(&query.then)).await?))
}

/// Who wants in.
#[derive(Deserialize)]
pub(super) struct Credentials {
    login: String,
    password: Zeroizing<String>,
    /// A time-based or recovery code, where one is set up.
    #[serde(default)]
    factor: Zeroizing<String>,
    /// A passkey's answer, as the page's script wrote it down.
    #[serde(default)]
    passkey: Zeroizing<String>,
    #[serde(default)]
    then: String,
}

pub(super) async fn sign_in(
    State(app): State<App>,
    from: From,
    look: Look,
    headers: HeaderMap,
    Form(who): Form<Credentials>,
) -> Result<Response, Problem> {
    // Else somebody could be signed in as another without a word, and what they did would be the other's.
    check_same_site(&headers)?;
    let then = local(&who.then);
    match opened(&app, from, &who).await {
        Ok(token) => {
            let mut response = to(&then);
            if let Some(cookie) = session_cookie(&token) {
                response.headers_mut().insert(SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Err(wrong) => refused_page(&app, look, then, wrong).await,
    }
}

/// The page again, with why not.
pub(super) async fn refused_page(
    app: &App,
    look: Look,
    then: String,
    wrong: Problem,
) -> Result<Response, Problem> {
    let status = wrong.status();
    let page = SignInPage { wrong: Some(wrong), ..SignInPage::new(app, look, then).await? };
    Ok(html_as(status, &page))
}

async fn opened(app: &App, from: From, who: &Credentials) -> Result<SessionToken, Problem> {
    // What is no login is nobody's: the answer is the one for a wrong password.
    let login = Login::parse(who.login.trim()).map_err(|_| unknown_person())?;
    let password = Password::new(who.password.as_bytes().to_vec());
    let second = second(&who.factor, &who.passkey)?;
    let opened = app.stretched(app.broker().session_open(&login, &password, &second, from.0)).await?;
    Ok(opened.0)
}

pub(super) async fn sign_out(
    State(app): State<App>,
    Posted(who, Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    app.broker().session_close(who.session).await?;
    let mut response = to("/sign-in?done=signed_out");
    response.headers_mut().insert(SET_COOKIE, cleared_cookie());
    Ok(response)
}

#[derive(Template)]
#[template(path = "enrol.html")]
struct EnrolPage {
    frame: Bare,
    wrong: Option<Problem>,
    undertaking: Undertaking,
}

impl EnrolPage {
    fn text(&self) -> Option<&Text> {
        self.undertaking.text_or_first(self.frame.look.lang)
    }
}

pub(super) async fn ask_code(State(app): State<App>, look: Look) -> Result<Response, Problem> {
    let undertaking = app.broker().undertaking().await?;
    Ok(html(&EnrolPage { frame: look.bare(), wrong: None, undertaking }))
}

/// A first password.
#[derive(Deserialize)]
pub(super) struct Enrolment {
    login: String,
    code: Zeroizing<String>,
    password: Zeroizing<String>,
    /// Of the confidentiality undertaking that stood on the page (A10a).
    undertaking: Option<Digest>,
}

pub(super) async fn enrol(
    State(app): State<App>,
    from: From,
    look: Look,
    headers: HeaderMap,
    Form(new): Form<Enrolment>,
) -> Result<Response, Problem> {
    check_same_site(&headers)?;
    let Err(wrong) = enrolled(&app, from, &new).await else { return Ok(to("/sign-in?done=enrolled")) };
    let (status, undertaking) = (wrong.status(), app.broker().undertaking().await?);
    let page = EnrolPage { frame: look.bare(), wrong: Some(wrong), undertaking };
    Ok(html_as(status, &page))
}

async fn enrolled(app: &App, from: From, new: &Enrolment) -> Result<(), Problem> {
    let login = Login::parse(new.login.trim()).map_err(|_| unknown_person())?;
    let password = Password::new(new.password.as_bytes().to_vec());
    let enrolled = app.broker().enrol_from(&login, &new.code, &password, new.undertaking, from.0);
    Ok(app.stretched(enrolled).await?)
}
