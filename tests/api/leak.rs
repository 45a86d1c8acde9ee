//! Personal data never reaches a log line, at any level, nor an error: a served vault is asked every route by many,
//! with everything traced, and all that was written is searched for every member's values.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use serde_json::Value;

use crate::caller::{Caller, secret};
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
