//! Members by the thousand, for a file whose rows are members that are there already.

use std::collections::BTreeMap;

use super::blocks::{Malformed, block_of, blocks_of, sealed_table, slot, slot_of};
use super::members::{Member, WrappedDataKey, entry};
use super::{StoreError, View};
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

impl View<'_> {
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
