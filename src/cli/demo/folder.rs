//! The demo's folder: taken only when it is empty, new, or a demo's.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::broker::Broker;
use crate::broker::demo::SECRETS;
use crate::cli::Failure;
use crate::cli::init::make_folder;
use crate::cli::secrets::write_private;
use crate::cli::serve::SERVED;

/// What shows that a folder was made here. Written first, so that a demo that was broken off is known too.
const MARKER: &str = "COUNTERSIGN-DEMO";
const MARKER_TEXT: &str =
    "This folder was made by `countersign demo`, which replaces all of it when it is run again.\n";
/// Where the vault's high-water mark lies, to be cleared with it.
const MARK: &str = "high-water.path";

/// A folder that the demo may fill.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Takes the folder: makes it, or empties it when it is a demo's.
    ///
    /// # Errors
    /// `not_a_demo` when anything else lies there.
    pub(super) fn take(path: &Path) -> Result<Folder, Failure> {
        let failed = |cause| Failure::file(path.display().to_string(), cause);
        make_folder(path)?;
        // Every path that is told is absolute.
        let path = path.canonicalize().map_err(failed)?;
        let folder = Folder(path);
        if folder.is_a_demo() {
            folder.check_unserved()?;
            folder.empty().map_err(failed)?;
        } else if fs::read_dir(&folder.0).map_err(failed)?.next().is_some() {
            return Err(Failure::input(
                "not_a_demo",
                format!("{} is not empty and not a demo's; nothing was touched", folder.0.display()),
                "name another folder with --dir",
            ));
        }
        write_private(&folder.0.join(MARKER), MARKER_TEXT.as_bytes())?;
        for name in [SECRETS, "vendors", "out"] {
            let made = fs::DirBuilder::new().mode(0o700).create(folder.0.join(name));
            made.map_err(|cause| Failure::file(format!("{}/{name}", folder.0.display()), cause))?;
        }
        Ok(folder)
    }

    fn is_a_demo(&self) -> bool {
        let marker = self.0.join(MARKER);
        // Not through a link, which could lead anywhere.
        fs::symlink_metadata(&marker).is_ok_and(|m| m.is_file())
            && fs::read_to_string(&marker).is_ok_and(|text| text == MARKER_TEXT)
    }

    /// Whoever serves the vault in it holds a lock on a file of its own.
    fn check_unserved(&self) -> Result<(), Failure> {
        let Ok(file) = fs::File::open(self.0.join(SERVED)) else { return Ok(()) };
        match file.try_lock() {
            Err(fs::TryLockError::WouldBlock) => Err(Failure::input(
                "served",
                format!("a server is up on the vault in {}; nothing was touched", self.0.display()),
                "stop it first, or name another folder with --dir",
            )),
            _ => Ok(()),
        }
    }

    /// The marker goes last: broken off, the folder is still known.
    fn empty(&self) -> io::Result<()> {
        self.clear_mark();
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name == MARKER) {
                continue;
            }
            if fs::symlink_metadata(&path)?.is_dir() {
                fs::remove_dir_all(&path)?
            } else {
                fs::remove_file(&path)?
            }
        }
        fs::remove_file(self.0.join(MARKER))
    }

    /// Removes the old vault's high-water mark, if that is what lies at the remembered path: the
    /// checkpoint of a demo vault. What cannot be removed only stays behind.
    fn clear_mark(&self) {
        let Ok(path) = fs::read_to_string(self.0.join(MARK)) else { return };
        let path = PathBuf::from(path.trim_end());
        if fs::read_to_string(&path).is_ok_and(|text| text.starts_with("countersign-demo/")) {
            let _ = fs::remove_file(&path);
            let _ = fs::remove_file(path.with_extension("lock"));
            // Only goes when it is empty.
            let _ = path.parent().map(fs::remove_dir);
        }
    }

    /// Remembers where the vault's high-water mark lies.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn remember(&self, broker: &Broker) -> Result<(), Failure> {
        let path = broker.store().high_water_path();
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        write_private(&self.0.join(MARK), format!("{}\n", path.display()).as_bytes())
    }

    /// The folder, absolute.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Where a person's password lies.
    pub(super) fn secret(&self, login: &str) -> PathBuf {
        self.0.join(SECRETS).join(login)
    }

    /// Where a vendor's identity file lies.
    pub(super) fn identity(&self, vendor: &str) -> PathBuf {
        self.0.join("vendors").join(format!("{vendor}.identity"))
    }

    /// Where packages are downloaded to.
    pub(super) fn out(&self) -> PathBuf {
        self.0.join("out")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_demo_is_replaced() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("d");
        let folder = Folder::take(&path).unwrap();
        fs::write(folder.secret("li.na"), "x").unwrap();
        let again = Folder::take(&path).unwrap();
        assert!(!again.secret("li.na").exists());
        let other = scratch.path().join("o");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("thesis.txt"), "ten years").unwrap();
        assert_eq!(Folder::take(&other).err().unwrap().code, "not_a_demo");
        assert_eq!(fs::read_to_string(other.join("thesis.txt")).unwrap(), "ten years");
        fs::write(other.join(MARKER), "something else").unwrap();
        assert_eq!(Folder::take(&other).err().unwrap().code, "not_a_demo");
    }

    #[test]
    fn a_vault_is_not_replaced_under_its_server() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("d");
        let folder = Folder::take(&path).unwrap();
        fs::write(folder.secret("li.na"), "x").unwrap();
        let served = fs::File::create(path.join(SERVED)).unwrap();
        served.lock_shared().unwrap();
        assert_eq!(Folder::take(&path).err().unwrap().code, "served");
        assert!(folder.secret("li.na").exists(), "nothing was touched");
        drop(served);
        assert!(Folder::take(&path).is_ok());
    }

    #[test]
    fn an_old_mark_goes_only_when_it_is_a_demos() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("d");
        for (text, stays) in [("countersign-demo/1f\n9\n", false), ("countersign/1f\n9\n", true)] {
            let folder = Folder::take(&path).unwrap();
            let mark = scratch.path().join("high-water");
            fs::write(&mark, text).unwrap();
            fs::write(folder.path().join(MARK), format!("{}\n", mark.display())).unwrap();
            Folder::take(&path).unwrap();
            assert_eq!(mark.exists(), stays, "{text}");
        }
    }
}
