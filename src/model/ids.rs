//! Names of things: random ids, codes that people give, numbers that we give, digests.
//!
//! Each has exactly one spelling, so two texts are equal when the things are. Each is text wherever
//! it is stored or sent. No error here repeats its input: a cell that should hold a code can hold a
//! mobile.

mod number;

use std::fmt;
use std::str::FromStr;

use ring::digest::{SHA256, digest};

use super::canonical::labelled;
pub use number::{PackageNo, RequestNo};

/// A text that is not the thing it should be. Names the thing and its form, never the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a {what}: it is written as {form}")]
pub struct IdError {
    /// What was wanted.
    pub what: &'static str,
    /// How that is written.
    pub form: &'static str,
}

/// Serde as text by `Display` and `FromStr`.
macro_rules! as_text {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use as_text;

/// Fixed-length bytes, written as lower-case hex.
macro_rules! hex_bytes {
    ($(#[$doc:meta])* $name:ident, $len:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::model::ids::IdError;

            /// Reads lower-case hex of exactly the right length.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                const WRONG: crate::model::ids::IdError = crate::model::ids::IdError {
                    what: $what,
                    form: concat!($len, " bytes in lower-case hex"),
                };
                let mut bytes = [0; $len];
                // Upper-case hex would be a second spelling of the same thing.
                if text.bytes().any(|b| b.is_ascii_uppercase()) {
                    return Err(WRONG);
                }
                hex::decode_to_slice(text, &mut bytes).map_err(|_| WRONG)?;
                Ok($name(bytes))
            }
        }

        crate::model::ids::as_text!($name);
    };
}
pub(crate) use hex_bytes;

hex_bytes! {
    /// A vault. Stands in every signature and in the associated data of every sealed field.
    VaultId, 16, "vault id"
}
hex_bytes! {
    /// A member inside the vault; random, never reused, never in a vendor file.
    MemberId, 16, "member id"
}
hex_bytes! {
    /// A member in the audit log; random, sealed under the member's data key (design, Audit).
    Alias, 16, "member alias"
}
hex_bytes! {
    /// 128 random bits that make a form's digest unguessable (design, Requests and the chain).
    Salt, 16, "salt"
}
hex_bytes! {
    /// The first 16 bytes of the SHA-256 of a public key.
    Fingerprint, 16, "key fingerprint"
}
hex_bytes! {
    /// A SHA-256.
    Digest, 32, "digest"
}

impl Digest {
    /// What stands where nothing came before.
    pub const ZERO: Digest = Digest([0; 32]);

    /// The SHA-256 of the bytes alone.
    pub fn of(bytes: &[u8]) -> Digest {
        let mut out = [0; 32];
        out.copy_from_slice(digest(&SHA256, bytes).as_ref());
        Digest(out)
    }

    /// The SHA-256 of [`labelled`] bytes: a digest that no other kind of thing can have.
    pub fn labelled(label: &str, body: &[u8]) -> Digest {
        Digest::of(&labelled(label, body))
    }

    /// Eight hex digits in two groups, for people to compare: `1a2b 3c4d`.
    pub fn short(&self) -> String {
        let hex = hex::encode(&self.0[..4]);
        format!("{} {}", &hex[..4], &hex[4..])
    }
}

impl Fingerprint {
    /// The fingerprint of a public key's bytes (for an age recipient: of its text).
    pub fn of(key: &[u8]) -> Fingerprint {
        let mut out = [0; 16];
        out.copy_from_slice(&Digest::of(key).0[..16]);
        Fingerprint(out)
    }
}

/// A member's place in bitmaps and attributes; above zero, never used again after an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ordinal(i64);

impl Ordinal {
    /// # Errors
    /// [`IdError`] for zero and below.
    pub const fn new(n: i64) -> Result<Ordinal, IdError> {
        if n > 0 { Ok(Ordinal(n)) } else { Err(ORDINAL) }
    }

    /// The number.
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// A position in the audit log; the first entry is 0 (RFC 6962 §2.1 counts leaves from 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

const ORDINAL: IdError = IdError { what: "ordinal", form: "a whole number above zero" };
const SEQ: IdError = IdError { what: "log position", form: "a whole number" };

/// A decimal number in its one spelling: digits only, no leading zero.
fn plain_number<T: FromStr>(text: &str) -> Option<T> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    text.parse().ok()
}

impl FromStr for Ordinal {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        plain_number(text).map_or(Err(ORDINAL), Ordinal::new)
    }
}

impl FromStr for Seq {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        plain_number(text).map(Seq).ok_or(SEQ)
    }
}

impl fmt::Display for Ordinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

as_text!(Ordinal);
as_text!(Seq);

/// A code that people give: some characters, of some length, beginning with a letter or digit (what
/// begins with `-` reads as an option on a command line, and `..` as a folder).
macro_rules! given_code {
    ($(#[$doc:meta])* $name:ident, $what:literal, $lengths:expr, $allowed:expr, $form:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Reads one; nothing is folded or trimmed.
            ///
            /// # Errors
            /// [`IdError`], which does not repeat the text.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let allowed: fn(u8) -> bool = $allowed;
                let fits = $lengths.contains(&text.len())
                    && text.bytes().all(allowed)
                    && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
                if fits {
                    Ok($name(text.to_owned()))
                } else {
                    Err(IdError { what: $what, form: $form })
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                $name::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        as_text!($name);
    };
}

const fn code_byte(b: u8) -> bool {
    b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-'
}

const fn login_byte(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_')
}

given_code! {
    /// A person's name at the door.
    Login, "login", (2..=32), login_byte, "2 to 32 of a-z 0-9 . - _, beginning with a letter or digit"
}
given_code! {
    /// A unit's code; part of its requests' numbers.
    UnitCode, "unit code", (1..=16), code_byte, "1 to 16 of A-Z 0-9 -, beginning with a letter or digit"
}
given_code! {
    /// A vendor's code.
    VendorCode, "vendor code", (1..=16), code_byte, "1 to 16 of A-Z 0-9 -, beginning with a letter or digit"
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn codes_refuse_what_a_shell_or_a_folder_would_read_otherwise() {
        for bad in ["a", "-li", "..", "Li", "li na", "李娜", &"a".repeat(33)] {
            assert!(Login::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Login::parse("li.na").unwrap().as_str(), "li.na");
        for bad in ["", "-HQ", "hq", "A_B", "ABCDEFGHIJKLMNOPQ"] {
            assert!(UnitCode::parse(bad).is_err() && VendorCode::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn errors_do_not_repeat_the_text() {
        let err = Login::parse("13812345678 is a mobile").unwrap_err().to_string();
        assert!(!err.contains("138") && err.contains("login"));
    }

    #[test]
    fn hex_is_lower_case_and_of_one_length() {
        let text = "00112233445566778899aabbccddeeff";
        assert_eq!(text.parse::<VaultId>().unwrap().to_string(), text);
        for bad in ["", &text[1..], &text.to_uppercase(), &format!("{text}00")] {
            assert!(bad.parse::<VaultId>().is_err(), "{bad}");
        }
        // FIPS 180-2, appendix B.1.
        assert_eq!(Digest::of(b"abc").short(), "ba78 16bf");
    }

    proptest! {
        #[test]
        fn text_in_json_reads_back(n in 1i64.., seq: u64) {
            let ordinal = Ordinal::new(n).unwrap();
            let json = serde_json::to_string(&(ordinal, Seq(seq))).unwrap();
            prop_assert_eq!(&json, &format!("[\"{n}\",\"{seq}\"]"));
            prop_assert_eq!(serde_json::from_str::<(Ordinal, Seq)>(&json).unwrap(), (ordinal, Seq(seq)));
        }
    }
}
