//! A secret that stands in a file of its own, which nobody else may read.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use zeroize::Zeroizing;

/// A secret is shorter than this; anything longer is the wrong file.
const LONGEST: u64 = 4096;

/// A secret text; wiped, and never printed.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The first line of a file that nobody else may read.
    ///
    /// # Errors
    /// It cannot be read, its first line is empty, or others may read it.
    pub fn read(path: &Path) -> io::Result<Secret> {
        let wrong = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
        let file = File::open(path)?;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            return Err(wrong("others may read it; chmod 600 it"));
        }
        // Room at once: a string that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(LONGEST as usize + 1));
        file.take(LONGEST).read_to_string(&mut text)?;
        let length = text.lines().next().map_or(0, |line| line.trim_end().len());
        text.truncate(length);
        if text.is_empty() { Err(wrong("its first line is empty")) } else { Ok(Secret(text)) }
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}
