//! The command line as a client: a password that was given too long ago, and transfers that break off.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::both;
use crate::caller::{Served, secret};
use crate::factors::{code, set_up};
use crate::road::signed;
use crate::support::cli::{Cli, write_password};

both!(the_password_is_given_again_when_it_is_asked_for, the_second_factor_is_given_with_it);

fn machine(served: &Served, address: SocketAddr) -> Cli {
    let dir = served.world.dir.path();
    Cli::new(dir.join("afar")).bare().folder(dir).env("COUNTERSIGN_SERVER", format!("http://{address}"))
}

fn the_password_is_given_again_when_it_is_asked_for(served: &Served) {
    let dir = served.world.dir.path();
    let cli = machine(served, served.address);
    write_password(dir, "s1.counter", &secret("s1.counter"));
    write_password(dir, "wrong", "another password");
    cli.run(&["login", "--as", "s1.counter", "--password-file", "s1.counter.password"]).ok();
    let (card, mobile) = served.member("S001");
    let reveal = ["member", "reveal", &card, "--fields", "mobile,name", "--reason", "called back"];
    let with = |file: &str| cli.run(&[&reveal[..], &["--password-file", file]].concat());
    assert!(cli.run(&reveal).ok().stdout.contains(&format!("mobile: {mobile}\n")));
    served.clock.set(served.clock.now() + 6 * 60_000_000);
    let asked = cli.run(&reveal).expect_code(64);
    assert!(asked.stderr.contains("no password given"), "{asked}");
    assert!(with("wrong.password").expect_code(1).stderr.contains("login or password is not right [B9]"));
    assert!(with("s1.counter.password").ok().stdout.contains(&mobile));
    // It counts for the next one, too.
    cli.run(&reveal).ok();
}

fn the_second_factor_is_given_with_it(served: &Served) {
    let (uri, _) = set_up(served);
    let dir = served.world.dir.path();
    let cli = machine(served, served.address);
    write_password(dir, "s1.counter", &secret("s1.counter"));
    let later = |seconds: i64| {
        served.clock.set(served.clock.now() + seconds * 1_000_000);
        write_password(dir, "code", &code(served, &uri));
    };
    let known = ["--as", "s1.counter", "--password-file", "s1.counter.password"];
    let factor = ["--factor-file", "code.password"];
    let (card, mobile) = served.member("S001");
    let reveal = ["member", "reveal", &card, "--fields", "mobile", "--reason", "called back"];
    let refused = |output: crate::support::cli::Output| {
        assert_eq!(output.expect_code(1).json()["error"]["code"], "second_factor_needed");
    };
    refused(cli.run(&[&["login", "--json"][..], &known].concat()));
    later(30);
    let opened = cli.run(&[&["login"][..], &known, &factor].concat()).ok();
    assert!(cli.run(&reveal).ok().stdout.contains(&mobile));
    later(360);
    refused(cli.run(&[&reveal[..], &["--json"], &known].concat()));
    let again = cli.run(&[&reveal[..], &known, &factor].concat()).ok();
    assert!(again.stdout.contains(&mobile), "{again}");
    // The token is in its file and nowhere else.
    let session = std::fs::read_dir(cli.state().join("countersign/sessions")).unwrap().next().unwrap();
    let token = std::fs::read_to_string(session.unwrap().path().join("s1.counter")).unwrap();
    for output in [&opened, &again] {
        assert!(!output.stdout.contains(token.trim()) && !output.stderr.contains(token.trim()));
    }
}

/// Passes a connection on to the server; the answers to the first `broken` downloads of a part end short.
fn breaking(server: SocketAddr, broken: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let left = Arc::new(AtomicUsize::new(broken));
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server, left) = (client.unwrap(), TcpStream::connect(server).unwrap(), left.clone());
            std::thread::spawn(move || pass(client, server, &left));
        }
    });
    address
}

fn pass(mut client: TcpStream, mut server: TcpStream, left: &AtomicUsize) {
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let breaks = Arc::new(AtomicUsize::new(0));
    let seen = breaks.clone();
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut piece) {
            if String::from_utf8_lossy(&piece[..read]).contains("{\"part\":") {
                seen.store(1, Ordering::SeqCst);
            }
            if to.write_all(&piece[..read]).is_err() {
                return;
            }
        }
    });
    let (mut piece, mut answer) = ([0; 1024], Vec::new());
    while let Ok(read @ 1..) = server.read(&mut piece) {
        if breaks.load(Ordering::SeqCst) == 1 {
            answer.extend_from_slice(&piece[..read]);
        }
        // It breaks in the file, not in what is said of it.
        let head = answer.windows(4).position(|end| end == b"\r\n\r\n");
        let this = head.is_some_and(|head| answer.len() > head + 200);
        if this && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
            // A byte is missing even where this piece is the last.
            let _ = client.write_all(&piece[..read - 1]);
            let _ = client.shutdown(std::net::Shutdown::Both);
            return;
        }
        if client.write_all(&piece[..read]).is_err() {
            return;
        }
    }
    let _ = client.shutdown(std::net::Shutdown::Both);
}

/// A broken transfer is repeated and leaves nothing; one that always breaks is told.
#[test]
fn a_broken_transfer_is_repeated() {
    let served = Served::start(crate::support::world::On::Sqlite);
    let no = signed(&served, "sms");
    let made = served.caller("hq.it").post(&format!("/api/v1/requests/{no}/execute"), &json!({}));
    let sha256 = made.body["sha256"].as_str().unwrap().to_owned();
    let dir = served.world.dir.path();
    write_password(dir, "hq.receiver", &secret("hq.receiver"));
    for (broken, folder, code) in [(9, "out", 3), (1, "out", 0)] {
        let cli = machine(&served, breaking(served.address, broken));
        cli.run(&["login", "--as", "hq.receiver", "--password-file", "hq.receiver.password"]).ok();
        let from = served.size();
        let got = cli.run(&["package", "download", &no, "--out", folder, "--as", "hq.receiver", "--json"]);
        let got = got.expect_code(code);
        let tries =
            served.entries(from).iter().filter(|entry| entry["action"] == "package.downloaded").count();
        let names: Vec<String> = std::fs::read_dir(dir.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert!(!names.iter().any(|name| name.ends_with(".part")), "{names:?}");
        if code == 0 {
            assert_eq!((tries, got.json()["sha256"].as_str()), (3, Some(&*sha256)));
            let file = std::fs::read(dir.join(got.json()["path"].as_str().unwrap())).unwrap();
            assert_eq!(hex::encode(countersign::keyring::sha256(&file)), sha256);
        } else {
            assert_eq!(tries, 4, "the manifest, and the file three times");
            assert!(!names.iter().any(|name| name.ends_with(".age")), "{names:?}");
        }
    }
}
