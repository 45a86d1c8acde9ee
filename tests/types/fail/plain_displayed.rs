//! Plaintext has no `Display`.

use countersign::vault::{Masked, Plain};

pub fn show(_plain: &Plain, _masked: &Masked) -> String {
    format!("it is {}", _plain)
}

fn main() {}
