//! Loaded policies by digest: a version is parsed and self-tested once a process.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::model::ids::Digest;
use crate::policy::{Policy, PolicyFiles};
use crate::store::policies::PolicyVersion;
use crate::store::{StoreError, View};

use super::Error;

/// The versions that were needed so far.
#[derive(Default)]
pub struct Shelf(Mutex<HashMap<Digest, Arc<Policy>>>);

impl Shelf {
    /// The policy in force at an instant.
    ///
    /// # Errors
    /// None is in force, or it cannot be read: closed.
    pub async fn at(&self, view: &mut View<'_>, at: crate::clock::Micros) -> Result<Arc<Policy>, Error> {
        let version = view.policy_at(at).await?;
        self.take(&version).await
    }

    /// A version by digest.
    ///
    /// # Errors
    /// There is none that was adopted, or it cannot be read.
    pub async fn by_digest(&self, view: &mut View<'_>, digest: Digest) -> Result<Arc<Policy>, Error> {
        let version = view.policy_by_digest(digest).await?.ok_or_else(|| {
            StoreError::integrity("policy_version", "the version it was asked under is gone")
        })?;
        self.take(&version).await
    }

    /// A version, loaded.
    ///
    /// # Errors
    /// It cannot be read: closed.
    pub async fn take(&self, version: &PolicyVersion) -> Result<Arc<Policy>, Error> {
        let mut shelf = self.0.lock().await;
        if let Some(policy) = shelf.get(&version.digest) {
            return Ok(policy.clone());
        }
        let files = PolicyFiles::from_bytes(&version.files)?;
        if Digest(files.digest()) != version.digest {
            return Err(StoreError::integrity("policy_version", "its digest is another").into());
        }
        let policy = Arc::new(Policy::load(files).await?);
        shelf.insert(version.digest, policy.clone());
        Ok(policy)
    }
}
