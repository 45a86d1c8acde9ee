//! The root key: where it comes from. It never stands in the database.
//!
//! A provider unwraps what lies in the database; it need not show the key itself, so that a hardware
//! token (PKCS#11) or a remote service (Transit) can stand behind the same trait.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::aead::{Key, bind};
use crate::clock::{NoRandomness, random};

/// Why there is no root key.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// The root file is missing or unreadable.
    #[error("the root key file {path} cannot be read: {cause}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A new key file cannot be written.
    #[error("the key file {path} cannot be written: {cause}")]
    Unwritable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Others may read the file.
    #[error("the root key file {0} may be read by others; it must be mode 0600")]
    Exposed(PathBuf),
    /// It is not a root file.
    #[error("the root key file {0} is not one of ours")]
    Malformed(PathBuf),
    /// This vault's root key is derived from a passphrase and none was given.
    #[error("this vault is opened with a passphrase, and none was given")]
    PassphraseNeeded,
    /// Wrong passphrase, wrong file, or a changed key row.
    #[error("the root key does not open this vault's keys")]
    Wrong,
    /// No randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// Wraps and unwraps keys under the root key.
pub trait Root: Send + Sync {
    /// Wraps a key for a place.
    ///
    /// # Errors
    /// The provider failed.
    fn wrap(&self, place: &[u8], key: &Key) -> Result<Vec<u8>, RootError>;

    /// Unwraps what [`Root::wrap`] made for the same place.
    ///
    /// # Errors
    /// [`RootError::Wrong`] whatever did not fit.
    fn unwrap(&self, place: &[u8], wrapped: &[u8]) -> Result<Key, RootError>;
}

/// A root key held in memory: from a file, or derived from a passphrase.
pub struct LocalRoot(Key);

impl Root for LocalRoot {
    fn wrap(&self, place: &[u8], key: &Key) -> Result<Vec<u8>, RootError> {
        Ok(self.0.cipher().seal(&bind(&[b"countersign.root.v1", place]), key.bytes())?)
    }

    fn unwrap(&self, place: &[u8], wrapped: &[u8]) -> Result<Key, RootError> {
        let plain = self
            .0
            .cipher()
            .open(&bind(&[b"countersign.root.v1", place]), wrapped)
            .map_err(|_| RootError::Wrong)?;
        let mut bytes = Zeroizing::new([0u8; 32]);
        if plain.len() != 32 {
            return Err(RootError::Wrong);
        }
        bytes.copy_from_slice(&plain);
        Ok(Key::new(bytes))
    }
}

/// `DIR/root.json`: either the key itself (mode 0600) or how to derive it.
///
/// ```text
/// {"provider":"file","key":"<64 hex>"}
/// {"provider":"passphrase","salt":"<32 hex>","memory_kib":65536,"passes":3}
/// ```
#[derive(Serialize, Deserialize)]
#[serde(tag = "provider", rename_all = "snake_case", deny_unknown_fields)]
enum RootFile {
    File { key: String },
    Passphrase { salt: String, memory_kib: u32, passes: u32 },
}

impl LocalRoot {
    /// Makes a new root key in a file, or the recipe for one from a passphrase.
    ///
    /// # Errors
    /// The file exists or cannot be written; no randomness.
    pub fn create(path: &Path, passphrase: Option<&[u8]>) -> Result<Self, RootError> {
        let (file, key) = match passphrase {
            None => {
                let key = Key::random()?;
                (RootFile::File { key: hex::encode(key.bytes()) }, key)
            }
            Some(passphrase) => {
                let salt: [u8; 16] = random()?;
                let file = RootFile::Passphrase { salt: hex::encode(salt), memory_kib: 65_536, passes: 3 };
                (file, stretch(passphrase, &salt, 65_536, 3).ok_or(RootError::Wrong)?)
            }
        };
        let text =
            Zeroizing::new(serde_json::to_string(&file).map_err(|_| RootError::Malformed(path.into()))?);
        write_secret(path, text.as_bytes())
            .map_err(|cause| RootError::Unwritable { path: path.into(), cause })?;
        Ok(LocalRoot(key))
    }

    /// Reads the root key, or derives it.
    ///
    /// # Errors
    /// Each of [`RootError`]; a wrong passphrase shows only when the first key is unwrapped.
    pub fn load(path: &Path, passphrase: Option<&[u8]>) -> Result<Self, RootError> {
        let unreadable = |cause| RootError::Unreadable { path: path.into(), cause };
        let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(RootError::Exposed(path.into()));
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(unreadable)?);
        let malformed = || RootError::Malformed(path.into());
        match serde_json::from_str(&text).map_err(|_| malformed())? {
            RootFile::File { key } => {
                let key = Zeroizing::new(key);
                let mut bytes = Zeroizing::new([0u8; 32]);
                hex::decode_to_slice(key.as_bytes(), bytes.as_mut_slice()).map_err(|_| malformed())?;
                Ok(LocalRoot(Key::new(bytes)))
            }
            RootFile::Passphrase { salt, memory_kib, passes } => {
                let salt = hex::decode(salt).map_err(|_| malformed())?;
                let passphrase = passphrase.ok_or(RootError::PassphraseNeeded)?;
                stretch(passphrase, &salt, memory_kib, passes).map(LocalRoot).ok_or_else(malformed)
            }
        }
    }
}

/// argon2id, 32 bytes out. `None` when the parameters are out of its range.
pub(crate) fn stretch(secret: &[u8], salt: &[u8], memory_kib: u32, passes: u32) -> Option<Key> {
    let params = Params::new(memory_kib, passes, 1, Some(32)).ok()?;
    let mut out = Zeroizing::new([0u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(secret, salt, out.as_mut_slice())
        .ok()?;
    Some(Key::new(out))
}

/// Writes a new file that only its owner may read, and makes sure it is on disk.
///
/// # Errors
/// The file exists, or the system refused.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_opens_what_it_wrapped_and_another_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("root.json");
        let key = Key::random().unwrap();
        let wrapped = LocalRoot::create(&path, Some(b"correct horse")).unwrap().wrap(b"kek", &key).unwrap();
        let again = LocalRoot::load(&path, Some(b"correct horse")).unwrap();
        assert_eq!(again.unwrap(b"kek", &wrapped).unwrap().bytes(), key.bytes());
        assert!(matches!(again.unwrap(b"other", &wrapped), Err(RootError::Wrong)));
        let wrong = LocalRoot::load(&path, Some(b"wrong horse")).unwrap();
        assert!(matches!(wrong.unwrap(b"kek", &wrapped), Err(RootError::Wrong)));
        assert!(matches!(LocalRoot::load(&path, None), Err(RootError::PassphraseNeeded)));
    }

    #[test]
    fn a_root_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("root.json");
        LocalRoot::create(&path, None).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(LocalRoot::load(&path, None), Err(RootError::Exposed(_))));
    }
}
