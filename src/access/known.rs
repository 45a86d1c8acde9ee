//! Who is who, what is allowed, who is signed in, which tokens there are and who has undertaken what, as it was last
//! compared with the log: what each exchange needs first, kept so that not each of them reads these tables and works
//! their set heads out again.
//!
//! Why what is kept may be believed: it was read in the snapshot in which its tables were found to be what the log
//! speaks of. Each exchange reads the log's head, in its own snapshot, and takes what is kept only while the head speaks of
//! the very same rows ([`Stamp`]); any verb that suspends, grants, adopts or signs out, in whatever process, changes that.
//! What somebody writes into the tables behind the log's back changes no head, and so counts for nothing: it is not
//! read. So that it is noticed as well, the tables are compared again after [`AGAIN`].

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::Date;
use tokio::sync::Mutex;

use super::staff::not_signed_in;
use super::undertaken::{FAMILY, Undertaking};
use super::{Caller, Error, Staff};
use crate::clock::Micros;
use crate::model::ids::{Digest, Login};
use crate::model::refusal::Refusal;
use crate::store::documents::Document;
use crate::store::policies::{PolicyVersion, in_force};
use crate::store::sessions::SessionRow;
use crate::store::tokens::TokenRow;
use crate::store::undertakings::UndertakingRow;
use crate::store::{Stamp, StoreError, View};

/// After so long the tables themselves are compared again: a second.
const AGAIN: Micros = 1_000_000;

/// What was last compared.
#[derive(Default)]
pub struct Known(Mutex<Option<Kept>>);

struct Kept {
    stamp: Stamp,
    compared_at: Micros,
    compared: Arc<Compared>,
}

/// Tables that were what the log speaks of, read.
pub struct Compared {
    /// The people.
    pub staff: Arc<Staff>,
    sessions: HashMap<Digest, SessionRow>,
    tokens: HashMap<Digest, TokenRow>,
    versions: Vec<PolicyVersion>,
    /// Documents that are undertakings, and what was given.
    undertakings: (Vec<Document>, Vec<UndertakingRow>),
}

impl Compared {
    /// A session by the hash of its token.
    pub fn session(&self, id: &Digest) -> Option<&SessionRow> {
        self.sessions.get(id)
    }

    /// A token by the hash of its text.
    pub fn token(&self, hash: &Digest) -> Option<&TokenRow> {
        self.tokens.get(hash)
    }

    /// Whether what let the caller in, a session or a token, is there still: it was a while ago.
    ///
    /// # Errors
    /// `not_signed_in`.
    pub fn check_signed_in(&self, caller: &Caller, now: Micros) -> Result<(), Refusal> {
        let is_good = |id| self.tokens.values().any(|token| token.id == id && token.holds_at(now));
        let has_ended = |id: &Digest| !self.sessions.contains_key(id);
        if caller.token().is_some_and(|id| !is_good(id)) || caller.session().is_some_and(has_ended) {
            return Err(not_signed_in());
        }
        Ok(())
    }

    /// Whether a person's undertaking holds at a moment (A10a).
    ///
    /// # Errors
    /// `no_undertaking`.
    pub fn check_undertaking(&self, login: &Login, at: Micros, today: Date) -> Result<(), Refusal> {
        let (documents, given) = &self.undertakings;
        Undertaking::in_force(documents, today).check(given.iter().filter(|one| &one.login == login), at)
    }

    /// The policy version in force at an instant.
    ///
    /// # Errors
    /// There is none: the table is not ours.
    pub fn version_at(&self, at: Micros) -> Result<&PolicyVersion, StoreError> {
        in_force(&self.versions, at)
    }
}

impl Known {
    /// What holds at this view's moment.
    ///
    /// # Errors
    /// An integrity error names the table that is not what the log speaks of.
    pub async fn at(&self, view: &mut View<'_>, now: Micros) -> Result<Arc<Compared>, Error> {
        let stamp = view.staff_stamp().await?;
        // Held while comparing: of many exchanges after a change one compares, and the others wait for it.
        let mut known = self.0.lock().await;
        if let Some(kept) = &*known
            && kept.stamp == stamp
            && (0..AGAIN).contains(&(now - kept.compared_at))
        {
            return Ok(kept.compared.clone());
        }
        view.check_staff_tables().await?;
        let sessions = view.sessions().await?.into_iter().map(|row| (row.id, row)).collect();
        let tokens = view.tokens().await?.into_iter().map(|row| (row.hash, row)).collect();
        let versions = view.policy_versions().await?;
        let documents = view.documents().await?.into_iter().filter(|one| one.family == FAMILY).collect();
        let undertakings = (documents, view.all_undertakings().await?);
        let staff = Arc::new(Staff::load(view).await?);
        let compared = Arc::new(Compared { staff, sessions, tokens, versions, undertakings });
        *known = Some(Kept { stamp, compared_at: now, compared: compared.clone() });
        Ok(compared)
    }
}
