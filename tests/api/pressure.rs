//! Many who connect and say nothing, who send half, who take nothing of their answer, who send what unpacks to
//! gigabytes: memory stays bounded, and others are served all the while.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::caller::Caller;
use crate::leak::Program;
use crate::support::workbook::bomb;
use crate::support::world::{On, World};

/// More memory than it has served with, in MiB: what a debug build's buffers of these clients take.
const MORE: u64 = 160;

/// A program, somebody who works at it, and a member whom the work is about.
struct Pressed {
    program: Program,
    counter: Caller,
    card: String,
    /// Its folder goes last.
    _world: World,
}

impl Pressed {
    fn start() -> Pressed {
        let world = World::new(On::Sqlite);
        let program = Program::logging(&world, &[], "warn");
        let row = world.members.accepted().find(|row| row.store == "S001").unwrap();
        let card = row.card.clone();
        let counter = program.caller("s1.counter");
        let pressed = Pressed { program, counter, card, _world: world };
        // Its caches are warm, so what grows afterwards are the clients.
        pressed.others_are_served();
        pressed
    }

    #[track_caller]
    fn others_are_served(&self) {
        assert_eq!(Caller::of(self.program.address).get("/readyz").status, 204);
        let shown = self.counter.post("/api/v1/members/show", &json!({ "card": self.card }));
        assert_eq!(shown.status, 200, "{}", shown.body);
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.program.address).unwrap()
    }

    /// What it holds before others come. Signing in takes argon2's 64 MiB for a moment, so that is over by then.
    fn before(&self) -> u64 {
        self.program.forget_peak();
        self.program.peak()
    }

    /// What holds of it while they hold on, and afterwards.
    #[track_caller]
    fn while_held(self, before: u64, held: Vec<TcpStream>) {
        self.others_are_served();
        let most = self.program.peak();
        assert!(most <= before + MORE, "{before} MiB became {most} MiB");
        drop(held);
        self.others_are_served();
        self.program.stop();
    }
}

/// As many as the system lets this test have files, at most what the program takes.
#[test]
fn ten_thousand_connections_that_say_nothing() {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let files: usize = line.split_whitespace().nth(3).unwrap().parse().unwrap();
    let pressed = Pressed::start();
    let before = pressed.before();
    // The others are some; they wait for none of these.
    let many = files.saturating_sub(1_000).min(9_900);
    let held: Vec<TcpStream> = (0..many).map(|_| pressed.connect()).collect();
    pressed.while_held(before, held);
}

/// The uploads break off by themselves.
#[test]
fn uploads_that_stop_half_way() {
    let pressed = Pressed::start();
    let head = pressed.program.caller("mem.head");
    let token = &head.headers[0].1;
    let before = pressed.before();
    let begin = "POST /api/v1/imports HTTP/1.1\r\nhost: x\r\ncontent-type: text/csv\r\ncontent-length: 1000000000\r\n";
    let held: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut connection = pressed.connect();
            write!(connection, "{begin}authorization: {token}\r\n\r\ncard_no,name").unwrap();
            connection
        })
        .collect();
    pressed.others_are_served();
    let deadline = Instant::now() + Duration::from_secs(120);
    for connection in &held {
        let mut connection = connection;
        connection.set_read_timeout(Some(deadline.saturating_duration_since(Instant::now()))).unwrap();
        let mut said = Vec::new();
        // An answer, or an end without one; not silence for ever.
        if let Err(cause) = connection.read_to_end(&mut said) {
            assert!(cause.kind() != std::io::ErrorKind::WouldBlock, "an upload is still waited for");
        }
    }
    pressed.while_held(before, held);
}

/// Answers of more than a megabyte, which their clients do not take.
#[test]
fn answers_that_nobody_reads() {
    let pressed = Pressed::start();
    let before = pressed.before();
    let held: Vec<TcpStream> = (0..300)
        .map(|_| {
            let mut connection = pressed.connect();
            connection.write_all(b"GET /api/v1/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
            connection
        })
        .collect();
    pressed.while_held(before, held);
}

/// Four workbooks at once, each of which would be more than a gigabyte.
#[test]
fn a_workbook_that_unpacks_to_gigabytes() {
    let pressed = Pressed::start();
    let head = pressed.program.caller("mem.head");
    let file = bomb("xl/workbook.xml", 1_100);
    let before = pressed.before();
    let xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let refused = head.send("POST", "/api/v1/imports", xlsx, &file);
                assert_eq!(
                    (refused.status, refused.code()),
                    (422, "file_too_large_unpacked"),
                    "{}",
                    refused.body
                );
            });
        }
        pressed.others_are_served();
    });
    pressed.while_held(before, Vec::new());
}
