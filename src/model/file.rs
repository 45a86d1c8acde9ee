//! Reading the TOML files that people write: organisation, vendor, request.

use serde::de::DeserializeOwned;

/// What is wrong in a file and where, without the line itself: a line can hold anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct FileError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong: the key where there is one, and what was expected.
    pub message: String,
}

/// Reads a TOML text into a typed file.
///
/// # Errors
/// [`FileError`] with the line, for bad syntax, an unknown or a missing key, a wrong type.
pub fn read_toml<T: DeserializeOwned>(text: &str) -> Result<T, FileError> {
    toml::from_str(text).map_err(|err| FileError {
        line: line_of(text, err.span().map_or(0, |span| span.start)),
        message: without_value(err.message()),
    })
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
}

/// `invalid type: string "…", expected …` repeats what it found; only the second half stays.
fn without_value(message: &str) -> String {
    let repeats = ["invalid type", "invalid value", "invalid length"];
    match repeats.iter().find(|start| message.starts_with(**start)) {
        Some(start) => match message.rsplit_once(", expected ") {
            Some((_, expected)) => format!("{start}, expected {expected}"),
            None => (*start).to_owned(),
        },
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Small {
        #[allow(dead_code)]
        number: u8,
    }

    #[test]
    fn errors_name_line_and_key_but_no_value() {
        let wrong = read_toml::<Small>("\nnumber = \"13812345678\"\n").unwrap_err();
        assert_eq!(wrong.to_string(), "line 2: invalid type, expected u8");
        let unknown = read_toml::<Small>("number = 1\nnumbre = 2\n").unwrap_err().to_string();
        assert!(unknown.starts_with("line 2: ") && unknown.contains("numbre"), "{unknown}");
        let missing = read_toml::<Small>("").unwrap_err().to_string();
        assert!(missing.contains("number"), "{missing}");
    }
}
