//! One member: looked up, shown masked, revealed for a reason, corrected; erased; who saw him.
//!
//! Log, then look: what is opened is opened under the grant of an entry that is on disk already. A member
//! of another store and no member at all are one answer, or cards could be tried out (B9). Consents are read in the
//! turn of the entry ([`super::looking`]), and told like the rest when it is on disk.

mod correcting;
pub(super) mod erasing;
mod history;
mod seeing;

use std::collections::BTreeMap;

use serde::Serialize;

use super::found::{Found, Whom};
use super::looking::{Judged, MaySee, One, Question, Sight};
use super::seeking::{ConsentState, Moment, Sought};
use super::subject::{
    SeenOne, SubjectOf, Verb, check_reason, may_here, may_somewhere, not_a_value, nothing_else,
};
use super::{Broker, Caller, Error, Refusal};
use crate::access::grant;
use crate::access::known::Compared;
use crate::audit::event::{Action, Event};
use crate::clock::{day, rfc3339};
use crate::model::code::{CardType, CovenantFamily, Tier};
use crate::model::contact::{CardNo, Email, Mobile};
use crate::model::field::{Field, Index};
use crate::model::ids::Digest;
use crate::model::value_error::ValueError;
use crate::policy::Act;
use crate::policy::Look as Kind;
use crate::store::entries::Look;
use crate::store::members::Member;
use crate::vault::{Masked, Plain};
pub use history::{Change, FieldNow, MemberHistory};
pub use seeing::{Received, Seen, WhoSaw};

/// Most members a look-up shows; a contact point that more share is not one person's.
const MOST: usize = 20;

/// A member by what people have in hand.
#[derive(Clone)]
pub enum Subject {
    /// A card number.
    Card(CardNo),
    /// A member who was found.
    Found(Found),
    /// The number of an erasure.
    Case(String),
}

/// A member as everybody who may look sees him: masked (A10a), without what he spends (B1).
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct MemberShown {
    /// Masked values of the fields that are there.
    #[schema(value_type = BTreeMap<String, String>)]
    pub fields: BTreeMap<Field, Masked>,
    /// Home store.
    pub home_store: Option<String>,
    /// Tier.
    pub tier: Tier,
    /// Card type.
    pub card_type: CardType,
    /// `active` or `pending`.
    pub status: &'static str,
    /// Covenant accepted.
    pub covenant: Option<Accepted>,
    /// Marked `legacy_covenant`.
    pub legacy_covenant: bool,
    /// Day of joining, `YYYY-MM-DD`.
    pub joined_on: Option<String>,
    /// Consents in effect.
    pub consents: Vec<ConsentState>,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub changed_at: String,
    /// Where he lies; for [`Broker::found`] alone.
    #[serde(skip)]
    pub(in crate::broker) ordinal: i64,
}

/// A covenant that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Accepted {
    /// Family.
    pub family: CovenantFamily,
    /// Version.
    pub version: String,
}

impl Broker {
    /// Finds members by an exact card number, mobile or email address; masked. A value that finds nobody
    /// is an entry too, without the value.
    ///
    /// # Errors
    /// `not_permitted`; the value's own code when it is none; `no_such_index` for `post`; `budget_spent`; `slowed_down`.
    pub async fn member_look_up(
        &self,
        caller: &Caller,
        index: Index,
        value: &str,
    ) -> Result<Vec<MemberShown>, Error> {
        let tag = self.look_up_tag(index, value);
        let sought = tag.as_ref().map_or(Sought::Nobody, |tag| Sought::Tag(index, *tag));
        let (by, fault) = (caller.clone(), tag.map(drop));
        let judge = move |broker: &Broker, moment| broker.judge_look_up(&by, index, fault.clone(), moment);
        let sight = self.see(Question::new(sought, judge)).await?;
        let Sight { members, policy, receipt, consents } = sight;
        let masking = grant::masking(receipt, members.iter().map(|one| one.member.id).collect())?;
        let pairs: Vec<_> = members.iter().map(|one| (&one.key, &one.record)).collect();
        let masked = self.vault.mask(masking, &policy, &pairs)?;
        let shown = members.iter().zip(masked).zip(consents);
        Ok(shown.map(|((one, fields), consents)| shown_of(&one.member, fields, consents)).collect())
    }

    /// A name for a member whom the caller was shown. It tells nothing, so it has no entry.
    ///
    /// # Errors
    /// No randomness.
    pub fn found(&self, caller: &Caller, shown: &MemberShown) -> Result<Found, Error> {
        self.name(caller, shown.ordinal)
    }

    /// Whom of those who were found the caller may see.
    fn judge_look_up(
        &self,
        caller: &Caller,
        index: Index,
        fault: Result<(), Refusal>,
        moment: Moment,
    ) -> Result<Judged, Error> {
        let Moment { ground, known, members } = moment;
        let event = Event::new(Action::MemberLookedUp, caller.actor()).object(index);
        let permitted = known
            .check_signed_in(caller, self.clock().now())
            // Who may look nobody up is told that, and not what is wrong with what he looks for.
            .and_then(|()| may_somewhere(&ground, caller, Act::MemberLookUp))
            .and(fault);
        if let Err(refusal) = permitted {
            return Ok(Judged { entry: Look::of(event.refused(&refusal)), outcome: Err(refusal) });
        }
        let policy = ground.policy.clone();
        let (mut found, mut open) = (Vec::<One>::new(), BTreeMap::new());
        for held in members {
            // Many who share a contact point are of few stores.
            let store = held.member.attributes.home_store.clone();
            let may =
                |store: &Option<String>| may_here(&ground, caller, Act::MemberLookUp, true, store.as_deref());
            let is_open = *open.entry(store).or_insert_with_key(|store| may(store).is_ok());
            if found.len() < MOST && is_open {
                found.push(self.opened_alias(held)?);
            }
        }
        let event = event.policy(Digest(policy.digest())).count("found", found.len() as u64);
        // Of several each has an entry of his own, or nobody could be told that he was among them (E4).
        let (event, each) = match &found[..] {
            [one] => (event.member(one.alias), Vec::new()),
            several => {
                let shown = Event::new(Action::MemberShown, caller.actor());
                let shown = shown.policy(Digest(policy.digest()));
                (event, several.iter().map(|one| shown.clone().member(one.alias)).collect())
            }
        };
        let is_vip = found.iter().any(|one| policy.guard().is_vip(one.member.attributes.tier));
        let counting = self.counting(&ground, caller, Kind::LookUp, is_vip);
        let entry = Look::of(event).counted(counting).each(each);
        Ok(Judged { entry, outcome: Ok(MaySee { members: found, policy, with_consents: true }) })
    }

    fn look_up_tag(&self, index: Index, value: &str) -> Result<crate::keyring::Tag, Refusal> {
        let keyring = self.store.keyring();
        let tag = |value: &str| keyring.index_tag(index, value.as_bytes());
        let parsed: Result<_, ValueError> = match index {
            Index::Card => CardNo::parse(value).map(|v| tag(v.expose())),
            Index::Mobile => Mobile::parse(value).map(|v| tag(v.expose())),
            Index::Email => Email::parse(value).map(|v| tag(v.expose())),
            Index::Post => {
                return Err(Refusal::new("no_such_index", "B9", "nobody is looked up by a postal address")
                    .hint("look up by card, mobile or email"));
            }
        };
        parsed.map_err(|e| not_a_value(index.code(), e))
    }

    /// Shows a member, masked.
    ///
    /// # Errors
    /// `not_permitted`, `unknown_member`, `budget_spent`.
    pub async fn member_show(&self, caller: &Caller, whom: impl Into<Whom>) -> Result<MemberShown, Error> {
        let verb = Verb::new(Action::MemberShown, caller, Act::MemberShow, whom);
        let seen = self.look_at(verb, nothing_else, None).await?;
        let SeenOne { one, policy, receipt, consents } = seen;
        let masking = grant::masking(receipt, vec![one.member.id])?;
        let fields = self.vault.mask(masking, &policy, &[(&one.key, &one.record)])?.pop();
        Ok(shown_of(&one.member, fields.unwrap_or_default(), consents))
    }

    /// Reveals named fields of one member, for a reason that is kept with the entry (A10a).
    ///
    /// # Errors
    /// `not_permitted`, `unknown_member`, `reason_missing`, `fields_missing`, `no_undertaking`,
    /// `budget_spent`, `slowed_down`.
    pub async fn member_reveal(
        &self,
        caller: &Caller,
        whom: impl Into<Whom>,
        fields: &[Field],
        reason: &str,
    ) -> Result<Vec<(Field, Plain)>, Error> {
        let mut fields = fields.to_vec();
        fields.sort_unstable();
        fields.dedup();
        let mut verb = Verb::new(Action::MemberRevealed, caller, Act::MemberReveal, whom);
        verb.event = verb.event.fields(&fields);
        let fault = check_reason(reason, "A10a (Art 10)");
        let (by, clock, is_nothing) = (caller.login().clone(), self.store.clock().clone(), fields.is_empty());
        let besides = move |known: &Compared| {
            fault.clone()?;
            if is_nothing {
                return Err(Refusal::new("fields_missing", "A10a (Art 10)", "no field was named")
                    .hint("name the fields that are needed, and no more"));
            }
            let now = clock.now();
            known.check_undertaking(&by, now, clock.date(now))
        };
        let seen = self.look_at(verb, besides, Some(reason.trim())).await?;
        let grant = grant::one_member(seen.receipt, seen.one.member.id, &fields)?;
        Ok(self.vault.reveal(grant, &seen.one.key, &seen.one.record)?)
    }
}

pub(in crate::broker) fn shown_of(
    member: &Member,
    fields: Vec<(Field, Masked)>,
    consents: Vec<ConsentState>,
) -> MemberShown {
    let a = &member.attributes;
    MemberShown {
        fields: fields.into_iter().collect(),
        home_store: a.home_store.clone(),
        tier: a.tier,
        card_type: a.card_type,
        status: if a.active { "active" } else { "pending" },
        covenant: a.covenant.clone().map(|(family, version)| Accepted { family, version }),
        legacy_covenant: a.legacy,
        joined_on: a.joined_on.and_then(day).map(|d| d.to_string()),
        consents,
        created_at: rfc3339(member.created_at),
        changed_at: rfc3339(member.changed_at),
        ordinal: member.ordinal,
    }
}
