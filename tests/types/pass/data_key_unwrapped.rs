//! The keyring unwraps members' keys for the vault, which turns them into a `MemberKey`.

use countersign::keyring::Keyring;
use countersign::store::members::WrappedDataKey;
use countersign::vault::Vault;

pub fn key(_keyring: &Keyring, _vault: &Vault, wrapped: &WrappedDataKey) {
    drop(_vault.key(wrapped));
}

fn main() {}
