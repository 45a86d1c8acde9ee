//! A vault's backups, and places they are restored into.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::cli::{Cli, Output, write_password};
use crate::support::desk::Desk;
use crate::support::postgres;
use crate::support::world::{On, cast, decrypt, form};

/// The two files of one moment.
pub struct Backup {
    pub data: PathBuf,
    pub keys: PathBuf,
}

impl Backup {
    /// Data first, then keys, by the commands.
    #[track_caller]
    pub fn of(desk: &Desk, name: &str) -> Backup {
        let backup = Backup { data: data_of(desk, name), keys: desk.dir().join(format!("{name}.keys")) };
        keys_of(desk, &backup.keys);
        backup
    }
}

#[track_caller]
pub fn data_of(desk: &Desk, name: &str) -> PathBuf {
    let path = desk.dir().join(format!("{name}.data"));
    let made = desk.cli.run(&["backup", "create", text(&path), "--json"]).ok();
    assert_eq!(made.json()["bytes"], std::fs::metadata(&path).unwrap().len());
    path
}

#[track_caller]
pub fn keys_of(desk: &Desk, path: &Path) {
    desk.cli.run(&["backup", "keys", text(path), "--json"]).ok();
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("our own paths are text")
}

/// An empty place, and the commands on it.
pub struct Site {
    pub dir: tempfile::TempDir,
    pub url: String,
    pub cli: Cli,
    root: PathBuf,
}

impl Site {
    /// Elsewhere: another folder, another database, another machine's high-water mark.
    pub fn new(desk: &Desk, on: On) -> Site {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("state/high-water");
        Site::marked(desk, on, dir, &mark)
    }

    /// On the same machine: the vault's own mark.
    pub fn here(desk: &Desk, on: On) -> Site {
        Site::marked(desk, on, tempfile::tempdir().unwrap(), &desk.dir().join("state/high-water"))
    }

    fn marked(desk: &Desk, on: On, dir: tempfile::TempDir, mark: &Path) -> Site {
        let url = match on {
            On::Sqlite => format!("sqlite:{}", dir.path().join("data/vault.db").display()),
            On::Postgres => postgres::fresh_database(),
        };
        let cli = Cli::new(dir.path().join("data")).database(&url).global("--high-water").global(mark);
        let cli = cli.folder(dir.path());
        std::fs::create_dir_all(dir.path().join("passwords")).unwrap();
        Site { url, cli, root: desk.dir().join("data/root.json"), dir }
    }

    pub fn restore(&self, backup: &Backup, more: &[&str]) -> Output {
        let (data, keys, root) = (text(&backup.data), text(&backup.keys), text(&self.root));
        let words = ["backup", "restore", data, "--keys", keys, "--root", root, "--json"];
        self.cli.run(&[&words[..], more].concat())
    }

    pub fn by(&self, login: &str, args: &[&str], stdin: &str) -> Output {
        let folder = self.dir.path().join("passwords");
        let file = write_password(&folder, login, &format!("pass word of {login}"));
        let words = [args, &["--as", login, "--password-file", text(&file)]].concat();
        self.cli.run_with(&words, stdin.as_bytes())
    }

    #[track_caller]
    pub fn verified(&self) -> u64 {
        let output = self.cli.run(&["audit", "verify", "--deep", "--json"]).ok();
        assert_eq!(output.json()["verified"], true, "{output}");
        output.json()["size"].as_u64().unwrap()
    }

    /// The newest entry of an action.
    #[track_caller]
    pub fn entry(&self, action: &str) -> Value {
        let log = self.cli.run(&["audit", "export", "--format", "jsonl"]).ok();
        let leaves = log.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut leaves = leaves.map(|line| line.get("leaf").cloned().unwrap_or(line));
        leaves.rfind(|leaf| leaf["action"] == action).unwrap_or_else(|| panic!("no {action}: {log}"))
    }
}

/// Drafts, submits and has a request signed on the vault.
pub fn signed(desk: &Desk, channel: &str) -> String {
    let [officer, first, second, third, ..] = cast(channel);
    let file = desk.write("form.toml", form(channel)).display().to_string();
    let drafted = desk.by(officer, &["request", "draft", &file, "--json"]).ok();
    let no = drafted.json()["no"].as_str().unwrap().to_owned();
    desk.by(officer, &["request", "submit", &no]).ok();
    for signer in [first, second, third] {
        desk.by(signer, &["request", "sign", &no]).ok();
    }
    no
}

/// Executes a signed request where it is, downloads the package; what the vendor reads.
#[track_caller]
pub fn released(
    desk: &Desk,
    by: &dyn Fn(&str, &[&str]) -> Output,
    out: &Path,
    no: &str,
    channel: &str,
) -> Vec<String> {
    let made = by(cast(channel)[4], &["request", "execute", no, "--json"]).ok();
    let package = made.json()["package"].as_str().unwrap().to_owned();
    let got = by(cast(channel)[5], &["package", "download", &package, "--out", text(out), "--json"]).ok();
    let vendor = if channel == "sms" { "SMS1" } else { "DM1" };
    decrypt(got.json()["path"].as_str().unwrap().as_ref(), &desk.world.identity(vendor)).1
}
