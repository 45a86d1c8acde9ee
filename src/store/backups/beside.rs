//! A key backup beside a data backup: does each member have a key that opens? Both come by blocks in their
//! order, so one passes beside the other and neither is held.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::{KEYS, Kind, Row, malformed, tables_of};
use crate::keyring::Keyring;
use crate::store::StoreError;
use crate::store::attributes::{self, Slot};
use crate::store::blocks::{Malformed, ordinal_of, slots};
use crate::store::engine::Arg;
use crate::store::keys::parts;
use crate::store::packages::{Erasure, erasure_of};
use crate::store::table::{ERASURE, MEMBER_ATTRIBUTES, Table};

/// How members and keys meet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct KeyCounts {
    /// Members whose key is there and opens.
    pub with_key: u64,
    /// Members without a key who were erased after the data backup: a restore erases them again.
    pub erased_since: u64,
    /// Members without a key for whom no erasure is known: born after the key backup, or their key is lost.
    pub without_key: u64,
    /// Members whose key does not open, or is another's.
    pub not_opening: u64,
}

/// The keys, while members pass by.
pub struct KeysBeside {
    keyring: Arc<Keyring>,
    tables: Vec<&'static Table>,
    /// Erasures the key backup knows, by ordinal.
    erasures: BTreeMap<i64, Erasure>,
    /// The block of keys at hand.
    block: Option<(i64, Vec<u8>)>,
    counts: KeyCounts,
}

impl KeysBeside {
    /// With the keys of the vault of both.
    pub fn new(keyring: Arc<Keyring>) -> KeysBeside {
        KeysBeside {
            keyring,
            tables: tables_of(Kind::Keys),
            erasures: BTreeMap::new(),
            block: None,
            counts: KeyCounts::default(),
        }
    }

    /// Takes a row of the data backup in; `next` gives the key backup's rows, one after the other.
    ///
    /// # Errors
    /// A row is not of its form, or what `next` gives.
    pub fn beside<E: From<StoreError>>(
        &mut self,
        record: &[u8],
        next: &mut impl FnMut() -> Result<Option<Vec<u8>>, E>,
    ) -> Result<(), E> {
        let row = Row::read(&[&MEMBER_ATTRIBUTES], record);
        let Some([Arg::Int(block), Arg::Bytes(body)]) = row.as_ref().map(|row| &row.values[..]) else {
            return Ok(());
        };
        while self.block.as_ref().is_none_or(|(at, _)| at < block) {
            let Some(record) = next()? else { break };
            self.key_row(&record).ok_or_else(malformed)?;
        }
        let keys = self.block.as_ref().filter(|(at, _)| at == block).map_or(&[][..], |(_, body)| body);
        let keys: BTreeMap<u8, &[u8]> =
            slots(keys).collect::<Result<_, _>>().map_err(|Malformed| malformed())?;
        for step in slots(body) {
            let (at, bytes) = step.map_err(|Malformed| malformed())?;
            let Slot::Member(member) = attributes::read(bytes).ok_or_else(malformed)? else { continue };
            let opens = keys.get(&at).map(|bytes| {
                parts(bytes).is_some_and(|(id, kek, wrapped)| {
                    id == member.id() && self.keyring.unwrap(kek, &[b"data-key", &id.0], wrapped).is_ok()
                })
            });
            match opens {
                Some(true) => self.counts.with_key += 1,
                Some(false) => self.counts.not_opening += 1,
                None if self.erasures.contains_key(&ordinal_of(*block, at)) => self.counts.erased_since += 1,
                None => self.counts.without_key += 1,
            }
        }
        Ok(())
    }

    /// Takes a row of the key backup in.
    fn key_row(&mut self, record: &[u8]) -> Option<()> {
        let row = Row::read(&self.tables, record)?;
        match (row.table.name, &row.values[..]) {
            (name, values) if name == ERASURE.name => {
                let erasure = erasure_of(values)?;
                self.erasures.insert(erasure.ordinal, erasure);
            }
            (name, [Arg::Int(block), Arg::Bytes(body)]) if name == KEYS.name => {
                self.block = Some((*block, body.to_vec()));
            }
            _ => {}
        }
        Some(())
    }

    /// How they met.
    pub fn end(self) -> KeyCounts {
        self.counts
    }
}
