//! Entries of reads and refusals: they change nothing but the log, so those that wait at one moment are written in one
//! turn: one transaction, one wait for the disk, one checkpoint, one raise of the high-water mark.
//!
//! ```text
//! reads     a ─┐          b c d ─┐             e f ─┐
//! turns        [ a ............ ][ b c d ......... ][ e f ........ ]
//! receipts                      a                b c d            e f
//! ```
//!
//! Nobody waits for a group to fill: whoever finds no turn running takes it with all that wait, and while he waits for
//! the disk the next group gathers. The turn is a writer's like any other ([`Work`]), so writers of this and of
//! other processes stay in one sequence without gaps. What fails fails for everyone in the group: no receipt, no look.

use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot::{self, Receiver, Sender};

use super::looks::Counting;
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

/// Who waits, and whose turn it is.
#[derive(Default)]
pub(super) struct Entries {
    waiting: Mutex<Vec<(Look, Sender<Told>)>>,
    turn: tokio::sync::Mutex<()>,
}

impl Entries {
    fn join(&self, look: Look) -> Receiver<Told> {
        let (tell, told) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push((look, tell));
        told
    }

    fn take(&self) -> Vec<(Look, Sender<Told>)> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

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
        let mut told = self.entries.join(look);
        tokio::select! {
            biased;
            // Somebody else wrote it.
            heard = &mut told => return heard.unwrap_or(Err(StoreError::Busy)),
            _turn = self.entries.turn.lock() => self.write_waiting().await,
        }
        // It was among those; or whoever had taken it went away in the middle of his turn.
        told.await.unwrap_or(Err(StoreError::Busy))
    }

    async fn write_waiting(&self) {
        let (looks, tells): (Vec<_>, Vec<_>) = self.entries.take().into_iter().unzip();
        if looks.is_empty() {
            return;
        }
        metrics::histogram!("countersign_entries_together").record(looks.len() as f64);
        match self.write_together(looks).await {
            // Whoever waits no longer has his entry, and no look.
            Ok(looked) => {
                tells.into_iter().zip(looked).for_each(|(tell, looked)| drop(tell.send(Ok(looked))))
            }
            Err(error) => tells.into_iter().for_each(|tell| drop(tell.send(Err(error.shared())))),
        }
    }

    async fn write_together(&self, looks: Vec<Look>) -> Result<Vec<Looked>, StoreError> {
        let mut work = self.work().await?;
        let mut ends = Vec::with_capacity(looks.len());
        for look in looks {
            ends.push(look.enter(&mut work).await?);
        }
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
    async fn enter(self, work: &mut Work<'_>) -> Result<End, StoreError> {
        // While no verb has changed any member since, nobody has to be read again.
        if self.as_of.is_some_and(|as_of| as_of != work.member_stamp()) {
            for member in &self.members {
                if !work.view().stands(member).await? {
                    return Ok(End::Gone(Box::new(self.event)));
                }
            }
        }
        if let Some(counting) = &self.counting
            && let Some(refusal) = work.count(counting).await?
        {
            work.enter(self.event.refused(&refusal))?;
            return Ok(End::Refused(refusal));
        }
        let event = match self.remark {
            Some(text) => self.event.digest("commitment", work.add_remark(&text).await?),
            None => self.event,
        };
        work.enter(event)?;
        Ok(End::Entered)
    }
}
