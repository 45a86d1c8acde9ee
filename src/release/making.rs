//! A package's rows from the vault to a file at rest, as a stream: nothing of it touches a disk in clear.
//!
//! ```text
//! store ─ windows of sealed members, shuffled ─► open ─► CSV ─► age ─► hash ─► sealed at rest ─► hash ─► .part
//!  (async, one window ahead)                     (its own thread: one member's row in clear at a time)
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;

use tokio::sync::mpsc;

use super::at_rest::{HashingWriter, Passed, SealWriter};
use super::container::{AgeWriter, Recipient};
use super::order::{BLOCK, RowOrder};
use super::rows::{RowError, RowWriter};
use crate::access::Error;
use crate::clock::random;
use crate::keyring::aead::Key;
use crate::model::field::Field;
use crate::model::ids::MemberId;
use crate::model::ordinals::OrdinalSet;
use crate::policy::ChannelRule;
use crate::store::{Store, StoreError, View};
use crate::vault::{CardRank, NotItsMember, Plain, Rows, SealedMember};

/// Where and how a package is written.
pub struct Target<'a> {
    /// The file, open, locked and empty.
    pub file: File,
    /// The key it lies under at rest.
    pub key: &'a Key,
    /// What it is bound to: vault and package.
    pub place: &'a [u8],
    /// Whom it is encrypted to.
    pub recipient: &'a Recipient,
    /// Columns and their fields.
    pub rule: &'a ChannelRule,
    /// The entry that gave the grant.
    pub seq: u64,
}

/// A package that is whole and on disk, not yet acknowledged.
pub struct Made {
    /// Rows in it.
    pub rows: u64,
    /// The vendor's file: SHA-256 and length.
    pub file: Passed,
    /// The file at rest: SHA-256 and length.
    pub at_rest: Passed,
    /// Who is in it.
    pub members: OrdinalSet,
    /// What they and their contact points come to, as they were opened.
    pub marks: u128,
}

/// Windows there are: all that a package of any size holds of its members at a time.
const WINDOWS: usize = 2;

/// The reader's ends of the windows' round.
struct Round {
    full: mpsc::Sender<Window>,
    to_fill: mpsc::Receiver<Window>,
}

/// Sealed members of one window, in one buffer: what is needed of each and no more.
#[derive(Default)]
struct Window {
    bytes: Vec<u8>,
    members: Vec<Slot>,
}

#[derive(Clone, Copy)]
struct Slot {
    ordinal: u64,
    id: MemberId,
    kek: i64,
    /// Where its wrapped key starts, its record starts, and its record ends.
    at: [usize; 3],
}

impl Window {
    /// Makes room for the next members and keeps the memory.
    fn clear(&mut self) {
        self.bytes.clear();
        self.members.clear();
    }

    fn push(&mut self, ordinal: u64, id: MemberId, record: &[u8], kek: i64, wrapped: &[u8]) {
        let key = self.bytes.len();
        self.bytes.extend_from_slice(wrapped);
        let from = self.bytes.len();
        self.bytes.extend_from_slice(record);
        self.members.push(Slot { ordinal, id, kek, at: [key, from, self.bytes.len()] });
    }

    fn sealed(&self, slot: &Slot) -> SealedMember<'_> {
        let [key, from, to] = slot.at;
        SealedMember {
            ordinal: slot.ordinal,
            id: slot.id,
            record: &self.bytes[from..to],
            kek: slot.kek,
            wrapped: &self.bytes[key..from],
        }
    }
}

/// Members whose cards are looked at together.
const CARDS: usize = 4096;

/// Of each group that shares a contact point, the lowest card stays; the others are duplicates.
///
/// # Errors
/// A value does not open.
pub async fn drop_duplicates(view: &mut View<'_>, rows: &mut Rows, groups: &[Vec<i64>]) -> Result<(), Error> {
    if !groups.is_empty() {
        // Who could take a card away would choose which of them stays.
        view.check_sealed_tables(&[Field::Card]).await?;
    }
    let mut left = groups;
    while !left.is_empty() {
        let mut members = 0;
        let fit = left.iter().take_while(|group| {
            members += group.len();
            members <= CARDS
        });
        let (some, rest) = left.split_at(fit.count().max(1));
        left = rest;
        let cards = view.sealed_of(&some.concat(), Field::Card).await?;
        for group in some {
            let mut ranked: BTreeMap<CardRank, u64> = BTreeMap::new();
            for ordinal in group {
                let Some((key, record)) = cards.get(ordinal) else {
                    // Erased since the counting: he cannot be opened, and the fence takes notice.
                    rows.skip(*ordinal as u64);
                    continue;
                };
                let sealed = SealedMember {
                    ordinal: *ordinal as u64,
                    id: key.id,
                    record,
                    kek: key.kek,
                    wrapped: &key.wrapped,
                };
                if ranked.insert(rows.card_rank(&sealed).map_err(failed)?, *ordinal as u64).is_some() {
                    return Err(StoreError::integrity("sealed_card", "two members have one card").into());
                }
            }
            ranked.into_values().skip(1).for_each(|ordinal| rows.skip(ordinal));
        }
    }
    Ok(())
}

/// A view from which is released must know the entry that allows it: who puts an older log and the rows of
/// its time back for just this moment is noticed.
///
/// # Errors
/// [`StoreError::Integrity`] names the log's head.
pub async fn check_knows(view: &mut View<'_>, seq: u64) -> Result<(), StoreError> {
    if view.log_size().await? > seq {
        return Ok(());
    }
    Err(StoreError::integrity("log_head", "it does not know the package's own entry"))
}

/// Writes a package. `progress` gets rows done and rows in all.
///
/// # Errors
/// Anything that fails leaves the file unfinished; it is never acknowledged.
pub async fn make(
    store: &Store,
    rows: Rows,
    target: Target<'_>,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Made, Error> {
    let members = rows.left().clone();
    let fields: Vec<Field> = target.rule.columns.iter().map(|c| c.field).collect();
    let headers: Vec<String> = target.rule.columns.iter().map(|c| c.header.clone()).collect();
    let (total, seq) = (members.len(), target.seq);
    let order = RowOrder::new(random()?);
    let place = target.place.to_vec();
    let out = BufWriter::with_capacity(1 << 16, target.file);
    let at_rest =
        SealWriter::new(HashingWriter::new(out), target.key.bytes(), &place, random()?).map_err(io)?;
    let age = AgeWriter::new(target.recipient, HashingWriter::new(at_rest)).map_err(io)?;
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let mut writer = RowWriter::new(age, &headers).map_err(row)?;
    // Two windows go round: one is filled while the one before is written.
    let (full, mut to_write) = mpsc::channel::<Window>(WINDOWS);
    let (empty, to_fill) = mpsc::channel::<Window>(WINDOWS);
    for _ in 0..WINDOWS {
        // There is room for each.
        let _ = empty.try_send(Window::default());
    }
    let worker = tokio::task::spawn_blocking(move || -> Result<_, Error> {
        let mut rows = rows;
        while let Some(mut window) = to_write.blocking_recv() {
            for slot in &window.members {
                let values = rows.open(&window.sealed(slot)).map_err(failed)?;
                write_row(&mut writer, values)?;
            }
            window.clear();
            // After the last one nobody fills it again.
            let _ = empty.blocking_send(window);
        }
        Ok((writer, rows))
    });
    let round = Round { full, to_fill };
    let fed = feed(store, &members, &fields, &order, seq, round, |done| progress(done, total)).await;
    let (writer, rows) = worker.await.map_err(|_| StoreError::Fault("the package's writer broke off"))??;
    fed?;
    // Who was erased while it ran is still to be opened, and is not in it.
    let mut written = members;
    for ordinal in rows.left().iter() {
        written.remove(ordinal);
    }
    let count = writer.rows();
    let (at_rest, file) = writer.finish().map_err(row)?.finish().map_err(io)?.finish();
    let (out, at_rest) = at_rest.finish().map_err(io)?.finish();
    let out = out.into_inner().map_err(|e| io(e.into_error()))?;
    out.sync_all().map_err(io)?;
    Ok(Made { rows: count, file, at_rest, members: written, marks: rows.marks() })
}

fn write_row<W: std::io::Write>(writer: &mut RowWriter<W>, values: &[Plain]) -> Result<(), Error> {
    let mut texts: [&str; 8] = [""; 8];
    for (text, value) in texts.iter_mut().zip(values) {
        *text = value.lend()?;
    }
    writer.row(&texts[..values.len()]).map_err(row)
}

/// Reads window after window, each shuffled, until all members are handed over.
async fn feed(
    store: &Store,
    members: &OrdinalSet,
    fields: &[Field],
    order: &RowOrder,
    seq: u64,
    mut round: Round,
    done: impl Fn(u64),
) -> Result<(), Error> {
    let last = members.iter().last().unwrap_or(0);
    let blocks = last / BLOCK + 1;
    let counts: Vec<u32> =
        (0..blocks).map(|b| members.count_in(b * BLOCK..=(b * BLOCK + BLOCK - 1)) as u32).collect();
    let mut view = store.view().await?;
    check_knows(&mut view, seq).await?;
    view.check_sealed_tables(fields).await?;
    let mut handed = 0;
    for (number, blocks) in order.windows(&counts).into_iter().enumerate() {
        let Some(mut window) = round.to_fill.recv().await else {
            // The writer failed; its error is the one to tell.
            return Ok(());
        };
        for block in blocks {
            let (from, to) = ((block * BLOCK) as i64, (block * BLOCK + BLOCK) as i64);
            view.each_record(from, to, fields, |ordinal, id, record, kek, wrapped| {
                if members.contains(ordinal as u64) {
                    window.push(ordinal as u64, id, record, kek, wrapped);
                }
                Ok(())
            })
            .await?;
        }
        order.shuffle(number as u64, &mut window.members);
        handed += window.members.len() as u64;
        if round.full.send(window).await.is_err() {
            return Ok(());
        }
        done(handed);
    }
    Ok(())
}

/// The plaintext's place in memory is gone by here; what failed is named, never its value.
fn failed(e: NotItsMember) -> Error {
    match e {
        NotItsMember::NotCovered => StoreError::integrity("package", "a member outside the grant").into(),
        NotItsMember::DoesNotOpen(e) => e.into(),
    }
}

fn row(e: RowError) -> Error {
    match e {
        RowError::Io(cause) => io(cause),
        // Flagged at intake and taken out before; here it means that the flag is not the value's.
        RowError::UnsafeValue { .. } => {
            StoreError::integrity("member_attributes", "an unsafe value that was not flagged").into()
        }
        _ => StoreError::integrity("package", "a row does not fit its columns").into(),
    }
}

fn io(cause: std::io::Error) -> Error {
    Error::file("the package file", cause)
}
