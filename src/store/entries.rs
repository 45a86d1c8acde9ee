//! Entries that change nothing but the log: looks at members, and refusals. Those that wait at one moment are written in
//! one turn: one transaction, one wait for the disk, one checkpoint, one raise of the high-water mark.
//!
//! Who waits for whom is [`Gather`]'s; the turn is a writer's like any other ([`Work`]), so writers of this and of
//! other processes stay in one sequence without gaps. What fails fails for everyone in the group: no receipt, no look.

use super::error::Shared as _;
use super::gather::Gather;
use super::looks::{Counting, Counts};
use super::{Receipt, Store, StoreError, Work};
use crate::audit::event::Event;
use crate::model::refusal::Refusal;

/// A look that waits for its entry.
pub struct Look {
    event: Event,
    remark: Option<String>,
    counting: Option<Counting>,
    beside: Vec<Event>,
}

impl Look {
    /// One that is about no member.
    pub fn of(event: Event) -> Self {
        Look { event, remark: None, counting: None, beside: Vec::new() }
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
}

/// What became of one in its turn, before that is on disk.
enum End {
    /// With so many entries behind its own.
    Entered(usize),
    Refused(Refusal),
}

/// Who waits for an entry.
pub(super) type Entries = Gather<Event, Result<Receipt, StoreError>>;

impl Store {
    /// Writes an entry that nothing else hangs on, with those of others who wait.
    ///
    /// # Errors
    /// As [`Work::commit`]; what fails one fails all that are written with it.
    pub(crate) async fn enter(&self, event: Event) -> Result<Receipt, StoreError> {
        // Whoever had taken it went away in the middle of his turn: whether it was written is not known.
        self.entries.ask(event, |events| self.write_waiting(events)).await.unwrap_or(Err(StoreError::Busy))
    }

    async fn write_waiting(&self, events: Vec<Event>) -> Vec<Result<Receipt, StoreError>> {
        let together = events.len();
        match self.write_together(events).await {
            Ok(receipts) => receipts.into_iter().map(Ok).collect(),
            Err(error) => (0..together).map(|_| Err(error.shared())).collect(),
        }
    }

    async fn write_together(&self, events: Vec<Event>) -> Result<Vec<Receipt>, StoreError> {
        let mut work = self.work().await?;
        told_together(events.len());
        events.into_iter().try_for_each(|event| work.enter(event))?;
        work.settle().await
    }
}

fn told_together(entries: usize) {
    metrics::histogram!("countersign_entries_together").record(entries as f64);
}

impl Work<'_> {
    /// Ends the turn with the entries of looks, each judged by those before it, and waits until they are on disk: only then
    /// is anybody told.
    ///
    /// # Errors
    /// As [`Work::commit`].
    pub async fn write_looks(mut self, looks: Vec<Look>) -> Result<Vec<Looked>, StoreError> {
        told_together(looks.len());
        let mut counts = self.counts(looks.iter().filter_map(|look| look.counting.as_ref())).await?;
        let mut ends = Vec::with_capacity(looks.len());
        for look in looks {
            ends.push(look.enter(&mut self, &mut counts)?);
        }
        self.keep(counts).await?;
        let mut receipts = self.settle().await?.into_iter();
        let mut receipt = || receipts.next().ok_or(StoreError::Fault("an entry without a receipt"));
        let looked = ends.into_iter().map(|end| match end {
            End::Refused(refusal) => receipt().map(|_| Looked::Refused(refusal)),
            End::Entered(beside) => {
                let own = receipt().map(Looked::Entered);
                (0..beside).try_for_each(|_| receipt().map(drop)).and(own)
            }
        });
        looked.collect()
    }
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
