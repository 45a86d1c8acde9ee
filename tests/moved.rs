//! A vault made before members lay in blocks (tests/data/vault_v1, made by tests/data/vault_v1.sh with the
//! program of then) is moved when it is opened, on both engines, and answers as it did.
//!
//! `tests/data/vault_v1.json` holds what that program answered on a copy, command by command. The last
//! erasure in the vault was broken off by SIGKILL between its order and its end.

mod support;

#[path = "store/raw.rs"]
#[allow(dead_code)]
mod raw;

#[path = "moved/answers.rs"]
mod answers;
#[path = "moved/broken.rs"]
mod broken;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use raw::{Cell, Raw, Rows};
use support::cli::{Cli, Output, write_password};
use support::postgres;
use support::world::{On, block, phrase_in};

/// Members in it: of 150, two were erased, and of the third who was ordered to be only the key is left.
const MEMBERS: u64 = 147;

/// A copy of the vault of before.
struct Old {
    dir: tempfile::TempDir,
    url: String,
    cli: Cli,
}

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/vault_v1");

impl Old {
    fn new(on: On) -> Old {
        let dir = tempfile::tempdir().unwrap();
        copy(Path::new(FIXTURE), dir.path());
        fs::create_dir(dir.path().join("passwords")).unwrap();
        let file = format!("sqlite:{}", dir.path().join("data/vault.db").display());
        let url = match on {
            On::Sqlite => file,
            On::Postgres => {
                static TEMPLATE: OnceLock<(String, String)> = OnceLock::new();
                static COPIES: AtomicUsize = AtomicUsize::new(0);
                let (base, template) = TEMPLATE.get_or_init(|| {
                    let url = postgres::fresh_database();
                    block(as_postgres(&file, &url));
                    (postgres::fresh_database(), name_of(&url).to_owned())
                });
                let name = format!("old{}", COPIES.fetch_add(1, Ordering::Relaxed));
                // By file: a copy through the log would write it out twice.
                let sql = format!("create database {name} template {template} strategy file_copy");
                postgres::execute(base, sql);
                for file in ["vault.db", "keys.db"] {
                    fs::remove_file(dir.path().join("data").join(file)).unwrap();
                }
                base.replacen(&format!("/{}?", name_of(base)), &format!("/{name}?"), 1)
            }
        };
        let mark = dir.path().join("high-water");
        let cli = Cli::new(dir.path().join("data")).database(&url).global("--high-water").global(mark);
        Old { dir, url, cli }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn by(&self, login: &str, args: &[&str], stdin: &str) -> Output {
        let file = write_password(&self.path("passwords"), login, &format!("pass word of {login}"));
        let mut words: Vec<String> = args.iter().map(|word| (*word).to_owned()).collect();
        words.extend(["--as", login, "--password-file"].map(str::to_owned));
        words.push(file.display().to_string());
        self.cli.run_with(&words, stdin.as_bytes())
    }

    /// Everyone named gives the undertaking that the program of then did not ask for (A10a).
    fn undertaken<'a>(&self, people: impl Iterator<Item = &'a str>) {
        for login in people.collect::<std::collections::BTreeSet<_>>() {
            let file = write_password(&self.path("passwords"), login, &format!("pass word of {login}"));
            let file = file.display().to_string();
            self.cli.run(&["person", "undertake", login, "--password-file", &file]).ok();
        }
    }

    /// What such a vault has to do once: its vendors show their keys, to a second vendor manager, for its policy
    /// knows nobody else who may be shown them.
    fn prove_vendor(&self, code: &str) {
        let org = self.path("org.toml");
        let second = "[[person]]\nlogin = \"hq.counter\"\nname = \"hq.counter\"\nunit = \"HQ\"\nrank = \"staff\"\n\
                      roles = [\"counter\", \"vendor_manager\"]\n";
        fs::write(&org, second).unwrap();
        let change = self.by("admin", &["org", "apply", org.to_str().unwrap(), "--json"], "").ok();
        if let Some(id) = change.json()["proposal"].as_i64() {
            self.by("admin2", &["org", "second", &id.to_string()], "").ok();
        }
        let file = self.path(&format!("{code}.challenge.age"));
        let challenge = ["vendor", "key", "challenge", code, "--out", file.to_str().unwrap()];
        self.by("hq.vendors", &challenge, "").ok();
        let identity = fs::read_to_string(self.path(&format!("{code}.identity"))).unwrap();
        let phrase = phrase_in(&fs::read(&file).unwrap(), &identity);
        self.by("hq.counter", &["vendor", "key", "confirm", code], &phrase).ok();
    }

    /// A command that opens the vault, and so moves it, and writes nothing else.
    fn opening(&self) -> Vec<String> {
        let file = write_password(&self.path("passwords"), "mem.head", "pass word of mem.head");
        let words = ["vendor", "list", "--json", "--as", "mem.head", "--password-file"];
        words.map(str::to_owned).into_iter().chain([file.display().to_string()]).collect()
    }

    fn open(&self) -> Output {
        self.cli.run(&self.opening())
    }

    /// Opens it to look only, as does the operator: nothing is moved by that.
    fn look(&self) -> Output {
        self.cli.run(&["audit", "verify", "--deep", "--json"])
    }

    #[track_caller]
    fn verified(&self) {
        self.open().ok();
        let output = self.look().ok();
        assert_eq!(output.json()["verified"], true, "{output}");
    }

    fn run(&self, sql: &str) {
        block(async {
            let mut raw = Raw::connect(&self.url).await;
            raw.disarm().await;
            raw.run(sql).await.unwrap();
        });
    }

    fn tables(&self) -> Vec<String> {
        block(async { Raw::connect(&self.url).await.tables().await.into_iter().map(|t| t.name).collect() })
    }

    fn rows(&self, table: &str) -> Rows {
        block(async {
            let mut raw = Raw::connect(&self.url).await;
            let table = raw.table(table).await;
            raw.rows(&table).await
        })
    }

    /// Whether it is as it was or has been moved, each whole but for SQLite's keys. Panics when it is neither.
    #[track_caller]
    fn is_moved(&self) -> bool {
        let tables = self.tables();
        let there = ROWS.iter().filter(|table| tables.iter().any(|t| t == *table)).count();
        let blocks = |table: &&&str| tables.iter().any(|t| t == **table) && !self.rows(table).is_empty();
        match (there, BLOCKS.iter().filter(blocks).count()) {
            (5, 0) => {
                assert_eq!(ROWS.map(|table| self.rows(table).len()), HELD);
                false
            }
            (0, blocks) if blocks == BLOCKS.len() => true,
            // Struck between the commits of SQLite's two files: the keys are still to be moved.
            (1, 15) if self.url.starts_with("sqlite:") && self.rows(ROWS[4]).len() == HELD[4] => true,
            (rows, blocks) => panic!("{rows} tables of rows, {blocks} of blocks"),
        }
    }

    /// Whether a writer has its turn.
    fn is_held(&self) -> bool {
        block(async {
            let mut raw = Raw::connect(&self.url).await;
            let free = "begin; lock table vault in exclusive mode nowait; commit";
            raw.run(free).await.is_err()
        })
    }

    /// Keys in the keystore's blocks: ordinals.
    fn keys(&self) -> Vec<i64> {
        let slots = self.rows("keys.key_block").into_iter().flat_map(|row| match &row[..] {
            [Cell::Int(block), Cell::Bytes(body)] => slots(*block, body),
            _ => panic!("a block"),
        });
        slots.collect()
    }

    /// How many entries say that it was moved, and of how many members the last does.
    fn entries(&self) -> (usize, Option<u64>) {
        let leaves = self.rows("log_leaf").into_iter().filter_map(|row| match &row[1] {
            Cell::Bytes(body) => serde_json::from_slice::<serde_json::Value>(body).ok(),
            _ => None,
        });
        let moved: Vec<_> = leaves.filter(|leaf| leaf["action"] == "vault.moved").collect();
        (moved.len(), moved.last().and_then(|leaf| leaf["counts"]["members"].as_u64()))
    }
}

const ROWS: [&str; 5] = ["member", "member_record", "member_index", "consent_event", "keys.data_key"];
const BLOCKS: [&str; 16] = [
    "member_attributes",
    "member_tags",
    "sealed_alias",
    "sealed_card",
    "sealed_name",
    "sealed_mobile",
    "sealed_email",
    "sealed_address",
    "sealed_postcode",
    "sealed_birthday",
    "index_card",
    "index_mobile",
    "index_email",
    "index_post",
    "consent_pack",
    "keys.key_block",
];

/// How many rows each of [`ROWS`] holds.
const HELD: [usize; 5] = [147, 147, 472, 152, 148];

/// Slots of a body of a block, `{ slot(1) length(2, LE) bytes }` repeated, as ordinals.
fn slots(block: i64, mut body: &[u8]) -> Vec<i64> {
    let mut found = Vec::new();
    while let [slot, low, high, rest @ ..] = body {
        found.push(block * 64 + i64::from(*slot));
        body = &rest[usize::from(u16::from_le_bytes([*low, *high]))..];
    }
    found
}

fn name_of(url: &str) -> &str {
    url.split('?').next().unwrap().rsplit('/').next().unwrap()
}

/// The same rows on PostgreSQL, below the schema of then: rows are the same on both engines, and so are
/// their MACs.
async fn as_postgres(file: &str, url: &str) {
    use sqlx::SqlSafeStr as _;
    use sqlx::migrate::{Migration, MigrationType, Migrator};
    let schema = include_str!("../migrations/postgres/0001_vault.sql").into_sql_str();
    let first = Migration::new(1, "vault".into(), MigrationType::Simple, schema, false);
    let pool = sqlx::PgPool::connect(url).await.unwrap();
    Migrator::with_migrations(vec![first]).run(&pool).await.unwrap();
    pool.close().await;

    let (mut from, mut to) = (Raw::connect(file).await, Raw::connect(url).await);
    // Append-only tables are filled by `replace`, which begins with a delete.
    to.run("set session_replication_role = replica").await.unwrap();
    for table in to.tables().await {
        let there = from.table(&table.name).await;
        let rows = from.rows(&there).await;
        to.replace(&table, &rows).await.unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
            // What a clone does not keep.
            fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}
