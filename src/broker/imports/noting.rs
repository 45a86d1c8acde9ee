//! What a running import says of itself to who follows it, in this process or another: its batches, that it is alive, how it
//! ended; and whether it was told to stop.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Counts;
use crate::broker::{Broker, Error, Refusal};
use crate::clock::Micros;
use crate::intake::CellError;
use crate::store::imports::{ImportError, ImportState, Tally};

/// How often it is looked whether it was told to stop; before each batch is stored that is asked anyway.
const LOOKED: Duration = Duration::from_secs(1);
/// Looks between two words that it is alive: three times within what silence is borne.
const SAID: u32 = 20;
/// How long an import is believed to be alive without another word of it: a minute.
const HELD: Micros = 60_000_000;

impl From<Counts> for Tally {
    fn from(counts: Counts) -> Tally {
        let Counts { read, created, updated, unchanged, rejected, kept, suppressed } = counts;
        Tally { read, created, updated, unchanged, rejected, kept, suppressed }
    }
}

impl From<Tally> for Counts {
    fn from(tally: Tally) -> Counts {
        let Tally { read, created, updated, unchanged, rejected, kept, suppressed } = tally;
        Counts { read, created, updated, unchanged, rejected, kept, suppressed }
    }
}

/// What is wrong with rows, without what stands in them. Those that are not kept any more are counted too.
pub(super) fn errors(rejected: &[(u64, Vec<CellError>)]) -> Vec<ImportError> {
    let cells = rejected.iter().flat_map(|(line, cells)| cells.iter().map(move |cell| (*line, cell)));
    let error = |(line, cell): (u64, &CellError)| ImportError {
        line,
        place: cell.column.map_or("", |column| column.code()).to_owned(),
        code: cell.reason.code().to_owned(),
    };
    cells.map(error).collect()
}

/// It was told to stop.
pub(super) fn cancelled() -> Refusal {
    Refusal::new("import_cancelled", "B8", "the import was cancelled")
        .hint("import the same file again: what was stored is kept and comes out as unchanged")
}

impl Broker {
    /// Until when an import that says a word now is believed to be alive.
    pub(super) fn alive_until(&self) -> Micros {
        self.clock().now() + HELD
    }

    /// Runs an import, says meanwhile that it runs, has it stop when it was told to, and notes how it ended.
    pub(super) async fn noted<T>(
        &self,
        no: u64,
        is_check: bool,
        stop: &CancellationToken,
        doing: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let watching = async {
            for look in 1.. {
                sleep(LOOKED).await;
                if let Err(cause) = self.look_after(no, stop, look % SAID == 0).await {
                    tracing::warn!(%cause, "how an import stands could not be noted or read; it goes on");
                }
            }
            std::future::pending().await
        };
        // Both go on at once: a batch may hold the turn that saying so waits for.
        let done = tokio::select! { biased; done = doing => done, never = watching => never };
        match done {
            Err(Error::Refused(refusal)) if refusal.code == "import_cancelled" => {
                self.note_end(no, ImportState::Cancelled).await;
                if is_check {
                    return Err(refusal.into());
                }
                let mut view = self.store.view().await?;
                let row = view.import(no).await?;
                let stays = row.map_or(0, |row| row.tally.created + row.tally.updated + row.tally.unchanged);
                let message = format!("{}; the {stays} rows that were taken before stay", refusal.message);
                Err(Refusal { message: message.into(), ..refusal }.into())
            }
            Err(error) => {
                self.note_end(no, ImportState::BrokenOff).await;
                Err(error)
            }
            done => done,
        }
    }

    async fn look_after(&self, no: u64, stop: &CancellationToken, say: bool) -> Result<(), Error> {
        let row = self.store.view().await?.import(no).await?;
        if row.is_some_and(|row| row.state == ImportState::Cancelling) {
            stop.cancel();
        }
        if say {
            self.store.hold_import(no, self.alive_until()).await?;
        }
        Ok(())
    }

    /// What ended it is what to tell; an end that is not noted is seen in a minute, when nobody has said a word.
    async fn note_end(&self, no: u64, state: ImportState) {
        if let Err(cause) = self.store.end_check(no, state).await {
            tracing::warn!(%cause, "how an import ended could not be noted");
        }
    }
}
