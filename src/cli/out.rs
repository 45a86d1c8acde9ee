//! What goes where: data to standard output, everything for people to standard error.

use std::io::{self, Write as _};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};

use super::failure::Failure;
use crate::config::Environment;

/// The two streams of one run.
#[derive(Debug, Clone)]
pub struct Out {
    json: bool,
    colour: bool,
    terminal: bool,
}

impl Out {
    /// As the environment and `--json` ask for.
    pub fn new(environment: &Environment, json: bool) -> Out {
        Out { json, colour: environment.colour, terminal: environment.terminal }
    }

    /// Whether the answer is one JSON object.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// A line for people.
    pub fn say(&self, line: impl AsRef<str>) {
        // Nobody is left to tell when standard error is gone.
        let _ = writeln!(io::stderr().lock(), "{}", line.as_ref());
    }

    /// A line that should not be overlooked.
    pub fn warn(&self, line: impl AsRef<str>) {
        self.say(format!("{} {}", self.paint("33", "warning:"), line.as_ref()));
    }

    /// The answer: `value` as the last line with `--json`, else `text` for people and pipes.
    pub fn answer(&self, value: &impl Serialize, text: impl FnOnce() -> String) {
        if self.json {
            self.line(&serde_json::to_string(value).unwrap_or_else(|_| "{}".to_owned()));
        } else {
            let text = text();
            if !text.is_empty() {
                self.line(text.trim_end_matches('\n'));
            }
        }
    }

    /// The answer of a verb that has nothing to show: `{"done":true}`, or a line for people.
    pub fn done(&self, line: impl AsRef<str>) {
        self.say(line);
        if self.json {
            self.line(&json!({ "done": true }).to_string());
        }
    }

    /// One line of data. A closed pipe (`| head`) is the reader's right.
    pub fn line(&self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    }

    /// Tells a failure: two lines for people and, with `--json`, the object that the contract draws.
    pub fn failed(&self, failure: &Failure) {
        self.say(format!("{} {}", self.paint("1;31", "error:"), failure.message));
        if !failure.hint.is_empty() {
            self.say(format!("{} {}", self.paint("36", "hint:"), failure.hint));
        }
        if self.json {
            let error = json!({ "code": failure.code, "rule": failure.rule, "message": failure.message });
            self.line(&json!({ "error": error }).to_string());
        }
    }

    /// A counter on the terminal; silent anywhere else.
    pub fn progress(&self, what: &'static str) -> Progress {
        Progress { what, shown: self.terminal.then(|| Mutex::new(None)) }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// A line that is written over; it goes away when dropped.
pub struct Progress {
    what: &'static str,
    /// When it was last drawn.
    shown: Option<Mutex<Option<Instant>>>,
}

impl Progress {
    /// So many of so many (0: not known), at most ten times a second.
    pub fn at(&self, done: u64, of: u64) {
        let Some(Ok(mut last)) = self.shown.as_ref().map(Mutex::lock) else { return };
        if last.is_some_and(|at| at.elapsed() < Duration::from_millis(100)) {
            return;
        }
        *last = Some(Instant::now());
        let of = if of == 0 { String::new() } else { format!(" of {of}") };
        let mut err = io::stderr().lock();
        let _ = write!(err, "\r\u{1b}[K{}: {done}{of}", self.what).and_then(|()| err.flush());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(Ok(Some(_))) = self.shown.as_ref().map(|last| last.lock().map(|last| *last)) {
            let _ = write!(io::stderr().lock(), "\r\u{1b}[K");
        }
    }
}

/// A serialised value as indented `key: value` lines, for shapes that only need to be read.
pub fn readable(value: &impl Serialize) -> String {
    let mut text = String::new();
    lines(&serde_json::to_value(value).unwrap_or(Value::Null), 0, &mut text);
    text
}

fn lines(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match inline(value) {
                    Some(short) => text.push_str(&format!("{indent}{key}: {short}\n")),
                    None => {
                        text.push_str(&format!("{indent}{key}:\n"));
                        lines(value, depth + 1, text);
                    }
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                let mut inner = String::new();
                lines(item, depth + 1, &mut inner);
                // The dash takes the place of the first line's own indent.
                text.push_str(&format!("{indent}- {}", inner.trim_start_matches(' ')));
            }
        }
        other => text.push_str(&format!("{indent}{}\n", inline(other).unwrap_or_default())),
    }
}

/// A value that fits behind its key.
fn inline(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some("-".to_owned()),
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(items) if items.iter().all(|i| !i.is_object() && !i.is_array()) => {
            let items: Vec<String> = items.iter().filter_map(inline).collect();
            Some(if items.is_empty() { "-".to_owned() } else { items.join(", ") })
        }
        Value::Object(map) if map.is_empty() => Some("-".to_owned()),
        _ => None,
    }
}

/// Columns side by side; a Chinese character counts as two cells.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let wide = |text: &str| text.chars().map(|c| if c >= '\u{1100}' { 2 } else { 1 }).sum::<usize>();
    let mut widths: Vec<usize> = head.iter().map(|cell| wide(cell)).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(wide(cell));
        }
    }
    let write = |cells: &mut dyn Iterator<Item = &str>| {
        let cells = cells.zip(&widths).map(|(c, w)| format!("{c}{}", " ".repeat(w.saturating_sub(wide(c)))));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut text = write(&mut head.iter().copied());
    for row in rows {
        text.push('\n');
        text.push_str(&write(&mut row.iter().map(String::as_str)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_reads_as_lines() {
        let value = json!({ "no": "N1", "facts": [{ "act": "approve", "by": "li" }], "holder": ["a", "b"], "x": null });
        assert_eq!(readable(&value), "facts:\n  - act: approve\n    by: li\nholder: a, b\nno: N1\nx: -\n");
    }

    #[test]
    fn columns_stand_under_each_other() {
        let rows = vec![vec!["王强".to_owned(), "a".to_owned()], vec!["li".to_owned(), "b".to_owned()]];
        assert_eq!(table(&["name", "x"], &rows), "name  x\n王强  a\nli    b");
    }
}
