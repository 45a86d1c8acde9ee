//! Set heads: what a table's rows must come to (design, invariant 8).
//!
//! A row's MAC is HMAC-SHA-256 over its bytes; a table's accumulator is the XOR of its rows' MACs, with
//! the number of rows. Adding or removing a row is one XOR, whatever the table's size.
//!
//! XOR alone is not enough once an attacker sees accumulators: the difference of two is a row's MAC, and
//! with some hundreds of known MACs a set of old rows that cancels out can be solved for. So accumulators
//! are stored sealed, and the log shows only `HMAC(key, name ‖ rows ‖ accumulator)`. Two equal rows would
//! cancel as well: the check refuses a key that stands twice.
//!
//! Stored in `log_head.heads`, sealed as a whole:
//!
//! ```text
//! size(8, LE) root(32) { rows(8, LE) accumulator(32) } per table, in the order of TABLES
//! ```

use futures_util::TryStreamExt as _;
use std::collections::BTreeMap;

use super::StoreError;
use super::engine::{Arg, Tx};
use super::table::{TABLES, Table};
use crate::keyring::{Keyring, sha256};

/// Rows and accumulator of one table.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Accumulator {
    pub(crate) rows: u64,
    pub(crate) xor: [u8; 32],
}

impl Accumulator {
    pub(crate) fn add(&mut self, mac: &[u8; 32]) {
        self.rows = self.rows.wrapping_add(1);
        xor(&mut self.xor, mac);
    }

    pub(crate) fn remove(&mut self, mac: &[u8; 32]) {
        self.rows = self.rows.wrapping_sub(1);
        xor(&mut self.xor, mac);
    }

    /// Holds what a table's rows came to against what the log speaks of.
    ///
    /// # Errors
    /// [`StoreError::Integrity`] names the table.
    pub(crate) fn hold(self, table: &Table, spoken_of: Accumulator) -> Result<(), StoreError> {
        if self == spoken_of {
            return Ok(());
        }
        Err(StoreError::integrity(table.name, "its rows are not those the log speaks of"))
    }

    /// Takes out all that another sums up.
    pub(crate) fn take(&mut self, other: &Accumulator) {
        self.rows = self.rows.wrapping_sub(other.rows);
        xor(&mut self.xor, &other.xor);
    }

    /// Applies what one transaction changed.
    pub(crate) fn merge(&mut self, change: &Accumulator) {
        self.rows = self.rows.wrapping_add(change.rows);
        xor(&mut self.xor, &change.xor);
    }
}

fn xor(a: &mut [u8; 32], b: &[u8; 32]) {
    for (a, b) in a.iter_mut().zip(b) {
        *a ^= b;
    }
}

/// What the log says that some tables come to. Two stamps of the same tables are equal when their rows are: a row
/// that any verb adds, changes or takes out changes its table's accumulator, and a stored head cannot be made up
/// without the vault's keys (above).
#[derive(Clone, PartialEq, Eq)]
pub struct Stamp(pub(super) Vec<Accumulator>);

/// The accumulators of all tables.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Heads(Vec<Accumulator>);

impl Heads {
    pub(crate) fn empty() -> Self {
        Heads(vec![Accumulator::default(); TABLES.len()])
    }

    /// Reads the stored form; size and root are the log's, with which it must have been stored: so the
    /// right edge of the tree cannot be changed beside it.
    pub(crate) fn open(
        keyring: &Keyring,
        size: u64,
        root: &[u8; 32],
        sealed: &[u8],
    ) -> Result<Self, StoreError> {
        let bad = || StoreError::integrity("log_head", "heads");
        let plain = keyring.open_heads(sealed).map_err(|_| bad())?;
        let (stored, rest) = plain.split_at_checked(40).ok_or_else(bad)?;
        if stored[..8] != size.to_le_bytes()
            || &stored[8..] != root
            || rest.len() % 40 != 0
            || rest.len() / 40 > TABLES.len()
        {
            return Err(bad());
        }
        let mut heads = Heads::empty();
        for (slot, part) in heads.0.iter_mut().zip(rest.chunks_exact(40)) {
            slot.rows = u64::from_le_bytes(part[..8].try_into().map_err(|_| bad())?);
            slot.xor.copy_from_slice(&part[8..]);
        }
        Ok(heads)
    }

    pub(crate) fn seal(&self, keyring: &Keyring, size: u64, root: &[u8; 32]) -> Result<Vec<u8>, StoreError> {
        let mut plain = size.to_le_bytes().to_vec();
        plain.extend_from_slice(root);
        for slot in &self.0 {
            plain.extend_from_slice(&slot.rows.to_le_bytes());
            plain.extend_from_slice(&slot.xor);
        }
        Ok(keyring.seal_heads(&plain)?)
    }

    pub(crate) fn of(&self, table: &Table) -> Accumulator {
        self.0.get(table.slot()).copied().unwrap_or_default()
    }

    pub(crate) fn merge(&mut self, changes: &BTreeMap<usize, Accumulator>) {
        for (slot, change) in changes {
            if let Some(head) = self.0.get_mut(*slot) {
                head.merge(change);
            }
        }
    }

    /// What the log shows of one table.
    pub(crate) fn shown(&self, keyring: &Keyring, table: &Table) -> [u8; 32] {
        let head = self.of(table);
        let mut bytes = Vec::with_capacity(64);
        bytes.push(table.name.len() as u8);
        bytes.extend_from_slice(table.name.as_bytes());
        bytes.extend_from_slice(&head.rows.to_le_bytes());
        bytes.extend_from_slice(&head.xor);
        keyring.head(&bytes)
    }

    /// The hash over every table's shown head. A table without rows counts as not there, so that a
    /// later version with more tables reads an older vault's leaves.
    pub(crate) fn state(&self, keyring: &Keyring) -> [u8; 32] {
        self.state_beside(keyring, &mut Shown::default())
    }

    /// The same, with what was worked out before.
    pub(crate) fn state_beside(&self, keyring: &Keyring, shown: &mut Shown) -> [u8; 32] {
        let mut all = Vec::with_capacity(TABLES.len() * 32);
        for table in TABLES.iter().filter(|t| self.of(t).rows > 0) {
            let one = shown.0.entry(table.slot()).or_insert_with(|| self.shown(keyring, table));
            all.extend_from_slice(one);
        }
        sha256(&all)
    }
}

/// What the log shows of tables, kept while they do not change: a turn of many entries works each out once.
#[derive(Default)]
pub(crate) struct Shown(BTreeMap<usize, [u8; 32]>);

impl Shown {
    /// What was worked out of these tables holds no more.
    pub(crate) fn forget<'a>(&mut self, slots: impl Iterator<Item = &'a usize>) {
        for slot in slots {
            self.0.remove(slot);
        }
    }
}

/// MACs a row.
pub(crate) fn row_mac(keyring: &Keyring, table: &Table, row: &[Arg<'_>], scratch: &mut Vec<u8>) -> [u8; 32] {
    table.encode(row, scratch);
    keyring.row_mac(scratch)
}

/// Works a table's accumulator out again from its rows.
pub(crate) async fn recompute(
    tx: &mut Tx,
    keyring: &Keyring,
    table: &Table,
) -> Result<Accumulator, StoreError> {
    let mut sum = Accumulator::default();
    let (mut bytes, mut last) = (Vec::new(), Vec::new());
    let mut rows = tx.stream(table.scan_sql(), &[]);
    while let Some(row) = rows.try_next().await.map_err(|e| e.unreadable(table.name))? {
        let key_end = table.encode_row(&row, &mut bytes).map_err(|e| e.unreadable(table.name))?;
        if last == bytes[..key_end] {
            return Err(StoreError::integrity(table.name, "a key stands twice"));
        }
        last.clear();
        last.extend_from_slice(&bytes[..key_end]);
        sum.add(&keyring.row_mac(&bytes));
    }
    Ok(sum)
}
