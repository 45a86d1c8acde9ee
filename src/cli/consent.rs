//! `consent` and `suppression`: what members said, and whom nothing may reach.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::desk::members::Said;
use super::member::{errors_file, tell, with_errors_file};
use super::out::readable;
use super::secrets::read_card;
use super::{By, Context, Failure, Who, open_input};
use crate::model::code::{Channel, Purpose, RecipientClass};

/// What members said
#[derive(Debug, Subcommand)]
pub enum Consent {
    Set(Set),
    /// Show a member's consents and their history
    #[command(after_help = "Example: countersign consent show 88000001 --as he.fang")]
    Show {
        /// Card number; left out or -: from standard input
        card: Option<String>,
        #[command(flatten)]
        by: By,
    },
}

/// Record that a member grants or refuses; counts from this moment for every list
#[derive(Debug, Args)]
#[command(
    after_help = "Example: countersign consent set 88000001 --purpose promotion --channel sms --refuse --as he.fang",
    group(clap::ArgGroup::new("said").required(true).args(["grant", "refuse"]))
)]
pub struct Set {
    /// Card number; left out or -: from standard input
    card: Option<String>,
    /// For what
    #[arg(long, value_parser = Purpose::parse)]
    purpose: Purpose,
    /// By which channel
    #[arg(long, value_parser = Channel::parse)]
    channel: Channel,
    /// To whom: the group and its contracted vendors, or tenant shops
    #[arg(long, value_parser = RecipientClass::parse, default_value = "company")]
    recipient: RecipientClass,
    /// The member grants it
    #[arg(long)]
    grant: bool,
    /// The member refuses it
    #[arg(long)]
    refuse: bool,
    /// What shows it, for example a form's number
    #[arg(long, default_value = "", hide_default_value = true)]
    evidence: String,
    #[command(flatten)]
    by: By,
}

/// Contact points that nothing may reach
#[derive(Debug, Subcommand)]
pub enum Suppression {
    /// Put the contact points of a file on the suppression list
    #[command(
        after_help = "Example: countersign suppression import refusals.csv --reason complaint --as liu.yang\n\
                            A CSV with a column mobile, email, card_no, or name, address and postcode; or no header row and \
                            one mobile or email address a line. Only keyed tags are kept. What can be read of a rejected row \
                            is on the list."
    )]
    Import {
        /// The file, or - for standard input
        file: PathBuf,
        /// Why they are on the list, in a few words; no personal data
        #[arg(long, default_value = "on the member's wish")]
        reason: String,
        /// Write what is wrong, line by line, to this file (it holds no personal value)
        #[arg(long, value_name = "OUT.csv")]
        errors: Option<PathBuf>,
        #[command(flatten)]
        who: Who,
    },
}

impl Consent {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Consent::Set(set) => set.run(context).await,
            Consent::Show { card, by } => {
                let desk = context.desk(by).await?;
                let shown = desk.consent_show(&read_card(card)?).await?;
                context.out.answer(&shown, || readable(&shown));
                Ok(())
            }
        }
    }
}

impl Set {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let Set { card, purpose, channel, recipient, grant, refuse: _, evidence, by } = self;
        let desk = context.desk(by).await?;
        let card = read_card(card)?;
        let said = Said { purpose, channel, class: recipient, granted: grant, evidence: &evidence };
        let state = desk.consent_set(&card, said).await?;
        context.out.say(format!("Consent to {purpose} by {channel}: {state}."));
        context.out.answer(&json!({ "state": state }), String::new);
        Ok(())
    }
}

impl Suppression {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Suppression::Import { file, reason, errors, who } = self;
        let input = open_input(&file)?;
        let (broker, step) = context.enter(&who).await?;
        let out = errors.as_deref().map(errors_file).transpose()?;
        let report = broker.suppression_import(step.caller(), input, &reason, out).await?;
        tell(context, &report.warnings, report.rejected, errors.as_deref());
        context.out.answer(&with_errors_file(&report, errors.as_deref()), || readable(&report));
        Ok(())
    }
}
