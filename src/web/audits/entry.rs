//! One entry: what it says, its place, and what proves that it stands in the log.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use super::actions::word;
use super::explorer::{about, who};
use super::tabs::{Tab, tabs};
use super::words::{self, Words};
use crate::audit::tree::hash_to_text;
use crate::broker::called::Called;
use crate::broker::exploring::EntryProved;
use crate::http::{App, Path, Problem};
use crate::model::code::{Channel, Purpose, Role};
use crate::model::field::Field;
use crate::model::lang::{Lang, Word as _};
use crate::web::answer::html;
use crate::web::frame::{Frame, Place};
use crate::web::visitor::Visitor;

#[derive(Template)]
#[template(path = "audits_entry.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    tabs: Vec<Tab>,
    own: u64,
    shown: EntryProved,
    at: String,
    action: String,
    /// The page about its object; empty when there is none.
    href: String,
    /// What it says, a line each.
    lines: Vec<(&'static str, String)>,
    counts: Vec<(String, String)>,
    digests: Vec<(String, String)>,
    path: Vec<String>,
    refused: bool,
}

pub(super) async fn show(State(app): State<App>, Path(seq): Path, who: Visitor) -> Result<Response, Problem> {
    let seq = seq.parse().map_err(|_| Problem::bad_value("/seq", "the number of an entry"))?;
    let (lang, w) = (who.look.lang, words::of(who.look.lang));
    let shown = app.broker().audit_entry(who.session.caller(), seq).await?;
    let called = app.broker().called().await?;
    let frame = Frame::new(&app, &who, Place::Audit, format!("{} {seq}", w.entry)).await?;
    let leaf: Value = serde_json::from_str(&shown.leaf).unwrap_or_default();
    Ok(html(&Page {
        tabs: tabs(&frame, w, ""),
        own: shown.own,
        at: text(&leaf["at"]),
        action: word(lang, leaf["action"].as_str().unwrap_or_default()).to_owned(),
        href: about(leaf["object"].as_str().unwrap_or_default()),
        refused: leaf["decision"] == "refuse",
        lines: lines(&frame, w, &called, &leaf),
        counts: pairs(&leaf["counts"]),
        digests: pairs(&leaf["digests"]),
        path: shown.proof.path.iter().map(hash_to_text).collect(),
        frame,
        w,
        shown,
    }))
}

fn lines(frame: &Frame, w: &'static Words, called: &Called, leaf: &Value) -> Vec<(&'static str, String)> {
    let (lang, comma) = (frame.look.lang, frame.w.comma);
    let actor =
        leaf["actor"]["login"].as_str().or_else(|| leaf["actor"]["kind"].as_str()).unwrap_or_default();
    let listed = |value: &Value, name: fn(Lang, &str) -> String| {
        let items = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        items.map(|code| name(lang, code)).collect::<Vec<_>>().join(comma)
    };
    let named = |value: &Value, name: fn(Lang, &str) -> String| {
        value.as_str().map(|code| name(lang, code)).unwrap_or_default()
    };
    let all = [
        (w.action, text(&leaf["action"])),
        (w.who, who(w, called, actor).said()),
        (w.by_token, leaf["actor"]["token"].as_i64().map(|id| id.to_string()).unwrap_or_default()),
        (w.roles, listed(&leaf["actor"]["roles"], role)),
        (w.about, text(&leaf["object"])),
        (w.refusal, text(&leaf["refusal"]["code"])),
        (w.rule, text(&leaf["refusal"]["rule"])),
        (w.member_alias, text(&leaf["member"])),
        (w.fields, listed(&leaf["fields"], field)),
        (w.purpose, named(&leaf["purpose"], purpose)),
        (w.channel, named(&leaf["channel"], channel)),
    ];
    all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn role(lang: Lang, code: &str) -> String {
    Role::parse(code).map_or(code, |role| role.word(lang)).to_owned()
}

/// A field in words.
pub(super) fn field(lang: Lang, code: &str) -> String {
    Field::parse(code).map_or(code, |field| field.word(lang)).to_owned()
}

/// A purpose in words.
pub(super) fn purpose(lang: Lang, code: &str) -> String {
    Purpose::parse(code).map_or(code, |purpose| purpose.word(lang)).to_owned()
}

/// A channel in words.
pub(super) fn channel(lang: Lang, code: &str) -> String {
    Channel::parse(code).map_or(code, |channel| channel.word(lang)).to_owned()
}

fn pairs(value: &Value) -> Vec<(String, String)> {
    let all = value.as_object().into_iter().flatten();
    all.map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
