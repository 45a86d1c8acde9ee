//! How many members there are a grant for, by channel and store (B7). Counting goes through all members, so it is done when
//! it is asked for and kept in memory with its moment; showing what is kept goes through none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::showing::tens;
use super::{Broker, Error, Ground, Refusal};
use crate::access::Caller;
use crate::access::consented::scope;
use crate::audit::event::{Action, Event};
use crate::clock::{Micros, rfc3339};
use crate::model::code::{Channel, Purpose, UnitKind};
use crate::model::ids::UnitCode;
use crate::policy::Act;
use crate::store::StoreError;
use crate::store::chunks::{State, consent_kind};

/// What was counted last in this process.
#[derive(Default)]
pub(super) struct Kept {
    counted: Mutex<Option<Arc<Counted>>>,
    /// Held by who counts.
    turn: tokio::sync::Mutex<()>,
}

/// Exact; nobody is shown it so.
struct Counted {
    at: Micros,
    ways: Vec<(Purpose, Channel)>,
    /// By home store; members of none as well.
    stores: BTreeMap<Option<String>, Count>,
}

#[derive(Clone, Default)]
struct Count {
    members: u64,
    /// In the order of the ways.
    granted: Vec<u64>,
}

/// Consents by channel and store, as they may be shown: in tens, and "<10".
#[derive(Debug)]
pub struct Coverage {
    /// When it was counted.
    pub at: String,
    /// Purposes and channels that were on then.
    pub ways: Vec<(Purpose, Channel)>,
    /// Store by store, as far as the caller may see.
    pub stores: Vec<Covered>,
    /// All of these together; `None` where there is one at most.
    pub sum: Option<Covered>,
}

/// A line of it.
#[derive(Debug)]
pub struct Covered {
    /// Home store; `None` for members of none, and for the sum.
    pub store: Option<String>,
    /// Active members.
    pub members: String,
    /// Of them, those who granted; in the order of the ways.
    pub granted: Vec<String>,
}

impl Kept {
    fn get(&self) -> Option<Arc<Counted>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, counted: Counted) {
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(counted));
    }

    async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }
}

impl Broker {
    /// What was counted last; `None` when nothing was since this process began.
    ///
    /// # Errors
    /// The caller may see nobody's counts.
    pub async fn consent_coverage(&self, caller: &Caller) -> Result<Option<Coverage>, Error> {
        let event = Event::new(Action::ConsentCoverage, caller.actor());
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            let stores = counted_for(&ground, caller)?;
            work.commit(event).await?;
            Ok(self.coverage.get().map(|counted| shown(&counted, stores.as_ref())))
        })
        .await
    }

    /// Counts now, through all members. The look is in the log before the counting.
    ///
    /// # Errors
    /// The caller may see nobody's counts; the database failed, or something is not what was stored.
    pub async fn consent_coverage_count(&self, caller: &Caller) -> Result<(), Error> {
        let event = Event::new(Action::ConsentCoverage, caller.actor());
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            counted_for(&ground, caller)?;
            work.commit(event.count("counted", 1)).await?;
            // One at a time: each walks through all members, and who waited counts what is newer.
            let _turn = self.coverage.turn().await;
            self.coverage.keep(self.count(&ground).await?);
            Ok(())
        })
        .await
    }

    async fn count(&self, ground: &Ground) -> Result<Counted, StoreError> {
        let mut view = self.store.view().await?;
        let (mut ways, mut states) = (Vec::new(), Vec::new());
        for rule in ground.policy.channels().all().iter().filter(|rule| rule.enabled) {
            let kind = consent_kind(rule.purpose, rule.channel, rule.recipient_class);
            ways.push((rule.purpose, rule.channel));
            states.push(view.chunks(&kind).await?);
        }
        let mut stores: BTreeMap<Option<String>, Count> = BTreeMap::new();
        let visit = |ordinal: i64, count: &mut Count| {
            count.granted.resize(states.len(), 0);
            count.members += 1;
            for (granted, states) in count.granted.iter_mut().zip(&states) {
                *granted += u64::from(states.state(ordinal) == State::Granted);
            }
        };
        // Neighbours are often of one store: no name is made anew for each.
        let mut here: (Option<String>, Count) = (None, Count::default());
        view.each_active(|ordinal, store| {
            if here.0.as_deref() != store {
                let before = std::mem::replace(&mut here, (store.map(str::to_owned), Count::default()));
                add(&mut stores, before);
            }
            visit(ordinal, &mut here.1);
        })
        .await?;
        add(&mut stores, here);
        Ok(Counted { at: self.clock().now(), ways, stores })
    }
}

fn add(stores: &mut BTreeMap<Option<String>, Count>, (store, more): (Option<String>, Count)) {
    if more.members > 0 {
        stores.entry(store).or_default().add(&more);
    }
}

impl Count {
    fn add(&mut self, more: &Count) {
        self.members += more.members;
        self.granted.resize(more.granted.len().max(self.granted.len()), 0);
        self.granted.iter_mut().zip(&more.granted).for_each(|(sum, n)| *sum += n);
    }

    /// Of under ten members nothing more is told.
    fn coarse(&self, store: Option<String>, ways: usize) -> Covered {
        let granted = (0..ways).map(|way| self.granted.get(way).copied().unwrap_or_default());
        let told = |n| if self.members < 10 { tens(0) } else { tens(n) };
        Covered { store, members: tens(self.members), granted: granted.map(told).collect() }
    }
}

/// Whose members a caller may see counted: those that a preview of one of their requests could count, and an auditor
/// everybody's. `None` is everybody.
fn counted_for(ground: &Ground, caller: &Caller) -> Result<Option<BTreeSet<String>>, Refusal> {
    let (staff, policy) = (&ground.staff, &ground.policy);
    if staff.may(policy, caller, Act::AuditExport, None).is_ok() {
        return Ok(None);
    }
    let mut stores = BTreeSet::new();
    let asking = |unit: &UnitCode| staff.may(policy, caller, Act::RequestPreview, Some(unit));
    for unit in staff.tree().units().filter(|unit| unit.kind == UnitKind::Department) {
        if asking(&unit.code).is_ok() {
            match scope(staff, std::slice::from_ref(policy), &unit.code) {
                None => return Ok(None),
                Some(own) => stores.extend(own),
            }
        }
    }
    if stores.is_empty() {
        staff.may(policy, caller, Act::RequestPreview, None)?;
    }
    Ok(Some(stores))
}

fn shown(counted: &Counted, only: Option<&BTreeSet<String>>) -> Coverage {
    let theirs = |store: &Option<String>| {
        only.is_none_or(|only| store.as_ref().is_some_and(|store| only.contains(store)))
    };
    let (mut stores, mut sum) = (Vec::new(), Count::default());
    for (store, count) in counted.stores.iter().filter(|(store, _)| theirs(store)) {
        stores.push(count.coarse(store.clone(), counted.ways.len()));
        sum.add(count);
    }
    Coverage {
        at: rfc3339(counted.at),
        ways: counted.ways.clone(),
        sum: (stores.len() > 1).then(|| sum.coarse(None, counted.ways.len())),
        stores,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted() -> Counted {
        let count = |members, granted: &[u64]| Count { members, granted: granted.to_vec() };
        Counted {
            at: 0,
            ways: vec![(Purpose::Promotion, Channel::Sms), (Purpose::Promotion, Channel::Post)],
            stores: BTreeMap::from([
                (None, count(9, &[9, 1])),
                (Some("S001".into()), count(1_234, &[1_001, 9])),
                (Some("S002".into()), count(10, &[10, 0])),
            ]),
        }
    }

    #[test]
    fn few_are_not_told_nor_anything_of_few() {
        let coverage = shown(&counted(), None);
        let of = |at: usize| {
            let line = &coverage.stores[at];
            (line.members.as_str(), line.granted.join(" "))
        };
        assert_eq!(of(0), ("<10", "<10 <10".to_owned()));
        assert_eq!(of(1), ("1230", "1000 <10".to_owned()));
        assert_eq!(of(2), ("10", "10 <10".to_owned()));
        assert_eq!(coverage.sum.unwrap().members, "1250");
    }

    #[test]
    fn a_store_sees_its_own() {
        let coverage = shown(&counted(), Some(&BTreeSet::from(["S002".to_owned()])));
        assert_eq!(coverage.stores.len(), 1);
        assert_eq!(coverage.stores[0].store.as_deref(), Some("S002"));
        assert!(coverage.sum.is_none());
    }
}
