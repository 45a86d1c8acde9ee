//! Sessions: opened, stepped up, ended by time, by signing out, by suspension; cookies and other sites.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::both;
use crate::caller::{Answer, Served, secret};
use crate::raw::Raw;
use crate::support::world::{On, block};

both!(
    a_session_says_who_and_ends,
    a_session_ends_by_time,
    a_step_up_lasts_five_minutes,
    a_suspension_and_a_new_password_end_sessions,
    a_cookie_alone_does_nothing,
    nobody_learns_which_logins_there_are,
    sessions_are_in_the_log,
    wrong_passwords_have_to_wait,
    a_forged_session_or_role_is_nobodys,
    who_signed_out_while_a_body_was_held_back_sees_nobody,
);

/// Let in, and then the session ends before what is asked for is said: it is looked at again in the turn of the entry.
fn who_signed_out_while_a_body_was_held_back_sees_nobody(served: &Served) {
    let (card, _) = served.member("S001");
    for (path, body) in [
        ("members/show", json!({ "card": card })),
        ("members/look-up", json!({ "index": "card", "value": card })),
        (
            "members/correct",
            json!({ "card": card, "field": "name", "value": "王五", "reason": "as on the form" }),
        ),
    ] {
        let caller = served.caller("s1.counter");
        let (token, body) = (&caller.headers[0].1, body.to_string());
        let mut connection = TcpStream::connect(served.address).unwrap();
        let head = format!(
            "POST /api/v1/{path} HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\nexpect: 100-continue\r\n\
             content-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        connection.write_all(head.as_bytes()).unwrap();
        // The body is asked for when who asks is known.
        let mut asked = [0; 25];
        connection.read_exact(&mut asked).unwrap();
        assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
        let from = served.size();
        assert_eq!(caller.send("DELETE", "/api/v1/session", "", &[]).status, 204);
        connection.write_all(body.as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 401") && answer.contains("\"not_signed_in\""),
            "{path}: {answer}"
        );
        let entries = served.entries(from);
        let looks = entries.iter().filter(|e| e["action"].as_str().unwrap().starts_with("member."));
        let told: Vec<_> = looks.map(|e| (&e["refusal"]["code"], &e["actor"]["login"])).collect();
        assert_eq!(told, [(&json!("not_signed_in"), &json!("s1.counter"))], "{path}");
    }
}

/// Who writes into the database gets no session and no role by it: what a server knows is what it last compared with
/// the log. A second later it compares again, and stops answering rather than believe.
fn a_forged_session_or_role_is_nobodys(served: &Served) {
    let counter = served.caller("s1.counter");
    assert_eq!(counter.get("/api/v1/session").status, 200);
    let run = |sql: String| block(async { Raw::connect(&served.world.url).await.run(&sql).await.unwrap() });
    let later = || served.clock.set(served.clock.now() + 1_000_000);
    let literal = |bytes: &[u8]| match served.world.on {
        On::Sqlite => format!("x'{}'", hex::encode(bytes)),
        On::Postgres => format!("'\\x{}'", hex::encode(bytes)),
    };
    let token = URL_SAFE_NO_PAD.encode([7; 32]);
    let (id, now) = (countersign::keyring::sha256(&[7; 32]), served.clock.now());
    let (id, seed) = (literal(&id), literal(&[9; 60]));
    run(format!(
        "insert into session (id, login, opened_at, stepped_at, seed) values ({id}, 'admin', {now}, {now}, {seed})"
    ));
    let mut forger = served.nobody();
    forger.bearer(&token);
    assert_eq!(forger.get("/api/v1/session").code(), "not_signed_in");
    later();
    for caller in [&forger, &counter] {
        let answer = caller.get("/api/v1/session");
        assert_eq!((answer.status, answer.code()), (500, "integrity"));
    }
    run(format!("delete from session where id = {id}"));
    assert_eq!(counter.get("/api/v1/session").status, 200);
    // The row of a session that there is, for somebody else.
    run("update session set login = 'admin' where login = 's1.counter'".into());
    assert_eq!(counter.get("/api/v1/session").body["login"], json!("s1.counter"));
    later();
    assert_eq!(counter.get("/api/v1/session").code(), "integrity");
    run("update session set login = 's1.counter' where login = 'admin'".into());
    assert_eq!(counter.get("/api/v1/session").status, 200);
    // A role beyond one's own site: another store's member stays unknown.
    let (elsewhere, _) = served.member("S002");
    run("insert into role_grant (login, role, unit) values ('s1.counter', 'member_head', 'HQ-MEM')".into());
    let shown = counter.post("/api/v1/members/show", &json!({ "card": elsewhere }));
    assert_eq!(shown.code(), "unknown_member");
    later();
    assert_eq!(counter.get("/api/v1/session").code(), "integrity");
    run("delete from role_grant where login = 's1.counter' and role = 'member_head'".into());
    assert_eq!(counter.get("/api/v1/session").status, 200);
}

fn wrong_passwords_have_to_wait(served: &Served) {
    let attempt = |login: &str, password: &str, from: &str| {
        let mut caller = served.nobody();
        caller.headers = vec![("x-forwarded-for".into(), from.into())];
        let answer = caller.post("/api/v1/session", &json!({ "login": login, "password": password }));
        (answer.code().to_owned(), answer.header("retry-after").to_owned())
    };
    let own = secret("s1.counter");
    // Of one account, whoever it is and wherever from; a login that is nobody's like any other.
    for login in ["s1.counter", "nobody.here"] {
        for n in 0..5 {
            assert_eq!(attempt(login, "a wrong password", &format!("192.0.2.{n}")).0, "unknown_person");
        }
        assert_eq!(attempt(login, &own, "192.0.2.9"), ("try_later".into(), "31".into()), "{login}");
    }
    let later = || served.clock.set(served.clock.now() + 31_000_000);
    later();
    assert_eq!(attempt("s1.counter", "a wrong password", "192.0.2.9").0, "unknown_person");
    later();
    assert_eq!(attempt("s1.counter", &own, "192.0.2.9").0, "try_later", "it doubles");
    later();
    assert_eq!(attempt("s1.counter", &own, "192.0.2.9").0, "done");
    assert_eq!(attempt("s1.counter", "a wrong password", "192.0.2.9").0, "unknown_person", "it begins anew");
}

fn sessions_are_in_the_log(served: &Served) {
    let from = served.size();
    let counter = served.caller("s1.counter");
    counter.post("/api/v1/session/step-up", &json!({ "password": secret("s1.counter") }));
    counter.send("DELETE", "/api/v1/session", "", &[]);
    let mine = |entry: &&serde_json::Value| entry["object"] == json!("s1.counter");
    let entries = served.entries(from);
    let said: Vec<&str> = entries.iter().filter(mine).map(|e| e["action"].as_str().unwrap()).collect();
    assert_eq!(said, ["session.opened", "session.stepped_up", "session.closed"]);
}

const MINUTE: i64 = 60_000_000;

fn later(served: &Served, minutes: i64) {
    served.clock.set(served.clock.now() + minutes * MINUTE);
}

fn a_session_says_who_and_ends(served: &Served) {
    let counter = served.caller("s1.counter");
    let me = counter.get("/api/v1/session");
    assert_eq!((me.status, &me.body["login"]), (200, &json!("s1.counter")));
    assert_eq!(me.body["roles"], json!([{ "role": "counter", "unit": "S001" }]));
    assert_eq!(me.header("cache-control"), "no-store");
    let other = served.caller("s1.counter");
    assert_eq!(counter.send("DELETE", "/api/v1/session", "", &[]).status, 204);
    // The token is worth nothing any more; another session of the same person is.
    let gone = counter.get("/api/v1/session");
    assert_eq!((gone.status, gone.code()), (401, "not_signed_in"));
    assert_eq!(other.get("/api/v1/session").status, 200);
}

fn a_session_ends_by_time(served: &Served) {
    let counter = served.caller("s1.counter");
    for _ in 0..4 {
        later(served, 14);
        assert_eq!(counter.get("/api/v1/session").status, 200, "used every fourteen minutes");
    }
    later(served, 16);
    assert_eq!(counter.get("/api/v1/session").code(), "not_signed_in", "idle");
    let counter = served.caller("s1.counter");
    for _ in 0..(8 * 60 / 10) {
        later(served, 10);
        counter.get("/api/v1/session");
    }
    later(served, 1);
    assert_eq!(counter.get("/api/v1/session").code(), "not_signed_in", "after eight hours");
}

fn a_step_up_lasts_five_minutes(served: &Served) {
    let (card, mobile) = served.member("S001");
    let counter = served.caller("s1.counter");
    let reveal = json!({ "card": card, "fields": ["mobile"], "reason": "他打来电话" });
    let revealed = || counter.post("/api/v1/members/reveal", &reveal);
    assert_eq!(revealed().body["fields"]["mobile"], json!(mobile), "signing in is a step-up");
    later(served, 6);
    let late = revealed();
    assert_eq!((late.status, late.code()), (403, "step_up_needed"));
    let wrong = counter.post("/api/v1/session/step-up", &json!({ "password": "not the password" }));
    assert_eq!((wrong.status, wrong.code()), (401, "unknown_person"));
    assert_eq!(revealed().code(), "step_up_needed");
    let again = counter.post("/api/v1/session/step-up", &json!({ "password": secret("s1.counter") }));
    assert_eq!(again.status, 200, "{}", again.body);
    assert_eq!(revealed().status, 200);
}

fn a_suspension_and_a_new_password_end_sessions(served: &Served) {
    let (admin, counter) = (served.caller("admin"), served.caller("s1.counter"));
    let about = |verb: &str| admin.post(&format!("/api/v1/people/s1.counter/{verb}"), &json!({}));
    assert_eq!(about("suspend").status, 204);
    assert_eq!(counter.get("/api/v1/session").code(), "not_signed_in");
    let body = json!({ "login": "s1.counter", "password": secret("s1.counter"), "bearer": true });
    assert_eq!(served.nobody().post("/api/v1/session", &body).code(), "suspended");
    let second = |answer: Answer| {
        let at = format!("/api/v1/org/proposals/{}/second", answer.body["proposal"]);
        served.caller("admin2").post(&at, &json!({})).body
    };
    assert_eq!(served.nobody().post("/api/v1/session", &body).code(), "suspended", "for good");
    second(about("resume"));
    assert_eq!(counter.get("/api/v1/session").code(), "not_signed_in", "it does not come back");
    let (one, two) = (served.caller("s1.counter"), served.caller("s1.counter"));
    let new = json!({ "password": "another good password" });
    assert_eq!(one.post("/api/v1/password", &new).status, 204);
    for gone in [one, two] {
        assert_eq!(gone.get("/api/v1/session").code(), "not_signed_in");
    }
    // A one-time code ends the key; it works once.
    let code = second(about("invite"))["code"].as_str().unwrap().to_owned();
    let enrol = json!({ "login": "s1.counter", "code": code, "password": secret("s1.counter") });
    assert_eq!(served.nobody().post("/api/v1/enrolments", &enrol).status, 204);
    let twice = served.nobody().post("/api/v1/enrolments", &enrol);
    assert_eq!((twice.status, twice.code()), (401, "wrong_code"));
    served.caller("s1.counter");
}

fn a_cookie_alone_does_nothing(served: &Served) {
    let mut browser = served.nobody();
    let body = json!({ "login": "s1.counter", "password": secret("s1.counter") });
    let opened = browser.post("/api/v1/session", &body);
    assert_eq!((opened.status, opened.body.get("token")), (201, None));
    let cookie = opened.header("set-cookie").to_owned();
    for part in ["__Host-countersign=", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict"] {
        assert!(cookie.contains(part), "{part} is not in the cookie");
    }
    let csrf = opened.body["csrf"].as_str().unwrap().to_owned();
    let pair = cookie.split(';').next().unwrap().to_owned();
    let (card, _) = served.member("S001");
    let mut show = |headers: &[(&str, &str)]| -> Answer {
        browser.headers = vec![("cookie".into(), format!("theme=dark; {pair}"))];
        browser.headers.extend(headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
        browser.post("/api/v1/members/show", &json!({ "card": card }))
    };
    assert_eq!(show(&[]).code(), "cross_site");
    assert_eq!(show(&[("x-csrf-token", "guess")]).code(), "cross_site");
    assert_eq!(show(&[("x-csrf-token", &csrf), ("sec-fetch-site", "cross-site")]).code(), "cross_site");
    assert_eq!(show(&[("x-csrf-token", &csrf), ("sec-fetch-site", "same-site")]).code(), "cross_site");
    assert_eq!(show(&[("x-csrf-token", &csrf), ("sec-fetch-site", "same-origin")]).status, 200);
    assert_eq!(show(&[("x-csrf-token", &csrf)]).status, 200);
}

fn nobody_learns_which_logins_there_are(served: &Served) {
    let attempt = |login: &str| {
        let body = json!({ "login": login, "password": "a wrong password" });
        let answer = served.nobody().post("/api/v1/session", &body);
        let mut body = answer.body;
        body.as_object_mut().unwrap().remove("request_id");
        (answer.status, body)
    };
    assert_eq!(attempt("s1.counter"), attempt("nobody.here"));
}
