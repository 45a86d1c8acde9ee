//! `vendor`: the contracted processors who send.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::out::table;
use super::{Context, Failure, Who, read_text};
use crate::model::ids::VendorCode;
use crate::store::vendors::VendorRow;

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
        who: Who,
    },
    /// Suspend a vendor: nothing goes there from this moment
    #[command(after_help = "Example: countersign vendor suspend SMS1 --as zhou.ying")]
    Suspend {
        /// Its code
        code: VendorCode,
        #[command(flatten)]
        who: Who,
    },
    /// List the vendors
    #[command(after_help = "Example: countersign vendor list --as zhou.ying")]
    List {
        #[command(flatten)]
        who: Who,
    },
}

impl Vendor {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Vendor::Add { file, who } => {
                let text = read_text(&file)?;
                let (broker, step) = context.enter(&who).await?;
                let vendor = broker.vendor_add(step.caller(), &text).await?;
                context.out.say(format!("{} is registered; its key's fingerprint:", vendor.code));
                context.out.answer(&shown(&vendor), || vendor.fingerprint.clone());
            }
            Vendor::Suspend { code, who } => {
                let (broker, step) = context.enter(&who).await?;
                broker.vendor_suspend(step.caller(), &code).await?;
                context.out.done(format!("{code} is suspended"));
            }
            Vendor::List { who } => {
                let (broker, step) = context.enter(&who).await?;
                let vendors = broker.vendor_list(step.caller()).await?;
                let items: Vec<Value> = vendors.iter().map(shown).collect();
                context.out.answer(&json!({ "items": items }), || {
                    let rows: Vec<Vec<String>> = vendors.iter().map(row).collect();
                    table(&["code", "name", "channels", "contract", "fingerprint", "state"], &rows)
                });
            }
        }
        Ok(())
    }
}

fn shown(vendor: &VendorRow) -> Value {
    json!({
        "code": vendor.code, "name": { "zh": vendor.name_zh, "en": vendor.name_en }, "channels": vendor.channels,
        "contract": {
            "reference": vendor.contract_reference,
            "from": vendor.contract_from.to_string(),
            "to": vendor.contract_to.to_string(),
        },
        "recipient": vendor.recipient, "fingerprint": vendor.fingerprint, "checked_by": vendor.checked_by,
        "suspended": vendor.suspended,
    })
}

fn row(vendor: &VendorRow) -> Vec<String> {
    let channels: Vec<&str> = vendor.channels.iter().map(|c| c.code()).collect();
    vec![
        vendor.code.to_string(),
        vendor.name_zh.clone(),
        channels.join(","),
        format!("{} to {}", vendor.contract_from, vendor.contract_to),
        vendor.fingerprint.clone(),
        if vendor.suspended { "suspended" } else { "active" }.to_owned(),
    ]
}
