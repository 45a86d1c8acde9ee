//! The crate's own source, read just well enough to ask questions of it: code apart from strings, comments
//! and tests.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// One file of `src`.
pub struct Source {
    /// Its path below `src`, with `/`.
    pub path: String,
    /// The whole text.
    pub text: String,
    /// The text without comments, the contents of strings, and test items. Lines stay lines.
    pub code: String,
    /// Contents of the string literals outside tests.
    pub strings: Vec<String>,
}

impl Source {
    /// The room it belongs to: the first part of its path.
    pub fn room(&self) -> &str {
        self.path.split('/').next().map_or("", |first| first.trim_end_matches(".rs"))
    }

    /// Whether it is a test as a whole.
    pub fn is_test(&self) -> bool {
        self.path.ends_with("tests.rs") || self.path.contains("/tests/")
    }

    /// Whether a word stands in the code, as a word of its own where its ends are word characters.
    pub fn says(&self, word: &str) -> bool {
        places(&self.code, word).next().is_some()
    }
}

/// Where a word stands in code.
pub fn places<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = code[..*at].chars().next_back().is_some_and(is_word);
        let after = code[at + word.len()..].chars().next().is_some_and(is_word);
        let longer = before && word.starts_with(is_word) || after && word.ends_with(is_word);
        !longer
    })
}

/// Every file of `src`, by path.
pub fn all() -> &'static [Source] {
    static ALL: LazyLock<Vec<Source>> = LazyLock::new(|| {
        let mut found = Vec::new();
        walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut found);
        found.sort_by(|a, b| a.path.cmp(&b.path));
        assert!(found.len() > 50, "the source was not found");
        found
    });
    &ALL
}

/// One file of `src`.
pub fn file(path: &str) -> &'static Source {
    all().iter().find(|s| s.path == path).unwrap_or_else(|| panic!("there is no src/{path}"))
}

fn walk(folder: &Path, below: &str, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{below}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), &format!("{path}/"), found);
        } else if path.ends_with(".rs") {
            let text = fs::read_to_string(entry.path()).unwrap();
            let (code, strings) = split(&without_tests(&text));
            found.push(Source { path, text, code, strings });
        }
    }
}

/// Drops each item under `#[cfg(test)]`: to its `;`, or to the brace that closes it, which rustfmt puts
/// under the item's first letter.
fn without_tests(text: &str) -> String {
    let mut out = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        out.push('\n');
        let indent = &line[..line.len() - line.trim_start().len()];
        if !line.trim_start().starts_with("#[cfg(test)]") {
            out.push_str(line);
            continue;
        }
        let close = format!("{indent}}}");
        for line in lines.by_ref() {
            out.push('\n');
            let attribute = line.trim_start().starts_with("#[");
            let whole =
                line.starts_with(indent) && !line[indent.len()..].starts_with(' ') && line.ends_with(';');
            if !attribute && (whole || line == close) {
                break;
            }
        }
    }
    out
}

/// Code with comments and string contents taken out, and the string contents.
fn split(text: &str) -> (String, Vec<String>) {
    let (mut code, mut strings) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (taken, kept): (usize, &str) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), "")
        } else if let Some(body) = raw_string(rest, &code) {
            strings.push(body.1.to_owned());
            (body.0, "\"\"")
        } else if c == '"' {
            let end = string_end(rest);
            strings.push(rest[1..end - 1].to_owned());
            (end, "\"\"")
        } else if c == '\'' {
            (char_end(rest), "'")
        } else {
            (c.len_utf8(), &rest[..c.len_utf8()])
        };
        code.push_str(kept);
        rest = &rest[taken..];
    }
    (code, strings)
}

/// `r"…"` and `r#"…"#`: the length of the whole and the contents.
fn raw_string<'a>(rest: &'a str, before: &str) -> Option<(usize, &'a str)> {
    if before.ends_with(|c: char| c.is_alphanumeric() && c != 'b') {
        return None;
    }
    let marks = rest.strip_prefix('r')?;
    let hashes = marks.len() - marks.trim_start_matches('#').len();
    let body = marks[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let length = body.find(&close)?;
    Some((1 + hashes + 1 + length + close.len(), &body[..length]))
}

/// Where a string that starts here ends, behind its closing quote.
fn string_end(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    rest.len()
}

/// Where a character literal ends; a lifetime's quote stands alone.
fn char_end(rest: &str) -> usize {
    let mut inside = rest.char_indices().skip(1);
    match inside.next() {
        Some((_, '\\')) => {
            rest[2..].char_indices().skip(1).find(|(_, c)| *c == '\'').map_or(1, |(at, _)| at + 3)
        }
        Some(_) => inside.next().filter(|(_, c)| *c == '\'').map_or(1, |(at, _)| at + 1),
        None => 1,
    }
}

#[test]
fn code_is_told_from_what_is_not() {
    let text = "let a = \"x \\\" y\"; // crate::no\nlet b = r#\"z \"q\"#; let c = '\"'; let d: &'a str = \"w\";\n\
                #[cfg(test)]\nuse crate::test;\nlive();\n#[cfg(test)]\nmod tests {\n    dead();\n}\nalive();\n";
    let (code, strings) = split(&without_tests(text));
    assert_eq!(strings, ["x \\\" y", "z \"q", "w"]);
    assert!(code.contains("live();") && code.contains("alive();"));
    assert!(!code.contains("crate") && !code.contains("dead"), "{code}");
    assert_eq!(places("unsafe_code unsafe", "unsafe").collect::<Vec<_>>(), [12]);
}
