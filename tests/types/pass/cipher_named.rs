//! The cipher is no word outside this crate; keys are, and cannot be looked into.

use countersign::keyring::aead::Key as Inner;

pub fn name(_: Inner) {}

fn main() {}
