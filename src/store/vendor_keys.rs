//! The keys vendors had: who registered and who confirmed each, and that its other half was shown (A9a).

use super::engine::Arg;
use super::table::{VENDOR_KEY, Value};
use super::{StoreError, View, Work};
use crate::clock::Micros;
use crate::model::ids::{Digest, Login, VendorCode};

/// A vendor's key as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorKeyRow {
    /// Whose.
    pub code: VendorCode,
    /// Its place among the vendor's keys, from 1.
    pub number: u32,
    /// age recipient.
    pub recipient: String,
    /// Fingerprint of the recipient.
    pub fingerprint: String,
    /// Who registered it.
    pub registered_by: Login,
    /// When.
    pub registered_at: Micros,
    /// Of the phrase that was sent last: its hash, by whom, when.
    pub challenge: Option<(Digest, Login, Micros)>,
    /// The second person, to whom the vendor gave the phrase back, and when.
    pub confirmed: Option<(Login, Micros)>,
}

impl View<'_> {
    /// Every key a vendor had, oldest first; the last is its present one.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn vendor_keys(&mut self, code: &VendorCode) -> Result<Vec<VendorKeyRow>, StoreError> {
        let rows =
            self.rows(&VENDOR_KEY, "where code = $1 order by number", &[Arg::Text(code.as_str())]).await?;
        let malformed = || StoreError::integrity("vendor_key", "a row does not parse");
        rows.iter().map(|r| parse(r).ok_or_else(malformed)).collect()
    }
}

impl Work<'_> {
    /// Stores a vendor's key, new or with what happened to it since.
    ///
    /// # Errors
    /// The database failed.
    pub async fn put_vendor_key(&mut self, key: &VendorKeyRow) -> Result<(), StoreError> {
        let (hash, sent_by, sent_at) = match &key.challenge {
            Some((hash, by, at)) => (Arg::Bytes(&hash.0), Arg::Text(by.as_str()), Arg::Int(*at)),
            None => (Arg::NullBytes, Arg::NullText, Arg::NullInt),
        };
        let (by, at) = match &key.confirmed {
            Some((by, at)) => (Arg::Text(by.as_str()), Arg::Int(*at)),
            None => (Arg::NullText, Arg::NullInt),
        };
        let row = [
            Arg::Text(key.code.as_str()),
            Arg::Int(i64::from(key.number)),
            Arg::Text(&key.recipient),
            Arg::Text(&key.fingerprint),
            Arg::Text(key.registered_by.as_str()),
            Arg::Int(key.registered_at),
            hash,
            sent_by,
            sent_at,
            by,
            at,
        ];
        self.put(&VENDOR_KEY, &row).await?;
        Ok(())
    }
}

fn parse(row: &[Value]) -> Option<VendorKeyRow> {
    let [
        Value::Text(code),
        Value::Int(number),
        Value::Text(recipient),
        Value::Text(fingerprint),
        Value::Text(registered_by),
        Value::Int(registered_at),
        hash,
        sent_by,
        sent_at,
        by,
        at,
    ] = row
    else {
        return None;
    };
    let challenge = match (hash, sent_by, sent_at) {
        (Value::Null(_), Value::Null(_), Value::Null(_)) => None,
        (Value::Bytes(hash), Value::Text(by), Value::Int(at)) => {
            Some((Digest(hash.as_slice().try_into().ok()?), Login::parse(by).ok()?, *at))
        }
        _ => return None,
    };
    let confirmed = match (by, at) {
        (Value::Null(_), Value::Null(_)) => None,
        (Value::Text(by), Value::Int(at)) => Some((Login::parse(by).ok()?, *at)),
        _ => return None,
    };
    Some(VendorKeyRow {
        code: VendorCode::parse(code).ok()?,
        number: u32::try_from(*number).ok()?,
        recipient: recipient.clone(),
        fingerprint: fingerprint.clone(),
        registered_by: Login::parse(registered_by).ok()?,
        registered_at: *registered_at,
        challenge,
        confirmed,
    })
}
