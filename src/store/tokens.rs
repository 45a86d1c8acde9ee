//! Tokens for programs: whose, what for, until when, and the day on which each was last used.

use super::engine::Arg;
use super::table::{SERVICE_TOKEN, Value};
use super::{Store, StoreError, View, Work};
use crate::clock::Micros;
use crate::model::ids::{Digest, Login, UnitCode};
use crate::model::scope::Scopes;

/// A token as stored.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// 1, 2, 3 …
    pub id: i64,
    /// SHA-256 of its text.
    pub hash: Digest,
    /// Whose: it acts as this person.
    pub login: Login,
    /// What people call it.
    pub name: String,
    /// What it is made for.
    pub scopes: Scopes,
    /// It reaches what belongs to this unit and those under it.
    pub unit: UnitCode,
    /// When it was made.
    pub made_at: Micros,
    /// From when it is worth nothing.
    pub ends_at: Micros,
    /// When it was ended before that, and by whom; by nobody: with its owner's key or account.
    pub revoked: Option<(Option<Login>, Micros)>,
}

impl TokenRow {
    /// Whether it is good at a moment.
    pub fn holds_at(&self, at: Micros) -> bool {
        self.revoked.is_none() && at < self.ends_at
    }
}

impl View<'_> {
    /// Every token there ever was, by number.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn tokens(&mut self) -> Result<Vec<TokenRow>, StoreError> {
        let rows = self.rows(&SERVICE_TOKEN, "order by id", &[]).await?;
        let malformed = || StoreError::integrity("service_token", "a row does not parse");
        rows.iter().map(|r| parse(r).ok_or_else(malformed)).collect()
    }

    /// The beginning of the day on which a token was last used; none before its first use.
    ///
    /// # Errors
    /// The database failed.
    pub async fn token_seen(&mut self, id: i64) -> Result<Option<Micros>, StoreError> {
        let row = self.tx.maybe("select day from token_seen where id = $1", &[Arg::Int(id)]).await?;
        row.map(|row| row.int(0)).transpose()
    }
}

impl Work<'_> {
    /// Adds a token, or that it was ended.
    ///
    /// # Errors
    /// The database failed.
    pub async fn put_token(&mut self, token: &TokenRow) -> Result<(), StoreError> {
        let scopes = token.scopes.to_string();
        let (by, at) = match &token.revoked {
            Some((by, at)) => (by.as_ref().map_or(Arg::NullText, |by| Arg::Text(by.as_str())), Arg::Int(*at)),
            None => (Arg::NullText, Arg::NullInt),
        };
        let row = [
            Arg::Int(token.id),
            Arg::Bytes(&token.hash.0),
            Arg::Text(token.login.as_str()),
            Arg::Text(&token.name),
            Arg::Text(&scopes),
            Arg::Text(token.unit.as_str()),
            Arg::Int(token.made_at),
            Arg::Int(token.ends_at),
            by,
            at,
        ];
        self.put(&SERVICE_TOKEN, &row).await?;
        Ok(())
    }

    /// Ends every token of a person that is good at this moment, or everyone's; how many.
    ///
    /// # Errors
    /// The database failed.
    pub async fn end_tokens(&mut self, login: Option<&Login>) -> Result<u64, StoreError> {
        let (at, mut ended) = (self.at(), 0);
        for token in self.view.tokens().await? {
            if token.holds_at(at) && login.is_none_or(|login| *login == token.login) {
                self.put_token(&TokenRow { revoked: Some((None, at)), ..token }).await?;
                ended += 1;
            }
        }
        Ok(ended)
    }
}

impl Store {
    /// Records the day on which a token is used. No entry: it decides nothing.
    ///
    /// # Errors
    /// The database failed.
    pub async fn token_used(&self, id: i64, day: Micros) -> Result<(), StoreError> {
        let mut tx = self.engine.begin_write().await?;
        let sql = "insert into token_seen (id, day) values ($1, $2) on conflict (id) do update set day = excluded.day";
        tx.execute(sql, &[Arg::Int(id), Arg::Int(day)]).await?;
        tx.commit().await
    }
}

fn parse(row: &[Value]) -> Option<TokenRow> {
    let [
        Value::Int(id),
        Value::Bytes(hash),
        Value::Text(login),
        Value::Text(name),
        Value::Text(scopes),
        Value::Text(unit),
        Value::Int(made_at),
        Value::Int(ends_at),
        by,
        at,
    ] = row
    else {
        return None;
    };
    let revoked = match (by, at) {
        (Value::Null(_), Value::Null(_)) => None,
        (Value::Null(_), Value::Int(at)) => Some((None, *at)),
        (Value::Text(by), Value::Int(at)) => Some((Some(Login::parse(by).ok()?), *at)),
        _ => return None,
    };
    Some(TokenRow {
        id: *id,
        hash: Digest(hash.as_slice().try_into().ok()?),
        login: Login::parse(login).ok()?,
        name: name.clone(),
        scopes: Scopes::parse(scopes).ok()?,
        unit: UnitCode::parse(unit).ok()?,
        made_at: *made_at,
        ends_at: *ends_at,
        revoked,
    })
}
