//! Verifying a backup: the report of a drill, and what `doctor` says of it.

use serde_json::Value;

use crate::place::{Backup, text};
use crate::support::cli::Output;
use crate::support::desk::Desk;
use crate::support::world::BOTH;

fn line(doctor: &Output, what: &str) -> Value {
    let lines = doctor.json()["lines"].as_array().unwrap();
    lines.iter().find(|line| line["what"] == what).unwrap_or_else(|| panic!("no {what}: {doctor}")).clone()
}

#[test]
fn a_drill_is_a_report_and_doctor_dates_it() {
    for on in BOTH {
        let desk = Desk::new(on);
        let doctor = desk.cli.run(&["doctor", "--json"]).ok();
        for what in ["data backup", "key backup", "restore drill"] {
            assert_eq!(line(&doctor, what)["state"], "warning");
        }
        let backup = Backup::of(&desk, "b");
        let size = desk.verified();
        // Without the vault: the two files, and the root key from its own place.
        let safe = desk.dir().join("safe");
        std::fs::create_dir(&safe).unwrap();
        std::fs::copy(desk.dir().join("data/root.json"), safe.join("root.json")).unwrap();
        let root = safe.join("root.json");
        let words =
            ["backup", "verify", text(&backup.data), "--keys", text(&backup.keys), "--root", text(&root)];
        let report = desk.cli.run(&[&words[..], &["--json"]].concat()).ok();
        let said = report.json();
        let members = desk.world.members.accepted().count();
        assert_eq!((&said["verified"], &said["members"]), (&true.into(), &members.into()), "{report}");
        assert_eq!(said["member_keys"]["with_key"], members, "{report}");
        assert_eq!(said["data"]["size"], size - 2, "{report}");
        assert_eq!(desk.verified(), size, "a drill appends nothing");
        let doctor = desk.cli.run(&["doctor", "--json"]).ok();
        for what in ["data backup", "key backup", "restore drill"] {
            assert_eq!(line(&doctor, what)["state"], "ok", "{doctor}");
        }
        let people = desk.cli.run(&words).ok();
        assert!(people.stdout.ends_with("verified\n"), "{people}");
    }
}

#[test]
fn members_without_a_key_are_counted_with_their_reason() {
    let desk = Desk::new(BOTH[0]);
    let early = desk.dir().join("early.keys");
    crate::place::keys_of(&desk, &early);
    let card = desk.world.members.accepted().find(|row| row.store == "S001").unwrap().card.clone();
    let csv = "card_no,name,mobile,address,postcode,home_store\n71000001,林敏芳,13971000001,样例路1号,310000,S001\n";
    desk.write("new.csv", csv);
    desk.by("mem.head", &["member", "import", "new.csv"]).ok();
    let data = crate::place::data_of(&desk, "b");
    desk.by("mem.head", &["member", "erase", &card, "--reason", "letter of 3 May"]).ok();
    let late = desk.dir().join("late.keys");
    crate::place::keys_of(&desk, &late);
    let verify = |keys: &std::path::Path| {
        desk.cli.run(&["backup", "verify", text(&data), "--keys", text(keys), "--json"])
    };
    let report = verify(&late).ok();
    assert_eq!(report.json()["member_keys"]["erased_since"], 1, "{report}");
    let report = verify(&early).expect_code(2);
    assert_eq!(report.json()["member_keys"]["without_key"], 1, "{report}");
    assert_eq!(report.json()["verified"], false, "{report}");
}
