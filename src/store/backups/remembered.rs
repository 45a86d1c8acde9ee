//! What this machine remembers of backups, outside the data folder beside the high-water mark, so that `doctor`
//! can say when the last was made and when one was last shown to be restorable. Verifying a backup needs no
//! vault and appends to none, so the log cannot say the latter.
//!
//! Sealed under a key of the vault, so that nobody without the root key can claim a drill.
//!
//! ```text
//! nonce(12) { {"format":"countersign.backups.v1","data":{"at","size","bytes","sha256"},"keys":{…},
//!   "drill":{"at","made_at","size","sha256","keys"}} } tag(16)
//! ```

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Kind;
use crate::audit::checkpoint::Checkpoint;
use crate::audit::note::NoteVerifier;
use crate::clock::Micros;
use crate::keyring::Keyring;
use crate::model::ids::Digest;
use crate::store::earlier::write_whole;
use crate::store::high_water::HighWater;
use crate::store::{Place, StoreError, VaultInfo, high_water_path};

const FORMAT: &str = "countersign.backups.v1";

/// What its sealing is bound to.
const PLACE: &[&[u8]] = &[b"backups"];

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// When.
    pub at: Micros,
    /// Entries in the log then.
    pub size: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Its digest.
    pub sha256: Digest,
}

/// A data backup that was found restorable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// When it was looked at.
    pub at: Micros,
    /// When it had been made.
    pub made_at: Micros,
    /// Entries in its log.
    pub size: u64,
    /// Its digest.
    pub sha256: Digest,
    /// Whether a key backup was looked at with it.
    pub keys: bool,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    format: String,
    /// The newest data backup made here.
    pub data: Option<Made>,
    /// The newest key backup made here.
    pub keys: Option<Made>,
    /// The newest verification that found nothing wrong.
    pub drill: Option<Drill>,
}

impl Remembered {
    /// The file beside a mark.
    fn path(mark: &std::path::Path) -> PathBuf {
        let mut name = mark.file_name().unwrap_or_default().to_owned();
        name.push(".backups");
        mark.with_file_name(name)
    }

    /// What is remembered beside a mark; nothing where there is no such file, or it is not this vault's.
    pub fn read(mark: &std::path::Path, keyring: &Keyring) -> Remembered {
        let read = || {
            let sealed = std::fs::read(Self::path(mark)).ok()?;
            let plain = keyring.open_chunk(PLACE, &sealed).ok()?;
            serde_json::from_slice::<Remembered>(&plain).ok().filter(|known| known.format == FORMAT)
        };
        read().unwrap_or_default()
    }

    /// Remembers that a backup was made.
    #[must_use]
    pub fn made(mut self, kind: Kind, made: Made) -> Self {
        match kind {
            Kind::Data => self.data = Some(made),
            Kind::Keys => self.keys = Some(made),
        }
        self
    }

    /// Remembers that a backup was found restorable.
    #[must_use]
    pub fn drilled(mut self, drill: Drill) -> Self {
        self.drill = Some(drill);
        self
    }

    /// Writes it beside a mark.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(mut self, mark: &std::path::Path, keyring: &Keyring) -> std::io::Result<()> {
        self.format = FORMAT.into();
        let plain = serde_json::to_vec(&self)?;
        write_whole(&Self::path(mark), &keyring.seal_chunk(PLACE, &plain).map_err(std::io::Error::other)?)
    }
}

/// This machine's mark of a vault that need not be there: where it lies, the newest checkpoint it saw, and one
/// that an earlier restore set aside.
///
/// # Errors
/// It is there and cannot be read.
pub fn mark_of(
    place: &Place,
    info: &VaultInfo,
    verifier: &NoteVerifier,
) -> Result<(PathBuf, Option<Checkpoint>, Option<Checkpoint>), StoreError> {
    let mark = HighWater::new(high_water_path(place, info)?);
    let aside = HighWater::new(mark.aside()).read(verifier)?;
    Ok((mark.path().to_owned(), mark.read(verifier)?, aside))
}

/// Sets the mark back to the checkpoint of a backup that is restored in earnest. Where the newer one is kept.
///
/// # Errors
/// It cannot be written.
pub fn set_mark_back(place: &Place, info: &VaultInfo, note: &str) -> Result<PathBuf, StoreError> {
    HighWater::new(high_water_path(place, info)?).set_back(note)
}
