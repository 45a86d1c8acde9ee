//! Answers kept for who may ask again. Operational: what is read here is opened before it is told, and where a row is gone
//! something is done once more.

use super::engine::{Arg, Tx};
use super::{Store, StoreError};
use crate::clock::Micros;
use crate::keyring::Tag;

/// Something that is being done, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// When it was first asked.
    pub begun_at: Micros,
    /// Until when whoever does it is believed to be alive.
    pub held_until: Micros,
    /// Keyed digest of what was asked, and the sealed answer; none until it is done.
    pub answer: Option<(Tag, Vec<u8>)>,
}

impl Store {
    /// Begins something under a tag; what was begun under it before `forgotten` counts no more. None: it is the caller's to
    /// do. Otherwise what stands there, which is looked for without a turn first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn answer_begin(
        &self,
        tag: &Tag,
        (at, until, forgotten): (Micros, Micros, Micros),
    ) -> Result<Option<KeptAnswer>, StoreError> {
        if let Some(found) = found(&mut self.engine.begin_read().await?, tag, forgotten).await? {
            return Ok(Some(found));
        }
        let mut tx = self.engine.begin_write().await?;
        if let Some(found) = found(&mut tx, tag, forgotten).await? {
            return Ok(Some(found));
        }
        let sql = "delete from kept_answer where tag = $1";
        tx.execute(sql, &[Arg::Bytes(tag)]).await?;
        let sql = "insert into kept_answer (tag, begun_at, held_until) values ($1, $2, $3)";
        tx.execute(sql, &[Arg::Bytes(tag), Arg::Int(at), Arg::Int(until)]).await?;
        tx.commit().await?;
        Ok(None)
    }

    /// It is still being done, or, `until` now, no longer.
    ///
    /// # Errors
    /// The database failed.
    pub async fn answer_held(&self, tag: &Tag, begun_at: Micros, until: Micros) -> Result<(), StoreError> {
        let sql = "update kept_answer set held_until = $3 where tag = $1 and begun_at = $2";
        self.answer_change(sql, &[Arg::Bytes(tag), Arg::Int(begun_at), Arg::Int(until)]).await
    }

    /// It is done: what was asked, and what was answered.
    ///
    /// # Errors
    /// The database failed.
    pub async fn answer_done(
        &self,
        tag: &Tag,
        begun_at: Micros,
        digest: &Tag,
        answer: &[u8],
    ) -> Result<(), StoreError> {
        let sql = "update kept_answer set digest = $3, answer = $4 where tag = $1 and begun_at = $2";
        let args = [Arg::Bytes(tag), Arg::Int(begun_at), Arg::Bytes(digest), Arg::Bytes(answer)];
        self.answer_change(sql, &args).await
    }

    /// It was not done: the next who asks may do it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn answer_dropped(&self, tag: &Tag, begun_at: Micros) -> Result<(), StoreError> {
        let sql = "delete from kept_answer where tag = $1 and begun_at = $2";
        self.answer_change(sql, &[Arg::Bytes(tag), Arg::Int(begun_at)]).await
    }

    /// Forgets what was begun until then; whether there was any.
    ///
    /// # Errors
    /// The database failed.
    pub async fn answers_forget(&self, until: Micros) -> Result<bool, StoreError> {
        let old = "select 1 from kept_answer where begun_at <= $1 limit 1";
        if self.engine.begin_read().await?.maybe(old, &[Arg::Int(until)]).await?.is_none() {
            return Ok(false);
        }
        self.answer_change("delete from kept_answer where begun_at <= $1", &[Arg::Int(until)]).await?;
        Ok(true)
    }

    async fn answer_change(&self, sql: &'static str, args: &[Arg<'_>]) -> Result<(), StoreError> {
        let mut tx = self.engine.begin_write().await?;
        tx.execute(sql, args).await?;
        tx.commit().await
    }
}

async fn found(tx: &mut Tx, tag: &Tag, forgotten: Micros) -> Result<Option<KeptAnswer>, StoreError> {
    let sql = "select begun_at, held_until, digest, answer from kept_answer where tag = $1 and begun_at > $2";
    let Some(row) = tx.maybe(sql, &[Arg::Bytes(tag), Arg::Int(forgotten)]).await? else { return Ok(None) };
    let digest = row.maybe_slice(2)?.map(Tag::try_from).transpose();
    let digest = digest.map_err(|_| StoreError::integrity("kept_answer", "a digest has another length"))?;
    let answer = row.maybe_slice(3)?.map(<[u8]>::to_vec);
    Ok(Some(KeptAnswer { begun_at: row.int(0)?, held_until: row.int(1)?, answer: digest.zip(answer) }))
}
