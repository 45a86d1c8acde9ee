//! Why something was not done.

use crate::access::grant::WrongReceipt;
use crate::clock::NoRandomness;
use crate::keyring::aead::DoesNotOpen;
use crate::model::refusal::Refusal;
use crate::policy::PolicyError;
use crate::store::StoreError;
use crate::store::error::Shared;

/// A refusal, or a failure of something underneath.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rule says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The data, the disk, the keys.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A policy is not usable.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A sealed value did not open: it, or its place, is not what was stored.
    #[error(transparent)]
    DoesNotOpen(#[from] DoesNotOpen),
    /// A file could not be read or written.
    #[error("{what}: {cause}")]
    File {
        /// Which file, in words.
        what: String,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// An input file is not usable as a whole.
    #[error("{message}")]
    Input {
        /// Stable code.
        code: &'static str,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
}

impl Error {
    /// A file error with the file in words.
    pub fn file(what: impl Into<String>, cause: std::io::Error) -> Self {
        if cause.kind() == std::io::ErrorKind::StorageFull {
            return Error::Store(StoreError::DiskFull);
        }
        Error::File { what: what.into(), cause }
    }

    /// A failure behind a commit. Asking again would find it done, so it is not told as one where nothing was stored.
    #[must_use]
    pub fn behind_commit(self) -> Self {
        match self {
            Error::Store(cause @ (StoreError::Busy | StoreError::DiskFull)) => {
                Error::Store(StoreError::Unfinished(Box::new(cause)))
            }
            other => other,
        }
    }
}

impl Shared for Error {
    fn is_broken(&self) -> bool {
        match self {
            Error::Store(error) => error.is_broken(),
            Error::DoesNotOpen(_) => true,
            _ => false,
        }
    }

    fn shared(&self) -> Self {
        match self {
            Error::Refused(refusal) => Error::Refused(refusal.clone()),
            Error::Store(error) => Error::Store(error.shared()),
            other => Error::Store(StoreError::Together(other.to_string())),
        }
    }
}

impl From<NoRandomness> for Error {
    fn from(e: NoRandomness) -> Self {
        Error::Store(StoreError::NoRandomness(e))
    }
}

impl From<WrongReceipt> for Error {
    fn from(_: WrongReceipt) -> Self {
        Error::Store(StoreError::Fault("an opening was asked for with another entry's receipt"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_is_not_told_as_not_stored() {
        for cause in [StoreError::Busy, StoreError::DiskFull] {
            let error = Error::from(cause).behind_commit();
            assert!(matches!(error, Error::Store(StoreError::Unfinished(_))), "{error}");
        }
        assert!(matches!(
            Error::from(StoreError::NoVault).behind_commit(),
            Error::Store(StoreError::NoVault)
        ));
    }
}
