//! `View` reads; `Work` writes, and commits only with an event. What it gives back is a `Receipt`.

use std::collections::BTreeMap;

use super::engine::{Arg, Tx, built};
use super::entered::Entered;
use super::heads::{Accumulator, Heads, Shown, Stamp, row_mac};
use super::table::{REMARK, Table, Value, args};
use super::{Store, StoreError};
use crate::audit::event::Event;
use crate::audit::leaf::{self, Frame};
use crate::audit::nodes::is_stored;
use crate::audit::tree::{Frontier, Hash, leaf_hash};
use crate::clock::Micros;
use crate::model::ids::Digest;

/// How far the clock may be behind the last entry before writing is refused: 5 s, in microseconds.
const CLOCK_SLACK: Micros = 5_000_000;

/// Bytes of values that go into one statement.
const STATEMENT: usize = 1 << 20;

/// A snapshot of the vault: all that is read through one view is of one moment.
pub struct View<'s> {
    pub(super) tx: Tx,
    pub(super) store: &'s Store,
    /// The set heads, once they were read: a view is of one moment.
    heads: Option<Heads>,
}

impl<'s> View<'s> {
    pub(super) fn on(tx: Tx, store: &'s Store) -> Self {
        View { tx, store, heads: None }
    }
}

/// Proof that an entry is in the log, on disk. It cannot be made or copied, only earned:
/// [`Work::commit`] is the one place that gives it.
pub struct Receipt {
    seq: u64,
    at: Micros,
    leaf: Hash,
    event: Event,
}

impl Receipt {
    /// The one constructor; private to this file, where the commit is.
    fn earned(seq: u64, at: Micros, leaf: Hash, event: Event) -> Self {
        Receipt { seq, at, leaf, event }
    }

    /// The entry's place in the log, from 0.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The entry's time.
    pub fn at(&self) -> Micros {
        self.at
    }

    /// The leaf's hash.
    pub fn leaf(&self) -> Digest {
        Digest(self.leaf)
    }

    /// What the entry says.
    pub fn event(&self) -> &Event {
        &self.event
    }
}

/// The log's right edge.
pub(super) struct Head {
    pub(super) size: u64,
    pub(super) at: Micros,
    pub(super) frontier: Frontier,
    pub(super) heads: Heads,
    pub(super) checkpoint: String,
}

impl View<'_> {
    /// Entries in the log as this view sees it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn log_size(&mut self) -> Result<u64, StoreError> {
        let row = self.tx.maybe("select size from log_head where id = 1", &[]).await?;
        let row = row.ok_or_else(|| StoreError::integrity("log_head", "its row is missing"))?;
        u64::try_from(row.int(0)?).map_err(|_| StoreError::integrity("log_head", "size"))
    }

    /// What the log says that tables come to.
    pub(super) async fn stamp(&mut self, tables: &[&'static Table]) -> Result<Stamp, StoreError> {
        if self.heads.is_none() {
            self.heads = Some(self.head().await?.heads);
        }
        let head = |table: &&'static Table| self.heads.as_ref().map(|heads| heads.of(table));
        Ok(Stamp(tables.iter().filter_map(head).collect()))
    }

    pub(super) async fn head(&mut self) -> Result<Head, StoreError> {
        let bad = |what| StoreError::integrity("log_head", what);
        let row = self
            .tx
            .maybe("select size, at, frontier, heads, checkpoint from log_head where id = 1", &[])
            .await
            .map_err(|e| e.unreadable("log_head"))?
            .ok_or_else(|| bad("its row is missing"))?;
        let read = || -> Result<_, StoreError> {
            Ok((row.int(0)?, row.int(1)?, row.bytes(2)?, row.bytes(3)?, row.text(4)?))
        };
        let (size, at, frontier, heads, checkpoint) = read().map_err(|e| e.unreadable("log_head"))?;
        let size = u64::try_from(size).map_err(|_| bad("size"))?;
        let frontier = Frontier::from_bytes(size, &frontier).map_err(|_| bad("frontier"))?;
        let heads = Heads::open(&self.store.keyring, size, &frontier.root(), &heads)?;
        Ok(Head { size, at, frontier, heads, checkpoint })
    }

    /// All rows of a protected table that a constant tail picks.
    pub(super) async fn rows(
        &mut self,
        table: &'static Table,
        tail: &str,
        args: &[Arg<'_>],
    ) -> Result<Vec<Vec<Value>>, StoreError> {
        let rows = self.tx.all(table.select_sql(tail), args).await.map_err(|e| e.unreadable(table.name))?;
        rows.iter().map(|row| table.read(row).map_err(|e| e.unreadable(table.name))).collect()
    }

    /// One row by its key.
    pub(super) async fn row(
        &mut self,
        table: &'static Table,
        key: &[Arg<'_>],
    ) -> Result<Option<Vec<Value>>, StoreError> {
        let tail = table.columns[..table.key]
            .iter()
            .enumerate()
            .map(|(i, (name, _))| format!("{} {name} = ${}", if i == 0 { "where" } else { "and" }, i + 1))
            .collect::<Vec<_>>()
            .join(" ");
        Ok(self.rows(table, &tail, key).await?.pop())
    }
}

/// A writer's turn. Everything it does stands or falls with one log entry.
pub struct Work<'s> {
    pub(super) view: View<'s>,
    head: Head,
    at: Micros,
    changes: BTreeMap<usize, Accumulator>,
    shown: Shown,
    scratch: Vec<u8>,
    entered: Entered,
}

impl<'s> Work<'s> {
    pub(super) async fn begin(store: &'s Store) -> Result<Self, StoreError> {
        let mut view = View::on(store.engine.begin_write().await?, store);
        let head = view.head().await?;
        store.check_mark(&head)?;
        Self::on(view, head)
    }

    /// The first turn of a new vault, before there is a head.
    pub(super) async fn first(store: &'s Store) -> Result<Self, StoreError> {
        let view = View::on(store.engine.begin_write().await?, store);
        let head = Head {
            size: 0,
            at: 0,
            frontier: Frontier::new(),
            heads: Heads::empty(),
            checkpoint: String::new(),
        };
        Self::on(view, head)
    }

    fn on(mut view: View<'s>, head: Head) -> Result<Self, StoreError> {
        view.heads = Some(head.heads.clone());
        let now = view.store.clock.now();
        // Saturating: the head's time comes from the database, and start alone has compared it.
        let behind = head.at.saturating_sub(now);
        if behind > CLOCK_SLACK {
            return Err(StoreError::ClockBack(behind / 1_000_000));
        }
        let at = now.max(head.at);
        let (changes, shown, scratch, entered) = Default::default();
        Ok(Work { view, head, at, changes, shown, scratch, entered })
    }

    /// What can be read can be read here too, and it stands still.
    pub fn view(&mut self) -> &mut View<'s> {
        &mut self.view
    }

    /// The time this entry will have.
    pub fn at(&self) -> Micros {
        self.at
    }

    /// The place this entry will have.
    pub fn seq(&self) -> u64 {
        self.head.size
    }

    /// What the log speaks of before this turn's changes.
    pub(super) fn head_of(&self, table: &Table) -> Accumulator {
        self.head.heads.of(table)
    }

    /// What it will speak of once they are committed.
    pub(super) fn head_after(&self, table: &Table) -> Accumulator {
        let mut head = self.head_of(table);
        if let Some(change) = self.changes.get(&table.slot()) {
            head.merge(change);
        }
        head
    }

    /// Takes every row of a table out of its head: it is dropped in this turn.
    pub(super) fn empty(&mut self, table: &Table) {
        let left = self.head_of(table);
        self.changes.entry(table.slot()).or_default().take(&left);
    }

    fn change(&mut self, table: &Table) -> &mut Accumulator {
        self.changes.entry(table.slot()).or_default()
    }

    pub(super) async fn insert(&mut self, table: &'static Table, row: &[Arg<'_>]) -> Result<(), StoreError> {
        debug_assert_eq!(row.len(), table.columns.len());
        let sql = table.insert_sql(&self.view.tx, 1);
        self.view.tx.execute(sql, row).await?;
        let mac = row_mac(&self.view.store.keyring, table, row, &mut self.scratch);
        self.change(table).add(&mac);
        Ok(())
    }

    /// Many rows, a few hundred a statement: one round trip through the driver for all of them.
    pub(super) async fn insert_all(
        &mut self,
        table: &'static Table,
        rows: &[Vec<Arg<'_>>],
    ) -> Result<(), StoreError> {
        let most = (6_000 / table.columns.len()).max(1);
        let mut left = rows;
        while !left.is_empty() {
            let mut bytes = 0;
            let fit = left.iter().take(most).take_while(|row| {
                bytes += row.iter().map(Arg::size).sum::<usize>();
                bytes < STATEMENT
            });
            let (rows, rest) = left.split_at(fit.count().max(1));
            left = rest;
            let flat: Vec<Arg<'_>> = rows.iter().flatten().copied().collect();
            let sql = table.insert_sql(&self.view.tx, rows.len());
            self.view.tx.execute(sql, &flat).await?;
            for row in rows {
                let mac = row_mac(&self.view.store.keyring, table, row, &mut self.scratch);
                self.change(table).add(&mac);
            }
        }
        Ok(())
    }

    /// Replaces a row that was read in this turn.
    pub(super) async fn update(
        &mut self,
        table: &'static Table,
        old: &[Arg<'_>],
        new: &[Arg<'_>],
    ) -> Result<(), StoreError> {
        let touched = self.view.tx.execute(table.update_sql(), new).await?;
        self.touched(table, touched)?;
        let removed = row_mac(&self.view.store.keyring, table, old, &mut self.scratch);
        let added = row_mac(&self.view.store.keyring, table, new, &mut self.scratch);
        let change = self.change(table);
        change.remove(&removed);
        change.add(&added);
        Ok(())
    }

    /// Deletes a row that was read in this turn.
    pub(super) async fn delete(&mut self, table: &'static Table, old: &[Arg<'_>]) -> Result<(), StoreError> {
        let touched = self.view.tx.execute(table.delete_sql(), &old[..table.key]).await?;
        self.touched(table, touched)?;
        let mac = row_mac(&self.view.store.keyring, table, old, &mut self.scratch);
        self.change(table).remove(&mac);
        Ok(())
    }

    /// Deletes rows that were read in this turn: all that a constant tail picks, and there are no others.
    pub(super) async fn delete_all<const N: usize>(
        &mut self,
        table: &'static Table,
        tail: &str,
        picks: &[Arg<'_>],
        old: &[[Arg<'_>; N]],
    ) -> Result<(), StoreError> {
        let touched =
            self.view.tx.execute(built(format!("delete from {} {tail}", table.name)), picks).await?;
        if touched != old.len() as u64 {
            return Err(StoreError::integrity(table.name, "rows are not where they were read"));
        }
        for row in old {
            let mac = row_mac(&self.view.store.keyring, table, row, &mut self.scratch);
            self.change(table).remove(&mac);
        }
        Ok(())
    }

    fn touched(&self, table: &Table, rows: u64) -> Result<(), StoreError> {
        if rows == 1 {
            Ok(())
        } else {
            Err(StoreError::integrity(table.name, "a row is not where it was read"))
        }
    }

    /// Keeps a sealed justification beside the entry that comes next. It counts from now; it is written with the entries.
    pub(super) fn remark(&mut self, salt: [u8; 16], sealed: Vec<u8>) {
        let seq = self.head.size as i64;
        let row = [Arg::Int(seq), Arg::Bytes(&salt), Arg::Bytes(&sealed)];
        let mac = row_mac(&self.view.store.keyring, &REMARK, &row, &mut self.scratch);
        self.change(&REMARK).add(&mac);
        self.entered.remarks.push((seq, salt, sealed));
    }

    /// Writes the entry and everything done in this turn, and waits until it is on disk and the
    /// high-water mark stands outside the data folder.
    ///
    /// # Errors
    /// Nothing is stored unless the error is [`StoreError::HighWater`], and then nothing is told.
    pub async fn commit(mut self, event: Event) -> Result<Receipt, StoreError> {
        self.enter(event)?;
        self.settle().await?.pop().ok_or(StoreError::Fault("a turn without an entry"))
    }

    /// Appends an entry with all that changed since the one before it in this turn. Nothing of it counts before
    /// [`Work::settle`] has come back.
    pub(super) fn enter(&mut self, event: Event) -> Result<(), StoreError> {
        let keyring = &self.view.store.keyring;
        self.head.heads.merge(&self.changes);
        let shown: BTreeMap<&'static str, Hash> = super::table::TABLES
            .iter()
            .filter(|table| self.changes.contains_key(&table.slot()))
            .map(|table| (table.name, self.head.heads.shown(keyring, table)))
            .collect();
        self.shown.forget(self.changes.keys());
        self.changes.clear();
        let state = self.head.heads.state_beside(keyring, &mut self.shown);
        let frame = Frame { seq: self.head.size, at: self.at, heads: &shown, state };
        let body =
            leaf::encode(&event, &frame).map_err(|_| StoreError::integrity("log_leaf", "not encodable"))?;
        let (seq, hash, entered) = (self.head.size, leaf_hash(&body), &mut self.entered);
        self.head.frontier.append_with(hash, |level, index, hash| {
            if is_stored(level) {
                entered.nodes.push((i64::from(level), index as i64, hash));
            }
        });
        self.head.size = self.head.frontier.size();
        entered.aliases.extend(event.member.as_ref().map(|alias| (alias.0, seq as i64)));
        entered.leaves.push((seq as i64, body));
        entered.said.push((seq, hash, event));
        Ok(())
    }

    /// Writes what was entered, with one checkpoint over all of it, and waits until it is on disk and the
    /// high-water mark stands outside the data folder. Only then are there receipts.
    pub(super) async fn settle(mut self) -> Result<Vec<Receipt>, StoreError> {
        let (entered, store) = (std::mem::take(&mut self.entered), self.view.store);
        let (at, size, root) = (self.at, self.head.size, self.head.frontier.root());
        let note = store.sign_checkpoint(size, root)?;
        let frontier = self.head.frontier.to_bytes();
        let heads = self.head.heads.seal(&store.keyring, size, &root)?;
        let row = [
            Arg::Int(1),
            Arg::Int(size as i64),
            Arg::Int(at),
            Arg::Bytes(&frontier),
            Arg::Bytes(&heads),
            Arg::Text(&note),
        ];
        let is_first = entered.leaves.first().is_some_and(|(seq, _)| *seq == 0);
        let sql = if is_first {
            "insert into log_head (id, size, at, frontier, heads, checkpoint) values ($1, $2, $3, $4, $5, $6)"
        } else {
            "update log_head set size = $2, at = $3, frontier = $4, heads = $5, checkpoint = $6 where id = $1"
        };
        let tx = &mut self.view.tx;
        entered.write(tx).await?;
        tx.execute(sql, &row).await?;
        self.view.tx.commit().await?;
        store.high_water.raise(size, &note, &store.verifier())?;
        let earned = |(seq, hash, event): (u64, Hash, Event)| {
            tracing::debug!(seq, action = event.action.code(), "entry");
            Receipt::earned(seq, at, hash, event)
        };
        Ok(entered.said.into_iter().map(earned).collect())
    }
}

impl Work<'_> {
    /// Inserts a row or replaces the one with its key; whether anything changed.
    pub(super) async fn put(&mut self, table: &'static Table, row: &[Arg<'_>]) -> Result<bool, StoreError> {
        let Some(old) = self.view.row(table, &row[..table.key]).await? else {
            self.insert(table, row).await?;
            return Ok(true);
        };
        let (mut was, mut is) = (Vec::new(), Vec::new());
        table.encode(&args(&old), &mut was);
        table.encode(row, &mut is);
        if was == is {
            return Ok(false);
        }
        self.update(table, &args(&old), row).await?;
        Ok(true)
    }
}
