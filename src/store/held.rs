//! Members by the thousand, for a file whose rows are members that are there already.

use std::collections::BTreeMap;

use super::engine::{Arg, built};
use super::members::{Member, WrappedDataKey, member};
use super::table::{MEMBER, MEMBER_RECORD, Table, Value};
use super::{StoreError, View};
use crate::model::ids::MemberId;

/// A member and the key of his record.
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
    /// The database failed, or a row does not parse.
    pub async fn held(&mut self, ordinals: &[i64]) -> Result<BTreeMap<i64, Held>, StoreError> {
        let mut found = BTreeMap::new();
        for ordinals in ordinals.chunks(1000) {
            let mut records: BTreeMap<i64, Vec<Value>> = self.by_ordinal(&MEMBER_RECORD, ordinals).await?;
            let mut keys = self.keys_of(ordinals).await?;
            for (ordinal, row) in self.by_ordinal(&MEMBER, ordinals).await? {
                let record = match records.remove(&ordinal).as_deref() {
                    Some([_, _, Value::Bytes(record)]) => record.clone(),
                    _ => return Err(StoreError::integrity("member_record", "a member has no record")),
                };
                let key = keys.remove(&ordinal);
                let key = key.ok_or_else(|| StoreError::integrity("data_key", "a member has no key"))?;
                let member = member(&row, record)
                    .filter(|m| m.id == key.id)
                    .ok_or_else(|| StoreError::integrity("member", "a row does not parse"))?;
                found.insert(ordinal, Held { member, key });
            }
        }
        Ok(found)
    }

    async fn by_ordinal(
        &mut self,
        table: &'static Table,
        ordinals: &[i64],
    ) -> Result<BTreeMap<i64, Vec<Value>>, StoreError> {
        let tail = self.among(ordinals);
        let rows = self.rows(table, &tail, &args(ordinals)).await?;
        rows.into_iter()
            .map(|row| match row[0] {
                Value::Int(ordinal) => Ok((ordinal, row)),
                _ => Err(StoreError::integrity(table.name, "a row does not parse")),
            })
            .collect()
    }

    async fn keys_of(&mut self, ordinals: &[i64]) -> Result<BTreeMap<i64, WrappedDataKey>, StoreError> {
        let sql = format!("select ordinal, id, kek, wrapped from keys.data_key {}", self.among(ordinals));
        let mut found = BTreeMap::new();
        for row in self.tx.all(built(sql), &args(ordinals)).await? {
            let id = row.slice(1)?.try_into().map_err(|_| StoreError::integrity("data_key", "id"))?;
            let key = WrappedDataKey { id: MemberId(id), kek: row.int(2)?, wrapped: row.bytes(3)? };
            found.insert(row.int(0)?, key);
        }
        Ok(found)
    }

    fn among(&self, ordinals: &[i64]) -> String {
        format!("where ordinal in ({})", self.tx.places(1, ordinals.len()))
    }
}

fn args(ordinals: &[i64]) -> Vec<Arg<'_>> {
    ordinals.iter().map(|o| Arg::Int(*o)).collect()
}
