//! Who is who at this moment: people, units, the roles they hold; and the person who asks.

use std::collections::BTreeMap;

use crate::audit::event::Actor;
use crate::model::code::Role;
use crate::model::ids::{Login, UnitCode};
use crate::model::org::OrgTree;
use crate::model::refusal::Refusal;
use crate::policy::{Act, Place, Policy};
use crate::store::people::{Person, RoleGrant};
use crate::store::{StoreError, View};

use super::Error;

/// The organisation as one snapshot shows it.
pub struct Staff {
    people: BTreeMap<Login, Person>,
    grants: Vec<RoleGrant>,
    tree: OrgTree,
}

/// A person who has shown who they are.
#[derive(Debug, Clone)]
pub struct Caller {
    login: Login,
    roles: Vec<Role>,
}

impl Caller {
    /// Who.
    pub fn login(&self) -> &Login {
        &self.login
    }

    /// As the log names them.
    pub fn actor(&self) -> Actor {
        Actor::Person { login: self.login.clone(), roles: self.roles.clone() }
    }
}

impl Staff {
    /// Reads the organisation.
    ///
    /// # Errors
    /// The database failed, or the units are no tree any more.
    pub async fn load(view: &mut View<'_>) -> Result<Self, Error> {
        let people = view.people().await?.into_iter().map(|p| (p.login.clone(), p)).collect();
        let grants = view.role_grants().await?;
        let tree = OrgTree::new(view.units().await?)
            .map_err(|_| StoreError::integrity("unit", "the units are no tree"))?;
        Ok(Staff { people, grants, tree })
    }

    /// The tree of units.
    pub fn tree(&self) -> &OrgTree {
        &self.tree
    }

    /// A person.
    pub fn person(&self, login: &Login) -> Option<&Person> {
        self.people.get(login)
    }

    /// All people.
    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.people.values()
    }

    /// A person who may act.
    pub fn is_active(&self, login: &Login) -> bool {
        self.person(login).is_some_and(|p| !p.suspended)
    }

    /// Roles a person holds, with their units.
    pub fn grants<'a>(&'a self, login: &'a Login) -> impl Iterator<Item = &'a RoleGrant> {
        self.grants.iter().filter(move |g| &g.login == login)
    }

    /// Whether a person holds a role at a unit.
    pub fn holds(&self, login: &Login, role: Role, unit: &UnitCode) -> bool {
        self.grants(login).any(|g| g.role == role && &g.unit == unit)
    }

    /// Whether any active person holds a role at a unit (A4a).
    pub fn has_holder(&self, role: Role, unit: &UnitCode) -> bool {
        self.grants.iter().any(|g| g.role == role && &g.unit == unit && self.is_active(&g.login))
    }

    /// The caller of a login that has been recognised.
    ///
    /// # Errors
    /// Suspended, or gone.
    pub fn caller(&self, login: &Login) -> Result<Caller, Refusal> {
        if !self.is_active(login) {
            return Err(Refusal::new("suspended", "B9", "this account is suspended")
                .hint("an administrator can lift the suspension"));
        }
        let mut roles: Vec<Role> = self.grants(login).map(|g| g.role).collect();
        roles.sort_unstable();
        roles.dedup();
        Ok(Caller { login: login.clone(), roles })
    }

    /// Asks the policy whether a caller may do something to what belongs to `unit`; none: the group's.
    ///
    /// # Errors
    /// The policy's refusal.
    pub fn may(
        &self,
        policy: &Policy,
        caller: &Caller,
        act: Act,
        unit: Option<&UnitCode>,
    ) -> Result<(), Refusal> {
        // Roles as they are now, and nobody who was suspended since he showed who he is.
        let roles = self.caller(&caller.login)?.roles;
        let everywhere = policy.may(&roles, act, Place::Other);
        if everywhere.is_ok() {
            return everywhere;
        }
        // Own counts for the roles held at that unit's own headquarters or store; a role that denies does
        // so from anywhere.
        let own: Vec<Role> = self
            .grants(&caller.login)
            .filter(|g| {
                matches!(g.role, Role::Admin | Role::Auditor)
                    || unit.is_some_and(|u| self.same_site(&g.unit, u))
            })
            .map(|g| g.role)
            .collect();
        if own.is_empty() { everywhere } else { policy.may(&own, act, Place::Own) }
    }

    /// Whether two units belong to the same headquarters or store.
    pub fn same_site(&self, a: &UnitCode, b: &UnitCode) -> bool {
        match (self.tree.site_of(a), self.tree.site_of(b)) {
            (Some(a), Some(b)) => a.code == b.code,
            _ => false,
        }
    }

    /// The sites a caller belongs to by roles: whose members they may see at the counter.
    pub fn sites(&self, login: &Login) -> Vec<UnitCode> {
        let mut sites: Vec<UnitCode> =
            self.grants(login).filter_map(|g| self.tree.site_of(&g.unit)).map(|u| u.code.clone()).collect();
        sites.sort_unstable();
        sites.dedup();
        sites
    }
}

impl Staff {
    /// Asks the policy about a caller whom the request's chain, or a deputy slot, gives the seat: a seat
    /// is one's own wherever it is. A role that denies still does.
    ///
    /// # Errors
    /// The policy's refusal.
    pub fn may_seated(&self, policy: &Policy, caller: &Caller, act: Act) -> Result<(), Refusal> {
        policy.may(&self.caller(&caller.login)?.roles, act, Place::Own)
    }
}
