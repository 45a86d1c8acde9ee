//! SIGTERM while something runs, to the program itself: `/readyz` says no first, what was begun comes to its end or
//! leaves nothing half done, and then the process ends by itself, in order.

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::caller::Caller;
use crate::imports::{Followed, running, upload};
use crate::leak::Program;
use crate::support::expect::Channel;
use crate::support::generate::generate;
use crate::support::world::{BOTH, World, block, cast, decrypt, executed, signed};

/// How long it goes on after it was told to stop.
const GRACE: [&str; 2] = ["--grace", "2"];

fn start(world: &World) -> Program {
    Program::logging(world, &GRACE.map(OsStr::new), "info")
}

/// Until it says that nobody should come any more; who comes all the same is served.
fn readiness_goes_first(program: &Program) {
    let nobody = Caller::of(program.address);
    assert_eq!(nobody.get("/readyz").status, 204);
    program.terminate();
    let deadline = Instant::now() + Duration::from_secs(2);
    while nobody.get("/readyz").status == 204 {
        assert!(Instant::now() < deadline, "it still says that it is ready");
    }
    assert_eq!(nobody.get("/readyz").code(), "stopping");
    assert_eq!(nobody.get("/livez").status, 204);
}

/// A request's head and what is sent of its body at once.
fn sent(caller: &Caller, program: &Program, path: &str, kind: &str, length: usize, body: &[u8]) -> TcpStream {
    let mut connection = TcpStream::connect(program.address).unwrap();
    let token = &caller.headers[0].1;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\ncontent-type: {kind}\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).unwrap();
    connection.write_all(body).unwrap();
    connection
}

fn answer(mut connection: TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    connection.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let body = bytes.split_off(end);
    (String::from_utf8(bytes).unwrap(), body)
}

#[test]
fn an_import_is_finished_or_can_be_made_again() {
    for on in BOTH {
        let world = World::new(on);
        let csv = generate(1_500, 99).csv;
        let half = csv.len() / 2;
        // Its client goes on: it is finished.
        let program = start(&world);
        let head = program.caller("mem.head");
        let upload = "/api/v1/imports?dry_run=false";
        let mut connection = sent(&head, &program, upload, "text/csv", csv.len(), &csv[..half]);
        readiness_goes_first(&program);
        // It takes nobody any more, and waits for this one.
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(program.address).is_ok() {
            assert!(Instant::now() < deadline, "it still listens");
            sleep(Duration::from_millis(50));
        }
        connection.write_all(&csv[half..]).unwrap();
        let (said, body) = answer(connection);
        let written = program.ended();
        assert!(said.starts_with("HTTP/1.1 200"), "{said}{}\n{written}", String::from_utf8_lossy(&body));
        // Its client goes away: what was taken in is whole, and the same file says so.
        let other = generate(1_500, 100).csv;
        let program = start(&world);
        let head = program.caller("mem.head");
        let half = other.len() / 2;
        let connection = sent(&head, &program, upload, "text/csv", other.len(), &other[..half]);
        readiness_goes_first(&program);
        drop(connection);
        program.ended();
        let program = start(&world);
        let head = program.caller("mem.head");
        for file in [&csv, &other] {
            let again = head.send("POST", upload, "text/csv", file);
            assert_eq!(again.status, 200, "{}", again.body);
        }
        let last = head.send("POST", upload, "text/csv", &other);
        assert_eq!(last.body["created"], json!(0), "{}", last.body);
        program.stop();
        verified(&world);
    }
}

/// Who follows an import is let go when the server is told to stop, and the import goes on to its end.
#[test]
fn who_follows_an_import_is_let_go() {
    for on in BOTH {
        let world = World::new(on);
        let csv = generate(1_500, 101).csv;
        let half = csv.len() / 2;
        let program = start(&world);
        let head = program.caller("mem.head");
        let mut connection = upload(&head, program.address, "/api/v1/imports", csv.len(), &csv[..half]);
        let no = running(&head);
        let mut followed = Followed::by(&head, program.address, no);
        assert_eq!(followed.next().unwrap().1["state"], json!("running"));
        program.terminate();
        assert!(followed.next().is_none(), "the stream ends, and tells no end: {}", followed.text);
        connection.write_all(&csv[half..]).unwrap();
        let mut first = [0; 12];
        connection.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        drop(connection);
        program.ended();
        // At the next server it is known how it ended.
        let program = start(&world);
        let mut followed = Followed::by(&program.caller("mem.head"), program.address, no);
        let (name, last) = followed.next().unwrap();
        assert_eq!((name.as_str(), &last["state"], &last["read"]), ("ended", &json!("done"), &json!(1_500)));
        assert!(followed.next().is_none());
        program.stop();
    }
}

#[test]
fn an_execution_is_finished() {
    for on in BOTH {
        let world = World::new(on);
        let cast = cast("sms");
        let no = block(async {
            let broker = world.open().await;
            let no = signed(&broker, "sms").await;
            broker.store().close().await;
            no
        });
        let program = start(&world);
        let executor = program.caller(cast[4]);
        let auditor = program.caller("auditor");
        let connection = sent(
            &executor,
            &program,
            &format!("/api/v1/requests/{no}/execute"),
            "application/json",
            2,
            b"{}",
        );
        // Until the entry is there, which is before the first row is read.
        let begun = || {
            let events = auditor.get("/api/v1/audit/events?limit=20");
            let items = events.body["items"].as_array().unwrap_or_else(|| panic!("{}", events.body));
            items.iter().any(|entry| entry["action"] == json!("package.started"))
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        while !begun() {
            assert!(Instant::now() < deadline, "it is not begun");
        }
        program.terminate();
        let (said, body) = answer(connection);
        let written = program.ended();
        assert!(said.starts_with("HTTP/1.1 200"), "{said}{}\n{written}", String::from_utf8_lossy(&body));
        let package: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let program = start(&world);
        let package = package["package"].as_str().unwrap();
        let fetch = format!("/api/v1/packages/{package}/download");
        let file = program.caller(cast[5]).post(&fetch, &json!({ "part": 1 }));
        assert_eq!(file.status, 200, "{}", file.body);
        opened(&world, &file.bytes);
        program.stop();
        verified(&world);
    }
}

/// A package of this world goes into the connection's buffers whole; that a long one is waited for is what the import
/// above shows of any exchange.
#[test]
fn a_download_is_finished() {
    for on in BOTH {
        let world = World::new(on);
        let package = block(async {
            let broker = world.open().await;
            let package = executed(&broker, "sms").await;
            broker.store().close().await;
            package
        });
        let program = start(&world);
        let receiver = program.caller(cast("sms")[5]);
        let fetch = format!("/api/v1/packages/{package}/download");
        let body = br#"{"part":1}"#;
        let mut connection = sent(&receiver, &program, &fetch, "application/json", body.len(), body);
        // The first byte is there, so the file is on its way; the rest is read when the server was told to stop.
        let mut first = [0];
        connection.read_exact(&mut first).unwrap();
        readiness_goes_first(&program);
        let (said, file) = answer(connection);
        program.ended();
        assert!(said.starts_with("TTP/1.1 200"), "{said}");
        opened(&world, &file);
        // A transfer that broke off is repeated (for a quarter of an hour), with the same bytes.
        let program = start(&world);
        let again = program.caller(cast("sms")[5]).post(&fetch, &json!({ "part": 1 }));
        assert!(again.status == 200 && again.bytes == file, "{}", again.body);
        program.stop();
        verified(&world);
    }
}

/// What left is what the vendor's `age` opens, with a row for each who may be written to.
fn opened(world: &World, file: &[u8]) {
    let path = world.dir.path().join("fetched.age");
    std::fs::write(&path, file).unwrap();
    let (header, mut rows) = decrypt(&path, &world.identity("SMS1"));
    rows.sort_unstable();
    let wanted: Vec<String> = world.members.expected(Channel::Sms).lines(Channel::Sms).concat();
    assert_eq!((header.as_str(), rows), ("mobile", wanted));
}

/// The log and every table and signature fit each other.
pub fn verified(world: &World) {
    let place = world.place();
    let verify = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["audit", "verify", "--deep", "--json", "--database", &world.url, "--data"])
        .arg(&place.dir)
        .arg("--high-water")
        .arg(place.high_water.as_ref().unwrap())
        .output()
        .unwrap();
    assert!(verify.status.success(), "{}", String::from_utf8_lossy(&verify.stderr));
}
