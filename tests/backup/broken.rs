//! Files that are not what was written, places that are not empty, disks that are full.

use std::fs;
use std::path::Path;
use std::process::Command;

use countersign::access::Error;
use countersign::broker::Broker;
use countersign::store::StoreError;

use crate::place::{Backup, Site, text};
use crate::support::desk::Desk;
use crate::support::world::{BOTH, On};

/// Reads a backup in this process; whether it was found wrong as a whole.
fn refused(desk: &Desk, data: &Path, keys: Option<&Path>) -> bool {
    match Broker::backup_verify(&desk.world.place(), None, data, keys) {
        Ok(report) => !report.verified,
        Err(Error::Store(StoreError::Integrity { .. } | StoreError::Root(_))) => true,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn whatever_is_changed_is_refused() {
    let desk = Desk::new(On::Sqlite);
    let backup = Backup::of(&desk, "b");
    assert!(!refused(&desk, &backup.data, Some(&backup.keys)));
    let bad = desk.dir().join("bad");
    for (path, is_data) in [(&backup.data, true), (&backup.keys, false)] {
        let whole = fs::read(path).unwrap();
        let bad_is_refused = |bytes: &[u8], what: &str| {
            fs::write(&bad, bytes).unwrap();
            let (data, keys) = if is_data { (&bad, None) } else { (&backup.data, Some(bad.as_path())) };
            assert!(refused(&desk, data, keys), "{what} of {} bytes", whole.len());
        };
        // Every byte of the head and of the first chunk's beginning, then some of each chunk.
        let mut at: Vec<usize> = (0..130).chain((130..whole.len()).step_by(whole.len() / 40)).collect();
        at.push(whole.len() - 1);
        for i in at {
            let mut bytes = whole.clone();
            bytes[i] ^= 1;
            bad_is_refused(&bytes, &format!("byte {i}"));
        }
        let (head, chunk) = (27 + 16 + 60 + 8, 65_536 + 16);
        for cut in [0, 10, 50, head, head + chunk, whole.len() - 1, whole.len() - 17] {
            if cut < whole.len() {
                bad_is_refused(&whole[..cut], &format!("cut at {cut}"));
            }
        }
        bad_is_refused(&[&whole[..], &[0]].concat(), "continued");
        if whole.len() > head + 2 * chunk {
            let (first, rest) = whole[head..].split_at(chunk);
            let (second, rest) = rest.split_at(chunk);
            bad_is_refused(&[&whole[..head], second, first, rest].concat(), "reordered");
            bad_is_refused(&[&whole[..head], second, rest].concat(), "without its first chunk");
        }
    }
    assert!(refused(&desk, &backup.keys, None), "keys are no data");
}

#[test]
fn files_of_two_vaults_do_not_meet() {
    let (one, other) = (Desk::new(On::Sqlite), Desk::new(On::Postgres));
    let (mine, theirs) = (Backup::of(&one, "b"), Backup::of(&other, "b"));
    for (data, keys) in [(&mine.data, &theirs.keys), (&theirs.data, &mine.keys)] {
        let verify = ["backup", "verify", text(data), "--keys", text(keys), "--json"];
        one.cli.run(&verify).expect_code(2);
        let site = Site::new(&one, On::Sqlite);
        site.restore(&Backup { data: data.clone(), keys: keys.clone() }, &[]).expect_code(2);
        assert!(!site.dir.path().join("data/vault.db").exists());
    }
}

#[test]
fn a_restore_that_is_broken_off_says_so_and_begins_anew() {
    for on in BOTH {
        let desk = Desk::new(On::Sqlite);
        let backup = Backup::of(&desk, "b");
        // Long enough that rows are written before the end is missed.
        let whole = fs::read(&backup.data).unwrap();
        assert!(whole.len() > 2 * 65_536, "{}", whole.len());
        let cut = Backup { data: desk.dir().join("cut.data"), keys: backup.keys.clone() };
        fs::write(&cut.data, &whole[..whole.len() - 1]).unwrap();
        let site = Site::new(&desk, on);
        for _ in 0..2 {
            site.restore(&cut, &[]).expect_code(2);
            for words in [&["audit", "verify", "--json"][..], &["backup", "create", "x", "--json"]] {
                let said = site.cli.run(words).expect_code(3);
                assert_eq!(said.json()["error"]["code"], "restore_unfinished", "{said}");
            }
        }
        site.restore(&backup, &[]).ok();
        site.verified();
        // A vault is in the way of a second one.
        let again = site.restore(&backup, &["--over-mark"]).expect_code(1);
        assert_eq!(again.json()["error"]["code"], "vault_exists", "{again}");
        site.verified();
    }
}

#[test]
fn a_restore_in_earnest_is_said_and_the_newer_mark_still_shows_what_is_lost() {
    for on in BOTH {
        let desk = Desk::new(on);
        let backup = Backup::of(&desk, "b");
        let card = desk.world.members.accepted().find(|row| row.store == "S001").unwrap().card.clone();
        desk.by("s1.counter", &["member", "show", &card]).ok();
        let size = desk.verified();
        let site = Site::here(&desk, on);
        let refused = site.restore(&backup, &[]).expect_code(1);
        assert_eq!(refused.json()["error"]["code"], "mark_newer", "{refused}");
        let restored = site.restore(&backup, &["--over-mark"]).ok();
        let lost = restored.json()["entries_lost"].as_u64().unwrap();
        assert_eq!(lost, size - restored.json()["size"].as_u64().unwrap());
        assert_eq!(site.entry("vault.restored")["counts"]["entries_lost"], lost);
        site.verified();
        let kept = restored.json()["mark_kept"].as_str().unwrap().to_owned();
        let against = site.cli.run(&["audit", "verify", "--json", "--against", &kept]).expect_code(2);
        assert_eq!(against.json()["problems"][0]["what"], "against", "{against}");
    }
}

#[test]
fn a_tampered_vault_gets_no_backup() {
    for on in BOTH {
        let desk = Desk::new(on);
        crate::support::world::block(async {
            let mut raw = crate::raw::Raw::connect(&desk.world.url).await;
            raw.disarm().await;
            raw.run("delete from sealed_name where block = 0").await.unwrap();
        });
        let path = desk.dir().join("b.data");
        let said = desk.cli.run(&["backup", "create", text(&path), "--json"]).expect_code(2);
        assert!(said.stderr.contains("sealed_name"), "{said}");
        assert_eq!(left(&desk, "b.data"), 0);
    }
}

/// Files whose name begins so.
fn left(desk: &Desk, name: &str) -> usize {
    let files = fs::read_dir(desk.dir()).unwrap();
    files.filter(|f| f.as_ref().unwrap().file_name().to_string_lossy().starts_with(name)).count()
}

#[test]
fn a_full_disk_leaves_no_backup_under_the_name() {
    let desk = Desk::new(On::Sqlite);
    let small = desk.dir().join("small");
    fs::create_dir(&small).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "countersign-test"])
        .arg(&small)
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("passed over: no mount here");
        return;
    }
    let said = desk.cli.run(&["backup", "create", text(&small.join("b")), "--json"]);
    let files = fs::read_dir(&small).unwrap().count();
    let unmounted = Command::new("umount").arg("-l").arg(&small).status().unwrap();
    assert!(unmounted.success());
    let said = said.expect_code(3);
    assert_eq!(said.json()["error"]["code"], "disk_full", "{said}");
    assert_eq!(files, 0, "half a backup is left");
    let size = desk.verified();
    // No entry speaks of it; the next one is told.
    let path = desk.dir().join("b");
    desk.cli.run(&["backup", "create", text(&path)]).ok();
    assert_eq!(desk.verified(), size + 1);
    let again = desk.cli.run(&["backup", "create", text(&path), "--json"]).expect_code(1);
    assert_eq!(again.json()["error"]["code"], "file_exists", "{again}");
}
