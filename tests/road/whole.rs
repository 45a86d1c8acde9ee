//! From asking to the vendor's decrypted file, and the proof of it afterwards.

use std::sync::Mutex;

use countersign::release::manifest::Manifest;
use countersign::store::packages::FactKind;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::both;
use crate::support::expect::Channel;
use crate::support::world::{World, cast, code, decrypt, executed, signed, step};

both!(
    the_right_members_leave_and_nobody_else,
    two_packages_of_the_same_members_cannot_be_aligned,
    an_execution_says_how_far_it_is,
);

async fn the_right_members_leave_and_nobody_else(world: &World) {
    let broker = world.open().await;
    for (channel, kind, vendor, header) in [
        ("sms", Channel::Sms, "SMS1", "mobile"),
        ("post", Channel::Post, "DM1", "postcode,address,recipient"),
    ] {
        let no = signed(&broker, channel).await;
        let executor = step(&broker, cast(channel)[4]).await.unwrap();
        let executed = broker.request_execute(executor, &no, &|_, _| {}).await.unwrap();
        let expected = world.members.expected(kind);
        assert_eq!(executed.selected as usize, expected.selected);
        assert_eq!(executed.rows as usize, expected.rows.len());
        let excluded: Vec<(&str, usize)> =
            executed.excluded.iter().map(|(r, n)| (r.code(), *n as usize)).collect();
        let mut wanted: Vec<(&str, usize)> = expected.excluded.iter().map(|(r, n)| (*r, *n)).collect();
        wanted.sort_by_key(|(r, _)| excluded.iter().position(|(e, _)| e == r));
        assert_eq!(excluded, wanted);

        let out = world.dir.path().join("out");
        let receiver = step(&broker, cast(channel)[5]).await.unwrap();
        let downloaded = broker.package_download(receiver, &executed.package, &out).await.unwrap();
        let (found, mut lines) = decrypt(&downloaded.path, &world.identity(vendor));
        assert_eq!(found, header);
        lines.sort();
        let mut wanted: Vec<String> = expected.lines(kind).iter().map(|cells| record(cells)).collect();
        wanted.sort();
        assert_eq!(lines, wanted);

        let text = std::fs::read_to_string(&downloaded.manifest).unwrap();
        let (manifest, _) = Manifest::open(&text).unwrap();
        assert_eq!(manifest.rows, executed.rows);
        assert_eq!(manifest.parts[0].sha256, executed.sha256.to_string());
        for staff in cast(channel) {
            assert!(!text.contains(staff), "a manifest names no staff");
        }
        let against = broker.checkpoint_from(&text).unwrap();
        let checkpoint = countersign::audit::checkpoint::Checkpoint::open(
            &manifest.checkpoint,
            &broker.store().verifier(),
        )
        .unwrap();
        let leaf = hex::decode(&manifest.leaf).unwrap().try_into().unwrap();
        manifest.inclusion.verify(&leaf, &checkpoint).unwrap();
        let verified = broker.audit_verify(true, &[against]).await.unwrap();
        assert_eq!(verified.problems, []);
    }
}

/// While it writes, the process that writes says how many rows; before, there is no package, and after, it is whole.
async fn an_execution_says_how_far_it_is(world: &World) {
    let broker = world.open().await;
    let no = signed(&broker, "sms").await;
    let executor = step(&broker, "hq.it").await.unwrap();
    let caller = executor.caller().clone();
    assert!(broker.request_progress(&caller, &no).await.unwrap().is_none());
    let other = step(&broker, "s2.officer").await.unwrap();
    assert_eq!(code(broker.request_progress(other.caller(), &no).await), "not_permitted");

    let seen = Mutex::new(Vec::new());
    let looks = |_, _| {
        let looked = || Handle::current().block_on(broker.request_progress(&caller, &no));
        seen.lock().unwrap().extend(block_in_place(looked).unwrap());
    };
    let made = broker.request_execute(executor, &no, &looks).await.unwrap();
    let seen = seen.into_inner().unwrap();
    let during = seen.last().expect("it is looked at while it writes");
    assert_eq!((during.state, during.held, &during.package), (FactKind::Started, true, &made.package));
    assert_eq!((during.selected, during.rows, during.written), (made.selected, made.rows, made.rows));
    assert!(during.excluded.is_empty(), "why is told of what is whole");

    let after = broker.request_progress(&caller, &no).await.unwrap().unwrap();
    assert_eq!((after.state, after.held, after.rows), (FactKind::Sealed, false, made.rows));
    assert_eq!(after.excluded, made.excluded);
}

fn record(cells: &[String]) -> String {
    let quoted = |c: &String| {
        if c.contains([',', '"', '\n', '\r']) { format!("\"{}\"", c.replace('"', "\"\"")) } else { c.clone() }
    };
    cells.iter().map(quoted).collect::<Vec<_>>().join(",")
}

async fn two_packages_of_the_same_members_cannot_be_aligned(world: &World) {
    let broker = world.open().await;
    let mut orders = Vec::new();
    for _ in 0..2 {
        let package = executed(&broker, "sms").await;
        let out = world.dir.path().join(package.to_string());
        let receiver = step(&broker, "hq.receiver").await.unwrap();
        let downloaded = broker.package_download(receiver, &package, &out).await.unwrap();
        orders.push(decrypt(&downloaded.path, &world.identity("SMS1")).1);
    }
    let n = orders[0].len();
    assert!(n > 30, "{n} rows are too few to tell");
    // Spearman's rank correlation: of independent orders it is near zero, sd 1/sqrt(n-1).
    let d2: f64 = orders[0]
        .iter()
        .enumerate()
        .map(|(i, line)| (i as f64 - orders[1].iter().position(|l| l == line).unwrap() as f64).powi(2))
        .sum();
    let rho = 1.0 - 6.0 * d2 / (n as f64 * ((n * n) as f64 - 1.0));
    assert!(rho.abs() < 5.0 / ((n - 1) as f64).sqrt(), "rank correlation {rho}");
    // Nor does the file follow the order of intake.
    let cards: Vec<&str> = world.members.rows.iter().map(|r| r.mobile.as_str()).collect();
    let places: Vec<usize> = orders[0].iter().filter_map(|m| cards.iter().position(|c| c == m)).collect();
    assert!(!places.is_sorted());
}
