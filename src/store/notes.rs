//! What is noted beside a request without a signature: reminders, and copies to people.

use super::engine::Arg;
use super::table::{REQUEST_NOTE, Value};
use super::{StoreError, View, Work};
use crate::clock::Micros;
use crate::model::code::codes;
use crate::model::ids::{Login, RequestNo};

codes! {
    /// What a note says.
    NoteKind, "note" {
        /// Whoever holds the request was reminded.
        Remind = "remind",
        /// A person may see the request.
        Copy = "copy",
    }
}

/// A note beside a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteRow {
    /// Which request.
    pub no: RequestNo,
    /// Its place among the request's notes, from 1.
    pub number: u32,
    /// What it says.
    pub kind: NoteKind,
    /// When.
    pub at: Micros,
    /// Who did it.
    pub actor: Login,
    /// Of a reminder: round and what was waited for. Of a copy: whom it is for.
    pub subject: String,
}

impl NoteRow {
    /// Whether it lets a person see the request.
    pub fn copies_to(&self, login: &Login) -> bool {
        self.kind == NoteKind::Copy && self.subject == login.as_str()
    }
}

impl View<'_> {
    /// The notes beside a request, in order.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn request_notes(&mut self, no: &RequestNo) -> Result<Vec<NoteRow>, StoreError> {
        let rows =
            self.rows(&REQUEST_NOTE, "where no = $1 order by number", &[Arg::Text(&no.to_string())]).await?;
        rows.iter().map(|r| note(r).ok_or_else(malformed)).collect()
    }

    /// The copies that a person has.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn copies_to(&mut self, login: &Login) -> Result<Vec<NoteRow>, StoreError> {
        let args = [Arg::Text(NoteKind::Copy.code()), Arg::Text(login.as_str())];
        let tail = "where kind = $1 and subject = $2 order by no, number";
        let rows = self.rows(&REQUEST_NOTE, tail, &args).await?;
        rows.iter().map(|r| note(r).ok_or_else(malformed)).collect()
    }
}

impl Work<'_> {
    /// Adds a note.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_request_note(&mut self, n: &NoteRow) -> Result<(), StoreError> {
        let no = n.no.to_string();
        let row = [
            Arg::Text(&no),
            Arg::Int(i64::from(n.number)),
            Arg::Text(n.kind.code()),
            Arg::Int(n.at),
            Arg::Text(n.actor.as_str()),
            Arg::Text(&n.subject),
        ];
        self.insert(&REQUEST_NOTE, &row).await
    }
}

fn malformed() -> StoreError {
    StoreError::integrity("request_note", "a row does not parse")
}

fn note(row: &[Value]) -> Option<NoteRow> {
    let [
        Value::Text(no),
        Value::Int(number),
        Value::Text(kind),
        Value::Int(at),
        Value::Text(actor),
        Value::Text(subject),
    ] = row
    else {
        return None;
    };
    Some(NoteRow {
        no: RequestNo::parse(no).ok()?,
        number: u32::try_from(*number).ok()?,
        kind: NoteKind::parse(kind).ok()?,
        at: *at,
        actor: Login::parse(actor).ok()?,
        subject: subject.clone(),
    })
}
