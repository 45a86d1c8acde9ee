//! The consent history, and the suppression list.
//!
//! What members of one block said on one occasion, an import or a word at the counter, is one row of
//! `consent_pack`, never changed. Its body:
//!
//! ```text
//! { slot(1) length(2, LE) number(4, LE) at(8, LE) source(1) marks(1)
//!   { purpose(1) channel(1) class(1) granted(1) } per mark · evidence, to the length's end } repeated
//!
//! number: 1, 2, 3 … of this member · at: when the member said so · a code is its place in its list, from 1
//! ```

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::blocks::{Malformed, block_of, blocks_of, ordinal_of, slot_of};
use super::engine::Arg;
use super::table::{CONSENT_PACK, SUPPRESSION, Value};
use super::{StoreError, View, Work};
use crate::clock::Micros;
use crate::keyring::Tag;
use crate::model::code::{Channel, Purpose, RecipientClass, Source};
use crate::model::field::Index;

/// One yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// For what.
    pub purpose: Purpose,
    /// Over which channel.
    pub channel: Channel,
    /// To whom.
    pub class: RecipientClass,
    /// Yes or no.
    pub granted: bool,
}

impl Mark {
    /// Reads `purpose(1) channel(1) class(1) granted(1)`.
    pub(super) fn read(bytes: &[u8]) -> Option<Mark> {
        let [purpose, channel, class, granted] = *bytes else { return None };
        Some(Mark {
            purpose: Purpose::at_place(purpose)?,
            channel: Channel::at_place(channel)?,
            class: RecipientClass::at_place(class)?,
            granted: granted == 1,
        })
    }
}

/// What a member said on one occasion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentEvent {
    /// The member.
    pub ordinal: i64,
    /// 1, 2, 3 … of this member.
    pub number: i64,
    /// When the member said so.
    pub at: Micros,
    /// Through what.
    pub source: Source,
    /// Who recorded it.
    pub actor: String,
    /// Version of the notice shown.
    pub notice: String,
    /// Evidence, sealed under the member's key by the caller; empty when there is none.
    pub evidence: String,
    /// What was said.
    pub marks: Vec<Mark>,
}

impl View<'_> {
    /// A member's history, oldest first.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn consent_events(&mut self, ordinal: i64) -> Result<Vec<ConsentEvent>, StoreError> {
        Ok(self.consent_histories(&[ordinal]).await?.remove(&ordinal).unwrap_or_default())
    }

    /// The histories of many members, each oldest first.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn consent_histories(
        &mut self,
        ordinals: &[i64],
    ) -> Result<BTreeMap<i64, Vec<ConsentEvent>>, StoreError> {
        let wanted: BTreeSet<i64> = ordinals.iter().copied().collect();
        let mut found = self.said_in(&blocks_of(ordinals.iter().copied())).await?;
        found.retain(|ordinal, _| wanted.contains(ordinal));
        Ok(found)
    }

    /// All that the members of some blocks have said, each oldest first.
    pub(super) async fn said_in(
        &mut self,
        blocks: &[i64],
    ) -> Result<BTreeMap<i64, Vec<ConsentEvent>>, StoreError> {
        let mut found: BTreeMap<i64, Vec<ConsentEvent>> = BTreeMap::new();
        for pack in self.packs(blocks).await? {
            for event in pack.events()? {
                found.entry(event.ordinal).or_default().push(event);
            }
        }
        found.values_mut().for_each(|events| events.sort_by_key(|e| e.number));
        Ok(found)
    }

    async fn packs(&mut self, blocks: &[i64]) -> Result<Vec<Pack>, StoreError> {
        let mut packs = Vec::new();
        for blocks in blocks.chunks(500) {
            let tail = format!("where block in ({}) order by block, number", self.tx.places(1, blocks.len()));
            let args: Vec<Arg<'_>> = blocks.iter().map(|b| Arg::Int(*b)).collect();
            for row in self.rows(&CONSENT_PACK, &tail, &args).await? {
                packs.push(Pack::of(row)?);
            }
        }
        Ok(packs)
    }

    /// The suppression tags of one index; usually few.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn suppressed(&mut self, index: Index) -> Result<HashSet<Tag>, StoreError> {
        let rows = self.rows(&SUPPRESSION, "where idx = $1", &[Arg::Int(i64::from(index.number()))]).await?;
        rows.iter()
            .map(|r| match &r[1] {
                Value::Bytes(tag) => {
                    tag.as_slice().try_into().map_err(|_| StoreError::integrity("suppression", "tag"))
                }
                _ => Err(StoreError::integrity("suppression", "a row does not parse")),
            })
            .collect()
    }
}

impl Work<'_> {
    /// Appends to consent histories. The chunks are the caller's next step.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a member's event of that number is there. The database failed.
    pub async fn add_consent_events(&mut self, events: &[ConsentEvent]) -> Result<(), StoreError> {
        let mut last: BTreeMap<i64, i64> = BTreeMap::new();
        let mut there: BTreeSet<(i64, i64)> = BTreeSet::new();
        for pack in self.view.packs(&blocks_of(events.iter().map(|e| e.ordinal))).await? {
            last.insert(pack.block, pack.number);
            there.extend(pack.events()?.iter().map(|e| (e.ordinal, e.number)));
        }
        let mut bodies: BTreeMap<(i64, &str, &str), Vec<u8>> = BTreeMap::new();
        for event in events {
            if !there.insert((event.ordinal, event.number)) {
                return Err(StoreError::Conflict("consent_pack".into()));
            }
            let pack = bodies.entry((block_of(event.ordinal), &event.actor, &event.notice)).or_default();
            push(pack, event).ok_or(StoreError::Fault("a consent event that has no place in a pack"))?;
        }
        let rows: Vec<Vec<Arg<'_>>> = bodies
            .iter()
            .map(|((block, actor, notice), body)| {
                let number = last.entry(*block).and_modify(|n| *n += 1).or_insert(1);
                vec![
                    Arg::Int(*block),
                    Arg::Int(*number),
                    Arg::Text(actor),
                    Arg::Text(notice),
                    Arg::Bytes(body),
                ]
            })
            .collect();
        self.insert_all(&CONSENT_PACK, &rows).await
    }

    /// Suppresses a contact point; whether it is new.
    ///
    /// # Errors
    /// The database failed.
    pub async fn suppress(&mut self, index: Index, tag: &Tag, reason: &str) -> Result<bool, StoreError> {
        let at = self.at();
        let row = [Arg::Int(i64::from(index.number())), Arg::Bytes(tag), Arg::Text(reason), Arg::Int(at)];
        if self.view.row(&SUPPRESSION, &row[..2]).await?.is_some() {
            return Ok(false);
        }
        self.insert(&SUPPRESSION, &row).await?;
        Ok(true)
    }
}

/// How many members' events one page of a rebuild reads.
pub(super) const PAGE: i64 = 20_480;

pub(super) async fn page_of_events(view: &mut View<'_>, from: i64) -> Result<Vec<ConsentEvent>, StoreError> {
    let tail = "where block >= $1 and block < $2 order by block, number";
    let args = [Arg::Int(block_of(from)), Arg::Int(block_of(from.saturating_add(PAGE)))];
    let mut events = Vec::new();
    for row in view.rows(&CONSENT_PACK, tail, &args).await? {
        events.extend(Pack::of(row)?.events()?);
    }
    // Of each member oldest first: numbers rise, and so do a block's packs.
    events.sort_by_key(|e| (e.ordinal, e.number));
    Ok(events)
}

/// A stored pack.
struct Pack {
    block: i64,
    number: i64,
    actor: String,
    notice: String,
    body: Vec<u8>,
}

impl Pack {
    fn of(row: Vec<Value>) -> Result<Pack, StoreError> {
        match <[Value; 5]>::try_from(row) {
            Ok(
                [
                    Value::Int(block),
                    Value::Int(number),
                    Value::Text(actor),
                    Value::Text(notice),
                    Value::Bytes(body),
                ],
            ) => Ok(Pack { block, number, actor, notice, body }),
            _ => Err(StoreError::integrity("consent_pack", "a row does not parse")),
        }
    }

    fn events(&self) -> Result<Vec<ConsentEvent>, StoreError> {
        let mut events = Vec::new();
        let mut rest = self.body.as_slice();
        while !rest.is_empty() {
            let event;
            (event, rest) = self.take(rest).ok_or_else(|| Malformed::of("consent_pack", self.block))?;
            events.push(event);
        }
        Ok(events)
    }

    /// The first event of what is left of the body.
    fn take<'b>(&self, body: &'b [u8]) -> Option<(ConsentEvent, &'b [u8])> {
        let (slot, rest) = body.split_first()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (event, after) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        let (number, rest) = event.split_first_chunk::<4>()?;
        let (at, rest) = rest.split_first_chunk::<8>()?;
        let ([source, marks], rest) = rest.split_first_chunk::<2>()?;
        let (marks, evidence) = rest.split_at_checked(usize::from(*marks) * 4)?;
        let event = ConsentEvent {
            ordinal: ordinal_of(self.block, *slot),
            number: i64::from(u32::from_le_bytes(*number)),
            at: Micros::from_le_bytes(*at),
            source: Source::at_place(*source)?,
            actor: self.actor.clone(),
            notice: self.notice.clone(),
            evidence: String::from_utf8(evidence.to_vec()).ok()?,
            marks: marks.chunks(4).map(Mark::read).collect::<Option<_>>()?,
        };
        Some((event, after))
    }
}

/// Appends an event; `None` when a value has no place in it.
fn push(body: &mut Vec<u8>, e: &ConsentEvent) -> Option<()> {
    let length = u16::try_from(14 + e.marks.len() * 4 + e.evidence.len()).ok()?;
    body.push(slot_of(e.ordinal));
    body.extend_from_slice(&length.to_le_bytes());
    body.extend_from_slice(&u32::try_from(e.number).ok()?.to_le_bytes());
    body.extend_from_slice(&e.at.to_le_bytes());
    body.push(e.source.place());
    body.push(u8::try_from(e.marks.len()).ok()?);
    for m in &e.marks {
        body.extend([m.purpose.place(), m.channel.place(), m.class.place(), u8::from(m.granted)]);
    }
    body.extend_from_slice(e.evidence.as_bytes());
    Some(())
}
