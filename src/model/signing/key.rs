//! Ed25519 keys of people (RFC 8032), over labelled bytes only.

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use zeroize::Zeroizing;

use crate::model::canonical::labelled;
use crate::model::ids::{Fingerprint, hex_bytes};

hex_bytes! {
    /// An Ed25519 public key.
    PublicKey, 32, "public key"
}
hex_bytes! {
    /// An Ed25519 signature.
    Signature, 64, "signature"
}

/// A signature that this key did not make over these bytes. Says no more: nothing else is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

impl PublicKey {
    /// What people compare and payloads name.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.0)
    }

    /// Whether this key signed this body under this label.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, label: &str, body: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        UnparsedPublicKey::new(&ED25519, self.0)
            .verify(&labelled(label, body), &signature.0)
            .map_err(|_| BadSignature)
    }
}

/// A person's signing key, opened for one signature and dropped. It can be neither printed, copied
/// nor serialised. The seed is the caller's, who wipes it; ring keeps the expanded scalar for as
/// long as this value lives and does not wipe it, so it should live for one call.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// The key of a 32-byte seed (RFC 8032 §5.1.5).
    ///
    /// # Errors
    /// [`BadSignature`] if ring refuses the seed, which it does for no 32 bytes.
    pub fn from_seed(seed: &Zeroizing<[u8; 32]>) -> Result<SigningKey, BadSignature> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| BadSignature)?;
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        Ok(SigningKey { pair, public: PublicKey(public) })
    }

    /// Its public half.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a body under a label. There is no way to sign bare bytes: a signature made for one kind
    /// of thing can be shown for no other.
    pub fn sign(&self, label: &str, body: &[u8]) -> Signature {
        let mut out = [0; 64];
        out.copy_from_slice(self.pair.sign(&labelled(label, body)).as_ref());
        Signature(out)
    }

    /// A key for tests.
    #[cfg(test)]
    pub(crate) fn example(n: u8) -> SigningKey {
        SigningKey::from_seed(&Zeroizing::new([n; 32])).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_makes_the_key_that_rfc_8032_says() {
        // RFC 8032 §7.1, test 1.
        let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
        let key = SigningKey::from_seed(&Zeroizing::new(seed.try_into().unwrap())).unwrap();
        assert_eq!(
            key.public().to_string(),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
    }

    #[test]
    fn a_signature_is_of_one_label_and_body() {
        let key = SigningKey::example(7);
        let signature = key.sign("a.v1", b"body");
        assert_eq!(key.public().verify("a.v1", b"body", &signature), Ok(()));
        for (label, body) in [("b.v1", "body"), ("a.v1", "bodz"), ("a.v1b", "ody")] {
            assert_eq!(key.public().verify(label, body.as_bytes(), &signature), Err(BadSignature));
        }
        for byte in 0..64 {
            let mut edited = signature;
            edited.0[byte] ^= 1;
            assert_eq!(key.public().verify("a.v1", b"body", &edited), Err(BadSignature), "{byte}");
        }
    }
}
