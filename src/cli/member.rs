//! `member`: files of members, and one member at a time.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};

use super::out::readable;
use super::reveal::{Correct, Reveal};
use super::secrets::{read_card, stdin_line};
use super::{Context, Failure, Who, open_input};
use crate::broker::imports::{Counts, ImportOptions, ImportReport};
use crate::broker::members::Subject;
use crate::model::field::Index;

/// Members: import, look-up, reveal, correct, erase
#[derive(Debug, Subcommand)]
pub enum Member {
    Import(Import),
    /// Find a member by an exact value from standard input; shown masked
    #[command(
        name = "look-up",
        after_help = "Example: countersign member look-up --by mobile --as he.fang < mobile.txt"
    )]
    LookUp {
        /// What the value is: card, mobile or email
        #[arg(long, value_parser = index, default_value = "mobile")]
        by: Index,
        #[command(flatten)]
        who: Who,
    },
    /// Show a member, masked
    #[command(after_help = "Example: countersign member show 88000001 --as he.fang")]
    Show {
        /// Card number; left out or -: from standard input
        card: Option<String>,
        #[command(flatten)]
        who: Who,
    },
    Reveal(Reveal),
    Correct(Correct),
    /// Erase a member for good: the data key is destroyed; prints a case number
    #[command(
        after_help = "Example: countersign member erase 88000001 --reason 'letter of 3 May' --as liu.yang"
    )]
    Erase {
        /// Card number; left out or -: from standard input
        card: Option<String>,
        /// Why, kept sealed beside the log
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        who: Who,
    },
    /// Who saw a member's data, and in which packages it left
    #[command(
        name = "who-saw",
        after_help = "Example: countersign member who-saw 88000001 --as liu.yang\n\
                                              Example: countersign member who-saw --case ER2026-0001 --as wu.jun"
    )]
    WhoSaw {
        /// Card number; left out or -: from standard input
        #[arg(conflicts_with = "case")]
        card: Option<String>,
        /// The case number of an erased member
        #[arg(long, value_name = "NO")]
        case: Option<String>,
        #[command(flatten)]
        who: Who,
    },
}

/// Import members from a CSV file; a row that is wrong never stops the file
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign member import members.csv --errors wrong.csv --as liu.yang\n\
                        UTF-8, UTF-16 or GB18030; comma, tab or semicolon; Chinese or English headers. The card number \
                        says which member a row is. A yes in a file never lifts a refusal.")]
pub struct Import {
    /// The file, or - for standard input
    file: PathBuf,
    /// Check the file and store nothing
    #[arg(long)]
    dry_run: bool,
    /// Write what is wrong, line by line, to this file (it holds no personal value)
    #[arg(long, value_name = "OUT.csv")]
    errors: Option<PathBuf>,
    #[command(flatten)]
    who: Who,
}

fn index(text: &str) -> Result<Index, String> {
    match text {
        "card" => Ok(Index::Card),
        "mobile" => Ok(Index::Mobile),
        "email" => Ok(Index::Email),
        _ => Err("card, mobile or email".to_owned()),
    }
}

impl Member {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Member::Import(import) => return import.run(context).await,
            Member::LookUp { by, who } => {
                let (broker, step) = context.enter(&who).await?;
                let value = stdin_line(by.code())?;
                let found = broker.member_look_up(step.caller(), by, &value).await?;
                context.out.say(format!("{} found.", found.len()));
                context.out.answer(&json!({ "items": found }), || readable(&found));
            }
            Member::Show { card, who } => {
                let (broker, step) = context.enter(&who).await?;
                let shown = broker.member_show(step.caller(), &read_card(card)?).await?;
                context.out.answer(&shown, || readable(&shown));
            }
            Member::Reveal(reveal) => return reveal.run(context).await,
            Member::Correct(correct) => return correct.run(context).await,
            Member::Erase { card, reason, who } => {
                let (broker, step) = context.enter(&who).await?;
                let case = broker.member_erase(step.caller(), &read_card(card)?, &reason).await?;
                context.out.say("Erased. The case number answers later questions:");
                context.out.answer(&json!({ "case": case }), || case.clone());
            }
            Member::WhoSaw { card, case, who } => {
                let (broker, step) = context.enter(&who).await?;
                let subject =
                    case.map_or_else(|| read_card(card).map(Subject::Card), |no| Ok(Subject::Case(no)))?;
                let saw = broker.member_who_saw(step.caller(), subject).await?;
                context.out.answer(&saw, || readable(&saw));
            }
        }
        Ok(())
    }
}

impl Import {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let Import { file, dry_run, errors, who } = self;
        let input = open_input(&file)?;
        let (broker, step) = context.enter(&who).await?;
        let progress = context.out.progress("rows");
        let options = ImportOptions {
            dry_run,
            errors: errors.as_deref().map(errors_file).transpose()?,
            progress: &|at| progress.at(at.rows, 0),
        };
        let report = broker.member_import(step.caller(), input, options).await?;
        drop(progress);
        if dry_run {
            context
                .out
                .say("A dry run: nothing was stored. Shared contact points are counted by the import.");
        }
        tell(context, &report.warnings, report.counts.rejected, errors.as_deref());
        context.out.answer(&with_errors_file(&report, errors.as_deref()), || counts(&report));
        Ok(())
    }
}

/// A file for what is wrong; an older one is written over.
pub(super) fn errors_file(path: &Path) -> Result<Box<dyn Write + Send>, Failure> {
    let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path);
    let file = file.map_err(|cause| Failure::file(format!("the errors file {}", path.display()), cause))?;
    Ok(Box::new(BufWriter::new(file)))
}

/// The report in the contract's keys.
pub(super) fn with_errors_file(report: &impl Serialize, errors: Option<&Path>) -> Value {
    let mut value = serde_json::to_value(report).unwrap_or_else(|_| json!({}));
    if let Value::Object(map) = &mut value {
        map.insert("errors_file".to_owned(), json!(errors.map(|path| path.display().to_string())));
    }
    value
}

/// What a report leaves for people to look at: unread columns, and rejected rows.
pub(super) fn tell(context: &Context, warnings: &[String], rejected: u64, errors: Option<&Path>) {
    warnings.iter().for_each(|warning| context.out.warn(warning));
    if rejected > 0 {
        let why = errors.map_or_else(
            || "run it again with --errors OUT.csv to see why".to_owned(),
            |path| format!("{} says why", path.display()),
        );
        context.out.say(format!("{rejected} rows were rejected; {why}."));
    }
}

pub(super) fn counts(report: &ImportReport) -> String {
    let Counts { read, created, updated, unchanged, rejected, kept, .. } = &report.counts;
    format!(
        "read {read}: created {created}, updated {updated}, unchanged {unchanged}, rejected {rejected}; cells kept {kept}"
    )
}
