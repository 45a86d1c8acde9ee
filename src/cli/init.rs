//! `init`: a new vault.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::covenant::Language;
use super::person::tell_undertaking;
use super::{Context, Failure, secrets};
use crate::broker::{Broker, Error};
use crate::config::shown_url;
use crate::model::ids::Login;
use crate::store::{Place, StoreError};

/// Make a new vault: keys, schema, first administrator, the built-in policies
#[derive(Debug, Args)]
#[command(
    after_help = "Example: countersign init --data ./vault --admin zhou.jie --password-file zhou.password\n\
                  With --passphrase-file the root key is derived from that passphrase and stands nowhere."
)]
pub struct Init {
    /// Login of the first administrator
    #[arg(long, value_name = "LOGIN")]
    admin: Login,
    /// Their first password: a file, or - for standard input
    #[arg(long, value_name = "FILE|-")]
    password_file: Option<PathBuf>,
    /// The zone that decides ages, years and numbering, for ever
    #[arg(long, value_name = "ZONE", default_value = "Asia/Shanghai")]
    zone: String,
    /// Language of the confidentiality undertaking, which the administrator is shown and so gives
    #[arg(long, value_enum, default_value = "zh")]
    language: Language,
}

impl Init {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let place = context.place()?;
        let file = self.password_file.as_deref();
        let password = secrets::ask_new(file, "--password-file", "password", &context.out)?;
        if jiff::tz::TimeZone::get(&self.zone).is_err() {
            return Err(Failure::usage("the zone is not known", "zones are named like Asia/Shanghai"));
        }
        make_folder(&place.dir)?;
        let broker = self.make_or_resume(&place).await?;
        let digest = tell_undertaking(context, &broker, self.language).await?;
        broker.first_admin(&self.admin, &password, Some(digest)).await?;
        let id = broker.store().info().id;
        let folder = place.dir.display().to_string();
        context.out.say(format!("The vault {id} is made in {folder}; {} is its administrator.", self.admin));
        if place.passphrase.is_none() {
            let root = place.dir.join("root.json");
            context.out.say(format!(
                "Its root key is {}: copy it to a safe place, apart from the data.",
                root.display()
            ));
        }
        let next = format!("countersign org apply org.toml --as {}", self.admin);
        context.out.say(format!("Next: `{next}` for units and people."));
        let answer =
            json!({ "vault": id.to_string(), "data_dir": folder, "database": shown_url(&place.url) });
        context.out.answer(&answer, || id.to_string());
        broker.store().close().await;
        Ok(())
    }

    /// A vault without anybody is one whose `init` was broken off, or whose first password was too short:
    /// it is taken up where it was left.
    async fn make_or_resume(&self, place: &Place) -> Result<Broker, Failure> {
        match Broker::create(place, false, &self.zone).await {
            Err(Error::Store(StoreError::VaultExists)) => {
                let exists = || Failure::from(StoreError::VaultExists);
                let (broker, _) = Broker::open(place).await.map_err(|_| exists())?;
                let people = broker.store().view().await?.people().await?;
                if people.is_empty() && !broker.store().info().demo { Ok(broker) } else { Err(exists()) }
            }
            made => Ok(made?),
        }
    }
}

/// Makes a data folder that only its owner may enter; one that is there stays as it is.
pub(super) fn make_folder(path: &Path) -> Result<(), Failure> {
    if path.is_dir() {
        return Ok(());
    }
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|cause| match cause.kind() {
        std::io::ErrorKind::StorageFull => StoreError::DiskFull.into(),
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            StoreError::ReadOnly.into()
        }
        _ => Failure::file(path.display().to_string(), cause),
    })
}
