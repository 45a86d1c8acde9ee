//! Keys that are not a member's: wrapping, MACs, index tags, texts, checkpoints. Opens no member field.
//!
//! ```text
//! root key ─ wraps ─► vault_key rows: kek · row-mac · heads · index.* · suppression · chunks · staff · text
//!          └ wraps ─► checkpoint.key, manifest.key (Ed25519 seeds, own files)
//! ```
//!
//! Every key is random and 256 bits. Each has one use, so that no two uses can meet in one output.

pub mod aead;
pub mod files;
pub mod root;

use ring::{digest, hkdf, hmac};
use zeroize::Zeroizing;

use crate::clock::NoRandomness;
use crate::model::code::codes;
use crate::model::field::Index;
use crate::model::ids::VaultId;
use aead::{DoesNotOpen, Key, bind};
use root::{Root, RootError};

codes! {
    /// What a key of the vault is for.
    KeyKind, "key kind" {
        /// Wraps members' data keys and package keys.
        Kek = "kek",
        /// MACs of rows.
        RowMac = "row-mac",
        /// Seals the set heads' accumulators, and makes the heads that the log shows.
        Heads = "heads",
        /// Blind index of card numbers.
        IndexCard = "index.card",
        /// Blind index of mobiles.
        IndexMobile = "index.mobile",
        /// Blind index of email addresses.
        IndexEmail = "index.email",
        /// Blind index of postal contact points.
        IndexPost = "index.post",
        /// Tags of the suppression list; never rotated, for an erased contact cannot be tagged again.
        Suppression = "suppression",
        /// Seals consent chunks and disclosure sets.
        Chunks = "chunks",
        /// The vault's share in every staff signing key.
        Staff = "staff",
        /// Seals justifications.
        Text = "text",
    }
}

/// A 128-bit keyed tag.
pub type Tag = [u8; 16];

/// One wrapped key as it lies in the database.
pub struct WrappedKey {
    /// What it is for.
    pub kind: KeyKind,
    /// Its version, from 1.
    pub version: i64,
    /// nonce(12) key(32) tag(16)
    pub wrapped: Vec<u8>,
}

/// A key-encryption key, set up both ways.
struct Kek {
    version: i64,
    sealing: aead::Cipher,
    opening: aead::Opening,
}

/// All keys of an opened vault.
pub struct Keyring {
    vault: VaultId,
    keks: Vec<Kek>,
    row_mac: hmac::Key,
    heads: Key,
    heads_mac: hmac::Key,
    index: [hmac::Key; 4],
    suppression: hmac::Key,
    chunks: aead::Cipher,
    staff: Key,
    text: aead::Cipher,
}

impl Keyring {
    /// Makes every key of a new vault and wraps it.
    ///
    /// # Errors
    /// The root provider failed or there was no randomness.
    pub fn birth(vault: VaultId, root: &dyn Root) -> Result<Vec<WrappedKey>, RootError> {
        KeyKind::ALL
            .iter()
            .map(|&kind| {
                let key = Key::random()?;
                Ok(WrappedKey { kind, version: 1, wrapped: root.wrap(&place(vault, kind, 1), &key)? })
            })
            .collect()
    }

    /// Unwraps a vault's keys.
    ///
    /// # Errors
    /// [`RootError::Wrong`] when one does not open or is missing.
    pub fn open(vault: VaultId, root: &dyn Root, rows: &[WrappedKey]) -> Result<Self, RootError> {
        let all = |kind: KeyKind| -> Result<Vec<(i64, Key)>, RootError> {
            let mut keys = rows
                .iter()
                .filter(|row| row.kind == kind)
                .map(|row| Ok((row.version, root.unwrap(&place(vault, kind, row.version), &row.wrapped)?)))
                .collect::<Result<Vec<_>, RootError>>()?;
            keys.sort_by_key(|(version, _)| *version);
            if keys.is_empty() { Err(RootError::Wrong) } else { Ok(keys) }
        };
        let newest = |kind| all(kind).and_then(|mut keys| keys.pop().map(|k| k.1).ok_or(RootError::Wrong));
        let mac = |kind| newest(kind).map(|key| hmac::Key::new(hmac::HMAC_SHA256, key.bytes()));
        let heads = newest(KeyKind::Heads)?;
        let kek = |(version, key): (i64, Key)| {
            let opening = key.opening().map_err(|_| RootError::Wrong)?;
            Ok(Kek { version, sealing: key.cipher(), opening })
        };
        Ok(Keyring {
            vault,
            keks: all(KeyKind::Kek)?.into_iter().map(kek).collect::<Result<_, RootError>>()?,
            row_mac: mac(KeyKind::RowMac)?,
            heads_mac: hmac::Key::new(
                hmac::HMAC_SHA256,
                derive(heads.bytes(), b"countersign.head.v1")?.bytes(),
            ),
            heads,
            index: [
                mac(KeyKind::IndexCard)?,
                mac(KeyKind::IndexMobile)?,
                mac(KeyKind::IndexEmail)?,
                mac(KeyKind::IndexPost)?,
            ],
            suppression: mac(KeyKind::Suppression)?,
            chunks: newest(KeyKind::Chunks)?.cipher(),
            staff: newest(KeyKind::Staff)?,
            text: newest(KeyKind::Text)?.cipher(),
        })
    }

    /// Which vault these keys are of.
    pub fn vault(&self) -> VaultId {
        self.vault
    }

    /// The tag of a normalised value under its index's key: HMAC-SHA-256, 128 bits.
    pub fn index_tag(&self, index: Index, value: &[u8]) -> Tag {
        tag(&self.index[usize::from(index.number()) - 1], value)
    }

    /// The tag of a contact point on the suppression list. Its key is never rotated.
    pub fn suppression_tag(&self, index: Index, value: &[u8]) -> Tag {
        let mut context = hmac::Context::with_key(&self.suppression);
        context.update(&[index.number()]);
        context.update(value);
        cut(context.sign())
    }

    /// The tag under which something passing is remembered, a wrong password or an answer: nobody who reads the table
    /// learns whose it was.
    pub fn passing_tag(&self, parts: &[&[u8]]) -> Tag {
        tag(&self.row_mac, &self.bound(parts))
    }

    /// The MAC of a row's bytes.
    pub(crate) fn row_mac(&self, row: &[u8]) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(hmac::sign(&self.row_mac, row).as_ref());
        out
    }

    /// What the log shows of an accumulator: keyed, so that no row's MAC can be worked out from two heads.
    pub(crate) fn head(&self, bytes: &[u8]) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(hmac::sign(&self.heads_mac, bytes).as_ref());
        out
    }

    pub(crate) fn seal_heads(&self, plain: &[u8]) -> Result<Vec<u8>, NoRandomness> {
        self.heads.cipher().seal(&self.bound(&[b"heads"]), plain)
    }

    pub(crate) fn open_heads(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        self.heads.cipher().open(&self.bound(&[b"heads"]), sealed)
    }

    pub(crate) fn seal_chunk(&self, place: &[&[u8]], plain: &[u8]) -> Result<Vec<u8>, NoRandomness> {
        self.chunks.seal(&self.bound(place), plain)
    }

    pub(crate) fn open_chunk(
        &self,
        place: &[&[u8]],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        self.chunks.open(&self.bound(place), sealed)
    }

    pub(crate) fn seal_text(&self, salt: &[u8], plain: &str) -> Result<Vec<u8>, NoRandomness> {
        self.text.seal(&self.bound(&[b"text", salt]), plain.as_bytes())
    }

    pub(crate) fn open_text(&self, salt: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        self.text.open(&self.bound(&[b"text", salt]), sealed)
    }

    /// Wraps a key under the newest KEK; its version and the wrapped bytes.
    pub(crate) fn wrap(&self, place: &[&[u8]], key: &Key) -> Result<(i64, Vec<u8>), NoRandomness> {
        let mut out = Vec::with_capacity(60);
        let version = self.wrap_with(crate::clock::random()?, place, key, &mut out);
        Ok((version, out))
    }

    /// The same with a nonce the caller drew with a thousand others.
    pub(crate) fn wrap_with(&self, nonce: [u8; 12], place: &[&[u8]], key: &Key, out: &mut Vec<u8>) -> i64 {
        // `open` refuses a keyring without a KEK.
        let kek = &self.keks[self.keks.len() - 1];
        kek.sealing.seal_with(nonce, &self.kek_place(kek.version, place), key.bytes(), out);
        kek.version
    }

    /// Unwraps what [`Keyring::wrap`] wrapped for the same place.
    pub(crate) fn unwrap(&self, version: i64, place: &[&[u8]], wrapped: &[u8]) -> Result<Key, DoesNotOpen> {
        let kek = self.keks.iter().find(|kek| kek.version == version).ok_or(DoesNotOpen)?;
        // Room for the tag too: growing would leave a copy of the key behind.
        let mut plain = Zeroizing::new(Vec::with_capacity(48));
        kek.opening.open_into(&self.kek_place(version, place), wrapped, &mut plain)?;
        let mut bytes = Zeroizing::new([0; 32]);
        if plain.len() != 32 {
            return Err(DoesNotOpen);
        }
        bytes.copy_from_slice(&plain);
        Ok(Key::new(bytes))
    }

    /// The key that seals a person's signing seed: HKDF over argon2id(password) and the vault's share,
    /// so that a stolen database alone cannot be asked whether a password is right.
    pub(crate) fn staff_key(&self, stretched: &Key) -> Result<Key, RootError> {
        let mut secret = Zeroizing::new([0u8; 64]);
        secret[..32].copy_from_slice(stretched.bytes());
        secret[32..].copy_from_slice(self.staff.bytes());
        derive(secret.as_slice(), b"countersign.staff.v1")
    }

    fn kek_place(&self, version: i64, place: &[&[u8]]) -> Vec<u8> {
        let version = version.to_le_bytes();
        let mut parts: Vec<&[u8]> = vec![b"countersign.kek.v1", &self.vault.0, &version];
        parts.extend_from_slice(place);
        bind(&parts)
    }

    fn bound(&self, place: &[&[u8]]) -> Vec<u8> {
        let mut parts: Vec<&[u8]> = vec![b"countersign.place.v1", &self.vault.0];
        parts.extend_from_slice(place);
        bind(&parts)
    }
}

fn place(vault: VaultId, kind: KeyKind, version: i64) -> Vec<u8> {
    bind(&[&vault.0, kind.code().as_bytes(), &version.to_le_bytes()])
}

fn tag(key: &hmac::Key, value: &[u8]) -> Tag {
    cut(hmac::sign(key, value))
}

fn cut(tag: hmac::Tag) -> Tag {
    let mut out = [0; 16];
    out.copy_from_slice(&tag.as_ref()[..16]);
    out
}

fn derive(secret: &[u8], info: &[u8]) -> Result<Key, RootError> {
    let mut out = Zeroizing::new([0u8; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"countersign")
        .extract(secret)
        .expand(&[info], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(out.as_mut_slice()))
        .map_err(|_| RootError::Wrong)?;
    Ok(Key::new(out))
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

#[cfg(test)]
mod tests;
