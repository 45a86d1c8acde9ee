//! Wrong passwords lately, by account and by address. Operational: they decide only when one may try again.

use super::engine::Arg;
use super::{Store, StoreError, View};
use crate::clock::Micros;
use crate::keyring::Tag;

/// Wrong passwords in a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attempts {
    /// How many.
    pub failed: i64,
    /// When the last was.
    pub failed_at: Micros,
}

impl View<'_> {
    /// What is remembered under a tag.
    ///
    /// # Errors
    /// The database failed.
    pub async fn attempts(&mut self, tag: &Tag) -> Result<Attempts, StoreError> {
        let sql = "select failed, failed_at from attempt where tag = $1";
        let row = self.tx.maybe(sql, &[Arg::Bytes(tag)]).await?;
        let Some(row) = row else { return Ok(Attempts::default()) };
        Ok(Attempts { failed: row.int(0)?, failed_at: row.int(1)? })
    }
}

impl Store {
    /// Remembers another wrong password; those before `forgotten` count no more.
    ///
    /// # Errors
    /// The database failed.
    pub async fn attempt_failed(&self, tag: &Tag, at: Micros, forgotten: Micros) -> Result<(), StoreError> {
        let mut tx = self.engine.begin_write().await?;
        let sql = "insert into attempt (tag, failed, failed_at) values ($1, 1, $2) on conflict (tag) do update \
                   set failed = case when attempt.failed_at < $3 then 1 else attempt.failed + 1 end, \
                   failed_at = excluded.failed_at";
        tx.execute(sql, &[Arg::Bytes(tag), Arg::Int(at), Arg::Int(forgotten)]).await?;
        tx.execute("delete from attempt where failed_at < $1", &[Arg::Int(forgotten)]).await?;
        tx.commit().await
    }

    /// Forgets what is remembered under a tag.
    ///
    /// # Errors
    /// The database failed.
    pub async fn attempts_over(&self, tag: &Tag) -> Result<(), StoreError> {
        let mut tx = self.engine.begin_write().await?;
        tx.execute("delete from attempt where tag = $1", &[Arg::Bytes(tag)]).await?;
        tx.commit().await
    }
}
