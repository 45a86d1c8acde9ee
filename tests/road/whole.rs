//! From asking to the vendor's decrypted file, and the proof of it afterwards.

use countersign::release::manifest::Manifest;

use crate::both;
use crate::support::expect::Channel;
use crate::support::world::{World, cast, decrypt, executed, signed, step};

both!(the_right_members_leave_and_nobody_else, two_packages_of_the_same_members_cannot_be_aligned);

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
