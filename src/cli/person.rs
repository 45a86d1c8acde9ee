//! `person`: enrolment, passwords, suspension.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Context, Failure, Who, secrets};
use crate::model::ids::Login;

/// Enrolment, passwords, suspension
#[derive(Debug, Subcommand)]
pub enum Person {
    Enrol(Enrol),
    Password(Password),
    Suspend(Suspend),
}

/// Issue a one-time code (an administrator, with --as), or enrol with one (--code-file)
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign person enrol li.na --as zhou.jie\n\
                        Example: countersign person enrol li.na --code-file code --password-file new.password\n\
                        A code is good once, for three days; a new one ends the signing key there was.")]
pub struct Enrol {
    /// Whom it concerns
    login: Login,
    /// Login of the administrator who issues a code
    #[arg(
        long = "as",
        value_name = "LOGIN",
        required_unless_present = "code_file",
        conflicts_with = "code_file"
    )]
    admin: Option<Login>,
    /// The code to enrol with: a file, or - for standard input
    #[arg(long, value_name = "FILE|-")]
    code_file: Option<PathBuf>,
    /// With --as the administrator's password, with --code-file the new one: a file, or - for standard input
    #[arg(long, value_name = "FILE|-")]
    password_file: Option<PathBuf>,
}

/// Set a new password, and with it a new signing key
#[derive(Debug, Args)]
#[command(
    after_help = "Example: countersign person password li.na --password-file old --new-password-file new\n\
                        Signatures on executed requests stand; on pending ones they are void."
)]
pub struct Password {
    /// Who
    login: Login,
    /// The present password: a file, or - for standard input
    #[arg(long, value_name = "FILE|-")]
    password_file: Option<PathBuf>,
    /// The new password: a file, or - for standard input
    #[arg(long, value_name = "FILE|-")]
    new_password_file: Option<PathBuf>,
}

/// Suspend a person, at once and also for what they signed and is pending
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign person suspend li.na --as zhou.jie")]
pub struct Suspend {
    /// Whom
    login: Login,
    /// Lift the suspension
    #[arg(long)]
    lift: bool,
    #[command(flatten)]
    who: Who,
}

impl Person {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Person::Enrol(enrol) => enrol.run(context).await,
            Person::Password(password) => password.run(context).await,
            Person::Suspend(Suspend { login, lift, who }) => {
                let (broker, step) = context.enter(&who).await?;
                broker.suspend(step.caller(), &login, !lift).await?;
                context.out.done(format!("{login} {}", if lift { "may act again" } else { "is suspended" }));
                Ok(())
            }
        }
    }
}

impl Enrol {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let Enrol { login, admin, code_file, password_file } = self;
        let Some(admin) = admin else { return with_code(context, &login, code_file, password_file).await };
        let (broker, step) = context.enter(&Who { login: admin, password_file }).await?;
        let code = broker.invite(step.caller(), &login).await?;
        context.out.say(format!("Hand this code to {login}; it is good once, for three days:"));
        context.out.answer(&json!({ "login": login, "code": code.as_str() }), || code.to_string());
        Ok(())
    }
}

async fn with_code(
    context: &Context,
    login: &Login,
    code: Option<PathBuf>,
    password: Option<PathBuf>,
) -> Result<(), Failure> {
    let code = secrets::ask(code.as_deref(), "--code-file", "enrolment code", &context.out)?;
    let password = secrets::ask_new(password.as_deref(), "--password-file", "new password", &context.out)?;
    let broker = context.open().await?;
    // A code that is not text is simply a wrong one.
    let code = std::str::from_utf8(&code).unwrap_or_default();
    broker.enrol(login, code, &password).await?;
    context.out.done(format!("{login} is enrolled and can sign"));
    Ok(())
}

impl Password {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let Password { login, password_file, new_password_file } = self;
        let (broker, step) = context.enter(&Who { login: login.clone(), password_file }).await?;
        let file = new_password_file.as_deref();
        let password = secrets::ask_new(file, "--new-password-file", "new password", &context.out)?;
        broker.change_password(step, &password).await?;
        context.out.done(format!("{login} has a new password and a new signing key"));
        Ok(())
    }
}
