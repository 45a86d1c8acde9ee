//! What is wrong with a policy file, and where: file, line, key, and what was expected.

use std::ops::Range;

use serde::de::DeserializeOwned;

use crate::policy::files::PolicyFiles;

/// A policy that cannot be used, or a policy test that did not get its answer. Holds no personal value:
/// policies have none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {key}: {expected}", place(.file, *.line))]
pub struct PolicyError {
    /// The file's name within the policy folder.
    pub file: String,
    /// The line, from 1; `None` when the file as a whole is meant.
    pub line: Option<usize>,
    /// The key, column or block.
    pub key: String,
    /// What was expected there.
    pub expected: String,
}

fn place(file: &str, line: Option<usize>) -> String {
    line.map_or_else(|| file.to_owned(), |n| format!("{file}:{n}"))
}

impl PolicyError {
    pub(super) fn whole(file: &str, key: impl Into<String>, expected: impl Into<String>) -> Self {
        PolicyError { file: file.to_owned(), line: None, key: key.into(), expected: expected.into() }
    }

    pub(super) fn at(file: &str, line: usize, key: impl Into<String>, expected: impl Into<String>) -> Self {
        PolicyError { file: file.to_owned(), line: Some(line), key: key.into(), expected: expected.into() }
    }
}

/// A parsed TOML file that remembers its name and text, so that checks after parsing can name a line.
pub(super) struct Source<'a> {
    name: &'static str,
    text: &'a str,
}

impl<'a> Source<'a> {
    /// Finds the file and reads it as `T`.
    pub(super) fn read<T: DeserializeOwned>(
        files: &'a PolicyFiles,
        name: &'static str,
    ) -> Result<(Self, T), PolicyError> {
        let source = Source { name, text: files.text(name)? };
        let value = toml::from_str(source.text).map_err(|e| source.toml_error(&e))?;
        Ok((source, value))
    }

    /// An error at a span of this file.
    pub(super) fn error(
        &self,
        span: Range<usize>,
        key: impl Into<String>,
        expected: impl Into<String>,
    ) -> PolicyError {
        PolicyError::at(self.name, self.line(span.start), key, expected)
    }

    /// An error about the file as a whole.
    pub(super) fn whole(&self, key: impl Into<String>, expected: impl Into<String>) -> PolicyError {
        PolicyError::whole(self.name, key, expected)
    }

    fn line(&self, offset: usize) -> usize {
        let offset = offset.min(self.text.len());
        self.text.as_bytes()[..offset].iter().filter(|b| **b == b'\n').count() + 1
    }

    fn toml_error(&self, error: &toml::de::Error) -> PolicyError {
        let message = error.message();
        let missing = message.strip_prefix("missing field `").and_then(|m| m.strip_suffix('`'));
        match (error.span(), missing) {
            // The span of what is missing is its whole block: the file itself has no line to name.
            (Some(span), Some(key)) if span.start > 0 => self.error(span, key, message),
            (_, Some(key)) => self.whole(key, message),
            (Some(span), None) => self.error(span.clone(), self.key_at(span), message),
            (None, None) => self.whole("file", message),
        }
    }

    /// The key that a span belongs to: the span itself when it is a key, the one before the nearest `=`
    /// when it is a value, the block's header when it is a block.
    fn key_at(&self, span: Range<usize>) -> String {
        let own = self.text.get(span.clone()).unwrap_or_default();
        if !own.is_empty() && own.chars().all(key_char) {
            let after = self.text.get(span.end..).unwrap_or_default();
            if after.trim_start_matches([' ', '\t', '"']).starts_with('=') {
                return own.to_owned();
            }
        }
        let start = span.start.min(self.text.len());
        let line_start = self.text[..start].rfind('\n').map_or(0, |n| n + 1);
        match self.text[line_start..start].rsplit_once('=') {
            Some((before, _)) => {
                let name = before.trim_end();
                let from = name.rfind(|c| !key_char(c)).map_or(0, |n| n + 1);
                name[from..].to_owned()
            }
            None => self.text[line_start..].lines().next().unwrap_or_default().trim().to_owned(),
        }
    }
}

fn key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}
