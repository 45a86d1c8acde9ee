//! Finding a member: one box, an exact value, masked results.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::super::answer::{html, html_as};
use super::super::frame::{Frame, Place};
use super::super::visitor::{Posted, Visitor};
use super::record::Record;
use super::shape::understood;
use super::typed::Typed;
use super::words::{self, Words};
use crate::http::{App, Problem};
use crate::model::code::Role;
use crate::model::field::Index;

#[derive(Template)]
#[template(path = "counter_search.html")]
struct Search {
    frame: Frame,
    w: &'static Words,
    /// What was typed, while it still has to be looked at.
    typed: Typed,
    /// As what it was looked up.
    index: Option<Index>,
    found: Option<Vec<Record>>,
    problem: Option<Problem>,
}

impl Search {
    async fn new(app: &App, who: &Visitor) -> Result<Search, Problem> {
        let frame = Frame::new(app, who, Place::Members, who.look.words().members).await?;
        let w = words::of(frame.look.lang);
        Ok(Search { frame, w, typed: Typed::default(), index: None, found: None, problem: None })
    }

    fn may_add(&self) -> bool {
        self.frame.has(Role::Counter) || self.frame.has(Role::MemberHead)
    }

    fn may_verify(&self) -> bool {
        self.frame.has(Role::Counter)
    }

    fn may_ask_who(&self) -> bool {
        self.frame.has(Role::MemberHead) || self.frame.has(Role::Auditor)
    }

    fn word(&self, index: &Index) -> &'static str {
        match index {
            Index::Mobile => self.frame.w.mobile,
            Index::Email => self.frame.w.email,
            Index::Card | Index::Post => self.frame.w.card_no,
        }
    }
}

pub(super) async fn ask(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    Ok(html(&Search::new(&app, &who).await?))
}

pub(super) async fn find(
    State(app): State<App>,
    Posted(who, typed): Posted<Typed>,
) -> Result<Response, Problem> {
    let value = typed.one("value");
    let index = match typed.some("by").map(Index::parse) {
        Some(Ok(index)) => index,
        _ => understood(value),
    };
    let caller = who.session.caller();
    let looked = app.broker().member_look_up(caller, index, value).await.map_err(Problem::from);
    let page = Search { index: Some(index), ..Search::new(&app, &who).await? };
    match looked {
        Err(problem) => {
            let status = problem.status();
            Ok(html_as(status, &Search { problem: Some(problem), typed, ..page }))
        }
        Ok(found) => {
            let records = found.iter().map(|shown| Record::of(&app, &page.frame, caller, shown));
            let records = records.collect::<Result<Vec<_>, _>>()?;
            let typed = if records.is_empty() { typed } else { Typed::default() };
            Ok(html(&Search { found: Some(records), typed, ..page }))
        }
    }
}
