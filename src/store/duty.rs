//! What one process at a time does for a vault, and how far it came. Operational: who does it twice does harm to nobody.

use super::engine::Arg;
use super::outbox::OutboxRow;
use super::{Store, StoreError};
use crate::clock::Micros;

impl Store {
    /// Takes up a duty, or keeps it, until a moment; how far it was done. None while another process has it. A duty that
    /// nobody ever did begins at `from`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn take_duty(
        &self,
        name: &str,
        holder: &[u8; 16],
        until: Micros,
        from: u64,
    ) -> Result<Option<u64>, StoreError> {
        let now = self.clock.now();
        let mut tx = self.engine.begin_write().await?;
        let sql = "insert into duty (name, holder, until, place) values ($1, $2, $3, $4) on conflict (name) do nothing";
        let row = [Arg::Text(name), Arg::Bytes(holder), Arg::Int(until), Arg::Int(from as i64)];
        tx.execute(sql, &row).await?;
        let sql = "update duty set holder = $2, until = $3 where name = $1 and (holder = $2 or until <= $4)";
        let taken =
            tx.execute(sql, &[Arg::Text(name), Arg::Bytes(holder), Arg::Int(until), Arg::Int(now)]).await?;
        if taken == 0 {
            return Ok(None);
        }
        let place = tx.one("select place from duty where name = $1", &[Arg::Text(name)]).await?.int(0)?;
        tx.commit().await?;
        Ok(Some(u64::try_from(place).unwrap_or(0)))
    }

    /// Records how far a duty was done, and with it the messages it gave rise to; whether it is still this holder's.
    /// If it is not, nothing is stored.
    ///
    /// # Errors
    /// The database failed.
    pub async fn duty_done(
        &self,
        name: &str,
        holder: &[u8; 16],
        place: u64,
        outbox: &[OutboxRow],
    ) -> Result<bool, StoreError> {
        let mut tx = self.engine.begin_write().await?;
        let sql = "update duty set place = $3 where name = $1 and holder = $2";
        let done =
            tx.execute(sql, &[Arg::Text(name), Arg::Bytes(holder), Arg::Int(place as i64)]).await? == 1;
        if !done {
            return Ok(false);
        }
        for row in outbox {
            row.insert(&mut tx).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Gives a duty up, so that another process need not wait until it ends by itself.
    ///
    /// # Errors
    /// The database failed.
    pub async fn leave_duty(&self, name: &str, holder: &[u8; 16]) -> Result<(), StoreError> {
        let mut tx = self.engine.begin_write().await?;
        let sql = "update duty set until = 0 where name = $1 and holder = $2";
        tx.execute(sql, &[Arg::Text(name), Arg::Bytes(holder)]).await?;
        tx.commit().await
    }
}
