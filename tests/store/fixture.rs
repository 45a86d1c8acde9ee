//! Vaults to test on, and the one thing the store's own API does not give away: keys wrapped under the
//! vault's key-encryption key, made here from the drawn formats alone.

use std::path::PathBuf;

use countersign::audit::checkpoint::Checkpoint;
use countersign::audit::event::{Action, Actor, Event};
use countersign::keyring::aead::bind;
use countersign::model::ids::{MemberId, PackageNo, VaultId};
use countersign::store::members::WrappedDataKey;
use countersign::store::verify::{Problem, Verified};
use countersign::store::{Place, Receipt, Store, StoreError};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::raw::{Cell, Raw};
use crate::support::postgres;

/// Which engine a vault is on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum On {
    Sqlite,
    Postgres,
}

/// A new vault in a folder of its own.
pub struct Vault {
    pub on: On,
    pub folder: tempfile::TempDir,
    pub url: String,
    pub store: Store,
}

impl Vault {
    pub async fn new(on: On) -> Vault {
        let folder = tempfile::tempdir().expect("a folder");
        let url = fresh_url(on, &folder);
        let store = Store::create(&place(&folder, &url), false, "Asia/Shanghai").await;
        Vault { on, store: store.unwrap_or_else(|e| panic!("{e}")), folder, url }
    }

    pub fn place(&self) -> Place {
        place(&self.folder, &self.url)
    }

    pub fn dir(&self) -> PathBuf {
        self.folder.path().join("vault")
    }

    /// A second store on the same vault, as another process would open it.
    pub async fn open(&self) -> Result<Store, StoreError> {
        Store::open(&self.place()).await
    }

    pub async fn raw(&self) -> Raw {
        Raw::connect(&self.url).await
    }

    /// The database administrator, with the triggers that say no already gone.
    pub async fn disarmed(&self) -> Raw {
        let mut raw = self.raw().await;
        raw.disarm().await;
        raw
    }

    /// An entry that changes nothing.
    pub async fn entry(&self) -> Receipt {
        entry(&self.store).await
    }

    pub async fn entries(&self, n: usize) {
        for _ in 0..n {
            self.entry().await;
        }
    }

    /// The newest checkpoint, opened.
    pub async fn checkpoint(&self) -> Checkpoint {
        let (_, note) = self.store.view().await.unwrap().checkpoint().await.unwrap();
        Checkpoint::open(&note, &self.store.verifier()).expect("our own checkpoint")
    }

    pub async fn deep(&self) -> Verified {
        self.store.verify(true, &[]).await.unwrap_or_else(|e| panic!("verifying broke off: {e}"))
    }

    pub async fn assert_sound(&self) {
        assert_eq!(self.deep().await.problems, []);
    }

    /// Who wraps keys as the vault itself does.
    pub async fn smith(&self) -> Smith {
        Smith::new(self).await
    }
}

pub fn fresh_url(on: On, folder: &tempfile::TempDir) -> String {
    match on {
        On::Sqlite => format!("sqlite:{}", folder.path().join("vault/vault.db").display()),
        On::Postgres => postgres::fresh_database(),
    }
}

pub fn place(folder: &tempfile::TempDir, url: &str) -> Place {
    Place {
        dir: folder.path().join("vault"),
        url: url.to_owned(),
        high_water: Some(folder.path().join("state/high-water")),
        passphrase: None,
        clock: None,
    }
}

pub fn event() -> Event {
    Event::new(Action::PolicyShown, Actor::Operator)
}

pub async fn entry(store: &Store) -> Receipt {
    store.work().await.unwrap().commit(event()).await.unwrap()
}

/// The tables that problems name, each once.
pub fn named(problems: &[Problem]) -> Vec<&str> {
    let mut names: Vec<&str> = problems.iter().map(|p| p.what.as_str()).collect();
    names.dedup();
    names
}

/// The place of an integrity error; panics on anything else.
#[track_caller]
pub fn integrity<T>(result: Result<T, StoreError>) -> (String, String) {
    match result {
        Err(StoreError::Integrity { what, place }) => (what, place),
        Err(other) => panic!("not an integrity error: {other}"),
        Ok(_) => panic!("it was accepted"),
    }
}

/// Wraps data keys and package keys under the vault's KEK, as src/keyring draws it.
pub struct Smith {
    vault: VaultId,
    kek: [u8; 32],
}

impl Smith {
    async fn new(vault: &Vault) -> Smith {
        let id = vault.store.info().id;
        let text = std::fs::read_to_string(vault.dir().join("root.json")).unwrap();
        let root: serde_json::Value = serde_json::from_str(&text).unwrap();
        let root: [u8; 32] = hex::decode(root["key"].as_str().unwrap()).unwrap().try_into().unwrap();
        let mut raw = vault.raw().await;
        let table = raw.table("vault_key").await;
        let rows = raw.rows(&table).await;
        let row = rows.iter().find(|r| r[0] == Cell::Text("kek".into())).expect("a KEK");
        let Cell::Bytes(wrapped) = &row[2] else { panic!("not bytes") };
        let place = bind(&[&id.0, b"kek", &1i64.to_le_bytes()]);
        let kek = open(&root, &bind(&[b"countersign.root.v1", &place]), wrapped);
        Smith { vault: id, kek: kek.try_into().unwrap() }
    }

    pub fn data_key(&self, id: MemberId) -> WrappedDataKey {
        let key = [id.0[0]; 32];
        WrappedDataKey { id, kek: 1, wrapped: self.wrap(&[b"data-key", &id.0], &key) }
    }

    pub fn package_key(&self, no: &PackageNo) -> Vec<u8> {
        self.wrap(&[b"package-key", no.to_string().as_bytes()], &[9; 32])
    }

    fn wrap(&self, place: &[&[u8]], key: &[u8; 32]) -> Vec<u8> {
        let version = 1i64.to_le_bytes();
        let mut parts: Vec<&[u8]> = vec![b"countersign.kek.v1", &self.vault.0, &version];
        parts.extend_from_slice(place);
        seal(&self.kek, &bind(&parts), key)
    }
}

fn cipher(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap())
}

fn seal(key: &[u8; 32], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let nonce: [u8; 12] = countersign::clock::random().unwrap();
    let mut sealed = plain.to_vec();
    let nonce_used = Nonce::assume_unique_for_key(nonce);
    cipher(key).seal_in_place_append_tag(nonce_used, Aad::from(aad), &mut sealed).unwrap();
    [nonce.to_vec(), sealed].concat()
}

fn open(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Vec<u8> {
    let (nonce, body) = sealed.split_at(12);
    let nonce = Nonce::try_assume_unique_for_key(nonce).unwrap();
    let mut body = body.to_vec();
    cipher(key).open_in_place(nonce, Aad::from(aad), &mut body).expect("the drawn format").to_vec()
}
