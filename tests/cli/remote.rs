//! The commands on another machine: what the manual's transcripts say, they say at a server too (contract, Command line).

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::furnished;
use crate::support::cli::{Cli, Running};
use crate::support::desk::Desk;
use crate::support::workbook::{text, workbook};
use crate::support::world::{BOTH, On};
use crate::transcript::{play, play_on};

/// Families of commands that are done at a server; the host's operator does the others where the vault is.
const AT_A_SERVER: &[&str] = &["request", "package", "member", "consent", "vendor", "policy", "token"];
/// Verbs of these that are not.
const HERE: &[&str] = &["add", "verify", "check"];

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

/// Members, as the manual has it; what is said where the vault is, is said here.
#[test]
fn members_are_kept_from_afar() {
    for on in BOTH {
        let afar = Afar::new(on);
        afar.sign_in(&["mem.head", "s1.counter", "hq.officer", "auditor"]);
        let other = afar.desk.world.members.accepted().find(|row| row.store == "S002").unwrap();
        afar.play(include_str!("members.txt"), &[("other", &*other.card)]);
    }
}

/// A program brings a file with a token that is made for it; what is wrong with the file is told as where the vault is.
#[test]
fn a_file_is_imported_with_a_token() {
    let afar = Afar::new(On::Sqlite);
    let dir = afar.desk.dir();
    afar.sign_in(&["mem.head", "s1.counter"]);
    let made = |login: &str, scope: &str, unit: &str, file: &str| {
        let args = ["token", "make", "--name", "nightly", "--scope", scope, "--unit", unit, "--out", file];
        afar.cli
            .run(&[&args[..], &["--as", login, "--password-file", &format!("{login}.password")]].concat())
            .ok();
        afar.cli.clone().global("--token-file").global(file)
    };
    let nightly = made("mem.head", "members:import", "S001", "nightly.token");
    let till = made("s1.counter", "members:look-up", "S001", "till.token");
    // More than one piece, and more of it wrong than right.
    let mut csv = String::from("card_no,name,mobile,home_store\n");
    for n in 0..4_000 {
        let mobile = if n % 100 == 0 { format!("1390005{n:04}") } else { "1.38E+10".to_owned() };
        csv.push_str(&format!("7100{n:04},林敏芳,{mobile},S001\n"));
    }
    std::fs::write(dir.join("many.csv"), &csv).unwrap();
    let cells = |line: &str| line.split(',').map(text).collect();
    let rows: Vec<Vec<String>> = csv.lines().map(cells).collect();
    std::fs::write(dir.join("many.xlsx"), workbook(&rows)).unwrap();
    let import = |cli: &Cli, more: &[&str]| cli.run(&[&["member", "import", "--json"], more].concat());
    let wrong = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
    let checked = import(&nightly, &["many.csv", "--dry-run", "--errors", "checked.csv"]).ok();
    assert_eq!(
        (&checked.json()["created"], &checked.json()["flagged"]),
        (&json!(40), &json!(null)),
        "{checked}"
    );
    let there = import(&nightly, &["many.csv", "--errors", "there.csv"]).ok();
    let here =
        afar.desk.by("mem.head", &["member", "import", "--json", "many.csv", "--errors", "here.csv"]).ok();
    for (key, created, unchanged) in [("created", 40, 0), ("unchanged", 0, 40), ("rejected", 3_960, 3_960)] {
        assert_eq!(
            (&there.json()[key], &here.json()[key]),
            (&json!(created), &json!(unchanged)),
            "{there}{here}"
        );
    }
    for key in ["read", "sha256", "warnings"] {
        assert_eq!(there.json()[key], here.json()[key], "{key}");
    }
    assert_eq!(there.json()["errors_file"], "there.csv");
    assert_eq!(wrong("there.csv").lines().count(), 3_961);
    assert!(wrong("there.csv") == wrong("here.csv") && wrong("checked.csv") == wrong("here.csv"));
    let mode = std::fs::metadata(dir.join("there.csv")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // A workbook, and a text from standard input.
    let book = import(&nightly, &["many.xlsx", "--errors", "book.csv"]).ok();
    assert_eq!((&book.json()["unchanged"], &book.json()["rejected"]), (&json!(40), &json!(3_960)), "{book}");
    let piped = nightly.run_with(&["member", "import", "-", "--json"], csv.as_bytes()).ok();
    assert_eq!(piped.json()["unchanged"], 40, "{piped}");
    // Nothing of it, for another token, and for a file that is none: long ones are told, too.
    let missing = csv.replacen("card_no", "card", 1).repeat(40);
    std::fs::write(dir.join("missing.csv"), &missing).unwrap();
    for _ in 0..5 {
        let refused = import(&till, &["missing.csv"]).expect_code(1);
        assert!(refused.stderr.contains("this token is not made to import members [B11]"), "{refused}");
        let told = import(&nightly, &["missing.csv"]).expect_code(1);
        let here = afar.desk.by("mem.head", &["member", "import", "--json", "missing.csv"]).expect_code(1);
        assert_eq!((told.json(), &told.stderr), (here.json(), &here.stderr));
    }
    // He is told so before a byte of the file is read: this one has none to give.
    assert!(Command::new("mkfifo").arg(dir.join("silent")).status().unwrap().success());
    let silent = File::options().read(true).write(true).open(dir.join("silent")).unwrap();
    let mut asked = till.spawn(&["member", "import", "silent", "--json"]);
    asked.wait_for("this token is not made to import members [B11]", Duration::from_secs(60));
    assert_eq!(asked.wait().expect_code(1).json()["error"]["code"], "beyond_token");
    drop(silent);
    for (file, code) in [("none.csv", "file"), ("data", "file")] {
        let told = import(&nightly, &[file]).expect_code(1);
        assert_eq!(told.json()["error"]["code"], code, "{told}");
    }
    let unwritable = import(&nightly, &["many.csv", "--errors", "none/wrong.csv"]).expect_code(1);
    assert!(unwritable.stderr.contains("the errors file none/wrong.csv"), "{unwritable}");
    // A server that goes away in the middle, which is before the file's end.
    assert!(Command::new("mkfifo").arg(dir.join("pipe")).status().unwrap().success());
    let import = nightly.spawn(&["member", "import", "pipe", "--json"]);
    let mut pipe = File::options().write(true).open(dir.join("pipe")).unwrap();
    pipe.write_all(csv.as_bytes()).unwrap();
    afar.server.kill();
    // Who notices reads no further.
    let _ = pipe.write_all(csv.as_bytes());
    drop(pipe);
    let told = import.wait().expect_code(3);
    assert_eq!(told.json()["error"]["code"], "server", "{told}");
    afar.desk.verified();
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
