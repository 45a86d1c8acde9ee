//! Lists and the count that stands on every page: what is done with, and what is on another page, is not worked out.
//!
//! Of many requests the stored rounds are no rounds at all: whoever works one of them out comes upon an integrity error, and
//! the page is none. So a page that comes has worked out none of them.

use countersign::audit::event::{Action, Actor, Event};
use countersign::broker::Broker;
use countersign::model::ids::{Digest, PackageNo, RequestNo};
use countersign::store::packages::{FactKind, PackageFact, PackageRow};
use countersign::store::requests::{RequestRow, SignatureRow, SubmissionRow};

use crate::caller::{Caller, Served};
use crate::support::world::{On, block, cast, executed, form, handed_off, login, step, submitted};

#[test]
fn what_is_done_with_is_not_worked_out_on_sqlite() {
    what_is_done_with_is_not_worked_out(On::Sqlite);
}

#[test]
fn what_is_done_with_is_not_worked_out_on_postgres() {
    what_is_done_with_is_not_worked_out(On::Postgres);
}

#[test]
fn one_broken_request_closes_no_other_page_on_sqlite() {
    one_broken_request_closes_no_other_page(On::Sqlite);
}

#[test]
fn one_broken_request_closes_no_other_page_on_postgres() {
    one_broken_request_closes_no_other_page(On::Postgres);
}

/// How much waits is not known then, and no number is shown; the list of it says why.
fn one_broken_request_closes_no_other_page(on: On) {
    let served = Served::start(on);
    block(async {
        let broker = served.broker().await;
        let waits = submitted(&broker, "sms").await;
        let like = broker.store().view().await.unwrap().request(&waits).await.unwrap().unwrap();
        let no = RequestNo::new(2020, waits.unit().clone(), 1).unwrap();
        let mut work = broker.store().work().await.unwrap();
        work.put_request(&RequestRow { no: no.clone(), created_at: 1, ..like }).await.unwrap();
        let body = b"no round".to_vec();
        let round = SubmissionRow { no, round: 1, digest: Digest::of(&body), body };
        work.add_submission(&round).await.unwrap();
        work.commit(Event::new(Action::PolicyShown, Actor::Operator)).await.unwrap();
        broker.store().close().await;
    });
    let head = browser(&served, "hq.head");
    for path in ["/account", "/requests/new", "/requests/calendar?month=2027-01"] {
        let shown = page(&head, path);
        assert!(!title(&shown).starts_with('('), "{path}: {}", title(&shown));
        assert!(!shown.contains("<span class=\"count\""), "{path}: {shown}");
    }
    for path in ["/", "/requests?mine=todo", "/requests"] {
        let broken = head.get(path);
        assert_eq!(broken.status, 500, "{path}: {}", broken.text());
    }
    // Whom it does not concern is told how much waits for them.
    let officer = browser(&served, cast("post")[0]);
    assert!(!title(&page(&officer, "/")).starts_with('('));
}

/// Requests of a package's form that are done with and cannot be worked out, of before all others.
async fn unreadable(broker: &Broker, like: &PackageNo, many: u32) {
    let mut view = broker.store().view().await.unwrap();
    let mut facts = view.package_facts(like).await.unwrap();
    let like = view.request(like.request()).await.unwrap().unwrap();
    drop(view);
    let handed = PackageFact { kind: FactKind::HandedOff, body: "{}".into(), ..facts[0].clone() };
    facts.push(handed);
    let mut work = broker.store().work().await.unwrap();
    for serial in 1..=many {
        let no = RequestNo::new(2020, like.no.unit().clone(), serial).unwrap();
        let at = i64::from(serial);
        let row = RequestRow { no: no.clone(), created_at: at, changed_at: at, ..like.clone() };
        work.put_request(&row).await.unwrap();
        let body = b"no round".to_vec();
        let round = SubmissionRow { no: no.clone(), round: 1, digest: Digest::of(&body), body };
        work.add_submission(&round).await.unwrap();
        let ended = match serial % 4 {
            0 => Some(r#"{"act":"reject"}"#),
            1 => Some(r#"{"act":"recall"}"#),
            2 => Some(r#"{"act":"return","comment":"\"back_to\":\"dept\""}"#),
            _ => None,
        };
        match ended {
            None => {
                let no = PackageNo::new(no, 1).unwrap();
                let package = PackageRow { no: no.clone(), round: 1, executor: login("hq.it"), live: true };
                work.add_package(&package).await.unwrap();
                for fact in &facts {
                    work.add_package_fact(&no, fact).await.unwrap();
                }
            }
            Some(payload) => {
                let (payload, sig) = (payload.as_bytes().to_vec(), vec![0; 64]);
                let signer = login("hq.head");
                let fact = SignatureRow { no, round: 1, number: 1, payload, sig, signer };
                work.add_signature(&fact).await.unwrap();
            }
        }
    }
    work.commit(Event::new(Action::PolicyShown, Actor::Operator)).await.unwrap();
}

/// Somebody's browser, without one.
fn browser(served: &Served, who: &str) -> Caller {
    let mut caller = served.browser(who);
    caller.headers.push(("accept-language".into(), "en".into()));
    caller
}

/// A page, or a panic with what came instead.
fn page(of: &Caller, path: &str) -> String {
    let answer = of.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text()
}

fn title(page: &str) -> &str {
    page.split_once("<title>").unwrap().1.split_once("</title>").unwrap().0
}

fn what_is_done_with_is_not_worked_out(on: On) {
    let served = Served::start(on);
    let (waits, package) = block(async {
        let broker = served.broker().await;
        let package = executed(&broker, "sms").await;
        let waits = submitted(&broker, "sms").await;
        let officer = step(&broker, cast("sms")[0]).await.unwrap();
        for _ in 0..60 {
            broker.request_draft(officer.caller(), &form("sms")).await.unwrap();
        }
        unreadable(&broker, &package, 240).await;
        broker.store().close().await;
        (waits, package)
    });
    // Whom one request waits for is told so on every page, and is shown that one.
    let head = browser(&served, "hq.head");
    for path in ["/", "/requests?mine=todo", "/account", "/requests/new"] {
        assert!(title(&page(&head, path)).starts_with("(1) "), "{path}: {}", title(&page(&head, path)));
    }
    let home = page(&head, "/");
    assert_eq!(home.matches("<tr class=\"mine\">").count(), 1, "{home}");
    assert!(home.contains(&waits.to_string()));
    // Every draft waits for the officer; a page of them is shown, and all are counted.
    let officer = browser(&served, cast("sms")[0]);
    let home = page(&officer, "/");
    assert!(title(&home).starts_with("(60) "), "{}", title(&home));
    assert_eq!(home.matches("<tr class=\"mine\">").count(), 50);
    assert!(home.contains("<a href=\"/requests?mine=todo\">"));
    // A list has one page of them, and the way to the next.
    let first = page(&officer, "/requests");
    assert_eq!(first.matches("<th scope=\"row\">").count(), 50);
    let next = first.split_once("<a href=\"/requests?behind=").unwrap().1.split_once('"').unwrap().0;
    let todo = page(&officer, "/requests?mine=todo");
    assert!(todo.contains("<a href=\"/requests?mine=todo&#38;behind="), "{todo}");
    // The next has the rest of those that are worked out, and then those that cannot be: so it is they that were not.
    let broken = officer.get(&format!("/requests?behind={next}"));
    assert_eq!(broken.status, 500, "{}", broken.text());
    // Whose package waits to be fetched sees it, until it is handed off.
    let receiver = browser(&served, "hq.receiver");
    assert!(title(&page(&receiver, "/")).starts_with("(1) "));
    let shown = page(&receiver, &format!("/packages?of={}", package.request()));
    assert!(shown.contains(&format!("id=\"p-{package}\"")));
    block(async {
        let broker = served.broker().await;
        handed_off(&broker, &package).await;
        broker.store().close().await;
    });
    let home = page(&receiver, "/");
    assert!(!title(&home).starts_with('('), "{}", title(&home));
    assert!(!home.contains("<tr"));
}
