//! The reading half of an import, on a thread of its own: file to checked batches, a few rows ahead of
//! the writing half and never more, because the channel between them holds one batch.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use ring::digest;
use tokio::sync::mpsc;

use super::gating::Gate;
use crate::intake::{self, CellError, FileError, HeaderWarning, Names, seal};
use crate::keyring::{Keyring, Tag};
use crate::model::day::Day;
use crate::model::ids::Digest;
use crate::model::member::MemberRow;
use crate::store::members::ContactTag;

/// Rows a transaction holds.
pub(super) const BATCH: u64 = 10_000;

/// A row that may be stored as far as the file alone can tell.
pub(super) struct Checked {
    pub(super) line: u64,
    pub(super) row: MemberRow,
    /// Tags of what stands in the row; the card's first.
    pub(super) tags: Vec<ContactTag>,
}

impl Checked {
    /// The tag that finds the member.
    pub(super) fn card(&self) -> Tag {
        // `contact_tags` always begins with the card's.
        self.tags[0].tag
    }
}

/// What one transaction is about.
#[derive(Default)]
pub(super) struct Batch {
    /// Rows by how often their card stood in this batch before: a round holds each card once, so that a
    /// repeated card is an update like any other.
    pub(super) rounds: Vec<Vec<Checked>>,
    /// Rows that are rejected already, by line.
    pub(super) rejected: Vec<(u64, Vec<CellError>)>,
    /// Rows in all.
    pub(super) read: u64,
    /// Bytes of the file up to here.
    pub(super) bytes: u64,
}

/// What the reading half tells.
pub(super) enum Told {
    /// The header row is one.
    Opened(Vec<HeaderWarning>),
    /// Some rows.
    Batch(Batch),
    /// The whole file was read.
    Ended(Digest),
    /// It cannot be read, or no further.
    Failed(FileError),
}

/// Reads the whole file into the channel; ends early when nobody listens any more.
pub(super) fn read(
    input: Box<dyn Read + Send>,
    today: Day,
    names: &Names,
    gate: &Gate,
    keyring: &Keyring,
    out: &mpsc::Sender<Told>,
) {
    let sum = Arc::new(Mutex::new(digest::Context::new(&digest::SHA256)));
    let input = Summed { input, sum: sum.clone() };
    let read = intake::read(input, today, names, |rows| {
        let opened = Told::Opened(rows.warnings().to_vec());
        out.blocking_send(opened).map_err(|_| Stop::Unheard)?;
        batches(rows, gate, keyring, out)
    });
    let told = match read {
        Ok(Err(Stop::Unheard)) => return,
        Ok(Err(Stop::Failed(error))) | Err(error) => Told::Failed(error),
        Ok(Ok(())) => Told::Ended(finish(&sum)),
    };
    // Nobody listening is the writing half's own failure, which it tells itself.
    let _ = out.blocking_send(told);
}

enum Stop {
    Unheard,
    Failed(FileError),
}

fn batches(
    rows: &mut dyn intake::Rows,
    gate: &Gate,
    keyring: &Keyring,
    out: &mpsc::Sender<Told>,
) -> Result<(), Stop> {
    let mut batch = Batch::default();
    let mut seen: HashMap<Tag, usize> = HashMap::new();
    while let Some(item) = rows.next() {
        let item = item.map_err(Stop::Failed)?;
        batch.read += 1;
        let checked = item.row.and_then(|row| {
            let errors = gate.check(&row);
            if errors.is_empty() { Ok(row) } else { Err(errors) }
        });
        match checked {
            Err(errors) => batch.rejected.push((item.line, errors)),
            Ok(row) => {
                let tags = seal::tags(keyring, &row);
                let checked = Checked { line: item.line, row, tags };
                let round = seen.entry(checked.card()).and_modify(|n| *n += 1).or_insert(0);
                if batch.rounds.len() <= *round {
                    batch.rounds.resize_with(*round + 1, Vec::new);
                }
                batch.rounds[*round].push(checked);
            }
        }
        if batch.read == BATCH {
            batch.bytes = rows.bytes_read();
            seen.clear();
            out.blocking_send(Told::Batch(std::mem::take(&mut batch))).map_err(|_| Stop::Unheard)?;
        }
    }
    if batch.read > 0 {
        batch.bytes = rows.bytes_read();
        out.blocking_send(Told::Batch(batch)).map_err(|_| Stop::Unheard)?;
    }
    Ok(())
}

/// A reader that hashes what goes through it. The sum is shared, because the reader itself ends up deep
/// inside the decoder.
struct Summed {
    input: Box<dyn Read + Send>,
    sum: Arc<Mutex<digest::Context>>,
}

impl Read for Summed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buffer)?;
        self.sum.lock().unwrap_or_else(PoisonError::into_inner).update(&buffer[..n]);
        Ok(n)
    }
}

fn finish(sum: &Mutex<digest::Context>) -> Digest {
    let sum = sum.lock().unwrap_or_else(PoisonError::into_inner).clone().finish();
    let mut out = [0; 32];
    out.copy_from_slice(sum.as_ref());
    Digest(out)
}
