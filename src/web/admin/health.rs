//! How the vault is: a line each, with a word for its state beside what was found.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::tabs::{Tab, tabs};
use super::words::{self, Words};
use crate::broker::health::Health;
use crate::clock::{Micros, rfc3339};
use crate::http::{App, Problem};
use crate::web::answer::html;
use crate::web::frame::{Frame, Place};
use crate::web::visitor::Visitor;

const DAY: Micros = 86_400_000_000;
/// A backup older than this is told.
const BACKUP_DAYS: i64 = 7;
/// A drill older than this is told.
const DRILL_DAYS: i64 = 90;

/// How a line is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Fine,
    LookAt,
    Broken,
}

/// A thing that was looked at.
struct Line {
    what: String,
    state: Mood,
    found: String,
    /// A time within what was found.
    at: Option<String>,
}

#[derive(Template)]
#[template(path = "admin_health.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    tabs: Vec<Tab>,
    lines: Vec<Line>,
}

impl Page {
    fn state(&self, line: &Line) -> &'static str {
        match line.state {
            Mood::Fine => self.w.fine,
            Mood::LookAt => self.w.look_at,
            Mood::Broken => self.w.broken,
        }
    }
}

pub(super) async fn show(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    let w = words::of(who.look.lang);
    let health = app.broker().health(who.session.caller()).await?;
    let frame = Frame::new(&app, &who, Place::Admin, w.health).await?;
    let lines = lines(w, health, app.broker().clock().now());
    Ok(html(&Page { tabs: tabs(&frame, w, "/admin/health"), frame, w, lines }))
}

fn lines(w: &'static Words, health: Health, now: Micros) -> Vec<Line> {
    let line = |what: &str, good: bool, found: String| Line {
        what: what.to_owned(),
        state: if good { Mood::Fine } else { Mood::LookAt },
        found,
        at: None,
    };
    let made = |what: &str, at: Option<Micros>, days: i64| Line {
        what: what.to_owned(),
        state: if at.is_some_and(|at| now - at <= days * DAY) { Mood::Fine } else { Mood::LookAt },
        found: if at.is_none() { w.never.to_owned() } else { String::new() },
        at: at.map(rfc3339),
    };
    let backups = &health.backups;
    let mut lines = vec![
        line(w.check_version, true, format!("Countersign {}", health.version)),
        line(w.check_engine, true, health.engine),
        // A schema that is not would not have been opened.
        line(w.check_schema, true, w.schema_known.to_owned()),
        line(w.check_log, true, health.entries.to_string()),
        line(
            w.check_mark,
            health.mark.is_some(),
            health.mark.map_or(w.no_mark.to_owned(), |mark| mark.to_string()),
        ),
        match health.integrity {
            None => line(w.check_tables, true, w.tables_fit.to_owned()),
            Some(what) => Line { state: Mood::Broken, ..line(w.check_tables, false, what) },
        },
        line(w.check_policy, true, health.policy.to_string()),
        line(w.check_members, true, health.members.to_string()),
        line(w.check_alarms, health.alarms == 0, health.alarms.to_string()),
        made(w.check_backup, backups.data.as_ref().map(|made| made.at), BACKUP_DAYS),
        made(w.check_keys, backups.keys.as_ref().map(|made| made.at), BACKUP_DAYS),
        made(w.check_drill, backups.drill.as_ref().map(|drill| drill.at), DRILL_DAYS),
    ];
    for receiver in health.receivers {
        let found = format!(
            "{} {} · {} {} · {} {} {}",
            w.sent, receiver.sent, w.waiting, receiver.waiting, w.dropped, receiver.dropped, receiver.why
        );
        lines.push(line(
            &format!("{} {}", w.check_notices, receiver.receiver),
            receiver.why.is_empty(),
            found,
        ));
    }
    lines
}
