//! A package of several parts: any process on this vault takes one, and takes over what a dead one left.
//!
//! ```text
//! executing process    package.started ─ package.divided ─ makes ranges ─ waits ─ fence ─ package.sealed
//! it and every worker                     package.range_claimed ─ stream ─ package.range_made, again and again
//! ```
//!
//! The executing process holds the lock of an empty `.part` under its start entry until the package is
//! whole; a range is claimed only while it does. Whoever writes a range holds the lock of its `.part` under
//! the claim's entry. A lock goes with its process, however that ends: a claimed range whose file nobody
//! holds is claimed again, under a new entry, since every reading is in the log before it happens.
//!
//! Who had to go since his part was written makes that part be made again, under a new claim, before the
//! package is whole; a contact point that changed makes all of it be made again, under a new start.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::packages::{PartFact, find_package, last_sealed, recalled, remove};
use super::super::{Broker, Error};
use super::dealing::deal;
use super::sealing::{Whole, check_erased, report, shares};
use super::{Fenced, Order, Started, TRIES, Written, about, members_kept_changing, nobody_left};
use crate::access::{Consented, grant};
use crate::audit::event::{Action, Actor, Event};
use crate::clock::random;
use crate::model::ids::PackageNo;
use crate::model::ordinals::OrdinalSet;
use crate::release::order::RowOrder;
use crate::store::packages::PackageRow;
use crate::store::ranges::Range;
use crate::store::{StoreError, View, Work};

/// How long the executing process waits between two looks at what others are still writing.
const PAUSE: Duration = Duration::from_millis(250);

/// How often a writer's turn is asked for, each time for the ten seconds that it is waited for. A claim walks
/// through all members in its turn, and several processes claim at once: what is written by then is not to be
/// lost because others are in front.
const TURNS: u32 = 30;

/// What was written of a range: the body of its `made`.
#[derive(Serialize, Deserialize)]
struct RangeMade {
    #[serde(flatten)]
    file: PartFact,
    rows: u64,
    /// Hex, as in the package's own fact.
    marks: String,
}

/// A range that this process has in the log as its own, with the grant for its members.
pub struct Claim {
    range: Range,
    started: Started,
}

impl Claim {
    /// Of which package.
    pub fn package(&self) -> &PackageNo {
        &self.range.package
    }

    /// Number of its part.
    pub fn part(&self) -> u32 {
        self.range.part
    }

    /// Members to be written.
    pub fn members(&self) -> u64 {
        self.started.consented.members().len()
    }
}

/// A package that is being made by ranges, in the process that executes it.
struct Division {
    package: PackageRow,
    consented: Consented,
    /// Everyone who is planned in one of its parts.
    planned: OrdinalSet,
    /// The lock that says the execution lives.
    _held: File,
    seq: u64,
}

/// What a look at the ranges finds.
#[derive(Default)]
struct Look {
    /// One that nobody writes.
    open: Option<Range>,
    /// The start entry of an execution that died.
    orphan: Option<u64>,
    /// Rows in the ranges that are made.
    rows: u64,
}

/// What came of the last look, with all writers held off.
enum Closed {
    Fenced(Fenced),
    /// Someone in these parts must go.
    Stale(BTreeSet<u32>),
}

impl Broker {
    /// Claims a range of any package that is being made, for a worker. It holds no authority of its own: the
    /// signed request and the start entry of its executor are the authority, and every fact of both is looked
    /// at again. `passed` are start entries that this worker leaves alone, those that it was refused among
    /// them. `None`: nothing to do now.
    ///
    /// # Errors
    /// What the request or its executor lacks by now; the database or the package folder failed.
    pub async fn range_claim(&self, passed: &mut BTreeSet<u64>) -> Result<Option<Claim>, Error> {
        let look = self.look(&mut self.store.view().await?, None, &BTreeSet::new(), passed).await?;
        if let Some(range) = look.open {
            let event = Event::new(Action::PackageRangeClaimed, Actor::Operator)
                .object(&range.package)
                .count("part", range.part);
            // Of the very package that was looked at: the refusal's entry names it.
            let of = Some(&range.package);
            let claimed = self.logged(event, self.claim(of, &BTreeSet::new(), passed, Actor::Operator)).await;
            if matches!(claimed, Err(Error::Refused(_))) {
                passed.insert(range.started);
            }
            return claimed;
        }
        if let Some(started) = look.orphan {
            self.settle_packages().await?;
            passed.insert(started);
        }
        Ok(None)
    }

    /// Makes a claimed range; gives its rows. `None`: its package was recalled or aborted meanwhile, and
    /// nothing of it is left.
    ///
    /// # Errors
    /// A row does not open, or the database or the package folder failed; the range is free again.
    pub async fn range_make(
        &self,
        claim: Claim,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Option<u64>, Error> {
        self.make_range(claim, Actor::Operator, progress).await
    }

    /// Has a package made by ranges, and makes as many of them as it can itself.
    pub(super) async fn by_ranges(&self, started: Started, order: &Order<'_>) -> Result<Fenced, Error> {
        let path = started.path.clone();
        let done = match self.divide(started, order).await {
            Ok(division) => self.gather(&division, order).await,
            Err(error) => Err(error),
        };
        remove(&path)?;
        done
    }

    async fn gather(&self, division: &Division, order: &Order<'_>) -> Result<Fenced, Error> {
        let (no, total) = (&division.package.no, division.planned.len());
        let (mut stale, mut looks) = (BTreeSet::new(), 0);
        loop {
            let mut view = self.store.view().await?;
            if !find_package(&mut view, no).await?.live {
                return Err(recalled().into());
            }
            let look = self.look(&mut view, Some(no), &stale, &BTreeSet::new()).await?;
            let unmade = view.ranges(Some(no)).await?.iter().any(|range| range.made.is_none());
            drop(view);
            if look.open.is_some() {
                let actor = order.caller.actor();
                let claimed = Box::pin(self.claim(Some(no), &stale, &BTreeSet::new(), actor.clone())).await?;
                let Some(claim) = claimed else { continue };
                stale.remove(&claim.part());
                let progress = |done: u64, _: u64| (order.progress)((look.rows + done).min(total), total);
                Box::pin(self.make_range(claim, actor, &progress)).await?;
            } else if unmade {
                // Others write the rest. There is nothing to wake us when one of them is killed, so we look.
                tokio::time::sleep(PAUSE).await;
            } else {
                looks += 1;
                if looks > TRIES {
                    return Err(members_kept_changing());
                }
                match Box::pin(self.close(division, order)).await? {
                    Closed::Fenced(fenced) => return Ok(fenced),
                    Closed::Stale(parts) => stale = parts,
                }
            }
        }
    }

    /// Settles who may be in which part. The start's own grant is used up for choosing among those who share
    /// a contact point, which takes all of them; each range is then opened under its own.
    async fn divide(&self, started: Started, order: &Order<'_>) -> Result<Division, Error> {
        let Started { package, grant, consented, file, seq, .. } = started;
        let rows = self.stream(grant, &consented, seq).await?;
        let (planned, missing) = (rows.left().clone(), rows.lost().clone());
        drop(rows);
        let parts = deal(&planned, order.parts as usize, &RowOrder::new(random()?));
        // Before the ranges are open: two processes at once would make two keys.
        self.package_key(&package.no).await?;
        let mut work = self.patient_turn().await?;
        if !find_package(work.view(), &package.no).await?.live {
            return Err(recalled().into());
        }
        check_erased(work.view(), &missing).await?;
        work.drop_ranges(&package.no).await?;
        work.add_ranges(&package.no, seq, &parts).await?;
        let event = about(Action::PackageDivided, order.caller.actor(), &package.no, &consented);
        work.commit(event.count("parts", parts.len()).count("members", planned.len())).await?;
        Ok(Division { package, consented, planned, _held: file, seq })
    }

    async fn patient_turn(&self) -> Result<Work<'_>, StoreError> {
        for _ in 1..TURNS {
            match self.store.work().await {
                Err(StoreError::Busy) => {}
                turn => return turn,
            }
        }
        self.store.work().await
    }

    /// Looks for a range that nobody writes, of an execution that lives. `stale` are parts to be made again.
    async fn look(
        &self,
        view: &mut View<'_>,
        of: Option<&PackageNo>,
        stale: &BTreeSet<u32>,
        passed: &BTreeSet<u64>,
    ) -> Result<Look, Error> {
        let mut look = Look::default();
        for range in view.ranges(of).await? {
            if let Some(made) = &range.made
                && !stale.contains(&range.part)
            {
                look.rows += read(made)?.rows;
                continue;
            }
            if look.open.is_some() || passed.contains(&range.started) {
                continue;
            }
            let no = &range.package;
            if !is_held(&self.part_path(no, range.started))? {
                look.orphan = Some(range.started);
            } else if !range.claimed.map_or(Ok(false), |seq| is_held(&self.part_path(no, seq)))? {
                look.open = Some(range);
            }
        }
        Ok(look)
    }

    /// Takes a range: every fact is looked at again, member by member, and the entry written that its grant
    /// is earned by.
    async fn claim(
        &self,
        of: Option<&PackageNo>,
        stale: &BTreeSet<u32>,
        passed: &BTreeSet<u64>,
        actor: Actor,
    ) -> Result<Option<Claim>, Error> {
        let mut work = self.patient_turn().await?;
        let Some(range) = self.look(work.view(), of, stale, passed).await?.open else { return Ok(None) };
        let no = &range.package;
        let package = find_package(work.view(), no).await?;
        if !package.live {
            return Err(recalled().into());
        }
        let signed = self.whole(&mut work, no.request(), None).await?;
        if last_sealed(&work.view().package_facts(no).await?)?.is_none() {
            signed.check_executor(&package.executor)?;
        }
        let planned = work.view().planned(&range)?;
        let consented = signed.consented(work.view(), Some(&planned), None).await?;
        let seq = work.seq();
        let (file, path) = self.create_part(no, seq)?;
        let claimed = work.claim_range(&range).await?;
        let event = about(Action::PackageRangeClaimed, actor, no, &consented)
            .count("part", range.part)
            .count("members", consented.members().len());
        let receipt = work.commit(event).await?;
        if let Some(before) = range.claimed {
            remove(&self.part_path(no, before))?;
        }
        let grant = grant::package_range(receipt, no.clone(), range.part, &consented)?;
        Ok(Some(Claim { range: claimed, started: Started { package, grant, consented, file, path, seq } }))
    }

    async fn make_range(
        &self,
        claim: Claim,
        actor: Actor,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Option<u64>, Error> {
        let Claim { range, started } = claim;
        let path = started.path.clone();
        let done = match self.write_file(started, progress).await {
            Ok(written) => self.finish_range(&range, &written, actor).await,
            Err(error) => Err(error),
        };
        if !matches!(done, Ok(Some(_))) {
            remove(&path)?;
        }
        done
    }

    /// Says in the log what was written, while its file is still held. Whether everyone in it is still to be
    /// in it, the fence asks.
    async fn finish_range(&self, range: &Range, w: &Written, actor: Actor) -> Result<Option<u64>, Error> {
        let no = &range.package;
        let mut work = self.patient_turn().await?;
        let now = work.view().ranges(Some(no)).await?;
        let ours = now.iter().any(|r| r.part == range.part && r.claimed == range.claimed);
        if !ours || !is_held(&self.part_path(no, range.started))? {
            return Ok(None);
        }
        check_erased(work.view(), &w.made.missing).await?;
        let made = RangeMade { file: w.part(), rows: w.made.rows, marks: format!("{:032x}", w.made.marks) };
        let body = serde_json::to_string(&made).map_err(|_| malformed())?;
        let disclosure = work.finish_range(range, body, &w.made.members).await?;
        let event = about(Action::PackageRangeMade, actor, no, &w.consented)
            .count("part", range.part)
            .count("rows", made.rows)
            .digest("sha256", made.file.sha256)
            .digest("at_rest", made.file.at_rest)
            .digest("disclosure", disclosure);
        work.commit(event).await?;
        Ok(Some(made.rows))
    }

    /// The fence over all parts, with all writers held off: every exclusion is walked again.
    async fn close(&self, d: &Division, order: &Order<'_>) -> Result<Closed, Error> {
        let mut work = self.patient_turn().await?;
        let no = &d.package.no;
        if !find_package(work.view(), no).await?.live {
            return Err(recalled().into());
        }
        let executor = order.had.is_none().then_some(order.caller);
        let among = order.had.map(|h| &h.members);
        let signed = self.whole(&mut work, no.request(), executor).await?;
        let now = signed.consented(work.view(), among, Some(&d.planned)).await?;
        let (mut parts, mut stale) = (Vec::new(), BTreeSet::new());
        let (mut members, mut rows, mut marks) = (OrdinalSet::new(), 0, 0u128);
        for range in work.view().ranges(Some(no)).await?.iter().filter(|r| r.started == d.seq) {
            let made = read(range.made.as_deref().ok_or_else(malformed)?)?;
            let own = work.view().range_members(range)?;
            if !own.is_subset_of(now.members()) {
                stale.insert(range.part);
            }
            for ordinal in own.iter() {
                members.insert(ordinal);
            }
            rows += made.rows;
            marks = marks.wrapping_add(u128::from_str_radix(&made.marks, 16).map_err(|_| malformed())?);
            parts.push(made.file);
        }
        if !stale.is_empty() {
            return Ok(Closed::Stale(stale));
        }
        if members.is_empty() {
            return Err(nobody_left().into());
        }
        if now.waterfall().over.marks != marks || shares(&now, &members) {
            let signed = self.whole(&mut work, no.request(), executor).await?;
            let consented = signed.consented(work.view(), among, among).await?;
            work.drop_ranges(no).await?;
            let next = self.start(work, d.package.clone(), consented, order.caller).await?;
            for part in &parts {
                remove(&self.package_dir().join(format!("{}.part", part.file)))?;
            }
            return Ok(Closed::Fenced(Fenced::Again(Box::new(next))));
        }
        let gone = Some(&now.waterfall().over.excluded);
        let report = report(d.consented.waterfall(), gone, rows, order.had);
        let whole = Whole { package: no, consented: &now, report, parts, rows, marks, members: &members };
        Ok(Closed::Fenced(Fenced::Sealed(self.seal(work, whole, order).await?)))
    }
}

/// How many parts of a package in the making are written, how many there are, and the rows in those that are.
pub(in crate::broker) async fn parts_made(
    view: &mut View<'_>,
    no: &PackageNo,
) -> Result<(usize, usize, u64), StoreError> {
    let ranges = view.ranges(Some(no)).await?;
    let (mut made, mut rows) = (0, 0);
    for body in ranges.iter().filter_map(|range| range.made.as_deref()) {
        made += 1;
        rows += read(body)?.rows;
    }
    Ok((made, ranges.len(), rows))
}

fn read(made: &str) -> Result<RangeMade, StoreError> {
    serde_json::from_str(made).map_err(|_| malformed())
}

fn malformed() -> StoreError {
    StoreError::integrity("package_range", "what was made does not parse")
}

/// Whether a process holds a half-made file. One that is not there nobody holds.
pub(in crate::broker) fn is_held(path: &Path) -> Result<bool, Error> {
    match File::open(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        opened => Ok(opened.map_err(|e| Error::file("a package part", e))?.try_lock().is_err()),
    }
}
