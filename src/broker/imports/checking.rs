//! The dry run: the same checks and counts, and nothing stored.
//!
//! Nothing stored also means that a value could be guessed at leisure: equal is `unchanged`, another is
//! `updated`. So each card is compared once a file, what comes again is `updated`; and for a caller who
//! may not reveal the members (A10a) no known card is compared: all of them are `updated`, nothing of
//! them is kept or flagged.

use std::collections::HashSet;

use tokio::sync::mpsc;

use super::reading::{Checked, Told};
use super::settling::{Look, Outcome, settle};
use super::{Counts, Errors, ImportProgress, Next, Run, noting, write_errors};
use crate::audit::event::{Action, Event};
use crate::broker::{Broker, Error};
use crate::keyring::Tag;
use crate::model::ids::Digest;

impl Broker {
    /// Checks and counts without storing.
    pub(super) async fn run_dry(
        &self,
        run: &Run,
        told: &mut mpsc::Receiver<Told>,
        errors: &mut Errors,
        progress: &(dyn Fn(ImportProgress) + Sync),
    ) -> Result<(Counts, Digest), Error> {
        let mut total = Counts::default();
        let mut seen: HashSet<Tag> = HashSet::new();
        loop {
            let batch = match run.next(told).await? {
                Next::Ended(sha256) => return Ok((total, sha256)),
                Next::Batch(batch) => batch,
            };
            // A file comes for as long as its sender likes, and each row of it is told something of.
            let mut view = self.store.view().await?;
            let permitted = Box::pin(self.still_imports(&mut view, run)).await?;
            drop(view);
            if let Err(refusal) = permitted {
                let event = Event::new(Action::ImportDryRun, run.caller.actor()).count("import", run.started);
                return self.refuse(event, refusal).await;
            }
            let mut counts =
                Counts { read: batch.read, rejected: batch.rejected.len() as u64, ..Counts::default() };
            let mut rejected = batch.rejected.clone();
            for round in &batch.rounds {
                let rows: Vec<&Checked> = round.iter().collect();
                let mut view = self.store.view().await?;
                let look = Look::take(&mut view, &rows, None).await?;
                let mut outcomes = settle(&run.job, &rows, &look)?;
                let veiled = veil(run, &rows, &mut outcomes, &mut seen);
                for (row, outcome) in rows.iter().zip(&outcomes) {
                    match outcome {
                        Outcome::Rejected(error) => rejected.push((row.line, vec![*error])),
                        _ if run.is_suppressed(row) => counts.suppressed += 1,
                        _ => {}
                    }
                    counts.add(outcome);
                }
                counts.unchanged -= veiled;
                counts.updated += veiled;
            }
            rejected.sort_by_key(|(line, _)| *line);
            if !self.store.note_check(run.started, &counts.into(), &noting::errors(&rejected)).await? {
                return Err(noting::cancelled().into());
            }
            total.plus(&counts);
            write_errors(errors, &rejected)?;
            progress(ImportProgress { rows: total.read, bytes: batch.bytes });
        }
    }
}

/// Makes what must not be told look the same, as if nothing were new; of how many rows.
fn veil(run: &Run, rows: &[&Checked], outcomes: &mut [Outcome], seen: &mut HashSet<Tag>) -> u64 {
    let mut veiled = 0;
    for (row, outcome) in rows.iter().zip(outcomes) {
        let is_known = match outcome {
            Outcome::Rejected(_) => continue,
            Outcome::Born(_) => false,
            Outcome::Changed(_) | Outcome::Same(_) => true,
        };
        let is_first = seen.insert(row.card());
        if !is_first || (is_known && run.blind) {
            *outcome = Outcome::Same(0);
            veiled += 1;
        }
    }
    veiled
}
