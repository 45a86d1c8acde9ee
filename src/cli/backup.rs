//! `backup`: made while the vault serves, verified without it, restored onto either engine.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::failure::INTEGRITY;
use super::init::make_folder;
use super::{Context, Failure};
use crate::broker::Broker;
use crate::broker::backups::{BackupFile, BackupReport, RestoreOptions};
use crate::config::shown_url;
use crate::store::backups::{KeyCounts, Kind};

/// Backups: of the data, of the keys, verifying, restoring
#[derive(Debug, Subcommand)]
pub enum Backup {
    Create(Create),
    Keys(Keys),
    Verify(Verify),
    Restore(Restore),
}

/// Back up the data: encrypted, from one moment, while the vault serves
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign backup create /backup/data-2026-11-28.csb\n\
                        It holds neither the root key nor the keystore: keep root.json apart, and make `backup keys` after it.")]
pub struct Create {
    /// The file to make; one that is there is never written over
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Back up the keystore: members' and packages' wrapped keys, encrypted
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign backup keys /backup/keys-2026-11-28.csb\n\
                        Delete it after erased_in_backups_days of the policy: until then it holds the keys of members erased since.")]
pub struct Keys {
    /// The file to make; one that is there is never written over
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Read a backup to its end and hold it against its own log; needs the root key and no vault
#[derive(Debug, Args)]
#[command(
    after_help = "Example: countersign backup verify data.csb --keys keys.csb --root root.json --json > drill.json\n\
                        Exit 2 when it could not be restored whole. Appends nothing."
)]
pub struct Verify {
    /// The data backup
    // Not called `data`: that is the global option's name, and would be taken for it.
    #[arg(value_name = "DATA")]
    backup: PathBuf,
    /// A key backup: whether each member has a key in it
    #[arg(long, value_name = "KEYS")]
    keys: Option<PathBuf>,
    /// The root key's file [default: root.json in the vault's folder]
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
}

/// Restore a backup into an empty place, on either engine
#[derive(Debug, Args)]
#[command(
    after_help = "Example: countersign backup restore data.csb --keys keys.csb --root root.json --data ./restored --database postgres://…\n\
                        Broken off, it leaves a place that is no vault; run it again. Then: countersign audit verify --deep."
)]
pub struct Restore {
    /// The data backup
    // Not called `data`: that is the global option's name, and would be taken for it.
    #[arg(value_name = "DATA")]
    backup: PathBuf,
    /// The newest key backup: who was erased since the data backup has no key in it, and is erased again
    #[arg(long, value_name = "KEYS")]
    keys: PathBuf,
    /// The root key's file, copied into the vault's folder [default: root.json that lies there]
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// Take a key backup that is older than the data: members who came between are lost
    #[arg(long)]
    older_keys: bool,
    /// Restore although this machine's high-water mark has seen more: what came after the backup is lost
    #[arg(long)]
    over_mark: bool,
}

impl Backup {
    pub(super) async fn run(self, context: &Context) -> Result<u8, Failure> {
        match self {
            Backup::Create(Create { file }) => make(context, Kind::Data, file).await.map(|()| 0),
            Backup::Keys(Keys { file }) => make(context, Kind::Keys, file).await.map(|()| 0),
            Backup::Verify(verify) => verify.run(context),
            Backup::Restore(restore) => restore.run(context).await.map(|()| 0),
        }
    }
}

async fn make(context: &Context, kind: Kind, file: PathBuf) -> Result<(), Failure> {
    let place = context.place()?;
    let broker = context.open_at(&place).await?;
    let made = broker.backup_create(&place, kind, &file).await?;
    context.out.say(match kind {
        Kind::Data => {
            "The root key is not in it, nor are the members' keys: `countersign backup keys` comes next."
        }
        Kind::Keys => "Keep it apart from the data, and no longer than erased_in_backups_days of the policy.",
    });
    context.out.answer(&made, || {
        format!("{}: {} bytes, {} entries, sha256 {}", file.display(), made.bytes, made.size, made.sha256)
    });
    broker.store().close().await;
    Ok(())
}

impl Verify {
    fn run(self, context: &Context) -> Result<u8, Failure> {
        let Verify { backup, keys, root } = self;
        let report = Broker::backup_verify(&context.place()?, root.as_deref(), &backup, keys.as_deref())?;
        context.out.answer(&report, || told(&report));
        if report.verified {
            return Ok(0);
        }
        context.out.say("error: integrity: this backup could not be restored whole");
        context.out.say("hint: verify another one, and make a new one now");
        Ok(INTEGRITY)
    }
}

fn told(report: &BackupReport) -> String {
    let file = |name: &str, file: &BackupFile| {
        let BackupFile { made_at, engine, size, bytes, sha256 } = file;
        format!("{name}: made {made_at} on {engine}, {size} entries, {bytes} bytes, sha256 {sha256}\n")
    };
    let mut text = format!("vault {}\n", report.vault);
    text.push_str(&file("data", &report.data));
    text.push_str(&format!("{} members, {} rows, root {}\n", report.members, report.rows, report.root));
    if let Some(keys) = &report.keys {
        text.push_str(&file("keys", keys));
    }
    if let Some(KeyCounts { with_key, erased_since, without_key, not_opening }) = &report.member_keys {
        text.push_str(&format!(
            "{with_key} members with their key, {erased_since} erased since, {without_key} without, {not_opening} with one that does not open\n"
        ));
    }
    for problem in &report.problems {
        text.push_str(&format!("problem: {}: {}\n", problem.what, problem.place));
    }
    text.push_str(if report.verified { "verified" } else { "NOT verified" });
    text
}

impl Restore {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let place = context.place()?;
        make_folder(&place.dir)?;
        let options = RestoreOptions {
            data: &self.backup,
            keys: &self.keys,
            root: self.root.as_deref(),
            older_keys: self.older_keys,
            over_mark: self.over_mark,
        };
        let restored = Broker::restore(&place, &options).await?;
        if let Some(kept) = &restored.mark_kept {
            context.out.warn(format!(
                "{} entries after the backup are lost; the mark that saw them is kept at {}",
                restored.entries_lost,
                kept.display()
            ));
        }
        if restored.without_key > 0 {
            context
                .out
                .warn(format!("{} members had no key in the backup and are gone", restored.without_key));
        }
        context.out.say("Everyone signs in anew. Next: `countersign audit verify --deep`, and a new backup.");
        context.out.answer(&restored, || {
            format!(
                "{} entries and {} members restored in {}; {} erased again, {} packages to be made again",
                restored.size,
                restored.members,
                shown_url(&place.url),
                restored.erased_again,
                restored.packages_lost
            )
        });
        Ok(())
    }
}
