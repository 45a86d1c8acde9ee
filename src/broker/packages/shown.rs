//! The list of packages, a page at a time.

use super::super::paging::{Paged, Stretch};
use super::super::walking::Walk;
use super::super::{Broker, Error, Ground};
use super::{PackageLine, SealedFact, check_attestable, last_sealed, overdue};
use crate::access::{Caller, Common};
use crate::audit::event::{Action, Event};
use crate::clock::rfc3339;
use crate::model::form::Submission;
use crate::model::ids::{PackageNo, RequestNo};
use crate::policy::Act;
use crate::store::packages::FactKind;
use crate::store::requests::{Picked, RequestRow};
use crate::store::{StoreError, View};

impl Broker {
    /// The packages a caller may see, those of the newest request first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn package_list(&self, caller: &Caller) -> Result<Vec<PackageLine>, Error> {
        Ok(self.package_page(caller, None, &Stretch::whole()).await?.lines)
    }

    /// A page of them, or of those of one request.
    ///
    /// # Errors
    /// The database failed.
    pub async fn package_page(
        &self,
        caller: &Caller,
        of: Option<&RequestNo>,
        stretch: &Stretch<PackageNo>,
    ) -> Result<Paged<PackageLine>, Error> {
        let event = Event::new(Action::PackageListed, caller.actor());
        self.logged(event.clone(), async {
            let mut view = self.store.view().await?;
            let ground = self.known_ground(&mut view).await?;
            let common = ground.common(self.clock().now());
            let mut reading = Reading { ground: &ground, caller, common };
            let lines = match of {
                Some(no) => match view.request(no).await? {
                    Some(row) => self.package_lines(&mut view, &mut reading, row).await?,
                    None => Vec::new(),
                },
                None => self.packages_behind(&mut view, &mut reading, stretch).await?,
            };
            drop(view);
            let page = stretch.of(lines);
            self.store.enter(event.count("packages", page.lines.len())).await?;
            Ok(page)
        })
        .await
    }

    async fn packages_behind(
        &self,
        view: &mut View<'_>,
        reading: &mut Reading<'_>,
        stretch: &Stretch<PackageNo>,
    ) -> Result<Vec<PackageLine>, Error> {
        let (mut lines, mut behind) = (Vec::new(), None);
        if let Some(no) = &stretch.behind
            && let Some(row) = view.request(no.request()).await?
        {
            let its = self.package_lines(view, reading, row.clone()).await?;
            // One that the caller may not see is nowhere, as one that is not there.
            if let Some(at) = its.iter().position(|line| line.no == *no) {
                lines.extend(its.into_iter().skip(at + 1));
                behind = Some(row);
            }
        }
        let picked = Picked { packaged: true, ..Picked::default() };
        let mut walk = Walk::new(picked, behind, stretch.read());
        while !stretch.is_full(lines.len())
            && let Some(row) = walk.next(view).await?
        {
            lines.extend(self.package_lines(view, reading, row).await?);
        }
        Ok(lines)
    }

    /// The packages of a request, the newest first, as far as the caller may see them.
    async fn package_lines(
        &self,
        view: &mut View<'_>,
        reading: &mut Reading<'_>,
        row: RequestRow,
    ) -> Result<Vec<PackageLine>, Error> {
        if !reading.might_see(view, &row).await? {
            return Ok(Vec::new());
        }
        let packages = view.packages_of(&row.no).await?;
        if packages.is_empty() {
            return Ok(Vec::new());
        }
        let Reading { ground, caller, .. } = *reading;
        let unit = Some(&row.unit);
        let may = |act| ground.staff.may(&ground.policy, caller, act, unit).is_ok();
        if ground.staff.within(caller, Act::PackageList, unit).is_err() {
            return Ok(Vec::new());
        }
        let (may_list, may_recall) = (may(Act::PackageList), may(Act::PackageRecall));
        let mut lines = Vec::new();
        for package in packages.into_iter().rev() {
            // Of the round it was made of: another receiver may be named since.
            let asked = self.round_of(view, &mut reading.common, &row, &package).await?;
            let form = asked.form();
            let named = form.receiver() == caller.login();
            if !named && !may_list {
                continue;
            }
            let facts = view.package_facts(&package.no).await?;
            let sealed = last_sealed(&facts)?;
            let Some(last) = facts.last() else { continue };
            let handed_off = facts.iter().find(|fact| fact.kind == FactKind::HandedOff);
            lines.push(PackageLine {
                receives: named,
                may_attest: named && check_attestable(&facts).is_ok(),
                overdue: overdue(&facts, form.destroy_by(), self.clock().today()),
                destroy_by: form.destroy_by().to_string(),
                handed_off_at: handed_off.map(|fact| rfc3339(fact.at)),
                parts: sealed.as_ref().map_or(0, |s| s.parts().len()),
                may_recall: package.live && may_recall,
                no: package.no,
                channel: form.channel(),
                state: last.kind,
                at: rfc3339(last.at),
                rows: sealed.as_ref().map(|s| s.rows),
                sha256: sealed.as_ref().map(SealedFact::sha256),
                excluded: sealed.map(|s| s.excluded),
            });
        }
        Ok(lines)
    }
}

/// Who reads the list.
struct Reading<'a> {
    ground: &'a Ground,
    caller: &'a Caller,
    common: Common,
}

impl Reading<'_> {
    /// Whether it is worth asking if the caller may see a request's packages: whom no rule about its unit lets, and whom
    /// none of its rounds names, may not.
    async fn might_see(&self, view: &mut View<'_>, row: &RequestRow) -> Result<bool, StoreError> {
        let Reading { ground, caller, .. } = self;
        if ground.staff.may(&ground.policy, caller, Act::PackageList, Some(&row.unit)).is_ok() {
            return Ok(true);
        }
        let rounds = view.submissions(&row.no).await?;
        let mut asked = rounds.iter().filter_map(|round| Submission::from_canonical(&round.body).ok());
        Ok(asked.any(|asked| asked.form.receiver() == caller.login()))
    }
}
