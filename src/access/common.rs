//! What many requests of one snapshot have in common: who is who, the policies, signers' keys, vendors. A list reads each
//! of them once and not again for every line.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::clock::Micros;
use crate::model::ids::{Digest, Login, VendorCode};
use crate::policy::Policy;
use crate::store::View;
use crate::store::holds::Hold;
use crate::store::people::Credential;
use crate::store::vendor_keys::VendorKeyRow;
use crate::store::vendors::VendorRow;

use super::{Error, Shelf, Staff};

/// What was read so far, of one snapshot and one moment.
pub struct Common {
    pub(super) staff: Arc<Staff>,
    /// The policy in force.
    pub(super) policy: Arc<Policy>,
    pub(super) at: Micros,
    policies: BTreeMap<Digest, Arc<Policy>>,
    signers: BTreeMap<Login, (Vec<Credential>, Vec<Hold>)>,
    vendors: BTreeMap<VendorCode, (Option<VendorRow>, Option<VendorKeyRow>)>,
}

impl Common {
    /// For requests that are read in the snapshot in which these were, the policy that is in force at this moment.
    pub fn new(staff: Arc<Staff>, policy: Arc<Policy>, at: Micros) -> Common {
        Common {
            staff,
            policy,
            at,
            policies: BTreeMap::new(),
            signers: BTreeMap::new(),
            vendors: BTreeMap::new(),
        }
    }

    /// The policy a request was asked under.
    pub(super) async fn policy(
        &mut self,
        view: &mut View<'_>,
        shelf: &Shelf,
        digest: Digest,
    ) -> Result<Arc<Policy>, Error> {
        Ok(match self.policies.entry(digest) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(place) => place.insert(shelf.by_digest(view, digest).await?).clone(),
        })
    }

    /// Every key somebody had, and when they were held.
    pub(super) async fn signer(
        &mut self,
        view: &mut View<'_>,
        login: &Login,
    ) -> Result<&(Vec<Credential>, Vec<Hold>), Error> {
        Ok(match self.signers.entry(login.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert((view.credentials(login).await?, view.holds(login).await?)),
        })
    }

    /// A vendor and its present key.
    pub(super) async fn vendor(
        &mut self,
        view: &mut View<'_>,
        code: &VendorCode,
    ) -> Result<(Option<VendorRow>, Option<VendorKeyRow>), Error> {
        Ok(match self.vendors.entry(code.clone()) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(place) => {
                place.insert((view.vendor(code).await?, view.vendor_keys(code).await?.pop())).clone()
            }
        })
    }
}
