//! Who saw a member: the card is sent in a form's body and stands in no address and no title.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::actions::word;
use super::entry::{field, purpose};
use super::explorer::who;
use super::tabs::{Tab, tabs};
use super::words::{self, Words};
use crate::broker::called::Called;
use crate::broker::members::{Received, Seen, Subject, WhoSaw};
use crate::http::{App, Problem, card};
use crate::web::answer::html_about;
use crate::web::called::Whom as Name;
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
    actor: Name,
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
    packages: Vec<(Received, Option<Name>)>,
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
    reader: &Visitor,
    found: Option<WhoSaw>,
    wrong: Option<Problem>,
) -> Result<Response, Problem> {
    let (lang, w) = (reader.look.lang, words::of(reader.look.lang));
    let frame = Frame::new(app, reader, Place::Audit, w.subject).await?;
    let called = app.broker().called().await?;
    let vendor = |package: Received| {
        let vendor = package.vendor.as_ref().map(|code| Name::vendor(&called, code.as_str(), lang));
        (package, vendor)
    };
    let found = found.map(|found| Found {
        case_no: found.case_no,
        rows: found.entries.into_iter().map(|seen| row(&frame, w, &called, seen)).collect(),
        packages: found.packages.into_iter().map(vendor).collect(),
    });
    let page = Page { tabs: tabs(&frame, w, "/audit/subject"), frame, w, found, wrong };
    Ok(html_about(page.wrong.as_ref(), &page))
}

/// When a package was sealed, fetched, handed off and recalled.
fn moments(package: &Received) -> [Option<&String>; 4] {
    let Received { sealed_at, downloaded_at, handed_off_at, recalled_at, .. } = package;
    [sealed_at, downloaded_at, handed_off_at, recalled_at].map(Option::as_ref)
}

fn row(frame: &Frame, w: &'static Words, called: &Called, seen: Seen) -> Row {
    let lang = frame.look.lang;
    let fields: Vec<String> = seen.fields.iter().map(|code| field(lang, code)).collect();
    Row {
        seq: seen.seq,
        action: word(lang, &seen.action).to_owned(),
        actor: who(w, called, &seen.actor),
        fields: fields.join(frame.w.comma),
        purpose: seen.purpose.map(|code| purpose(lang, &code)).unwrap_or_default(),
        refused: seen.decision != "allow",
        at: seen.at,
    }
}
