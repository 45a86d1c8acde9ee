//! Dates and moments in the one spelling that forms and signatures carry.
//!
//! Dates are civil dates in the vault's zone, `2026-12-20`. Moments are UTC with six decimals,
//! `2026-12-01T03:04:05.123456Z` (RFC 3339): always six, so that equal moments are equal bytes.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;

use super::ids::{IdError, as_text};

const DATE: IdError = IdError { what: "date", form: "2026-12-20" };
const MOMENT: IdError = IdError { what: "moment", form: "2026-12-01T03:04:05.123456Z" };

/// Reads `YYYY-MM-DD` and nothing else (a reader of ISO 8601 takes a dozen spellings).
///
/// # Errors
/// [`IdError`], also for a day that the calendar lacks.
pub fn parse_date(text: &str) -> Result<Date, IdError> {
    let date: Date = text.parse().map_err(|_| DATE)?;
    if date.to_string() == text && date.year() >= 0 { Ok(date) } else { Err(DATE) }
}

/// Serde of a [`Date`] as `YYYY-MM-DD`: `#[serde(with = "iso::date")]`.
pub mod date {
    use jiff::civil::Date;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the date.
    ///
    /// # Errors
    /// Whatever the serializer returns.
    pub fn serialize<S: Serializer>(date: &Date, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(date)
    }

    /// Reads the date.
    ///
    /// # Errors
    /// When it is not written as `YYYY-MM-DD`.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Date, D::Error> {
        let text = String::deserialize(d)?;
        super::parse_date(&text).map_err(serde::de::Error::custom)
    }
}

/// A span of days, both included; the first is not after the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    from: Date,
    to: Date,
}

impl Window {
    /// Nothing when the first day is after the last.
    pub fn new(from: Date, to: Date) -> Option<Window> {
        (from <= to).then_some(Window { from, to })
    }

    /// The first day.
    pub const fn from(&self) -> Date {
        self.from
    }

    /// The last day.
    pub const fn to(&self) -> Date {
        self.to
    }

    /// Whether a day lies in it.
    pub fn holds(&self, day: Date) -> bool {
        (self.from..=self.to).contains(&day)
    }
}

/// A moment in whole microseconds since 1970, UTC; years 1970 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

/// 9999-12-30T00:00:00Z, inside what every calendar library still reads.
const LAST: i64 = 253_402_128_000_000_000;

impl Moment {
    /// # Errors
    /// [`IdError`] outside the years 1970 to 9999.
    pub const fn from_micros(micros: i64) -> Result<Moment, IdError> {
        if micros >= 0 && micros <= LAST { Ok(Moment(micros)) } else { Err(MOMENT) }
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In range by construction; the epoch stands in for an error that cannot come.
        let at = Timestamp::from_microsecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH);
        write!(f, "{at:.6}")
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Moment {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let at: Timestamp = text.parse().map_err(|_| MOMENT)?;
        let moment = Moment::from_micros(at.as_microsecond())?;
        if moment.to_string() == text { Ok(moment) } else { Err(MOMENT) }
    }
}

as_text!(Moment);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_have_one_spelling() {
        assert_eq!(parse_date("2028-02-29").unwrap().to_string(), "2028-02-29");
        for bad in ["20280229", "2027-02-29", "2028-2-29", "2028-02-29T00:00", " 2028-02-29", "-000001-01-01"]
        {
            assert!(parse_date(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn moments_have_one_spelling() {
        let text = "2026-12-01T03:04:05.120000Z";
        assert_eq!(text.parse::<Moment>().unwrap().to_string(), text);
        for bad in ["2026-12-01T03:04:05Z", "2026-12-01T03:04:05.12Z", "2026-12-01T11:04:05.120000+08:00"] {
            assert!(bad.parse::<Moment>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn moments_read_back(micros in 0..=LAST) {
            let moment = Moment::from_micros(micros).unwrap();
            prop_assert_eq!(moment.to_string().parse(), Ok(moment));
        }
    }
}
