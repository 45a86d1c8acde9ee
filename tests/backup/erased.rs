//! Erasures and lost keys: who was erased after the data backup stays erased.

use crate::place::{Backup, Site, data_of, keys_of, released, signed};
use crate::support::desk::Desk;
use crate::support::expect::Channel;
use crate::support::world::{BOTH, On};

#[test]
fn who_was_erased_after_the_backup_stays_erased() {
    for on in BOTH {
        let desk = Desk::new(on);
        let no = signed(&desk, "sms");
        let expected = desk.world.members.expected(Channel::Sms);
        let row = (*expected.rows.iter().find(|row| row.store == "S001").unwrap()).clone();
        // Seen once, so that the log speaks of him.
        let reveal =
            ["member", "reveal", &row.card, "--fields", "mobile", "--reason", "asked at the counter"];
        desk.by("s1.counter", &reveal).ok();
        let data = data_of(&desk, "early");
        let erase = ["member", "erase", &row.card, "--reason", "letter of 3 May", "--json"];
        let case = desk.by("mem.head", &erase).ok().json()["case"].as_str().unwrap().to_owned();
        let keys = desk.dir().join("later.keys");
        keys_of(&desk, &keys);
        let backup = Backup { data, keys };

        let site = Site::new(&desk, if on == On::Sqlite { On::Postgres } else { On::Sqlite });
        let restored = site.restore(&backup, &[]).ok();
        assert_eq!(restored.json()["erased_again"], 1, "{restored}");
        assert_eq!(restored.json()["without_key"], 0, "{restored}");
        site.verified();
        assert_eq!(site.entry("erased")["object"], case.as_str());
        assert_eq!(site.entry("vault.restored")["counts"]["erased_again"], 1);
        let show = site.by("s1.counter", &["member", "show", &row.card, "--json"], "").expect_code(1);
        assert_eq!(show.json()["error"]["code"], "unknown_member");
        let found =
            site.by("s1.counter", &["member", "look-up", "--json"], &format!("{}\n", row.mobile)).ok();
        let theirs =
            desk.by_with("s1.counter", &["member", "look-up", "--json"], &format!("{}\n", row.mobile));
        assert_eq!(found.json()["items"], theirs.ok().json()["items"]);
        // His case answers, by the alias that only the key backup still knew.
        let saw = site.by("auditor", &["member", "who-saw", "--case", &case, "--json"], "").ok();
        assert!(saw.stdout.contains("s1.counter"), "{saw}");
        let by = |login: &str, args: &[&str]| site.by(login, args, "");
        let lines = released(&desk, &by, &site.dir.path().join("out"), &no, "sms");
        assert!(!lines.contains(&row.mobile), "he is in a list again");
        // And a file that brings him back keeps him out.
        let all = String::from_utf8(desk.world.members.csv.clone()).unwrap();
        let line = all.lines().nth(row.line - 1).unwrap();
        let file = site.dir.path().join("again.csv");
        std::fs::write(&file, format!("{}\r\n{line}\r\n", crate::support::generate::HEADER)).unwrap();
        let again = site.by("mem.head", &["member", "import", file.to_str().unwrap(), "--json"], "").ok();
        assert_eq!(again.json()["suppressed"], 1, "{again}");
        site.verified();
    }
}

#[test]
fn an_older_key_backup_is_refused_unless_it_is_meant() {
    for on in BOTH {
        let desk = Desk::new(on);
        let before = desk.dir().join("before.keys");
        keys_of(&desk, &before);
        let gone = desk.world.members.accepted().find(|row| row.store == "S001").unwrap().card.clone();
        desk.by("mem.head", &["member", "erase", &gone, "--reason", "letter of 3 May"]).ok();
        let csv = "card_no,name,mobile,address,postcode,home_store\n\
                   71000001,林敏芳,13971000001,样例路1号,310000,S001\n\
                   71000002,林敏芳,13971000002,样例路2号,310000,S001\n";
        desk.write("new.csv", csv);
        desk.by("mem.head", &["member", "import", "new.csv"]).ok();
        let backup = Backup { data: data_of(&desk, "late"), keys: before };

        let site = Site::new(&desk, on);
        let refused = site.restore(&backup, &[]).expect_code(1);
        assert_eq!(refused.json()["error"]["code"], "older_keys", "{refused}");
        let restored = site.restore(&backup, &["--older-keys"]).ok();
        assert_eq!(restored.json()["without_key"], 2, "{restored}");
        assert_eq!(restored.json()["erased_again"], 0, "{restored}");
        // The erased member's key was in the older backup: it does not come back. The two can be imported again.
        site.verified();
        let show = site.by("s1.counter", &["member", "show", &gone, "--json"], "").expect_code(1);
        assert_eq!(show.json()["error"]["code"], "unknown_member");
        let file = desk.dir().join("new.csv").display().to_string();
        let again = site.by("mem.head", &["member", "import", &file, "--json"], "").ok();
        assert_eq!(
            (&again.json()["created"], &again.json()["suppressed"]),
            (&2.into(), &0.into()),
            "{again}"
        );
        site.verified();
    }
}

#[test]
fn packages_at_rest_are_lost_and_fetched_ones_stand() {
    let desk = Desk::new(On::Sqlite);
    let (waiting, fetched) = (signed(&desk, "sms"), signed(&desk, "post"));
    let by = |login: &str, args: &[&str]| desk.by(login, args);
    released(&desk, &by, &desk.dir().join("out"), &fetched, "post");
    desk.by("hq.it", &["request", "execute", &waiting]).ok();
    let backup = Backup::of(&desk, "b");
    let site = Site::new(&desk, On::Postgres);
    let restored = site.restore(&backup, &[]).ok();
    assert_eq!(restored.json()["packages_lost"], 1, "{restored}");
    let by = |login: &str, args: &[&str]| site.by(login, args, "");
    let twice = by("s1.it", &["request", "execute", &fetched, "--json"]).expect_code(1);
    assert_eq!(twice.json()["error"]["code"], "executed_already", "{twice}");
    let lines = released(&desk, &by, &site.dir.path().join("out"), &waiting, "sms");
    assert_eq!(lines.len(), desk.world.members.expected(Channel::Sms).rows.len());
    site.verified();
}
