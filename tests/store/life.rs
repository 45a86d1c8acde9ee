//! A vault's making, opening, and what a turn leaves behind.

use countersign::audit::event::{Action, Actor, Event};
use countersign::audit::note::NoteVerifier;
use countersign::keyring::root::RootError;
use countersign::store::{Store, StoreError};
use ring::signature::KeyPair;

use crate::fixture::{On, Vault, entry, event, fresh_url, integrity, named, place};
use crate::words::person;

on_both_engines!(
    a_new_vault_has_one_entry_and_opens_again,
    entries_rise_one_by_one_and_say_what_was_done,
    a_turn_that_is_dropped_leaves_nothing,
    a_turn_waits_for_the_one_before,
    a_demo_vault_and_a_passphrase_are_for_ever,
    the_clock_may_stand_back_five_seconds_and_no_more,
    a_newer_or_another_schema_is_refused,
    append_only_tables_refuse_every_change,
    a_wrong_place_is_named,
    a_mark_that_cannot_be_written_stops_the_vault,
);

async fn a_new_vault_has_one_entry_and_opens_again(vault: Vault) {
    let info = vault.store.info().clone();
    assert_eq!((info.demo, info.zone.as_str()), (false, "Asia/Shanghai"));
    assert_eq!(vault.store.keyring().vault(), info.id);
    assert_eq!(vault.store.dir(), vault.dir());
    assert!(vault.store.high_water_path().exists());
    let engine = vault.store.describe_engine().await.unwrap();
    assert!(engine.starts_with(if vault.on == On::Sqlite { "SQLite 3" } else { "PostgreSQL 1" }), "{engine}");
    let mut view = vault.store.view().await.unwrap();
    assert_eq!(view.log_size().await.unwrap(), 1);
    let (_, body) = view.leaves(0, 9).await.unwrap().pop().unwrap();
    let leaf: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&leaf["action"], &leaf["object"]), (&"vault.created".into(), &info.id.to_string().into()));
    drop(view);

    let again = vault.open().await.unwrap();
    assert_eq!(again.info(), &info);
    assert_eq!(again.manifest_key().public_key().as_ref(), vault.store.manifest_key().public_key().as_ref());
    assert_eq!(again.verifier().name(), format!("countersign/{}", info.id));
    let public = std::fs::read_to_string(vault.dir().join("checkpoint.pub")).unwrap();
    assert_eq!(NoteVerifier::parse(public.trim()).unwrap().name(), again.verifier().name());
    assert!(again.clock().now() > 1_700_000_000_000_000);
    assert_eq!(entry(&again).await.seq(), 1);
    again.forget_deleted().await.unwrap();
    assert!(matches!(
        Store::create(&vault.place(), false, "Asia/Shanghai").await,
        Err(StoreError::VaultExists)
    ));
    let verified = vault.store.verify(false, &[]).await.unwrap();
    assert_eq!((verified.size, verified.verified), (2, true));
    vault.assert_sound().await;
    again.close().await;
    assert!(again.view().await.is_err());
}

async fn entries_rise_one_by_one_and_say_what_was_done(vault: Vault) {
    let mut last = 0;
    for n in 1..=20u64 {
        let mut work = vault.store.work().await.unwrap();
        assert_eq!((work.seq(), work.view().log_size().await.unwrap()), (n, n));
        let at = work.at();
        let said = Event::new(Action::RequestListed, Actor::Anonymous).object(n).count("listed", n);
        let receipt = work.commit(said.clone()).await.unwrap();
        assert_eq!((receipt.seq(), receipt.at(), receipt.event()), (n, at, &said));
        assert!(at >= last);
        last = at;
        let (_, body) = vault.store.view().await.unwrap().leaves(n, n + 1).await.unwrap().pop().unwrap();
        assert_eq!(receipt.leaf().0, countersign::audit::tree::leaf_hash(&body));
        assert_eq!(vault.checkpoint().await.size, n + 1);
    }
    vault.assert_sound().await;
}

async fn a_turn_that_is_dropped_leaves_nothing(vault: Vault) {
    let before = vault.deep().await;
    let mut work = vault.store.work().await.unwrap();
    assert!(work.put_person(&person("li.na")).await.unwrap());
    assert_eq!(work.view().people().await.unwrap().len(), 1);
    drop(work);
    assert_eq!(vault.store.view().await.unwrap().people().await.unwrap(), []);
    assert_eq!(vault.deep().await, before);
    assert_eq!(vault.entry().await.seq(), 1);
    vault.assert_sound().await;
}

async fn a_turn_waits_for_the_one_before(vault: Vault) {
    let work = vault.store.work().await.unwrap();
    let other = vault.open().await.unwrap();
    let waiting = tokio::spawn(async move { entry(&other).await.seq() });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(!waiting.is_finished());
    // Reading goes on meanwhile, and sees nothing of the open turn.
    assert_eq!(vault.store.view().await.unwrap().log_size().await.unwrap(), 1);
    assert_eq!(work.commit(event()).await.unwrap().seq(), 1);
    assert_eq!(waiting.await.unwrap(), 2);
}

/// Ten seconds, then an error that says so: for another process and for this one's own next turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_does_not_come_is_busy() {
    // Both engines at once: the wait is real.
    tokio::join!(async { busy(Vault::new(On::Sqlite).await).await }, async {
        busy(Vault::new(On::Postgres).await).await;
    });
}

async fn busy(vault: Vault) {
    let other = vault.open().await.unwrap();
    let held = vault.store.work().await.unwrap();
    let started = std::time::Instant::now();
    let (own, others) = tokio::join!(vault.store.work(), other.work());
    assert!(matches!(own, Err(StoreError::Busy)), "{:?}", own.err());
    assert!(matches!(others, Err(StoreError::Busy)), "{:?}", others.err());
    let waited = started.elapsed().as_secs_f32();
    assert!((9.0..16.0).contains(&waited), "{waited}");
    held.commit(event()).await.unwrap();
    assert_eq!(entry(&other).await.seq(), 2);
}

async fn a_demo_vault_and_a_passphrase_are_for_ever(vault: Vault) {
    let folder = tempfile::tempdir().unwrap();
    let mut place = place(&folder, &fresh_url(vault.on, &folder));
    place.passphrase = Some(b"correct horse".to_vec().into());
    // What is refused leaves nothing in the way.
    assert_eq!(integrity(Store::create(&place, true, "Nowhere/None").await).0, "vault");
    let store = Store::create(&place, true, "Europe/London").await.unwrap();
    let info = store.info().clone();
    assert!(info.demo && info.zone == "Europe/London");
    assert!(store.verifier().name().starts_with("countersign-demo/"));
    store.close().await;
    assert_eq!(Store::open(&place).await.unwrap().info(), &info);
    place.passphrase = Some(b"wrong horse".to_vec().into());
    assert!(matches!(Store::open(&place).await, Err(StoreError::Root(RootError::Wrong))));
    place.passphrase = None;
    assert!(matches!(Store::open(&place).await, Err(StoreError::Root(RootError::PassphraseNeeded))));
}

/// The store's clock is the machine's; so the log is made to have been written later than now.
async fn the_clock_may_stand_back_five_seconds_and_no_more(vault: Vault) {
    let mut raw = vault.raw().await;
    let now = vault.store.clock().now();
    raw.run(&format!("update log_head set at = {}", now + 3_000_000)).await.unwrap();
    let work = vault.store.work().await.unwrap();
    assert_eq!(work.at(), now + 3_000_000);
    drop(work);
    raw.run(&format!("update log_head set at = {}", now + 60_000_000)).await.unwrap();
    match vault.store.work().await {
        Err(StoreError::ClockBack(seconds)) => assert!((50..=60).contains(&seconds), "{seconds}"),
        other => panic!("{:?}", other.err()),
    }
    // Nobody but an attacker sets the head's time beside its last entry's.
    assert_eq!(named(&vault.deep().await.problems), ["log_head"]);
    assert_eq!(integrity(vault.open().await).0, "log_head");
    for absurd in [i64::MIN, i64::MAX] {
        raw.run(&format!("update log_head set at = {absurd}")).await.unwrap();
        let _ = vault.store.work().await.map(drop);
    }
}

async fn a_newer_or_another_schema_is_refused(vault: Vault) {
    let mut raw = vault.raw().await;
    raw.run(
        "create table held as select * from _sqlx_migrations where version = 1; update held set version = 99",
    )
    .await
    .unwrap();
    raw.run("insert into _sqlx_migrations select * from held").await.unwrap();
    assert!(matches!(vault.open().await, Err(StoreError::NewerSchema(99))));
    raw.run("delete from _sqlx_migrations where version = 99").await.unwrap();
    vault.open().await.unwrap();
    // Who only looks changes nothing, not even an older vault to a newer one.
    Store::open_to_look(&vault.place()).await.unwrap();
    raw.run("update _sqlx_migrations set version = version - 99 where version > 1").await.unwrap();
    assert!(matches!(Store::open_to_look(&vault.place()).await, Err(StoreError::OlderSchema)));
    raw.run("update _sqlx_migrations set version = version + 99 where version < 1").await.unwrap();
    let nonsense = if vault.on == On::Sqlite { "x'00'" } else { r"'\x00'" };
    raw.run(&format!("update _sqlx_migrations set checksum = {nonsense}")).await.unwrap();
    assert!(matches!(vault.open().await, Err(StoreError::ChangedSchema(1))));
}

async fn append_only_tables_refuse_every_change(vault: Vault) {
    crate::tamper::populate(&vault).await;
    let mut raw = vault.raw().await;
    let hash = if vault.on == On::Sqlite { "x'00'" } else { r"'\x00'" };
    raw.run(&format!("insert into log_node values (8, 0, {hash})")).await.unwrap();
    let tables = [
        "log_leaf",
        "log_node",
        "log_alias",
        "consent_pack",
        "submission",
        "signature",
        "package_fact",
        "disclosure",
    ];
    for name in tables {
        let table = raw.table(name).await;
        let before = raw.rows(&table).await;
        assert!(!before.is_empty(), "{name}");
        let column = &table.columns.last().unwrap().name;
        let mut orders =
            vec![format!("update {name} set {column} = {column}"), format!("delete from {name}")];
        if vault.on == On::Postgres {
            orders.push(format!("truncate {name}"));
        }
        for sql in orders {
            let refused = raw.run(&sql).await.unwrap_err().to_string();
            assert!(refused.contains(&format!("append-only: {name}")), "{sql}: {refused}");
        }
        assert_eq!(raw.rows(&table).await, before);
    }
}

async fn a_wrong_place_is_named(vault: Vault) {
    let empty = tempfile::tempdir().unwrap();
    std::fs::create_dir(empty.path().join("vault")).unwrap();
    let url = fresh_url(vault.on, &empty);
    assert!(matches!(Store::open(&place(&empty, &url)).await, Err(StoreError::NoVault)));
    assert!(matches!(Store::open(&place(&empty, "mysql://x")).await, Err(StoreError::Url)));
    // Another vault's root key opens nothing here.
    let other = Vault::new(vault.on).await;
    std::fs::copy(other.dir().join("root.json"), vault.dir().join("root.json")).unwrap();
    assert!(matches!(vault.open().await, Err(StoreError::Root(_))));
    // A database that has a vault already takes no second one, in whatever folder its keys would be.
    if vault.on == On::Postgres {
        let second = Store::create(&place(&empty, &vault.url), false, "Asia/Shanghai").await;
        assert!(matches!(second, Err(StoreError::VaultExists)));
    }
    let (what, at) = integrity::<()>(Err(StoreError::integrity("unit", "row 1")));
    assert_eq!((what.as_str(), at.as_str()), ("unit", "row 1"));
}

async fn a_mark_that_cannot_be_written_stops_the_vault(vault: Vault) {
    let work = vault.store.work().await.unwrap();
    let state = vault.folder.path().join("state");
    let aside = vault.folder.path().join("aside");
    std::fs::rename(&state, &aside).unwrap();
    std::fs::write(&state, "no folder").unwrap();
    // Stored, and not acknowledged; after that nothing is stored at all.
    assert!(matches!(work.commit(event()).await, Err(StoreError::HighWater(..))));
    assert!(matches!(vault.store.work().await, Err(StoreError::HighWaterUnreadable(..))));
    assert!(matches!(vault.open().await, Err(StoreError::HighWaterUnreadable(..))));
    assert_eq!(vault.store.view().await.unwrap().log_size().await.unwrap(), 2);
    std::fs::remove_file(&state).unwrap();
    std::fs::rename(&aside, &state).unwrap();
    // The mark is one behind, as after a crash between the two.
    vault.open().await.unwrap();
    assert_eq!(vault.entry().await.seq(), 2);
    vault.assert_sound().await;
}

/// An empty keystore in the place of the lost one would make every member unreadable without a word.
#[tokio::test]
async fn a_lost_keystore_is_not_made_anew() {
    let vault = Vault::new(On::Sqlite).await;
    vault.store.close().await;
    let keys = vault.dir().join("keys.db");
    std::fs::remove_file(&keys).unwrap();
    assert!(matches!(vault.open().await, Err(StoreError::Unreachable(_))));
    assert!(!keys.exists());
    // What is damaged is said to be so, at once.
    for name in ["keys.db", "vault.db"] {
        std::fs::write(vault.dir().join(name), [b'x'; 8192]).unwrap();
        assert_eq!(integrity(vault.open().await).0, "database file");
    }
}
