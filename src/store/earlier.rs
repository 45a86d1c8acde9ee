//! An earlier verification that found nothing wrong, remembered outside the data folder beside the
//! high-water mark: how far it came and what the next one must know to go on from there.
//!
//! The file is sealed under a key of the vault, so that nobody without the root key can plant a mark
//! "checked up to here"; inside lies a checkpoint that the log's key signed. An older one put back is
//! still true: it only makes the next check read more. What does not open is not believed.
//!
//! ```text
//! nonce(12) { {"format":"countersign.checked.v1","checkpoint":"<signed note>","frontier":"<hex>",
//!   "state":"<64 hex>","at":<µs>,"heads":{"<table>":"<64 hex>"},
//!   "checked_at":<µs>,"read_whole_at":<µs>} } tag(16)
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::high_water::folder_of;
use crate::audit::checkpoint::Checkpoint;
use crate::audit::note::NoteVerifier;
use crate::audit::tree::{Frontier, Hash};
use crate::clock::{Micros, random};
use crate::keyring::Keyring;

const FORMAT: &str = "countersign.checked.v1";

/// What its sealing is bound to.
const PLACE: &[&[u8]] = &[b"checked"];

/// How far a verification came, and what it carries on.
pub(super) struct Earlier {
    pub(super) frontier: Frontier,
    /// State and time that the last entry spoke of.
    pub(super) said: (Hash, Micros),
    /// The newest head that the entries gave of each table.
    pub(super) heads: BTreeMap<String, String>,
    /// When the newest of the entries were checked.
    pub(super) checked_at: Micros,
    /// When a verification last read every entry.
    pub(super) read_whole_at: Micros,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    format: String,
    checkpoint: String,
    frontier: String,
    state: String,
    at: Micros,
    heads: BTreeMap<String, String>,
    checked_at: Micros,
    read_whole_at: Micros,
}

impl Earlier {
    /// The file beside the high-water mark.
    pub(super) fn path(high_water: &Path) -> PathBuf {
        let mut name = high_water.file_name().unwrap_or_default().to_owned();
        name.push(".checked");
        high_water.with_file_name(name)
    }

    /// What is remembered, or in words why nothing is.
    pub(super) fn read(path: &Path, keyring: &Keyring, verifier: &NoteVerifier) -> Result<Self, String> {
        let sealed = fs::read(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => "no earlier verification is remembered here".to_owned(),
            _ => format!("the earlier verification cannot be read at {}: {e}", path.display()),
        })?;
        Self::open(&sealed, keyring, verifier).ok_or_else(|| {
            format!("{} is not an earlier verification of this vault, and was ignored", path.display())
        })
    }

    fn open(sealed: &[u8], keyring: &Keyring, verifier: &NoteVerifier) -> Option<Self> {
        let plain = keyring.open_chunk(PLACE, sealed).ok()?;
        let sealed: Sealed = serde_json::from_slice(&plain).ok()?;
        let signed = Checkpoint::open(&sealed.checkpoint, verifier).ok()?;
        let frontier = Frontier::from_bytes(signed.size, &hex::decode(&sealed.frontier).ok()?).ok()?;
        let mut state = [0; 32];
        hex::decode_to_slice(&sealed.state, &mut state).ok()?;
        if sealed.format != FORMAT || signed.size == 0 || frontier.root() != signed.root {
            return None;
        }
        let Sealed { at, heads, checked_at, read_whole_at, .. } = sealed;
        Some(Earlier { frontier, said: (state, at), heads, checked_at, read_whole_at })
    }

    /// Remembers it, with the checkpoint that was signed over it. Whole or not at all.
    pub(super) fn write(&self, path: &Path, keyring: &Keyring, note: &str) -> std::io::Result<()> {
        let plain = Sealed {
            format: FORMAT.to_owned(),
            checkpoint: note.to_owned(),
            frontier: hex::encode(self.frontier.to_bytes()),
            state: hex::encode(self.said.0),
            at: self.said.1,
            heads: self.heads.clone(),
            checked_at: self.checked_at,
            read_whole_at: self.read_whole_at,
        };
        let sealed =
            keyring.seal_chunk(PLACE, &serde_json::to_vec(&plain)?).map_err(std::io::Error::other)?;
        write_whole(path, &sealed)
    }
}

/// Replaces a file beside the mark, whole or not at all.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = folder_of(path);
    fs::create_dir_all(folder)?;
    // A name of its own: two processes may end at once.
    let fresh = random::<8>().map_err(std::io::Error::other)?;
    let fresh = path.with_extension(format!("{}.new", hex::encode(fresh)));
    let written = write_new(&fresh, bytes).and_then(|()| fs::rename(&fresh, path));
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    written?;
    File::open(folder)?.sync_all()
}

fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
