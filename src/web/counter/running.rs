//! One import while it runs and after: how it stands, which rows it refused as a file, and a button that has it stop. A
//! script follows it; without one the page is loaded again.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::super::answer::{html_about, to};
use super::super::frame::{Frame, Place};
use super::super::visitor::{Nothing, Posted, Visitor};
use super::words::{self, Words};
use crate::broker::imports::following::ImportShown;
use crate::http::{App, Path, Problem, nothing_here};
use crate::model::code::Role;
use crate::store::imports::ImportState;

/// Imports that the page of imports lists.
const LISTED: usize = 10;

/// An import in the reader's words.
pub(super) struct Run {
    pub(super) shown: ImportShown,
    w: &'static Words,
}

impl Run {
    pub(super) fn kind(&self) -> &'static str {
        if self.shown.dry_run { self.w.run_check } else { self.w.run_import }
    }

    pub(super) fn state(&self) -> &'static str {
        self.word(&self.shown.state)
    }

    /// The word of a state, for the script as well.
    pub(super) fn word(&self, state: &ImportState) -> &'static str {
        match state {
            ImportState::Running => self.w.run_running,
            ImportState::Cancelling => self.w.run_cancelling,
            ImportState::Done => self.w.run_done,
            ImportState::Cancelled => self.w.run_cancelled,
            ImportState::BrokenOff => self.w.run_broken_off,
        }
    }
}

/// The newest imports that the reader may see; who may see none is not refused the page for it.
pub(super) async fn newest(app: &App, who: &Visitor, frame: &Frame) -> Result<Vec<Run>, Problem> {
    let w = words::of(who.look.lang);
    if ![Role::Counter, Role::MemberHead, Role::Auditor].into_iter().any(|role| frame.has(role)) {
        return Ok(Vec::new());
    }
    let shown = app.broker().import_list(who.session.caller(), u64::MAX, LISTED).await?;
    Ok(shown.into_iter().map(|shown| Run { shown, w }).collect())
}

#[derive(Template)]
#[template(path = "counter_import.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    run: Run,
    problem: Option<Problem>,
}

impl Page {
    /// Why an import that ended before its file did is not lost.
    fn resumes(&self) -> bool {
        matches!(self.run.shown.state, ImportState::Cancelled | ImportState::BrokenOff)
    }
}

pub(super) async fn show(State(app): State<App>, who: Visitor, Path(no): Path) -> Result<Response, Problem> {
    page(&app, &who, number(&no).await?, None).await
}

pub(super) async fn cancel(
    State(app): State<App>,
    Path(no): Path,
    Posted(who, Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let no = number(&no).await?;
    match app.broker().import_cancel(who.session.caller(), no).await {
        Ok(_) => Ok(to(format!("/imports/{no}"))),
        Err(wrong) => page(&app, &who, no, Some(wrong.into())).await,
    }
}

async fn page(app: &App, who: &Visitor, no: u64, problem: Option<Problem>) -> Result<Response, Problem> {
    let w = words::of(who.look.lang);
    let shown = app.broker().import_show(who.session.caller(), no).await?;
    let frame = Frame::new(app, who, Place::Members, w.imports).await?;
    let page = Page { frame, w, run: Run { shown, w }, problem };
    Ok(html_about(page.problem.as_ref(), &page))
}

async fn number(text: &str) -> Result<u64, Problem> {
    match text.parse() {
        Ok(no) => Ok(no),
        Err(_) => Err(nothing_here().await),
    }
}
