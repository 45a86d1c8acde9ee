//! From when until when a person's signatures do not count.

use super::engine::Arg;
use super::table::{MEMBER_ATTRIBUTES, PERSON_HOLD, Value};
use super::{StoreError, View, Work};
use crate::clock::Micros;
use crate::model::code::codes;
use crate::model::ids::Login;

codes! {
    /// Why a person is held.
    HoldReason, "hold reason" {
        /// A signing key was enrolled, newly or instead of another.
        Key = "key",
        /// A role was given.
        Role = "role",
    }
}

/// A hold as stored; it covers `since` and ends before `until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Whose.
    pub login: Login,
    /// Why.
    pub reason: HoldReason,
    /// From when.
    pub since: Micros,
    /// Until when.
    pub until: Micros,
}

impl Hold {
    /// Whether a moment lies in it.
    pub fn covers(&self, at: Micros) -> bool {
        self.since <= at && at < self.until
    }
}

impl View<'_> {
    /// A person's holds, those that are over too, oldest first.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn holds(&mut self, login: &Login) -> Result<Vec<Hold>, StoreError> {
        let rows =
            self.rows(&PERSON_HOLD, "where login = $1 order by number", &[Arg::Text(login.as_str())]).await?;
        let malformed = || StoreError::integrity("person_hold", "a row does not parse");
        rows.iter().map(|r| parse(r).ok_or_else(malformed)).collect()
    }

    /// Whether there ever was a member. It is read from the sealed heads: members' blocks stay when members go, so
    /// nobody turns a vault back to one that is being set up.
    ///
    /// # Errors
    /// The database failed, or the heads are not those that were sealed.
    pub async fn had_members(&mut self) -> Result<bool, StoreError> {
        Ok(self.head().await?.heads.of(&MEMBER_ATTRIBUTES).rows > 0)
    }
}

impl Work<'_> {
    /// Holds a person; no hold is ever changed.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_hold(&mut self, hold: &Hold) -> Result<(), StoreError> {
        let number = self.view.holds(&hold.login).await?.len() as i64 + 1;
        let row = [
            Arg::Text(hold.login.as_str()),
            Arg::Int(number),
            Arg::Text(hold.reason.code()),
            Arg::Int(hold.since),
            Arg::Int(hold.until),
        ];
        self.insert(&PERSON_HOLD, &row).await
    }
}

fn parse(row: &[Value]) -> Option<Hold> {
    let [Value::Text(login), Value::Int(_), Value::Text(reason), Value::Int(since), Value::Int(until)] = row
    else {
        return None;
    };
    Some(Hold {
        login: Login::parse(login).ok()?,
        reason: HoldReason::parse(reason).ok()?,
        since: *since,
        until: *until,
    })
}
