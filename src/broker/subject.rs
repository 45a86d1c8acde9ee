//! Whom a verb is about: found by card, within the caller's reach, with what the log calls him.

use std::sync::Arc;

use super::found::Whom;
use super::looks::look_of;
use super::seeking::{Moment, Sought};
use super::{Broker, Caller, Error, Ground, Refusal};
use crate::access::known::Compared;
use crate::audit::event::Event;
use crate::model::field::Index;
use crate::model::ids::{Alias, Digest, UnitCode};
use crate::model::sealed::Record;
use crate::model::value_error::ValueError;
use crate::policy::{Act, Policy};
use crate::store::entries::{Look, Looked};
use crate::store::held::Held;
use crate::store::looks::Counting;
use crate::store::members::{Member, WrappedDataKey};
use crate::store::{Receipt, Stamp, StoreError, Work};

/// Fewest characters of a reason.
const REASON: usize = 4;

/// A member whom the caller may do the act to, not opened yet.
pub(super) struct SubjectOf {
    pub(super) member: Member,
    pub(super) key: WrappedDataKey,
    pub(super) record: Record,
    pub(super) alias: Alias,
    pub(super) policy: Arc<Policy>,
    /// What was compared with the log when he was read.
    pub(super) known: Arc<Compared>,
    /// The moment at which he was read.
    pub(super) as_of: Stamp,
    /// The verb's event with member and policy.
    pub(super) event: Event,
    /// Whose budget a look at him is of, when it has one.
    counting: Option<Counting>,
}

impl SubjectOf {
    /// The look at him, as long as he is what was read.
    pub(super) fn look(&self) -> Look {
        let look = Look::of(self.event.clone()).while_stand(vec![self.member.clone()], self.as_of.clone());
        match &self.counting {
            Some(counting) => look.counted(counting.clone()),
            None => look,
        }
    }
}

/// One answer for a member who is not there and one who is not the caller's.
pub(super) fn unknown_member() -> Refusal {
    Refusal::new("unknown_member", "B9", "there is no such member in what you may see")
        .hint("check the card number; members of another store are looked up there")
}

/// The same for one who was found a while ago.
fn not_at_hand() -> Refusal {
    Refusal::new("unknown_member", "B9", "the member who was found is not at hand any more")
        .hint("look the member up again: what was found is kept for half an hour")
}

pub(super) fn check_reason(reason: &str, rule: &'static str) -> Result<(), Refusal> {
    if reason.trim().chars().count() < REASON {
        return Err(Refusal::new("reason_missing", rule, "a reason is needed")
            .hint(format!("say in {REASON} characters or more what it is for; it is kept with the entry")));
    }
    Ok(())
}

impl Broker {
    /// Writes a refusal to the log and tells it.
    pub(super) async fn refuse<T>(&self, event: Event, refusal: Refusal) -> Result<T, Error> {
        self.store.enter(event.refused(&refusal)).await?;
        Err(refusal.into())
    }

    /// Writes to the log that a file which the caller may bring is none, and tells what is wrong with it.
    pub(super) async fn refuse_file<T>(&self, event: Event, why: Error) -> Result<T, Error> {
        let refusal = Refusal::new("unusable_file", "B4", "the file is not usable");
        self.store.enter(event.refused(&refusal)).await?;
        Err(why)
    }

    /// Finds the member and asks the policy. A refusal is logged here; where there is a member,
    /// with his alias, so that tries are seen as well.
    pub(super) async fn subject(
        &self,
        event: Event,
        caller: &Caller,
        act: Act,
        whom: &Whom,
    ) -> Result<SubjectOf, Error> {
        let Moment { ground, known, as_of, mut members } = self.seek(self.sought(caller, whom)).await?;
        let event = event.policy(Digest(ground.policy.digest()));
        members.truncate(1);
        let opened = members.pop().map(|held| self.opened_alias(held)).transpose()?;
        let store = opened.as_ref().and_then(|(member, ..)| member.attributes.home_store.as_deref());
        let permitted = may_here(&ground, caller, act, opened.is_some(), store);
        let (event, refusal) = match (opened, permitted) {
            (Some((member, key, record, alias)), Ok(())) => {
                let event = event.member(alias);
                let is_vip = ground.policy.guard().is_vip(member.attributes.tier);
                let counting = look_of(act).map(|look| self.counting(&ground, caller, look, is_vip));
                return Ok(SubjectOf {
                    member,
                    key,
                    record,
                    alias,
                    policy: ground.policy,
                    known,
                    as_of,
                    event,
                    counting,
                });
            }
            (Some((.., alias)), Err(refusal)) => (event.member(alias), refusal),
            (None, permitted) => {
                let refusal = permitted.err().unwrap_or_else(unknown_member);
                let is_gone = matches!(whom, Whom::Found(_)) && refusal.code == "unknown_member";
                (event, if is_gone { not_at_hand() } else { refusal })
            }
        };
        let entry = Look::of(event.refused(&refusal));
        // Who may look has looked: cards that are nobody's cannot be tried out beyond the budget either.
        let entry = match look_of(act).filter(|_| refusal.code == "unknown_member") {
            Some(look) => entry.counted(self.counting(&ground, caller, look, false)),
            None => entry,
        };
        self.looked(entry).await?;
        Err(refusal.into())
    }

    /// Where to look for him; whose he is is not asked here.
    fn sought(&self, caller: &Caller, whom: &Whom) -> Sought {
        match whom {
            Whom::Card(card) => Sought::Tag(
                Index::Card,
                self.store.keyring().index_tag(Index::Card, card.expose().as_bytes()),
            ),
            Whom::Found(found) => self.ordinal_of(caller, found).map_or(Sought::Nobody, Sought::Ordinal),
        }
    }

    /// The writer's turn in which a verb about him is written down. Between the look and the turn he may
    /// have been erased, or moved to another store: whoever is not what was read any more is not there,
    /// and the caller asks again.
    pub(super) async fn turn(&self, subject: &SubjectOf) -> Result<Work<'_>, Error> {
        let mut work = self.store.work().await?;
        if work.view().stands(&subject.member).await? {
            return Ok(work);
        }
        drop(work);
        self.refuse(subject.event.clone(), unknown_member()).await
    }

    /// The entry of a look at him, with those of others who look at this moment; the same holds of him.
    pub(super) async fn looked(&self, look: Look) -> Result<Receipt, Error> {
        match self.store.enter_look(look).await? {
            Looked::Entered(receipt) => Ok(receipt),
            Looked::Refused(refusal) => Err(refusal.into()),
            Looked::Gone(event) => self.refuse(*event, unknown_member()).await,
        }
    }

    /// A member with his record read and what the log calls him.
    pub(super) fn opened_alias(&self, held: Held) -> Result<(Member, WrappedDataKey, Record, Alias), Error> {
        let malformed = |_| StoreError::integrity("sealed", "a record is malformed");
        let record = Record::from_bytes(&held.member.record).map_err(malformed)?;
        let alias = self.vault.key(&held.key)?.alias(&record)?;
        Ok((held.member, held.key, record, alias))
    }
}

pub(super) fn not_a_value(what: &str, e: ValueError) -> Refusal {
    Refusal::new(e.code(), "B4", format!("the {what} {}", e.en())).hint(e.zh())
}

/// Whether the caller may do the act at all, anywhere of his own.
pub(super) fn may_somewhere(ground: &Ground, caller: &Caller, act: Act) -> Result<(), Refusal> {
    let anywhere = ground.staff.may(&ground.policy, caller, act, None);
    if anywhere.is_ok() {
        return anywhere;
    }
    let may = |site: &UnitCode| ground.staff.may(&ground.policy, caller, act, Some(site));
    let mut here = None;
    for site in ground.staff.sites(caller) {
        match may(&site) {
            Ok(()) => return Ok(()),
            Err(refusal) => here = Some(Err(refusal)),
        }
    }
    // A program is told how it stands at the site it is bound to: anywhere else is beyond it in any case.
    here.filter(|_| caller.token().is_some()).unwrap_or(anywhere)
}

/// Whether the caller may do the act to a member of this store. Who may do it to some members gets the
/// same answer for those who are not his and those who are not there.
pub(super) fn may_here(
    ground: &Ground,
    caller: &Caller,
    act: Act,
    there: bool,
    store: Option<&str>,
) -> Result<(), Refusal> {
    may_somewhere(ground, caller, act)?;
    if !there {
        return Err(unknown_member());
    }
    let unit = store.and_then(|s| UnitCode::parse(s).ok());
    ground.staff.may(&ground.policy, caller, act, unit.as_ref()).map_err(|_| unknown_member())
}
