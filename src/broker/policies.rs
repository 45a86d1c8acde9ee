//! Policy versions: one person proposes, another seconds (A11, A12).

use super::explaining::{find_version, refuse_withdrawn};
use super::people::still;
use super::{Broker, Error, Refusal, StepUp};
use crate::access::Caller;
use crate::access::held::check_not_held;
use crate::audit::event::{Action, Event};
use crate::clock::Micros;
use crate::keyring::aead::bind;
use crate::model::ids::{Digest, Login};
use crate::policy::{Act, PolicyFiles, run_tests};
use crate::store::policies::PolicyVersion;

/// What a policy signature is over.
pub(super) const LABEL: &str = "countersign.policy.v1";

/// Policies as they are and were.
pub struct PolicyShown {
    /// All versions, oldest first.
    pub versions: Vec<PolicyVersion>,
    /// Which is in force.
    pub in_force: i64,
    /// The files in force, one after the other.
    pub listing: String,
    /// Proposals that were taken back.
    pub withdrawn: Vec<i64>,
}

impl Broker {
    /// Shows the policies.
    ///
    /// # Errors
    /// The caller may not.
    pub async fn policy_show(&self, caller: &Caller) -> Result<PolicyShown, Error> {
        let event = Event::new(Action::PolicyShown, caller.actor());
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::PolicyShow, None)?;
            let at = work.at();
            let in_force = work.view().policy_at(at).await?;
            let versions = work.view().policy_versions().await?;
            let withdrawn = work.view().policies_withdrawn().await?.into_iter().map(|(id, _)| id).collect();
            let listing = ground.policy.files().listing();
            work.commit(event.object(in_force.id).policy(in_force.digest)).await?;
            Ok(PolicyShown { versions, in_force: in_force.id, listing, withdrawn })
        })
        .await
    }

    /// Proposes a set of policies: it is loaded, self-tested and its own test files are run first.
    ///
    /// # Errors
    /// The set does not hold together, or the caller may not.
    pub async fn policy_propose(
        &self,
        step: StepUp,
        files: PolicyFiles,
        effective_at: Option<Micros>,
    ) -> Result<i64, Error> {
        let digest = Digest(files.digest());
        let event = Event::new(Action::PolicyProposed, step.caller().actor()).policy(digest);
        self.logged(event.clone(), async {
            let mut view = self.store.view().await?;
            let ground = self.ground(&mut view).await?;
            ground.staff.may(&ground.policy, step.caller(), Act::PolicyPropose, None)?;
            self.check_undertaken(&mut view, step.caller().login()).await?;
            drop(view);
            run_tests(&files).await?;
            let mut work = self.store.work().await?;
            still(&mut work, &step).await?;
            let at = work.at();
            check_not_held(work.view(), step.caller().login(), at).await?;
            let id = work.view().policy_versions().await?.last().map_or(1, |v| v.id + 1);
            let version = PolicyVersion {
                id,
                digest,
                files: files.to_bytes(),
                proposed_by: step.caller().login().to_string(),
                proposed_at: work.at(),
                proposed_sig: Some(step.key().sign(LABEL, &self.policy_body(id, digest)).0.to_vec()),
                seconded: None,
                effective_at: effective_at.unwrap_or(0),
            };
            work.put_policy(&version).await?;
            work.commit(event.object(id)).await?;
            Ok(id)
        })
        .await
    }

    /// Seconds a proposal; it holds from its day, at the earliest from now.
    ///
    /// # Errors
    /// `unknown_policy`, `seconded_already`, `same_person`, or the caller may not.
    pub async fn policy_second(&self, step: StepUp, id: i64) -> Result<Micros, Error> {
        let caller = step.caller();
        let event = Event::new(Action::PolicySeconded, caller.actor()).object(id);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::PolicySecond, None)?;
            let mut version = find_version(work.view(), id).await?;
            refuse_withdrawn(work.view(), id).await?;
            self.check_undertaken(work.view(), caller.login()).await?;
            if version.adopted() {
                return Err(Refusal::new(
                    "seconded_already",
                    "A12 (Art 12)",
                    "this version is adopted already",
                )
                .hint("nothing is left to do; a change is proposed as a new version")
                .into());
            }
            if version.proposed_by == caller.login().as_str() {
                return Err(Refusal::new(
                    "same_person",
                    "A12 (Art 12)",
                    "who proposed a policy cannot second it",
                )
                .hint("a second person reads it and seconds it")
                .into());
            }
            still(&mut work, &step).await?;
            let at = work.at();
            check_not_held(work.view(), caller.login(), at).await?;
            let proposer = Login::parse(&version.proposed_by).ok();
            if proposer.is_none_or(|p| !ground.staff.is_active(&p)) {
                return Err(Refusal::new(
                    "proposer_gone",
                    "A12 (Art 12)",
                    "who proposed it is suspended or gone",
                )
                .hint("somebody else proposes it again")
                .into());
            }
            let sig = step.key().sign(LABEL, &self.policy_body(id, version.digest)).0.to_vec();
            version.effective_at = version.effective_at.max(at);
            version.seconded = Some((caller.login().to_string(), at, sig));
            work.put_policy(&version).await?;
            work.commit(event.policy(version.digest)).await?;
            Ok(version.effective_at)
        })
        .await
    }

    pub(super) fn policy_body(&self, id: i64, digest: Digest) -> Vec<u8> {
        bind(&[&self.store.info().id.0, &id.to_le_bytes(), &digest.0])
    }
}
