//! The tests' own tools are tested first: a scan that finds nothing because it is broken, or a
//! server that never goes away, would make every other test worth less.

mod support;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sqlx::{Connection, PgConnection};
use support::cli::{Cli, write_password};
use support::expect::Channel;
use support::generate::{Random, generate};
use support::scan::{Encoding, Scanner};
use support::{cli, postgres};

// ---------------------------------------------------------------- scan

/// A mobile, a three-character name, an address, an email.
fn needles() -> Vec<String> {
    ["15592174218", "唐桂珍", "青海省佛山市徐汇区昆明路464号36栋3300室", "xiuyingcai@example.com"]
        .map(str::to_owned)
        .to_vec()
}

fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// `value` in an encoding, made here without the scanner; base64 inside a longer text at each alignment.
fn planted(value: &str, encoding: Encoding) -> Vec<Vec<u8>> {
    let longer = |at: usize| [vec![0xA7; at + 3], value.as_bytes().to_vec(), vec![0xE3; 5]].concat();
    let upper = |byte: &u8| format!("{byte:02X}").into_bytes();
    match encoding {
        Encoding::Utf8 => vec![value.into()],
        Encoding::Utf16Le => vec![encode_16(value, true)],
        Encoding::Utf16Be => vec![encode_16(value, false)],
        Encoding::Gb18030 => vec![encoding_rs::GB18030.encode(value).0.into_owned()],
        Encoding::HexLower => vec![value.bytes().flat_map(|b| format!("{b:02x}").into_bytes()).collect()],
        Encoding::HexUpper => vec![value.as_bytes().iter().flat_map(upper).collect()],
        Encoding::Base64 => (0..3).map(|at| STANDARD.encode(longer(at)).into_bytes()).collect(),
        Encoding::Base64Url => (0..3).map(|at| URL_SAFE_NO_PAD.encode(longer(at)).into_bytes()).collect(),
    }
}

fn encode_16(value: &str, little: bool) -> Vec<u8> {
    let unit = |u: u16| if little { [u as u8, (u >> 8) as u8] } else { [(u >> 8) as u8, u as u8] };
    value.encode_utf16().flat_map(unit).collect()
}

#[test]
fn a_planted_value_is_found_in_every_encoding() {
    let needles = needles();
    let scanner = Scanner::new(&needles);
    for (index, needle) in needles.iter().enumerate() {
        for encoding in Encoding::ALL {
            for form in planted(needle, encoding) {
                let mut place = noise(1000, 7);
                place.splice(500..500, form);
                let hits = scanner.scan_bytes("planted", &place);
                // ASCII is one and the same in UTF-8 and GB18030, and so are most base64 texts.
                assert!(
                    hits.iter().any(|h| h.needle_index == index && (500..520).contains(&h.offset)),
                    "needle {index} in {encoding:?} was not found"
                );
            }
        }
    }
}

#[test]
fn the_encoding_of_a_hit_is_named() {
    let needles = needles();
    let scanner = Scanner::new(&needles);
    for encoding in Encoding::ALL.into_iter().filter(|e| *e != Encoding::Base64Url) {
        let hits = scanner.scan_bytes("planted", &planted(&needles[2], encoding)[0]);
        assert_eq!(hits.iter().map(|h| h.encoding).collect::<Vec<_>>(), [encoding]);
    }
    // A text of the URL alphabet that the standard one would spell otherwise.
    let needles = ["?>?>?>?>".to_owned()];
    let text = URL_SAFE_NO_PAD.encode(&needles[0]);
    let hits = Scanner::new(&needles).scan_bytes("planted", text.as_bytes());
    assert_eq!(hits[0].encoding, Encoding::Base64Url);
}

#[test]
fn every_occurrence_is_found_at_the_very_edges_too() {
    let scanner = Scanner::new(&needles());
    let hits = scanner.scan_bytes("edges", "15592174218,15592174218".as_bytes());
    assert_eq!(hits.iter().map(|h| h.offset).collect::<Vec<_>>(), [0, 12]);
    assert!(scanner.scan_bytes("cut", b"1559217421").is_empty());
    assert!(scanner.scan_bytes("empty", b"").is_empty());
}

#[test]
fn two_needles_that_start_alike_are_told_apart() {
    let scanner = Scanner::new(&["13800138000".to_owned(), "13800138001".to_owned()]);
    let hits = scanner.scan_bytes("p", b"x13800138001x");
    assert_eq!(hits.iter().map(|h| h.needle_index).collect::<Vec<_>>(), [1]);
}

#[test]
fn nothing_is_found_in_ten_megabytes_of_noise() {
    let needles = generate(2_000, 11).needles();
    let scanner = Scanner::new(&needles);
    assert!(scanner.patterns() > 50_000, "{}", scanner.patterns());
    assert_eq!(scanner.scan_bytes("noise", &noise(10_000_000, 3)), []);
}

#[test]
fn what_is_too_short_to_mean_anything_is_left_out_and_counted() {
    let scanner = Scanner::new(&["王芳".to_owned()]);
    // UTF-16 (both) and GB18030 of two characters have four bytes; all other forms count.
    assert_eq!(scanner.skipped(), 3);
    assert_eq!(scanner.scan_bytes("p", "会员王芳在此".as_bytes()).len(), 1);
}

#[test]
fn a_tree_is_scanned_whole_across_pieces_and_names() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("a/b");
    std::fs::create_dir_all(&deep).unwrap();
    // Across the border of two pieces of a mebibyte, whole in the second, and at the very end.
    for (file, at) in [("border", (1 << 20) - 5), ("second", (1 << 20) + 400_000), ("end", 3 << 20)] {
        let mut bytes = noise(3 << 20, 5);
        bytes.splice(at..at, "15592174218".bytes());
        std::fs::write(deep.join(file), bytes).unwrap();
    }
    std::fs::write(deep.join("唐桂珍.txt"), "").unwrap();
    let hits = Scanner::new(&needles()).scan_tree(folder.path());
    let found: BTreeMap<_, _> =
        hits.iter().map(|h| (h.place.rsplit('/').next().unwrap(), h.offset)).collect();
    let wanted =
        [("border", 1048571), ("end", 3145728), ("second", 1448576), ("唐桂珍.txt (its name)", 0)].into();
    assert_eq!(found, wanted);
    assert_eq!(hits.len(), 4);
}

// ---------------------------------------------------------------- postgres

#[tokio::test]
async fn fresh_databases_are_separate_and_durable() {
    let (one, two) = (postgres::fresh_database(), postgres::fresh_database());
    assert_ne!(one, two);
    let mut first = PgConnection::connect(&one).await.unwrap();
    let mut second = PgConnection::connect(&two).await.unwrap();
    sqlx::query("create table only_here (a bigint)").execute(&mut first).await.unwrap();
    assert!(sqlx::query("select a from only_here").execute(&mut second).await.is_err());
    for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
        let (value,): (String,) =
            sqlx::query_as("select current_setting($1)").bind(setting).fetch_one(&mut first).await.unwrap();
        assert_eq!(value, "on", "{setting}");
    }
    postgres::execute(&one, "insert into only_here values (1); insert into only_here values (2)".into());
    let (rows,): (i64,) =
        sqlx::query_as("select count(*) from only_here").fetch_one(&mut first).await.unwrap();
    assert_eq!(rows, 2);
}

#[test]
fn databases_are_made_from_many_threads_at_once() {
    let made: HashSet<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(postgres::fresh_database)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(made.len(), 8);
}

/// In the environment of this same test, run once more as the process to be killed.
const HOLDER: &str = "SELFTEST_HOLDS_A_SERVER";

#[test]
fn the_server_goes_when_its_process_is_killed() {
    if std::env::var_os(HOLDER).is_some() {
        postgres::fresh_database();
        let (server, guard) = (postgres::server_pid(), postgres::guard_pid());
        println!("held {server} {guard} {} .", postgres::data_folder().display());
        std::thread::sleep(Duration::from_secs(120));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let itself = std::env::current_exe().unwrap();
    let holder = Cli::new(folder.path().join("vault")).bare().program(itself).env(HOLDER, "yes");
    let mut holder = holder.spawn(&["--exact", "the_server_goes_when_its_process_is_killed", "--nocapture"]);
    let said = holder.wait_for(" .\n", Duration::from_secs(90));
    let words: Vec<&str> = said.split("held ").nth(1).unwrap().split(' ').collect();
    let (server, guard, data) = (format!("/proc/{}", words[0]), format!("/proc/{}", words[1]), words[2]);
    assert!(is_alive(&server) && is_alive(&guard) && Path::new(data).exists());
    assert_eq!(holder.kill().code, 137);
    let killed = Instant::now();
    while Path::new(data).exists() || is_alive(&server) || is_alive(&guard) {
        assert!(killed.elapsed() < Duration::from_secs(30), "the server, its guard or its folder is left");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether the process of a `/proc` folder runs; one that ended does not, though in a container without
/// an init nobody may ever reap it.
fn is_alive(proc: &str) -> bool {
    let stat = std::fs::read_to_string(format!("{proc}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}

// ---------------------------------------------------------------- cli

fn shell(folder: &Path) -> Cli {
    Cli::new(folder.join("vault")).bare().program("/bin/sh").global("-c")
}

#[test]
fn code_words_and_json_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let out = shell(folder.path()).run(&["echo story; echo '{\"a\":1}'; echo oops >&2; exit 3"]);
    let out = out.expect_code(3);
    assert_eq!((out.stdout.as_str(), out.stderr.as_str()), ("story\n{\"a\":1}\n", "oops\n"));
    assert_eq!(out.json()["a"], 1);
    assert!(shell(folder.path()).run(&["echo story"]).ok().json.is_none());
}

#[test]
fn the_environment_is_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let cli = shell(folder.path()).env("COUNTERSIGN_LOG", "trace");
    let out = cli.run(&["env"]).ok();
    let names: HashSet<&str> = out.stdout.lines().filter_map(|l| Some(l.split_once('=')?.0)).collect();
    assert!(names.contains("COUNTERSIGN_LOG") && names.contains("PATH"));
    assert!(!names.contains("CARGO_MANIFEST_DIR") && !names.contains("RUST_LOG"), "{names:?}");
    assert!(out.stdout.contains(&format!("XDG_STATE_HOME={}", cli.state().display())));
}

#[test]
fn standard_input_goes_in_and_may_be_left_unread() {
    let folder = tempfile::tempdir().unwrap();
    let much = vec![b'x'; 1 << 20];
    assert_eq!(shell(folder.path()).run_with(&["cat"], &much).ok().stdout.len(), much.len());
    shell(folder.path()).run_with(&["exit 0"], &much).ok();
}

#[test]
fn a_kill_is_told_from_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = shell(folder.path()).spawn(&["echo ready; exec sleep 60"]);
    running.wait_for("ready", Duration::from_secs(20));
    let out = running.kill();
    assert_eq!((out.code, out.stdout.as_str()), (137, "ready\n"));
    let mut ended = shell(folder.path()).spawn(&["exit 5"]);
    while ended.is_running() {}
    assert_eq!(ended.kill().code, 5);
    let stopped = shell(folder.path()).spawn(&["exec sleep 60"]);
    stopped.terminate();
    assert_eq!(stopped.wait().code, 143);
}

#[test]
fn the_built_binary_runs() {
    let folder = tempfile::tempdir().unwrap();
    let out = Cli::new(folder.path().join("vault")).bare().run(&["--help"]);
    assert_eq!(out.code, 0, "{out}");
}

#[test]
fn a_password_file_is_its_owners_alone() {
    use std::os::unix::fs::MetadataExt;
    let folder = tempfile::tempdir().unwrap();
    let path = cli::write_password(folder.path(), "chen", "first");
    assert_eq!(write_password(folder.path(), "chen", "second"), path);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "second\n");
    assert_eq!(std::fs::metadata(path).unwrap().mode() & 0o777, 0o600);
}

// ---------------------------------------------------------------- generate

#[test]
fn the_same_seed_makes_the_same_file() {
    assert_eq!(generate(500, 1).csv, generate(500, 1).csv);
    assert_ne!(generate(500, 1).csv, generate(500, 2).csv);
}

#[test]
fn the_file_reads_back_as_the_rows_say() {
    let made = generate(1_000, 9);
    assert!(made.csv.starts_with("\u{feff}卡号,".as_bytes()));
    let mut reader = csv::Reader::from_reader(&made.csv[3..]);
    assert_eq!(reader.headers().unwrap().len(), 18);
    let read: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(read.len(), made.rows.len());
    for (cells, row) in read.iter().zip(&made.rows) {
        let wanted = [&row.card, &row.name, &row.mobile_cell, &row.email, &row.address, &row.postcode];
        assert!(cells.iter().zip(wanted).all(|(cell, wanted)| cell == wanted), "line {}", row.line);
    }
}

#[test]
fn every_slip_is_there_in_small_files_and_in_its_share_in_large_ones() {
    for (n, seed) in [(20, 1), (300, 2), (5_000, 3)] {
        let made = generate(n, seed);
        let mut wrong: BTreeMap<_, usize> = BTreeMap::new();
        made.rejected().for_each(|row| *wrong.entry(row.wrong.unwrap()).or_default() += 1);
        let kinds: Vec<_> = wrong.keys().copied().collect();
        assert_eq!(kinds, ["birthday", "mobile_digits", "mobile_scientific", "name", "postcode"]);
        assert!(made.rows.iter().any(|r| r.covenant.is_none()) && made.rows.iter().any(|r| r.minor));
        assert!(made.rows.iter().any(|r| r.mobile_cell.starts_with('１')));
        assert_eq!(made.rows.iter().map(|r| &r.card).collect::<HashSet<_>>().len(), n);
        if n == 5_000 {
            assert_eq!(made.rejected().count(), 61);
            assert_eq!(made.rows.iter().filter(|r| r.minor).count(), 285);
        }
    }
}

#[test]
fn what_is_expected_adds_up_and_covers_every_reason() {
    let made = generate(5_000, 4);
    for channel in [Channel::Sms, Channel::Post] {
        let expected = made.expected(channel);
        assert_eq!(expected.selected, made.accepted().count());
        assert_eq!(expected.rows.len() + expected.excluded.values().sum::<usize>(), expected.selected);
        let lines = expected.lines(channel);
        assert_eq!(lines.len(), lines.iter().collect::<HashSet<_>>().len(), "a line twice");
        for reason in ["not_active", "minor", "no_consent", "no_contact"] {
            assert!(expected.excluded.contains_key(reason), "{channel:?} {reason}");
        }
    }
    assert!(made.expected(Channel::Sms).excluded.contains_key("duplicate"));
    assert!(made.expected(Channel::Post).excluded.contains_key("unsafe_value"));
}
