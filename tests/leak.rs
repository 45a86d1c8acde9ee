//! No personal value outside the sealed places, whatever is run and however much is logged
//! (done-line 2), and the demo's answer on a file made afresh (done-line 1).

mod support;

#[path = "leak/answer.rs"]
mod answer;
#[path = "leak/plants.rs"]
mod plants;
#[path = "leak/verbs.rs"]
mod verbs;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::cli::{Cli, Output};
use support::generate::{Generated, generate};
use support::scan::{Hit, Scanner};
use support::{postgres, world::On};

/// How many rows; each kind of slip is among them.
const ROWS: usize = 400;

/// A demo on a file of this run's own.
pub struct Demo {
    on: On,
    cli: Cli,
    url: Option<String>,
    members: Generated,
    /// Holds the input, outside everything that is scanned.
    input: tempfile::TempDir,
    _scratch: tempfile::TempDir,
    /// Everything that any command said, but for what a reveal gave on standard output.
    said: Vec<(String, String)>,
    answer: Value,
}

impl Demo {
    fn run(on: On) -> Demo {
        // A new file every time; the seed is told so that a failure can be had again.
        let seed = std::time::UNIX_EPOCH.elapsed().expect("a clock after 1970").as_micros() as u64;
        eprintln!("seed {seed}");
        let members = generate(ROWS, seed);
        let input = tempfile::tempdir().expect("a folder");
        let file = input.path().join("members.csv");
        fs::write(&file, &members.csv).expect("our own folder");
        let scratch = tempfile::tempdir().expect("a folder");
        let url = (on == On::Postgres).then(postgres::fresh_database);
        let mut cli = Cli::new(scratch.path().join("demo")).bare().env("RUST_LOG", "trace");
        if let Some(url) = &url {
            cli = cli.database(url);
        }
        let mut demo =
            Demo { on, cli, url, members, input, _scratch: scratch, said: Vec::new(), answer: Value::Null };
        let dir = demo.data().display().to_string();
        let file = file.display().to_string();
        let output = demo.cli.run(&["demo", "--dir", &dir, "--file", &file, "--json"]).ok();
        demo.answer = output.json().clone();
        demo.keep("demo", &output);
        demo
    }

    fn data(&self) -> PathBuf {
        self.cli.data().to_path_buf()
    }

    fn keep(&mut self, what: &str, output: &Output) {
        self.said.push((format!("{what}: stdout"), output.stdout.clone()));
        self.said.push((format!("{what}: stderr"), output.stderr.clone()));
    }

    /// Where something may lie: the vault, its high-water mark, what was temporary, the server's files.
    fn folders(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.data(), self.cli.state(), self.cli.tmp(), self.cli.home()];
        folders.extend((self.on == On::Postgres).then(postgres::data_folder));
        folders
    }

    /// What is looked for. The demo's own staff stand in clear, and some members bear a name of theirs.
    fn needles(&self) -> Vec<String> {
        let staff = include_str!("../src/cli/demo/world.rs");
        self.members.needles().into_iter().filter(|value| !staff.contains(value.as_str())).collect()
    }

    fn scan(&self, scanner: &Scanner) -> Vec<Hit> {
        let mut hits: Vec<Hit> = self.folders().iter().flat_map(|f| scanner.scan_tree(f)).collect();
        for (what, text) in &self.said {
            hits.extend(scanner.scan_bytes(what, text.as_bytes()));
        }
        hits
    }
}

fn nothing_is_found_anywhere(on: On) {
    let mut demo = Demo::run(on);
    answer::check(&demo);
    verbs::run_all(&mut demo);
    assert!(
        demo.said.iter().any(|(_, text)| text.contains(" TRACE ") || text.contains(" DEBUG ")),
        "no trace"
    );

    let needles = demo.needles();
    assert!(needles.len() > 3 * ROWS, "{} values are too few", needles.len());
    let scanner = Scanner::new(&needles);
    plants::are_found(&demo, &needles);
    let hits = demo.scan(&scanner);
    let told: Vec<_> =
        hits.iter().take(20).map(|hit| (hit, kind_of(&demo, &needles[hit.needle_index]))).collect();
    assert!(hits.is_empty(), "{} findings, among them {told:#?}", hits.len());
}

/// Which column a value is of: a finding is told without the value.
fn kind_of(demo: &Demo, value: &str) -> &'static str {
    let has =
        |get: fn(&support::generate::Row) -> &str| demo.members.rows.iter().any(|row| get(row) == value);
    if has(|r| &r.name) {
        "name"
    } else if has(|r| &r.email) {
        "email"
    } else if has(|r| &r.address) {
        "address"
    } else {
        "mobile"
    }
}

#[test]
fn nothing_is_found_anywhere_on_sqlite() {
    nothing_is_found_anywhere(On::Sqlite);
}

#[test]
fn nothing_is_found_anywhere_on_postgres() {
    nothing_is_found_anywhere(On::Postgres);
}

#[test]
fn a_demo_replaces_a_demo_and_nothing_else() {
    let scratch = tempfile::tempdir().unwrap();
    let cli = Cli::new(scratch.path().join("demo")).bare();
    let dir = cli.data().display().to_string();
    let run = |dir: &str| cli.run(&["demo", "--dir", dir, "--members", "20", "--json"]);
    let root = |output: &Output| output.json()["audit"]["root"].as_str().unwrap().to_owned();
    let first = run(&dir).ok();
    let file = first.json()["packages"][0]["path"].as_str().unwrap().to_owned();
    let before = fs::read(&file).unwrap();
    let second = run(&dir).ok();
    assert_ne!(root(&first), root(&second), "the old vault is still there");
    assert_ne!(fs::read(&file).unwrap(), before);
    let marks = files_named(&cli.state(), "high-water");
    assert_eq!(marks.len(), 1, "the old vault's mark is still there: {marks:?}");

    let other = scratch.path().join("photographs");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("1998.jpg"), "a summer").unwrap();
    let refused = run(&other.display().to_string()).expect_code(1);
    assert_eq!(refused.json()["error"]["code"], "not_a_demo", "{refused}");
    assert!(refused.stderr.contains("hint: "), "{refused}");
    assert_eq!(fs::read_to_string(other.join("1998.jpg")).unwrap(), "a summer");
    assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
}

fn files_named(folder: &Path, name: &str) -> Vec<PathBuf> {
    let found = Command::new("find").arg(folder).args(["-name", name]).output().expect("find starts");
    String::from_utf8_lossy(&found.stdout).lines().map(PathBuf::from).collect()
}
