//! A leaf: the bytes of one entry, which the tree is over.
//!
//! Canonical JSON (RFC 8785), so that a line of an export *is* the leaf and anyone can hash it again:
//!
//! ```text
//! {"action":"member.revealed","actor":{"kind":"person","login":"wang.fang","roles":["counter"]},
//!  "at":"2026-11-21T08:00:00.000001Z","counts":{},"decision":"allow",
//!  "digests":{"commitment":"<64 hex>"},"fields":["mobile"],"format":"countersign.leaf.v1",
//!  "heads":{},"member":"<32 hex>","policy":"<64 hex>","seq":42,"state":"<64 hex>"}
//! ```
//!
//! `heads` has the new head of each table this entry changed; `state` is the SHA-256 over every table's
//! head as it stands after this entry, so that the last leaf alone says what all tables must be.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::event::Event;
use crate::clock::{Micros, rfc3339};
use crate::model::canonical;

/// What a leaf says beside its event.
pub struct Frame<'a> {
    /// Its place, from 0.
    pub seq: u64,
    /// When; never before the leaf before it.
    pub at: Micros,
    /// New heads of the tables it changed.
    pub heads: &'a BTreeMap<&'static str, [u8; 32]>,
    /// Hash over all heads.
    pub state: [u8; 32],
}

/// The leaf's bytes.
///
/// # Errors
/// None that can happen: an event holds text and whole numbers only.
pub fn encode(event: &Event, frame: &Frame<'_>) -> Result<Vec<u8>, canonical::CanonicalError> {
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| {
        map.insert(key.to_owned(), value);
    };
    put("format", json!("countersign.leaf.v1"));
    put("seq", json!(frame.seq));
    put("at", json!(rfc3339(frame.at)));
    put("action", json!(event.action));
    put("actor", json!(event.actor));
    put("decision", json!(if event.refused.is_some() { "refuse" } else { "allow" }));
    if let Some((code, rule)) = event.refused {
        put("refusal", json!({"code": code, "rule": rule}));
    }
    if let Some(object) = &event.object {
        put("object", json!(object));
    }
    if let Some(member) = &event.member {
        put("member", json!(member));
    }
    if !event.fields.is_empty() {
        put("fields", json!(event.fields));
    }
    if let Some(purpose) = event.purpose {
        put("purpose", json!(purpose));
    }
    if let Some(channel) = event.channel {
        put("channel", json!(channel));
    }
    if let Some(request) = &event.request {
        put("request", json!(request));
    }
    if let Some(policy) = &event.policy {
        put("policy", json!(policy));
    }
    put("counts", json!(event.counts));
    put("digests", json!(event.digests));
    put(
        "heads",
        frame.heads.iter().map(|(name, head)| ((*name).to_owned(), json!(hex::encode(head)))).collect(),
    );
    put("state", json!(hex::encode(frame.state)));
    canonical::canonical(&Value::Object(map))
}
