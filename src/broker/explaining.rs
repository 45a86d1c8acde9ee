//! Policies read: an older version, why something is permitted, who may do what, and what a proposal would change
//! (A11, A12).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Broker, Error, Ground, Refusal};
use crate::access::Caller;
use crate::audit::event::{Action, Event};
use crate::model::code::{Channel, Purpose, Role};
use crate::model::field::Field;
use crate::model::ids::{Login, UnitCode};
use crate::policy::{Act, ActRow, FieldRow, Place, Policy, PolicyFiles, RuleLine};
use crate::store::View;
use crate::store::policies::PolicyVersion;

/// A question to the policy in force.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = PolicyQuestion, example = json!({ "act": { "login": "he.fang", "act": "member_reveal", "unit": "S001" } }))]
pub enum Question {
    /// May this person, or whoever holds these roles, do this there?
    Act {
        /// Who.
        #[serde(default)]
        login: Option<Login>,
        /// Or which roles, held at their own site.
        #[serde(default)]
        roles: Vec<Role>,
        /// What.
        act: Act,
        /// To what belongs to which unit; the group when left out.
        #[serde(default)]
        unit: Option<UnitCode>,
    },
    /// May these fields leave for this purpose on this channel?
    Carry {
        /// For what.
        purpose: Purpose,
        /// How.
        channel: Channel,
        /// Which.
        fields: Vec<Field>,
    },
}

/// An answer, and the lines it rests on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PolicyExplained)]
pub struct Explained {
    /// Whether.
    pub allowed: bool,
    /// Why not.
    pub code: Option<&'static str>,
    /// The requirement behind it.
    pub rule: Option<&'static str>,
    /// In words.
    pub why: String,
    /// What would make it pass.
    pub hint: String,
    /// Lines of the rules that speak of it. One that does not count reaches another place only.
    pub lines: Vec<RuleLine>,
}

/// A version's text.
pub struct PolicyText {
    /// Who proposed and seconded it, and when.
    pub version: PolicyVersion,
    /// Its files by name.
    pub files: BTreeMap<String, String>,
}

/// Who may do what, and which fields may leave.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PolicyMatrices)]
pub struct Matrices {
    /// Acts and roles.
    pub acts: Vec<ActRow>,
    /// Purposes, channels and fields.
    pub fields: Vec<FieldRow>,
}

/// What a version decides otherwise than the one in force.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PolicyDifferences)]
pub struct Differences {
    /// The version that was asked about.
    pub version: i64,
    /// The one in force.
    pub in_force: i64,
    /// Files whose text differs.
    pub files: Vec<String>,
    /// Acts of one role alone that are decided otherwise.
    pub acts: Vec<ActChange>,
    /// Purposes and channels that carry something else.
    pub fields: Vec<FieldChange>,
}

/// An act of one role, decided otherwise.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ActChange {
    /// Which role.
    pub role: Role,
    /// Which act.
    pub act: Act,
    /// Where.
    pub place: Place,
    /// Whether it is permitted now.
    pub now: bool,
    /// Whether it would be.
    pub then: bool,
}

/// A purpose on a channel that would carry something else.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FieldChange {
    /// For what.
    pub purpose: Purpose,
    /// How.
    pub channel: Channel,
    /// What it carries now; nothing when the channel is off.
    pub now: Vec<Field>,
    /// What it would.
    pub then: Vec<Field>,
}

impl Broker {
    /// The text of a version, also of one that holds no more or not yet.
    ///
    /// # Errors
    /// `unknown_policy`, or the caller may not.
    pub async fn policy_read(&self, caller: &Caller, id: i64) -> Result<PolicyText, Error> {
        let event = Event::new(Action::PolicyShown, caller.actor()).object(id);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::PolicyShow, None)?;
            let version = find_version(work.view(), id).await?;
            let files = PolicyFiles::from_bytes(&version.files)?;
            work.commit(event.policy(version.digest)).await?;
            let files = files.iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
            Ok(PolicyText { version, files })
        })
        .await
    }

    /// Why the policy in force answers as it does. It changes and permits nothing. About another person only
    /// who may read people.
    ///
    /// # Errors
    /// `unknown_login`, or the caller may not.
    pub async fn policy_explain(&self, caller: &Caller, question: &Question) -> Result<Explained, Error> {
        let event = Event::new(Action::PolicyShown, caller.actor());
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::PolicyShow, None)?;
            let explained = explain(&ground, caller, question)?;
            work.commit(event.object("explain")).await?;
            Ok(explained)
        })
        .await
    }

    /// Who may do what, and which fields may leave, under the policy in force.
    ///
    /// # Errors
    /// The caller may not.
    pub async fn policy_matrices(&self, caller: &Caller) -> Result<Matrices, Error> {
        let event = Event::new(Action::PolicyShown, caller.actor());
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::PolicyShow, None)?;
            work.commit(event.object("matrices")).await?;
            Ok(Matrices { acts: ground.policy.act_matrix(), fields: ground.policy.field_matrix() })
        })
        .await
    }

    /// What a version would decide otherwise than the one in force: each role alone, each act, each place; each
    /// purpose on each channel.
    ///
    /// # Errors
    /// `unknown_policy`, or the caller may not.
    pub async fn policy_simulate(&self, caller: &Caller, id: i64) -> Result<Differences, Error> {
        let event = Event::new(Action::PolicyShown, caller.actor()).object(id);
        self.logged(event.clone(), async {
            // Reading a policy takes long, and a turn is everybody's; a version is never written again.
            let mut view = self.store.view().await?;
            let ground = self.ground(&mut view).await?;
            ground.staff.may(&ground.policy, caller, Act::PolicyShow, None)?;
            let version = find_version(&mut view, id).await?;
            drop(view);
            let then = Policy::load(PolicyFiles::from_bytes(&version.files)?).await?;
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::PolicyShow, None)?;
            let at = work.at();
            let in_force = work.view().policy_at(at).await?.id;
            work.commit(event.policy(version.digest)).await?;
            Ok(Differences {
                version: id,
                in_force,
                files: files_changed(ground.policy.files(), then.files()),
                acts: acts_changed(&ground.policy, &then),
                fields: fields_changed(&ground.policy, &then),
            })
        })
        .await
    }

    /// Takes a proposal back: it can be seconded no more, and stays readable.
    ///
    /// # Errors
    /// `unknown_policy`, `seconded_already`, `withdrawn_already`, or the caller may not.
    pub async fn policy_withdraw(&self, caller: &Caller, id: i64) -> Result<(), Error> {
        let event = Event::new(Action::PolicyWithdrawn, caller.actor()).object(id);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::PolicyPropose, None)?;
            let version = find_version(work.view(), id).await?;
            if version.adopted() {
                return Err(Refusal::new(
                    "seconded_already",
                    "A12 (Art 12)",
                    "this version is adopted already",
                )
                .hint("propose another version instead")
                .into());
            }
            refuse_withdrawn(work.view(), id).await?;
            let at = work.at();
            work.withdraw_policy(id, caller.login(), at).await?;
            work.commit(event.policy(version.digest)).await?;
            Ok(())
        })
        .await
    }
}

/// A version by its number.
pub(super) async fn find_version(view: &mut View<'_>, id: i64) -> Result<PolicyVersion, Error> {
    let versions = view.policy_versions().await?;
    versions.into_iter().find(|v| v.id == id).ok_or_else(|| {
        Refusal::new("unknown_policy", "A12 (Art 12)", format!("there is no policy version {id}"))
            .hint("`policy show` lists the versions")
            .into()
    })
}

/// A proposal that was taken back is not seconded, nor taken back again.
pub(super) async fn refuse_withdrawn(view: &mut View<'_>, id: i64) -> Result<(), Error> {
    if !view.policies_withdrawn().await?.iter().any(|(withdrawn, _)| *withdrawn == id) {
        return Ok(());
    }
    Err(Refusal::new("withdrawn_already", "A12 (Art 12)", "this proposal was taken back")
        .hint("propose it again as a new version")
        .into())
}

fn explain(ground: &Ground, caller: &Caller, question: &Question) -> Result<Explained, Refusal> {
    let policy = &ground.policy;
    match question {
        Question::Carry { purpose, channel, fields } => {
            let lines = policy.field_lines(*purpose, *channel, fields);
            Ok(told(policy.may_carry(*purpose, *channel, fields), lines))
        }
        Question::Act { login: Some(login), act, unit, .. } => {
            if login != caller.login() {
                ground.staff.may(policy, caller, Act::PeopleShow, None)?;
            }
            let held: Vec<(Role, Place)> = (ground.staff.grants(login))
                .map(|grant| {
                    let own = unit.as_ref().is_some_and(|unit| ground.staff.same_site(&grant.unit, unit));
                    (grant.role, if own { Place::Own } else { Place::Other })
                })
                .collect();
            let answer = ground
                .staff
                .caller(login)
                .and_then(|person| ground.staff.may(policy, &person, *act, unit.as_ref()));
            Ok(told(answer, policy.act_lines(&held, *act)))
        }
        Question::Act { login: None, roles, act, .. } => {
            let held: Vec<(Role, Place)> = roles.iter().map(|role| (*role, Place::Own)).collect();
            Ok(told(policy.may(roles, *act, Place::Own), policy.act_lines(&held, *act)))
        }
    }
}

fn told(answer: Result<(), Refusal>, lines: Vec<RuleLine>) -> Explained {
    match answer {
        Ok(()) => Explained {
            allowed: true,
            code: None,
            rule: None,
            why: "a line allows it, and none denies it".to_owned(),
            hint: String::new(),
            lines,
        },
        Err(refusal) => Explained {
            allowed: false,
            code: Some(refusal.code),
            rule: Some(refusal.rule),
            why: refusal.message.into_owned(),
            hint: refusal.hint.into_owned(),
            lines,
        },
    }
}

fn files_changed(now: &PolicyFiles, then: &PolicyFiles) -> Vec<String> {
    let now: BTreeMap<&str, &str> = now.iter().collect();
    then.iter().filter(|(name, text)| now.get(name) != Some(text)).map(|(name, _)| name.to_owned()).collect()
}

fn acts_changed(now: &Policy, then: &Policy) -> Vec<ActChange> {
    let mut changes = Vec::new();
    for act in Act::ALL {
        for role in Role::ALL {
            for place in Place::ALL {
                let may = |policy: &Policy| policy.may(&[*role], *act, *place).is_ok();
                let (now, then) = (may(now), may(then));
                if now != then {
                    changes.push(ActChange { role: *role, act: *act, place: *place, now, then });
                }
            }
        }
    }
    changes
}

fn fields_changed(now: &Policy, then: &Policy) -> Vec<FieldChange> {
    let carried = |row: FieldRow| if row.enabled { row.fields } else { Vec::new() };
    now.field_matrix()
        .into_iter()
        .zip(then.field_matrix())
        .map(|(now, then)| {
            let (purpose, channel) = (now.purpose, now.channel);
            FieldChange { purpose, channel, now: carried(now), then: carried(then) }
        })
        .filter(|change| change.now != change.then)
        .collect()
}
