//! The high-water mark: the newest checkpoint this machine has seen, outside the data folder.
//!
//! Who turns the whole database back, with its log, is found out by it. It is written after the
//! database has committed and before anyone is told, so it never runs ahead of what is stored.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::StoreError;
use crate::audit::checkpoint::Checkpoint;
use crate::audit::note::NoteVerifier;

/// Where the mark lies and whose it is.
pub(crate) struct HighWater {
    path: PathBuf,
    /// The text that was last found to be signed, and what it says: a mark is read at each turn, and changes seldom
    /// but by this process.
    signed: Mutex<Option<(String, Checkpoint)>>,
}

impl HighWater {
    pub(crate) fn new(path: PathBuf) -> Self {
        HighWater { path, signed: Mutex::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The mark as it stands; none before the first.
    pub(crate) fn read(&self, verifier: &NoteVerifier) -> Result<Option<Checkpoint>, StoreError> {
        match fs::read_to_string(&self.path) {
            Ok(text) => self
                .checkpoint(text, verifier)
                .map(Some)
                .ok_or_else(|| StoreError::integrity("high-water mark", self.path.display().to_string())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StoreError::HighWaterUnreadable(self.path.clone(), e)),
        }
    }

    /// What a text says, if it is signed.
    fn checkpoint(&self, text: String, verifier: &NoteVerifier) -> Option<Checkpoint> {
        let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, checkpoint)) = signed.as_ref().filter(|(known, _)| *known == text) {
            return Some(checkpoint.clone());
        }
        let checkpoint = Checkpoint::open(&text, verifier).ok()?;
        *signed = Some((text, checkpoint.clone()));
        Some(checkpoint)
    }

    /// Raises the mark. Several processes share it: the file lock keeps the higher one.
    pub(crate) fn raise(&self, size: u64, note: &str, verifier: &NoteVerifier) -> Result<(), StoreError> {
        self.raise_inner(size, note, verifier).map_err(|e| StoreError::HighWater(self.path.clone(), e))
    }

    /// Where a mark is kept that a restore set back.
    pub(super) fn aside(&self) -> PathBuf {
        let mut aside = self.path.clone().into_os_string();
        aside.push(".before-restore");
        PathBuf::from(aside)
    }

    /// Sets the mark back to an older checkpoint, and keeps what it was beside it: a restore in earnest, and
    /// nothing else, may do that. Gives where it is kept.
    pub(super) fn set_back(&self, note: &str) -> Result<PathBuf, StoreError> {
        let aside = self.aside();
        let set = || {
            let _lock = self.lock()?;
            // Kept first: a crash in between must not lose the only trace of what is not restored.
            replace(&aside, &fs::read(&self.path)?)?;
            replace(&self.path, note.as_bytes())
        };
        set().map_err(|e| StoreError::HighWater(self.path.clone(), e))?;
        Ok(aside)
    }

    fn lock(&self) -> std::io::Result<File> {
        fs::create_dir_all(folder_of(&self.path))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.path.with_extension("lock"))?;
        lock.lock()?;
        Ok(lock)
    }

    fn raise_inner(&self, size: u64, note: &str, verifier: &NoteVerifier) -> std::io::Result<()> {
        let _lock = self.lock()?;
        let present = fs::read_to_string(&self.path).ok().and_then(|text| self.checkpoint(text, verifier));
        if present.is_some_and(|mark| mark.size >= size) {
            return Ok(());
        }
        replace(&self.path, note.as_bytes())
    }
}

/// Writes a file whole or not at all. Who replaces it has the lock.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = File::create(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    File::open(folder_of(path))?.sync_all()
}

/// The folder a file lies in, also of a bare name.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
