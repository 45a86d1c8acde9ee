//! What was corrected of a member, when and by whom (B12); and whether a value is his, without showing it (F4).
//!
//! The vault keeps no earlier values: each correction seals the new one in the old one's place, so that erasing has one
//! place to reach. The history is the log's, field by field, beside the values as they stand, masked.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::super::{Broker, Caller, Error};
use crate::access::grant;
use crate::access::known::Compared;
use crate::audit::event::Action;
use crate::broker::found::Whom;
use crate::broker::subject::{SeenOne, Verb, nothing_else};
use crate::model::code::Source;
use crate::model::field::Field;
use crate::policy::Act;
use crate::store::{StoreError, View};
use crate::vault::Masked;

/// A member's fields as they stand, and what led there.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct MemberHistory {
    /// Every field that has a value.
    pub fields: BTreeMap<Field, FieldNow>,
    /// Typed in and corrected, oldest first. Files are not among them: an import has an entry a transaction, not one a
    /// member; that a value came of one shows in its source.
    pub changes: Vec<Change>,
}

/// A value as it stands.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct FieldNow {
    /// Masked.
    #[schema(value_type = String)]
    pub value: Masked,
    /// How often the field was set, this time included.
    pub version: u32,
    /// Who set it: `person`, or `import` for a file.
    pub source: Source,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Change {
    /// Its place in the log.
    pub seq: u64,
    /// When, RFC 3339.
    pub at: String,
    /// Who made it.
    pub actor: String,
    /// `counter` for the form on joining, `person` for a correction.
    pub source: Source,
    /// Which fields.
    pub fields: Vec<String>,
}

impl Broker {
    /// Shows what was corrected of a member.
    ///
    /// # Errors
    /// `not_permitted`, `unknown_member`.
    pub async fn member_history(
        &self,
        caller: &Caller,
        whom: impl Into<Whom>,
    ) -> Result<MemberHistory, Error> {
        let verb = Verb::new(Action::MemberHistory, caller, Act::MemberHistory, whom);
        let seen = self.look_at(verb, nothing_else, None).await?;
        let SeenOne { one, policy, receipt, .. } = seen;
        let masking = grant::masking(receipt, vec![one.member.id])?;
        let masked = self.vault.mask(masking, &policy, &[(&one.key, &one.record)])?.pop().unwrap_or_default();
        let now = |(field, value): (Field, Masked)| {
            let entry = one.record.get(field)?;
            let source = if entry.by_person() { Source::Person } else { Source::Import };
            Some((field, FieldNow { value, version: entry.count(), source }))
        };
        let fields = masked.into_iter().filter_map(now).collect();
        let mut view = self.store.view().await?;
        let mut changes = Vec::new();
        for seq in view.leaves_about(one.alias).await? {
            changes.extend(change(&mut view, seq).await?);
        }
        Ok(MemberHistory { fields, changes })
    }

    /// Whether a value is what a member's field holds: yes or no, for whoever calls and says so (F4). A field without a
    /// value has none that matches. Each question is an entry.
    ///
    /// # Errors
    /// `not_permitted`, `unknown_member`, the value's own code when it is none.
    pub async fn member_verify(
        &self,
        caller: &Caller,
        whom: impl Into<Whom>,
        field: Field,
        value: &str,
    ) -> Result<bool, Error> {
        let mut verb = Verb::new(Action::MemberVerified, caller, Act::MemberVerify, whom);
        verb.event = verb.event.fields(&[field]);
        let value = self.normalised(field, value);
        let fault = value.as_ref().map(drop).map_err(Clone::clone);
        let looked = self.look_at(verb, move |_: &Compared| fault.clone(), None).await;
        let (SeenOne { one, receipt, .. }, value) = (looked?, value?);
        let grant = grant::one_match(receipt, one.member.id, field)?;
        Ok(self.vault.matches(grant, &one.key, &one.record, &value)?)
    }
}

/// What an entry changed; of a correction in two entries the one that wrote.
async fn change(view: &mut View<'_>, seq: u64) -> Result<Option<Change>, StoreError> {
    let bad = || StoreError::integrity("log_leaf", format!("entry {seq} does not parse"));
    let Some((_, body)) = view.leaves(seq, seq + 1).await?.pop() else { return Ok(None) };
    let leaf: Value = serde_json::from_slice(&body).map_err(|_| bad())?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if leaf["decision"] != "allow" {
        return Ok(None);
    }
    let fields = leaf["fields"].as_array().into_iter().flatten().filter_map(text);
    let (source, fields): (_, Vec<String>) = match leaf["action"].as_str() {
        Some("member.added") => (Source::Counter, fields.collect()),
        // The first is what was corrected; those behind it were only opened, to tag the contact point anew.
        Some("member.corrected") if leaf["counts"]["changed"] == 1 => {
            (Source::Person, fields.take(1).collect())
        }
        _ => return Ok(None),
    };
    let actor = text(&leaf["actor"]["login"]).or_else(|| text(&leaf["actor"]["kind"])).ok_or_else(bad)?;
    Ok(Some(Change { seq, at: text(&leaf["at"]).ok_or_else(bad)?, actor, source, fields }))
}
