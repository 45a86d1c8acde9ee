//! Erasing a member for good (E6): the data goes with the order, then the key, then it is told.
//!
//! ```text
//! erase.ordered: suppression tags in; member, index, states, age, reasons out ─► data key destroyed ─► erased
//! ```
//! Start finishes what was ordered; nothing is acknowledged before the last entry.

use super::super::{Broker, Caller, Error};
use crate::audit::event::{Action, Actor, Event};
use crate::broker::found::Whom;
use crate::broker::looking::One;
use crate::broker::subject::{SubjectOf, Verb, check_reason};
use crate::model::ids::Alias;
use crate::policy::Act;
use crate::store::chunks::{AGE, State};
use crate::store::members::Member;
use crate::store::packages::Erasure;
use crate::store::{StoreError, Work};

/// A member whose data goes.
pub(in crate::broker) struct Leaving {
    pub(in crate::broker) member: Member,
    /// What the log calls him, where that can still be known.
    pub(in crate::broker) alias: Option<Alias>,
    /// The code under which his contact points are suppressed, if they are.
    pub(in crate::broker) why: Option<String>,
}

/// Takes all data of some members away in this turn: what selects, what is sealed, index tags, effective states,
/// ages, and what staff wrote about them, in whatever words.
pub(in crate::broker) async fn take_out(work: &mut Work<'_>, leaving: &[Leaving]) -> Result<(), StoreError> {
    for Leaving { member, alias, why } in leaving {
        if let Some(why) = why {
            for tag in &member.attributes.tags {
                work.suppress(tag.index, &tag.suppression, why).await?;
            }
        }
        work.delete_member(member).await?;
        if let Some(alias) = alias {
            for seq in work.view().leaves_about(*alias).await? {
                work.delete_remark(seq).await?;
            }
        }
    }
    let ordinals: Vec<i64> = leaving.iter().map(|l| l.member.ordinal).collect();
    for kind in work.view().chunk_kinds().await? {
        let is_age = kind == AGE;
        work.change_chunks(&kind, ordinals.iter().copied(), |chunks| {
            for ordinal in &ordinals {
                match is_age {
                    true => chunks.set_birthday(*ordinal, None),
                    false => chunks.set_state(*ordinal, State::None),
                }
            }
        })
        .await?;
    }
    Ok(())
}

impl Broker {
    /// Erases a member; the case number, which is all that is left to ask by.
    ///
    /// # Errors
    /// `not_permitted`, `unknown_member`, `reason_missing`.
    pub async fn member_erase(
        &self,
        caller: &Caller,
        whom: impl Into<Whom>,
        reason: &str,
    ) -> Result<String, Error> {
        let besides = |_: &_| check_reason(reason, "E6");
        let verb = Verb::new(Action::EraseOrdered, caller, Act::MemberErase, whom);
        let (SubjectOf { one: One { member, alias, .. }, event, .. }, mut work) =
            self.turn(verb, besides).await?;
        let ordinal = member.ordinal;
        let case_no = self.next_case(&mut work).await?;
        let why = Some(format!("erased:{case_no}"));
        // What staff wrote about him goes; why he is erased comes after.
        take_out(&mut work, &[Leaving { member, alias: Some(alias), why }]).await?;
        let erasure =
            Erasure { case_no: case_no.clone(), ordinal, alias, ordered_at: work.at(), finished_at: None };
        work.put_erasure(&erasure).await?;
        let commitment = work.add_remark(reason.trim())?;
        work.commit(event.object(&case_no).digest("commitment", commitment)).await?;
        // The order stands: what is left of it is done at the next start at the latest.
        self.finish_erasure(erasure, caller.actor()).await.map_err(Error::behind_commit)?;
        Ok(case_no)
    }

    /// Finishes the erasures that were ordered and broken off; how many. Start calls it.
    ///
    /// # Errors
    /// A key could not be destroyed.
    pub(in crate::broker) async fn finish_erasures(&self) -> Result<u64, Error> {
        let open: Vec<Erasure> = self
            .store
            .view()
            .await?
            .erasures()
            .await?
            .into_iter()
            .filter(|e| e.finished_at.is_none())
            .collect();
        let mut finished = 0;
        for erasure in open {
            finished += u64::from(self.finish_erasure(erasure, Actor::Operator).await?);
        }
        Ok(finished)
    }

    /// The second half; whether it was still to be done.
    async fn finish_erasure(&self, erasure: Erasure, actor: Actor) -> Result<bool, Error> {
        self.store.destroy_key(erasure.ordinal).await?;
        self.store.forget_deleted().await?;
        let mut work = self.store.work().await?;
        // Another process may have been started meanwhile and have finished it.
        let stands = work.view().erasures().await?.into_iter().find(|e| e.case_no == erasure.case_no);
        if stands.is_none_or(|e| e.finished_at.is_some()) {
            return Ok(false);
        }
        let (case_no, alias, at) = (erasure.case_no.clone(), erasure.alias, work.at());
        work.put_erasure(&Erasure { finished_at: Some(at), ..erasure }).await?;
        work.commit(Event::new(Action::Erased, actor).member(alias).object(case_no)).await?;
        Ok(true)
    }

    /// `ER2026-0001`: rising within a year of the vault's zone.
    async fn next_case(&self, work: &mut Work<'_>) -> Result<String, StoreError> {
        let prefix = format!("ER{:04}-", self.clock().date(work.at()).year());
        let serials = work.view().erasures().await?;
        let last = serials
            .iter()
            .filter_map(|e| e.case_no.strip_prefix(&prefix)?.parse::<u64>().ok())
            .max()
            .unwrap_or(0);
        Ok(format!("{prefix}{:04}", last + 1))
    }
}
