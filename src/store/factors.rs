//! Second factors: the secret of time-based codes, recovery codes, passkeys; and challenges that were handed out.

use super::engine::Arg;
use super::table::{FACTOR_TOTP, PASSKEY, RECOVERY_CODE, Value, args};
use super::{Store, StoreError, View, Work};
use crate::clock::Micros;
use crate::model::ids::{Digest, Login};

/// A secret of time-based codes.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpRow {
    /// Whose.
    pub login: Login,
    /// Sealed.
    pub secret: Vec<u8>,
    /// When its first code was given; before that it is asked for nowhere.
    pub confirmed_at: Option<Micros>,
    /// Step of the last code that was used: it and those before are used up.
    pub last_step: i64,
}

/// A code for who lost the device; good once.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryRow {
    /// Whose.
    pub login: Login,
    /// SHA-256 of it.
    pub code_hash: Digest,
    /// When it was used.
    pub used_at: Option<Micros>,
}

/// A passkey.
#[derive(Clone, PartialEq, Eq)]
pub struct PasskeyRow {
    /// Whose.
    pub login: Login,
    /// SHA-256 of its credential id: its name in the API.
    pub id: Digest,
    /// What its owner calls it.
    pub name: String,
    /// Its public key and properties, JSON.
    pub key: String,
    /// Highest signature counter seen; 0 for those that do not count.
    pub counter: i64,
    /// When it was added.
    pub added_at: Micros,
}

/// A challenge that was handed out.
pub struct Challenge {
    /// Whose.
    pub login: Login,
    /// What has to be answered, sealed.
    pub state: Vec<u8>,
    /// Until when.
    pub ends_at: Micros,
}

impl View<'_> {
    /// A person's secret of time-based codes, confirmed or not.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn totp(&mut self, login: &Login) -> Result<Option<TotpRow>, StoreError> {
        let row = self.row(&FACTOR_TOTP, &[Arg::Text(login.as_str())]).await?;
        row.map(|r| totp(&r).ok_or_else(|| malformed("factor_totp"))).transpose()
    }

    /// A person's recovery codes, used ones too.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn recovery_codes(&mut self, login: &Login) -> Result<Vec<RecoveryRow>, StoreError> {
        let tail = "where login = $1 order by code_hash";
        let rows = self.rows(&RECOVERY_CODE, tail, &[Arg::Text(login.as_str())]).await?;
        rows.iter().map(|r| recovery(r).ok_or_else(|| malformed("recovery_code"))).collect()
    }

    /// A person's passkeys, oldest first.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn passkeys(&mut self, login: &Login) -> Result<Vec<PasskeyRow>, StoreError> {
        let tail = "where login = $1 order by added_at, id";
        let rows = self.rows(&PASSKEY, tail, &[Arg::Text(login.as_str())]).await?;
        rows.iter().map(|r| passkey(r).ok_or_else(|| malformed("passkey"))).collect()
    }
}

impl Work<'_> {
    /// Stores a secret, or that a code of it was used.
    ///
    /// # Errors
    /// The database failed.
    pub async fn put_totp(&mut self, t: &TotpRow) -> Result<(), StoreError> {
        let row = [
            Arg::Text(t.login.as_str()),
            Arg::Bytes(&t.secret),
            t.confirmed_at.map_or(Arg::NullInt, Arg::Int),
            Arg::Int(t.last_step),
        ];
        self.put(&FACTOR_TOTP, &row).await?;
        Ok(())
    }

    /// Takes a person's secret away.
    ///
    /// # Errors
    /// The database failed.
    pub async fn drop_totp(&mut self, login: &Login) -> Result<(), StoreError> {
        if let Some(old) = self.view.row(&FACTOR_TOTP, &[Arg::Text(login.as_str())]).await? {
            self.delete(&FACTOR_TOTP, &args(&old)).await?;
        }
        Ok(())
    }

    /// Stores a recovery code, or that it was used.
    ///
    /// # Errors
    /// The database failed.
    pub async fn put_recovery_code(&mut self, code: &RecoveryRow) -> Result<(), StoreError> {
        self.put(&RECOVERY_CODE, &recovery_args(code)).await?;
        Ok(())
    }

    /// Takes a person's recovery codes away.
    ///
    /// # Errors
    /// The database failed.
    pub async fn drop_recovery_codes(&mut self, login: &Login) -> Result<(), StoreError> {
        for code in self.view.recovery_codes(login).await? {
            self.delete(&RECOVERY_CODE, &recovery_args(&code)).await?;
        }
        Ok(())
    }

    /// Stores a passkey, or what its use changed.
    ///
    /// # Errors
    /// The database failed.
    pub async fn put_passkey(&mut self, key: &PasskeyRow) -> Result<(), StoreError> {
        self.put(&PASSKEY, &passkey_args(key)).await?;
        Ok(())
    }

    /// Takes a passkey away.
    ///
    /// # Errors
    /// The database failed.
    pub async fn drop_passkey(&mut self, key: &PasskeyRow) -> Result<(), StoreError> {
        self.delete(&PASSKEY, &passkey_args(key)).await
    }

    /// Takes a challenge out: it is answered once, rightly or not.
    ///
    /// # Errors
    /// The database failed.
    pub async fn take_challenge(&mut self, id: &Digest) -> Result<Option<Challenge>, StoreError> {
        let sql = "select login, state, ends_at from passkey_challenge where id = $1";
        let Some(row) = self.view.tx.maybe(sql, &[Arg::Bytes(&id.0)]).await? else { return Ok(None) };
        let login = Login::parse(&row.text(0)?).map_err(|_| malformed("passkey_challenge"))?;
        let found = Challenge { login, state: row.bytes(1)?, ends_at: row.int(2)? };
        self.view.tx.execute("delete from passkey_challenge where id = $1", &[Arg::Bytes(&id.0)]).await?;
        Ok(Some(found))
    }
}

impl Store {
    /// Keeps a challenge; those that ended before `at` go. No entry: what it leads to has one, and its state is sealed.
    ///
    /// # Errors
    /// The database failed.
    pub async fn put_challenge(&self, id: &Digest, given: &Challenge, at: Micros) -> Result<(), StoreError> {
        let mut tx = self.engine.begin_write().await?;
        tx.execute("delete from passkey_challenge where ends_at < $1", &[Arg::Int(at)]).await?;
        let row = [
            Arg::Bytes(&id.0),
            Arg::Text(given.login.as_str()),
            Arg::Bytes(&given.state),
            Arg::Int(given.ends_at),
        ];
        tx.execute("insert into passkey_challenge (id, login, state, ends_at) values ($1, $2, $3, $4)", &row)
            .await?;
        tx.commit().await
    }
}

fn recovery_args(code: &RecoveryRow) -> [Arg<'_>; 3] {
    let used = code.used_at.map_or(Arg::NullInt, Arg::Int);
    [Arg::Text(code.login.as_str()), Arg::Bytes(&code.code_hash.0), used]
}

fn passkey_args(key: &PasskeyRow) -> [Arg<'_>; 6] {
    [
        Arg::Text(key.login.as_str()),
        Arg::Bytes(&key.id.0),
        Arg::Text(&key.name),
        Arg::Text(&key.key),
        Arg::Int(key.counter),
        Arg::Int(key.added_at),
    ]
}

fn malformed(table: &'static str) -> StoreError {
    StoreError::integrity(table, "a row does not parse")
}

fn maybe(value: &Value) -> Option<Micros> {
    if let Value::Int(at) = value { Some(*at) } else { None }
}

fn totp(row: &[Value]) -> Option<TotpRow> {
    let [Value::Text(login), Value::Bytes(secret), confirmed, Value::Int(last_step)] = row else {
        return None;
    };
    Some(TotpRow {
        login: Login::parse(login).ok()?,
        secret: secret.clone(),
        confirmed_at: maybe(confirmed),
        last_step: *last_step,
    })
}

fn recovery(row: &[Value]) -> Option<RecoveryRow> {
    let [Value::Text(login), Value::Bytes(hash), used] = row else { return None };
    Some(RecoveryRow {
        login: Login::parse(login).ok()?,
        code_hash: Digest(hash.as_slice().try_into().ok()?),
        used_at: maybe(used),
    })
}

fn passkey(row: &[Value]) -> Option<PasskeyRow> {
    let [
        Value::Text(login),
        Value::Bytes(id),
        Value::Text(name),
        Value::Text(key),
        Value::Int(counter),
        Value::Int(added_at),
    ] = row
    else {
        return None;
    };
    Some(PasskeyRow {
        login: Login::parse(login).ok()?,
        id: Digest(id.as_slice().try_into().ok()?),
        name: name.clone(),
        key: key.clone(),
        counter: *counter,
        added_at: *added_at,
    })
}
