//! The blind index: which members hold a tag.
//!
//! An index is a set of entries (tag, ordinal), kept as sorted runs; a run lies in segments, a row each.
//! An entry stands once in all of an index.
//!
//! ```text
//! entry    tag(16) ordinal(8, BE)        so bytes sort as (tag, ordinal)
//! run      level << 32 | serial          serial from 1, within a level
//! first    entry                         the segment's least
//! body     { entry }                     strictly ascending; the first is `first`
//! ```
//!
//! Segments of a run follow each other: each begins behind the end of the one before. Between runs there is
//! no order. A batch becomes a run of its own; runs of a level are merged when there are many
//! (`adding.rs`), so there are few of them whatever the number of members. A single entry goes into a
//! segment that is there.

mod adding;
mod filter;
mod segment;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use futures_util::TryStreamExt as _;

use super::engine::{Arg, Row, built, filled_up};
use super::heads::{Accumulator, row_mac};
use super::table::{INDEX_CARD, INDEX_EMAIL, INDEX_MOBILE, INDEX_POST, Table};
use super::{StoreError, View};
use crate::keyring::Tag;
use crate::model::field::Index;
pub use filter::{IndexMoment, IndexTurn, TagFilter};
use segment::{Entry, Merging, Next, Segment, entry, parts};

/// Tags looked up by one statement; so few are looked up without asking how large the index is. For more at
/// once PostgreSQL compiles the statement, which takes longer than all of them.
pub(crate) const PROBES: usize = 32;

/// Segments that a walk over all runs holds: about 4 MB.
const HELD: usize = 1024;

/// Segments a page of one run, at most: reading more at once saves nothing.
const PAGE: usize = 64;

/// The table of an index.
pub(super) fn table_of(index: Index) -> &'static Table {
    match index {
        Index::Card => &INDEX_CARD,
        Index::Mobile => &INDEX_MOBILE,
        Index::Email => &INDEX_EMAIL,
        Index::Post => &INDEX_POST,
    }
}

/// The numbers of all runs, one step down the key for each: `distinct` would walk over every segment.
fn runs_of(table: &Table) -> String {
    let name = table.name;
    format!(
        "r(run) as (select min(run) from {name} union all \
         select (select min(n.run) from {name} n where n.run > r.run) from r where r.run is not null)"
    )
}

impl View<'_> {
    /// Members with a tag in an index, lowest ordinal first.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn find(&mut self, index: Index, tag: &Tag) -> Result<Vec<i64>, StoreError> {
        let mut found = self.find_all(index, std::slice::from_ref(tag)).await?;
        Ok(found.remove(tag).unwrap_or_default())
    }

    /// Which of many tags are held, and by whom, lowest ordinal first.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn find_all(
        &mut self,
        index: Index,
        tags: &[Tag],
    ) -> Result<HashMap<Tag, Vec<i64>>, StoreError> {
        let table = table_of(index);
        let mut tags = tags.to_vec();
        tags.sort_unstable();
        tags.dedup();
        let mut found = HashMap::new();
        match self.walk_is_cheaper(table, tags.len()).await? {
            None => self.probe(table, &tags, &mut found).await?,
            Some(runs) => {
                for run in runs {
                    self.walk(table, run, &tags, &mut found).await?;
                }
            }
        }
        for ordinals in found.values_mut() {
            ordinals.sort_unstable();
            if ordinals.windows(2).any(|two| two[0] == two[1]) {
                return Err(segment::twice(table));
            }
        }
        Ok(found)
    }

    /// The runs, when reading them whole is cheaper than looking so many tags up in each.
    async fn walk_is_cheaper(
        &mut self,
        table: &'static Table,
        tags: usize,
    ) -> Result<Option<Vec<i64>>, StoreError> {
        if tags <= PROBES {
            return Ok(None);
        }
        let sql = built(format!("select run, count(*) from {} group by run", table.name));
        let rows = self.tx.all(sql, &[]).await.map_err(|e| e.unreadable(table.name))?;
        let (mut runs, mut segments) = (Vec::with_capacity(rows.len()), 0);
        for row in &rows {
            runs.push(row.int(0).map_err(|e| e.unreadable(table.name))?);
            segments += row.int(1)?;
        }
        Ok((tags as i64 * runs.len() as i64 >= segments / 2).then_some(runs))
    }

    /// Looks each tag up in each run.
    async fn probe(
        &mut self,
        table: &'static Table,
        tags: &[Tag],
        found: &mut HashMap<Tag, Vec<i64>>,
    ) -> Result<(), StoreError> {
        for tags in tags.chunks(PROBES) {
            let ends: Vec<Entry> = filled_up(tags).map(|tag| entry(tag, -1)).collect();
            for (place, mut segment) in self.before(table, &ends).await? {
                let Some(tag) = tags.get(place) else { continue };
                gather(&segment.entries, tag, found);
                // Who holds a tag may be more than a segment has room for.
                while segment.entries.first().is_some_and(|first| first[..16] == tag[..]) {
                    let Some(earlier) = self.segment_before(table, &segment).await? else { break };
                    segment = earlier;
                    gather(&segment.entries, tag, found);
                }
            }
        }
        Ok(())
    }

    /// Of every run the segment that begins last before an end; beside it, the place of that end in the
    /// list.
    async fn before(
        &mut self,
        table: &'static Table,
        ends: &[Entry],
    ) -> Result<Vec<(usize, Segment)>, StoreError> {
        let (name, runs) = (table.name, runs_of(table));
        let values = self.tx.place_rows(ends.len(), 2);
        // Subqueries and no join: PostgreSQL would join by walking through the table, for as long as it
        // keeps the plan it made while that was small.
        let sql = format!(
            "with recursive {runs}, v(place, behind) as (values {values}), \
             f(place, run, first) as materialized (select v.place, r.run, (select s.first from {name} s \
             where s.run = r.run and s.first < v.behind order by s.first desc limit 1) from r cross join v) \
             select f.run, f.first, (select t.body from {name} t where t.run = f.run and t.first = f.first \
             limit 1), f.place from f where f.first is not null"
        );
        let mut args = Vec::with_capacity(ends.len() * 2);
        for (place, end) in ends.iter().enumerate() {
            args.extend([Arg::Int(place as i64), Arg::Bytes(end)]);
        }
        let rows = self.tx.all(built(sql), &args).await.map_err(|e| e.unreadable(name))?;
        rows.iter().map(|row| Ok((row.int(3)? as usize, Segment::read(table, row)?))).collect()
    }

    /// The segment of a run before another.
    async fn segment_before(
        &mut self,
        table: &'static Table,
        segment: &Segment,
    ) -> Result<Option<Segment>, StoreError> {
        let [run, first, _] = segment.args();
        let sql = table.select_sql("where run = $1 and first < $2 order by first desc limit 1");
        let row = self.tx.maybe(sql, &[run, first]).await.map_err(|e| e.unreadable(table.name))?;
        row.map(|row| Segment::read(table, &row)).transpose()
    }

    /// Reads one run up to the last tag, beside the tags in their order.
    async fn walk(
        &mut self,
        table: &'static Table,
        run: i64,
        tags: &[Tag],
        found: &mut HashMap<Tag, Vec<i64>>,
    ) -> Result<(), StoreError> {
        let Some(last) = tags.last() else { return Ok(()) };
        let (high, mut left) = (entry(last, -1), tags);
        let sql = table.select_sql("where run = $1 and first <= $2 order by first");
        let mut rows = self.tx.stream(sql, &[Arg::Int(run), Arg::Bytes(&high)]);
        while let Some(row) = rows.try_next().await.map_err(|e| e.unreadable(table.name))? {
            let (_, entries) = segment::read(table, &row)?;
            let [Some(least), Some(most)] = [entries.first(), entries.last()] else { continue };
            left = &left[left.partition_point(|tag| tag[..] < least[..16])..];
            for tag in left.iter().take_while(|tag| tag[..] <= most[..16]) {
                gather(entries, tag, found);
            }
        }
        Ok(())
    }

    /// The numbers of all runs, ascending.
    async fn runs(&mut self, table: &'static Table) -> Result<Vec<i64>, StoreError> {
        let runs = runs_of(table);
        let sql = format!("with recursive {runs} select run from r where run is not null order by run");
        let rows = self.tx.all(built(sql), &[]).await.map_err(|e| e.unreadable(table.name))?;
        rows.iter().map(|row| row.int(0).map_err(|e| e.unreadable(table.name))).collect()
    }

    /// The next segments of a run behind the one that begins at `after`. The first page says nothing of
    /// `first`: a value of another type would pass by any comparison unseen.
    async fn page(
        &mut self,
        table: &'static Table,
        (run, after): (i64, Option<Entry>),
        limit: usize,
    ) -> Result<Vec<Segment>, StoreError> {
        let behind = if after.is_some() { "and first > $2" } else { "" };
        let sql = table.select_sql(&format!("where run = $1 {behind} order by first limit {limit}"));
        let mut args = vec![Arg::Int(run)];
        args.extend(after.as_ref().map(|after| Arg::Bytes(after)));
        let rows = self.tx.all(sql, &args).await.map_err(|e| e.unreadable(table.name))?;
        rows.iter().map(|row: &Row| Segment::read(table, row)).collect()
    }

    /// Members who share a contact point with another: groups of two and more, each lowest ordinal first.
    /// This reads the whole index, so it is also the comparison of its table with the log (invariant 8).
    /// Not within a writer's turn that has changed the index: the log does not speak of that yet.
    ///
    /// # Errors
    /// [`StoreError::Integrity`] when its rows are not those the log speaks of, or one does not parse.
    pub async fn shared_contacts(&mut self, index: Index) -> Result<Vec<Vec<i64>>, StoreError> {
        let table = table_of(index);
        let wanted = self.head().await?.heads.of(table);
        let keyring = self.store.keyring.clone();
        let (mut sum, mut scratch) = (Accumulator::default(), Vec::new());
        let runs = self.runs(table).await?;
        let limit = (HELD / runs.len().max(1)).clamp(4, PAGE);
        let mut merging = Merging::new(table, runs);
        let mut groups = Groups::default();
        loop {
            match merging.next()? {
                Next::Entry(entry) => groups.add(&entry),
                Next::Page(cursor) => {
                    let page = self.page(table, merging.place(cursor), limit).await?;
                    for segment in &page {
                        sum.add(&row_mac(&keyring, table, &segment.args(), &mut scratch));
                    }
                    merging.fill(cursor, page, limit)?;
                }
                Next::End => break,
            }
        }
        sum.hold(table, wanted)?;
        Ok(groups.end())
    }
}

/// The ordinals of a tag's entries in a segment.
fn gather(entries: &[Entry], tag: &Tag, found: &mut HashMap<Tag, Vec<i64>>) {
    let from = entries.partition_point(|entry| entry[..16] < tag[..]);
    let mut held = entries[from..].iter().take_while(|entry| entry[..16] == tag[..]).peekable();
    if held.peek().is_some() {
        found.entry(*tag).or_default().extend(held.map(|entry| parts(entry).1));
    }
}

/// Entries in order become groups of ordinals with one tag; who is alone is in none.
#[derive(Default)]
struct Groups {
    done: Vec<Vec<i64>>,
    tag: Tag,
    current: Vec<i64>,
}

impl Groups {
    fn add(&mut self, entry: &Entry) {
        let (tag, ordinal) = parts(entry);
        if tag != self.tag {
            self.close();
            self.tag = tag;
        }
        self.current.push(ordinal);
    }

    fn close(&mut self) {
        if self.current.len() > 1 {
            self.done.push(std::mem::take(&mut self.current));
        }
        self.current.clear();
    }

    fn end(mut self) -> Vec<Vec<i64>> {
        self.close();
        self.done
    }
}
