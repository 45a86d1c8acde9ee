//! Packages: one live one a request, what happened to it, who is in it, its key; and erasures.

use super::engine::{Arg, Row};
use super::table::{DISCLOSURE, ERASURE, PACKAGE, PACKAGE_FACT, Value};
use super::{Store, StoreError, View, Work};
use crate::clock::{Micros, random};
use crate::keyring::{Keyring, sha256};
use crate::model::code::codes;
use crate::model::ids::{Alias, Digest, Login, PackageNo, RequestNo};
use crate::model::ordinals::OrdinalSet;

/// Bytes of salt before a disclosure set.
const SALT: usize = 16;

codes! {
    /// What can happen to a package.
    FactKind, "package fact" {
        /// Its making began.
        Started = "started",
        /// It is whole.
        Sealed = "sealed",
        /// It was made again: members were only taken out.
        Remade = "remade",
        /// Its making was broken off.
        Aborted = "aborted",
        /// The receiving officer fetched it.
        Downloaded = "downloaded",
        /// It was handed to the vendor.
        HandedOff = "handed_off",
        /// It was recalled; its key is destroyed.
        Recalled = "recalled",
        /// The vendor attested that it destroyed what it was given.
        Destroyed = "destroyed",
    }
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageRow {
    /// Its number.
    pub no: PackageNo,
    /// Of which round of the request.
    pub round: u32,
    /// Who executes it.
    pub executor: Login,
    /// Whether it is the request's live one.
    pub live: bool,
}

/// One fact of a package. The body of `sealed` and `remade` is drawn in `broker::packages`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageFact {
    /// What happened.
    pub kind: FactKind,
    /// When.
    pub at: Micros,
    /// Who did it.
    pub actor: String,
    /// Canonical JSON.
    pub body: String,
}

/// An erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Case number.
    pub case_no: String,
    /// The ordinal that was his.
    pub ordinal: i64,
    /// The alias that was his in the log.
    pub alias: Alias,
    /// When it was ordered.
    pub ordered_at: Micros,
    /// When the key was gone.
    pub finished_at: Option<Micros>,
}

impl Store {
    /// Puts a package's wrapped key on disk, before anything is sealed under it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn put_package_key(&self, no: &PackageNo, kek: i64, wrapped: &[u8]) -> Result<(), StoreError> {
        let mut tx = self.engine.begin_write().await?;
        let no = no.to_string();
        let args = [Arg::Text(&no), Arg::Int(kek), Arg::Bytes(wrapped)];
        let sql = "insert into keys.package_key (package, kek, wrapped) values ($1, $2, $3) \
                   on conflict (package) do update set kek = excluded.kek, wrapped = excluded.wrapped";
        tx.execute(sql, &args).await?;
        tx.commit().await
    }

    /// Destroys a package's key: the file at rest is noise from here.
    ///
    /// # Errors
    /// The database failed.
    pub async fn destroy_package_key(&self, no: &PackageNo) -> Result<(), StoreError> {
        let mut tx = self.engine.begin_write().await?;
        tx.execute("delete from keys.package_key where package = $1", &[Arg::Text(&no.to_string())]).await?;
        tx.commit().await
    }
}

impl View<'_> {
    /// All packages, newest last.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn packages(&mut self) -> Result<Vec<PackageRow>, StoreError> {
        let rows = self.rows(&PACKAGE, "order by request_no, serial", &[]).await?;
        rows.iter().map(|r| package(r).ok_or_else(|| malformed("package"))).collect()
    }

    /// The packages of one request, oldest first.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn packages_of(&mut self, no: &RequestNo) -> Result<Vec<PackageRow>, StoreError> {
        let tail = "where request_no = $1 order by serial";
        let rows = self.rows(&PACKAGE, tail, &[Arg::Text(&no.to_string())]).await?;
        rows.iter().map(|r| package(r).ok_or_else(|| malformed("package"))).collect()
    }

    /// Packages that became whole since a moment, with when, the newest first.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub(crate) async fn packages_sealed_since(
        &mut self,
        at: Micros,
    ) -> Result<Vec<(PackageNo, Micros)>, StoreError> {
        let sql = "select package, min(at) as sealed_at from package_fact where kind = $1 and at >= $2 \
                   group by package order by sealed_at desc, package desc";
        let args = [Arg::Text(FactKind::Sealed.code()), Arg::Int(at)];
        let rows = self.tx.all(sql, &args).await.map_err(|e| e.unreadable("package_fact"))?;
        let read = |row: &Row| Ok((PackageNo::parse(row.text(0)?.as_str()).ok(), row.int(1)?));
        rows.iter()
            .map(|row| {
                let (no, first) = read(row).map_err(|e: StoreError| e.unreadable("package_fact"))?;
                Ok((no.ok_or_else(|| malformed("package_fact"))?, first))
            })
            .collect()
    }

    /// What happened to a package, in order.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn package_facts(&mut self, no: &PackageNo) -> Result<Vec<PackageFact>, StoreError> {
        let tail = "where package = $1 order by number";
        let rows = self.rows(&PACKAGE_FACT, tail, &[Arg::Text(&no.to_string())]).await?;
        rows.iter().map(|r| fact(r).ok_or_else(|| malformed("package_fact"))).collect()
    }

    /// The newest disclosure set of a package.
    ///
    /// # Errors
    /// It does not open or is not its digest's: an integrity error.
    pub async fn disclosure(&mut self, no: &PackageNo) -> Result<Option<OrdinalSet>, StoreError> {
        let no = no.to_string();
        let tail = "where package = $1 order by version desc limit 1";
        let Some(row) = self.rows(&DISCLOSURE, tail, &[Arg::Text(&no)]).await?.pop() else { return Ok(None) };
        let bad = || StoreError::integrity("disclosure", no.clone());
        let [_, Value::Int(version), Value::Bytes(digest), Value::Bytes(body)] = &row[..] else {
            return Err(bad());
        };
        let place = [b"disclosure".as_slice(), no.as_bytes(), &version.to_le_bytes()];
        let (found, set) = open_set(&self.store.keyring, &place, body).ok_or_else(bad)?;
        if digest.as_slice() != found.0 {
            return Err(bad());
        }
        Ok(Some(set))
    }

    /// A package's wrapped key, unless it was destroyed.
    ///
    /// # Errors
    /// The database failed.
    pub async fn package_key(&mut self, no: &PackageNo) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
        let sql = "select kek, wrapped from keys.package_key where package = $1";
        let row = self.tx.maybe(sql, &[Arg::Text(&no.to_string())]).await?;
        row.map(|r| Ok((r.int(0)?, r.bytes(1)?))).transpose()
    }

    /// All erasures.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn erasures(&mut self) -> Result<Vec<Erasure>, StoreError> {
        let rows = self.rows(&ERASURE, "order by case_no", &[]).await?;
        rows.iter().map(|r| erasure(r).ok_or_else(|| malformed("erasure"))).collect()
    }
}

impl Work<'_> {
    /// Makes a package the request's live one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when there is a live one already.
    pub async fn add_package(&mut self, p: &PackageRow) -> Result<(), StoreError> {
        let (no, request) = (p.no.to_string(), p.no.request().to_string());
        self.insert(&PACKAGE, &package_args(p, &no, &request)).await
    }

    /// Frees the request for another execution: the package was aborted or recalled.
    ///
    /// # Errors
    /// The database failed.
    pub async fn retire_package(&mut self, p: &PackageRow) -> Result<(), StoreError> {
        let (no, request) = (p.no.to_string(), p.no.request().to_string());
        let retired = PackageRow { live: false, ..p.clone() };
        self.put(&PACKAGE, &package_args(&retired, &no, &request)).await?;
        Ok(())
    }

    /// Appends a fact to a package.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_package_fact(&mut self, no: &PackageNo, f: &PackageFact) -> Result<(), StoreError> {
        let number = self.view().package_facts(no).await?.len() as i64 + 1;
        let row = [
            Arg::Text(&no.to_string()),
            Arg::Int(number),
            Arg::Text(f.kind.code()),
            Arg::Int(f.at),
            Arg::Text(&f.actor),
            Arg::Text(&f.body),
        ];
        self.insert(&PACKAGE_FACT, &row).await
    }

    /// Keeps which members a package holds, sealed; gives the digest for the leaf.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_disclosure(&mut self, no: &PackageNo, set: &OrdinalSet) -> Result<Digest, StoreError> {
        let no = no.to_string();
        let sql = "select count(*) from disclosure where package = $1";
        let version = self.view.tx.one(sql, &[Arg::Text(&no)]).await?.int(0)? + 1;
        let place = [b"disclosure".as_slice(), no.as_bytes(), &version.to_le_bytes()];
        let (digest, sealed) = seal_set(&self.view.store.keyring, &place, set)?;
        let row = [Arg::Text(&no), Arg::Int(version), Arg::Bytes(&digest.0), Arg::Bytes(&sealed)];
        self.insert(&DISCLOSURE, &row).await?;
        Ok(digest)
    }

    /// Stores an erasure, ordered or finished.
    ///
    /// # Errors
    /// The database failed.
    pub async fn put_erasure(&mut self, e: &Erasure) -> Result<(), StoreError> {
        let row = [
            Arg::Text(&e.case_no),
            Arg::Int(e.ordinal),
            Arg::Bytes(&e.alias.0),
            Arg::Int(e.ordered_at),
            Arg::maybe_int(e.finished_at),
        ];
        self.put(&ERASURE, &row).await?;
        Ok(())
    }
}

/// Seals a set of members; with its digest for the leaf, which is salted: that of a small set could be found
/// by trying sets.
///
/// ```text
/// salt(16) set (model::ordinals draws it)
/// ```
pub(super) fn seal_set(
    keyring: &Keyring,
    place: &[&[u8]],
    set: &OrdinalSet,
) -> Result<(Digest, Vec<u8>), StoreError> {
    let mut salted = random::<SALT>()?.to_vec();
    salted.extend_from_slice(&set.to_bytes());
    Ok((Digest(sha256(&salted)), keyring.seal_chunk(place, &salted)?))
}

/// A sealed set again, with its digest; none when it does not open or is no set.
pub(super) fn open_set(keyring: &Keyring, place: &[&[u8]], sealed: &[u8]) -> Option<(Digest, OrdinalSet)> {
    let salted = keyring.open_chunk(place, sealed).ok()?;
    let set = OrdinalSet::from_bytes(salted.get(SALT..)?).ok()?;
    Some((Digest(sha256(&salted)), set))
}

fn package_args<'a>(p: &'a PackageRow, no: &'a str, request: &'a str) -> [Arg<'a>; 6] {
    [
        Arg::Text(no),
        Arg::Text(request),
        Arg::Int(i64::from(p.round)),
        Arg::Int(i64::from(p.no.serial())),
        Arg::Text(p.executor.as_str()),
        Arg::maybe_int(p.live.then_some(1)),
    ]
}

fn malformed(table: &'static str) -> StoreError {
    StoreError::integrity(table, "a row does not parse")
}

fn package(row: &[Value]) -> Option<PackageRow> {
    let [Value::Text(no), _, Value::Int(round), _, Value::Text(executor), live] = row else { return None };
    Some(PackageRow {
        no: PackageNo::parse(no).ok()?,
        round: u32::try_from(*round).ok()?,
        executor: Login::parse(executor).ok()?,
        live: matches!(live, Value::Int(1)),
    })
}

fn fact(row: &[Value]) -> Option<PackageFact> {
    let [_, _, Value::Text(kind), Value::Int(at), Value::Text(actor), Value::Text(body)] = row else {
        return None;
    };
    Some(PackageFact { kind: FactKind::parse(kind).ok()?, at: *at, actor: actor.clone(), body: body.clone() })
}

fn erasure(row: &[Value]) -> Option<Erasure> {
    erasure_of(&super::table::args(row))
}

/// A row of `erasure`.
pub(super) fn erasure_of(row: &[Arg<'_>]) -> Option<Erasure> {
    let [Arg::Text(case_no), Arg::Int(ordinal), Arg::Bytes(alias), Arg::Int(ordered), finished] = row else {
        return None;
    };
    Some(Erasure {
        case_no: (*case_no).to_owned(),
        ordinal: *ordinal,
        alias: Alias((*alias).try_into().ok()?),
        ordered_at: *ordered,
        finished_at: match finished {
            Arg::Int(at) => Some(*at),
            _ => None,
        },
    })
}
