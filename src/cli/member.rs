//! `member`: files of members, and one member at a time.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::out::readable;
use super::reveal::{Correct, Reveal};
use super::secrets::{read_card, stdin_line};
use super::{By, Context, Failure, Who, open_input};
use crate::broker::imports::{Counts, ImportReport};
use crate::broker::members::Subject;
use crate::intake::form::MemberForm;
use crate::model::field::Index;

/// Bytes of a form.
const FORM: usize = 64 * 1024;

/// Members: import, look-up, reveal, correct, erase
#[derive(Debug, Subcommand)]
pub enum Member {
    Import(Import),
    Add(Add),
    /// Find a member by an exact value from standard input; shown masked
    #[command(
        name = "look-up",
        after_help = "Example: countersign member look-up --by mobile --as he.fang < mobile.txt"
    )]
    LookUp {
        /// What the value is: card, mobile or email
        #[arg(long = "by", value_name = "BY", value_parser = index, default_value = "mobile")]
        index: Index,
        #[command(flatten)]
        by: By,
    },
    /// Show a member, masked
    #[command(after_help = "Example: countersign member show 88000001 --as he.fang")]
    Show {
        /// Card number; left out or -: from standard input
        card: Option<String>,
        #[command(flatten)]
        by: By,
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
        by: By,
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
        by: By,
    },
}

/// Import members from a CSV file or a workbook (xlsx); a row that is wrong never stops the file
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign member import members.csv --errors wrong.csv --as liu.yang\n\
                        xlsx, or text in UTF-8, UTF-16 or GB18030 with comma, tab or semicolon; Chinese or English headers. The card number \
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
    by: By,
}

/// Add one member from the form filled in at the counter; shown masked
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign member add form.json --as he.fang\n\
                        The form is JSON, named as the columns of a member file; docs/operations.md shows one. Every \
                        consent is true or false, covenant and notice are named by their versions.")]
pub struct Add {
    /// The form, or - for standard input
    form: PathBuf,
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
            Member::Add(add) => return add.run(context).await,
            Member::LookUp { index, by } => {
                let desk = context.desk(by).await?;
                let value = stdin_line(index.code())?;
                let found = desk.member_look_up(index, &value).await?;
                context.out.say(format!("{} found.", found.as_array().map_or(0, Vec::len)));
                context.out.answer(&json!({ "items": found }), || readable(&found));
            }
            Member::Show { card, by } => {
                let desk = context.desk(by).await?;
                let shown = desk.member_show(&read_card(card)?).await?;
                context.out.answer(&shown, || readable(&shown));
            }
            Member::Reveal(reveal) => return reveal.run(context).await,
            Member::Correct(correct) => return correct.run(context).await,
            Member::Erase { card, reason, by } => {
                let desk = context.desk(by).await?;
                let case = desk.member_erase(&read_card(card)?, &reason).await?;
                context.out.say("Erased. The case number answers later questions:");
                context.out.answer(&json!({ "case": case }), || case.clone());
            }
            Member::WhoSaw { card, case, by } => {
                let desk = context.desk(by).await?;
                let subject =
                    case.map_or_else(|| read_card(card).map(Subject::Card), |no| Ok(Subject::Case(no)))?;
                let saw = desk.member_who_saw(subject).await?;
                context.out.answer(&saw, || readable(&saw));
            }
        }
        Ok(())
    }
}

impl Add {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let form = read_form(open_input(&self.form)?)?;
        let (broker, step) = context.enter(&self.who).await?;
        let added = broker.member_add(step.caller(), &form).await?;
        for index in &added.shared {
            context.out.warn(format!("another member has the same {index}"));
        }
        context.out.answer(&added, || readable(&added.member));
        Ok(())
    }
}

/// The form as JSON. What is wrong is told by its place, never by what stands there.
fn read_form(input: impl Read) -> Result<MemberForm, Failure> {
    let mut text = Zeroizing::new(Vec::with_capacity(FORM));
    let read = input.take(FORM as u64).read_to_end(&mut text);
    read.map_err(|cause| Failure::file("the form", cause))?;
    serde_json::from_slice(&text).map_err(|e| {
        let place = format!("the form is not one (line {}, column {})", e.line(), e.column());
        Failure::input("bad_body", place, "a JSON object named as the columns of a member file")
    })
}

impl Import {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let Import { file, dry_run, errors, by } = self;
        let input = open_input(&file)?;
        let desk = context.desk(by).await?;
        let wrong = errors.as_deref().map(errors_file).transpose()?;
        let report = desk.member_import(input, dry_run, wrong, &context.out).await?;
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
