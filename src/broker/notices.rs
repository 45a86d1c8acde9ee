//! Who is told that there is something to do: the log is read by the one process that has the watch, so a message is put into
//! the outbox only for what is committed, and once.

use super::alarms::Entry;
use super::rounds::find;
use super::standing::form_of;
use super::{Broker, Error};
use crate::access::{Chair, Staff, Standing};
use crate::clock::Micros;
use crate::model::code::codes;
use crate::model::form::Form;
use crate::model::ids::{PackageNo, RequestNo, UnitCode};
use crate::policy::{Policy, Slot};
use crate::store::StoreError;
use crate::store::outbox::{OutboxRow, ReceiverState};

/// The first wait after a message could not be sent: half a minute, then twice as long each time, an hour at most.
const FIRST: Micros = 30_000_000;
const LONGEST: Micros = 3_600_000_000;
/// A message that could not be sent for a day is given up.
const GIVEN_UP: Micros = 86_400_000_000;

/// Entries that somebody is told of.
const TOLD: [&str; 7] = [
    "request.submitted",
    "request.approved",
    "request.reminded",
    "request.returned",
    "request.rejected",
    "package.sealed",
    "alarm.raised",
];

codes! {
    /// What somebody is told of.
    NoticeKind, "event" {
        /// A request waits for a step.
        Awaits = "awaits",
        /// A request was returned.
        Returned = "returned",
        /// A request was rejected.
        Rejected = "rejected",
        /// A request was executed.
        Executed = "executed",
        /// A package can be fetched.
        PackageReady = "package_ready",
        /// A request still waits for a step.
        Reminder = "reminder",
        /// An alarm was raised.
        Alarm = "alarm",
    }
}

/// Who is told, of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// The receiver's name in the settings.
    pub name: String,
    /// Only what is these units' turn, or of units under them; empty: all.
    pub units: Vec<UnitCode>,
    /// Only these; empty: all.
    pub kinds: Vec<NoticeKind>,
}

/// A message to one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The receiver's name.
    pub receiver: String,
    /// What of.
    pub kind: NoticeKind,
    /// The number of a request, a package, or an alarm.
    pub number: String,
    /// The step that is next: `dept`, `planning`, `membership`, `execute`; empty for none.
    pub step: String,
    row: OutboxRow,
}

/// Something to tell: of what, to whose units.
struct Notice {
    kind: NoticeKind,
    number: String,
    step: String,
    units: Vec<UnitCode>,
}

impl Notice {
    fn is_for(&self, to: &Subscriber, staff: &Staff) -> bool {
        let named = to.kinds.contains(&self.kind);
        // An alarm is no unit's: who wants only a unit's messages has to ask for it.
        let of_unit =
            || self.units.iter().any(|unit| to.units.iter().any(|over| is_under(staff, unit, over)));
        let theirs = to.units.is_empty() || of_unit() || (self.kind == NoticeKind::Alarm && named);
        theirs && (to.kinds.is_empty() || named)
    }
}

fn is_under(staff: &Staff, unit: &UnitCode, over: &UnitCode) -> bool {
    // A tree was read: it ends.
    let mut parents = std::iter::successors(Some(unit), |unit| staff.tree().get(unit)?.parent.as_ref());
    parents.any(|unit| unit == over)
}

impl Broker {
    /// Messages that an entry gives rise to, one for each who is told.
    pub(super) async fn outbox_of(
        &self,
        seq: u64,
        entry: &Entry,
        subscribers: &[Subscriber],
    ) -> Result<Vec<OutboxRow>, Error> {
        let (action, object) = (entry.action.as_str(), entry.object.as_deref().unwrap_or_default());
        if subscribers.is_empty() || !entry.is_allowed() || !TOLD.contains(&action) {
            return Ok(Vec::new());
        }
        let mut view = self.store.view().await?;
        let ground = self.ground(&mut view).await?;
        drop(view);
        let notices = match action {
            "request.submitted" | "request.approved" => {
                self.awaited(&ground.staff, &ground.policy, object, NoticeKind::Awaits).await
            }
            "request.reminded" => {
                self.awaited(&ground.staff, &ground.policy, object, NoticeKind::Reminder).await
            }
            "request.returned" => self.told(object, NoticeKind::Returned).await,
            "request.rejected" => self.told(object, NoticeKind::Rejected).await,
            "package.sealed" => self.sealed(&ground.staff, object).await,
            "alarm.raised" => Ok(vec![Notice {
                kind: NoticeKind::Alarm,
                number: seq.to_string(),
                step: String::new(),
                units: Vec::new(),
            }]),
            _ => return Ok(Vec::new()),
        };
        let notices = match notices {
            // What does not fit together is found by who looks at the request; the others are told all the same.
            Err(Error::Store(StoreError::Integrity { .. }) | Error::Refused(_) | Error::Policy(_)) => {
                tracing::error!(seq, "nobody could be told of this entry");
                Vec::new()
            }
            notices => notices?,
        };
        let made_at = self.clock().now();
        let pairs = notices.iter().flat_map(|n| subscribers.iter().map(move |to| (n, to)));
        let mine = pairs.filter(|(notice, to)| notice.is_for(to, &ground.staff));
        let row = |(notice, to): (&Notice, &Subscriber)| OutboxRow {
            receiver: to.name.clone(),
            seq,
            kind: notice.kind.to_string(),
            number: notice.number.clone(),
            step: notice.step.clone(),
            made_at,
            tries: 0,
        };
        Ok(mine.map(row).collect())
    }

    /// Whose turn it is now: who signed may have been quicker than we read.
    async fn awaited(
        &self,
        staff: &Staff,
        policy: &Policy,
        object: &str,
        kind: NoticeKind,
    ) -> Result<Vec<Notice>, Error> {
        let no = number(object)?;
        let mut view = self.store.view().await?;
        let ground = self.ground(&mut view).await?;
        let row = find(&mut view, &no).await?;
        let asked = self.newest_round(&mut view, &ground, row).await?;
        let is_executed = view.packages_of(&no).await?.iter().any(|package| package.live);
        let Some(asked) = asked.filter(|_| !is_executed) else { return Ok(Vec::new()) };
        let (slot, step) = match asked.standing() {
            Standing::Waiting(step) => (Slot::of(step), step.to_string()),
            Standing::Signed => (Slot::Executor, "execute".to_owned()),
            Standing::Ended(_) | Standing::Expired | Standing::Void(_) => return Ok(Vec::new()),
        };
        let units = Chair::of(staff, policy, asked.form().unit(), slot)?.units;
        Ok(vec![Notice { kind, number: no.to_string(), step, units }])
    }

    /// Tells the unit that asks.
    async fn told(&self, object: &str, kind: NoticeKind) -> Result<Vec<Notice>, Error> {
        let no = number(object)?;
        let form = self.form(&no).await?;
        Ok(vec![Notice {
            kind,
            number: no.to_string(),
            step: String::new(),
            units: vec![form.unit().clone()],
        }])
    }

    /// Tells the unit that asked, and that of the officer who fetches.
    async fn sealed(&self, staff: &Staff, object: &str) -> Result<Vec<Notice>, Error> {
        let wrong = |_| StoreError::integrity("log_leaf", "a package's number does not parse");
        let package = PackageNo::parse(object).map_err(wrong)?;
        let form = self.form(package.request()).await?;
        let receiver = staff.person(form.receiver()).map(|person| person.unit.clone());
        let notice = |kind, number: String, units| Notice { kind, number, step: String::new(), units };
        Ok(vec![
            notice(NoticeKind::Executed, package.request().to_string(), vec![form.unit().clone()]),
            notice(NoticeKind::PackageReady, package.to_string(), receiver.into_iter().collect()),
        ])
    }

    async fn form(&self, no: &RequestNo) -> Result<Form, Error> {
        let row = find(&mut self.store.view().await?, no).await?;
        Ok(form_of(&row.form, no)?)
    }

    /// Messages to send now, oldest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn notices_due(&self, most: usize) -> Result<Vec<Outgoing>, Error> {
        let rows = self.store.view().await?.outbox_due(self.clock().now(), most).await?;
        let outgoing = |row: OutboxRow| -> Result<Outgoing, Error> {
            let kind = NoticeKind::parse(&row.kind).map_err(|_| StoreError::integrity("outbox", "kind"))?;
            let (number, step) = (row.number.clone(), row.step.clone());
            Ok(Outgoing { receiver: row.receiver.clone(), kind, number, step, row })
        };
        rows.into_iter().map(outgoing).collect()
    }

    /// A message went out.
    ///
    /// # Errors
    /// The database failed; then it is sent once more.
    pub async fn notice_sent(&self, sent: &Outgoing) -> Result<(), Error> {
        counted(sent, "sent");
        Ok(self.store.outbox_done(&sent.row, None).await?)
    }

    /// A message did not go out: it waits, or was tried for a day and is given up. `why` is a word, never an address.
    ///
    /// # Errors
    /// The database failed.
    pub async fn notice_failed(&self, failed: &Outgoing, why: &'static str) -> Result<(), Error> {
        let now = self.clock().now();
        if now - failed.row.made_at >= GIVEN_UP {
            return self.notice_dropped(failed, why).await;
        }
        counted(failed, "failed");
        tracing::warn!(receiver = failed.receiver, kind = %failed.kind, why, "a notice could not be sent; it waits");
        let wait = (FIRST << failed.row.tries.min(10)).min(LONGEST);
        Ok(self.store.outbox_later(&failed.row, now + wait, why).await?)
    }

    /// A message is given up.
    ///
    /// # Errors
    /// The database failed.
    pub async fn notice_dropped(&self, dropped: &Outgoing, why: &'static str) -> Result<(), Error> {
        counted(dropped, "dropped");
        tracing::error!(receiver = dropped.receiver, kind = %dropped.kind, why, "a notice was given up");
        Ok(self.store.outbox_done(&dropped.row, Some(why)).await?)
    }

    /// How each receiver did, for the host's operator.
    ///
    /// # Errors
    /// The database failed.
    pub async fn receivers(&self) -> Result<Vec<ReceiverState>, Error> {
        Ok(self.store.view().await?.receivers().await?)
    }
}

fn counted(what: &Outgoing, result: &'static str) {
    metrics::counter!("countersign_notices_total", "receiver" => what.receiver.clone(), "result" => result)
        .increment(1);
}

fn number(object: &str) -> Result<RequestNo, StoreError> {
    RequestNo::parse(object)
        .map_err(|_| StoreError::integrity("log_leaf", "a request's number does not parse"))
}
