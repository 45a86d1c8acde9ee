//! Plaintext lends its bytes to this crate's few openers and to nobody else.

use countersign::vault::{Masked, Plain};

pub fn read<'a>(_plain: &'a Plain, _masked: &'a Masked) -> Option<&'a str> {
    Some(_masked.as_str())
}

fn main() {}
