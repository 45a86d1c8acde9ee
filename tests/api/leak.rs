//! Personal data never reaches a log line, at any level, nor an error: a served vault is asked every route by many,
//! with everything traced, and all that was written is searched for every member's values.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::caller::{Answer, Caller, secret};
use crate::members::form_of;
use crate::road::signed_by;
use crate::routes::cases;
use crate::support::world::{On, World};

/// The program itself, serving a world; everything it writes is kept.
pub struct Program {
    child: Child,
    pub address: SocketAddr,
    written: Option<JoinHandle<String>>,
}

impl Program {
    /// Starts it, with more arguments, and with everything traced.
    pub fn start(world: &World, more: &[&OsStr]) -> Program {
        Program::logging(world, more, "trace")
    }

    /// Starts it, with more arguments, and with so much traced.
    pub fn logging(world: &World, more: &[&OsStr], level: &str) -> Program {
        let place = world.place();
        let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(["serve", "--listen", "127.0.0.1:0", "--json", "--database", &world.url, "--data"])
            .arg(&place.dir)
            .arg("--high-water")
            .arg(place.high_water.as_ref().unwrap())
            .args(more)
            .env("RUST_LOG", level)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let written = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let address = told["address"].as_str().unwrap().parse().unwrap();
        Program { child, address, written: Some(written) }
    }

    /// Stops it in order; all that it wrote.
    pub fn stop(self) -> String {
        self.terminate();
        self.ended()
    }

    /// Tells it to stop.
    pub fn terminate(&self) {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
    }

    /// Waits until it has stopped, in order; all that it wrote.
    pub fn ended(mut self) -> String {
        assert!(self.child.wait().unwrap().success(), "SIGTERM ends it in order");
        self.written.take().unwrap().join().unwrap()
    }

    /// Kills it, at once; its end is waited for when it is dropped.
    pub fn kill(&self) {
        let kill = Command::new("kill").args(["-KILL", &self.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }

    /// Counts the most memory from what it holds now on.
    pub fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
    }

    /// The most memory that it has held, in MiB.
    pub fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
    }

    /// Somebody who is signed in there.
    pub fn caller(&self, login: &str) -> Caller {
        Caller::signed_in(self.address, login)
    }
}

impl Drop for Program {
    /// After a test that failed.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn nothing_personal_is_written() {
    let world = World::new(On::Sqlite);
    let program = Program::start(&world, &[]);
    let address = program.address;
    let row = world.members.accepted().find(|row| row.store == "S001" && !row.mobile.is_empty()).unwrap();
    let mut errors = String::new();
    for login in ["s1.counter", "mem.head", "s2.counter", "auditor", "s1.officer", "admin"] {
        let caller = Caller::signed_in(address, login);
        for case in cases(&row.card, &row.mobile) {
            let path = case.route.replace("{no}", "CS2026-S001-0001").replace("{code}", "SMS1");
            let path = path.replace("{id}", "1").replace("{seq}", "0").replace("{login}", "mem.desk");
            let answer = caller.send(case.method, &path, case.kind, case.body.as_bytes());
            // A value where none belongs.
            caller.get(&format!("/api/v1/requests/{}", row.mobile));
            if answer.status >= 400 {
                errors.push_str(&answer.text());
            }
        }
    }
    let written = program.stop();
    assert!(written.contains("answered") && written.lines().count() > 500, "nothing was traced");
    holds_nothing(&world, &[], &[("the log", &written), ("an error", &errors)]);
}

/// Of no member a value stands in any of these texts, nor one of these, nor a password.
fn holds_nothing(world: &World, marked: &[&str], texts: &[(&str, &String)]) {
    for (what, text) in texts {
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
        for (n, value) in marked.iter().enumerate() {
            assert!(!text.contains(value), "{what} holds the marked value {n}");
        }
        for login in ["s1.counter", "admin"] {
            assert!(!text.contains(&secret(login)), "{what} holds a password");
        }
    }
}

/// Values where they belong: typed in, brought in files, corrected, verified, revealed, suppressed, released; by pages too.
#[test]
fn what_comes_in_and_what_leaves_is_written_nowhere() {
    const MARKED: [&str; 8] = [
        "13987650001",
        "13987650002",
        "13987650003",
        "13987650004",
        "1398765-wrong",
        "欧阳标记",
        "marked.one@example.com",
        "标记路8765号",
    ];
    let [mobile, corrected, in_file, suppressed, wrong, name, email, address] = MARKED;
    let world = World::new(On::Sqlite);
    let program = Program::start(&world, &[]);
    let mut told = String::new();
    let mut keep = |answer: Answer, wanted: u16| {
        assert_eq!(answer.status, wanted, "{}", answer.text());
        if answer.status >= 400 {
            told.push_str(&answer.text());
        }
        answer
    };
    let (counter, head) = (program.caller("s1.counter"), program.caller("mem.head"));
    let notice =
        json!({ "family": "notice", "version": "N1", "language": "zh", "body": "我们如何使用您的信息" });
    keep(program.caller("admin").post("/api/v1/documents", &notice), 201);
    let mut form = form_of(world.members, "9900020", mobile);
    for (key, value) in [("name", name), ("email", email), ("address", address)] {
        form[key] = json!(value);
    }
    keep(counter.post("/api/v1/members", &form), 201);
    keep(counter.post("/api/v1/members", &form), 409);
    form["mobile"] = json!(wrong);
    keep(counter.post("/api/v1/members", &form), 422);
    let right =
        |value: &str| json!({ "card": "9900020", "field": "mobile", "value": value, "reason": "他打来电话" });
    keep(counter.post("/api/v1/members/correct", &right(corrected)), 204);
    keep(counter.post("/api/v1/members/correct", &right(wrong)), 422);
    let verify = json!({ "card": "9900020", "field": "mobile", "value": corrected });
    keep(counter.post("/api/v1/members/verify", &verify), 200);
    let look_up = |value: &str| json!({ "index": "mobile", "value": value });
    keep(counter.post("/api/v1/members/look-up", &look_up(corrected)), 200);
    keep(counter.post("/api/v1/members/look-up", &look_up(wrong)), 422);
    let reveal =
        json!({ "card": "9900020", "fields": ["mobile", "name", "address"], "reason": "他打来电话核实" });
    assert!(keep(counter.post("/api/v1/members/reveal", &reveal), 200).text().contains(corrected));
    let file =
        format!("卡号,姓名,手机,归属门店\n9900021,{name},{in_file},S001\n9900022,{name},{wrong},S001\n");
    let imported = keep(counter.send("POST", "/api/v1/imports", "text/csv", file.as_bytes()), 200);
    told.push_str(&imported.text());
    let mut head = head;
    head.headers.push(("x-reason".into(), "letter of today".into()));
    let listed = format!("mobile\n{suppressed}\n{wrong}\n");
    let listed = head.send("POST", "/api/v1/suppression", "text/csv", listed.as_bytes());
    assert_eq!(listed.status, 200, "{}", listed.text());
    told.push_str(&listed.text());
    let no = signed_by(|login| program.caller(login), "sms");
    let made = program.caller("hq.it").post(&format!("/api/v1/requests/{no}/execute"), &json!({}));
    assert_eq!(made.status, 200, "{}", made.text());
    let fetch = format!("/api/v1/packages/{}/download", made.body["package"].as_str().unwrap());
    assert_eq!(program.caller("hq.receiver").post(&fetch, &json!({ "part": 1 })).status, 200);
    // The pages: a search that finds him, and one that is wrong.
    let mut browser = Caller::of(program.address);
    let opened =
        browser.post("/api/v1/session", &json!({ "login": "s1.counter", "password": secret("s1.counter") }));
    let csrf = opened.body["csrf"].as_str().unwrap();
    browser.headers =
        vec![("cookie".into(), opened.header("set-cookie").split(';').next().unwrap().to_owned())];
    for value in [corrected, wrong] {
        let search = format!("csrf={csrf}&by=mobile&value={value}");
        let page = browser.send("POST", "/members", "application/x-www-form-urlencoded", search.as_bytes());
        assert!(page.text().contains("</html>"), "{}", page.status);
    }
    let figures = Caller::of(program.address).get("/metrics").text();
    assert!(figures.contains("countersign_http_exchanges_total"), "{figures}");
    let written = program.stop();
    let answered = written.matches("answered").count();
    assert!(answered > 30, "{answered} were traced");
    holds_nothing(&world, &MARKED, &[("the log", &written), ("an answer", &told), ("a metric", &figures)]);
}
