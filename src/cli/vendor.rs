//! `vendor`: the contracted processors who send.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::out::{readable, table};
use super::secrets::{stdin_line, write_private};
use super::{By, Context, Failure, Who, read_text};
use crate::model::ids::VendorCode;

/// Contracted vendors and their keys
#[derive(Debug, Subcommand)]
pub enum Vendor {
    /// Register a vendor, or change one, from a file
    #[command(after_help = "Example: countersign vendor add vendor.toml --as zhou.ying\n\
                            The file's shape: docs/examples/vendor.toml. Compare the fingerprint by phone first.")]
    Add {
        /// The file
        file: PathBuf,
        #[command(flatten)]
        by: By,
    },
    /// Suspend a vendor: nothing goes there from this moment
    #[command(after_help = "Example: countersign vendor suspend SMS1 --as zhou.ying")]
    Suspend {
        /// Its code
        code: VendorCode,
        #[command(flatten)]
        by: By,
    },
    /// Lift a vendor's suspension
    #[command(after_help = "Example: countersign vendor resume SMS1 --as zhou.ying")]
    Resume {
        /// Its code
        code: VendorCode,
        #[command(flatten)]
        by: By,
    },
    /// Show a vendor with every key it had
    #[command(after_help = "Example: countersign vendor show SMS1 --as zhou.ying")]
    Show {
        /// Its code
        code: VendorCode,
        #[command(flatten)]
        by: By,
    },
    #[command(subcommand)]
    Key(Key),
    /// List the vendors
    #[command(after_help = "Example: countersign vendor list --as zhou.ying")]
    List {
        #[command(flatten)]
        by: By,
    },
}

/// A vendor's key: proven by the vendor, confirmed by a second person, before its first use
#[derive(Debug, Subcommand)]
pub enum Key {
    /// Write a file with a random phrase that only the vendor can open
    #[command(
        after_help = "Example: countersign vendor key challenge SMS1 --out SMS1.challenge.age --as zhou.ying\n\
                            The vendor opens it with `age -d -i IDENTITY FILE` and reads the phrase back."
    )]
    Challenge {
        /// The vendor's code
        code: VendorCode,
        /// The file to write; there must be none yet
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        who: Who,
    },
    /// Confirm the key as a second person; the phrase comes from standard input
    #[command(after_help = "Example: countersign vendor key confirm SMS1 --as liu.yang < phrase")]
    Confirm {
        /// The vendor's code
        code: VendorCode,
        #[command(flatten)]
        who: Who,
    },
}

impl Key {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Key::Challenge { code, out, who } => {
                let (broker, step) = context.enter(&who).await?;
                let file = broker.vendor_key_challenge(step.caller(), &code).await?;
                write_private(&out, &file)?;
                context
                    .out
                    .say("Send it to the vendor; a second person confirms with the phrase it reads back:");
                let path = out.display().to_string();
                context.out.answer(&json!({ "code": code, "path": path }), || path.clone());
            }
            Key::Confirm { code, who } => {
                let phrase = stdin_line("phrase")?;
                let (broker, step) = context.enter(&who).await?;
                broker.vendor_key_confirm(step.caller(), &code, &phrase).await?;
                context.out.done(format!("The key of {code} is confirmed."));
            }
        }
        Ok(())
    }
}

impl Vendor {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Vendor::Add { file, by } => {
                let text = read_text(&file)?;
                let desk = context.desk(by).await?;
                let vendor = desk.vendor_add(&text).await?;
                let code = text_of(&vendor["code"]);
                context.out.say(format!("{code} is registered; its key's fingerprint:"));
                if let Ok(code) = VendorCode::parse(&code)
                    && desk.vendor_show(&code).await?["key_proven"] != true
                {
                    context.out.say(format!(
                        "Before its first use: `countersign vendor key challenge {code} --out FILE`."
                    ));
                }
                context.out.answer(&vendor, || text_of(&vendor["fingerprint"]));
            }
            Vendor::Suspend { code, by } => {
                context.desk(by).await?.vendor_suspend(&code).await?;
                context.out.done(format!("{code} is suspended"));
            }
            Vendor::Resume { code, by } => {
                context.desk(by).await?.vendor_resume(&code).await?;
                context.out.done(format!("{code} is not suspended any more"));
            }
            Vendor::Show { code, by } => {
                let vendor = context.desk(by).await?.vendor_show(&code).await?;
                context.out.answer(&vendor, || readable(&vendor));
            }
            Vendor::Key(verb) => verb.run(context).await?,
            Vendor::List { by } => {
                let vendors = context.desk(by).await?.vendor_list().await?;
                context.out.answer(&json!({ "items": vendors }), || {
                    let rows: Vec<Vec<String>> = vendors.iter().map(row).collect();
                    table(&["code", "name", "channels", "contract", "fingerprint", "state"], &rows)
                });
            }
        }
        Ok(())
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn row(vendor: &Value) -> Vec<String> {
    let channels = vendor["channels"].as_array();
    let channels: Vec<String> = channels.into_iter().flatten().map(text_of).collect();
    let contract = &vendor["contract"];
    vec![
        text_of(&vendor["code"]),
        text_of(&vendor["name"]["zh"]),
        channels.join(","),
        format!("{} to {}", text_of(&contract["from"]), text_of(&contract["to"])),
        text_of(&vendor["fingerprint"]),
        if vendor["suspended"] == true { "suspended" } else { "active" }.to_owned(),
    ]
}
