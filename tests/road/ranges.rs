//! A package in parts: the same members as in one, each once, whoever makes which part and whatever happens
//! meanwhile.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use countersign::access::Error;
use countersign::broker::Broker;
use countersign::broker::downloading::Downloaded;
use countersign::broker::executing::Executed;
use countersign::keyring::sha256;
use countersign::model::code::Exclusion;
use countersign::model::contact::CardNo;
use countersign::model::field::Field;
use countersign::model::ids::RequestNo;
use countersign::release::manifest::Manifest;
use countersign::store::StoreError;

use crate::both;
use crate::consent::{refuse, someone};
use crate::support::expect::Channel;
use crate::support::world::{On, World, code, decrypt, login, signed, step};

both!(
    three_parts_hold_what_one_would,
    a_worker_makes_a_part,
    withdrawn_between_two_claims,
    withdrawn_between_sealing_and_download,
    a_contact_point_that_became_anothers_leaves_once,
    recalled_while_parts_are_made,
    a_worker_makes_nothing_for_an_executor_who_may_not,
);

async fn execute(
    broker: &Broker,
    no: &RequestNo,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Executed, Error> {
    let executor = step(broker, "hq.it").await.unwrap();
    broker.request_execute_in(executor, no, Some(3), progress).await
}

/// Runs once, when the first rows of the first part are on their way.
async fn execute_meanwhile(
    broker: &Broker,
    no: &RequestNo,
    meanwhile: impl AsyncFn() + Sync,
) -> Result<Executed, Error> {
    let told = AtomicBool::new(false);
    let progress = |_, _| {
        if !told.swap(true, Ordering::SeqCst) {
            on_thread(&meanwhile);
        }
    };
    let done = execute(broker, no, &progress).await;
    assert!(told.load(Ordering::SeqCst));
    done
}

/// As another process would: on a thread and a runtime of its own.
fn on_thread(work: &(impl AsyncFn() + Sync)) {
    std::thread::scope(|scope| {
        let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        scope.spawn(move || runtime().block_on(work())).join().unwrap();
    });
}

async fn download(world: &World, broker: &Broker, done: &Executed) -> (Downloaded, Vec<String>) {
    let out = world.dir.path().join("out");
    let receiver = step(broker, "hq.receiver").await.unwrap();
    let downloaded = broker.package_download(receiver, &done.package, &out).await.unwrap();
    let mut lines = Vec::new();
    for part in &downloaded.parts {
        let (header, rows) = decrypt(part, &world.identity("SMS1"));
        assert_eq!(header, "mobile");
        lines.extend(rows);
    }
    let once: BTreeSet<&String> = lines.iter().collect();
    assert_eq!(once.len(), lines.len(), "someone is in two parts");
    lines.sort();
    (downloaded, lines)
}

fn wanted(world: &World, but: &[&str]) -> Vec<String> {
    let expected = world.members.expected(Channel::Sms);
    let mut lines: Vec<String> =
        expected.lines(Channel::Sms).into_iter().map(|cells| cells[0].clone()).collect();
    lines.retain(|line| !but.contains(&line.as_str()));
    lines.sort();
    lines
}

/// Files at rest, by their ending; and nothing stands in the table of ranges.
async fn at_rest(world: &World, broker: &Broker) -> (usize, usize) {
    assert_eq!(broker.store().view().await.unwrap().ranges(None).await.unwrap(), []);
    let entries = std::fs::read_dir(world.place().dir.join("packages")).unwrap();
    let paths: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    let ending = |what: &str| paths.iter().filter(|p| p.extension().is_some_and(|e| e == what)).count();
    (ending("sealed"), ending("part"))
}

async fn three_parts_hold_what_one_would(world: &World) {
    let broker = world.open().await;
    let no = signed(&broker, "sms").await;
    let seen = Mutex::new(Vec::new());
    let done = execute(&broker, &no, &|done, of| seen.lock().unwrap().push((done, of))).await.unwrap();
    let expected = world.members.expected(Channel::Sms);
    assert_eq!((done.rows as usize, done.selected as usize), (expected.rows.len(), expected.selected));
    assert_eq!(done.rows + done.excluded.values().sum::<u64>(), done.selected);
    assert_eq!(seen.lock().unwrap().last(), Some(&(done.rows, done.rows)));
    assert_eq!(at_rest(world, &broker).await, (3, 0));

    let (downloaded, lines) = download(world, &broker, &done).await;
    assert_eq!(lines, wanted(world, &[]));
    let text = std::fs::read_to_string(&downloaded.manifest).unwrap();
    let (manifest, _) = Manifest::open(&text).unwrap();
    assert_eq!((manifest.parts.len(), manifest.rows), (3, done.rows));
    let stem = no.file_stem(1).trim_end_matches("P1").to_owned();
    let mut digests = Vec::new();
    for (number, (part, path)) in (1..).zip(manifest.parts.iter().zip(&downloaded.parts)) {
        assert_eq!(part.file, format!("{stem}P{number}.csv.age"));
        assert_eq!(path.file_name().unwrap().to_str().unwrap(), part.file);
        let bytes = std::fs::read(path).unwrap();
        assert_eq!((part.bytes, part.sha256.clone()), (bytes.len() as u64, hex::encode(sha256(&bytes))));
        assert_eq!(part.sha256, done.parts[number - 1].to_string());
        digests.extend(sha256(&bytes));
        // A part is about a third.
        let rows = decrypt(path, &world.identity("SMS1")).1.len();
        assert!((done.rows as usize).abs_diff(rows * 3) <= 3, "{rows} of {}", done.rows);
    }
    assert_eq!(done.sha256.0, sha256(&digests));
    let against = broker.checkpoint_from(&text).unwrap();
    assert_eq!(broker.audit_verify(true, &[against]).await.unwrap().problems, []);
}

async fn a_worker_makes_a_part(world: &World) {
    let broker = world.open().await;
    let no = signed(&broker, "sms").await;
    let worked = Mutex::new(Vec::new());
    let done = execute_meanwhile(&broker, &no, async || {
        // Another process at its start leaves alone what is held.
        let other = world.open().await;
        let mut passed = BTreeSet::new();
        for _ in 0..2 {
            let claim = other.range_claim(&mut passed).await.unwrap().expect("two parts are open");
            let (part, members) = (claim.part(), claim.members());
            let rows = other.range_make(claim, &|_, _| {}).await.unwrap();
            assert_eq!(rows, Some(members));
            worked.lock().unwrap().push(part);
        }
        assert!(other.range_claim(&mut passed).await.unwrap().is_none(), "the last is held");
    })
    .await
    .unwrap();
    assert_eq!(*worked.lock().unwrap(), [2, 3]);
    assert_eq!(download(world, &broker, &done).await.1, wanted(world, &[]));
    assert_eq!(at_rest(world, &broker).await, (3, 0));
    assert_eq!(broker.audit_verify(true, &[]).await.unwrap().problems, []);
    // Nothing is left to make.
    assert!(broker.range_claim(&mut BTreeSet::new()).await.unwrap().is_none());
}

async fn withdrawn_between_two_claims(world: &World) {
    let broker = world.open().await;
    let no = signed(&broker, "sms").await;
    // Enough of them that some are in the part that is just written, and some in those to come.
    let rows: Vec<_> = (0..8).map(|nth| someone(world, nth)).collect();
    let done = execute_meanwhile(&broker, &no, async || {
        let other = world.open().await;
        for row in &rows {
            refuse(&other, row).await;
        }
    })
    .await
    .unwrap();
    let gone: Vec<&str> = rows.iter().map(|row| row.mobile.as_str()).collect();
    assert_eq!(download(world, &broker, &done).await.1, wanted(world, &gone));
    let expected = world.members.expected(Channel::Sms);
    let before = expected.excluded.get("withdrawn").copied().unwrap_or(0);
    assert_eq!(done.excluded[&Exclusion::Withdrawn] as usize, before + rows.len());
    assert_eq!(done.excluded.get(&Exclusion::NotActive).copied().unwrap_or(0) as usize, {
        expected.excluded.get("not_active").copied().unwrap_or(0)
    });
    assert_eq!(at_rest(world, &broker).await, (3, 0));
    assert_eq!(broker.audit_verify(true, &[]).await.unwrap().problems, []);
}

async fn withdrawn_between_sealing_and_download(world: &World) {
    let broker = world.open().await;
    let row = someone(world, 2);
    let no = signed(&broker, "sms").await;
    let done = execute(&broker, &no, &|_, _| {}).await.unwrap();
    refuse(&broker, row).await;
    let (downloaded, lines) = download(world, &broker, &done).await;
    assert_eq!(lines, wanted(world, &[&row.mobile]));
    assert_eq!(downloaded.parts.len(), 3);
    assert_ne!(downloaded.sha256, done.sha256);
    assert_eq!(at_rest(world, &broker).await, (3, 0));
    assert_eq!(broker.audit_verify(true, &[]).await.unwrap().problems, []);
}

async fn a_contact_point_that_became_anothers_leaves_once(world: &World) {
    let broker = world.open().await;
    let no = signed(&broker, "sms").await;
    let (lower, higher) = (someone(world, 0), someone(world, 1));
    let done = execute_meanwhile(&broker, &no, async || {
        let other = world.open().await;
        let counter = step(&other, "mem.desk").await.unwrap();
        let card = CardNo::parse(&higher.card).unwrap();
        let mobile = &lower.mobile;
        other.member_correct(counter.caller(), &card, Field::Mobile, mobile, "一家人共用").await.unwrap();
    })
    .await
    .unwrap();
    // Checked for each line in `download`: none stands twice.
    assert_eq!(download(world, &broker, &done).await.1, wanted(world, &[&higher.mobile]));
    assert_eq!(at_rest(world, &broker).await, (3, 0));
}

async fn recalled_while_parts_are_made(world: &World) {
    let broker = world.open().await;
    let no = signed(&broker, "sms").await;
    let done = execute_meanwhile(&broker, &no, async || {
        let other = world.open().await;
        let package = other.package_named(&no.to_string()).await.unwrap();
        let head = step(&other, "mem.head").await.unwrap();
        let recalled = other.package_recall(head.caller(), &package, "wrong dates").await;
        // There the stream, which waits for us, holds the files that the key's bytes are to leave: the recall stands, and is
        // not told as one of which nothing was stored.
        let held = matches!(recalled, Err(Error::Store(StoreError::Unfinished(_)))) && world.on == On::Sqlite;
        assert!(recalled.is_ok() || held);
    })
    .await;
    assert_eq!(code(done), "recalled");
    assert_eq!(at_rest(world, &broker).await, (0, 0));
    assert_eq!(broker.audit_verify(true, &[]).await.unwrap().problems, []);
}

async fn a_worker_makes_nothing_for_an_executor_who_may_not(world: &World) {
    let broker = world.open().await;
    let no = signed(&broker, "sms").await;
    let done = execute_meanwhile(&broker, &no, async || {
        let other = world.open().await;
        let admin = step(&other, "admin").await.unwrap();
        other.suspend(admin.caller(), &login("hq.it"), true).await.unwrap();
        let mut passed = BTreeSet::new();
        assert_eq!(code(other.range_claim(&mut passed).await), "not_your_step");
        // Refused once is in the log once.
        assert!(other.range_claim(&mut passed).await.unwrap().is_none());
    })
    .await;
    assert_eq!(code(done), "not_your_step");
    assert_eq!(at_rest(world, &broker).await, (0, 0));
    assert_eq!(broker.audit_verify(true, &[]).await.unwrap().problems, []);
}
