//! `worker`: makes ranges of packages that are being executed elsewhere on this vault.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::{Context, Failure};
use crate::broker::Error;
use crate::broker::executing::ranges::Claim;

/// How long a worker waits when there is nothing to make.
const PAUSE: Duration = Duration::from_secs(1);

/// Make parts of packages that are being executed, beside the executing process
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign worker --once\n\
                        Runs on the same data folder and database as `request execute --parts N`, as many\n\
                        as you like. It holds no authority: it makes what an executor started, while that\n\
                        one runs. Stop it at any time; another process takes its part over.")]
pub struct Worker {
    /// Stop when there is nothing left to make, instead of waiting for more
    #[arg(long)]
    once: bool,
}

impl Worker {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let broker = context.open().await?;
        let mut passed = BTreeSet::new();
        let (mut ranges, mut rows) = (0u64, 0);
        loop {
            match broker.range_claim(&mut passed).await {
                Ok(Some(claim)) => {
                    let name = told(context, &claim);
                    let progress = context.out.progress("members");
                    let made = broker.range_make(claim, &|done, of| progress.at(done, of)).await?;
                    drop(progress);
                    match made {
                        Some(n) => {
                            (ranges, rows) = (ranges + 1, rows + n);
                            context.out.say(format!("{name}: made, {n} rows"));
                        }
                        None => context.out.say(format!("{name}: its package is over; dropped")),
                    }
                }
                Ok(None) if self.once => break,
                Ok(None) => tokio::time::sleep(PAUSE).await,
                // It is in the log; the executor comes upon the same.
                Err(Error::Refused(refusal)) => context.out.warn(format!("left alone: {refusal}")),
                Err(other) => return Err(other.into()),
            }
        }
        context.out.answer(&json!({ "ranges": ranges, "rows": rows }), || format!("{ranges} parts made"));
        Ok(())
    }
}

/// Says which part is this worker's now; gives its name for the next line.
fn told(context: &Context, claim: &Claim) -> String {
    let name = format!("{} part {}", claim.package(), claim.part());
    context.out.say(format!("{name}: claimed, {} members", claim.members()));
    name
}
