//! Receivers as the settings name them. An address is a secret, since whoever has it can write: it stands in a file of its own
//! that nobody else may read.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::reach::Reach;
use crate::broker::notices::{NoticeKind, Subscriber};
use crate::model::code::codes;
use crate::model::ids::UnitCode;
use crate::model::lang::Lang;

/// A secret is shorter than this; anything longer is the wrong file.
const LONGEST: u64 = 4096;

codes! {
    /// Whose robot it is.
    Kind, "kind" {
        /// 企业微信
        Wecom = "wecom",
        /// 钉钉
        Dingtalk = "dingtalk",
        /// 飞书
        Feishu = "feishu",
        /// Any address that takes JSON.
        Webhook = "webhook",
    }
}

/// A receiver in the settings file: `[[notice]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    name: String,
    kind: Kind,
    url_file: PathBuf,
    #[serde(default)]
    secret_file: Option<PathBuf>,
    /// Of these units, and those under them; all when left out.
    #[serde(default)]
    units: Vec<UnitCode>,
    /// All when left out.
    #[serde(default)]
    events: Vec<NoticeKind>,
    #[serde(default = "chinese")]
    language: Lang,
    #[serde(default)]
    allow_private: bool,
    #[serde(default)]
    allow_loopback_http: bool,
}

fn chinese() -> Lang {
    Lang::Zh
}

/// Why a receiver is none.
#[derive(Debug, thiserror::Error)]
#[error("the notice {name}: {file}: {cause}")]
pub struct Wrong {
    name: String,
    file: String,
    #[source]
    cause: io::Error,
}

/// A secret text; wiped, and never printed.
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

/// Somebody who is sent messages.
pub struct Receiver {
    pub(super) subscriber: Subscriber,
    pub(super) kind: Kind,
    pub(super) language: Lang,
    pub(super) reach: Reach,
    pub(super) url: Secret,
    pub(super) secret: Option<Secret>,
}

impl Given {
    /// The same with files named from a folder.
    #[must_use]
    pub fn beside(self, folder: &Path) -> Given {
        let secret_file = self.secret_file.map(|file| folder.join(file));
        Given { url_file: folder.join(self.url_file), secret_file, ..self }
    }

    /// Reads the files.
    ///
    /// # Errors
    /// One cannot be read, is empty, or may be read by others.
    pub fn read(&self) -> Result<Receiver, Wrong> {
        let read = |file: &Path| {
            secret(file).map_err(|cause| Wrong {
                name: self.name.clone(),
                file: file.display().to_string(),
                cause,
            })
        };
        Ok(Receiver {
            subscriber: Subscriber {
                name: self.name.clone(),
                units: self.units.clone(),
                kinds: self.events.clone(),
            },
            kind: self.kind,
            language: self.language,
            reach: Reach { private: self.allow_private, loopback_http: self.allow_loopback_http },
            url: read(&self.url_file)?,
            secret: self.secret_file.as_deref().map(read).transpose()?,
        })
    }
}

/// The first line of a file that nobody else may read.
fn secret(path: &Path) -> io::Result<Secret> {
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
