//! Verifying everything that is stored: the tree leaf by leaf, and with `deep` every table against the
//! heads the log speaks of, every key, every consent chunk against the events it comes from.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt as _;
use serde_json::Value as Json;

use super::attributes::{self, Slot};
use super::blocks::{Malformed, block_of, ordinal_of, slots};
use super::chunks::{AGE, Chunks, State, consent_kind};
use super::consents::{PAGE, page_of_events};
use super::engine::Arg;
use super::heads::Accumulator;
use super::heads::recompute;
use super::table::{Checked, MEMBER_ATTRIBUTES, TABLES};
use super::work::Head;
use super::{Store, StoreError, View};
use crate::audit::checkpoint::Checkpoint;
use crate::audit::nodes::is_stored;
use crate::audit::tree::{Frontier, Hash, leaf_hash};
use crate::clock::{Micros, parse_rfc3339};

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Problem {
    /// Table or part.
    pub what: String,
    /// Where in it.
    #[serde(rename = "where")]
    pub place: String,
}

/// What verifying found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// Entries in the log.
    pub size: u64,
    /// Root over them, hex.
    pub root: String,
    /// Nothing is wrong.
    pub verified: bool,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// The `state` a leaf speaks of, and its time.
pub(super) fn said_by(leaf: &[u8]) -> Option<(Hash, Micros)> {
    let json: Json = serde_json::from_slice(leaf).ok()?;
    let mut state = [0; 32];
    hex::decode_to_slice(json.get("state")?.as_str()?, &mut state).ok()?;
    Some((state, parse_rfc3339(json.get("at")?.as_str()?)?))
}

/// What was found so far.
#[derive(Default)]
pub(super) struct Findings(BTreeSet<Problem>);

impl Findings {
    pub(super) fn add(&mut self, what: impl Into<String>, place: impl Into<String>) {
        // A damaged table can hold a million problems; the first hundred tell enough.
        if self.0.len() < 100 {
            self.0.insert(Problem { what: what.into(), place: place.into() });
        }
    }

    /// Keeps an integrity error as a finding; any other error ends the verifying.
    pub(super) fn keep<T>(&mut self, result: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(StoreError::Integrity { what, place }) => {
                self.add(what, place);
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }
}

impl Store {
    /// Verifies the log, and with `deep` everything else, in one snapshot. Appends nothing. `against` are
    /// checkpoints from elsewhere (a manifest, a print): the log must contain what they saw.
    ///
    /// # Errors
    /// Only what kept it from looking; what it found wrong is in the answer.
    pub async fn verify(&self, deep: bool, against: &[Checkpoint]) -> Result<Verified, StoreError> {
        let mut found = Findings::default();
        // Before the snapshot: another process that commits in between raises the mark beyond it.
        let mark = self.high_water.read(&self.verifier());
        let mut view = self.view().await?;
        let head = view.head().await;
        let head = found.keep(head)?;
        let walked = view.walk_tree(head.as_ref(), against, mark, &mut found).await?;
        if let Some(head) = &head {
            self.check_head(head, &walked, &mut found);
            if deep {
                view.check_tables(head, &walked, &mut found).await?;
                view.check_keystore(&mut found).await?;
                view.check_chunks(&mut found).await?;
            }
        }
        let problems: Vec<Problem> = found.0.into_iter().collect();
        Ok(Verified {
            size: walked.frontier.size(),
            root: hex::encode(walked.frontier.root()),
            verified: problems.is_empty(),
            problems,
        })
    }

    fn check_head(&self, head: &Head, walked: &Walked, found: &mut Findings) {
        let edge = &walked.frontier;
        let signed = Checkpoint::open(&head.checkpoint, &self.verifier());
        if signed.is_err() {
            found.add("checkpoint", "its signature or text is wrong");
        }
        if let Ok(c) = &signed
            && (c.size, c.root) != (edge.size(), edge.root())
        {
            found.add("checkpoint", "it is not over the entries that are there");
            // What is signed and what is sealed agree, so it is the entries that were touched.
            if c.root == head.frontier.root() {
                found.add("log_leaf", "its entries are not those that were signed and sealed");
            }
        }
        if head.size != edge.size() || head.frontier != *edge {
            found.add("log_head", "its right edge is not that of the entries");
        }
        if walked.said.map(|said| said.0) != Some(head.heads.state(&self.keyring)) {
            found.add("log_head", "its set heads are not those the last entry speaks of");
        }
        if walked.said.map(|said| said.1) != Some(head.at) {
            found.add("log_head", "its time is not the last entry's");
        }
    }
}

/// What walking the leaves gave.
struct Walked {
    frontier: Frontier,
    /// What the last leaf says: the hash over all set heads, and its time.
    said: Option<(Hash, Micros)>,
    /// The newest head that any leaf gave of each table.
    heads: BTreeMap<String, String>,
}

impl View<'_> {
    async fn walk_tree(
        &mut self,
        head: Option<&Head>,
        against: &[Checkpoint],
        mark: Result<Option<Checkpoint>, StoreError>,
        found: &mut Findings,
    ) -> Result<Walked, StoreError> {
        let mut walked = Walked { frontier: Frontier::new(), said: None, heads: BTreeMap::new() };
        let mut wanted: Vec<(String, Checkpoint)> =
            against.iter().map(|c| ("against".to_owned(), c.clone())).collect();
        wanted.extend(found.keep(mark)?.flatten().map(|c| ("high-water mark".to_owned(), c)));
        let mut nodes: BTreeMap<(i64, i64), Hash> = BTreeMap::new();
        let mut aliases: BTreeSet<(Vec<u8>, i64)> = BTreeSet::new();
        {
            let mut rows = self.tx.stream("select seq, body from log_leaf order by seq", &[]);
            while let Some(row) = rows.try_next().await.map_err(|e| e.unreadable("log_leaf"))? {
                let Some((seq, body)) = found.keep(
                    (|| Ok((row.int(0)?, row.bytes(1)?)))().map_err(|e: StoreError| e.unreadable("log_leaf")),
                )?
                else {
                    continue;
                };
                walked.leaf(seq, &body, &mut nodes, &mut aliases, found);
                let size = walked.frontier.size();
                for (name, c) in wanted.iter().filter(|(_, c)| c.size == size) {
                    if c.root != walked.frontier.root() {
                        found.add(name.clone(), format!("the log at {size} entries is another one"));
                    }
                }
            }
        }
        let size = walked.frontier.size();
        for (name, c) in wanted.iter().filter(|(_, c)| c.size > size) {
            found.add(
                name.clone(),
                format!("it saw {} entries and the log has {size}: it was turned back", c.size),
            );
        }
        if head.is_none() {
            found.add("log_head", "it cannot be read");
        }
        self.compare_nodes(&nodes, found).await?;
        self.compare_aliases(&aliases, found).await?;
        Ok(walked)
    }

    async fn compare_nodes(
        &mut self,
        nodes: &BTreeMap<(i64, i64), Hash>,
        found: &mut Findings,
    ) -> Result<(), StoreError> {
        let mut left = nodes.clone();
        let sql = "select level, position, hash from log_node";
        for row in self.tx.all(sql, &[]).await.map_err(|e| e.unreadable("log_node"))? {
            let read = || Ok((row.int(0)?, row.int(1)?));
            let read = read().map_err(|e: StoreError| e.unreadable("log_node"));
            let Some(key) = found.keep(read)? else { continue };
            if left.remove(&key).is_none_or(|hash| row.bytes(2).ok().as_deref() != Some(hash.as_slice())) {
                found.add("log_node", format!("level {} position {}", key.0, key.1));
            }
        }
        for (level, position) in left.keys() {
            found.add("log_node", format!("level {level} position {position} is missing"));
        }
        Ok(())
    }

    async fn compare_aliases(
        &mut self,
        aliases: &BTreeSet<(Vec<u8>, i64)>,
        found: &mut Findings,
    ) -> Result<(), StoreError> {
        let mut stored = BTreeSet::new();
        let sql = "select alias, seq from log_alias";
        for row in self.tx.all(sql, &[]).await.map_err(|e| e.unreadable("log_alias"))? {
            let read = || Ok((row.bytes(0)?, row.int(1)?));
            let read = read().map_err(|e: StoreError| e.unreadable("log_alias"));
            let Some(read) = found.keep(read)? else { continue };
            if !stored.insert(read) {
                found.add("log_alias", "a row stands twice");
            }
        }
        for (_, seq) in stored.symmetric_difference(aliases) {
            found.add("log_alias", format!("entry {seq}"));
        }
        Ok(())
    }

    async fn check_tables(
        &mut self,
        head: &Head,
        walked: &Walked,
        found: &mut Findings,
    ) -> Result<(), StoreError> {
        let keyring = self.store.keyring.clone();
        for table in TABLES {
            // A table that was moved is gone, and so must its rows be.
            let sum = match table.checked {
                Checked::Moved => Ok(Accumulator::default()),
                _ => recompute(&mut self.tx, &keyring, table).await,
            };
            let Some(sum) = found.keep(sum)? else { continue };
            let kept = head.heads.of(table);
            if sum != kept {
                let change = match sum.rows.cmp(&kept.rows) {
                    std::cmp::Ordering::Less => "rows are missing",
                    std::cmp::Ordering::Greater => "rows were added",
                    std::cmp::Ordering::Equal => "rows were changed",
                };
                found.add(table.name, change);
            }
            let shown = (kept.rows > 0 || walked.heads.contains_key(table.name))
                .then(|| hex::encode(head.heads.shown(&keyring, table)));
            if walked.heads.get(table.name) != shown.as_ref() {
                found.add(table.name, "the log speaks of another set head");
            }
        }
        Ok(())
    }

    /// The consent chunks must be what the events come to, for every member that is there.
    async fn check_chunks(&mut self, found: &mut Findings) -> Result<(), StoreError> {
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

impl Walked {
    fn leaf(
        &mut self,
        seq: i64,
        body: &[u8],
        nodes: &mut BTreeMap<(i64, i64), Hash>,
        aliases: &mut BTreeSet<(Vec<u8>, i64)>,
        found: &mut Findings,
    ) {
        if seq as u64 != self.frontier.size() {
            found.add("log_leaf", format!("entry {} is not where it should be", self.frontier.size()));
        }
        self.frontier.append_with(leaf_hash(body), |level, index, hash| {
            if is_stored(level) {
                nodes.insert((i64::from(level), index as i64), hash);
            }
        });
        let Ok(json) = serde_json::from_slice::<Json>(body) else {
            found.add("log_leaf", format!("entry {seq} is not a leaf"));
            return;
        };
        if json.get("seq").and_then(Json::as_i64) != Some(seq) {
            found.add("log_leaf", format!("entry {seq} says it is another"));
        }
        self.said = said_by(body);
        if let Some(heads) = json.get("heads").and_then(Json::as_object) {
            for (table, head) in heads {
                self.heads.insert(table.clone(), head.as_str().unwrap_or_default().to_owned());
            }
        }
        if let Some(alias) = json.get("member").and_then(Json::as_str).and_then(|a| hex::decode(a).ok()) {
            aliases.insert((alias, seq));
        }
    }
}
