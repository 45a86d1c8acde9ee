//! The only room that handles a member's data key: seals, and opens for a grant.
//!
//! ```text
//! KEK ── wraps ──► data key (one a member) ── seals ──► each field by itself, the alias too
//! ```

mod field;
mod open;
mod plain;
mod rows;
mod tags;

pub use field::MemberKey;
pub use open::Comparer;
pub use plain::{Masked, Plain};
pub use rows::{CardRank, NotItsMember, Opener, Rows, SealedMember, Turn};
pub use tags::{PostContact, contact_tag, contact_tags};

use std::sync::Arc;

use crate::clock::Randomness;
use crate::keyring::Keyring;
use crate::keyring::aead::{DoesNotOpen, Key};
use crate::model::ids::MemberId;
use crate::store::StoreError;
use zeroize::Zeroizing;

use crate::store::members::WrappedDataKey;

/// Seals and opens member fields.
#[derive(Clone)]
pub struct Vault {
    keyring: Arc<Keyring>,
}

impl Vault {
    /// Over a vault's keys.
    pub fn new(keyring: Arc<Keyring>) -> Self {
        Vault { keyring }
    }

    /// The vault's keys that are not a member's: index tags, suppression tags.
    pub fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    /// A new member's id and data key, and the key wrapped for the keystore.
    ///
    /// # Errors
    /// No randomness.
    pub fn birth(&self, random: &mut Randomness) -> Result<(MemberKey, WrappedDataKey), StoreError> {
        let id = MemberId(random.take()?);
        let key = Key::new(Zeroizing::new(random.take()?));
        let mut wrapped = Vec::with_capacity(60);
        let kek = self.keyring.wrap_with(random.take()?, &[b"data-key", &id.0], &key, &mut wrapped);
        let member = MemberKey::new(self.keyring.vault(), id, &key);
        Ok((member, WrappedDataKey { id, kek, wrapped }))
    }

    /// A member's data key, unwrapped: it seals, and opens only through a grant.
    ///
    /// # Errors
    /// [`DoesNotOpen`].
    pub fn key(&self, wrapped: &WrappedDataKey) -> Result<MemberKey, DoesNotOpen> {
        let key = self.keyring.unwrap(wrapped.kek, &[b"data-key", &wrapped.id.0], &wrapped.wrapped)?;
        Ok(MemberKey::new(self.keyring.vault(), wrapped.id, &key))
    }
}

#[cfg(test)]
mod tests;
