//! A member's personal values, parsed once at the door (B4; design, fields).
//!
//! ```text
//! cell ──parse──► Mobile, Postcode, Email, Name, Address, CardNo, Birthday ──expose──► vault, index
//! ```
//! What a type holds is its *normalised* form: the one that is sealed, tagged by a blind index and
//! written to a vendor. Parsing a normalised form gives the same again. The types print their name
//! and nothing else, and wipe their bytes when dropped.

use std::cmp::Ordering;
use std::fmt;

use email_address::EmailAddress;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::model::day::Day;
use crate::model::text;
use crate::model::value_error::ValueError;

macro_rules! personal {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(Zeroizing<String>);

        impl $name {
            /// The normalised value.
            pub(crate) fn expose(&self) -> &str {
                &self.0
            }
        }

        /// The type's name and nothing else: a value never reaches a log through `{:?}`.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )+};
}

personal! {
    /// A mobile number of mainland China: eleven digits, `1[3-9]` first.
    Mobile;
    /// A postcode: six digits. Whether there is such a place is not asked.
    Postcode;
    /// An email address, its domain in lower case; at most 254 bytes (RFC 5321 §4.5.3.1.3).
    Email;
    /// A name as written, 1 to 64 characters, white space folded. It may start with `=`: what a
    /// spreadsheet would run is held back at release and not refused here.
    Name;
    /// A postal address as written, 1 to 256 characters, white space folded.
    Address;
    /// A card number: 1 to 32 of `0-9 A-Z a-z -`, as written.
    CardNo;
    /// What shows that a consent was given (a form's number, a recording): 1 to 256 characters.
    /// Treated as personal, for people write names into such cells.
    Evidence;
}

impl Mobile {
    /// Folds by NFKC, takes out spaces, dashes and brackets, then one `+86` or `0086` in front.
    ///
    /// # Errors
    /// [`ValueError::ScientificNotation`], [`ValueError::NotMobile`] and those of any cell.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        if is_mobile(text) {
            return Ok(Mobile(text::copy(text)));
        }
        let folded = text::folded(text)?;
        let mut plain = Zeroizing::new(String::with_capacity(folded.len()));
        plain.extend(
            folded.chars().filter(|c| !(c.is_whitespace() || text::is_dash(*c) || text::is_bracket(*c))),
        );
        let digits = plain.strip_prefix("+86").or_else(|| plain.strip_prefix("0086")).unwrap_or(&plain);
        match is_mobile(digits) {
            true => Ok(Mobile(text::copy(digits))),
            false if text::is_scientific(&folded) => Err(ValueError::ScientificNotation),
            false => Err(ValueError::NotMobile),
        }
    }
}

fn is_mobile(text: &str) -> bool {
    let b = text.as_bytes();
    b.len() == 11 && b[0] == b'1' && (b'3'..=b'9').contains(&b[1]) && b.iter().all(u8::is_ascii_digit)
}

impl Postcode {
    /// Folds by NFKC, then wants six digits. A lost leading zero is not put back: that would be a guess.
    ///
    /// # Errors
    /// [`ValueError::ScientificNotation`], [`ValueError::NotPostcode`] and those of any cell.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let folded = text::folded(text)?;
        match folded.len() == 6 && text::is_digits(&folded) {
            true => Ok(Postcode(folded)),
            false if text::is_scientific(&folded) => Err(ValueError::ScientificNotation),
            false => Err(ValueError::NotPostcode),
        }
    }
}

impl Email {
    /// One bare address with a dot in its domain: no display name, no quoted local part, no
    /// `[127.0.0.1]`. Full-width ASCII becomes plain, since that is how it is typed with a Chinese
    /// keyboard; everything else is NFC and not NFKC, which RFC 6532 §3.1 advises against for
    /// addresses. The domain is lower-cased; the local part is its owner's and stays.
    ///
    /// # Errors
    /// [`ValueError::NotEmail`] and those of any cell.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let text = text::trimmed(text)?;
        let room = text.len() * if text.is_ascii() { 1 } else { 3 };
        let mut plain = Zeroizing::new(String::with_capacity(room));
        match text.is_ascii() {
            true => plain.push_str(text),
            false => plain.extend(text.chars().map(half_width).nfc()),
        }
        let (local, domain) = plain.rsplit_once('@').ok_or(ValueError::NotEmail)?;
        let mut whole = Zeroizing::new(String::with_capacity(room));
        whole.push_str(local);
        whole.push('@');
        match domain.is_ascii() {
            true => whole.extend(domain.chars().map(|c| c.to_ascii_lowercase())),
            false => whole.extend(domain.chars().flat_map(char::to_lowercase).nfc()),
        }
        let lowered = &whole[local.len() + 1..];
        match is_plain_local(local) && is_dns_name(lowered) && whole.len() <= 254 {
            true => Ok(Email(whole)),
            false => Err(ValueError::NotEmail),
        }
    }
}

/// The full-width forms of ASCII and the two dots that stand between labels in Chinese typing.
fn half_width(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
        '\u{3002}' | '\u{FF61}' => '.',
        _ => c,
    }
}

/// A dot-atom. The crate also takes a quoted string, with spaces in it, which no sender's tools read.
fn is_plain_local(local: &str) -> bool {
    let odd = |c: char| c == '"' || c.is_control() || c.is_whitespace();
    !local.contains(odd) && EmailAddress::is_valid_local_part(local)
}

/// Two labels or more. The crate also takes `[literals]` and characters that no host name has.
fn is_dns_name(domain: &str) -> bool {
    domain.contains('.')
        && domain.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '.'))
        && EmailAddress::is_valid_domain(domain)
}

impl Name {
    /// Trims and folds white space; keeps every other character as written.
    ///
    /// # Errors
    /// [`ValueError::ControlCharacter`], [`ValueError::TooLong`] and those of any cell.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        text::single_spaced(text, 64).map(Name)
    }
}

impl Address {
    /// Trims and folds white space; keeps every other character as written.
    ///
    /// # Errors
    /// [`ValueError::ControlCharacter`], [`ValueError::TooLong`] and those of any cell.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        text::single_spaced(text, 256).map(Address)
    }
}

impl Evidence {
    /// Trims and folds white space; keeps every other character as written.
    ///
    /// # Errors
    /// [`ValueError::ControlCharacter`], [`ValueError::TooLong`] and those of any cell.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        text::single_spaced(text, 256).map(Evidence)
    }
}

impl CardNo {
    /// Folds by NFKC; the case of letters is kept, since two cards may differ in nothing else.
    /// `1E5` is a card number like any other; `1.38E+10` cannot be one.
    ///
    /// # Errors
    /// [`ValueError::ScientificNotation`], [`ValueError::NotCard`] and those of any cell.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let folded = text::folded(text)?;
        match text::is_code(&folded, 32) {
            true => Ok(CardNo(folded)),
            false if text::is_scientific(&folded) => Err(ValueError::ScientificNotation),
            false => Err(ValueError::NotCard),
        }
    }
}

/// Shorter first, then by text: for numbers without leading zeros that is their value. "The later
/// card number" of a duplicate contact is the later in this order (contract, Counting).
impl Ord for CardNo {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0.len(), self.expose()).cmp(&(other.0.len(), other.expose()))
    }
}

impl PartialOrd for CardNo {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A birthday, from 1900 to the day it is parsed. Exposed as `YYYY-MM-DD`.
#[derive(Clone, PartialEq, Eq)]
pub struct Birthday {
    day: Zeroizing<i32>,
    text: Zeroizing<String>,
}

impl Birthday {
    /// A date as [`Day::parse`] takes it, not before 1900 and not after `today` (the vault's zone).
    ///
    /// # Errors
    /// [`ValueError::TooEarly`], [`ValueError::InFuture`] and those of [`Day::parse`].
    pub fn parse(text: &str, today: Day) -> Result<Self, ValueError> {
        let day = Day::parse(text)?;
        if day < Day::YEAR_1900 {
            return Err(ValueError::TooEarly);
        }
        if day > today {
            return Err(ValueError::InFuture);
        }
        Ok(Birthday { day: Zeroizing::new(day.days()), text: Zeroizing::new(day.to_string()) })
    }

    /// The normalised value, `YYYY-MM-DD`.
    pub(crate) fn expose(&self) -> &str {
        &self.text
    }

    /// Whether fewer than `years` full years have passed on `today` (requirements, 9: under 14).
    pub fn is_under(&self, years: u16, today: Day) -> bool {
        Day::from_days(*self.day).is_some_and(|born| today < born.years_after(years))
    }
}

impl fmt::Debug for Birthday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Birthday")
    }
}

/// Whether a spreadsheet would run this value as a formula: it starts with `= + - @`, tab or CR.
/// Such a value is never altered; its row is held back at release (contract, Vendor files).
pub fn is_unsafe(value: &str) -> bool {
    value.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

#[cfg(test)]
#[path = "contact_tests.rs"]
mod tests;
