//! Home: what waits for this person, and where to begin.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::answer::html;
use super::frame::{Frame, Place};
use super::requests::{Line, counts, drafts};
use super::visitor::Visitor;
use crate::http::{App, Problem};
use crate::model::code::Role;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
    waiting: Vec<Line>,
}

pub(super) async fn show(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    let w = who.look.words();
    let frame = Frame::new(&app, &who, Place::Home, w.home).await?;
    let lines = app.broker().request_list(who.session.caller()).await?;
    let called = app.broker().called().await?;
    let lines = lines.into_iter().map(|line| Line::of(&frame, &called, line));
    let waiting: Vec<Line> = lines.filter(|line| line.mine).collect();
    Ok(html(&Home { frame, waiting }))
}
