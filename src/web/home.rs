//! Home: what waits for this person, and where to begin.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::answer::html;
use super::frame::{Frame, Place};
use super::paging::LINES;
use super::requests::{Line, counts, drafts};
use super::visitor::Visitor;
use super::words::Words;
use crate::broker::awaiting::Awaiting;
use crate::broker::showing::RequestLine;
use crate::http::{App, Problem};
use crate::model::code::Role;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
    /// The newest of what waits.
    waiting: Vec<Line>,
    others: Vec<Awaited>,
    /// What became of what the reader began.
    ended: Vec<Line>,
}

/// Something else that waits: where it is done, what, and how much of it.
struct Awaited {
    href: &'static str,
    text: &'static str,
    count: usize,
    overdue: usize,
}

/// Those of which there is something.
fn others(w: &'static Words, found: Awaiting) -> Vec<Awaited> {
    let one = |href, text, count, overdue| Awaited { href, text, count, overdue };
    let all = [
        one("/packages", w.waits_proofs, found.proofs, found.overdue),
        one("/admin/proposals", w.waits_proposals, found.proposals, 0),
        one("/admin/policies", w.waits_policies, found.policies, 0),
        one("/audit/alarms", w.waits_alarms, found.alarms, 0),
    ];
    all.into_iter().filter(|one| one.count > 0).collect()
}

pub(super) async fn show(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    let w = who.look.words();
    let waits = app.broker().requests_to_do(who.session.caller(), LINES as usize).await?;
    let frame = Frame::counted(&app, &who, Place::Home, w.home, waits.count).await?;
    let called = app.broker().called().await?;
    let others = others(w, app.broker().awaiting(who.session.caller()).await?);
    let lines = |lines: Vec<RequestLine>| -> Vec<Line> {
        lines.into_iter().map(|line| Line::of(&frame, &called, line)).collect()
    };
    let (waiting, ended) = (lines(waits.lines), lines(waits.ended));
    Ok(html(&Home { frame, waiting, others, ended }))
}
