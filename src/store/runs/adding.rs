//! Adding to an index and taking from it; merging runs.
//!
//! A run's level says how many segments it was written with, so runs of a level are alike, and merging
//! eight of them makes one of a level above: an entry is rewritten once a level. The highest level's runs
//! are not merged any more. A merge is done within the turn of the batch that made it due, and must not
//! hold the other writers up.

use super::segment::{Entry, Merging, Next, Segment, args, entry, malformed, parts, twice};
use super::{PAGE, table_of};
use crate::keyring::Tag;
use crate::model::field::Index;
use crate::store::engine::{Arg, built};
use crate::store::table::Table;
use crate::store::{StoreError, Work};

/// Sizes; tests make them small.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// Entries in a segment as written. 160 are 3,840 bytes: a page of SQLite holds one such row, with
    /// nothing on a second page.
    pub(super) segment: usize,
    /// A segment of more is split.
    pub(super) split: usize,
    /// So few entries go into segments that are there; more become a run.
    pub(super) single: usize,
    /// So many runs of a level are merged.
    pub(super) fan: usize,
    /// Segments from which on a run is of level 1; `fan` times as many for each next one.
    pub(super) base: usize,
    /// The level whose runs stay. With `fan` and `base` it bounds a merge: 8,192 segments, 31 MB.
    pub(super) top: i64,
}

pub(super) const SHAPE: Shape = Shape { segment: 160, split: 256, single: 16, fan: 8, base: 16, top: 3 };

/// Segments written by one statement.
const WRITTEN: usize = 256;

impl Shape {
    pub(super) fn level(&self, segments: usize) -> i64 {
        let (mut level, mut bound) = (0, self.base);
        while segments >= bound && level < self.top {
            level += 1;
            bound *= self.fan;
        }
        level
    }
}

impl Work<'_> {
    /// Adds entries to an index. None of them may be there: of a few, this is checked here; of many, their
    /// ordinals must be new ones, and otherwise whatever reads the index next refuses it.
    ///
    /// # Errors
    /// An entry is there, or twice among them, or a row does not parse: integrity errors.
    pub(in crate::store) async fn index_add(
        &mut self,
        index: Index,
        entries: Vec<(Tag, i64)>,
    ) -> Result<(), StoreError> {
        self.add_shaped(table_of(index), &entries, &SHAPE).await
    }

    /// Takes an entry out of an index.
    ///
    /// # Errors
    /// It is not there, or a row does not parse: integrity errors.
    pub(in crate::store) async fn index_remove(
        &mut self,
        index: Index,
        tag: &Tag,
        ordinal: i64,
    ) -> Result<(), StoreError> {
        let (table, wanted) = (table_of(index), entry(tag, ordinal));
        for (_, mut segment) in self.view.before(table, &[behind(tag, ordinal)]).await? {
            if let Ok(at) = segment.entries.binary_search(&wanted) {
                let old = segment.clone();
                segment.entries.remove(at);
                return self.rewrite(table, &old, &segment, usize::MAX).await;
            }
        }
        Err(StoreError::integrity(table.name, "an entry is missing"))
    }

    pub(super) async fn add_shaped(
        &mut self,
        table: &'static Table,
        entries: &[(Tag, i64)],
        shape: &Shape,
    ) -> Result<(), StoreError> {
        let mut entries: Vec<Entry> = entries.iter().map(|(tag, ordinal)| entry(tag, *ordinal)).collect();
        entries.sort_unstable();
        if entries.windows(2).any(|two| two[0] == two[1]) {
            return Err(twice(table));
        }
        if entries.len() <= shape.single {
            for entry in &entries {
                self.add_one(table, entry, shape).await?;
            }
            return Ok(());
        }
        let run = self.next_run(table, shape.level(entries.len().div_ceil(shape.segment))).await?;
        self.write(table, run, &entries, shape).await?;
        self.merge_levels(table, shape).await
    }

    /// Puts an entry where it belongs in the run of the highest number: that is one of the largest, and the
    /// small ones stay few.
    async fn add_one(
        &mut self,
        table: &'static Table,
        entry: &Entry,
        shape: &Shape,
    ) -> Result<(), StoreError> {
        let (tag, ordinal) = parts(entry);
        let around = self.view.before(table, &[behind(&tag, ordinal)]).await?;
        if around.iter().any(|(_, segment)| segment.entries.binary_search(entry).is_ok()) {
            return Err(twice(table));
        }
        let found = around.into_iter().map(|(_, segment)| segment).max_by_key(|segment| segment.run);
        let found = match (found, self.view.runs(table).await?.last()) {
            (Some(found), _) => found,
            // It comes before the beginning of every run: the last one then begins with it.
            (None, Some(run)) => {
                self.view.page(table, (*run, None), 1).await?.pop().ok_or_else(|| malformed(table))?
            }
            (None, None) => return self.write(table, first_of(0), &[*entry], shape).await,
        };
        let (old, mut new) = (found.clone(), found);
        let at = new.entries.partition_point(|other| other < entry);
        new.entries.insert(at, *entry);
        self.rewrite(table, &old, &new, shape.split).await
    }

    /// Replaces a segment that was read in this turn by what became of it: nothing, one, or two halves.
    async fn rewrite(
        &mut self,
        table: &'static Table,
        old: &Segment,
        new: &Segment,
        split: usize,
    ) -> Result<(), StoreError> {
        let half = if new.entries.len() > split { new.entries.len() / 2 } else { new.entries.len() };
        let (low, high) = new.entries.split_at(half);
        let row = args(new.run, low);
        if low.is_empty() {
            self.delete(table, &old.args()).await?;
        } else if old.entries.first() == low.first() {
            self.update(table, &old.args(), &row).await?;
        } else {
            self.delete(table, &old.args()).await?;
            self.insert(table, &row).await?;
        }
        if !high.is_empty() {
            self.insert(table, &args(new.run, high)).await?;
        }
        Ok(())
    }

    /// A number behind those of a level's runs.
    async fn next_run(&mut self, table: &'static Table, level: i64) -> Result<i64, StoreError> {
        let sql = built(format!("select max(run) from {} where run >= $1 and run < $2", table.name));
        let ends = [Arg::Int(first_of(level)), Arg::Int(first_of(level + 1))];
        let last = self.view.tx.one(sql, &ends).await?.maybe_int(0).map_err(|e| e.unreadable(table.name))?;
        Ok(last.map_or(first_of(level), |last| last + 1))
    }

    /// Writes sorted entries as segments at the end of a run.
    async fn write(
        &mut self,
        table: &'static Table,
        run: i64,
        entries: &[Entry],
        shape: &Shape,
    ) -> Result<(), StoreError> {
        let rows: Vec<Vec<Arg<'_>>> =
            entries.chunks(shape.segment).map(|entries| args(run, entries).to_vec()).collect();
        for rows in rows.chunks(WRITTEN) {
            self.insert_all(table, rows).await?;
        }
        Ok(())
    }

    /// Merges until no level but the highest has many runs. Each merge leaves fewer runs: it ends.
    async fn merge_levels(&mut self, table: &'static Table, shape: &Shape) -> Result<(), StoreError> {
        loop {
            let runs = self.view.runs(table).await?;
            let mut levels = runs.chunk_by(|a, b| level_of(*a) == level_of(*b));
            match levels.find(|runs| runs.len() >= shape.fan && level_of(runs[0]) < shape.top) {
                Some(runs) => self.merge(table, runs.to_vec(), shape).await?,
                None => return Ok(()),
            }
        }
    }

    /// Merges all runs of a level into one. What is read is deleted at once, and what is held is a page a
    /// run and what one statement writes: some megabytes, whatever the runs' size.
    async fn merge(
        &mut self,
        table: &'static Table,
        runs: Vec<i64>,
        shape: &Shape,
    ) -> Result<(), StoreError> {
        let level = level_of(runs[0]);
        let sql = built(format!("select count(*) from {} where run >= $1 and run < $2", table.name));
        let ends = [Arg::Int(first_of(level)), Arg::Int(first_of(level + 1))];
        let segments = self.view.tx.one(sql, &ends).await?.int(0)?;
        let into = self.next_run(table, shape.level(segments as usize)).await?;
        let mut merging = Merging::new(table, runs);
        let full = shape.segment * WRITTEN;
        let mut out: Vec<Entry> = Vec::with_capacity(full.min(segments as usize * shape.split));
        loop {
            match merging.next()? {
                Next::Entry(entry) => out.push(entry),
                Next::Page(cursor) => {
                    let page = self.view.page(table, merging.place(cursor), PAGE).await?;
                    self.drop_page(table, &page).await?;
                    merging.fill(cursor, page, PAGE)?;
                }
                Next::End => break,
            }
            if out.len() == full {
                self.write(table, into, &out, shape).await?;
                out.clear();
            }
        }
        self.write(table, into, &out, shape).await
    }

    /// Deletes segments of a run that follow each other and were read in this turn.
    async fn drop_page(&mut self, table: &'static Table, page: &[Segment]) -> Result<(), StoreError> {
        let [Some(least), Some(most)] = [page.first(), page.last()] else { return Ok(()) };
        let ([run, first, _], [_, last, _]) = (least.args(), most.args());
        let rows: Vec<_> = page.iter().map(Segment::args).collect();
        let tail = "where run = $1 and first >= $2 and first <= $3";
        self.delete_all(table, tail, &[run, first, last], &rows).await
    }
}

/// What comes just behind an entry.
fn behind(tag: &Tag, ordinal: i64) -> Entry {
    entry(tag, ordinal.wrapping_add(1))
}

/// The least number of a level's runs.
fn first_of(level: i64) -> i64 {
    level << 32 | 1
}

fn level_of(run: i64) -> i64 {
    run >> 32
}
