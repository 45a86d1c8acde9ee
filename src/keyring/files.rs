//! Ed25519 keys in files of their own: the log's checkpoint key and the manifests' key.
//!
//! ```text
//! DIR/checkpoint.key   hex of the seed wrapped under the root key, mode 0600
//! DIR/checkpoint.pub   signed-note verifier key, for anyone
//! ```

use std::path::{Path, PathBuf};

use ring::signature::Ed25519KeyPair;

use super::aead::Key;
use super::root::{Root, RootError, write_secret};

/// Makes a new signing key, wrapped under the root key, in `DIR/<name>.key`.
///
/// # Errors
/// The file exists or cannot be written; no randomness.
pub fn create(dir: &Path, name: &str, root: &dyn Root) -> Result<Ed25519KeyPair, RootError> {
    let path = path(dir, name);
    let seed = Key::random()?;
    let wrapped = root.wrap(name.as_bytes(), &seed)?;
    write_secret(&path, hex::encode(wrapped).as_bytes())
        .map_err(|cause| RootError::Unwritable { path: path.clone(), cause })?;
    pair(&seed)
}

/// Reads the signing key that [`create`] made.
///
/// # Errors
/// Missing, malformed, or not under this root key.
pub fn load(dir: &Path, name: &str, root: &dyn Root) -> Result<Ed25519KeyPair, RootError> {
    let path = path(dir, name);
    let text = std::fs::read_to_string(&path)
        .map_err(|cause| RootError::Unreadable { path: path.clone(), cause })?;
    let wrapped = hex::decode(text.trim()).map_err(|_| RootError::Malformed(path))?;
    pair(&root.unwrap(name.as_bytes(), &wrapped)?)
}

/// A key file as it lies in the data folder: wrapped, or public.
///
/// # Errors
/// It is missing or unreadable.
pub fn text(dir: &Path, file: &str) -> Result<String, RootError> {
    let path = dir.join(file);
    std::fs::read_to_string(&path).map_err(|cause| RootError::Unreadable { path, cause })
}

/// The signing key in a file's text.
///
/// # Errors
/// Malformed, or not under this root key.
pub fn open(name: &str, text: &str, root: &dyn Root) -> Result<Ed25519KeyPair, RootError> {
    let wrapped = hex::decode(text.trim()).map_err(|_| RootError::Wrong)?;
    pair(&root.unwrap(name.as_bytes(), &wrapped)?)
}

fn path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.key"))
}

fn pair(seed: &Key) -> Result<Ed25519KeyPair, RootError> {
    Ed25519KeyPair::from_seed_unchecked(seed.bytes()).map_err(|_| RootError::Wrong)
}
