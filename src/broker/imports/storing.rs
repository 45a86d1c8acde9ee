//! The writing half of an import: one transaction a batch.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::consenting::OF;
use super::gating::Reach;
use super::reading::{Batch, Checked};
use super::settling::{Consent, Job, Look, Outcome, settle};
use super::{Counts, Run, noting};
use crate::audit::event::{Action, Event};
use crate::broker::{Broker, Error, Ground, Refusal};
use crate::intake::CellError;
use crate::keyring::Tag;
use crate::model::code::Channel;
use crate::model::field::Index;
use crate::policy::Act;
use crate::store::chunks::{AGE, State, consent_kind};
use crate::store::consents::ConsentEvent;
use crate::store::members::{Member, WrappedDataKey};
use crate::store::runs::{IndexMoment, TagFilter};
use crate::store::{StoreError, View, Work};

/// A batch whose first round is settled against what was stored a moment ago.
pub(super) struct Prepared {
    batch: Arc<Batch>,
    /// Entries in the log then.
    seen: u64,
    outcomes: Vec<Outcome>,
}

/// Which cards are known, to an import.
pub(super) enum Known {
    /// A first batch asks the index itself: a filter costs as much as that.
    NotAsked,
    /// From the second on there is to be one.
    Wanted,
    /// There is.
    Filter(TagFilter),
}

impl Known {
    /// The cards that may be there at a moment; `None`: not known of that moment.
    fn among(&self, rows: &[&Checked], moment: IndexMoment) -> Option<Vec<Tag>> {
        match self {
            Known::Filter(filter) if filter.is_of(moment) => {
                Some(rows.iter().map(|r| r.card()).filter(|card| filter.may_hold(card)).collect())
            }
            _ => None,
        }
    }
}

/// For a moment without an await.
fn hold(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the batch before did: all that may have changed since the next one was prepared, if nobody else
/// wrote.
#[derive(Default)]
pub(super) struct Last {
    seq: Option<u64>,
    touched: HashSet<Tag>,
}

/// A stored batch.
pub(super) struct Stored {
    pub(super) counts: Counts,
    /// Rejected rows by line.
    pub(super) rejected: Vec<(u64, Vec<CellError>)>,
    /// Members that are new or changed, for the shared contact points.
    pub(super) touched: Vec<i64>,
    pub(super) last: Last,
}

impl Broker {
    /// Looks up and seals a batch's first round while the batch before is being written.
    pub(super) async fn prepare(
        &self,
        job: &Arc<Job>,
        batch: Arc<Batch>,
        known: &Mutex<Known>,
    ) -> Result<Prepared, Error> {
        let rows: Vec<&Checked> = batch.rounds.first().into_iter().flatten().collect();
        let mut view = self.store.view().await?;
        let moment = view.index_moment(Index::Card).await?;
        let (asked, mut cards) = {
            let known = hold(known);
            (!matches!(*known, Known::NotAsked), known.among(&rows, moment))
        };
        if asked && cards.is_none() {
            let fresh = Known::Filter(view.tag_filter(Index::Card).await?);
            cards = fresh.among(&rows, moment);
            *hold(known) = fresh;
        }
        let look = Look::take(&mut view, &rows, cards).await?;
        drop(view);
        let seen = look.seen;
        let (job, own) = (job.clone(), batch.clone());
        let settled = tokio::task::spawn_blocking(move || {
            let rows: Vec<&Checked> = own.rounds.first().into_iter().flatten().collect();
            settle(&job, &rows, &look)
        });
        let outcomes = settled.await.map_err(|_| StoreError::Fault("sealing a batch broke off"))??;
        Ok(Prepared { batch, seen, outcomes })
    }

    /// Writes a batch: keys first, in a transaction of their own, then everything else with its entry.
    pub(super) async fn store_batch(
        &self,
        run: &Run,
        prepared: Prepared,
        last: &Last,
    ) -> Result<Stored, Error> {
        let batch = prepared.batch.clone();
        match Box::pin(self.try_store(run, prepared, last)).await {
            // Another process swept the keys or was first with a card: once more, with new births.
            Err(Error::Store(StoreError::Conflict(_))) => {
                let prepared = self.prepare(&run.job, batch, &Mutex::new(Known::NotAsked)).await?;
                self.try_store(run, prepared, last).await
            }
            done => done,
        }
    }

    async fn try_store(&self, run: &Run, mut prepared: Prepared, last: &Last) -> Result<Stored, Error> {
        let batch = prepared.batch.clone();
        let first_round: Vec<&Checked> = batch.rounds.first().into_iter().flatten().collect();
        let keys: Vec<WrappedDataKey> = first_round
            .iter()
            .zip(&prepared.outcomes)
            .filter(|(row, _)| !last.touched.contains(&row.card()))
            .filter_map(|(_, outcome)| match outcome {
                Outcome::Born(born) => Some(born.key.clone()),
                _ => None,
            })
            .collect();
        let first = if keys.is_empty() { 0 } else { self.store.birth(&keys).await? };
        let mut ordinal = first;
        for (row, outcome) in first_round.iter().zip(&mut prepared.outcomes) {
            if let Outcome::Born(born) = outcome
                && !last.touched.contains(&row.card())
            {
                born.member.ordinal = ordinal;
                ordinal += 1;
            }
        }
        let stored = Box::pin(self.write(run, &batch, &first_round, prepared, last)).await;
        let unused = stored.as_ref().map_or(keys.len() as u64, |s| keys.len() as u64 - s.counts.created);
        if unused > 0 {
            let taken = self.store.take_back_births(first, keys.len()).await;
            // What failed first is what to tell; keys that stay behind are swept at the next start.
            if stored.is_ok() {
                taken?;
            }
        }
        stored
    }

    async fn write(
        &self,
        run: &Run,
        batch: &Batch,
        first_round: &[&Checked],
        mut prepared: Prepared,
        last: &Last,
    ) -> Result<Stored, Error> {
        let mut work = self.store.work().await?;
        // Apart: a batch's own steps fill a thread's stack already in a build without optimisation.
        if let Err(refusal) = Box::pin(self.still_imports(work.view(), run)).await? {
            drop(work);
            let event = Event::new(Action::ImportBatch, run.caller.actor()).count("import", run.started);
            return self.refuse(event, refusal).await;
        }
        let only_ours = work.seq() == prepared.seen
            || (last.seq == Some(prepared.seen) && work.seq() == prepared.seen + 1);
        let stale: Vec<usize> = (0..first_round.len())
            .filter(|i| !only_ours || last.touched.contains(&first_round[*i].card()))
            .collect();
        if !stale.is_empty() {
            let rows: Vec<&Checked> = stale.iter().map(|i| first_round[*i]).collect();
            let look = Look::take(work.view(), &rows, None).await?;
            for (i, outcome) in stale.into_iter().zip(settle(&run.job, &rows, &look)?) {
                // Still new: what was sealed for it, and its ordinal, stay.
                if !matches!((&prepared.outcomes[i], &outcome), (Outcome::Born(_), Outcome::Born(_))) {
                    prepared.outcomes[i] = outcome;
                }
            }
        }
        let mut stored = Stored {
            counts: Counts { read: batch.read, rejected: batch.rejected.len() as u64, ..Counts::default() },
            rejected: batch.rejected.clone(),
            touched: Vec::new(),
            last: Last::default(),
        };
        stored.apply(&mut work, run, first_round, prepared.outcomes).await?;
        for round in batch.rounds.iter().skip(1) {
            let rows: Vec<&Checked> = round.iter().collect();
            let look = Look::take(work.view(), &rows, None).await?;
            let outcomes = settle(&run.job, &rows, &look)?;
            stored.apply(&mut work, run, &rows, outcomes).await?;
        }
        stored.rejected.sort_by_key(|(line, _)| *line);
        let (counts, errors) = (stored.counts.into(), noting::errors(&stored.rejected));
        if !work.note_import(run.started, &counts, &errors).await? {
            return Err(noting::cancelled().into());
        }
        let event = Event::new(Action::ImportBatch, run.caller.actor()).count("import", run.started);
        let turn = work.index_turn(Index::Card);
        let receipt = work.commit(stored.counts.on(event)).await?;
        match &mut *hold(&run.known) {
            Known::Filter(filter) => filter.add(stored.last.touched.iter().copied(), &turn),
            known => *known = Known::Wanted,
        }
        stored.last.seq = Some(receipt.seq());
        Ok(stored)
    }
}

impl Broker {
    /// Whether whoever began the import may still bring these rows: a file comes for as long as its sender likes, and a
    /// person is suspended, a role taken away, a token revoked or over meanwhile.
    pub(super) async fn still_imports(
        &self,
        view: &mut View<'_>,
        run: &Run,
    ) -> Result<Result<(), Refusal>, Error> {
        let was = run.job.new.gate.reach.stores();
        let same = |now: &Ground| Reach::of(now, &run.caller, Act::MemberImport)?.check_same(was.as_deref());
        self.judged_in(view, &run.caller, same).await
    }
}

impl Stored {
    /// Writes what one round came to.
    async fn apply(
        &mut self,
        work: &mut Work<'_>,
        run: &Run,
        rows: &[&Checked],
        outcomes: Vec<Outcome>,
    ) -> Result<(), StoreError> {
        let mut born: Vec<Member> = Vec::new();
        let mut changed: Vec<(Member, Member)> = Vec::new();
        let mut said = Said::default();
        for (row, outcome) in rows.iter().zip(outcomes) {
            self.counts.add(&outcome);
            if !matches!(outcome, Outcome::Rejected(_)) && run.is_suppressed(row) {
                self.counts.suppressed += 1;
            }
            match outcome {
                Outcome::Same(_) => {}
                Outcome::Rejected(error) => self.rejected.push((row.line, vec![error])),
                Outcome::Born(it) => {
                    if it.member.ordinal == 0 {
                        // It was there when this batch was prepared, and is gone: seal it with a new key.
                        return Err(StoreError::Conflict("member".into()));
                    }
                    let ordinal = it.member.ordinal;
                    self.touch(row, ordinal);
                    said.add(ordinal, it.consent, it.birthday.map(Some));
                    born.push(it.member);
                }
                Outcome::Changed(it) => {
                    let ordinal = it.old.ordinal;
                    self.touch(row, ordinal);
                    said.add(ordinal, it.consent, it.birthday);
                    if let Some(new) = it.new {
                        changed.push((it.old, new));
                    }
                }
            }
        }
        let changed: Vec<(&Member, &Member)> = changed.iter().map(|(old, new)| (old, new)).collect();
        work.update_members(&changed).await?;
        work.insert_members(&born).await?;
        said.write(work).await
    }

    fn touch(&mut self, row: &Checked, ordinal: i64) {
        self.last.touched.insert(row.card());
        self.touched.push(ordinal);
    }
}

/// What a round says beside the members themselves: events, states, ages.
#[derive(Default)]
pub(super) struct Said {
    events: Vec<ConsentEvent>,
    states: BTreeMap<Channel, Vec<(i64, State)>>,
    ages: Vec<(i64, Option<jiff::civil::Date>)>,
}

impl Said {
    pub(super) fn add(
        &mut self,
        ordinal: i64,
        consent: Consent,
        birthday: Option<Option<jiff::civil::Date>>,
    ) {
        self.events.extend(consent.event.map(|e| ConsentEvent { ordinal, ..e }));
        for (channel, state) in consent.states {
            self.states.entry(channel).or_default().push((ordinal, state));
        }
        self.ages.extend(birthday.map(|born| (ordinal, born)));
    }

    pub(super) async fn write(self, work: &mut Work<'_>) -> Result<(), StoreError> {
        work.add_consent_events(&self.events).await?;
        for (channel, states) in self.states {
            let kind = consent_kind(OF.0, channel, OF.1);
            let ordinals = states.iter().map(|s| s.0);
            work.change_chunks(&kind, ordinals, |chunks| {
                states.iter().for_each(|(ordinal, state)| chunks.set_state(*ordinal, *state));
            })
            .await?;
        }
        let ages = &self.ages;
        work.change_chunks(AGE, ages.iter().map(|a| a.0), |chunks| {
            ages.iter().for_each(|(ordinal, born)| chunks.set_birthday(*ordinal, *born));
        })
        .await
    }
}
