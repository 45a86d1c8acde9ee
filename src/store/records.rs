//! The walk over what is opened of members: their wrapped keys and some sealed fields.
//!
//! A release wants its members in an order of its own, so ranges of blocks are asked for in any order, each
//! once. Every block of the fields' tables passes by in the end, and the sum of their marks does not depend
//! on the order: so what was handed out is compared with the set heads without being read twice.

use std::collections::BTreeSet;

use super::blocks::{Malformed, block_of, body_of, ordinal_of, sealed_table, slots, walk};
use super::engine::{Arg, Row, built};
use super::heads::{Accumulator, row_mac};
use super::keys::{self, KEY_BLOCK};
use super::table::Table;
use super::work::Head;
use super::{StoreError, View};
use crate::keyring::Keyring;
use crate::model::field::Field;
use crate::model::ids::MemberId;

/// Blocks read at once where nothing is handed out of them.
const PAGE: usize = 64;

/// What is handed out of one member.
pub struct SealedRecord<'a> {
    /// Ordinal.
    pub ordinal: i64,
    /// Id.
    pub id: MemberId,
    /// Record of the fields that were asked for.
    pub record: &'a [u8],
    /// Version of the KEK.
    pub kek: i64,
    /// Wrapped data key.
    pub wrapped: &'a [u8],
}

/// The sealed tables of some fields while they pass by.
pub struct Records {
    /// Number in a record, table, and what its rows came to so far.
    columns: Vec<(u8, &'static Table, Accumulator)>,
    /// First and last block of each range that passed.
    passed: BTreeSet<(i64, i64)>,
    record: Vec<u8>,
    scratch: Vec<u8>,
}

impl Records {
    /// Of some fields; nothing is read yet.
    pub fn of(fields: &[Field]) -> Self {
        let fields: BTreeSet<(u8, Field)> = fields.iter().map(|f| (f.number(), *f)).collect();
        let column = |(number, field)| (number, sealed_table(field), Accumulator::default());
        Records {
            columns: fields.into_iter().map(column).collect(),
            passed: BTreeSet::new(),
            record: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Hands the members of a range of ordinals (`from` to before `to`, both a multiple of a block's) to
    /// `visit`. What it gets is not yet compared: whoever acts on it must not acknowledge it before
    /// [`Records::end`] has returned.
    ///
    /// # Errors
    /// The database failed, a block does not parse, or what `visit` gives.
    pub async fn read(
        &mut self,
        view: &mut View<'_>,
        from: i64,
        to: i64,
        mut visit: impl FnMut(SealedRecord<'_>),
    ) -> Result<(), StoreError> {
        let blocks = (block_of(from), block_of(to.saturating_sub(1)));
        let keys = view.bodies(KEY_BLOCK, blocks).await?;
        let bodies = self.pass(view, blocks).await?;
        let mut columns: Vec<_> = bodies.iter().map(|rows| rows.iter().peekable()).collect();
        for row in &keys {
            let (block, keys) = body_of(row, KEY_BLOCK)?;
            let mut own = Vec::with_capacity(columns.len());
            for (rows, (number, table, _)) in columns.iter_mut().zip(&self.columns) {
                let mut body = &[][..];
                while let Some(row) = rows.peek() {
                    let (at, bytes) = body_of(row, table.name)?;
                    if at > block {
                        break;
                    }
                    body = if at == block { bytes } else { body };
                    rows.next();
                }
                own.push((*number, *table, walk(body)));
            }
            for step in slots(keys) {
                let (at, key) = step.map_err(|Malformed| Malformed::of(KEY_BLOCK, block))?;
                let (id, kek, wrapped) = keys::parts(key).ok_or_else(|| Malformed::of(KEY_BLOCK, block))?;
                self.record.clear();
                for (number, table, column) in &mut own {
                    let own = column.at(at).map_err(|Malformed| Malformed::of(table.name, block))?;
                    if let Some(bytes) = own {
                        let (version, sealed) =
                            bytes.split_at_checked(4).ok_or_else(|| Malformed::of(table.name, block))?;
                        self.record.push(*number);
                        self.record.extend_from_slice(version);
                        self.record.extend_from_slice(&(sealed.len() as u16).to_le_bytes());
                        self.record.extend_from_slice(sealed);
                    }
                }
                visit(SealedRecord {
                    ordinal: ordinal_of(block, at),
                    id,
                    record: &self.record,
                    kek,
                    wrapped,
                });
            }
        }
        Ok(())
    }

    /// Lets all pass by that did not yet, and compares the tables with their set heads. `seq` is the entry
    /// under which was read: a log that does not know it is an older one, put back meanwhile.
    ///
    /// # Errors
    /// The database failed, or [`StoreError::Integrity`] that names the table.
    pub async fn end(mut self, view: &mut View<'_>, seq: u64) -> Result<(), StoreError> {
        view.check_knows(seq).await?;
        let head = view.head().await?;
        let mut next = i64::MIN;
        for (first, last) in std::mem::take(&mut self.passed).into_iter().chain([(i64::MAX, i64::MAX)]) {
            self.skip(view, next, first, &head).await?;
            next = last.saturating_add(1);
        }
        for (_, table, sum) in self.columns {
            let spoken_of = head.heads.of(table);
            sum.hold(table, spoken_of)?;
            // One whose number is none passes by no range.
            let sql = built(format!("select count(*) from {}", table.name));
            let rows = view.tx.one(sql, &[]).await.and_then(|row| row.int(0));
            let rows = rows.map_err(|e| e.unreadable(table.name))? as u64;
            Accumulator { rows, ..sum }.hold(table, spoken_of)?;
        }
        Ok(())
    }

    /// Blocks of which nothing is handed out: `from` to before `to`, by what is there.
    async fn skip(&mut self, view: &mut View<'_>, from: i64, to: i64, head: &Head) -> Result<(), StoreError> {
        let keyring = view.store.keyring.clone();
        for (_, table, sum) in &mut self.columns {
            let mut next = from;
            while next < to {
                let tail = format!("where block >= $1 and block < $2 order by block limit {PAGE}");
                let rows = view.tx.all(table.select_sql(&tail), &[Arg::Int(next), Arg::Int(to)]).await;
                let rows = rows.map_err(|e| e.unreadable(table.name))?;
                let last = add(&keyring, table, sum, &rows, &mut self.scratch)?;
                if sum.rows > head.heads.of(table).rows {
                    return Err(StoreError::integrity(table.name, "it has more rows than the log speaks of"));
                }
                match last {
                    Some(last) if rows.len() == PAGE => next = last.saturating_add(1),
                    _ => break,
                }
            }
        }
        Ok(())
    }

    /// Reads the blocks of a range, table by table, and adds their MACs.
    async fn pass(&mut self, view: &mut View<'_>, blocks: (i64, i64)) -> Result<Vec<Vec<Row>>, StoreError> {
        let keyring = view.store.keyring.clone();
        let mut read = Vec::with_capacity(self.columns.len());
        for (_, table, sum) in &mut self.columns {
            let rows = view.bodies(table.name, blocks).await?;
            add(&keyring, table, sum, &rows, &mut self.scratch)?;
            read.push(rows);
        }
        self.passed.insert(blocks);
        Ok(read)
    }
}

/// Adds the MACs of some rows that ascend; the last one's number.
fn add(
    keyring: &Keyring,
    table: &'static Table,
    sum: &mut Accumulator,
    rows: &[Row],
    scratch: &mut Vec<u8>,
) -> Result<Option<i64>, StoreError> {
    let mut before = None;
    for row in rows {
        let (block, body) = body_of(row, table.name)?;
        // Two equal rows would cancel out.
        if before.is_some_and(|before| before >= block) {
            return Err(StoreError::integrity(table.name, format!("block {block} stands twice")));
        }
        before = Some(block);
        sum.add(&row_mac(keyring, table, &[Arg::Int(block), Arg::Bytes(body)], scratch));
    }
    Ok(before)
}

impl View<'_> {
    /// The rows of a range of blocks in their order.
    async fn bodies(&mut self, table: &'static str, blocks: (i64, i64)) -> Result<Vec<Row>, StoreError> {
        let sql = format!("select block, body from {table} where block >= $1 and block <= $2 order by block");
        let args = [Arg::Int(blocks.0), Arg::Int(blocks.1)];
        self.tx.all(built(sql), &args).await.map_err(|e| e.unreadable(table))
    }
}
