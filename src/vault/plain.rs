//! Plaintext as a value that cannot be printed, copied or kept by accident; and its masked form.

use zeroize::Zeroizing;

use crate::keyring::aead::DoesNotOpen;
use crate::model::field::Field;
use crate::policy::Policy;

/// An opened value. No `Debug`, no `Display`, no `Clone`, no `Serialize`; wiped when dropped. `lend` is
/// for the package writers, reveal and correct: `tests/architecture.rs` holds the list.
pub struct Plain(pub(super) Zeroizing<Vec<u8>>);

impl Plain {
    /// With room for the longest value, its padding and the tag: growing would leave a copy unwiped.
    pub(super) fn empty() -> Self {
        Plain(Zeroizing::new(Vec::with_capacity(1_152)))
    }

    /// The value.
    ///
    /// # Errors
    /// It is not text: it was not sealed by us.
    pub(crate) fn lend(&self) -> Result<&str, DoesNotOpen> {
        std::str::from_utf8(&self.0).map_err(|_| DoesNotOpen)
    }
}

/// A value with most of it hidden (A10a). Made only here, inside the vault.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Masked(String);

impl Masked {
    pub(super) fn cut(policy: &Policy, field: Field, plain: &Plain) -> Result<Self, DoesNotOpen> {
        Ok(Masked(policy.mask(field, plain.lend()?)))
    }

    /// The masked text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
