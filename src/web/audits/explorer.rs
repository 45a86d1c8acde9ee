//! The log searched, newest first. A look at it is an entry of its own, and its number stands on the page.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::civil::Date;
use serde::Deserialize;

use super::actions::{GROUPS, word};
use super::bars::{Drawn, drawn, width};
use super::tabs::{Tab, tabs};
use super::words::{self, Words};
use crate::broker::called::Called;
use crate::broker::exploring::{Said, Wanted};
use crate::http::{App, Problem, Query};
use crate::model::ids::{PackageNo, RequestNo};
use crate::model::iso::parse_date;
use crate::model::lang::Lang;
use crate::web::answer::{html, percent};
use crate::web::called::Whom;
use crate::web::frame::{Frame, Place};
use crate::web::visitor::Visitor;

/// Entries on a page.
const PAGE: usize = 50;

/// What is asked for: each a text, for a form sends what is empty too.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    group: String,
    actor: String,
    object: String,
    refused: String,
    from: String,
    to: String,
    by: String,
    before: String,
}

impl Asked {
    fn wanted(&self) -> Result<Wanted, Problem> {
        let day = |text: &str, at: &str| match text {
            "" => Ok(None),
            text => parse_date(text).map(Some).map_err(|wrong| Problem::bad_value(at, wrong)),
        };
        let before = match self.before.as_str() {
            "" => None,
            text => Some(text.parse().map_err(|_| Problem::bad_value("/before", "the number of an entry"))?),
        };
        let (from, to): (Option<Date>, Option<Date>) = (day(&self.from, "/from")?, day(&self.to, "/to")?);
        Ok(Wanted {
            action: self.group.clone(),
            actor: self.actor.trim().to_owned(),
            object: self.object.trim().to_owned(),
            refused: !self.refused.is_empty(),
            // A day or two is looked at by the hour, unless somebody says otherwise.
            hourly: self.by == "hour" || (self.by.is_empty() && from.is_some() && from == to),
            from,
            to,
            before,
            only_page: false,
        })
    }

    /// The same question about what lies before a place.
    fn older(&self, before: u64) -> String {
        let mut path = String::from("/audit?");
        for (name, value) in [
            ("group", &self.group),
            ("actor", &self.actor),
            ("object", &self.object),
            ("refused", &self.refused),
            ("from", &self.from),
            ("to", &self.to),
            ("by", &self.by),
        ] {
            if !value.is_empty() {
                path.push_str(&format!("{name}={}&", percent(value)));
            }
        }
        format!("{path}before={before}")
    }
}

/// An entry on the page.
struct Row {
    seq: u64,
    at: String,
    action: String,
    code: String,
    actor: Whom,
    /// What it is about: somebody or a vendor by name.
    object: Whom,
    /// The page about the object; empty when there is none.
    href: String,
    refused: String,
}

impl Row {
    fn of(w: &'static Words, lang: Lang, called: &Called, said: Said) -> Row {
        let actor = who(w, called, said.who());
        let object = said.object.unwrap_or_default();
        Row {
            seq: said.seq,
            at: said.at,
            action: word(lang, &said.action).to_owned(),
            code: said.action,
            actor,
            href: about(&object),
            object: named(called, lang, &object),
            refused: said.refusal.map(|why| why.code).unwrap_or_default(),
        }
    }
}

/// An actor by name, and as people call one who has no login.
pub(super) fn who(w: &'static Words, called: &Called, who: &str) -> Whom {
    let nobody = match who {
        "operator" => w.operator,
        "anonymous" => w.anonymous,
        login => return Whom::of(called, login),
    };
    Whom { name: nobody.to_owned(), login: String::new() }
}

/// What an entry is about: who or which vendor or unit has this for a login or code; anything else as it stands there.
fn named(called: &Called, lang: Lang, object: &str) -> Whom {
    let of = [Whom::of(called, object), Whom::vendor(called, object, lang), Whom::unit(called, object, lang)];
    let known = of.into_iter().find(|whom| !whom.login.is_empty());
    known.unwrap_or_else(|| Whom { name: object.to_owned(), login: String::new() })
}

/// The dossier of the request that an entry's object names.
pub(super) fn about(object: &str) -> String {
    let request = match PackageNo::parse(object) {
        Ok(package) => Some(package.request().clone()),
        Err(_) => RequestNo::parse(object).ok(),
    };
    request.map(|no| format!("/requests/{no}/dossier")).unwrap_or_default()
}

#[derive(Template)]
#[template(path = "audits_explorer.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    tabs: Vec<Tab>,
    asked: Asked,
    hourly: bool,
    groups: Vec<(&'static str, &'static str)>,
    own: u64,
    /// The first and the last entry that was read; none when nothing was.
    read: Option<(u64, u64)>,
    rows: Vec<Row>,
    older: Option<String>,
    bars: Vec<Drawn>,
    wide: usize,
}

pub(super) async fn show(
    State(app): State<App>,
    who: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let (lang, w) = (who.look.lang, words::of(who.look.lang));
    let wanted = asked.wanted()?;
    let found = app.broker().audit_search(who.session.caller(), &wanted, PAGE).await?;
    let called = app.broker().called().await?;
    let frame = Frame::new(&app, &who, Place::Audit, w.explorer).await?;
    let bars = drawn(found.bars);
    Ok(html(&Page {
        tabs: tabs(&frame, w, "/audit"),
        frame,
        w,
        hourly: wanted.hourly,
        groups: GROUPS.iter().map(|(code, zh, en)| (*code, lang.pick(zh, en))).collect(),
        own: found.own,
        read: (found.read.0 < found.read.1).then(|| (found.read.0, found.read.1 - 1)),
        rows: found.entries.into_iter().map(|said| Row::of(w, lang, &called, said)).collect(),
        older: found.next.map(|before| asked.older(before)),
        wide: width(&bars),
        bars,
        asked,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_older_entries_keeps_the_question() {
        let asked = Asked { group: "member.".into(), object: "CS2026-HQ & more".into(), ..Asked::default() };
        assert_eq!(asked.older(7), "/audit?group=member.&object=CS2026-HQ%20%26%20more&before=7");
    }

    #[test]
    fn a_package_leads_to_the_dossier_of_its_request() {
        assert_eq!(about("CS2026-HQ-MKT-0001-P1"), "/requests/CS2026-HQ-MKT-0001/dossier");
        assert_eq!(about("CS2026-HQ-MKT-0001"), "/requests/CS2026-HQ-MKT-0001/dossier");
        assert_eq!(about("burst/person/wang.fang"), "");
    }
}
