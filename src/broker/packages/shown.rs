//! The list of packages, a page at a time.

use super::super::paging::{Paged, Part};
use super::super::{Broker, Error, Ground};
use super::{PackageLine, SealedFact, last_sealed};
use crate::access::{Asked, Caller, Common};
use crate::audit::event::{Action, Event};
use crate::clock::rfc3339;
use crate::model::ids::{PackageNo, RequestNo};
use crate::policy::Act;
use crate::store::packages::PackageRow;
use crate::store::{StoreError, View};

impl Broker {
    /// The packages a caller may see, those of the newest request first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn package_list(&self, caller: &Caller) -> Result<Vec<PackageLine>, Error> {
        Ok(self.package_page(caller, None, &Part::whole()).await?.lines)
    }

    /// A page of them, or of those of one request.
    ///
    /// # Errors
    /// The database failed.
    pub async fn package_page(
        &self,
        caller: &Caller,
        of: Option<&RequestNo>,
        part: &Part<PackageNo>,
    ) -> Result<Paged<PackageLine>, Error> {
        let event = Event::new(Action::PackageListed, caller.actor());
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            let at = work.at();
            let mut common = Common::new(ground.staff.clone(), ground.policy.clone(), at);
            let (mut lines, mut behind) = (Vec::new(), part.behind.clone());
            while !part.is_full(lines.len()) {
                let packages = match of {
                    Some(no) => work.view().packages_of(no).await?.into_iter().rev().collect(),
                    None => work.view().packages_behind(behind.as_ref(), part.read()).await?,
                };
                behind = packages.last().map(|package| package.no.clone());
                for package in &packages {
                    if part.is_full(lines.len()) {
                        break;
                    }
                    lines
                        .extend(self.package_line(work.view(), &ground, &mut common, caller, package).await?);
                }
                if of.is_some() || part.read().is_none_or(|read| packages.len() < read as usize) {
                    break;
                }
            }
            let page = part.of(lines);
            work.commit(event.count("packages", page.lines.len())).await?;
            Ok(page)
        })
        .await
    }

    async fn package_line(
        &self,
        view: &mut View<'_>,
        ground: &Ground,
        common: &mut Common,
        caller: &Caller,
        package: &PackageRow,
    ) -> Result<Option<PackageLine>, Error> {
        let orphan = || StoreError::integrity("package", format!("{}: its request is gone", package.no));
        let row = view.request(package.no.request()).await?.ok_or_else(orphan)?;
        let asked =
            Asked::load_among(view, &self.shelf, self.clock(), row, common).await?.ok_or_else(orphan)?;
        let named = asked.form().receiver() == caller.login();
        let unit = asked.form().unit();
        if ground.staff.within(caller, Act::PackageList, Some(unit)).is_err() {
            return Ok(None);
        }
        if !named && ground.staff.may(&ground.policy, caller, Act::PackageList, Some(unit)).is_err() {
            return Ok(None);
        }
        let facts = view.package_facts(&package.no).await?;
        let sealed = last_sealed(&facts)?;
        let Some(last) = facts.last() else { return Ok(None) };
        let may = ground.staff.may(&ground.policy, caller, Act::PackageRecall, Some(unit));
        Ok(Some(PackageLine {
            receives: named,
            may_recall: package.live && may.is_ok(),
            no: package.no.clone(),
            channel: asked.form().channel(),
            state: last.kind,
            at: rfc3339(last.at),
            rows: sealed.as_ref().map(|s| s.rows),
            sha256: sealed.as_ref().map(SealedFact::sha256),
            excluded: sealed.map(|s| s.excluded),
        }))
    }
}
