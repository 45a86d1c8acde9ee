//! Going on from an earlier verification: what it finds, what it leaves to the whole one, and which
//! memory of one it does not believe.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;

use countersign::audit::nodes::is_stored;
use countersign::audit::tree::{Frontier, leaf_hash};
use countersign::store::verify::{Problem, Verified};

use crate::fixture::{On, Vault, named};
use crate::log::{ALL, Log, member_entries};
use crate::raw::{Cell, Raw};

on_both_engines!(
    only_later_entries_are_read,
    tampering_after_the_check_is_found,
    the_tree_before_the_check_is_held_to_it,
    what_is_not_ours_is_not_believed,
    a_log_turned_back_or_begun_anew_is_found,
    an_entry_that_stands_before_or_after_all_is_found,
);

async fn since(vault: &Vault) -> Verified {
    vault.store.verify_since_checked(false, &[]).await.unwrap()
}

async fn whole(vault: &Vault) -> Verified {
    vault.store.verify(false, &[]).await.unwrap()
}

/// Sound, and read from this entry on.
#[track_caller]
fn assert_from(verified: &Verified, from: u64) {
    assert_eq!(
        (&verified.problems[..], verified.checked_from),
        (&[][..], Some(from)),
        "{:?}",
        verified.notes
    );
}

async fn only_later_entries_are_read(vault: Vault) {
    member_entries(&vault.store, 4).await;
    let first = since(&vault).await;
    assert_from(&first, 0);
    assert!(first.notes[0].contains("no earlier verification") && first.checked_at.is_none());
    let mode = std::fs::metadata(vault.store.checked_path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let earlier = vault.checkpoint().await;
    member_entries(&vault.store, 3).await;
    let then = since(&vault).await;
    assert_from(&then, 5);
    assert_eq!((then.notes.len(), then.size), (0, 8));
    assert!(then.read_whole_at <= then.checked_at && then.checked_at.is_some());
    // Nothing new; checkpoints from before the check are still held against the log.
    let deep = vault.store.verify_since_checked(true, &[earlier]).await.unwrap();
    assert_from(&deep, 8);
    assert_eq!(deep.read_whole_at, then.read_whole_at);
    assert_eq!(deep.root, whole(&vault).await.root);
    assert!(whole(&vault).await.checked_from.is_none());
    // The whole one is remembered too.
    vault.entry().await;
    assert_from(&since(&vault).await, 8);
}

async fn tampering_after_the_check_is_found(vault: Vault) {
    member_entries(&vault.store, 4).await;
    assert_from(&since(&vault).await, 0);
    let mark = std::fs::read(vault.store.checked_path()).unwrap();
    let checked = vault.checkpoint().await;
    member_entries(&vault.store, 4).await;
    let mut raw = vault.disarmed().await;
    let log = Log::read(&mut raw).await;
    for (sql, what) in [
        ("delete from log_leaf where seq = 6", "log_leaf"),
        ("delete from log_leaf where seq >= 7", "log_head"),
        ("update log_leaf set body = (select body from log_leaf where seq = 6) where seq = 7", "log_leaf"),
        ("insert into log_leaf select 9, body from log_leaf where seq = 8", "log_leaf"),
        ("insert into log_leaf select 1000000000000, body from log_leaf where seq = 8", "log_leaf"),
        ("insert into log_leaf select 9223372036854775807, body from log_leaf where seq = 8", "log_leaf"),
        ("delete from log_alias where seq = 6", "log_alias"),
        ("update log_alias set seq = 20 where seq = 6", "log_alias"),
        ("insert into log_alias select alias, 5 from log_alias where seq = 7", "log_alias"),
        ("update log_head set at = at + 1", "log_head"),
        ("update log_head set checkpoint = checkpoint || 'x'", "checkpoint"),
    ] {
        raw.run(sql).await.unwrap();
        let found = since(&vault).await;
        assert!(named(&found.problems).contains(&what), "{sql}: {:?}", found.problems);
        assert_eq!(found.checked_from, Some(5), "{sql}");
        assert!(named(&whole(&vault).await.problems).contains(&what), "{sql}");
        // What was found wrong is not remembered as checked.
        assert_eq!(std::fs::read(vault.store.checked_path()).unwrap(), mark);
        log.write(&mut raw, ALL).await;
    }
    let forged = countersign::audit::checkpoint::Checkpoint { root: [1; 32], size: 3, ..checked.clone() };
    let found = vault.store.verify_since_checked(false, &[checked, forged]).await.unwrap();
    assert_eq!(found.problems.iter().map(|p| p.what.as_str()).collect::<Vec<_>>(), ["against"]);
    assert_from(&since(&vault).await, 5);
}

async fn the_tree_before_the_check_is_held_to_it(vault: Vault) {
    vault.entries(599).await;
    assert_from(&since(&vault).await, 0);
    vault.entries(200).await;
    let mut raw = vault.disarmed().await;
    let log = Log::read(&mut raw).await;
    let other = "(select hash from log_node where level = 8 and position = 1)";
    for (sql, what) in [
        (format!("update log_node set hash = {other} where position = 0"), "log_node"),
        ("delete from log_node where position = 0".into(), "log_node"),
        // Completed after the check.
        (format!("update log_node set hash = {other} where position = 2"), "log_node"),
        ("delete from log_node where position = 2".into(), "log_node"),
        ("insert into log_node select 16, 0, hash from log_node where position = 0".into(), "log_node"),
        ("insert into log_node select 8, 3, hash from log_node where position = 0".into(), "log_node"),
        ("insert into log_node select 7, 0, hash from log_node where position = 0".into(), "log_node"),
        ("insert into log_node select 8, -1, hash from log_node where position = 0".into(), "log_node"),
        // Beside the stored nodes: read again.
        (
            "update log_leaf set body = (select body from log_leaf where seq = 1) where seq = 599".into(),
            "log_leaf",
        ),
        ("delete from log_leaf where seq = 513".into(), "log_leaf"),
    ] {
        raw.run(&sql).await.unwrap();
        let found = since(&vault).await;
        assert!(named(&found.problems).contains(&what), "{sql}: {:?}", found.problems);
        assert!(named(&whole(&vault).await.problems).contains(&what), "{sql}");
        log.write(&mut raw, ALL).await;
    }
    // An entry below a stored node is what it does not read, and says so.
    raw.run("update log_leaf set body = (select body from log_leaf where seq = 1) where seq = 9")
        .await
        .unwrap();
    assert!(!whole(&vault).await.verified);
    let mark = std::fs::read(vault.store.checked_path()).unwrap();
    assert_from(&since(&vault).await, 600);
    std::fs::write(vault.store.checked_path(), mark).unwrap();
    assert!(!whole(&vault).await.verified);
    log.write(&mut raw, ALL).await;
    assert!(whole(&vault).await.verified);
    assert_from(&since(&vault).await, 800);
}

async fn what_is_not_ours_is_not_believed(vault: Vault) {
    member_entries(&vault.store, 4).await;
    assert!(whole(&vault).await.verified);
    let path = vault.store.checked_path();
    let ours = std::fs::read(&path).unwrap();
    let foreign = Vault::new(vault.on).await;
    member_entries(&foreign.store, 4).await;
    assert!(whole(&foreign).await.verified);
    let mut raw = vault.raw().await;
    let head = raw.table("log_head").await;
    let heads = raw.rows(&head).await[0][head.position("heads")].clone();
    let Cell::Bytes(heads) = heads else { panic!("bytes") };
    let mut not_ours = vec![
        Vec::new(),
        b"{}".to_vec(),
        heads,
        std::fs::read(foreign.store.checked_path()).unwrap(),
        std::fs::read(vault.store.high_water_path()).unwrap(),
        ours[..ours.len() - 1].to_vec(),
    ];
    not_ours.extend((0..ours.len()).step_by(97).map(|at| {
        let mut flipped = ours.clone();
        flipped[at] ^= 1;
        flipped
    }));
    for bytes in not_ours {
        std::fs::write(&path, &bytes).unwrap();
        let verified = since(&vault).await;
        assert_from(&verified, 0);
        assert!(verified.notes[0].contains("not an earlier verification of this vault"));
        assert_eq!(verified.checked_at, None);
    }
    // An older one of ours is true: more is read.
    vault.entry().await;
    assert_from(&since(&vault).await, 5);
    std::fs::write(&path, &ours).unwrap();
    assert_from(&since(&vault).await, 5);
    // Where it cannot be kept, verifying still works and says so.
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let verified = since(&vault).await;
    assert_from(&verified, 0);
    assert!(verified.notes[0].contains("cannot be read") && verified.notes[1].contains("not remembered"));
}

async fn a_log_turned_back_or_begun_anew_is_found(vault: Vault) {
    member_entries(&vault.store, 2).await;
    let mut raw = vault.disarmed().await;
    let log = Log::read(&mut raw).await;
    member_entries(&vault.store, 3).await;
    assert!(whole(&vault).await.verified);
    let mark = std::fs::read(vault.store.checked_path()).unwrap();
    log.write(&mut raw, ALL).await;
    std::fs::remove_file(vault.store.high_water_path()).unwrap();
    let found = since(&vault).await;
    assert_eq!((named(&found.problems), found.checked_from), (vec!["earlier check"], Some(0)));
    assert!(found.problems[0].place.contains("turned back"));
    // Other entries in the place of those that were cut.
    member_entries(&vault.store, 3).await;
    let found = since(&vault).await;
    assert_eq!((named(&found.problems), found.checked_from), (vec!["earlier check"], Some(0)));
    vault.entries(2).await;
    assert_eq!(named(&since(&vault).await.problems), ["earlier check"]);
    assert_eq!(std::fs::read(vault.store.checked_path()).unwrap(), mark);
    // Without it, a vault restored from a copy; the whole verification is where it begins anew.
    assert!(whole(&vault).await.verified);
    assert_from(&since(&vault).await, 8);
}

async fn an_entry_that_stands_before_or_after_all_is_found(vault: Vault) {
    member_entries(&vault.store, 2).await;
    let mut raw = vault.disarmed().await;
    let log = Log::read(&mut raw).await;
    for seq in [i64::MIN, -1, 5_000, i64::MAX] {
        raw.run(&format!("insert into log_leaf select {seq}, body from log_leaf where seq = 1"))
            .await
            .unwrap();
        assert!(named(&whole(&vault).await.problems).contains(&"log_leaf"), "{seq}");
        log.write(&mut raw, ALL).await;
    }
    vault.assert_sound().await;
}

/// How long an entry takes to verify, and how much memory: `ENTRIES=1000000 cargo test --release --test
/// store -- --ignored --nocapture entry_costs`. The entries are written behind the store's back, so that
/// the head alone does not fit.
async fn cost(vault: Vault) {
    const HEAD: [&str; 3] = ["checkpoint", "log_head", "log_leaf"];
    let entries: i64 = std::env::var("ENTRIES").map_or(200_000, |n| n.parse().unwrap());
    let mut raw = vault.disarmed().await;
    fill(&mut raw, vault.on, entries).await;
    let (mut frontier, mut nodes) = (Frontier::new(), Vec::new());
    let mut view = vault.store.view().await.unwrap();
    for from in (0..=entries as u64).step_by(4096) {
        for (_, body) in view.leaves(from, from + 4096).await.unwrap() {
            frontier.append_with(leaf_hash(&body), |level, position, hash| {
                if is_stored(level) {
                    nodes.push(format!("({level}, {position}, {})", literal(vault.on, &hash)));
                }
            });
        }
    }
    drop(view);
    for nodes in nodes.chunks(500) {
        raw.run(&format!("insert into log_node values {}", nodes.join(", "))).await.unwrap();
    }
    let (before, start) = (peak(), Instant::now());
    let verified = whole(&vault).await;
    let (seconds, size) = (start.elapsed().as_secs_f64(), verified.size as f64);
    println!(
        "{size} entries: {seconds:.1} s, {:.2} us each, peak {before} then {}",
        seconds / size * 1e6,
        peak()
    );
    assert_eq!((named(&verified.problems), size as i64), (HEAD.to_vec(), entries + 1));
    // One row among them all is named.
    raw.run(&format!("delete from log_alias where seq = {}", entries / 3)).await.unwrap();
    let verified = whole(&vault).await;
    let missing = |p: &&Problem| p.what == "log_alias";
    let missing: Vec<_> = verified.problems.iter().filter(missing).map(|p| p.place.clone()).collect();
    assert_eq!(missing, [format!("entry {}", entries / 3)]);
    let start = Instant::now();
    let mut view = vault.store.view().await.unwrap();
    view.root_at(verified.size).await.unwrap();
    println!("root_at: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
}

fn literal(on: On, bytes: &[u8]) -> String {
    match on {
        On::Sqlite => format!("x'{}'", hex::encode(bytes)),
        On::Postgres => format!("'\\x{}'", hex::encode(bytes)),
    }
}

/// The most memory this process ever held.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("?");
    peak.trim().to_owned()
}

/// Entries 1 to `n`, of the size of a reveal's, each about one of 50,000 members.
async fn fill(raw: &mut Raw, on: On, n: i64) {
    let hash = "0123456789abcdef".repeat(4);
    let (before, between, after) = (
        format!(
            "{{\"action\":\"member.revealed\",\"actor\":{{\"kind\":\"person\",\"login\":\"wang.fang\",\"roles\":[\"counter\"]}},\
             \"at\":\"2026-11-21T08:00:00.000001Z\",\"counts\":{{}},\"decision\":\"allow\",\"digests\":{{\"commitment\":\"{hash}\"}},\
             \"fields\":[\"mobile\"],\"format\":\"countersign.leaf.v1\",\"heads\":{{}},\"member\":\""
        ),
        format!("\",\"policy\":\"{hash}\",\"seq\":"),
        format!(",\"state\":\"{hash}\"}}"),
    );
    let (series, alias, body, bytes) = match on {
        On::Sqlite => (
            format!("with recursive s(n) as (select 1 union all select n + 1 from s where n < {n})"),
            "printf('%032x', n % 50000)",
            "cast(TEXT as blob)",
            "unhex(ALIAS)",
        ),
        On::Postgres => (
            format!("with s(n) as (select generate_series(1, {n})::bigint)"),
            "lpad(to_hex(n % 50000), 32, '0')",
            "convert_to(TEXT, 'UTF8')",
            "decode(ALIAS, 'hex')",
        ),
    };
    let body = body.replace("TEXT", &format!("'{before}' || {alias} || '{between}' || n || '{after}'"));
    let bytes = bytes.replace("ALIAS", alias);
    raw.run(&format!("insert into log_leaf {series} select n, {body} from s")).await.unwrap();
    raw.run(&format!("insert into log_alias {series} select {bytes}, n from s")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn entry_costs_sqlite() {
    cost(Vault::new(On::Sqlite).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn entry_costs_postgres() {
    cost(Vault::new(On::Postgres).await).await;
}

/// Going on from an earlier verification: entries that were committed one by one. Quick only where syncing
/// costs nothing: `TMPDIR=/dev/shm ENTRIES=100000`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn later_entries_cost() {
    let vault = Vault::new(On::Sqlite).await;
    let entries: usize = std::env::var("ENTRIES").map_or(20_000, |n| n.parse().unwrap());
    for done in (0..entries).step_by(10_000) {
        vault.entries(entries.min(done + 10_000) - done).await;
        for (kind, later) in [("all", 0), ("since the last", 100)] {
            vault.entries(later).await;
            let start = Instant::now();
            let verified = if later == 0 { whole(&vault).await } else { since(&vault).await };
            assert!(verified.verified);
            let from = verified.checked_from.unwrap_or_default();
            let ms = start.elapsed().as_secs_f64() * 1e3;
            println!("{} entries, {kind}, from {from}: {ms:.1} ms, peak {}", verified.size, peak());
        }
        let start = Instant::now();
        vault.open().await.unwrap().close().await;
        println!("opening: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    }
}
