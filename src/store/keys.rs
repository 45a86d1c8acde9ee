//! Wrapped data keys: born before their members, and destroyed with them.
//!
//! They lie in the keystore by blocks (src/store/blocks.rs), each in its member's slot:
//!
//! ```text
//! id(16) kek version(4, LE) wrapped(n)
//! ```
//!
//! The keystore is under no set head, since keys are born and destroyed in commits of their own. A key
//! that was changed does not open, and one that is missing opens nothing.

use std::collections::BTreeMap;

use super::attributes::{self, Slot};
use super::blocks::{
    Changes, Malformed, block_of, blocks_in, blocks_of, changed, ordinal_of, slot, slot_of, slots,
};
use super::engine::{Arg, Tx, built};
use super::members::WrappedDataKey;
use super::table::MEMBER_ATTRIBUTES;
use super::{Store, StoreError, View};
use crate::model::ids::MemberId;

/// The keystore's table of blocks.
pub(super) const KEY_BLOCK: &str = "keys.key_block";

fn malformed(block: i64) -> StoreError {
    Malformed::of(KEY_BLOCK, block)
}

/// A key as a slot's bytes.
pub(super) fn pack(key: &WrappedDataKey) -> Result<Vec<u8>, StoreError> {
    let kek = u32::try_from(key.kek).map_err(|_| StoreError::Fault("a KEK version beyond its place"))?;
    Ok([&key.id.0[..], &kek.to_le_bytes(), &key.wrapped].concat())
}

/// A slot's bytes as id, KEK version and wrapped key.
pub(super) fn parts(bytes: &[u8]) -> Option<(MemberId, i64, &[u8])> {
    let (id, rest) = bytes.split_first_chunk::<16>()?;
    let (kek, wrapped) = rest.split_first_chunk::<4>()?;
    Some((MemberId(*id), i64::from(u32::from_le_bytes(*kek)), wrapped))
}

async fn key_blocks(tx: &mut Tx, numbers: &[i64]) -> Result<BTreeMap<i64, Vec<u8>>, StoreError> {
    blocks_in(tx, KEY_BLOCK, numbers).await
}

/// Changes keys in the blocks they lie in.
pub(super) async fn change_keys(tx: &mut Tx, changes: &BTreeMap<i64, Changes>) -> Result<(), StoreError> {
    let numbers: Vec<i64> = changes.keys().copied().collect();
    let there = key_blocks(tx, &numbers).await?;
    let mut bodies = Vec::with_capacity(changes.len());
    for (block, changes) in changes {
        let old = there.get(block).map_or(&[][..], Vec::as_slice);
        bodies.push((*block, changed(old, changes).map_err(|Malformed| malformed(*block))?));
    }
    for bodies in bodies.chunks(100) {
        let (full, empty): (Vec<_>, Vec<_>) = bodies.iter().partition(|(_, body)| !body.is_empty());
        for (block, _) in empty {
            tx.execute("delete from keys.key_block where block = $1", &[Arg::Int(*block)]).await?;
        }
        if full.is_empty() {
            continue;
        }
        let places = tx.place_rows(full.len(), 2);
        let sql = format!(
            "insert into keys.key_block (block, body) values {places} \
             on conflict (block) do update set body = excluded.body"
        );
        let args: Vec<Arg<'_>> =
            full.iter().flat_map(|(block, body)| [Arg::Int(*block), Arg::Bytes(body)]).collect();
        tx.execute(built(sql), &args).await?;
    }
    Ok(())
}

impl Store {
    /// Puts new data keys on disk and gives each its ordinal. This is before the members themselves: a
    /// crash in between leaves keys without members, which start sweeps.
    ///
    /// # Errors
    /// The database failed; nothing is stored.
    pub async fn birth(&self, keys: &[WrappedDataKey]) -> Result<i64, StoreError> {
        let mut tx = self.engine.begin_write().await?;
        let count = Arg::Int(keys.len() as i64);
        let sql = "update keys.counter set next = next + $1 where name = 'ordinal' returning next";
        let first = tx.one(sql, &[count]).await?.int(0)? - keys.len() as i64;
        let mut changes: BTreeMap<i64, Changes> = BTreeMap::new();
        for (ordinal, key) in (first..).zip(keys) {
            changes.entry(block_of(ordinal)).or_default().insert(slot_of(ordinal), Some(pack(key)?));
        }
        let numbers: Vec<i64> = changes.keys().copied().collect();
        for (block, body) in key_blocks(&mut tx, &numbers).await? {
            let mut there = slots(&body).map(|step| step.map_err(|Malformed| malformed(block)));
            let own = changes.get(&block);
            if there.any(|step| step.is_ok_and(|(at, _)| own.is_some_and(|own| own.contains_key(&at)))) {
                // Writing over it would destroy a living member's data.
                return Err(StoreError::integrity("keys.counter", "an ordinal was given twice"));
            }
        }
        change_keys(&mut tx, &changes).await?;
        tx.commit().await?;
        Ok(first)
    }

    /// Destroys a member's data key. What it sealed is gone with it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn destroy_key(&self, ordinal: i64) -> Result<(), StoreError> {
        let mut tx = self.engine.begin_write().await?;
        let blank = BTreeMap::from([(slot_of(ordinal), None)]);
        change_keys(&mut tx, &BTreeMap::from([(block_of(ordinal), blank)])).await?;
        tx.commit().await
    }

    /// Destroys those keys of one birth that came to no member, for instance because another writer was
    /// first with the same card. Returns how many.
    ///
    /// # Errors
    /// The database failed.
    pub async fn take_back_births(&self, first: i64, count: usize) -> Result<u64, StoreError> {
        self.take_back(first, first.saturating_add(count as i64)).await
    }

    /// Sweeps keys that have no member: births that a crash broke off. Returns how many.
    ///
    /// # Errors
    /// The database failed.
    pub async fn sweep_orphan_keys(&self) -> Result<u64, StoreError> {
        let mut view = self.view().await?;
        // Births are in order, so a broken one can only lie behind the last member that was stored; a
        // look at the whole keystore is left to --deep.
        let last = view.last_ordinal(MEMBER_ATTRIBUTES.name).await?.unwrap_or(0);
        let born = view.last_ordinal(KEY_BLOCK).await?.unwrap_or(0);
        drop(view);
        if born <= last { Ok(0) } else { self.take_back(last + 1, born.saturating_add(1)).await }
    }

    /// Destroys the keys of a range of ordinals that are no member's.
    async fn take_back(&self, from: i64, to: i64) -> Result<u64, StoreError> {
        let mut view = View::on(self.engine.begin_write().await?, self);
        let (mut next, end) = (block_of(from), block_of(to));
        let mut taken = 0;
        loop {
            // Only blocks that are there: a forged one far off must not be counted up to.
            let sql =
                "select block from keys.key_block where block >= $1 and block <= $2 order by block limit 256";
            let rows = view.tx.all(sql, &[Arg::Int(next), Arg::Int(end)]).await?;
            let numbers: Vec<i64> = rows.iter().map(|row| row.int(0)).collect::<Result<_, _>>()?;
            let Some(last) = numbers.last() else { break };
            next = last.saturating_add(1);
            let members = view.blocks(&MEMBER_ATTRIBUTES, &numbers).await?;
            let mut changes: BTreeMap<i64, Changes> = BTreeMap::new();
            for (block, body) in key_blocks(&mut view.tx, &numbers).await? {
                for step in slots(&body) {
                    let (at, _) = step.map_err(|Malformed| malformed(block))?;
                    let ordinal = ordinal_of(block, at);
                    if from <= ordinal && ordinal < to && !is_member(members.get(&block), block, at)? {
                        changes.entry(block).or_default().insert(at, None);
                        taken += 1;
                    }
                }
            }
            change_keys(&mut view.tx, &changes).await?;
            if *last == i64::MAX {
                break;
            }
        }
        view.tx.commit().await?;
        Ok(taken)
    }
}

fn is_member(body: Option<&Vec<u8>>, block: i64, at: u8) -> Result<bool, StoreError> {
    let malformed = || Malformed::of(MEMBER_ATTRIBUTES.name, block);
    let Some(body) = body else { return Ok(false) };
    let Some(bytes) = slot(body, at).map_err(|Malformed| malformed())? else { return Ok(false) };
    Ok(matches!(attributes::read(bytes).ok_or_else(malformed)?, Slot::Member(_)))
}

impl View<'_> {
    /// A member's wrapped data key.
    ///
    /// # Errors
    /// The database failed.
    pub async fn data_key(&mut self, ordinal: i64) -> Result<Option<WrappedDataKey>, StoreError> {
        Ok(self.data_keys(&[ordinal]).await?.remove(&ordinal))
    }

    /// Some members' wrapped data keys, by ordinal.
    pub(super) async fn data_keys(
        &mut self,
        ordinals: &[i64],
    ) -> Result<BTreeMap<i64, WrappedDataKey>, StoreError> {
        let bodies = key_blocks(&mut self.tx, &blocks_of(ordinals.iter().copied())).await?;
        let mut found = BTreeMap::new();
        for ordinal in ordinals {
            let (block, at) = (block_of(*ordinal), slot_of(*ordinal));
            let Some(body) = bodies.get(&block) else { continue };
            let Some(bytes) = slot(body, at).map_err(|Malformed| malformed(block))? else { continue };
            let (id, kek, wrapped) = parts(bytes).ok_or_else(|| malformed(block))?;
            found.insert(*ordinal, WrappedDataKey { id, kek, wrapped: wrapped.to_vec() });
        }
        Ok(found)
    }
}
