//! Every line of SQL. Other rooms hand in and get back words of `model`; a write is a [`Work`], which
//! commits only with a log entry, and reading is a [`View`] of one moment.

pub mod alarms;
pub mod attempts;
mod attributes;
pub mod backups;
mod blocks;
pub mod chunks;
pub mod consents;
pub mod documents;
mod duty;
mod earlier;
pub(crate) mod engine;
mod entered;
pub mod entries;
pub(crate) mod error;
pub mod factors;
pub(crate) mod gather;
mod heads;
pub mod held;
mod high_water;
pub mod imports;
pub mod kept_answers;
mod keys;
mod keystore;
pub mod log;
pub mod looks;
pub mod members;
mod moving;
pub mod holds;
pub mod outbox;
pub mod notes;
pub mod packages;
pub mod people;
pub mod policies;
pub mod proposals;
pub mod ranges;
pub mod records;
pub mod requests;
pub mod runs;
pub mod selecting;
mod schema;
pub mod linked;
pub mod sessions;
mod table;
pub mod tokens;
pub mod undertakings;
mod values;
pub mod vendor_keys;
pub mod vendors;
pub mod verify;
mod work;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use error::StoreError;
pub use heads::Stamp;
pub use work::{Receipt, View, Work};

use crate::audit::checkpoint::Checkpoint;
use crate::audit::event::{Action, Actor, Event};
use crate::audit::note::{NoteSigner, NoteVerifier};
use crate::clock::{Clock, random};
use crate::keyring::root::{LocalRoot, RootError};
use crate::keyring::{KeyKind, Keyring, WrappedKey, files};
use crate::model::ids::VaultId;
use engine::{Arg, Engine};
use entries::Entries;
use high_water::HighWater;
use ring::signature::Ed25519KeyPair;
use table::{VAULT, VAULT_KEY};

/// Where a vault is and how it is opened.
pub struct Place {
    /// The data folder: root file, signing keys, packages; the database too on SQLite.
    pub dir: PathBuf,
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
    /// The high-water mark, when it is not in its default place.
    pub high_water: Option<PathBuf>,
    /// The root passphrase, for a vault that has one.
    pub passphrase: Option<zeroize::Zeroizing<Vec<u8>>>,
    /// The clock, when it is not the machine's: tests that wait for a day.
    pub clock: Option<Arc<Clock>>,
}

impl Place {
    /// The clock of a vault in this zone.
    ///
    /// # Errors
    /// The zone is unknown.
    pub fn clock(&self, zone: &str) -> Result<Arc<Clock>, StoreError> {
        match &self.clock {
            Some(clock) => Ok(clock.clone()),
            None => {
                Clock::system(zone).map(Arc::new).map_err(|_| StoreError::integrity("vault", "unknown zone"))
            }
        }
    }
}

/// What a vault is, for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultInfo {
    /// Its id.
    pub id: VaultId,
    /// Whether it is a demo vault.
    pub demo: bool,
    /// Its zone.
    pub zone: String,
}

/// An opened vault's data.
pub struct Store {
    engine: Engine,
    keyring: Arc<Keyring>,
    clock: Arc<Clock>,
    high_water: HighWater,
    signer: NoteSigner,
    manifest_key: Ed25519KeyPair,
    info: VaultInfo,
    dir: PathBuf,
    entries: Entries,
}

impl Store {
    /// Makes a new vault: schema, keys, signing keys, and its first log entry.
    ///
    /// # Errors
    /// There is one already, the zone is unknown, or something cannot be written.
    pub async fn create(place: &Place, info_demo: bool, zone: &str) -> Result<Self, StoreError> {
        // Before anything is written: half a vault is in the way of a whole one.
        let clock = place.clock(zone)?;
        let folder = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::StorageFull => StoreError::DiskFull,
            _ => StoreError::ReadOnly,
        };
        std::fs::create_dir_all(&place.dir).map_err(folder)?;
        let root_path = place.dir.join("root.json");
        if root_path.exists() {
            return Err(StoreError::VaultExists);
        }
        let engine = Engine::open(&place.url, true).await?;
        if engine.has_schema().await? {
            return Err(StoreError::VaultExists);
        }
        engine.check_durability().await?;
        engine.migrate().await?;
        let info = VaultInfo { id: VaultId(random()?), demo: info_demo, zone: zone.to_owned() };
        let root = LocalRoot::create(&root_path, place.passphrase.as_deref().map(Vec::as_slice))?;
        let wrapped = Keyring::birth(info.id, &root)?;
        let signer = signer(&info, files::create(&place.dir, "checkpoint", &root)?)?;
        std::fs::write(place.dir.join("checkpoint.pub"), format!("{}\n", signer.verifier()))
            .map_err(folder)?;
        let manifest_key = files::create(&place.dir, "manifest", &root)?;
        let keyring = Arc::new(Keyring::open(info.id, &root, &wrapped)?);
        let high_water = HighWater::new(high_water_path(place, &info)?);
        let (dir, entries) = (place.dir.clone(), Entries::default());
        let store = Store { engine, keyring, clock, high_water, signer, manifest_key, info, dir, entries };
        store.drop_rows().await?;
        store.write_birth(&wrapped).await?;
        Ok(store)
    }

    async fn write_birth(&self, keys: &[WrappedKey]) -> Result<(), StoreError> {
        let mut work = Work::first(self).await?;
        let row = [
            Arg::Int(1),
            Arg::Bytes(&self.info.id.0),
            Arg::Int(i64::from(self.info.demo)),
            Arg::Text(&self.info.zone),
            Arg::Int(work.at()),
        ];
        work.insert(&VAULT, &row).await?;
        for key in keys {
            let row = [Arg::Text(key.kind.code()), Arg::Int(key.version), Arg::Bytes(&key.wrapped)];
            work.insert(&VAULT_KEY, &row).await?;
        }
        work.commit(Event::new(Action::VaultCreated, Actor::Operator).object(self.info.id)).await?;
        Ok(())
    }

    /// Opens a vault and checks what can be checked at once: durability, schema, keys, the log's head
    /// against its checkpoint and the high-water mark, and every table that a decision reads.
    ///
    /// # Errors
    /// [`StoreError::Integrity`] names what does not fit.
    pub async fn open(place: &Place) -> Result<Self, StoreError> {
        let engine = Engine::open(&place.url, false).await?;
        whole(&engine).await?;
        if engine.has_schema().await? {
            moving::migrate(&engine).await?;
        }
        let store = Self::over(place, engine).await?;
        store.move_rows().await?;
        Ok(store)
    }

    /// The same of a vault in which nothing may be changed, not even to bring it up to date: who verifies
    /// a copy kept as evidence must leave it one.
    ///
    /// # Errors
    /// [`StoreError::OlderSchema`] when it would have to be changed; otherwise as [`Store::open`].
    pub async fn open_to_look(place: &Place) -> Result<Self, StoreError> {
        let engine = Engine::open(&place.url, false).await?;
        whole(&engine).await?;
        if engine.has_schema().await? && moving::is_older(&engine).await? {
            return Err(StoreError::OlderSchema);
        }
        // Refuses a newer one.
        if engine.has_schema().await? {
            moving::migrate(&engine).await?;
        }
        Self::over(place, engine).await
    }

    async fn over(place: &Place, engine: Engine) -> Result<Self, StoreError> {
        if !engine.has_schema().await? {
            return Err(StoreError::NoVault);
        }
        engine.check_durability().await?;
        let (info, wrapped) = read_birth(&engine).await?;
        let root_path = place.dir.join("root.json");
        let root = LocalRoot::load(&root_path, place.passphrase.as_deref().map(Vec::as_slice))?;
        let keyring = Arc::new(Keyring::open(info.id, &root, &wrapped)?);
        let signer = signer(&info, files::load(&place.dir, "checkpoint", &root)?)?;
        let manifest_key = files::load(&place.dir, "manifest", &root)?;
        let clock = place.clock(&info.zone)?;
        let high_water = HighWater::new(high_water_path(place, &info)?);
        let (dir, entries) = (place.dir.clone(), Entries::default());
        let store = Store { engine, keyring, clock, high_water, signer, manifest_key, info, dir, entries };
        store.check_at_start().await?;
        Ok(store)
    }

    /// A snapshot to read from.
    ///
    /// # Errors
    /// The database failed.
    pub async fn view(&self) -> Result<View<'_>, StoreError> {
        Ok(View::on(self.engine.begin_read().await?, self))
    }

    /// A writer's turn; waits for the others, ten seconds at most.
    ///
    /// # Errors
    /// [`StoreError::Busy`], [`StoreError::ClockBack`], or the log's head does not fit.
    pub async fn work(&self) -> Result<Work<'_>, StoreError> {
        Work::begin(self).await
    }

    /// What this vault is.
    pub fn info(&self) -> &VaultInfo {
        &self.info
    }

    /// Its keys.
    pub fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    /// Its clock.
    pub fn clock(&self) -> &Arc<Clock> {
        &self.clock
    }

    /// Its data folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where its high-water mark lies.
    pub fn high_water_path(&self) -> &Path {
        self.high_water.path()
    }

    /// The newest checkpoint that this machine remembers outside the data folder; none before the first entry.
    ///
    /// # Errors
    /// The file cannot be read, or its signature is wrong.
    pub fn high_water_mark(&self) -> Result<Option<Checkpoint>, StoreError> {
        self.high_water.read(&self.verifier())
    }

    /// The key that signs manifests.
    pub fn manifest_key(&self) -> &Ed25519KeyPair {
        &self.manifest_key
    }

    /// Who verifies this vault's checkpoints.
    pub fn verifier(&self) -> NoteVerifier {
        self.signer.verifier()
    }

    /// A short name of the engine, for people.
    ///
    /// # Errors
    /// The database failed.
    pub async fn describe_engine(&self) -> Result<String, StoreError> {
        self.engine.describe().await
    }

    /// Makes deleted keys illegible where they may still stand in the engine's own files.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when a view held the files for ten seconds: they are still legible.
    pub async fn forget_deleted(&self) -> Result<(), StoreError> {
        self.engine.forget_deleted().await
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.engine.close().await;
    }

    fn sign_checkpoint(&self, size: u64, root: [u8; 32]) -> Result<String, StoreError> {
        let checkpoint = Checkpoint { origin: self.signer.name().to_owned(), size, root };
        checkpoint.sign(&self.signer).map_err(|_| StoreError::integrity("checkpoint.key", "another origin"))
    }
}

/// What a restore left half done is no vault.
async fn whole(engine: &Engine) -> Result<(), StoreError> {
    match engine.has_table(backups::RESTORING).await? {
        true => Err(StoreError::Restoring),
        false => Ok(()),
    }
}

fn signer(info: &VaultInfo, key: Ed25519KeyPair) -> Result<NoteSigner, StoreError> {
    let family = if info.demo { "countersign-demo" } else { "countersign" };
    NoteSigner::new(&format!("{family}/{}", info.id), key).map_err(|_| StoreError::Root(RootError::Wrong))
}

/// The mark's place: named, or under the user's state folder. Without a home there is no such folder, and a
/// mark in whatever folder one stands in would be another one each time.
fn high_water_path(place: &Place, info: &VaultInfo) -> Result<PathBuf, StoreError> {
    if let Some(path) = &place.high_water {
        return Ok(path.clone());
    }
    let state = state_folder().ok_or_else(|| {
        let none =
            std::io::Error::new(std::io::ErrorKind::NotFound, "no home folder; name one with --high-water");
        StoreError::HighWater(PathBuf::from("(unnamed)"), none)
    })?;
    Ok(state.join("countersign").join(info.id.to_string()).join("high-water"))
}

/// The user's state folder; none without a home.
pub(crate) fn state_folder() -> Option<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).or_else(home);
    state.filter(|path| path.is_absolute())
}

/// What the vault is and its wrapped keys: all that is read before there is a key to check it with.
async fn read_birth(engine: &Engine) -> Result<(VaultInfo, Vec<WrappedKey>), StoreError> {
    let bad = || StoreError::integrity("vault", "its row is missing or malformed");
    let mut tx = engine.begin_read().await?;
    let info = tx.maybe("select vault_id, demo, zone from vault", &[]).await;
    let info = info.and_then(|row| {
        let row = row.ok_or_else(bad)?;
        let id: [u8; 16] = row.bytes(0)?.try_into().map_err(|_| bad())?;
        Ok(VaultInfo { id: VaultId(id), demo: row.int(1)? != 0, zone: row.text(2)? })
    });
    let info = info.map_err(|e| e.unreadable("vault"))?;
    let mut keys = Vec::new();
    for row in tx.all("select kind, version, wrapped from vault_key order by kind, version", &[]).await? {
        let read = || Ok((row.text(0)?, row.int(1)?, row.bytes(2)?));
        let (kind, version, wrapped) = read().map_err(|e: StoreError| e.unreadable("vault_key"))?;
        let kind = KeyKind::parse(&kind).map_err(|_| StoreError::integrity("vault_key", "unknown kind"))?;
        keys.push(WrappedKey { kind, version, wrapped });
    }
    Ok((info, keys))
}
