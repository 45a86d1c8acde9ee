//! The organisation: units with their officers and gaps, and everyone with what they hold.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::tabs::{Tab, tabs};
use super::terms;
use super::words::{self, Words};
use crate::broker::reviewing::{OrgShown, PersonShown, UnitShown};
use crate::clock::rfc3339;
use crate::http::{App, Problem};
use crate::model::code::{Function, Role};
use crate::model::ids::UnitCode;
use crate::model::lang::{Lang, Word as _};
use crate::web::answer::html;
use crate::web::frame::{Frame, Place};
use crate::web::visitor::Visitor;

/// A unit on the page.
struct UnitRow {
    /// How many units it lies below.
    depth: usize,
    code: String,
    name: String,
    kind: &'static str,
    function: &'static str,
    people: usize,
    officers: String,
    /// It has to have an officer and has none.
    gap: bool,
}

/// A person on the page.
struct PersonRow {
    shown: PersonShown,
    rank: &'static str,
    roles: String,
    held_until: Option<String>,
}

#[derive(Template)]
#[template(path = "admin_people.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    tabs: Vec<Tab>,
    gaps: Vec<String>,
    units: Vec<UnitRow>,
    people: Vec<PersonRow>,
    admin: bool,
}

pub(super) async fn show(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    let (lang, w) = (who.look.lang, words::of(who.look.lang));
    let (broker, caller) = (app.broker(), who.session.caller());
    let org = broker.org_show(caller).await?;
    let people = broker.people_list(caller).await?;
    let frame = Frame::new(&app, &who, Place::Admin, w.people).await?;
    let units = unit_rows(lang, frame.w.comma, &org, &people);
    let mut rows = Vec::new();
    for shown in people {
        let held_until = broker.held_until(&shown.login).await?.map(rfc3339);
        let rank = shown.rank.word(lang);
        rows.push(PersonRow { rank, roles: roles(lang, w, frame.w.comma, &shown), held_until, shown });
    }
    let admin = frame.has(Role::Admin);
    Ok(html(&Page {
        tabs: tabs(&frame, w, "/admin/people"),
        frame,
        w,
        gaps: org.gaps,
        units,
        people: rows,
        admin,
    }))
}

/// What a person holds, on a line.
pub(super) fn roles(lang: Lang, w: &'static Words, comma: &str, person: &PersonShown) -> String {
    let named = person.roles.iter().map(|held| {
        let role = held.role.word(lang);
        if held.unit == person.unit {
            role.to_owned()
        } else {
            format!("{role} ({} {})", w.at_unit, held.unit)
        }
    });
    named.collect::<Vec<_>>().join(comma)
}

/// Parents first, each with what lies below it.
fn unit_rows(lang: Lang, comma: &str, org: &OrgShown, people: &[PersonShown]) -> Vec<UnitRow> {
    let mut below: BTreeMap<Option<&UnitCode>, Vec<&UnitShown>> = BTreeMap::new();
    for unit in &org.units {
        below.entry(unit.parent.as_ref()).or_default().push(unit);
    }
    let mut rows = Vec::new();
    let mut next: Vec<(usize, &UnitShown)> = Vec::new();
    let children = |of: Option<&UnitCode>, depth: usize| {
        let found = below.get(&of).into_iter().flatten().rev();
        found.map(|unit| (depth, *unit)).collect::<Vec<_>>()
    };
    next.extend(children(None, 0));
    while let Some((depth, unit)) = next.pop() {
        rows.push(unit_row(lang, comma, depth, unit, people));
        next.extend(children(Some(&unit.code), depth + 1));
    }
    rows
}

fn unit_row(lang: Lang, comma: &str, depth: usize, unit: &UnitShown, people: &[PersonShown]) -> UnitRow {
    let officer = |person: &&PersonShown| {
        person.roles.iter().any(|held| held.role == Role::InfoOfficer && held.unit == unit.code)
    };
    let officers: Vec<&str> =
        people.iter().filter(|p| !p.suspended).filter(officer).map(|p| p.login.as_str()).collect();
    let asks = matches!(unit.function, Some(Function::Marketing | Function::Planning));
    UnitRow {
        depth: depth.min(4),
        code: unit.code.to_string(),
        name: lang.pick(&unit.name_zh, &unit.name_en).to_owned(),
        kind: terms::kind(lang, unit.kind),
        function: unit.function.map_or("", |function| terms::function(lang, function)),
        people: unit.people,
        gap: asks && officers.is_empty(),
        officers: officers.join(comma),
    }
}
