//! What the source itself has to be: rooms in their order, SQL in one room, plaintext lent in few places,
//! time and chance from one door.

#[path = "architecture/source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet};

use source::{Source, all, file, places};

/// Files that read plaintext, and why they have to.
const LENDS: &[(&str, &str)] = &[
    ("vault/plain.rs", "cuts the masked form"),
    ("vault/rows.rs", "tags the contact point that a row holds; nothing else of it goes out"),
    ("vault/open.rs", "compares with a given value; says yes or no"),
    ("release/openers.rs", "writes a package's row into the encrypting stream"),
    ("broker/members/correcting.rs", "corrects a member: tags of the contact points that stay are made anew"),
    ("http/members.rs", "answers a reveal to the person who asked, once"),
    ("web/counter/revealing.rs", "shows the granted fields on the page of the person who asked, once"),
    ("cli/reveal.rs", "shows the granted fields to the person who asked, once"),
];

/// Files that read the environment, and what.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("main.rs", "the arguments"),
    ("config.rs", "settings"),
    ("cli/", "terminal, working folder"),
    ("store/mod.rs", "where the high-water mark lies when no setting says so"),
];

/// Files of one room that need each other, and why that is borne.
const CIRCLES: &[(&str, &[&str], &str)] = &[
    ("policy", &["error", "files"], "an error points into the files, and reading them errs"),
    ("policy", &["fields", "mask"], "a mask fits a type of field, and a field names its mask"),
];

/// Rooms in the order in which `lib.rs` tells of them.
fn rooms() -> Vec<String> {
    let lib = file("lib.rs");
    let rooms: Vec<String> = lib
        .code
        .lines()
        .filter_map(|line| Some(line.trim().strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned()))
        .collect();
    assert!(rooms.len() >= 10, "{rooms:?}");
    rooms
}

/// The files whose code counts: no tests.
fn sources() -> impl Iterator<Item = &'static Source> {
    all().iter().filter(|s| !s.is_test())
}

/// The names that follow a path's beginning, `crate::` or the like; a group `{a, b::c}` gives each first.
fn names_after(code: &str, start: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut names = Vec::new();
    for at in places(code, start) {
        let rest = &code[at + start.len()..];
        match rest.strip_prefix('{') {
            Some(group) => names.extend(firsts(group).iter().map(|part| word(part))),
            None => names.push(word(rest)),
        }
    }
    names
}

/// The parts of a group at its own depth.
fn firsts(group: &str) -> Vec<String> {
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => parts.push(String::new()),
            c if depth == 0 => parts.last_mut().unwrap().push(c),
            _ => {}
        }
    }
    parts
}

fn assert_none(wrong: &[String], rule: &str) {
    assert!(wrong.is_empty(), "{rule}:\n  {}", wrong.join("\n  "));
}

#[test]
fn every_room_is_told_of_and_every_file_is_in_a_room() {
    let rooms = rooms();
    let lib = file("lib.rs");
    let mut before = "";
    for line in lib.text.lines() {
        if let Some(room) = line.strip_prefix("pub mod ") {
            assert!(before.starts_with("/// "), "the tour says nothing of {room}");
        }
        before = line;
    }
    for source in all() {
        let known = rooms.iter().any(|r| r == source.room());
        assert!(
            known || ["lib.rs", "main.rs"].contains(&source.path.as_str()),
            "{} is in no room",
            source.path
        );
    }
}

#[test]
fn a_room_knows_only_the_rooms_before_it() {
    let rooms = rooms();
    let place = |name: &str| rooms.iter().position(|room| room == name);
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for source in sources() {
        let Some(own) = place(source.room()) else { continue };
        // From a file directly in its room, `super::super::` leads to the same place as `crate::`.
        let deep = source.path.matches('/').count() + usize::from(!source.path.ends_with("mod.rs"));
        let mut names = names_after(&source.code, "crate::");
        names.extend(names_after(&source.code, &"super::".repeat(deep)));
        for name in names {
            // What is no room is a macro of `model`.
            if let Some(other) = place(&name) {
                seen += 1;
                if other > own {
                    wrong.push(format!("{} uses {name}, which comes later", source.path));
                }
            }
        }
    }
    assert!(seen > 200, "only {seen} uses were found");
    assert_none(&wrong, "reading order is import order");
}

/// Files of a room by name, each with the files beside it that it names.
fn neighbours(room: &str) -> BTreeMap<String, BTreeSet<String>> {
    let files: Vec<&Source> = sources()
        .filter(|s| s.room() == room && s.path.matches('/').count() == 1 && !s.path.ends_with("/mod.rs"))
        .collect();
    let name = |s: &Source| s.path[room.len() + 1..].trim_end_matches(".rs").to_owned();
    let all: BTreeSet<String> = files.iter().map(|s| name(s)).collect();
    let borne = |one: &str, other: &str| {
        let pair = |list: &[&str]| list.contains(&one) && list.contains(&other);
        CIRCLES.iter().any(|(of, list, _)| *of == room && pair(list))
    };
    let uses = |s: &Source| -> BTreeSet<String> {
        let mut used = names_after(&s.code, "super::");
        used.extend(names_after(&s.code, &format!("crate::{room}::")));
        used.into_iter()
            .filter(|other| all.contains(other) && *other != name(s) && !borne(&name(s), other))
            .collect()
    };
    files.iter().map(|s| (name(s), uses(s))).collect()
}

/// Files that can reach themselves.
fn in_a_circle(graph: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let reaches_itself = |start: &String| {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&String> = graph[start].iter().collect();
        while let Some(at) = next.pop() {
            if at == start {
                return true;
            }
            if seen.insert(at) {
                next.extend(&graph[at]);
            }
        }
        false
    };
    graph.keys().filter(|start| reaches_itself(start)).cloned().collect()
}

#[test]
fn files_of_a_room_do_not_go_in_circles() {
    let mut wrong = Vec::new();
    for room in rooms() {
        let circle = in_a_circle(&neighbours(&room));
        if !circle.is_empty() {
            wrong.push(format!("{room}: {}", circle.join(", ")));
        }
    }
    assert_none(&wrong, "files that need each other");
}

/// Whether a text is SQL rather than a sentence that begins alike.
fn is_sql(text: &str) -> bool {
    let text = text.to_lowercase().replace("\\\n", " ");
    let text = format!("{} ", text.split_whitespace().collect::<Vec<_>>().join(" "));
    let starts = |word: &str, then: &str| text.starts_with(word) && text.contains(then);
    starts("select ", " from ")
        || starts("update ", " set ")
        || [
            "insert into ",
            "delete from ",
            "create table ",
            "alter table ",
            "drop table ",
            "begin immediate ",
            "pragma ",
        ]
        .iter()
        .any(|sql| text.contains(sql))
}

#[test]
fn sql_is_written_in_the_store_only() {
    assert!(
        is_sql("select size from\n log_head") && is_sql("insert into t (a)") && !is_sql("select a vendor")
    );
    let mut wrong = Vec::new();
    let mut in_store = 0;
    for source in sources() {
        let sql = source.strings.iter().filter(|text| is_sql(text)).count();
        if source.room() == "store" {
            in_store += sql;
        } else if sql > 0 || source.says("sqlx") {
            wrong.push(source.path.clone());
        }
    }
    assert!(in_store > 30, "only {in_store} statements were found in the store");
    assert_none(&wrong, "SQL belongs in `store`");
}

#[test]
fn plaintext_is_lent_where_it_has_to_be() {
    let lends: Vec<String> = sources()
        .filter(|s| s.says(".lend(") || s.says("Plain::lend"))
        .map(|s| s.path.clone())
        .filter(|path| LENDS.iter().all(|(allowed, _)| allowed != path))
        .collect();
    assert_none(&lends, "a new place that reads plaintext needs a reason in LENDS");
    let openers = file("release/openers.rs");
    assert!(openers.says(".lend("), "the look-out for `lend` sees nothing");
}

#[test]
fn time_and_chance_come_from_the_clock() {
    let doors =
        ["SystemTime", "SystemRandom", "OsRng", "thread_rng", "getrandom", "Timestamp::now", "Zoned::now"];
    let mut wrong = Vec::new();
    for source in sources().filter(|s| s.path != "clock.rs") {
        let timed = source.says("Instant::now") && !source.path.starts_with("cli/");
        if timed || doors.iter().any(|door| source.says(door)) {
            wrong.push(source.path.clone());
        }
    }
    assert_none(&wrong, "time and randomness come in through clock.rs");
}

#[test]
fn the_environment_is_read_in_few_places() {
    let wrong: Vec<String> = sources()
        .filter(|s| s.says("std::env") || s.says("env::var") || s.says("env::var_os"))
        .map(|s| s.path.clone())
        .filter(|path| ENVIRONMENT.iter().all(|(allowed, _)| !path.starts_with(allowed)))
        .collect();
    assert_none(&wrong, "settings come from config.rs");
}

#[test]
fn only_the_command_line_prints() {
    let prints = ["println!", "print!", "eprintln!", "eprint!"];
    let streams = ["io::stdout", "io::stderr"];
    let mut wrong = Vec::new();
    for source in sources() {
        let face = source.path.starts_with("cli/") || source.path == "main.rs";
        // Tracing is started in config.rs, and writes to the one stream.
        let streamed = source.path != "config.rs" && streams.iter().any(|word| source.says(word));
        let printed = streamed || prints.iter().any(|word| source.says(word));
        if source.says("dbg!") || source.says("todo!") || (!face && printed) {
            wrong.push(source.path.clone());
        }
    }
    assert_none(&wrong, "a verb gives values back, and the face prints them");
}

/// Whoever calls is a person or a program, and a handler that does not say which of them it takes would take both (B11).
#[test]
fn a_handler_says_whom_it_is_open_to() {
    let doors = ["http/entering.rs", "http/repeats.rs"];
    let takes = |s: &&Source| s.says("Calling") || s.says("token_caller");
    let found: Vec<&str> = sources().filter(|s| s.room() == "http").filter(takes).map(|s| &*s.path).collect();
    assert_eq!(found, doors, "beside the doors a handler takes SignedIn, Stepped, or Allowed with a scope");
}

#[test]
fn nothing_is_unsafe() {
    let wrong: Vec<String> = all().iter().filter(|s| s.says("unsafe")).map(|s| s.path.clone()).collect();
    assert_none(&wrong, "unsafe code");
    for root in ["lib.rs", "main.rs"] {
        let source = file(root);
        assert!(source.text.contains("#![forbid(unsafe_code)]"), "{root} does not forbid unsafe code");
    }
}

#[test]
fn files_are_small_and_say_what_they_are() {
    let mut wrong = Vec::new();
    for source in all() {
        let lines = source.text.lines().count();
        if lines > 450 {
            wrong.push(format!("{} has {lines} lines; it has grown two subjects", source.path));
        }
        if !source.is_test() && !source.text.starts_with("//! ") {
            wrong.push(format!("{} does not begin with what it is", source.path));
        }
    }
    assert_none(&wrong, "files");
}
