//! Passwords, passphrases and values to look up: from a file, standard input or the terminal, never
//! from an argument or the environment, where other processes could read them.

use std::fs::File;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use zeroize::Zeroizing;

use super::failure::Failure;
use super::out::Out;
use crate::broker::factors::Second;
use crate::model::contact::CardNo;

/// A secret is shorter than this; anything longer is the wrong file.
const LONGEST: u64 = 4096;

/// One line of standard input, without its end. Several in a row are read in the order the help says:
/// passphrase, password, card, value.
///
/// # Errors
/// There is none, or it is over 4 KiB.
pub fn stdin_line(what: &str) -> Result<Zeroizing<String>, Failure> {
    // Room at once: a string that grows leaves copies behind.
    let mut line = Zeroizing::new(String::with_capacity(LONGEST as usize + 1));
    io::stdin()
        .lock()
        .take(LONGEST)
        .read_line(&mut line)
        .map_err(|cause| Failure::file(format!("standard input ({what})"), cause))?;
    let length = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(length);
    if line.is_empty() {
        let hint = format!("write the {what} on one line of standard input");
        return Err(Failure::input("no_input", format!("no {what} on standard input"), hint));
    }
    Ok(line)
}

/// The first line of a secret's file, or of standard input for `-`.
///
/// # Errors
/// It cannot be read, is empty or over 4 KiB.
pub fn from_file(path: &Path, what: &str, out: &Out) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if path == Path::new("-") {
        return Ok(Zeroizing::new(stdin_line(what)?.as_bytes().to_vec()));
    }
    let named = || format!("the {what} file {}", path.display());
    let file = File::open(path).map_err(|cause| Failure::file(named(), cause))?;
    let mode = file.metadata().map_err(|cause| Failure::file(named(), cause))?.permissions().mode();
    if mode & 0o077 != 0 {
        out.warn(format!("{} may be read by others; chmod 600 it", named()));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST as usize + 1));
    file.take(LONGEST).read_to_end(&mut bytes).map_err(|cause| Failure::file(named(), cause))?;
    let end = bytes.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(bytes.len());
    bytes.truncate(end);
    if bytes.is_empty() {
        let hint = format!("the first line of the file is the {what}");
        return Err(Failure::input("no_input", format!("{} is empty", named()), hint));
    }
    Ok(bytes)
}

/// From the file, or asked for on the terminal.
///
/// # Errors
/// Neither is there.
pub fn ask(path: Option<&Path>, option: &str, what: &str, out: &Out) -> Result<Zeroizing<Vec<u8>>, Failure> {
    match path {
        Some(path) => from_file(path, what, out),
        None => prompt(what).map_err(|_| no_terminal(what, option)),
    }
}

/// A new password: from the file, or asked for twice.
///
/// # Errors
/// Neither is there, or the two differ.
pub fn ask_new(
    path: Option<&Path>,
    option: &str,
    what: &str,
    out: &Out,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if let Some(path) = path {
        return from_file(path, what, out);
    }
    let first = prompt(what).map_err(|_| no_terminal(what, option))?;
    let again = prompt(&format!("{what} again")).map_err(|_| no_terminal(what, option))?;
    if first != again {
        return Err(Failure::input("differ", "the two are not the same", "try again"));
    }
    Ok(first)
}

/// A second factor's code: from the file, or asked for on the terminal.
///
/// # Errors
/// Neither is there.
pub fn code(path: Option<&Path>, out: &Out) -> Result<Second, Failure> {
    let bytes = ask(path, "--factor-file", "code of the second factor", out)?;
    // What is not text is simply a wrong one.
    Ok(Second::Code(Zeroizing::new(std::str::from_utf8(&bytes).unwrap_or_default().to_owned())))
}

/// Whether there is a terminal to ask on.
pub fn can_ask() -> bool {
    io::stderr().is_terminal()
}

fn prompt(what: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    if !io::stderr().is_terminal() {
        return Err(io::ErrorKind::NotConnected.into());
    }
    rpassword::prompt_password(format!("{what}: ")).map(|text| Zeroizing::new(text.into_bytes()))
}

fn no_terminal(what: &str, option: &str) -> Failure {
    let hint = format!("give {option} FILE, or {option} - and the {what} on standard input");
    Failure::usage(format!("no {what} given, and no terminal to ask on"), hint)
}

/// Writes a new file that only its owner may read.
///
/// # Errors
/// It exists, or cannot be written.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let write = || {
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|cause| Failure::file(path.display().to_string(), cause))
}

/// A card number from the argument or, without one, from standard input. The error does not repeat it.
///
/// # Errors
/// It is not a card number.
pub(super) fn read_card(given: Option<String>) -> Result<CardNo, Failure> {
    let text = match given.filter(|text| text != "-") {
        Some(text) => zeroize::Zeroizing::new(text),
        None => stdin_line("card number")?,
    };
    CardNo::parse(&text).map_err(|wrong| {
        Failure::input(
            "bad_card",
            format!("the card number: {}", wrong.en()),
            "look at the card, or look the member up by mobile",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    #[test]
    fn the_first_line_is_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p");
        let out = Out::new(&Environment::read(), false);
        write_private(&path, b"correct horse\r\nsecond line\n").unwrap();
        assert_eq!(from_file(&path, "password", &out).unwrap().as_slice(), b"correct horse");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write_private(&path, b"again").is_err());
        let empty = folder.path().join("e");
        write_private(&empty, b"\n").unwrap();
        assert_eq!(from_file(&empty, "password", &out).unwrap_err().code, "no_input");
        assert_eq!(from_file(&folder.path().join("none"), "password", &out).unwrap_err().exit, 1);
    }
}
