//! A backup's file: records under a key of the file's own, which only the vault's root key unwraps.
//!
//! ```text
//! file    = "countersign.backup.v1 data\n" or "… keys\n" ‖ vault id(16) ‖ wrapped key(60) ‖ sealed
//! sealed  = a stream as packages at rest are (at_rest): order, end and length are authenticated
//! content = { length(4, LE) record }          src/store/backups.rs
//!
//! wrapped key   under the root key, bound to bind("backup", kind, vault)
//! stream        bound to bind("countersign.backup.v1", kind, vault)
//! ```
//!
//! The key is random and wrapped, not derived: a root key in a token or a remote service never shows itself and can
//! still open a backup. So root.json (with its passphrase) and the file are enough when the database is gone,
//! and the file alone is noise. One key seals one file, so the stream's nonces meet in no other.
//!
//! While it is written the file is called `….part`; it gets its name when it is whole and on disk. A broken-off
//! one is removed, here or by the next backup under that name.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};

use super::at_rest::{AtRestError, HashingWriter, OpenReader, Passed, SealWriter, open_reader};
use crate::clock::random;
use crate::keyring::aead::{Key, bind};
use crate::keyring::root::{Root, RootError};
use crate::model::ids::VaultId;
use crate::store::backups::{FORMAT, Kind};

/// Bytes of a wrapped key.
const WRAPPED: usize = 60;

/// A record of a vault is far shorter; a longer one is not of ours.
const LONGEST: usize = 1 << 28;

/// Why a backup is not written or read.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is a file of that name.
    #[error("there is a file of that name already")]
    Exists,
    /// Another process writes a backup of that name.
    #[error("another process is writing this backup")]
    Busy,
    /// Not a backup, or not of this kind.
    #[error("it is no backup of this kind, or its beginning was changed")]
    NotOne,
    /// Changed, cut, continued, reordered.
    #[error("it was changed or cut")]
    Changed,
    /// The root key does not open it.
    #[error(transparent)]
    Root(#[from] RootError),
    /// The file could not be written or read.
    #[error("{0}")]
    File(#[source] io::Error),
}

impl From<io::Error> for BackupError {
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<AtRestError>()) {
            Some(AtRestError::DoesNotOpen) => BackupError::Changed,
            _ => BackupError::File(error),
        }
    }
}

fn head(kind: Kind) -> Vec<u8> {
    format!("{FORMAT} {kind}\n").into_bytes()
}

fn wrapping(kind: Kind, vault: VaultId) -> Vec<u8> {
    bind(&[b"backup", kind.code().as_bytes(), &vault.0])
}

fn place(kind: Kind, vault: VaultId) -> Vec<u8> {
    bind(&[FORMAT.as_bytes(), kind.code().as_bytes(), &vault.0])
}

/// A backup being written. Dropped before [`BackupWriter::finish`], it leaves nothing.
pub struct BackupWriter {
    stream: SealWriter<HashingWriter<BufWriter<File>>>,
    part: Part,
}

/// The half-made file; it goes with this value unless it got its name.
struct Part {
    part: PathBuf,
    path: PathBuf,
    /// Held: its lock keeps another process off the same name.
    file: File,
    kept: bool,
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed is half a file under another name, and does not open.
            let _ = std::fs::remove_file(&self.part);
        }
    }
}

impl BackupWriter {
    /// Begins a file of this name.
    ///
    /// # Errors
    /// There is one, it cannot be written, or the root key failed.
    pub fn create(path: &Path, kind: Kind, vault: VaultId, root: &dyn Root) -> Result<Self, BackupError> {
        if path.try_exists()? {
            return Err(BackupError::Exists);
        }
        let mut part = path.to_owned().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&part)?;
        file.try_lock().map_err(|_| BackupError::Busy)?;
        file.set_len(0)?;
        let part = Part { part, path: path.to_owned(), file: file.try_clone()?, kept: false };
        let key = Key::random().map_err(RootError::from)?;
        let mut out = HashingWriter::new(BufWriter::with_capacity(1 << 16, file));
        out.write_all(&head(kind))?;
        out.write_all(&vault.0)?;
        out.write_all(&root.wrap(&wrapping(kind, vault), &key)?)?;
        let prefix = random().map_err(RootError::from)?;
        let stream = SealWriter::new(out, key.bytes(), &place(kind, vault), prefix)?;
        Ok(BackupWriter { stream, part })
    }

    /// Appends a record.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn record(&mut self, record: &[u8]) -> Result<(), BackupError> {
        let length = u32::try_from(record.len()).map_err(|_| BackupError::Changed)?;
        self.stream.write_all(&length.to_le_bytes())?;
        Ok(self.stream.write_all(record)?)
    }

    /// Seals the end and puts all of it on disk; it has no name yet.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self) -> Result<Written, BackupError> {
        let BackupWriter { stream, part } = self;
        let (out, passed) = stream.finish()?.finish();
        out.into_inner().map_err(|e| e.into_error())?.sync_all()?;
        Ok(Written { part, passed })
    }
}

/// A whole backup without a name.
pub struct Written {
    part: Part,
    passed: Passed,
}

impl Written {
    /// What was written.
    pub fn passed(&self) -> Passed {
        self.passed
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// There is a file of that name by now, or the folder cannot be written.
    pub fn name(mut self) -> Result<(), BackupError> {
        // A link, since a rename would write over what another process has put there meanwhile.
        std::fs::hard_link(&self.part.part, &self.part.path).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists,
            _ => BackupError::File(e),
        })?;
        std::fs::remove_file(&self.part.part)?;
        self.part.kept = true;
        let folder = self.part.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
        Ok(self.part.file.unlock()?)
    }
}

/// A backup being read.
pub struct BackupReader {
    stream: OpenReader<Hashing<BufReader<File>>>,
    vault: VaultId,
}

impl BackupReader {
    /// Opens a file; nothing of its content is known to be whole before [`BackupReader::end`].
    ///
    /// # Errors
    /// It is no backup of this kind, or the root key does not open it.
    pub fn open(path: &Path, kind: Kind, root: &dyn Root) -> Result<Self, BackupError> {
        let file = BufReader::with_capacity(1 << 16, File::open(path)?);
        let mut file = Hashing { inner: file, hash: Context::new(&SHA256), bytes: 0 };
        let (mut start, mut vault, mut wrapped) = (head(kind), VaultId([0; 16]), [0; WRAPPED]);
        let mut read = |into: &mut [u8]| {
            file.read_exact(into).map_err(|e| match e.kind() {
                io::ErrorKind::UnexpectedEof => BackupError::NotOne,
                _ => BackupError::File(e),
            })
        };
        read(&mut start)?;
        read(&mut vault.0)?;
        read(&mut wrapped)?;
        if start != head(kind) {
            return Err(BackupError::NotOne);
        }
        let key = root.unwrap(&wrapping(kind, vault), &wrapped)?;
        let stream = open_reader(file, key.bytes(), &place(kind, vault));
        Ok(BackupReader { stream, vault })
    }

    /// The vault it is of.
    pub fn vault(&self) -> VaultId {
        self.vault
    }

    /// The next record; none at the end.
    ///
    /// # Errors
    /// It was changed, or cannot be read.
    pub fn record(&mut self) -> Result<Option<Vec<u8>>, BackupError> {
        let mut length = [0; 4];
        let mut have = 0;
        while have < length.len() {
            match self.stream.read(&mut length[have..])? {
                0 if have == 0 => return Ok(None),
                0 => return Err(BackupError::Changed),
                read => have += read,
            }
        }
        let length = u32::from_le_bytes(length) as usize;
        if length > LONGEST {
            return Err(BackupError::Changed);
        }
        let mut record = vec![0; length];
        self.stream.read_exact(&mut record).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => BackupError::Changed,
            _ => e.into(),
        })?;
        Ok(Some(record))
    }

    /// The file's digest and length, once all records are read.
    ///
    /// # Errors
    /// They are not.
    pub fn end(mut self) -> Result<Passed, BackupError> {
        if self.record()?.is_some() {
            return Err(BackupError::Changed);
        }
        let Hashing { hash, bytes, .. } = self.stream.into_inner();
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(hash.finish().as_ref());
        Ok(Passed { sha256, bytes })
    }
}

/// Takes the digest of what is read through it.
struct Hashing<R> {
    inner: R,
    hash: Context,
    bytes: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.hash.update(&out[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}
