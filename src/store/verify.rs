//! Verifying everything that is stored: the tree leaf by leaf, and with `deep` every table against the
//! heads the log speaks of, every key, every chunk against the events it comes from.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt as _;
use serde_json::Value as Json;

use super::chunks::{AGE, Chunks, State, consent_kind};
use super::consents::{PAGE, last_event_ordinal, page_of_events};
use super::engine::Arg;
use super::heads::recompute;
use super::table::TABLES;
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

struct Findings(BTreeSet<Problem>);

impl Findings {
    fn add(&mut self, what: impl Into<String>, place: impl Into<String>) {
        // A damaged table can hold a million problems; the first hundred tell enough.
        if self.0.len() < 100 {
            self.0.insert(Problem { what: what.into(), place: place.into() });
        }
    }

    /// Keeps an integrity error as a finding; any other error ends the verifying.
    fn keep<T>(&mut self, result: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
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
        let mut found = Findings(BTreeSet::new());
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
        match Checkpoint::open(&head.checkpoint, &self.verifier()) {
            Err(_) => found.add("checkpoint", "its signature or text is wrong"),
            Ok(c) if c.size != walked.frontier.size() || c.root != walked.frontier.root() => {
                found.add("checkpoint", "it is not over the entries that are there");
            }
            Ok(_) => {}
        }
        if head.size != walked.frontier.size() || head.frontier != walked.frontier {
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
        for row in self.tx.all("select level, position, hash from log_node", &[]).await? {
            let key = (row.int(0)?, row.int(1)?);
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
        for row in self.tx.all("select alias, seq from log_alias", &[]).await? {
            if !stored.insert((row.bytes(0)?, row.int(1)?)) {
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
            let sum = recompute(&mut self.tx, &keyring, table).await;
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

    /// Every data key must open for its member and every member must have one.
    async fn check_keystore(&mut self, found: &mut Findings) -> Result<(), StoreError> {
        let keyring = self.store.keyring.clone();
        let mut keys = 0;
        let mut last = None;
        {
            let sql = "select k.ordinal, k.id, k.kek, k.wrapped, r.id from keys.data_key k \
                       left join member_record r on r.ordinal = k.ordinal order by k.ordinal";
            let mut rows = self.tx.stream(sql, &[]);
            while let Some(row) = rows.try_next().await.map_err(|e| e.unreadable("keys.data_key"))? {
                let read = || -> Result<_, StoreError> {
                    Ok((row.int(0)?, row.bytes(1)?, row.int(2)?, row.bytes(3)?, row.maybe_bytes(4)?))
                };
                let Some((ordinal, id, kek, wrapped, member)) =
                    found.keep(read().map_err(|e| e.unreadable("keys.data_key")))?
                else {
                    continue;
                };
                keys += i64::from(member.is_some());
                if last == Some(ordinal) {
                    found.add("keys.data_key", format!("ordinal {ordinal} stands twice"));
                }
                last = Some(ordinal);
                match member {
                    None => found.add("keys.data_key", format!("ordinal {ordinal} has no member")),
                    Some(member) if member != id => {
                        found.add("keys.data_key", format!("ordinal {ordinal} is another member's"));
                    }
                    Some(_) if keyring.unwrap(kek, &[b"data-key", &id], &wrapped).is_err() => {
                        found.add("keys.data_key", format!("ordinal {ordinal} does not open"));
                    }
                    Some(_) => {}
                }
            }
        }
        let members = self.tx.one("select count(*) from member_record", &[]).await?.int(0)?;
        if members != keys {
            found.add("keys.data_key", format!("{} members have no key", members - keys));
        }
        let next = self.tx.maybe("select next from keys.counter where name = 'ordinal'", &[]).await?;
        let next = next.map(|r| r.int(0)).transpose()?.unwrap_or(0);
        let highest =
            self.tx.one("select max(ordinal) from consent_event", &[]).await?.maybe_int(0)?.unwrap_or(0);
        if next <= last.unwrap_or(0).max(highest) {
            found.add("keys.counter", "ordinals would be used again");
        }
        let sql = "select package, kek, wrapped from keys.package_key order by package";
        for row in self.tx.all(sql, &[]).await? {
            let package = row.text(0)?;
            if keyring.unwrap(row.int(1)?, &[b"package-key", package.as_bytes()], &row.bytes(2)?).is_err() {
                found.add("keys.package_key", package);
            }
        }
        Ok(())
    }

    /// The consent chunks must be what the events come to, for every member that is there.
    async fn check_chunks(&mut self, found: &mut Findings) -> Result<(), StoreError> {
        let kinds = self.chunk_kinds().await?;
        let mut stored: BTreeMap<String, Chunks> = BTreeMap::new();
        for kind in kinds.iter().filter(|k| k.as_str() != AGE) {
            let chunks = self.chunks(kind).await;
            if let Some(chunks) = found.keep(chunks)? {
                stored.insert(kind.clone(), chunks);
            }
        }
        let last = last_event_ordinal(self).await?;
        let mut from = 0;
        while from <= last {
            let present = self.ordinals_in(from, from + PAGE).await?;
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
            from += PAGE;
        }
        Ok(())
    }

    async fn ordinals_in(&mut self, from: i64, to: i64) -> Result<BTreeSet<i64>, StoreError> {
        let sql = "select ordinal from member where ordinal >= $1 and ordinal < $2";
        self.tx.all(sql, &[Arg::Int(from), Arg::Int(to)]).await?.iter().map(|r| r.int(0)).collect()
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
