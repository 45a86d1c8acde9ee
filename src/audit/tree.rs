//! The log's Merkle tree (RFC 6962 §2.1, SHA-256): how leaves become one root.
//!
//! Appending needs only the tree's right edge ([`Frontier`]). Positions count from 0; the node
//! `index` of `level` covers the leaves `index * 2^level .. (index + 1) * 2^level`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;

/// A SHA-256 value: of a leaf, of a node, or of the whole tree.
pub type Hash = [u8; 32];

fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = Hash::default();
    // SHA-256 gives 32 bytes, so the lengths are always equal.
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// `SHA-256(0x00 ‖ leaf)`. The prefixes keep a leaf from ever passing for a node (RFC 6962 §2.1).
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    sha256(&[&[0], leaf])
}

/// `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

/// The root of the tree without leaves: `SHA-256("")`.
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// A hash as checkpoints and proofs write it: standard base64 with padding, 44 characters.
pub fn hash_to_text(hash: &Hash) -> String {
    STANDARD.encode(hash)
}

/// The hash that [`hash_to_text`] wrote; `None` for any other text. No two texts give one hash.
pub fn hash_from_text(text: &str) -> Option<Hash> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// Joins hashes of neighbouring subtrees, largest (leftmost) first, into the root above them all.
pub(super) fn join(subtrees: &[Hash]) -> Hash {
    let joined = subtrees.iter().rev().copied();
    joined.reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
}

/// A stored frontier does not fit its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored right edge of the tree does not fit its size of {size} leaves")]
pub struct FrontierError {
    /// The size that was stored beside it, in leaves.
    pub size: u64,
}

/// The append-only tree as its right edge: the roots of the complete subtrees that its leaves fall
/// into, one for each bit set in the size, largest first. At most 64 hashes, whatever the size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    edge: Vec<Hash>,
}

impl Frontier {
    /// The tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many leaves; also the position that the next one gets.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over all leaves so far.
    pub fn root(&self) -> Hash {
        join(&self.edge)
    }

    /// Adds a leaf by its [`leaf_hash`].
    pub fn append(&mut self, leaf: Hash) {
        self.append_with(leaf, |_, _, _| {});
    }

    /// Adds a leaf and calls `on_node(level, index, hash)` for each subtree that it completes, lowest
    /// first, from level 1 up. Which of them are worth keeping is the store's affair.
    pub fn append_with(&mut self, leaf: Hash, mut on_node: impl FnMut(u8, u64, Hash)) {
        let (mut hash, mut level, mut index) = (leaf, 0, self.size);
        // An odd index is a right child whose left sibling stands at the end of the edge.
        while index & 1 == 1
            && let Some(left) = self.edge.pop()
        {
            hash = node_hash(&left, &hash);
            level += 1;
            index >>= 1;
            on_node(level, index, hash);
        }
        self.edge.push(hash);
        self.size += 1;
    }

    /// The stored form; its size is stored beside it.
    ///
    /// ```text
    /// ┌──────────────────┬──────────────────┬───┬──────────────────┐
    /// │ hash of the      │ hash of the      │ … │ hash of the      │   32 bytes each, one for
    /// │ largest subtree  │ next smaller one │   │ smallest         │   each bit set in the size
    /// └──────────────────┴──────────────────┴───┴──────────────────┘
    /// ```
    pub fn to_bytes(&self) -> Vec<u8> {
        self.edge.concat()
    }

    /// Reads what [`Frontier::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`FrontierError`] when the bytes are not exactly one hash for each bit set in `size`, or the
    /// size is above 2^63 - 1, which no SQL integer holds.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Result<Self, FrontierError> {
        let (edge, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() || edge.len() != size.count_ones() as usize || size > i64::MAX as u64 {
            return Err(FrontierError { size });
        }
        Ok(Self { size, edge: edge.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The leaves and roots of Certificate Transparency's own test data.
    const KNOWN: [(&str, &str); 8] = [
        ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
        ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
        ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
        ("5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
        (
            "606162636465666768696a6b6c6d6e6f",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ),
    ];

    #[test]
    fn known_roots() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let mut frontier = Frontier::new();
        assert_eq!(hex::encode(frontier.root()), empty);
        for (leaf, root) in KNOWN {
            frontier.append(leaf_hash(&hex::decode(leaf).unwrap()));
            assert_eq!(hex::encode(frontier.root()), root);
        }
    }

    #[test]
    fn a_frontier_that_does_not_fit_is_refused() {
        let refused = |size, bytes: &[u8]| {
            assert_eq!(Frontier::from_bytes(size, bytes), Err(FrontierError { size }));
        };
        refused(0, &[0; 32]);
        refused(1, &[]);
        refused(1, &[0; 31]);
        refused(2, &[0; 33]);
        refused(3, &[0; 32]);
        refused(1 << 63, &[0; 32]);
    }

    proptest! {
        #[test]
        fn a_stored_frontier_goes_on_as_before(before in 0u64..700, after in 0u64..300) {
            let mut kept = Frontier::new();
            (0..before).for_each(|n| kept.append(leaf_hash(&n.to_be_bytes())));
            let mut read = Frontier::from_bytes(kept.size(), &kept.to_bytes()).unwrap();
            prop_assert_eq!(&read, &kept);
            for n in before..before + after {
                kept.append(leaf_hash(&n.to_be_bytes()));
                read.append(leaf_hash(&n.to_be_bytes()));
            }
            prop_assert_eq!(read.root(), kept.root());
            prop_assert_eq!(read, kept);
        }


        #[test]
        fn hash_texts_are_one_to_one(hash: Hash, at in 0usize..44, c in "[ -~]") {
            let text = hash_to_text(&hash);
            prop_assert_eq!(hash_from_text(&text), Some(hash));
            let mut other = text.clone();
            other.replace_range(at..at + 1, &c);
            prop_assert!(other == text || hash_from_text(&other) != Some(hash));
        }
    }
}
