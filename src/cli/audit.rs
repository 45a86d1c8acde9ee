//! `audit`: verifying the log and everything under it, and exporting it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::failure::INTEGRITY;
use super::{By, Context, Failure, read_text};
use crate::broker::audits::ExportFormat;
use crate::broker::{Broker, Error};
use crate::model::ids::Login;
use crate::store::StoreError;
use crate::store::verify::{Problem, Verified};

/// The log: verify, export
#[derive(Debug, Subcommand)]
pub enum Audit {
    Verify(Verify),
    Export(Export),
}

/// Verify the log against its checkpoint and the high-water mark; appends nothing
#[derive(Debug, Args)]
#[command(
    after_help = "Example: countersign audit verify --deep --against CS2026HQMKT0001P1.manifest.json\n\
                        --deep also holds every table, key and consent to what the log says. Exit 2 when something does not fit.\n\
                        --since-checked trusts what an earlier run on this machine read: an auditor leaves it out."
)]
pub struct Verify {
    /// Hold every table, key and consent to the log too
    #[arg(long)]
    deep: bool,
    /// Read only the entries after the last verification that this machine remembers
    #[arg(long)]
    since_checked: bool,
    /// A manifest or a checkpoint from elsewhere that the log must contain; may be given again
    #[arg(long, value_name = "MANIFEST|CHECKPOINT")]
    against: Vec<PathBuf>,
}

/// Export the log; the export is itself an entry
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign audit export --format jsonl --from 0 --to 1000 > log.jsonl\n\
                        Without --as it is logged as the host's operator.")]
pub struct Export {
    /// jsonl, csv or ocsf
    #[arg(long, value_parser = ExportFormat::parse)]
    format: ExportFormat,
    /// First entry
    #[arg(long, value_name = "SEQ")]
    from: Option<u64>,
    /// The entry to stop before
    #[arg(long, value_name = "SEQ")]
    to: Option<u64>,
    /// Login of the auditor who does this; the host's operator when left out
    #[arg(long = "as", value_name = "LOGIN")]
    login: Option<Login>,
    /// Their password: a file, or - for standard input
    #[arg(long, value_name = "FILE|-", requires = "login")]
    password_file: Option<PathBuf>,
    /// Their second factor, a code: a file, or - for standard input
    #[arg(long, value_name = "FILE|-", requires = "login")]
    factor_file: Option<PathBuf>,
}

impl Audit {
    pub(super) async fn run(self, context: &Context) -> Result<u8, Failure> {
        match self {
            Audit::Verify(verify) => verify.run(context).await,
            Audit::Export(export) => export.run(context).await.map(|()| 0),
        }
    }
}

impl Verify {
    async fn run(self, context: &Context) -> Result<u8, Failure> {
        let verified = match Broker::inspect(&context.place()?).await {
            Ok(broker) => self.verify(&broker).await?,
            // What does not even open is found wrong, and told in the same shape.
            Err(Error::Store(StoreError::Integrity { what, place })) => {
                Verified { problems: vec![Problem { what, place }], ..Verified::default() }
            }
            Err(other) => return Err(other.into()),
        };
        context.out.answer(&verified, || told(&verified));
        if verified.verified {
            return Ok(0);
        }
        context.out.say("error: integrity: what is stored is not what the log says");
        context
            .out
            .say("hint: stop changing this vault, keep a copy of it as it is, and compare with a backup");
        Ok(INTEGRITY)
    }

    async fn verify(&self, broker: &Broker) -> Result<Verified, Failure> {
        let mut against = Vec::new();
        for path in &self.against {
            against.push(broker.checkpoint_from(&read_text(path)?)?);
        }
        let verified = match self.since_checked {
            true => broker.audit_verify_since_checked(self.deep, &against).await,
            false => broker.audit_verify(self.deep, &against).await,
        };
        broker.store().close().await;
        Ok(verified?)
    }
}

fn told(verified: &Verified) -> String {
    let mut text = format!("{} entries, root {}\n", verified.size, verified.root);
    if let (Some(from), Some(at), Some(whole)) =
        (verified.checked_from, &verified.checked_at, &verified.read_whole_at)
    {
        text.push_str(&format!(
            "entries 0..{from} were checked on {at}; not read again (every entry was last read on {whole})\n"
        ));
    }
    for note in &verified.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    for problem in &verified.problems {
        text.push_str(&format!("problem: {}: {}\n", problem.what, problem.place));
    }
    text.push_str(if verified.verified { "verified" } else { "NOT verified" });
    text
}

impl Export {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let Export { format, from, to, login, password_file, factor_file } = self;
        let mut out = std::io::BufWriter::new(std::io::stdout());
        let range = (from, to);
        let entries = if login.is_some() || context.settings()?.server.is_some() {
            let desk = context.desk(By { login, password_file, factor_file }).await?;
            desk.audit_export(range, format, &mut out).await?
        } else {
            context.open().await?.audit_export(None, range, format, &mut out).await?
        };
        context.out.say(format!("{entries} entries."));
        if context.out.is_json() {
            context.out.line(&json!({ "entries": entries }).to_string());
        }
        Ok(())
    }
}
