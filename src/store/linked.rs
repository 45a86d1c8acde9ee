//! Accounts at the company's identity provider, as people linked them to themselves.

use super::engine::Arg;
use super::table::{LINKED_ACCOUNT, Value};
use super::{StoreError, View, Work};
use crate::clock::Micros;
use crate::model::ids::{Digest, Login};

/// A linked account.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkedAccount {
    /// Hash of the provider's issuer and the person's subject there.
    pub identity: Digest,
    /// Whose.
    pub login: Login,
    /// Since when.
    pub linked_at: Micros,
}

impl LinkedAccount {
    fn args(&self) -> [Arg<'_>; 3] {
        [Arg::Bytes(&self.identity.0), Arg::Text(self.login.as_str()), Arg::Int(self.linked_at)]
    }
}

impl View<'_> {
    /// Whose account it is.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn linked_account(&mut self, identity: &Digest) -> Result<Option<LinkedAccount>, StoreError> {
        let row = self.row(&LINKED_ACCOUNT, &[Arg::Bytes(&identity.0)]).await?;
        row.map(|row| parse(&row).ok_or_else(malformed)).transpose()
    }

    /// A person's account.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn linked_account_of(&mut self, login: &Login) -> Result<Option<LinkedAccount>, StoreError> {
        let rows = self.rows(&LINKED_ACCOUNT, "where login = $1", &[Arg::Text(login.as_str())]).await?;
        rows.first().map(|row| parse(row).ok_or_else(malformed)).transpose()
    }
}

impl Work<'_> {
    /// Links an account.
    ///
    /// # Errors
    /// The database failed; the account or the person is linked already.
    pub async fn put_linked_account(&mut self, linked: &LinkedAccount) -> Result<(), StoreError> {
        self.put(&LINKED_ACCOUNT, &linked.args()).await?;
        Ok(())
    }

    /// Unlinks a person's account, or everybody's; how many.
    ///
    /// # Errors
    /// The database failed, or a row is another one.
    pub async fn drop_linked_accounts(&mut self, login: Option<&Login>) -> Result<u64, StoreError> {
        let rows = self.view.rows(&LINKED_ACCOUNT, "order by identity", &[]).await?;
        let mut dropped = 0;
        for row in &rows {
            let linked = parse(row).ok_or_else(malformed)?;
            if login.is_none_or(|login| *login == linked.login) {
                self.delete(&LINKED_ACCOUNT, &linked.args()).await?;
                dropped += 1;
            }
        }
        Ok(dropped)
    }
}

fn malformed() -> StoreError {
    StoreError::integrity("linked_account", "a row does not parse")
}

fn parse(row: &[Value]) -> Option<LinkedAccount> {
    let [Value::Bytes(identity), Value::Text(login), Value::Int(linked_at)] = row else { return None };
    Some(LinkedAccount {
        identity: Digest(identity.as_slice().try_into().ok()?),
        login: Login::parse(login).ok()?,
        linked_at: *linked_at,
    })
}
