//! A key shows its bytes to this crate only.

use countersign::keyring::aead::Key;
use countersign::keyring::root::LocalRoot;

pub fn read(_root: &LocalRoot, _key: &Key) {
    drop(*_key.bytes());
}

fn main() {}
