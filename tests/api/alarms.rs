//! Alarms (A10b): raised within a minute, once an hour, by one of several watchers; listed, seen to; callers whom nobody knows are
//! counted by address.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use countersign::broker::alarms::Watcher;
use serde_json::{Value, json};

use crate::both;
use crate::caller::Served;
use crate::leak::Program;
use crate::support::world::block;

both!(
    a_burst_is_raised_once_and_seen_to,
    an_open_alarm_holds_back_when_the_policy_says_so,
    looks_at_a_high_tier_are_noticed,
    unknown_callers_are_counted_by_address,
    a_server_raises_it_by_itself,
);

/// Ten in the morning of the next day in Shanghai: nobody looks off hours.
fn in_the_morning(served: &Served) {
    let day = 86_400_000_000;
    served.clock.set((served.clock.now() / day + 1) * day + 2 * 3_600_000_000);
}

fn entries(served: &Served, from: u64, action: &str) -> Vec<Value> {
    served.entries(from).into_iter().filter(|entry| entry["action"] == json!(action)).collect()
}

fn a_burst_is_raised_once_and_seen_to(served: &Served) {
    in_the_morning(served);
    let (card, mobile) = served.member("S001");
    let counter = served.caller("s1.counter");
    let from = served.size();
    block(async {
        let (one, two) = (served.broker().await, served.broker().await);
        let (mut first, mut second) = (Watcher::new().unwrap(), Watcher::new().unwrap());
        // What was before there was anyone to watch is not told of.
        assert_eq!(one.watch(&mut first, &[]).await.unwrap(), Some(0));
        assert_eq!(two.watch(&mut second, &[]).await.unwrap(), None, "one process at a time");
        for _ in 0..40 {
            assert_eq!(counter.post("/api/v1/members/show", &json!({ "card": card })).status, 200);
        }
        assert_eq!(one.watch(&mut first, &[]).await.unwrap(), Some(1));
        for _ in 0..10 {
            counter.post("/api/v1/members/show", &json!({ "card": card }));
        }
        assert_eq!(one.watch(&mut first, &[]).await.unwrap(), Some(0), "once an hour");
        // Whoever comes after it knows what was told.
        served.clock.set(served.clock.now() + 31_000_000);
        assert_eq!(two.watch(&mut second, &[]).await.unwrap(), Some(0));
        counter.post("/api/v1/members/show", &json!({ "card": card }));
        assert_eq!(two.watch(&mut second, &[]).await.unwrap(), Some(0));
        assert_eq!(one.watch(&mut first, &[]).await.unwrap(), None);
        one.store().close().await;
        two.store().close().await;
    });
    let raised = entries(served, from, "alarm.raised");
    assert_eq!(raised.len(), 1);
    assert_eq!(raised[0]["object"], json!("burst/person/s1.counter"));
    assert_eq!(raised[0]["counts"], json!({ "count": 40, "minutes": 5 }));
    let told = raised[0].to_string();
    assert!(!told.contains(&card) && !told.contains(&mobile) && raised[0]["member"].is_null(), "{told}");
    // Who sees it, and who says what it was.
    let seq = raised[0]["seq"].as_u64().unwrap();
    let path = format!("/api/v1/alarms/{seq}/acknowledge");
    assert_eq!(counter.get("/api/v1/alarms").code(), "not_permitted");
    let admin = served.caller("admin");
    assert_eq!(admin.get("/api/v1/alarms").body["items"][0]["kind"], json!("burst"));
    let said = json!({ "comment": "盘点，已核实" });
    assert_eq!(admin.post(&path, &said).code(), "not_permitted");
    let auditor = served.caller("auditor");
    assert_eq!(auditor.post(&path, &json!({ "comment": " " })).code(), "bad_comment");
    assert_eq!(auditor.post(&path, &said).status, 204);
    let again = auditor.post(&path, &said);
    assert_eq!((again.status, again.code()), (409, "acknowledged_already"));
    let nothing = auditor.post("/api/v1/alarms/0/acknowledge", &said);
    assert_eq!((nothing.status, nothing.code()), (404, "unknown_alarm"));
    let listed = auditor.get("/api/v1/alarms").body["items"][0].clone();
    assert_eq!((&listed["seq"], &listed["acknowledged_by"]), (&json!(seq), &json!("auditor")));
    let seen = entries(served, from, "alarm.acknowledged");
    assert_eq!(seen.iter().filter(|e| e["decision"] == json!("allow")).count(), 1);
    assert!(!seen.iter().any(|e| e.to_string().contains("核实")), "what was said lies sealed beside it");
}

fn an_open_alarm_holds_back_when_the_policy_says_so(served: &Served) {
    in_the_morning(served);
    served.adopt(&[("guard.toml", "minutes = 0\nafter", "minutes = 30\nafter")]);
    let (card, _) = served.member("S001");
    let counter = served.caller("s1.counter");
    let show = || counter.post("/api/v1/members/show", &json!({ "card": card }));
    block(async {
        let broker = served.broker().await;
        let mut watcher = Watcher::new().unwrap();
        broker.watch(&mut watcher, &[]).await.unwrap();
        (0..40).for_each(|_| assert_eq!(show().status, 200));
        assert_eq!(broker.watch(&mut watcher, &[]).await.unwrap(), Some(1));
        broker.store().close().await;
    });
    let held = show();
    assert_eq!((held.status, held.code(), held.header("retry-after")), (429, "slowed_down", "1801"));
    let mine = served.caller("mem.head").post("/api/v1/members/show", &json!({ "card": card }));
    assert_eq!(mine.status, 200, "it is about one person");
    let auditor = served.caller("auditor");
    let seq = auditor.get("/api/v1/alarms").body["items"][0]["seq"].as_u64().unwrap();
    let seen = auditor.post(&format!("/api/v1/alarms/{seq}/acknowledge"), &json!({ "comment": "核实" }));
    assert_eq!((seen.status, show().status), (204, 200));
}

fn looks_at_a_high_tier_are_noticed(served: &Served) {
    in_the_morning(served);
    let tiers = "tiers = [\"ordinary\", \"silver\", \"gold\", \"platinum\"]";
    served.adopt(&[("guard.toml", "tiers = [\"platinum\"]", tiers)]);
    let (card, _) = served.member("S001");
    let counter = served.caller("s1.counter");
    let from = served.size();
    (0..10)
        .for_each(|_| assert_eq!(counter.post("/api/v1/members/show", &json!({ "card": card })).status, 200));
    block(async {
        let broker = served.broker().await;
        let mut watcher = Watcher::new().unwrap();
        assert_eq!(broker.watch(&mut watcher, &[]).await.unwrap(), Some(1));
        assert_eq!(broker.watch(&mut watcher, &[]).await.unwrap(), Some(0));
        broker.store().close().await;
    });
    assert_eq!(entries(served, from, "alarm.raised")[0]["object"], json!("vip/person/s1.counter"));
    let shown = entries(served, from, "member.shown");
    assert!(!shown[0].to_string().contains("vip"), "no entry says a member's tier");
}

/// A storm from two addresses is two entries, not a hundred; signed in, a wrong password is an entry of one's own.
fn unknown_callers_are_counted_by_address(served: &Served) {
    let from = served.size();
    let mut nobody = served.nobody();
    for address in ["192.0.2.7", "2001:db8::1", "2001:db8::2"] {
        nobody.headers = vec![("x-forwarded-for".into(), address.into())];
        for _ in 0..4 {
            let sign_in = json!({ "login": "nobody.here", "password": "a wrong password" });
            nobody.post("/api/v1/session", &sign_in);
            assert_eq!(nobody.get("/api/v1/requests").code(), "not_signed_in");
        }
        nobody.post(
            "/api/v1/enrolments",
            &json!({ "login": "s1.counter", "code": "0", "password": "a long one" }),
        );
    }
    let counter = served.caller("s1.counter");
    counter.post("/api/v1/session/step-up", &json!({ "password": "a wrong password" }));
    assert_eq!(entries(served, from, "anonymous.refused").len(), 0);
    // They are written at the end of the server at the latest; here, the time has come.
    let stopped = served.beside();
    let mut there = crate::caller::Caller::of(stopped.address);
    there.headers = vec![("x-forwarded-for".into(), "192.0.2.7".into())];
    assert_eq!(there.get("/api/v1/session").code(), "not_signed_in");
    drop(stopped);
    let written = entries(served, from, "anonymous.refused");
    assert_eq!(written.len(), 1, "a server that stops writes down what it counted");
    assert_eq!(written[0]["counts"], json!({ "not_signed_in": 1 }));
    assert_eq!(written[0]["actor"], json!({ "kind": "anonymous" }));
    let tag = written[0]["object"].as_str().unwrap();
    assert!(tag.starts_with("address/") && !tag.contains("192.0.2.7"), "{tag}");
    let own = entries(served, from, "session.stepped_up");
    assert_eq!((&own[0]["decision"], &own[0]["actor"]["login"]), (&json!("refuse"), &json!("s1.counter")));
    assert!(
        entries(served, from, "person.unknown").is_empty()
            && entries(served, from, "person.enrolled").is_empty()
    );
}

/// The program itself, within a minute of the last look.
fn a_server_raises_it_by_itself(served: &Served) {
    // The program has the machine's clock, and the log must not be ahead of ours.
    let tick = || served.clock.set(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64);
    tick();
    let (card, _) = served.member("S001");
    let counter = served.caller("s1.counter");
    let (from, auditor) = (served.size(), served.caller("auditor"));
    let program = Program::start(&served.world, &[]);
    let begun = Instant::now();
    // More than the alarm needs: what was before the program's first look at the log is not told of.
    for _ in 0..90 {
        tick();
        counter.post("/api/v1/members/show", &json!({ "card": card }));
    }
    while auditor.get("/api/v1/alarms").body["items"].as_array().unwrap().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no alarm within a minute: {}", program.stop());
        std::thread::sleep(Duration::from_millis(500));
        tick();
    }
    tick();
    // At night it is two: the machine's clock is what it is.
    let raised = entries(served, from, "alarm.raised");
    assert!(raised.iter().any(|e| e["object"] == json!("burst/person/s1.counter")), "{raised:?}");
    assert!(program.stop().contains("alarms were raised"));
}
