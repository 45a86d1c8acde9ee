//! A second administrator, and the day in which a new key or role signs nothing (B9).

use serde_json::{Value, json};

use crate::both;
use crate::caller::{Answer, Caller, Served, secret};
use crate::road::signed;
use crate::support::world::{cast, form};

both!(
    a_role_is_given_by_two,
    a_reset_needs_two_and_holds_a_day,
    what_was_signed_in_a_hold_does_not_count,
    a_suspension_is_lifted_by_two,
    a_proposal_is_withdrawn_or_too_old_or_does_not_fit,
);

const HOUR: i64 = 3_600_000_000;

fn later(served: &Served, hours: i64) {
    served.clock.set(served.clock.now() + hours * HOUR);
}

fn apply(caller: &Caller, text: &str) -> Answer {
    caller.send("POST", "/api/v1/org", "application/toml", text.as_bytes())
}

fn person(login: &str, unit: &str, rank: &str, roles: &str) -> String {
    format!(
        "[[person]]\nlogin = \"{login}\"\nname = \"{login}\"\nunit = \"{unit}\"\nrank = \"{rank}\"\nroles = [{roles}]\n"
    )
}

/// The id of what waits now; the answer gave no effect.
#[track_caller]
fn proposed(answer: &Answer) -> i64 {
    assert!(answer.status < 300, "{}", answer.body);
    answer.body["proposal"].as_i64().unwrap_or_else(|| panic!("no proposal: {}", answer.body))
}

fn second(caller: &Caller, id: i64) -> Answer {
    caller.post(&format!("/api/v1/org/proposals/{id}/second"), &json!({}))
}

fn enrol(served: &Served, login: &str, code: &Value) {
    let nobody = served.nobody();
    let text = nobody.get("/api/v1/undertaking").body["texts"][0]["digest"].clone();
    let body = json!({ "login": login, "code": code, "password": secret(login), "undertaking": text });
    assert_eq!(nobody.post("/api/v1/enrolments", &body).code(), "done");
}

fn a_role_is_given_by_two(served: &Served) {
    let (admin, admin2) = (served.caller("admin"), served.caller("admin2"));
    let answer = apply(&admin, &person("s1.counter", "S001", "staff", "\"counter\", \"executor\""));
    let id = proposed(&answer);
    let roles = || served.caller("s1.counter").get("/api/v1/session").body["roles"].as_array().unwrap().len();
    assert_eq!(roles(), 1, "nothing is given yet");
    let waiting = admin2.get("/api/v1/org/proposals").body;
    assert_eq!(
        (&waiting["items"][0]["id"], &waiting["items"][0]["proposed_by"]),
        (&json!(id), &json!("admin"))
    );
    assert_eq!(served.caller("auditor").get("/api/v1/org/proposals").code(), "not_permitted");
    assert_eq!(second(&admin, id).code(), "same_person");
    assert_eq!(second(&served.caller("hq.officer"), id).code(), "not_permitted");
    let from = served.size();
    let done = second(&admin2, id);
    assert_eq!(done.status, 200, "{}", done.body);
    assert_eq!(done.body["changes"], answer.body["changes"]);
    let entries = served.entries(from);
    let entry = entries.iter().find(|e| e["action"] == "org.seconded").unwrap();
    assert_eq!(entry["digests"]["content"], waiting["items"][0]["digest"]);
    assert_eq!(roles(), 2);
    let held = served.caller("s1.counter").get("/api/v1/session").body["held_until"].take();
    assert!(held.is_string());
    assert_eq!(admin.get("/api/v1/people/s1.counter").body["held_until"], held);
    assert_eq!(second(&admin2, id).code(), "proposal_ended");
    // Taking it away again needs nobody, and holds nobody.
    let taken = apply(&admin, &person("s1.counter", "S001", "staff", "\"counter\""));
    assert_eq!((taken.status, &taken.body["proposal"]), (200, &Value::Null), "{}", taken.body);
    assert_eq!(roles(), 1);
}

fn a_reset_needs_two_and_holds_a_day(served: &Served) {
    let (admin, admin2) = (served.caller("admin"), served.caller("admin2"));
    let id = proposed(&admin.post("/api/v1/people/hq.head/invite", &json!({})));
    assert_eq!(served.caller("hq.head").get("/api/v1/session").status, 200, "the key has not ended");
    let done = second(&admin2, id);
    assert_eq!(done.body["login"], "hq.head");
    enrol(served, "hq.head", &done.body["code"]);
    let [officer, head, ..] = cast("sms");
    let officer = served.caller(officer);
    let drafted = officer.send("POST", "/api/v1/requests", "application/toml", form("sms").as_bytes());
    let at = |verb: &str| format!("/api/v1/requests/{}/{verb}", drafted.body["no"].as_str().unwrap());
    assert_eq!(officer.post(&at("submit"), &json!({})).code(), "done");
    let sign = || {
        let head = served.caller(head);
        let digest = head.get(&at("sentence")).body["digest"].clone();
        head.post(&at("sign"), &json!({ "digest": digest }))
    };
    let held = sign();
    assert_eq!((held.status, held.code()), (403, "signing_held"));
    assert!(held.header("retry-after").parse::<u64>().unwrap() > 86_000, "{}", held.header("retry-after"));
    later(served, 23);
    assert_eq!(sign().code(), "signing_held");
    later(served, 2);
    assert_eq!(sign().code(), "done");
}

/// Who is held by a later change of the stored rows only cannot be: a signature made in a hold is one of before it
/// was known. The walk at execution looks again.
fn what_was_signed_in_a_hold_does_not_count(served: &Served) {
    let no = signed(served, "post");
    let at = format!("/api/v1/requests/{no}/execute");
    // The hold begins with the entry that gives the role; here both stand at one moment of a clock held still.
    let (admin, admin2) = (served.caller("admin"), served.caller("admin2"));
    let head = cast("post")[1];
    let id =
        proposed(&apply(&admin, &person(head, "S001-MKT", "manager", "\"dept_head\", \"planning_officer\"")));
    assert_eq!(second(&admin2, id).code(), "done");
    let executed = served.caller(cast("post")[4]).post(&at, &json!({}));
    assert_eq!((executed.status, executed.code()), (409, "signature_void"), "{}", executed.body);
}

fn a_suspension_is_lifted_by_two(served: &Served) {
    let (admin, admin2) = (served.caller("admin"), served.caller("admin2"));
    assert_eq!(admin.post("/api/v1/people/s1.counter/suspend", &json!({})).status, 204);
    let body = json!({ "login": "s1.counter", "password": secret("s1.counter"), "bearer": true });
    let id = proposed(&admin.post("/api/v1/people/s1.counter/resume", &json!({})));
    assert_eq!(served.nobody().post("/api/v1/session", &body).code(), "suspended");
    assert_eq!(second(&admin2, id).code(), "done");
    assert_eq!(served.nobody().post("/api/v1/session", &body).code(), "done");
    // Nobody is suspended: lifting that is nothing to second.
    assert_eq!(admin.post("/api/v1/people/s1.counter/resume", &json!({})).status, 204);
}

fn a_proposal_is_withdrawn_or_too_old_or_does_not_fit(served: &Served) {
    let (admin, admin2) = (served.caller("admin"), served.caller("admin2"));
    let two = person("s1.counter", "S001", "staff", "\"counter\", \"executor\"");
    let id = proposed(&apply(&admin, &two));
    assert_eq!(admin2.post(&format!("/api/v1/org/proposals/{id}/withdraw"), &json!({})).status, 204);
    assert_eq!(second(&admin2, id).code(), "proposal_ended");
    // The organisation changes between the two: what would be done is not what was read.
    let id = proposed(&apply(&admin, &two));
    assert_eq!(apply(&admin, &person("s1.counter", "S001", "staff", "")).body["proposal"], Value::Null);
    assert_eq!(second(&admin2, id).code(), "changed_meanwhile");
    // A proposal that touches its seconder is not for them.
    let own = proposed(&apply(&admin, &person("admin2", "GRP", "manager", "\"admin\", \"counter\"")));
    assert_eq!(second(&admin2, own).code(), "about_yourself");
    later(served, 73);
    let admin2 = served.caller("admin2");
    assert_eq!(second(&admin2, id).code(), "proposal_expired");
    assert_eq!(second(&admin2, 99).code(), "unknown_proposal");
    assert_eq!(admin2.get("/api/v1/org/proposals").body["items"], json!([]));
}
