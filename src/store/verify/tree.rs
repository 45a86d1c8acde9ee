//! The tree, leaf by leaf: by pages of entries, each hashed and compared as it comes, so that a log of
//! ten million takes no more memory than one of a thousand.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use serde::Deserialize;

use super::aliases::Aliases;
use super::nodes::Node;
use super::{Findings, said_by};
use crate::audit::checkpoint::Checkpoint;
use crate::audit::nodes::is_stored;
use crate::audit::tree::{Frontier, Hash, leaf_hash};
use crate::clock::Micros;
use crate::store::earlier::Earlier;
use crate::store::engine::Arg;
use crate::store::{StoreError, View};

/// Entries a page.
const PAGE: i64 = 4096;

/// What walking the leaves gave.
#[derive(Default)]
pub(in crate::store) struct Walked {
    /// The first entry that was read.
    pub(super) from: u64,
    pub(in crate::store) frontier: Frontier,
    /// What the last leaf says: the hash over all set heads, and its time.
    pub(super) said: Option<(Hash, Micros)>,
    /// The newest head that any leaf gave of each table.
    pub(super) heads: BTreeMap<String, String>,
}

/// What verifying needs of a leaf; the rest is only hashed.
#[derive(Deserialize)]
pub(super) struct Said<'l> {
    seq: Option<i64>,
    #[serde(borrow)]
    member: Option<&'l str>,
    #[serde(borrow, default)]
    heads: BTreeMap<&'l str, &'l str>,
}

impl Said<'_> {
    /// The member it speaks of, by alias.
    pub(super) fn alias(&self) -> Option<[u8; 16]> {
        let mut alias = [0; 16];
        hex::decode_to_slice(self.member?, &mut alias).ok()?;
        Some(alias)
    }
}

/// Checkpoints that the log must contain, each with where it is from.
pub(super) struct Held {
    by_size: Vec<(&'static str, Checkpoint)>,
    /// Of those, how many were compared.
    compared: usize,
}

impl Held {
    /// Those from elsewhere, and the high-water mark.
    pub(super) fn new(against: &[Checkpoint], mark: Option<Checkpoint>) -> Self {
        let against = against.iter().map(|c| ("against", c.clone()));
        let mut by_size: Vec<_> = against.chain(mark.map(|c| ("high-water mark", c))).collect();
        by_size.sort_by_key(|(_, c)| c.size);
        Held { by_size, compared: 0 }
    }

    /// The next of no more entries than these.
    fn up_to(&mut self, size: u64) -> Option<(&'static str, Checkpoint)> {
        let next = self.by_size.get(self.compared).filter(|(_, c)| c.size <= size)?;
        self.compared += 1;
        Some(next.clone())
    }

    /// Compares those of exactly this size.
    fn compare(&mut self, frontier: &Frontier, found: &mut Findings) {
        while let Some((name, c)) = self.up_to(frontier.size()) {
            if c.root != frontier.root() {
                found.add(name, format!("the log at {} entries is another one", c.size));
            }
        }
    }
}

impl View<'_> {
    /// Walks the entries after an earlier check, or all.
    pub(super) async fn walk_tree(
        &mut self,
        earlier: Option<&Earlier>,
        held: &mut Held,
        found: &mut Findings,
    ) -> Result<Walked, StoreError> {
        let mut walked = earlier.map(Walked::after).unwrap_or_default();
        while let Some((name, c)) = held.up_to(walked.from) {
            let root = self.root_at(c.size).await;
            if found.keep(root)?.is_some_and(|root| root != c.root) {
                found.add(name, format!("the log at {} entries is another one", c.size));
            }
        }
        let end = self.last_leaf().await?.map_or(0, |last| last.saturating_add(1));
        let mut aliases = Aliases::new(walked.from as i64, end);
        self.walk_leaves(&mut walked, &mut aliases, held, found).await?;
        let size = walked.frontier.size();
        while let Some((name, c)) = held.up_to(u64::MAX) {
            found.add(name, format!("it saw {} entries and the log has {size}: it was turned back", c.size));
        }
        self.compare_other_nodes(size, found).await?;
        self.compare_aliases(&mut aliases, found).await?;
        Ok(walked)
    }

    async fn walk_leaves(
        &mut self,
        walked: &mut Walked,
        aliases: &mut Aliases,
        held: &mut Held,
        found: &mut Findings,
    ) -> Result<(), StoreError> {
        // Also what stands before the first entry and long after the last: nothing may.
        let first = if walked.from == 0 { i64::MIN } else { walked.from as i64 };
        let mut next = self.first_leaf(first).await?;
        let mut newest = Vec::new();
        while let Some(from) = next {
            let last = from.saturating_add(PAGE - 1);
            let mut made = Vec::new();
            let mut empty = true;
            {
                let keyring = &self.store.keyring;
                let args = [Arg::Int(from), Arg::Int(last)];
                let sql = "select seq, body from log_leaf where seq >= $1 and seq <= $2 order by seq";
                let mut rows = self.tx.stream(sql, &args);
                while let Some(row) = rows.try_next().await.map_err(|e| e.unreadable("log_leaf"))? {
                    empty = false;
                    let read = (|| Ok((row.int(0)?, row.slice(1)?)))();
                    let read = read.map_err(|e: StoreError| e.unreadable("log_leaf"));
                    let Some((seq, body)) = found.keep(read)? else { continue };
                    let alias = walked.leaf(seq, body, &mut made, found);
                    if let Some(alias) = alias {
                        aliases.said(keyring, seq, &alias);
                    }
                    held.compare(&walked.frontier, found);
                    newest.clear();
                    newest.extend_from_slice(body);
                }
            }
            self.compare_nodes(&mut made, found).await?;
            next = match last.checked_add(1) {
                // A far-off number must not be counted up to.
                Some(after) if empty => self.first_leaf(after).await?,
                after => after,
            };
        }
        if !newest.is_empty() {
            walked.said = said_by(&newest);
        }
        Ok(())
    }

    /// The first entry from a number on.
    async fn first_leaf(&mut self, from: i64) -> Result<Option<i64>, StoreError> {
        let sql = "select min(seq) from log_leaf where seq >= $1";
        let row = self.tx.one(sql, &[Arg::Int(from)]).await.and_then(|row| row.maybe_int(0));
        row.map_err(|e| e.unreadable("log_leaf"))
    }

    /// The number of the last entry. Both engines find it at the end of the key, whatever the size.
    pub(in crate::store) async fn last_leaf(&mut self) -> Result<Option<i64>, StoreError> {
        let row = self.tx.one("select max(seq) from log_leaf", &[]).await.and_then(|row| row.maybe_int(0));
        row.map_err(|e| e.unreadable("log_leaf"))
    }
}

impl Walked {
    /// Where a walk begins that goes on from an earlier one.
    fn after(earlier: &Earlier) -> Self {
        Walked {
            from: earlier.frontier.size(),
            frontier: earlier.frontier.clone(),
            said: Some(earlier.said),
            heads: earlier.heads.clone(),
        }
    }

    /// What a walk without a finding leaves for the next; none of an empty log.
    pub(super) fn remembered(&self, now: Micros, before: Option<&Earlier>) -> Option<Earlier> {
        Some(Earlier {
            frontier: self.frontier.clone(),
            said: self.said?,
            heads: self.heads.clone(),
            checked_at: now,
            read_whole_at: before.map_or(now, |before| before.read_whole_at),
        })
    }

    /// Takes a leaf in; the member it speaks of.
    pub(in crate::store) fn leaf(
        &mut self,
        seq: i64,
        body: &[u8],
        made: &mut Vec<Node>,
        found: &mut Findings,
    ) -> Option<[u8; 16]> {
        if seq as u64 != self.frontier.size() {
            found.add("log_leaf", format!("entry {} is not where it should be", self.frontier.size()));
        }
        self.frontier.append_with(leaf_hash(body), |level, position, hash| {
            if is_stored(level) {
                made.push(Node { level, position, hash });
            }
        });
        let Ok(said) = serde_json::from_slice::<Said<'_>>(body) else {
            found.add("log_leaf", format!("entry {seq} is not a leaf"));
            return None;
        };
        if said.seq != Some(seq) {
            found.add("log_leaf", format!("entry {seq} says it is another"));
        }
        for (table, head) in &said.heads {
            match self.heads.get_mut(*table) {
                Some(newest) => (*head).clone_into(newest),
                None => drop(self.heads.insert((*table).to_owned(), (*head).to_owned())),
            }
        }
        said.alias()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::event::{Action, Actor, Event};
    use crate::audit::leaf::{Frame, encode};
    use crate::model::ids::{Alias, Login};

    #[test]
    fn what_is_needed_is_read_from_a_leaf() {
        let heads = BTreeMap::from([("person", [3; 32]), ("unit", [4; 32])]);
        let actor =
            Actor::Person { login: Login::parse("wang.fang").unwrap(), roles: Vec::new(), token: None };
        let event = Event::new(Action::PolicyShown, actor).member(Alias([7; 16])).count("rows", 5);
        let frame = Frame { seq: 9, at: 1_700_000_000_000_000, heads: &heads, state: [5; 32] };
        let leaf = encode(&event, &frame).unwrap();
        let said: Said<'_> = serde_json::from_slice(&leaf).unwrap();
        assert_eq!((said.seq, said.alias()), (Some(9), Some([7; 16])));
        assert_eq!(said.heads["unit"], hex::encode([4; 32]));
        assert_eq!(said_by(&leaf), Some(([5; 32], frame.at)));
        for cut in 0..leaf.len() {
            assert!(serde_json::from_slice::<Said<'_>>(&leaf[..cut]).is_err());
        }
        // A leaf says a thing once.
        assert!(serde_json::from_slice::<Said<'_>>(br#"{"seq":1,"seq":2}"#).is_err());
    }

    #[test]
    fn each_checkpoint_is_held_to_its_own_size() {
        let (mut frontier, mut found) = (Frontier::new(), Findings::default());
        let root_of = |n: u8| {
            let mut frontier = Frontier::new();
            (0..n).for_each(|leaf| frontier.append(leaf_hash(&[leaf])));
            Checkpoint { origin: String::new(), size: u64::from(n), root: frontier.root() }
        };
        let wrong = Checkpoint { size: 3, ..root_of(4) };
        let mut held = Held::new(&[root_of(5), wrong, root_of(2), root_of(9)], Some(root_of(5)));
        for leaf in 0..6 {
            frontier.append(leaf_hash(&[leaf]));
            held.compare(&frontier, &mut found);
        }
        assert_eq!(found.0.len(), 1);
        assert!(found.0.first().is_some_and(|p| p.place.contains("at 3 entries")));
        assert_eq!(held.up_to(u64::MAX).map(|(name, c)| (name, c.size)), Some(("against", 9)));
        assert!(held.up_to(u64::MAX).is_none());
    }
}
