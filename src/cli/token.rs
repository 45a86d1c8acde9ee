//! `token`: tokens for programs that call the API in a person's name.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::out::table;
use super::secrets::write_private;
use super::{By, Context, Failure};
use crate::broker::tokens::NewToken;
use crate::model::ids::UnitCode;
use crate::model::scope::Scope;

/// Tokens for programs that call the API in your name, and may less than you
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make one; it is shown once
    #[command(
        after_help = "Example: countersign token make --name 'till 2' --scope members:look-up --scope consents:record \
                      --unit S001 --out till2.token --as he.fang\n\
                      A program sends it as `Authorization: Bearer`; the commands take it with --server from --token-file \
                      or COUNTERSIGN_TOKEN."
    )]
    Make {
        /// What it is for, for people
        #[arg(long)]
        name: String,
        /// What it may be used for; once or more
        #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = Scope::parse)]
        scopes: Vec<Scope>,
        /// It reaches what belongs to this unit and those under it
        #[arg(long, value_name = "CODE")]
        unit: UnitCode,
        /// Days after which it ends, at most 366
        #[arg(long, value_name = "N", default_value_t = 90)]
        days: i64,
        /// Write it into this file, readable by you alone, instead of printing it; there must be none yet
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        by: By,
    },
    /// List your own; everyone's for an administrator and an auditor
    #[command(after_help = "Example: countersign token list --as he.fang")]
    List {
        #[command(flatten)]
        by: By,
    },
    /// Revoke one, at once: your own, or anyone's as an administrator
    #[command(after_help = "Example: countersign token revoke 3 --as he.fang")]
    Revoke {
        /// Its number, as `token list` shows it
        id: i64,
        #[command(flatten)]
        by: By,
    },
}

impl Token {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Token::Make { name, scopes, unit, days, out, by } => {
                let new = NewToken { name, scopes, unit, days: Some(days), ends_at: None };
                let mut made = context.desk(by).await?.token_make(new).await?;
                let about = made["about"].take();
                let text = Zeroizing::new(text_of(&made["token"]));
                drop(made);
                let (id, ends) = (&about["id"], text_of(&about["ends_at"]));
                match out {
                    Some(path) => {
                        write_private(&path, format!("{}\n", *text).as_bytes())?;
                        let path = path.display().to_string();
                        context.out.say(format!("Token {id} is good until {ends}; it is in"));
                        context.out.answer(&json!({ "path": path, "about": about }), || path.clone());
                    }
                    None => {
                        context.out.say(format!("Token {id} is good until {ends}; it is shown this once:"));
                        let whole = json!({ "token": text.as_str(), "about": about });
                        context.out.answer(&whole, || text.to_string());
                    }
                }
            }
            Token::List { by } => {
                let tokens = context.desk(by).await?.token_list().await?;
                context.out.answer(&json!({ "items": tokens }), || {
                    let rows: Vec<Vec<String>> = tokens.iter().map(row).collect();
                    table(&["id", "name", "owner", "unit", "scopes", "state", "ends", "last used"], &rows)
                });
            }
            Token::Revoke { id, by } => {
                context.desk(by).await?.token_revoke(id).await?;
                context.out.done(format!("Token {id} is revoked."));
            }
        }
        Ok(())
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or("-").to_owned()
}

fn row(token: &Value) -> Vec<String> {
    let scopes: Vec<String> = token["scopes"].as_array().into_iter().flatten().map(text_of).collect();
    vec![
        token["id"].to_string(),
        text_of(&token["name"]),
        text_of(&token["login"]),
        text_of(&token["unit"]),
        scopes.join(","),
        text_of(&token["state"]),
        text_of(&token["ends_at"]),
        text_of(&token["last_used_on"]),
    ]
}
