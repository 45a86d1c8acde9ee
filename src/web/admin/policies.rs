//! The policies: their versions, and what the one in force comes to as tables.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::tabs::{Tab, tabs};
use super::terms;
use super::words::{self, Words};
use crate::broker::explaining::Matrices;
use crate::clock::rfc3339;
use crate::http::{App, Problem};
use crate::model::code::Role;
use crate::model::field::Field;
use crate::model::lang::{Lang, Word as _};
use crate::web::answer::html;
use crate::web::frame::{Frame, Place};
use crate::web::visitor::Visitor;

/// A version on the page.
struct Row {
    id: i64,
    state: &'static str,
    proposed_by: String,
    proposed_at: String,
    seconded_by: String,
    effective_at: Option<String>,
}

/// An act, and how far each role reaches with it; empty where it may not.
struct ActRow {
    act: &'static str,
    code: &'static str,
    rule: &'static str,
    cells: Vec<&'static str>,
}

/// A purpose on a channel, and which fields it carries.
struct FieldRow {
    purpose: &'static str,
    channel: &'static str,
    enabled: bool,
    cells: Vec<bool>,
}

#[derive(Template)]
#[template(path = "admin_policies.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    roles: Vec<&'static str>,
    acts: Vec<ActRow>,
    fields: Vec<&'static str>,
    carried: Vec<FieldRow>,
    /// May propose a version.
    proposes: bool,
}

pub(super) async fn show(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    let (lang, w) = (who.look.lang, words::of(who.look.lang));
    let (broker, caller) = (app.broker(), who.session.caller());
    let policy = broker.policy_show(caller).await?;
    let matrices = broker.policy_matrices(caller).await?;
    let frame = Frame::new(&app, &who, Place::Admin, w.policies).await?;
    let rows = policy.versions.iter().rev().map(|version| Row {
        id: version.id,
        state: match version.id {
            id if id == policy.in_force => w.in_force,
            id if policy.withdrawn.contains(&id) => w.withdrawn,
            _ if version.adopted() => w.adopted,
            _ => w.proposed,
        },
        proposed_by: version.proposed_by.clone(),
        proposed_at: rfc3339(version.proposed_at),
        seconded_by: version.seconded.as_ref().map(|(by, ..)| by.clone()).unwrap_or_default(),
        // The version at birth holds from ever.
        effective_at: (version.adopted() && version.effective_at > 0).then(|| rfc3339(version.effective_at)),
    });
    let (acts, carried) = tables(lang, &matrices);
    Ok(html(&Page {
        tabs: tabs(&frame, w, "/admin/policies"),
        w,
        rows: rows.collect(),
        roles: Role::ALL.iter().map(|role| role.word(lang)).collect(),
        acts,
        fields: Field::ALL.iter().map(|field| field.word(lang)).collect(),
        carried,
        proposes: frame.has(Role::Admin),
        frame,
    }))
}

fn tables(lang: Lang, matrices: &Matrices) -> (Vec<ActRow>, Vec<FieldRow>) {
    let acts = matrices.acts.iter().map(|row| ActRow {
        act: row.act.word(lang),
        code: row.act.code(),
        rule: row.rule,
        cells: Role::ALL
            .iter()
            .map(|role| {
                let held = row.roles.iter().find(|(may, _)| may == role);
                held.map_or("", |(_, reach)| terms::reach(lang, *reach))
            })
            .collect(),
    });
    let fields = matrices.fields.iter().map(|row| FieldRow {
        purpose: row.purpose.word(lang),
        channel: row.channel.word(lang),
        enabled: row.enabled,
        cells: Field::ALL.iter().map(|field| row.enabled && row.fields.contains(field)).collect(),
    });
    (acts.collect(), fields.collect())
}
