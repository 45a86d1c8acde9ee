//! How long things stay (`policies/retention.toml`; A6a, A8c, E6, ruling 11).
//!
//! No clock here: the caller brings the day and gets the day it ends.

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Deserialize;
use toml::Spanned;

use crate::policy::error::{PolicyError, Source};
use crate::policy::files::PolicyFiles;

/// Ten years: longer is a slip of the keyboard.
const MOST_DAYS: u16 = 3660;
/// One day of repeating a broken download.
const MOST_MINUTES: u16 = 24 * 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    request_expires_days: Spanned<u16>,
    download_repeat_minutes: Spanned<u16>,
    package_keep_days: Spanned<u16>,
    erased_in_backups_days: Spanned<u16>,
}

/// How long things stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    request_expires_days: u16,
    download_repeat_minutes: u16,
    package_keep_days: u16,
    erased_in_backups_days: u16,
}

impl Retention {
    pub(super) fn load(files: &PolicyFiles) -> Result<Self, PolicyError> {
        let (source, file): (_, File) = Source::read(files, "retention.toml")?;
        let within = |key: &str, value: &Spanned<u16>, most: u16| {
            let n = *value.get_ref();
            let wrong = || source.error(value.span(), key, format!("expected 1 to {most}"));
            (1..=most).contains(&n).then_some(n).ok_or_else(wrong)
        };
        Ok(Retention {
            request_expires_days: within("request_expires_days", &file.request_expires_days, MOST_DAYS)?,
            download_repeat_minutes: within(
                "download_repeat_minutes",
                &file.download_repeat_minutes,
                MOST_MINUTES,
            )?,
            package_keep_days: within("package_keep_days", &file.package_keep_days, MOST_DAYS)?,
            erased_in_backups_days: within(
                "erased_in_backups_days",
                &file.erased_in_backups_days,
                MOST_DAYS,
            )?,
        })
    }

    /// The first day on which a request submitted on `day` is void.
    pub fn request_ends(&self, day: Date) -> Date {
        after(day, self.request_expires_days)
    }

    /// The first day on which a package sealed on `day` is destroyed, if it was not recalled before.
    pub fn package_ends(&self, day: Date) -> Date {
        after(day, self.package_keep_days)
    }

    /// The first day on which no backup opens what was erased on `day`.
    pub fn backups_end(&self, day: Date) -> Date {
        after(day, self.erased_in_backups_days)
    }

    /// For how many minutes a broken download may be repeated.
    pub fn download_repeat_minutes(&self) -> u16 {
        self.download_repeat_minutes
    }

    /// Days for which a backup of the keys may live.
    pub fn erased_in_backups_days(&self) -> u16 {
        self.erased_in_backups_days
    }
}

/// At the calendar's end things end at once, rather than never.
fn after(day: Date, days: u16) -> Date {
    day.checked_add(i32::from(days).days()).unwrap_or(day)
}
