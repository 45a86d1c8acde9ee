//! Whom a verb is about: found by card, within the caller's reach, with what the log calls him.

use serde::Serialize;

use super::{Broker, Caller, Error, Ground, Refusal};
use crate::audit::event::Event;
use crate::model::code::{Channel, Purpose, RecipientClass};
use crate::model::contact::CardNo;
use crate::model::field::Index;
use crate::model::ids::{Alias, Digest, UnitCode};
use crate::model::sealed::Record;
use crate::model::value_error::ValueError;
use crate::policy::{Act, Policy};
use crate::store::chunks::State;
use crate::store::members::{Member, WrappedDataKey};
use crate::store::{StoreError, View, Work};

/// Fewest characters of a reason.
const REASON: usize = 4;

/// A member whom the caller may do the act to, not opened yet.
pub(super) struct SubjectOf {
    pub(super) member: Member,
    pub(super) key: WrappedDataKey,
    pub(super) record: Record,
    pub(super) alias: Alias,
    pub(super) policy: std::sync::Arc<Policy>,
    /// The verb's event with member and policy.
    pub(super) event: Event,
}

/// One answer for a member who is not there and one who is not the caller's.
pub(super) fn unknown_member() -> Refusal {
    Refusal::new("unknown_member", "B9", "there is no such member in what you may see")
        .hint("check the card number; members of another store are looked up there")
}

pub(super) fn check_reason(reason: &str, rule: &'static str) -> Result<(), Refusal> {
    if reason.trim().chars().count() < REASON {
        return Err(Refusal::new("reason_missing", rule, "a reason is needed")
            .hint(format!("say in {REASON} characters or more what it is for; it is kept with the entry")));
    }
    Ok(())
}

/// One effective state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ConsentState {
    /// For what.
    pub purpose: Purpose,
    /// Over which channel.
    pub channel: Channel,
    /// To whom.
    pub class: RecipientClass,
    /// `granted`, `refused` or `withdrawn`.
    pub state: &'static str,
}

/// A state's word.
pub(super) fn word(state: State) -> &'static str {
    match state {
        State::None => "none",
        State::Granted => "granted",
        State::Refused => "refused",
        State::Withdrawn => "withdrawn",
    }
}

impl Broker {
    /// Writes a refusal to the log and tells it.
    pub(super) async fn refuse<T>(&self, event: Event, refusal: Refusal) -> Result<T, Error> {
        self.store.work().await?.commit(event.refused(&refusal)).await?;
        Err(refusal.into())
    }

    /// Writes to the log that a file which the caller may bring is none, and tells what is wrong with it.
    pub(super) async fn refuse_file<T>(&self, event: Event, why: Error) -> Result<T, Error> {
        let refusal = Refusal::new("unusable_file", "B4", "the file is not usable");
        self.store.work().await?.commit(event.refused(&refusal)).await?;
        Err(why)
    }

    /// Finds the member of a card and asks the policy. A refusal is logged here; where there is a member,
    /// with his alias, so that tries are seen as well.
    pub(super) async fn subject(
        &self,
        event: Event,
        caller: &Caller,
        act: Act,
        card: &CardNo,
    ) -> Result<SubjectOf, Error> {
        let mut view = self.store.view().await?;
        let ground = self.ground(&mut view).await?;
        let event = event.policy(Digest(ground.policy.digest()));
        let tag = self.store.keyring().index_tag(Index::Card, card.expose().as_bytes());
        let opened = match view.find(Index::Card, &tag).await?.first() {
            Some(ordinal) => Some(self.held(&mut view, *ordinal).await?),
            None => None,
        };
        drop(view);
        let store = opened.as_ref().and_then(|(member, ..)| member.attributes.home_store.as_deref());
        let permitted = may_here(&ground, caller, act, opened.is_some(), store);
        match (opened, permitted) {
            (Some((member, key, record, alias)), Ok(())) => {
                let event = event.member(alias);
                Ok(SubjectOf { member, key, record, alias, policy: ground.policy, event })
            }
            (Some((.., alias)), Err(refusal)) => self.refuse(event.member(alias), refusal).await,
            (None, permitted) => self.refuse(event, permitted.err().unwrap_or_else(unknown_member)).await,
        }
    }

    /// The writer's turn in which a verb about him is written down. Between the look and the turn he may
    /// have been erased, or moved to another store: whoever is not what was read any more is not there,
    /// and the caller asks again.
    pub(super) async fn turn(&self, subject: &SubjectOf) -> Result<Work<'_>, Error> {
        let mut work = self.store.work().await?;
        if stands(&mut work, &subject.member).await? {
            return Ok(work);
        }
        drop(work);
        self.refuse(subject.event.clone(), unknown_member()).await
    }

    pub(super) async fn held(
        &self,
        view: &mut View<'_>,
        ordinal: i64,
    ) -> Result<(Member, WrappedDataKey, Record, Alias), Error> {
        let gone = || StoreError::integrity("index_card", "its member is gone");
        let held = view.held(&[ordinal]).await?.remove(&ordinal).ok_or_else(gone)?;
        let malformed = |_| StoreError::integrity("sealed", "a record is malformed");
        let record = Record::from_bytes(&held.member.record).map_err(malformed)?;
        let alias = self.vault.key(&held.key)?.alias(&record)?;
        Ok((held.member, held.key, record, alias))
    }
}

/// Whether a member is still what was read, and his data key there.
pub(super) async fn stands(work: &mut Work<'_>, member: &Member) -> Result<bool, StoreError> {
    let view = work.view();
    let is_same = view.member(member.ordinal).await?.as_ref() == Some(member);
    Ok(is_same && view.data_key(member.ordinal).await?.is_some())
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
    let may = |site: &UnitCode| ground.staff.may(&ground.policy, caller, act, Some(site)).is_ok();
    if ground.staff.sites(caller.login()).iter().any(may) { Ok(()) } else { anywhere }
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

/// Every state that is not `none`.
pub(super) async fn states_of(view: &mut View<'_>, ordinal: i64) -> Result<Vec<ConsentState>, StoreError> {
    let mut states = Vec::new();
    for kind in view.chunk_kinds().await? {
        let mut parts = kind.split('/').skip(1);
        let mut part = || parts.next().unwrap_or_default();
        let parsed = (Purpose::parse(part()), Channel::parse(part()), RecipientClass::parse(part()));
        let (Ok(purpose), Ok(channel), Ok(class)) = parsed else { continue };
        let state = view.state(&kind, ordinal).await?;
        if state != State::None {
            states.push(ConsentState { purpose, channel, class, state: word(state) });
        }
    }
    Ok(states)
}
