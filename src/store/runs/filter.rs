//! Who is certainly new: a Bloom filter over the tags of one index, for an import.
//!
//! Looking ten thousand random tags up touches nearly every segment there is, so a batch would cost as
//! much as the vault is large, and an import its square. Nearly all of a large file's cards are new ones:
//! the filter says so of all but one in a hundred, and only the others are looked up.
//!
//! Tags are keyed and random already, so their own bytes are the hashes. Ten bits a tag, seven probes: 0.8%
//! false alarms (Bloom 1970). It is of one moment of the index, told by the index's set head.

use futures_util::TryStreamExt as _;

use super::super::engine::built;
use super::super::heads::{Accumulator, row_mac};
use super::super::{StoreError, View, Work};
use super::adding::SHAPE;
use super::{segment, table_of};
use crate::keyring::Tag;
use crate::model::field::Index;

const BITS_A_TAG: u64 = 10;
const PROBES: u64 = 7;
/// Room it has at least, in tags: 1.25 MB.
const LEAST: u64 = 1_000_000;

/// The moment of an index that a filter is of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IndexMoment(Accumulator);

/// What a turn made of an index: from one moment to the next.
#[derive(Clone, Copy)]
pub struct IndexTurn {
    from: IndexMoment,
    to: IndexMoment,
}

/// The tags of an index at one moment, and perhaps some more.
pub struct TagFilter {
    bits: Vec<u64>,
    /// Tags it has room for, and holds.
    room: u64,
    held: u64,
    /// Moments it is good for, the newest last: what it holds of a later one is more, which does no harm.
    moments: Vec<IndexMoment>,
}

impl TagFilter {
    fn with_room(room: u64, moment: IndexMoment) -> Self {
        let words = (room * BITS_A_TAG).div_ceil(64);
        TagFilter { bits: vec![0; words as usize], room, held: 0, moments: vec![moment] }
    }

    /// The bits of a tag: two halves of it, one a start and one a step.
    fn places(&self, tag: &Tag) -> impl Iterator<Item = u64> + use<> {
        let [mut start, mut step] = [[0; 8]; 2];
        start.copy_from_slice(&tag[..8]);
        step.copy_from_slice(&tag[8..]);
        let (start, step) = (u64::from_le_bytes(start), u64::from_le_bytes(step) | 1);
        let bits = self.bits.len() as u64 * 64;
        (0..PROBES).map(move |i| start.wrapping_add(step.wrapping_mul(i)) % bits)
    }

    /// Whether the index may hold the tag. A no is certain, at the moments the filter is of.
    pub fn may_hold(&self, tag: &Tag) -> bool {
        self.places(tag).all(|at| self.bits[(at / 64) as usize] >> (at % 64) & 1 == 1)
    }

    fn put(&mut self, tag: &Tag) {
        for at in self.places(tag) {
            self.bits[(at / 64) as usize] |= 1 << (at % 64);
        }
        self.held += 1;
    }

    /// Adds tags that a turn has put into the index. When somebody else did as well, or there is no more
    /// room, the filter stays of its moment, which no view sees any more: make a new one.
    pub fn add(&mut self, tags: impl Iterator<Item = Tag>, turn: &IndexTurn) {
        if self.moments.last() == Some(&turn.from) && self.held < self.room {
            tags.for_each(|tag| self.put(&tag));
            self.moments.push(turn.to);
        }
    }

    /// Whether a no is certain at a moment.
    pub fn is_of(&self, moment: IndexMoment) -> bool {
        self.moments.contains(&moment)
    }
}

impl View<'_> {
    /// A filter of all tags of an index, with room for as many again.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn tag_filter(&mut self, index: Index) -> Result<TagFilter, StoreError> {
        let table = table_of(index);
        let moment = self.index_moment(index).await?;
        let sql = built(format!("select count(*) from {}", table.name));
        let segments = self.tx.one(sql, &[]).await?.int(0)?.unsigned_abs();
        let room = segments.saturating_mul(2 * SHAPE.segment as u64).max(LEAST);
        let mut filter = TagFilter::with_room(room, moment);
        let sql = built(format!("select run, first, body from {}", table.name));
        let keyring = self.store.keyring.clone();
        let (mut sum, mut scratch) = (Accumulator::default(), Vec::new());
        let mut rows = self.tx.stream(sql, &[]);
        while let Some(row) = rows.try_next().await.map_err(|e| e.unreadable(table.name))? {
            let (run, entries) = segment::read(table, &row)?;
            sum.add(&row_mac(&keyring, table, &segment::args(run, entries), &mut scratch));
            entries.iter().for_each(|entry| filter.put(&segment::parts(entry).0));
        }
        // A card that is hidden just now would be taken for a new one, for the whole of an import.
        sum.hold(table, moment.0)?;
        Ok(filter)
    }

    /// The moment of an index that this view sees.
    ///
    /// # Errors
    /// The log's head does not fit.
    pub async fn index_moment(&mut self, index: Index) -> Result<IndexMoment, StoreError> {
        Ok(IndexMoment(self.head().await?.heads.of(table_of(index))))
    }
}

impl Work<'_> {
    /// What this turn makes of an index, once it is committed.
    pub fn index_turn(&self, index: Index) -> IndexTurn {
        let table = table_of(index);
        IndexTurn { from: IndexMoment(self.head_of(table)), to: IndexMoment(self.head_after(table)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::sha256;

    fn tag(n: u32) -> Tag {
        let mut tag = [0; 16];
        tag.copy_from_slice(&sha256(&n.to_le_bytes())[..16]);
        tag
    }

    #[test]
    fn what_is_in_it_is_never_denied_and_what_is_not_seldom_claimed() {
        let moments = [0, 1, 2].map(|rows| IndexMoment(Accumulator { rows, ..Accumulator::default() }));
        let mut filter = TagFilter::with_room(20_000, moments[0]);
        filter.add((0..20_000).map(tag), &IndexTurn { from: moments[0], to: moments[1] });
        assert!(filter.is_of(moments[1]) && !filter.is_of(moments[2]));
        assert!((0..20_000).all(|n| filter.may_hold(&tag(n))));
        let alarms = (20_000..40_000).filter(|n| filter.may_hold(&tag(*n))).count();
        assert!(alarms < 400, "{alarms} of 20,000");
        // Full, or another wrote in between: it stays behind.
        filter.add([tag(50_000)].into_iter(), &IndexTurn { from: moments[1], to: moments[2] });
        assert!(filter.is_of(moments[0]) && filter.is_of(moments[1]) && !filter.is_of(moments[2]));
        let mut roomy = TagFilter::with_room(20_000, moments[0]);
        roomy.add([tag(1)].into_iter(), &IndexTurn { from: moments[1], to: moments[2] });
        assert!(!roomy.is_of(moments[2]));
    }
}
