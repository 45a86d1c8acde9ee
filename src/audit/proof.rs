//! Proofs over the log's tree: that a leaf is in it, and that it only grew (RFC 6962 §2.1.1 and
//! §2.1.2; verified iteratively as RFC 9162 §2.1.3.2 and §2.1.4.2 do).
//!
//! A root does not bind the size of its tree: under one root the same path can verify for several
//! sizes. So a proof is held against a [`Checkpoint`], where size and root are signed together, and
//! the functions on bare values expect a size and a root that came together from one.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::checkpoint::Checkpoint;
use super::nodes::{Nodes, ReadError, subtree};
use super::tree::{Hash, empty_root, node_hash};

/// That the leaf `seq` is in the tree of the first `size` leaves. In JSON each hash of the path is
/// base64, as in checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InclusionProof {
    /// The leaf's position, from 0.
    pub seq: u64,
    /// The tree's size in leaves.
    pub size: u64,
    /// The siblings from the leaf up to the root.
    #[serde(with = "hash_list")]
    pub path: Vec<Hash>,
}

/// That the tree of `to` leaves begins with the tree of `from` leaves. In JSON as [`InclusionProof`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsistencyProof {
    /// The older size in leaves.
    pub from: u64,
    /// The newer size in leaves.
    pub to: u64,
    /// RFC 6962's `PROOF(from, D[to])`; empty when the sizes are equal or `from` is 0.
    #[serde(with = "hash_list")]
    pub path: Vec<Hash>,
}

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// No such leaf in a tree of that size.
    #[error("leaf {seq} is not in a tree of {size} leaves")]
    NotInTree {
        /// The leaf's position.
        seq: u64,
        /// The tree's size.
        size: u64,
    },
    /// The newer tree would be the smaller one.
    #[error("a log of {from} leaves cannot have grown to {to}")]
    Shrunk {
        /// The older size.
        from: u64,
        /// The newer size.
        to: u64,
    },
    /// The proof speaks of other sizes than the checkpoints it is held against.
    #[error("the proof is for another tree size than the checkpoint")]
    OtherSize,
    /// The two checkpoints are of different logs.
    #[error("the checkpoints are of different logs")]
    OtherLog,
    /// The path has more or fewer hashes than the sizes ask for.
    #[error("the proof's path has the wrong length")]
    Length,
    /// The path does not lead to the (newer) root.
    #[error("the proof does not lead to the root")]
    Root,
    /// The path does not lead to the older root: history was rewritten.
    #[error("the proof does not lead to the older root")]
    OldRoot,
}

/// Why a proof could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProveError<E: std::error::Error + 'static> {
    /// What is asked for no tree has: [`ProofError::NotInTree`] or [`ProofError::Shrunk`].
    #[error(transparent)]
    Asked(ProofError),
    /// The tree's hashes could not be had.
    #[error(transparent)]
    Read(#[from] ReadError<E>),
}

/// Proves that the leaf `seq` is in the tree of the first `size` leaves.
///
/// # Errors
/// [`ProveError`]; a size beyond what is stored shows as a missing hash.
pub fn prove_inclusion<N: Nodes>(
    nodes: &N,
    seq: u64,
    size: u64,
) -> Result<InclusionProof, ProveError<N::Error>> {
    if seq >= size {
        return Err(ProveError::Asked(ProofError::NotInTree { seq, size }));
    }
    let path = hashes(nodes, siblings(seq, size))?;
    Ok(InclusionProof { seq, size, path })
}

/// Proves that the tree of the first `to` leaves begins with that of the first `from`.
///
/// # Errors
/// [`ProveError`]; a size beyond what is stored shows as a missing hash.
pub fn prove_consistency<N: Nodes>(
    nodes: &N,
    from: u64,
    to: u64,
) -> Result<ConsistencyProof, ProveError<N::Error>> {
    if from > to {
        return Err(ProveError::Asked(ProofError::Shrunk { from, to }));
    }
    let path = hashes(nodes, between(from, to))?;
    Ok(ConsistencyProof { from, to, path })
}

fn hashes<N: Nodes>(nodes: &N, ranges: Vec<Range<u64>>) -> Result<Vec<Hash>, ReadError<N::Error>> {
    let hashes = ranges.into_iter().map(|range| subtree(nodes, range));
    hashes.collect()
}

/// Where RFC 6962 divides a range of two leaves or more: after the largest power of two below its
/// length.
fn middle(range: &Range<u64>) -> u64 {
    range.start + (1 << (range.end - range.start - 1).ilog2())
}

/// The leaves under each sibling on the way from leaf `seq` up to the root: `PATH(seq, D[size])`.
fn siblings(seq: u64, size: u64) -> Vec<Range<u64>> {
    let mut within = 0..size;
    let mut path = Vec::new();
    while within.end - within.start > 1 {
        let middle = middle(&within);
        if seq < middle {
            path.push(middle..within.end);
            within.end = middle;
        } else {
            path.push(within.start..middle);
            within.start = middle;
        }
    }
    path.reverse();
    path
}

/// The leaves under each hash of `PROOF(from, D[to])`.
fn between(from: u64, to: u64) -> Vec<Range<u64>> {
    let mut within = 0..to;
    let mut path = Vec::new();
    // Nothing needs proving about a tree without leaves.
    while from != 0 && from != within.end {
        let middle = middle(&within);
        if from <= middle {
            path.push(middle..within.end);
            within.end = middle;
        } else {
            path.push(within.start..middle);
            within.start = middle;
        }
    }
    // A part that is the whole older tree is known to the verifier by its root.
    if from != 0 && within.start != 0 {
        path.push(within);
    }
    path.reverse();
    path
}

impl InclusionProof {
    /// Checks that the leaf is in the tree of this checkpoint.
    ///
    /// # Errors
    /// [`ProofError`] when it is not, or the proof is not for that tree.
    pub fn verify(&self, leaf: &Hash, checkpoint: &Checkpoint) -> Result<(), ProofError> {
        if self.size != checkpoint.size {
            return Err(ProofError::OtherSize);
        }
        verify_inclusion(leaf, self.seq, self.size, &self.path, &checkpoint.root)
    }
}

impl ConsistencyProof {
    /// Checks that the newer checkpoint's tree begins with the older one's.
    ///
    /// # Errors
    /// [`ProofError`] when it does not, or the proof is not for those two.
    pub fn verify(&self, older: &Checkpoint, newer: &Checkpoint) -> Result<(), ProofError> {
        if older.origin != newer.origin {
            return Err(ProofError::OtherLog);
        }
        if (self.from, self.to) != (older.size, newer.size) {
            return Err(ProofError::OtherSize);
        }
        verify_consistency(self.from, &older.root, self.to, &newer.root, &self.path)
    }
}

/// Checks that `leaf` (a leaf hash) stands at `seq` in the tree of `size` leaves with this root.
///
/// # Errors
/// [`ProofError::NotInTree`], [`ProofError::Length`] or [`ProofError::Root`].
pub fn verify_inclusion(
    leaf: &Hash,
    seq: u64,
    size: u64,
    path: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if seq >= size {
        return Err(ProofError::NotInTree { seq, size });
    }
    let mut climb = Climb::new(seq, size - 1);
    let mut hash = *leaf;
    for sibling in path {
        hash = match climb.next()? {
            Side::Left => node_hash(sibling, &hash),
            Side::Right => node_hash(&hash, sibling),
        };
    }
    climb.finish()?;
    (hash == *root).then_some(()).ok_or(ProofError::Root)
}

/// Checks that a tree of `new_size` leaves with `new_root` begins with the one of `old_size` leaves
/// with `old_root`. Every tree begins with the one without leaves, so an `old_size` of 0 says nothing
/// about `new_root`.
///
/// # Errors
/// [`ProofError::Shrunk`], [`ProofError::Length`], [`ProofError::Root`] or [`ProofError::OldRoot`].
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    path: &[Hash],
) -> Result<(), ProofError> {
    let (from, to) = (old_size, new_size);
    if from > to {
        return Err(ProofError::Shrunk { from, to });
    }
    if from == 0 || from == to {
        return verify_unchanged(from, old_root, to, new_root, path);
    }
    // The path begins at the last subtree of the old tree: the first node on the way up that is not
    // a right child. When that is the whole old tree, the path leaves it out.
    let last = from - 1;
    let level = last.trailing_ones();
    let (first, rest) = match from.is_power_of_two() {
        true => (old_root, path),
        false => path.split_first().ok_or(ProofError::Length)?,
    };
    let mut climb = Climb::new(last >> level, (to - 1) >> level);
    let (mut old, mut new) = (*first, *first);
    for hash in rest {
        match climb.next()? {
            Side::Left => {
                old = node_hash(hash, &old);
                new = node_hash(hash, &new);
            }
            Side::Right => new = node_hash(&new, hash),
        }
    }
    climb.finish()?;
    check_roots(&old, old_root, &new, new_root)
}

/// The two cases without a path: from no leaves at all, and to the same size.
fn verify_unchanged(
    from: u64,
    old_root: &Hash,
    to: u64,
    new_root: &Hash,
    path: &[Hash],
) -> Result<(), ProofError> {
    if !path.is_empty() {
        return Err(ProofError::Length);
    }
    let old = if from == 0 { empty_root() } else { *old_root };
    let new = if from == to { old } else { *new_root };
    check_roots(&old, old_root, &new, new_root)
}

fn check_roots(old: &Hash, old_root: &Hash, new: &Hash, new_root: &Hash) -> Result<(), ProofError> {
    if old != old_root {
        return Err(ProofError::OldRoot);
    }
    (new == new_root).then_some(()).ok_or(ProofError::Root)
}

/// On which side of the node being climbed from the next hash of the path stands.
enum Side {
    Left,
    Right,
}

/// The way from a node up to the root: its index on its level (RFC 9162's `fn`) and that of the
/// level's last node (`sn`).
struct Climb {
    node: u64,
    last: u64,
}

impl Climb {
    fn new(node: u64, last: u64) -> Self {
        Self { node, last }
    }

    /// One hash up.
    fn next(&mut self) -> Result<Side, ProofError> {
        if self.last == 0 {
            return Err(ProofError::Length);
        }
        let left = self.node & 1 == 1 || self.node == self.last;
        // A last node without a sibling stands for its parents too, up to where it is a right child.
        // It is not 0 here, so that there is such a place.
        let alone = if left { self.node.trailing_zeros() } else { 0 };
        self.node = self.node >> alone >> 1;
        self.last = self.last >> alone >> 1;
        Ok(if left { Side::Left } else { Side::Right })
    }

    /// The root has been reached.
    fn finish(self) -> Result<(), ProofError> {
        (self.last == 0).then_some(()).ok_or(ProofError::Length)
    }
}

/// A path in JSON: a list of base64 texts.
mod hash_list {
    use super::super::tree::{Hash, hash_from_text, hash_to_text};
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub fn serialize<S: Serializer>(hashes: &[Hash], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(hashes.iter().map(hash_to_text))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Hash>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let hashes = texts.iter().map(|text| hash_from_text(text));
        let hashes: Option<Vec<Hash>> = hashes.collect();
        hashes.ok_or_else(|| D::Error::custom("a hash of the path is not 32 bytes in base64"))
    }
}

#[cfg(test)]
mod tests;
