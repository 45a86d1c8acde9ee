//! Several writers on one vault: one sequence, no gaps, the mark at the top; readers are never told a lie.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use countersign::audit::checkpoint::Checkpoint;

use crate::fixture::{Vault, entry};
use crate::words::member_id;

on_both_engines!(
    two_stores_write_one_sequence,
    two_stores_give_birth_to_different_ordinals,
    opening_and_verifying_beside_a_writer_find_nothing_wrong,
);

async fn two_stores_write_one_sequence(vault: Vault) {
    let writers: Vec<_> = [vault.open().await.unwrap(), vault.open().await.unwrap()]
        .into_iter()
        .map(|store| {
            tokio::spawn(async move {
                let mut seqs = Vec::new();
                for _ in 0..50 {
                    seqs.push(entry(&store).await.seq());
                }
                seqs
            })
        })
        .collect();
    let mut all = Vec::new();
    for writer in writers {
        let seqs = writer.await.unwrap();
        assert!(seqs.is_sorted());
        all.extend(seqs);
    }
    all.sort_unstable();
    assert_eq!(all, (1..=100).collect::<Vec<u64>>());
    let mark = std::fs::read_to_string(vault.store.high_water_path()).unwrap();
    assert_eq!(Checkpoint::open(&mark, &vault.store.verifier()).unwrap(), vault.checkpoint().await);
    vault.assert_sound().await;
}

async fn two_stores_give_birth_to_different_ordinals(vault: Vault) {
    let smith = vault.smith().await;
    let keys: Vec<_> = (1..=3).map(|n| smith.data_key(member_id(n))).collect();
    let other = vault.open().await.unwrap();
    let mut firsts = Vec::new();
    for _ in 0..10 {
        let (one, two) = tokio::join!(vault.store.birth(&keys), other.birth(&keys));
        firsts.extend([one.unwrap(), two.unwrap()]);
    }
    firsts.sort_unstable();
    assert_eq!(firsts, (0..20).map(|n| n * 3 + 1).collect::<Vec<i64>>());
}

/// The mark is raised by whoever commits; who compares with it must not have looked at the log before.
async fn opening_and_verifying_beside_a_writer_find_nothing_wrong(vault: Vault) {
    let done = Arc::new(AtomicBool::new(false));
    let writer = vault.open().await.unwrap();
    let stop = done.clone();
    let writing = tokio::spawn(async move {
        while !stop.load(Ordering::SeqCst) {
            entry(&writer).await;
        }
    });
    for _ in 0..20 {
        vault.open().await.unwrap_or_else(|e| panic!("{e}")).close().await;
        assert_eq!(vault.store.verify(false, &[]).await.unwrap().problems, []);
    }
    done.store(true, Ordering::SeqCst);
    writing.await.unwrap();
}
