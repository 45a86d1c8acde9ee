//! The high-water mark: the newest checkpoint this machine has seen, outside the data folder.
//!
//! Who turns the whole database back, with its log, is found out by it. It is written after the
//! database has committed and before anyone is told, so it never runs ahead of what is stored.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::StoreError;
use crate::audit::checkpoint::Checkpoint;
use crate::audit::note::NoteVerifier;

/// Where the mark lies and whose it is.
pub(crate) struct HighWater {
    path: PathBuf,
}

impl HighWater {
    pub(crate) fn new(path: PathBuf) -> Self {
        HighWater { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The mark as it stands; none before the first.
    pub(crate) fn read(&self, verifier: &NoteVerifier) -> Result<Option<Checkpoint>, StoreError> {
        match fs::read_to_string(&self.path) {
            Ok(text) => Checkpoint::open(&text, verifier)
                .map(Some)
                .map_err(|_| StoreError::integrity("high-water mark", self.path.display().to_string())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StoreError::HighWaterUnreadable(self.path.clone(), e)),
        }
    }

    /// Raises the mark. Several processes share it: the file lock keeps the higher one.
    pub(crate) fn raise(&self, size: u64, note: &str, verifier: &NoteVerifier) -> Result<(), StoreError> {
        self.raise_inner(size, note, verifier).map_err(|e| StoreError::HighWater(self.path.clone(), e))
    }

    fn raise_inner(&self, size: u64, note: &str, verifier: &NoteVerifier) -> std::io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.path.with_extension("lock"))?;
        lock.lock()?;
        let present =
            fs::read_to_string(&self.path).ok().and_then(|text| Checkpoint::open(&text, verifier).ok());
        if present.is_some_and(|mark| mark.size >= size) {
            return Ok(());
        }
        let fresh = self.path.with_extension("new");
        let mut file = File::create(&fresh)?;
        file.write_all(note.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, &self.path)?;
        File::open(folder)?.sync_all()
    }
}
