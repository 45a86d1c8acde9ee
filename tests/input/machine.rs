//! A disk without room and a folder without rights. Both want root for their setting-up; without, they
//! say so and are passed over.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::cli::{Cli, Output, write_password};
use crate::support::desk::Desk;
use crate::support::world::On;
use crate::{newcomers, told};

/// A file system of its own, gone with this value.
struct Mount(PathBuf);

impl Mount {
    fn new(at: &Path, mib: u32) -> Option<Mount> {
        fs::create_dir_all(at).unwrap();
        let size = format!("size={mib}m");
        let done =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "countersign-test"]).arg(at).output();
        match done {
            Ok(output) if output.status.success() => Some(Mount(at.to_owned())),
            Ok(output) => {
                eprintln!("passed over: no mount here: {}", String::from_utf8_lossy(&output.stderr));
                None
            }
            Err(e) => {
                eprintln!("passed over: no mount here: {e}");
                None
            }
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a failing test may still have it open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// The vault's folder on a small file system, everything else beside it.
fn small(desk: &Desk, mib: u32) -> Option<Mount> {
    let data = desk.dir().join("data");
    let aside = desk.dir().join("data-before");
    fs::rename(&data, &aside).unwrap();
    let mount = Mount::new(&data, mib)?;
    let done = Command::new("cp").arg("-a").arg(aside.join(".")).arg(&data).status().unwrap();
    assert!(done.success());
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    Some(mount)
}

#[test]
fn a_full_disk_stops_an_import_and_nothing_more() {
    let desk = Desk::new(On::Sqlite);
    let Some(mount) = small(&desk, 16) else { return };
    let verified = desk.verified();
    // What is left is filled but for a little, so that it is the import that meets the end.
    let ballast = mount.0.join("ballast");
    let free = free_bytes(&mount.0);
    fs::write(&ballast, vec![7; free.saturating_sub(600 * 1024)]).unwrap();
    desk.write("many.csv", newcomers(73_000_000, 6_000));
    let output = desk.by("mem.head", &["member", "import", "many.csv", "--json"]).expect_code(3);
    told(&output, "disk_full", &["disk is full", "make room"]);
    // Looking still works or says why, and changes nothing.
    let looked = desk.cli.run(&["audit", "verify", "--deep", "--json"]);
    assert!([0, 3].contains(&looked.code), "{looked}");

    fs::remove_file(&ballast).unwrap();
    let size = desk.verified();
    assert!(size >= verified);
    desk.write("few.csv", newcomers(73_000_000, 200));
    let again = desk.by("mem.head", &["member", "import", "few.csv", "--json"]).ok();
    let count = |key: &str| again.json()[key].as_u64().unwrap();
    // What was acknowledged before the end is there; no row is half there.
    assert_eq!(count("created") + count("unchanged"), 200, "{again}");
    assert!(desk.verified() > size);
    let doctor = desk.cli.run(&["doctor", "--json"]).ok();
    assert_eq!(doctor.json()["broken"], 0, "{doctor}");
}

fn free_bytes(folder: &Path) -> usize {
    let output = Command::new("df").args(["--output=avail", "-B1"]).arg(folder).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().last().unwrap().trim().parse().unwrap()
}

#[test]
fn a_package_that_finds_no_room_is_aborted_and_can_be_made_again() {
    use crate::support::world::{cast, form};
    let desk = Desk::new(On::Sqlite);
    let Some(mount) = small(&desk, 16) else { return };
    let file = desk.write("sms.toml", form("sms")).display().to_string();
    let drafted = desk.by(cast("sms")[0], &["request", "draft", &file, "--json"]).ok();
    let no = drafted.json()["no"].as_str().unwrap().to_owned();
    desk.by(cast("sms")[0], &["request", "submit", &no]).ok();
    for signer in &cast("sms")[1..4] {
        desk.by(signer, &["request", "sign", &no]).ok();
    }
    let ballast = mount.0.join("ballast");
    fs::write(&ballast, vec![7; free_bytes(&mount.0)]).unwrap();
    let output = desk.by(cast("sms")[4], &["request", "execute", &no, "--json"]).expect_code(3);
    told(&output, "disk_full", &["make room"]);
    fs::remove_file(&ballast).unwrap();
    let made = desk.by(cast("sms")[4], &["request", "execute", &no, "--json"]).ok();
    assert!(made.json()["rows"].as_u64() > Some(0), "{made}");
    let parts = Command::new("find").arg(&mount.0).args(["-name", "*.part"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&parts.stdout), "");
    desk.verified();
}

/// The binary and a copy of the vault where an ordinary user may run the one on the other.
struct Nobody {
    dir: tempfile::TempDir,
    cli: Cli,
}

impl Nobody {
    fn new(desk: &Desk) -> Nobody {
        let dir = tempfile::Builder::new().prefix("cs-nobody-").tempdir_in("/tmp").unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let binary = dir.path().join("countersign");
        fs::copy(env!("CARGO_BIN_EXE_countersign"), &binary).unwrap();
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
        for part in ["data", "state"] {
            let done =
                Command::new("cp").arg("-a").args([desk.dir().join(part), dir.path().join(part)]).status();
            assert!(done.unwrap().success());
        }
        let mark = dir.path().join("state/high-water");
        let cli = Cli::new(dir.path().join("data"))
            .database(&format!("sqlite:{}", dir.path().join("data/vault.db").display()))
            .global("--high-water")
            .global(mark)
            .folder(dir.path());
        for login in ["mem.head", "hq.officer"] {
            write_password(dir.path(), login, &format!("pass word of {login}"));
        }
        fs::write(dir.path().join("a.csv"), newcomers(74_000_000, 3)).unwrap();
        let owned = Command::new("chown").args(["-R", "nobody"]).arg(dir.path()).status().unwrap();
        assert!(owned.success());
        Nobody { dir, cli }
    }

    fn run(&self, args: &[&str]) -> Output {
        self.run_in(&self.dir.path().join("data").display().to_string(), args)
    }

    fn run_in(&self, data: &str, args: &[&str]) -> Output {
        let binary = self.dir.path().join("countersign").display().to_string();
        let mut words = vec!["--reuid=nobody", "--clear-groups", &binary];
        // `setpriv` takes its own words first: the program's global ones go behind its path.
        let mark = self.dir.path().join("state/high-water").display().to_string();
        words.extend(["--data", data, "--high-water", &mark]);
        words.extend(args);
        self.cli.clone().bare().program("setpriv").run(&words)
    }

    fn chmod(&self, part: &str, mode: u32) {
        fs::set_permissions(self.dir.path().join(part), fs::Permissions::from_mode(mode)).unwrap();
    }
}

const IMPORT: [&str; 7] =
    ["member", "import", "a.csv", "--as", "mem.head", "--password-file", "mem.head.password"];

#[test]
fn a_read_only_folder_is_told_and_nothing_is_lost() {
    if !is_root() {
        return eprintln!("passed over: only root may make files of another user");
    }
    let desk = Desk::new(On::Sqlite);
    let nobody = Nobody::new(&desk);
    let import = [&IMPORT[..], &["--json"]].concat();
    let verify = ["audit", "verify", "--deep", "--json"];
    let size = nobody.run(&verify).ok().json()["size"].clone();

    nobody.chmod("data", 0o500);
    for file in ["data/vault.db", "data/keys.db"] {
        nobody.chmod(file, 0o400);
    }
    told(&nobody.run(&import).expect_code(3), "read_only", &["cannot be written", "hint: "]);
    nobody.chmod("data", 0o700);
    for file in ["data/vault.db", "data/keys.db"] {
        nobody.chmod(file, 0o600);
    }
    // The place of the high-water mark: nothing is acknowledged that it does not say.
    nobody.chmod("state", 0o500);
    nobody.chmod("state/high-water", 0o400);
    told(&nobody.run(&import).expect_code(3), "high_water", &["--high-water"]);
    nobody.chmod("state", 0o700);
    nobody.chmod("state/high-water", 0o600);

    let after = nobody.run(&verify).ok();
    assert!(after.json()["size"].as_u64() >= size.as_u64(), "{after}");
    let report = nobody.run(&import).ok();
    assert_eq!(report.json()["rejected"], 0, "{report}");
    nobody.run(&verify).ok();
    // A folder that cannot be made.
    let init = ["init", "--admin", "zhou.jie", "--password-file", "mem.head.password", "--json"];
    let nowhere = nobody.run_in("/proc/countersign", &init).expect_code(1);
    told(&nowhere, "file", &["/proc/countersign", "hint: "]);
    let foreign = nobody.dir.path().join("of-root");
    fs::create_dir(&foreign).unwrap();
    let inside = foreign.join("data").display().to_string();
    let forbidden = nobody.run_in(&inside, &init).expect_code(3);
    told(&forbidden, "read_only", &["hint: "]);
}
