//! Lists, what waits, the calendar and what an auditor asks about: each reads what it shows and no more, holds nobody up,
//! and tells nobody of what is not theirs. Of some requests here the stored round is no round: whoever works one of them
//! out comes upon an integrity error, so a list that comes has left them alone.

use std::sync::Arc;
use std::time::Duration;

use countersign::access::{Caller, Error};
use countersign::audit::event::{Action, Actor, Event};
use countersign::broker::Broker;
use countersign::broker::calendar::Occasion;
use countersign::broker::paging::Stretch;
use countersign::broker::showing::Filter;
use countersign::clock::Clock;
use countersign::model::ids::{Digest, PackageNo, RequestNo};
use countersign::store::packages::{FactKind, PackageFact, PackageRow};
use countersign::store::requests::{RequestRow, SubmissionRow};
use countersign::store::{Place, StoreError};
use jiff::civil::date;
use tokio::time::timeout;

use crate::both;
use crate::raw::Raw;
use crate::support::world::{World, executed, form, login, step, submitted};

both!(
    a_list_is_walked_while_another_writes_and_entered_before_it_is_shown,
    packages_that_are_not_ones_own_are_left_alone,
    how_much_waits_is_counted_once,
    a_month_is_picked_by_what_is_on_its_days,
    what_an_auditor_asks_about_comes_a_page_at_a_time,
);

async fn caller(broker: &Broker, who: &str) -> Caller {
    step(broker, who).await.unwrap().caller().clone()
}

fn is_damaged<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::Store(StoreError::Integrity { .. })))
}

/// A request beside another, whose round is no round; with a package to which these things happened, if any did.
async fn unreadable(broker: &Broker, like: &RequestNo, serial: u32, facts: &[FactKind]) -> RequestNo {
    let like = broker.store().view().await.unwrap().request(like).await.unwrap().unwrap();
    let no = RequestNo::new(2020, like.no.unit().clone(), serial).unwrap();
    let mut work = broker.store().work().await.unwrap();
    let at = i64::from(serial);
    let row = RequestRow { no: no.clone(), created_at: at, changed_at: at, ..like };
    work.put_request(&row).await.unwrap();
    let body = b"no round".to_vec();
    let round = SubmissionRow { no: no.clone(), round: 1, digest: Digest::of(&body), body };
    work.add_submission(&round).await.unwrap();
    if !facts.is_empty() {
        let package = PackageNo::new(no.clone(), 1).unwrap();
        let row = PackageRow { no: package.clone(), round: 1, executor: login("hq.it"), live: true };
        work.add_package(&row).await.unwrap();
        for kind in facts {
            let fact = PackageFact { kind: *kind, at, actor: "hq.it".into(), body: "{}".into() };
            work.add_package_fact(&package, &fact).await.unwrap();
        }
    }
    work.commit(Event::new(Action::PolicyShown, Actor::Operator)).await.unwrap();
    no
}

async fn size(broker: &Broker) -> u64 {
    broker.checkpoint().await.unwrap().0
}

async fn a_list_is_walked_while_another_writes_and_entered_before_it_is_shown(world: &World) {
    let (broker, other) = (world.open().await, world.open().await);
    let package = executed(&broker, "sms").await;
    let auditor = caller(&broker, "auditor").await;
    let before = size(&broker).await;
    let (filter, requests, packages) = (Filter::default(), Stretch::whole(), Stretch::whole());
    {
        let list = broker.request_page(&auditor, &filter, &requests);
        tokio::pin!(list);
        let turn = other.store().work().await.unwrap();
        let early = timeout(Duration::from_millis(300), &mut list).await;
        assert!(early.is_err(), "nothing is shown before its entry is on disk");
        drop(turn);
        let page = list.await.unwrap();
        assert_eq!(page.lines.iter().map(|line| &line.no).collect::<Vec<_>>(), [package.request()]);
    }
    assert_eq!(size(&broker).await, before + 1);
    // What is damaged is come upon while another holds the turn: it is not needed to look.
    unreadable(&broker, package.request(), 1, &[FactKind::Started]).await;
    let turn = other.store().work().await.unwrap();
    let soon = Duration::from_secs(5);
    assert!(is_damaged(timeout(soon, broker.request_page(&auditor, &filter, &requests)).await.unwrap()));
    assert!(is_damaged(timeout(soon, broker.package_page(&auditor, None, &packages)).await.unwrap()));
    let month = date(2026, 12, 1);
    assert!(is_damaged(timeout(soon, broker.request_calendar(&auditor, month)).await.unwrap()));
    drop(turn);
    let head = caller(&broker, "hq.head").await;
    assert!(is_damaged(broker.requests_to_do(&head, 9).await));
}

async fn packages_that_are_not_ones_own_are_left_alone(world: &World) {
    let broker = world.open().await;
    let package = executed(&broker, "sms").await;
    unreadable(&broker, package.request(), 1, &[FactKind::Started]).await;
    let counter = caller(&broker, "s1.counter").await;
    assert!(broker.package_list(&counter).await.unwrap().is_empty());
    // Of a request that was never submitted there are none either.
    let officer = caller(&broker, "hq.officer").await;
    let draft = broker.request_draft(&officer, &form("sms")).await.unwrap();
    let page = broker.package_page(&officer, Some(&draft), &Stretch::whole()).await.unwrap();
    assert!(page.lines.is_empty());
    assert!(is_damaged(broker.package_list(&officer).await));
}

async fn how_much_waits_is_counted_once(world: &World) {
    let now = Clock::system("Asia/Shanghai").unwrap().now();
    let clock = Arc::new(Clock::fixed("Asia/Shanghai", now).unwrap());
    let broker = Broker::open(&Place { clock: Some(clock.clone()), ..world.place() }).await.unwrap().0;
    let no = submitted(&broker, "sms").await;
    let head = caller(&broker, "hq.head").await;
    let officer = caller(&broker, "hq.officer").await;
    assert_eq!(broker.requests_waiting(&head).await.unwrap(), Some(1));
    assert_eq!(broker.requests_waiting(&officer).await.unwrap(), Some(0));
    // Behind the log's back nothing is counted anew; the list is worked out each time.
    let mut raw = Raw::connect(&world.url).await;
    raw.run(&format!("update request set form = '!' || form where no = '{no}'")).await.unwrap();
    assert_eq!(broker.requests_waiting(&head).await.unwrap(), Some(1));
    assert!(is_damaged(broker.requests_to_do(&head, 9).await));
    // A request more, and it is counted: how much waits is not known then.
    broker.request_draft(&officer, &form("sms")).await.unwrap();
    assert_eq!(broker.requests_waiting(&head).await.unwrap(), None);
    raw.run(&format!("update request set form = substr(form, 2) where no = '{no}'")).await.unwrap();
    broker.request_draft(&officer, &form("sms")).await.unwrap();
    assert_eq!(broker.requests_waiting(&head).await.unwrap(), Some(1));
    assert_eq!(broker.requests_waiting(&officer).await.unwrap(), Some(2));
    // It runs out with a day, and no verb says so.
    clock.set(clock.start_of(date(2098, 1, 1)));
    assert_eq!(broker.requests_waiting(&head).await.unwrap(), Some(0));
    assert_eq!(broker.requests_waiting(&officer).await.unwrap(), Some(3));
}

async fn a_month_is_picked_by_what_is_on_its_days(world: &World) {
    let broker = world.open().await;
    let package = executed(&broker, "sms").await;
    let auditor = caller(&broker, "auditor").await;
    // One of another year, whose form is none: it stands in no month.
    let mut work = broker.store().work().await.unwrap();
    let no = RequestNo::new(2020, package.request().unit().clone(), 1).unwrap();
    let like = work.view().request(package.request()).await.unwrap().unwrap();
    work.put_request(&RequestRow { no, form: "{}".into(), ..like }).await.unwrap();
    work.commit(Event::new(Action::PolicyShown, Actor::Operator)).await.unwrap();
    let month = async |year: i16, month: i8| -> Vec<(i8, Occasion)> {
        let found = broker.request_calendar(&auditor, date(year, month, 15)).await.unwrap();
        assert!(found.iter().all(|dated| dated.no == *package.request()));
        found.into_iter().map(|dated| (dated.day.day(), dated.what)).collect()
    };
    assert_eq!(month(2026, 12).await, [(20, Occasion::Opens)]);
    assert_eq!(month(2099, 1).await, [(5, Occasion::Closes), (20, Occasion::DestroyBy)]);
    for (year, of) in [(2027, 1), (2098, 12), (2099, 2)] {
        assert_eq!(month(year, of).await, []);
    }
    broker
        .package_download(step(&broker, "hq.receiver").await.unwrap(), &package, world.dir.path())
        .await
        .unwrap();
    let receiver = caller(&broker, "hq.receiver").await;
    broker.package_hand_off(&receiver, &package).await.unwrap();
    let today = broker.clock().today();
    let found = month(today.year(), today.month()).await;
    assert!(found.contains(&(today.day(), Occasion::HandedOff)), "{found:?}");
    assert_eq!(month(2099, 1).await, [(5, Occasion::Closes), (20, Occasion::ProofDue)]);
    broker.package_destroyed(&receiver, &package, today, "HT-1/7").await.unwrap();
    let found = month(today.year(), today.month()).await;
    assert!(found.contains(&(today.day(), Occasion::Proven)), "{found:?}");
    assert_eq!(month(2099, 1).await, [(5, Occasion::Closes)]);
}

async fn what_an_auditor_asks_about_comes_a_page_at_a_time(world: &World) {
    let broker = world.open().await;
    let mut made = Vec::new();
    for channel in ["sms", "post"] {
        let package = executed(&broker, channel).await;
        let receiver = step(&broker, if channel == "sms" { "hq.receiver" } else { "s1.receiver" });
        let out = tempfile::tempdir().unwrap();
        broker.package_download(receiver.await.unwrap(), &package, out.path()).await.unwrap();
        made.push(package);
    }
    // What was handed off and proven to be destroyed, and what was never fetched: nobody is asked about.
    use FactKind::{Destroyed, Downloaded, HandedOff, Started};
    unreadable(&broker, made[0].request(), 1, &[Started, Downloaded, HandedOff, Destroyed]).await;
    unreadable(&broker, made[0].request(), 2, &[Started]).await;
    unreadable(&broker, made[0].request(), 3, &[]).await;
    let auditor = caller(&broker, "auditor").await;
    let page = async |behind: Option<RequestNo>, most: u32| {
        let stretch = Stretch { behind, most: Some(most) };
        let found = broker.audit_exceptions(&auditor, &stretch).await.unwrap();
        assert_eq!((found.integrity, found.overdue.len()), (None, 0));
        let packages: Vec<PackageNo> = found.not_handed_off.into_iter().map(|one| one.package).collect();
        (packages, found.next)
    };
    let [older, newer] = [made[0].clone(), made[1].clone()];
    assert_eq!(page(None, 2).await, (vec![newer.clone(), older.clone()], None));
    let (first, next) = page(None, 1).await;
    assert_eq!((first, next.as_ref()), (vec![newer.clone()], Some(newer.request())));
    assert_eq!(page(next, 1).await, (vec![older], None));
    // One of those that wait: it is come upon, so the others were left alone.
    unreadable(&broker, made[0].request(), 4, &[Started, Downloaded]).await;
    let stretch = Stretch { behind: None, most: Some(9) };
    assert!(is_damaged(broker.audit_exceptions(&auditor, &stretch).await));
}
