//! Whom a verb is about: found by card, within the caller's reach, with what the log calls him.

use std::sync::Arc;

use super::found::Whom;
use super::looks::{look_of, try_of};
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
use crate::store::held::{AsOf, Held};
use crate::store::looks::Counting;
use crate::store::members::{Member, WrappedDataKey};
use crate::store::{Receipt, StoreError, View, Work};

/// Fewest characters of a reason.
const REASON: usize = 4;
/// Most: it is kept for good, beside the entry.
const LONGEST: usize = 500;
/// So often somebody is looked at again when something changed between the look and its entry.
pub(super) const TRIES: usize = 5;

/// A member whom the caller may do the act to, not opened yet.
pub(super) struct SubjectOf {
    pub(super) member: Member,
    pub(super) key: WrappedDataKey,
    pub(super) record: Record,
    pub(super) alias: Alias,
    pub(super) policy: Arc<Policy>,
    /// The moment at which he was read.
    as_of: AsOf,
    /// The verb's event with member and policy.
    pub(super) event: Event,
    /// Whose budget a look at him is of, when it has one.
    counting: Option<Counting>,
}

impl SubjectOf {
    /// The look at him, as long as he is what was read and the caller may.
    fn look(&self) -> Look {
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
    if reason.trim().chars().count() > LONGEST {
        return Err(Refusal::new(
            "reason_too_long",
            rule,
            format!("a reason has at most {LONGEST} characters"),
        )
        .hint("give the number of a case or a form, where more can be read"));
    }
    Ok(())
}

/// What is asked of a caller and of what he brings, whoever the member is: nothing.
pub(super) fn nothing_else(_: &Compared) -> Result<(), Refusal> {
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

    /// Finds the member and asks the policy, and `besides` what must hold whoever he is: that comes before any word of
    /// whether there is such a member, or a reason that is missing would tell it without a look's budget (A10b). A
    /// refusal is logged here; where there is a member, with his alias, so that tries are seen as well.
    pub(super) async fn subject(
        &self,
        event: Event,
        caller: &Caller,
        act: Act,
        whom: &Whom,
        besides: impl Fn(&Compared) -> Result<(), Refusal>,
    ) -> Result<SubjectOf, Error> {
        // Again from the start when what the caller may changed before his refusal could be entered; the last time it is
        // entered all the same: nobody may make it so that what he is refused is no entry.
        for tries_left in (0..TRIES).rev() {
            let Moment { ground, known, as_of, mut members } = self.seek(self.sought(caller, whom)).await?;
            let event = event.clone().policy(Digest(ground.policy.digest()));
            members.truncate(1);
            let opened = members.pop().map(|held| self.opened_alias(held)).transpose()?;
            let store = opened.as_ref().and_then(|(member, ..)| member.attributes.home_store.as_deref());
            let permitted = known
                .check_token(caller, self.clock().now())
                .and_then(|()| may_somewhere(&ground, caller, act))
                .and_then(|()| besides(&known))
                .and_then(|()| may_here(&ground, caller, act, opened.is_some(), store));
            let (event, refusal) = match (opened, permitted) {
                (Some((member, key, record, alias)), Ok(())) => {
                    let event = event.member(alias);
                    let is_vip = ground.policy.guard().is_vip(member.attributes.tier);
                    let counting = look_of(act).map(|look| self.counting(&ground, caller, look, is_vip));
                    let policy = ground.policy;
                    return Ok(SubjectOf { member, key, record, alias, policy, as_of, event, counting });
                }
                (Some((.., alias)), Err(refusal)) => (event.member(alias), refusal),
                (None, permitted) => {
                    let refusal = permitted.err().unwrap_or_else(unknown_member);
                    let is_gone = matches!(whom, Whom::Found(_)) && refusal.code == "unknown_member";
                    (event, if is_gone { not_at_hand() } else { refusal })
                }
            };
            let entry = Look::of(event.refused(&refusal));
            let entry = match tries_left {
                0 => entry,
                _ => entry.while_stand(Vec::new(), as_of),
            };
            // Who may look has looked: cards that are nobody's cannot be tried out beyond the budget either. By a name that
            // is good no more nobody is tried.
            let entry = match refusal.code == "unknown_member" && matches!(whom, Whom::Card(_)) {
                true => entry.counted(self.counting(&ground, caller, try_of(act), false)),
                false => entry,
            };
            if self.looked(entry).await?.is_some() {
                return Err(refusal.into());
            }
        }
        Err(StoreError::Busy.into())
    }

    /// Looks at a member: finds him ([`Broker::subject`]) and enters the look, with a justification if it has one. When
    /// he, or what the caller may, changed between the two, again from the start.
    pub(super) async fn look_at(
        &self,
        event: Event,
        caller: &Caller,
        act: Act,
        whom: &Whom,
        besides: impl Fn(&Compared) -> Result<(), Refusal>,
        remark: Option<&str>,
    ) -> Result<(SubjectOf, Receipt), Error> {
        for _ in 0..TRIES {
            let subject = self.subject(event.clone(), caller, act, whom, &besides).await?;
            let look = subject.look();
            let look = match remark {
                Some(remark) => look.remark(remark),
                None => look,
            };
            if let Some(receipt) = self.looked(look).await? {
                return Ok((subject, receipt));
            }
        }
        Err(StoreError::Busy.into())
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
    /// and the caller asks again. What the caller may is asked again when anything of it changed.
    pub(super) async fn turn(
        &self,
        subject: &SubjectOf,
        caller: &Caller,
        act: Act,
    ) -> Result<Work<'_>, Error> {
        let mut work = self.store.work().await?;
        let mut permitted = self.may_still(&mut work, subject, caller, act).await?;
        if permitted.is_ok() && !work.view().stands(&subject.member).await? {
            permitted = Err(unknown_member());
        }
        match permitted {
            Ok(()) => Ok(work),
            Err(refusal) => {
                drop(work);
                self.refuse(subject.event.clone(), refusal).await
            }
        }
    }

    /// Whether the caller may do the act at this moment of the turn, as he could when the member was found.
    pub(super) async fn may_still(
        &self,
        work: &mut Work<'_>,
        subject: &SubjectOf,
        caller: &Caller,
        act: Act,
    ) -> Result<Result<(), Refusal>, Error> {
        let store = subject.member.attributes.home_store.as_deref();
        let may = |ground: &Ground| may_here(ground, caller, act, true, store);
        self.judged_in(work.view(), caller, may).await
    }

    /// Whether a caller who was let in a while ago still is at this moment: his account, his token, his rights. A policy
    /// begins to hold and a token ends without anything being written, so it is asked anew each time.
    pub(super) async fn judged_in(
        &self,
        view: &mut View<'_>,
        caller: &Caller,
        may: impl Fn(&Ground) -> Result<(), Refusal>,
    ) -> Result<Result<(), Refusal>, Error> {
        let now = self.clock().now();
        // Boxed: it is behind the long futures of an import.
        let known = Box::pin(self.known.at(view, now)).await?;
        let ground = self.ground_of(&known).await?;
        let is_active = |()| ground.staff.caller(caller.login()).map(drop);
        Ok(known.check_token(caller, now).and_then(is_active).and_then(|()| may(&ground)))
    }

    /// The entry of a look, with those of others who look at this moment; none when what was read is not so any more.
    pub(super) async fn looked(&self, look: Look) -> Result<Option<Receipt>, Error> {
        match self.store.enter_look(look).await? {
            Looked::Entered(receipt) => Ok(Some(receipt)),
            Looked::Refused(refusal) => Err(refusal.into()),
            Looked::Stale => Ok(None),
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
