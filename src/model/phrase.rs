//! Free text that staff write and others sign: campaigns, reasons, comments, references.

use unicode_normalization::UnicodeNormalization;

/// Why a text cannot stand in a form. Does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhraseError {
    /// Nothing but blanks.
    #[error("is empty")]
    Empty,
    /// Longer than it may be.
    #[error("is longer than {0} characters")]
    Long(usize),
    /// Holds a character that no one can see.
    #[error("holds a control or invisible character")]
    Invisible,
}

/// A text of 1 to `max` characters, NFC, without blanks at its ends.
///
/// What a signer reads must be what he signs: line ends, direction marks and characters without
/// width could make a sentence look like another one.
///
/// # Errors
/// [`PhraseError`].
pub fn phrase(text: &str, max: usize) -> Result<String, PhraseError> {
    let text: String = text.trim().nfc().collect();
    if text.is_empty() {
        return Err(PhraseError::Empty);
    }
    if text.chars().count() > max {
        return Err(PhraseError::Long(max));
    }
    if text.chars().any(invisible) {
        return Err(PhraseError::Invisible);
    }
    Ok(text)
}

fn invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_trimmed_and_composed() {
        assert_eq!(phrase("  2026 新年满减 ", 80).unwrap(), "2026 新年满减");
        assert_eq!(phrase("e\u{301}", 1).unwrap(), "\u{e9}");
    }

    #[test]
    fn what_cannot_be_seen_cannot_be_signed() {
        for bad in ["a\nb", "a\u{202e}b", "a\u{200b}b", "a\0"] {
            assert_eq!(phrase(bad, 80), Err(PhraseError::Invisible));
        }
        assert_eq!(phrase(" \t", 80), Err(PhraseError::Empty));
        assert_eq!(phrase("四个字符", 3), Err(PhraseError::Long(3)));
    }
}
