//! What a moved vault answers.

use std::collections::BTreeMap;

use serde_json::Value;

use super::raw::Cell;
use super::support::world::{BOTH, On, decrypt};
use super::{MEMBERS, Old};

const ASKED: &str = include_str!("../data/vault_v1.json");

#[test]
fn it_answers_as_it_did() {
    let told: Value = serde_json::from_str(ASKED).unwrap();
    for on in BOTH {
        let old = Old::new(on);
        assert!(!old.is_moved());
        let out = old.path("out").display().to_string();
        old.undertaken(told["asked"].as_array().unwrap().iter().map(|asked| asked["by"].as_str().unwrap()));
        old.undertaken(["admin", "admin2"].into_iter());
        old.prove_vendor("SMS1");
        old.prove_vendor("DM1");
        for asked in told["asked"].as_array().unwrap() {
            let args = asked["args"].as_array().unwrap().iter().map(|a| a.as_str().unwrap());
            let args: Vec<&str> = args.map(|a| if a == "OUT" { &out } else { a }).collect();
            let who = asked["by"].as_str().unwrap();
            let output = old.by(who, &args, asked["stdin"].as_str().unwrap_or_default());
            let anew = args.contains(&"CS2025-HQ-0003") || args.contains(&"CS2025-HQ-0003-P1");
            assert_eq!(
                told_apart(&as_then(output.json(), &asked["answer"]), anew),
                told_apart(&asked["answer"], anew),
                "{on:?}: {who} {args:?}"
            );
            assert_eq!(i64::from(output.code), asked["code"], "{output}");
        }
        for (file, vendor) in [("CS2025HQ0003P1", "SMS1"), ("CS2025S0010001P1", "DM1")] {
            let path = old.path("out").join(format!("{file}.csv.age"));
            let mut lines = decrypt(&path, &old.path(&format!("{vendor}.identity"))).1;
            lines.sort();
            assert_eq!(Value::from(lines), told["rows"][file], "{on:?}: {file}");
        }
        assert!(old.is_moved());
        assert_eq!(old.entries(), (1, Some(MEMBERS)));
        assert_eq!(old.keys().len() as u64, MEMBERS, "the erasure that was broken off is finished");
        old.verified();
        assert_eq!(old.entries().0, 1, "once is enough");
    }
}

/// An answer without what was not asked then: anything may be added.
fn as_then(now: &Value, then: &Value) -> Value {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => {
            let kept = now.iter().filter_map(|(name, value)| Some((name, value, then.get(name)?)));
            kept.map(|(name, value, then)| (name.clone(), as_then(value, then))).collect()
        }
        (Value::Array(now), Value::Array(then)) if now.len() == then.len() => {
            // Packages come newest first now: each is looked for by its number.
            let named =
                |then: &Value| now.iter().find(|one| one["no"].is_string() && one["no"] == then["no"]);
            now.iter().zip(then).map(|(now, then)| as_then(named(then).unwrap_or(now), then)).collect()
        }
        (now, _) => now.clone(),
    }
}

/// A value without what another run cannot share: places in the log, and times after the vault was made. Since then a
/// sentence calls the vendor by its name.
fn told_apart(value: &Value, anew: bool) -> Value {
    match value {
        Value::Array(all) => all.iter().map(|v| told_apart(v, anew)).collect(),
        Value::Object(all) => {
            let kept = all.iter().filter(|(name, value)| {
                let later = value.as_str().is_some_and(|at| at > "2025-01-06T02:02");
                let own = ["seq", "age_days", "path", "manifest"].contains(&name.as_str());
                !(own || name.as_str() == "at" && later || name.as_str() == "sha256" && anew)
            });
            kept.map(|(name, value)| (name.clone(), told_apart(value, anew))).collect()
        }
        Value::String(text) => {
            let named = |text: String, code: &str| {
                text.replace(&format!("向 {code} 提供"), "向 外包商 提供")
                    .replace(&format!("gives {code} the"), "gives Vendor the")
            };
            ["SMS1", "DM1"].into_iter().fold(text.clone(), named).into()
        }
        other => other.clone(),
    }
}

/// An erased member's ordinal is never another's, and neither is that of one whose erasure was ordered.
#[test]
fn the_erased_stay_taken() {
    for on in BOTH {
        for ordinal in [7, 78, 150] {
            let old = Old::new(on);
            old.verified();
            let file = old.path("new.csv");
            std::fs::write(&file, "card_no,name,home_store\n70000009,孙丽,S001\n").unwrap();
            let import = ["member", "import", file.to_str().unwrap(), "--json"];
            old.run(&format!("update keys.counter set next = {ordinal}"));
            let given = old.by("mem.head", &import, "").expect_code(2);
            assert!(given.stderr.contains("an ordinal was given twice"), "{given}");
            old.run("update keys.counter set next = 151");
            assert_eq!(old.by("mem.head", &import, "").ok().json()["created"], 1);
            old.verified();
        }
    }
}

/// Nothing of the old rows is left in a file, and whoever is erased after the move is gone from all of them.
#[test]
fn nothing_is_left_in_a_file() {
    let old = Old::new(On::Sqlite);
    let by_ordinal = |table: &str, column: usize| -> BTreeMap<i64, Vec<u8>> {
        let rows =
            old.rows(table).into_iter().map(|mut row| match (row.swap_remove(column), row.swap_remove(0)) {
                (Cell::Bytes(bytes), Cell::Int(ordinal)) => (ordinal, bytes),
                _ => panic!("an ordinal and bytes"),
            });
        rows.collect()
    };
    let (records, keys) = (by_ordinal("member_record", 2), by_ordinal("keys.data_key", 3));
    assert!(records.values().all(|r| r.len() > 100 && in_a_file(&old, r)), "it is there before");
    old.verified();
    // The fields and the keys stand in blocks now, but a whole record nowhere.
    assert!(!records.values().any(|r| in_a_file(&old, r)), "an old record is left");

    let mut pieces: Vec<&[u8]> = records[&65].windows(20).collect();
    pieces.retain(|piece| in_a_file(&old, piece));
    pieces.push(&keys[&65][20..44]);
    assert!(pieces.len() > 100 && in_a_file(&old, &keys[&65][20..44]), "what is looked for is there");
    old.by("mem.head", &["member", "erase", "88000064", "--reason", "letter of 6 May"], "").ok();
    assert!(!pieces.iter().any(|piece| in_a_file(&old, piece)), "his key or a field of his is left");
    old.verified();
}

fn in_a_file(old: &Old, run: &[u8]) -> bool {
    let files = std::fs::read_dir(old.path("data")).unwrap().map(|file| file.unwrap().path());
    let mut files = files.filter(|path| path.is_file()).map(|path| std::fs::read(path).unwrap());
    files.any(|file| file.windows(run.len()).any(|window| window == run))
}
