//! What people and systems read: requests complete, packages with their story, policies explained, the organisation
//! (A4a, A8d, A9b, A11, A12).

use std::sync::Arc;

use countersign::broker::Broker;
use countersign::broker::awaiting::Awaiting;
use countersign::broker::editions::Seen;
use countersign::broker::explaining::Question;
use countersign::broker::paging::Stretch;
use countersign::broker::showing::{Filter, Mine, RequestShown, Status};
use countersign::clock::Clock;
use countersign::model::code::{Role, Step};
use countersign::model::ids::{RequestNo, UnitCode};
use countersign::policy::{Act, PolicyFiles};
use countersign::store::Place;

use crate::both;
use crate::chain::second;
use crate::support::world::{World, code, executed, form, handed_off, login, signed, step, submitted};

both!(
    a_request_says_who_may_do_what_and_why_not,
    what_it_says_of_a_verb_is_what_the_verb_says,
    rounds_changes_and_similar_pulls_are_shown,
    lists_are_filtered_by_what_a_request_is_to_one,
    a_vendors_attestation_ends_what_an_auditor_is_told,
    a_package_stays_with_the_receiver_of_its_own_round,
    policies_are_read_explained_compared_and_taken_back,
    the_organisation_is_read_by_who_keeps_and_who_reviews_it,
);

async fn show(broker: &Broker, who: &str, no: &RequestNo) -> RequestShown {
    broker.request_show(step(broker, who).await.unwrap().caller(), no).await.unwrap()
}

fn why_not(shown: &RequestShown, verb: &str) -> &'static str {
    let ability = shown.whole.can.iter().find(|a| a.verb == verb).unwrap();
    assert_eq!(ability.may, ability.not.is_none(), "{verb}");
    ability.not.as_ref().map_or("done", |not| not.code)
}

async fn a_request_says_who_may_do_what_and_why_not(world: &World) {
    let broker = world.open().await;
    let no = submitted(&broker, "sms").await;
    let planner = show(&broker, "hq.planner", &no).await;
    assert_eq!(why_not(&planner, "sign"), "not_your_step");
    assert_eq!(why_not(&planner, "execute"), "not_permitted");
    let not = planner.whole.can.iter().find(|a| a.verb == "sign").unwrap().not.as_ref().unwrap();
    assert!(not.rule.starts_with("A6a") && !not.hint.is_empty() && !not.why.is_empty());
    let head = show(&broker, "hq.head", &no).await;
    assert_eq!(["sign", "return", "reject", "transfer"].map(|verb| why_not(&head, verb)), ["done"; 4]);
    let officer = show(&broker, "hq.officer", &no).await;
    assert_eq!(why_not(&officer, "submit"), "in_progress");
    assert_eq!(why_not(&officer, "recall"), "done");

    // The rail, before and after a signature.
    let rail = |shown: &RequestShown| -> Vec<(String, Option<String>)> {
        let slot = |s: &countersign::broker::showing::SlotShown| {
            (s.slot.to_string(), s.by.as_ref().map(ToString::to_string))
        };
        shown.whole.chain.iter().map(slot).collect()
    };
    assert_eq!(rail(&head)[0], ("dept".to_owned(), None));
    assert_eq!(head.whole.chain[0].could, [login("hq.deputy"), login("hq.head")]);
    broker.request_sign(step(&broker, "hq.head").await.unwrap(), &no, Some("good"), None).await.unwrap();
    let shown = show(&broker, "hq.officer", &no).await;
    assert_eq!(rail(&shown)[0], ("dept".to_owned(), Some("hq.head".to_owned())));
    let said: Vec<_> = shown.whole.timeline.iter().map(|h| (h.what.as_str(), h.comment.as_deref())).collect();
    assert_eq!(said, [("submit", None), ("approve", Some("good"))]);
    let leaves = &shown.whole.leaves;
    assert_eq!((leaves.columns.clone(), leaves.vendor_ready), (vec!["mobile".to_owned()], true));
}

/// In every state, for everyone: a verb that is said to be possible is, and one that is not fails with that code.
async fn what_it_says_of_a_verb_is_what_the_verb_says(world: &World) {
    let broker = world.open().await;
    let whole = signed(&broker, "sms").await;
    let waiting = submitted(&broker, "sms").await;
    let officer = step(&broker, "hq.officer").await.unwrap();
    let draft = broker.request_draft(officer.caller(), &form("sms")).await.unwrap();
    for who in ["hq.officer", "hq.head", "hq.planner", "mem.head", "hq.it", "hq.receiver", "auditor"] {
        for no in [&draft, &waiting, &whole] {
            let shown = show(&broker, who, no).await;
            // Asked in ways that do nothing: with a comment too many, and by who cannot.
            let blank = |result| match code::<Step>(result) {
                "bad_comment" => "done",
                other => other,
            };
            let stepped = async || step(&broker, who).await.unwrap();
            let returned = blank(broker.request_return(stepped().await, no, " ").await);
            assert_eq!(why_not(&shown, "return"), returned, "{who} {no}");
            let long = "x".repeat(501);
            let recalled = match code(broker.request_recall(stepped().await, no, Some(&long)).await) {
                "bad_comment" => "done",
                other => other,
            };
            assert_eq!(why_not(&shown, "recall"), recalled, "{who} {no}");
            if why_not(&shown, "execute") != "done" {
                let executed = code(broker.request_execute(stepped().await, no, &|_, _| {}).await);
                assert_eq!(why_not(&shown, "execute"), executed, "{who} {no}");
            }
            if why_not(&shown, "submit") != "done" {
                let submitted = code(broker.request_submit(stepped().await, no).await);
                assert_eq!(why_not(&shown, "submit"), submitted, "{who} {no}");
            }
        }
    }
    assert_eq!(why_not(&show(&broker, "hq.it", &whole).await, "execute"), "done");
}

async fn rounds_changes_and_similar_pulls_are_shown(world: &World) {
    let broker = world.open().await;
    let made = executed(&broker, "sms").await;
    let no = submitted(&broker, "sms").await;
    broker.request_return(step(&broker, "hq.head").await.unwrap(), &no, "fewer").await.unwrap();
    let fewer = form("sms").replace("500000", "400000");
    let officer = step(&broker, "hq.officer").await.unwrap();
    broker.request_revise(officer.caller(), &no, &fewer, &Seen::default()).await.unwrap();
    let changed = |shown: &RequestShown| -> Vec<(String, String, String)> {
        let told = |c: &countersign::broker::showing::Change| {
            (c.field.clone(), c.before.to_string(), c.now.to_string())
        };
        shown.whole.changed.iter().map(told).collect()
    };
    let limit = [("row_limit".to_owned(), "500000".to_owned(), "400000".to_owned())];
    assert_eq!(changed(&show(&broker, "hq.officer", &no).await), limit, "before it is submitted");
    broker.request_submit(officer, &no).await.unwrap();
    let shown = show(&broker, "hq.head", &no).await;
    assert_eq!(changed(&shown), limit, "and after");
    assert_eq!(shown.whole.rounds.iter().map(|r| r.facts.len()).collect::<Vec<_>>(), [2, 1]);
    let similar = &shown.whole.similar;
    assert_eq!(similar.iter().map(|s| &s.package).collect::<Vec<_>>(), [&made]);
    assert!(similar[0].same_selection);
    let post = submitted(&broker, "post").await;
    assert!(show(&broker, "s1.head", &post).await.whole.similar.is_empty(), "another channel");
}

async fn lists_are_filtered_by_what_a_request_is_to_one(world: &World) {
    let broker = world.open().await;
    let (waiting, whole) = (submitted(&broker, "sms").await, signed(&broker, "sms").await);
    let post = submitted(&broker, "post").await;
    let list = async |who: &str, filter: Filter| -> Vec<String> {
        let who = step(&broker, who).await.unwrap();
        let lines = broker.request_list_of(who.caller(), &filter).await.unwrap();
        let mut numbers: Vec<String> = lines.into_iter().map(|line| line.no.to_string()).collect();
        numbers.sort();
        numbers
    };
    let mine = |mine| Filter { mine: Some(mine), ..Filter::default() };
    assert_eq!(list("hq.head", mine(Mine::Todo)).await, [waiting.to_string()]);
    assert_eq!(list("hq.head", mine(Mine::Done)).await, [whole.to_string()]);
    assert_eq!(list("hq.it", mine(Mine::Todo)).await, [whole.to_string()]);
    assert_eq!(list("hq.officer", mine(Mine::Started)).await, [waiting.to_string(), whole.to_string()]);
    assert_eq!(list("mem.head", Filter::default()).await.len(), 3);
    let status = |status| Filter { status: Some(status), ..Filter::default() };
    assert_eq!(list("mem.head", status(Status::Signed)).await, [whole.to_string()]);
    let unit = UnitCode::parse("S001-MKT").unwrap();
    assert_eq!(list("mem.head", Filter { unit: Some(unit), ..Filter::default() }).await, [post.to_string()]);
    let head = step(&broker, "mem.head").await.unwrap();
    for line in broker.request_list_of(head.caller(), &Filter::default()).await.unwrap() {
        let is_open = matches!(line.status, Status::Waiting | Status::Signed);
        assert_eq!(line.days_left.is_some_and(|days| days > 0), is_open, "{line:?}");
    }
    let officer = step(&broker, "hq.officer").await.unwrap();
    broker.request_cc(officer.caller(), &whole, &login("s2.officer")).await.unwrap();
    assert_eq!(list("s2.officer", mine(Mine::Cc)).await, [whole.to_string()]);
}

async fn a_vendors_attestation_ends_what_an_auditor_is_told(world: &World) {
    let now = Clock::system("Asia/Shanghai").unwrap().now();
    let clock = Arc::new(Clock::fixed("Asia/Shanghai", now).unwrap());
    let broker = Broker::open(&Place { clock: Some(clock.clone()), ..world.place() }).await.unwrap().0;
    let package = executed(&broker, "sms").await;
    let ended = async |who: &str| -> Vec<(RequestNo, Status)> {
        let waits = broker.requests_to_do(step(&broker, who).await.unwrap().caller(), 9).await.unwrap();
        waits.ended.into_iter().map(|line| (line.no, line.status)).collect()
    };
    assert_eq!(ended("hq.officer").await, [(package.request().clone(), Status::Executed)]);
    assert_eq!(ended("hq.head").await, [], "who signed it did not begin it");
    let told = async || {
        let auditor = step(&broker, "auditor").await.unwrap();
        let found = broker.audit_exceptions(auditor.caller(), &Stretch::whole()).await.unwrap();
        assert_eq!((found.integrity, found.unproven_keys.len()), (None, 0));
        (found.overdue.len(), found.not_handed_off.len())
    };
    let destroyed = async |who: &str, day: &str, reference: &str| {
        let who = step(&broker, who).await.unwrap();
        code(broker.package_destroyed(who.caller(), &package, day.parse().unwrap(), reference).await)
    };
    let proofs = async |who: &str| {
        let awaits = broker.awaiting(step(&broker, who).await.unwrap().caller()).await.unwrap();
        assert_eq!(Awaiting { proofs: 0, overdue: 0, ..awaits }, Awaiting::default());
        (awaits.proofs, awaits.overdue)
    };
    let today = clock.today().to_string();
    assert_eq!(told().await, (0, 0));
    let out = world.dir.path().join("handed");
    std::fs::create_dir(&out).unwrap();
    broker.package_download(step(&broker, "hq.receiver").await.unwrap(), &package, &out).await.unwrap();
    assert_eq!(told().await, (0, 1), "fetched, and no record where it went");
    assert_eq!(destroyed("hq.receiver", &today, "HT-1/7").await, "not_handed_off");
    let receiver = step(&broker, "hq.receiver").await.unwrap();
    broker.package_hand_off(receiver.caller(), &package).await.unwrap();
    assert_eq!(told().await, (0, 0));
    // The form's day is 2099-01-20.
    let day = |text: &str| text.parse::<jiff::civil::Date>().unwrap();
    for (at, waits) in [("2099-01-12", (0, 0)), ("2099-01-13", (1, 0)), ("2099-01-20", (1, 0))] {
        clock.set(clock.start_of(day(at)));
        assert_eq!(told().await, (0, 0), "{at}: the day itself is in time");
        assert_eq!(ended("hq.officer").await, [], "{at}: long ago");
        assert_eq!(proofs("hq.receiver").await, waits, "{at}");
    }
    clock.set(clock.start_of(day("2099-01-21")));
    assert_eq!(told().await, (1, 0));
    assert_eq!((proofs("hq.receiver").await, proofs("s1.receiver").await), ((1, 1), (0, 0)));
    for (who, day, reference, wanted) in [
        ("hq.planner", "2099-01-21", "HT-1/7", "not_permitted"),
        ("s1.receiver", "2099-01-21", "HT-1/7", "not_receiver"),
        ("hq.receiver", "2099-01-22", "HT-1/7", "bad_attestation"),
        ("hq.receiver", "2020-01-01", "HT-1/7", "bad_attestation"),
        ("hq.receiver", "2099-01-21", " ", "bad_attestation"),
        ("hq.receiver", "2099-01-21", "HT-1/7", "done"),
        ("hq.receiver", "2099-01-21", "HT-1/7", "destroyed_already"),
    ] {
        assert_eq!(destroyed(who, day, reference).await, wanted, "{who} {day} {reference}");
    }
    assert_eq!((told().await, proofs("hq.receiver").await), ((0, 0), (0, 0)));
    let shown = broker.package_show(receiver.caller(), &package).await.unwrap();
    let facts: Vec<String> = shown.facts.iter().map(|f| f.what.to_string()).collect();
    assert_eq!(facts, ["started", "sealed", "downloaded", "handed_off", "destroyed"]);
    assert_eq!(shown.facts[4].record.as_ref().unwrap()["reference"], "HT-1/7");
    assert_eq!(shown.rows.unwrap() + shown.excluded.unwrap().values().sum::<u64>(), shown.selected.unwrap());
    let officer = step(&broker, "hq.officer").await.unwrap();
    assert_eq!(code(broker.audit_exceptions(officer.caller(), &Stretch::whole()).await), "not_permitted");
    assert_eq!(broker.audit_verify(true, &[]).await.unwrap().problems, []);
}

/// Handed off, recalled, and asked for again with another receiver: what is left to be done with it is still his who
/// handed it over.
async fn a_package_stays_with_the_receiver_of_its_own_round(world: &World) {
    let broker = world.open().await;
    let package = executed(&broker, "sms").await;
    handed_off(&broker, &package).await;
    let head = step(&broker, "mem.head").await.unwrap();
    broker.package_recall(head.caller(), &package, "wrong campaign").await.unwrap();
    let admin = step(&broker, "admin").await.unwrap();
    let both = "[[person]]\nlogin = \"hq.planner\"\nname = \"hq.planner\"\nunit = \"HQ-PLAN\"\nrank = \"manager\"\n\
                roles = [\"planning_head\", \"planning_officer\"]\n";
    let change = broker.org_apply(admin.caller(), both, false).await.unwrap();
    let proposals = async |who: &str| {
        broker.awaiting(step(&broker, who).await.unwrap().caller()).await.unwrap().proposals
    };
    // Whoever proposed it has nothing to second, and who is no administrator neither.
    assert_eq!((proposals("admin2").await, proposals("admin").await, proposals("hq.head").await), (1, 0, 0));
    second(&broker, change.proposal).await;
    assert_eq!(proposals("admin2").await, 0);
    let officer = step(&broker, "hq.officer").await.unwrap();
    let other = form("sms").replace("hq.receiver", "hq.planner").replace("2099-01-20", "2099-01-19");
    broker.request_revise(officer.caller(), package.request(), &other, &Seen::default()).await.unwrap();
    broker.request_submit(officer, package.request()).await.unwrap();

    let today = broker.clock().today();
    let listed = async |who: &str| {
        let who = step(&broker, who).await.unwrap();
        let lines = broker.package_list(who.caller()).await.unwrap();
        let line = lines.into_iter().find(|line| line.no == package);
        line.map(|line| (line.receives, line.may_attest, line.destroy_by))
    };
    let its_day = "2099-01-20".to_owned();
    assert_eq!(listed("hq.receiver").await, Some((true, true, its_day.clone())));
    assert_eq!(listed("hq.planner").await, Some((false, false, its_day.clone())));
    let destroyed = async |who: &str| {
        let who = step(&broker, who).await.unwrap();
        code(broker.package_destroyed(who.caller(), &package, today, "HT-1/7").await)
    };
    assert_eq!(destroyed("hq.planner").await, "not_receiver");
    let receiver = step(&broker, "hq.receiver").await.unwrap();
    let far = broker.request_progress(receiver.caller(), package.request()).await.unwrap().unwrap();
    assert_eq!(far.package, package);
    let shown = broker.package_show(receiver.caller(), &package).await.unwrap();
    assert_eq!((shown.receiver.to_string(), shown.destroy_by), ("hq.receiver".to_owned(), its_day));
    assert_eq!(destroyed("hq.receiver").await, "done");
}

async fn policies_are_read_explained_compared_and_taken_back(world: &World) {
    let broker = world.open().await;
    let admin = step(&broker, "admin").await.unwrap();
    // A version that holds no more, as it was.
    let first = broker.policy_read(admin.caller(), 1).await.unwrap();
    assert!(first.files["switches.toml"].contains("store_scope = \"own\""));
    assert_eq!(code(broker.policy_read(admin.caller(), 99).await.map(drop)), "unknown_policy");

    let ask = async |who: &str, question: Question| {
        broker.policy_explain(step(&broker, who).await.unwrap().caller(), &question).await
    };
    let about = |who: &str, unit: &str| Question::Act {
        login: Some(login(who)),
        roles: vec![],
        act: Act::MemberReveal,
        unit: Some(UnitCode::parse(unit).unwrap()),
    };
    let own = ask("auditor", about("s1.counter", "S001")).await.unwrap();
    assert!(own.allowed && own.lines.len() == 1 && own.lines[0].counts, "{own:?}");
    assert!(own.lines[0].text.starts_with("counter,member_reveal,own,allow"), "{own:?}");
    let other = ask("auditor", about("s1.counter", "S002")).await.unwrap();
    assert!(!other.allowed && !other.lines[0].counts && other.code == Some("not_permitted"), "{other:?}");
    assert_eq!(code(ask("hq.officer", about("s1.counter", "S001")).await), "not_permitted");
    assert_eq!(code(ask("s1.counter", about("s1.counter", "S001")).await), "done", "about oneself");
    let both = Question::Act {
        login: None,
        roles: vec![Role::Counter, Role::Auditor],
        act: Act::MemberReveal,
        unit: None,
    };
    let denied = ask("hq.officer", both).await.unwrap();
    assert!(!denied.allowed && denied.lines.iter().any(|l| l.text.ends_with("deny")), "{denied:?}");

    // A proposal that lets vendor managers list packages, compared and taken back.
    let mut files = broker.policy_read(admin.caller(), 2).await.unwrap().files;
    let acts = files.get_mut("acts.csv").unwrap();
    *acts = acts.replace(
        "auditor,package_list,any,allow",
        "auditor,package_list,any,allow\nvendor_manager,package_list,own,allow",
    );
    let files = PolicyFiles::new(files).unwrap();
    let id = broker.policy_propose(admin, files, None).await.unwrap();
    let admin = step(&broker, "admin").await.unwrap();
    let seconds =
        async |who: &str| broker.awaiting(step(&broker, who).await.unwrap().caller()).await.unwrap().policies;
    assert_eq!((seconds("admin2").await, seconds("admin").await, seconds("hq.head").await), (1, 0, 0));
    let differs = broker.policy_simulate(admin.caller(), id).await.unwrap();
    assert_eq!(differs.files, ["acts.csv"]);
    let acts: Vec<_> = differs.acts.iter().map(|c| (c.role, c.act, c.place.code(), c.now, c.then)).collect();
    assert_eq!(acts, [(Role::VendorManager, Act::PackageList, "own", false, true)]);
    assert!(differs.fields.is_empty());
    let head = step(&broker, "mem.head").await.unwrap();
    assert_eq!(code(broker.policy_withdraw(head.caller(), id).await), "not_permitted");
    assert_eq!(code(broker.policy_withdraw(admin.caller(), 2).await), "seconded_already");
    broker.policy_withdraw(admin.caller(), id).await.unwrap();
    assert_eq!(seconds("admin2").await, 0);
    assert_eq!(code(broker.policy_second(head, id).await), "withdrawn_already");
    assert_eq!(code(broker.policy_withdraw(admin.caller(), id).await), "withdrawn_already");
    let matrices = broker.policy_matrices(admin.caller()).await.unwrap();
    assert_eq!(matrices.acts.len(), Act::ALL.len());
    assert_eq!(broker.audit_verify(true, &[]).await.unwrap().problems, []);
}

async fn the_organisation_is_read_by_who_keeps_and_who_reviews_it(world: &World) {
    let broker = world.open().await;
    let auditor = step(&broker, "auditor").await.unwrap();
    let officer = step(&broker, "hq.officer").await.unwrap();
    let org = broker.org_show(auditor.caller()).await.unwrap();
    let unit = org.units.iter().find(|u| u.code.as_str() == "HQ-MKT").unwrap();
    assert_eq!((unit.people, &unit.officers[..]), (2, &[login("hq.officer")][..]));
    assert!(!org.gaps.contains(&"HQ-MKT".to_owned()), "{:?}", org.gaps);
    let admin = step(&broker, "admin").await.unwrap();
    let people = broker.people_page(auditor.caller(), &Stretch::whole()).await.unwrap().lines;
    let shown = people.iter().find(|p| p.login == login("hq.officer")).unwrap();
    assert_eq!((shown.roles[0].role, shown.enrolled), (Role::InfoOfficer, true));
    assert!(shown.key.is_some() && people.iter().all(|p| p.enrolled == p.key.is_some()));
    assert_eq!(code(broker.people_page(officer.caller(), &Stretch::whole()).await), "not_permitted");
    assert_eq!(code(broker.person_show(officer.caller(), &login("hq.head")).await), "not_permitted");
    assert_eq!(code(broker.person_show(officer.caller(), &login("hq.officer")).await), "done", "oneself");
    assert_eq!(code(broker.person_show(admin.caller(), &login("nobody")).await), "unknown_login");

    broker.suspend(admin.caller(), &login("hq.officer"), true).await.unwrap();
    let gaps = broker.org_show(auditor.caller()).await.unwrap().gaps;
    assert!(gaps.contains(&"HQ-MKT".to_owned()), "{gaps:?}");
}
