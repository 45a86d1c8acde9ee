//! Members many to a row. A block covers 64 ordinals, and a table of blocks holds one column of them: the
//! attributes, the tags, one sealed field, the keys. A row through the driver costs more than opening a
//! field, so whatever walks a million members reads sixteen thousand rows of just the columns it needs.
//!
//! A body is a list of slots, each with its member's bytes; who has none is not in it:
//!
//! ```text
//! block = ordinal / 64 · slot = ordinal % 64
//! { slot(1) length(2, LE) bytes(length) } repeated, slots rising
//!
//! member_attributes   src/store/attributes.rs
//! member_tags         { idx(1) index tag(16) suppression tag(16) } repeated
//! sealed_<field>      version(4, LE) sealed(n), as src/model/sealed.rs draws them
//! keys.key_block      src/store/keys.rs
//! ```

use std::collections::BTreeMap;

use super::engine::{Arg, Row, Tx, built, filled_up};
use super::table::{self, Table};
use super::{StoreError, View, Work};
use crate::model::field::Field;

/// Ordinals a block covers.
pub(super) const SPAN: i64 = 64;

/// Bytes of one slot at most: a length is two bytes.
const LONGEST: usize = u16::MAX as usize;

pub(super) fn block_of(ordinal: i64) -> i64 {
    ordinal.div_euclid(SPAN)
}

pub(super) fn slot_of(ordinal: i64) -> u8 {
    ordinal.rem_euclid(SPAN) as u8
}

pub(super) fn ordinal_of(block: i64, slot: u8) -> i64 {
    block.saturating_mul(SPAN).saturating_add(i64::from(slot))
}

/// The blocks some members lie in, each once, rising.
pub(super) fn blocks_of(ordinals: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut blocks: Vec<i64> = ordinals.map(block_of).collect();
    blocks.sort_unstable();
    blocks.dedup();
    blocks
}

/// A body is not of its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

impl Malformed {
    /// As what it is: a row that somebody changed.
    pub(super) fn of(table: &'static str, block: i64) -> StoreError {
        StoreError::integrity(table, format!("block {block} is malformed"))
    }
}

/// Walks the slots of a body.
pub(super) fn slots(mut body: &[u8]) -> impl Iterator<Item = Result<(u8, &[u8]), Malformed>> {
    let mut last = None;
    std::iter::from_fn(move || {
        if body.is_empty() {
            return None;
        }
        let step = (|| {
            let (head, rest) = body.split_at_checked(3)?;
            let length = usize::from(u16::from_le_bytes([head[1], head[2]]));
            let (bytes, rest) = rest.split_at_checked(length)?;
            (i64::from(head[0]) < SPAN && last < Some(head[0])).then_some((head[0], bytes, rest))
        })();
        let Some((slot, bytes, rest)) = step else {
            body = &[];
            return Some(Err(Malformed));
        };
        (body, last) = (rest, Some(slot));
        Some(Ok((slot, bytes)))
    })
}

/// A body's slots while a walk goes by: what stands before the wanted slot is passed.
pub(super) struct Walk<'b, I: Iterator<Item = Result<(u8, &'b [u8]), Malformed>>>(std::iter::Peekable<I>);

/// Walks a body beside another.
pub(super) fn walk(body: &[u8]) -> Walk<'_, impl Iterator<Item = Result<(u8, &[u8]), Malformed>>> {
    Walk(slots(body).peekable())
}

impl<'b, I: Iterator<Item = Result<(u8, &'b [u8]), Malformed>>> Walk<'b, I> {
    /// The bytes of a slot, if it is there. Slots are asked for in their order.
    pub(super) fn at(&mut self, wanted: u8) -> Result<Option<&'b [u8]>, Malformed> {
        let mut found = None;
        while let Some(step) = self.0.next_if(|s| s.is_err() || s.is_ok_and(|(slot, _)| slot <= wanted)) {
            let (slot, bytes) = step?;
            found = (slot == wanted).then_some(bytes);
        }
        Ok(found)
    }
}

/// One slot of a body.
pub(super) fn slot(body: &[u8], wanted: u8) -> Result<Option<&[u8]>, Malformed> {
    for step in slots(body) {
        let (slot, bytes) = step?;
        if slot >= wanted {
            return Ok((slot == wanted).then_some(bytes));
        }
    }
    Ok(None)
}

/// Appends a slot; it must be higher than those before.
pub(super) fn push(body: &mut Vec<u8>, slot: u8, bytes: &[u8]) -> Result<(), Malformed> {
    if bytes.len() > LONGEST {
        return Err(Malformed);
    }
    body.push(slot);
    body.extend_from_slice(&(bytes.len() as u16).to_le_bytes());
    body.extend_from_slice(bytes);
    Ok(())
}

/// What becomes of some slots of a body: new bytes, or none.
pub(super) type Changes = BTreeMap<u8, Option<Vec<u8>>>;

/// A body with some slots changed.
pub(super) fn changed(body: &[u8], changes: &Changes) -> Result<Vec<u8>, Malformed> {
    let mut all: BTreeMap<u8, &[u8]> = slots(body).collect::<Result<_, _>>()?;
    for (slot, bytes) in changes {
        match bytes {
            Some(bytes) => all.insert(*slot, bytes),
            None => all.remove(slot),
        };
    }
    let mut out = Vec::with_capacity(body.len() + 128);
    for (slot, bytes) in all {
        push(&mut out, slot, bytes)?;
    }
    Ok(out)
}

/// Changes of a table's members, by block and slot.
#[derive(Default)]
pub(super) struct Edit(BTreeMap<i64, Changes>);

impl Edit {
    pub(super) fn set(&mut self, ordinal: i64, bytes: Option<Vec<u8>>) {
        self.0.entry(block_of(ordinal)).or_default().insert(slot_of(ordinal), bytes);
    }
}

/// What new members bring to a table, by block: bodies as they will lie there, for most blocks are new too.
#[derive(Default)]
pub(super) struct Fresh(BTreeMap<i64, Vec<u8>>);

impl Fresh {
    /// Appends a slot, given in parts; ordinals must rise.
    pub(super) fn push(&mut self, ordinal: i64, parts: &[&[u8]]) -> Result<(), StoreError> {
        let body = self.0.entry(block_of(ordinal)).or_insert_with(|| Vec::with_capacity(4096));
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        let length = u16::try_from(length).map_err(|_| StoreError::Fault("a value too long for its slot"))?;
        body.push(slot_of(ordinal));
        body.extend_from_slice(&length.to_le_bytes());
        parts.iter().for_each(|part| body.extend_from_slice(part));
        Ok(())
    }

    /// For a block that is there already: the same as changes to it.
    fn changes(body: &[u8]) -> Result<Changes, Malformed> {
        slots(body).map(|step| step.map(|(slot, bytes)| (slot, Some(bytes.to_vec())))).collect()
    }
}

/// The tables of sealed fields, by the fields' numbers in a record; 0 is the alias.
pub(super) static SEALED: [&Table; 8] = [
    &table::SEALED_ALIAS,
    &table::SEALED_CARD,
    &table::SEALED_NAME,
    &table::SEALED_MOBILE,
    &table::SEALED_EMAIL,
    &table::SEALED_ADDRESS,
    &table::SEALED_POSTCODE,
    &table::SEALED_BIRTHDAY,
];

/// A field's table.
pub(super) fn sealed_table(field: Field) -> &'static Table {
    SEALED[usize::from(field.number())]
}

/// Rows asked for in one statement.
const AT_ONCE: usize = 256;

/// Bytes of a block: its number, and its body.
pub(super) fn body_of<'r>(row: &'r Row, table: &'static str) -> Result<(i64, &'r [u8]), StoreError> {
    let read = || Ok((row.int(0)?, row.slice(1)?));
    read().map_err(|e: StoreError| e.unreadable(table))
}

/// Some blocks of a table, the keystore's too; those that are not there are left out.
pub(super) async fn blocks_in(
    tx: &mut Tx,
    table: &'static str,
    numbers: &[i64],
) -> Result<BTreeMap<i64, Vec<u8>>, StoreError> {
    let mut found = BTreeMap::new();
    for numbers in numbers.chunks(AT_ONCE) {
        let args: Vec<Arg<'_>> = filled_up(numbers).map(|n| Arg::Int(*n)).collect();
        let places = tx.places(1, args.len());
        let sql = built(format!("select block, body from {table} where block in ({places})"));
        for row in tx.all(sql, &args).await.map_err(|e| e.unreadable(table))? {
            let (block, body) = body_of(&row, table)?;
            found.insert(block, body.to_vec());
        }
    }
    Ok(found)
}

impl View<'_> {
    /// Some blocks of a table; those that are not there are left out.
    pub(super) async fn blocks(
        &mut self,
        table: &'static Table,
        numbers: &[i64],
    ) -> Result<BTreeMap<i64, Vec<u8>>, StoreError> {
        blocks_in(&mut self.tx, table.name, numbers).await
    }

    /// The highest ordinal of a table of blocks.
    pub(super) async fn last_ordinal(&mut self, table: &'static str) -> Result<Option<i64>, StoreError> {
        let sql = format!("select block, body from {table} order by block desc limit 1");
        let row = self.tx.maybe(built(sql), &[]).await.map_err(|e| e.unreadable(table))?;
        let Some(row) = row else { return Ok(None) };
        let (block, body) = body_of(&row, table)?;
        // A body without slots is not stored.
        let last = slots(body).last().unwrap_or(Err(Malformed));
        let (slot, _) = last.map_err(|Malformed| Malformed::of(table, block))?;
        Ok(Some(ordinal_of(block, slot)))
    }
}

impl Work<'_> {
    /// Writes what new members bring: new blocks as they are, and into those that are there.
    pub(super) async fn add_slots(&mut self, table: &'static Table, fresh: Fresh) -> Result<(), StoreError> {
        let numbers: Vec<i64> = fresh.0.keys().copied().collect();
        let there = self.view.blocks(table, &numbers).await?;
        let (mut rows, mut edit) = (Vec::with_capacity(fresh.0.len()), Edit::default());
        for (block, body) in &fresh.0 {
            if there.contains_key(block) {
                let changes = Fresh::changes(body).map_err(|Malformed| Malformed::of(table.name, *block))?;
                edit.0.insert(*block, changes);
            } else {
                rows.push(vec![Arg::Int(*block), Arg::Bytes(body)]);
            }
        }
        self.insert_all(table, &rows).await?;
        if edit.0.is_empty() { Ok(()) } else { self.edit(table, &edit).await }
    }

    /// Writes an edit: each block of it read, changed and rewritten, in this turn.
    pub(super) async fn edit(&mut self, table: &'static Table, edit: &Edit) -> Result<(), StoreError> {
        let all: Vec<(&i64, &Changes)> = edit.0.iter().collect();
        // Changes of many members may lie in a block each.
        for some in all.chunks(AT_ONCE) {
            let numbers: Vec<i64> = some.iter().map(|(block, _)| **block).collect();
            let there = self.view.blocks(table, &numbers).await?;
            for (block, changes) in some {
                self.edit_block(table, **block, there.get(block).map(Vec::as_slice), changes).await?;
            }
        }
        Ok(())
    }

    async fn edit_block(
        &mut self,
        table: &'static Table,
        block: i64,
        old: Option<&[u8]>,
        changes: &Changes,
    ) -> Result<(), StoreError> {
        let malformed = |Malformed| Malformed::of(table.name, block);
        let body = changed(old.unwrap_or_default(), changes).map_err(malformed)?;
        for (at, _) in changes.iter().filter(|(_, bytes)| bytes.is_none()) {
            // It would be taken out of nothing, and come back when whoever hid it puts it back.
            if slot(old.unwrap_or_default(), *at).map_err(malformed)?.is_none() {
                return Err(StoreError::integrity(table.name, format!("block {block} lacks slot {at}")));
            }
        }
        let new = [Arg::Int(block), Arg::Bytes(&body)];
        match old {
            None => self.insert(table, &new).await,
            Some(old) if body.is_empty() => self.delete(table, &[Arg::Int(block), Arg::Bytes(old)]).await,
            Some(old) => self.update(table, &[Arg::Int(block), Arg::Bytes(old)], &new).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(parts: &BTreeMap<u8, Vec<u8>>) -> Vec<u8> {
        let mut out = Vec::new();
        for (slot, bytes) in parts {
            push(&mut out, *slot, bytes).unwrap();
        }
        out
    }

    fn parts() -> impl Strategy<Value = BTreeMap<u8, Vec<u8>>> {
        proptest::collection::btree_map(0u8..64, proptest::collection::vec(any::<u8>(), 0..40), 0..64)
    }

    proptest! {
        #[test]
        fn slots_read_back(parts in parts(), wanted in 0u8..64) {
            let body = body(&parts);
            let back: BTreeMap<u8, Vec<u8>> = slots(&body).map(|s| s.map(|(n, b)| (n, b.to_vec())).unwrap()).collect();
            prop_assert_eq!(&back, &parts);
            prop_assert_eq!(slot(&body, wanted).unwrap(), parts.get(&wanted).map(Vec::as_slice));
        }

        #[test]
        fn a_change_is_that_of_a_map(
            mut parts in parts(),
            changes in proptest::collection::btree_map(0u8..64, proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)), 0..9),
        ) {
            let out = changed(&body(&parts), &changes).unwrap();
            for (slot, bytes) in changes {
                match bytes {
                    Some(bytes) => { parts.insert(slot, bytes); }
                    None => { parts.remove(&slot); }
                }
            }
            prop_assert_eq!(out, body(&parts));
        }

        #[test]
        fn junk_never_panics(junk in proptest::collection::vec(any::<u8>(), 0..200), wanted in 0u8..64) {
            let _ = slot(&junk, wanted);
            let _ = changed(&junk, &Changes::new());
        }

        #[test]
        fn an_ordinal_is_a_block_and_a_slot(ordinal in 0i64..1_000_000_000) {
            prop_assert_eq!(ordinal_of(block_of(ordinal), slot_of(ordinal)), ordinal);
        }
    }

    #[test]
    fn slots_stand_once_and_in_order() {
        let two = |a, b| {
            let mut out = Vec::new();
            push(&mut out, a, b"x").unwrap();
            push(&mut out, b, b"y").unwrap();
            slots(&out).collect::<Result<Vec<_>, _>>().is_ok()
        };
        assert!(two(1, 2) && !two(2, 2) && !two(2, 1) && !two(1, 64));
    }
}
