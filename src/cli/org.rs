//! `org apply`: units, people and roles as a file says they should be.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use super::{Context, Failure, Who, read_text, secrets};
use crate::broker::enrolling::Invited;
use crate::broker::{Broker, Caller};
use crate::clock::rfc3339;
use crate::model::org::PersonSpec;
use crate::store::proposals::ProposalRow;

/// Units, people and roles
#[derive(Debug, Subcommand)]
pub enum Org {
    /// Make units, people and roles what a file says; twice changes nothing
    #[command(after_help = "Example: countersign org apply org.toml --as zhou.jie --dry-run\n\
                            The file's shape: docs/examples/org.toml. A person new in it gets the password of their \
                            password_file, or a one-time code on standard output.")]
    Apply {
        /// The file
        file: PathBuf,
        /// Only print what would change
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        who: Who,
    },
    /// List the changes that wait for a second administrator
    #[command(after_help = "Example: countersign org proposals --as zheng.tao")]
    Proposals {
        #[command(flatten)]
        who: Who,
    },
    /// Second what another administrator proposed: it is done with that; a reset prints the new code
    #[command(after_help = "Example: countersign org second 3 --as zheng.tao")]
    Second {
        /// The proposal's number
        id: i64,
        #[command(flatten)]
        who: Who,
    },
    /// Take a proposal back
    #[command(after_help = "Example: countersign org withdraw 3 --as zhou.jie")]
    Withdraw {
        /// The proposal's number
        id: i64,
        #[command(flatten)]
        who: Who,
    },
}

impl Org {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Org::Apply { file, dry_run, who } => apply(context, &file, dry_run, &who).await,
            Org::Proposals { who } => proposals(context, &who).await,
            Org::Second { id, who } => second(context, id, &who).await,
            Org::Withdraw { id, who } => {
                let (broker, step) = context.enter(&who).await?;
                broker.proposal_withdraw(step.caller(), id).await?;
                context.out.done(format!("Proposal {id} is withdrawn."));
                Ok(())
            }
        }
    }
}

async fn apply(context: &Context, file: &Path, dry_run: bool, who: &Who) -> Result<(), Failure> {
    let text = read_text(file)?;
    let (broker, step) = context.enter(who).await?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let change = broker.org_apply(step.caller(), &text, dry_run).await?;
    change.lines.iter().for_each(|line| context.out.say(line));
    for unit in &change.gaps {
        context
            .out
            .warn(format!("{unit} has no information officer and cannot submit requests [A4a (Art 4)]"));
    }
    let (mut codes, mut failed) = (Vec::new(), None);
    for person in change.unenrolled.iter().filter(|_| change.proposal.is_none()) {
        if dry_run {
            let file = person.password_file.as_ref().map(|file| folder.join(file));
            if let Some(path) = file.filter(|path| !path.exists()) {
                context.out.warn(format!("there is no password file {}", path.display()));
            }
            continue;
        }
        // It is stored already: a code that was made for one is told, whatever is wrong with another.
        match enrol(context, &broker, step.caller(), person, folder).await {
            Ok(code) => codes.extend(code),
            Err(failure) => failed = failed.or(Some(failure)),
        }
    }
    context.out.say(match (change.lines.len(), dry_run, change.proposal) {
        (0, _, _) => "Nothing changes.".to_owned(),
        (n, true, _) => format!("{n} changes; nothing was stored."),
        (n, _, None) => format!("{n} changes stored."),
        (n, _, Some(id)) => format!("{n} changes proposed. {}", to_second(id)),
    });
    let codes_json: Vec<_> =
        codes.iter().map(|(login, code)| json!({ "login": login, "code": code })).collect();
    let answer = json!({
        "changes": change.lines, "gaps": change.gaps, "codes": codes_json, "dry_run": dry_run,
        "proposal": change.proposal,
    });
    context.out.answer(&answer, || codes.iter().map(|(login, code)| format!("{login}\t{code}\n")).collect());
    failed.map_or(Ok(()), Err)
}

/// What the administrator does next with a proposal.
pub(super) fn to_second(id: i64) -> String {
    format!("Next: another administrator runs `countersign org second {id}` within three days.")
}

async fn proposals(context: &Context, who: &Who) -> Result<(), Failure> {
    let (broker, step) = context.enter(who).await?;
    let waiting = broker.proposals(step.caller()).await?;
    let shown = waiting.iter().map(|p| {
        json!({
            "id": p.id, "kind": p.kind, "changes": p.changes.lines().collect::<Vec<_>>(), "digest": p.digest,
            "proposed_by": p.proposed_by, "expires_at": rfc3339(p.expires_at),
        })
    });
    let answer = json!({ "proposals": shown.collect::<Vec<_>>() });
    context.out.answer(&answer, || {
        let line = |p: &ProposalRow| {
            let changes: String = p.changes.lines().map(|line| format!("  {line}\n")).collect();
            format!("{} {} by {}, until {}\n{changes}", p.id, p.kind, p.proposed_by, rfc3339(p.expires_at))
        };
        waiting.iter().map(line).collect()
    });
    Ok(())
}

async fn second(context: &Context, id: i64, who: &Who) -> Result<(), Failure> {
    let (broker, step) = context.enter(who).await?;
    let done = broker.proposal_second(step, id).await?;
    done.lines.iter().for_each(|line| context.out.say(line));
    for login in &done.unenrolled {
        context.out.say(format!("{login} has no key yet; next: `countersign person enrol {login}`"));
    }
    if let Some((login, _)) = &done.code {
        context.out.say(format!("Hand this code to {login}; it is good once, for three days:"));
    }
    let (login, code) = done.code.as_ref().map(|(login, code)| (login, code.as_str())).unzip();
    let answer =
        json!({ "changes": done.lines, "unenrolled": done.unenrolled, "login": login, "code": code });
    context.out.answer(&answer, || code.map(str::to_owned).unwrap_or_default());
    Ok(())
}

/// Enrols a person with the password of the file, or issues a code: `(login, code)`.
async fn enrol(
    context: &Context,
    broker: &Broker,
    caller: &Caller,
    person: &PersonSpec,
    folder: &Path,
) -> Result<Option<(String, String)>, Failure> {
    let Some(file) = &person.password_file else {
        // A code is for handing over: printing it is what it is made for.
        return Ok(match broker.invite(caller, &person.login).await? {
            Invited::Code(code) => {
                let login = &person.login;
                context.out.say(format!("{login} enrols with a one-time code, good for three days"));
                Some((login.to_string(), code.to_string()))
            }
            Invited::Proposed(id) => {
                context.out.say(to_second(id));
                None
            }
        });
    };
    let password = secrets::from_file(&folder.join(file), "password", &context.out)?;
    broker.enrol_scripted(caller, &person.login, &password, None).await?;
    context.out.say(format!("{} is enrolled; next: `countersign person undertake {0}`", person.login));
    Ok(None)
}
