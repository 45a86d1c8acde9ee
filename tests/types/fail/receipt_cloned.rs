//! One entry is one leave: a receipt cannot be doubled. What it says can be read as often as one likes.

use countersign::store::Receipt;

pub fn twice(receipt: Receipt) {
    drop(receipt.clone());
}

fn main() {}
