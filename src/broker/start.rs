//! Making and opening a vault, and finishing at start what a crash broke off.

use super::sessions::Used;
use super::{Broker, Error};
use crate::access::{Known, Shelf};
use crate::audit::event::{Action, Actor, Event};
use crate::model::ids::Digest;
use crate::policy::{Policy, PolicyFiles};
use crate::store::policies::PolicyVersion;
use crate::store::{Place, Store};
use crate::vault::Vault;

/// What start found unfinished, and finished.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Data keys without a member.
    pub keys: u64,
    /// Erasures that had been ordered.
    pub erasures: u64,
    /// Packages whose making was broken off.
    pub aborted: u64,
    /// Package files that only had to be renamed.
    pub renamed: u64,
}

impl Broker {
    /// Makes a vault and adopts the built-in policies as its version 1.
    ///
    /// # Errors
    /// There is a vault already, or something cannot be written.
    pub async fn create(place: &Place, demo: bool, zone: &str) -> Result<Broker, Error> {
        let files = PolicyFiles::built_in();
        Policy::load(files.clone()).await?;
        let broker = Broker::over(Store::create(place, demo, zone).await?);
        let digest = Digest(files.digest());
        let mut work = broker.store.work().await?;
        let version = PolicyVersion {
            id: 1,
            digest,
            files: files.to_bytes(),
            proposed_by: "operator".into(),
            proposed_at: work.at(),
            proposed_sig: None,
            seconded: None,
            effective_at: 0,
        };
        work.put_policy(&version).await?;
        work.commit(Event::new(Action::PolicyProposed, Actor::Operator).object(1).policy(digest)).await?;
        Ok(broker)
    }

    /// Opens a vault, checks it, and finishes what was left unfinished.
    ///
    /// # Errors
    /// Whatever keeps it closed.
    pub async fn open(place: &Place) -> Result<(Broker, Recovered), Error> {
        let broker = Broker::over(Store::open(place).await?);
        let recovered = broker.recover().await?;
        Ok((broker, recovered))
    }

    /// Opens a vault only to look at it: nothing unfinished is finished, nothing is appended, and one of an
    /// earlier version is not brought up to date but refused.
    ///
    /// # Errors
    /// Whatever keeps it closed.
    pub async fn inspect(place: &Place) -> Result<Broker, Error> {
        Ok(Broker::over(Store::open_to_look(place).await?))
    }

    pub(super) fn over(store: Store) -> Broker {
        let vault = Vault::new(store.keyring().clone());
        let (shelf, known, used) = (Shelf::default(), Known::default(), Used::default());
        Broker {
            store,
            vault,
            shelf,
            known,
            used,
            knowing: Default::default(),
            looking: Default::default(),
            networks: Vec::new(),
            passkeys: None,
            unknowns: Default::default(),
            gauges: Default::default(),
            coverage: Default::default(),
            waiting: Default::default(),
        }
    }

    /// Finishes what was left unfinished.
    pub(super) async fn recover(&self) -> Result<Recovered, Error> {
        let erasures = self.finish_erasures().await?;
        let (aborted, renamed) = self.settle_packages().await?;
        let keys = self.store.sweep_orphan_keys().await?;
        Ok(Recovered { keys, erasures, aborted, renamed })
    }
}
