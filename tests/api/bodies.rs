//! What comes in wrong: other media types, too much, no JSON, unknown keys; and what an answer never repeats.

use std::io::Read as _;

use flate2::read::GzDecoder;
use serde_json::json;

use crate::both;
use crate::caller::Served;

both!(
    a_wrong_body_is_told_by_its_place,
    a_path_or_a_method_that_is_none,
    an_answer_comes_in_gzip_for_who_accepts_it,
);

fn a_wrong_body_is_told_by_its_place(served: &Served) {
    let counter = served.caller("s1.counter");
    let show = |kind: &str, body: &[u8]| counter.send("POST", "/api/v1/members/show", kind, body);
    let problem = show("text/csv", b"{}");
    assert_eq!((problem.status, problem.code()), (415, "unsupported_media_type"));
    assert_eq!(problem.header("content-type"), "application/problem+json");
    assert_eq!(problem.body["request_id"].as_str().unwrap(), problem.header("x-request-id"));
    assert_eq!(show("application/json", b"{\"card\": ").status, 400);
    assert_eq!(show("application/json", b"{\"card\": \"1\"} x").status, 400);
    let huge = [b"{\"card\": \"".as_slice(), &[b'1'; 1 << 20], b"\"}"].concat();
    assert_eq!(show("application/json", &huge).status, 413);
    for (body, pointer) in [
        (json!({ "card": 13_800_138_000_u64 }), "/card"),
        (json!({ "card": "7", "mobile": "13800138000" }), "/mobile"),
        (json!({ "card": "13800138000x!" }), "/card"),
    ] {
        let problem = show("application/json", body.to_string().as_bytes());
        assert_eq!((problem.status, &problem.body["pointer"]), (422, &json!(pointer)), "{}", problem.body);
        assert!(!problem.text().contains("138001"), "an answer repeats what stood in the body");
    }
    let reveal = json!({ "card": "7", "fields": ["mobile", "13800138000"], "reason": "abcd" });
    let problem = counter.post("/api/v1/members/reveal", &reveal);
    assert_eq!((problem.status, &problem.body["pointer"]), (422, &json!("/fields/1")));
    assert!(!problem.text().contains("138001"));
    let receiver = served.caller("hq.receiver");
    let none = receiver.post("/api/v1/packages/CS2026-HQ-0001-P1/download", &json!({}));
    assert_eq!((none.status, none.code()), (422, "bad_body"));
    // A form as JSON is the same form.
    let officer = served.caller("hq.officer");
    let form = json!({
        "unit": "HQ-MKT", "purpose": "promotion", "campaign": "新年满减", "channel": "sms", "fields": ["mobile"],
        "vendor": "SMS1", "receiver": "hq.receiver", "window": { "from": "2026-12-20", "to": "2099-01-05" },
        "destroy_by": "2099-01-20", "row_limit": 500_000, "impact_assessment": "PIA-2026-07", "reason": "新年活动告知",
    });
    assert_eq!(officer.post("/api/v1/requests", &form).status, 201);
    // What is wrong in it is told by its place, too.
    let mut early = form.clone();
    early["window"]["from"] = json!("13800138000");
    let problem = officer.post("/api/v1/requests", &early);
    assert_eq!((problem.status, &problem.body["pointer"]), (422, &json!("/window/from")), "{}", problem.body);
    assert!(!problem.text().contains("138001"));
    let mut nobody = form.clone();
    nobody["selection"] = json!({ "all": [{ "tier": ["gold"] }, 7] });
    let problem = officer.post("/api/v1/requests", &nobody);
    assert_eq!(problem.code(), "bad_selection", "{}", problem.body);
    assert!(problem.body["pointer"].as_str().unwrap().starts_with("/selection/all/"), "{}", problem.body);
    let mut wrong = form.clone();
    wrong["purpose"] = json!("13800138000");
    let problem = officer.post("/api/v1/requests", &wrong);
    assert_eq!((problem.status, problem.code()), (422, "unknown_purpose"));
    assert!(!problem.text().contains("138001"));
}

fn a_path_or_a_method_that_is_none(served: &Served) {
    let counter = served.caller("s1.counter");
    for (method, path, status, code) in [
        ("GET", "/api/v1/nothing", 404, "no_route"),
        ("GET", "/nothing", 404, "no_route"),
        ("DELETE", "/api/v1/requests", 405, "wrong_method"),
        ("GET", "/api/v1/requests/13800138000", 404, "unknown_request"),
        ("GET", "/api/v1/requests/%ff", 404, "no_route"),
        ("GET", "/api/v1/requests?mobile=13800138000", 422, "bad_query"),
        ("GET", "/api/v1/audit/proofs/inclusion?seq=0", 422, "bad_query"),
        ("GET", "/api/v1/audit/proofs/inclusion?seq=9&size=9", 422, "bad_range"),
    ] {
        let problem = counter.send(method, path, "", &[]);
        assert_eq!((problem.status, problem.code()), (status, code), "{method} {path}");
        assert!(!problem.text().contains("138001"));
    }
    for path in ["/livez", "/readyz"] {
        assert_eq!(served.nobody().get(path).status, 204, "{path}");
    }
}

fn an_answer_comes_in_gzip_for_who_accepts_it(served: &Served) {
    let mut caller = served.caller("auditor");
    let plain = caller.get("/api/v1/openapi.json");
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"));
    caller.headers.push(("accept-encoding".into(), "gzip".into()));
    let packed = caller.get("/api/v1/openapi.json");
    assert_eq!((packed.status, packed.header("content-encoding")), (200, "gzip"));
    assert!(packed.bytes.len() * 4 < plain.bytes.len(), "{} of {}", packed.bytes.len(), plain.bytes.len());
    let mut unpacked = Vec::new();
    GzDecoder::new(packed.bytes.as_slice()).read_to_end(&mut unpacked).unwrap();
    assert!(unpacked == plain.bytes);
    assert_eq!(caller.get("/api/v1/audit/events?limit=50").header("content-encoding"), "gzip");
    // A page holds what only our pages can read; what is short gains nothing.
    assert_eq!(caller.get("/sign-in").header("content-encoding"), "");
    assert_eq!(caller.get("/api/v1/session").header("content-encoding"), "");
}
