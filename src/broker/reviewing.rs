//! The organisation read, for who keeps it and who reviews access: units and their gaps (A4a), people and what they
//! may (B9). Never a secret, and no key but its fingerprint.

use std::collections::BTreeMap;

use serde::Serialize;

use super::paging::{Paged, Stretch};
use super::staffing::gaps;
use super::{Broker, Error, Ground, Refusal};
use crate::access::Caller;
use crate::access::held::held_until;
use crate::audit::event::{Action, Event};
use crate::clock::{Micros, rfc3339};
use crate::model::code::{Function, Rank, Role, UnitKind};
use crate::model::ids::{Login, UnitCode};
use crate::model::signing::PublicKey;
use crate::policy::Act;
use crate::store::View;
use crate::store::people::Person;

/// Units and what is missing in them.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OrgShown {
    /// Every unit, parents first.
    pub units: Vec<UnitShown>,
    /// Marketing and planning departments without an information officer: they cannot submit (A4a).
    pub gaps: Vec<String>,
}

/// A unit.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct UnitShown {
    /// Its code.
    pub code: UnitCode,
    /// What it is.
    pub kind: UnitKind,
    /// What it does, for a department.
    pub function: Option<Function>,
    /// Below which unit.
    pub parent: Option<UnitCode>,
    /// Its name in Chinese.
    pub name_zh: String,
    /// Its name in English.
    pub name_en: String,
    /// Active people who belong to it.
    pub people: usize,
    /// Active information officers it has.
    pub officers: Vec<Login>,
}

/// A person and what they hold.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PersonShown {
    /// Login.
    pub login: Login,
    /// Name.
    pub name: String,
    /// Home unit.
    pub unit: UnitCode,
    /// Rank.
    pub rank: Rank,
    /// May do nothing at present.
    pub suspended: bool,
    /// Roles, each with the unit it is held at.
    pub roles: Vec<RoleShown>,
    /// Whether they have a signing key that counts.
    pub enrolled: bool,
    /// Its fingerprint.
    pub key: Option<String>,
    /// The log entry it was enrolled with.
    pub enrolled_seq: Option<u64>,
    /// Until when a new key or a new role signs nothing, RFC 3339.
    pub held_until: Option<String>,
}

/// A role at a unit.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RoleShown {
    /// Which.
    pub role: Role,
    /// Where.
    pub unit: UnitCode,
}

impl Broker {
    /// The tree of units, and departments without an information officer.
    ///
    /// # Errors
    /// The caller may not.
    pub async fn org_show(&self, caller: &Caller) -> Result<OrgShown, Error> {
        let event = Event::new(Action::PeopleShown, caller.actor());
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::PeopleShow, None)?;
            let mut people: BTreeMap<&UnitCode, usize> = BTreeMap::new();
            let mut officers: BTreeMap<&UnitCode, Vec<Login>> = BTreeMap::new();
            for person in ground.staff.people().filter(|p| !p.suspended) {
                *people.entry(&person.unit).or_default() += 1;
                for grant in ground.staff.grants(&person.login).filter(|g| g.role == Role::InfoOfficer) {
                    officers.entry(&grant.unit).or_default().push(person.login.clone());
                }
            }
            let units = ground.staff.tree().units().map(|u| UnitShown {
                code: u.code.clone(),
                kind: u.kind,
                function: u.function,
                parent: u.parent.clone(),
                name_zh: u.name_zh.clone(),
                name_en: u.name_en.clone(),
                people: people.get(&u.code).copied().unwrap_or_default(),
                officers: officers.get(&u.code).cloned().unwrap_or_default(),
            });
            let shown = OrgShown { units: units.collect(), gaps: gaps(&ground.staff) };
            work.commit(event.count("units", shown.units.len())).await?;
            Ok(shown)
        })
        .await
    }

    /// Everyone, with what they hold, a page at a time.
    ///
    /// # Errors
    /// The caller may not.
    pub async fn people_page(
        &self,
        caller: &Caller,
        stretch: &Stretch<Login>,
    ) -> Result<Paged<PersonShown>, Error> {
        let event = Event::new(Action::PeopleShown, caller.actor());
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::PeopleShow, None)?;
            let at = work.at();
            let mut shown = Vec::new();
            let known = stretch.behind.as_ref().filter(|login| ground.staff.person(login).is_some());
            let behind = |person: &&Person| known.is_none_or(|login| person.login > *login);
            for person in ground.staff.people().filter(behind) {
                if stretch.is_full(shown.len()) {
                    break;
                }
                shown.push(of_person(work.view(), &ground, person, at).await?);
            }
            let page = stretch.of(shown);
            work.commit(event.count("people", page.lines.len())).await?;
            Ok(page)
        })
        .await
    }

    /// A person, with what they hold; everyone may see themselves.
    ///
    /// # Errors
    /// `unknown_login`, or the caller may not.
    pub async fn person_show(&self, caller: &Caller, login: &Login) -> Result<PersonShown, Error> {
        let event = Event::new(Action::PeopleShown, caller.actor()).object(login);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            if login != caller.login() {
                ground.staff.may(&ground.policy, caller, Act::PeopleShow, None)?;
            }
            let person = ground.staff.person(login).ok_or_else(|| {
                Refusal::new("unknown_login", "A4a (Art 4)", format!("there is no {login}"))
                    .hint("the list of people has every login")
            })?;
            let at = work.at();
            let shown = of_person(work.view(), &ground, person, at).await?;
            work.commit(event.count("people", 1)).await?;
            Ok(shown)
        })
        .await
    }
}

async fn of_person(
    view: &mut View<'_>,
    ground: &Ground,
    person: &Person,
    at: Micros,
) -> Result<PersonShown, Error> {
    let key = view.credentials(&person.login).await?.pop().filter(|key| key.ended_seq.is_none());
    let roles = ground.staff.grants(&person.login);
    Ok(PersonShown {
        login: person.login.clone(),
        name: person.name.clone(),
        unit: person.unit.clone(),
        rank: person.rank,
        suspended: person.suspended,
        roles: roles.map(|g| RoleShown { role: g.role, unit: g.unit.clone() }).collect(),
        enrolled: key.is_some(),
        key: key.as_ref().map(|key| PublicKey(key.public_key).fingerprint().to_string()),
        enrolled_seq: key.map(|key| key.enrolled_seq),
        held_until: held_until(view, &person.login, at).await?.map(rfc3339),
    })
}
