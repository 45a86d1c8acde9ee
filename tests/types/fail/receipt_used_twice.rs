//! One entry makes one grant.

use countersign::access::grant::masking;
use countersign::model::ids::MemberId;
use countersign::store::Receipt;

pub fn two(receipt: Receipt, ids: Vec<MemberId>) {
    drop(masking(receipt, ids.clone()));
    drop(masking(receipt, ids));
}

fn main() {}
