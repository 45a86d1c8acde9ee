//! The log searched: entries that fit a question, how many fell on each day or hour, and one entry with its proof.
//! Each look is an entry, and its place is told with the answer.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Deserialize;

use super::{Broker, Error, Refusal};
use crate::access::Caller;
use crate::audit::checkpoint::Checkpoint;
use crate::audit::event::{Action, Event};
use crate::audit::proof::InclusionProof;
use crate::audit::tree::{hash_to_text, leaf_hash};
use crate::clock::{Micros, parse_rfc3339};
use crate::policy::Act;
use crate::store::StoreError;
use crate::store::verify::Verified;

/// Entries that one search reads at most: a tenth of a second's worth.
const MOST: u64 = 20_000;

/// Entries that the pictures read at most.
const MOST_DRAWN: u64 = 200_000;

/// Entries read at once.
const STEP: u64 = 1_000;

/// Bars of a histogram at most; older ones are left out.
const BARS: usize = 96;

/// What is looked for; everything when nothing is said.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Actions that begin so: `member.`, or one action whole.
    pub action: String,
    /// A login, or `operator` or `anonymous`.
    pub actor: String,
    /// What the object begins with, in any case.
    pub object: String,
    /// Only what was refused.
    pub refused: bool,
    /// From this day of the vault's zone.
    pub from: Option<Date>,
    /// To this day, with it.
    pub to: Option<Date>,
    /// Only entries before this place.
    pub before: Option<u64>,
    /// Bars are hours; days when not.
    pub hourly: bool,
    /// A page and no bars: nothing behind it is read.
    pub only_page: bool,
}

/// What was found.
#[derive(Debug)]
pub struct Explored {
    /// The place of the entry that says this was looked at.
    pub own: u64,
    /// The first and the last entry that was read, the last not with it.
    pub read: (u64, u64),
    /// What fits, newest first.
    pub entries: Vec<Said>,
    /// Where to go on; none when everything was read.
    pub next: Option<u64>,
    /// How many fell on each day or hour, oldest first.
    pub bars: Vec<Bar>,
}

/// How many entries fell on a day or an hour.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bar {
    /// `2026-11-28`, or `2026-11-28 14`.
    pub when: String,
    /// How many were done.
    pub allowed: u64,
    /// How many were refused.
    pub refused: u64,
}

/// An entry, as a list says it.
#[derive(Debug, Clone, Deserialize)]
pub struct Said {
    /// Its place.
    pub seq: u64,
    /// When, RFC 3339.
    pub at: String,
    /// What.
    pub action: String,
    /// Who.
    pub actor: By,
    /// About what.
    #[serde(default)]
    pub object: Option<String>,
    /// Why not.
    #[serde(default)]
    pub refusal: Option<Why>,
    /// The leaf, byte for byte, of one that was found.
    #[serde(skip)]
    pub leaf: Vec<u8>,
}

/// Who, as an entry says it.
#[derive(Debug, Clone, Deserialize)]
pub struct By {
    kind: String,
    #[serde(default)]
    login: Option<String>,
    #[serde(default)]
    token: Option<i64>,
}

/// Why not, as an entry says it.
#[derive(Debug, Clone, Deserialize)]
pub struct Why {
    /// The refusal's code.
    pub code: String,
    /// The article it rests on.
    pub rule: String,
}

impl Said {
    /// The login, or the kind of an actor who has none.
    pub fn who(&self) -> &str {
        self.actor.login.as_deref().unwrap_or(&self.actor.kind)
    }

    /// The token by which it was done.
    pub(super) fn token(&self) -> Option<i64> {
        self.actor.token
    }

    pub(super) fn read(seq: u64, leaf: &[u8]) -> Result<Said, StoreError> {
        serde_json::from_slice(leaf)
            .map_err(|_| StoreError::integrity("log_leaf", format!("entry {seq} does not parse")))
    }

    fn micros(&self) -> Result<Micros, StoreError> {
        let bad = || StoreError::integrity("log_leaf", format!("entry {} has no time", self.seq));
        parse_rfc3339(&self.at).ok_or_else(bad)
    }
}

impl Wanted {
    fn fits(&self, said: &Said) -> bool {
        let begins = |text: Option<&str>, with: &str| {
            with.is_empty()
                || text.and_then(|t| t.get(..with.len())).is_some_and(|t| t.eq_ignore_ascii_case(with))
        };
        said.action.starts_with(&self.action)
            && (self.actor.is_empty() || said.who() == self.actor)
            && begins(said.object.as_deref(), &self.object)
            && (!self.refused || said.refusal.is_some())
    }
}

/// One entry with what proves it.
#[derive(Debug)]
pub struct EntryProved {
    /// The place of the entry that says this was looked at.
    pub own: u64,
    /// The leaf, byte for byte.
    pub leaf: String,
    /// Its hash, as checkpoints write hashes.
    pub hash: String,
    /// The way up to the root.
    pub proof: InclusionProof,
    /// The checkpoint that it is proved against.
    pub checkpoint: String,
    /// Whether the proof holds; it was worked out with the log's public key just now.
    pub holds: bool,
}

/// What was shown in clear, and how long requests took, as the log tells it.
#[derive(Debug)]
pub struct Pictures {
    /// The place of the entry that says this was looked at.
    pub own: u64,
    /// The first day.
    pub from: Date,
    /// Whether there were more entries than were read.
    pub cut: bool,
    /// Reveals by person and day.
    pub reveals: BTreeMap<(String, String), u64>,
    /// Hours from one signed act of a request to the next, by what the later one is.
    pub waits: BTreeMap<&'static str, Vec<f64>>,
}

impl Broker {
    /// Entries that fit, newest first, and how many fell on each day or hour of what was read.
    ///
    /// # Errors
    /// The caller may not.
    pub async fn audit_search(
        &self,
        caller: &Caller,
        wanted: &Wanted,
        most: usize,
    ) -> Result<Explored, Error> {
        let event = Event::new(Action::AuditRead, caller.actor()).object("search");
        self.logged(event.clone(), async {
            let days = self.places_of(wanted).await?;
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::AuditExport, None)?;
            let size = work.seq() + 1;
            // A day that has not come yet has not even this look in it.
            let start = days.0.unwrap_or(size).min(size);
            let end = wanted.before.unwrap_or(size).min(days.1.unwrap_or(size)).max(start);
            let own = work.commit(event.count("from", start).count("to", end)).await?.seq();
            self.search(own, (start, end), wanted, most).await
        })
        .await
    }

    /// Where the days that are asked for begin and end; none is the end of the log.
    async fn places_of(&self, wanted: &Wanted) -> Result<(Option<u64>, Option<u64>), Error> {
        let now = self.clock().now();
        let start = match wanted.from.map(|date| self.clock().start_of(date)) {
            None => Some(0),
            Some(at) if at > now => None,
            Some(at) => Some(self.first_since(at).await?),
        };
        let behind = wanted.to.and_then(|date| date.tomorrow().ok()).map(|date| self.clock().start_of(date));
        let end = match behind.filter(|at| *at <= now) {
            None => None,
            Some(at) => Some(self.first_since(at).await?),
        };
        Ok((start, end))
    }

    async fn search(
        &self,
        own: u64,
        range: (u64, u64),
        wanted: &Wanted,
        most: usize,
    ) -> Result<Explored, Error> {
        let (start, end) = range;
        let (mut entries, mut bars) = (Vec::new(), BTreeMap::<String, Bar>::new());
        let (mut at, mut next) = (end, None);
        let mut view = self.store.view().await?;
        while at > start && end - at < MOST {
            let from = at.saturating_sub(STEP).max(start);
            for (seq, leaf) in view.leaves(from, at).await?.into_iter().rev() {
                let said = Said::read(seq, &leaf)?;
                if !wanted.fits(&said) {
                    continue;
                }
                let bar = bars.entry(self.bar(&said, wanted.hourly)?).or_default();
                match said.refusal {
                    Some(_) => bar.refused += 1,
                    None => bar.allowed += 1,
                }
                if entries.len() < most {
                    entries.push(Said { leaf, ..said });
                } else {
                    next = next.or(Some(seq + 1));
                }
            }
            at = from;
            if wanted.only_page && next.is_some() {
                break;
            }
        }
        let next = next.or((at > start).then_some(at));
        let skip = bars.len().saturating_sub(BARS);
        let bars = bars.into_iter().skip(skip).map(|(when, bar)| Bar { when, ..bar }).collect();
        Ok(Explored { own, read: (at, end), entries, next, bars })
    }

    fn bar(&self, said: &Said, hourly: bool) -> Result<String, StoreError> {
        let at = said.micros()?;
        let date = self.clock().date(at);
        Ok(if hourly { format!("{date} {:02}", self.clock().time(at).hour()) } else { date.to_string() })
    }

    /// One entry with its place, its proof, and the checkpoint that it is proved against.
    ///
    /// # Errors
    /// `bad_range`: there is no such entry; the caller may not.
    pub async fn audit_entry(&self, caller: &Caller, seq: u64) -> Result<EntryProved, Error> {
        let event = Event::new(Action::AuditRead, caller.actor()).object(seq);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::AuditExport, None)?;
            let now = work.seq();
            if seq > now {
                return Err(Refusal::new("bad_range", "A1 (Art 1)", format!("there are {now} entries"))
                    .hint("entries are numbered from 0")
                    .into());
            }
            let own = work.commit(event).await?.seq();
            let mut view = self.store.view().await?;
            let (size, checkpoint) = view.checkpoint().await?;
            let leaf = view.leaves(seq, seq + 1).await?.pop();
            let (_, leaf) = leaf.ok_or_else(|| StoreError::integrity("log_leaf", format!("entry {seq}")))?;
            let proof = view.inclusion(seq, size).await?;
            let hash = leaf_hash(&leaf);
            let holds = Checkpoint::open(&checkpoint, &self.store.verifier())
                .is_ok_and(|signed| proof.verify(&hash, &signed).is_ok());
            let leaf = String::from_utf8(leaf)
                .map_err(|_| StoreError::integrity("log_leaf", format!("entry {seq} is no text")))?;
            Ok(EntryProved { own, leaf, hash: hash_to_text(&hash), proof, checkpoint, holds })
        })
        .await
    }

    /// Verifies for an auditor: the entries after the last verification that this machine remembers, or with `deep`
    /// every table and signature too. The look is an entry, and is verified with the rest.
    ///
    /// # Errors
    /// The caller may not, or what kept it from looking.
    pub async fn audit_verified(&self, caller: &Caller, deep: bool) -> Result<(u64, Verified), Error> {
        let event = Event::new(Action::AuditRead, caller.actor()).object("verification");
        let own = self
            .logged(event.clone(), async {
                let mut work = self.store.work().await?;
                let ground = self.ground(work.view()).await?;
                ground.staff.may(&ground.policy, caller, Act::AuditExport, None)?;
                Ok(work.commit(event.count("deep", deep)).await?.seq())
            })
            .await?;
        Ok((own, self.audit_verify_since_checked(deep, &[]).await?))
    }

    /// Reveals by person and day, and how long requests waited for each signature, of so many days.
    ///
    /// # Errors
    /// The caller may not.
    pub async fn audit_pictures(&self, caller: &Caller, days: i32) -> Result<Pictures, Error> {
        let event = Event::new(Action::AuditRead, caller.actor()).object("pictures");
        self.logged(event.clone(), async {
            let today = self.clock().today();
            let back = jiff::Span::new().days((days - 1).max(0));
            let from = today.checked_sub(back).unwrap_or(today);
            let first = self.first_since(self.clock().start_of(from)).await?;
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::AuditExport, None)?;
            let size = work.seq() + 1;
            let start = first.max(size.saturating_sub(MOST_DRAWN));
            let own = work.commit(event.count("from", start).count("to", size)).await?.seq();
            let mut pictures =
                Pictures { own, from, cut: start > first, reveals: BTreeMap::new(), waits: BTreeMap::new() };
            let (mut last, mut at) = (BTreeMap::new(), start);
            let mut view = self.store.view().await?;
            while at < size {
                let to = (at + STEP).min(size);
                for (seq, leaf) in view.leaves(at, to).await? {
                    self.draw(&Said::read(seq, &leaf)?, &mut pictures, &mut last)?;
                }
                at = to;
            }
            Ok(pictures)
        })
        .await
    }

    fn draw(
        &self,
        said: &Said,
        pictures: &mut Pictures,
        last: &mut BTreeMap<String, (Micros, usize)>,
    ) -> Result<(), StoreError> {
        if said.refusal.is_some() {
            return Ok(());
        }
        let at = said.micros()?;
        if said.action == Action::MemberRevealed.code() {
            let day = self.clock().date(at).to_string();
            *pictures.reveals.entry((said.who().to_owned(), day)).or_default() += 1;
        }
        let Some(object) = &said.object else { return Ok(()) };
        // A package's number is its request's, with which of its packages behind it.
        let request = object.rsplit_once("-P").map_or(object.as_str(), |(request, _)| request);
        if said.action == Action::RequestSubmitted.code() {
            last.insert(object.clone(), (at, 0));
        } else if said.action == Action::RequestApproved.code() {
            if let Some((since, signed)) = last.get_mut(object) {
                let name = ["first", "second", "third"].get(*signed).copied().unwrap_or("third");
                pictures.waits.entry(name).or_default().push(hours(at - *since));
                (*since, *signed) = (at, *signed + 1);
            }
        } else if said.action == Action::PackageStarted.code()
            && let Some((since, _)) = last.remove(request)
        {
            pictures.waits.entry("executed").or_default().push(hours(at - since));
        }
        Ok(())
    }
}

fn hours(micros: Micros) -> f64 {
    micros as f64 / 3_600_000_000.0
}
