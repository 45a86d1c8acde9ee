//! A member's key seals for everyone and opens for the vault.

use countersign::model::field::Field;
use countersign::vault::MemberKey;
use zeroize::Zeroizing;

pub fn open(key: &MemberKey, sealed: &[u8]) {
    let mut _out = Zeroizing::new(sealed.to_vec());
    drop(key.seal(Field::Mobile, 1, "value"));
}

fn main() {}
