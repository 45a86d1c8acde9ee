//! A look at members is one writer's turn: they are found, what the caller may is judged, the entry is written, and only
//! when that is on disk is anything told (A1). Nothing can change between what is judged and its entry, for no other
//! writer has a turn meanwhile; those who look at one moment share one.
//!
//! ```text
//! asked ─► [ found ─► judged ─► consents read ─► counted, entered ─► on disk ] ─► opened, told
//! ```
//!
//! What cannot be read for all is read again for each by himself ([`Gather::read`]): what is broken of one member keeps
//! nobody else from his.

use std::sync::Arc;

use super::seeking::{ConsentState, Moment, Sought, consents_in};
use super::{Broker, Error, Refusal};
use crate::model::ids::Alias;
use crate::model::sealed::Record;
use crate::policy::Policy;
use crate::store::entries::{Look, Looked};
use crate::store::gather::Gather;
use crate::store::held::Held;
use crate::store::members::{Member, WrappedDataKey};
use crate::store::{Receipt, StoreError};

/// A member with his record read and what the log calls him; no field is opened.
pub(super) struct One {
    pub(super) member: Member,
    pub(super) key: WrappedDataKey,
    pub(super) record: Record,
    pub(super) alias: Alias,
}

/// What the log is to say of who asks, and whom he may see.
pub(super) struct Judged {
    pub(super) entry: Look,
    pub(super) outcome: Result<MaySee, Refusal>,
}

/// Whom he may see, under which policy, and whether with the consents in effect.
pub(super) struct MaySee {
    pub(super) members: Vec<One>,
    pub(super) policy: Arc<Policy>,
    pub(super) with_consents: bool,
}

/// Judges what was found. It may be asked again: for all who look, then for each by himself.
type Judge = Arc<dyn Fn(&Broker, Moment) -> Result<Judged, Error> + Send + Sync>;

/// A look that is asked for.
#[derive(Clone)]
pub(super) struct Question {
    sought: Sought,
    judge: Judge,
}

impl Question {
    /// Whom to look for, and who judges.
    pub(super) fn new(
        sought: Sought,
        judge: impl Fn(&Broker, Moment) -> Result<Judged, Error> + Send + Sync + 'static,
    ) -> Self {
        Question { sought, judge: Arc::new(judge) }
    }
}

/// Who was seen: the entry is on disk.
pub(super) struct Sight {
    pub(super) members: Vec<One>,
    pub(super) policy: Arc<Policy>,
    pub(super) receipt: Receipt,
    /// Of each, if they were asked for.
    pub(super) consents: Vec<Vec<ConsentState>>,
}

/// Who looks at this moment.
pub(super) type Looking = Gather<Question, Result<Result<Sight, Error>, Error>>;

impl Broker {
    /// Looks, with others who look at this moment.
    pub(super) async fn see(&self, asked: Question) -> Result<Sight, Error> {
        self.looking.read(asked, |all| self.see_all(all)).await?
    }

    async fn see_all(&self, all: Vec<Question>) -> Result<Vec<Result<Sight, Error>>, Error> {
        let mut work = self.store.work().await?;
        let sought: Vec<&Sought> = all.iter().map(|asked| &asked.sought).collect();
        let moments = self.seek_in(work.view(), &sought).await?;
        let mut entries = Vec::with_capacity(all.len());
        let mut judged: Vec<Result<Result<MaySee, Refusal>, Error>> = Vec::with_capacity(all.len());
        for (asked, moment) in all.iter().zip(moments) {
            let judging = moment.and_then(|moment| (asked.judge)(self, moment));
            judged.push(judging.map(|Judged { entry, outcome }| {
                entries.push(entry);
                outcome
            }));
        }
        // Of all of them something is broken.
        if entries.is_empty() {
            return Ok(judged.into_iter().filter_map(Result::err).map(Err).collect());
        }
        let permitted = judged.iter().flatten().flatten().filter(|may| may.with_consents);
        let ordinals: Vec<i64> =
            permitted.flat_map(|may| &may.members).map(|one| one.member.ordinal).collect();
        let states = consents_in(work.view(), &ordinals).await?;
        let mut looked = work.write_looks(entries).await?.into_iter();
        let seen = judged.into_iter().map(|outcome| {
            let outcome = outcome?;
            let receipt = match looked.next().ok_or(StoreError::Fault("a look without an end"))? {
                Looked::Entered(receipt) => receipt,
                Looked::Refused(refusal) => return Err(refusal.into()),
            };
            let MaySee { members, policy, .. } = outcome?;
            let consents =
                members.iter().map(|one| states.get(&one.member.ordinal).cloned().unwrap_or_default());
            Ok(Sight { consents: consents.collect(), members, policy, receipt })
        });
        Ok(seen.collect())
    }

    /// A member with his record read and what the log calls him.
    pub(super) fn opened_alias(&self, held: Held) -> Result<One, Error> {
        let malformed = |_| StoreError::integrity("sealed", "a record is malformed");
        let record = Record::from_bytes(&held.member.record).map_err(malformed)?;
        let alias = self.vault.key(&held.key)?.alias(&record)?;
        Ok(One { member: held.member, key: held.key, record, alias })
    }
}
