//! The provider as the settings name it: `[oidc]`.

use std::io;
use std::path::{Path, PathBuf};

use reqwest::Url;
use serde::Deserialize;

use super::Provider;
use super::asking::Asking;
use crate::model::secret::Secret;

/// The provider in the settings file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// Who it says it is: `https://id.example`. `http` to this machine, for trying it out.
    issuer: Url,
    /// What it calls us.
    client_id: String,
    /// What we show it that we are; a provider may do without, since the verifier proves who began.
    #[serde(default)]
    client_secret_file: Option<PathBuf>,
    /// The CA that its certificate is from; none: the system's.
    #[serde(default)]
    ca_file: Option<PathBuf>,
    /// What stands on the button.
    name: String,
}

/// Why a provider is none.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// A file of it cannot be used.
    #[error("{file}: {cause}")]
    File {
        /// Which.
        file: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The settings themselves.
    #[error("{0}")]
    Settings(&'static str),
}

impl Given {
    /// The same with files named from a folder.
    #[must_use]
    pub fn beside(self, folder: &Path) -> Given {
        let beside = |path: Option<PathBuf>| path.map(|path| folder.join(path));
        Given { client_secret_file: beside(self.client_secret_file), ca_file: beside(self.ca_file), ..self }
    }

    /// Reads the files. `origin`: where people see this server, to which the provider sends them back.
    ///
    /// # Errors
    /// A file cannot be read or is none, the issuer is no address that may be asked, or there is no origin.
    pub fn read(&self, origin: Option<&str>) -> Result<Provider, Wrong> {
        let origin = origin
            .ok_or(Wrong::Settings("the provider sends people back to public_origin, and none is set"))?;
        let file = |path: &Path, cause| Wrong::File { file: path.display().to_string(), cause };
        let secret = self.client_secret_file.as_deref();
        let secret = secret.map(|path| Secret::read(path).map_err(|cause| file(path, cause))).transpose()?;
        let ca = self.ca_file.as_deref();
        let ca = ca.map(|path| std::fs::read(path).map_err(|cause| file(path, cause))).transpose()?;
        let asking = Asking::new(&self.issuer, ca.as_deref()).map_err(Wrong::Settings)?;
        let back = format!("{}{}", origin.trim_end_matches('/'), super::BACK);
        Provider::new(self.issuer.as_str(), &self.client_id, secret, &back, self.name.trim(), asking)
    }
}
