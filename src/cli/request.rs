//! `request`: from a draft to a fully signed request, and its execution.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::desk::Desk;
use super::out::{readable, table};
use super::package::told_execution;
use super::{By, Context, Failure, read_text};
use crate::broker::executing::MOST_PARTS;
use crate::broker::requests::Sentence;
use crate::broker::showing::{Filter, Mine, Preview, RequestLine, Status};
use crate::model::code::Step;
use crate::model::ids::{Digest, Login, RequestNo, UnitCode};

/// Ask for a list, sign it, execute it
#[derive(Debug, Subcommand)]
pub enum Request {
    /// Draft a request from a form; prints its number
    #[command(after_help = "Example: countersign request draft request.toml --as li.na\n\
                            The form's shape: docs/examples/request.toml.")]
    Draft {
        /// The form
        file: PathBuf,
        #[command(flatten)]
        by: By,
    },
    /// Replace a draft's form; a submitted request's signatures are void with it
    #[command(after_help = "Example: countersign request revise CS2026-HQ-0001 request.toml --as li.na")]
    Revise {
        /// Number
        no: RequestNo,
        /// The form
        file: PathBuf,
        #[command(flatten)]
        by: By,
    },
    /// What the selection would come to now, in tens
    #[command(after_help = "Example: countersign request preview CS2026-HQ-0001 --as li.na")]
    Preview(One),
    /// Submit for the chain, as the unit's information officer
    #[command(after_help = "Example: countersign request submit CS2026-HQ-0001 --as li.na")]
    Submit(One),
    /// Show a request, its signatures and where it stands
    #[command(after_help = "Example: countersign request show CS2026-HQ-0001 --as li.na")]
    Show(One),
    /// Countersign: the sentence that is signed is shown first
    #[command(after_help = "Example: countersign request sign CS2026-HQ-0001 --as wang.qiang")]
    Sign(Commented),
    /// Send it back to the requester, or to an earlier step, with a comment
    #[command(
        after_help = "Example: countersign request return CS2026-HQ-0001 --comment 'dates?' --as wang.qiang"
    )]
    Return(Back),
    /// Hand the step that waits for you to a deputy, who may hold it too
    #[command(
        after_help = "Example: countersign request transfer CS2026-HQ-0001 --to wu.lei --as wang.qiang"
    )]
    Transfer(Transfer),
    /// Remind whoever holds it, at most once a day
    #[command(after_help = "Example: countersign request remind CS2026-HQ-0001 --as li.na")]
    Remind(One),
    /// Let a person see it, whatever their roles
    #[command(after_help = "Example: countersign request cc CS2026-HQ-0001 --to he.fang --as li.na")]
    Cc(Cc),
    /// Draft a new request with the form of this one; prints its number
    #[command(after_help = "Example: countersign request repeat CS2026-HQ-0001 --as li.na")]
    Repeat(One),
    /// Refuse it for good, with a comment
    #[command(
        after_help = "Example: countersign request reject CS2026-HQ-0001 --comment 'no need' --as wang.qiang"
    )]
    Reject(MustComment),
    /// Take it back, as its requester
    #[command(after_help = "Example: countersign request recall CS2026-HQ-0001 --as li.na")]
    Recall(Commented),
    /// Make the package of a fully signed request, as the executor
    #[command(after_help = "Example: countersign request execute CS2026-HQ-0001 --as sun.lei\n\
                            In parts, each is a file of its own, and every `countersign worker` helps.")]
    Execute(Execute),
    /// List the requests you may see, with their present holder and age
    #[command(after_help = "Example: countersign request list --as li.na")]
    List {
        /// Standing so: draft, waiting, signed, executed, ended, expired or void
        #[arg(long, value_parser = Status::parse)]
        status: Option<Status>,
        /// What they are to you: todo, started, done or cc
        #[arg(long, value_parser = Mine::parse)]
        mine: Option<Mine>,
        /// Of this unit
        #[arg(long)]
        unit: Option<UnitCode>,
        #[command(flatten)]
        by: By,
    },
}

/// One request.
#[derive(Debug, Args)]
pub struct One {
    /// Number
    no: RequestNo,
    #[command(flatten)]
    by: By,
}

/// One request, and in how many files it goes out.
#[derive(Debug, Args)]
pub struct Execute {
    /// Number
    no: RequestNo,
    /// Parts of the package, each a file of its own; one when left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_PARTS)))]
    parts: Option<u32>,
    #[command(flatten)]
    by: By,
}

/// One request, and something to say if one likes.
#[derive(Debug, Args)]
pub struct Commented {
    /// Number
    no: RequestNo,
    /// Signed with it
    #[arg(long)]
    comment: Option<String>,
    #[command(flatten)]
    by: By,
}

/// One request, why it goes back, and how far.
#[derive(Debug, Args)]
pub struct Back {
    /// Number
    no: RequestNo,
    /// Why; signed with it
    #[arg(long)]
    comment: String,
    /// An earlier step, to be signed again from there; left out: to the requester, and the round ends
    #[arg(long, value_name = "STEP", value_parser = Step::parse)]
    to: Option<Step>,
    #[command(flatten)]
    by: By,
}

/// One request, and who takes its step.
#[derive(Debug, Args)]
pub struct Transfer {
    /// Number
    no: RequestNo,
    /// The deputy's login
    #[arg(long, value_name = "LOGIN")]
    to: Login,
    /// Signed with it
    #[arg(long)]
    comment: Option<String>,
    #[command(flatten)]
    by: By,
}

/// One request, and who may see it.
#[derive(Debug, Args)]
pub struct Cc {
    /// Number
    no: RequestNo,
    /// Whom it is copied to
    #[arg(long, value_name = "LOGIN")]
    to: Login,
    #[command(flatten)]
    by: By,
}

/// One request, and why.
#[derive(Debug, Args)]
pub struct MustComment {
    /// Number
    no: RequestNo,
    /// Why; signed with it
    #[arg(long)]
    comment: String,
    #[command(flatten)]
    by: By,
}

impl Request {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let out = &context.out;
        match self {
            Request::Draft { file, by } => {
                let text = read_text(&file)?;
                let no = context.desk(by).await?.request_draft(&text).await?;
                out.say(format!("Drafted. Next: `countersign request preview {no}`, then submit."));
                out.answer(&json!({ "no": no }), || no.to_string());
            }
            Request::Revise { no, file, by } => {
                let text = read_text(&file)?;
                context.desk(by).await?.request_revise(&no, &text).await?;
                out.done(format!("{no} is changed; submit it (again)."));
            }
            Request::Preview(One { no, by }) => {
                let preview = context.desk(by).await?.request_preview(&no).await?;
                out.answer(&preview, || waterfall(&preview));
            }
            Request::Submit(One { no, by }) => submit(context, no, by).await?,
            Request::Show(One { no, by }) => {
                let shown = context.desk(by).await?.request_show(&no).await?;
                out.answer(&shown, || readable(&shown));
            }
            Request::Sign(Commented { no, comment, by }) => {
                let desk = context.desk(by).await?;
                let seen = tell_sentence(context, &desk, &no).await?;
                let signed = desk.request_sign(&no, comment.as_deref(), seen).await?;
                out.say(format!("Signed: step {signed} of {no}."));
                out.answer(&json!({ "no": no, "step": signed }), String::new);
            }
            Request::Return(Back { no, comment, to, by }) => {
                context.desk(by).await?.request_return(&no, to, &comment).await?;
                let to = to.map_or_else(|| "its requester".to_owned(), |step| format!("the step {step}"));
                out.done(format!("{no} goes back to {to}."));
            }
            Request::Transfer(Transfer { no, to, comment, by }) => {
                let desk = context.desk(by).await?;
                let step = desk.request_transfer(&no, &to, comment.as_deref()).await?;
                out.done(format!("Step {step} of {no} is {to}'s now."));
            }
            Request::Remind(One { no, by }) => {
                let reminded = context.desk(by).await?.request_remind(&no).await?;
                out.answer(&json!({ "reminded": reminded }), || logins(&reminded));
            }
            Request::Cc(Cc { no, to, by }) => {
                context.desk(by).await?.request_cc(&no, &to).await?;
                out.done(format!("{to} may see {no}."));
            }
            Request::Repeat(One { no, by }) => {
                let new = context.desk(by).await?.request_repeat(&no).await?;
                out.answer(&json!({ "no": new }), || new.to_string());
            }
            Request::Reject(MustComment { no, comment, by }) => {
                context.desk(by).await?.request_reject(&no, &comment).await?;
                out.done(format!("{no} is rejected."));
            }
            Request::Recall(Commented { no, comment, by }) => {
                context.desk(by).await?.request_recall(&no, comment.as_deref()).await?;
                out.done(format!("{no} is taken back."));
            }
            Request::Execute(Execute { no, parts, by }) => {
                let desk = context.desk(by).await?;
                let progress = out.progress("members");
                let progress_at = |done, of| progress.at(done, of);
                let executed = desk.request_execute(&no, parts, &progress_at).await?;
                drop(progress);
                out.say(format!(
                    "Next: its receiver runs `countersign package download {}`.",
                    executed.package
                ));
                told_execution(context, &executed);
            }
            Request::List { status, mine, unit, by } => {
                let filter = Filter { status, mine, unit };
                let requests = context.desk(by).await?.request_list(&filter).await?;
                out.answer(&json!({ "items": requests }), || listed(&requests));
            }
        }
        Ok(())
    }
}

fn logins(people: &[Login]) -> String {
    people.iter().map(Login::as_str).collect::<Vec<_>>().join("\n")
}

async fn submit(context: &Context, no: RequestNo, by: By) -> Result<(), Failure> {
    let submitted = context.desk(by).await?.request_submit(&no).await?;
    context.out.say(&submitted.sentence_zh);
    context.out.say(&submitted.sentence_en);
    let digest = submitted.digest.to_string();
    context.out.say(format!("Submitted, round {}; digest {}.", submitted.round, submitted.digest.short()));
    let answer = json!({
        "no": no, "round": submitted.round, "digest": digest,
        "sentence_zh": submitted.sentence_zh, "sentence_en": submitted.sentence_en,
    });
    context.out.answer(&answer, || digest.clone());
    Ok(())
}

/// What is about to be signed, in both languages, with the short digest (design, Requests). What is signed
/// then is that very digest.
async fn tell_sentence(context: &Context, desk: &Desk, no: &RequestNo) -> Result<Digest, Failure> {
    let Sentence { zh, en, digest } = desk.request_sentence(no).await?;
    context.out.say(format!("{zh} [{}]", digest.short()));
    context.out.say(format!("{en} [{}]", digest.short()));
    Ok(digest)
}

fn waterfall(preview: &Preview) -> String {
    let mut rows = vec![vec!["selected".to_owned(), preview.selected.clone()]];
    for (reasons, count) in &preview.excluded {
        let reasons: Vec<&str> = reasons.iter().map(|r| r.code()).collect();
        rows.push(vec![format!("- {}", reasons.join(", ")), count.clone()]);
    }
    rows.push(vec!["rows".to_owned(), preview.rows.clone()]);
    table(&["", "about"], &rows)
}

fn listed(requests: &[RequestLine]) -> String {
    let rows: Vec<Vec<String>> = requests
        .iter()
        .map(|r| {
            let holder: Vec<&str> = r.holder.iter().map(|login| login.as_str()).collect();
            let holder = if holder.is_empty() { "-".to_owned() } else { holder.join(", ") };
            vec![
                r.no.to_string(),
                r.unit.to_string(),
                r.campaign.clone(),
                r.standing.clone(),
                holder,
                format!("{} d", r.age_days),
            ]
        })
        .collect();
    table(&["number", "unit", "campaign", "standing", "holder", "age"], &rows)
}
