//! Sessions that `login` opened: a file each under the user's state folder, which nobody else may read.
//!
//! ```text
//! STATE/countersign/sessions/<server, as a file name>/<login>     the token, one line
//! ```

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use reqwest::Url;
use zeroize::Zeroizing;

use crate::cli::failure::Failure;
use crate::cli::secrets;
use crate::model::ids::{Digest, Login};
use crate::store::state_folder;

/// A session on a server.
pub(in crate::cli) struct Saved {
    pub(super) login: Login,
    pub(super) token: Zeroizing<String>,
}

impl Saved {
    /// The session of a login on a server; without a login, the only one there is.
    pub(super) fn find(server: &Url, login: Option<&Login>) -> Result<Saved, Failure> {
        let folder = folder(server)?;
        let login = match login {
            Some(login) => login.clone(),
            None => only(&folder, server)?,
        };
        let path = folder.join(login.as_str());
        let text = fs::read_to_string(&path).map(Zeroizing::new).map_err(|cause| match cause.kind() {
            std::io::ErrorKind::NotFound => nobody(server, Some(&login)),
            _ => Failure::file(path.display().to_string(), cause),
        })?;
        Ok(Saved { login, token: Zeroizing::new(text.trim().to_owned()) })
    }

    /// Keeps it, in the place of an earlier one.
    pub(super) fn keep(&self, server: &Url) -> Result<(), Failure> {
        let folder = folder(server)?;
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(|cause| Failure::file(folder.display().to_string(), cause))?;
        Saved::forget(server, &self.login)?;
        secrets::write_private(&folder.join(self.login.as_str()), format!("{}\n", *self.token).as_bytes())
    }

    /// Drops it; one that is not there is dropped already.
    pub(super) fn forget(server: &Url, login: &Login) -> Result<(), Failure> {
        let path = folder(server)?.join(login.as_str());
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                Err(Failure::file(path.display().to_string(), cause))
            }
            _ => Ok(()),
        }
    }
}

fn only(folder: &std::path::Path, server: &Url) -> Result<Login, Failure> {
    let names = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut logins = names.filter_map(|file| Login::parse(file.file_name().to_str()?).ok());
    match (logins.next(), logins.next()) {
        (Some(login), None) => Ok(login),
        (None, _) => Err(nobody(server, None)),
        (Some(_), Some(_)) => Err(Failure::usage(
            format!("several people are signed in at {server}"),
            "say which with --as LOGIN",
        )),
    }
}

fn nobody(server: &Url, login: Option<&Login>) -> Failure {
    let who = login.map_or_else(|| "nobody is".to_owned(), |login| format!("{login} is not"));
    Failure::input("not_signed_in", format!("{who} signed in at {server}"), "countersign login")
}

fn folder(server: &Url) -> Result<PathBuf, Failure> {
    let state = state_folder().ok_or_else(|| {
        Failure::usage("there is no home folder to keep a session in", "give the token with --token-file")
    })?;
    // The address with what no file name can hold told apart by its digest.
    let plain: String =
        server.as_str().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let digest = Digest::of(server.as_str().as_bytes()).to_string();
    Ok(state.join("countersign/sessions").join(format!("{plain:.60}-{digest:.32}")))
}
