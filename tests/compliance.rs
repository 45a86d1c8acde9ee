//! Holds docs/compliance.md true: what it names is there, and every rule that a refusal cites is in it; and the
//! files of docs/examples.
//!
//! ```text
//! | id | what we do | where | shown by | state | missing |
//! ```
//!
//! `where` and `shown by` hold code spans: `PATH`, `PATH::TEXT` (TEXT stands in that file as it is) or, for
//! a test, `PATH::NAME` or `PATH::tests::NAME`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use countersign::model::code::Rank;
use countersign::model::form::Form;
use countersign::model::org::Org;
use countersign::model::vendor::Vendor;
use countersign::release::container::Recipient;

/// Every requirement id there is. The requirements themselves are not in this repository, so an id that
/// is new there is added here by hand.
const IDS: &str = "A1 A2 A3a A3b A3c A4a A4b A4c A5a A5b A5c A6a A6b A6c A7a A7b A7c A8a A8b A8c A8d A9a A9b \
    A10a A10b A10c A11 A12 B1 B2 B3 B4 B5 B6 B7 B8 B9 B10 B11 B12 B13 B14 B15 B16 C1 C2 C3 C4 C5 C6 C7 C8 \
    C9 C10 C11 C12 C13 C14 C15 C16 C17 C18 C19 D1 D2 D3 D4 D5 D6 D7 D8 D9 D10 D11 D12 E1 E2 E3 E4 E5 E6 E7 \
    E8 E9 F1 F2 F3 F4 F5 F6 F7 F8";

/// Ids that this version speaks about; a row may be added, but none of these may go.
const TOUCHED: &str = "A1 A2 A3a A3b A3c A4a A4b A4c A5a A5b A5c A6a A6b A6c A7a A7b A7c A8a A8c A8d A9a A9b A10a \
    A11 A12 B2 B3 B4 B5 B6 B7 B9 B11 B12 B14 E4 E5 E6";

/// The decisions at the head of the requirements.
const DECISIONS: usize = 11;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(root().join(path)).ok()
}

fn known(id: &str) -> bool {
    let decision = id.strip_prefix("decision ").and_then(|n| n.parse::<usize>().ok());
    IDS.split_whitespace().any(|i| i == id) || decision.is_some_and(|n| (1..=DECISIONS).contains(&n))
}

/// One row of the map.
#[derive(Debug, Clone)]
struct Row {
    id: String,
    place: Vec<String>,
    shown: Vec<String>,
    state: String,
    missing: String,
}

/// The map's rows, or what is wrong with its form.
fn rows(text: &str) -> Result<Vec<Row>, String> {
    let lines = text.lines().filter(|l| l.starts_with("| "));
    let mut rows = Vec::new();
    for line in lines.filter(|l| !l.starts_with("| id |") && !l.starts_with("| ---")) {
        let cells: Vec<&str> = line.trim().trim_matches('|').split(" | ").map(str::trim).collect();
        let [id, _, place, shown, state, missing] = cells[..] else {
            return Err(format!("{} cells instead of 6: {line}", cells.len()));
        };
        rows.push(Row {
            id: id.to_owned(),
            place: spans(place),
            shown: spans(shown),
            state: state.to_owned(),
            missing: missing.to_owned(),
        });
    }
    Ok(rows)
}

/// The code spans of a cell.
fn spans(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// What is wrong with a place.
fn place_fault(place: &str) -> Option<String> {
    let (path, symbol) = place.split_once("::").unwrap_or((place, ""));
    match read(path) {
        None => Some(format!("{place}: there is no file {path}")),
        Some(text) if !text.contains(symbol) => Some(format!("{place}: `{symbol}` is not in it")),
        Some(_) => None,
    }
}

/// What is wrong with a test.
fn test_fault(test: &str) -> Option<String> {
    let Some((path, rest)) = test.split_once("::") else { return Some(format!("{test}: names no test")) };
    let name = rest.rsplit("::").next().unwrap_or(rest);
    let Some(text) = read(path) else { return Some(format!("{test}: there is no file {path}")) };
    match is_test(&text, name) {
        Some(true) => None,
        Some(false) => Some(format!("{test}: it is ignored, or no test")),
        None => Some(format!("{test}: there is no `fn {name}`")),
    }
}

/// Whether a function of a file is a test that runs; none when there is no such function.
fn is_test(text: &str, name: &str) -> Option<bool> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let at = lines.iter().position(|line| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ").and_then(|l| l.strip_prefix(name)).is_some_and(|l| l.starts_with('('))
    })?;
    let attributes: Vec<&str> =
        lines[..at].iter().rev().take_while(|l| l.starts_with('#') || l.starts_with("//")).copied().collect();
    if attributes.iter().any(|a| a.contains("ignore")) {
        return Some(false);
    }
    let marked = attributes.iter().any(|a| *a == "#[test]" || a.starts_with("#[tokio::test"));
    Some(marked || listed(text, name))
}

/// Whether a list such as `on_both_engines!(a, b)` or `both!(a, b)` makes a test of it.
fn listed(text: &str, name: &str) -> bool {
    let lists = ["on_both_engines!(", "\nboth!(", "\nboth_at_provider!("];
    let lists = lists.iter().flat_map(|opening| text.split(opening).skip(1));
    lists.filter_map(|rest| rest.split_once(");")).any(|(list, _)| list.split(',').any(|n| n.trim() == name))
}

/// What is wrong with a row.
fn faults(row: &Row) -> Vec<String> {
    let mut faults = Vec::new();
    if !known(&row.id) {
        faults.push("there is no such requirement".to_owned());
    }
    if row.place.is_empty() {
        faults.push("it names no place".to_owned());
    }
    let nothing_missing = row.missing == "—";
    match row.state.as_str() {
        "whole" if !nothing_missing => faults.push("whole, and yet something is missing".to_owned()),
        "whole" if row.shown.is_empty() => faults.push("whole, and no test shows it".to_owned()),
        "partly" if nothing_missing => faults.push("partly, and nothing is said to be missing".to_owned()),
        "whole" | "partly" => {}
        other => faults.push(format!("its state is neither whole nor partly: {other}")),
    }
    faults.extend(row.place.iter().filter_map(|p| place_fault(p)));
    faults.extend(row.shown.iter().filter_map(|t| test_fault(t)));
    faults.into_iter().map(|f| format!("{}: {f}", row.id)).collect()
}

fn map() -> Vec<Row> {
    rows(&read("docs/compliance.md").expect("docs/compliance.md")).expect("the map's form")
}

/// Every Rust file under a folder, with its text.
fn sources(folder: &Path, out: &mut Vec<(String, String)>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            out.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

fn all_sources() -> Vec<(String, String)> {
    let mut out = Vec::new();
    sources(&root().join("src"), &mut out);
    out
}

/// The string literals of a source file that are rules, as refusals cite them: `A6b`, `A8c (Art 8)`.
fn cited(text: &str) -> BTreeSet<String> {
    // Rules hold no quotes and no escapes, so pieces between quotes are enough: a literal is every second one,
    // but a quote in a comment or a character shifts them, so all are looked at.
    text.split('"').filter(|s| s.len() < 40 && rule_id(s).is_some()).map(str::to_owned).collect()
}

/// The id of a rule, when the text is one; the article of an `A` rule is its id's number.
fn rule_id(rule: &str) -> Option<&str> {
    let (id, article) = match rule.split_once(" (Art ") {
        Some((id, rest)) => (id, Some(rest.strip_suffix(')')?)),
        None => (rule, None),
    };
    let letter = id.chars().next().filter(|c| ('A'..='F').contains(c))?;
    let digits: String = id[1..].chars().take_while(char::is_ascii_digit).collect();
    let tail = &id[1 + digits.len()..];
    let shaped = !digits.is_empty() && (tail.is_empty() || ["a", "b", "c", "d"].contains(&tail));
    let fits = article.is_none_or(|article| letter == 'A' && article == digits);
    (shaped && fits).then_some(id)
}

/// The rule of each `Refusal::new(code, rule, …)` whose code and rule are literals.
fn refusals(text: &str) -> Vec<(String, String)> {
    text.split("Refusal::new(")
        .skip(1)
        .filter_map(|rest| {
            let (code, rest) = literal(rest)?;
            let (rule, _) = literal(rest.trim_start().strip_prefix(',')?)?;
            Some((code, rule))
        })
        .collect()
}

fn literal(text: &str) -> Option<(String, &str)> {
    let (literal, rest) = text.trim_start().strip_prefix('"')?.split_once('"')?;
    Some((literal.to_owned(), rest))
}

#[test]
fn every_row_is_true() {
    let found: Vec<String> = map().iter().flat_map(faults).collect();
    assert!(found.is_empty(), "docs/compliance.md:\n{}", found.join("\n"));
}

#[test]
fn every_requirement_of_this_version_has_one_row() {
    let ids: Vec<String> = map().into_iter().map(|r| r.id).collect();
    let unique: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "an id stands twice");
    let decisions = (1..=DECISIONS).map(|n| format!("decision {n}"));
    let wanted = TOUCHED.split_whitespace().map(str::to_owned).chain(decisions);
    let missing: Vec<String> = wanted.filter(|id| !ids.contains(id)).collect();
    assert!(missing.is_empty(), "no row: {missing:?}");
}

#[test]
fn every_rule_that_the_source_cites_is_known_and_mapped() {
    let mapped: BTreeSet<String> = map().into_iter().map(|r| r.id).collect();
    let mut count = 0;
    let mut wrong = Vec::new();
    for (file, text) in all_sources() {
        for rule in cited(&text) {
            count += 1;
            let id = rule_id(&rule).unwrap_or_default();
            if !known(id) {
                wrong.push(format!("{file}: {rule} is no requirement"));
            } else if !mapped.contains(id) {
                wrong.push(format!("{file}: {rule} is not in the map"));
            }
        }
    }
    assert!(count > 30, "only {count} rules found: is the search broken?");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_refusal_cites_a_rule() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for (file, text) in all_sources() {
        for (code, rule) in refusals(&text) {
            count += 1;
            if rule_id(&rule).is_none() {
                wrong.push(format!("{file}: {code} cites {rule:?}"));
            }
        }
    }
    assert!(count > 40, "only {count} refusals found: is the search broken?");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_examples_are_what_the_commands_take() {
    let example = |name: &str| read(&format!("docs/examples/{name}.toml")).expect(name);
    let org = Org::from_toml(&example("org"), &[], Rank::Supervisor).unwrap();
    let form = Form::from_text(&example("request")).unwrap();
    let vendor = Vendor::from_toml(&example("vendor")).unwrap();
    let recipient = Recipient::parse(&vendor.key.recipient).unwrap();
    assert_eq!(recipient.as_str(), vendor.key.recipient);
    // The three belong together.
    assert!(org.units.iter().any(|u| u.code == *form.unit()));
    assert!(org.people.iter().any(|p| p.login == *form.receiver()));
    assert!(vendor.code == *form.vendor() && vendor.carries(form.channel()));
    assert!(
        vendor.contract.days.holds(form.window().from()) && vendor.contract.days.holds(form.window().to())
    );
}

#[test]
fn every_example_that_the_source_names_is_there() {
    let named = |text: &str| -> Vec<String> {
        let names = text.split("examples/").skip(1).filter_map(|rest| rest.split_once(".toml"));
        names.map(|(name, _)| format!("docs/examples/{name}.toml")).collect()
    };
    let mut count = 0;
    for (file, text) in all_sources() {
        for path in named(&text) {
            count += 1;
            assert!(text.contains(&path) && read(&path).is_some(), "{file}: {path}");
        }
    }
    assert!(count > 5, "only {count} examples named: is the search broken?");
}

#[test]
fn the_checks_find_what_is_wrong() {
    let row = |place: &str, shown: &str, state: &str, missing: &str| {
        let text = format!("| id |\n| --- |\n| A1 | x | {place} | {shown} | {state} | {missing} |");
        faults(&rows(&text).unwrap()[0])
    };
    let here = "`tests/compliance.rs::fn known`";
    let test = "`tests/compliance.rs::every_row_is_true`";
    assert_eq!(row(here, test, "whole", "—"), [""; 0]);
    assert_eq!(row("`tests/nowhere.rs`", test, "whole", "—").len(), 1);
    assert_eq!(
        row(&format!("`tests/compliance.rs::{}`", "fn un".to_owned() + "known"), test, "whole", "—").len(),
        1
    );
    assert_eq!(row(here, "`tests/compliance.rs::no_such_test`", "whole", "—").len(), 1);
    assert_eq!(row(here, "`tests/compliance.rs::known`", "whole", "—").len(), 1);
    assert_eq!(row(here, "—", "whole", "—").len(), 1);
    assert_eq!(row(here, test, "whole", "much").len(), 1);
    assert_eq!(row(here, "—", "partly", "—").len(), 1);
    assert_eq!(row(here, "—", "partly", "much"), [""; 0]);
    assert_eq!(row("—", test, "perhaps", "—").len(), 2);
    assert!(rows("| A1 | x |").is_err());
    assert_eq!(is_test("#[test]\n#[ignore]\nfn a() {}", "a"), Some(false));
    assert_eq!(is_test("#[tokio::test]\nasync fn a() {}", "a"), Some(true));
    assert_eq!(is_test("on_both_engines!(\n    a,\n);\nasync fn a(v: V) {}", "a"), Some(true));
    assert_eq!(is_test("#[test]\nfn ab() {}", "a"), None);
}

#[test]
fn rules_are_told_from_other_texts() {
    for rule in ["A6b", "A6b (Art 6)", "B9", "A12 (Art 12)", "E6"] {
        assert!(rule_id(rule).is_some(), "{rule}");
    }
    for other in ["A6b (Art 7)", "B9 (Art 9)", "A", "A6e", "G1", "A6b ", "", "中"] {
        assert!(rule_id(other).is_none(), "{other}");
    }
    assert_eq!(refusals("Refusal::new(\n  \"c\",\n  \"B9\", x)"), [("c".to_owned(), "B9".to_owned())]);
    assert_eq!(cited("x(\"A1\", \"A1 of\")").into_iter().collect::<Vec<_>>(), ["A1"]);
}
