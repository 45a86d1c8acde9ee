//! A question to the policy in force: may this person, or who holds this role, do this there; and by which lines.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::tabs::{Tab, tabs};
use super::words::{self, Words};
use crate::broker::explaining::{Explained, Question};
use crate::http::{App, Problem};
use crate::model::code::Role;
use crate::model::ids::{Login, UnitCode};
use crate::model::lang::Word as _;
use crate::policy::Act;
use crate::web::answer::html_about;
use crate::web::frame::{Frame, Place};
use crate::web::visitor::{Posted, Visitor};

/// What is asked, each a text.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    login: String,
    role: String,
    act: String,
    unit: String,
}

impl Asked {
    fn question(&self) -> Result<Question, Problem> {
        let login = match self.login.trim() {
            "" => None,
            text => Some(Login::parse(text).map_err(|wrong| Problem::bad_value("/login", wrong))?),
        };
        let unit = match self.unit.trim() {
            "" => None,
            text => Some(UnitCode::parse(text).map_err(|wrong| Problem::bad_value("/unit", wrong))?),
        };
        let roles = match self.role.as_str() {
            "" => Vec::new(),
            text => vec![Role::parse(text).map_err(|wrong| Problem::bad_value("/role", wrong))?],
        };
        let act = Act::parse(&self.act).map_err(|wrong| Problem::bad_value("/act", wrong))?;
        Ok(Question::Act { login, roles, act, unit })
    }
}

#[derive(Template)]
#[template(path = "admin_asking.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    tabs: Vec<Tab>,
    asked: Asked,
    roles: Vec<(&'static str, &'static str)>,
    acts: Vec<(&'static str, &'static str)>,
    answer: Option<Explained>,
    wrong: Option<Problem>,
}

pub(super) async fn ask(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    page(&app, &who, Asked::default(), None, None).await
}

pub(super) async fn explain(
    State(app): State<App>,
    Posted(who, asked): Posted<Asked>,
) -> Result<Response, Problem> {
    match answered(&app, &who, &asked).await {
        Ok(answer) => page(&app, &who, asked, Some(answer), None).await,
        Err(wrong) => page(&app, &who, asked, None, Some(wrong)).await,
    }
}

async fn answered(app: &App, who: &Visitor, asked: &Asked) -> Result<Explained, Problem> {
    Ok(app.broker().policy_explain(who.session.caller(), &asked.question()?).await?)
}

async fn page(
    app: &App,
    who: &Visitor,
    asked: Asked,
    answer: Option<Explained>,
    wrong: Option<Problem>,
) -> Result<Response, Problem> {
    let (lang, w) = (who.look.lang, words::of(who.look.lang));
    let frame = Frame::new(app, who, Place::Admin, w.explain).await?;
    let page = Page {
        tabs: tabs(&frame, w, "/admin/policies"),
        frame,
        w,
        asked,
        roles: Role::ALL.iter().map(|role| (role.code(), role.word(lang))).collect(),
        acts: Act::ALL.iter().map(|act| (act.code(), act.word(lang))).collect(),
        answer,
        wrong,
    };
    Ok(html_about(page.wrong.as_ref(), &page))
}
