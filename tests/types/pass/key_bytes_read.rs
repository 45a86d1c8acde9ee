//! A key shows its bytes to this crate only.

use countersign::keyring::aead::Key;
use countersign::keyring::root::LocalRoot;

pub fn read(_root: &LocalRoot, _key: &Key) {
    drop(countersign::keyring::root::Root::wrap(_root, b"place", _key));
}

fn main() {}
