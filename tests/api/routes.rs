//! Every route and everyone: who gets which answer stands in `routes.txt`, one table for both engines, and
//! nothing is unlisted (`description.rs`). What touches a member leaves exactly one entry, allowed or refused (A1).
//!
//! `ROUTES=overwrite cargo test --test api routes` writes the table; read what changed before keeping it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use countersign::policy::PolicyFiles;
use serde_json::{Value, json};

use crate::both;
use crate::caller::{Caller, Served, secret};
use crate::road::signed;
use crate::support::world::form;

both!(everyone_gets_what_the_table_says);

/// Every role, at headquarters, at the store whose member and request it is about, and at another store.
const PEOPLE: [&str; 18] = [
    "admin",
    "auditor",
    "mem.head",
    "hq.officer",
    "hq.head",
    "hq.planner",
    "hq.receiver",
    "hq.it",
    "hq.vendors",
    "hq.counter",
    "s1.officer",
    "s1.head",
    "s1.pop",
    "s1.receiver",
    "s1.it",
    "s1.counter",
    "s2.officer",
    "s2.counter",
];

/// A route, and a body with which it says whether one may, and does little.
pub struct Case {
    pub method: &'static str,
    pub route: &'static str,
    pub kind: &'static str,
    pub body: String,
    /// Touches a member's data.
    touches: bool,
}

fn case(method: &'static str, route: &'static str, body: &Value) -> Case {
    Case { method, route, kind: "application/json", body: body.to_string(), touches: false }
}

fn touch(method: &'static str, route: &'static str, body: &Value) -> Case {
    Case { touches: true, ..case(method, route, body) }
}

fn text(method: &'static str, route: &'static str, kind: &'static str, body: String) -> Case {
    Case { method, route, kind, body, touches: false }
}

fn get(route: &'static str) -> Case {
    Case { method: "GET", route, kind: "", body: String::new(), touches: false }
}

/// In this order. What would have an effect is asked in a way that ends behind the question who may; where what is wrong
/// comes before the question whose the member is, in a way that has none to speak of.
pub fn cases(card: &str, mobile: &str) -> Vec<Case> {
    let none = json!({});
    let because = json!({ "card": card, "reason": "" });
    vec![
        get("/livez"),
        get("/readyz"),
        get("/metrics"),
        get("/api/v1/openapi.json"),
        get("/api/v1/session"),
        case("POST", "/api/v1/session/step-up", &json!({ "password": "" })),
        case("POST", "/api/v1/password", &json!({ "password": "short" })),
        case(
            "POST",
            "/api/v1/enrolments",
            &json!({ "login": "mem.desk", "code": "0", "password": "a long one" }),
        ),
        case("POST", "/api/v1/session/passkey", &json!({ "login": "$login", "password": "" })),
        get("/api/v1/second-factors"),
        case("POST", "/api/v1/second-factors/totp/confirm", &json!({ "code": "1" })),
        case("POST", "/api/v1/second-factors/totp", &none),
        Case { method: "DELETE", ..get("/api/v1/second-factors/totp") },
        case("POST", "/api/v1/second-factors/passkeys/begin", &none),
        case(
            "POST",
            "/api/v1/second-factors/passkeys",
            &json!({ "challenge": "AA", "name": "key", "credential": {} }),
        ),
        Case { method: "DELETE", ..get("/api/v1/second-factors/passkeys/{id}") },
        get("/api/v1/tokens"),
        case(
            "POST",
            "/api/v1/tokens",
            &json!({ "name": "till 2", "scopes": ["requests:read", "members:look-up"], "unit": "S001" }),
        ),
        Case { method: "DELETE", ..get("/api/v1/tokens/{id}") },
        get("/api/v1/undertaking"),
        case("POST", "/api/v1/undertaking", &json!({ "digest": "0".repeat(64) })),
        touch("POST", "/api/v1/members", &json!({ "name": "" })),
        touch("POST", "/api/v1/members/look-up", &json!({ "index": "mobile", "value": mobile })),
        touch("POST", "/api/v1/members/show", &json!({ "card": card })),
        touch(
            "POST",
            "/api/v1/members/reveal",
            &json!({ "card": card, "fields": ["mobile"], "reason": "他打来电话" }),
        ),
        touch(
            "POST",
            "/api/v1/members/correct",
            &json!({ "card": card, "field": "mobile", "value": mobile, "reason": "他来店核对" }),
        ),
        touch("POST", "/api/v1/members/history", &json!({ "card": card })),
        touch("POST", "/api/v1/members/verify", &json!({ "card": card, "field": "mobile", "value": mobile })),
        touch("POST", "/api/v1/members/erase", &because),
        touch("POST", "/api/v1/members/who-saw", &json!({ "card": card })),
        touch("POST", "/api/v1/consents/show", &json!({ "card": card })),
        touch(
            "POST",
            "/api/v1/consents",
            &json!({ "card": card, "purpose": "promotion", "channel": "sms", "granted": true, "evidence": "表单 1" }),
        ),
        text("POST", "/api/v1/imports", "text/csv", "nothing\n".into()),
        get("/api/v1/imports"),
        get("/api/v1/imports/{no}"),
        get("/api/v1/imports/{no}/events"),
        get("/api/v1/imports/{no}/errors"),
        case("POST", "/api/v1/imports/{no}/cancel", &none),
        text("POST", "/api/v1/suppression", "text/csv", "mobile\n".into()),
        get("/api/v1/documents"),
        get("/api/v1/requests"),
        text("POST", "/api/v1/requests", "application/toml", form("post")),
        get("/api/v1/requests/{no}"),
        text("PUT", "/api/v1/requests/{no}", "application/toml", form("post")),
        case("POST", "/api/v1/requests/{no}/preview", &none),
        get("/api/v1/requests/{no}/sentence"),
        case("POST", "/api/v1/requests/{no}/submit", &none),
        get("/api/v1/requests/{no}/sentence"),
        case("POST", "/api/v1/requests/{no}/sign", &json!({ "digest": "0".repeat(64) })),
        case("POST", "/api/v1/requests/{no}/return", &json!({ "comment": "" })),
        case("POST", "/api/v1/requests/{no}/reject", &json!({ "comment": "" })),
        case("POST", "/api/v1/requests/{no}/transfer", &json!({ "to": "hq.it", "comment": "" })),
        case("POST", "/api/v1/requests/{no}/cc", &json!({ "login": "nobody" })),
        case("POST", "/api/v1/requests/{no}/remind", &none),
        case("POST", "/api/v1/requests/{no}/repeat", &none),
        case("POST", "/api/v1/requests/{no}/execute", &none),
        case("POST", "/api/v1/requests/{no}/recall", &none),
        get("/api/v1/packages"),
        get("/api/v1/packages/{no}"),
        case(
            "POST",
            "/api/v1/packages/{no}/destroyed",
            &json!({ "attested_on": "2026-12-01", "reference": "HT-1" }),
        ),
        case("POST", "/api/v1/packages/{no}/download", &json!({ "part": 1 })),
        case("POST", "/api/v1/packages/{no}/recall", &json!({ "reason": "" })),
        case("POST", "/api/v1/packages/{no}/hand-off", &none),
        get("/api/v1/vendors"),
        text("POST", "/api/v1/vendors", "application/toml", "nothing".into()),
        case("POST", "/api/v1/vendors/{code}/suspend", &none),
        case("POST", "/api/v1/vendors/{code}/resume", &none),
        get("/api/v1/vendors/{code}"),
        case(
            "POST",
            "/api/v1/vendors/{code}/key",
            &json!({ "recipient": "age1", "fingerprint_checked_by": "phone" }),
        ),
        case("POST", "/api/v1/vendors/{code}/key/challenge", &none),
        case("POST", "/api/v1/vendors/{code}/key/confirm", &json!({ "phrase": "" })),
        get("/api/v1/policies"),
        case("POST", "/api/v1/policies/proposals", &json!({ "files": policy() })),
        case("POST", "/api/v1/policies/{id}/second", &none),
        get("/api/v1/policies/{id}"),
        get("/api/v1/policies/{id}/differences"),
        case("POST", "/api/v1/policies/{id}/withdraw", &none),
        get("/api/v1/policies/matrices"),
        case(
            "POST",
            "/api/v1/policies/explain",
            &json!({ "act": { "login": "s1.counter", "act": "member_reveal", "unit": "S001" } }),
        ),
        case(
            "POST",
            "/api/v1/documents",
            &json!({ "family": "notice", "version": "9", "language": "zh", "body": "" }),
        ),
        text("POST", "/api/v1/org", "application/toml", "nothing".into()),
        get("/api/v1/org/proposals"),
        case("POST", "/api/v1/org/proposals/{id}/second", &none),
        case("POST", "/api/v1/org/proposals/{id}/withdraw", &none),
        get("/api/v1/org"),
        get("/api/v1/people"),
        get("/api/v1/people/{login}"),
        case("POST", "/api/v1/people/{login}/invite", &none),
        case("POST", "/api/v1/people/{login}/suspend", &none),
        case("POST", "/api/v1/people/{login}/resume", &none),
        get("/api/v1/audit/checkpoint"),
        get("/api/v1/audit/proofs/inclusion?seq=0&size=1"),
        get("/api/v1/audit/proofs/consistency?from=1&to=1"),
        get("/api/v1/audit/events?limit=2"),
        get("/api/v1/audit/exceptions"),
        case("POST", "/api/v1/audit/export", &json!({ "format": "csv", "from": 0, "to": 1 })),
        get("/api/v1/alarms"),
        case("POST", "/api/v1/alarms/{seq}/acknowledge", &json!({ "comment": "" })),
        case("POST", "/api/v1/session", &json!({ "login": "$login", "password": "$password" })),
        Case { method: "DELETE", ..get("/api/v1/session") },
    ]
}

/// The built-in policy.
fn policy() -> BTreeMap<String, String> {
    PolicyFiles::built_in().iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
}

fn everyone_gets_what_the_table_says(served: &Served) {
    let (card, mobile) = served.member("S001");
    // A package of the store's, and a request that is only drafted.
    let executed = signed(served, "post");
    let made = served.caller("s1.it").post(&format!("/api/v1/requests/{executed}/execute"), &json!({}));
    let package = made.body["package"].as_str().unwrap().to_owned();
    let officer = served.caller("s1.officer");
    let drafted = officer.send("POST", "/api/v1/requests", "application/toml", form("post").as_bytes());
    let no = drafted.body["no"].as_str().unwrap().to_owned();
    // An import of the store's counter, which is over.
    let file = "卡号,姓名,归属门店\n9900001,王芳,S001\n".as_bytes();
    let imported = served.caller("s1.counter").send("POST", "/api/v1/imports", "text/csv", file);
    let import = imported.body["no"].to_string();
    let people: Vec<(&str, Caller)> = std::iter::once(("nobody", served.nobody()))
        .chain(PEOPLE.iter().map(|login| (*login, served.caller(login))))
        .collect();
    let auditor = served.caller("auditor");
    let size =
        || -> u64 { auditor.get("/api/v1/audit/checkpoint").text().lines().nth(1).unwrap().parse().unwrap() };
    let mut table = String::new();
    for case in cases(&card, &mobile) {
        let number = match case.route {
            route if route.contains("/packages/") => &package,
            route if route.contains("/imports/") => &import,
            _ => &no,
        };
        let path = case
            .route
            .replace("{no}", number)
            .replace("{code}", "NONE")
            .replace("{id}", "99")
            .replace("{seq}", "0");
        let path = path.replace("{login}", "mem.desk");
        let mut answers: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (login, person) in &people {
            let body = case.body.replace("$login", login).replace("$password", &secret(login));
            let before = if case.touches { size() } else { 0 };
            let answer = person.send(case.method, &path, case.kind, body.as_bytes());
            if case.touches && *login != "nobody" {
                assert_eq!(size(), before + 1, "{} {} by {login}: {}", case.method, case.route, answer.body);
            }
            assert!(answer.status < 500, "{} {} by {login}: {}", case.method, case.route, answer.body);
            let told = if answer.status < 400 {
                answer.status.to_string()
            } else {
                format!("{} {}", answer.status, answer.code())
            };
            answers.entry(told).or_default().push(login);
        }
        writeln!(table, "{} {}", case.method, case.route.split('?').next().unwrap()).unwrap();
        for (told, who) in answers {
            writeln!(table, "    {told}: {}", who.join(" ")).unwrap();
        }
    }
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/api/routes.txt");
    if std::env::var_os("ROUTES").is_some_and(|v| v == "overwrite") {
        std::fs::write(&file, &table).unwrap();
    }
    let wanted = std::fs::read_to_string(&file).unwrap();
    for (line, (got, wanted)) in table.lines().zip(wanted.lines()).enumerate() {
        assert_eq!(got, wanted, "routes.txt, line {}", line + 1);
    }
    assert_eq!(table.lines().count(), wanted.lines().count());
}
