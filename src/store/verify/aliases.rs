//! The table of which entries speak of whom, against the entries.
//!
//! Its key begins with the alias, so it cannot be read beside the log. Instead both sides are added up:
//! each row counts as a MAC of alias and place, under a key of the vault, added lane by lane (not XORed:
//! a row that stands twice must not cancel). Sums are kept for a thousand stretches of the log. Where two
//! differ, that stretch alone is read again to name its entries.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use futures_util::TryStreamExt as _;

use super::Findings;
use super::tree::Said;
use crate::keyring::Keyring;
use crate::store::engine::Arg;
use crate::store::{StoreError, View};

/// Stretches of the log that are summed apart.
const STRETCHES: i64 = 1024;

/// Longer stretches are not read again: no log has them, only a forged number.
const LONGEST: i64 = 1 << 20;

/// How many stretches are read again to name what is wrong.
const NAMED: usize = 8;

/// A sum over rows.
#[derive(Clone, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    lanes: [u64; 4],
}

impl Sum {
    fn add(&mut self, keyring: &Keyring, seq: i64, alias: &[u8]) {
        let mut row = b"log_alias".to_vec();
        row.extend_from_slice(&seq.to_le_bytes());
        row.extend_from_slice(alias);
        let mac = keyring.row_mac(&row);
        self.rows += 1;
        let (words, _) = mac.as_chunks::<8>();
        for (lane, word) in self.lanes.iter_mut().zip(words) {
            *lane = lane.wrapping_add(u64::from_le_bytes(*word));
        }
    }
}

/// What the entries say, and what is stored, summed by stretches.
pub(in crate::store) struct Aliases {
    from: i64,
    end: i64,
    stretch: i64,
    said: Vec<Sum>,
    stored: Vec<Sum>,
}

impl Aliases {
    /// For entries `from..end`.
    pub(in crate::store) fn new(from: i64, end: i64) -> Self {
        let stretch = end.saturating_sub(from).max(0) / STRETCHES + 1;
        let sums = vec![Sum::default(); STRETCHES as usize];
        Aliases { from, end, stretch, said: sums.clone(), stored: sums }
    }

    /// Takes in that an entry speaks of a member.
    pub(in crate::store) fn said(&mut self, keyring: &Keyring, seq: i64, alias: &[u8]) {
        if let Some(at) = self.at(seq) {
            self.said[at].add(keyring, seq, alias);
        }
    }

    /// Takes in that a row says so; whether there is such an entry.
    pub(in crate::store) fn stored(&mut self, keyring: &Keyring, seq: i64, alias: &[u8]) -> bool {
        let at = self.at(seq);
        if let Some(at) = at {
            self.stored[at].add(keyring, seq, alias);
        }
        at.is_some()
    }

    /// Whether what is stored is what was said.
    pub(in crate::store) fn agree(&self) -> bool {
        self.said == self.stored
    }

    /// The stretch of an entry; none outside the log.
    fn at(&self, seq: i64) -> Option<usize> {
        (self.from..self.end).contains(&seq).then(|| ((seq - self.from) / self.stretch) as usize)
    }

    /// The stretches where what is stored is not what was said.
    fn differing(&self) -> Vec<RangeInclusive<i64>> {
        let pairs = self.said.iter().zip(&self.stored).enumerate();
        pairs
            .filter(|(_, (said, stored))| said != stored)
            .map(|(n, _)| {
                let first = self.from.saturating_add((n as i64).saturating_mul(self.stretch));
                first..=first.saturating_add(self.stretch - 1)
            })
            .collect()
    }
}

impl View<'_> {
    /// Compares the whole table, or after an earlier check its rows of later entries.
    pub(super) async fn compare_aliases(
        &mut self,
        aliases: &mut Aliases,
        found: &mut Findings,
    ) -> Result<(), StoreError> {
        {
            let keyring = &self.store.keyring;
            let (sql, args) = match aliases.from {
                0 => ("select alias, seq from log_alias", Vec::new()),
                from => ("select alias, seq from log_alias where seq >= $1", vec![Arg::Int(from)]),
            };
            let mut rows = self.tx.stream(sql, &args);
            while let Some(row) = rows.try_next().await.map_err(|e| e.unreadable("log_alias"))? {
                let read = (|| Ok((row.slice(0)?, row.int(1)?)))();
                let read = read.map_err(|e: StoreError| e.unreadable("log_alias"));
                let Some((alias, seq)) = found.keep(read)? else { continue };
                if !aliases.stored(keyring, seq, alias) {
                    found.add("log_alias", format!("entry {seq}"));
                }
            }
        }
        let differing = aliases.differing();
        for stretch in differing.iter().take(NAMED) {
            self.name_aliases(stretch, found).await?;
        }
        if differing.len() > NAMED {
            found.add("log_alias", format!("{} more stretches of entries", differing.len() - NAMED));
        }
        Ok(())
    }

    /// Reads a stretch again and names the entries whose rows are missing, added or changed.
    async fn name_aliases(
        &mut self,
        stretch: &RangeInclusive<i64>,
        found: &mut Findings,
    ) -> Result<(), StoreError> {
        let (first, last) = (*stretch.start(), *stretch.end());
        let place = || format!("entries {first} to {last}: not what they say");
        if last - first >= LONGEST {
            found.add("log_alias", place());
            return Ok(());
        }
        let mut said = self.aliases_said(first, last).await?;
        let mut named = false;
        {
            let sql = "select alias, seq from log_alias where seq >= $1 and seq <= $2 order by alias, seq";
            let args = [Arg::Int(first), Arg::Int(last)];
            let mut rows = self.tx.stream(sql, &args);
            while let Some(row) = rows.try_next().await.map_err(|e| e.unreadable("log_alias"))? {
                let read = (|| Ok((row.slice(0)?, row.int(1)?)))();
                let read = read.map_err(|e: StoreError| e.unreadable("log_alias"));
                let Some((alias, seq)) = found.keep(read)? else { continue };
                // What is taken once is not there a second time.
                if !alias.try_into().is_ok_and(|alias: [u8; 16]| said.remove(&(seq, alias))) {
                    found.add("log_alias", format!("entry {seq}"));
                    named = true;
                }
            }
        }
        for (seq, _) in &said {
            found.add("log_alias", format!("entry {seq}"));
        }
        if !named && said.is_empty() {
            found.add("log_alias", place());
        }
        Ok(())
    }

    async fn aliases_said(&mut self, first: i64, last: i64) -> Result<BTreeSet<(i64, [u8; 16])>, StoreError> {
        let mut said = BTreeSet::new();
        let args = [Arg::Int(first), Arg::Int(last)];
        let mut rows = self.tx.stream("select seq, body from log_leaf where seq >= $1 and seq <= $2", &args);
        while let Some(row) = rows.try_next().await.map_err(|e| e.unreadable("log_leaf"))? {
            // What cannot be read was found already, walking.
            let (Ok(seq), Ok(body)) = (row.int(0), row.slice(1)) else { continue };
            let alias = serde_json::from_slice::<Said<'_>>(body).ok().and_then(|said| said.alias());
            said.extend(alias.map(|alias| (seq, alias)));
        }
        Ok(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_sum_does_not_cancel_what_stands_twice() {
        let dir = tempfile::tempdir().unwrap();
        let root = crate::keyring::root::LocalRoot::create(&dir.path().join("root.json"), None).unwrap();
        let vault = crate::model::ids::VaultId([1; 16]);
        let keys = Keyring::birth(vault, &root).unwrap();
        let keyring = Keyring::open(vault, &root, &keys).unwrap();
        let sum = |rows: &[(i64, u8)]| {
            let mut sum = Sum::default();
            rows.iter().for_each(|(seq, alias)| sum.add(&keyring, *seq, &[*alias; 16]));
            sum
        };
        assert!(sum(&[(1, 1), (2, 2)]) == sum(&[(2, 2), (1, 1)]));
        // Lanes alone tell them apart, not only the count of rows.
        let lanes = |rows: &[(i64, u8)]| sum(rows).lanes;
        for other in [&[(1, 1), (2, 1)][..], &[(2, 1), (1, 2)], &[(1, 1)], &[(1, 1), (2, 2), (3, 3), (3, 3)]]
        {
            assert_ne!(lanes(other), lanes(&[(1, 1), (2, 2)]));
        }
        let mut aliases = Aliases::new(1000, 1_000_000);
        aliases.said(&keyring, 5000, &[1; 16]);
        let differing = aliases.differing();
        assert!(differing.len() == 1 && differing[0].contains(&5000) && differing[0].start() < &5000);
    }

    proptest! {
        #[test]
        fn every_entry_has_one_stretch(from in 0..i64::MAX, length in 1..i64::MAX, at: prop::sample::Index) {
            let end = from.saturating_add(length);
            let mut aliases = Aliases::new(from, end);
            let seq = from + at.index((end - from) as usize) as i64;
            let stretch = aliases.at(seq).unwrap();
            prop_assert!(stretch < STRETCHES as usize);
            prop_assert_eq!(aliases.at(end), None);
            prop_assert_eq!(aliases.at(from - 1), None);
            aliases.stored[stretch].rows += 1;
            let differing = aliases.differing();
            prop_assert!(differing.len() == 1 && differing[0].contains(&seq));
        }
    }
}
