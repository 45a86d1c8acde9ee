//! `kill -9` at random moments of import, signing, execution, download and erasure, through the built
//! binary, on both engines. After each kill and the next command nothing that was acknowledged is
//! lost, nothing left without its entry, and nothing half-made is left.
//!
//! 20 kills, 200 with `COUNTERSIGN_LONG=1`. Each verb is measured without a kill first; the moments are
//! spread over that time, every second one over its last part, where the writing is. `COUNTERSIGN_SEED`
//! repeats a run's moments.

#[path = "../support/mod.rs"]
mod support;

#[path = "../store/raw.rs"]
#[allow(dead_code)]
mod raw;

mod looking;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant, UNIX_EPOCH};

use countersign::broker::Broker;
use countersign::model::ids::{PackageNo, RequestNo};
use countersign::store::packages::{FactKind, PackageFact};

use looking::{files_in, on_thread};
use support::cli::{Cli, Output, write_password};
use support::generate::Random;
use support::scan::Scanner;
use support::world::{On, World, cast, decrypt, executed, step, submitted};

/// Rows of each imported file.
const ROWS: u64 = 400;

#[derive(Debug, Clone, Copy)]
enum Verb {
    Import,
    Sign,
    Execute,
    Download,
    Erase,
}

/// One vault that is struck again and again.
struct Struck {
    world: World,
    cli: Cli,
    /// What holds plaintext and so must not lie beside the vault.
    files: tempfile::TempDir,
    random: Random,
    measured: [Duration; 5],
    /// Cycles so far; the first is not struck.
    cycle: u64,
    kills: u32,
    hits: u32,
}

#[test]
fn sqlite() {
    Struck::new(On::Sqlite).run();
}

#[test]
fn postgres() {
    Struck::new(On::Postgres).run();
}

/// What random moments seldom hit: between a file and the entry before or after it.
#[test]
fn files_without_their_entry_go_at_start() {
    let world = World::new(On::Sqlite);
    let folder = world.place().dir.join("packages");
    let open = async || {
        let (broker, recovered) = Broker::open(&world.place()).await.unwrap();
        let mut left: Vec<_> = files_in(&folder).iter().map(|p| p.file_name().unwrap().to_owned()).collect();
        left.sort();
        (broker, recovered, left)
    };
    on_thread(async || {
        let broker = world.open().await;
        let package = executed(&broker, "sms").await;
        let whole: Vec<_> = files_in(&folder).iter().map(|p| p.file_name().unwrap().to_owned()).collect();
        // Begun, and no entry came; made again, and the file before not yet removed.
        let stray = [format!("{}-P9.3.part", package.request()), "CS2026-HQ-0099-P1.3.part".to_owned()];
        let stale = format!("{package}.1.sealed");
        for name in stray.iter().chain([&stale]) {
            fs::write(folder.join(name), "noise").unwrap();
        }
        // One that a process is still writing is nobody else's.
        let held = fs::File::create(folder.join(format!("{package}.99.part"))).unwrap();
        held.lock().unwrap();
        let (_, recovered, left) = open().await;
        assert_eq!((recovered.aborted, left.len()), (0, 3), "{left:?}");
        drop(held);
        assert_eq!(open().await.2, whole);

        // Recalled, its key destroyed, and then the power went.
        let head = step(&broker, "mem.head").await.unwrap();
        broker.package_recall(head.caller(), &package, "wrong dates").await.unwrap();
        fs::write(folder.join(&whole[0]), "noise").unwrap();
        assert_eq!(open().await.2, Vec::<std::ffi::OsString>::new());
        assert_eq!(broker.audit_verify(true, &[]).await.unwrap().problems, []);
    });
}

impl Struck {
    fn new(on: On) -> Struck {
        let now = UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
        let seed = std::env::var("COUNTERSIGN_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(now | 1);
        tell(&format!("{on:?}: COUNTERSIGN_SEED={seed}"));
        let world = World::new(on);
        let files = tempfile::tempdir().unwrap();
        for who in cast("sms") {
            write_password(files.path(), who, &format!("pass word of {who}"));
        }
        let place = world.place();
        let cli = Cli::new(&place.dir)
            .database(&place.url)
            .global("--high-water")
            .global(place.high_water.unwrap())
            .global("--json");
        let random = Random::new(seed);
        Struck { world, cli, files, random, measured: [Duration::ZERO; 5], cycle: 0, kills: 0, hits: 0 }
    }

    fn run(mut self) {
        let cycles = if std::env::var_os("COUNTERSIGN_LONG").is_some_and(|v| v == "1") { 20 } else { 2 };
        for _ in 0..=cycles {
            self.import();
            let no = self.sign();
            let package = self.execute(&no);
            self.download(&package);
            self.erase();
            self.cycle += 1;
        }
        tell(&format!(
            "{:?}: {} kills, {} while the process ran, {} after it had ended",
            self.world.on,
            self.kills,
            self.hits,
            self.kills - self.hits
        ));
        assert!(self.hits > 0, "no kill hit anything: the moments are spread over the wrong time");
        let needles: Vec<String> = self.world.members.accepted().flat_map(|row| row.needles()).collect();
        assert_eq!(Scanner::new(&needles).scan_tree(self.world.dir.path()), []);
    }

    /// A file of new members: killed, run again, and all of them are there once.
    fn import(&mut self) {
        let file = self.files.path().join("members.csv");
        fs::write(&file, members(self.cycle)).unwrap();
        let file = file.to_str().unwrap();
        let args = ["member", "import", file];
        let before = self.members();
        let struck = self.strike(Verb::Import, &args, "mem.head");
        let after = self.members();
        assert!(after == before || after == before + ROWS, "one transaction, all or nothing");
        if acknowledged(&struck, "created") {
            assert_eq!(after, before + ROWS, "{struck}");
        }
        let again = match after == before {
            true => self.again(Verb::Import, &args, "mem.head"),
            false => self.command(&args, "mem.head").ok(),
        };
        let count = |key: &str| again.json()[key].as_u64().unwrap();
        assert_eq!((count("created"), count("updated"), count("rejected")), (before + ROWS - after, 0, 0));
        assert_eq!(count("unchanged"), after - before);
        assert_eq!(self.members(), before + ROWS);
        self.clean();
    }

    /// The first signature: killed, given again unless it was there, then the other two.
    fn sign(&mut self) -> RequestNo {
        let no = self.with(async |broker| submitted(broker, "sms").await);
        let (head, text) = (cast("sms")[1], no.to_string());
        let args = ["request", "sign", &text];
        let struck = self.strike(Verb::Sign, &args, head);
        let there = self.signatures(&no) == 2;
        assert!(there || !acknowledged(&struck, "step"), "an acknowledged signature is lost: {struck}");
        if there {
            assert_eq!(refused(&self.command(&args, head)), "separation_of_duties");
        } else {
            self.again(Verb::Sign, &args, head);
        }
        assert_eq!(self.signatures(&no), 2);
        self.with(async |broker| {
            for who in &cast("sms")[2..4] {
                broker.request_sign(step(broker, who).await.unwrap(), &no, None, None).await.unwrap();
            }
        });
        self.clean();
        no
    }

    /// In how many parts this cycle's package is made.
    fn parts(&self) -> usize {
        [3, 1][self.cycle as usize % 2]
    }

    /// The execution: killed, and either whole or aborted; then the same signatures allow another.
    fn execute(&mut self, no: &RequestNo) -> PackageNo {
        let (executor, text) = (cast("sms")[4], no.to_string());
        let parts = self.parts().to_string();
        let args = ["request", "execute", &text, "--parts", &parts];
        let struck = self.strike(Verb::Execute, &args, executor);
        let begun = self.packages(no);
        let whole = begun.iter().any(|(_, _, facts)| kinds(facts).contains(&FactKind::Sealed));
        assert!(whole || !acknowledged(&struck, "sha256"), "an acknowledged package is lost: {struck}");
        if whole {
            assert_eq!(refused(&self.command(&args, executor)), "executed_already");
        } else {
            assert!(self.again(Verb::Execute, &args, executor).json()["rows"].as_u64().unwrap() > 0);
        }
        let packages = self.packages(no);
        assert_eq!(packages.len(), begun.len() + usize::from(!whole));
        let (last, earlier) = packages.split_last().unwrap();
        for (package, live, facts) in earlier {
            assert!(!live && kinds(facts) == [FactKind::Started, FactKind::Aborted], "{package}");
        }
        assert!(last.1 && kinds(&last.2) == [FactKind::Started, FactKind::Sealed], "{}", last.0);
        self.clean();
        last.0.clone()
    }

    /// The download: killed, and the same officer fetches it again.
    fn download(&mut self, package: &PackageNo) {
        let (receiver, text) = (cast("sms")[5], package.to_string());
        let out = self.world.dir.path().join(format!("out-{}", self.cycle));
        let args = ["package", "download", &text, "--out", out.to_str().unwrap()];
        let struck = self.strike(Verb::Download, &args, receiver);
        let left: Vec<PathBuf> = files_in(&out);
        let (_, _, facts) = self.packages(package.request()).pop().unwrap();
        let entered = kinds(&facts).contains(&FactKind::Downloaded);
        assert_eq!(entered, self.entries("package.downloaded", &text) > 0);
        assert!(entered || left.is_empty(), "{left:?} without an entry");
        if acknowledged(&struck, "path") {
            assert!(left.len() == self.parts() + 1 && entered, "{left:?} of an acknowledged download");
        }
        let again = self.again(Verb::Download, &args, receiver);
        let paths = again.json()["paths"].as_array().cloned();
        let paths = paths.unwrap_or_else(|| vec![again.json()["path"].clone()]);
        assert_eq!(paths.len(), self.parts());
        let rows = |path: &serde_json::Value| {
            decrypt(Path::new(path.as_str().unwrap()), &self.world.identity("SMS1")).1.len() as u64
        };
        assert_eq!(paths.iter().map(rows).sum::<u64>(), again.json()["rows"].as_u64().unwrap());
        let manifest = again.json()["manifest"].as_str().unwrap();
        self.cli.run(&["audit", "verify", "--against", manifest]).ok();
        self.clean();
    }

    /// An erasure: killed; ordered is finished by the next start, not ordered is ordered again.
    fn erase(&mut self) {
        let card = self.world.members.accepted().nth(self.cycle as usize).unwrap().card.clone();
        let args = ["member", "erase", &card, "--reason", "letter of 3 May"];
        let before = self.members();
        let struck = self.strike(Verb::Erase, &args, "mem.head");
        let ordered = self.members() == before - 1;
        assert!(ordered || !acknowledged(&struck, "case"), "an acknowledged erasure is lost: {struck}");
        if ordered {
            assert_eq!(refused(&self.command(&args, "mem.head")), "unknown_member");
        } else {
            self.again(Verb::Erase, &args, "mem.head");
        }
        let erasure = self.view(async |view| {
            let erasure = view.erasures().await.unwrap().pop().unwrap();
            assert!(view.member(erasure.ordinal).await.unwrap().is_none());
            assert!(view.data_key(erasure.ordinal).await.unwrap().is_none(), "an erased member's key");
            erasure
        });
        assert!(erasure.finished_at.is_some());
        assert_eq!(self.entries("erased", &erasure.case_no), 1);
        let saw = self.command(&["member", "who-saw", "--case", &erasure.case_no], "mem.head").ok();
        assert_eq!(saw.json()["case_no"], erasure.case_no);
        assert_eq!(self.members(), before - 1);
        self.clean();
    }

    /// Runs a command and kills it at a random moment of its time; in the first cycle, only measures it.
    fn strike(&mut self, verb: Verb, args: &[&str], who: &str) -> Output {
        if self.cycle == 0 {
            let output = self.command(args, who).ok();
            self.measured[verb as usize] = output.took;
            return output;
        }
        let whole = self.measured[verb as usize].as_micros() as usize;
        // Much of each verb is the password; every second kill falls behind it.
        let from = if self.cycle.is_multiple_of(2) { whole * 6 / 10 } else { 0 };
        let moment = Duration::from_micros((from + self.random.below(whole - from)) as u64);
        let mark = self.high_water();
        let started = Instant::now();
        let running = self.cli.spawn(&self.with_password(args, who));
        sleep(moment.saturating_sub(started.elapsed()));
        let output = running.kill();
        let hit = output.code == 137;
        assert!(hit || output.code == 0, "{output}");
        self.kills += 1;
        self.hits += u32::from(hit);
        let end = if hit { "while it ran" } else { "after its end" };
        tell(&format!("{:?} {verb:?}: killed at {moment:?} of {whole} µs, {end}", self.world.on));
        self.just_killed(mark);
        output
    }

    fn command(&self, args: &[&str], who: &str) -> Output {
        self.cli.run(&self.with_password(args, who))
    }

    /// The command again, whole this time: a busy machine may have been slower when it was measured.
    fn again(&mut self, verb: Verb, args: &[&str], who: &str) -> Output {
        let output = self.command(args, who).ok();
        let measured = &mut self.measured[verb as usize];
        *measured = output.took.min(*measured);
        output
    }

    fn with_password(&self, args: &[&str], who: &str) -> Vec<String> {
        let password = self.files.path().join(format!("{who}.password"));
        let more = ["--as", who, "--password-file", password.to_str().unwrap()];
        args.iter().chain(&more).map(|arg| (*arg).to_owned()).collect()
    }
}

/// A file of [`ROWS`] members who exist in no other cycle, nor in the world.
fn members(cycle: u64) -> String {
    let mut csv = "卡号,姓名,手机,归属门店,规约,规约版本,同意短信\n".to_owned();
    for row in 0..ROWS {
        let n = cycle * ROWS + row;
        csv.push_str(&format!("{},王小明,{},S001,会员规约,2024-06,是\n", 10_000_000 + n, 19_900_000_000 + n));
    }
    csv
}

/// Whether a command had said its answer before it ended.
fn acknowledged(output: &Output, key: &str) -> bool {
    output.json.as_ref().is_some_and(|json| !json[key].is_null())
}

fn refused(output: &Output) -> &str {
    assert_eq!(output.code, 1, "{output}");
    output.json()["error"]["code"].as_str().unwrap()
}

fn kinds(facts: &[PackageFact]) -> Vec<FactKind> {
    facts.iter().map(|f| f.kind).collect()
}

/// Says it past the test harness, which keeps what a passing test prints to itself.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "crash: {line}");
}
