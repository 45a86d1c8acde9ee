//! Entries of reads and refusals: they change nothing but the log, so those that wait at one moment are written in one
//! turn: one transaction, one wait for the disk, one checkpoint, one raise of the high-water mark.
//!
//! Who waits for whom is [`Gather`]'s; the turn is a writer's like any other ([`Work`]), so writers of this and of
//! other processes stay in one sequence without gaps. What fails fails for everyone in the group: no receipt, no look.
//! A look whose ground has moved meanwhile is not written; the others of its group are.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Shared as _;
use super::gather::Gather;
use super::held::{AsOf, Held};
use super::looks::{Counting, Counts};
use super::members::Member;
use super::{Receipt, Store, StoreError, Work};
use crate::audit::event::Event;
use crate::model::refusal::Refusal;

/// A read that waits for its entry.
pub struct Look {
    event: Event,
    remark: Option<String>,
    members: Vec<Member>,
    as_of: Option<AsOf>,
    counting: Option<Counting>,
    beside: Vec<Event>,
}

impl Look {
    /// One that is about no member.
    pub fn of(event: Event) -> Self {
        Look { event, remark: None, members: Vec::new(), as_of: None, counting: None, beside: Vec::new() }
    }

    /// Only while these members are what was read at a moment, and what decides about the look is what it was: between
    /// the look and the entry they may be erased or moved to another store, and who looks be suspended.
    pub(crate) fn while_stand(mut self, members: Vec<Member>, as_of: AsOf) -> Self {
        (self.members, self.as_of) = (members, Some(as_of));
        self
    }

    /// As long as there is a budget left for it: it is counted in the turn of its entry, and what is refused is entered as
    /// that.
    pub fn counted(mut self, counting: Counting) -> Self {
        self.counting = Some(counting);
        self
    }

    /// With an entry of his own for each of several who are shown by it: whoever was seen can be told so. Each is counted,
    /// those before the one for whom nothing is left too: how many there are is not told for nothing.
    pub(crate) fn each(mut self, events: Vec<Event>) -> Self {
        self.beside = events;
        self
    }

    /// With a justification, which is kept beside the entry, sealed.
    pub fn remark(mut self, text: &str) -> Self {
        self.remark = Some(text.to_owned());
        self
    }
}

/// What became of it.
// Nearly every look is entered: a box for the large variant would be made at each.
#[allow(clippy::large_enum_variant)]
pub enum Looked {
    /// It is in the log, on disk.
    Entered(Receipt),
    /// There is no budget left for it; the refusal is in the log.
    Refused(Refusal),
    /// What was read is not so any more; nothing was written. Whoever looks has to look again.
    Stale,
}

type Told = Result<Looked, StoreError>;

/// Who waits for an entry.
pub(super) type Entries = Gather<Look, Told>;

impl Store {
    /// Writes an entry that nothing else hangs on, with those of others who wait.
    ///
    /// # Errors
    /// As [`Work::commit`].
    pub(crate) async fn enter(&self, event: Event) -> Result<Receipt, StoreError> {
        match self.enter_look(Look::of(event)).await? {
            Looked::Entered(receipt) => Ok(receipt),
            Looked::Refused(_) | Looked::Stale => {
                Err(StoreError::Fault("an entry that hangs on nothing was not written"))
            }
        }
    }

    /// Writes a read's entry, with those of others who wait.
    ///
    /// # Errors
    /// As [`Work::commit`]; what fails one fails all that are written with it.
    pub async fn enter_look(&self, look: Look) -> Result<Looked, StoreError> {
        // Whoever had taken it went away in the middle of his turn: whether it was written is not known.
        self.entries.ask(look, |looks| self.write_waiting(looks)).await.unwrap_or(Err(StoreError::Busy))
    }

    async fn write_waiting(&self, looks: Vec<Look>) -> Vec<Told> {
        let together = looks.len();
        metrics::histogram!("countersign_entries_together").record(together as f64);
        match self.write_together(looks).await {
            Ok(looked) => looked.into_iter().map(Ok).collect(),
            Err(error) => (0..together).map(|_| Err(error.shared())).collect(),
        }
    }

    async fn write_together(&self, looks: Vec<Look>) -> Result<Vec<Looked>, StoreError> {
        let mut work = self.work().await?;
        let stands = standing(&mut work, &looks).await?;
        let mut counts = work.counts(looks.iter().filter_map(|look| look.counting.as_ref())).await?;
        let mut ends = Vec::with_capacity(looks.len());
        for (look, stands) in looks.into_iter().zip(stands) {
            ends.push(if stands { look.enter(&mut work, &mut counts)? } else { End::Stale });
        }
        work.keep(counts).await?;
        let mut receipts = match ends.iter().all(|end| matches!(end, End::Stale)) {
            true => Vec::new().into_iter(),
            false => work.settle().await?.into_iter(),
        };
        let mut receipt = || receipts.next().ok_or(StoreError::Fault("an entry without a receipt"));
        let looked = ends.into_iter().map(|end| match end {
            End::Stale => Ok(Looked::Stale),
            End::Refused(refusal) => receipt().map(|_| Looked::Refused(refusal)),
            End::Entered(beside) => {
                let own = receipt().map(Looked::Entered);
                (0..beside).try_for_each(|_| receipt().map(drop)).and(own)
            }
        });
        looked.collect()
    }
}

/// What became of it in the turn, before that is on disk.
enum End {
    /// With so many entries behind its own.
    Entered(usize),
    Refused(Refusal),
    Stale,
}

/// Of which looks all still is what was read. While no verb has changed any member since, nobody has to be read again;
/// else all of them are, at once.
async fn standing(work: &mut Work<'_>, looks: &[Look]) -> Result<Vec<bool>, StoreError> {
    let now = work.as_of();
    let is_moved = |look: &Look| look.as_of.as_ref().is_some_and(|as_of| as_of.members != now.members);
    let moved: Vec<bool> = looks.iter().map(is_moved).collect();
    let ordinals = looks.iter().zip(&moved).filter(|(_, moved)| **moved).flat_map(|(look, _)| &look.members);
    let ordinals: BTreeSet<i64> = ordinals.map(|member| member.ordinal).collect();
    let ordinals: Vec<i64> = ordinals.into_iter().collect();
    let held = match ordinals.is_empty() {
        true => Ok(BTreeMap::new()),
        false => work.view().held(&ordinals).await,
    };
    let held = match held {
        // Of somebody it is not what a verb wrote. Who looked at him finds that when he looks again.
        Err(StoreError::Integrity { .. }) => BTreeMap::new(),
        held => held?,
    };
    let is_same = |member: &Member| held.get(&member.ordinal).map(|held: &Held| &held.member) == Some(member);
    let stands = looks.iter().zip(moved).map(|(look, moved)| {
        look.as_of.as_ref().is_none_or(|as_of| as_of.decides_as(&now))
            && (!moved || look.members.iter().all(is_same))
    });
    Ok(stands.collect())
}

impl Look {
    /// Appends the entry, or that of the refusal.
    fn enter(self, work: &mut Work<'_>, counts: &mut Counts) -> Result<End, StoreError> {
        if let Some(counting) = &self.counting {
            // Another kind is noticed once: it is that of one of them.
            let others = Counting { also: None, ..counting.clone() };
            let all =
                std::iter::once(counting).chain(std::iter::repeat(&others)).take(self.beside.len().max(1));
            for one in all {
                if let Some(refusal) = counts.count(one) {
                    work.enter(self.event.refused(&refusal))?;
                    return Ok(End::Refused(refusal));
                }
            }
        }
        let event = match self.remark {
            Some(text) => self.event.digest("commitment", work.add_remark(&text)?),
            None => self.event,
        };
        work.enter(event)?;
        let beside = self.beside.len();
        self.beside.into_iter().try_for_each(|event| work.enter(event))?;
        Ok(End::Entered(beside))
    }
}
