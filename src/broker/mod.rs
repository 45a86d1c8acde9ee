//! The verbs. Command line, API and pages call these and nothing below them, as a person who has shown
//! who they are or as the host's operator.
//!
//! Each verb takes who asks, asks the policy, writes its one log entry, and does it. A refusal is an
//! entry too: [`Broker::logged`] sees to that in one place.

pub mod alarms;
pub mod abilities;
pub mod attesting;
mod attempts;
pub mod audits;
pub mod awaiting;
pub mod backups;
pub mod calendar;
pub mod called;
pub mod choosing;
pub mod consents;
pub mod demo;
pub mod coverage;
pub mod documents;
pub mod downloading;
pub mod editions;
pub mod enrolling;
pub mod executing;
pub mod factors;
pub mod found;
pub mod explaining;
pub mod exploring;
pub mod handing;
pub mod health;
pub mod imports;
pub mod linked;
pub mod listing;
mod looking;
mod looks;
pub mod members;
pub mod notices;
pub mod packages;
pub mod paging;
pub mod passkeys;
pub mod people;
pub mod policies;
pub mod progress;
pub mod proposals;
pub mod repeats;
pub mod requests;
pub mod second;
pub mod seeking;
pub mod reviewing;
mod rounds;
pub mod sessions;
pub mod showing;
pub mod staffing;
mod standing;
pub mod start;
pub mod subject;
pub mod submitting;
pub mod tokens;
pub mod undertakings;
mod unknowns;
pub mod vendor_keys;
pub mod vendors;
mod walking;

use std::sync::Arc;

use crate::access::known::Compared;
use crate::access::{Common, Known, Shelf, Staff};
use crate::audit::event::Event;
use crate::clock::{Clock, Micros};
use crate::model::network::Network;
use crate::policy::Policy;
use crate::store::{Store, View};
use crate::vault::Vault;

pub use crate::access::{Caller, Error};
pub use crate::model::refusal::Refusal;
pub use people::StepUp;
pub use start::Recovered;
use unknowns::Unknowns;

/// An opened vault with everything that decides about it.
pub struct Broker {
    store: Store,
    vault: Vault,
    shelf: Shelf,
    known: Known,
    used: sessions::Used,
    knowing: seeking::Knowing,
    looking: looking::Looking,
    /// From where packages may be downloaded; none named: from anywhere.
    networks: Vec<Network>,
    /// Where passkeys are bound to; none without a public origin.
    passkeys: Option<webauthn_rs::Webauthn>,
    unknowns: Unknowns,
    /// How far the packages are that this process makes.
    gauges: executing::gauge::Gauges,
    coverage: coverage::Kept,
    waiting: listing::Waiting,
}

/// What most verbs need first: one snapshot's people and policy.
#[derive(Clone)]
struct Ground {
    staff: Arc<Staff>,
    policy: Arc<Policy>,
}

impl Ground {
    /// What requests of this snapshot have in common at a moment.
    fn common(&self, at: Micros) -> Common {
        Common::new(self.staff.clone(), self.policy.clone(), at)
    }
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
        let policy = self.shelf.at(view, self.clock().now()).await?;
        Ok(Ground { staff: Arc::new(Staff::load(view).await?), policy })
    }

    /// The same for verbs that only read, as last compared with the log ([`Known`]).
    async fn known_ground(&self, view: &mut View<'_>) -> Result<Ground, Error> {
        let known = self.known.at(view, self.clock().now()).await?;
        self.ground_of(&known).await
    }

    /// The same of what was compared already.
    async fn ground_of(&self, known: &Compared) -> Result<Ground, Error> {
        let policy = self.shelf.take(known.version_at(self.clock().now())?).await?;
        Ok(Ground { staff: known.staff.clone(), policy })
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
                self.store.enter(event.refused(&refusal)).await?;
                Err(Error::Refused(refusal))
            }
            done => done,
        }
    }
}
