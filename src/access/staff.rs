//! Who is who at this moment: people, units, the roles they hold; and the person who asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::audit::event::Actor;
use crate::model::code::{Role, UnitKind};
use crate::model::ids::{Digest, Login, UnitCode};
use crate::model::lang::{Lang, Word as _};
use crate::model::org::OrgTree;
use crate::model::refusal::Refusal;
use crate::model::scope::{Scope, Scopes};
use crate::policy::{Act, Place, Policy};
use crate::store::people::{Person, RoleGrant};
use crate::store::tokens::TokenRow;
use crate::store::{StoreError, View};

use super::Error;

/// The organisation as one snapshot shows it.
pub struct Staff {
    people: BTreeMap<Login, Person>,
    /// By who holds them: a long list asks for each of its lines whose turn it is.
    grants: BTreeMap<Login, Vec<RoleGrant>>,
    tree: OrgTree,
}

/// A person who has shown who they are, or a program with a token of theirs.
#[derive(Debug, Clone)]
pub struct Caller {
    login: Login,
    roles: Vec<Role>,
    /// By a session: its id.
    session: Option<Digest>,
    /// By a token: what it leaves of what the person may. Every question that [`Staff`] is asked looks here first.
    narrowed: Option<Arc<Narrowed>>,
}

/// What a token leaves of what its person may (B11).
#[derive(Debug)]
struct Narrowed {
    token: i64,
    scopes: Scopes,
    unit: UnitCode,
}

impl Caller {
    /// Who.
    pub fn login(&self) -> &Login {
        &self.login
    }

    /// The same in a session: what is judged a while later is refused when that has ended.
    pub(crate) fn in_session(self, id: Digest) -> Caller {
        Caller { session: Some(id), ..self }
    }

    /// For what goes on when its person has signed out, as a file that is stored.
    pub(crate) fn without_session(&self) -> Caller {
        Caller { session: None, ..self.clone() }
    }

    /// The id of the session that is called in.
    pub(super) fn session(&self) -> Option<&Digest> {
        self.session.as_ref()
    }

    /// The number of the token, when it is a program that calls.
    pub fn token(&self) -> Option<i64> {
        self.narrowed.as_ref().map(|narrowed| narrowed.token)
    }

    /// As the log names them.
    pub fn actor(&self) -> Actor {
        Actor::Person { login: self.login.clone(), roles: self.roles.clone(), token: self.token() }
    }

    /// Whether a route of this scope is open to the caller: always to a person, to a token when it is made for it.
    ///
    /// # Errors
    /// `beyond_token`.
    pub fn check_scope(&self, scope: Scope) -> Result<(), Refusal> {
        match &self.narrowed {
            Some(narrowed) if !narrowed.scopes.has(scope) => {
                let message = format!("this token is not made to {}", scope.word(Lang::En));
                Err(beyond_token(message))
            }
            _ => Ok(()),
        }
    }

    /// That a person is calling and no program.
    ///
    /// # Errors
    /// `beyond_token`.
    pub fn check_person(&self) -> Result<(), Refusal> {
        match &self.narrowed {
            Some(_) => Err(Caller::only_a_person()),
            None => Ok(()),
        }
    }

    /// What a program is told where only a person may be.
    pub fn only_a_person() -> Refusal {
        beyond_token("only a person does this, signed in; no token does")
    }
}

/// One answer for no session or token, an unknown one, and one that has ended.
pub(crate) fn not_signed_in() -> Refusal {
    Refusal::new("not_signed_in", "B9", "nobody is signed in here, or the session or token has ended")
        .hint("sign in")
}

fn beyond_token(message: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    Refusal::new("beyond_token", "B11", message)
        .hint("make a token with the scope and the unit that it needs, or sign in")
}

impl Staff {
    /// Reads the organisation.
    ///
    /// # Errors
    /// The database failed, or the units are no tree any more.
    pub async fn load(view: &mut View<'_>) -> Result<Self, Error> {
        let people = view.people().await?.into_iter().map(|p| (p.login.clone(), p)).collect();
        let mut grants: BTreeMap<Login, Vec<RoleGrant>> = BTreeMap::new();
        for grant in view.role_grants().await? {
            grants.entry(grant.login.clone()).or_default().push(grant);
        }
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
        self.grants.get(login).into_iter().flatten()
    }

    /// Whether a person holds a role at a unit.
    pub fn holds(&self, login: &Login, role: Role, unit: &UnitCode) -> bool {
        self.grants(login).any(|g| g.role == role && &g.unit == unit)
    }

    /// Whether any active person holds a role at a unit (A4a).
    pub fn has_holder(&self, role: Role, unit: &UnitCode) -> bool {
        self.grants.values().flatten().any(|g| g.role == role && &g.unit == unit && self.is_active(&g.login))
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
        Ok(Caller { login: login.clone(), roles, session: None, narrowed: None })
    }

    /// The caller of a token: its person, narrowed. That the token is good is the caller's to ask.
    ///
    /// # Errors
    /// Its person is suspended, or gone.
    pub fn caller_by(&self, token: &TokenRow) -> Result<Caller, Refusal> {
        let TokenRow { id, scopes, unit, .. } = token.clone();
        let narrowed = Narrowed { token: id, scopes, unit };
        Ok(Caller { narrowed: Some(Arc::new(narrowed)), ..self.caller(&token.login)? })
    }

    /// Whether what a token leaves to its person has room for an act to what belongs to `unit`; none: the group's. Where
    /// something else than the policy lets somebody (a seat, a copy, being named), this is asked beside it.
    ///
    /// # Errors
    /// `beyond_token`.
    pub fn within(&self, caller: &Caller, act: Act, unit: Option<&UnitCode>) -> Result<(), Refusal> {
        let Some(narrowed) = &caller.narrowed else { return Ok(()) };
        if !narrowed.scopes.iter().any(|scope| scope.acts().contains(&act)) {
            return Err(beyond_token(format!("this token is not made to {}", act.word(Lang::En))));
        }
        let bound = &narrowed.unit;
        let everything = self.tree.get(bound).is_some_and(|unit| unit.kind == UnitKind::Group);
        if everything || unit.is_some_and(|unit| self.tree.is_within(unit, bound)) {
            return Ok(());
        }
        let message = format!("this token is bound to {bound}, and cannot {} elsewhere", act.word(Lang::En));
        Err(beyond_token(message))
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
        self.within(caller, act, unit)?;
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

    /// The sites where a caller may have members: those that a person belongs to by roles; the one that a token is bound
    /// to, which the policy may let its person reach from elsewhere.
    pub fn sites(&self, caller: &Caller) -> Vec<UnitCode> {
        let bound = caller.narrowed.as_ref().and_then(|narrowed| self.tree.get(&narrowed.unit));
        match bound.map(|unit| (unit.kind, &unit.code)) {
            Some((UnitKind::Hq | UnitKind::Store, site)) => return vec![site.clone()],
            Some((UnitKind::Department, _)) => return Vec::new(),
            Some((UnitKind::Group, _)) | None => {}
        }
        let of_roles = self.grants(&caller.login).filter_map(|g| self.tree.site_of(&g.unit));
        let mut sites: Vec<UnitCode> = of_roles.map(|unit| unit.code.clone()).collect();
        sites.sort_unstable();
        sites.dedup();
        sites
    }
}

impl Staff {
    /// Asks the policy about a caller whom the request's chain, or a deputy slot, gives the seat: a seat
    /// is one's own wherever it is. A role that denies still does, and no seat is a program's.
    ///
    /// # Errors
    /// The policy's refusal.
    pub fn may_seated(&self, policy: &Policy, caller: &Caller, act: Act) -> Result<(), Refusal> {
        caller.check_person()?;
        policy.may(&self.caller(&caller.login)?.roles, act, Place::Own)
    }
}
