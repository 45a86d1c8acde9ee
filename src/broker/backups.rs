//! Backups (B6): made from one snapshot while the vault serves, verified without it, and restored.
//!
//! ```text
//! snapshot ─► rows, each held against the set heads ─► FILE.part on disk ─► entry backup.created ─► FILE
//! ```
//!
//! The entry comes when the file is whole and before it has its name: the digest is not known earlier, and no file
//! bears a backup's name of which the log does not speak. So the entry is not in the backup it speaks of. Who
//! makes one is the host's operator: he opens no field, and the file holds none that its root key alone would open.

mod restoring;

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

pub use restoring::{RestoreOptions, Restored};

use super::{Broker, Error};
use crate::audit::event::{Action, Actor, Event};
use crate::clock::rfc3339;
use crate::keyring::root::{LocalRoot, Root};
use crate::model::ids::Digest;
use crate::release::at_rest::Passed;
use crate::release::backup::{BackupError, BackupReader, BackupWriter};
use crate::store::backups::{
    Checked, Checking, Drill, KeyCounts, KeysBeside, Kind, Made, Meta, Remembered, mark_of,
};
use crate::store::verify::Problem;
use crate::store::{Place, StoreError};

/// A backup that was made.
#[derive(Debug, Clone, Serialize)]
pub struct BackupMade {
    /// Entries in the log it holds or belongs to.
    pub size: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Its digest, as the entry has it.
    pub sha256: Digest,
}

/// What a file is, as far as it says so itself.
#[derive(Debug, Clone, Serialize)]
pub struct BackupFile {
    /// When it was made, RFC 3339.
    pub made_at: String,
    /// From which engine.
    pub engine: String,
    /// Entries in the log.
    pub size: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Its digest, as the vault's log has it.
    pub sha256: Digest,
}

/// What verifying a backup found: the report of a restore drill.
#[derive(Debug, Clone, Serialize)]
pub struct BackupReport {
    /// The vault it is of.
    pub vault: String,
    /// The data backup.
    pub data: BackupFile,
    /// Root over its log, hex.
    pub root: String,
    /// Members in it.
    pub members: u64,
    /// Rows in it.
    pub rows: u64,
    /// The key backup, when one was given.
    pub keys: Option<BackupFile>,
    /// How its members meet those keys.
    pub member_keys: Option<KeyCounts>,
    /// Nothing is wrong: it can be restored.
    pub verified: bool,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

impl Broker {
    /// Makes a backup of the data or of the keystore.
    ///
    /// # Errors
    /// There is such a file, it cannot be written, or what is stored is not what the log says: of that there is no
    /// backup that could be restored.
    pub async fn backup_create(&self, place: &Place, kind: Kind, path: &Path) -> Result<BackupMade, Error> {
        let root = root_of(place, None)?;
        let named = |error| failed(error, path);
        let mut out = BackupWriter::create(path, kind, self.store.info().id, &*root).map_err(named)?;
        let mut view = self.store.view().await?;
        let meta = view.backup_meta(kind).await?;
        let mut checking = match kind {
            Kind::Data => Some(Checking::new(meta.clone(), root)?),
            Kind::Keys => None,
        };
        out.record(&encoded(&meta)?).map_err(named)?;
        view.dump(kind, |record| {
            if let Some(checking) = &mut checking {
                checking.take(record)?;
            }
            out.record(record).map_err(named)
        })
        .await?;
        drop(view);
        if let Some(checking) = checking {
            sound(&checking.end()?.problems)?;
        }
        let written = out.finish().map_err(named)?;
        let Passed { sha256, bytes } = written.passed();
        let made = BackupMade { size: meta.size, bytes, sha256: Digest(sha256) };
        let action = match kind {
            Kind::Data => Action::BackupCreated,
            Kind::Keys => Action::BackupKeysCreated,
        };
        let event = Event::new(action, Actor::Operator).digest("sha256", made.sha256);
        let event = event.count("size", made.size).count("bytes", bytes);
        self.store.work().await?.commit(event).await?;
        written.name().map_err(named)?;
        self.remember(|known| {
            known.made(kind, Made { at: meta.made_at, size: meta.size, bytes, sha256: made.sha256 })
        });
        Ok(made)
    }

    /// Remembering is for `doctor`; where it cannot be written, the backup is no worse.
    fn remember(&self, change: impl FnOnce(Remembered) -> Remembered) {
        let (mark, keyring) = (self.store.high_water_path(), self.store.keyring());
        if let Err(error) = change(Remembered::read(mark, keyring)).write(mark, keyring) {
            tracing::warn!(%error, "a backup is not remembered beside the high-water mark");
        }
    }

    /// Reads a data backup to its end, and a key backup beside it. Needs the root key and no vault, and changes none.
    /// Where nothing is wrong, that is remembered beside the high-water mark.
    ///
    /// # Errors
    /// Only what kept it from looking; what it found wrong is in the answer, or an integrity error where nothing
    /// else can be said.
    pub fn backup_verify(
        place: &Place,
        root: Option<&Path>,
        data: &Path,
        keys: Option<&Path>,
    ) -> Result<BackupReport, Error> {
        let root = root_of(place, root)?;
        let mut beside = keys.map(|path| Opened::new(path, Kind::Keys, &root)).transpose()?;
        let mut data = Opened::new(data, Kind::Data, &root)?;
        let mut problems = Vec::new();
        if let Some(keys) = &beside {
            data.belongs_with(keys)?;
            if keys.meta.size < data.meta.size {
                problems.push(problem(
                    "keys",
                    "they are older than the data: members who came between have none",
                ));
            }
        }
        let mut checking = Checking::new(data.meta.clone(), root)?;
        let mut meeting: Option<KeysBeside> = None;
        while let Some(record) = data.next()? {
            checking.take(&record)?;
            if let (Some(keys), Some(keyring)) = (&mut beside, checking.keyring()) {
                let meeting = meeting.get_or_insert_with(|| KeysBeside::new(keyring.clone()));
                meeting.beside(&record, &mut || keys.next())?;
            }
        }
        let keyring = checking.keyring().cloned();
        let (info, verifier) = (data.meta.info()?, checking.verifier().clone());
        let Checked { size, root, members, rows, problems: found } = checking.end()?;
        problems.extend(found);
        let made_at = data.meta.made_at;
        let data = data.end()?;
        let keys = match beside {
            Some(mut keys) => {
                while keys.next()?.is_some() {}
                Some(keys.end()?)
            }
            None => None,
        };
        let counts = keys.is_some().then(|| meeting.map(KeysBeside::end).unwrap_or_default());
        problems.extend(counts.iter().flat_map(wrong_keys));
        let report = BackupReport {
            vault: info.id.to_string(),
            root: hex::encode(root),
            members,
            rows,
            member_keys: counts,
            verified: problems.is_empty(),
            problems,
            data,
            keys,
        };
        if let (true, Some(keyring)) = (report.verified, keyring) {
            let (mark, ..) = mark_of(place, &info, &verifier)?;
            let at = place.clock(&info.zone)?.now();
            let (sha256, keys) = (report.data.sha256, report.keys.is_some());
            let drill = Drill { at, made_at, size, sha256, keys };
            if let Err(error) = Remembered::read(&mark, &keyring).drilled(drill).write(&mark, &keyring) {
                tracing::warn!(%error, "this verification is not remembered beside the high-water mark");
            }
        }
        Ok(report)
    }
}

fn wrong_keys(counts: &KeyCounts) -> Vec<Problem> {
    let mut problems = Vec::new();
    if counts.without_key > 0 {
        let members = counts.without_key;
        problems
            .push(problem("keys", format!("{members} members have none, and no erasure of theirs is known")));
    }
    if counts.not_opening > 0 {
        problems.push(problem("keys", format!("{} members' keys do not open", counts.not_opening)));
    }
    problems
}

fn problem(what: &str, place: impl Into<String>) -> Problem {
    Problem { what: what.to_owned(), place: place.into() }
}

/// The first problem as an error.
fn sound(problems: &[Problem]) -> Result<(), Error> {
    match problems.first() {
        Some(Problem { what, place }) => Err(StoreError::integrity(what, place).into()),
        None => Ok(()),
    }
}

fn encoded(meta: &Meta) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(meta).map_err(|_| StoreError::Fault("a backup's first record is not encodable"))
}

/// The root key: the vault's own, or that of another file.
fn root_of(place: &Place, root: Option<&Path>) -> Result<Arc<dyn Root>, Error> {
    let path = root.map_or_else(|| place.dir.join("root.json"), Path::to_owned);
    let root = LocalRoot::load(&path, place.passphrase.as_deref().map(Vec::as_slice));
    Ok(Arc::new(root.map_err(StoreError::from)?))
}

/// A backup's error with its file.
fn failed(error: BackupError, path: &Path) -> Error {
    let named = path.display().to_string();
    match error {
        BackupError::Exists => Error::Input {
            code: "file_exists",
            message: format!("{named} is there already"),
            hint: "name another file; a backup is never written over".into(),
        },
        BackupError::Busy => Error::Input {
            code: "busy",
            message: format!("another process is writing {named}"),
            hint: "wait for it, or name another file".into(),
        },
        BackupError::NotOne | BackupError::Changed => StoreError::integrity(named, error.to_string()).into(),
        BackupError::Root(error) => StoreError::from(error).into(),
        BackupError::File(cause) => Error::file(named, cause),
    }
}

/// A backup file that is read.
struct Opened<'p> {
    path: &'p Path,
    reader: BackupReader,
    meta: Meta,
}

impl<'p> Opened<'p> {
    fn new(path: &'p Path, kind: Kind, root: &Arc<dyn Root>) -> Result<Self, Error> {
        let mut reader = BackupReader::open(path, kind, &**root).map_err(|e| failed(e, path))?;
        let first = reader.record().map_err(|e| failed(e, path))?.unwrap_or_default();
        let not_one = || failed(BackupError::NotOne, path);
        let meta = Meta::read(&first).filter(|meta| meta.kind == kind).ok_or_else(not_one)?;
        if meta.info()?.id != reader.vault() {
            return Err(not_one());
        }
        Ok(Opened { path, reader, meta })
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        self.reader.record().map_err(|e| failed(e, self.path))
    }

    /// Keys of another vault open nothing here.
    fn belongs_with(&self, keys: &Opened<'_>) -> Result<(), Error> {
        if self.reader.vault() == keys.reader.vault() {
            return Ok(());
        }
        Err(StoreError::integrity(keys.path.display().to_string(), "it is of another vault than the data")
            .into())
    }

    /// What the file is, all of it read.
    fn end(self) -> Result<BackupFile, Error> {
        let Opened { path, reader, meta } = self;
        let Passed { sha256, bytes } = reader.end().map_err(|e| failed(e, path))?;
        Ok(BackupFile {
            made_at: rfc3339(meta.made_at),
            engine: meta.engine,
            size: meta.size,
            bytes,
            sha256: Digest(sha256),
        })
    }
}
