//! Which edition of a request was read. What is asked for because of what was read then is refused when something has
//! happened to the request meanwhile.

use std::fmt;
use std::str::FromStr;

use super::{Error, Refusal};
use crate::keyring::aead::bind;
use crate::model::ids::{Digest, RequestNo};
use crate::store::{StoreError, View};

/// A request at one moment: SHA-256 over its form, its rounds, the signed facts of the newest, notes, and what happened to
/// its packages. Another after each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edition(Digest);

impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Edition {
    type Err = <Digest as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Edition)
    }
}

/// Which editions a caller has read; any will do when nothing is said.
#[derive(Debug, Clone, Default)]
pub struct Seen(Option<Vec<Edition>>);

impl Seen {
    /// One of these, and no other.
    pub fn one_of(editions: Vec<Edition>) -> Seen {
        Seen(Some(editions))
    }

    /// Refuses a request that is none of the editions which the caller has read.
    pub(super) async fn check(&self, view: &mut View<'_>, no: &RequestNo) -> Result<(), Error> {
        let Some(read) = &self.0 else { return Ok(()) };
        if read.contains(&edition(view, no).await?) {
            return Ok(());
        }
        Err(Refusal::new("stale", "A5a (Art 5)", "something happened to this request since it was read")
            .hint("read it again, and decide on what it says now")
            .into())
    }
}

/// The edition of a request now.
pub(super) async fn edition(view: &mut View<'_>, no: &RequestNo) -> Result<Edition, StoreError> {
    let mut parts = vec![b"countersign.edition.v1".to_vec(), no.to_string().into_bytes()];
    if let Some(row) = view.request(no).await? {
        parts.push(row.changed_at.to_le_bytes().to_vec());
        parts.push(row.form.into_bytes());
    }
    let rounds = view.submissions(no).await?;
    parts.extend(rounds.iter().map(|round| round.digest.0.to_vec()));
    if let Some(newest) = rounds.last() {
        parts.extend(view.signatures(no, newest.round).await?.into_iter().map(|signature| signature.sig));
    }
    parts.push(view.request_notes(no).await?.len().to_le_bytes().to_vec());
    for package in view.packages_of(no).await? {
        let facts = view.package_facts(&package.no).await?.len();
        parts.push([facts.to_le_bytes().as_slice(), &[u8::from(package.live)]].concat());
    }
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    Ok(Edition(Digest::of(&bind(&parts))))
}
