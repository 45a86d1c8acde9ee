//! The vendor registry (A9a).

use super::engine::Arg;
use super::table::{VENDOR, Value};
use super::{StoreError, View, Work};
use crate::clock::{day, day_number};
use crate::model::code::Channel;
use crate::model::ids::VendorCode;
use jiff::civil::Date;

/// A vendor as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorRow {
    /// Code.
    pub code: VendorCode,
    /// Name in Chinese.
    pub name_zh: String,
    /// Name in English.
    pub name_en: String,
    /// Channels the contract covers.
    pub channels: Vec<Channel>,
    /// Contract reference.
    pub contract_reference: String,
    /// First day of the contract.
    pub contract_from: Date,
    /// Last day of the contract.
    pub contract_to: Date,
    /// age recipient.
    pub recipient: String,
    /// Fingerprint of the recipient.
    pub fingerprint: String,
    /// How the fingerprint was checked.
    pub checked_by: String,
    /// Suspended: nothing goes there, from this moment.
    pub suspended: bool,
}

impl View<'_> {
    /// All vendors.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn vendors(&mut self) -> Result<Vec<VendorRow>, StoreError> {
        let rows = self.rows(&VENDOR, "order by code", &[]).await?;
        rows.iter().map(|r| vendor(r).ok_or_else(malformed)).collect()
    }

    /// One vendor.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn vendor(&mut self, code: &VendorCode) -> Result<Option<VendorRow>, StoreError> {
        let row = self.row(&VENDOR, &[Arg::Text(code.as_str())]).await?;
        row.map(|r| vendor(&r).ok_or_else(malformed)).transpose()
    }
}

impl Work<'_> {
    /// Adds or changes a vendor; whether anything changed.
    ///
    /// # Errors
    /// The database failed.
    pub async fn put_vendor(&mut self, vendor: &VendorRow) -> Result<bool, StoreError> {
        let channels = vendor.channels.iter().map(|c| c.code()).collect::<Vec<_>>().join(",");
        let row = [
            Arg::Text(vendor.code.as_str()),
            Arg::Text(&vendor.name_zh),
            Arg::Text(&vendor.name_en),
            Arg::Text(&channels),
            Arg::Text(&vendor.contract_reference),
            Arg::Int(day_number(vendor.contract_from)),
            Arg::Int(day_number(vendor.contract_to)),
            Arg::Text(&vendor.recipient),
            Arg::Text(&vendor.fingerprint),
            Arg::Text(&vendor.checked_by),
            Arg::Int(i64::from(vendor.suspended)),
        ];
        self.put(&VENDOR, &row).await
    }
}

fn malformed() -> StoreError {
    StoreError::integrity("vendor", "a row does not parse")
}

fn vendor(row: &[Value]) -> Option<VendorRow> {
    let [
        Value::Text(code),
        Value::Text(zh),
        Value::Text(en),
        Value::Text(channels),
        Value::Text(reference),
        Value::Int(from),
        Value::Int(to),
        Value::Text(recipient),
        Value::Text(fingerprint),
        Value::Text(checked),
        Value::Int(suspended),
    ] = row
    else {
        return None;
    };
    Some(VendorRow {
        code: VendorCode::parse(code).ok()?,
        name_zh: zh.clone(),
        name_en: en.clone(),
        channels: channels.split(',').map(|c| Channel::parse(c).ok()).collect::<Option<_>>()?,
        contract_reference: reference.clone(),
        contract_from: day(*from)?,
        contract_to: day(*to)?,
        recipient: recipient.clone(),
        fingerprint: fingerprint.clone(),
        checked_by: checked.clone(),
        suspended: *suspended != 0,
    })
}
