//! Receivers as the settings name them. An address is a secret, since whoever has it can write: it stands in a file of its own
//! that nobody else may read.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::reach::Reach;
use crate::broker::notices::{NoticeKind, Subscriber};
use crate::model::code::codes;
use crate::model::ids::UnitCode;
use crate::model::lang::Lang;
use crate::model::secret::Secret;

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
            Secret::read(file).map_err(|cause| Wrong {
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
