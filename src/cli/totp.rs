//! `person totp`: time-based codes as the second factor.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::{Context, Failure, Who, secrets};
use crate::broker::factors::Second;

/// Time-based codes as the second factor (RFC 6238); passkeys are added in the browser
#[derive(Debug, Subcommand)]
pub enum Totp {
    /// Print the secret, once, as the otpauth address that a device reads
    #[command(after_help = "Example: countersign person totp begin --as li.na > secret.otpauth\n\
                            It is asked for once its first code is confirmed.")]
    Begin {
        #[command(flatten)]
        who: Who,
    },
    /// Give the first code: from then on one is asked for; prints recovery codes, each good once
    #[command(after_help = "Example: countersign person totp confirm --as li.na > recovery.codes")]
    Confirm {
        /// The first code: a file, or - for standard input
        #[arg(long, value_name = "FILE|-")]
        code_file: Option<PathBuf>,
        #[command(flatten)]
        who: Who,
    },
    /// Remove it; who has lost the device and the recovery codes is reset by two administrators
    #[command(after_help = "Example: countersign person totp remove --as li.na")]
    Remove {
        #[command(flatten)]
        who: Who,
    },
}

impl Totp {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Totp::Begin { who } => {
                let (broker, step) = context.enter(&who).await?;
                let uri = broker.totp_begin(step).await?;
                context.out.say("Have the device read this, then: `countersign person totp confirm`");
                context.out.answer(&json!({ "uri": uri.as_str() }), || uri.to_string());
            }
            Totp::Confirm { code_file, who } => {
                let (broker, step) = context.enter(&who).await?;
                let Second::Code(code) = secrets::code(code_file.as_deref(), &context.out)? else {
                    return Ok(());
                };
                let codes = broker.totp_confirm(step, &code).await?;
                context
                    .out
                    .say("Set up. Keep these recovery codes apart from the device; each is good once:");
                let shown: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
                context.out.answer(&json!({ "recovery_codes": shown }), || shown.join("\n"));
            }
            Totp::Remove { who } => {
                let (broker, step) = context.enter(&who).await?;
                broker.totp_remove(step).await?;
                context.out.done("Removed: the password alone signs in again.");
            }
        }
        Ok(())
    }
}
