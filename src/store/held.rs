//! Members by the thousand, for a file whose rows are members that are there already.

use std::collections::BTreeMap;

use super::blocks::{Malformed, SEALED, block_of, blocks_of, sealed_table, slot, slot_of};
use super::members::{Member, WrappedDataKey, entry};
use super::table::{MEMBER_ATTRIBUTES, MEMBER_TAGS, Table};
use super::{Stamp, StoreError, View, Work};
use crate::model::field::Field;
use crate::model::sealed::Record;

/// A member and the key of his record.
#[derive(Clone)]
pub struct Held {
    /// The member.
    pub member: Member,
    /// The wrapped data key.
    pub key: WrappedDataKey,
}

/// The moment at which members were read, and what who reads them may.
#[derive(Clone)]
pub struct AsOf {
    pub(super) deciding: Stamp,
    pub(super) members: Stamp,
}

impl AsOf {
    /// Whether what decides what somebody may is the same at two moments.
    pub(crate) fn decides_as(&self, other: &AsOf) -> bool {
        self.deciding == other.deciding
    }
}

/// The tables that a [`Member`] is read from.
fn member_tables() -> Vec<&'static Table> {
    [&MEMBER_ATTRIBUTES, &MEMBER_TAGS].into_iter().chain(SEALED).collect()
}

impl Work<'_> {
    /// As [`View::as_of`], at this moment of the turn.
    pub(crate) fn as_of(&self) -> AsOf {
        AsOf { deciding: self.deciding_stamp(), members: self.stamp(&member_tables()) }
    }
}

impl View<'_> {
    /// What the log says at this moment that all members come to, and what decides who may what: as long as it says the
    /// same, each is what was read. Data keys have no set head and need none: a key is destroyed only after an entry
    /// that took its member's data out.
    ///
    /// # Errors
    /// The log's head does not fit.
    pub(crate) async fn as_of(&mut self) -> Result<AsOf, StoreError> {
        Ok(AsOf { deciding: self.deciding_stamp().await?, members: self.stamp(&member_tables()).await? })
    }

    /// Whether a member is still what was read, and his data key there.
    ///
    /// # Errors
    /// The database failed, or a block does not parse.
    pub(crate) async fn stands(&mut self, member: &Member) -> Result<bool, StoreError> {
        let is_same = self.member(member.ordinal).await?.as_ref() == Some(member);
        Ok(is_same && self.data_key(member.ordinal).await?.is_some())
    }

    /// Many members with their keys, by ordinal. A member who is not there is left out; one who is there
    /// in part is an integrity error.
    ///
    /// # Errors
    /// The database failed, or a block does not parse.
    pub async fn held(&mut self, ordinals: &[i64]) -> Result<BTreeMap<i64, Held>, StoreError> {
        let mut keys = self.data_keys(ordinals).await?;
        let mut found = BTreeMap::new();
        for (ordinal, member) in self.members(ordinals).await? {
            let key = keys.remove(&ordinal).filter(|key| key.id == member.id);
            let key = key.ok_or_else(|| StoreError::integrity("keys.key_block", "a member has no key"))?;
            found.insert(ordinal, Held { member, key });
        }
        Ok(found)
    }

    /// One sealed field of many members, as a record of just that field, with their keys. Who has no key
    /// is left out.
    ///
    /// # Errors
    /// The database failed, or a block does not parse.
    pub async fn sealed_of(
        &mut self,
        ordinals: &[i64],
        field: Field,
    ) -> Result<BTreeMap<i64, (WrappedDataKey, Vec<u8>)>, StoreError> {
        let table = sealed_table(field);
        let bodies = self.blocks(table, &blocks_of(ordinals.iter().copied())).await?;
        let mut found = BTreeMap::new();
        for (ordinal, key) in self.data_keys(ordinals).await? {
            let block = block_of(ordinal);
            let malformed = || Malformed::of(table.name, block);
            let body = bodies.get(&block).map_or(&[][..], Vec::as_slice);
            let mut record = Record::default();
            if let Some(bytes) = slot(body, slot_of(ordinal)).map_err(|Malformed| malformed())? {
                record.0.push(entry(field.number(), bytes).ok_or_else(malformed)?);
            }
            found.insert(ordinal, (key, record.to_bytes()));
        }
        Ok(found)
    }
}
