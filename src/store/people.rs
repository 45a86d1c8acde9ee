//! Units, people, roles, credentials, enrolments.

use super::engine::Arg;
use super::table::{CREDENTIAL, ENROLMENT, PERSON, ROLE_GRANT, UNIT, Value};
use super::{StoreError, View, Work};
use crate::clock::Micros;
use crate::model::code::{Function, Rank, Role, UnitKind};
use crate::model::ids::{Login, UnitCode};
use crate::model::org::Unit;

/// A person as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Login.
    pub login: Login,
    /// Name, for colleagues to read.
    pub name: String,
    /// Home unit.
    pub unit: UnitCode,
    /// Rank.
    pub rank: Rank,
    /// A suspended person does nothing, and what they signed on pending requests does not count.
    pub suspended: bool,
}

/// A role a person holds at a unit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleGrant {
    /// Who.
    pub login: Login,
    /// Which role.
    pub role: Role,
    /// Where.
    pub unit: UnitCode,
}

/// A signing key at rest. Its seed opens only with the password and the vault's share.
#[derive(Clone)]
pub struct Credential {
    /// Whose.
    pub login: Login,
    /// 1, 2, 3 …; the highest is the current one.
    pub number: i64,
    /// argon2id salt.
    pub salt: Vec<u8>,
    /// Ed25519 public key.
    pub public_key: [u8; 32],
    /// Sealed seed.
    pub sealed_seed: Vec<u8>,
    /// Log position of the enrolment.
    pub enrolled_seq: u64,
    /// Log position at which it ended.
    pub ended_seq: Option<u64>,
}

/// A one-time code, hashed.
#[derive(Clone)]
pub struct Enrolment {
    /// Whose.
    pub login: Login,
    /// SHA-256 of the code.
    pub code_hash: Vec<u8>,
    /// When it stops working.
    pub expires_at: Micros,
}

impl View<'_> {
    /// All units.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn units(&mut self) -> Result<Vec<Unit>, StoreError> {
        self.rows(&UNIT, "order by code", &[])
            .await?
            .iter()
            .map(|r| unit(r).ok_or_else(|| malformed("unit")))
            .collect()
    }

    /// All people.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn people(&mut self) -> Result<Vec<Person>, StoreError> {
        let rows = self.rows(&PERSON, "order by login", &[]).await?;
        rows.iter().map(|r| person(r).ok_or_else(|| malformed("person"))).collect()
    }

    /// One person.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn person(&mut self, login: &Login) -> Result<Option<Person>, StoreError> {
        let row = self.row(&PERSON, &[Arg::Text(login.as_str())]).await?;
        row.map(|r| person(&r).ok_or_else(|| malformed("person"))).transpose()
    }

    /// Every role held.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn role_grants(&mut self) -> Result<Vec<RoleGrant>, StoreError> {
        let rows = self.rows(&ROLE_GRANT, "order by login, role, unit", &[]).await?;
        rows.iter().map(|r| role_grant(r).ok_or_else(|| malformed("role_grant"))).collect()
    }

    /// A person's signing keys, oldest first.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn credentials(&mut self, login: &Login) -> Result<Vec<Credential>, StoreError> {
        let rows =
            self.rows(&CREDENTIAL, "where login = $1 order by number", &[Arg::Text(login.as_str())]).await?;
        rows.iter().map(|r| credential(r).ok_or_else(|| malformed("credential"))).collect()
    }

    /// A person's open enrolment code.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn enrolment(&mut self, login: &Login) -> Result<Option<Enrolment>, StoreError> {
        let row = self.row(&ENROLMENT, &[Arg::Text(login.as_str())]).await?;
        row.map(|r| match &r[..] {
            [_, Value::Bytes(hash), Value::Int(at)] => {
                Ok(Enrolment { login: login.clone(), code_hash: hash.clone(), expires_at: *at })
            }
            _ => Err(malformed("enrolment")),
        })
        .transpose()
    }
}

impl Work<'_> {
    /// Adds or changes a unit; whether anything changed.
    ///
    /// # Errors
    /// The database failed.
    pub async fn put_unit(&mut self, unit: &Unit) -> Result<bool, StoreError> {
        let row = [
            Arg::Text(unit.code.as_str()),
            Arg::Text(unit.kind.code()),
            Arg::maybe_text(unit.function.map(Function::code)),
            Arg::maybe_text(unit.parent.as_ref().map(UnitCode::as_str)),
            Arg::Text(&unit.name_zh),
            Arg::Text(&unit.name_en),
        ];
        self.put(&UNIT, &row).await
    }

    /// Adds or changes a person; whether anything changed.
    ///
    /// # Errors
    /// The database failed.
    pub async fn put_person(&mut self, person: &Person) -> Result<bool, StoreError> {
        let row = [
            Arg::Text(person.login.as_str()),
            Arg::Text(&person.name),
            Arg::Text(person.unit.as_str()),
            Arg::Text(person.rank.code()),
            Arg::Int(i64::from(person.suspended)),
        ];
        self.put(&PERSON, &row).await
    }

    /// Grants a role; whether it is new.
    ///
    /// # Errors
    /// The database failed.
    pub async fn grant_role(&mut self, grant: &RoleGrant) -> Result<bool, StoreError> {
        let row =
            [Arg::Text(grant.login.as_str()), Arg::Text(grant.role.code()), Arg::Text(grant.unit.as_str())];
        if self.view.row(&ROLE_GRANT, &row).await?.is_some() {
            return Ok(false);
        }
        self.insert(&ROLE_GRANT, &row).await?;
        Ok(true)
    }

    /// Takes a role away; whether it was held.
    ///
    /// # Errors
    /// The database failed.
    pub async fn revoke_role(&mut self, grant: &RoleGrant) -> Result<bool, StoreError> {
        let row =
            [Arg::Text(grant.login.as_str()), Arg::Text(grant.role.code()), Arg::Text(grant.unit.as_str())];
        let Some(old) = self.view.row(&ROLE_GRANT, &row).await? else { return Ok(false) };
        self.delete(&ROLE_GRANT, &super::table::args(&old)).await?;
        Ok(true)
    }

    /// Enrols a new signing key; the one before it ends at this log position.
    ///
    /// # Errors
    /// The database failed.
    pub async fn enrol_key(
        &mut self,
        login: &Login,
        salt: &[u8],
        public_key: &[u8; 32],
        sealed_seed: &[u8],
    ) -> Result<i64, StoreError> {
        self.end_key(login).await?;
        let number = self.view().credentials(login).await?.last().map_or(1, |c| c.number + 1);
        let row = [
            Arg::Text(login.as_str()),
            Arg::Int(number),
            Arg::Bytes(salt),
            Arg::Bytes(public_key),
            Arg::Bytes(sealed_seed),
            Arg::Int(self.seq() as i64),
            Arg::NullInt,
        ];
        self.insert(&CREDENTIAL, &row).await?;
        self.take_enrolment(login).await?;
        Ok(number)
    }

    /// Ends a person's current signing key at this log position: from here it signs nothing, and what
    /// it signed on pending requests is void.
    ///
    /// # Errors
    /// The database failed.
    pub async fn end_key(&mut self, login: &Login) -> Result<(), StoreError> {
        let at = Value::Int(self.seq() as i64);
        let sql = "where login = $1 and ended_seq is null";
        for old in self.view.rows(&CREDENTIAL, sql, &[Arg::Text(login.as_str())]).await? {
            let mut new = old.clone();
            new[6] = at.clone();
            self.update(&CREDENTIAL, &super::table::args(&old), &super::table::args(&new)).await?;
        }
        Ok(())
    }

    /// Opens enrolment with a one-time code's hash, instead of any before it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn put_enrolment(&mut self, enrolment: &Enrolment) -> Result<(), StoreError> {
        let row = [
            Arg::Text(enrolment.login.as_str()),
            Arg::Bytes(&enrolment.code_hash),
            Arg::Int(enrolment.expires_at),
        ];
        self.put(&ENROLMENT, &row).await?;
        Ok(())
    }

    async fn take_enrolment(&mut self, login: &Login) -> Result<(), StoreError> {
        if let Some(old) = self.view.row(&ENROLMENT, &[Arg::Text(login.as_str())]).await? {
            self.delete(&ENROLMENT, &super::table::args(&old)).await?;
        }
        Ok(())
    }
}

fn malformed(table: &'static str) -> StoreError {
    StoreError::integrity(table, "a row does not parse")
}

fn unit(row: &[Value]) -> Option<Unit> {
    let [Value::Text(code), Value::Text(kind), function, parent, Value::Text(zh), Value::Text(en)] = row
    else {
        return None;
    };
    Some(Unit {
        code: UnitCode::parse(code).ok()?,
        kind: UnitKind::parse(kind).ok()?,
        function: match function {
            Value::Text(f) => Some(Function::parse(f).ok()?),
            _ => None,
        },
        parent: match parent {
            Value::Text(p) => Some(UnitCode::parse(p).ok()?),
            _ => None,
        },
        name_zh: zh.clone(),
        name_en: en.clone(),
    })
}

fn person(row: &[Value]) -> Option<Person> {
    let [Value::Text(login), Value::Text(name), Value::Text(unit), Value::Text(rank), Value::Int(suspended)] =
        row
    else {
        return None;
    };
    Some(Person {
        login: Login::parse(login).ok()?,
        name: name.clone(),
        unit: UnitCode::parse(unit).ok()?,
        rank: Rank::parse(rank).ok()?,
        suspended: *suspended != 0,
    })
}

fn role_grant(row: &[Value]) -> Option<RoleGrant> {
    let [Value::Text(login), Value::Text(role), Value::Text(unit)] = row else { return None };
    Some(RoleGrant {
        login: Login::parse(login).ok()?,
        role: Role::parse(role).ok()?,
        unit: UnitCode::parse(unit).ok()?,
    })
}

fn credential(row: &[Value]) -> Option<Credential> {
    let [
        Value::Text(login),
        Value::Int(number),
        Value::Bytes(salt),
        Value::Bytes(public_key),
        Value::Bytes(seed),
        Value::Int(enrolled),
        ended,
    ] = row
    else {
        return None;
    };
    Some(Credential {
        login: Login::parse(login).ok()?,
        number: *number,
        salt: salt.clone(),
        public_key: public_key.as_slice().try_into().ok()?,
        sealed_seed: seed.clone(),
        enrolled_seq: u64::try_from(*enrolled).ok()?,
        ended_seq: match ended {
            Value::Int(seq) => Some(u64::try_from(*seq).ok()?),
            _ => None,
        },
    })
}
