//! How far an execution is, for those who see its package in their list.

use std::collections::BTreeMap;

use super::executing::StartedFact;
use super::executing::ranges::{is_held, parts_made};
use super::packages::{is_part, last_sealed, package_of};
use super::rounds::find;
use super::standing::form_of;
use super::{Broker, Error};
use crate::access::Caller;
use crate::audit::event::{Action, Event};
use crate::model::code::Exclusion;
use crate::model::ids::{PackageNo, RequestNo};
use crate::policy::Act;
use crate::store::StoreError;
use crate::store::packages::{FactKind, PackageRow};

/// The newest package of a request: made, or in the making.
#[derive(Debug)]
pub struct Progress {
    /// Its number.
    pub package: PackageNo,
    /// The last thing that happened to it.
    pub state: FactKind,
    /// Members the selection matches, once they were gone through.
    pub selected: u64,
    /// Rows written so far: what this process knows of itself, or what is in the parts that are whole.
    pub written: u64,
    /// Rows to be written; of a whole package, rows in it.
    pub rows: u64,
    /// Parts that are written, and how many there are; `None` for a package of one file.
    pub parts: Option<(usize, usize)>,
    /// Whether some process is making it.
    pub held: bool,
    /// Of a whole package: why others are not in it.
    pub excluded: BTreeMap<Exclusion, u64>,
}

impl Broker {
    /// How far the newest package of a request is; `None` when it has none. Its making is in the log, and so is the list
    /// in which the caller sees it: looking on while its numbers move has no entry, a refusal has.
    ///
    /// # Errors
    /// The caller may not see its packages.
    pub async fn request_progress(&self, caller: &Caller, no: &RequestNo) -> Result<Option<Progress>, Error> {
        let event = Event::new(Action::PackageListed, caller.actor()).object(no);
        self.logged(event, async {
            let mut view = self.store.view().await?;
            let ground = self.known_ground(&mut view).await?;
            let row = find(&mut view, no).await?;
            let newest = view.packages_of(no).await?.pop();
            let receiver = match &newest {
                // Whoever is named since has nothing to do with it.
                Some(package) => {
                    let common = &mut ground.common(self.clock().now());
                    self.round_of(&mut view, common, &row, package).await?.form().receiver().clone()
                }
                None => form_of(&row.form, no)?.receiver().clone(),
            };
            if receiver != *caller.login() {
                ground.staff.may(&ground.policy, caller, Act::PackageList, Some(&row.unit))?;
            }
            let Some(package) = newest else { return Ok(None) };
            let facts = view.package_facts(&package.no).await?;
            let started = facts.iter().rfind(|fact| fact.kind == FactKind::Started);
            let (Some(last), Some(started)) = (facts.last(), started) else { return Ok(None) };
            let StartedFact { selected, rows } = serde_json::from_str(&started.body)
                .map_err(|_| StoreError::integrity("package_fact", "what was started does not parse"))?;
            let sealed = last_sealed(&facts)?.filter(|_| last.kind != FactKind::Started);
            if let Some(sealed) = sealed {
                return Ok(Some(Progress {
                    package: package.no,
                    state: last.kind,
                    selected: sealed.selected,
                    written: sealed.rows,
                    rows: sealed.rows,
                    parts: None,
                    held: false,
                    excluded: sealed.excluded,
                }));
            }
            let (made, parts, in_parts) = parts_made(&mut view, &package.no).await?;
            let (written, rows) = self.gauges.of(&package.no).unwrap_or((in_parts, rows));
            Ok(Some(Progress {
                held: self.is_being_made(&package)?,
                package: package.no,
                state: last.kind,
                selected,
                written,
                rows,
                parts: (parts > 0).then_some((made, parts)),
                excluded: BTreeMap::new(),
            }))
        })
        .await
    }

    /// Whether a process holds one of its half-made files: a lock goes with its process, however that ends.
    fn is_being_made(&self, package: &PackageRow) -> Result<bool, Error> {
        let own = package.no.to_string();
        for path in self.package_files()? {
            if is_part(&path) && package_of(&path) == own && is_held(&path)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
