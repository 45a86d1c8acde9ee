//! Reading the two kinds of casbin file, strictly: a model (`.conf`) and rules (`.csv`).
//!
//! casbin's own readers skip what they do not understand and keep the last of two equal keys. A policy
//! that two people signed must not mean less than it says, so every line is accounted for here.

use std::collections::BTreeMap;

use casbin::{DefaultModel, Model};

use crate::model::code::UnknownCode;
use crate::policy::error::PolicyError;
use crate::policy::files::PolicyFiles;

/// The one effect: something allows and nothing denies. casbin panics on an effect it does not know and
/// has others in which a deny does not win, so the text is pinned.
const DENY_WINS: &str = "some(where (p.eft == allow)) && !some(where (p.eft == deny))";

/// A casbin model's four definitions: section, key, and in casbin the key's first letter.
const SECTIONS: [(&str, &str); 4] =
    [("request_definition", "r"), ("policy_definition", "p"), ("policy_effect", "e"), ("matchers", "m")];

/// What a rule says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Eft {
    /// Allowed, unless something denies.
    Allow,
    /// Denied, whatever allows.
    Deny,
}

impl Eft {
    pub(super) fn read(cell: &str, file: &str, line: usize) -> Result<Eft, PolicyError> {
        match cell {
            "allow" => Ok(Eft::Allow),
            "deny" => Ok(Eft::Deny),
            _ => Err(PolicyError::at(file, line, "eft", "expected allow or deny")),
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Eft::Allow => "allow",
            Eft::Deny => "deny",
        }
    }
}

/// One kind of decision: its two files and the columns of the question and of the rules.
pub(super) struct Kind {
    pub conf: &'static str,
    pub csv: &'static str,
    /// `r`, in the order in which the code asks.
    pub question: &'static str,
    /// `p`, which is also the header of the rules.
    pub columns: &'static str,
}

/// One rule with the line it stands on.
pub(super) struct Row {
    pub line: usize,
    pub cells: Vec<String>,
}

/// Reads the model. Only the matcher is free; question, columns and effect must be what the code asks.
pub(super) fn read_model(files: &PolicyFiles, kind: &Kind) -> Result<DefaultModel, PolicyError> {
    let defined = definitions(kind.conf, files.text(kind.conf)?)?;
    let pinned = [("r", kind.question), ("p", kind.columns), ("e", DENY_WINS)];
    let mut model = DefaultModel::default();
    for (section, key) in SECTIONS {
        let Some((line, value)) = defined.get(key) else {
            return Err(PolicyError::whole(kind.conf, key, format!("expected in [{section}], is missing")));
        };
        if let Some((_, wanted)) = pinned.iter().find(|(k, w)| *k == key && squeeze(w) != squeeze(value)) {
            return Err(PolicyError::at(kind.conf, *line, key, format!("expected `{wanted}`")));
        }
        let value = pinned.iter().find(|(k, _)| *k == key).map_or(value.as_str(), |(_, w)| w);
        if !model.add_def(key, key, value) {
            return Err(PolicyError::at(kind.conf, *line, key, "expected a definition"));
        }
    }
    Ok(model)
}

/// Spaces carry no meaning in a model's definitions.
fn squeeze(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Each key with its line and value. Keys and sections other than the four (`g`, `r2`, …) are errors:
/// casbin's groups share one graph and its second policies turn a deny into an allow.
fn definitions(file: &str, text: &str) -> Result<BTreeMap<&'static str, (usize, String)>, PolicyError> {
    let mut found = BTreeMap::new();
    let mut section = None;
    for (line, content) in content_lines(text) {
        if let Some(name) = content.strip_prefix('[').and_then(|c| c.strip_suffix(']')) {
            section = SECTIONS.iter().find(|(s, _)| *s == name.trim());
            if section.is_none() {
                let known = SECTIONS.map(|(s, _)| s).join(", ");
                return Err(PolicyError::at(
                    file,
                    line,
                    content,
                    format!("no such section; expected {known}"),
                ));
            }
            continue;
        }
        let (name, value) = content.split_once('=').unwrap_or((content, ""));
        let name = name.trim();
        match section {
            Some((_, key)) if *key == name => {
                if found.insert(*key, (line, value.trim().to_owned())).is_some() {
                    return Err(PolicyError::at(file, line, name, "expected once"));
                }
            }
            Some((section, key)) => {
                return Err(PolicyError::at(
                    file,
                    line,
                    name,
                    format!("expected only `{key} = …` in [{section}]"),
                ));
            }
            None => return Err(PolicyError::at(file, line, name, "expected a [section] first")),
        }
    }
    Ok(found)
}

/// Reads the rules: comments, blank lines, one header, then rows of as many cells. Cells are codes, so
/// there is no quoting; the caller checks each against its list.
pub(super) fn read_rows(files: &PolicyFiles, kind: &Kind) -> Result<Vec<Row>, PolicyError> {
    let mut lines = content_lines(files.text(kind.csv)?);
    let header = squeeze(kind.columns);
    let wanted = format!("expected the header `{header}`");
    match lines.next() {
        Some((_, content)) if squeeze(content) == header => {}
        Some((line, content)) => return Err(PolicyError::at(kind.csv, line, content, wanted)),
        None => return Err(PolicyError::whole(kind.csv, "header", wanted)),
    }
    let width = header.split(',').count();
    let rows = lines
        .map(|(line, content)| {
            let cells: Vec<String> = content.split(',').map(|cell| cell.trim().to_owned()).collect();
            if cells.len() == width {
                Ok(Row { line, cells })
            } else {
                Err(PolicyError::at(kind.csv, line, "row", format!("expected {width} cells: {header}")))
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    // Without a rule casbin evaluates the matcher once over empty cells, and a true one would allow.
    if rows.is_empty() {
        return Err(PolicyError::whole(kind.csv, "row", "expected at least one rule"));
    }
    Ok(rows)
}

/// A cell as a code of its list.
pub(super) fn cell<T>(
    parsed: Result<T, UnknownCode>,
    file: &str,
    line: usize,
    column: &str,
) -> Result<T, PolicyError> {
    parsed.map_err(|e| PolicyError::at(file, line, column, e.to_string()))
}

/// Lines that say something, with their numbers from 1.
fn content_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(n, line)| (n + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// Refuses two rules on one subject. A second that says the same is a slip; one that says the opposite
/// would be settled by "deny wins" where the two signers may have meant the other.
pub(super) fn once<K: Ord>(
    seen: &mut BTreeMap<K, (usize, Eft)>,
    key: K,
    file: &str,
    line: usize,
    eft: Eft,
) -> Result<(), PolicyError> {
    match seen.insert(key, (line, eft)) {
        None => Ok(()),
        Some((first, said)) => {
            let both =
                format!("expected one rule; line {first} says {}, this line {}", said.word(), eft.word());
            Err(PolicyError::at(file, line, "eft", both))
        }
    }
}

/// casbin says what is wrong with a matcher but not where; the matcher is one line of the model.
pub(super) fn matcher_error(files: &PolicyFiles, kind: &Kind, cause: &casbin::Error) -> PolicyError {
    let text = files.text(kind.conf).unwrap_or_default();
    let line = content_lines(text).filter(|(_, c)| c.starts_with("m ") || c.starts_with("m=")).last();
    let expected = format!("expected a matcher that answers every question: {cause}");
    PolicyError { line: line.map(|(n, _)| n), ..PolicyError::whole(kind.conf, "m", expected) }
}
