//! How much one person and one unit may look at, and what is noticed (`policies/guard.toml`; A10b).
//!
//! No clock here: the caller brings what was counted within the running hour and day.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Time;
use serde::Deserialize;
use toml::Spanned;

use crate::clock::Micros;
use crate::model::code::{Tier, codes};
use crate::policy::error::{PolicyError, Source};
use crate::policy::files::PolicyFiles;

/// A larger budget is none; who wants that says this number.
const MOST: u32 = 1_000_000;

codes! {
    /// A kind of look at members that has a budget.
    Look, "look" {
        /// Finding a member by an exact value.
        LookUp = "look_up",
        /// Seeing a member masked, or a member's consents.
        Show = "show",
        /// Seeing fields in clear.
        Reveal = "reveal",
        /// Asking whether a given value is the member's.
        Verify = "verify",
    }
}

codes! {
    /// Whose budget it is.
    Whose, "budget" {
        /// One person's.
        Person = "person",
        /// That of all people of a unit.
        Unit = "unit",
    }
}

codes! {
    /// What is noticed.
    AlarmKind, "alarm" {
        /// Many looks within a short time.
        Burst = "burst",
        /// Looks while nobody serves members.
        OffHours = "off_hours",
        /// One member's fields again and again.
        RepeatReveals = "repeat_reveals",
        /// Looks at members of a high tier.
        Vip = "vip",
        /// Looks that find nobody.
        Enumeration = "enumeration",
        /// Much that is refused.
        Refusals = "refusals",
        /// Wrong passwords.
        WrongPasswords = "wrong_passwords",
    }
}

/// So many within so many minutes are an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// How many.
    pub count: u32,
    /// Within how many minutes.
    pub minutes: u32,
}

/// A day of watching at most.
const MOST_MINUTES: u32 = 24 * 60;
/// Looks at members of a tier are counted by the hour.
const BY_HOUR: u32 = 60;

codes! {
    /// Over which time a budget counts.
    Span, "span" {
        /// An hour of the clock.
        Hour = "hour",
        /// A day of the vault's zone.
        Day = "day",
    }
}

/// Most looks of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Within an hour.
    pub hour: u32,
    /// Within a day.
    pub day: u32,
}

impl Budget {
    /// Which span's budget is spent after so many looks within the hour and the day; the longer one when both are.
    pub fn spent(self, in_hour: u32, in_day: u32) -> Option<Span> {
        if in_day >= self.day {
            return Some(Span::Day);
        }
        (in_hour >= self.hour).then_some(Span::Hour)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    person: BTreeMap<Look, Spanned<Budget>>,
    unit: BTreeMap<Look, Spanned<Budget>>,
    alarm: BTreeMap<AlarmKind, Spanned<Threshold>>,
    hours: Hours,
    vip: Vip,
    throttle: Throttle,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hours {
    open: Spanned<String>,
    close: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vip {
    tiers: BTreeSet<Tier>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Throttle {
    minutes: Spanned<u32>,
    after: BTreeSet<AlarmKind>,
}

/// The guard as the policy sets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    budgets: BTreeMap<(Whose, Look), Budget>,
    alarms: BTreeMap<AlarmKind, Threshold>,
    open: Time,
    close: Time,
    vip: BTreeSet<Tier>,
    throttle: u32,
    throttles: BTreeSet<AlarmKind>,
}

impl Guard {
    pub(super) fn load(files: &PolicyFiles) -> Result<Self, PolicyError> {
        let (source, file): (_, File) = Source::read(files, "guard.toml")?;
        let mut budgets = BTreeMap::new();
        for (whose, given) in [(Whose::Person, file.person), (Whose::Unit, file.unit)] {
            for look in Look::ALL {
                let wanted = format!("expected a budget of {look} (A10b, Art 10)");
                let budget = given.get(look).ok_or_else(|| source.whole(whose.code(), wanted))?;
                let Budget { hour, day } = *budget.get_ref();
                if !(1..=MOST).contains(&hour) || !(hour..=MOST).contains(&day) {
                    let expected = format!(
                        "expected 1 to {MOST} an hour, and a day no less than an hour (A10b, Art 10)"
                    );
                    return Err(source.error(budget.span(), look.code(), expected));
                }
                budgets.insert((whose, *look), *budget.get_ref());
            }
        }
        let alarms = alarms(&source, file.alarm)?;
        let time = |key: &str, text: &Spanned<String>| {
            let wrong = || source.error(text.span(), key, "expected a time of day, 00:00 to 23:59");
            text.get_ref().parse::<Time>().ok().filter(|_| text.get_ref().len() == 5).ok_or_else(wrong)
        };
        let (open, close) = (time("open", &file.hours.open)?, time("close", &file.hours.close)?);
        let throttle = *file.throttle.minutes.get_ref();
        if throttle > MOST_MINUTES {
            let expected = format!("expected 0 (off) to {MOST_MINUTES}");
            return Err(source.error(file.throttle.minutes.span(), "minutes", expected));
        }
        let (vip, throttles) = (file.vip.tiers, file.throttle.after);
        Ok(Guard { budgets, alarms, open, close, vip, throttle, throttles })
    }

    /// When something is an alarm. Loading made sure of each.
    pub fn alarm(&self, kind: AlarmKind) -> Threshold {
        self.alarms.get(&kind).copied().unwrap_or(Threshold { count: 1, minutes: BY_HOUR })
    }

    /// Whether nobody serves members at this time of day; hours that end before they begin go over midnight.
    pub fn is_off_hours(&self, at: Time) -> bool {
        let is_open = match self.open <= self.close {
            true => self.open <= at && at < self.close,
            false => self.open <= at || at < self.close,
        };
        !is_open
    }

    /// Whether looks at members of this tier are counted for an alarm.
    pub fn is_vip(&self, tier: Tier) -> bool {
        self.vip.contains(&tier)
    }

    /// How long after an alarm, in microseconds, who it is about looks at nobody; zero is off.
    pub fn throttle(&self) -> Micros {
        Micros::from(self.throttle) * 60_000_000
    }

    /// Whether an alarm of this kind holds back who it is about.
    pub fn throttles(&self, kind: AlarmKind) -> bool {
        self.throttle > 0 && self.throttles.contains(&kind)
    }

    /// How many looks somebody has. Loading made sure of each.
    pub fn budget(&self, whose: Whose, look: Look) -> Budget {
        self.budgets.get(&(whose, look)).copied().unwrap_or(Budget { hour: 0, day: 0 })
    }
}

fn alarms(
    source: &Source<'_>,
    given: BTreeMap<AlarmKind, Spanned<Threshold>>,
) -> Result<BTreeMap<AlarmKind, Threshold>, PolicyError> {
    let mut alarms = BTreeMap::new();
    for kind in AlarmKind::ALL {
        let missing = || source.whole("alarm", format!("expected {kind} (A10b, Art 10)"));
        let threshold = given.get(kind).ok_or_else(missing)?;
        let Threshold { count, minutes } = *threshold.get_ref();
        let wrong = |expected: String| Err(source.error(threshold.span(), kind.code(), expected));
        if count == 0 || count > MOST || !(1..=MOST_MINUTES).contains(&minutes) {
            return wrong(format!("expected a count of 1 to {MOST} within 1 to {MOST_MINUTES} minutes"));
        }
        if *kind == AlarmKind::Vip && minutes != BY_HOUR {
            return wrong(format!("expected minutes = {BY_HOUR}: these are counted by the hour"));
        }
        alarms.insert(*kind, *threshold.get_ref());
    }
    Ok(alarms)
}
