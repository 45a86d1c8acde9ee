//! The fence: is everyone in the files still to be in them; and the entry that makes a package whole.

use std::collections::BTreeMap;
use std::fs::{self, File};

use super::super::packages::{Files, PartFact, SealedFact, add_fact, find_package, recalled, remove};
use super::super::{Broker, Error};
use super::{Fenced, Had, Order, Written, about, nobody_left};
use crate::access::{Consented, Waterfall};
use crate::audit::event::Action;
use crate::model::code::Exclusion;
use crate::model::ids::{Digest, PackageNo};
use crate::model::ordinals::OrdinalSet;
use crate::store::packages::FactKind;
use crate::store::{StoreError, View, Work};

/// A package on disk, to be acknowledged.
pub(super) struct Whole<'a> {
    pub(super) package: &'a PackageNo,
    pub(super) consented: &'a Consented,
    /// Members that were selected, and why others are out.
    pub(super) report: (u64, BTreeMap<Exclusion, u64>),
    pub(super) parts: Vec<PartFact>,
    pub(super) rows: u64,
    pub(super) marks: u128,
    pub(super) members: &'a OrdinalSet,
}

impl Broker {
    /// With all writers held off: is everyone in the file still to be in it, at the contact point that was
    /// written? When neither the log nor the day nor the policy has moved since the start, nothing can have
    /// changed; otherwise every exclusion is walked again.
    pub(super) async fn fence(&self, w: Written, order: &Order<'_>) -> Result<Fenced, Error> {
        let mut work = self.store.work().await?;
        check_erased(work.view(), &w.made.missing).await?;
        if work.seq() != w.seq + 1 || !self.stands_still(&mut work, &w.consented).await? {
            if !find_package(work.view(), &w.package.no).await?.live {
                remove(&w.path)?;
                return Err(recalled().into());
            }
            let no = w.package.no.request();
            let executor = order.had.is_none().then_some(order.caller);
            let among = order.had.map(|h| &h.members);
            let signed = self.whole(&mut work, no, executor).await?;
            let now = signed.consented(work.view(), among, Some(&w.made.members)).await?;
            let moved = now.waterfall().over.marks != w.made.marks;
            if moved || !w.made.members.is_subset_of(now.members()) || shares(&now, &w.made.members) {
                remove(&w.path)?;
                let signed = self.whole(&mut work, no, executor).await?;
                let consented = signed.consented(work.view(), among, among).await?;
                let next = self.start(work, w.package, consented, order.caller).await?;
                return Ok(Fenced::Again(Box::new(next)));
            }
        }
        if w.made.members.is_empty() {
            return Err(nobody_left().into());
        }
        let whole = Whole {
            package: &w.package.no,
            consented: &w.consented,
            report: report(w.consented.waterfall(), None, w.made.rows, order.had),
            parts: vec![w.part()],
            rows: w.made.rows,
            marks: w.made.marks,
            members: &w.made.members,
        };
        let sealed = self.seal(work, whole, order).await?;
        drop(w.held);
        Ok(Fenced::Sealed(sealed))
    }

    /// Whether what time alone changes is as it was: the day, the policy in force, the request's term.
    async fn stands_still(&self, work: &mut Work<'_>, consented: &Consented) -> Result<bool, Error> {
        let (asked, now) = (consented.signed().asked(), self.clock().now());
        let policy = self.shelf.at(work.view(), now).await?;
        Ok(self.clock().date(now) == asked.today()
            && policy.digest() == asked.policy().digest()
            && now < asked.submission().expires_at.micros())
    }

    /// Acknowledges a package: facts, disclosure and entry in one transaction, then its files by their name.
    pub(super) async fn seal(
        &self,
        mut work: Work<'_>,
        whole: Whole<'_>,
        order: &Order<'_>,
    ) -> Result<SealedFact, Error> {
        let Whole { package, consented, report: (selected, excluded), parts, rows, marks, members } = whole;
        let disclosure = work.add_disclosure(package, members).await?;
        work.drop_ranges(package).await?;
        let (kind, action) = match order.had {
            Some(_) => (FactKind::Remade, Action::PackageRemade),
            None => (FactKind::Sealed, Action::PackageSealed),
        };
        let fact = SealedFact {
            files: Files::new(parts),
            rows,
            selected,
            excluded,
            marks: format!("{marks:032x}"),
            seq: work.seq(),
            as_of: work.at(),
            policy: Digest(consented.signed().asked().policy().files().digest()),
        };
        let body = serde_json::to_string(&fact).map_err(|_| StoreError::integrity("package_fact", "body"))?;
        let at = work.at();
        add_fact(&mut work, package, kind, at, order.caller.login().as_str(), body).await?;
        let mut event = about(action, order.caller.actor(), package, consented)
            .count("rows", rows)
            .count("selected", selected)
            .digest("sha256", fact.sha256())
            .digest("at_rest", fact.at_rest())
            .digest("disclosure", disclosure);
        if fact.parts().len() > 1 {
            event = event.count("parts", fact.parts().len());
        }
        work.commit(event).await?;
        let failed = |e| Error::file("the package file", e);
        for part in fact.parts() {
            let name = |ending| self.package_dir().join(format!("{}.{ending}", part.file));
            fs::rename(name("part"), name("sealed")).map_err(failed)?;
        }
        File::open(self.package_dir()).and_then(|d| d.sync_all()).map_err(failed)?;
        Ok(fact)
    }
}

/// Who had no key must be erased: the data goes first, with its entry, and then the key. A member whose data is
/// there and whose key is not was to be kept out by somebody who may not.
pub(super) async fn check_erased(view: &mut View<'_>, missing: &OrdinalSet) -> Result<(), StoreError> {
    for ordinal in missing.iter() {
        if view.member(ordinal as i64).await?.is_some() {
            return Err(StoreError::integrity("keys.key_block", "a member has no key"));
        }
    }
    Ok(())
}

/// Whether two members of a set share a contact point: one's was changed to the other's since the
/// duplicates were taken out.
pub(super) fn shares(now: &Consented, members: &OrdinalSet) -> bool {
    let within = |group: &Vec<i64>| group.iter().filter(|o| members.contains(**o as u64)).count();
    now.waterfall().groups.iter().any(|group| within(group) > 1)
}

/// The exclusion report: `rows + Σ excluded = selected`, as it was at the start. Who was to be in and had to
/// go since (`gone`) is counted under what excludes him now. Of a package that is made again it is the first
/// one's, and those who left are counted likewise; who was erased while it ran is not active any more.
pub(super) fn report(
    fall: &Waterfall,
    gone: Option<&BTreeMap<Exclusion, u64>>,
    rows: u64,
    had: Option<&Had>,
) -> (u64, BTreeMap<Exclusion, u64>) {
    let (selected, mut excluded) = match had {
        None => (fall.selected, fall.counted()),
        Some(had) => (had.fact.selected, had.fact.excluded.clone()),
    };
    for (reason, n) in fall.over.excluded.iter().chain(gone.into_iter().flatten()) {
        *excluded.entry(*reason).or_default() += n;
    }
    let missing = selected.saturating_sub(rows + excluded.values().sum::<u64>());
    if missing > 0 {
        *excluded.entry(Exclusion::NotActive).or_default() += missing;
    }
    (selected, excluded)
}
