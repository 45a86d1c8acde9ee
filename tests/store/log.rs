//! The log's own tables and the checkpoints from elsewhere: cut, edited, shifted, taken back.

use countersign::audit::checkpoint::Checkpoint;
use countersign::audit::event::Event;
use countersign::model::ids::Alias;
use countersign::store::Store;

use crate::fixture::{Vault, event, integrity, named};
use crate::raw::{Cell, Raw, Rows, Table};

on_both_engines!(
    a_log_with_a_missing_or_added_end_is_refused,
    an_adapted_head_does_not_pass_for_ours,
    a_log_that_was_cut_whole_is_found_by_any_later_checkpoint,
    a_running_store_notices_that_the_log_was_cut,
    an_entry_in_the_middle_is_found,
    checkpoints_from_elsewhere_are_held_against_the_log,
    a_mark_that_is_no_mark_is_refused_and_a_missing_one_is_not,
);

pub async fn member_entries(store: &Store, n: u8) {
    for i in 0..n {
        let said: Event = event().member(Alias([i; 16]));
        store.work().await.unwrap().commit(said).await.unwrap();
    }
}

/// Everything the log's tables hold, to be put back.
pub struct Log(Vec<(Table, Rows)>);

impl Log {
    pub async fn read(raw: &mut Raw) -> Log {
        let mut all = Vec::new();
        for name in ["log_leaf", "log_node", "log_alias", "log_head"] {
            let table = raw.table(name).await;
            let rows = raw.rows(&table).await;
            all.push((table, rows));
        }
        Log(all)
    }

    pub async fn write(&self, raw: &mut Raw, which: &[&str]) {
        for (table, rows) in self.0.iter().filter(|(t, _)| which.contains(&t.name.as_str())) {
            raw.replace(table, rows).await.unwrap();
        }
    }
}

pub const ALL: &[&str] = &["log_leaf", "log_node", "log_alias", "log_head"];

async fn a_log_with_a_missing_or_added_end_is_refused(vault: Vault) {
    member_entries(&vault.store, 4).await;
    let mut raw = vault.disarmed().await;
    let log = Log::read(&mut raw).await;
    for sql in [
        "delete from log_leaf where seq = 4",
        "delete from log_leaf where seq >= 3",
        "delete from log_leaf",
        "insert into log_leaf select seq + 1, body from log_leaf where seq = 4",
    ] {
        raw.run(sql).await.unwrap();
        assert_eq!(integrity(vault.open().await).0, "log_leaf", "{sql}");
        let verified = vault.store.verify(false, &[]).await.unwrap();
        assert!(!verified.verified && named(&verified.problems).contains(&"log_head"), "{sql}");
        log.write(&mut raw, &["log_leaf"]).await;
    }
    vault.assert_sound().await;
}

async fn an_adapted_head_does_not_pass_for_ours(vault: Vault) {
    member_entries(&vault.store, 4).await;
    let mut raw = vault.disarmed().await;
    let log = Log::read(&mut raw).await;
    for sql in [
        "delete from log_leaf where seq = 4; update log_head set size = 4",
        "update log_head set size = 6",
        "update log_head set size = -1",
        "update log_head set checkpoint = checkpoint || 'x'",
        "delete from log_head",
    ] {
        raw.run(sql).await.unwrap();
        let (what, _) = integrity(vault.open().await);
        assert!(["log_head", "checkpoint"].contains(&what.as_str()), "{sql}: {what}");
        assert!(!vault.store.verify(false, &[]).await.unwrap().verified, "{sql}");
        log.write(&mut raw, ALL).await;
    }
    vault.assert_sound().await;
}

/// Leaves, nodes, aliases and head as they once were, all four: each fits the others.
async fn a_log_that_was_cut_whole_is_found_by_any_later_checkpoint(vault: Vault) {
    member_entries(&vault.store, 2).await;
    let mut raw = vault.disarmed().await;
    let log = Log::read(&mut raw).await;
    member_entries(&vault.store, 2).await;
    let later = vault.checkpoint().await;
    log.write(&mut raw, ALL).await;
    assert_eq!(integrity(vault.open().await).0, "log");
    assert_eq!(named(&vault.deep().await.problems), ["high-water mark"]);
    // Without the mark it is what a vault restored from a copy looks like; a manifest still tells.
    std::fs::remove_file(vault.store.high_water_path()).unwrap();
    vault.open().await.unwrap();
    vault.assert_sound().await;
    let verified = vault.store.verify(false, &[later]).await.unwrap();
    assert_eq!(named(&verified.problems), ["against"]);
}

/// Otherwise it would write on and raise the mark over the place where the log was cut.
async fn a_running_store_notices_that_the_log_was_cut(vault: Vault) {
    member_entries(&vault.store, 2).await;
    let mut raw = vault.disarmed().await;
    let log = Log::read(&mut raw).await;
    member_entries(&vault.store, 2).await;
    log.write(&mut raw, ALL).await;
    assert_eq!(integrity(vault.store.work().await).0, "log");
}

async fn an_entry_in_the_middle_is_found(vault: Vault) {
    member_entries(&vault.store, 6).await;
    let mut raw = vault.disarmed().await;
    let log = Log::read(&mut raw).await;
    let (leaves, rows) = (log.0[0].0.clone(), log.0[0].1.clone());
    let mut edited = rows.clone();
    let Cell::Bytes(body) = &mut edited[3][1] else { panic!("bytes") };
    // Still a leaf, with another time.
    let at = body.windows(5).position(|w| w == b"\"at\":").unwrap() + 9;
    body[at] = if body[at] == b'0' { b'1' } else { b'0' };
    let mut swapped = rows.clone();
    let body = swapped[2][1].clone();
    swapped[2][1] = std::mem::replace(&mut swapped[3][1], body);
    let mut shifted = rows.clone();
    shifted.remove(2);
    for row in &mut shifted[2..] {
        let Cell::Int(seq) = &mut row[0] else { panic!("a number") };
        *seq -= 1;
    }
    let mut missing = rows.clone();
    missing.remove(2);
    let mut doubled = rows.clone();
    doubled.insert(3, doubled[2].clone());
    (3..doubled.len()).for_each(|i| doubled[i][0] = Cell::Int(i as i64));
    for (which, tampered) in [edited, swapped, shifted, missing, doubled].iter().enumerate() {
        raw.replace(&leaves, tampered).await.unwrap();
        let problems = vault.store.verify(false, &[]).await.unwrap().problems;
        let names = named(&problems);
        assert!(names.contains(&"checkpoint") && names.contains(&"log_head"), "{which}: {problems:?}");
        log.write(&mut raw, &["log_leaf"]).await;
    }
    for sql in [
        "delete from log_alias where seq = 3",
        "update log_alias set seq = 9 where seq = 3",
        "insert into log_alias select alias, 1 from log_alias where seq = 3",
    ] {
        raw.run(sql).await.unwrap();
        assert_eq!(named(&vault.store.verify(false, &[]).await.unwrap().problems), ["log_alias"], "{sql}");
        log.write(&mut raw, &["log_alias"]).await;
    }
    vault.assert_sound().await;
}

async fn checkpoints_from_elsewhere_are_held_against_the_log(vault: Vault) {
    vault.entries(3).await;
    let older = vault.checkpoint().await;
    vault.entries(3).await;
    let now = vault.checkpoint().await;
    assert!(vault.store.verify(true, &[older.clone(), now.clone()]).await.unwrap().verified);
    let another = Checkpoint { root: [1; 32], ..older };
    let later = Checkpoint { size: now.size + 1, ..now };
    let problems = vault.store.verify(false, &[another, later]).await.unwrap().problems;
    assert_eq!(problems.iter().map(|p| p.what.as_str()).collect::<Vec<_>>(), ["against", "against"]);
}

async fn a_mark_that_is_no_mark_is_refused_and_a_missing_one_is_not(vault: Vault) {
    let mark = vault.store.high_water_path().to_owned();
    let kept = std::fs::read_to_string(&mark).unwrap();
    std::fs::write(&mark, kept.replace("\n1\n", "\n9\n")).unwrap();
    assert_eq!(integrity(vault.open().await).0, "high-water mark");
    assert_eq!(integrity(vault.store.work().await).0, "high-water mark");
    assert_eq!(named(&vault.deep().await.problems), ["high-water mark"]);
    std::fs::remove_file(&mark).unwrap();
    vault.open().await.unwrap();
    vault.entry().await;
    let mark = std::fs::read_to_string(mark).unwrap();
    assert_eq!(Checkpoint::open(&mark, &vault.store.verifier()).unwrap().size, 2);
}
