//! Consent chunks against the events they come from, member by member.

use std::collections::{BTreeMap, BTreeSet};

use super::Findings;
use crate::store::attributes::{self, Slot};
use crate::store::blocks::{Malformed, block_of, ordinal_of, slots};
use crate::store::chunks::{AGE, Chunks, State, consent_kind};
use crate::store::consents::{PAGE, page_of_events};
use crate::store::engine::Arg;
use crate::store::table::MEMBER_ATTRIBUTES;
use crate::store::{StoreError, View};

impl View<'_> {
    /// The consent chunks must be what the events come to, for every member that is there.
    pub(super) async fn check_chunks(&mut self, found: &mut Findings) -> Result<(), StoreError> {
        let kinds = self.chunk_kinds().await;
        let kinds = found.keep(kinds)?.unwrap_or_default();
        let mut stored: BTreeMap<String, Chunks> = BTreeMap::new();
        for kind in kinds.iter().filter(|k| k.as_str() != AGE) {
            let chunks = self.chunks(kind).await;
            if let Some(chunks) = found.keep(chunks)? {
                stored.insert(kind.clone(), chunks);
            }
        }
        // From one ordinal that is there to the next: a forged one far off must not be counted up to.
        let mut next = self.next_ordinal(0).await;
        while let Some(from) = found.keep(next)?.flatten() {
            let present = self.ordinals_in(from, from.saturating_add(PAGE)).await;
            let present = found.keep(present)?.unwrap_or_default();
            let mut states: BTreeMap<(String, i64), State> = BTreeMap::new();
            let events = page_of_events(self, from).await;
            for event in found.keep(events)?.unwrap_or_default() {
                for mark in event.marks.iter().filter(|_| present.contains(&event.ordinal)) {
                    let key = (consent_kind(mark.purpose, mark.channel, mark.class), event.ordinal);
                    let state = states.entry(key).or_insert(State::None);
                    *state = state.then(mark.granted);
                }
            }
            for (kind, chunks) in &stored {
                for ordinal in &present {
                    let rebuilt = states.get(&(kind.clone(), *ordinal)).copied().unwrap_or(State::None);
                    if chunks.state(*ordinal) != rebuilt {
                        found.add("consent_chunk", format!("{kind}: not what the events say"));
                    }
                }
            }
            if let Some((kind, _)) = states.keys().find(|(kind, _)| !kinds.contains(kind)) {
                found.add("consent_chunk", format!("{kind} is missing"));
            }
            next = self.next_ordinal(from.saturating_add(PAGE)).await;
        }
        Ok(())
    }

    /// The lowest ordinal from here on of which there is a member or an event.
    async fn next_ordinal(&mut self, from: i64) -> Result<Option<i64>, StoreError> {
        let sql = "select min(b) from (select min(block) as b from member_attributes where block >= $1 \
                   union all select min(block) as b from consent_pack where block >= $1) as next";
        let next = self.tx.one(sql, &[Arg::Int(block_of(from))]).await.and_then(|row| row.maybe_int(0));
        let next = next.map_err(|e| e.unreadable("consent_pack"))?;
        Ok(next.map(|block| ordinal_of(block, 0)).filter(|next| *next < i64::MAX - PAGE))
    }

    async fn ordinals_in(&mut self, from: i64, to: i64) -> Result<BTreeSet<i64>, StoreError> {
        let numbers: Vec<i64> = (block_of(from)..block_of(to)).collect();
        let mut present = BTreeSet::new();
        for (block, body) in self.blocks(&MEMBER_ATTRIBUTES, &numbers).await? {
            for step in slots(&body) {
                let malformed = || Malformed::of(MEMBER_ATTRIBUTES.name, block);
                let (at, bytes) = step.map_err(|Malformed| malformed())?;
                if let Slot::Member(_) = attributes::read(bytes).ok_or_else(malformed)? {
                    present.insert(ordinal_of(block, at));
                }
            }
        }
        Ok(present)
    }
}
