//! Who saw a member: the card is sent in a form's body and stands in no address and no title.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::actions::word;
use super::entry::{field, purpose};
use super::explorer::who as called;
use super::tabs::{Tab, tabs};
use super::words::{self, Words};
use crate::broker::members::{Received, Seen, Subject, WhoSaw};
use crate::http::{App, Problem, card};
use crate::web::answer::html;
use crate::web::frame::{Frame, Place};
use crate::web::visitor::{Posted, Visitor};

/// Whom it is about.
#[derive(Deserialize)]
pub(super) struct Whom {
    #[serde(default)]
    card: Zeroizing<String>,
    #[serde(default)]
    case: String,
}

/// An entry about the member.
struct Row {
    seq: u64,
    at: String,
    action: String,
    actor: String,
    fields: String,
    purpose: String,
    refused: bool,
}

#[derive(Template)]
#[template(path = "audits_subject.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    tabs: Vec<Tab>,
    /// Nothing was asked yet.
    found: Option<Found>,
    wrong: Option<Problem>,
}

struct Found {
    case_no: Option<String>,
    rows: Vec<Row>,
    packages: Vec<Received>,
}

pub(super) async fn ask(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    page(&app, &who, None, None).await
}

pub(super) async fn find(
    State(app): State<App>,
    Posted(who, whom): Posted<Whom>,
) -> Result<Response, Problem> {
    match looked(&app, &who, &whom).await {
        Ok(found) => page(&app, &who, Some(found), None).await,
        Err(wrong) => page(&app, &who, None, Some(wrong)).await,
    }
}

async fn looked(app: &App, who: &Visitor, whom: &Whom) -> Result<WhoSaw, Problem> {
    let subject = match whom.case.trim() {
        "" => Subject::Card(card(whom.card.trim())?),
        case => Subject::Case(case.to_owned()),
    };
    Ok(app.broker().member_who_saw(who.session.caller(), subject).await?)
}

async fn page(
    app: &App,
    who: &Visitor,
    found: Option<WhoSaw>,
    wrong: Option<Problem>,
) -> Result<Response, Problem> {
    let w = words::of(who.look.lang);
    let frame = Frame::new(app, who, Place::Audit, w.subject).await?;
    let found = found.map(|found| Found {
        case_no: found.case_no,
        rows: found.entries.into_iter().map(|seen| row(&frame, w, seen)).collect(),
        packages: found.packages,
    });
    Ok(html(&Page { tabs: tabs(&frame, w, "/audit/subject"), frame, w, found, wrong }))
}

/// When a package was sealed, fetched, handed on and recalled.
fn moments(package: &Received) -> [Option<&String>; 4] {
    let Received { sealed_at, downloaded_at, handed_off_at, recalled_at, .. } = package;
    [sealed_at, downloaded_at, handed_off_at, recalled_at].map(Option::as_ref)
}

fn row(frame: &Frame, w: &'static Words, seen: Seen) -> Row {
    let lang = frame.look.lang;
    let fields: Vec<String> = seen.fields.iter().map(|code| field(lang, code)).collect();
    Row {
        seq: seen.seq,
        action: word(lang, &seen.action).to_owned(),
        actor: called(w, &seen.actor).to_owned(),
        fields: fields.join(frame.w.comma),
        purpose: seen.purpose.map(|code| purpose(lang, &code)).unwrap_or_default(),
        refused: seen.decision != "allow",
        at: seen.at,
    }
}
