//! `org apply`: units, people and roles as a file says they should be.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use super::{Context, Failure, Who, read_text, secrets};
use crate::broker::{Broker, Caller};
use crate::model::org::PersonSpec;

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
}

impl Org {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Org::Apply { file, dry_run, who } = self;
        let text = read_text(&file)?;
        let (broker, step) = context.enter(&who).await?;
        let change = broker.org_apply(step.caller(), &text, dry_run).await?;
        change.lines.iter().for_each(|line| context.out.say(line));
        for unit in &change.gaps {
            context
                .out
                .warn(format!("{unit} has no information officer and cannot submit requests [A4a (Art 4)]"));
        }
        let mut codes = Vec::new();
        if !dry_run {
            let folder = file.parent().unwrap_or(Path::new("."));
            for person in &change.unenrolled {
                codes.extend(enrol(context, &broker, step.caller(), person, folder).await?);
            }
        }
        context.out.say(match (change.lines.len(), dry_run) {
            (0, _) => "Nothing changes.".to_owned(),
            (n, true) => format!("{n} changes; nothing was stored."),
            (n, false) => format!("{n} changes stored."),
        });
        let codes_json: Vec<_> =
            codes.iter().map(|(login, code)| json!({ "login": login, "code": code })).collect();
        let answer =
            json!({ "changes": change.lines, "gaps": change.gaps, "codes": codes_json, "dry_run": dry_run });
        context
            .out
            .answer(&answer, || codes.iter().map(|(login, code)| format!("{login}\t{code}\n")).collect());
        Ok(())
    }
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
        let code = broker.invite(caller, &person.login).await?;
        context.out.say(format!("{} enrols with a one-time code, good for three days", person.login));
        return Ok(Some((person.login.to_string(), code.to_string())));
    };
    let password = secrets::from_file(&folder.join(file), "password", &context.out)?;
    broker.enrol_scripted(caller, &person.login, &password).await?;
    context.out.say(format!("{} is enrolled", person.login));
    Ok(None)
}
