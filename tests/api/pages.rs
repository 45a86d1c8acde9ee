//! Lists in pages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::both;
use crate::caller::Served;
use crate::support::world::{block, executed, form};

both!(
    a_list_comes_in_pages,
    every_list_has_each_of_its_lines_once,
    a_cursor_tells_nobody_of_what_is_not_theirs,
    the_log_is_read_backwards,
    the_log_is_asked_for_what_fits,
);

fn a_list_comes_in_pages(served: &Served) {
    let officer = served.caller("hq.officer");
    let draft = || officer.send("POST", "/api/v1/requests", "application/toml", form("sms").as_bytes());
    let mut drafted: Vec<Value> = (0..5).map(|_| draft().body["no"].clone()).collect();
    drafted.sort_by_key(Value::to_string);
    let (mut seen, mut path) = (Vec::new(), "/api/v1/requests?limit=2".to_owned());
    for left in [3, 1, 0] {
        let page = officer.get(&path);
        assert_eq!(page.status, 200, "{}", page.body);
        seen.extend(page.body["items"].as_array().unwrap().iter().map(|line| line["no"].clone()));
        match page.body["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/requests?limit=2&cursor={cursor}"),
            None => assert_eq!(left, 0),
        }
    }
    seen.sort_by_key(Value::to_string);
    assert_eq!(seen, drafted, "each once");
    for (query, pointer) in [("limit=0", "/limit"), ("limit=201", "/limit"), ("cursor=%21", "/cursor")] {
        let wrong = officer.get(&format!("/api/v1/requests?{query}"));
        assert_eq!((wrong.status, &wrong.body["pointer"]), (422, &json!(pointer)), "{query}");
    }
}

fn every_list_has_each_of_its_lines_once(served: &Served) {
    let packages = block(async {
        let broker = served.broker().await;
        let made = [executed(&broker, "sms").await, executed(&broker, "sms").await].map(|no| no.to_string());
        broker.store().close().await;
        made
    });
    let all = |who: &str, path: &str, key: &str, limit: usize| -> Vec<String> {
        let (caller, mut found, mut cursor) = (served.caller(who), Vec::new(), String::new());
        loop {
            let page = caller.get(&format!("{path}?limit={limit}{cursor}")).body;
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= limit, "{page}");
            found.extend(items.iter().map(|item| item[key].as_str().unwrap().to_owned()));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return found,
            }
        }
    };
    let [first, second] = packages;
    assert_eq!(all("auditor", "/api/v1/packages", "no", 1), [second, first], "the newest request's first");
    let people = all("admin", "/api/v1/people", "login", 200);
    assert!(people.is_sorted() && people.len() > 15, "{people:?}");
    assert_eq!(all("admin", "/api/v1/people", "login", 7), people);
}

/// Behind what one may not see a list begins as behind what is not there: anew.
fn a_cursor_tells_nobody_of_what_is_not_theirs(served: &Served) {
    let [theirs, own] = block(async {
        let broker = served.broker().await;
        let made = [executed(&broker, "sms").await, executed(&broker, "post").await];
        broker.store().close().await;
        made
    });
    let officer = served.caller("s1.officer");
    let page = |path: &str, behind: &str| -> Vec<String> {
        let answer = officer.get(&format!("{path}?cursor={}", URL_SAFE_NO_PAD.encode(behind)));
        assert_eq!(answer.status, 200, "{}", answer.body);
        let items = answer.body["items"].as_array().unwrap();
        items.iter().map(|line| line["no"].as_str().unwrap().to_owned()).collect()
    };
    let (of_theirs, of_own) = (theirs.request().to_string(), own.request().to_string());
    for behind in [of_theirs.as_str(), "CS2026-HQ-9999", "CS2026-S001-9999"] {
        assert_eq!(page("/api/v1/requests", behind), [of_own.as_str()], "{behind}");
    }
    assert_eq!(page("/api/v1/requests", &of_own), Vec::<String>::new());
    let own = own.to_string();
    for behind in [theirs.to_string(), format!("{of_theirs}-P9"), format!("{of_own}-P9")] {
        assert_eq!(page("/api/v1/packages", &behind), [own.as_str()], "{behind}");
    }
    assert_eq!(page("/api/v1/packages", &own), Vec::<String>::new());
}

fn the_log_is_read_backwards(served: &Served) {
    let auditor = served.caller("auditor");
    let page = auditor.get("/api/v1/audit/events?limit=3");
    let seqs = |page: &Value| -> Vec<u64> {
        page["items"].as_array().unwrap().iter().map(|e| e["seq"].as_u64().unwrap()).collect()
    };
    let newest = seqs(&page.body);
    assert_eq!(newest, [newest[0], newest[0] - 1, newest[0] - 2]);
    assert_eq!(page.body["items"][0]["action"], json!("audit.read"), "the look is an entry");
    let cursor = page.body["next_cursor"].as_str().unwrap();
    let older = auditor.get(&format!("/api/v1/audit/events?limit=200&cursor={cursor}"));
    assert_eq!(seqs(&older.body)[0], newest[2] - 1);
    assert_eq!(older.body["next_cursor"], Value::Null, "{}", older.body["next_cursor"]);
    assert_eq!(*seqs(&older.body).last().unwrap(), 0);
}

fn the_log_is_asked_for_what_fits(served: &Served) {
    let auditor = served.caller("auditor");
    let (card, _) = served.member("S001");
    let body = json!({ "card": card });
    assert_eq!(served.caller("s1.counter").post("/api/v1/members/show", &body).status, 200);
    assert_eq!(served.caller("s2.counter").post("/api/v1/members/show", &body).code(), "unknown_member");
    let asked = |query: &str| -> Vec<(String, String, String)> {
        let answer = auditor.get(&format!("/api/v1/audit/events?{query}"));
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let items = answer.body["items"].as_array().unwrap().iter();
        items.map(|e| (text(&e["action"]), text(&e["actor"]["login"]), text(&e["decision"]))).collect()
    };
    let entry =
        |login: &str, decision: &str| ("member.shown".to_owned(), login.to_owned(), decision.to_owned());
    let (allowed, refused) = (entry("s1.counter", "allow"), entry("s2.counter", "refuse"));
    assert_eq!(asked("action=member.shown"), [refused.clone(), allowed.clone()]);
    assert_eq!(asked("action=member.&actor=s1.counter&limit=1"), [allowed]);
    assert_eq!(asked("action=member.shown&refused=true"), [refused]);
    let today = served.clock.date(served.clock.now());
    assert_eq!(asked(&format!("action=member.shown&from={today}&to={today}")).len(), 2);
    assert_eq!(asked("action=member.shown&to=2020-01-01"), []);
    for (query, pointer) in [
        ("from=yesterday", "/from"),
        ("to=2026-13-01", "/to"),
        ("from=2026-11-02&to=2026-11-01", "/to"),
        ("action=foo.bar", "/action"),
    ] {
        let wrong = auditor.get(&format!("/api/v1/audit/events?{query}"));
        assert_eq!((wrong.code(), &wrong.body["pointer"]), ("bad_value", &json!(pointer)));
    }
    // One after the other, and each once.
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let page = auditor.get(&format!("/api/v1/audit/events?action=session.&limit=2{cursor}"));
        seen.extend(page.body["items"].as_array().unwrap().iter().map(|e| e["seq"].as_u64().unwrap()));
        let Some(next) = page.body["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let entries = served.entries(0);
    let of_sessions = entries.iter().rev().filter(|e| e["action"].as_str().unwrap().starts_with("session."));
    // Whoever reads them all here signs in for it.
    let all: Vec<u64> = of_sessions.map(|entry| entry["seq"].as_u64().unwrap()).skip(1).collect();
    assert_eq!(seen, all);
}
