//! The confidentiality undertaking (A10a): without a current one no reveal, no signature, no package.

use serde_json::{Value, json};

use crate::both;
use crate::caller::{Caller, Served, secret};
use crate::road::signed;
use crate::support::world::{cast, form};

both!(it_ends_after_a_year, a_new_text_is_given_anew, an_enrolment_gives_it);

const DAY: i64 = 86_400_000_000;

fn text(caller: &Caller, language: &str) -> Value {
    let shown = caller.get("/api/v1/undertaking");
    assert_eq!(shown.status, 200, "{}", shown.body);
    let texts = shown.body["texts"].as_array().unwrap().clone();
    texts.into_iter().find(|text| text["language"] == language).unwrap()
}

fn give(caller: &Caller, language: &str) {
    let given = caller.post("/api/v1/undertaking", &json!({ "digest": text(caller, language)["digest"] }));
    assert_eq!(given.status, 200, "{}", given.body);
}

fn reveal(served: &Served, caller: &Caller) -> String {
    let (card, _) = served.member("S001");
    let body = json!({ "card": card, "fields": ["mobile"], "reason": "他打来电话" });
    caller.post("/api/v1/members/reveal", &body).code().to_owned()
}

fn it_ends_after_a_year(served: &Served) {
    let no = signed(served, "sms");
    served.clock.set(served.clock.now() + 364 * DAY);
    assert_eq!(reveal(served, &served.caller("s1.counter")), "done");
    served.clock.set(served.clock.now() + 2 * DAY);
    let counter = served.caller("s1.counter");
    let session = counter.get("/api/v1/session").body;
    assert_eq!(session["undertaken_until"], Value::Null);
    let (from, card) = (served.size(), served.member("S001").0);
    let body = json!({ "card": card, "fields": ["mobile"], "reason": "他打来电话" });
    let refused = counter.post("/api/v1/members/reveal", &body);
    assert_eq!((refused.status, refused.code()), (403, "no_undertaking"));
    assert_eq!(refused.body["rule"], "A10a (Art 10)");
    let told = served.entries(from);
    assert!(told.iter().any(|e| e["action"] == "member.revealed" && e["decision"] == "refuse"), "{told:?}");
    give(&counter, "zh");
    assert_eq!(reveal(served, &counter), "done");
    // Whoever asks, signs, executes or fetches as well; a recall only stops a list.
    let officer = served.caller(cast("sms")[0]);
    let drafted = officer.send("POST", "/api/v1/requests", "application/toml", form("sms").as_bytes());
    let at = |verb: &str| format!("/api/v1/requests/{}/{verb}", drafted.body["no"].as_str().unwrap());
    assert_eq!(officer.post(&at("submit"), &json!({})).code(), "no_undertaking");
    give(&officer, "en");
    assert_eq!(officer.post(&at("submit"), &json!({})).code(), "done");
    let head = served.caller(cast("sms")[1]);
    for verb in ["return", "reject"] {
        assert_eq!(head.post(&at(verb), &json!({ "comment": "why" })).code(), "no_undertaking");
    }
    let digest = head.get(&at("sentence")).body["digest"].clone();
    assert_eq!(head.post(&at("sign"), &json!({ "digest": digest })).code(), "no_undertaking");
    let old = served.caller(cast("sms")[0]).post(&format!("/api/v1/requests/{no}/recall"), &json!({}));
    assert_ne!(old.code(), "no_undertaking");
}

fn a_new_text_is_given_anew(served: &Served) {
    let (counter, admin) = (served.caller("s1.counter"), served.caller("admin"));
    let built_in = text(&counter, "zh")["digest"].clone();
    let document =
        json!({ "family": "undertaking", "version": "2027", "language": "zh", "body": "本公司的保密承诺书" });
    assert_eq!(admin.post("/api/v1/documents", &document).code(), "done");
    assert_eq!(reveal(served, &counter), "no_undertaking");
    let old = counter.post("/api/v1/undertaking", &json!({ "digest": built_in }));
    assert_eq!((old.status, old.code()), (409, "undertaking_changed"));
    give(&counter, "zh");
    assert_eq!(reveal(served, &counter), "done");
    let until = counter.get("/api/v1/session").body["undertaken_until"].clone();
    assert!(until.is_string(), "{until}");
}

fn an_enrolment_gives_it(served: &Served) {
    let (nobody, admin) = (served.nobody(), served.caller("admin"));
    let built_in = text(&nobody, "zh")["digest"].clone();
    // A text of the group's own: what the fixture gave does not count.
    let document = json!({ "family": "undertaking", "version": "1", "language": "zh", "body": "另一份" });
    assert_eq!(admin.post("/api/v1/documents", &document).code(), "done");
    let admin2 = served.caller("admin2");
    let code = || {
        let waits = admin.post("/api/v1/people/s1.counter/invite", &json!({})).body["proposal"].clone();
        admin2.post(&format!("/api/v1/org/proposals/{waits}/second"), &json!({})).body["code"].clone()
    };
    let enrol = |code: &Value, undertaking: &Value| {
        let password = secret("s1.counter");
        let body =
            json!({ "login": "s1.counter", "code": code, "password": password, "undertaking": undertaking });
        nobody.post("/api/v1/enrolments", &body).code().to_owned()
    };
    assert_eq!(enrol(&code(), &Value::Null), "done");
    assert_eq!(reveal(served, &served.caller("s1.counter")), "no_undertaking");
    let code = code();
    assert_eq!(enrol(&code, &built_in), "undertaking_changed");
    assert_eq!(enrol(&code, &text(&nobody, "zh")["digest"]), "done", "the code was not used up");
    assert_eq!(reveal(served, &served.caller("s1.counter")), "done");
}
