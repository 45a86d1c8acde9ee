//! Where time and chance come in. Nothing else in the crate asks the machine for either.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

/// Microseconds since 1970 in UTC.
pub type Micros = i64;

/// The time, and the zone that decides ages, years and numbering.
#[derive(Debug)]
pub struct Clock {
    zone: TimeZone,
    fixed: Option<AtomicI64>,
}

impl Clock {
    /// The machine's clock in a zone such as `Asia/Shanghai`.
    ///
    /// # Errors
    /// The zone's name is unknown.
    pub fn system(zone: &str) -> Result<Self, jiff::Error> {
        Ok(Clock { zone: TimeZone::get(zone)?, fixed: None })
    }

    /// A clock that stands still until told otherwise; for tests.
    ///
    /// # Errors
    /// The zone's name is unknown.
    pub fn fixed(zone: &str, at: Micros) -> Result<Self, jiff::Error> {
        Ok(Clock { zone: TimeZone::get(zone)?, fixed: Some(AtomicI64::new(at)) })
    }

    /// Moves a fixed clock; a system clock is left alone.
    pub fn set(&self, at: Micros) {
        if let Some(fixed) = &self.fixed {
            fixed.store(at, Ordering::SeqCst);
        }
    }

    /// The vault's zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Now.
    pub fn now(&self) -> Micros {
        match &self.fixed {
            Some(fixed) => fixed.load(Ordering::SeqCst),
            None => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX)),
        }
    }

    /// Today in the vault's zone.
    pub fn today(&self) -> Date {
        self.date(self.now())
    }

    /// The day of an instant in the vault's zone.
    pub fn date(&self, at: Micros) -> Date {
        Timestamp::from_microsecond(at)
            .map(|t| t.to_zoned(self.zone.clone()).date())
            .unwrap_or(Date::constant(1970, 1, 1))
    }

    /// The time of day of an instant in the vault's zone.
    pub fn time(&self, at: Micros) -> Time {
        let time = Timestamp::from_microsecond(at).map(|t| t.to_zoned(self.zone.clone()).time());
        time.unwrap_or_default()
    }

    /// The first instant of a day in the vault's zone.
    pub fn start_of(&self, day: Date) -> Micros {
        day.to_zoned(self.zone.clone()).map_or(0, |z| z.timestamp().as_microsecond())
    }
}

/// An instant as RFC 3339 in UTC with microseconds: `2026-11-21T15:04:05.000001Z`.
pub fn rfc3339(at: Micros) -> String {
    Timestamp::from_microsecond(at).map(|t| format!("{t:.6}")).unwrap_or_default()
}

/// Reads what [`rfc3339`] wrote.
pub fn parse_rfc3339(text: &str) -> Option<Micros> {
    text.parse::<Timestamp>().ok().map(|t| t.as_microsecond())
}

/// Days since 1970 of a date: how days are stored.
pub fn day_number(date: Date) -> i64 {
    i64::from((date - Date::constant(1970, 1, 1)).get_days())
}

/// The date of a day number.
pub fn day(number: i64) -> Option<Date> {
    let days = i32::try_from(number).ok()?;
    Date::constant(1970, 1, 1).checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

/// The machine gave no randomness. Nothing can be sealed without it.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the machine's random source failed")]
pub struct NoRandomness;

/// Random bytes from the operating system.
///
/// # Errors
/// [`NoRandomness`]; callers refuse whatever they were doing.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0u8; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// Fills a buffer; one call for many nonces costs as much as one nonce.
///
/// # Errors
/// [`NoRandomness`].
pub fn fill(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    SystemRandom::new().fill(bytes).map_err(|_| NoRandomness)
}

/// Random bytes taken by the thousand: one call of the system serves hundreds of nonces and keys.
pub struct Randomness {
    bytes: Zeroizing<Vec<u8>>,
    used: usize,
}

/// Bytes that are drawn at once.
const DRAW: usize = 8192;

impl Default for Randomness {
    fn default() -> Self {
        Randomness { bytes: Zeroizing::new(vec![0; DRAW]), used: DRAW }
    }
}

impl Randomness {
    /// So many bytes (at most 8,192) that nobody gets again; they are wiped behind the caller.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn take<const N: usize>(&mut self) -> Result<[u8; N], NoRandomness> {
        if self.used + N > DRAW {
            fill(&mut self.bytes)?;
            self.used = 0;
        }
        let mut out = [0; N];
        let taken = self.bytes.get_mut(self.used..self.used + N).ok_or(NoRandomness)?;
        out.copy_from_slice(taken);
        taken.fill(0);
        self.used += N;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_instants_read_back() {
        let date = Date::constant(2024, 2, 29);
        assert_eq!(day(day_number(date)), Some(date));
        assert_eq!(parse_rfc3339(&rfc3339(1_700_000_000_000_001)), Some(1_700_000_000_000_001));
    }

    #[test]
    fn random_bytes_are_given_out_once() {
        let mut random = Randomness::default();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..2000 {
            assert!(seen.insert(random.take::<12>().unwrap()));
        }
        assert!(random.take::<9000>().is_err());
    }

    #[test]
    fn the_zone_decides_the_day() {
        // 2026-01-01 00:30 in Shanghai is still 2025 in London.
        let at = parse_rfc3339("2025-12-31T16:30:00Z").unwrap();
        assert_eq!(Clock::fixed("Asia/Shanghai", at).unwrap().today(), Date::constant(2026, 1, 1));
        assert_eq!(Clock::fixed("Europe/London", at).unwrap().today(), Date::constant(2025, 12, 31));
    }
}
