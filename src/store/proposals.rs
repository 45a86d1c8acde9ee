//! Changes of the organisation that wait for a second administrator, and how each ended.

use super::engine::Arg;
use super::table::{ORG_PROPOSAL, Value};
use super::{StoreError, View, Work};
use crate::clock::Micros;
use crate::model::code::codes;
use crate::model::ids::{Digest, Login};

codes! {
    /// What is proposed.
    ProposalKind, "proposal" {
        /// Units, people and roles as a file says.
        Org = "org",
        /// A new enrolment code for a person who had a key.
        Reset = "reset",
        /// The end of a suspension.
        Resume = "resume",
    }
}

codes! {
    /// How a proposal ended.
    Outcome, "outcome" {
        /// Another administrator seconded it, and it was applied with that.
        Seconded = "seconded",
        /// It was taken back.
        Withdrawn = "withdrawn",
    }
}

/// A proposal as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalRow {
    /// 1, 2, 3 …
    pub id: i64,
    /// What.
    pub kind: ProposalKind,
    /// The organisation file, or the login.
    pub body: String,
    /// What the proposer was shown, a line each.
    pub changes: String,
    /// Over kind, body and changes.
    pub digest: Digest,
    /// By whom.
    pub proposed_by: Login,
    /// When.
    pub proposed_at: Micros,
    /// Until when it can be seconded.
    pub expires_at: Micros,
    /// How, by whom and when it ended.
    pub ended: Option<(Outcome, Login, Micros)>,
}

impl View<'_> {
    /// Every proposal there was, by number.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn proposals(&mut self) -> Result<Vec<ProposalRow>, StoreError> {
        let rows = self.rows(&ORG_PROPOSAL, "order by id", &[]).await?;
        let malformed = || StoreError::integrity("org_proposal", "a row does not parse");
        rows.iter().map(|r| parse(r).ok_or_else(malformed)).collect()
    }
}

impl Work<'_> {
    /// Adds a proposal, or how it ended.
    ///
    /// # Errors
    /// The database failed.
    pub async fn put_proposal(&mut self, p: &ProposalRow) -> Result<(), StoreError> {
        let (outcome, by, at) = match &p.ended {
            Some((outcome, by, at)) => (Arg::Text(outcome.code()), Arg::Text(by.as_str()), Arg::Int(*at)),
            None => (Arg::NullText, Arg::NullText, Arg::NullInt),
        };
        let row = [
            Arg::Int(p.id),
            Arg::Text(p.kind.code()),
            Arg::Text(&p.body),
            Arg::Text(&p.changes),
            Arg::Bytes(&p.digest.0),
            Arg::Text(p.proposed_by.as_str()),
            Arg::Int(p.proposed_at),
            Arg::Int(p.expires_at),
            outcome,
            by,
            at,
        ];
        self.put(&ORG_PROPOSAL, &row).await?;
        Ok(())
    }
}

fn parse(row: &[Value]) -> Option<ProposalRow> {
    let [
        Value::Int(id),
        Value::Text(kind),
        Value::Text(body),
        Value::Text(changes),
        Value::Bytes(digest),
        Value::Text(proposed_by),
        Value::Int(proposed_at),
        Value::Int(expires_at),
        outcome,
        ended_by,
        ended_at,
    ] = row
    else {
        return None;
    };
    let ended = match (outcome, ended_by, ended_at) {
        (Value::Text(outcome), Value::Text(by), Value::Int(at)) => {
            Some((Outcome::parse(outcome).ok()?, Login::parse(by).ok()?, *at))
        }
        (Value::Null(_), Value::Null(_), Value::Null(_)) => None,
        _ => return None,
    };
    Some(ProposalRow {
        id: *id,
        kind: ProposalKind::parse(kind).ok()?,
        body: body.clone(),
        changes: changes.clone(),
        digest: Digest(digest.as_slice().try_into().ok()?),
        proposed_by: Login::parse(proposed_by).ok()?,
        proposed_at: *proposed_at,
        expires_at: *expires_at,
        ended,
    })
}
