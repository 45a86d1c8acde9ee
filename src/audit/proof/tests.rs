use super::*;
use crate::audit::nodes::{MemoryNodes, root_at};
use crate::audit::tree::{Frontier, leaf_hash};
use ct_merkle::RootHash;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use proptest::sample::Index;
use sha2::Sha256;
use std::sync::LazyLock;

/// Leaves enough for two stored levels (8 and 16); no power of two.
const LARGE: u64 = 70_001;

static LARGE_TREE: LazyLock<MemoryNodes> = LazyLock::new(|| MemoryNodes::from_leaves((0..LARGE).map(leaf)));

fn leaf(seq: u64) -> Hash {
    leaf_hash(&seq.to_be_bytes())
}

fn checkpoint(size: u64) -> Checkpoint {
    Checkpoint { origin: "countersign/v1".into(), size, root: root_at(&*LARGE_TREE, size).unwrap() }
}

fn included(seq: u64, size: u64) -> InclusionProof {
    prove_inclusion(&*LARGE_TREE, seq, size).unwrap()
}

fn grown(from: u64, to: u64) -> ConsistencyProof {
    prove_consistency(&*LARGE_TREE, from, to).unwrap()
}

fn theirs(size: u64) -> MemoryBackedTree<Sha256, [u8; 8]> {
    let mut tree = MemoryBackedTree::new();
    (0..size).for_each(|seq| tree.push(seq.to_be_bytes()));
    tree
}

fn flip(hash: &mut Hash, at: Index) {
    let bit = at.index(256);
    hash[bit / 8] ^= 1 << (bit % 8);
}

#[test]
fn every_proof_of_small_trees_agrees_with_ct_merkle() {
    let mut theirs = theirs(0);
    for size in 0..=130 {
        let head = checkpoint(size);
        for seq in 0..size {
            let proof = included(seq, size);
            let other = theirs.prove_inclusion(seq as usize);
            assert_eq!(proof.path.concat(), other.as_bytes());
            assert_eq!(proof.verify(&leaf(seq), &head), Ok(()));
        }
        // ct-merkle makes no proof from the tree without leaves.
        for from in 1..=size {
            let proof = grown(from, size);
            let other = theirs.prove_consistency((size - from) as usize);
            assert_eq!(proof.path.concat(), other.as_bytes());
            assert_eq!(proof.verify(&checkpoint(from), &head), Ok(()));
        }
        theirs.push(size.to_be_bytes());
    }
}

#[test]
fn proofs_over_stored_nodes_agree_with_ct_merkle() {
    let size = 3001;
    let theirs = theirs(size);
    for at in (1..size).step_by(97).chain([255, 256, 257, 2048, size - 1]) {
        let other = theirs.prove_inclusion(at as usize);
        assert_eq!(included(at, size).path.concat(), other.as_bytes());
        let other = theirs.prove_consistency((size - at) as usize);
        assert_eq!(grown(at, size).path.concat(), other.as_bytes());
    }
}

#[test]
fn what_no_tree_has_is_not_proved() {
    let nodes = &*LARGE_TREE;
    let absent = ProofError::NotInTree { seq: 5, size: 5 };
    assert_eq!(prove_inclusion(nodes, 5, 5), Err(ProveError::Asked(absent)));
    assert_eq!(verify_inclusion(&leaf(5), 5, 5, &[], &leaf(5)), Err(absent));
    let shrunk = ProofError::Shrunk { from: 6, to: 5 };
    assert_eq!(prove_consistency(nodes, 6, 5), Err(ProveError::Asked(shrunk)));
    assert_eq!(verify_consistency(6, &leaf(5), 5, &leaf(5), &[]), Err(shrunk));
    let beyond = prove_inclusion(nodes, 0, LARGE + 1);
    assert!(matches!(beyond, Err(ProveError::Read(ReadError::Missing { .. }))));
}

#[test]
fn without_a_path_roots_must_be_equal_or_nothing_came_before() {
    let (none, five) = (checkpoint(0), checkpoint(5));
    let forged = Checkpoint { root: leaf(1), ..five.clone() };
    assert_eq!(grown(0, 5).verify(&none, &five), Ok(()));
    assert_eq!(grown(5, 5).verify(&five, &five), Ok(()));
    assert_eq!(grown(5, 5).verify(&five, &forged), Err(ProofError::Root));
    let forged = Checkpoint { root: leaf(1), ..none };
    assert_eq!(grown(0, 5).verify(&forged, &five), Err(ProofError::OldRoot));
    assert_eq!(grown(0, 0).verify(&forged, &forged), Err(ProofError::OldRoot));
}

#[test]
fn a_rewritten_history_is_told_from_a_wrong_head() {
    let mut other = Frontier::new();
    [9, 1, 2].iter().for_each(|seq| other.append(leaf(*seq)));
    let rewritten = Checkpoint { root: other.root(), ..checkpoint(3) };
    assert_eq!(grown(3, 7).verify(&rewritten, &checkpoint(7)), Err(ProofError::OldRoot));
    let forged = Checkpoint { root: leaf(1), ..checkpoint(7) };
    assert_eq!(grown(3, 7).verify(&checkpoint(3), &forged), Err(ProofError::Root));
}

#[test]
fn a_proof_holds_only_for_its_own_checkpoints() {
    assert_eq!(included(2, 7).verify(&leaf(2), &checkpoint(8)), Err(ProofError::OtherSize));
    assert_eq!(grown(3, 7).verify(&checkpoint(3), &checkpoint(8)), Err(ProofError::OtherSize));
    let other = Checkpoint { origin: "countersign/v2".into(), ..checkpoint(7) };
    assert_eq!(grown(3, 7).verify(&checkpoint(3), &other), Err(ProofError::OtherLog));
}

#[test]
fn json_has_base64_and_nothing_else() {
    let text = serde_json::to_string(&included(1, 2)).unwrap();
    let root = crate::audit::tree::hash_to_text(&leaf(0));
    assert_eq!(text, format!(r#"{{"seq":1,"size":2,"path":["{root}"]}}"#));
    assert_eq!(serde_json::from_str::<InclusionProof>(&text).unwrap(), included(1, 2));
    let proof = grown(3, 7);
    let text = serde_json::to_string(&proof).unwrap();
    assert_eq!(serde_json::from_str::<ConsistencyProof>(&text).unwrap(), proof);
    for path in [r#"["AAAA"]"#, r#"["?"]"#, r#"[5]"#, "null"] {
        let text = format!(r#"{{"seq":1,"size":2,"path":{path}}}"#);
        assert!(serde_json::from_str::<InclusionProof>(&text).is_err());
    }
}

proptest! {
    /// Proofs for any size verify here and by ct-merkle's own verifier.
    #[test]
    fn proofs_hold(to in 1..=LARGE, a: Index, b: Index) {
        let (seq, from) = (a.index(to as usize) as u64, 1 + b.index(to as usize) as u64);
        let their_root = |size| RootHash::<Sha256>::new(checkpoint(size).root.into(), size);
        let proof = included(seq, to);
        prop_assert_eq!(proof.verify(&leaf(seq), &checkpoint(to)), Ok(()));
        let theirs = ct_merkle::InclusionProof::try_from_bytes(proof.path.concat()).unwrap();
        prop_assert!(their_root(to).verify_inclusion(&seq.to_be_bytes(), seq, &theirs).is_ok());
        let proof = grown(from, to);
        prop_assert_eq!(proof.verify(&checkpoint(from), &checkpoint(to)), Ok(()));
        let theirs = ct_merkle::ConsistencyProof::try_from_bytes(proof.path.concat()).unwrap();
        prop_assert!(their_root(to).verify_consistency(&their_root(from), &theirs).is_ok());
    }

    #[test]
    fn no_bit_of_an_inclusion_can_change(size in 2..=LARGE, at: Index, which: Index, bit: Index) {
        let proof = included(at.index(size as usize) as u64, size);
        let (leaf, head) = (leaf(proof.seq), checkpoint(size));
        let mut other = proof.clone();
        flip(&mut other.path[which.index(proof.path.len())], bit);
        prop_assert_eq!(other.verify(&leaf, &head), Err(ProofError::Root));
        let mut other = leaf;
        flip(&mut other, bit);
        prop_assert_eq!(proof.verify(&other, &head), Err(ProofError::Root));
        let mut other = head.clone();
        flip(&mut other.root, bit);
        prop_assert_eq!(proof.verify(&leaf, &other), Err(ProofError::Root));
        let other = InclusionProof { seq: proof.seq ^ (1 << bit.index(64)), ..proof.clone() };
        prop_assert!(other.verify(&leaf, &head).is_err());
        let other = InclusionProof { size: size ^ (1 << bit.index(64)), ..proof.clone() };
        prop_assert!(other.verify(&leaf, &head).is_err());
    }

    #[test]
    fn no_bit_of_a_consistency_can_change(to in 2..=LARGE, at: Index, which: Index, bit: Index) {
        let from = 1 + at.index(to as usize - 1) as u64;
        let (proof, old, new) = (grown(from, to), checkpoint(from), checkpoint(to));
        let mut other = proof.clone();
        flip(&mut other.path[which.index(proof.path.len())], bit);
        prop_assert!(other.verify(&old, &new).is_err());
        let mut other = old.clone();
        flip(&mut other.root, bit);
        prop_assert_eq!(proof.verify(&other, &new).is_err(), true);
        let mut other = new.clone();
        flip(&mut other.root, bit);
        prop_assert_eq!(proof.verify(&old, &other), Err(ProofError::Root));
        let other = ConsistencyProof { from: from ^ (1 << bit.index(64)), ..proof.clone() };
        prop_assert!(other.verify(&old, &new).is_err());
        let other = ConsistencyProof { to: to ^ (1 << bit.index(64)), ..proof };
        prop_assert!(other.verify(&old, &new).is_err());
    }

    /// On bare values too, another tree's size with its root takes no proof of this one.
    #[test]
    fn another_tree_takes_no_proof(size in 2..=LARGE, other in 2..=LARGE, at: Index) {
        prop_assume!(size != other);
        let proof = included(at.index(size.min(other) as usize) as u64, size);
        let root = checkpoint(other).root;
        prop_assert!(verify_inclusion(&leaf(proof.seq), proof.seq, other, &proof.path, &root).is_err());
        let from = 1 + at.index(size as usize - 1) as u64;
        let proof = grown(from, size);
        let old = checkpoint(from).root;
        prop_assert!(verify_consistency(from, &old, other, &root, &proof.path).is_err());
    }

    #[test]
    fn a_path_is_neither_cut_nor_lengthened(to in 2..=LARGE, at: Index, extra: Hash) {
        let from = 1 + at.index(to as usize - 1) as u64;
        let (old, new) = (checkpoint(from), checkpoint(to));
        for longer in [false, true] {
            let change = |path: &mut Vec<Hash>| if longer { path.push(extra) } else { path.truncate(path.len() - 1) };
            let (mut inclusion, mut consistency) = (included(from, to), grown(from, to));
            change(&mut inclusion.path);
            change(&mut consistency.path);
            prop_assert_eq!(inclusion.verify(&leaf(from), &new), Err(ProofError::Length));
            prop_assert_eq!(consistency.verify(&old, &new), Err(ProofError::Length));
        }
    }

    /// Whatever a hostile file holds, verifying it ends with an answer.
    #[test]
    fn hostile_sizes_end_with_an_answer(shift in 0u32..64, a: u64, b: u64, path in prop::collection::vec(any::<Hash>(), 0..70)) {
        for (a, b) in [(a, b), (1 << 63, u64::MAX), (1 << 63, (1 << 63) + 1), (a >> shift, u64::MAX)] {
            prop_assert!(verify_inclusion(&leaf(0), a, b, &path, &leaf(0)).is_err());
            prop_assert!(a == b || verify_consistency(a, &leaf(0), b, &leaf(1), &path).is_err());
        }
    }
}
