//! Covenants and notices, versioned (A2, B3).

use super::engine::Arg;
use super::table::{DOCUMENT, Value};
use super::{StoreError, View, Work};
use crate::clock::{day, day_number};
use crate::model::ids::Digest;
use jiff::civil::Date;

/// A document as stored: a covenant of either family, or a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// `member_covenant`, `points_card_covenant`, `notice` or `undertaking`.
    pub family: String,
    /// Version, as the group names it.
    pub version: String,
    /// `zh` or `en`.
    pub language: String,
    /// SHA-256 of the text.
    pub digest: Digest,
    /// The text.
    pub body: String,
    /// From when it holds.
    pub effective_on: Date,
}

impl View<'_> {
    /// All documents.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn documents(&mut self) -> Result<Vec<Document>, StoreError> {
        let rows = self.rows(&DOCUMENT, "order by family, version, language", &[]).await?;
        let malformed = || StoreError::integrity("document", "a row does not parse");
        rows.iter().map(|r| document(r).ok_or_else(malformed)).collect()
    }
}

impl Work<'_> {
    /// Registers a document; whether it is new. A registered text never changes.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the version is there with another text.
    pub async fn add_document(&mut self, d: &Document) -> Result<bool, StoreError> {
        let row = [
            Arg::Text(&d.family),
            Arg::Text(&d.version),
            Arg::Text(&d.language),
            Arg::Bytes(&d.digest.0),
            Arg::Text(&d.body),
            Arg::Int(day_number(d.effective_on)),
        ];
        match self.view.row(&DOCUMENT, &row[..3]).await? {
            None => {
                self.insert(&DOCUMENT, &row).await?;
                Ok(true)
            }
            Some(old) if document(&old).is_some_and(|o| o.digest == d.digest) => Ok(false),
            Some(_) => Err(StoreError::Conflict("document_version".into())),
        }
    }
}

fn document(row: &[Value]) -> Option<Document> {
    let [
        Value::Text(family),
        Value::Text(version),
        Value::Text(language),
        Value::Bytes(digest),
        Value::Text(body),
        Value::Int(effective),
    ] = row
    else {
        return None;
    };
    Some(Document {
        family: family.clone(),
        version: version.clone(),
        language: language.clone(),
        digest: Digest(digest.as_slice().try_into().ok()?),
        body: body.clone(),
        effective_on: day(*effective)?,
    })
}
