//! `ETag` and `If-Match` of a request: what is asked for because of what was read then is refused once something happened.

use serde_json::json;

use crate::both;
use crate::caller::{Answer, Caller, Served};
use crate::support::world::{cast, form};

both!(what_happened_meanwhile_is_not_overwritten, a_signature_and_a_package_are_for_what_was_read);

/// The same caller, who says which editions were read.
fn having_read(served: &Served, caller: &Caller, said: &str) -> Caller {
    let mut reader = served.nobody();
    reader.headers = caller.headers.clone();
    reader.headers.push(("if-match".into(), said.into()));
    reader
}

fn put(caller: &Caller, no: &str, text: &str) -> Answer {
    caller.send("PUT", &format!("/api/v1/requests/{no}"), "application/toml", text.as_bytes())
}

fn drafted(officer: &Caller) -> String {
    let drafted = officer.send("POST", "/api/v1/requests", "application/toml", form("post").as_bytes());
    drafted.body["no"].as_str().unwrap().to_owned()
}

fn edition(caller: &Caller, no: &str) -> String {
    let shown = caller.get(&format!("/api/v1/requests/{no}"));
    assert_eq!(shown.status, 200, "{}", shown.body);
    shown.header("etag").to_owned()
}

fn what_happened_meanwhile_is_not_overwritten(served: &Served) {
    let officer = served.caller(cast("post")[0]);
    let no = drafted(&officer);
    let first = edition(&officer, &no);
    assert!(first.starts_with('"') && first.len() == 66, "{first}");
    assert_eq!(edition(&officer, &no), first, "reading changes nothing");
    // Another tag, a weak one and what is no tag match nothing.
    for other in [format!("\"{}\"", "0".repeat(64)), format!("W/{first}"), "nothing".into()] {
        let refused = put(&having_read(served, &officer, &other), &no, &form("post"));
        assert_eq!((refused.status, refused.code()), (412, "stale"), "{other}");
        assert_eq!(edition(&officer, &no), first);
    }
    let changed = form("post").replacen("row_limit = ", "row_limit = 1", 1);
    let one_of = format!("\"{}\", {first}", "0".repeat(64));
    assert_eq!(put(&having_read(served, &officer, &one_of), &no, &changed).status, 204);
    let second = edition(&officer, &no);
    assert_ne!(second, first);
    // Who read the first would overwrite the second.
    let late = having_read(served, &officer, &first);
    assert_eq!(put(&late, &no, &form("post")).code(), "stale");
    let submit = format!("/api/v1/requests/{no}/submit");
    assert_eq!(late.post(&submit, &json!({})).code(), "stale");
    // Any edition, and no word about it, as before.
    assert_eq!(put(&having_read(served, &officer, "*"), &no, &form("post")).status, 204);
    assert_eq!(put(&officer, &no, &form("post")).status, 204);
    let now = having_read(served, &officer, &edition(&officer, &no));
    assert_eq!(now.post(&submit, &json!({})).status, 200);
    // A refusal of that kind is an entry.
    let stale =
        served.entries(0).into_iter().filter(|entry| entry["refusal"]["code"] == json!("stale")).count();
    assert_eq!(stale, 5);
}

fn a_signature_and_a_package_are_for_what_was_read(served: &Served) {
    let cast = cast("post");
    let officer = served.caller(cast[0]);
    let no = drafted(&officer);
    let at = |verb: &str| format!("/api/v1/requests/{no}/{verb}");
    let draft = edition(&officer, &no);
    assert_eq!(officer.post(&at("submit"), &json!({})).status, 200);
    for signer in &cast[1..4] {
        let signer = served.caller(signer);
        let digest = signer.get(&at("sentence")).body["digest"].clone();
        let body = json!({ "digest": digest });
        let refused = having_read(served, &signer, &draft).post(&at("sign"), &body);
        assert_eq!((refused.status, refused.code()), (412, "stale"));
        let read = edition(&signer, &no);
        let signed = having_read(served, &signer, &read).post(&at("sign"), &body);
        assert_eq!(signed.status, 200, "{}", signed.body);
    }
    let executor = served.caller(cast[4]);
    let read = edition(&executor, &no);
    // A copy is noted beside it: what was read is not what stands now.
    assert_eq!(officer.post(&at("cc"), &json!({ "login": "auditor" })).status, 204);
    assert_eq!(having_read(served, &executor, &read).post(&at("execute"), &json!({})).code(), "stale");
    let read = edition(&executor, &no);
    let executed = having_read(served, &executor, &read).post(&at("execute"), &json!({}));
    assert_eq!(executed.status, 200, "{}", executed.body);
    assert_ne!(edition(&executor, &no), read);
}
