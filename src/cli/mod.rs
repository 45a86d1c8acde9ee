//! The command line: decodes arguments, calls one broker verb, shows what came of it.
//!
//! Every family of commands is one file. What they share: [`Context`] opens the vault and recognises
//! people, [`out`] says what goes to which stream, [`failure`] which exit code an error has.

mod audit;
mod backup;
mod bench;
mod consent;
mod covenant;
mod demo;
mod desk;
mod doctor;
mod failure;
mod init;
mod member;
mod org;
mod out;
mod package;
mod person;
mod policy;
mod remote;
mod request;
mod reveal;
mod secrets;
mod serve;
mod token;
mod totp;
mod vendor;
mod worker;

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::broker::factors::Second;
use crate::broker::people::Password;
use crate::broker::{Broker, Error, Recovered, StepUp};
use crate::config::{Environment, Globals, Settings};
use crate::model::ids::Login;
use crate::store::Place;
use desk::Desk;
pub use failure::Failure;
use out::Out;
use remote::Server;

/// A vault for members' personal data and the one door out of it: ask, countersign, release, prove.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, subcommand_required = true)]
#[command(after_help = "Try it: countersign demo\nEach command has its own help: countersign request --help")]
struct Arguments {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Demo(demo::Demo),
    Init(init::Init),
    #[command(subcommand)]
    Org(org::Org),
    #[command(subcommand)]
    Person(person::Person),
    #[command(subcommand)]
    Vendor(vendor::Vendor),
    #[command(subcommand)]
    Policy(policy::Policy),
    #[command(subcommand)]
    Covenant(covenant::Covenant),
    #[command(subcommand)]
    Member(member::Member),
    #[command(subcommand)]
    Consent(consent::Consent),
    #[command(subcommand)]
    Suppression(consent::Suppression),
    #[command(subcommand)]
    Request(request::Request),
    #[command(subcommand)]
    Package(package::Package),
    #[command(subcommand)]
    Token(token::Token),
    #[command(name = "login")]
    SignIn(remote::entry::SignIn),
    #[command(name = "logout")]
    SignOut(remote::entry::SignOut),
    #[command(name = "whoami")]
    WhoAmI(remote::entry::WhoAmI),
    Worker(worker::Worker),
    Serve(serve::Serve),
    #[command(subcommand)]
    Audit(audit::Audit),
    #[command(subcommand)]
    Backup(backup::Backup),
    Doctor(doctor::Doctor),
    #[command(subcommand)]
    Bench(bench::Bench),
}

/// Who does it.
#[derive(Debug, Args)]
pub struct Who {
    /// Login of the person who does this
    #[arg(id = "as", long = "as", value_name = "LOGIN")]
    pub login: Login,
    /// Their password: a file, or - for standard input; asked for on a terminal when left out
    #[arg(long, value_name = "FILE|-")]
    pub password_file: Option<PathBuf>,
    /// Their second factor, a code: a file, or - for standard input; asked for on a terminal when it is needed
    #[arg(long, value_name = "FILE|-")]
    pub factor_file: Option<PathBuf>,
}

/// Who does what can also be done at a server, where somebody may be signed in already.
#[derive(Debug, Clone, Args)]
pub struct By {
    /// Login of the person who does this; at a server, left out when only one is signed in
    #[arg(id = "as", long = "as", value_name = "LOGIN")]
    pub login: Option<Login>,
    /// Their password: a file, or - for standard input; asked for on a terminal when left out
    #[arg(long, value_name = "FILE|-")]
    pub password_file: Option<PathBuf>,
    /// Their second factor, a code: a file, or - for standard input; asked for on a terminal when it is needed
    #[arg(long, value_name = "FILE|-")]
    pub factor_file: Option<PathBuf>,
}

/// A parsed command line, ready to run.
pub struct Command {
    verb: Verb,
    context: Context,
}

/// What every command is given.
pub struct Context {
    globals: Globals,
    /// Whether `--database` stood on the command line. The demo and the bench take it from nowhere else:
    /// a setting meant for the real vault must not give them its database.
    database_named: bool,
    /// Where to say what.
    out: Out,
}

/// Reads the arguments.
///
/// # Errors
/// The exit code, after help (0) or what is wrong (64) was printed.
pub fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
) -> Result<Command, ExitCode> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let parsed = Arguments::command().try_get_matches_from(&arguments).and_then(|matches| {
        let named = matches.value_source("database") == Some(ValueSource::CommandLine);
        Arguments::from_arg_matches(&matches).map(|arguments| (arguments, named))
    });
    match parsed {
        Ok((Arguments { globals, verb }, database_named)) => {
            let out = Out::new(environment, globals.json);
            Ok(Command { verb, context: Context { globals, database_named, out } })
        }
        Err(error) => Err(told(&error, &arguments, environment)),
    }
}

/// Prints help, or what is wrong with the arguments.
fn told(error: &clap::Error, arguments: &[OsString], environment: &Environment) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let out = Out::new(environment, arguments.iter().any(|a| a == "--json"));
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        out.say(error.render().to_string());
        return ExitCode::from(failure::USAGE);
    }
    // clap's paragraphs: what is wrong, then tips and the usage line.
    let text = error.render().to_string();
    let (message, rest) = text.trim_end().split_once("\n\n").unwrap_or((&text, ""));
    let message = message.strip_prefix("error: ").unwrap_or(message).trim_end();
    let rest = rest.replace("For more information, try '--help'.", "try --help");
    out.failed(&Failure::usage(message, rest.trim()));
    ExitCode::from(failure::USAGE)
}

impl Command {
    /// Runs it and gives the process's exit code.
    pub async fn run(self) -> ExitCode {
        let Command { verb, context } = self;
        match verb.run(&context).await {
            Ok(code) => ExitCode::from(code),
            Err(failure) => {
                context.out.failed(&failure);
                ExitCode::from(failure.exit)
            }
        }
    }

    /// Tells a failure that came before the command could run.
    pub fn failed(&self, failure: &Failure) -> ExitCode {
        self.context.out.failed(failure);
        ExitCode::from(failure.exit)
    }
}

impl Verb {
    async fn run(self, context: &Context) -> Result<u8, Failure> {
        match self {
            Verb::Demo(verb) => return verb.run(context).await,
            Verb::Init(verb) => verb.run(context).await?,
            Verb::Org(verb) => verb.run(context).await?,
            Verb::Person(verb) => verb.run(context).await?,
            Verb::Vendor(verb) => verb.run(context).await?,
            Verb::Policy(verb) => verb.run(context).await?,
            Verb::Covenant(verb) => verb.run(context).await?,
            Verb::Member(verb) => verb.run(context).await?,
            Verb::Consent(verb) => verb.run(context).await?,
            Verb::Suppression(verb) => verb.run(context).await?,
            Verb::Request(verb) => verb.run(context).await?,
            Verb::Package(verb) => verb.run(context).await?,
            Verb::Token(verb) => verb.run(context).await?,
            Verb::SignIn(verb) => verb.run(context).await?,
            Verb::SignOut(verb) => verb.run(context).await?,
            Verb::WhoAmI(verb) => verb.run(context).await?,
            Verb::Worker(verb) => verb.run(context).await?,
            Verb::Serve(verb) => verb.run(context).await?,
            Verb::Audit(verb) => return verb.run(context).await,
            Verb::Backup(verb) => return verb.run(context).await,
            Verb::Doctor(verb) => return verb.run(context).await,
            Verb::Bench(verb) => verb.run(context).await?,
        }
        Ok(0)
    }
}

impl Context {
    /// The settings of this run.
    ///
    /// # Errors
    /// The file of `--config` is not usable.
    pub fn settings(&self) -> Result<Settings, Failure> {
        Ok(Settings::resolve(&self.globals)?)
    }

    /// The database of `--database`, only when it stood on the command line.
    pub fn named_database(&self) -> Option<String> {
        self.globals.database.clone().filter(|_| self.database_named)
    }

    /// The high-water mark's place, when one was given.
    pub fn named_high_water(&self) -> Option<PathBuf> {
        self.globals.high_water.clone()
    }

    /// Where the vault is, with its passphrase.
    ///
    /// # Errors
    /// The settings or the passphrase's file are not usable, or a server is named.
    pub fn place(&self) -> Result<Place, Failure> {
        let settings = self.settings()?;
        if settings.server.is_some() {
            return Err(Failure::usage(
                "this is done on the vault's own machine",
                "leave out --server, or take COUNTERSIGN_SERVER out of the environment",
            ));
        }
        let passphrase = settings.passphrase_file.as_deref();
        let passphrase =
            passphrase.map(|path| secrets::from_file(path, "passphrase", &self.out)).transpose()?;
        Ok(settings.place(passphrase))
    }

    /// Opens the vault, and says what start had to finish.
    ///
    /// # Errors
    /// Whatever keeps it closed.
    pub async fn open(&self) -> Result<Broker, Failure> {
        self.open_at(&self.place()?).await
    }

    /// Opens the vault and recognises the person. Passphrase and password are read first, in this order:
    /// who is asked on a terminal should not wait.
    ///
    /// # Errors
    /// Whatever keeps the vault closed; login or password is not right.
    pub async fn enter(&self, who: &Who) -> Result<(Broker, StepUp), Failure> {
        let place = self.place()?;
        let password: Password =
            secrets::ask(who.password_file.as_deref(), "--password-file", "password", &self.out)?;
        let broker = self.open_at(&place).await?;
        let second = match who.factor_file.as_deref() {
            Some(file) => secrets::code(Some(file), &self.out)?,
            None => Second::Nothing,
        };
        let step = match broker.authenticate_with(&who.login, &password, &second).await {
            // Only now is it known that one is needed.
            Err(Error::Refused(refusal)) if refusal.code == "second_factor_needed" && secrets::can_ask() => {
                let second = secrets::code(None, &self.out)?;
                broker.authenticate_with(&who.login, &password, &second).await?
            }
            known => known?,
        };
        Ok((broker, step))
    }

    /// Where a verb is done: on the vault here, as a person who has just given the password, or at a server.
    ///
    /// # Errors
    /// As [`Context::enter`]; at a server, nobody is signed in.
    async fn desk(&self, by: By) -> Result<Desk, Failure> {
        if self.settings()?.server.is_some() {
            return Ok(Desk::There(self.server_as(&by)?));
        }
        let By { login, password_file, factor_file } = by;
        let login = login.ok_or_else(|| {
            Failure::usage(
                "the following required arguments were not provided: --as <LOGIN>",
                "say who does it",
            )
        })?;
        let (broker, step) = self.enter(&Who { login, password_file, factor_file }).await?;
        Ok(Desk::Here(Box::new(broker), step))
    }

    /// The server of the settings, nobody signed in.
    fn server(&self) -> Result<Server, Failure> {
        let settings = self.settings()?;
        if settings.server.is_none() {
            return Err(Failure::usage("no server is named", "give --server URL, or COUNTERSIGN_SERVER"));
        }
        Server::named(&settings, &self.out)
    }

    fn server_as(&self, by: &By) -> Result<Server, Failure> {
        self.server()?.entered(self.globals.token_file.as_deref(), by)
    }

    async fn open_at(&self, place: &Place) -> Result<Broker, Failure> {
        let (broker, recovered) = Broker::open(place).await?;
        if recovered != Recovered::default() {
            let Recovered { keys, erasures, aborted, renamed } = recovered;
            self.out.warn(format!(
                "finished what was broken off: {keys} unused keys removed, {erasures} erasures finished, \
                 {aborted} packages aborted, {renamed} packages kept"
            ));
        }
        Ok(broker)
    }
}

/// A text file that people write.
///
/// # Errors
/// It cannot be read or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|cause| Failure::file(path.display().to_string(), cause))
}

/// A file to stream from, or standard input for `-`.
///
/// # Errors
/// It cannot be opened.
pub fn open_input(path: &Path) -> Result<Box<dyn Read + Send>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    let file = std::fs::File::open(path).map_err(|cause| Failure::file(path.display().to_string(), cause))?;
    if file.metadata().is_ok_and(|m| m.is_dir()) {
        let cause = std::io::ErrorKind::IsADirectory.into();
        return Err(Failure::file(path.display().to_string(), cause));
    }
    Ok(Box::new(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does_and_shows_an_example() {
        fn walk(command: &clap::Command, path: &str) {
            for sub in command.get_subcommands().filter(|s| s.get_name() != "help") {
                let path = format!("{path} {}", sub.get_name());
                assert!(sub.get_about().is_some(), "{path} says nothing");
                if sub.has_subcommands() {
                    walk(sub, &path);
                } else {
                    let after = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
                    assert!(after.starts_with("Example: countersign"), "{path} has no example");
                }
            }
        }
        walk(&Arguments::command(), "countersign");
    }

    #[test]
    fn a_database_of_the_environment_is_not_a_named_one() {
        let environment = Environment::read();
        let parse = |args: &[&str]| parse(args.iter().map(OsString::from), &environment).ok().unwrap();
        let demo = parse(&["countersign", "demo", "--database", "sqlite:x"]);
        assert_eq!(demo.context.named_database().as_deref(), Some("sqlite:x"));
        assert_eq!(parse(&["countersign", "demo"]).context.named_database(), None);
    }
}
