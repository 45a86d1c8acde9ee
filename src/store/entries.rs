//! Entries of reads and refusals: they change nothing but the log, so those that wait at one moment are written in one
//! turn: one transaction, one wait for the disk, one checkpoint, one raise of the high-water mark.
//!
//! Who waits for whom is [`Gather`]'s; the turn is a writer's like any other ([`Work`]), so writers of this and of
//! other processes stay in one sequence without gaps. What fails fails for everyone in the group: no receipt, no look.

use super::gather::Gather;
use super::looks::{Counting, Counts};
use super::members::Member;
use super::{Receipt, Stamp, Store, StoreError, Work};
use crate::audit::event::Event;
use crate::model::refusal::Refusal;

/// A read that waits for its entry.
pub struct Look {
    event: Event,
    remark: Option<String>,
    members: Vec<Member>,
    as_of: Option<Stamp>,
    counting: Option<Counting>,
}

impl Look {
    /// One that is about no member.
    pub fn of(event: Event) -> Self {
        Look { event, remark: None, members: Vec::new(), as_of: None, counting: None }
    }

    /// Only while these members are still what was read under a stamp ([`super::View::member_stamp`]): between the look
    /// and the entry they may have been erased, or moved to another store.
    pub(crate) fn while_stand(mut self, members: Vec<Member>, as_of: Stamp) -> Self {
        (self.members, self.as_of) = (members, Some(as_of));
        self
    }

    /// As long as there is a budget left for it: it is counted in the turn of its entry, and what is refused is entered as
    /// that.
    pub fn counted(mut self, counting: Counting) -> Self {
        self.counting = Some(counting);
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
    /// A member is not what was read any more; nothing was written. The event, for the refusal.
    Gone(Box<Event>),
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
            Looked::Refused(_) | Looked::Gone(_) => {
                Err(StoreError::Fault("an entry about no member found one gone"))
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
        let mut counts = work.counts(looks.iter().filter_map(|look| look.counting.as_ref())).await?;
        let mut ends = Vec::with_capacity(looks.len());
        for look in looks {
            ends.push(look.enter(&mut work, &mut counts).await?);
        }
        work.keep(counts).await?;
        let mut receipts = match ends.iter().all(|end| matches!(end, End::Gone(_))) {
            true => Vec::new().into_iter(),
            false => work.settle().await?.into_iter(),
        };
        let mut receipt = || receipts.next().ok_or(StoreError::Fault("an entry without a receipt"));
        let looked = ends.into_iter().map(|end| match end {
            End::Gone(event) => Ok(Looked::Gone(event)),
            End::Refused(refusal) => receipt().map(|_| Looked::Refused(refusal)),
            End::Entered => receipt().map(Looked::Entered),
        });
        looked.collect()
    }
}

/// What became of it in the turn, before that is on disk.
enum End {
    Entered,
    Refused(Refusal),
    Gone(Box<Event>),
}

impl Look {
    /// Appends the entry, or that of the refusal; none when a member is gone.
    async fn enter(self, work: &mut Work<'_>, counts: &mut Counts) -> Result<End, StoreError> {
        // While no verb has changed any member since, nobody has to be read again.
        if self.as_of.is_some_and(|as_of| as_of != work.member_stamp()) {
            for member in &self.members {
                if !work.view().stands(member).await? {
                    return Ok(End::Gone(Box::new(self.event)));
                }
            }
        }
        if let Some(counting) = &self.counting
            && let Some(refusal) = counts.count(counting)
        {
            work.enter(self.event.refused(&refusal))?;
            return Ok(End::Refused(refusal));
        }
        let event = match self.remark {
            Some(text) => self.event.digest("commitment", work.add_remark(&text)?),
            None => self.event,
        };
        work.enter(event)?;
        Ok(End::Entered)
    }
}
