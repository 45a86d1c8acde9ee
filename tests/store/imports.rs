//! How imports stand: noted with their batches, told to stop, forgotten after a month.

use countersign::store::imports::{ERRORS, ImportError, ImportState, Tally};

use crate::fixture::{Vault, event};
use crate::words::login;

on_both_engines!(
    an_import_is_noted_as_it_goes_on,
    an_import_that_was_told_to_stop_notes_no_batch,
    errors_are_kept_in_order_and_up_to_a_number,
);

const MONTH: i64 = 30 * 86_400_000_000;

/// Begins an import; its number.
async fn begun(vault: &Vault, whose: &str) -> u64 {
    let mut work = vault.store.work().await.unwrap();
    let (no, at) = (work.seq(), work.at());
    work.begin_import(&login(whose), at + MONTH).await.unwrap();
    assert_eq!(work.commit(event()).await.unwrap().seq(), no);
    no
}

fn error(line: u64) -> ImportError {
    ImportError { line, place: "mobile".into(), code: "not_mobile".into() }
}

async fn an_import_is_noted_as_it_goes_on(vault: Vault) {
    let (store, first) = (&vault.store, begun(&vault, "li.na").await);
    let second = begun(&vault, "wang.fang").await;
    let view = async || store.view().await.unwrap();
    let row = view().await.import(first).await.unwrap().unwrap();
    assert_eq!(
        (row.no, row.state, row.tally, row.errors),
        (first, ImportState::Running, Tally::default(), 0)
    );
    assert_eq!(view().await.import(first + 100).await.unwrap(), None);
    let batch = Tally { read: 7, created: 1, updated: 2, unchanged: 1, rejected: 3, kept: 5, suppressed: 6 };
    let mut work = store.work().await.unwrap();
    assert!(work.note_import(first, &batch, &[error(3)]).await.unwrap());
    work.commit(event()).await.unwrap();
    assert!(store.note_check(first, &batch, &[error(5)]).await.unwrap());
    store.hold_import(first, row.held_until + 9).await.unwrap();
    let now = view().await.import(first).await.unwrap().unwrap();
    assert_eq!((now.tally.read, now.tally.kept, now.errors), (14, 10, 2));
    assert_eq!(now.held_until, row.held_until + 9);
    // A turn that is not committed notes nothing.
    let mut work = store.work().await.unwrap();
    assert!(work.note_import(first, &batch, &[]).await.unwrap());
    drop(work);
    assert_eq!(view().await.import(first).await.unwrap().unwrap(), now);
    let mut work = store.work().await.unwrap();
    work.end_import(first, ImportState::Done).await.unwrap();
    work.commit(event()).await.unwrap();
    store.end_check(second, ImportState::BrokenOff).await.unwrap();
    let all = view().await.imports(None, u64::MAX, 9).await.unwrap();
    let states: Vec<_> = all.iter().map(|row| (row.no, row.state)).collect();
    assert_eq!(states, [(second, ImportState::BrokenOff), (first, ImportState::Done)], "newest first");
    let own = view().await.imports(Some(&login("li.na")), u64::MAX, 9).await.unwrap();
    assert_eq!(own.len(), 1);
    assert_eq!(view().await.imports(None, second, 9).await.unwrap()[0].no, first);
    assert_eq!(view().await.imports(None, u64::MAX, 1).await.unwrap().len(), 1);
    vault.assert_sound().await;
}

async fn an_import_that_was_told_to_stop_notes_no_batch(vault: Vault) {
    let (store, no) = (&vault.store, begun(&vault, "li.na").await);
    let cancel = async || {
        let mut work = store.work().await.unwrap();
        let told = work.cancel_import(no).await.unwrap();
        work.commit(event()).await.unwrap();
        told
    };
    assert!(cancel().await && !cancel().await, "once");
    let batch = Tally { read: 1, ..Tally::default() };
    assert!(!store.note_check(no, &batch, &[error(2)]).await.unwrap());
    let mut work = store.work().await.unwrap();
    assert!(!work.note_import(no, &batch, &[error(2)]).await.unwrap());
    drop(work);
    let row = store.view().await.unwrap().import(no).await.unwrap().unwrap();
    assert_eq!((row.state, row.tally, row.errors), (ImportState::Cancelling, Tally::default(), 0));
    // One of which nobody has heard for long does not run.
    let silent = begun(&vault, "li.na").await;
    store.hold_import(silent, 1).await.unwrap();
    let mut work = store.work().await.unwrap();
    assert!(!work.cancel_import(silent).await.unwrap());
}

async fn errors_are_kept_in_order_and_up_to_a_number(vault: Vault) {
    let (store, no) = (&vault.store, begun(&vault, "li.na").await);
    let other = begun(&vault, "li.na").await;
    let errors: Vec<ImportError> = (1..ERRORS).map(error).collect();
    assert!(store.note_check(no, &Tally::default(), &errors).await.unwrap());
    assert!(store.note_check(no, &Tally::default(), &[error(20_000), error(20_001)]).await.unwrap());
    assert!(store.note_check(other, &Tally::default(), &[error(4)]).await.unwrap());
    let mut view = store.view().await.unwrap();
    let kept = view.import_errors(no).await.unwrap();
    assert_eq!((kept.len() as u64, kept[0].line, kept.last().unwrap().line), (ERRORS, 1, 20_000));
    assert_eq!(view.import(no).await.unwrap().unwrap().errors, ERRORS + 1, "all are counted");
    assert_eq!(view.import_errors(other).await.unwrap(), [error(4)]);
}
