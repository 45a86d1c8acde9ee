//! Folding of text before it is judged: width, white space, dashes.
//!
//! Every buffer here is wiped, and is made large enough at once: a string that grows leaves its
//! old bytes behind in freed memory.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::model::value_error::ValueError;

/// No value of ours is longer, in bytes, before it is folded. One character can become eighteen
/// under NFKC, so the length is looked at before the folding and not only after.
const LONGEST: usize = 4096;

/// A wiped copy.
pub(crate) fn copy(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

/// Trimmed, and refused when nothing is left, when it is far too long, or when it holds U+FFFD.
///
/// # Errors
/// [`ValueError::Empty`], [`ValueError::TooLong`], [`ValueError::Undecodable`].
pub(crate) fn trimmed(text: &str) -> Result<&str, ValueError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ValueError::Empty);
    }
    if text.len() > LONGEST {
        return Err(ValueError::TooLong);
    }
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return Err(ValueError::Undecodable);
    }
    Ok(text)
}

/// Trimmed and folded by NFKC: full-width digits, letters and brackets become plain ones.
///
/// # Errors
/// Those of [`trimmed`].
pub(crate) fn folded(text: &str) -> Result<Zeroizing<String>, ValueError> {
    let text = trimmed(text)?;
    if text.is_ascii() {
        return Ok(copy(text));
    }
    let mut out = Zeroizing::new(String::with_capacity(text.len() * 3));
    out.extend(text.nfkc());
    if out.trim().len() == out.len() {
        return Ok(out);
    }
    // NFKC can bring forth a space at an end (U+00B4 is a space and an accent).
    trimmed(&out).map(copy)
}

/// Trimmed, each run of white space one space, otherwise as written: people's names and addresses.
/// A line break inside an exported cell is such white space; any other control character is refused.
///
/// # Errors
/// Those of [`trimmed`]; [`ValueError::ControlCharacter`]; [`ValueError::TooLong`] above `longest`
/// characters; [`ValueError::Empty`] when every character is invisible.
pub(crate) fn single_spaced(text: &str, longest: usize) -> Result<Zeroizing<String>, ValueError> {
    let text = trimmed(text)?;
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let (mut count, mut seen, mut gap) = (0usize, false, false);
    for c in text.chars() {
        if c.is_whitespace() {
            gap = true;
            continue;
        }
        if c.is_control() {
            return Err(ValueError::ControlCharacter);
        }
        if gap {
            out.push(' ');
            count += 1;
            gap = false;
        }
        out.push(c);
        count += 1;
        seen |= !is_invisible(c);
    }
    match (seen, count > longest) {
        (false, _) => Err(ValueError::Empty),
        (_, true) => Err(ValueError::TooLong),
        _ => Ok(out),
    }
}

/// Zero-width characters and marks of direction: alone they are no name.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}')
}

/// Hyphens and dashes that people and programs put between groups of digits.
pub(crate) fn is_dash(c: char) -> bool {
    matches!(
        c,
        '-' | '\u{AD}' | '\u{2010}'
            ..='\u{2015}'
                | '\u{2043}'
                | '\u{2212}'
                | '\u{2E3A}'
                | '\u{2E3B}'
                | '\u{FE58}'
                | '\u{FE63}'
                | '\u{FF0D}'
    )
}

/// Round, square, curly and the Chinese brackets.
pub(crate) fn is_bracket(c: char) -> bool {
    matches!(c, '(' | ')' | '[' | ']' | '{' | '}' | '【' | '】' | '〔' | '〕' | '〖' | '〗' | '「' | '」')
}

/// Whether this is what a spreadsheet makes of a long number: `1.38E+10`.
pub(crate) fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return false };
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    [whole, decimals, exponent].iter().all(|part| is_digits(part))
}

/// One ASCII digit or more, and nothing else.
pub(crate) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Letters, digits and hyphens of ASCII, at least one and at most `longest`: card and store codes.
pub(crate) fn is_code(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_ten_are_told_from_numbers() {
        for yes in ["1.38E+10", "1E5", "8.8e-03", "1.0E10"] {
            assert!(is_scientific(yes), "{yes}");
        }
        for no in ["13800138000", "1.38", "E+10", "1.38E", "1.38E+1a", "a1E5", "1.E5"] {
            assert!(!is_scientific(no), "{no}");
        }
    }

    #[test]
    fn white_space_is_folded_and_control_is_refused() {
        assert_eq!(single_spaced("\u{3000}王 \t\r\n 芳 ", 9).unwrap().as_str(), "王 芳");
        assert_eq!(single_spaced("a\u{7}b", 9), Err(ValueError::ControlCharacter));
        assert_eq!(single_spaced("\u{200B}\u{FEFF}", 9), Err(ValueError::Empty));
        assert_eq!(single_spaced("四个汉字", 3), Err(ValueError::TooLong));
        assert_eq!(single_spaced("王\u{FFFD}", 9), Err(ValueError::Undecodable));
    }
}
