//! `login`, `logout`, `whoami`: a session on a server, kept for the commands that follow.

use std::path::PathBuf;

use clap::Args;
use reqwest::Method;
use zeroize::Zeroizing;

use super::{Proof, Saved, Sending, Server, value};
use crate::cli::out::readable;
use crate::cli::{By, Context, Failure};
use crate::model::ids::Login;

/// Sign in at a server; the commands that follow are done there as long as the session lasts
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign login --server https://vault.example --as li.na\n\
                        The token is kept under your state folder, readable by you alone.")]
pub struct SignIn {
    /// Login of the person who signs in
    #[arg(id = "as", long = "as", value_name = "LOGIN")]
    login: Login,
    /// Their password: a file, or - for standard input; asked for on a terminal when left out
    #[arg(long, value_name = "FILE|-")]
    password_file: Option<PathBuf>,
    /// Their second factor, a code: a file, or - for standard input; asked for on a terminal when it is needed
    #[arg(long, value_name = "FILE|-")]
    factor_file: Option<PathBuf>,
}

/// Sign out at a server, and drop the token
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign logout --server https://vault.example")]
pub struct SignOut {
    #[command(flatten)]
    by: By,
}

/// Show who is signed in at a server
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign whoami --server https://vault.example")]
pub struct WhoAmI {
    #[command(flatten)]
    by: By,
}

impl SignIn {
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<(), Failure> {
        let SignIn { login, password_file, factor_file } = self;
        let server = context.server()?;
        let proof = Proof { password_file, factor_file };
        let opened = server.shown_to_be(&["session"], Some(&login), &proof).await?;
        let mut about = value(opened).await?;
        let token = about["token"].take();
        let token = Zeroizing::new(token.as_str().ok_or_else(super::another_api)?.to_owned());
        Saved { login: login.clone(), token }.keep(&server.base)?;
        context.out.done(format!(
            "{login} is signed in at {} until {}.",
            server.base,
            about["ends_at"].as_str().unwrap_or("-")
        ));
        Ok(())
    }
}

impl SignOut {
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<(), Failure> {
        let server = context.server()?;
        let Saved { login, token } = Saved::find(&server.base, self.by.login.as_ref())?;
        // The file goes first: whatever the server says, nobody on this machine uses it any more.
        Saved::forget(&server.base, &login)?;
        let server = Server { token, ..server };
        match server.open(Method::DELETE, &["session"], Sending::Nothing).await {
            Err(failure) if failure.code != "not_signed_in" => return Err(failure),
            _ => {}
        }
        context.out.done(format!("{login} is signed out."));
        Ok(())
    }
}

impl WhoAmI {
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<(), Failure> {
        let server = context.server_as(&self.by)?;
        let mut about = server.get(&["session"]).await?;
        if let Some(about) = about.as_object_mut() {
            // For pages only.
            about.remove("csrf");
        }
        context.out.answer(&about, || readable(&about));
        Ok(())
    }
}
