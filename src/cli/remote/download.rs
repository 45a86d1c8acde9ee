//! A package fetched from a server: each file to `.part`, under its name only when it is whole.
//!
//! A transfer that breaks off is tried again, which the server allows for some minutes; each try is an entry there.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use reqwest::Response;
use serde_json::{Value, json};

use super::{Server, broken_off};
use crate::broker::downloading::Downloaded;
use crate::cli::failure::Failure;
use crate::keyring::sha256;
use crate::model::ids::{Digest, PackageNo};
use crate::release::at_rest::HashingWriter;
use crate::release::manifest::Manifest;

/// How often a file is asked for, and the whole package when somebody is taken out of it meanwhile.
const TRIES: u32 = 3;
/// Where the server says what a file's SHA-256 is.
const SHA256: &str = "x-content-sha256";

/// One file that is here, whole.
struct Here {
    path: PathBuf,
    sha256: Digest,
}

/// Fetches a package, by its number or its request's.
pub(in crate::cli) async fn package(
    server: &Server,
    no: &str,
    out: &Path,
) -> Result<(PackageNo, Downloaded), Failure> {
    for _ in 0..TRIES {
        let folder = Folder { server, no, out };
        let (listed, manifest) = folder.manifest().await?;
        let package = PackageNo::parse(&listed.package).map_err(|_| super::another_api())?;
        let mut parts = Vec::new();
        for number in 1..=listed.parts.len() as u32 {
            let name = format!("{}.csv.age", package.request().file_stem(number));
            parts.push(folder.file(&name, &json!({ "part": number })).await?);
        }
        // Who withdrew in between was taken out, and the files are others than the manifest says.
        if !parts.iter().zip(&listed.parts).all(|(here, listed)| here.sha256.to_string() == listed.sha256) {
            continue;
        }
        let sums: Vec<u8> = parts.iter().flat_map(|here| here.sha256.0).collect();
        let one = parts.first().filter(|_| parts.len() == 1).map(|here| here.sha256);
        let paths: Vec<PathBuf> = parts.into_iter().map(|here| here.path).collect();
        let path = paths.first().cloned().ok_or_else(super::another_api)?;
        let sha256 = one.unwrap_or_else(|| Digest(sha256(&sums)));
        return Ok((package, Downloaded { path, manifest, sha256, rows: listed.rows, parts: paths }));
    }
    Err(Failure::input(
        "members_kept_changing",
        "members withdrew faster than the package could be fetched",
        "download again",
    ))
}

/// Where a package's files come from and go to.
struct Folder<'a> {
    server: &'a Server,
    no: &'a str,
    out: &'a Path,
}

impl Folder<'_> {
    async fn manifest(&self) -> Result<(Manifest, PathBuf), Failure> {
        let here = self.file(".manifest.json.fetched", &json!({ "manifest": {} })).await?;
        let text = fs::read_to_string(&here.path).map_err(failed)?;
        let (listed, _) = Manifest::open(&text).map_err(|wrong| {
            Failure::integrity(format!("integrity: {wrong}"), "compare it on the vault's own machine")
        })?;
        let package = PackageNo::parse(&listed.package).map_err(|_| super::another_api())?;
        // The name is ours to make: a server's word for it could lead out of the folder.
        let path = self.out.join(format!("{}.manifest.json", package.request().file_stem(1)));
        fs::rename(&here.path, &path).and_then(|()| File::open(self.out)?.sync_all()).map_err(failed)?;
        Ok((listed, path))
    }

    /// One file, asked for again when its transfer breaks off.
    async fn file(&self, name: &str, which: &Value) -> Result<Here, Failure> {
        let (path, fresh) = (self.out.join(name), self.out.join(format!(".{name}.part")));
        let mut last = broken_off();
        for _ in 0..TRIES {
            let response = self.server.stream(&["packages", self.no, "download"], which).await?;
            let said = response.headers().get(SHA256).and_then(|v| v.to_str().ok());
            let said = said.map(str::to_owned).ok_or_else(super::another_api)?;
            match copied(response, &fresh).await {
                Ok(sha256) if sha256.to_string() == said => {
                    fs::rename(&fresh, &path)
                        .and_then(|()| File::open(self.out)?.sync_all())
                        .map_err(failed)?;
                    return Ok(Here { path, sha256 });
                }
                Ok(_) => {
                    last = Failure::integrity(
                        "integrity: the file that came is not the one that was sent",
                        "something between here and the server changes what passes",
                    );
                }
                Err(Broken::Transfer) => last = broken_off(),
                Err(Broken::Here(cause)) => return Err(failed(cause)),
            }
            let _ = fs::remove_file(&fresh);
        }
        Err(last)
    }
}

/// Why a file is not whole.
enum Broken {
    Transfer,
    Here(std::io::Error),
}

impl From<std::io::Error> for Broken {
    fn from(cause: std::io::Error) -> Broken {
        Broken::Here(cause)
    }
}

async fn copied(mut response: Response, fresh: &Path) -> Result<Digest, Broken> {
    if fresh.symlink_metadata().is_ok() {
        fs::remove_file(fresh)?;
    }
    let file = File::options().write(true).create_new(true).mode(0o600).open(fresh)?;
    let mut out = HashingWriter::new(BufWriter::new(file));
    while let Some(piece) = response.chunk().await.map_err(|_| Broken::Transfer)? {
        out.write_all(&piece)?;
    }
    out.flush()?;
    let (file, passed) = out.finish();
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    Ok(Digest(passed.sha256))
}

fn failed(cause: std::io::Error) -> Failure {
    Failure::file("the download", cause)
}
