//! The organisation: units with their officers and gaps, and everyone with what they hold.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::tabs::{Tab, tabs};
use super::terms;
use super::words::{self, Words};
use crate::broker::reviewing::{OrgShown, PersonShown, UnitShown};
use crate::http::{App, Problem, Query};
use crate::model::code::{Function, Role};
use crate::model::ids::{Login, UnitCode};
use crate::model::lang::{Lang, Word as _};
use crate::web::answer::html;
use crate::web::frame::{Frame, Place};
use crate::web::paging::{Behind, Pager};
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
    pager: Pager,
    admin: bool,
}

pub(super) async fn show(
    State(app): State<App>,
    who: Visitor,
    Query(behind): Query<Behind>,
) -> Result<Response, Problem> {
    let (lang, w) = (who.look.lang, words::of(who.look.lang));
    let (broker, caller) = (app.broker(), who.session.caller());
    let org = broker.org_show(caller).await?;
    let page = broker.people_page(caller, &behind.stretch(|text| Login::parse(text).ok())).await?;
    let pager = Pager::of("/admin/people", &behind, &page, |person| person.login.to_string());
    let frame = Frame::new(&app, &who, Place::Admin, w.people).await?;
    let units = unit_rows(lang, frame.w.comma, &org);
    let rows = page.lines.into_iter().map(|shown| PersonRow {
        rank: shown.rank.word(lang),
        roles: roles(lang, w, frame.w.comma, &shown),
        shown,
    });
    let people = rows.collect();
    let admin = frame.has(Role::Admin);
    Ok(html(&Page {
        tabs: tabs(&frame, w, "/admin/people"),
        frame,
        w,
        gaps: org.gaps,
        units,
        people,
        pager,
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
fn unit_rows(lang: Lang, comma: &str, org: &OrgShown) -> Vec<UnitRow> {
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
        rows.push(unit_row(lang, comma, depth, unit));
        next.extend(children(Some(&unit.code), depth + 1));
    }
    rows
}

fn unit_row(lang: Lang, comma: &str, depth: usize, unit: &UnitShown) -> UnitRow {
    let officers: Vec<&str> = unit.officers.iter().map(Login::as_str).collect();
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
