//! Who is signed in, and when each session was last used.

use super::engine::Arg;
use super::table::{SESSION, Value};
use super::{Store, StoreError, View, Work};
use crate::clock::Micros;
use crate::model::ids::{Digest, Login};

/// A session as stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// SHA-256 of its token.
    pub id: Digest,
    /// Whose.
    pub login: Login,
    /// When it was opened.
    pub opened_at: Micros,
    /// When the password was last given.
    pub stepped_at: Micros,
    /// The signing key's seed, sealed under the token.
    pub seed: Vec<u8>,
}

impl SessionRow {
    fn args(&self) -> [Arg<'_>; 5] {
        [
            Arg::Bytes(&self.id.0),
            Arg::Text(self.login.as_str()),
            Arg::Int(self.opened_at),
            Arg::Int(self.stepped_at),
            Arg::Bytes(&self.seed),
        ]
    }
}

impl View<'_> {
    /// A session by the hash of its token.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn session(&mut self, id: &Digest) -> Result<Option<SessionRow>, StoreError> {
        let row = self.row(&SESSION, &[Arg::Bytes(&id.0)]).await?;
        row.map(|r| parse(&r).ok_or_else(malformed)).transpose()
    }

    /// Every session there is, ended by time ones too.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn sessions(&mut self) -> Result<Vec<SessionRow>, StoreError> {
        let rows = self.rows(&SESSION, "order by id", &[]).await?;
        rows.iter().map(|r| parse(r).ok_or_else(malformed)).collect()
    }

    /// When a session was last used, to the minute; none before its first use.
    ///
    /// # Errors
    /// The database failed.
    pub async fn session_seen(&mut self, id: &Digest) -> Result<Option<Micros>, StoreError> {
        let row = self.tx.maybe("select at from session_seen where id = $1", &[Arg::Bytes(&id.0)]).await?;
        row.map(|row| row.int(0)).transpose()
    }
}

impl Work<'_> {
    /// Opens a session, or records a step-up of one.
    ///
    /// # Errors
    /// The database failed.
    pub async fn put_session(&mut self, session: &SessionRow) -> Result<(), StoreError> {
        self.put(&SESSION, &session.args()).await?;
        Ok(())
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The database failed, or its row is another one.
    pub async fn drop_session(&mut self, session: &SessionRow) -> Result<(), StoreError> {
        self.delete(&SESSION, &session.args()).await?;
        self.view.tx.execute("delete from session_seen where id = $1", &[Arg::Bytes(&session.id.0)]).await?;
        Ok(())
    }

    /// Ends every session of a person, and of anyone those opened before a moment; how many.
    ///
    /// # Errors
    /// The database failed.
    pub async fn drop_sessions(&mut self, login: Option<&Login>, before: Micros) -> Result<u64, StoreError> {
        let mut dropped = 0;
        for session in self.view.sessions().await? {
            if login == Some(&session.login) || session.opened_at < before {
                self.drop_session(&session).await?;
                dropped += 1;
            }
        }
        Ok(dropped)
    }
}

impl Store {
    /// Records that a session is used. No entry: it decides nothing but when an unused session ends.
    ///
    /// # Errors
    /// The database failed.
    pub async fn session_used(&self, id: &Digest, at: Micros) -> Result<(), StoreError> {
        let mut tx = self.engine.begin_write().await?;
        let sql = "insert into session_seen (id, at) values ($1, $2) on conflict (id) do update set at = excluded.at";
        tx.execute(sql, &[Arg::Bytes(&id.0), Arg::Int(at)]).await?;
        tx.commit().await
    }
}

fn malformed() -> StoreError {
    StoreError::integrity("session", "a row does not parse")
}

fn parse(row: &[Value]) -> Option<SessionRow> {
    let [Value::Bytes(id), Value::Text(login), Value::Int(opened), Value::Int(stepped), Value::Bytes(seed)] =
        row
    else {
        return None;
    };
    Some(SessionRow {
        id: Digest(id.as_slice().try_into().ok()?),
        login: Login::parse(login).ok()?,
        opened_at: *opened,
        stepped_at: *stepped,
        seed: seed.clone(),
    })
}
