//! The verbs. Command line, API and pages call these and nothing below them, as a person who has shown
//! who they are or as the host's operator.
//!
//! Each verb takes who asks, asks the policy, writes its one log entry, and does it. A refusal is an
//! entry too: [`Broker::logged`] sees to that in one place.

mod attempts;
pub mod audits;
pub mod consents;
pub mod documents;
pub mod downloading;
pub mod executing;
pub mod imports;
pub mod members;
pub mod packages;
pub mod people;
pub mod policies;
pub mod requests;
pub mod sessions;
pub mod showing;
pub mod staffing;
pub mod start;
pub mod subject;
pub mod submitting;
pub mod vendors;

use std::sync::Arc;

use crate::access::{Shelf, Staff};
use crate::audit::event::Event;
use crate::clock::Clock;
use crate::policy::Policy;
use crate::store::{Store, View};
use crate::vault::Vault;

pub use crate::access::{Caller, Error};
pub use crate::model::refusal::Refusal;
pub use people::StepUp;
pub use start::Recovered;

/// An opened vault with everything that decides about it.
pub struct Broker {
    store: Store,
    vault: Vault,
    shelf: Shelf,
}

/// What most verbs need first: one snapshot's people and policy.
struct Ground {
    staff: Staff,
    policy: Arc<Policy>,
}

impl Broker {
    /// The data underneath, for what the host's operator may look at.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The vault's clock.
    pub fn clock(&self) -> &Clock {
        self.store.clock()
    }

    /// People and policy of one snapshot.
    async fn ground(&self, view: &mut View<'_>) -> Result<Ground, Error> {
        Ok(Ground { staff: Staff::load(view).await?, policy: self.shelf.at(view, self.clock().now()).await? })
    }

    /// Runs a verb's work. Refused: the refusal is written to the log as `event` before it is told; if
    /// that cannot be written, the failure is told instead.
    async fn logged<T>(
        &self,
        event: Event,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        match work.await {
            Err(Error::Refused(refusal)) => {
                self.store.work().await?.commit(event.refused(&refusal)).await?;
                Err(Error::Refused(refusal))
            }
            done => done,
        }
    }
}
