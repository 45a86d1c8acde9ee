//! From rows to what is to be stored of them: looked up, compared, sealed; nothing written yet.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;

use super::consenting::{self, OF, Verdict};
use super::gating::{Gate, OTHER_STORE};
use super::reading::Checked;
use crate::broker::consents::sealed_evidence;
use crate::clock::{Clock, Micros, Randomness};
use crate::intake::{CellError, seal};
use crate::keyring::Tag;
use crate::model::code::{Channel, Source};
use crate::model::field::Index;
use crate::model::member::MemberRow;
use crate::store::chunks::{Chunks, State, consent_kind};
use crate::store::consents::ConsentEvent;
use crate::store::held::Held;
use crate::store::members::{Member, WrappedDataKey};
use crate::store::{StoreError, View};
use crate::vault::{Comparer, MemberKey, Vault};
use std::sync::Arc;

/// What a whole import works with.
pub(super) struct Job {
    pub(super) new: Making,
    pub(super) comparer: Comparer,
}

/// What new members are made with, from whichever source.
pub(super) struct Making {
    pub(super) vault: Vault,
    pub(super) gate: Arc<Gate>,
    pub(super) clock: Arc<Clock>,
    /// Who imports, or types.
    pub(super) actor: String,
    /// Version of the notice that was shown, or counts as shown.
    pub(super) notice: String,
    /// Where the rows come from (B2).
    pub(super) source: Source,
}

/// What a row comes to.
pub(super) enum Outcome {
    /// A new member.
    Born(Box<Born>),
    /// A member with something new.
    Changed(Box<Changed>),
    /// Nothing new, but for so many cells held back.
    Same(u64),
    /// Not for this caller.
    Rejected(CellError),
}

pub(super) struct Born {
    pub(super) key: WrappedDataKey,
    /// Without an ordinal until the key has one.
    pub(super) member: Member,
    pub(super) birthday: Option<Date>,
    pub(super) consent: Consent,
}

pub(super) struct Changed {
    pub(super) old: Member,
    /// `None`: only consents are new.
    pub(super) new: Option<Member>,
    pub(super) birthday: Option<Option<Date>>,
    pub(super) consent: Consent,
    pub(super) kept: u64,
}

/// A consent event and what it makes of the states.
#[derive(Default)]
pub(super) struct Consent {
    pub(super) event: Option<ConsentEvent>,
    pub(super) states: Vec<(Channel, State)>,
}

/// What is stored of the members some rows name, at one moment.
pub(super) struct Look {
    /// Entries in the log at that moment.
    pub(super) seen: u64,
    found: HashMap<Tag, i64>,
    held: BTreeMap<i64, Held>,
    states: BTreeMap<Channel, Chunks>,
    histories: BTreeMap<i64, Vec<ConsentEvent>>,
}

impl Look {
    /// Looks at what is stored of the members that the rows name; `known` are the cards that may be there,
    /// when that is known.
    pub(super) async fn take(
        view: &mut View<'_>,
        rows: &[&Checked],
        known: Option<Vec<Tag>>,
    ) -> Result<Look, StoreError> {
        let seen = view.log_size().await?;
        let cards = known.unwrap_or_else(|| rows.iter().map(|r| r.card()).collect());
        let found: HashMap<Tag, i64> = view
            .find_all(Index::Card, &cards)
            .await?
            .into_iter()
            .filter_map(|(tag, ordinals)| Some((tag, *ordinals.first()?)))
            .collect();
        let mut ordinals: Vec<i64> = found.values().copied().collect();
        ordinals.sort_unstable();
        let held = view.held(&ordinals).await?;
        let mut states = BTreeMap::new();
        for channel in Channel::ALL.iter().filter(|_| !ordinals.is_empty()) {
            let kind = consent_kind(OF.0, *channel, OF.1);
            states.insert(*channel, view.chunks_for(&kind, &ordinals).await?);
        }
        let mut look = Look { seen, found, held, states, histories: BTreeMap::new() };
        let wanted: Vec<i64> = rows
            .iter()
            .filter_map(|r| {
                let ordinal = *look.found.get(&r.card())?;
                let proven = r.row.consent_at.value().is_some() && r.row.consent_evidence.value().is_some();
                consenting::needs_history(r.row.consents, proven, |c| look.state(ordinal, c))
                    .then_some(ordinal)
            })
            .collect();
        look.histories = view.consent_histories(&wanted).await?;
        Ok(look)
    }

    fn state(&self, ordinal: i64, channel: Channel) -> State {
        self.states.get(&channel).map_or(State::None, |chunks| chunks.state(ordinal))
    }
}

/// What sealing takes beside the job: chance, and the time.
pub(super) struct Sealing {
    pub(super) random: Randomness,
    pub(super) now: Micros,
}

/// Settles rows, each card once, against one look.
pub(super) fn settle(job: &Job, rows: &[&Checked], look: &Look) -> Result<Vec<Outcome>, StoreError> {
    let mut sealing = Sealing { random: Randomness::default(), now: job.new.clock.now() };
    rows.iter()
        .map(|row| match look.found.get(&row.card()) {
            None => new_member(&job.new, row, &mut sealing),
            Some(ordinal) => {
                let held = look.held.get(ordinal);
                let held = held.ok_or_else(|| StoreError::integrity("index_card", "its member is gone"))?;
                known_member(job, row, held, look, &mut sealing)
            }
        })
        .collect()
}

pub(super) fn new_member(
    new: &Making,
    checked: &Checked,
    sealing: &mut Sealing,
) -> Result<Outcome, StoreError> {
    let row = &checked.row;
    if !new.gate.reach.covers(row.home_store.value().map(String::as_str)) {
        return Ok(Outcome::Rejected(OTHER_STORE));
    }
    let (key, wrapped) = new.vault.birth(&mut sealing.random)?;
    let by_person = new.source == Source::Counter;
    let member = seal::born(&key, &mut sealing.random, row, &checked.tags, sealing.now, by_person)?;
    let verdict = consenting::judge(row.consents, None, |_| State::None, &[]);
    // The ordinal is put in when the key has one.
    let consent = consent(new, row, verdict, (&key, sealing), 0, &[])?;
    let birthday = row.birthday.value().and_then(seal::day_of);
    Ok(Outcome::Born(Box::new(Born { key: wrapped, member, birthday, consent })))
}

fn known_member(
    job: &Job,
    checked: &Checked,
    held: &Held,
    look: &Look,
    sealing: &mut Sealing,
) -> Result<Outcome, StoreError> {
    let (row, old) = (&checked.row, &held.member);
    if !job.new.gate.reach.covers(old.attributes.home_store.as_deref()) {
        return Ok(Outcome::Rejected(OTHER_STORE));
    }
    let broken = |_| StoreError::integrity("keys.key_block", "a member's key does not open");
    let key = job.comparer.key(&held.key).map_err(broken)?;
    let now = sealing.now;
    let update = seal::updated(&job.comparer, &key, &mut sealing.random, old, row, &checked.tags, now)?;
    let history = look.histories.get(&old.ordinal).map_or(&[][..], Vec::as_slice);
    // A time that has not come yet proves nothing: it would be later than any refusal.
    let proven =
        consent_time(&job.new, row).filter(|at| *at <= now && row.consent_evidence.value().is_some());
    let verdict = consenting::judge(row.consents, proven, |c| look.state(old.ordinal, c), history);
    let kept = update.kept + verdict.kept;
    if update.member.is_none() && verdict.marks.is_empty() {
        return Ok(Outcome::Same(kept));
    }
    let consent = consent(&job.new, row, verdict, (&key, sealing), old.ordinal, history)?;
    let (new, birthday) = (update.member, update.birthday);
    Ok(Outcome::Changed(Box::new(Changed { old: old.clone(), new, birthday, consent, kept })))
}

fn consent_time(new: &Making, row: &MemberRow) -> Option<Micros> {
    row.consent_at.value().and_then(|at| at.unix_micros(new.clock.zone()))
}

fn consent(
    new: &Making,
    row: &MemberRow,
    verdict: Verdict,
    (key, sealing): (&MemberKey, &mut Sealing),
    ordinal: i64,
    history: &[ConsentEvent],
) -> Result<Consent, StoreError> {
    if verdict.marks.is_empty() {
        return Ok(Consent::default());
    }
    let number = history.last().map_or(1, |e| e.number + 1);
    let evidence = row.consent_evidence.value().map(|e| e.expose());
    let evidence = sealed_evidence(key, &mut sealing.random, number, evidence)?;
    let event = ConsentEvent {
        ordinal,
        number,
        at: consenting::said_at(consent_time(new, row), sealing.now, &verdict.marks, history),
        source: new.source,
        actor: new.actor.clone(),
        notice: new.notice.clone(),
        evidence,
        marks: verdict.marks,
    };
    Ok(Consent { event: Some(event), states: verdict.states })
}
