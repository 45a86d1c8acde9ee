//! AES-256-GCM with a random nonce in front: how every key, text and chunk here is sealed.
//!
//! ```text
//! nonce(12) ciphertext(n) tag(16)
//! ```
//!
//! Two libraries do the same: aes-gcm, whose keys wipe themselves, seals and opens whatever is opened one at
//! a time; ring, whose keys do not, opens by the million, where it takes a fifth off a whole export
//! (benches/README.md has both). A test opens with one what the other sealed. The nonce is random: the
//! busiest key, a KEK, wraps far fewer than 2^32 keys in an epoch (NIST SP 800-38D §8.3).

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, UnboundKey};
use zeroize::{Zeroize, Zeroizing};

use crate::clock::{NoRandomness, random};

/// Bytes that sealing adds.
pub const OVERHEAD: usize = 28;

/// Opening failed. One error whatever failed, so that it tells an attacker nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open")]
pub struct DoesNotOpen;

/// A 256-bit key that wipes itself and cannot be printed.
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// A fresh random key.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn random() -> Result<Self, NoRandomness> {
        Ok(Key(Zeroizing::new(random()?)))
    }

    /// A key from bytes that were unwrapped or derived.
    pub fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Key(bytes)
    }

    /// The bytes, for wrapping and deriving only.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A cipher for many values under this key.
    pub(crate) fn cipher(&self) -> Cipher {
        Cipher(Aes256Gcm::new(&(*self.0).into()))
    }

    /// A way to open many values under this key, or one value under each of many.
    ///
    /// # Errors
    /// None that is known: every 32 bytes are a key.
    pub(crate) fn opening(&self) -> Result<Opening, DoesNotOpen> {
        let key = UnboundKey::new(&AES_256_GCM, &*self.0).map_err(|_| DoesNotOpen)?;
        Ok(Opening(LessSafeKey::new(key)))
    }
}

/// A key that has been set up to open, many values or under many keys.
pub(crate) struct Opening(LessSafeKey);

impl Opening {
    /// Opens into a given buffer, replacing what it held. Nothing is left in it when that fails.
    pub(crate) fn open_into(
        &self,
        aad: &[u8],
        sealed: &[u8],
        out: &mut Zeroizing<Vec<u8>>,
    ) -> Result<(), DoesNotOpen> {
        let (nonce, rest) = sealed.split_at_checked(12).ok_or(DoesNotOpen)?;
        let nonce = ring::aead::Nonce::try_assume_unique_for_key(nonce).map_err(|_| DoesNotOpen)?;
        out.clear();
        out.extend_from_slice(rest);
        match self.0.open_in_place(nonce, Aad::from(aad), out).map(|plain| plain.len()) {
            Ok(length) => out.truncate(length),
            Err(_) => {
                out.zeroize();
                return Err(DoesNotOpen);
            }
        }
        Ok(())
    }
}

/// A key that has been set up.
pub(crate) struct Cipher(Aes256Gcm);

impl Cipher {
    /// Seals in place behind a given nonce; `out` receives nonce, ciphertext, tag.
    pub(crate) fn seal_with(&self, nonce: [u8; 12], aad: &[u8], plain: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&nonce);
        let start = out.len();
        out.extend_from_slice(plain);
        match self.0.encrypt_inout_detached(&Nonce::from(nonce), aad, out[start..].as_mut().into()) {
            Ok(tag) => out.extend_from_slice(&tag),
            // Only beyond 64 GiB, and nothing here is: leave no plaintext behind all the same.
            Err(_) => out.truncate(start),
        }
    }

    /// Seals behind a random nonce.
    pub(crate) fn seal(&self, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, NoRandomness> {
        let mut out = Vec::with_capacity(plain.len() + OVERHEAD);
        self.seal_with(random()?, aad, plain, &mut out);
        Ok(out)
    }

    /// Opens into a buffer that wipes itself.
    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        let mut out = Zeroizing::new(Vec::new());
        self.open_into(aad, sealed, &mut out)?;
        Ok(out)
    }

    /// Opens into a given buffer, replacing what it held: a stream opens a million values in one.
    pub(crate) fn open_into(
        &self,
        aad: &[u8],
        sealed: &[u8],
        out: &mut Zeroizing<Vec<u8>>,
    ) -> Result<(), DoesNotOpen> {
        if sealed.len() < OVERHEAD {
            return Err(DoesNotOpen);
        }
        let (nonce, rest) = sealed.split_at(12);
        let (body, tag) = rest.split_at(rest.len() - 16);
        out.clear();
        out.extend_from_slice(body);
        let nonce: [u8; 12] = nonce.try_into().map_err(|_| DoesNotOpen)?;
        let tag: [u8; 16] = tag.try_into().map_err(|_| DoesNotOpen)?;
        self.0
            .decrypt_inout_detached(&Nonce::from(nonce), aad, out.as_mut_slice().into(), &Tag::from(tag))
            .map_err(|_| DoesNotOpen)
    }
}

/// Parts joined so that no two lists of parts give the same bytes: each behind its length (4, LE).
pub fn bind(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|p| p.len() + 4).sum());
    for part in parts {
        out.extend_from_slice(&(part.len() as u32).to_le_bytes());
        out.extend_from_slice(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn opens_only_with_its_key_and_place() {
        let (key, other) = (Key::random().unwrap(), Key::random().unwrap());
        let sealed = key.cipher().seal(b"place", b"value").unwrap();
        assert_eq!(key.cipher().open(b"place", &sealed).unwrap().as_slice(), b"value");
        assert!(key.cipher().open(b"elsewhere", &sealed).is_err());
        assert!(other.cipher().open(b"place", &sealed).is_err());
        for i in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[i] ^= 1;
            assert!(key.cipher().open(b"place", &bad).is_err(), "byte {i}");
        }
        assert!(key.cipher().open(b"place", &sealed[..27]).is_err());
    }

    proptest! {
        #[test]
        fn both_libraries_open_the_same(value in prop::collection::vec(any::<u8>(), 0..200), at in any::<usize>()) {
            let (key, mut out) = (Key::random().unwrap(), Zeroizing::new(vec![1, 2, 3]));
            let mut sealed = key.cipher().seal(b"place", &value).unwrap();
            let opening = key.opening().unwrap();
            opening.open_into(b"place", &sealed, &mut out).unwrap();
            prop_assert_eq!(out.as_slice(), value.as_slice());
            prop_assert!(opening.open_into(b"elsewhere", &sealed, &mut out).is_err());
            prop_assert!(out.is_empty());
            let short = at % sealed.len();
            prop_assert!(opening.open_into(b"place", &sealed[..short], &mut out).is_err());
            sealed[short] ^= 1;
            prop_assert!(opening.open_into(b"place", &sealed, &mut out).is_err());
            prop_assert!(key.cipher().open(b"place", &sealed).is_err());
        }
    }

    #[test]
    fn parts_cannot_slide() {
        assert_ne!(bind(&[b"ab", b"c"]), bind(&[b"a", b"bc"]));
    }
}
