//! Opening for one member: reveal, mask, compare. Each takes its grant by value.

use std::sync::Arc;

use subtle::ConstantTimeEq;

use super::plain::{Masked, Plain};
use super::{MemberKey, PostContact, Vault};
use crate::access::{Grant, Maintenance, Masking, OneMatch, OneMember};
use crate::keyring::aead::DoesNotOpen;
use crate::model::field::Field;
use crate::model::sealed::Record;
use crate::policy::Policy;
use crate::store::members::{ContactTag, WrappedDataKey};

impl Vault {
    /// Opens the granted fields of the granted member. A field without a value is left out.
    ///
    /// # Errors
    /// [`DoesNotOpen`], also when the key is another member's.
    pub fn reveal(
        &self,
        grant: Grant<OneMember>,
        wrapped: &WrappedDataKey,
        record: &Record,
    ) -> Result<Vec<(Field, Plain)>, DoesNotOpen> {
        let scope = grant.consume();
        if scope.id != wrapped.id {
            return Err(DoesNotOpen);
        }
        let key = self.key(wrapped)?;
        if key.alias(record)? != scope.alias {
            return Err(DoesNotOpen);
        }
        let mut out = Vec::new();
        for field in scope.fields {
            if let Some(plain) = open_field(&key, record, field)? {
                out.push((field, plain));
            }
        }
        Ok(out)
    }

    /// Opens the granted members' fields and gives back their masked forms only.
    ///
    /// # Errors
    /// [`DoesNotOpen`], also when a key is of a member outside the grant.
    pub fn mask(
        &self,
        grant: Grant<Masking>,
        policy: &Policy,
        members: &[(&WrappedDataKey, &Record)],
    ) -> Result<Vec<Vec<(Field, Masked)>>, DoesNotOpen> {
        let scope = grant.consume();
        members
            .iter()
            .map(|(wrapped, record)| {
                if !scope.ids.contains(&wrapped.id) {
                    return Err(DoesNotOpen);
                }
                let key = self.key(wrapped)?;
                if scope.alias.is_some_and(|alias| key.alias(record) != Ok(alias)) {
                    return Err(DoesNotOpen);
                }
                let mut out = Vec::new();
                for field in Field::ALL {
                    if let Some(plain) = open_field(&key, record, *field)? {
                        out.push((*field, Masked::cut(policy, *field, &plain)?));
                    }
                }
                Ok(out)
            })
            .collect()
    }

    /// Whether the granted field of the granted member has this value; none is never it. Compared in constant time.
    ///
    /// # Errors
    /// [`DoesNotOpen`], also when the key is another member's.
    pub fn matches(
        &self,
        grant: Grant<OneMatch>,
        wrapped: &WrappedDataKey,
        record: &Record,
        value: &str,
    ) -> Result<bool, DoesNotOpen> {
        let scope = grant.consume();
        let key = self.key(wrapped)?;
        if scope.id != wrapped.id || key.alias(record)? != scope.alias {
            return Err(DoesNotOpen);
        }
        is_value(&key, record, scope.field, Some(value))
    }

    /// A comparer for one job: it answers whether a stored value is a given one, and nothing else.
    pub fn comparer(&self, grant: Grant<Maintenance>) -> Comparer {
        let Maintenance = grant.consume();
        Comparer { vault: Arc::new(self.clone()) }
    }
}

/// Says whether stored values equal given ones. Yields a yes or no, never a value.
pub struct Comparer {
    vault: Arc<Vault>,
}

impl Comparer {
    /// The key of a member, to compare and to seal with.
    ///
    /// # Errors
    /// [`DoesNotOpen`].
    pub fn key(&self, wrapped: &WrappedDataKey) -> Result<MemberKey, DoesNotOpen> {
        self.vault.key(wrapped)
    }

    /// Whether the stored value of a field is this one; none and none are the same.
    ///
    /// # Errors
    /// [`DoesNotOpen`].
    pub fn same(
        &self,
        key: &MemberKey,
        record: &Record,
        field: Field,
        value: Option<&str>,
    ) -> Result<bool, DoesNotOpen> {
        is_value(key, record, field, value)
    }
}

fn is_value(
    key: &MemberKey,
    record: &Record,
    field: Field,
    value: Option<&str>,
) -> Result<bool, DoesNotOpen> {
    Ok(match (open_field(key, record, field)?, value) {
        (None, None) => true,
        (Some(plain), Some(value)) => plain.lend()?.as_bytes().ct_eq(value.as_bytes()).into(),
        _ => false,
    })
}

impl Comparer {
    /// Tags of the postal contact point that a record holds; `None` unless all three values are there.
    ///
    /// # Errors
    /// [`DoesNotOpen`].
    pub fn post_tag(&self, key: &MemberKey, record: &Record) -> Result<Option<ContactTag>, DoesNotOpen> {
        let open = |field| open_field(key, record, field);
        let (Some(name), Some(address), Some(postcode)) =
            (open(Field::Name)?, open(Field::Address)?, open(Field::Postcode)?)
        else {
            return Ok(None);
        };
        let post = PostContact { name: name.lend()?, address: address.lend()?, postcode: postcode.lend()? };
        Ok(Some(post.tag(self.vault.keyring())))
    }
}

fn open_field(key: &MemberKey, record: &Record, field: Field) -> Result<Option<Plain>, DoesNotOpen> {
    let Some(entry) = record.get(field) else { return Ok(None) };
    let mut plain = Plain::empty();
    key.open(entry.number, entry.version, &entry.sealed.0, &mut plain.0)?;
    Ok(Some(plain))
}
