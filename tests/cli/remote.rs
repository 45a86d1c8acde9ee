//! The commands on another machine: what the manual's transcripts say, they say at a server too (contract, Command line).

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::furnished;
use crate::support::cli::{Cli, Running};
use crate::support::desk::Desk;
use crate::support::world::{BOTH, On};
use crate::transcript::{play, play_on};

/// Families of commands that are done at a server; the host's operator does the others where the vault is.
const AT_A_SERVER: &[&str] = &["request", "package", "member", "consent", "vendor", "policy", "token"];
/// Verbs of these that are not.
const HERE: &[&str] = &["import", "add", "verify", "check"];

/// A vault that is served, and the command line of a machine that has none.
struct Afar {
    desk: Desk,
    cli: Cli,
    address: String,
    server: Running,
}

impl Afar {
    fn new(on: On) -> Afar {
        let desk = furnished(on);
        let mut server = desk.cli.spawn(&["serve", "--listen", "127.0.0.1:0", "--json"]);
        let said = server.wait_for("{\"address\"", Duration::from_secs(60));
        let address = said.split("{\"address\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let cli = Cli::new(desk.dir().join("afar")).bare().folder(desk.dir());
        let cli = cli.env("COUNTERSIGN_SERVER", format!("http://{address}"));
        Afar { desk, cli, address, server }
    }

    fn sign_in(&self, people: &[&str]) {
        for login in people {
            let file = format!("{login}.password");
            self.cli.run(&["login", "--as", login, "--password-file", &file]).ok();
        }
    }

    /// Plays a transcript that is written for the vault's own machine.
    fn play(&self, text: &str, names: &[(&str, &str)]) {
        let which = |words: &[String]| {
            let afar = AT_A_SERVER.contains(&words.first().map_or("", String::as_str))
                || (words.starts_with(&["audit".into(), "export".into()]) && words.contains(&"--as".into()));
            let here = words.get(1).is_some_and(|verb| HERE.contains(&verb.as_str()));
            if afar && !here { &self.cli } else { &self.desk.cli }
        };
        play_on(text, &which, self.desk.dir(), names);
    }
}

/// The whole road by people at other machines, with every refusal of the manual.
#[test]
fn a_list_is_asked_for_signed_and_released_from_afar() {
    for on in BOTH {
        let afar = Afar::new(on);
        let people = [
            "hq.officer",
            "s1.officer",
            "hq.head",
            "hq.planner",
            "mem.head",
            "hq.it",
            "hq.receiver",
            "auditor",
        ];
        afar.sign_in(&people);
        afar.play(include_str!("release.txt"), &[]);
        let sessions = afar.cli.state().join("countersign/sessions");
        let server = std::fs::read_dir(&sessions).unwrap().next().unwrap().unwrap().path();
        for file in std::fs::read_dir(server).unwrap() {
            let mode = file.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "a token is its owner's alone");
        }
        afar.server.terminate();
        afar.server.wait().ok();
        // What lies beside the packages is the file that the manifest is about, and no `.part`.
        for entry in std::fs::read_dir(afar.desk.dir().join("out3")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(name.starts_with("CS") && !name.ends_with(".part"), "{name}");
        }
        afar.desk.verified();
    }
}

/// Signing in and out, and what a server that is none says.
#[test]
fn people_sign_in_from_afar() {
    let afar = Afar::new(On::Sqlite);
    play(include_str!("remote.txt"), &afar.cli, afar.desk.dir(), &[("address", &afar.address)]);
}

/// A program calls with a token, out of a file or its environment, until it is revoked.
#[test]
fn a_program_calls_with_a_token() {
    let afar = Afar::new(On::Sqlite);
    afar.sign_in(&["s1.counter", "hq.officer", "auditor", "admin2"]);
    afar.play(include_str!("tokens.txt"), &[]);
    let by_file = afar.cli.clone().global("--token-file").global("till.token");
    let text = std::fs::read_to_string(afar.desk.dir().join("till.token")).unwrap();
    let by_environment = afar.cli.clone().env("COUNTERSIGN_TOKEN", text.trim());
    let looked = |cli: &Cli| cli.run_with(&["member", "look-up", "--by", "mobile"], b"13800000000\n");
    for cli in [&by_file, &by_environment] {
        assert!(looked(cli).ok().stderr.contains("0 found."));
        let refused = cli.run(&["package", "list"]).expect_code(1);
        assert!(refused.stderr.contains("this token is not made to see packages [B11]"), "{refused}");
        let refused = cli.run(&["whoami"]).expect_code(1);
        assert!(
            refused.stderr.contains("only a person does this, signed in; no token does [B11]"),
            "{refused}"
        );
    }
    // Who names a person means their session.
    let person = by_environment.run(&["whoami", "--as", "hq.officer"]).ok();
    assert!(person.stdout.contains("login: hq.officer"), "{person}");
    afar.cli.run(&["token", "revoke", "1", "--as", "s1.counter"]).ok();
    for cli in [&by_file, &by_environment] {
        let gone = looked(cli).expect_code(1);
        assert!(gone.stderr.contains("the session or token has ended [B9]"), "{gone}");
    }
}
