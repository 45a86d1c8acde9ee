//! `policy`: what is in force, and changing it by two people.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Context, Failure, Who};
use crate::broker::policies::PolicyShown;
use crate::clock::{Micros, parse_rfc3339, rfc3339};
use crate::model::ids::Digest;
use crate::policy::{PolicyFiles, run_tests};

/// Rules: who may do what, what a channel carries, who signs
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Show the version in force and the history
    #[command(after_help = "Example: countersign policy show --as zhou.jie > policy.txt")]
    Show {
        #[command(flatten)]
        who: Who,
    },
    /// Read a folder of policy files and run its tests; needs no vault
    #[command(after_help = "Example: countersign policy check ./policies")]
    Check {
        /// The folder
        folder: PathBuf,
    },
    Propose(Propose),
    /// Second a version that another person proposed; it holds from its day on
    #[command(after_help = "Example: countersign policy second 2 --as zheng.tao")]
    Second {
        /// The version's number
        id: i64,
        #[command(flatten)]
        who: Who,
    },
}

/// Propose a folder of policy files as a new version; another person must second it
#[derive(Debug, Args)]
#[command(
    after_help = "Example: countersign policy propose ./policies --as zhou.jie --effective-at 2027-01-01T00:00:00+08:00"
)]
pub struct Propose {
    /// The folder
    folder: PathBuf,
    /// From when it holds (RFC 3339); left out: once it is seconded
    #[arg(long, value_name = "TIME", value_parser = instant)]
    effective_at: Option<Micros>,
    #[command(flatten)]
    who: Who,
}

fn instant(text: &str) -> Result<Micros, String> {
    parse_rfc3339(text).ok_or_else(|| "a time like 2027-01-01T00:00:00+08:00".to_owned())
}

impl Policy {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Policy::Show { who } => {
                let (broker, step) = context.enter(&who).await?;
                let policy = broker.policy_show(step.caller()).await?;
                show(context, &policy);
            }
            Policy::Check { folder } => {
                let files = PolicyFiles::from_dir(&folder)?;
                let questions = run_tests(&files).await?;
                let digest = Digest(files.digest()).to_string();
                context.out.say(format!("The policy can be used; {questions} questions got their answers."));
                context.out.answer(&json!({ "digest": digest, "questions": questions }), || digest.clone());
            }
            Policy::Propose(Propose { folder, effective_at, who }) => {
                let files = PolicyFiles::from_dir(&folder)?;
                let (broker, step) = context.enter(&who).await?;
                let id = broker.policy_propose(step, files, effective_at).await?;
                context.out.say(format!(
                    "Proposed as version {id}. Next: another person runs `countersign policy second {id}`."
                ));
                context.out.answer(&json!({ "version": id }), || id.to_string());
            }
            Policy::Second { id, who } => {
                let (broker, step) = context.enter(&who).await?;
                let at = rfc3339(broker.policy_second(step, id).await?);
                context.out.say(format!("Version {id} holds from {at}."));
                context.out.answer(&json!({ "version": id, "effective_at": at }), String::new);
            }
        }
        Ok(())
    }
}

fn show(context: &Context, policy: &PolicyShown) {
    let versions: Vec<Value> = policy
        .versions
        .iter()
        .map(|v| {
            json!({
                "version": v.id, "digest": v.digest.to_string(), "proposed_by": v.proposed_by,
                "proposed_at": rfc3339(v.proposed_at),
                "seconded_by": v.seconded.as_ref().map(|(by, ..)| by),
                "effective_at": v.adopted().then(|| rfc3339(v.effective_at)),
            })
        })
        .collect();
    for v in &policy.versions {
        let signers = match &v.seconded {
            _ if v.id == 1 => "the built-in set, adopted when the vault was made".to_owned(),
            Some((by, ..)) => format!("proposed by {}, seconded by {by}", v.proposed_by),
            None => format!("proposed by {}, not seconded", v.proposed_by),
        };
        let mark = if v.id == policy.in_force { "; in force" } else { "" };
        context.out.say(format!("version {} ({}): {signers}{mark}", v.id, v.digest.short()));
    }
    let answer = json!({ "in_force": policy.in_force, "versions": versions, "files": policy.listing });
    context.out.answer(&answer, || policy.listing.clone());
}
