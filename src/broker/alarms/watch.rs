//! What is noticed in the log: pure, from entries in their order (A10b).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use crate::clock::{Clock, Micros, parse_rfc3339};
use crate::policy::{AlarmKind, Guard};

const HOUR: Micros = 3_600_000_000;
const MINUTE: Micros = 60_000_000;
/// Nothing is noticed over more than a day.
pub(super) const LONGEST: Micros = 24 * HOUR;
/// From all addresses together so many times as many wrong passwords as from one.
const EVERYWHERE: u32 = 5;

/// Acts that look at a member.
const LOOKS: [&str; 7] = [
    "member.looked_up",
    "member.shown",
    "member.revealed",
    "member.verified",
    "member.history",
    "member.who_saw",
    "consent.shown",
];

/// An entry, as far as it is looked at here.
pub(in crate::broker) struct Entry {
    pub(super) at: Micros,
    pub(in crate::broker) action: String,
    pub(in crate::broker) object: Option<String>,
    login: Option<String>,
    member: Option<String>,
    refused: Option<String>,
    counts: Value,
}

impl Entry {
    /// Reads a leaf; none when it is no leaf.
    pub(super) fn read(leaf: &[u8]) -> Option<Entry> {
        let leaf: Value = serde_json::from_slice(leaf).ok()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Some(Entry {
            at: parse_rfc3339(leaf["at"].as_str()?)?,
            action: text(&leaf["action"])?,
            object: text(&leaf["object"]),
            login: text(&leaf["actor"]["login"]),
            member: text(&leaf["member"]),
            refused: text(&leaf["refusal"]["code"]),
            counts: leaf["counts"].clone(),
        })
    }

    fn count(&self, name: &str) -> Option<u32> {
        self.counts[name].as_u64().and_then(|n| u32::try_from(n).ok())
    }

    pub(in crate::broker) fn is_allowed(&self) -> bool {
        self.refused.is_none()
    }
}

/// Something to raise an alarm about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Noticed {
    pub(super) kind: AlarmKind,
    pub(super) whom: String,
    /// Hours since 1970.
    pub(super) hour: i64,
    pub(super) count: u32,
    pub(super) minutes: u32,
}

/// One thing that counts towards an alarm.
struct Sign {
    kind: AlarmKind,
    whom: String,
    /// What of theirs is counted by itself: one member's reveals.
    of: String,
    times: u32,
    /// So many times the policy's count are one alarm.
    scale: u32,
}

/// What was seen within the last day.
#[derive(Default)]
pub(super) struct Watch {
    /// The newest times of each, as many as make an alarm.
    times: BTreeMap<(AlarmKind, String, String), VecDeque<Micros>>,
    told: BTreeSet<(AlarmKind, String, i64)>,
}

impl Watch {
    /// Takes the next entry; what it makes worth an alarm, each once an hour.
    pub(super) fn see(&mut self, entry: &Entry, guard: &Guard, clock: &Clock) -> Vec<Noticed> {
        let mut noticed = Vec::new();
        for sign in signs(entry, guard, clock) {
            let threshold = guard.alarm(sign.kind);
            let count = threshold.count.saturating_mul(sign.scale);
            let key = (sign.kind, sign.whom.clone(), sign.of);
            let times = self.times.entry(key).or_default();
            times.extend(std::iter::repeat_n(entry.at, sign.times.min(count) as usize));
            while times.len() > count as usize {
                times.pop_front();
            }
            let oldest = times.front().copied().unwrap_or(entry.at);
            if times.len() < count as usize || entry.at - oldest > i64::from(threshold.minutes) * MINUTE {
                continue;
            }
            let hour = entry.at.div_euclid(HOUR);
            if self.told.insert((sign.kind, sign.whom.clone(), hour)) {
                let minutes = threshold.minutes;
                noticed.push(Noticed { kind: sign.kind, whom: sign.whom, hour, count, minutes });
            }
        }
        noticed
    }

    /// Forgets what lies so far back that it counts no more.
    pub(super) fn forget(&mut self, now: Micros) {
        self.times.retain(|_, times| times.back().is_some_and(|last| now - last <= LONGEST));
        self.told.retain(|(.., hour)| now.div_euclid(HOUR) - hour <= 24);
    }
}

/// What of an entry counts, and towards what.
fn signs(entry: &Entry, guard: &Guard, clock: &Clock) -> Vec<Sign> {
    let mut signs = Vec::new();
    let Some(login) = &entry.login else { return wrong_passwords(entry) };
    let mut add = |kind: AlarmKind, of: &str| {
        let whom = format!("person/{login}");
        signs.push(Sign { kind, whom, of: of.to_owned(), times: 1, scale: 1 });
    };
    let is_unknown = entry.refused.as_deref() == Some("unknown_member");
    // Of several who were found each has an entry behind it, and that is what counts.
    let is_of_several = entry.count("found").is_some_and(|found| found > 1);
    if LOOKS.contains(&entry.action.as_str()) && (entry.is_allowed() || is_unknown) && !is_of_several {
        add(AlarmKind::Burst, "");
        if guard.is_off_hours(clock.time(entry.at)) {
            add(AlarmKind::OffHours, "");
        }
        if is_unknown || entry.count("found") == Some(0) {
            add(AlarmKind::Enumeration, "");
        }
    }
    if let ("member.revealed", true, Some(member)) =
        (entry.action.as_str(), entry.is_allowed(), &entry.member)
    {
        add(AlarmKind::RepeatReveals, member);
    }
    if !entry.is_allowed() {
        add(AlarmKind::Refusals, "");
    }
    signs
}

/// Wrong passwords: each at a command, or many at a server, counted by address.
fn wrong_passwords(entry: &Entry) -> Vec<Sign> {
    let (times, address) = match entry.action.as_str() {
        "person.unknown" => (1, None),
        "anonymous.refused" => (entry.count("unknown_person").unwrap_or(0), entry.object.clone()),
        _ => (0, None),
    };
    if times == 0 {
        return Vec::new();
    }
    let sign = |whom, scale| Sign { kind: AlarmKind::WrongPasswords, whom, of: String::new(), times, scale };
    let one = address.map(|address| sign(address, 1));
    one.into_iter().chain([sign("everywhere".to_owned(), EVERYWHERE)]).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::policy::{Policy, PolicyFiles};

    struct Seen {
        watch: Watch,
        policy: Policy,
        clock: Clock,
    }

    impl Seen {
        async fn new() -> Seen {
            let policy = Policy::load(PolicyFiles::built_in()).await.unwrap();
            Seen { watch: Watch::default(), policy, clock: Clock::fixed("Asia/Shanghai", 0).unwrap() }
        }

        /// An entry so many seconds after ten in the morning in Shanghai.
        fn see(&mut self, second: i64, action: &str, more: Value) -> Vec<String> {
            let at = parse_rfc3339("2026-11-28T02:00:00Z").unwrap() + second * 1_000_000;
            let mut leaf = json!({ "at": crate::clock::rfc3339(at), "action": action,
                "actor": { "kind": "person", "login": "li.na" }, "counts": {} });
            for (key, value) in more.as_object().unwrap() {
                leaf[key] = value.clone();
            }
            let entry = Entry::read(leaf.to_string().as_bytes()).unwrap();
            let noticed = self.watch.see(&entry, self.policy.guard(), &self.clock);
            noticed.iter().map(|n| format!("{} {}", n.kind, n.whom)).collect()
        }
    }

    #[tokio::test]
    async fn many_looks_within_minutes_are_a_burst_once_an_hour() {
        let mut seen = Seen::new().await;
        for n in 0..39 {
            assert_eq!(seen.see(n, "member.shown", json!({})), [""; 0]);
        }
        assert_eq!(seen.see(300, "member.revealed", json!({})), ["burst person/li.na"]);
        assert_eq!(seen.see(301, "member.shown", json!({})), [""; 0], "once");
        // The same many over an hour are none.
        for n in 0..60 {
            assert_eq!(seen.see(7_200 + n * 60, "member.shown", json!({})), [""; 0]);
        }
        // Of several who are found each is one look, and the look-up none beside them; who saw somebody is one, too.
        for n in 0..13 {
            let several = json!({ "counts": { "found": 3 } });
            assert_eq!(seen.see(20_000 + n, "member.looked_up", several), [""; 0]);
            for _ in 0..3 {
                assert_eq!(seen.see(20_000 + n, "member.shown", json!({})), [""; 0]);
            }
        }
        assert_eq!(seen.see(20_020, "member.who_saw", json!({})), ["burst person/li.na"]);
    }

    #[tokio::test]
    async fn off_hours_strangers_reveals_and_refusals_are_noticed() {
        let mut seen = Seen::new().await;
        let night = 14 * 3_600;
        let shown: Vec<_> = (0..5).map(|n| seen.see(night + n, "member.shown", json!({}))).collect();
        assert_eq!(
            (shown[3].len(), shown[4].as_slice()),
            (0, ["off_hours person/li.na".to_owned()].as_slice())
        );
        let none = json!({ "counts": { "found": 0 } });
        let looked: Vec<_> =
            (0..20).flat_map(|n| seen.see(n * 20, "member.looked_up", none.clone())).collect();
        assert_eq!(looked, ["enumeration person/li.na"]);
        let one = json!({ "member": "00" });
        let opened: Vec<_> =
            (0..4).flat_map(|n| seen.see(n * 7_000, "member.revealed", one.clone())).collect();
        assert_eq!(opened, ["repeat_reveals person/li.na"]);
        let no = json!({ "refusal": { "code": "not_permitted" } });
        let refused: Vec<_> = (0..30).flat_map(|n| seen.see(n * 60, "request.listed", no.clone())).collect();
        assert_eq!(refused, ["refusals person/li.na"]);
    }

    #[tokio::test]
    async fn a_storm_of_wrong_passwords_has_an_address_or_many() {
        let mut seen = Seen::new().await;
        let from = |address: &str, n: u32| json!({ "actor": { "kind": "anonymous" }, "object": address, "counts": { "unknown_person": n } });
        assert_eq!(seen.see(0, "anonymous.refused", from("address/aa", 19)), [""; 0]);
        assert_eq!(seen.see(60, "anonymous.refused", from("address/aa", 1)), ["wrong_passwords address/aa"]);
        for n in 0..7 {
            assert_eq!(seen.see(61 + n, "anonymous.refused", from(&format!("address/b{n}"), 10)), [""; 0]);
        }
        let last = seen.see(70, "anonymous.refused", from("address/cc", 10));
        assert_eq!(last, ["wrong_passwords everywhere"]);
    }
}
