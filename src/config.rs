//! Settings: where the vault is and how it is spoken about.
//!
//! A flag beats the environment (`COUNTERSIGN_*`), which beats the file of `--config`. A password or a
//! passphrase is none of these: those are read from files or a terminal. The environment is read in
//! this file and nowhere else in the faces.
//!
//! ```toml
//! # countersign.toml: every key may be left out; paths are relative to this file's folder
//! data = "countersign-data"
//! database = "sqlite:countersign-data/vault.db"
//! high_water = "../state/high-water"
//! passphrase_file = "../secrets/root-passphrase"
//! # on a machine that has no vault of its own:
//! server = "https://vault.example"
//! ca_file = "company-ca.pem"
//!
//! [[notice]]
//! name = "planning"
//! kind = "wecom"
//! url_file = "../secrets/planning-robot"
//!
//! [oidc]
//! issuer = "https://id.example"
//! client_id = "countersign"
//! client_secret_file = "../secrets/oidc"
//! name = "Company account"
//!
//! [serve]
//! listen = "10.1.0.5:8443"
//! tls_cert = "tls/server.pem"
//! tls_key = "tls/server.key"
//! tls_client_ca = "tls/clients.pem"
//! download_networks = ["10.1.0.0/16"]
//! connections = 10000
//! grace_seconds = 5
//! public_origin = "https://vault.example"
//! ```

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use zeroize::Zeroizing;

use crate::model::file::read_toml;
use crate::model::network::Network;
use crate::notice::Given;
use crate::oidc;
use crate::store::Place;

/// Where a vault is made when nothing says otherwise.
const DATA: &str = "./countersign-data";

/// The options that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// The vault's folder: keys, packages and, on SQLite, the database [default: ./countersign-data]
    #[arg(long, global = true, value_name = "DIR", env = "COUNTERSIGN_DATA")]
    pub data: Option<PathBuf>,
    /// sqlite:PATH or postgres://… [default: sqlite:DIR/vault.db]
    #[arg(long, global = true, value_name = "URL", env = "COUNTERSIGN_DATABASE", hide_env_values = true)]
    pub database: Option<String>,
    /// A TOML file with data, database, high_water or passphrase_file
    #[arg(long, global = true, value_name = "FILE", env = "COUNTERSIGN_CONFIG")]
    pub config: Option<PathBuf>,
    /// Where the newest checkpoint is kept, outside the vault's folder [default: under the user's state folder]
    #[arg(long, global = true, value_name = "PATH", env = "COUNTERSIGN_HIGH_WATER")]
    pub high_water: Option<PathBuf>,
    /// Answer with one JSON object on the last line of standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// The root passphrase, for a vault that has one: a file, or - for standard input
    #[arg(long, global = true, value_name = "FILE|-")]
    pub passphrase_file: Option<PathBuf>,
    /// A server to do it at, instead of on the vault here: https, or http on this machine
    #[arg(long, global = true, value_name = "URL", env = "COUNTERSIGN_SERVER")]
    pub server: Option<String>,
    /// With --server: a token to call it with, instead of the session that `login` keeps: a file, or -; a token in
    /// COUNTERSIGN_TOKEN counts where neither this nor --as is given
    #[arg(long, global = true, value_name = "FILE|-")]
    pub token_file: Option<PathBuf>,
    /// With --server: the certificates of the CA that the server's own is from, instead of the system's
    #[arg(long, global = true, value_name = "FILE", env = "COUNTERSIGN_CA_FILE")]
    pub ca_file: Option<PathBuf>,
}

/// The file of `--config`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    data: Option<PathBuf>,
    database: Option<String>,
    high_water: Option<PathBuf>,
    passphrase_file: Option<PathBuf>,
    server: Option<String>,
    ca_file: Option<PathBuf>,
    #[serde(default)]
    notice: Vec<Given>,
    oidc: Option<oidc::Given>,
    #[serde(default)]
    serve: ServeSettings,
}

/// How the API is served; flags of `serve` beat these.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServeSettings {
    /// Address and port.
    pub listen: Option<SocketAddr>,
    /// Certificate, PEM.
    pub tls_cert: Option<PathBuf>,
    /// Its key, PEM.
    pub tls_key: Option<PathBuf>,
    /// The authority of the clients' certificates, PEM.
    pub tls_client_ca: Option<PathBuf>,
    /// From where packages may be downloaded; none named: from anywhere.
    #[serde(default)]
    pub download_networks: Vec<Network>,
    /// Connections at once.
    pub connections: Option<usize>,
    /// For how long it goes on after SIGTERM, while `/readyz` says no.
    pub grace_seconds: Option<u64>,
    /// Where people see it, `https://vault.example`: passkeys are bound to it.
    pub public_origin: Option<String>,
}

/// Why the settings are not usable.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration {path} cannot be read: {cause}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// A line of it is wrong, or a key is unknown.
    #[error("the configuration {path}, {wrong}")]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// Line and key.
        wrong: String,
    },
}

/// The settings that hold for this run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The vault's folder.
    pub data: PathBuf,
    /// The database's address. It may hold a password: show it with [`shown_url`].
    pub database: String,
    /// The high-water mark, when it is not in its default place.
    pub high_water: Option<PathBuf>,
    /// Where the root passphrase is read from.
    pub passphrase_file: Option<PathBuf>,
    /// The server to do it at; none: on the vault here.
    pub server: Option<String>,
    /// The CA that the server's certificate is from; none: the system's.
    pub ca_file: Option<PathBuf>,
    /// How the API is served.
    pub serve: ServeSettings,
    /// Who is sent messages.
    pub notices: Vec<Given>,
    /// Where people may sign in too.
    pub oidc: Option<oidc::Given>,
}

impl Settings {
    /// Puts flags, environment and file together. clap has joined the first two already.
    ///
    /// # Errors
    /// [`ConfigError`], with the file and the line.
    pub fn resolve(globals: &Globals) -> Result<Settings, ConfigError> {
        let file = globals.config.as_deref().map_or(Ok(ConfigFile::default()), ConfigFile::read)?;
        let data = globals.data.clone().or(file.data).unwrap_or_else(|| DATA.into());
        let database = globals.database.clone().or(file.database);
        Ok(Settings {
            database: database.unwrap_or_else(|| sqlite_in(&data)),
            data,
            high_water: globals.high_water.clone().or(file.high_water),
            passphrase_file: globals.passphrase_file.clone().or(file.passphrase_file),
            server: globals.server.clone().or(file.server),
            ca_file: globals.ca_file.clone().or(file.ca_file),
            serve: file.serve,
            notices: file.notice,
            oidc: file.oidc,
        })
    }

    /// The store's word for it, with the passphrase that the caller has read.
    pub fn place(&self, passphrase: Option<Zeroizing<Vec<u8>>>) -> Place {
        Place {
            dir: self.data.clone(),
            url: self.database.clone(),
            high_water: self.high_water.clone(),
            passphrase,
            clock: None,
        }
    }
}

impl ConfigFile {
    fn read(path: &Path) -> Result<ConfigFile, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| ConfigError::Unreadable { path: path.to_owned(), cause })?;
        let file: ConfigFile = read_toml(&text)
            .map_err(|wrong| ConfigError::Wrong { path: path.to_owned(), wrong: wrong.to_string() })?;
        // The file moves with its folder: a path in it means the same from everywhere.
        let folder = path.parent().unwrap_or(Path::new("."));
        let beside = |path: Option<PathBuf>| path.map(|path| folder.join(path));
        let database = file.database.map(|url| match url.strip_prefix("sqlite:") {
            Some(path) => format!("sqlite:{}", folder.join(path).display()),
            None => url,
        });
        Ok(ConfigFile {
            data: beside(file.data),
            database,
            high_water: beside(file.high_water),
            passphrase_file: beside(file.passphrase_file),
            server: file.server,
            ca_file: beside(file.ca_file),
            serve: ServeSettings {
                tls_cert: beside(file.serve.tls_cert),
                tls_key: beside(file.serve.tls_key),
                tls_client_ca: beside(file.serve.tls_client_ca),
                ..file.serve
            },
            notice: file.notice.into_iter().map(|given| given.beside(folder)).collect(),
            oidc: file.oidc.map(|given| given.beside(folder)),
        })
    }
}

/// A token to call a server with: `COUNTERSIGN_TOKEN`, where a pipeline keeps its secrets. It is no setting, so that no
/// list of settings shows it.
pub fn token_of_environment() -> Option<Zeroizing<String>> {
    let token = std::env::var("COUNTERSIGN_TOKEN").ok().map(Zeroizing::new)?;
    let token = Zeroizing::new(token.trim().to_owned());
    (!token.is_empty()).then_some(token)
}

/// The default database of a data folder.
pub fn sqlite_in(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("vault.db").display())
}

/// A database's address without the password that may stand in it.
pub fn shown_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (authority, tail) = match (authority.rsplit_once('@'), authority.contains('@')) {
        (Some((user, host)), _) => {
            let user = user.split_once(':').map_or(user.to_owned(), |(name, _)| format!("{name}:***"));
            (format!("{user}@{host}"), tail.to_owned())
        }
        // A password with an unescaped slash pushes the `@` into the tail: hide all of it.
        (None, _) if tail.contains('@') => ("***".to_owned(), String::new()),
        _ => (authority.to_owned(), tail.to_owned()),
    };
    format!("{scheme}://{authority}{}", without_password_parameter(&tail))
}

/// `?password=…` is another way to say it.
fn without_password_parameter(tail: &str) -> String {
    let Some((path, query)) = tail.split_once('?') else { return tail.to_owned() };
    let parts =
        query.split('&').map(|part| if part.starts_with("password=") { "password=***" } else { part });
    format!("{path}?{}", parts.collect::<Vec<_>>().join("&"))
}

/// What the environment says beside the settings.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Colour may be used on standard error (<https://no-color.org>).
    pub colour: bool,
    /// Standard error is a terminal: progress may be shown.
    pub terminal: bool,
    log: Option<String>,
}

impl Environment {
    /// Reads it.
    pub fn read() -> Environment {
        let terminal = std::io::stderr().is_terminal();
        let no_colour: Option<OsString> = std::env::var_os("NO_COLOR").filter(|v| !v.is_empty());
        Environment { colour: terminal && no_colour.is_none(), terminal, log: std::env::var("RUST_LOG").ok() }
    }

    /// Log lines go to standard error, by `RUST_LOG`, warnings by default. No personal value is ever
    /// handed to a log line; statements are logged without what is bound to them.
    pub fn start_tracing(&self) {
        let filter = EnvFilter::try_new(self.log.as_deref().unwrap_or("warn"))
            .unwrap_or_else(|_| EnvFilter::new("warn"));
        // Fails only when a subscriber is there already, as in tests; that one serves.
        let _ = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            // Colours are a feature we do not take; asked for one, it complains on every terminal.
            .with_ansi(false)
            .try_init();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globals(config: Option<PathBuf>) -> Globals {
        Globals {
            data: None,
            database: None,
            config,
            high_water: None,
            json: false,
            passphrase_file: None,
            server: None,
            token_file: None,
            ca_file: None,
        }
    }

    #[test]
    fn a_flag_beats_the_file_and_paths_are_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        std::fs::write(&path, "data = \"d\"\ndatabase = \"sqlite:x/v.db\"\n").unwrap();
        let mut given = globals(Some(path));
        let settings = Settings::resolve(&given).unwrap();
        assert_eq!(settings.data, folder.path().join("d"));
        assert_eq!(settings.database, format!("sqlite:{}/x/v.db", folder.path().display()));
        given.data = Some("flag".into());
        given.database = Some("postgres://h/d".into());
        let settings = Settings::resolve(&given).unwrap();
        assert_eq!((settings.data, settings.database), ("flag".into(), "postgres://h/d".into()));
    }

    #[test]
    fn the_database_lies_in_the_data_folder_by_default() {
        let mut given = globals(None);
        assert_eq!(Settings::resolve(&given).unwrap().database, "sqlite:./countersign-data/vault.db");
        given.data = Some("/d".into());
        assert_eq!(Settings::resolve(&given).unwrap().database, "sqlite:/d/vault.db");
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        std::fs::write(&path, "data = \"d\"\npassword = \"hunter2\"\n").unwrap();
        let error = Settings::resolve(&globals(Some(path))).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("password"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (url, shown) in [
            ("sqlite:/d/vault.db", "sqlite:/d/vault.db"),
            ("postgres://u:secret@h:5432/d?host=/s", "postgres://u:***@h:5432/d?host=/s"),
            ("postgres://u@h/d", "postgres://u@h/d"),
            ("postgres://h/d?user=u&password=secret", "postgres://h/d?user=u&password=***"),
            ("postgres://u:se/cret@h/d", "postgres://***"),
            ("postgres://u:se@cret@h/d", "postgres://u:***@h/d"),
        ] {
            assert_eq!(shown_url(url), shown);
        }
    }
}
