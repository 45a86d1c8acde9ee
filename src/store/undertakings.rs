//! Who gave the confidentiality undertaking, when, and to which text (A10a).

use super::engine::Arg;
use super::table::{UNDERTAKING, Value};
use super::{StoreError, View, Work};
use crate::clock::Micros;
use crate::model::ids::{Digest, Login};

/// An undertaking as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndertakingRow {
    /// Whose.
    pub login: Login,
    /// Version of the text.
    pub version: String,
    /// SHA-256 of the text that was shown.
    pub digest: Digest,
    /// When.
    pub at: Micros,
}

impl View<'_> {
    /// A person's undertakings, oldest first.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn undertakings(&mut self, login: &Login) -> Result<Vec<UndertakingRow>, StoreError> {
        let rows =
            self.rows(&UNDERTAKING, "where login = $1 order by number", &[Arg::Text(login.as_str())]).await?;
        rows.iter().map(|r| parse(r).ok_or_else(malformed)).collect()
    }

    /// Everybody's, each person's oldest first.
    pub(crate) async fn all_undertakings(&mut self) -> Result<Vec<UndertakingRow>, StoreError> {
        let rows = self.rows(&UNDERTAKING, "order by login, number", &[]).await?;
        rows.iter().map(|r| parse(r).ok_or_else(malformed)).collect()
    }
}

impl Work<'_> {
    /// Adds an undertaking; none is ever changed.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_undertaking(&mut self, given: &UndertakingRow) -> Result<(), StoreError> {
        let number = self.view.undertakings(&given.login).await?.len() as i64 + 1;
        let row = [
            Arg::Text(given.login.as_str()),
            Arg::Int(number),
            Arg::Text(&given.version),
            Arg::Bytes(&given.digest.0),
            Arg::Int(given.at),
        ];
        self.insert(&UNDERTAKING, &row).await
    }
}

fn malformed() -> StoreError {
    StoreError::integrity("undertaking", "a row does not parse")
}

fn parse(row: &[Value]) -> Option<UndertakingRow> {
    let [Value::Text(login), Value::Int(_), Value::Text(version), Value::Bytes(digest), Value::Int(at)] = row
    else {
        return None;
    };
    Some(UndertakingRow {
        login: Login::parse(login).ok()?,
        version: version.clone(),
        digest: Digest(digest.as_slice().try_into().ok()?),
        at: *at,
    })
}
