//! A calendar day, counted from 1970-01-01, without time or zone.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::{Date, date};

use crate::model::lang::Lang;
use crate::model::text;
use crate::model::value_error::ValueError;

const EPOCH: Date = date(1970, 1, 1);

/// A day of the Gregorian calendar from 0001-01-01 to 9999-12-31, as days since 1970-01-01.
/// Stored as that number; written everywhere else as `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

impl Day {
    /// The first day a birthday may be.
    pub const YEAR_1900: Day = Day(-25_567);
    const FIRST: Day = Day(-719_162);
    const LAST: Day = Day(2_932_896);

    /// `YYYY-MM-DD`; also `YYYY/M/D`, `YYYY.M.D` and `YYYY年M月D日`, which exports write and which can
    /// mean only one day since the year comes first. Full-width digits are folded.
    ///
    /// # Errors
    /// [`ValueError::NotDate`] for any other shape, [`ValueError::NoSuchDay`] for 30 February, and
    /// those of any cell.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let (year, month, day) = match parts(text) {
            Some(parts) => parts,
            None => parts(&text::folded(text)?).ok_or(ValueError::NotDate)?,
        };
        Date::new(year, month, day).ok().and_then(Self::from_date).ok_or(ValueError::NoSuchDay)
    }

    /// The day with this number, if it lies within the years 1 to 9999.
    pub fn from_days(days: i32) -> Option<Self> {
        let day = Day(days);
        (Day::FIRST..=Day::LAST).contains(&day).then_some(day)
    }

    /// Days since 1970-01-01; negative before it.
    pub const fn days(self) -> i32 {
        self.0
    }

    /// The same day `years` later; 29 February becomes 1 March in a common year, so that nobody
    /// counts as older a day early. Stops at 9999-12-31.
    #[must_use]
    pub fn years_after(self, years: u16) -> Self {
        let years = i16::try_from(years).unwrap_or(i16::MAX);
        Self::from_date(years_after(self.date(), years)).unwrap_or(Day::LAST)
    }

    /// The civil date, for formats and calendars.
    pub fn date(self) -> Date {
        EPOCH.saturating_add(SignedDuration::from_hours(i64::from(self.0) * 24))
    }

    /// The day of a civil date; nothing before the year 1.
    pub fn from_date(date: Date) -> Option<Self> {
        let days = date.duration_since(EPOCH).as_secs() / 86_400;
        i32::try_from(days).ok().and_then(Self::from_days)
    }
}

/// Whether someone born on a day has fewer than so many full years on another: the one rule of age. Who
/// was born on a leap day completes a common year on the first of March.
pub fn under(born: Date, years: i16, on: Date) -> bool {
    on < years_after(born, years)
}

/// So many years later; 29 February becomes 1 March where there is none. Stops at 9999-12-31.
fn years_after(from: Date, years: i16) -> Date {
    let year = from.year().saturating_add(years);
    Date::new(year, from.month(), from.day()).or_else(|_| Date::new(year, 3, 1)).unwrap_or(Date::MAX)
}

/// Year, month and day of one of the accepted shapes; whether there is such a day is not asked.
fn parts(text: &str) -> Option<(i16, i8, i8)> {
    let (year, rest) = text.split_at_checked(4)?;
    let (first, second, last) = match rest.chars().next()? {
        '-' => ("-", "-", ""),
        '/' => ("/", "/", ""),
        '.' => (".", ".", ""),
        '年' => ("年", "月", "日"),
        _ => return None,
    };
    let (month, day) = rest.strip_prefix(first)?.strip_suffix(last)?.split_once(second)?;
    let shortest = if first == "-" { 2 } else { 1 };
    Some((
        i16::try_from(number(year, 4)?).ok()?,
        i8::try_from(number(month, shortest)?).ok()?,
        i8::try_from(number(day, shortest)?).ok()?,
    ))
}

/// A number of `shortest` to two digits, or of exactly four.
fn number(text: &str, shortest: usize) -> Option<u16> {
    let fits = (shortest..=shortest.max(2)).contains(&text.len()) && text::is_digits(text);
    fits.then(|| text.bytes().fold(0, |n, b| n * 10 + u16::from(b - b'0')))
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date();
        write!(f, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
    }
}

impl serde::Serialize for Day {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Day {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Day::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// What a month is called, from 1; of no other number.
pub(crate) fn month(lang: Lang, month: u8) -> &'static str {
    const ZH: [&str; 12] =
        ["1月", "2月", "3月", "4月", "5月", "6月", "7月", "8月", "9月", "10月", "11月", "12月"];
    const EN: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let names = match lang {
        Lang::Zh => ZH,
        Lang::En => EN,
    };
    names.get(usize::from(month.wrapping_sub(1))).copied().unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[test]
    fn numbers_and_bounds_agree_with_the_calendar() {
        assert_eq!(day("1970-01-01").days(), 0);
        assert_eq!(day("1969-12-31").days(), -1);
        assert_eq!(day("1900-01-01"), Day::YEAR_1900);
        assert_eq!(day("0001-01-01"), Day::FIRST);
        assert_eq!(day("9999-12-31"), Day::LAST);
        assert_eq!(Day::from_days(Day::LAST.days() + 1), None);
    }

    #[test]
    fn shapes_with_the_year_first_are_one_day() {
        for text in [
            "2024-05-06",
            "2024/5/6",
            "2024/05/06",
            "2024.5.6",
            "2024年5月6日",
            "２０２４－０５－０６",
            " 2024-05-06\t",
        ] {
            assert_eq!(day(text).to_string(), "2024-05-06", "{text}");
        }
        for text in [
            "2024-5-6",
            "06/05/2024",
            "5/6/2024",
            "2024/5-6",
            "20240506",
            "45418",
            "2024-05-06 00:00",
            "2024-05-060",
            "-024-05-06",
        ] {
            assert_eq!(Day::parse(text), Err(ValueError::NotDate), "{text}");
        }
        for text in ["2023-02-29", "2024-02-30", "2024-13-01", "2024-00-10", "0000-01-01"] {
            assert_eq!(Day::parse(text), Err(ValueError::NoSuchDay), "{text}");
        }
    }

    #[test]
    fn a_leap_day_comes_round_on_the_first_of_march() {
        assert_eq!(day("2012-02-29").years_after(14), day("2026-03-01"));
        assert_eq!(day("2012-02-29").years_after(4), day("2016-02-29"));
        assert_eq!(day("9990-01-01").years_after(14), Day::LAST);
    }

    #[test]
    fn a_full_year_is_over_on_the_birthday() {
        let leap = date(2012, 2, 29);
        assert!(under(leap, 14, date(2026, 2, 28)) && !under(leap, 14, date(2026, 3, 1)));
        assert!(under(leap, 16, date(2028, 2, 28)) && !under(leap, 16, date(2028, 2, 29)));
        let born = date(2012, 11, 21);
        assert!(under(born, 14, date(2026, 11, 20)) && !under(born, 14, date(2026, 11, 21)));
    }

    proptest! {
        #[test]
        fn text_and_number_read_back(days in Day::FIRST.days()..=Day::LAST.days()) {
            let it = Day::from_days(days).unwrap();
            prop_assert_eq!(Day::parse(&it.to_string()), Ok(it));
            prop_assert_eq!(serde_json::from_str::<Day>(&serde_json::to_string(&it).unwrap()).unwrap(), it);
            prop_assert_eq!(it.days(), days);
        }
    }
}
