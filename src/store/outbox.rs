//! Messages that wait to be sent, and how their receivers did. Operational: they say that there is something to look at, and
//! decide nothing.

use super::engine::{Arg, Row, Tx};
use super::{Store, StoreError, View};
use crate::clock::Micros;

/// A message to one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// The receiver's name in the settings.
    pub receiver: String,
    /// The entry it is about.
    pub seq: u64,
    /// What kind of message.
    pub kind: String,
    /// The number it names.
    pub number: String,
    /// The step it names; empty for none.
    pub step: String,
    /// When it was put here.
    pub made_at: Micros,
    /// How often it was tried.
    pub tries: u32,
}

/// How a receiver did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiverState {
    /// Its name in the settings.
    pub receiver: String,
    /// Messages that wait.
    pub waiting: u64,
    /// Messages that went out.
    pub sent: u64,
    /// Messages that were given up.
    pub dropped: u64,
    /// Why the newest one failed; empty when it went out.
    pub why: String,
}

impl OutboxRow {
    /// Puts it in, due at once; one that is there stays as it is.
    pub(super) async fn insert(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let sql = "insert into outbox (receiver, seq, kind, number, step, made_at, tries, next_at) \
                   values ($1, $2, $3, $4, $5, $6, 0, $6) on conflict (receiver, seq, kind) do nothing";
        let row = [
            Arg::Text(&self.receiver),
            Arg::Int(self.seq as i64),
            Arg::Text(&self.kind),
            Arg::Text(&self.number),
            Arg::Text(&self.step),
            Arg::Int(self.made_at),
        ];
        tx.execute(sql, &row).await?;
        Ok(())
    }
}

impl View<'_> {
    /// Messages whose time has come, oldest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn outbox_due(&mut self, now: Micros, most: usize) -> Result<Vec<OutboxRow>, StoreError> {
        let sql = "select receiver, seq, kind, number, step, made_at, tries from outbox where next_at <= $1 \
                   order by next_at, seq limit $2";
        let rows = self.tx.all(sql, &[Arg::Int(now), Arg::Int(most as i64)]).await?;
        let read = |row: &Row| -> Result<OutboxRow, StoreError> {
            Ok(OutboxRow {
                receiver: row.text(0)?,
                seq: row.int(1)? as u64,
                kind: row.text(2)?,
                number: row.text(3)?,
                step: row.text(4)?,
                made_at: row.int(5)?,
                tries: u32::try_from(row.int(6)?).unwrap_or(u32::MAX),
            })
        };
        rows.iter().map(read).collect()
    }

    /// How each receiver did, by name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn receivers(&mut self) -> Result<Vec<ReceiverState>, StoreError> {
        let sql = "select r.receiver, r.sent, r.dropped, r.why, \
                   (select count(*) from outbox as o where o.receiver = r.receiver) \
                   from receiver as r order by r.receiver";
        let rows = self.tx.all(sql, &[]).await?;
        let read = |row: &Row| -> Result<ReceiverState, StoreError> {
            Ok(ReceiverState {
                receiver: row.text(0)?,
                sent: row.int(1)? as u64,
                dropped: row.int(2)? as u64,
                why: row.text(3)?,
                waiting: row.int(4)? as u64,
            })
        };
        rows.iter().map(read).collect()
    }
}

impl Store {
    /// Takes a message out, sent or given up (`why` says for what).
    ///
    /// # Errors
    /// The database failed.
    pub async fn outbox_done(&self, row: &OutboxRow, why: Option<&str>) -> Result<(), StoreError> {
        let mut tx = self.engine.begin_write().await?;
        let key = [Arg::Text(&row.receiver), Arg::Int(row.seq as i64), Arg::Text(&row.kind)];
        tx.execute("delete from outbox where receiver = $1 and seq = $2 and kind = $3", &key).await?;
        let (sent, dropped) = if why.is_none() { (1, 0) } else { (0, 1) };
        let sql = "insert into receiver (receiver, sent, dropped, why) values ($1, $2, $3, $4) \
                   on conflict (receiver) do update set sent = receiver.sent + $2, \
                   dropped = receiver.dropped + $3, why = $4";
        let state =
            [Arg::Text(&row.receiver), Arg::Int(sent), Arg::Int(dropped), Arg::Text(why.unwrap_or_default())];
        tx.execute(sql, &state).await?;
        tx.commit().await
    }

    /// Leaves a message for later.
    ///
    /// # Errors
    /// The database failed.
    pub async fn outbox_later(&self, row: &OutboxRow, at: Micros, why: &str) -> Result<(), StoreError> {
        let mut tx = self.engine.begin_write().await?;
        let sql = "update outbox set tries = tries + 1, next_at = $4 where receiver = $1 and seq = $2 and kind = $3";
        let key = [Arg::Text(&row.receiver), Arg::Int(row.seq as i64), Arg::Text(&row.kind), Arg::Int(at)];
        tx.execute(sql, &key).await?;
        let sql = "insert into receiver (receiver, sent, dropped, why) values ($1, 0, 0, $2) \
                   on conflict (receiver) do update set why = $2";
        tx.execute(sql, &[Arg::Text(&row.receiver), Arg::Text(why)]).await?;
        tx.commit().await
    }
}
