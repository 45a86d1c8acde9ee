//! A package's whole story, the vendor's attestation that it destroyed what it was given (A9b), and what an auditor
//! has to ask about.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Value, json};

use super::packages::{add_fact, check_attestable, find_package, last_sealed, overdue};
use super::paging::{Paged, Stretch};
use super::rounds::find;
use super::staffing::gaps;
use super::walking::Walk;
use super::{Broker, Error, Ground, Refusal};
use crate::access::{Asked, Caller};
use crate::audit::event::{Action, Event};
use crate::clock::rfc3339;
use crate::model::code::{Channel, Exclusion, Purpose};
use crate::model::ids::{Digest, Login, PackageNo, RequestNo, UnitCode, VendorCode};
use crate::model::phrase::phrase;
use crate::policy::Act;
use crate::store::packages::{FactKind, PackageFact};
use crate::store::requests::Picked;
use crate::store::{StoreError, View};

/// A package complete.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PackageShown {
    /// Number.
    pub no: PackageNo,
    /// Asking unit.
    pub unit: UnitCode,
    /// Campaign.
    pub campaign: String,
    /// Purpose.
    pub purpose: Purpose,
    /// Channel.
    pub channel: Channel,
    /// Vendor.
    pub vendor: VendorCode,
    /// The officer who fetches it and hands it on.
    pub receiver: Login,
    /// Who executed it.
    pub executor: Login,
    /// Whether it is its request's live one.
    pub live: bool,
    /// The day by which the vendor destroys it.
    pub destroy_by: String,
    /// Whether that day has passed without an attestation.
    pub overdue: bool,
    /// Rows, once whole.
    pub rows: Option<u64>,
    /// Members the selection matched.
    pub selected: Option<u64>,
    /// Why others are not in it.
    pub excluded: Option<BTreeMap<Exclusion, u64>>,
    /// SHA-256 of the vendor's file; of several, over theirs, one behind the other.
    pub sha256: Option<Digest>,
    /// Its files.
    pub parts: usize,
    /// What happened to it, in order.
    pub facts: Vec<FactOf>,
}

/// Something that happened to a package.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PackageFact)]
pub struct FactOf {
    /// What.
    pub what: FactKind,
    /// When.
    pub at: String,
    /// Who did it.
    pub by: String,
    /// Of a hand-off or an attestation: what was recorded with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<Value>,
}

/// What an auditor has to ask about.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Exceptions {
    /// Handed to a vendor, past the day, and nobody attested that it was destroyed (A9b).
    pub overdue: Vec<Waiting>,
    /// Fetched, and there is no record that it was handed to the vendor (A8d).
    pub not_handed_off: Vec<Waiting>,
    /// Departments without an information officer (A4a).
    pub officer_gaps: Vec<String>,
    /// Vendors that are not suspended and whose key was never proven (A9a).
    pub unproven_keys: Vec<VendorCode>,
    /// What does not fit between the log and the tables that decide; none when all does.
    pub integrity: Option<String>,
    /// The request behind which there are more packages; it travels as a cursor.
    #[serde(skip)]
    pub next: Option<RequestNo>,
}

/// A package that waits for a record.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PackageWaiting)]
pub struct Waiting {
    /// Which.
    pub package: PackageNo,
    /// Whose vendor.
    pub vendor: VendorCode,
    /// The day by which it is destroyed.
    pub destroy_by: String,
    /// Since when.
    pub since: String,
    /// Who is asked.
    pub receiver: Login,
}

impl Broker {
    /// A package with all that happened to it, for its receiver and whom the policy lets.
    ///
    /// # Errors
    /// `unknown_package`, or the caller may not.
    pub async fn package_show(&self, caller: &Caller, no: &PackageNo) -> Result<PackageShown, Error> {
        let event = Event::new(Action::PackageListed, caller.actor()).object(no);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            let package = find_package(work.view(), no).await?;
            let (row, common) = (find(work.view(), no.request()).await?, &mut ground.common(work.at()));
            let asked = self.round_of(work.view(), common, &row, &package).await?;
            let form = asked.form();
            ground.staff.within(caller, Act::PackageList, Some(form.unit()))?;
            if form.receiver() != caller.login() {
                ground.staff.may(&ground.policy, caller, Act::PackageList, Some(form.unit()))?;
            }
            let facts = work.view().package_facts(no).await?;
            let sealed = last_sealed(&facts)?;
            work.commit(event.count("packages", 1)).await?;
            Ok(PackageShown {
                no: no.clone(),
                unit: form.unit().clone(),
                campaign: form.campaign().to_owned(),
                purpose: form.purpose(),
                channel: form.channel(),
                vendor: form.vendor().clone(),
                receiver: form.receiver().clone(),
                executor: package.executor,
                live: package.live,
                destroy_by: form.destroy_by().to_string(),
                overdue: overdue(&facts, form.destroy_by(), self.clock().today()),
                rows: sealed.as_ref().map(|s| s.rows),
                selected: sealed.as_ref().map(|s| s.selected),
                sha256: sealed.as_ref().map(|s| s.sha256()),
                parts: sealed.as_ref().map_or(0, |s| s.parts().len()),
                excluded: sealed.map(|s| s.excluded),
                facts: facts.iter().map(shown).collect(),
            })
        })
        .await
    }

    /// Records that the vendor attested to have destroyed what it was given: by the officer who handed it over.
    ///
    /// # Errors
    /// `not_handed_off`, `destroyed_already`, `bad_attestation`, or the caller is not the named receiver.
    pub async fn package_destroyed(
        &self,
        caller: &Caller,
        no: &PackageNo,
        attested_on: Date,
        reference: &str,
    ) -> Result<(), Error> {
        let event = Event::new(Action::PackageDestroyed, caller.actor()).object(no);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let (asked, facts) = self.in_hand(work.view(), caller, no).await?;
            let handed = check_attestable(&facts)?;
            if attested_on > self.clock().today() || attested_on < self.clock().date(handed) {
                return Err(bad_attestation("the day lies before the hand-off or in the future").into());
            }
            let reference = phrase(reference, 80).map_err(|e| bad_attestation(&e.to_string()))?;
            let vendor = asked.form().vendor();
            let day = attested_on.to_string();
            let body = json!({ "attested_on": day, "reference": reference, "vendor": vendor }).to_string();
            let at = work.at();
            add_fact(&mut work, no, FactKind::Destroyed, at, caller.login().as_str(), body).await?;
            work.commit(event).await?;
            Ok(())
        })
        .await
    }

    /// What an auditor has to ask about, at this moment: of packages a page at a time, by their requests, the newest first.
    ///
    /// # Errors
    /// The caller may not.
    pub async fn audit_exceptions(
        &self,
        caller: &Caller,
        stretch: &Stretch<RequestNo>,
    ) -> Result<Exceptions, Error> {
        let event = Event::new(Action::AuditRead, caller.actor()).object("exceptions");
        self.logged(event.clone(), async {
            let mut view = self.store.view().await?;
            let ground = self.ground(&mut view).await?;
            ground.staff.may(&ground.policy, caller, Act::AuditExport, None)?;
            let integrity = match view.check_deciding_tables().await {
                Ok(()) => None,
                Err(found @ StoreError::Integrity { .. }) => Some(found.to_string()),
                Err(failed) => return Err(failed.into()),
            };
            let mut unproven_keys = Vec::new();
            for vendor in view.vendors().await?.into_iter().filter(|v| !v.suspended) {
                let key = view.vendor_keys(&vendor.code).await?.pop();
                if !key.is_some_and(|key| key.recipient == vendor.recipient && key.confirmed.is_some()) {
                    unproven_keys.push(vendor.code);
                }
            }
            let page = self.asked_about(&mut view, &ground, stretch).await?;
            drop(view);
            let next = page.lines.last().filter(|_| page.more).map(|(no, _)| no.clone());
            let (mut overdue, mut not_handed_off) = (Vec::new(), Vec::new());
            for (is_overdue, package) in page.lines.into_iter().flat_map(|(_, packages)| packages) {
                if is_overdue { overdue.push(package) } else { not_handed_off.push(package) }
            }
            let found = overdue.len() + not_handed_off.len() + unproven_keys.len();
            self.store.enter(event.count("exceptions", found)).await?;
            let officer_gaps = gaps(&ground.staff);
            Ok(Exceptions { overdue, not_handed_off, officer_gaps, unproven_keys, integrity, next })
        })
        .await
    }

    /// Requests with those of their packages that an auditor has to ask about, and whether it is because they are overdue.
    async fn asked_about(
        &self,
        view: &mut View<'_>,
        ground: &Ground,
        stretch: &Stretch<RequestNo>,
    ) -> Result<Paged<(RequestNo, Vec<(bool, Waiting)>)>, Error> {
        let behind = match &stretch.behind {
            Some(no) => view.request(no).await?,
            None => None,
        };
        let mut walk = Walk::new(Picked { unsettled: true, ..Picked::default() }, behind, stretch.read());
        let (mut found, today) = (Vec::new(), self.clock().today());
        let mut common = ground.common(self.clock().now());
        while !stretch.is_full(found.len())
            && let Some(row) = walk.next(view).await?
        {
            let mut packages = Vec::new();
            for package in view.packages_of(&row.no).await? {
                let asked = self.round_of(view, &mut common, &row, &package).await?;
                let facts = view.package_facts(&package.no).await?;
                let handed = facts.iter().find(|f| f.kind == FactKind::HandedOff);
                match (facts.last(), handed) {
                    (Some(last), None) if last.kind == FactKind::Downloaded => {
                        packages.push((false, waiting(&package.no, &asked, last.at)));
                    }
                    (_, Some(handed)) if overdue(&facts, asked.form().destroy_by(), today) => {
                        packages.push((true, waiting(&package.no, &asked, handed.at)));
                    }
                    _ => {}
                }
            }
            if !packages.is_empty() {
                found.push((row.no, packages));
            }
        }
        Ok(stretch.of(found))
    }
}

fn waiting(package: &PackageNo, asked: &Asked, since: i64) -> Waiting {
    let form = asked.form();
    Waiting {
        package: package.clone(),
        vendor: form.vendor().clone(),
        destroy_by: form.destroy_by().to_string(),
        since: rfc3339(since),
        receiver: form.receiver().clone(),
    }
}

fn shown(fact: &PackageFact) -> FactOf {
    let recorded = matches!(fact.kind, FactKind::HandedOff | FactKind::Destroyed);
    let record = recorded.then(|| serde_json::from_str(&fact.body).ok()).flatten();
    FactOf { what: fact.kind, at: rfc3339(fact.at), by: fact.actor.clone(), record }
}

fn bad_attestation(what: &str) -> Refusal {
    Refusal::new("bad_attestation", "A9b (Art 9)", what.to_owned())
        .hint("the day on the vendor's attestation, and its reference in at most 80 characters")
}
