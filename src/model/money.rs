//! An amount of money in cents: no float ever touches it.

use std::fmt;

use crate::model::text;
use crate::model::value_error::ValueError;

/// Most digits before the point, so that every amount fits in `i64` cents and in any report.
const WHOLE_DIGITS: usize = 15;

/// An amount of zero or more in cents (分). Written as `5584.49`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i64);

impl Money {
    /// Digits, at most two decimals. Commas are taken only as thousands separators in the right
    /// places (`1,234.50`); no sign, no currency, no power of ten. Full-width digits are folded.
    ///
    /// # Errors
    /// [`ValueError::ScientificNotation`], [`ValueError::NotMoney`] and those of any cell.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        if let Some(cents) = cents(text) {
            return Ok(Money(cents));
        }
        let folded = text::folded(text)?;
        match cents(&folded) {
            Some(cents) => Ok(Money(cents)),
            None if text::is_scientific(&folded) => Err(ValueError::ScientificNotation),
            None => Err(ValueError::NotMoney),
        }
    }

    /// The amount in cents.
    pub const fn cents(self) -> i64 {
        self.0
    }
}

fn cents(text: &str) -> Option<i64> {
    let (whole, decimals) = match text.split_once('.') {
        Some((whole, decimals)) if (1..=2).contains(&decimals.len()) => (whole, decimals),
        Some(_) => return None,
        None => (text, "0"),
    };
    if whole.len() > WHOLE_DIGITS + WHOLE_DIGITS / 3 || !is_grouped(whole) || !text::is_digits(decimals) {
        return None;
    }
    let digits = || whole.bytes().filter(u8::is_ascii_digit);
    if digits().count() > WHOLE_DIGITS {
        return None;
    }
    let number = |bytes: &mut dyn Iterator<Item = u8>| bytes.fold(0, |n, b| n * 10 + i64::from(b - b'0'));
    let tail = number(&mut decimals.bytes()) * if decimals.len() == 1 { 10 } else { 1 };
    Some(number(&mut digits()) * 100 + tail)
}

/// Plain digits, or one to three digits and then groups of exactly three.
fn is_grouped(whole: &str) -> bool {
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or("");
    let mut rest = groups.peekable();
    let bare = rest.peek().is_none();
    text::is_digits(first) && (bare || first.len() <= 3) && rest.all(|g| g.len() == 3 && text::is_digits(g))
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

impl serde::Serialize for Money {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Money {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Money::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_read_to_the_cent() {
        for (text, cents) in [
            ("5584.49", 558_449),
            ("0", 0),
            ("0.5", 50),
            ("1,234.50", 123_450),
            ("1,234,567", 123_456_700),
            ("１２．３", 1_230),
            ("007", 700),
        ] {
            assert_eq!(Money::parse(text).map(Money::cents), Ok(cents), "{text}");
        }
    }

    #[test]
    fn anything_doubtful_is_refused() {
        for text in [
            "-1",
            "+1",
            "1.234",
            "1.",
            ".5",
            "1,23",
            "1234,567",
            ",123",
            "1,,234",
            "¥5",
            "12 34",
            "1234567890123456",
            "1,234.5,6",
            "1.-5",
        ] {
            assert_eq!(Money::parse(text), Err(ValueError::NotMoney), "{text}");
        }
        assert_eq!(Money::parse("5.58E+03"), Err(ValueError::ScientificNotation));
        assert_eq!(Money::parse(" "), Err(ValueError::Empty));
    }

    proptest! {
        #[test]
        fn text_reads_back(cents in 0i64..=99_999_999_999_999_999) {
            let it = Money(cents);
            prop_assert_eq!(Money::parse(&it.to_string()), Ok(it));
        }
    }
}
