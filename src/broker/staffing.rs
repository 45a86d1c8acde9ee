//! Units, people and roles as a file says they should be (A4a, A4b, A6b).

use std::collections::BTreeSet;

use super::{Broker, Error, Refusal};
use crate::access::{Caller, Staff};
use crate::audit::event::{Action, Event};
use crate::model::code::{Function, Rank, Role};
use crate::model::ids::Login;
use crate::model::org::{Org, PersonSpec, Unit};
use crate::policy::Act;
use crate::store::Work;
use crate::store::holds::HoldReason;
use crate::store::people::{Person, RoleGrant};
use crate::store::proposals::ProposalKind;

/// What applying an organisation file did, or would do.
#[derive(Debug, Default)]
pub struct OrgChange {
    /// One line a change, for people to read.
    pub lines: Vec<String>,
    /// People of the file who cannot sign yet: they get a password from the file's folder, or a code.
    pub unenrolled: Vec<PersonSpec>,
    /// Marketing and planning departments without an information officer (A4a).
    pub gaps: Vec<String>,
    /// Whether it gives somebody power: a role, a higher rank, another place in the tree.
    widens: bool,
    /// Who got a role of the chain, or an administrator's.
    given: BTreeSet<Login>,
    /// Nothing is changed yet: a second administrator has to second this proposal.
    pub proposal: Option<i64>,
}

impl Broker {
    /// Makes units, people and roles what the file says. People whom it names get exactly the roles it
    /// gives them; units and people it does not name stay as they are. Twice changes nothing. What gives somebody
    /// power becomes a proposal for a second administrator, whole, and nothing is changed yet.
    ///
    /// # Errors
    /// The file's own faults (`bad_org`, `rank_too_low`, `roles_exclude`), `about_yourself`, or the
    /// caller may not.
    pub async fn org_apply(&self, caller: &Caller, text: &str, dry_run: bool) -> Result<OrgChange, Error> {
        let event = Event::new(Action::OrgApplied, caller.actor());
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let guarded = self.guarded(work.view()).await?;
            let mut change = self.apply_org(&mut work, &[caller], text).await?;
            if guarded && change.widens && !dry_run {
                drop(work);
                change.unenrolled.clear();
                change.proposal = Some(self.propose(caller, ProposalKind::Org, text, &change.lines).await?);
                return Ok(change);
            }
            if dry_run {
                drop(work);
                work = self.store.work().await?;
            }
            work.commit(event.count("changes", change.lines.len()).count("dry_run", dry_run)).await?;
            Ok(change)
        })
        .await
    }

    /// Applies a file in this turn. None of `actors` may be touched by it: who proposed it, who seconds it.
    pub(super) async fn apply_org(
        &self,
        work: &mut Work<'_>,
        actors: &[&Caller],
        text: &str,
    ) -> Result<OrgChange, Error> {
        let ground = self.ground(work.view()).await?;
        for actor in actors {
            ground.staff.may(&ground.policy, actor, Act::OrgApply, None)?;
        }
        let known: Vec<Unit> = ground.staff.tree().units().cloned().collect();
        let switches = ground.policy.switches();
        let org = Org::from_toml(text, &known, switches.minimum_rank(Role::InfoOfficer))?;
        for person in &org.people {
            for (role, _) in &person.roles {
                switches.may_hold(*role, person.rank)?;
            }
        }
        let mut change = OrgChange::default();
        for unit in &org.units {
            let new = ground.staff.tree().get(&unit.code).is_none();
            if work.put_unit(unit).await? {
                change.lines.push(format!("{} unit {}", if new { "add" } else { "change" }, unit.code));
                // A unit's place in the tree decides whose signature counts.
                change.widens = true;
            }
        }
        for spec in &org.people {
            let lines = change.lines.len();
            apply_person(work, &ground.staff, spec, &mut change).await?;
            if change.lines.len() > lines && actors.iter().any(|actor| actor.login() == &spec.login) {
                return Err(about_yourself(&spec.login).into());
            }
            if work.view().credentials(&spec.login).await?.is_empty() {
                change.unenrolled.push(spec.clone());
            }
        }
        for login in &change.given {
            self.hold(work, login, HoldReason::Role).await?;
        }
        let staff = Staff::load(work.view()).await?;
        change.gaps = gaps(&staff);
        Ok(change)
    }

    /// Marketing and planning departments without an information officer (A4a).
    ///
    /// # Errors
    /// The database failed.
    pub async fn officer_gaps(&self) -> Result<Vec<String>, Error> {
        let mut view = self.store.view().await?;
        Ok(gaps(&Staff::load(&mut view).await?))
    }
}

pub(super) fn gaps(staff: &Staff) -> Vec<String> {
    staff
        .tree()
        .units()
        .filter(|u| {
            matches!(u.function, Some(Function::Marketing | Function::Planning))
                && !staff.has_holder(Role::InfoOfficer, &u.code)
        })
        .map(|u| u.code.to_string())
        .collect()
}

async fn apply_person(
    work: &mut Work<'_>,
    before: &Staff,
    spec: &PersonSpec,
    change: &mut OrgChange,
) -> Result<(), Error> {
    let old = before.person(&spec.login);
    let person = Person {
        login: spec.login.clone(),
        name: spec.name.clone(),
        unit: spec.unit.clone(),
        rank: spec.rank,
        suspended: old.is_some_and(|p| p.suspended),
    };
    if work.put_person(&person).await? {
        change.widens |= old.is_some_and(|old| old.rank < spec.rank || old.unit != spec.unit);
        change.lines.push(match old {
            None => format!("add person {} ({}, {})", spec.login, spec.unit, spec.rank),
            Some(old) => {
                format!("change person {} ({}, {})", spec.login, spec.unit, ranks(old.rank, spec.rank))
            }
        });
    }
    let wanted: Vec<RoleGrant> = spec
        .roles
        .iter()
        .map(|(role, unit)| RoleGrant { login: spec.login.clone(), role: *role, unit: unit.clone() })
        .collect();
    let held: Vec<RoleGrant> = before.grants(&spec.login).cloned().collect();
    for grant in held.iter().filter(|g| !wanted.contains(g)) {
        work.revoke_role(grant).await?;
        change.lines.push(format!("take {} at {} from {}", grant.role, grant.unit, grant.login));
    }
    for grant in wanted.iter().filter(|g| !held.contains(g)) {
        if before.tree().get(&grant.unit).is_none()
            && !work.view().units().await?.iter().any(|u| u.code == grant.unit)
        {
            return Err(Refusal::new("bad_org", "A4a (Art 4)", format!("there is no unit {}", grant.unit))
                .hint("add it to the file's units, or correct the code")
                .into());
        }
        work.grant_role(grant).await?;
        change.widens = true;
        // An administrator signs policies.
        if grant.role.in_chain() || grant.role == Role::Admin {
            change.given.insert(grant.login.clone());
        }
        change.lines.push(format!("give {} at {} to {}", grant.role, grant.unit, grant.login));
    }
    Ok(())
}

fn about_yourself(login: &Login) -> Refusal {
    Refusal::new("about_yourself", "A6b", format!("the file changes {login}, who is applying it"))
        .hint("another administrator applies changes that concern you")
}

fn ranks(old: Rank, new: Rank) -> String {
    if old == new { new.to_string() } else { format!("{old} to {new}") }
}
