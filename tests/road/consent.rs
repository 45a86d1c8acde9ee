//! Consent is checked at the moment of release, and no file lifts a refusal (E5, design: Consent).

use std::sync::atomic::{AtomicBool, Ordering};

use countersign::broker::Broker;
use countersign::model::code::{Channel as Code, Exclusion, Purpose, RecipientClass};
use countersign::model::contact::CardNo;
use countersign::store::chunks::State;

use crate::both;
use crate::support::expect::Channel;
use crate::support::generate::Row;
use crate::support::world::{World, block, decrypt, executed, import, signed, step};

both!(
    withdrawn_after_the_last_signature,
    withdrawn_while_the_stream_runs,
    withdrawn_between_sealing_and_download,
    last_months_file_does_not_bring_anyone_back,
    a_switch_is_off_until_two_people_sign,
);

/// A member who is in the SMS list and alone on the mobile.
pub fn someone(world: &World, nth: usize) -> &'static Row {
    let rows: Vec<&Row> = world.members.expected(Channel::Sms).rows;
    let alone = |r: &&Row| world.members.rows.iter().filter(|o| o.mobile == r.mobile).count() == 1;
    rows.into_iter().filter(alone).nth(nth).unwrap()
}

pub async fn refuse(broker: &Broker, row: &Row) -> State {
    let counter = step(broker, "mem.desk").await.unwrap();
    let card = CardNo::parse(&row.card).unwrap();
    broker
        .consent_set(
            counter.caller(),
            &card,
            Purpose::Promotion,
            Code::Sms,
            RecipientClass::Company,
            false,
            "phone call",
        )
        .await
        .unwrap()
}

async fn download(
    world: &World,
    broker: &Broker,
    package: &countersign::model::ids::PackageNo,
) -> Vec<String> {
    let out = world.dir.path().join("out");
    let receiver = step(broker, "hq.receiver").await.unwrap();
    let downloaded = broker.package_download(receiver, package, &out).await.unwrap();
    decrypt(&downloaded.path, &world.identity("SMS1")).1
}

async fn withdrawn_after_the_last_signature(world: &World) {
    let broker = world.open().await;
    let row = someone(world, 0);
    let no = signed(&broker, "sms").await;
    assert_eq!(refuse(&broker, row).await, State::Withdrawn);
    let executor = step(&broker, "hq.it").await.unwrap();
    let done = broker.request_execute(executor, &no, &|_, _| {}).await.unwrap();
    let expected = world.members.expected(Channel::Sms);
    assert_eq!(done.rows as usize, expected.rows.len() - 1);
    let before = expected.excluded.get("withdrawn").copied().unwrap_or(0);
    assert_eq!(done.excluded[&Exclusion::Withdrawn] as usize, before + 1);
    assert!(!download(world, &broker, &done.package).await.contains(&row.mobile));
}

async fn withdrawn_while_the_stream_runs(world: &World) {
    let broker = world.open().await;
    let row = someone(world, 1);
    let no = signed(&broker, "sms").await;
    let executor = step(&broker, "hq.it").await.unwrap();
    let told = AtomicBool::new(false);
    // The first window has been read and handed on when the member calls.
    let progress = |_, _| {
        if !told.swap(true, Ordering::SeqCst) {
            block(async {
                let other = world.open().await;
                refuse(&other, row).await;
            });
        }
    };
    let done = broker.request_execute(executor, &no, &progress).await.unwrap();
    assert!(told.load(Ordering::SeqCst));
    assert_eq!(done.rows as usize, world.members.expected(Channel::Sms).rows.len() - 1);
    assert!(!download(world, &broker, &done.package).await.contains(&row.mobile));
    assert_eq!(broker.audit_verify(true, &[]).await.unwrap().problems, []);
}

async fn withdrawn_between_sealing_and_download(world: &World) {
    let broker = world.open().await;
    let row = someone(world, 2);
    let package = executed(&broker, "sms").await;
    refuse(&broker, row).await;
    let lines = download(world, &broker, &package).await;
    assert!(!lines.contains(&row.mobile));
    assert_eq!(lines.len(), world.members.expected(Channel::Sms).rows.len() - 1);
    assert_eq!(broker.audit_verify(true, &[]).await.unwrap().problems, []);
}

async fn last_months_file_does_not_bring_anyone_back(world: &World) {
    let broker = world.open().await;
    let row = someone(world, 3);
    refuse(&broker, row).await;
    let head = step(&broker, "mem.head").await.unwrap();
    let report = import(&broker, head.caller(), &world.members.csv).await.unwrap();
    assert_eq!((report.counts.created, report.counts.updated), (0, 0));
    assert_eq!(report.counts.kept, 1);
    let package = executed(&broker, "sms").await;
    assert!(!download(world, &broker, &package).await.contains(&row.mobile));
}

async fn a_switch_is_off_until_two_people_sign(world: &World) {
    use crate::support::world::{code, switch};
    let broker = world.open().await;
    let all = world.members.expected(Channel::Sms).rows.len();
    switch(&broker, "only_verified_contacts = false", "only_verified_contacts = true").await;
    let no = signed(&broker, "sms").await;
    let executor = step(&broker, "hq.it").await.unwrap();
    assert_eq!(code(broker.request_execute(executor, &no, &|_, _| {}).await), "nobody_left");
    switch(&broker, "only_verified_contacts = true", "only_verified_contacts = false").await;
    // Signed under the stricter policy, it stays under it (invariant 2); a new request is under the new one.
    let executor = step(&broker, "hq.it").await.unwrap();
    assert_eq!(code(broker.request_execute(executor, &no, &|_, _| {}).await), "nobody_left");
    let no = signed(&broker, "sms").await;
    let executor = step(&broker, "hq.it").await.unwrap();
    assert_eq!(broker.request_execute(executor, &no, &|_, _| {}).await.unwrap().rows as usize, all);
}
