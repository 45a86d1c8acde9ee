//! The type guarantee (design, invariant 1): what must not compile does not, and for the reason that is pinned.
//!
//! `types/fail/x.rs` does what is forbidden and `x.stderr` pins the compiler's answer. `types/pass/x.rs` is
//! the same text with the one line right, compiled here as a module, as any user of the crate would: so a
//! case fails for that line and for nothing else.
//!
//! The compiler is asked directly, with the libraries that this very test is linked with: a harness that makes a
//! crate of the cases would check every dependency once more for it.
//!
//! After a change of the compiler or of a signature: `TYPES=overwrite cargo test --test types`, and read
//! the difference before it is committed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[path = "architecture/source.rs"]
#[allow(dead_code)]
mod source;

/// The twins. That they compile is their test.
#[path = "types/pass"]
#[allow(dead_code)]
mod pass {
    mod cipher_named;
    mod cipher_taken_from_a_key;
    mod commit_beside_the_log;
    mod commit_without_event;
    mod data_key_unwrapped;
    mod forged_consented;
    mod forged_grant;
    mod forged_grant_by_its_constructor;
    mod forged_permitted;
    mod forged_receipt;
    mod forged_receipt_by_its_constructor;
    mod forged_signed;
    mod grant_cloned;
    mod grant_used_twice;
    mod granted_before_consented;
    mod key_bytes_read;
    mod masked_forged;
    mod member_key_opens;
    mod package_grant_used_twice;
    mod password_forged_for_a_caller;
    mod plain_cloned;
    mod plain_debugged;
    mod plain_displayed;
    mod plain_lent;
    mod plain_serialised;
    mod receipt_cloned;
    mod receipt_used_twice;
    mod signed_before_permitted;
    mod token_where_a_password_is_wanted;
    mod wrong_grant;
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/types").join(name)
}

fn names(name: &str, ending: &str) -> BTreeSet<String> {
    fs::read_dir(folder(name))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(ending).map(str::to_owned))
        .collect()
}

/// Other crates that cases name, each with a case whose twin compiles with the very build of it that the vault has:
/// there may be another, for what runs while building.
const NAMED: [(&str, &str); 2] = [("serde", "plain_serialised"), ("zeroize", "member_key_opens")];

/// The libraries of the crates that cases name, as Cargo has built them for this test.
fn libraries(out: &Path) -> BTreeMap<String, String> {
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or("cargo".into()));
    // What Cargo tells a test about its package, build scripts take for a change: they would all run once more.
    let told = std::env::vars().map(|(name, _)| name);
    for name in told.filter(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
        cargo.env_remove(name);
    }
    let built = cargo
        .args(["test", "--no-run", "--offline", "--locked", "--test", "types", "--message-format=json"])
        .args((!cfg!(debug_assertions)).then_some("--release"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let mut candidates: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for message in String::from_utf8(built.stdout).unwrap().lines() {
        let message: serde_json::Value = serde_json::from_str(message).unwrap();
        let mut files =
            message["filenames"].as_array().into_iter().flatten().filter_map(|file| file.as_str());
        if message["target"]["kind"] == serde_json::json!(["lib"])
            && let Some(file) = files.find(|file| file.ends_with(".rlib"))
        {
            let name = message["target"]["name"].as_str().unwrap_or_default().to_owned();
            candidates.entry(name).or_default().push(file.to_owned());
        }
    }
    let [ours] = &candidates["countersign"][..] else { panic!("{:?}", candidates["countersign"]) };
    let mut libraries = BTreeMap::from([("countersign".to_owned(), ours.clone())]);
    for (name, twin) in NAMED {
        let with = |file: &String| {
            let mut with = libraries.clone();
            with.insert(name.to_owned(), file.clone());
            with
        };
        let fits = |with: &BTreeMap<_, _>| compiled(&format!("pass/{twin}"), with, out).status.success();
        libraries = candidates[name].iter().map(with).find(fits).unwrap_or_else(|| panic!("no {name} fits"));
    }
    libraries
}

/// What the compiler does with a file of these folders.
fn compiled(file: &str, libraries: &BTreeMap<String, String>, out: &Path) -> Output {
    // Beside a library of somebody else's lie all that ours is made with.
    let beside = Path::new(&libraries["serde"]).parent().unwrap();
    Command::new("rustc")
        .args(["--edition", "2024", "--crate-type", "bin", "--emit", "metadata", "--out-dir"])
        .arg(out)
        .arg("-L")
        .arg(format!("dependency={}", beside.display()))
        .args(libraries.iter().flat_map(|(name, file)| ["--extern".to_owned(), format!("{name}={file}")]))
        .arg(format!("tests/types/{file}.rs"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap()
}

/// What the compiler says to a case, without what changes with every line above; none when it compiles.
fn said(case: &str, libraries: &BTreeMap<String, String>, out: &Path) -> Option<String> {
    let asked = compiled(&format!("fail/{case}"), libraries, out);
    let (mut kept, mut is_ours) = (Vec::new(), false);
    for line in String::from_utf8(asked.stderr).unwrap().lines() {
        let bare = line.trim_start();
        let place = bare.strip_prefix("--> ").or_else(|| bare.strip_prefix("::: "));
        let source = bare.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start().strip_prefix('|');
        if line.starts_with("error: aborting due to")
            || line.starts_with("For more information about")
            || line.starts_with("Some errors have detailed")
        {
            continue;
        }
        kept.push(match (place, source) {
            // Where in the crate something is changes with every line above it.
            (Some(place), _) if place.starts_with("src/") => {
                is_ours = true;
                format!("{}{}", &bare[..4], place.split(':').next().unwrap_or_default())
            }
            (Some(_), _) => {
                is_ours = false;
                bare.to_owned()
            }
            (None, Some(source)) if is_ours => format!(" |{source}").trim_end().to_owned(),
            (None, Some(_)) => bare.to_owned(),
            (None, None) if bare.starts_with("and ") && bare.ends_with(" others") => {
                "and $N others".to_owned()
            }
            (None, None) => bare.to_owned(),
        });
    }
    (!asked.status.success()).then(|| format!("{}\n", kept.join("\n").trim_end()))
}

#[test]
fn what_is_forbidden_does_not_compile() {
    let out = tempfile::tempdir().unwrap();
    let libraries = libraries(out.path());
    let overwrite = std::env::var("TYPES").is_ok_and(|value| value == "overwrite");
    let mut wrong = Vec::new();
    for case in names("fail", ".rs") {
        let said = said(&case, &libraries, out.path());
        let pinned = folder("fail").join(format!("{case}.stderr"));
        match said {
            None => wrong.push(format!("{case} compiles")),
            Some(said) if overwrite => fs::write(pinned, said).unwrap(),
            Some(said) if fs::read_to_string(&pinned).ok().as_ref() != Some(&said) => {
                wrong.push(format!("{case} fails otherwise than {} says:\n{said}", pinned.display()));
            }
            Some(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_case_has_its_error_and_its_twin() {
    let cases = names("fail", ".rs");
    assert_eq!(cases, names("fail", ".stderr"), "a case without a pinned error, or an error without a case");
    assert_eq!(cases, names("pass", ".rs"), "a case without a twin, or a twin without a case");
    let here = include_str!("types.rs");
    for case in &cases {
        assert!(here.contains(&format!("    mod {case};\n")), "the twin of {case} is not compiled here");
    }
}

#[test]
fn a_twin_differs_in_one_line() {
    for case in names("fail", ".rs") {
        let read = |name| fs::read_to_string(folder(name).join(format!("{case}.rs"))).unwrap();
        let (bad, good) = (read("fail"), read("pass"));
        assert_eq!(bad.lines().count(), good.lines().count(), "{case}");
        let differing = bad.lines().zip(good.lines()).filter(|(bad, good)| bad != good).count();
        assert_eq!(differing, 1, "{case}");
    }
}

/// The lines from one that holds `start` to the brace that closes it.
fn block<'a>(code: &'a str, start: &str) -> &'a str {
    let at = code.find(start).unwrap_or_else(|| panic!("{start} is not there"));
    let length = code[at..].find("\n}").unwrap_or_else(|| panic!("{start} is not closed"));
    &code[at..at + length]
}

/// `name` lives in `file`, has private fields only, no derived or hand-written way to double it, and one
/// constructor, which is not `pub`, takes the type's parts, and is where its one literal stands.
fn assert_earned_only(name: &str, file: &str, constructor: &str) {
    let home = source::file(file);
    let fields = block(&home.code, &format!("\npub struct {name}"));
    assert!(
        !fields[1..].lines().skip(1).any(|line| line.contains("pub")),
        "{name} has a field that is not private"
    );
    let at = home.code.find(&format!("pub struct {name}")).unwrap();
    let above = home.code[..at].trim_end().lines().next_back().unwrap_or_default();
    assert!(!above.contains("#["), "{name} derives something: {above}");

    let mut literals = Vec::new();
    for other in source::all() {
        for line in other.code.lines() {
            let is_type = ["struct ", "impl", "-> ", " for "].iter().any(|word| line.contains(word));
            let literal = source::places(line, name).any(|at| {
                let rest = line[at + name.len()..].trim_start();
                rest.starts_with('{') || rest.starts_with("::<") && rest.ends_with('{')
            });
            if literal && !is_type {
                literals.push((other.path.clone(), line.trim().to_owned()));
            }
            let implements = line.starts_with("impl") && line.contains(" for ");
            let whom = line.split(" for ").last().unwrap_or_default();
            assert!(!(implements && source::places(whom, name).next().is_some()), "{}: {line}", other.path);
        }
    }
    assert_eq!(literals.len(), 1, "{name} is made in more than one place, or in none: {literals:?}");
    assert_eq!(literals[0].0, file);

    let mut makers = Vec::new();
    let mut rest = home.code.as_str();
    while let Some(at) = rest.find("\nimpl") {
        let body = block(&rest[at..], "impl");
        let header = body.lines().next().unwrap_or_default();
        if source::places(header, name).next().is_some() {
            let literal = body.replace("-> Self {", "").contains("Self {");
            assert!(!literal, "{name} is made under another name");
            makers.extend(
                body.lines()
                    .filter(|l| l.contains("fn ") && l.contains("-> Self"))
                    .map(|l| l.trim().to_owned()),
            );
        }
        rest = &rest[at + body.len()..];
    }
    assert_eq!(makers.len(), 1, "{name} has not exactly one constructor: {makers:?}");
    assert!(
        makers[0].starts_with(&format!("fn {constructor}(")),
        "the constructor is not private: {}",
        makers[0]
    );
}

#[test]
fn a_receipt_is_earned_by_the_commit_only() {
    assert_earned_only("Receipt", "store/work.rs", "earned");
    let calls: Vec<(String, usize)> = source::all()
        .iter()
        .map(|s| (s.path.clone(), source::places(&s.code, "Receipt::earned(").count()))
        .filter(|(_, calls)| *calls > 0)
        .collect();
    assert_eq!(calls, [("store/work.rs".to_owned(), 1)]);
    let work = source::file("store/work.rs");
    let at = work.code.find("async fn settle(").unwrap();
    let commit = &work.code[at..at + work.code[at..].find("\n    }\n").unwrap()];
    let (durable, earned) = (commit.find("tx.commit().await?"), commit.find("Receipt::earned("));
    assert!(durable.is_some() && durable < earned, "a receipt before its entry is durable");
    assert!(commit.find("high_water.raise(") < earned, "a receipt before the high-water mark stands");
}

#[test]
fn a_grant_is_made_where_the_receipt_is_looked_at_only() {
    assert_earned_only("Grant", "access/grant.rs", "new");
    let home = source::file("access/grant.rs");
    let mut makers = 0;
    for function in home.code.split("\npub fn ").skip(1) {
        let body = &function[..function.find("\n}").unwrap()];
        if body.contains("Grant::new(") {
            makers += 1;
            assert!(body.contains("receipt: Receipt"), "a grant without a receipt: {body}");
            assert!(body.find("check(&receipt") < body.find("Grant::new("), "{body}");
            assert!(body.contains("check(&receipt"), "a receipt that nobody looked at: {body}");
        }
    }
    assert_eq!(makers, source::places(&home.code, "Grant::new(").count(), "a grant is made elsewhere too");
}
