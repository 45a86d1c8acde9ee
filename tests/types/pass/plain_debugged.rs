//! Plaintext has no `Debug`; what is masked has.

use countersign::vault::{Masked, Plain};

pub fn show(_plain: &Plain, _masked: &Masked) -> String {
    format!("{_masked:?}")
}

fn main() {}
