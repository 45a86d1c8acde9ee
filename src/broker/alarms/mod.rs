//! Alarms (A10b): patterns in the log that somebody should look at. One process at a time reads what is new in it, whoever
//! wrote it; each alarm is an entry, and one of a kind about one person is raised an hour.

mod watch;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::looks::VIP;
use super::notices::Subscriber;
use super::{Broker, Caller, Error, Refusal};
use crate::audit::event::{Action, Actor, Event};
use crate::clock::{Micros, NoRandomness, random, rfc3339};
use crate::model::ids::Login;
use crate::policy::{Act, AlarmKind, Guard, Policy};
use crate::store::alarms::AlarmRow;
use crate::store::looks::Running;
use crate::store::{StoreError, Work};
pub(super) use watch::Entry;
use watch::{LONGEST, Noticed, Watch};

/// The duty's name.
const DUTY: &str = "watch";
/// Another process takes it up when it was left for so long: 30 seconds.
const LEFT: Micros = 30_000_000;
/// Entries read at once.
const PAGE: u64 = 1_000;
/// Characters of what is said to an alarm.
const COMMENT: usize = 500;

/// An alarm, as who sees to it is shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AlarmShown {
    /// Its entry's place in the log.
    pub seq: u64,
    /// What was noticed.
    pub kind: String,
    /// About whom: `person/LOGIN`, `address/TAG` or `everywhere`.
    pub whom: String,
    /// RFC 3339.
    pub raised_at: String,
    /// How many, at least.
    pub count: i64,
    /// Within how many minutes.
    pub minutes: i64,
    /// Who has seen to it.
    pub acknowledged_by: Option<Login>,
    /// RFC 3339.
    pub acknowledged_at: Option<String>,
}

/// One process's eye on the log.
pub struct Watcher {
    holder: [u8; 16],
    /// Up to which entry it has seen, and what.
    seen: Option<(u64, Watch)>,
}

impl Watcher {
    /// One that has seen nothing yet.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn new() -> Result<Self, NoRandomness> {
        Ok(Watcher { holder: random()?, seen: None })
    }
}

impl Broker {
    /// Looks through what is new in the log, raises alarms and puts messages into the outbox; how many alarms. None while
    /// another process does.
    ///
    /// # Errors
    /// The database failed, or an entry does not parse.
    pub async fn watch(&self, watcher: &mut Watcher, told: &[Subscriber]) -> Result<Option<u64>, Error> {
        let now = self.clock().now();
        let mut view = self.store.view().await?;
        let (size, policy) = (view.log_size().await?, self.shelf.at(&mut view, now).await?);
        drop(view);
        let taken = self.store.take_duty(DUTY, &watcher.holder, now + LEFT, size).await?;
        let Some(place) = taken else {
            watcher.seen = None;
            return Ok(None);
        };
        let (from, mut watch) = match watcher.seen.take() {
            Some(seen) if seen.0 == place => seen,
            // New to it: what lies within the day is read again, and told by whoever read it first.
            _ => (self.first_since(now - LONGEST).await?.min(place), Watch::default()),
        };
        let mut raised = self.notice_vips(policy.guard()).await?;
        let mut at = from;
        while at < size {
            let to = (at + PAGE).min(size);
            let (mut noticed, mut outbox) = (BTreeSet::new(), BTreeMap::new());
            for (seq, leaf) in self.store.view().await?.leaves(at, to).await? {
                let entry = Entry::read(&leaf).ok_or_else(|| {
                    StoreError::integrity("log_leaf", format!("entry {seq} does not parse"))
                })?;
                let found = watch.see(&entry, policy.guard(), self.clock());
                if seq < place {
                    continue;
                }
                noticed.extend(found);
                for row in self.outbox_of(seq, &entry, told).await? {
                    // The same said twice in a row is said once.
                    let key = (row.receiver.clone(), row.kind.clone(), row.number.clone(), row.step.clone());
                    outbox.insert(key, row);
                }
            }
            for one in &noticed {
                raised += u64::from(self.raise(one).await?);
            }
            at = to;
            let outbox: Vec<_> = outbox.into_values().collect();
            if at > place && !self.store.duty_done(DUTY, &watcher.holder, at, &outbox).await? {
                return Ok(Some(raised));
            }
        }
        watch.forget(now);
        watcher.seen = Some((at.max(place), watch));
        Ok(Some(raised))
    }

    /// Gives the watch up at once.
    ///
    /// # Errors
    /// The database failed.
    pub async fn leave_watch(&self, watcher: &Watcher) -> Result<(), Error> {
        Ok(self.store.leave_duty(DUTY, &watcher.holder).await?)
    }

    /// The first entry since a moment: times only rise.
    pub(super) async fn first_since(&self, at: Micros) -> Result<u64, Error> {
        let mut view = self.store.view().await?;
        let (mut low, mut high) = (0, view.log_size().await?);
        while low < high {
            let middle = low + (high - low) / 2;
            let leaf = view.leaves(middle, middle + 1).await?.pop();
            let entry = leaf.and_then(|(_, leaf)| Entry::read(&leaf));
            let entry = entry
                .ok_or_else(|| StoreError::integrity("log_leaf", format!("entry {middle} does not parse")))?;
            if entry.at < at { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    /// Looks at members of the tiers that the policy names: no entry says a member's tier, so they are counted beside the
    /// budgets.
    async fn notice_vips(&self, guard: &Guard) -> Result<u64, Error> {
        let (threshold, running) =
            (guard.alarm(AlarmKind::Vip), Running::at(self.clock(), self.clock().now()));
        let many = self.store.view().await?.many_looks(VIP, running, threshold.count).await?;
        let mut raised = 0;
        for (whom, count) in many {
            let (hour, minutes) = (running.hour, threshold.minutes);
            let noticed = Noticed { kind: AlarmKind::Vip, whom, hour, count, minutes };
            raised += u64::from(self.raise(&noticed).await?);
        }
        Ok(raised)
    }

    /// Raises an alarm, unless there is one for that hour; whether it was new.
    async fn raise(&self, noticed: &Noticed) -> Result<bool, Error> {
        let mut work = self.store.work().await?;
        let alarm = AlarmRow {
            seq: work.seq(),
            kind: noticed.kind.to_string(),
            whom: noticed.whom.clone(),
            hour: noticed.hour,
            raised_at: work.at(),
            count: noticed.count.into(),
            minutes: noticed.minutes.into(),
            acknowledged: None,
        };
        if !work.raise_alarm(&alarm).await? {
            return Ok(false);
        }
        let event = Event::new(Action::AlarmRaised, Actor::Operator).object(object(&alarm));
        work.commit(event.count("count", noticed.count).count("minutes", noticed.minutes)).await?;
        Ok(true)
    }

    /// Every alarm, newest first, for who audits or administers.
    ///
    /// # Errors
    /// `not_permitted`.
    pub async fn alarms(&self, caller: &Caller) -> Result<Vec<AlarmShown>, Error> {
        let event = Event::new(Action::AlarmListed, caller.actor());
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::AlarmList, None)?;
            let alarms: Vec<AlarmShown> = work.view().alarms().await?.into_iter().map(shown).collect();
            work.commit(event.count("alarms", alarms.len() as u64)).await?;
            Ok(alarms)
        })
        .await
    }

    /// Says that somebody has seen to an alarm, and what it was: kept sealed beside the entry.
    ///
    /// # Errors
    /// `not_permitted`, `unknown_alarm`, `acknowledged_already`, `bad_comment`.
    pub async fn alarm_acknowledge(&self, caller: &Caller, seq: u64, comment: &str) -> Result<(), Error> {
        let event = Event::new(Action::AlarmAcknowledged, caller.actor()).object(seq);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::AlarmAcknowledge, None)?;
            let alarm = open_alarm(&mut work, seq).await?;
            let comment = comment.trim();
            if comment.is_empty() || comment.chars().count() > COMMENT {
                return Err(Refusal::new(
                    "bad_comment",
                    "A10b (Art 10)",
                    "an alarm is seen to with a word on it",
                )
                .hint(format!("say in 1 to {COMMENT} characters what was found"))
                .into());
            }
            let commitment = work.add_remark(comment)?;
            work.acknowledge(&alarm, caller.login()).await?;
            work.commit(event.digest("commitment", commitment)).await?;
            Ok(())
        })
        .await
    }
}

async fn open_alarm(work: &mut Work<'_>, seq: u64) -> Result<AlarmRow, Error> {
    let alarm = work.view().alarm(seq).await?.ok_or_else(|| {
        Refusal::new("unknown_alarm", "A10b (Art 10)", "there is no such alarm")
            .hint("an alarm's number is its entry's place in the log")
    })?;
    if let Some((by, _)) = &alarm.acknowledged {
        let message = format!("{by} has seen to this alarm already");
        return Err(Refusal::new("acknowledged_already", "A10b (Art 10)", message)
            .hint("nothing is left to do")
            .into());
    }
    Ok(alarm)
}

/// How many microseconds more somebody is held back, and by which kind of alarm: one that nobody has seen to, when the policy
/// says that its kind holds back.
pub(super) fn held_back(policy: &Policy, about: &[AlarmRow], at: Micros) -> Option<(Micros, String)> {
    let open = about.iter().filter(|alarm| alarm.acknowledged.is_none());
    let holds =
        open.filter(|alarm| AlarmKind::parse(&alarm.kind).is_ok_and(|kind| policy.guard().throttles(kind)));
    holds.last().map(|alarm| (alarm.raised_at + policy.guard().throttle() - at, alarm.kind.clone()))
}

fn object(alarm: &AlarmRow) -> String {
    format!("{}/{}", alarm.kind, alarm.whom)
}

fn shown(alarm: AlarmRow) -> AlarmShown {
    let (acknowledged_by, acknowledged_at) = alarm.acknowledged.unzip();
    AlarmShown {
        seq: alarm.seq,
        kind: alarm.kind,
        whom: alarm.whom,
        raised_at: rfc3339(alarm.raised_at),
        count: alarm.count,
        minutes: alarm.minutes,
        acknowledged_by,
        acknowledged_at: acknowledged_at.map(rfc3339),
    }
}
