//! Home: what waits for this person, and where to begin.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::answer::html;
use super::frame::{Frame, Place};
use super::paging::LINES;
use super::requests::{Line, counts, drafts};
use super::visitor::Visitor;
use crate::http::{App, Problem};
use crate::model::code::Role;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
    /// The newest of what waits.
    waiting: Vec<Line>,
}

pub(super) async fn show(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    let w = who.look.words();
    let waits = app.broker().requests_to_do(who.session.caller(), LINES as usize).await?;
    let frame = Frame::counted(&app, &who, Place::Home, w.home, waits.count).await?;
    let called = app.broker().called().await?;
    let waiting = waits.lines.into_iter().map(|line| Line::of(&frame, &called, line)).collect();
    Ok(html(&Home { frame, waiting }))
}
