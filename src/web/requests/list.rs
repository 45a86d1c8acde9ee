//! Lists of requests: what waits, what one did, what one began, what was copied.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::words::{self, Words};
use crate::broker::called::Called;
use crate::broker::showing::{Filter, Mine, RequestLine, Status};
use crate::http::{App, Problem, Query};
use crate::model::code::{Role, Step};
use crate::model::ids::RequestNo;
use crate::model::lang::{Lang, Word as _};
use crate::model::signing::SignedAct;
use crate::web::answer::html;
use crate::web::called::Whom;
use crate::web::frame::{Frame, Place};
use crate::web::paging::{Behind, Pager};
use crate::web::visitor::Visitor;

/// A line of a list.
pub(in crate::web) struct Line {
    pub(in crate::web) no: String,
    pub(in crate::web) unit: String,
    pub(in crate::web) campaign: String,
    pub(in crate::web) standing: String,
    pub(in crate::web) holders: Vec<Whom>,
    /// Full days where it is.
    pub(in crate::web) age: i64,
    /// Full days until its signatures run out.
    pub(in crate::web) left: Option<i64>,
    /// Whether it waits for the reader.
    pub(in crate::web) mine: bool,
}

impl Line {
    pub(in crate::web) fn of(frame: &Frame, called: &Called, line: RequestLine) -> Line {
        Line {
            no: line.no.to_string(),
            unit: called.unit(line.unit.as_str(), frame.look.lang).to_owned(),
            campaign: line.campaign,
            standing: standing(frame.look.lang, &line.standing),
            mine: line.holder.contains(&frame.login) && !matches!(line.status, Status::Ended),
            holders: Whom::all(called, &line.holder),
            age: line.waiting_days,
            left: line.days_left,
        }
    }
}

/// Where a request stands, in words.
pub(in crate::web) fn standing(lang: Lang, code: &str) -> String {
    let (w, common) = (words::of(lang), crate::web::words::of(lang));
    let (kind, about) = code.split_once(": ").unwrap_or((code, ""));
    match kind {
        "draft" => w.standing_draft.to_owned(),
        "waiting" => {
            format!("{} {}", w.standing_waiting, Step::parse(about).map_or(about, |step| step.word(lang)))
        }
        "signed" => w.standing_signed.to_owned(),
        "executed" => format!("{} {about}", w.standing_executed),
        "ended" => SignedAct::parse(about).map_or(about, |act| common.act(act)).to_owned(),
        "expired" => w.standing_expired.to_owned(),
        _ => format!("{} ({about})", w.standing_void),
    }
}

/// Whether it is worth showing the way to the form; the broker decides who may.
pub(in crate::web) fn drafts(frame: &Frame) -> bool {
    use Role::*;
    [InfoOfficer, DeptHead, PlanningHead, PlanningOfficer, MemberHead, Counter].iter().any(|r| frame.has(*r))
}

/// Whether it is worth showing the way to what is counted of consents; the broker decides who may.
pub(in crate::web) fn counts(frame: &Frame) -> bool {
    use Role::*;
    [InfoOfficer, DeptHead, PlanningHead, MemberHead, Auditor].iter().any(|r| frame.has(*r))
}

/// Which list.
#[derive(Deserialize)]
pub(super) struct Which {
    mine: Option<Mine>,
    #[serde(flatten)]
    behind: Behind,
}

struct Tab {
    href: String,
    text: &'static str,
    here: bool,
}

#[derive(Template)]
#[template(path = "requests.html")]
struct List {
    frame: Frame,
    r: &'static Words,
    tabs: Vec<Tab>,
    lines: Vec<Line>,
    pager: Pager,
    /// What is said when the list is empty.
    nothing: &'static str,
    may_draft: bool,
    counts: bool,
}

pub(super) async fn show(
    State(app): State<App>,
    who: Visitor,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    let frame = Frame::new(&app, &who, Place::Requests, who.look.words().requests).await?;
    let filter = Filter { mine: which.mine, ..Filter::default() };
    let stretch = which.behind.stretch(|text| RequestNo::parse(text).ok());
    let page = app.broker().request_page(who.session.caller(), &filter, &stretch).await?;
    let called = app.broker().called().await?;
    let pager = Pager::of(path(which.mine), &which.behind, &page, |line| line.no.to_string());
    let lines = page.lines.into_iter().map(|line| Line::of(&frame, &called, line)).collect();
    let r = words::of(frame.look.lang);
    let tab = |mine: Option<Mine>, text| Tab { href: path(mine), text, here: mine == which.mine };
    let tabs = vec![
        tab(None, r.tab_all),
        tab(Some(Mine::Todo), r.tab_todo),
        tab(Some(Mine::Done), r.tab_done),
        tab(Some(Mine::Started), r.tab_started),
        tab(Some(Mine::Cc), r.tab_cc),
    ];
    let nothing = match which.mine {
        None => r.no_requests,
        Some(Mine::Todo) => r.nothing_todo,
        Some(Mine::Started) => r.nothing_started,
        Some(Mine::Done | Mine::Cc) => r.nothing_here,
    };
    let (may_draft, counts) = (drafts(&frame), counts(&frame));
    Ok(html(&List { frame, r, tabs, lines, pager, nothing, may_draft, counts }))
}

fn path(mine: Option<Mine>) -> String {
    mine.map_or("/requests".to_owned(), |mine| format!("/requests?mine={mine}"))
}
