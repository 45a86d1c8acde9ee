//! The demo's JSON as the contract promises it, and the packages as an outsider opens them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::support::expect::Channel;
use super::support::world::{On, decrypt};
use super::{Demo, ROWS};

pub fn check(demo: &Demo) {
    let answer = &demo.answer;
    assert_eq!(keys(answer), ["audit", "data_dir", "database", "members", "packages", "people"]);
    assert_eq!(answer["data_dir"], demo.data().display().to_string());
    let scheme = if demo.on == On::Sqlite { "sqlite:/" } else { "postgres://" };
    assert!(text(&answer["database"]).starts_with(scheme), "{}", answer["database"]);
    check_members(demo);
    check_audit(demo);
    check_people(&answer["people"]);
    let packages = answer["packages"].as_array().expect("a list");
    assert_eq!(packages.len(), 2);
    check_package(demo, &packages[0], "sms", Channel::Sms, "mobile");
    check_package(demo, &packages[1], "post", Channel::Post, "postcode,address,recipient");
}

fn check_members(demo: &Demo) {
    let members = &demo.answer["members"];
    for key in ["read", "created", "updated", "unchanged", "rejected", "kept", "errors_file"] {
        assert!(members.get(key).is_some(), "{key} is missing: {members}");
    }
    let accepted = demo.members.accepted().count();
    assert_eq!(count(&members["read"]), ROWS);
    assert_eq!(count(&members["created"]), accepted);
    assert_eq!(count(&members["rejected"]), ROWS - accepted);
    assert_eq!((count(&members["updated"]), count(&members["unchanged"])), (0, 0));
    let errors = std::fs::read_to_string(text(&members["errors_file"])).expect("the errors file");
    let mut wrong: Vec<usize> =
        errors.lines().skip(1).map(|l| l.split(',').next().unwrap().parse().unwrap()).collect();
    wrong.dedup();
    let rejected: Vec<usize> = demo.members.rejected().map(|row| row.line).collect();
    assert_eq!(wrong, rejected, "the errors file names other lines");
    let mut lines = errors.lines().skip(1);
    for row in demo.members.rejected() {
        let column = if row.wrong.unwrap().starts_with("mobile") { "mobile" } else { row.wrong.unwrap() };
        let told = lines.next().unwrap();
        assert!(told.starts_with(&format!("{},{column},", row.line)), "{told}");
        assert_eq!(told.contains("scientific_notation"), row.wrong == Some("mobile_scientific"), "{told}");
    }
}

fn check_audit(demo: &Demo) {
    let audit = &demo.answer["audit"];
    assert_eq!(keys(audit), ["root", "size", "verified"]);
    assert_eq!(audit["verified"], true);
    assert_eq!(text(&audit["root"]).len(), 64);
    assert!(count(&audit["size"]) > 30, "{audit}");
}

fn check_people(people: &Value) {
    let mut roles = BTreeMap::new();
    for person in people.as_array().expect("a list") {
        assert_eq!(keys(person), ["login", "password", "roles", "unit"]);
        assert!(text(&person["password"]).len() >= 12);
        for role in person["roles"].as_array().expect("a list") {
            *roles.entry(text(role)).or_insert(0) += 1;
        }
    }
    for role in [
        "info_officer",
        "dept_head",
        "planning_head",
        "planning_officer",
        "member_head",
        "executor",
        "vendor_manager",
        "counter",
        "auditor",
        "admin",
    ] {
        assert!(roles.contains_key(role), "nobody is {role}");
    }
    assert_eq!(roles["executor"], 3, "headquarters and two stores");
}

fn check_package(demo: &Demo, package: &Value, name: &str, channel: Channel, header: &str) {
    let wanted = [
        "channel",
        "excluded",
        "manifest",
        "path",
        "request_no",
        "rows",
        "selected",
        "sha256",
        "vendor_identity",
    ];
    assert_eq!(keys(package), wanted);
    assert_eq!(package["channel"], name);
    let [path, identity, manifest] =
        ["path", "vendor_identity", "manifest"].map(|key| Path::new(text(&package[key])));
    for file in [path, identity, manifest] {
        assert!(file.is_absolute() && file.starts_with(demo.data()), "{}", file.display());
    }
    let bytes = std::fs::read(path).expect("the package");
    assert_eq!(text(&package["sha256"]), hex::encode(Sha256::digest(&bytes)));
    let no = text(&package["request_no"]).replace('-', "");
    assert_eq!(path.file_name().unwrap().to_str().unwrap(), format!("{no}P1.csv.age"));

    let expected = demo.members.expected(channel);
    let excluded: BTreeMap<&str, usize> = package["excluded"]
        .as_object()
        .expect("an object")
        .iter()
        .map(|(why, n)| (why.as_str(), count(n)))
        .collect();
    assert_eq!(excluded, expected.excluded);
    assert_eq!(count(&package["selected"]), expected.selected);
    assert_eq!(count(&package["rows"]), expected.rows.len());
    assert_eq!(count(&package["rows"]) + excluded.values().sum::<usize>(), count(&package["selected"]));

    let (found, lines) = decrypt(path, identity);
    assert_eq!(found, header);
    let mut lines: Vec<Vec<String>> = lines.iter().map(|line| cells(line)).collect();
    lines.sort();
    // Compared without showing either: they are personal values.
    assert!(lines == expected.lines(channel), "the {name} file holds other members than it must");
    check_foreign_identity(demo, path, name);
}

/// The other vendor cannot open it.
fn check_foreign_identity(demo: &Demo, path: &Path, name: &str) {
    let other =
        demo.data().join("vendors").join(if name == "sms" { "DM1.identity" } else { "SMS1.identity" });
    let tried = Command::new("age").arg("-d").arg("-i").arg(other).arg(path).output().expect("age starts");
    assert!(!tried.status.success() && tried.stdout.is_empty());
}

/// One CSV line: the values here hold no line break.
fn cells(line: &str) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
    let record = reader.records().next().expect("a record").expect("sound CSV");
    record.iter().map(str::to_owned).collect()
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn count(value: &Value) -> usize {
    value.as_u64().expect("a number") as usize
}
