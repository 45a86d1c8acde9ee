//! What is done about one member: checked without showing, what he says, corrected, erased. A refusal comes back on a page
//! with the same form, as it was filled in.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::answer::{html, html_as};
use super::super::frame::{Frame, Place};
use super::super::visitor::{Posted, Stepped, Visitor};
use super::record::{self, ConsentChoices, field_words};
use super::typed::Typed;
use super::words::{self, Words};
use crate::http::{App, Problem};
use crate::model::code::{Channel, Purpose, RecipientClass};
use crate::model::field::Field;
use crate::web::problems::unreadable_form;

/// Which form a page holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Reveal,
    Verify,
    Consent,
    Correct,
    Erase,
}

#[derive(Template)]
#[template(path = "counter_act.html")]
struct Act {
    frame: Frame,
    w: &'static Words,
    kind: Kind,
    typed: Typed,
    fields: Vec<(Field, &'static str)>,
    choices: ConsentChoices,
    problem: Option<Problem>,
    /// Whether what the caller said is so, once it was asked.
    is_match: Option<bool>,
}

impl Act {
    async fn new(app: &App, who: &Visitor, kind: Kind, typed: Typed) -> Result<Act, Problem> {
        let w = words::of(who.look.lang);
        let title = match kind {
            Kind::Reveal => w.reveal,
            Kind::Verify => w.verify,
            Kind::Consent => w.consent,
            Kind::Correct => w.correct,
            Kind::Erase => w.erase,
        };
        let frame = Frame::new(app, who, Place::Members, title).await?;
        let choices = app.broker().counter_choices(who.session.caller()).await?;
        let (fields, choices) = (field_words(&frame), ConsentChoices::of(&frame, w, &choices));
        Ok(Act { frame, w, kind, typed, fields, choices, problem: None, is_match: None })
    }
}

/// The form once more, with why not.
pub(super) async fn refused(
    app: &App,
    who: &Visitor,
    kind: Kind,
    typed: Typed,
    problem: Problem,
) -> Result<Response, Problem> {
    let (status, page) = (problem.status(), Act::new(app, who, kind, typed).await?);
    Ok(html_as(status, &Act { problem: Some(problem), ..page }))
}

/// Asked about a field, or about nothing yet: then it is the empty form.
pub(super) async fn verify(
    State(app): State<App>,
    Posted(who, typed): Posted<Typed>,
) -> Result<Response, Problem> {
    if typed.some("field").is_none() {
        return Ok(html(&Act::new(&app, &who, Kind::Verify, typed).await?));
    }
    let (field, value) = (typed.field()?, typed.one("value"));
    match app.broker().member_verify(who.session.caller(), &typed.member(), field, value).await {
        Err(wrong) => refused(&app, &who, Kind::Verify, typed, wrong.into()).await,
        Ok(is_match) => {
            let page = Act::new(&app, &who, Kind::Verify, typed).await?;
            Ok(html(&Act { is_match: Some(is_match), ..page }))
        }
    }
}

pub(super) async fn consent(
    State(app): State<App>,
    Posted(who, typed): Posted<Typed>,
) -> Result<Response, Problem> {
    let unreadable = |_| unreadable_form();
    let purpose = Purpose::parse(typed.one("purpose")).map_err(unreadable)?;
    let channel = Channel::parse(typed.one("channel")).map_err(unreadable)?;
    let class = RecipientClass::parse(typed.one("class")).map_err(unreadable)?;
    let granted = match typed.one("said") {
        "yes" => true,
        "no" => false,
        // The box is required: this did not come from a page that was filled in.
        _ => return Err(unreadable_form()),
    };
    let (caller, member, evidence) = (who.session.caller(), typed.member(), typed.one("evidence"));
    let set = app.broker().consent_set(caller, &member, purpose, channel, class, granted, evidence).await;
    match set {
        Err(wrong) => refused(&app, &who, Kind::Consent, typed, wrong.into()).await,
        Ok(_) => record::again(&app, &who, &member, Some(words::of(who.look.lang).done_consent)).await,
    }
}

pub(super) async fn correct(
    State(app): State<App>,
    Posted(who, typed): Posted<Typed>,
) -> Result<Response, Problem> {
    let (field, member, reason) = (typed.field()?, typed.member(), typed.one("reason"));
    let caller = who.session.caller();
    match app.broker().member_correct(caller, &member, field, typed.one("value"), reason).await {
        Err(wrong) => refused(&app, &who, Kind::Correct, typed, wrong.into()).await,
        Ok(()) => record::again(&app, &who, &member, Some(words::of(who.look.lang).done_correct)).await,
    }
}

#[derive(Template)]
#[template(path = "counter_erased.html")]
struct Erased {
    frame: Frame,
    w: &'static Words,
    case_no: String,
}

pub(super) async fn erase(
    State(app): State<App>,
    Stepped(step, who, typed): Stepped<Typed>,
) -> Result<Response, Problem> {
    let w = words::of(who.look.lang);
    let confirmed = typed.one("confirm");
    if ![words::of(crate::model::lang::Lang::Zh), words::of(crate::model::lang::Lang::En)]
        .iter()
        .any(|words| words.erase_word == confirmed)
    {
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "not_confirmed", w.erase_not_typed);
        return refused(&app, &who, Kind::Erase, typed, problem).await;
    }
    match app.broker().member_erase(step.caller(), &typed.member(), typed.one("reason")).await {
        Err(wrong) => refused(&app, &who, Kind::Erase, typed, wrong.into()).await,
        Ok(case_no) => {
            let frame = Frame::new(&app, &who, Place::Members, w.erased).await?;
            Ok(html(&Erased { frame, w, case_no }))
        }
    }
}
