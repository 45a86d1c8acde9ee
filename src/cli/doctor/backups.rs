//! When backups were made here, and when one was last shown to be restorable.

use super::Findings;
use crate::broker::Broker;
use crate::clock::{Micros, rfc3339};
use crate::store::backups::{Made, Remembered};

const DAY: Micros = 86_400_000_000;

/// A backup older than this is told.
const BACKUP_DAYS: i64 = 7;

/// A drill older than this is told.
const DRILL_DAYS: i64 = 90;

/// What this machine remembers beside the high-water mark. Backups that another machine made are not in it.
pub(super) fn check(broker: &Broker, found: &mut Findings) {
    let store = broker.store();
    let known = Remembered::read(store.high_water_path(), store.keyring());
    let now = broker.clock().now();
    check_made("data backup", known.data.as_ref(), "`countersign backup create FILE`", now, found);
    check_made("key backup", known.keys.as_ref(), "`countersign backup keys FILE`", now, found);
    let hint = "`countersign backup verify DATA --keys KEYS`; now and then restore one into an empty place";
    match known.drill {
        None => found.warning("restore drill", "none is remembered on this machine", hint),
        Some(drill) => {
            let with = if drill.keys { "with its keys" } else { "without keys" };
            let said = format!(
                "{}: a backup of {} ({} entries) was read to its end, {with}",
                rfc3339(drill.at),
                rfc3339(drill.made_at),
                drill.size
            );
            match drill.keys && now - drill.at <= DRILL_DAYS * DAY {
                true => found.ok("restore drill", said),
                false => found.warning("restore drill", said, hint),
            }
        }
    }
}

fn check_made(what: &'static str, made: Option<&Made>, how: &str, now: Micros, found: &mut Findings) {
    match made {
        None => found.warning(what, "none is remembered on this machine", format!("make one with {how}")),
        Some(made) => {
            let said = format!("{}: {} entries, {} bytes", rfc3339(made.at), made.size, made.bytes);
            match now - made.at <= BACKUP_DAYS * DAY {
                true => found.ok(what, said),
                false => found.warning(what, said, format!("older than {BACKUP_DAYS} days; {how}")),
            }
        }
    }
}
