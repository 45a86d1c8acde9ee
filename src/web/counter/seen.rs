//! Who saw a member's data, and in which packages it left.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::super::answer::{html, html_as};
use super::super::called::Whom;
use super::super::frame::{Frame, Place};
use super::super::visitor::{Posted, Visitor};
use super::record::field_list;
use super::typed::Typed;
use super::words::{self, Words};
use crate::broker::called::Called;
use crate::broker::members::{Received, Seen, Subject, WhoSaw};
use crate::http::{App, Problem, card};

/// An entry in words.
struct Line {
    seen: Seen,
    by: Whom,
    action: String,
    fields: String,
}

/// An answer.
struct Told {
    case_no: Option<String>,
    lines: Vec<Line>,
    packages: Vec<(Received, Option<Whom>)>,
}

#[derive(Template)]
#[template(path = "counter_seen.html")]
struct Asked {
    frame: Frame,
    w: &'static Words,
    typed: Typed,
    told: Option<Told>,
    problem: Option<Problem>,
}

impl Asked {
    async fn new(app: &App, who: &Visitor, typed: Typed) -> Result<Asked, Problem> {
        let w = words::of(who.look.lang);
        let frame = Frame::new(app, who, Place::Members, w.who_saw).await?;
        Ok(Asked { frame, w, typed, told: None, problem: None })
    }

    /// When a package was sealed, fetched, handed off, recalled.
    fn times<'p>(&self, package: &'p Received) -> [Option<&'p str>; 4] {
        let Received { sealed_at, downloaded_at, handed_off_at, recalled_at, .. } = package;
        [sealed_at, downloaded_at, handed_off_at, recalled_at].map(Option::as_deref)
    }
}

pub(super) async fn ask(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    Ok(html(&Asked::new(&app, &who, Typed::default()).await?))
}

pub(super) async fn show(
    State(app): State<App>,
    Posted(who, typed): Posted<Typed>,
) -> Result<Response, Problem> {
    match answered(&app, &who, &typed).await {
        Err(problem) => {
            let (status, page) = (problem.status(), Asked::new(&app, &who, typed).await?);
            Ok(html_as(status, &Asked { problem: Some(problem), ..page }))
        }
        Ok(who_saw) => {
            let page = Asked::new(&app, &who, typed).await?;
            let told = told(&page.frame, &app.broker().called().await?, who_saw);
            Ok(html(&Asked { told: Some(told), ..page }))
        }
    }
}

async fn answered(app: &App, who: &Visitor, typed: &Typed) -> Result<WhoSaw, Problem> {
    let subject = match (typed.some("member"), typed.some("case_no")) {
        (Some(_), _) => Subject::Found(typed.member()),
        (None, Some(case)) => Subject::Case(case.to_owned()),
        (None, None) => Subject::Card(card(typed.one("card"))?),
    };
    Ok(app.broker().member_who_saw(who.session.caller(), subject).await?)
}

fn told(frame: &Frame, called: &Called, who_saw: WhoSaw) -> Told {
    let WhoSaw { case_no, entries, packages } = who_saw;
    let line = |seen: Seen| Line {
        action: words::action(frame.look.lang, &seen.action).to_owned(),
        fields: field_list(frame, &seen.fields),
        by: Whom::of(called, &seen.actor),
        seen,
    };
    let vendor = |package: Received| {
        let vendor = package.vendor.as_ref().map(|code| Whom::vendor(called, code.as_str(), frame.look.lang));
        (package, vendor)
    };
    let packages = packages.into_iter().map(vendor).collect();
    Told { case_no, lines: entries.into_iter().rev().map(line).collect(), packages }
}
