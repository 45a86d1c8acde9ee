//! A grant is made out of a receipt by the functions that look at it, not out of its parts.

use countersign::access::{Grant, Masking};
use countersign::model::ids::MemberId;
use countersign::store::Receipt;

pub fn leave(receipt: Receipt, ids: Vec<MemberId>) -> Option<Grant<Masking>> {
    Some(Grant { receipt, scope: Masking { ids, alias: None } })
}

fn main() {}
