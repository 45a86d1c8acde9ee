//! A key gives its cipher to this crate only.

use countersign::keyring::aead::Key;
use countersign::keyring::root::LocalRoot;

pub fn seal(_root: &LocalRoot, _key: &Key) {
    drop(_key.cipher());
}

fn main() {}
