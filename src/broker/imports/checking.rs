//! The dry run: the same checks and counts, and nothing stored.

use std::collections::HashSet;

use tokio::sync::mpsc;

use super::reading::{Checked, Told};
use super::settling::{Look, Outcome, settle};
use super::{Counts, Errors, ImportProgress, Next, Run, next, write_errors};
use crate::broker::{Broker, Error};
use crate::keyring::Tag;
use crate::model::ids::Digest;

impl Broker {
    /// Checks and counts without storing. A card that stands in the file again counts as an update.
    pub(super) async fn run_dry(
        &self,
        run: &Run,
        told: &mut mpsc::Receiver<Told>,
        errors: &mut Errors,
        progress: &(dyn Fn(ImportProgress) + Sync),
    ) -> Result<(Counts, Digest), Error> {
        let mut counts = Counts::default();
        let mut new_cards: HashSet<Tag> = HashSet::new();
        loop {
            let batch = match next(told).await? {
                Next::Ended(sha256) => return Ok((counts, sha256)),
                Next::Batch(batch) => batch,
            };
            counts.read += batch.read;
            counts.rejected += batch.rejected.len() as u64;
            let mut rejected = batch.rejected.clone();
            for round in &batch.rounds {
                let rows: Vec<&Checked> = round.iter().collect();
                let mut view = self.store.view().await?;
                let look = Look::take(&mut view, &rows).await?;
                let outcomes = settle(&run.job, &rows, &look)?;
                for (row, outcome) in rows.iter().zip(&outcomes) {
                    match outcome {
                        Outcome::Rejected(error) => rejected.push((row.line, vec![*error])),
                        _ if run.is_suppressed(row) => counts.suppressed += 1,
                        _ => {}
                    }
                    if matches!(outcome, Outcome::Born(_)) && !new_cards.insert(row.card()) {
                        counts.updated += 1;
                    } else {
                        counts.add(outcome);
                    }
                }
            }
            rejected.sort_by_key(|(line, _)| *line);
            write_errors(errors, &rejected)?;
            progress(ImportProgress { rows: counts.read, bytes: batch.bytes });
        }
    }
}
