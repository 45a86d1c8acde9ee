//! Reads a transcript, runs its commands and holds what they say to it.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::support::cli::{Cli, Output};

/// One command and what it must do.
#[derive(Default)]
struct Step {
    line: usize,
    words: Vec<String>,
    stdin: String,
    stdout: Vec<String>,
    stderr: Vec<String>,
    exit: i32,
}

/// Runs the commands of `text` in `folder`, with `{name}` put in for each of `names`.
#[track_caller]
pub fn play(text: &str, cli: &Cli, folder: &Path, names: &[(&str, &str)]) {
    play_on(text, &|_| cli, folder, names);
}

/// The same, each command on the command line that `which` names for it.
#[track_caller]
pub fn play_on<'a>(text: &str, which: &dyn Fn(&[String]) -> &'a Cli, folder: &Path, names: &[(&str, &str)]) {
    let mut text = text.replace("{year}", &year());
    for (name, value) in names {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    let (commands, files) = text.split_once("\n-- ").unwrap_or((&text, ""));
    write_files(files, folder);
    let steps = read(commands);
    assert!(!steps.is_empty(), "no commands");
    for step in &steps {
        let output = which(&step.words).run_with(&step.words, step.stdin.as_bytes());
        check(step, &output);
    }
}

fn read(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if let Some(command) = line.strip_prefix("$ countersign") {
            steps.push(Step { line: at + 1, words: words(command.trim_start()), ..Step::default() });
            continue;
        }
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        let step = steps.last_mut().expect("a command before what it says");
        let exit = line.strip_prefix("[exit ").and_then(|rest| rest.strip_suffix(']'));
        if let Some(exit) = exit {
            step.exit = exit.parse().expect("an exit code");
        } else if let Some(input) = line.strip_prefix("< ") {
            step.stdin.push_str(input);
            step.stdin.push('\n');
        } else if let Some(said) = line.strip_prefix("! ") {
            step.stderr.push(said.to_owned());
        } else {
            step.stdout.push(line.to_owned());
        }
    }
    steps
}

/// The words of a command; single quotes keep one together, and nothing else is special.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut quoted, mut open) = (vec![String::new()], false, false);
    for c in command.chars() {
        match c {
            '\'' => (quoted, open) = (!quoted, true),
            ' ' if !quoted => {
                if open {
                    words.push(String::new());
                }
                open = false;
            }
            c => {
                open = true;
                words.last_mut().expect("one at least").push(c);
            }
        }
    }
    if !open {
        words.pop();
    }
    words
}

/// `name --\n…`, parted by `\n-- `.
fn write_files(text: &str, folder: &Path) {
    for file in text.split("\n-- ").filter(|file| !file.trim().is_empty()) {
        let (name, body) = file.split_once(" --\n").expect("`-- name --` on a line of its own");
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("inside the folder")).expect("our own folder");
        // Some hold a secret; the program warns of one that others may read.
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
        let text = format!("{}\n", body.trim_end());
        file.and_then(|mut file| file.write_all(text.as_bytes())).expect("our own folder");
    }
}

#[track_caller]
fn check(step: &Step, output: &Output) {
    let Step { line, words, .. } = step;
    assert!(output.code == step.exit, "line {line}: expected exit {}, got {output}", step.exit);
    for (stream, wanted, got) in
        [("stdout", &step.stdout, &output.stdout), ("stderr", &step.stderr, &output.stderr)]
    {
        let got: Vec<&str> = got.lines().filter(|l| !l.trim().is_empty()).collect();
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        assert!(
            lines_match(&wanted, &got),
            "line {line}: {stream} of `{}`\n-- expected\n{}\n-- got\n{}",
            words.join(" "),
            wanted.join("\n"),
            got.join("\n")
        );
    }
}

fn lines_match(wanted: &[&str], got: &[&str]) -> bool {
    match wanted {
        [] => got.is_empty(),
        ["…", rest @ ..] => (0..=got.len()).any(|skip| lines_match(rest, &got[skip..])),
        [first, rest @ ..] => {
            got.first().is_some_and(|line| line_matches(first, line)) && lines_match(rest, &got[1..])
        }
    }
}

fn line_matches(wanted: &str, got: &str) -> bool {
    let mut parts = wanted.split('…');
    let Some(mut left) = got.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut last = None;
    for part in parts {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
        last = Some(part);
    }
    match last {
        None => left.is_empty(),
        // The last part stands at the end, wherever else it may stand too.
        Some(part) => part.is_empty() || got.ends_with(part),
    }
}

/// The year in the vaults' zone, which numbers requests and cases.
fn year() -> String {
    let zone = jiff::tz::TimeZone::get("Asia/Shanghai").expect("a known zone");
    jiff::Timestamp::now().to_zoned(zone).year().to_string()
}

#[test]
fn a_transcript_is_held_to() {
    for (wanted, got, fits) in [
        ("a…c", "abc", true),
        ("a…c", "abcd", false),
        ("a…", "abc", true),
        ("…c", "cabc", true),
        ("abc", "abcd", false),
        ("…", "", true),
        ("a…b…b", "abb", true),
    ] {
        assert_eq!(line_matches(wanted, got), fits, "{wanted} {got}");
    }
    assert!(lines_match(&["…", "b"], &["a", "a", "b"]));
    assert!(!lines_match(&["…", "b"], &["a", "b", "a"]));
    assert!(!lines_match(&[], &["a"]));
    assert_eq!(words("a 'b c' '' d"), ["a", "b c", "", "d"]);
    let steps = read("$ countersign x\n< in\nout\n! err\n[exit 3]\n");
    assert_eq!((steps[0].stdin.as_str(), steps[0].exit), ("in\n", 3));
    assert_eq!((steps[0].stdout.len(), steps[0].stderr.len()), (1, 1));
}
