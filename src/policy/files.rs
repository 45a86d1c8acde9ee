//! The texts of one policy version: where they come from, their stored bytes, their digest.
//!
//! ```text
//! "countersign.policy.v1"                       21 bytes
//! count                          u32 big-endian
//! then for each file, in the order of its name's bytes:
//!   name length  u32 │ name  UTF-8 │ text length  u32 │ text  UTF-8
//! ```
//! One set of files has one such encoding, so its SHA-256 names the version: it stands in every decision (A11).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use ring::digest::{SHA256, digest};

use crate::policy::error::PolicyError;

const MAGIC: &[u8] = b"countersign.policy.v1";
/// A policy file is read by people; a larger one is a mistake.
const MAX_FILE: usize = 256 * 1024;
/// What stands for the file in an error about stored bytes.
const STORED: &str = "stored policy";

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        /// Every file a policy has, no more and no less.
        pub const FILE_NAMES: &[&str] = &[$($name),+];
        const BUILT_IN: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../policies/", $name)))),+];
    };
}
built_in!(
    "acts.conf",
    "acts.csv",
    "acts.test.toml",
    "chains.test.toml",
    "chains.toml",
    "channels.test.toml",
    "channels.toml",
    "fields.test.toml",
    "fields.toml",
    "guard.test.toml",
    "guard.toml",
    "release_fields.conf",
    "release_fields.csv",
    "release_fields.test.toml",
    "retention.test.toml",
    "retention.toml",
    "switches.test.toml",
    "switches.toml",
);

/// Files that policies did not have from the beginning. A stored version is never rewritten, so one that was adopted before
/// there was such a file goes without it, and then the text this program was built with holds.
const LATER: [&str; 2] = ["guard.test.toml", "guard.toml"];

/// The policy's files by name; exactly [`FILE_NAMES`], but for what an older version cannot have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFiles(BTreeMap<String, String>);

impl PolicyFiles {
    /// The files this program was built with: what a new vault adopts.
    pub fn built_in() -> Self {
        PolicyFiles(BUILT_IN.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
    }

    /// Files by name.
    ///
    /// # Errors
    /// A file missing, one too many, or one over 256 KiB.
    pub fn new(files: BTreeMap<String, String>) -> Result<Self, PolicyError> {
        for (name, text) in &files {
            if !FILE_NAMES.contains(&name.as_str()) {
                let known = FILE_NAMES.join(", ");
                return Err(PolicyError::whole(
                    name,
                    "file",
                    format!("no such policy file; a policy is {known}"),
                ));
            }
            if text.len() > MAX_FILE {
                return Err(PolicyError::whole(name, "file", "expected at most 256 KiB"));
            }
        }
        let needed = FILE_NAMES.iter().filter(|name| !LATER.contains(name));
        match needed.into_iter().find(|name| !files.contains_key(**name)) {
            Some(name) => Err(PolicyError::whole(name, "file", "expected in the policy, is missing")),
            None => Ok(PolicyFiles(files)),
        }
    }

    /// The files of a folder. Names that start with a dot are passed over.
    ///
    /// # Errors
    /// As [`PolicyFiles::new`]; a file that cannot be read or is not UTF-8.
    pub fn from_dir(folder: &Path) -> Result<Self, PolicyError> {
        let unreadable = |name: &str, e: std::io::Error| {
            PolicyError::whole(name, "file", format!("expected a readable UTF-8 file: {e}"))
        };
        let shown = folder.display().to_string();
        let mut files = BTreeMap::new();
        for entry in std::fs::read_dir(folder).map_err(|e| unreadable(&shown, e))? {
            let entry = entry.map_err(|e| unreadable(&shown, e))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            // Checked before reading: a folder named by mistake may hold anything, of any size.
            if !FILE_NAMES.contains(&name.as_str()) {
                return Err(PolicyError::whole(&name, "file", "no such policy file"));
            }
            let size = entry.metadata().map_err(|e| unreadable(&name, e))?.len();
            if size > MAX_FILE as u64 {
                return Err(PolicyError::whole(&name, "file", "expected at most 256 KiB"));
            }
            let text = std::fs::read_to_string(entry.path()).map_err(|e| unreadable(&name, e))?;
            files.insert(name, text);
        }
        PolicyFiles::new(files)
    }

    /// The one encoding of these files, drawn above.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        put_len(&mut out, self.0.len());
        for (name, text) in &self.0 {
            put_len(&mut out, name.len());
            out.extend_from_slice(name.as_bytes());
            put_len(&mut out, text.len());
            out.extend_from_slice(text.as_bytes());
        }
        out
    }

    /// Reads [`PolicyFiles::to_bytes`] back; any other bytes are refused, so the digest is one-to-one.
    ///
    /// # Errors
    /// Bytes that are not such an encoding.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PolicyError> {
        let files =
            decode(bytes).ok_or_else(|| PolicyError::whole(STORED, "bytes", "not a stored policy"))?;
        let files = PolicyFiles::new(files)?;
        if files.to_bytes() == bytes {
            Ok(files)
        } else {
            Err(PolicyError::whole(STORED, "bytes", "expected the files in order, each once"))
        }
    }

    /// SHA-256 over [`PolicyFiles::to_bytes`]: the version's name.
    pub fn digest(&self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(digest(&SHA256, &self.to_bytes()).as_ref());
        out
    }

    /// Each file's name and text, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// The files as one text with a heading each, for `policy show`.
    pub fn listing(&self) -> String {
        self.iter().fold(String::new(), |mut out, (name, text)| {
            // Writing to a String cannot fail.
            let _ = write!(out, "==> {name} <==\n{text}\n");
            out
        })
    }

    /// One file's text.
    pub(super) fn text(&self, name: &'static str) -> Result<&str, PolicyError> {
        let later = || BUILT_IN.iter().find(|(file, _)| LATER.contains(file) && *file == name).map(|b| b.1);
        let text = self.0.get(name).map(String::as_str).or_else(later);
        text.ok_or_else(|| PolicyError::whole(name, "file", "expected in the policy, is missing"))
    }
}

/// Four bytes suffice: [`PolicyFiles::new`] holds every length far below.
fn put_len(out: &mut Vec<u8>, len: usize) {
    out.extend_from_slice(&(len as u32).to_be_bytes());
}

fn decode(bytes: &[u8]) -> Option<BTreeMap<String, String>> {
    let mut rest = bytes.strip_prefix(MAGIC)?;
    let count = take_len(&mut rest)?;
    let mut files = BTreeMap::new();
    for _ in 0..count {
        let name = take_text(&mut rest)?;
        let text = take_text(&mut rest)?;
        files.insert(name, text);
    }
    rest.is_empty().then_some(files)
}

fn take_len(rest: &mut &[u8]) -> Option<usize> {
    let (head, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    usize::try_from(u32::from_be_bytes(*head)).ok()
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    let len = take_len(rest)?;
    let (head, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    String::from_utf8(head.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_back_and_nothing_else_does() {
        let files = PolicyFiles::built_in();
        let bytes = files.to_bytes();
        assert_eq!(PolicyFiles::from_bytes(&bytes), Ok(files));
        for cut in [0, 5, MAGIC.len(), MAGIC.len() + 3, bytes.len() / 2, bytes.len() - 1] {
            assert!(PolicyFiles::from_bytes(&bytes[..cut]).is_err(), "{cut} bytes were read");
        }
        assert!(PolicyFiles::from_bytes(&[bytes.as_slice(), b"x"].concat()).is_err());
    }

    #[test]
    fn a_file_named_twice_is_refused() {
        let mut bytes = PolicyFiles::built_in().to_bytes();
        let count = u32::try_from(FILE_NAMES.len()).unwrap() + 1;
        bytes[MAGIC.len()..MAGIC.len() + 4].copy_from_slice(&count.to_be_bytes());
        put_len(&mut bytes, 8);
        bytes.extend_from_slice(b"acts.csv");
        put_len(&mut bytes, 0);
        assert!(PolicyFiles::from_bytes(&bytes).is_err());
    }

    #[test]
    fn a_version_from_before_a_file_is_read_without_it() {
        let mut files = PolicyFiles::built_in();
        files.0.retain(|name, _| !LATER.contains(&name.as_str()));
        let read = PolicyFiles::from_bytes(&files.to_bytes()).unwrap();
        assert_eq!(read.digest(), files.digest(), "what was signed stays what it was");
        assert_ne!(read.digest(), PolicyFiles::built_in().digest());
        assert_eq!(read.text("guard.toml"), PolicyFiles::built_in().text("guard.toml"));
        assert!(read.text("none.toml").is_err());
    }

    #[test]
    fn one_character_changes_the_digest() {
        let mut files = PolicyFiles::built_in();
        let before = files.digest();
        files.0.get_mut("switches.toml").unwrap().push(' ');
        assert_ne!(files.digest(), before);
    }

    #[test]
    fn a_folder_reads_as_the_built_in_files_do() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in PolicyFiles::built_in().iter() {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        std::fs::write(folder.path().join(".note"), "").unwrap();
        assert_eq!(PolicyFiles::from_dir(folder.path()), Ok(PolicyFiles::built_in()));
        std::fs::write(folder.path().join("more.toml"), "").unwrap();
        let error = PolicyFiles::from_dir(folder.path()).unwrap_err();
        assert_eq!(error.to_string(), "more.toml: file: no such policy file");
        std::fs::remove_file(folder.path().join("more.toml")).unwrap();
        std::fs::remove_file(folder.path().join("acts.conf")).unwrap();
        let error = PolicyFiles::from_dir(folder.path()).unwrap_err();
        assert_eq!(error.to_string(), "acts.conf: file: expected in the policy, is missing");
    }

    #[test]
    fn every_file_says_what_it_is() {
        for (name, text) in PolicyFiles::built_in().iter() {
            assert!(text.starts_with("# "), "{name} does not begin with a comment");
        }
    }
}
