//! `policy`: what is in force, and changing it by two people.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::out::readable;
use super::{By, Context, Failure, Who};
use crate::broker::explaining::{PolicyText, Question};
use crate::clock::{Micros, parse_rfc3339};
use crate::model::code::Role;
use crate::model::ids::{Digest, Login, UnitCode};
use crate::policy::{Act, PolicyFiles, run_tests};

/// Rules: who may do what, what a channel carries, who signs
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Show the version in force and the history
    #[command(after_help = "Example: countersign policy show --as zhou.jie > policy.txt")]
    Show {
        #[command(flatten)]
        by: By,
    },
    /// Read a folder of policy files and run its tests; needs no vault
    #[command(after_help = "Example: countersign policy check ./policies")]
    Check {
        /// The folder
        folder: PathBuf,
    },
    Propose(Propose),
    /// Print the files of a version, also of an old one
    #[command(after_help = "Example: countersign policy read 1 --as zhou.jie > policy-1.txt")]
    Read {
        /// The version's number
        id: i64,
        #[command(flatten)]
        who: Who,
    },
    Explain(Explain),
    /// What a version would decide otherwise than the one in force
    #[command(after_help = "Example: countersign policy simulate 2 --as zheng.tao")]
    Simulate {
        /// The version's number
        id: i64,
        #[command(flatten)]
        who: Who,
    },
    /// Take a proposal back: it can be seconded no more
    #[command(after_help = "Example: countersign policy withdraw 2 --as zhou.jie")]
    Withdraw {
        /// The version's number
        id: i64,
        #[command(flatten)]
        who: Who,
    },
    /// Second a version that another person proposed; it holds from its day on
    #[command(after_help = "Example: countersign policy second 2 --as zheng.tao")]
    Second {
        /// The version's number
        id: i64,
        #[command(flatten)]
        by: By,
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
    by: By,
}

/// Whether a person may do something, and the lines of the rules that say so
#[derive(Debug, Args)]
#[command(
    after_help = "Example: countersign policy explain request_submit --login li.na --unit HQ-MKT --as wu.jun\n\
                  Without --login it is asked for --role, each held at its own site."
)]
pub struct Explain {
    /// The act, as acts.csv names it
    #[arg(value_parser = Act::parse)]
    act: Act,
    /// Who
    #[arg(long, value_name = "LOGIN")]
    login: Option<Login>,
    /// Or which roles
    #[arg(long, value_name = "ROLE", value_parser = Role::parse)]
    role: Vec<Role>,
    /// To what belongs to which unit
    #[arg(long)]
    unit: Option<UnitCode>,
    #[command(flatten)]
    who: Who,
}

fn instant(text: &str) -> Result<Micros, String> {
    parse_rfc3339(text).ok_or_else(|| "a time like 2027-01-01T00:00:00+08:00".to_owned())
}

impl Policy {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Policy::Show { by } => show(context, &context.desk(by).await?.policy_show().await?),
            Policy::Check { folder } => {
                let files = PolicyFiles::from_dir(&folder)?;
                let questions = run_tests(&files).await?;
                let digest = Digest(files.digest()).to_string();
                context.out.say(format!("The policy can be used; {questions} questions got their answers."));
                context.out.answer(&json!({ "digest": digest, "questions": questions }), || digest.clone());
            }
            Policy::Propose(Propose { folder, effective_at, by }) => {
                let files = PolicyFiles::from_dir(&folder)?;
                let id = context.desk(by).await?.policy_propose(files, effective_at).await?;
                context.out.say(format!(
                    "Proposed as version {id}. Next: another person runs `countersign policy second {id}`."
                ));
                context.out.answer(&json!({ "version": id }), || id.to_string());
            }
            Policy::Read { id, who } => {
                let (broker, step) = context.enter(&who).await?;
                let PolicyText { version, files } = broker.policy_read(step.caller(), id).await?;
                let answer = json!({ "version": id, "digest": version.digest, "files": files });
                let listing =
                    || files.iter().map(|(name, text)| format!("==> {name} <==\n{text}")).collect::<String>();
                context.out.answer(&answer, listing);
            }
            Policy::Explain(Explain { act, login, role, unit, who }) => {
                let (broker, step) = context.enter(&who).await?;
                let question = Question::Act { login, roles: role, act, unit };
                let explained = broker.policy_explain(step.caller(), &question).await?;
                context.out.answer(&explained, || readable(&explained));
            }
            Policy::Simulate { id, who } => {
                let (broker, step) = context.enter(&who).await?;
                let differences = broker.policy_simulate(step.caller(), id).await?;
                context.out.answer(&differences, || readable(&differences));
            }
            Policy::Withdraw { id, who } => {
                let (broker, step) = context.enter(&who).await?;
                broker.policy_withdraw(step.caller(), id).await?;
                context.out.done(format!("Version {id} is taken back."));
            }
            Policy::Second { id, by } => {
                let at = context.desk(by).await?.policy_second(id).await?;
                context.out.say(format!("Version {id} holds from {at}."));
                context.out.answer(&json!({ "version": id, "effective_at": at }), String::new);
            }
        }
        Ok(())
    }
}

fn show(context: &Context, policy: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for v in policy["versions"].as_array().into_iter().flatten() {
        let signers = match v["seconded_by"].as_str() {
            _ if v["version"] == 1 => "the built-in set, adopted when the vault was made".to_owned(),
            Some(by) => format!("proposed by {}, seconded by {by}", text(&v["proposed_by"])),
            None => format!("proposed by {}, not seconded", text(&v["proposed_by"])),
        };
        let mark = if v["version"] == policy["in_force"] { "; in force" } else { "" };
        let digest = Digest::deserialize(&v["digest"]).map(|d| d.short()).unwrap_or_default();
        context.out.say(format!("version {} ({digest}): {signers}{mark}", v["version"]));
    }
    context.out.answer(policy, || text(&policy["files"]));
}
