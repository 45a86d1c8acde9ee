//! `package`: what was made, its download, hand-off and recall.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::out::{readable, table};
use super::{By, Context, Failure};
use crate::broker::executing::Executed;
use crate::model::iso::parse_date;

/// Packages: download, hand-off, recall
#[derive(Debug, Subcommand)]
pub enum Package {
    /// List the packages you may see
    #[command(after_help = "Example: countersign package list --as zhao.min")]
    List {
        #[command(flatten)]
        by: By,
    },
    /// Download a package once, as the officer whom the request names
    #[command(
        after_help = "Example: countersign package download CS2026-HQ-0001-P1 --out ./out --as zhao.min\n\
                            A broken transfer may be repeated for 15 minutes."
    )]
    Download {
        /// Number of the package, or of its request
        no: String,
        /// The folder to write to
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        #[command(flatten)]
        by: By,
    },
    /// Record that the package was handed to the vendor
    #[command(
        name = "hand-off",
        after_help = "Example: countersign package hand-off CS2026-HQ-0001-P1 --as zhao.min"
    )]
    HandOff {
        /// Number of the package, or of its request
        no: String,
        #[command(flatten)]
        by: By,
    },
    Recall(Recall),
    /// Show a package with all that happened to it
    #[command(after_help = "Example: countersign package show CS2026-HQ-0001-P1 --as zhao.min")]
    Show {
        /// Number of the package, or of its request
        no: String,
        #[command(flatten)]
        by: By,
    },
    Destroyed(Destroyed),
}

/// Record the vendor's attestation that it destroyed what it was given
#[derive(Debug, Args)]
#[command(
    after_help = "Example: countersign package destroyed CS2026-HQ-0001-P1 --on 2027-01-20 --reference HT-9/3 --as zhao.min"
)]
pub struct Destroyed {
    /// Number of the package, or of its request
    no: String,
    /// The day on the attestation
    #[arg(long, value_name = "DAY", value_parser = parse_date)]
    on: jiff::civil::Date,
    /// Its reference
    #[arg(long)]
    reference: String,
    #[command(flatten)]
    by: By,
}

/// Recall a package: its key is destroyed, and what is still here is noise
#[derive(Debug, Args)]
#[command(
    after_help = "Example: countersign package recall CS2026-HQ-0001-P1 --reason 'wrong dates' --as liu.yang"
)]
pub struct Recall {
    /// Number of the package, or of its request
    no: String,
    /// Why, kept sealed beside the log
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    by: By,
}

impl Package {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Package::List { by } => {
                let packages = context.desk(by).await?.package_list().await?;
                context.out.answer(&json!({ "items": packages }), || readable(&packages));
            }
            Package::Download { no, out, by } => {
                super::init::make_folder(&out)?;
                let (no, got) = context.desk(by).await?.package_download(&no, &out).await?;
                context.out.say(format!("{} rows. Give the file and its manifest to the vendor, then `countersign package hand-off {no}`.", got.rows));
                let paths: Vec<String> = got.parts.iter().map(|path| path.display().to_string()).collect();
                let mut answer = json!({
                    "path": got.path.display().to_string(), "manifest": got.manifest.display().to_string(),
                    "sha256": got.sha256, "rows": got.rows,
                });
                if paths.len() > 1 {
                    answer["paths"] = json!(paths);
                }
                context.out.answer(&answer, || paths.join("\n"));
            }
            Package::HandOff { no, by } => {
                let no = context.desk(by).await?.package_hand_off(&no).await?;
                context.out.done(format!("The hand-off of {no} is recorded."));
            }
            Package::Show { no, by } => {
                let package = context.desk(by).await?.package_show(&no).await?;
                context.out.answer(&package, || readable(&package));
            }
            Package::Destroyed(Destroyed { no, on, reference, by }) => {
                let no = context.desk(by).await?.package_destroyed(&no, on, &reference).await?;
                context.out.done(format!("The vendor's attestation for {no} is recorded."));
            }
            Package::Recall(Recall { no, reason, by }) => {
                let no = context.desk(by).await?.package_recall(&no, &reason).await?;
                context.out.done(format!("{no} is recalled; its key is destroyed."));
            }
        }
        Ok(())
    }
}

/// What execution made, with the exact waterfall.
pub(super) fn told_execution(context: &Context, made: &Executed) {
    context.out.say(waterfall(made));
    let excluded: serde_json::Map<String, serde_json::Value> = made
        .excluded
        .iter()
        .filter(|(_, n)| **n > 0)
        .map(|(why, n)| (why.code().to_owned(), json!(n)))
        .collect();
    let mut answer = json!({
        "package": made.package, "rows": made.rows, "selected": made.selected,
        "excluded": excluded, "sha256": made.sha256,
    });
    if made.parts.len() > 1 {
        answer["parts"] = json!(made.parts);
    }
    context.out.answer(&answer, || made.package.to_string());
}

/// `selected`, each exclusion, `rows`, one under the other.
pub(super) fn waterfall(made: &Executed) -> String {
    let mut rows = vec![vec!["selected".to_owned(), made.selected.to_string()]];
    let excluded = made.excluded.iter().filter(|(_, n)| **n > 0);
    rows.extend(excluded.map(|(why, n)| vec![format!("- {why}"), n.to_string()]));
    rows.push(vec!["rows".to_owned(), made.rows.to_string()]);
    table(&["", "members"], &rows)
}
