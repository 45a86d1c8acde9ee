//! Members whom a caller has just seen, by a name that a page can carry instead of a card number.
//!
//! A contact point finds a member whose card the caller does not know, and does not need to. The name is good for the
//! person it was made for, for as long as somebody stands at a counter, and permits nothing: each verb asks the policy
//! about the member as it does for a card.
//!
//! ```text
//! base64url( AES-256-GCM(chunks, ordinal(8) until(8)) )   bound to bind("countersign.place.v1", vault, "found", login)
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Broker, Caller, Error};
use crate::clock::Micros;
use crate::model::contact::CardNo;
use crate::store::StoreError;

/// How long a name is good: half an hour.
const LIFE: Micros = 30 * 60 * 1_000_000;

/// A member's name for one caller, for a while.
#[derive(Clone, PartialEq, Eq)]
pub struct Found(String);

impl Found {
    /// What a page gave back. Whether it is one shows when it is used.
    pub fn new(text: impl Into<String>) -> Found {
        Found(text.into())
    }

    /// For the page.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whom a verb is about.
#[derive(Clone)]
pub enum Whom {
    /// The member with this card.
    Card(CardNo),
    /// The member who was found.
    Found(Found),
}

impl From<&CardNo> for Whom {
    fn from(card: &CardNo) -> Whom {
        Whom::Card(card.clone())
    }
}

impl From<&Found> for Whom {
    fn from(found: &Found) -> Whom {
        Whom::Found(found.clone())
    }
}

impl Broker {
    /// A name for the member in this place.
    pub(super) fn name(&self, caller: &Caller, ordinal: i64) -> Result<Found, Error> {
        let mut plain = ordinal.to_le_bytes().to_vec();
        plain.extend((self.clock().now() + LIFE).to_le_bytes());
        let place: [&[u8]; 2] = [b"found", caller.login().as_str().as_bytes()];
        let sealed = self.store.keyring().seal_chunk(&place, &plain).map_err(StoreError::from)?;
        Ok(Found(URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// The ordinal behind a name that is still good.
    pub(super) fn ordinal_of(&self, caller: &Caller, found: &Found) -> Option<i64> {
        let sealed = URL_SAFE_NO_PAD.decode(&found.0).ok()?;
        let place: [&[u8]; 2] = [b"found", caller.login().as_str().as_bytes()];
        let plain = self.store.keyring().open_chunk(&place, &sealed).ok()?;
        let (ordinal, until) = plain.split_first_chunk::<8>()?;
        let until = Micros::from_le_bytes(until.try_into().ok()?);
        (self.clock().now() < until).then(|| i64::from_le_bytes(*ordinal))
    }
}
