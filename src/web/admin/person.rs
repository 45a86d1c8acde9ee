//! One person: what they hold, a code for them, their suspension.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use zeroize::Zeroizing;

use super::people::roles;
use super::tabs::{Tab, tabs};
use super::words::{self, Words};
use crate::broker::enrolling::Invited;
use crate::broker::reviewing::PersonShown;
use crate::http::{App, Path, Problem};
use crate::model::code::Role;
use crate::model::ids::Login;
use crate::model::lang::Word as _;
use crate::web::answer::{html, to};
use crate::web::frame::{Frame, Place};
use crate::web::visitor::{Nothing, Stepped, Visitor};

#[derive(Template)]
#[template(path = "admin_person.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    tabs: Vec<Tab>,
    shown: PersonShown,
    rank: &'static str,
    roles: String,
    /// A code that was just issued: it stands on this page and nowhere else.
    code: Option<Zeroizing<String>>,
    /// What was asked for waits for a second administrator.
    proposal: Option<i64>,
    admin: bool,
    yourself: bool,
}

/// What came of a form on this page.
#[derive(Default)]
struct Came {
    code: Option<Zeroizing<String>>,
    proposal: Option<i64>,
}

fn named(text: &str) -> Result<Login, Problem> {
    Login::parse(text).map_err(|wrong| Problem::bad_value("/login", wrong))
}

pub(super) async fn show(
    State(app): State<App>,
    Path(login): Path,
    who: Visitor,
) -> Result<Response, Problem> {
    page(&app, &who, &named(&login)?, Came::default()).await
}

pub(super) async fn invite(
    State(app): State<App>,
    Path(login): Path,
    Stepped(step, who, Nothing {}): Stepped<Nothing>,
) -> Result<Response, Problem> {
    let login = named(&login)?;
    let came = match app.broker().invite(step.caller(), &login).await? {
        Invited::Code(code) => Came { code: Some(code), proposal: None },
        Invited::Proposed(id) => Came { code: None, proposal: Some(id) },
    };
    page(&app, &who, &login, came).await
}

pub(super) async fn suspend(
    State(app): State<App>,
    Path(login): Path,
    Stepped(step, ..): Stepped<Nothing>,
) -> Result<Response, Problem> {
    let login = named(&login)?;
    app.broker().suspend(step.caller(), &login, true).await?;
    Ok(to(format!("/admin/people/{login}?done=saved")))
}

pub(super) async fn resume(
    State(app): State<App>,
    Path(login): Path,
    Stepped(step, who, Nothing {}): Stepped<Nothing>,
) -> Result<Response, Problem> {
    let login = named(&login)?;
    let proposal = app.broker().suspend(step.caller(), &login, false).await?;
    page(&app, &who, &login, Came { code: None, proposal }).await
}

async fn page(app: &App, who: &Visitor, login: &Login, came: Came) -> Result<Response, Problem> {
    let (lang, w) = (who.look.lang, words::of(who.look.lang));
    let shown = app.broker().person_show(who.session.caller(), login).await?;
    let frame = Frame::new(app, who, Place::Admin, login.to_string()).await?;
    Ok(html(&Page {
        tabs: tabs(&frame, w, "/admin/people"),
        w,
        rank: shown.rank.word(lang),
        roles: roles(lang, w, frame.w.comma, &shown),
        code: came.code,
        proposal: came.proposal,
        admin: frame.has(Role::Admin),
        yourself: shown.login == frame.login,
        frame,
        shown,
    }))
}
