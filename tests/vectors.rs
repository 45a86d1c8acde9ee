//! What we once stored, signed or handed out must be read for ever, and written the same. The bytes in
//! `tests/vectors` are fixed; who made them stands in its README. What only the crate itself can open has its
//! tests beside the code: `src/keyring/tests.rs`, `src/vault/tests.rs`.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use countersign::audit::checkpoint::Checkpoint;
use countersign::audit::event::{Action, Actor, Event};
use countersign::audit::leaf::{self, Frame};
use countersign::audit::note::{NoteSigner, NoteVerifier};
use countersign::audit::proof::{ConsistencyProof, InclusionProof};
use countersign::audit::tree::{Frontier, Hash, leaf_hash};
use countersign::clock::parse_rfc3339;
use countersign::keyring::root::LocalRoot;
use countersign::keyring::{KeyKind, Keyring, WrappedKey, files, sha256};
use countersign::model::code::{Channel, Purpose, Role};
use countersign::model::field::{Field, Index};
use countersign::model::form::Submission;
use countersign::model::ids::{Alias, Digest, Login, MemberId, VaultId};
use countersign::model::ordinals::OrdinalSet;
use countersign::model::refusal::Refusal;
use countersign::model::sealed::Record;
use countersign::model::signing::{PublicKey, Signature, SignaturePayload, Signed, check_round};
use countersign::release::at_rest::{SealWriter, open_reader};
use countersign::release::manifest::Manifest;
use countersign::store::members::WrappedDataKey;
use countersign::vault::{PostContact, Vault, contact_tags};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::Value;

const VAULT: &str = include_str!("vectors/vault.json");
const LOG: &str = include_str!("vectors/log.json");
const REQUEST: &str = include_str!("vectors/request.json");
const PACKAGE: &str = include_str!("vectors/package.json");

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(text(value)).unwrap()
}

fn fixed<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

/// The root key of a root file, read as a vault's own would be.
fn root(dir: &std::path::Path, v: &Value) -> LocalRoot {
    let path = dir.join("root.json");
    fs::write(&path, v["root"].to_string()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    LocalRoot::load(&path, None).unwrap()
}

fn keyring(v: &Value) -> Arc<Keyring> {
    let dir = tempfile::tempdir().unwrap();
    let rows: Vec<WrappedKey> = list(&v["keys"])
        .iter()
        .map(|key| WrappedKey {
            kind: KeyKind::parse(text(&key["kind"])).unwrap(),
            version: key["version"].as_i64().unwrap(),
            wrapped: bytes(&key["wrapped"]),
        })
        .collect();
    Arc::new(Keyring::open(VaultId(fixed(&v["vault"])), &root(dir.path(), v), &rows).unwrap())
}

#[test]
fn from_the_root_to_a_member() {
    let v = read(VAULT);
    let (vault, member) = (Vault::new(keyring(&v)), &v["member"]);
    let record = Record::from_bytes(&bytes(&member["record"])).unwrap();
    for entry in list(&member["wrapped"]) {
        let wrapped = WrappedDataKey {
            id: MemberId(fixed(&member["id"])),
            kek: entry["kek"].as_i64().unwrap(),
            wrapped: bytes(&entry["wrapped"]),
        };
        let key = vault.key(&wrapped).unwrap();
        assert_eq!(key.alias(&record).unwrap(), Alias(fixed(&member["alias"])));
    }
}

#[test]
fn tags_find_what_was_tagged() {
    let v = read(VAULT);
    let keyring = keyring(&v);
    let value = |index: &str| {
        list(&v["tags"]).iter().find(|t| text(&t["index"]) == index).map(|t| text(&t["value"])).unwrap()
    };
    let p = &v["post"];
    let post =
        PostContact { name: text(&p["name"]), address: text(&p["address"]), postcode: text(&p["postcode"]) };
    let tags =
        contact_tags(&keyring, value("card"), Some(value("mobile")), Some(value("email")), Some(&post));
    assert_eq!(tags.len(), Index::ALL.len());
    for tag in tags {
        let stored =
            list(&v["tags"]).iter().find(|t| text(&t["index"]) == tag.index.code()).unwrap_or(&v["post"]);
        assert_eq!(tag.tag, fixed(&stored["tag"]), "{}", tag.index);
        assert_eq!(tag.suppression, fixed(&stored["suppression"]), "{}", tag.index);
    }
}

#[test]
fn a_signing_key_file_is_read() {
    let v = read(VAULT);
    let dir = tempfile::tempdir().unwrap();
    let root = root(dir.path(), &v);
    let name = text(&v["signing_key"]["name"]);
    fs::write(dir.path().join(format!("{name}.key")), text(&v["signing_key"]["file"])).unwrap();
    let pair = files::load(dir.path(), name, &root).unwrap();
    assert_eq!(pair.public_key().as_ref(), bytes(&v["signing_key"]["public_key"]));
}

/// An entry with everything that an allowed one can have.
fn revealed(v: &Value) -> Vec<u8> {
    let actor =
        Actor::Person { login: Login::parse("wang.fang").unwrap(), roles: vec![Role::Counter], token: None };
    let event = Event::new(Action::MemberRevealed, actor)
        .object("S001")
        .member(Alias(fixed(&v["member"]["alias"])))
        .fields(&[Field::Name, Field::Mobile])
        .policy(Digest([4; 32]))
        .count("fields", 2)
        .digest("commitment", Digest([5; 32]));
    let at = parse_rfc3339("2026-11-21T08:00:00.000001Z").unwrap();
    let heads = [("person", [6; 32])].into();
    leaf::encode(&event, &Frame { seq: 2, at, heads: &heads, state: [7; 32] }).unwrap()
}

/// A refusal, with what the other has not.
fn refused() -> Vec<u8> {
    let event = Event::new(Action::RequestApproved, Actor::Anonymous)
        .request(Digest([2; 32]), Purpose::Promotion, Channel::Sms)
        .refused(&Refusal::new("not_permitted", "A4c (Art 4)", "no"));
    let at = parse_rfc3339("2026-11-21T08:00:01.000000Z").unwrap();
    leaf::encode(&event, &Frame { seq: 3, at, heads: &[].into(), state: [7; 32] }).unwrap()
}

#[test]
fn a_leaf_is_the_same_bytes() {
    let log = read(LOG);
    assert_eq!(String::from_utf8(revealed(&read(VAULT))).unwrap(), text(&log["leaves"][2]));
    assert_eq!(String::from_utf8(refused()).unwrap(), text(&log["leaves"][3]));
}

#[test]
fn the_tree_and_its_proofs_hold() {
    let log = read(LOG);
    let mut frontier = Frontier::new();
    let mut roots: Vec<Hash> = vec![frontier.root()];
    for (leaf, hash) in list(&log["leaves"]).iter().zip(list(&log["hashes"])) {
        assert_eq!(leaf_hash(text(leaf).as_bytes()), fixed(hash));
        frontier.append(fixed(hash));
        roots.push(frontier.root());
    }
    assert_eq!(frontier.root(), fixed(&log["root"]));
    assert_eq!(roots[3], fixed(&log["root_of_three"]));
    assert_eq!(frontier.to_bytes(), bytes(&log["frontier"]));
    assert_eq!(Frontier::from_bytes(5, &bytes(&log["frontier"])).unwrap(), frontier);
    let checkpoint = |size: u64| Checkpoint { origin: "o".into(), size, root: roots[size as usize] };
    let inclusion: InclusionProof = serde_json::from_value(log["inclusion"].clone()).unwrap();
    inclusion.verify(&fixed(&log["hashes"][2]), &checkpoint(5)).unwrap();
    let consistency: ConsistencyProof = serde_json::from_value(log["consistency"].clone()).unwrap();
    consistency.verify(&checkpoint(3), &checkpoint(5)).unwrap();
}

#[test]
fn a_checkpoint_is_opened_and_written_the_same() {
    let log = read(LOG);
    let verifier = NoteVerifier::parse(text(&log["verifier"])).unwrap();
    let checkpoint = Checkpoint::open(text(&log["checkpoint"]), &verifier).unwrap();
    assert_eq!((checkpoint.origin.as_str(), checkpoint.size), (text(&log["origin"]), 5));
    assert_eq!(checkpoint.root, fixed(&log["root"]));
    let key = Ed25519KeyPair::from_seed_unchecked(&bytes(&log["seed"])).unwrap();
    let signer = NoteSigner::new(text(&log["origin"]), key).unwrap();
    assert_eq!(signer.verifier().to_string(), text(&log["verifier"]));
    assert_eq!(checkpoint.sign(&signer).unwrap(), text(&log["checkpoint"]));
}

#[test]
fn a_request_and_its_signatures_are_read() {
    let v = read(REQUEST);
    let submission = Submission::from_canonical(text(&v["canonical"]).as_bytes()).unwrap();
    assert_eq!(submission.canonical(), text(&v["canonical"]).as_bytes());
    assert_eq!(submission.digest(), Digest(fixed(&v["digest"])));
    let mut facts = Vec::new();
    let mut keys = Vec::new();
    for fact in list(&v["facts"]) {
        let payload = SignaturePayload::from_canonical(text(&fact["payload"]).as_bytes()).unwrap();
        let key = PublicKey(fixed(&fact["public_key"]));
        let signed = Signed { payload, signature: Signature(fixed(&fact["signature"])) };
        signed.verify(&key).unwrap();
        assert_eq!(signed.hash(), Digest(fixed(&fact["hash"])));
        keys.push((signed.payload.signer.clone(), key));
        facts.push(signed);
    }
    let key_of = |login: &Login, print: &_| {
        keys.iter().find(|(who, key)| who == login && key.fingerprint() == *print).map(|(_, key)| *key)
    };
    check_round(&submission, &facts, key_of).unwrap();
}

#[test]
fn a_disclosure_set_is_the_same_bytes() {
    let v = read(PACKAGE);
    let stored = bytes(&v["disclosure"]["bytes"]);
    let ordinals: Vec<u64> = list(&v["disclosure"]["ordinals"]).iter().map(|n| n.as_u64().unwrap()).collect();
    let set = OrdinalSet::from_bytes(&stored).unwrap();
    assert_eq!(set.iter().collect::<Vec<_>>(), ordinals);
    assert_eq!(set.to_bytes(), stored);
    assert_eq!(sha256(&stored), fixed(&v["disclosure"]["digest"]));
    let (step, count) = (v["dense"]["step"].as_u64().unwrap(), v["dense"]["count"].as_u64().unwrap());
    let dense: OrdinalSet = (0..count).map(|n| n * step).collect();
    assert_eq!(sha256(&dense.to_bytes()), fixed(&v["dense"]["sha256"]));
}

/// The bytes that the long vector seals: too many to lie in a file.
fn long(count: u64) -> Vec<u8> {
    (0..count).map(|i| (i * 7 + i / 256) as u8).collect()
}

#[test]
fn a_package_at_rest_opens_and_is_written_the_same() {
    let v = &read(PACKAGE)["at_rest"];
    let (key, place) = (fixed(&v["key"]), bytes(&v["place"]));
    let seal = |plain: &[u8]| {
        let mut writer = SealWriter::new(Vec::new(), &key, &place, fixed(&v["nonce_prefix"])).unwrap();
        writer.write_all(plain).unwrap();
        writer.finish().unwrap()
    };
    let open = |sealed: &[u8]| {
        let mut plain = Vec::new();
        open_reader(sealed, &key, &place).read_to_end(&mut plain).map(|_| plain)
    };
    assert_eq!(open(&bytes(&v["sealed"])).unwrap(), bytes(&v["plain"]));
    assert_eq!(seal(&bytes(&v["plain"])), bytes(&v["sealed"]));
    let plain = long(v["long"]["bytes"].as_u64().unwrap());
    assert_eq!(sha256(&plain), fixed(&v["long"]["plain_sha256"]));
    let sealed = seal(&plain);
    assert_eq!(sha256(&sealed), fixed(&v["long"]["sha256"]));
    assert_eq!(open(&sealed).unwrap(), plain);
}

#[test]
fn a_manifest_opens_and_is_signed_the_same() {
    let v = &read(PACKAGE)["manifest"];
    let (manifest, key) = Manifest::open(text(&v["file"])).unwrap();
    assert_eq!(key, fixed(&v["public_key"]));
    let log = read(LOG);
    let verifier = NoteVerifier::parse(text(&log["verifier"])).unwrap();
    let checkpoint = Checkpoint::open(&manifest.checkpoint, &verifier).unwrap();
    manifest.inclusion.verify(&fixed(&Value::from(manifest.leaf.clone())), &checkpoint).unwrap();
    let pair = Ed25519KeyPair::from_seed_unchecked(&bytes(&v["seed"])).unwrap();
    let again = manifest.sign(&pair).unwrap();
    let signature = |file: &str| read(file)["signature"].clone();
    assert_eq!(signature(&again), signature(text(&v["file"])));
}
