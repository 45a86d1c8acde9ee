//! Verifying everything that is stored: the tree leaf by leaf, and with `deep` every table against the
//! heads the log speaks of, every key, every consent chunk against the events it comes from.
//!
//! Reading order: `tree` walks the entries, `nodes` and `aliases` hold the tables beside the log to them,
//! `chunks` the consent chunks to the events.

pub(super) mod aliases;
mod chunks;
pub(super) mod nodes;
pub(super) mod tree;

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value as Json;

use super::earlier::Earlier;
use super::heads::{Accumulator, recompute};
use super::table::{Checked, TABLES};
use super::work::Head;
use super::{Store, StoreError, View};
use crate::audit::checkpoint::Checkpoint;
use crate::audit::tree::Hash;
use crate::clock::{Micros, parse_rfc3339, rfc3339};
use tree::{Held, Walked};

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
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// Entries in the log.
    pub size: u64,
    /// Root over them, hex.
    pub root: String,
    /// Nothing is wrong.
    pub verified: bool,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// Where only entries since an earlier verification were asked for: the first that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked_from: Option<u64>,
    /// When the entries before that were checked, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked_at: Option<String>,
    /// When a verification last read every entry there was, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_whole_at: Option<String>,
    /// What else to know: why an earlier verification was not gone on from, or is not remembered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
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

    /// All that was found, in order.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.0.into_iter().collect()
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
    /// checkpoints from elsewhere (a manifest, a print): the log must contain what they saw. Where
    /// nothing is wrong, that is remembered beside the high-water mark.
    ///
    /// # Errors
    /// Only what kept it from looking; what it found wrong is in the answer.
    pub async fn verify(&self, deep: bool, against: &[Checkpoint]) -> Result<Verified, StoreError> {
        self.verify_after(None, deep, against).await
    }

    /// The same, reading only the entries after the last verification that is remembered here. Below
    /// that, the tree is worked out again from its stored nodes, and no entry is read but the last 255
    /// at most. Every entry is read where nothing is remembered, what is remembered is not ours, or the
    /// log no longer begins with what was checked (which is then among the problems).
    ///
    /// # Errors
    /// Only what kept it from looking; what it found wrong is in the answer.
    pub async fn verify_since_checked(
        &self,
        deep: bool,
        against: &[Checkpoint],
    ) -> Result<Verified, StoreError> {
        let earlier = Earlier::read(&self.checked_path(), &self.keyring, &self.verifier());
        self.verify_after(Some(earlier), deep, against).await
    }

    /// Where the last verification without a finding is remembered.
    pub fn checked_path(&self) -> PathBuf {
        Earlier::path(self.high_water.path())
    }

    async fn verify_after(
        &self,
        earlier: Option<Result<Earlier, String>>,
        deep: bool,
        against: &[Checkpoint],
    ) -> Result<Verified, StoreError> {
        let (mut found, mut notes) = (Findings::default(), Vec::new());
        let since = earlier.is_some();
        let earlier = earlier.and_then(|earlier| {
            let why = |why| notes.push(format!("{why}; every entry was read"));
            earlier.map_err(why).ok()
        });
        // Before the snapshot: another process that commits in between raises the mark beyond it.
        let mark = self.high_water.read(&self.verifier());
        let mut held = Held::new(against, found.keep(mark)?.flatten());
        let mut view = self.view().await?;
        let head = view.head().await;
        let head = found.keep(head)?;
        if head.is_none() {
            found.add("log_head", "it cannot be read");
        }
        let earlier = match earlier {
            Some(earlier) if view.still_holds(&earlier, &mut found).await? => Some(earlier),
            _ => None,
        };
        let walked = view.walk_tree(earlier.as_ref(), &mut held, &mut found).await?;
        if let Some(head) = &head {
            self.check_head(head, &walked, &mut found);
            if deep {
                view.check_tables(head, &walked, &mut found).await?;
                view.check_keystore(&mut found).await?;
                view.check_cards(&mut found).await?;
                view.check_chunks(&mut found).await?;
            }
        }
        drop(view);
        if let Some(head) = head.filter(|_| found.0.is_empty()) {
            notes.extend(self.remember(&head, &walked, earlier.as_ref()));
        }
        let problems = found.into_problems();
        Ok(Verified {
            size: walked.frontier.size(),
            root: hex::encode(walked.frontier.root()),
            verified: problems.is_empty(),
            problems,
            checked_from: since.then_some(walked.from),
            checked_at: earlier.as_ref().map(|earlier| rfc3339(earlier.checked_at)),
            read_whole_at: earlier.as_ref().map(|earlier| rfc3339(earlier.read_whole_at)),
            notes,
        })
    }

    /// Remembers how far a walk without a finding came; in words, why it could not.
    fn remember(&self, head: &Head, walked: &Walked, earlier: Option<&Earlier>) -> Option<String> {
        let path = self.checked_path();
        let checked = walked.remembered(self.clock.now(), earlier)?;
        let written = checked.write(&path, &self.keyring, &head.checkpoint);
        written.err().map(|e| format!("this verification is not remembered at {}: {e}", path.display()))
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

impl View<'_> {
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
}
