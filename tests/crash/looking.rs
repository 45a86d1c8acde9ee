//! What is looked at after a kill, and after the next command.

use std::fs;
use std::path::{Path, PathBuf};

use countersign::broker::Broker;
use countersign::model::ids::{PackageNo, RequestNo};
use countersign::store::View;
use countersign::store::packages::{FactKind, PackageFact};
use serde_json::Value;

use crate::support::world::block;
use crate::{Struck, raw};

impl Struck {
    /// Before anything is mended: what is there fits the log, and nothing is there without its entry.
    pub fn just_killed(&self, mark: u64) {
        assert!(self.high_water() >= mark, "the mark went back");
        let mark = self.high_water();
        let sealed = self.view(async |view| {
            assert!(view.log_size().await.unwrap() >= mark, "the log is shorter than it was");
            let mut sealed = Vec::new();
            for package in view.packages().await.unwrap() {
                let facts = view.package_facts(&package.no).await.unwrap();
                let whole = facts.iter().filter(|f| f.kind == FactKind::Sealed);
                sealed.extend(whole.flat_map(files_of).map(|file| format!("{file}.sealed")));
            }
            sealed
        });
        for path in files_in(&self.world.place().dir.join("packages")) {
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(name.ends_with(".part") || sealed.iter().any(|s| s == name), "{name} without its entry");
        }
        self.cli.run(&["audit", "verify", "--deep"]).ok();
    }

    /// After the next command: all is well, and nothing half-made or orphaned is left.
    pub fn clean(&self) {
        let doctor = self.cli.run(&["doctor"]).ok();
        for line in doctor.json()["lines"].as_array().unwrap() {
            let settled =
                ["package files", "package keys", "erasures"].iter().any(|what| line["what"] == *what);
            assert!(line["state"] == "ok" || line["state"] == "warning" && !settled, "{line}");
        }
        self.cli.run(&["audit", "verify", "--deep"]).ok();
        let parts: Vec<PathBuf> = files_below(self.world.dir.path())
            .into_iter()
            .filter(|path| path.extension().is_some_and(|e| e == "part"))
            .collect();
        assert_eq!(parts, Vec::<PathBuf>::new());
        let (members, url) = (self.members(), self.world.url.clone());
        let keys = block(async move {
            let mut raw = raw::Raw::connect(&url).await;
            let mut rows = async |name: &str| {
                let table = raw.table(name).await;
                raw.rows(&table).await
            };
            let blocks = rows("keys.key_block").await;
            let keys: usize = blocks.iter().map(|row| slots(&row[1])).sum();
            (keys as u64, rows("keys.package_key").await.len() as u64)
        });
        let (live, files) = self.view(async |view| {
            assert_eq!(view.ranges(None).await.unwrap(), []);
            let (mut live, mut files) = (0, 0);
            for package in view.packages().await.unwrap().iter().filter(|p| p.live) {
                let facts = view.package_facts(&package.no).await.unwrap();
                live += 1;
                files += facts.iter().filter(|f| f.kind == FactKind::Sealed).flat_map(files_of).count();
            }
            (live, files)
        });
        assert_eq!(keys, (members, live), "keys of members and of packages");
        assert_eq!(files_in(&self.world.place().dir.join("packages")).len(), files);
    }

    /// Works on the opened vault, which finishes what was broken off.
    pub fn with<T: Send>(&self, work: impl AsyncFnOnce(&Broker) -> T + Send) -> T {
        on_thread(async || {
            let broker = self.world.open().await;
            let done = work(&broker).await;
            broker.store().close().await;
            done
        })
    }

    /// Looks at the vault as it lies there; nothing is finished.
    pub fn view<T: Send>(&self, look: impl AsyncFnOnce(&mut View<'_>) -> T + Send) -> T {
        on_thread(async || {
            let broker = Broker::inspect(&self.world.place()).await.unwrap();
            let mut view = broker.store().view().await.unwrap();
            let seen = look(&mut view).await;
            drop(view);
            broker.store().close().await;
            seen
        })
    }

    pub fn members(&self) -> u64 {
        self.view(async |view| view.member_count().await.unwrap() as u64)
    }

    pub fn signatures(&self, no: &RequestNo) -> usize {
        self.view(async |view| view.signatures(no, 1).await.unwrap().len())
    }

    pub fn packages(&self, no: &RequestNo) -> Vec<(PackageNo, bool, Vec<PackageFact>)> {
        self.view(async |view| {
            let mut found = Vec::new();
            for package in view.packages_of(no).await.unwrap() {
                let facts = view.package_facts(&package.no).await.unwrap();
                found.push((package.no, package.live, facts));
            }
            found
        })
    }

    /// Entries of an action about an object that were not refusals.
    pub fn entries(&self, action: &str, object: &str) -> usize {
        let leaves = self.view(async |view| {
            let size = view.log_size().await.unwrap();
            view.leaves(0, size).await.unwrap()
        });
        let leaves = leaves.iter().map(|(_, body)| serde_json::from_slice::<Value>(body).unwrap());
        leaves.filter(|l| l["action"] == action && l["object"] == object && l["decision"] != "refuse").count()
    }

    pub fn high_water(&self) -> u64 {
        let text = fs::read_to_string(self.world.place().high_water.unwrap()).unwrap();
        text.lines().nth(1).and_then(|size| size.parse().ok()).expect("a checkpoint's second line")
    }
}

/// The files at rest that a `sealed` fact speaks of, without ending.
fn files_of(fact: &PackageFact) -> Vec<String> {
    let body: Value = serde_json::from_str(&fact.body).unwrap();
    let name = |part: &Value| part["file"].as_str().unwrap().to_owned();
    body["parts"].as_array().map_or_else(|| vec![name(&body)], |parts| parts.iter().map(name).collect())
}

/// Files that are not hidden; none when there is no folder.
pub fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|e| e.unwrap().path());
    entries.filter(|p| !p.file_name().unwrap().to_string_lossy().starts_with('.')).collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// Runs on a thread with a runtime of its own.
pub fn on_thread<T: Send>(work: impl AsyncFnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let run =
            || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(work());
        scope.spawn(run).join().unwrap()
    })
}

/// How many slots a block's body has: `{ slot(1) length(2, LE) bytes }` repeated.
fn slots(body: &raw::Cell) -> usize {
    let raw::Cell::Bytes(body) = body else { panic!("a body") };
    let (mut rest, mut count) = (&body[..], 0);
    while let [_, low, high, after @ ..] = rest {
        rest = &after[usize::from(u16::from_le_bytes([*low, *high]))..];
        count += 1;
    }
    count
}
