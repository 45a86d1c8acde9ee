//! Segments, and merging the runs they make up. No SQL here.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use crate::keyring::Tag;
use crate::store::StoreError;
use crate::store::engine::{Arg, Row};
use crate::store::table::Table;

/// tag(16) ordinal(8, BE)
pub(super) type Entry = [u8; 24];

/// An entry's bytes.
pub(super) fn entry(tag: &Tag, ordinal: i64) -> Entry {
    let mut out = [0; 24];
    out[..16].copy_from_slice(tag);
    out[16..].copy_from_slice(&ordinal.to_be_bytes());
    out
}

/// Its tag and ordinal.
pub(super) fn parts(entry: &Entry) -> (Tag, i64) {
    let (mut tag, mut ordinal) = ([0; 16], [0; 8]);
    tag.copy_from_slice(&entry[..16]);
    ordinal.copy_from_slice(&entry[16..]);
    (tag, i64::from_be_bytes(ordinal))
}

pub(super) fn malformed(table: &Table) -> StoreError {
    StoreError::integrity(table.name, "a row does not parse")
}

pub(super) fn twice(table: &Table) -> StoreError {
    StoreError::integrity(table.name, "an entry stands twice")
}

/// The entries of a body, if it is one and begins at `first`.
pub(super) fn unpack<'a>(first: &[u8], body: &'a [u8]) -> Option<&'a [Entry]> {
    let (entries, rest) = body.as_chunks();
    let ascending = entries.is_sorted_by(|a: &Entry, b: &Entry| a < b);
    (rest.is_empty() && ascending && entries.first()?[..] == *first).then_some(entries)
}

/// A stored row's run and entries, without a copy.
pub(super) fn read<'r>(table: &Table, row: &'r Row) -> Result<(i64, &'r [Entry]), StoreError> {
    let columns = || Ok((row.int(0)?, row.slice(1)?, row.slice(2)?));
    let (run, first, body) = columns().map_err(|e: StoreError| e.unreadable(table.name))?;
    Ok((run, unpack(first, body).ok_or_else(|| malformed(table))?))
}

/// A row. There is at least one entry in it, in what is stored.
#[derive(Clone)]
pub(super) struct Segment {
    pub(super) run: i64,
    pub(super) entries: Vec<Entry>,
}

impl Segment {
    pub(super) fn read(table: &Table, row: &Row) -> Result<Self, StoreError> {
        let (run, entries) = read(table, row)?;
        Ok(Segment { run, entries: entries.to_vec() })
    }

    /// The row's columns.
    pub(super) fn args(&self) -> [Arg<'_>; 3] {
        args(self.run, &self.entries)
    }
}

/// The columns of the row that some entries become.
pub(super) fn args(run: i64, entries: &[Entry]) -> [Arg<'_>; 3] {
    let body = entries.as_flattened();
    [Arg::Int(run), Arg::Bytes(&body[..body.len().min(24)]), Arg::Bytes(body)]
}

/// What a merge does next.
pub(super) enum Next {
    /// The next entry of all.
    Entry(Entry),
    /// It needs a page of this cursor's run.
    Page(usize),
    End,
}

/// Many runs as one, in order. Pages come from outside, so that it waits for nothing and can be tested.
pub(super) struct Merging {
    table: &'static Table,
    cursors: Vec<Cursor>,
    heads: BinaryHeap<Reverse<(Entry, usize)>>,
    /// Cursors whose page is read.
    empty: Vec<usize>,
    last: Option<Entry>,
}

struct Cursor {
    run: i64,
    page: Vec<Segment>,
    segment: usize,
    at: usize,
    /// Where the last segment of the page begins, and the last entry of it.
    end: Option<(Entry, Entry)>,
    /// No page follows.
    ended: bool,
}

impl Cursor {
    fn step(&mut self) -> Option<Entry> {
        let segment = self.page.get(self.segment)?;
        let entry = segment.entries.get(self.at).copied();
        self.at += 1;
        if self.at >= segment.entries.len() {
            (self.segment, self.at) = (self.segment + 1, 0);
        }
        entry
    }
}

impl Merging {
    pub(super) fn new(table: &'static Table, runs: Vec<i64>) -> Self {
        let cursor = |run| Cursor { run, page: Vec::new(), segment: 0, at: 0, end: None, ended: false };
        let cursors: Vec<Cursor> = runs.into_iter().map(cursor).collect();
        let empty = (0..cursors.len()).collect();
        Merging { table, cursors, heads: BinaryHeap::new(), empty, last: None }
    }

    /// A cursor's run, and where the last segment that it was given begins.
    pub(super) fn place(&self, cursor: usize) -> (i64, Option<Entry>) {
        let cursor = &self.cursors[cursor];
        (cursor.run, cursor.end.map(|(first, _)| first))
    }

    /// Gives a cursor its next page; one of fewer than `limit` segments is its last.
    ///
    /// # Errors
    /// A segment begins before the end of the one before it.
    pub(super) fn fill(&mut self, i: usize, page: Vec<Segment>, limit: usize) -> Result<(), StoreError> {
        let cursor = &mut self.cursors[i];
        for segment in &page {
            let (Some(first), Some(last)) = (segment.entries.first(), segment.entries.last()) else {
                return Err(malformed(self.table));
            };
            if cursor.end.is_some_and(|(_, end)| *first <= end) {
                return Err(StoreError::integrity(self.table.name, "segments overlap"));
            }
            cursor.end = Some((*first, *last));
        }
        cursor.ended = page.len() < limit;
        (cursor.page, cursor.segment, cursor.at) = (page, 0, 0);
        if let Some(entry) = cursor.step() {
            self.heads.push(Reverse((entry, i)));
        }
        Ok(())
    }

    /// # Errors
    /// An entry stands twice.
    pub(super) fn next(&mut self) -> Result<Next, StoreError> {
        if let Some(cursor) = self.empty.pop() {
            return Ok(Next::Page(cursor));
        }
        let Some(mut head) = self.heads.peek_mut() else { return Ok(Next::End) };
        let Reverse((entry, i)) = *head;
        match self.cursors[i].step() {
            Some(next) => *head = Reverse((next, i)),
            None => {
                PeekMut::pop(head);
                if !self.cursors[i].ended {
                    self.empty.push(i);
                }
            }
        }
        if self.last.replace(entry) == Some(entry) {
            return Err(twice(self.table));
        }
        Ok(Next::Entry(entry))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;

    use super::*;
    use crate::store::table::INDEX_CARD;

    /// Few different tags, so that tags are shared.
    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let entry = (0u8..20, 1i64..300).prop_map(|(tag, ordinal)| entry(&[tag; 16], ordinal));
        btree_set(entry, 0..200).prop_map(|set| set.into_iter().collect())
    }

    /// Merges runs that are cut in segments and pages of these sizes.
    fn merge(runs: &[Vec<Entry>], segment: usize, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let mut merging = Merging::new(&INDEX_CARD, (0..runs.len() as i64).collect());
        let mut out = Vec::new();
        loop {
            match merging.next()? {
                Next::Entry(entry) => out.push(entry),
                Next::Page(cursor) => {
                    let (run, after) = merging.place(cursor);
                    let segments = runs[run as usize].chunks(segment);
                    let page = segments
                        .map(|entries| Segment { run, entries: entries.to_vec() })
                        .filter(|segment| after.is_none_or(|after| segment.entries[0] > after))
                        .take(limit);
                    merging.fill(cursor, page.collect(), limit)?;
                }
                Next::End => return Ok(out),
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(entries in entries()) {
            prop_assume!(!entries.is_empty());
            let [_, Arg::Bytes(first), Arg::Bytes(body)] = args(7, &entries) else { unreachable!() };
            prop_assert_eq!(unpack(first, body), Some(&entries[..]));
            prop_assert_eq!(unpack(&first[1..], body), None);
            prop_assert_eq!(unpack(first, &body[..body.len() - 1]), None);
            if let Some(second) = entries.get(1) {
                prop_assert_eq!(unpack(second, body), None);
                let mut turned = entries.clone();
                turned.swap(0, 1);
                prop_assert_eq!(unpack(second, args_body(&turned)), None);
            }
        }

        #[test]
        fn merged_runs_are_all_entries_sorted(
            all in entries(), to in vec(0usize..5, 200), segment in 1usize..6, limit in 1usize..4
        ) {
            let mut runs = vec![Vec::new(); 5];
            for (entry, run) in all.iter().zip(to) {
                runs[run].push(*entry);
            }
            prop_assert_eq!(merge(&runs, segment, limit).unwrap(), all);
        }

        #[test]
        fn an_entry_that_stands_twice_is_found(all in entries(), at in 0usize..200) {
            prop_assume!(!all.is_empty());
            let again = vec![all[at % all.len()]];
            prop_assert!(merge(&[all, again], 3, 2).is_err());
        }

        #[test]
        fn entries_sort_as_tag_and_ordinal(a in (any::<[u8; 16]>(), 0..i64::MAX), b in (any::<[u8; 16]>(), 0..i64::MAX)) {
            prop_assert_eq!(entry(&a.0, a.1).cmp(&entry(&b.0, b.1)), a.cmp(&b));
            prop_assert_eq!(parts(&entry(&a.0, a.1)), a);
        }
    }

    fn args_body(entries: &[Entry]) -> &[u8] {
        entries.as_flattened()
    }

    #[test]
    fn a_run_whose_segments_overlap_is_refused() {
        let run = [1, 3, 2, 4].map(|n| entry(&[n; 16], 1)).to_vec();
        assert!(merge(&[run], 2, 1).is_err());
    }

    #[test]
    fn nothing_is_no_body() {
        assert_eq!(unpack(&[], &[]), None);
    }
}
