//! Tokens for programs (B11): what each may and may not, and when it ends.

use serde_json::{Value, json};

use crate::both;
use crate::caller::{Answer, Caller, Served, secret};
use crate::described::kept;
use crate::road::signed;
use crate::routes::cases;
use crate::support::world::cast;

both!(
    a_token_does_what_it_is_made_for_and_no_more,
    a_token_reaches_its_unit_alone,
    a_seat_a_copy_and_a_name_are_narrowed_too,
    a_token_is_made_for_what_its_person_may,
    every_end_is_answered_alike,
    a_token_does_nothing_that_a_person_has_to,
    each_route_is_open_to_its_scope_alone,
);

const DAY: i64 = 86_400_000_000;

/// Makes a token, whole.
pub fn made(person: &Caller, scopes: &[&str], unit: &str) -> Value {
    let answer = asked(person, scopes, unit);
    assert_eq!(answer.status, 201, "{scopes:?} at {unit}: {}", answer.body);
    answer.body
}

fn asked(person: &Caller, scopes: &[&str], unit: &str) -> Answer {
    person.post("/api/v1/tokens", &json!({ "name": "till 2", "scopes": scopes, "unit": unit }))
}

/// A program that has a token.
pub fn program(served: &Served, text: &Value) -> Caller {
    let mut program = served.nobody();
    program.bearer(text.as_str().unwrap());
    program
}

/// A program of a person's.
pub fn of(served: &Served, login: &str, scopes: &[&str], unit: &str) -> Caller {
    program(served, &made(&served.caller(login), scopes, unit)["token"])
}

pub fn look_up(caller: &Caller, mobile: &str) -> Answer {
    caller.post("/api/v1/members/look-up", &json!({ "index": "mobile", "value": mobile }))
}

fn show(caller: &Caller, card: &str) -> Answer {
    caller.post("/api/v1/members/show", &json!({ "card": card }))
}

fn refuse_sms(caller: &Caller, card: &str) -> Answer {
    let body = json!({ "card": card, "purpose": "promotion", "channel": "sms", "granted": false });
    caller.post("/api/v1/consents", &body)
}

fn import(caller: &Caller, text: &str) -> Answer {
    caller.send("POST", "/api/v1/imports", "text/csv", text.as_bytes())
}

fn a_token_does_what_it_is_made_for_and_no_more(served: &Served) {
    let (card, mobile) = served.member("S001");
    let counter = served.caller("s1.counter");
    let from = served.size();
    let token = made(&counter, &["consents:record", "members:look-up"], "S001");
    let till = program(served, &token["token"]);
    let found = look_up(&till, &mobile);
    assert_eq!(found.status, 200, "{}", found.body);
    assert!(!found.text().contains(&mobile), "masked: {}", found.body);
    assert_eq!(show(&till, &card).status, 200);
    assert_eq!(refuse_sms(&till, &card).body["state"], json!("withdrawn"));
    let file = "卡号,姓名,手机,归属门店\n9911001,王小明,13900001234,S001\n";
    for refused in [import(&till, file), till.post("/api/v1/consents/show", &json!({ "card": card }))] {
        assert_eq!((refused.status, refused.code()), (403, "beyond_token"));
        assert_eq!(refused.body["rule"], json!("B11"));
    }
    let importing = of(served, "s1.counter", &["members:import"], "S001");
    assert_eq!(import(&importing, file).body["created"], json!(1));
    // Each is one entry, of the person, with the token's number.
    let id = token["about"]["id"].as_i64().unwrap();
    let entries = served.entries(from);
    let own = |e: &&Value| e["actor"]["token"] == json!(id);
    let said: Vec<(&str, &str)> = entries
        .iter()
        .filter(own)
        .map(|e| (e["action"].as_str().unwrap(), e["decision"].as_str().unwrap()))
        .collect();
    let wanted = [
        ("member.looked_up", "allow"),
        ("member.shown", "allow"),
        ("consent.set", "allow"),
        ("token.used", "refuse"),
        ("token.used", "refuse"),
    ];
    assert_eq!(said, wanted);
    let actor = &entries.iter().find(|e| own(e)).unwrap()["actor"];
    assert_eq!(*actor, json!({ "kind": "person", "login": "s1.counter", "roles": ["counter"], "token": id }));
    let made = entries.iter().find(|e| e["action"] == json!("token.made")).unwrap();
    assert_eq!(made["object"], json!(format!("token/{id}/S001")));
    assert_eq!(made["counts"]["members:look-up"], json!(1));
    assert!(made["actor"].get("token").is_none() && !made.to_string().contains("till"), "{made}");
}

fn a_token_reaches_its_unit_alone(served: &Served) {
    let ((here, _), (there, mobile)) = (served.member("S001"), served.member("S002"));
    let scopes = ["members:look-up", "members:import", "consents:record"];
    let file = "卡号,姓名,手机,归属门店\n9911002,王小明,13900001234,S001\n9911003,王芳,13900001235,S002\n";
    // One person is at the counter of ten stores, the other may import for the group and look up anywhere.
    for (login, scopes) in [("mem.desk", &scopes[..]), ("mem.head", &scopes[..2])] {
        let person = served.caller(login);
        assert_eq!(show(&person, &there).status, 200, "{login}");
        let till = program(served, &made(&person, scopes, "S001")["token"]);
        assert_eq!(show(&till, &here).status, 200, "{login}");
        // As for a person of another store: there is no such member.
        let stranger = served.caller("s1.counter");
        for caller in [&till, &stranger] {
            assert_eq!(show(caller, &there).code(), "unknown_member", "{login}");
            assert_eq!(look_up(caller, &mobile).body["items"], json!([]), "{login}");
        }
        let report = import(&till, file);
        let (read, rejected) = (&report.body["read"], &report.body["rejected"]);
        assert_eq!((read, rejected), (&json!(2), &json!(1)), "{}", report.body);
        if scopes.len() == 3 {
            assert_eq!(refuse_sms(&till, &there).code(), "unknown_member");
        }
    }
    let everywhere = of(served, "mem.head", &["members:look-up", "suppression:import"], "GRP");
    assert_eq!((show(&everywhere, &here).status, show(&everywhere, &there).status), (200, 200));
    let mut suppressing = everywhere;
    suppressing.headers.push(("x-reason".into(), "complaint 17".into()));
    let file = "mobile\n13900001234\n".as_bytes();
    assert_eq!(suppressing.send("POST", "/api/v1/suppression", "text/csv", file).status, 200);
}

/// What lets a person see a request or a package beside the policy does not let a token beyond its unit.
fn a_seat_a_copy_and_a_name_are_narrowed_too(served: &Served) {
    let no = signed(served, "post");
    let made = served.caller(cast("post")[4]).post(&format!("/api/v1/requests/{no}/execute"), &json!({}));
    let package = made.body["package"].as_str().unwrap().to_owned();
    let (request, package) = (format!("/api/v1/requests/{no}"), format!("/api/v1/packages/{package}"));
    let officer = served.caller("s1.officer");
    assert_eq!(officer.post(&format!("{request}/cc"), &json!({ "login": "hq.planner" })).status, 204);
    let cases = [
        ("s1.head", "S001-PLAN", "S001", "requests:read", &request, "/api/v1/requests"),
        ("hq.planner", "HQ", "", "requests:read", &request, "/api/v1/requests"),
        ("s1.receiver", "S001-PLAN", "S001-MKT", "packages:read", &package, "/api/v1/packages"),
    ];
    for (login, narrow, wide, scope, one, list) in cases {
        let person = served.caller(login);
        assert_eq!(person.get(one).status, 200, "{login}");
        let narrow = of(served, login, &[scope], narrow);
        assert_eq!(narrow.get(one).code(), "beyond_token", "{login}");
        assert_eq!(narrow.get(list).body["items"], json!([]), "{login}");
        if !wide.is_empty() {
            let wide = of(served, login, &[scope], wide);
            assert_eq!(wide.get(one).status, 200, "{login}");
            assert_eq!(wide.get(list).body["items"].as_array().unwrap().len(), 1, "{login}");
        }
    }
    // What it shows offers nothing that a token could do.
    let seen = of(served, "s1.head", &["requests:read"], "S001").get(&request);
    let can = seen.body["can"].as_array().unwrap_or_else(|| panic!("{}", seen.body));
    assert!(!can.is_empty() && can.iter().all(|one| one["may"] == json!(false)), "{can:?}");
}

fn a_token_is_made_for_what_its_person_may(served: &Served) {
    for (login, scope, unit, told) in [
        ("s1.counter", "members:look-up", "S002", "not_permitted"),
        ("s1.counter", "members:look-up", "GRP", "not_permitted"),
        ("s1.counter", "members:look-up", "S001-MKT", "beyond_token"),
        ("s1.counter", "members:look-up", "S999", "bad_token"),
        ("s1.counter", "audit:read", "S001", "beyond_token"),
        ("s1.counter", "requests:read", "S002-MKT", "not_permitted"),
        ("mem.head", "suppression:import", "S001", "beyond_token"),
        ("mem.head", "consents:record", "S001", "not_permitted"),
        ("hq.officer", "members:look-up", "HQ", "not_permitted"),
        ("admin", "audit:read", "GRP", "not_permitted"),
        ("auditor", "audit:read", "GRP", "done"),
    ] {
        assert_eq!(asked(&served.caller(login), &[scope], unit).code(), told, "{login} {scope} {unit}");
    }
    let counter = served.caller("s1.counter");
    let whole = json!({ "name": "till", "scopes": ["members:look-up"], "unit": "S001" });
    let with = |key: &str, value: Value| {
        let mut body = whole.clone();
        body[key] = value;
        counter.post("/api/v1/tokens", &body)
    };
    for (key, value, told) in [
        ("name", json!("  "), "bad_token"),
        ("name", json!("x".repeat(61)), "bad_token"),
        ("name", json!("a\u{202e}b"), "bad_token"),
        ("scopes", json!([]), "bad_token"),
        ("scopes", json!(["members:reveal"]), "bad_body"),
        ("unit", json!("s1"), "bad_body"),
        ("days", json!(367), "bad_token"),
        ("days", json!(0), "bad_token"),
        ("ends_at", json!("tomorrow"), "bad_value"),
        ("ends_at", json!("2020-01-01T00:00:00Z"), "bad_token"),
        ("login", json!("admin"), "bad_body"),
        ("days", json!(366), "done"),
    ] {
        assert_eq!(with(key, value.clone()).code(), told, "{key}: {value}");
    }
    served.clock.set(served.clock.now() + 6 * 60_000_000);
    assert_eq!(with("days", json!(1)).code(), "step_up_needed");
}

fn every_end_is_answered_alike(served: &Served) {
    let (card, mobile) = served.member("S001");
    let live = || of(served, "s1.counter", &["members:look-up"], "S001");
    let told = |till: &Caller| {
        let mut answer = look_up(till, &mobile);
        answer.body.as_object_mut().unwrap().remove("request_id");
        (answer.status, answer.body)
    };
    let unknown = told(&program(served, &json!(format!("cst_{}", "A".repeat(43)))));
    assert_eq!((unknown.0, &unknown.1["code"]), (401, &json!("not_signed_in")));
    assert_eq!(told(&program(served, &json!(format!("cst_{}", "?".repeat(60))))), unknown, "none at all");
    let later = |days: i64| served.clock.set(served.clock.now() + days * DAY);
    let (expired, usual) = (
        served.caller("s1.counter").post(
            "/api/v1/tokens",
            &json!({ "name": "a day", "scopes": ["members:look-up"], "unit": "S001", "days": 1 }),
        ),
        live(),
    );
    let expired = program(served, &expired.body["token"]);
    assert_eq!(told(&expired).0, 200);
    later(1);
    assert_eq!(told(&expired), unknown, "expired");
    later(88);
    assert_eq!(told(&usual).0, 200, "ninety days when nothing is said");
    later(1);
    assert_eq!(told(&usual), unknown, "expired");
    let made = made(&served.caller("s1.counter"), &["members:look-up"], "S001");
    let revoked = program(served, &made["token"]);
    let at = format!("/api/v1/tokens/{}", made["about"]["id"]);
    assert_eq!(look_up(&revoked, &mobile).status, 200);
    assert_eq!(served.caller("s1.counter").send("DELETE", &at, "", &[]).status, 204);
    assert_eq!(told(&revoked), unknown, "replayed after it was revoked");
    // Another role of its person's, then none: what the token is for is asked at each use.
    let till = live();
    let admin = served.caller("admin");
    let without = "[[person]]\nlogin = \"s1.counter\"\nname = \"s1.counter\"\nunit = \"S001\"\nrank = \"staff\"\nroles = []\n";
    let applied = admin.send("POST", "/api/v1/org", "application/toml", without.as_bytes());
    assert!(applied.status < 300 && applied.body["proposal"].is_null(), "{}", applied.body);
    assert_eq!(
        (look_up(&till, &mobile).code(), show(&till, &card).code()),
        ("not_permitted", "not_permitted")
    );
    // Suspended; and it does not come back with its person.
    let till = of(served, "s2.counter", &["members:look-up"], "S002");
    let about = |login: &str, verb: &str| admin.post(&format!("/api/v1/people/{login}/{verb}"), &json!({}));
    let second = |answer: Answer| {
        let at = format!("/api/v1/org/proposals/{}/second", answer.body["proposal"]);
        assert_eq!(served.caller("admin2").post(&at, &json!({})).status, 200);
    };
    assert_eq!(told(&till).0, 200);
    assert_eq!(about("s2.counter", "suspend").status, 204);
    assert_eq!(told(&till), unknown, "suspended");
    second(about("s2.counter", "resume"));
    assert_eq!(told(&till), unknown, "suspended once");
    // Reset by administrators: a code makes somebody new of its person. A new password of one's own ends none.
    let person = served.caller("mem.desk");
    let till = program(served, &made_at(&person, "S001"));
    let new = json!({ "password": secret("mem.desk") });
    assert_eq!(person.post("/api/v1/password", &new).status, 204);
    assert_eq!(told(&till).0, 200);
    second(about("mem.desk", "invite"));
    assert_eq!(told(&till), unknown, "reset");
}

fn made_at(person: &Caller, unit: &str) -> Value {
    made(person, &["members:look-up"], unit)["token"].clone()
}

/// The scopes that a document's operation opens to, if any.
fn scope_of(method: &str, path: &str) -> Option<String> {
    let operation = crate::described::operation(kept(), method, path).unwrap();
    let ways = operation["security"].as_array()?;
    ways.iter().find_map(|way| Some(way["token"][0].as_str()?.to_owned()))
}

/// Whether a document's operation needs nobody.
fn is_open(method: &str, path: &str) -> bool {
    let operation = crate::described::operation(kept(), method, path).unwrap();
    operation["security"] == json!([{}])
}

/// Where a case is asked.
fn place(route: &str) -> String {
    let path = route.replace("{no}", "CS2026-S001-0001").replace("{code}", "SMS1").replace("{id}", "1");
    path.replace("{seq}", "0").replace("{login}", "mem.desk")
}

/// Signing, revealing, executing, downloading, changing who may what, making tokens: whatever is in the body.
fn a_token_does_nothing_that_a_person_has_to(served: &Served) {
    let (card, mobile) = served.member("S001");
    let scopes = [
        "members:import",
        "members:add",
        "members:look-up",
        "members:verify",
        "consents:read",
        "consents:record",
        "requests:read",
    ];
    let till = of(served, "s1.counter", &scopes, "S001");
    let auditor = served.caller("auditor");
    let size =
        || -> u64 { auditor.get("/api/v1/audit/checkpoint").text().lines().nth(1).unwrap().parse().unwrap() };
    let mut refused = 0;
    for case in cases(&card, &mobile) {
        let (method, path) = (case.method, place(case.route));
        if is_open(method, &path) || scope_of(method, &path).is_some() {
            continue;
        }
        let mut body: Value = serde_json::from_str(&case.body).unwrap_or(Value::Null);
        if let Some(body) = body.as_object_mut() {
            body.insert("password".into(), json!(secret("s1.counter")));
        }
        let body = if body.is_null() { case.body.clone() } else { body.to_string() };
        let before = size();
        let answer = till.send(method, &path, case.kind, body.as_bytes());
        assert_eq!((answer.status, answer.code()), (403, "beyond_token"), "{method} {path}: {}", answer.body);
        assert_eq!(size(), before + 1, "{method} {path} is an entry");
        refused += 1;
    }
    assert!(refused > 50, "{refused}");
    // Nor is it a session by another way.
    let text = till.headers[0].1.strip_prefix("Bearer ").unwrap().to_owned();
    let mut browser = served.nobody();
    browser.headers = vec![("cookie".into(), format!("__Host-countersign={text}"))];
    assert_eq!(browser.get("/api/v1/session").code(), "not_signed_in");
    assert_eq!(browser.get("/account").status, 401, "nor at the console");
}

/// What stands in the document is what the handlers ask for.
fn each_route_is_open_to_its_scope_alone(served: &Served) {
    let (card, mobile) = served.member("S001");
    let all = [
        ("members:import", "s1.counter", "S001"),
        ("members:add", "s1.counter", "S001"),
        ("members:look-up", "s1.counter", "S001"),
        ("members:verify", "s1.counter", "S001"),
        ("consents:read", "s1.counter", "S001"),
        ("consents:record", "s1.counter", "S001"),
        ("suppression:import", "mem.head", "GRP"),
        ("requests:read", "s1.officer", "S001-MKT"),
        ("packages:read", "s1.officer", "S001-MKT"),
        ("audit:read", "auditor", "GRP"),
    ];
    let programs: Vec<(&str, Caller)> =
        all.iter().map(|(scope, login, unit)| (*scope, of(served, login, &[*scope], unit))).collect();
    let mut opened = Vec::new();
    for case in cases(&card, &mobile) {
        let path = place(case.route);
        let Some(wanted) = scope_of(case.method, &path) else { continue };
        for (scope, program) in &programs {
            let answer = program.send(case.method, &path, case.kind, case.body.as_bytes());
            assert_eq!(
                answer.code() != "beyond_token",
                *scope == wanted,
                "{} {path} with {scope}: {}",
                case.method,
                answer.body
            );
        }
        opened.push(wanted);
    }
    opened.sort_unstable();
    opened.dedup();
    let mut scopes: Vec<&str> = all.iter().map(|one| one.0).collect();
    scopes.sort_unstable();
    assert_eq!(opened, scopes);
    let told = include_str!("../../docs/operations.md");
    for scope in scopes {
        assert!(told.contains(&format!("| `{scope}` |")), "{scope} is not in docs/operations.md");
    }
}
