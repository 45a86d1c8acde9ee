//! What waits for somebody beside requests: proofs of destruction (A9b), what another one proposes (A12), alarms (A10b).
//! Numbers about oneself are no look at anything: they have no entry, and each of what they count has a page that has.

use super::packages::check_attestable;
use super::walking::Walk;
use super::{Broker, Error, Ground};
use crate::access::Caller;
use crate::model::form::Submission;
use crate::policy::Act;
use crate::store::requests::Picked;
use crate::store::{StoreError, View};

/// So many days before the vendor has to destroy a package its proof is asked for.
const AHEAD: i64 = 7;
/// Requests with packages that wait for a record which are looked at, the newest: home is a page that is opened often.
const LOOKED_AT: usize = 300;

/// How much waits, of each kind.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Awaiting {
    /// Packages that the reader handed over, whose proof of destruction is due within seven days or was.
    pub proofs: usize,
    /// Those of them whose day has passed.
    pub overdue: usize,
    /// Changes of people and organisation that another administrator proposes.
    pub proposals: usize,
    /// Sets of policies that somebody else proposes.
    pub policies: usize,
    /// Alarms that nobody has seen to.
    pub alarms: usize,
}

impl Broker {
    /// How much waits for the caller beside requests ([`Broker::requests_to_do`]).
    ///
    /// # Errors
    /// The database failed; an integrity error.
    pub async fn awaiting(&self, caller: &Caller) -> Result<Awaiting, Error> {
        let mut view = self.store.view().await?;
        let ground = self.known_ground(&mut view).await?;
        let may = |act| ground.staff.may(&ground.policy, caller, act, None).is_ok();
        let (now, login) = (self.clock().now(), caller.login());
        let mut awaits = Awaiting::default();
        (awaits.proofs, awaits.overdue) = match self.proofs(&mut view, &ground, caller).await {
            // One that is not what was signed is told by the lists; home is shown all the same.
            Err(Error::Store(damaged @ StoreError::Integrity { .. })) => {
                tracing::error!(cause = %damaged, "how many proofs wait for somebody is not known");
                (0, 0)
            }
            found => found?,
        };
        if may(Act::OrgApply) {
            let open = view.proposals().await?;
            let open = open.iter().filter(|one| one.ended.is_none() && now < one.expires_at);
            awaits.proposals = open.filter(|one| &one.proposed_by != login).count();
        }
        if may(Act::PolicySecond) {
            let withdrawn = view.policies_withdrawn().await?;
            let open = view.policy_versions().await?;
            let open = open.iter().filter(|one| !one.adopted() && one.proposed_by != login.as_str());
            awaits.policies = open.filter(|one| withdrawn.iter().all(|(id, _)| *id != one.id)).count();
        }
        if may(Act::AlarmAcknowledge) {
            awaits.alarms = view.alarms().await?.iter().filter(|alarm| alarm.acknowledged.is_none()).count();
        }
        Ok(awaits)
    }

    /// How many proofs are due, and how many of them overdue.
    async fn proofs(
        &self,
        view: &mut View<'_>,
        ground: &Ground,
        caller: &Caller,
    ) -> Result<(usize, usize), Error> {
        let (mut due, mut overdue, today) = (0, 0, self.clock().today());
        if ground.staff.may_seated(&ground.policy, caller, Act::PackageHandOff).is_err() {
            return Ok((due, overdue));
        }
        let mut walk = Walk::new(Picked { unsettled: true, ..Picked::default() }, None, None);
        for _ in 0..LOOKED_AT {
            let Some(row) = walk.next(view).await? else { break };
            let rounds = view.submissions(&row.no).await?;
            for package in view.packages_of(&row.no).await? {
                let round = rounds.iter().find(|round| round.round == package.round);
                let asked = round.and_then(|round| Submission::from_canonical(&round.body).ok());
                let orphan = || StoreError::integrity("package", format!("of {}: its round is gone", row.no));
                let form = asked.ok_or_else(orphan)?.form;
                if form.receiver() != caller.login() {
                    continue;
                }
                let left = (form.destroy_by() - today).get_days();
                if i64::from(left) <= AHEAD
                    && check_attestable(&view.package_facts(&package.no).await?).is_ok()
                {
                    due += 1;
                    overdue += usize::from(left < 0);
                }
            }
        }
        Ok((due, overdue))
    }
}
