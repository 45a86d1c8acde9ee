//! `person`: enrolment, passwords, suspension.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::covenant::Language;
use super::org::to_second;
use super::{Context, Failure, Who, secrets};
use crate::broker::Broker;
use crate::broker::enrolling::Invited;
use crate::clock::rfc3339;
use crate::model::ids::{Digest, Login};
use crate::store::StoreError;

/// Enrolment, passwords, suspension
#[derive(Debug, Subcommand)]
pub enum Person {
    Enrol(Enrol),
    Password(Password),
    Suspend(Suspend),
    Undertake(Undertake),
    #[command(subcommand)]
    Totp(super::totp::Totp),
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
    /// The second factor's code, where one is set up: a file, or - for standard input
    #[arg(long, value_name = "FILE|-")]
    factor_file: Option<PathBuf>,
    /// Language of the confidentiality undertaking, which enrolling with a code shows and gives
    #[arg(long, value_enum, default_value = "zh")]
    language: Language,
}

/// Read the confidentiality undertaking and give it, for a year (A10a)
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign person undertake li.na --password-file li.na.password\n\
                        Without a current one nobody reveals, signs, executes or fetches a package.")]
pub struct Undertake {
    /// Who gives it
    login: Login,
    /// Their password: a file, or - for standard input
    #[arg(long, value_name = "FILE|-")]
    password_file: Option<PathBuf>,
    /// The second factor's code, where one is set up: a file, or - for standard input
    #[arg(long, value_name = "FILE|-")]
    factor_file: Option<PathBuf>,
    /// Language of the text
    #[arg(long, value_enum, default_value = "zh")]
    language: Language,
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
    /// The second factor's code, where one is set up: a file, or - for standard input
    #[arg(long, value_name = "FILE|-")]
    factor_file: Option<PathBuf>,
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
            Person::Totp(totp) => totp.run(context).await,
            Person::Undertake(undertake) => undertake.run(context).await,
            Person::Suspend(Suspend { login, lift, who }) => {
                let (broker, step) = context.enter(&who).await?;
                let proposal = broker.suspend(step.caller(), &login, !lift).await?;
                context.out.say(match proposal {
                    Some(id) => to_second(id),
                    None if lift => format!("{login} may act again"),
                    None => format!("{login} is suspended"),
                });
                context.out.answer(&json!({ "done": proposal.is_none(), "proposal": proposal }), String::new);
                Ok(())
            }
        }
    }
}

impl Enrol {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let Enrol { login, admin, code_file, password_file, factor_file, language } = self;
        let Some(admin) = admin else {
            return with_code(context, &login, code_file, password_file, language).await;
        };
        let (broker, step) = context.enter(&Who { login: admin, password_file, factor_file }).await?;
        let code = match broker.invite(step.caller(), &login).await? {
            Invited::Code(code) => code,
            Invited::Proposed(id) => {
                context.out.say(to_second(id));
                context.out.answer(&json!({ "login": login, "proposal": id }), String::new);
                return Ok(());
            }
        };
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
    language: Language,
) -> Result<(), Failure> {
    let code = secrets::ask(code.as_deref(), "--code-file", "enrolment code", &context.out)?;
    let password = secrets::ask_new(password.as_deref(), "--password-file", "new password", &context.out)?;
    let broker = context.open().await?;
    // A code that is not text is simply a wrong one. `org apply` prints it behind its login.
    let code =
        std::str::from_utf8(&code).unwrap_or_default().split_whitespace().next_back().unwrap_or_default();
    let digest = tell_undertaking(context, &broker, language).await?;
    broker.enrol(login, code, &password, Some(digest)).await?;
    context.out.done(format!("{login} is enrolled, has given this undertaking, and can sign"));
    Ok(())
}

impl Undertake {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let Undertake { login, password_file, factor_file, language } = self;
        let (broker, step) = context.enter(&Who { login: login.clone(), password_file, factor_file }).await?;
        let digest = tell_undertaking(context, &broker, language).await?;
        let until = rfc3339(broker.undertake(step, digest).await?);
        context.out.say(format!("{login} has given this undertaking; it holds until {until}"));
        context.out.answer(&json!({ "login": login, "digest": digest, "until": until }), String::new);
        Ok(())
    }
}

/// Shows the undertaking that holds now; the digest of the text that was shown.
pub(super) async fn tell_undertaking(
    context: &Context,
    broker: &Broker,
    language: Language,
) -> Result<Digest, Failure> {
    let undertaking = broker.undertaking().await?;
    let missing = || StoreError::integrity("document", "an undertaking without a text");
    let text = undertaking.text(language.code()).ok_or_else(missing)?;
    context.out.say(&text.body);
    Ok(text.digest)
}

impl Password {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let Password { login, password_file, factor_file, new_password_file } = self;
        let (broker, step) = context.enter(&Who { login: login.clone(), password_file, factor_file }).await?;
        let file = new_password_file.as_deref();
        let password = secrets::ask_new(file, "--new-password-file", "new password", &context.out)?;
        broker.change_password(step, &password).await?;
        context.out.done(format!("{login} has a new password and a new signing key"));
        Ok(())
    }
}
