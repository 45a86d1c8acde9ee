//! The log's tree at rest: which interior nodes are stored, and how any root is worked out of them.
//!
//! Proving needs interior nodes. Of those the store keeps every eighth level; a node of a level
//! between is folded again from at most 128 hashes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Range;

use super::tree::{Frontier, Hash, join, node_hash};

/// Interior nodes are stored at levels that are multiples of this: one row for every 255 leaves, and
/// a proof reads at most 255 hashes for each eight levels it climbs.
pub const STRIDE: u8 = 8;

/// Whether the store keeps the complete nodes of this level. Leaves (level 0) are not nodes.
pub const fn is_stored(level: u8) -> bool {
    level > 0 && level.is_multiple_of(STRIDE)
}

/// Where the hashes of a stored tree are read.
pub trait Nodes {
    /// Why a read failed.
    type Error: std::error::Error + 'static;

    /// Leaf hashes of positions `from..to`, in order; fewer where some are missing.
    ///
    /// # Errors
    /// What the place they are kept in fails with.
    fn leaf_hashes(&self, from: u64, to: u64) -> Result<Vec<Hash>, Self::Error>;

    /// Complete nodes `from..to` of `level`, for which [`is_stored`] holds; fewer where some are
    /// missing.
    ///
    /// # Errors
    /// What the place they are kept in fails with.
    fn nodes(&self, level: u8, from: u64, to: u64) -> Result<Vec<Hash>, Self::Error>;
}

/// A hash of the tree could not be worked out from what is stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError<E: std::error::Error + 'static> {
    /// The place the hashes are kept in failed.
    #[error("the tree's hashes could not be read")]
    Nodes(#[source] E),
    /// Hashes that a tree of this size has are not there.
    #[error("of the tree's hashes {from}..{to} at level {level} some are missing")]
    Missing {
        /// Level; 0 for leaves.
        level: u8,
        /// First position that was asked for.
        from: u64,
        /// Position after the last one asked for.
        to: u64,
    },
}

/// The root that the tree had when it held its first `size` leaves.
///
/// # Errors
/// [`ReadError`] when a hash cannot be read or is missing.
pub fn root_at<N: Nodes>(nodes: &N, size: u64) -> Result<Hash, ReadError<N::Error>> {
    subtree(nodes, 0..size)
}

/// RFC 6962's `MTH(D[start:end])`. The start must be a multiple of the smallest power of two that is
/// not below the length, as it is for every range that a split of the tree yields: only then are the
/// range's own subtrees nodes of the tree.
///
/// # Errors
/// [`ReadError`] when a hash cannot be read or is missing.
pub(super) fn subtree<N: Nodes>(nodes: &N, range: Range<u64>) -> Result<Hash, ReadError<N::Error>> {
    debug_assert!(
        (range.end - range.start)
            .checked_next_power_of_two()
            .is_none_or(|width| range.start.is_multiple_of(width))
    );
    let mut parts = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let level = (range.end - at).ilog2() as u8;
        parts.push(complete(nodes, level, at >> level)?);
        at += 1 << level;
    }
    Ok(join(&parts))
}

/// A complete node of any level, folded from the nearest stored level at or below it.
fn complete<N: Nodes>(nodes: &N, level: u8, index: u64) -> Result<Hash, ReadError<N::Error>> {
    let above = level % STRIDE;
    let level = level - above;
    let (from, to) = (index << above, (index + 1) << above);
    let mut row = match level {
        0 => nodes.leaf_hashes(from, to),
        _ => nodes.nodes(level, from, to),
    }
    .map_err(ReadError::Nodes)?;
    let missing = ReadError::Missing { level, from, to };
    if row.len() as u64 != to - from {
        return Err(missing);
    }
    for _ in 0..above {
        let (pairs, _) = row.as_chunks::<2>();
        row = pairs.iter().map(|[l, r]| node_hash(l, r)).collect();
    }
    row.pop().ok_or(missing)
}

/// Hashes of a tree in memory: a whole small log, or what an asynchronous store fetched beforehand.
#[derive(Debug, Clone, Default)]
pub struct MemoryNodes {
    hashes: BTreeMap<(u8, u64), Hash>,
}

impl MemoryNodes {
    /// A whole tree from its leaf hashes, with the interior nodes that a store would keep.
    pub fn from_leaves(leaves: impl IntoIterator<Item = Hash>) -> Self {
        let mut tree = Self::default();
        let mut frontier = Frontier::new();
        for leaf in leaves {
            tree.insert(0, frontier.size(), leaf);
            frontier.append_with(leaf, |level, index, hash| {
                if is_stored(level) {
                    tree.insert(level, index, hash);
                }
            });
        }
        tree
    }

    /// Puts in one hash; level 0 for a leaf.
    pub fn insert(&mut self, level: u8, index: u64, hash: Hash) {
        self.hashes.insert((level, index), hash);
    }
}

impl Nodes for MemoryNodes {
    type Error = Infallible;

    fn leaf_hashes(&self, from: u64, to: u64) -> Result<Vec<Hash>, Infallible> {
        self.nodes(0, from, to)
    }

    fn nodes(&self, level: u8, from: u64, to: u64) -> Result<Vec<Hash>, Infallible> {
        let range = self.hashes.range((level, from)..(level, to));
        Ok(range.map(|(_, hash)| *hash).collect())
    }
}

/// One read of neighbouring hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Read {
    /// Level; 0 for leaves.
    pub level: u8,
    /// First position.
    pub from: u64,
    /// Position after the last.
    pub to: u64,
}

/// Answers every read with zeros and notes it. What is read never depends on a hash's value, so a dry
/// run over this tells an asynchronous store what to fetch into [`MemoryNodes`] for the real one.
#[derive(Debug, Default)]
pub struct Wanted {
    reads: RefCell<Vec<Read>>,
}

impl Wanted {
    /// The reads in the order they came.
    pub fn into_reads(self) -> Vec<Read> {
        self.reads.into_inner()
    }
}

impl Nodes for Wanted {
    type Error = Infallible;

    fn leaf_hashes(&self, from: u64, to: u64) -> Result<Vec<Hash>, Infallible> {
        self.nodes(0, from, to)
    }

    fn nodes(&self, level: u8, from: u64, to: u64) -> Result<Vec<Hash>, Infallible> {
        self.reads.borrow_mut().push(Read { level, from, to });
        // At most 2^(STRIDE - 1) hashes are ever read at once.
        Ok(vec![Hash::default(); (to - from) as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tree::leaf_hash;
    use proptest::prelude::*;

    fn numbered(size: u64) -> Vec<Hash> {
        (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    #[test]
    fn every_size_agrees_with_ct_merkle_and_stored_nodes() {
        let mut theirs = ct_merkle::mem_backed_tree::MemoryBackedTree::<sha2::Sha256, _>::new();
        let nodes = MemoryNodes::from_leaves(numbered(600));
        let mut frontier = Frontier::new();
        for n in 0..600u64 {
            assert_eq!(frontier.root()[..], theirs.root().as_bytes()[..]);
            assert_eq!(root_at(&nodes, n), Ok(frontier.root()));
            frontier.append(leaf_hash(&n.to_be_bytes()));
            theirs.push(n.to_be_bytes());
        }
    }

    #[test]
    fn completed_nodes_come_in_order_and_are_right() {
        let leaves = numbered(16);
        let mut frontier = Frontier::new();
        let mut seen = Vec::new();
        for leaf in &leaves {
            frontier.append_with(*leaf, |level, index, hash| {
                let all = MemoryNodes::from_leaves(leaves.clone());
                let range = index << level..(index + 1) << level;
                assert_eq!(subtree(&all, range), Ok(hash));
                seen.push((level, index));
            });
        }
        assert_eq!(seen.len(), 15);
        assert_eq!(seen[..4], [(1, 0), (1, 1), (2, 0), (1, 2)]);
        assert_eq!(seen[11..], [(1, 7), (2, 3), (3, 1), (4, 0)]);
    }

    #[test]
    fn a_missing_hash_is_named() {
        let mut nodes = MemoryNodes::from_leaves(numbered(70_000));
        let root = root_at(&nodes, 70_000);
        assert!(root.is_ok());
        // Below a stored node nothing is read: only the level is missed that is needed.
        nodes.hashes.retain(|(level, index), _| *level != 0 || *index >= 69_888);
        assert_eq!(root_at(&nodes, 70_000), root);
        nodes.hashes.remove(&(8, 256));
        let missing = ReadError::Missing { level: 8, from: 256, to: 272 };
        assert_eq!(root_at(&nodes, 70_000), Err(missing));
    }

    proptest! {
        #[test]
        fn a_dry_run_names_all_that_is_read(size in 0u64..5000) {
            let wanted = Wanted::default();
            root_at(&wanted, size).unwrap();
            let whole = MemoryNodes::from_leaves(numbered(size));
            let mut fetched = MemoryNodes::default();
            for Read { level, from, to } in wanted.into_reads() {
                prop_assert!(to - from <= 128 && level.is_multiple_of(STRIDE));
                for (index, hash) in (from..to).zip(whole.nodes(level, from, to).unwrap()) {
                    fetched.insert(level, index, hash);
                }
            }
            prop_assert_eq!(root_at(&fetched, size), root_at(&whole, size));
        }
    }
}
