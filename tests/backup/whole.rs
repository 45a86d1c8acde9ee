//! From each engine onto each: the same members, consents, requests and log.

use std::collections::BTreeMap;

use crate::place::{Backup, Site, released, signed, text};
use crate::raw::{Raw, Rows};
use crate::support::desk::Desk;
use crate::support::expect::Channel;
use crate::support::scan::Scanner;
use crate::support::world::{BOTH, On, block};

/// Rows of every table but the log's head and what a restore ends; sorted, for engines list them differently.
fn rows(url: &str) -> BTreeMap<String, Rows> {
    const OTHER: [&str; 6] =
        ["log_head", "session_seen", "attempt", "keys.counter", "import_run", "import_error"];
    block(async {
        let mut raw = Raw::connect(url).await;
        let mut all = BTreeMap::new();
        for table in raw.tables().await {
            if !OTHER.contains(&table.name.as_str()) {
                let mut rows = raw.rows(&table).await;
                rows.sort_by_key(|row| format!("{row:?}"));
                all.insert(table.name, rows);
            }
        }
        all
    })
}

fn restores(from: On) {
    let desk = Desk::new(from);
    // A request that is signed and not executed: it must go as it stands.
    let (sms, post) = (signed(&desk, "sms"), signed(&desk, "post"));
    let expected = desk.world.members.expected(Channel::Sms);
    let row = (*expected.rows.iter().find(|row| row.store == "S001").unwrap()).clone();
    desk.by(
        "s1.counter",
        &["consent", "set", &row.card, "--purpose", "promotion", "--channel", "sms", "--refuse"],
    )
    .ok();
    let backup = Backup::of(&desk, "b");
    unreadable(&desk, &backup);
    let held = desk.verified();
    let before = rows(&desk.world.url);
    for onto in BOTH {
        let site = Site::new(&desk, onto);
        let restored = site.restore(&backup, &[]).ok();
        let answer = restored.json();
        assert_eq!(answer["members"], desk.world.members.accepted().count(), "{restored}");
        assert_eq!((&answer["erased_again"], &answer["without_key"]), (&0.into(), &0.into()), "{restored}");
        // The two entries of the backup itself came after the moment it is of.
        assert_eq!(answer["size"], held - 2, "{restored}");
        assert_eq!(site.verified(), held - 1);
        let mut after = rows(&site.url);
        let mut then = before.clone();
        for table in ["log_leaf", "log_node"] {
            then.remove(table);
            after.remove(table);
        }
        assert_eq!(then.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
        for (table, rows) in &then {
            assert!(rows == &after[table], "{table} is another on {onto:?}");
        }
        told(&site, &backup);
        goes_on(&desk, &site, &row.card, &sms, &post);
    }
}

/// What the log says of the restore.
fn told(site: &Site, backup: &Backup) {
    let entry = site.entry("vault.restored");
    for (name, path) in [("data", &backup.data), ("keys", &backup.keys)] {
        let sum = <sha2::Sha256 as sha2::Digest>::digest(std::fs::read(path).unwrap());
        assert_eq!(entry["digests"][name], hex::encode(sum), "{entry}");
    }
    assert_eq!(entry["actor"]["kind"], "operator");
    assert_eq!(entry["counts"]["entries_lost"], 0, "{entry}");
}

/// The restored vault works: consents as they were, and the same signatures release the same members.
fn goes_on(desk: &Desk, site: &Site, refused: &str, sms: &str, post: &str) {
    let by = |login: &str, args: &[&str]| site.by(login, args, "");
    let consents = by("s1.counter", &["consent", "show", refused, "--json"]).ok();
    let theirs = desk.by("s1.counter", &["consent", "show", refused, "--json"]).ok();
    assert_eq!(consents.json(), theirs.json());
    let out = site.dir.path().join("out");
    let mut lines = released(desk, &by, &out, sms, "sms");
    lines.sort();
    let expected = desk.world.members.expected(Channel::Sms);
    let mut wanted: Vec<String> =
        expected.rows.iter().filter(|row| row.card != refused).map(|row| row.mobile.clone()).collect();
    wanted.sort();
    assert_eq!(lines, wanted);
    let posted = released(desk, &by, &out, post, "post");
    assert_eq!(posted.len(), desk.world.members.expected(Channel::Post).rows.len());
    site.verified();
}

/// A backup shows nothing to whoever has no keys: no value of a member, no name or login of the staff, not even what
/// stands in the database in clear.
fn unreadable(desk: &Desk, backup: &Backup) {
    let mut needles: Vec<String> = desk.world.members.rows.iter().flat_map(|row| row.needles()).collect();
    needles.extend(desk.world.members.rows.iter().map(|row| row.card.clone()));
    needles.extend(["hq.officer", "mem.head", "log_leaf", "sealed_name", "S001-MKT"].map(str::to_owned));
    let scanner = Scanner::new(&needles);
    for path in [&backup.data, &backup.keys] {
        assert_eq!(scanner.scan_file(path), [], "{}", text(path));
    }
    // The look-out sees: the database itself has logins in clear.
    if desk.world.on == On::Sqlite {
        assert_ne!(scanner.scan_file(&desk.dir().join("data/vault.db")), []);
    }
}

#[test]
fn a_backup_of_sqlite_restores_onto_either_engine() {
    restores(On::Sqlite);
}

#[test]
fn a_backup_of_postgres_restores_onto_either_engine() {
    restores(On::Postgres);
}

#[test]
fn every_table_is_in_a_backup_or_is_left_out_for_a_reason() {
    use countersign::store::backups::{LEFT_OUT, held};
    for on in BOTH {
        let desk = Desk::new(on);
        let tables = block(async { Raw::connect(&desk.world.url).await.tables().await });
        for table in tables {
            let left_out = LEFT_OUT.iter().any(|(name, reason)| *name == table.name && !reason.is_empty());
            assert!(left_out != held().contains(&table.name.as_str()), "{}: neither, or both", table.name);
        }
    }
}
