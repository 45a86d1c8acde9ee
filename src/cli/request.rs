//! `request`: from a draft to a fully signed request, and its execution.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::out::{readable, table};
use super::package::told_execution;
use super::{Context, Failure, Who, read_text};
use crate::broker::executing::MOST_PARTS;
use crate::broker::requests::Sentence;
use crate::broker::showing::{Preview, RequestLine};
use crate::broker::{Broker, Caller};
use crate::model::ids::{Digest, RequestNo};

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
        who: Who,
    },
    /// Replace a draft's form; a submitted request's signatures are void with it
    #[command(after_help = "Example: countersign request revise CS2026-HQ-0001 request.toml --as li.na")]
    Revise {
        /// Number
        no: RequestNo,
        /// The form
        file: PathBuf,
        #[command(flatten)]
        who: Who,
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
    /// Send it back to the requester, with a comment
    #[command(
        after_help = "Example: countersign request return CS2026-HQ-0001 --comment 'dates?' --as wang.qiang"
    )]
    Return(MustComment),
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
        #[command(flatten)]
        who: Who,
    },
}

/// One request.
#[derive(Debug, Args)]
pub struct One {
    /// Number
    no: RequestNo,
    #[command(flatten)]
    who: Who,
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
    who: Who,
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
    who: Who,
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
    who: Who,
}

impl Request {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let out = &context.out;
        match self {
            Request::Draft { file, who } => {
                let text = read_text(&file)?;
                let (broker, step) = context.enter(&who).await?;
                let no = broker.request_draft(step.caller(), &text).await?;
                out.say(format!("Drafted. Next: `countersign request preview {no}`, then submit."));
                out.answer(&json!({ "no": no }), || no.to_string());
            }
            Request::Revise { no, file, who } => {
                let text = read_text(&file)?;
                let (broker, step) = context.enter(&who).await?;
                broker.request_revise(step.caller(), &no, &text).await?;
                out.done(format!("{no} is changed; submit it (again)."));
            }
            Request::Preview(One { no, who }) => {
                let (broker, step) = context.enter(&who).await?;
                let preview = broker.request_preview(step.caller(), &no).await?;
                out.answer(&preview, || waterfall(&preview));
            }
            Request::Submit(One { no, who }) => submit(context, no, &who).await?,
            Request::Show(One { no, who }) => {
                let (broker, step) = context.enter(&who).await?;
                let shown = broker.request_show(step.caller(), &no).await?;
                out.answer(&shown, || readable(&shown));
            }
            Request::Sign(Commented { no, comment, who }) => {
                let (broker, step) = context.enter(&who).await?;
                let seen = tell_sentence(context, &broker, step.caller(), &no).await?;
                let signed = broker.request_sign(step, &no, comment.as_deref(), Some(seen)).await?;
                out.say(format!("Signed: step {signed} of {no}."));
                out.answer(&json!({ "no": no, "step": signed }), String::new);
            }
            Request::Return(MustComment { no, comment, who }) => {
                let (broker, step) = context.enter(&who).await?;
                broker.request_return(step, &no, &comment).await?;
                out.done(format!("{no} goes back to its requester."));
            }
            Request::Reject(MustComment { no, comment, who }) => {
                let (broker, step) = context.enter(&who).await?;
                broker.request_reject(step, &no, &comment).await?;
                out.done(format!("{no} is rejected."));
            }
            Request::Recall(Commented { no, comment, who }) => {
                let (broker, step) = context.enter(&who).await?;
                broker.request_recall(step, &no, comment.as_deref()).await?;
                out.done(format!("{no} is taken back."));
            }
            Request::Execute(Execute { no, parts, who }) => {
                let (broker, step) = context.enter(&who).await?;
                let progress = out.progress("members");
                let progress_at = |done, of| progress.at(done, of);
                let executed = broker.request_execute_in(step, &no, parts, &progress_at).await?;
                drop(progress);
                out.say(format!(
                    "Next: its receiver runs `countersign package download {}`.",
                    executed.package
                ));
                told_execution(context, &executed);
            }
            Request::List { who } => {
                let (broker, step) = context.enter(&who).await?;
                let requests = broker.request_list(step.caller()).await?;
                out.answer(&json!({ "items": requests }), || listed(&requests));
            }
        }
        Ok(())
    }
}

async fn submit(context: &Context, no: RequestNo, who: &Who) -> Result<(), Failure> {
    let (broker, step) = context.enter(who).await?;
    let submitted = broker.request_submit(step, &no).await?;
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
async fn tell_sentence(
    context: &Context,
    broker: &Broker,
    caller: &Caller,
    no: &RequestNo,
) -> Result<Digest, Failure> {
    let Sentence { zh, en, digest } = broker.request_sentence(caller, no).await?;
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
