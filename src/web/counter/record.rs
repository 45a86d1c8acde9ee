//! A member's record, masked, with what can be done about it; how consents and values came about.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::super::answer::html;
use super::super::called::Whom;
use super::super::frame::{Frame, Place};
use super::super::visitor::{Posted, Visitor};
use super::typed::Typed;
use super::words::{self, Words};
use crate::broker::Caller;
use crate::broker::choosing::CounterChoices;
use crate::broker::consents::{ConsentShown, Occasion};
use crate::broker::found::Found;
use crate::broker::members::{Change, FieldNow, MemberHistory, MemberShown};
use crate::broker::seeking::ConsentState;
use crate::http::{App, Problem};
use crate::model::code::{Channel, Purpose, RecipientClass, Role};
use crate::model::field::Field;
use crate::model::lang::Word as _;

/// A member as pages show him.
pub(super) struct Record {
    /// His name for the page's own forms.
    pub(super) member: Found,
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) lines: Vec<(&'static str, String)>,
    pub(super) consents: Vec<Said>,
    /// RFC 3339.
    pub(super) changed_at: String,
}

/// One consent in effect.
pub(super) struct Said {
    pub(super) purpose: &'static str,
    pub(super) channel: &'static str,
    pub(super) class: &'static str,
    pub(super) state: &'static str,
    pub(super) granted: bool,
}

impl Record {
    pub(super) fn of(
        app: &App,
        frame: &Frame,
        caller: &Caller,
        shown: &MemberShown,
    ) -> Result<Record, Problem> {
        let lang = frame.look.lang;
        let member = app.broker().found(caller, shown)?;
        let fields = shown.fields.iter().map(|(f, masked)| (f.word(lang), masked.as_str().to_owned()));
        let consents = shown.consents.iter().map(|state| said(frame, state)).collect();
        let changed_at = shown.changed_at.clone();
        Ok(Record { member, fields: fields.collect(), lines: lines(frame, shown), consents, changed_at })
    }
}

fn lines(frame: &Frame, shown: &MemberShown) -> Vec<(&'static str, String)> {
    let (general, w, lang) = (frame.w, words::of(frame.look.lang), frame.look.lang);
    let some = |text: &Option<String>| text.clone().unwrap_or_else(|| w.none.to_owned());
    let is_active = shown.status == "active";
    let covenant = match &shown.covenant {
        Some(accepted) => format!("{} {}", general.family(accepted.family), accepted.version),
        None => w.none.to_owned(),
    };
    let mut lines = vec![
        (general.tier, shown.tier.word(lang).to_owned()),
        (general.card_type, shown.card_type.word(lang).to_owned()),
        (general.status, if is_active { general.active } else { general.pending }.to_owned()),
        (w.validity, if is_active { w.no_end } else { w.until_reviewed }.to_owned()),
        (general.covenant, covenant),
        (general.home_store, some(&shown.home_store)),
        (general.joined_on, some(&shown.joined_on)),
    ];
    if shown.legacy_covenant {
        lines.push((general.covenant, w.legacy.to_owned()));
    }
    lines
}

fn said(frame: &Frame, state: &ConsentState) -> Said {
    let lang = frame.look.lang;
    Said {
        purpose: state.purpose.word(lang),
        channel: state.channel.word(lang),
        class: frame.w.class(state.class),
        state: frame.w.consent(state.state),
        granted: state.state == "granted",
    }
}

/// What the form of a consent can name.
pub(super) struct ConsentChoices {
    pub(super) purposes: Vec<(Purpose, &'static str)>,
    /// With a word on those that are not in use for promotion.
    pub(super) channels: Vec<(Channel, &'static str, &'static str)>,
    pub(super) classes: Vec<(RecipientClass, &'static str)>,
}

impl ConsentChoices {
    pub(super) fn of(frame: &Frame, w: &'static Words, choices: &CounterChoices) -> ConsentChoices {
        let lang = frame.look.lang;
        let in_use = |channel: &Channel| choices.in_use.iter().any(|(_, on)| on == channel);
        let note = |channel: &Channel| if in_use(channel) { "" } else { w.not_in_use };
        ConsentChoices {
            purposes: Purpose::ALL.iter().map(|p| (*p, p.word(lang))).collect(),
            channels: Channel::ALL.iter().map(|c| (*c, c.word(lang), note(c))).collect(),
            classes: RecipientClass::ALL.iter().map(|c| (*c, frame.w.class(*c))).collect(),
        }
    }
}

/// Fields by their words, for forms.
pub(super) fn field_words(frame: &Frame) -> Vec<(Field, &'static str)> {
    Field::ALL.iter().map(|field| (*field, field.word(frame.look.lang))).collect()
}

#[derive(Template)]
#[template(path = "counter_record.html")]
struct One {
    frame: Frame,
    w: &'static Words,
    typed: Typed,
    record: Record,
    fields: Vec<(Field, &'static str)>,
    choices: ConsentChoices,
    /// What other members have too, of one who has just joined.
    shared: Vec<&'static str>,
}

impl One {
    fn is_counter(&self) -> bool {
        self.frame.has(Role::Counter)
    }

    fn is_head(&self) -> bool {
        self.frame.has(Role::MemberHead)
    }
}

pub(super) async fn show(
    State(app): State<App>,
    Posted(who, typed): Posted<Typed>,
) -> Result<Response, Problem> {
    again(&app, &who, &typed.member(), None).await
}

/// The record as it is now, after something was done.
pub(super) async fn again(
    app: &App,
    who: &Visitor,
    member: &Found,
    done: Option<&'static str>,
) -> Result<Response, Problem> {
    let shown = app.broker().member_show(who.session.caller(), member).await?;
    page(app, who, &shown, done, Vec::new()).await
}

/// A record that is at hand.
pub(super) async fn page(
    app: &App,
    who: &Visitor,
    shown: &MemberShown,
    done: Option<&'static str>,
    shared: Vec<&'static str>,
) -> Result<Response, Problem> {
    let mut frame = Frame::new(app, who, Place::Members, who.look.words().record).await?;
    frame.done = done;
    let w = words::of(frame.look.lang);
    let record = Record::of(app, &frame, who.session.caller(), shown)?;
    let choices = app.broker().counter_choices(who.session.caller()).await?;
    let choices = ConsentChoices::of(&frame, w, &choices);
    let (typed, fields) = (Typed::about(&record.member), field_words(&frame));
    Ok(html(&One { frame, w, typed, record, fields, choices, shared }))
}

#[derive(Template)]
#[template(path = "counter_consents.html")]
struct Consents {
    frame: Frame,
    w: &'static Words,
    typed: Typed,
    states: Vec<Said>,
    history: Vec<Line>,
}

/// An occasion, with the words of what it is about.
struct Line {
    occasion: Occasion,
    by: Whom,
    about: String,
    source: &'static str,
}

pub(super) async fn consents(
    State(app): State<App>,
    Posted(who, typed): Posted<Typed>,
) -> Result<Response, Problem> {
    let shown = app.broker().consent_show(who.session.caller(), &typed.member()).await?;
    let w = words::of(who.look.lang);
    let frame = Frame::new(&app, &who, Place::Members, w.history).await?;
    let lang = frame.look.lang;
    let called = app.broker().called().await?;
    let ConsentShown { states, history } = shown;
    let states = states.iter().map(|state| said(&frame, state)).collect();
    let line = |occasion: Occasion| {
        let (purpose, channel) = (occasion.purpose.word(lang), occasion.channel.word(lang));
        let about = format!("{purpose} · {channel} · {}", frame.w.class(occasion.class));
        Line { about, source: w.source(occasion.source), by: Whom::of(&called, &occasion.actor), occasion }
    };
    let history = history.into_iter().map(line).rev().collect();
    Ok(html(&Consents { frame, w, typed, states, history }))
}

#[derive(Template)]
#[template(path = "counter_changes.html")]
struct Changes {
    frame: Frame,
    w: &'static Words,
    typed: Typed,
    fields: BTreeMap<Field, FieldNow>,
    changes: Vec<(Change, Whom, String)>,
}

pub(super) async fn changes(
    State(app): State<App>,
    Posted(who, typed): Posted<Typed>,
) -> Result<Response, Problem> {
    let MemberHistory { fields, changes } =
        app.broker().member_history(who.session.caller(), &typed.member()).await?;
    let w = words::of(who.look.lang);
    let frame = Frame::new(&app, &who, Place::Members, w.changes).await?;
    let called = app.broker().called().await?;
    let changes = changes.into_iter().rev().map(|change| {
        let (by, named) = (Whom::of(&called, &change.actor), field_list(&frame, &change.fields));
        (change, by, named)
    });
    let changes = changes.collect();
    Ok(html(&Changes { frame, w, typed, fields, changes }))
}

/// Fields of an entry in words.
pub(super) fn field_list(frame: &Frame, codes: &[String]) -> String {
    let mut words: Vec<&str> = Vec::new();
    for code in codes {
        words.push(Field::parse(code).map_or(code.as_str(), |field| field.word(frame.look.lang)));
    }
    words.join(frame.w.comma)
}
