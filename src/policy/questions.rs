//! The policy's own tests: each file's questions and the answers it must give.
//!
//! `*.test.toml` stands beside its policy and is part of the version. `allow` or a refusal's code is
//! the expected answer. A change of a rule that no longer gives an answer fails here, before two people
//! sign it, and says which question.

use jiff::civil::Date;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;

use crate::model::code::{Channel, Function, Purpose, Rank, Role, UnitKind};
use crate::model::field::{Field, Index};
use crate::model::refusal::Refusal;
use crate::policy::error::{PolicyError, Source};
use crate::policy::{
    Act, AlarmKind, FieldClass, Look, Place, Policy, PolicyFiles, Seat, Slot, StoreScope, Whose,
};

/// A question that can be put to a policy: what it answers instead, or nothing when all is well.
trait Question {
    /// What was expected and what came, when they differ.
    fn wrong(&self, policy: &Policy) -> Option<String>;
}

/// The usual shape of a test file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asks<T> {
    ask: Vec<Spanned<T>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GuardAsks {
    ask: Vec<Spanned<BudgetAsk>>,
    noticed: Vec<Spanned<NoticedAsk>>,
    hour: Vec<Spanned<HourAsk>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RetentionAsks {
    ask: Vec<Spanned<EndAsk>>,
    download: Spanned<DownloadAsk>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SwitchAsks {
    age: Vec<Spanned<AgeAsk>>,
    rank: Vec<Spanned<RankAsk>>,
    stand: Spanned<StandAsk>,
}

/// Loads the policy and asks every question of every test file. Gives the number of questions.
///
/// # Errors
/// As [`Policy::load`]; a test file that cannot be read or has no question; the first wrong answer,
/// with the test file's line.
pub async fn run_tests(files: &PolicyFiles) -> Result<usize, PolicyError> {
    let policy = Policy::load(files.clone()).await?;
    Ok(asks::<ActAsk>(&policy, "acts.test.toml")?
        + asks::<CarryAsk>(&policy, "release_fields.test.toml")?
        + asks::<FieldAsk>(&policy, "fields.test.toml")?
        + asks::<ChannelAsk>(&policy, "channels.test.toml")?
        + asks::<ChainAsk>(&policy, "chains.test.toml")?
        + guard(&policy)?
        + retention(&policy)?
        + switches(&policy)?)
}

fn asks<T: Question + DeserializeOwned>(policy: &Policy, name: &'static str) -> Result<usize, PolicyError> {
    let (source, file): (_, Asks<T>) = Source::read(policy.files(), name)?;
    put(policy, &source, &file.ask)
}

fn guard(policy: &Policy) -> Result<usize, PolicyError> {
    let (source, file): (_, GuardAsks) = Source::read(policy.files(), "guard.test.toml")?;
    Ok(put(policy, &source, &file.ask)?
        + put(policy, &source, &file.noticed)?
        + put(policy, &source, &file.hour)?)
}

fn retention(policy: &Policy) -> Result<usize, PolicyError> {
    let (source, file): (_, RetentionAsks) = Source::read(policy.files(), "retention.test.toml")?;
    Ok(put(policy, &source, &file.ask)? + put(policy, &source, &[file.download])?)
}

fn switches(policy: &Policy) -> Result<usize, PolicyError> {
    let (source, file): (_, SwitchAsks) = Source::read(policy.files(), "switches.test.toml")?;
    Ok(put(policy, &source, &file.age)?
        + put(policy, &source, &file.rank)?
        + put(policy, &source, &[file.stand])?)
}

/// Puts each question; none at all is an error, for an empty test file would pass for ever.
fn put<T: Question>(policy: &Policy, source: &Source<'_>, all: &[Spanned<T>]) -> Result<usize, PolicyError> {
    for question in all {
        if let Some(wrong) = question.get_ref().wrong(policy) {
            return Err(source.error(question.span(), "expect", wrong));
        }
    }
    if all.is_empty() {
        return Err(source.whole("ask", "expected at least one question"));
    }
    Ok(all.len())
}

fn answer<T>(result: Result<T, Refusal>) -> &'static str {
    result.map_or_else(|refusal| refusal.code, |_| "allow")
}

fn differ(what: &str, expected: impl ToString, got: impl ToString) -> Option<String> {
    let (expected, got) = (expected.to_string(), got.to_string());
    (expected != got).then(|| format!("{what}: expected {expected}, got {got}"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActAsk {
    roles: Vec<Role>,
    act: Act,
    place: Place,
    expect: String,
}

impl Question for ActAsk {
    fn wrong(&self, policy: &Policy) -> Option<String> {
        differ(self.act.code(), &self.expect, answer(policy.may(&self.roles, self.act, self.place)))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CarryAsk {
    purpose: Purpose,
    channel: Channel,
    fields: Vec<Field>,
    expect: String,
}

impl Question for CarryAsk {
    fn wrong(&self, policy: &Policy) -> Option<String> {
        let got = answer(policy.may_carry(self.purpose, self.channel, &self.fields));
        differ(self.channel.code(), &self.expect, got)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldAsk {
    field: Field,
    value: String,
    masked: String,
    class: FieldClass,
    indexed: bool,
    keep_days: u32,
}

impl Question for FieldAsk {
    fn wrong(&self, policy: &Policy) -> Option<String> {
        let rule = policy.catalogue().rule(self.field);
        differ("masked", &self.masked, policy.mask(self.field, &self.value))
            .or_else(|| differ("class", self.class, rule.class))
            .or_else(|| differ("indexed", self.indexed, policy.catalogue().index(self.field).is_some()))
            .or_else(|| differ("keep_days", self.keep_days, rule.keep_days))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChannelAsk {
    purpose: Purpose,
    channel: Channel,
    /// The header row, or a refusal's code.
    expect: String,
    contact_point: Option<Index>,
}

impl Question for ChannelAsk {
    fn wrong(&self, policy: &Policy) -> Option<String> {
        let rule = policy.channel(self.purpose, self.channel);
        let point = rule.as_ref().map_or("none", |r| r.contact_point.code());
        let header = rule.map_or_else(|refusal| refusal.code.to_owned(), |r| r.header());
        differ("expect", &self.expect, header)
            .or_else(|| differ("contact_point", self.contact_point.map_or("none", Index::code), point))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChainAsk {
    kind: UnitKind,
    asking: Function,
    slot: Slot,
    expect: Seat,
}

impl Question for ChainAsk {
    fn wrong(&self, policy: &Policy) -> Option<String> {
        match policy.chains().of(self.kind) {
            Some(chain) => differ(self.slot.code(), &self.expect, chain.seat(self.slot, self.asking)),
            None => Some(format!("kind: expected hq or store, got {}", self.kind)),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetAsk {
    of: Whose,
    look: Look,
    hour: u32,
    day: u32,
    expect: String,
}

impl Question for BudgetAsk {
    fn wrong(&self, policy: &Policy) -> Option<String> {
        let spent = policy.guard().budget(self.of, self.look).spent(self.hour, self.day);
        differ(self.look.code(), &self.expect, spent.map_or("allow", |_| "budget_spent"))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoticedAsk {
    alarm: AlarmKind,
    count: u32,
    minutes: u32,
}

impl Question for NoticedAsk {
    fn wrong(&self, policy: &Policy) -> Option<String> {
        let got = policy.guard().alarm(self.alarm);
        differ("count", self.count, got.count).or_else(|| differ("minutes", self.minutes, got.minutes))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HourAsk {
    at: String,
    off: bool,
}

impl Question for HourAsk {
    fn wrong(&self, policy: &Policy) -> Option<String> {
        match self.at.parse() {
            Ok(at) => differ("off", self.off, policy.guard().is_off_hours(at)),
            Err(_) => Some("at: expected a time of day".to_owned()),
        }
    }
}

/// A day as text; jiff reads it, and refuses what is no day.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Day(Date);

impl TryFrom<String> for Day {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Day).map_err(|_| "expected a day, YYYY-MM-DD")
    }
}

/// A thing that ends.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Ending {
    /// A submitted request.
    Request,
    /// A sealed package.
    Package,
    /// What backups hold of an erased member.
    Backup,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndAsk {
    what: Ending,
    from: Day,
    ends: Day,
}

impl Question for EndAsk {
    fn wrong(&self, policy: &Policy) -> Option<String> {
        let retention = policy.retention();
        let got = match self.what {
            Ending::Request => retention.request_ends(self.from.0),
            Ending::Package => retention.package_ends(self.from.0),
            Ending::Backup => retention.backups_end(self.from.0),
        };
        differ("ends", self.ends.0, got)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DownloadAsk {
    repeat_minutes: u16,
}

impl Question for DownloadAsk {
    fn wrong(&self, policy: &Policy) -> Option<String> {
        differ("repeat_minutes", self.repeat_minutes, policy.retention().download_repeat_minutes())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgeAsk {
    born_on: Option<Day>,
    on: Day,
    minor: bool,
}

impl Question for AgeAsk {
    fn wrong(&self, policy: &Policy) -> Option<String> {
        let born_on = self.born_on.map(|day| day.0);
        differ("minor", self.minor, policy.switches().is_minor(born_on, self.on.0))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RankAsk {
    role: Role,
    rank: Rank,
    expect: String,
}

impl Question for RankAsk {
    fn wrong(&self, policy: &Policy) -> Option<String> {
        differ(self.role.code(), &self.expect, answer(policy.switches().may_hold(self.role, self.rank)))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StandAsk {
    legacy_covenant_counts: bool,
    only_verified_contacts: bool,
    contact_cap: bool,
    store_scope: StoreScope,
}

impl Question for StandAsk {
    fn wrong(&self, policy: &Policy) -> Option<String> {
        let s = policy.switches();
        differ("legacy_covenant_counts", self.legacy_covenant_counts, s.legacy_covenant_counts)
            .or_else(|| {
                differ("only_verified_contacts", self.only_verified_contacts, s.only_verified_contacts)
            })
            .or_else(|| differ("contact_cap", self.contact_cap, s.contact_cap.is_some()))
            .or_else(|| differ("store_scope", self.store_scope, s.store_scope))
    }
}
