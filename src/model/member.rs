//! One checked row of a member file: everything in it has been parsed.

use std::fmt;

use jiff::civil::DateTime;
use jiff::{Timestamp, tz::TimeZone};

use crate::model::code::{CardType, Channel, CovenantFamily, Tier};
use crate::model::contact::{Address, Birthday, CardNo, Email, Evidence, Mobile, Name, Postcode};
use crate::model::day::Day;
use crate::model::money::Money;
use crate::model::text;
use crate::model::value_error::ValueError;

/// A cell that may be missing in two ways, which differ when a row updates a member: a column that
/// the file does not have says nothing, a cell that is there and empty says "none".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cell<T> {
    /// The file has no such column: what is stored stays.
    #[default]
    NotGiven,
    /// The cell is empty: there is none.
    Empty,
    /// The cell's value.
    Filled(T),
}

impl<T> Cell<T> {
    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Cell::Filled(value) => Some(value),
            Cell::Empty | Cell::NotGiven => None,
        }
    }

    /// The value itself, if there is one.
    pub fn into_value(self) -> Option<T> {
        match self {
            Cell::Filled(value) => Some(value),
            Cell::Empty | Cell::NotGiven => None,
        }
    }

    /// Whether the file has the column.
    pub fn is_given(&self) -> bool {
        !matches!(self, Cell::NotGiven)
    }
}

/// What a row says of consent to promotion, by channel. Nothing said is no event: neither a grant
/// nor a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Consents {
    /// Short messages.
    pub sms: Option<bool>,
    /// Direct mail.
    pub post: Option<bool>,
    /// Electronic mail.
    pub email: Option<bool>,
}

impl Consents {
    /// Each channel that the row speaks of, and whether it grants.
    pub fn iter(self) -> impl Iterator<Item = (Channel, bool)> {
        [(Channel::Sms, self.sms), (Channel::Post, self.post), (Channel::Email, self.email)]
            .into_iter()
            .filter_map(|(channel, said)| said.map(|granted| (channel, granted)))
    }
}

/// When a consent was given, as its file says it: with an offset, or on the wall clock of the
/// vault's zone. A date alone is the start of its day, so that a consent never counts as later
/// than it may have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentTime {
    /// RFC 3339: a point in time.
    Instant(Timestamp),
    /// `YYYY-MM-DD`, `YYYY-MM-DD HH:MM` or `YYYY-MM-DD HH:MM:SS` on the vault's clock.
    Wall(DateTime),
}

impl ConsentTime {
    /// Reads either form.
    ///
    /// # Errors
    /// [`ValueError::NotTime`] and those of any cell.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let text = text::folded(text)?;
        if let Ok(day) = Day::parse(&text) {
            return Ok(ConsentTime::Wall(day.date().at(0, 0, 0, 0)));
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(ConsentTime::Instant(at));
        }
        let wall = [
            "%Y-%m-%d %H:%M:%S",
            "%Y-%m-%d %H:%M",
            "%Y/%m/%d %H:%M:%S",
            "%Y/%m/%d %H:%M",
            "%Y-%m-%dT%H:%M:%S",
        ];
        let parsed = wall.iter().find_map(|format| DateTime::strptime(format, text.as_str()).ok());
        parsed.map(ConsentTime::Wall).ok_or(ValueError::NotTime)
    }

    /// Whether it lies after a day of the vault's clock. An instant is given a day more, since its own
    /// day is that of UTC, which may be ahead of the vault's.
    pub fn is_after(self, today: Day) -> bool {
        match self {
            ConsentTime::Instant(at) => {
                let day = Day::from_date(at.to_zoned(TimeZone::UTC).date());
                day.is_none_or(|day| day.days() > today.days() + 1)
            }
            ConsentTime::Wall(wall) => Day::from_date(wall.date()).is_none_or(|day| day > today),
        }
    }

    /// Microseconds since 1970-01-01T00:00Z. A wall time that a change of clocks repeats is the
    /// earlier one; nothing for a time outside the years 1 to 9999.
    pub fn unix_micros(self, zone: &TimeZone) -> Option<i64> {
        match self {
            ConsentTime::Instant(at) => Some(at.as_microsecond()),
            ConsentTime::Wall(wall) => {
                let at = zone.to_ambiguous_timestamp(wall).earlier().ok()?;
                Some(at.as_microsecond())
            }
        }
    }
}

/// A member as one row of a file gives it (`data/README.md`). Whether its store and covenant version
/// exist, and whether its card is new, is asked behind this.
#[derive(Clone, PartialEq, Eq)]
pub struct MemberRow {
    /// Card number: says which member this is.
    pub card: CardNo,
    /// Name.
    pub name: Name,
    /// Mobile.
    pub mobile: Cell<Mobile>,
    /// Email address.
    pub email: Cell<Email>,
    /// Postal address.
    pub address: Cell<Address>,
    /// Postcode.
    pub postcode: Cell<Postcode>,
    /// Birthday.
    pub birthday: Cell<Birthday>,
    /// Card type (A2).
    pub card_type: Cell<CardType>,
    /// Tier.
    pub tier: Cell<Tier>,
    /// Code of the home store, 1 to 16 letters, digits and hyphens.
    pub home_store: Cell<String>,
    /// Day of joining.
    pub joined_on: Cell<Day>,
    /// The covenant accepted and its version (A2). Empty unless both cells are filled: a covenant
    /// without its version is nothing that a member can have accepted.
    pub covenant: Cell<(CovenantFamily, String)>,
    /// Whether the member accepted before promotion needed its own grant (requirements, 3).
    pub legacy_covenant: Cell<bool>,
    /// Consent to promotion, by channel (A3b).
    pub consents: Consents,
    /// When the consents were given; lets a yes lift an earlier refusal (design, Consent).
    pub consent_at: Cell<ConsentTime>,
    /// What shows it.
    pub consent_evidence: Cell<Evidence>,
    /// Total spend.
    pub spend_total: Cell<Money>,
    /// Day of the last visit.
    pub last_visit_on: Cell<Day>,
}

/// The type's name and nothing else.
impl fmt::Debug for MemberRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemberRow")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consent_time_is_an_instant_or_on_the_vaults_clock() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let micros = |text| ConsentTime::parse(text).unwrap().unix_micros(&zone).unwrap();
        assert_eq!(micros("2026-01-01T00:00:00Z"), 1_767_225_600_000_000);
        for same in
            ["2026-01-01 08:00:00", "2026-01-01 08:00", "2026/01/01 08:00", "2026-01-01T08:00:00+08:00"]
        {
            assert_eq!(micros(same), micros("2026-01-01T00:00:00Z"), "{same}");
        }
        assert_eq!(micros("2026-01-01"), micros("2025-12-31T16:00:00Z"));
        for bad in ["yesterday", "08:00", "2026-02-30 08:00", "2026-01-01 25:00"] {
            assert_eq!(ConsentTime::parse(bad), Err(ValueError::NotTime), "{bad}");
        }
    }

    #[test]
    fn a_consent_time_may_be_of_today_and_not_of_tomorrow() {
        let today = Day::parse("2026-01-01").unwrap();
        let is_after = |text| ConsentTime::parse(text).unwrap().is_after(today);
        for good in ["2025-06-01", "2026-01-01", "2026-01-01 23:59", "2026-01-02T07:59:00Z"] {
            assert!(!is_after(good), "{good}");
        }
        for bad in ["2026-01-02", "2026-01-02 00:00", "9999-12-31", "2026-01-03T00:00:00Z"] {
            assert!(is_after(bad), "{bad}");
        }
    }

    #[test]
    fn only_what_is_said_is_a_consent() {
        let said = Consents { sms: Some(true), post: None, email: Some(false) };
        assert_eq!(said.iter().collect::<Vec<_>>(), [(Channel::Sms, true), (Channel::Email, false)]);
        assert_eq!(Consents::default().iter().count(), 0);
    }
}
