//! Proofs out of stored hashes, over a log that has crossed the first stored level twice; and that level
//! itself tampered with.

use countersign::audit::checkpoint::Checkpoint;
use countersign::audit::tree::{Frontier, leaf_hash};

use crate::fixture::{Vault, integrity, named};
use crate::raw::{Cell, Table};

on_both_engines!(every_entry_and_every_size_is_proved);

const SIZE: u64 = 620;

async fn every_entry_and_every_size_is_proved(vault: Vault) {
    vault.entries(SIZE as usize - 1).await;
    vault.assert_sound().await;
    let mut view = vault.store.view().await.unwrap();
    let leaves: Vec<_> = view.leaves(0, SIZE).await.unwrap().iter().map(|(_, b)| leaf_hash(b)).collect();
    // The checkpoint of every size, from the leaves alone.
    let (last, mut frontier) = (vault.checkpoint().await, Frontier::new());
    let heads: Vec<Checkpoint> = leaves
        .iter()
        .map(|leaf| {
            frontier.append(*leaf);
            Checkpoint { size: frontier.size(), root: frontier.root(), ..last.clone() }
        })
        .collect();
    let head = |size: u64| -> &Checkpoint { &heads[size as usize - 1] };
    assert_eq!(head(SIZE), &last);

    // Every entry that lies near a border of a stored node, and every seventh of the others.
    let near = |seq: u64, at: u64| seq.abs_diff(at) < 4;
    for size in [1, 2, 255, 256, 257, 513, SIZE] {
        assert_eq!(view.root_at(size).await.unwrap(), head(size).root, "{size}");
        let borders = [0, 256, 512, size];
        for seq in (0..size).filter(|seq| seq % 7 == 0 || borders.iter().any(|at| near(*seq, *at))) {
            let proof = view.inclusion(seq, size).await.unwrap();
            proof.verify(&leaves[seq as usize], head(size)).unwrap();
            let another = (seq as usize + 1) % leaves.len();
            assert!(proof.verify(&leaves[another], head(size)).is_err());
        }
    }
    let sizes = [1, 2, 3, 64, 255, 256, 257, 511, 512, 513, 600, SIZE];
    for (i, from) in sizes.iter().enumerate() {
        for to in &sizes[i..] {
            let proof = view.consistency(*from, *to).await.unwrap();
            proof.verify(head(*from), head(*to)).unwrap();
            if from != to {
                assert!(
                    proof.verify(&Checkpoint { root: [0; 32], ..head(*from).clone() }, head(*to)).is_err()
                );
            }
        }
    }
    assert_eq!(integrity(view.inclusion(SIZE, SIZE).await).0, "log_node");
    assert_eq!(integrity(view.inclusion(0, SIZE + 1).await).0, "log_node");
    assert_eq!(integrity(view.consistency(9, 8).await).0, "log_node");
    drop(view);
    stored_nodes_are_compared(&vault).await;
}

async fn stored_nodes_are_compared(vault: &Vault) {
    let mut raw = vault.disarmed().await;
    let table: Table = raw.table("log_node").await;
    let rows = raw.rows(&table).await;
    assert_eq!(rows.len(), 2);
    let mut edited = rows.clone();
    let Cell::Bytes(hash) = &mut edited[1][2] else { panic!("bytes") };
    hash[31] ^= 1;
    let mut swapped = rows.clone();
    swapped[0][2] = rows[1][2].clone();
    swapped[1][2] = rows[0][2].clone();
    let mut moved = rows.clone();
    moved[1][1] = Cell::Int(2);
    let mut raised = rows.clone();
    raised[1][0] = Cell::Int(16);
    let mut added = rows.clone();
    added.push(vec![Cell::Int(8), Cell::Int(2), Cell::Bytes(vec![0; 32])]);
    for (which, tampered) in [edited, swapped, moved, raised, added, rows[..1].to_vec()].iter().enumerate() {
        raw.replace(&table, tampered).await.unwrap();
        assert_eq!(named(&vault.store.verify(false, &[]).await.unwrap().problems), ["log_node"], "{which}");
    }
    // The start asks for the root at the mark, and so for the nodes below it.
    assert_eq!(integrity(vault.open().await).0, "log_node");
    raw.replace(&table, &rows).await.unwrap();
    vault.assert_sound().await;
}
