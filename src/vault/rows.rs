//! A package's grant as one stream over exactly its members.

use zeroize::Zeroizing;

use super::Vault;
use super::field::MemberOpening;
use super::plain::Plain;
use super::tags::PostContact;
use crate::access::{Grant, PackageRows};
use crate::keyring::Tag;
use crate::keyring::aead::DoesNotOpen;
use crate::model::field::{Field, Index};
use crate::model::ids::MemberId;
use crate::model::ordinals::OrdinalSet;
use crate::model::sealed::entries;
use crate::store::selecting::contact_mark;

/// A member was asked for that this package's grant does not cover, or covers no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotItsMember {
    /// Not among the grant's members, or had his turn.
    #[error("the package's grant does not cover this member")]
    NotCovered,
    /// The value did not open.
    #[error(transparent)]
    DoesNotOpen(#[from] DoesNotOpen),
}

/// The sealed parts of one member as the store hands them over.
pub struct SealedMember<'a> {
    /// Id.
    pub id: MemberId,
    /// Record bytes.
    pub record: &'a [u8],
    /// Version of the KEK.
    pub kek: i64,
    /// Wrapped data key.
    pub wrapped: &'a [u8],
}

/// Where a member's card number stands among others; says nothing else about it, and is wiped.
#[derive(PartialEq, Eq, PartialOrd, Ord, zeroize::ZeroizeOnDrop)]
pub struct CardRank(usize, [u8; 32]);

/// The members of a package who are still to be opened, each of them once.
pub struct Rows {
    vault: Vault,
    fields: Vec<Field>,
    left: OrdinalSet,
    lost: OrdinalSet,
    contact: Index,
}

/// That a member is one of the package's and is not opened yet. Used up by opening him.
pub struct Turn(u64);

/// Opens members whose turn it is; several do so side by side.
pub struct Opener {
    vault: Vault,
    fields: Vec<Field>,
    values: Vec<Plain>,
    contact: Index,
    marks: u128,
}

impl Vault {
    /// Turns a package's grant into its one stream; `fields` in the order of the file's columns.
    ///
    /// # Errors
    /// [`NotItsMember::NotCovered`] when a column is not among the granted fields.
    pub fn rows(
        &self,
        grant: Grant<PackageRows>,
        fields: &[Field],
        contact: Index,
    ) -> Result<Rows, NotItsMember> {
        let scope = grant.consume();
        if !fields.iter().all(|f| scope.fields.contains(f)) {
            return Err(NotItsMember::NotCovered);
        }
        Ok(Rows {
            vault: self.clone(),
            fields: fields.to_vec(),
            left: scope.members,
            lost: OrdinalSet::new(),
            contact,
        })
    }

    /// One of many data keys, set up to open.
    fn opening(&self, m: &SealedMember<'_>) -> Result<MemberOpening, DoesNotOpen> {
        let key = self.keyring.unwrap(m.kek, &[b"data-key", &m.id.0], m.wrapped)?;
        MemberOpening::new(self.keyring.vault(), m.id, &key)
    }
}

impl Rows {
    /// Where a member's card stands, to choose which of several with one contact stays.
    ///
    /// # Errors
    /// [`NotItsMember`].
    pub fn card_rank(&self, ordinal: u64, m: &SealedMember<'_>) -> Result<CardRank, NotItsMember> {
        if !self.left.contains(ordinal) {
            return Err(NotItsMember::NotCovered);
        }
        let key = self.vault.opening(m)?;
        let mut plain = Zeroizing::new(Vec::new());
        let mut found = false;
        for entry in entries(m.record) {
            let (number, version, sealed) = entry.map_err(|_| DoesNotOpen)?;
            if number == Field::Card.number() {
                key.open(number, version, sealed, &mut plain)?;
                found = true;
            }
        }
        if !found {
            return Err(DoesNotOpen.into());
        }
        let mut text = [0; 32];
        let length = plain.len().min(32);
        text[..length].copy_from_slice(&plain[..length]);
        Ok(CardRank(length, text))
    }

    /// Takes a member out: a duplicate of another.
    pub fn skip(&mut self, ordinal: u64) {
        self.left.remove(ordinal);
    }

    /// Takes a member out who has no key: who he is must be accounted for.
    pub fn lose(&mut self, ordinal: u64) {
        if self.left.remove(ordinal) {
            self.lost.insert(ordinal);
        }
    }

    /// Who was taken out for want of a key.
    pub fn lost(&self) -> &OrdinalSet {
        &self.lost
    }

    /// Who of the package had no turn and is no duplicate either: erased since, or a key is hidden.
    pub fn missing(&self) -> OrdinalSet {
        self.left.iter().chain(self.lost.iter()).collect()
    }

    /// Who is still to be opened.
    pub fn left(&self) -> &OrdinalSet {
        &self.left
    }

    /// A member's turn; none for who is not of the package or had his.
    pub fn turn(&mut self, ordinal: u64) -> Option<Turn> {
        self.left.remove(ordinal).then_some(Turn(ordinal))
    }

    /// One who opens members of this package.
    pub fn opener(&self) -> Opener {
        Opener {
            vault: self.vault.clone(),
            fields: self.fields.clone(),
            values: self.fields.iter().map(|_| Plain::empty()).collect(),
            contact: self.contact,
            marks: 0,
        }
    }
}

impl Opener {
    /// Opens a member's row: the fields in column order. The values lie in buffers that the next row
    /// overwrites and the end wipes.
    ///
    /// # Errors
    /// [`DoesNotOpen`], also where a field is missing.
    pub fn open(&mut self, turn: Turn, m: &SealedMember<'_>) -> Result<&[Plain], DoesNotOpen> {
        let key = self.vault.opening(m)?;
        let mut found = 0;
        for entry in entries(m.record) {
            let (number, version, sealed) = entry.map_err(|_| DoesNotOpen)?;
            if let Some(column) = self.fields.iter().position(|f| f.number() == number) {
                key.open(number, version, sealed, &mut self.values[column].0)?;
                found += 1;
            }
        }
        if found != self.fields.len() {
            return Err(DoesNotOpen);
        }
        let tag = self.tag()?;
        self.marks = self.marks.wrapping_add(contact_mark(turn.0, &tag));
        Ok(&self.values)
    }

    /// What the members opened so far and their contact points come to.
    pub fn marks(&self) -> u128 {
        self.marks
    }

    /// The tag of the contact point that was just opened.
    fn tag(&self) -> Result<Tag, DoesNotOpen> {
        let value = |field: Field| -> Result<&str, DoesNotOpen> {
            let column = self.fields.iter().position(|f| *f == field).ok_or(DoesNotOpen)?;
            self.values[column].lend()
        };
        let keyring = &self.vault.keyring;
        Ok(match self.contact {
            Index::Mobile => keyring.index_tag(Index::Mobile, value(Field::Mobile)?.as_bytes()),
            Index::Email => keyring.index_tag(Index::Email, value(Field::Email)?.as_bytes()),
            Index::Card => keyring.index_tag(Index::Card, value(Field::Card)?.as_bytes()),
            Index::Post => {
                let post = PostContact {
                    name: value(Field::Name)?,
                    address: value(Field::Address)?,
                    postcode: value(Field::Postcode)?,
                };
                keyring.index_tag(Index::Post, &post.folded())
            }
        })
    }
}
