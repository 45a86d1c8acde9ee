//! Personal data never reaches a log line, at any level, nor an error: a served vault is asked every route by many,
//! with everything traced, and all that was written is searched for every member's values.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::caller::{Caller, secret};
use crate::routes::cases;
use crate::support::world::{On, World};

#[test]
fn nothing_personal_is_written() {
    let world = World::new(On::Sqlite);
    let place = world.place();
    let mut server = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["serve", "--listen", "127.0.0.1:0", "--json", "--data"])
        .arg(&place.dir)
        .arg("--high-water")
        .arg(place.high_water.as_ref().unwrap())
        .env("RUST_LOG", "trace")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = server.stderr.take().unwrap();
    let written = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).unwrap();
        text
    });
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    let address = told["address"].as_str().unwrap().parse().unwrap();
    let row = world.members.accepted().find(|row| row.store == "S001" && !row.mobile.is_empty()).unwrap();
    let mut errors = String::new();
    for login in ["s1.counter", "mem.head", "s2.counter", "auditor", "s1.officer", "admin"] {
        let mut caller = Caller::of(address);
        let body = json!({ "login": login, "password": secret(login), "bearer": true });
        let opened = caller.post("/api/v1/session", &body);
        caller.bearer(opened.body["token"].as_str().unwrap());
        for case in cases(&row.card, &row.mobile) {
            let path = case.route.replace("{no}", "CS2026-S001-0001").replace("{code}", "SMS1");
            let path = path.replace("{id}", "1").replace("{login}", "mem.desk");
            let answer = caller.send(case.method, &path, case.kind, case.body.as_bytes());
            // A value where none belongs.
            caller.get(&format!("/api/v1/requests/{}", row.mobile));
            if answer.status >= 400 {
                errors.push_str(&answer.text());
            }
        }
    }
    let stopped = Command::new("kill").arg(server.id().to_string()).status().unwrap();
    assert!(stopped.success() && server.wait().unwrap().success(), "SIGTERM ends it in order");
    let written = written.join().unwrap();
    assert!(written.contains("answered") && written.lines().count() > 500, "nothing was traced");
    for (what, text) in [("the log", &written), ("an error", &errors)] {
        for row in world.members.accepted() {
            for value in
                [&row.mobile, &row.email, &row.address, &row.name].into_iter().filter(|v| v.len() > 5)
            {
                assert!(
                    !text.contains(value.as_str()),
                    "{what} holds a value of the member in line {}",
                    row.line
                );
            }
        }
        for login in ["s1.counter", "admin"] {
            assert!(!text.contains(&secret(login)), "{what} holds a password");
        }
    }
}
