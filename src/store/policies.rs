//! Policy versions: what was proposed, who seconded it, from when it holds (A11, A12).

use super::engine::Arg;
use super::table::{POLICY_VERSION, POLICY_WITHDRAWAL, Value};
use super::{StoreError, View, Work};
use crate::clock::Micros;
use crate::model::ids::{Digest, Login};

/// A policy version as stored.
#[derive(Clone, PartialEq, Eq)]
pub struct PolicyVersion {
    /// 1, 2, 3 …
    pub id: i64,
    /// Digest of the files.
    pub digest: Digest,
    /// The files, canonical.
    pub files: Vec<u8>,
    /// Who proposed it; `operator` for the built-in set at birth.
    pub proposed_by: String,
    /// When.
    pub proposed_at: Micros,
    /// The proposer's signature over the digest.
    pub proposed_sig: Option<Vec<u8>>,
    /// Who seconded it, when, and the signature.
    pub seconded: Option<(String, Micros, Vec<u8>)>,
    /// From when it holds.
    pub effective_at: Micros,
}

impl PolicyVersion {
    /// Whether this version can be in force: two people signed it, or it is the one at birth.
    pub fn adopted(&self) -> bool {
        self.seconded.is_some() || self.id == 1
    }
}

/// The version in force at an instant: the adopted one that became effective last.
///
/// # Errors
/// There is none: the table is not ours.
pub(crate) fn in_force(versions: &[PolicyVersion], at: Micros) -> Result<&PolicyVersion, StoreError> {
    let begun = versions.iter().filter(|v| v.adopted() && v.effective_at <= at);
    let last = begun.max_by_key(|v| (v.effective_at, v.id));
    last.ok_or_else(|| StoreError::integrity("policy_version", "no version is in force"))
}

impl View<'_> {
    /// All versions, oldest first.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn policy_versions(&mut self) -> Result<Vec<PolicyVersion>, StoreError> {
        let rows = self.rows(&POLICY_VERSION, "order by id", &[]).await?;
        let malformed = || StoreError::integrity("policy_version", "a row does not parse");
        rows.iter().map(|r| version(r).ok_or_else(malformed)).collect()
    }

    /// The version in force at an instant: the adopted one that became effective last.
    ///
    /// # Errors
    /// There is none: the table is not ours.
    pub async fn policy_at(&mut self, at: Micros) -> Result<PolicyVersion, StoreError> {
        Ok(in_force(&self.policy_versions().await?, at)?.clone())
    }

    /// The version with a digest.
    ///
    /// # Errors
    /// The database failed.
    pub async fn policy_by_digest(&mut self, digest: Digest) -> Result<Option<PolicyVersion>, StoreError> {
        Ok(self.policy_versions().await?.into_iter().rfind(|v| v.digest == digest && v.adopted()))
    }
}

impl View<'_> {
    /// Numbers of the proposals that were taken back, each with by whom.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn policies_withdrawn(&mut self) -> Result<Vec<(i64, Login)>, StoreError> {
        let rows = self.rows(&POLICY_WITHDRAWAL, "order by id", &[]).await?;
        let malformed = || StoreError::integrity("policy_withdrawal", "a row does not parse");
        rows.iter()
            .map(|row| match &row[..] {
                [Value::Int(id), Value::Text(by), Value::Int(_)] => {
                    Ok((*id, Login::parse(by).map_err(|_| malformed())?))
                }
                _ => Err(malformed()),
            })
            .collect()
    }
}

impl Work<'_> {
    /// Records that a proposal was taken back.
    ///
    /// # Errors
    /// The database failed, or it was taken back already.
    pub async fn withdraw_policy(&mut self, id: i64, by: &Login, at: Micros) -> Result<(), StoreError> {
        let row = [Arg::Int(id), Arg::Text(by.as_str()), Arg::Int(at)];
        self.insert(&POLICY_WITHDRAWAL, &row).await
    }

    /// Stores a proposal, or the same version once it is seconded.
    ///
    /// # Errors
    /// The database failed.
    pub async fn put_policy(&mut self, v: &PolicyVersion) -> Result<(), StoreError> {
        let (by, at, sig) = match &v.seconded {
            Some((by, at, sig)) => (Arg::Text(by), Arg::Int(*at), Arg::Bytes(sig)),
            None => (Arg::NullText, Arg::NullInt, Arg::NullBytes),
        };
        let row = [
            Arg::Int(v.id),
            Arg::Bytes(&v.digest.0),
            Arg::Bytes(&v.files),
            Arg::Text(&v.proposed_by),
            Arg::Int(v.proposed_at),
            v.proposed_sig.as_deref().map_or(Arg::NullBytes, Arg::Bytes),
            by,
            at,
            sig,
            Arg::Int(v.effective_at),
        ];
        self.put(&POLICY_VERSION, &row).await?;
        Ok(())
    }
}

fn version(row: &[Value]) -> Option<PolicyVersion> {
    let [
        Value::Int(id),
        Value::Bytes(digest),
        Value::Bytes(files),
        Value::Text(proposed_by),
        Value::Int(proposed_at),
        proposed_sig,
        by,
        at,
        sig,
        Value::Int(effective_at),
    ] = row
    else {
        return None;
    };
    Some(PolicyVersion {
        id: *id,
        digest: Digest(digest.as_slice().try_into().ok()?),
        files: files.clone(),
        proposed_by: proposed_by.clone(),
        proposed_at: *proposed_at,
        proposed_sig: match proposed_sig {
            Value::Bytes(sig) => Some(sig.clone()),
            _ => None,
        },
        seconded: match (by, at, sig) {
            (Value::Text(by), Value::Int(at), Value::Bytes(sig)) => Some((by.clone(), *at, sig.clone())),
            _ => None,
        },
        effective_at: *effective_at,
    })
}
