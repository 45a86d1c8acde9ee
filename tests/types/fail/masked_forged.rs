//! What passes for masked was cut inside the vault.

use countersign::vault::Masked;

pub fn pass(text: String, masked: Masked) -> Masked {
    let (_text, _masked) = (text, masked);
    Masked(_text)
}

fn main() {}
