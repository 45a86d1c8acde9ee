//! Other people's vectors (Wycheproof), and our own: what was once wrapped, sealed or tagged must come out the
//! same for ever. `tests/vectors/README.md` says who made them.

use ring::hmac;
use serde_json::Value;
use wycheproof::{TestResult, aead, mac};
use zeroize::Zeroizing;

use super::aead::Key;
use super::root::{LocalRoot, Root};
use super::*;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/vault.json")).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn fixed<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

/// A root file's key.
fn root(file: &Value, passphrase: Option<&str>) -> LocalRoot {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("root.json");
    root::write_secret(&path, file.to_string().as_bytes()).unwrap();
    LocalRoot::load(&path, passphrase.map(str::as_bytes)).unwrap()
}

fn keyring(v: &Value) -> Keyring {
    let rows: Vec<WrappedKey> = v["keys"].as_array().unwrap().iter().map(wrapped_key).collect();
    Keyring::open(VaultId(fixed(&v["vault"])), &root(&v["root"], None), &rows).unwrap()
}

fn wrapped_key(v: &Value) -> WrappedKey {
    WrappedKey {
        kind: KeyKind::parse(v["kind"].as_str().unwrap()).unwrap(),
        version: v["version"].as_i64().unwrap(),
        wrapped: bytes(&v["wrapped"]),
    }
}

#[test]
fn aes_256_gcm_does_what_wycheproof_says() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let mut tried = [0; 2];
    let groups = set.test_groups.iter().filter(|g| (g.key_size, g.nonce_size, g.tag_size) == (256, 96, 128));
    for test in groups.flat_map(|group| &group.tests) {
        let key = Key::new(Zeroizing::new(test.key.as_ref().try_into().unwrap())).cipher();
        let nonce: [u8; 12] = test.nonce.as_ref().try_into().unwrap();
        let stored = [test.nonce.as_ref(), test.ct.as_ref(), test.tag.as_ref()].concat();
        let opened = key.open(&test.aad, &stored);
        let mut sealed = Vec::new();
        key.seal_with(nonce, &test.aad, &test.pt, &mut sealed);
        match test.result {
            TestResult::Valid => {
                assert_eq!(opened.unwrap().as_slice(), test.pt.as_ref(), "{}", test.tc_id);
                assert_eq!(sealed, stored, "{}", test.tc_id);
            }
            _ => {
                assert_eq!(opened.unwrap_err(), DoesNotOpen, "{}", test.tc_id);
                assert_ne!(sealed, stored, "{}", test.tc_id);
            }
        }
        tried[usize::from(test.result == TestResult::Valid)] += 1;
    }
    assert!(tried[0] > 15 && tried[1] > 30, "{tried:?}");
}

#[test]
fn hmac_sha_256_does_what_wycheproof_says() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let mut tried = [0; 2];
    for group in &set.test_groups {
        for test in &group.tests {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &test.key);
            // An index tag is the whole tag cut to 128 bits, a row's MAC the whole.
            let same = match group.tag_size {
                128 => tag(&key, &test.msg) == test.tag.as_ref(),
                256 => hmac::sign(&key, &test.msg).as_ref() == test.tag.as_ref(),
                other => panic!("a tag of {other} bits"),
            };
            assert_eq!(same, test.result == TestResult::Valid, "{}", test.tc_id);
            tried[usize::from(same)] += 1;
        }
    }
    assert!(tried[0] > 50 && tried[1] > 50, "{tried:?}");
}

#[test]
fn every_key_of_a_vault_unwraps_for_ever() {
    let v = vectors();
    let (vault, root) = (VaultId(fixed(&v["vault"])), root(&v["root"], None));
    let mut kinds = Vec::new();
    for entry in v["keys"].as_array().unwrap() {
        let row = wrapped_key(entry);
        let key = root.unwrap(&place(vault, row.kind, row.version), &row.wrapped).unwrap();
        assert_eq!(key.bytes(), &fixed(&entry["key"]), "{}", row.kind);
        assert!(root.unwrap(&place(vault, row.kind, row.version + 1), &row.wrapped).is_err());
        kinds.push(row.kind);
    }
    assert!(KeyKind::ALL.iter().all(|kind| kinds.contains(kind)), "a kind of key without a vector");
}

#[test]
fn a_passphrase_opens_for_ever() {
    let v = &vectors()["passphrase"];
    let root = root(&v["root"], v["passphrase"].as_str());
    assert_eq!(root.unwrap(&bytes(&v["place"]), &bytes(&v["wrapped"])).unwrap().bytes(), &fixed(&v["key"]));
}

#[test]
fn data_keys_of_every_epoch_unwrap_for_ever() {
    let v = vectors();
    let (keyring, member) = (keyring(&v), &v["member"]);
    for entry in member["wrapped"].as_array().unwrap() {
        let (kek, wrapped) = (entry["kek"].as_i64().unwrap(), bytes(&entry["wrapped"]));
        let place: [&[u8]; 2] = [b"data-key", &bytes(&member["id"])];
        assert_eq!(keyring.unwrap(kek, &place, &wrapped).unwrap().bytes(), &fixed(&member["data_key"]));
        assert!(keyring.unwrap(3 - kek, &place, &wrapped).is_err(), "another epoch's KEK");
    }
    assert_eq!(keyring.wrap(&[b"x"], &Key::random().unwrap()).unwrap().0, 2, "the newest KEK wraps");
}

#[test]
fn macs_and_derived_keys_stay_what_they_are() {
    let v = vectors();
    let keyring = keyring(&v);
    assert_eq!(keyring.row_mac(&bytes(&v["row_mac"]["row"])), fixed(&v["row_mac"]["mac"]));
    assert_eq!(keyring.head(&bytes(&v["head"]["bytes"])), fixed(&v["head"]["head"]));
    let stretched = Key::new(Zeroizing::new(fixed(&v["staff"]["stretched"])));
    assert_eq!(keyring.staff_key(&stretched).unwrap().bytes(), &fixed(&v["staff"]["key"]));
}

#[test]
fn heads_chunks_and_texts_open_for_ever() {
    let v = vectors();
    let keyring = keyring(&v);
    let heads = keyring.open_heads(&bytes(&v["heads"]["sealed"])).unwrap();
    assert_eq!(*heads, bytes(&v["heads"]["plain"]));
    let parts: Vec<Vec<u8>> = v["chunk"]["place"].as_array().unwrap().iter().map(bytes).collect();
    let place: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let chunk = keyring.open_chunk(&place, &bytes(&v["chunk"]["sealed"])).unwrap();
    assert_eq!(*chunk, bytes(&v["chunk"]["plain"]));
    let text = keyring.open_text(&bytes(&v["text"]["salt"]), &bytes(&v["text"]["sealed"])).unwrap();
    assert_eq!(*text, v["text"]["text"].as_str().unwrap().as_bytes());
}

#[test]
fn a_sealed_disclosure_set_opens_for_ever() {
    let p: Value = serde_json::from_str(include_str!("../../tests/vectors/package.json")).unwrap();
    let set = &p["disclosure"];
    let parts: Vec<Vec<u8>> = set["place"].as_array().unwrap().iter().map(bytes).collect();
    let place: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let opened = keyring(&vectors()).open_chunk(&place, &bytes(&set["sealed"])).unwrap();
    assert_eq!(*opened, bytes(&set["bytes"]));
}
