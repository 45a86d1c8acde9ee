//! A package's rows from the vault to a file at rest, as a stream: nothing of it touches a disk in clear.
//!
//! ```text
//! store ─ windows of sealed members, shuffled ─► open ─► CSV ─► age ─► hash ─► sealed at rest ─► hash ─► .part
//!  (async, one window ahead)                     (a thread a processor: 64 KiB of rows in clear each)
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;

use super::at_rest::{HashingWriter, Passed, SealWriter};
use super::container::{AgeWriter, Recipient};
use super::openers::{Openers, failed, io, row};
use super::order::{BLOCK, RowOrder};
use super::rows::RowWriter;
use crate::access::Error;
use crate::clock::random;
use crate::keyring::aead::Key;
use crate::model::field::Field;
use crate::model::ordinals::OrdinalSet;
use crate::policy::ChannelRule;
use crate::store::records::{Records, SealedRecord};
use crate::store::{Store, StoreError, View};
use crate::vault::{CardRank, Rows, SealedMember};

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
    /// Who was to be in it and had no key: erased meanwhile, which whoever acknowledges it has to see for
    /// himself, or somebody hid the key to keep him out.
    pub missing: OrdinalSet,
    /// What they and their contact points come to, as they were opened.
    pub marks: u128,
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
        view.check_card_table().await?;
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
                    // Erased since the counting, or so it looks: the fence asks.
                    rows.lose(*ordinal as u64);
                    continue;
                };
                let sealed = SealedMember { id: key.id, record, kek: key.kek, wrapped: &key.wrapped };
                let rank = rows.card_rank(*ordinal as u64, &sealed).map_err(failed)?;
                if ranked.insert(rank, *ordinal as u64).is_some() {
                    return Err(StoreError::integrity("sealed_card", "two members have one card").into());
                }
            }
            ranked.into_values().skip(1).for_each(|ordinal| rows.skip(ordinal));
        }
    }
    Ok(())
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
    let place = target.place.to_vec();
    let out = BufWriter::with_capacity(1 << 16, target.file);
    let at_rest =
        SealWriter::new(HashingWriter::new(out), target.key.bytes(), &place, random()?).map_err(io)?;
    let age = AgeWriter::new(target.recipient, HashingWriter::new(at_rest)).map_err(io)?;
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let file = RowWriter::new(age, &headers).map_err(row)?.finish().map_err(row)?;
    let mut openers = Openers::start(&rows, file, headers.len());
    let mut rows = rows;
    let fed = feed(store, &mut rows, &fields, seq, &mut openers, |done| progress(done, total)).await;
    if fed.is_err() {
        openers.give_up();
    }
    let opened = openers.finish().await;
    fed?;
    let (age, opened) = opened?;
    let (at_rest, file) = age.finish().map_err(io)?.finish();
    let (out, at_rest) = at_rest.finish().map_err(io)?.finish();
    let out = out.into_inner().map_err(|e| io(e.into_error()))?;
    out.sync_all().map_err(io)?;
    // Who was erased while it ran never had his turn, and is not in it.
    let written = members.difference(rows.left());
    if written.len() != opened.rows {
        return Err(StoreError::integrity("package", "its rows are not its members").into());
    }
    let (rows, marks, missing) = (opened.rows, opened.marks, rows.missing());
    Ok(Made { rows, file, at_rest, members: written, missing, marks })
}

/// Reads window after window, each shuffled, until all members are handed over.
async fn feed<W: std::io::Write + Send + 'static>(
    store: &Store,
    rows: &mut Rows,
    fields: &[Field],
    seq: u64,
    openers: &mut Openers<W>,
    done: impl Fn(u64),
) -> Result<(), Error> {
    let order = RowOrder::new(random()?);
    let last = rows.left().iter().last().unwrap_or(0);
    let counts: Vec<u32> = (0..last / BLOCK + 1)
        .map(|b| rows.left().count_in(b * BLOCK..=(b * BLOCK + BLOCK - 1)) as u32)
        .collect();
    let mut view = store.view().await?;
    view.check_knows(seq).await?;
    let mut records = Records::of(fields);
    let mut handed = 0;
    for (number, blocks) in order.windows(&counts).into_iter().enumerate() {
        let mut window = openers.window().await;
        for block in blocks {
            let (from, to) = ((block * BLOCK) as i64, (block * BLOCK + BLOCK) as i64);
            let visit = |sealed: SealedRecord<'_>| {
                if let Some(turn) = rows.turn(sealed.ordinal as u64) {
                    window.push(turn, &sealed);
                }
            };
            records.read(&mut view, from, to, visit).await?;
        }
        order.shuffle(number as u64, &mut window.members);
        handed += window.members.len() as u64;
        // Not taken when an opener has failed; his error is the one to tell.
        if !openers.hand(window).await {
            return Ok(());
        }
        done(handed);
    }
    Ok(records.end(&mut view, seq).await?)
}
