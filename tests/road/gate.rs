//! The download gate, recall, and what start settles (A8c, A8d, A9a).

use countersign::access::Error;
use countersign::broker::downloading::Wanted;
use countersign::model::ids::VendorCode;
use countersign::model::network::Network;
use countersign::store::StoreError;

use crate::both;
use crate::raw::Raw;
use crate::support::world::{World, code, executed, login, signed, step};

both!(
    only_the_named_officer_and_once,
    only_to_the_named_networks,
    a_vendor_withdrawn_after_sealing_gets_nothing,
    a_recalled_package_is_noise,
    a_copied_file_gives_nothing,
    a_hidden_key_keeps_nobody_out_unseen,
);

/// A8b: where networks are named, a package is sent nowhere else, and the try is an entry.
async fn only_to_the_named_networks(world: &World) {
    let mut broker = world.open().await;
    let package = executed(&broker, "sms").await;
    broker.hold_downloads_to(vec![Network::parse("10.1.0.0/16").unwrap()]);
    for outside in [None, Some("10.2.0.1"), Some("::1"), Some("127.0.0.1")] {
        let before = broker.store().view().await.unwrap().log_size().await.unwrap();
        let from = outside.map(|ip: &str| ip.parse().unwrap());
        let receiver = step(&broker, "hq.receiver").await.unwrap();
        let fetched = broker.package_fetch(receiver, &package, Wanted::Part(1), from).await;
        assert_eq!(code(fetched.map(|_| ())), "outside_network", "{outside:?}");
        let mut view = broker.store().view().await.unwrap();
        let size = view.log_size().await.unwrap();
        let (_, last) = view.leaves(size - 1, size).await.unwrap().pop().unwrap();
        let last = String::from_utf8(last).unwrap();
        assert!(size > before && last.contains("outside_network") && last.contains("A8b"), "{last}");
    }
    let receiver = step(&broker, "hq.receiver").await.unwrap();
    let inside = Some("10.1.9.9".parse().unwrap());
    broker.package_fetch(receiver, &package, Wanted::Part(1), inside).await.unwrap();
}

/// Without his key a member would be left out and counted as erased; his data is there, so he is not.
async fn a_hidden_key_keeps_nobody_out_unseen(world: &World) {
    let broker = world.open().await;
    let mut raw = Raw::connect(&world.url).await;
    for parts in [1, 2] {
        let no = signed(&broker, "sms").await;
        for hide in ["create table keys.held as select * from keys.key_block", "delete from keys.key_block"] {
            raw.run(hide).await.unwrap();
        }
        let executor = step(&broker, "hq.it").await.unwrap();
        let made = broker.request_execute_in(executor, &no, Some(parts), &|_, _| {}).await;
        match made.map(|_| ()) {
            Err(Error::Store(StoreError::Integrity { what, .. })) => assert_eq!(what, "keys.key_block"),
            other => panic!("{parts} parts: {other:?}"),
        }
        for back in ["insert into keys.key_block select * from keys.held", "drop table keys.held"] {
            raw.run(back).await.unwrap();
        }
        // Nothing is left half done: the same signatures allow another execution.
        let executor = step(&broker, "hq.it").await.unwrap();
        broker.request_execute_in(executor, &no, Some(parts), &|_, _| {}).await.unwrap();
    }
    let left = std::fs::read_dir(world.place().dir.join("packages")).unwrap();
    let left: Vec<String> = left.map(|f| f.unwrap().file_name().to_string_lossy().into_owned()).collect();
    assert!(left.iter().all(|name| name.ends_with(".sealed")), "{left:?}");
}

async fn only_the_named_officer_and_once(world: &World) {
    let broker = world.open().await;
    let package = executed(&broker, "sms").await;
    let out = world.dir.path().join("out");
    for who in ["hq.officer", "hq.head", "hq.planner", "mem.head", "hq.it", "s1.receiver", "auditor", "admin"]
    {
        let result = broker.package_download(step(&broker, who).await.unwrap(), &package, &out).await;
        assert_eq!(code(result.map(|_| ())), "not_receiver", "{who}");
    }
    assert!(!out.exists());
    let receiver = || step(&broker, "hq.receiver");
    assert_eq!(
        code(broker.package_hand_off(receiver().await.unwrap().caller(), &package).await),
        "not_downloaded"
    );
    broker.package_download(receiver().await.unwrap(), &package, &out).await.unwrap();
    // A broken transfer may be repeated by the same person within minutes; after the hand-off no more.
    broker.package_download(receiver().await.unwrap(), &package, &out).await.unwrap();
    broker.package_hand_off(receiver().await.unwrap().caller(), &package).await.unwrap();
    let again = broker.package_download(receiver().await.unwrap(), &package, &out).await;
    assert_eq!(code(again.map(|_| ())), "downloaded_already");
    assert_eq!(
        code(broker.package_hand_off(receiver().await.unwrap().caller(), &package).await),
        "handed_off_already"
    );
}

async fn a_vendor_withdrawn_after_sealing_gets_nothing(world: &World) {
    let broker = world.open().await;
    let package = executed(&broker, "sms").await;
    let vendors = step(&broker, "hq.vendors").await.unwrap();
    broker.vendor_suspend(vendors.caller(), &VendorCode::parse("SMS1").unwrap()).await.unwrap();
    let out = world.dir.path().join("out");
    let result = broker.package_download(step(&broker, "hq.receiver").await.unwrap(), &package, &out).await;
    assert_eq!(code(result.map(|_| ())), "vendor_not_active");
    let admin = step(&broker, "admin").await.unwrap();
    broker.suspend(admin.caller(), &login("hq.receiver"), true).await.unwrap();
    assert_eq!(code(step(&broker, "hq.receiver").await.map(|_| ())), "suspended");
}

async fn a_recalled_package_is_noise(world: &World) {
    let broker = world.open().await;
    let package = executed(&broker, "sms").await;
    let head = step(&broker, "mem.head").await.unwrap();
    assert_eq!(code(broker.package_recall(head.caller(), &package, " no ").await), "reason_missing");
    broker.package_recall(head.caller(), &package, "wrong campaign").await.unwrap();
    let out = world.dir.path().join("out");
    let result = broker.package_download(step(&broker, "hq.receiver").await.unwrap(), &package, &out).await;
    assert_eq!(code(result.map(|_| ())), "recalled");
    let again =
        broker.request_execute(step(&broker, "hq.it").await.unwrap(), package.request(), &|_, _| {}).await;
    assert_eq!(code(again.map(|_| ())), "executed_already");
    assert_eq!(std::fs::read_dir(world.place().dir.join("packages")).unwrap().count(), 0);
    assert_eq!(broker.audit_verify(true, &[]).await.unwrap().problems, []);
}

async fn a_copied_file_gives_nothing(world: &World) {
    let broker = world.open().await;
    executed(&broker, "sms").await;
    let entries = std::fs::read_dir(world.place().dir.join("packages")).unwrap();
    let sealed: Vec<_> = entries.map(|e| e.unwrap().path()).collect();
    assert_eq!(sealed.len(), 1);
    let output = std::process::Command::new("age")
        .args(["-d", "-i"])
        .args([world.identity("SMS1"), sealed[0].clone()])
        .output()
        .unwrap();
    assert!(!output.status.success(), "the file at rest is not the vendor's file");
}
