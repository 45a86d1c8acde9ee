//! The whole road over HTTP: asked, signed, executed, downloaded, and what Debian's age makes of it.

use std::io::Write as _;
use std::net::TcpStream;

use serde_json::json;

use crate::both;
use crate::caller::{Caller, Served};
use crate::support::expect::Channel;
use crate::support::world::{cast, decrypt, form};

both!(
    the_whole_road,
    a_request_is_signed_as_it_was_shown,
    a_package_leaves_once,
    a_client_that_goes_away_cuts_nothing_in_half,
);

/// The connection is closed as soon as the request is out; the verb goes to its end all the same.
fn a_client_that_goes_away_cuts_nothing_in_half(served: &Served) {
    let no = signed(served, "sms");
    let executor = served.caller(cast("sms")[4]);
    let token = &executor.headers[0].1;
    let mut connection = TcpStream::connect(served.address).unwrap();
    let text = format!(
        "POST /api/v1/requests/{no}/execute HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\n\
         content-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}"
    );
    connection.write_all(text.as_bytes()).unwrap();
    // Until it is begun; the entry is there before the first row is read.
    while !served.entries(0).iter().any(|e| e["action"] == json!("package.started")) {}
    drop(connection);
    let receiver = served.caller(cast("sms")[5]);
    let state = || receiver.get("/api/v1/packages").body["items"][0]["state"].clone();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while state() != json!("sealed") {
        assert!(std::time::Instant::now() < deadline, "{}", state());
    }
}

/// Drafted, submitted and signed by all; the number.
pub fn signed(served: &Served, channel: &str) -> String {
    signed_by(|login| served.caller(login), channel)
}

/// The same where these people are signed in.
pub fn signed_by(caller: impl Fn(&str) -> Caller, channel: &str) -> String {
    let cast = cast(channel);
    let officer = caller(cast[0]);
    let drafted = officer.send("POST", "/api/v1/requests", "application/toml", form(channel).as_bytes());
    assert_eq!(drafted.status, 201, "{}", drafted.body);
    let no = drafted.body["no"].as_str().unwrap().to_owned();
    assert_eq!(drafted.header("location"), format!("/api/v1/requests/{no}"));
    let at = |verb: &str| format!("/api/v1/requests/{no}/{verb}");
    assert_eq!(officer.post(&at("preview"), &json!({})).status, 200);
    let submitted = officer.post(&at("submit"), &json!({}));
    assert_eq!(submitted.status, 200, "{}", submitted.body);
    for signer in &cast[1..4] {
        let signer = caller(signer);
        let digest = signer.get(&at("sentence")).body["digest"].clone();
        let done = signer.post(&at("sign"), &json!({ "digest": digest }));
        assert_eq!(done.status, 200, "{}", done.body);
    }
    no
}

fn the_whole_road(served: &Served) {
    let cast = cast("sms");
    let no = signed(served, "sms");
    let made = served.caller(cast[4]).post(&format!("/api/v1/requests/{no}/execute"), &json!({}));
    assert_eq!(made.status, 200, "{}", made.body);
    let package = made.body["package"].as_str().unwrap();
    let receiver = served.caller(cast[5]);
    let listed = receiver.get("/api/v1/packages");
    assert_eq!(listed.body["items"][0]["no"], json!(package));
    let fetch = format!("/api/v1/packages/{package}/download");
    let file = receiver.post(&fetch, &json!({ "part": 1 }));
    assert_eq!(file.status, 200, "{}", file.body);
    assert_eq!(file.header("x-content-sha256"), made.body["sha256"].as_str().unwrap());
    let stem = no.replace('-', "");
    assert_eq!(file.header("content-disposition"), format!("attachment; filename=\"{stem}P1.csv.age\""));
    let path = served.world.dir.path().join("fetched.age");
    std::fs::write(&path, &file.bytes).unwrap();
    let (header, mut rows) = decrypt(&path, &served.world.identity("SMS1"));
    rows.sort_unstable();
    let wanted: Vec<String> = served.world.members.expected(Channel::Sms).lines(Channel::Sms).concat();
    assert_eq!((header.as_str(), rows), ("mobile", wanted));
    let manifest = receiver.post(&fetch, &json!({ "manifest": {} }));
    assert_eq!(manifest.status, 200, "{}", manifest.body);
    let none = receiver.post(&fetch, &json!({ "part": 2 }));
    assert_eq!((none.status, none.code()), (404, "unknown_part"));
    assert_eq!(receiver.post(&format!("/api/v1/packages/{package}/hand-off"), &json!({})).status, 204);
    assert_eq!(receiver.post(&fetch, &json!({ "part": 1 })).code(), "downloaded_already");
    // Then the vendor's proof that it destroyed it, once, and by whoever handed it over (A9b).
    let proof = |who: &Caller, day: &str| {
        let said = json!({ "attested_on": day, "reference": "销毁证明 2026-07" });
        who.post(&format!("/api/v1/packages/{package}/destroyed"), &said)
    };
    let today = served.clock.today().to_string();
    assert_eq!(proof(&receiver, "2020-01-31").code(), "bad_attestation", "before it was handed over");
    assert_eq!(proof(&receiver, "31.1.2027").code(), "bad_value");
    assert_eq!(proof(&served.caller(cast[4]), &today).code(), "not_permitted");
    assert_eq!(proof(&receiver, &today).status, 204);
    assert_eq!(proof(&receiver, &today).code(), "destroyed_already");
    let listed = receiver.get("/api/v1/packages");
    let line = &listed.body["items"][0];
    assert_eq!(
        (&line["state"], &line["may_attest"], &line["overdue"], &line["parts"]),
        (&json!("destroyed"), &json!(false), &json!(false), &json!(1)),
        "{line}"
    );
    assert_eq!(line["destroy_by"], json!("2099-01-20"));
}

fn a_request_is_signed_as_it_was_shown(served: &Served) {
    let cast = cast("sms");
    let officer = served.caller(cast[0]);
    let drafted = officer.send("POST", "/api/v1/requests", "application/toml", form("sms").as_bytes());
    let no = drafted.body["no"].as_str().unwrap().to_owned();
    let at = |verb: &str| format!("/api/v1/requests/{no}/{verb}");
    officer.post(&at("submit"), &json!({}));
    let head = served.caller(cast[1]);
    let digest = head.get(&at("sentence")).body["digest"].clone();
    // Somebody edits and submits again between the look and the signature.
    let edited = form("sms").replace("新年满减", "别的活动");
    assert_eq!(
        officer.send("PUT", &format!("/api/v1/requests/{no}"), "application/toml", edited.as_bytes()).status,
        204
    );
    officer.post(&at("submit"), &json!({}));
    let refused = head.post(&at("sign"), &json!({ "digest": digest }));
    assert_eq!(refused.status, 409, "{}", refused.body);
    let executed = served.caller(cast[4]).post(&at("execute"), &json!({}));
    assert_eq!(executed.code(), "not_signed");
}

fn a_package_leaves_once(served: &Served) {
    let cast = cast("post");
    let no = signed(served, "post");
    let package = served.caller(cast[4]).post(&format!("/api/v1/requests/{no}/execute"), &json!({}));
    let fetch = format!("/api/v1/packages/{}/download", package.body["package"].as_str().unwrap());
    let first = json!({ "part": 1 });
    for who in [cast[0], cast[1], cast[2], cast[3], cast[4], "hq.receiver", "auditor", "admin"] {
        assert_eq!(served.caller(who).post(&fetch, &first).code(), "not_receiver", "{who}");
    }
    let receiver = served.caller(cast[5]);
    assert_eq!(receiver.post(&fetch, &first).status, 200);
    assert_eq!(receiver.post(&fetch, &first).status, 200, "a broken transfer is repeated");
    served.clock.set(served.clock.now() + 16 * 60_000_000);
    let receiver = served.caller(cast[5]);
    assert_eq!(receiver.post(&fetch, &first).code(), "downloaded_already");
}
