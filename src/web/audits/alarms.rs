//! Alarms: patterns in the log that somebody should look at, and what they turned out to be.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::tabs::{Tab, tabs};
use super::words::{self, Words};
use crate::broker::alarms::AlarmShown;
use crate::broker::called::Called;
use crate::http::{App, Path, Problem};
use crate::model::code::Role;
use crate::policy::AlarmKind;
use crate::web::answer::{html, to};
use crate::web::called::Whom;
use crate::web::frame::{Frame, Place};
use crate::web::problems::unreadable_form;
use crate::web::visitor::{Posted, Visitor};

/// An alarm on the page.
struct Row {
    kind: String,
    /// Somebody, or what kind of address or place.
    whom: Whom,
    /// Who said what it was.
    seen_to_by: Option<Whom>,
    /// Whose entries may be looked at; empty for what is no person.
    login: String,
    shown: AlarmShown,
}

#[derive(Template)]
#[template(path = "audits_alarms.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    tabs: Vec<Tab>,
    open: Vec<Row>,
    old: Vec<Row>,
    /// Whether the reader says what an alarm was.
    may: bool,
}

pub(super) async fn list(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    let w = words::of(who.look.lang);
    let alarms = app.broker().alarms(who.session.caller()).await?;
    let frame = Frame::new(&app, &who, Place::Audit, w.alarms).await?;
    let called = app.broker().called().await?;
    let rows = alarms.into_iter().map(|alarm| row(w, &called, alarm));
    let (open, old) = rows.partition(|row: &Row| row.shown.acknowledged_by.is_none());
    let may = frame.has(Role::Auditor);
    Ok(html(&Page { tabs: tabs(&frame, w, "/audit/alarms"), frame, w, open, old, may }))
}

fn row(w: &'static Words, called: &Called, alarm: AlarmShown) -> Row {
    let kind = match AlarmKind::parse(&alarm.kind) {
        Ok(AlarmKind::Burst) => w.alarm_burst,
        Ok(AlarmKind::OffHours) => w.alarm_off_hours,
        Ok(AlarmKind::RepeatReveals) => w.alarm_repeat_reveals,
        Ok(AlarmKind::Vip) => w.alarm_vip,
        Ok(AlarmKind::Enumeration) => w.alarm_enumeration,
        Ok(AlarmKind::Refusals) => w.alarm_refusals,
        Ok(AlarmKind::WrongPasswords) => w.alarm_wrong_passwords,
        Err(_) => &alarm.kind,
    };
    let whom = match alarm.whom.split_once('/') {
        Some(("person", login)) => Whom::of(called, login),
        // The tag says which address is meant, and not what it is.
        Some(("address", tag)) => Whom { name: format!("{} ({tag})", w.address_tag), login: String::new() },
        _ if alarm.whom == "everywhere" => Whom { name: w.everywhere.to_owned(), login: String::new() },
        _ => Whom { name: alarm.whom.clone(), login: String::new() },
    };
    let seen_to_by = alarm.acknowledged_by.as_ref().map(|by| Whom::of(called, by.as_str()));
    let login = alarm.whom.strip_prefix("person/").unwrap_or_default().to_owned();
    Row { kind: kind.to_owned(), whom, seen_to_by, login, shown: alarm }
}

/// What an alarm was.
#[derive(Deserialize)]
pub(super) struct Found {
    comment: String,
}

pub(super) async fn acknowledge(
    State(app): State<App>,
    Path(seq): Path,
    Posted(who, found): Posted<Found>,
) -> Result<Response, Problem> {
    let seq = seq.parse().map_err(|_| unreadable_form())?;
    app.broker().alarm_acknowledge(who.session.caller(), seq, &found.comment).await?;
    Ok(to("/audit/alarms?done=saved"))
}
