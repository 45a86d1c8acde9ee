//! One field, sealed by itself.
//!
//! ```text
//! stored     suite(1) = 1 · key_version(4, LE) · nonce(12) · ciphertext · tag(16)
//! plaintext  length(2, LE) · value · zeros up to the field's bucket
//! bound to   "countersign.field.v1" · vault id · member id · field · field version · key version,
//!            each behind its length
//! ```
//!
//! Why the padding: AES-GCM shows a plaintext's length, and a name's length tells something of the name.
//! Why a random nonce: a member's key is his alone and seals a few hundred values in a lifetime, far
//! below the bound of SP 800-38D §8.3.

use zeroize::Zeroizing;

use crate::clock::{NoRandomness, Randomness};
use crate::keyring::aead::{Cipher, DoesNotOpen, Key, Opening, bind};
use crate::model::field::Field;
use crate::model::ids::{Alias, MemberId, VaultId};
use crate::model::sealed::{Entry, Record, Sealed};

const SUITE: u8 = 1;
/// Version of a member's data key; one as long as re-keying a member means a new member key.
const KEY_VERSION: u32 = 1;
const LABEL: &[u8] = b"countersign.field.v1";
/// Number of the alias in a record.
const ALIAS: u8 = 0;
/// Number in the associated data of a consent's evidence, which lies outside the record.
const EVIDENCE: u8 = 255;

/// A member's data key, set up. It seals; what it opens leaves this room only through a grant.
pub struct MemberKey {
    id: MemberId,
    cipher: Cipher,
    place: Place,
}

impl MemberKey {
    pub(super) fn new(vault: VaultId, id: MemberId, key: &Key) -> Self {
        MemberKey { id, cipher: key.cipher(), place: Place::of(vault, id) }
    }

    /// Whose key.
    pub fn id(&self) -> MemberId {
        self.id
    }

    /// Seals a value as one version of a field.
    ///
    /// # Errors
    /// No randomness.
    pub fn seal(
        &self,
        random: &mut Randomness,
        field: Field,
        version: u32,
        value: &str,
    ) -> Result<Entry, NoRandomness> {
        self.seal_number(random, field.number(), version, value.as_bytes(), bucket(field))
    }

    /// Seals the random name under which the log speaks of this member.
    ///
    /// # Errors
    /// No randomness.
    pub fn seal_alias(&self, random: &mut Randomness, alias: Alias) -> Result<Entry, NoRandomness> {
        self.seal_number(random, ALIAS, 1, &alias.0, 16)
    }

    /// Seals what shows a consent, bound to the number of the consent event. People write names into it,
    /// so it is personal and goes with the member's key.
    ///
    /// # Errors
    /// No randomness.
    pub fn seal_evidence(
        &self,
        random: &mut Randomness,
        event: u32,
        evidence: &str,
    ) -> Result<Sealed, NoRandomness> {
        Ok(self.seal_number(random, EVIDENCE, event, evidence.as_bytes(), 64)?.sealed)
    }

    /// The alias. It names nobody outside the log, so no grant is asked.
    ///
    /// # Errors
    /// [`DoesNotOpen`].
    pub fn alias(&self, record: &Record) -> Result<Alias, DoesNotOpen> {
        let entry = record.0.iter().find(|e| e.number == ALIAS).ok_or(DoesNotOpen)?;
        let mut plain = Zeroizing::new(Vec::new());
        self.open(ALIAS, entry.version, &entry.sealed.0, &mut plain)?;
        Ok(Alias(plain.as_slice().try_into().map_err(|_| DoesNotOpen)?))
    }

    fn seal_number(
        &self,
        random: &mut Randomness,
        number: u8,
        version: u32,
        value: &[u8],
        bucket: usize,
    ) -> Result<Entry, NoRandomness> {
        let padded = (2 + value.len()).next_multiple_of(bucket);
        let mut plain = Zeroizing::new(Vec::with_capacity(padded));
        // Values are parsed to at most 256 characters, four bytes each.
        plain.extend_from_slice(&(value.len() as u16).to_le_bytes());
        plain.extend_from_slice(value);
        plain.resize(padded, 0);
        let mut out = Vec::with_capacity(5 + 28 + padded);
        out.push(SUITE);
        out.extend_from_slice(&KEY_VERSION.to_le_bytes());
        let place = &self.place;
        self.cipher.seal_with(random.take()?, &place.aad(number, version, KEY_VERSION), &plain, &mut out);
        Ok(Entry { number, version, sealed: Sealed(out) })
    }

    /// Opens into a buffer that is wiped, and cuts the padding off.
    pub(super) fn open(
        &self,
        number: u8,
        version: u32,
        sealed: &[u8],
        out: &mut Zeroizing<Vec<u8>>,
    ) -> Result<(), DoesNotOpen> {
        let (key_version, body) = stored(sealed)?;
        self.cipher.open_into(&self.place.aad(number, version, key_version), body, out)?;
        cut_padding(out)
    }
}

/// The same for one of many members, each opened once.
pub(super) struct MemberOpening {
    opening: Opening,
    place: Place,
}

impl MemberOpening {
    pub(super) fn new(vault: VaultId, id: MemberId, key: &Key) -> Result<Self, DoesNotOpen> {
        Ok(MemberOpening { opening: key.opening()?, place: Place::of(vault, id) })
    }

    /// As [`MemberKey::open`].
    pub(super) fn open(
        &self,
        number: u8,
        version: u32,
        sealed: &[u8],
        out: &mut Zeroizing<Vec<u8>>,
    ) -> Result<(), DoesNotOpen> {
        let (key_version, body) = stored(sealed)?;
        self.opening.open_into(&self.place.aad(number, version, key_version), body, out)?;
        cut_padding(out)
    }
}

/// Everything of the associated data but the field's own parts.
struct Place([u8; PLACE]);

const PLACE: usize = 4 + LABEL.len() + 4 + 16 + 4 + 16;

impl Place {
    fn of(vault: VaultId, id: MemberId) -> Self {
        let mut place = [0; PLACE];
        place.copy_from_slice(&bind(&[LABEL, &vault.0, &id.0]));
        Place(place)
    }

    fn aad(&self, number: u8, version: u32, key_version: u32) -> [u8; PLACE + 21] {
        let mut aad = [0; PLACE + 21];
        let (place, own) = aad.split_at_mut(PLACE);
        place.copy_from_slice(&self.0);
        own[..4].copy_from_slice(&1u32.to_le_bytes());
        own[4] = number;
        own[5..9].copy_from_slice(&4u32.to_le_bytes());
        own[9..13].copy_from_slice(&version.to_le_bytes());
        own[13..17].copy_from_slice(&4u32.to_le_bytes());
        own[17..].copy_from_slice(&key_version.to_le_bytes());
        aad
    }
}

/// The key's version, and what is sealed.
fn stored(sealed: &[u8]) -> Result<(u32, &[u8]), DoesNotOpen> {
    match sealed.split_first_chunk::<5>() {
        Some(([SUITE, version @ ..], body)) => Ok((u32::from_le_bytes(*version), body)),
        _ => Err(DoesNotOpen),
    }
}

fn cut_padding(out: &mut Zeroizing<Vec<u8>>) -> Result<(), DoesNotOpen> {
    let length = out.first_chunk::<2>().map(|l| usize::from(u16::from_le_bytes(*l))).ok_or(DoesNotOpen)?;
    if out.len() < 2 + length {
        return Err(DoesNotOpen);
    }
    out.copy_within(2..2 + length, 0);
    out.truncate(length);
    Ok(())
}

/// Plaintexts are padded to a multiple of this, two bytes of length included.
const fn bucket(field: Field) -> usize {
    match field {
        Field::Name => 32,
        Field::Address => 64,
        Field::Email => 32,
        Field::Card => 16,
        // Of one length each; nothing to hide.
        Field::Mobile => 13,
        Field::Postcode => 8,
        Field::Birthday => 12,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(vault: u8, id: u8, secret: u8) -> MemberKey {
        let secret = Key::new(Zeroizing::new([secret; 32]));
        MemberKey::new(VaultId([vault; 16]), MemberId([id; 16]), &secret)
    }

    #[test]
    fn the_place_is_bound_part_by_part() {
        let (vault, id) = (VaultId([1; 16]), MemberId([2; 16]));
        let parts: [&[u8]; 6] = [LABEL, &vault.0, &id.0, &[3], &4u32.to_le_bytes(), &5u32.to_le_bytes()];
        assert_eq!(Place::of(vault, id).aad(3, 4, 5)[..], bind(&parts));
    }

    fn opens(key: &MemberKey, number: u8, version: u32, sealed: &[u8]) -> Option<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::new());
        key.open(number, version, sealed, &mut out).ok().map(|()| out.to_vec())
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens(value in "\\PC{0,256}", version in 1u32..9) {
            for field in Field::ALL {
                let key = key(1, 2, 3);
                let entry = key.seal(&mut Randomness::default(), *field, version, &value).unwrap();
                prop_assert_eq!(opens(&key, field.number(), version, &entry.sealed.0), Some(value.as_bytes().to_vec()));
            }
        }
    }

    #[test]
    fn it_opens_in_its_own_place_only() {
        let entry = key(1, 2, 3).seal(&mut Randomness::default(), Field::Name, 1, "李娜").unwrap();
        let sealed = &entry.sealed.0;
        assert!(opens(&key(1, 2, 3), 2, 1, sealed).is_some());
        assert!(opens(&key(9, 2, 3), 2, 1, sealed).is_none(), "vault");
        assert!(opens(&key(1, 9, 3), 2, 1, sealed).is_none(), "member");
        assert!(opens(&key(1, 2, 9), 2, 1, sealed).is_none(), "key");
        assert!(opens(&key(1, 2, 3), 3, 1, sealed).is_none(), "field");
        assert!(opens(&key(1, 2, 3), 2, 2, sealed).is_none(), "version");
        for i in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[i] ^= 0x40;
            assert!(opens(&key(1, 2, 3), 2, 1, &bad).is_none(), "byte {i}");
        }
    }

    #[test]
    fn names_of_two_and_four_characters_are_of_one_length() {
        let key = key(1, 2, 3);
        let length =
            |name| key.seal(&mut Randomness::default(), Field::Name, 1, name).unwrap().sealed.0.len();
        assert_eq!(length("李娜"), length("欧阳娜娜"));
    }

    #[test]
    fn the_alias_opens_without_a_grant() {
        let key = key(1, 2, 3);
        let record = Record(vec![key.seal_alias(&mut Randomness::default(), Alias([7; 16])).unwrap()]);
        assert_eq!(key.alias(&record).unwrap(), Alias([7; 16]));
    }
}
