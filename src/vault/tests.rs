//! A member that was sealed once must open for ever (`tests/vectors/README.md`).

use crate::clock::Randomness;
use serde_json::Value;
use zeroize::Zeroizing;

use super::MemberKey;
use crate::keyring::aead::Key;
use crate::model::field::Field;
use crate::model::ids::{Alias, MemberId, VaultId};
use crate::model::sealed::Record;

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn fixed<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

fn member() -> (MemberKey, Value) {
    let v: Value = serde_json::from_str(include_str!("../../tests/vectors/vault.json")).unwrap();
    let secret = Key::new(Zeroizing::new(fixed(&v["member"]["data_key"])));
    let id = MemberId(fixed(&v["member"]["id"]));
    (MemberKey::new(VaultId(fixed(&v["vault"])), id, &secret), v["member"].clone())
}

#[test]
fn every_sealed_field_opens_for_ever() {
    let (key, v) = member();
    let record = Record::from_bytes(&bytes(&v["record"])).unwrap();
    let mut seen = Vec::new();
    for entry in v["fields"].as_array().unwrap() {
        let field = Field::parse(entry["field"].as_str().unwrap()).unwrap();
        let (value, sealed) = (entry["value"].as_str().unwrap(), bytes(&entry["sealed"]));
        let stored = record.get(field).unwrap();
        assert_eq!(u64::from(stored.version), entry["version"].as_u64().unwrap());
        assert_eq!(stored.sealed.0, sealed, "{field} lies in its place in the record");
        let mut plain = Zeroizing::new(Vec::new());
        key.open(field.number(), stored.version, &sealed, &mut plain).unwrap();
        assert_eq!(*plain, value.as_bytes(), "{field}");
        // The padding is part of the form: what is sealed now is as long as what was sealed then.
        let again = key.seal(&mut Randomness::default(), field, stored.version, value).unwrap();
        assert_eq!(again.sealed.0.len(), sealed.len(), "{field}");
        seen.push(field);
    }
    assert_eq!(seen, Field::ALL, "a field without a vector");
    assert_eq!(key.alias(&record).unwrap(), Alias(fixed(&v["alias"])));
    assert_eq!(record.to_bytes(), bytes(&v["record"]));
}
