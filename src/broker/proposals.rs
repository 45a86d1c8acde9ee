//! A second administrator: what gives somebody power waits until another administrator has read it.
//!
//! ```text
//! org apply ─┐ gives a role, raises a rank, changes a unit
//! new code  ─┼─ of a person who had a key      ──► proposal ──second──► applied, if the base still fits
//! resume    ─┘                                        └──── withdrawn, or too old
//! ```
//!
//! Taking roles and suspending stay with one: they only take power away, and must not wait.
//!
//! **Set-up.** Until a vault has its first member there is nothing in it to protect, and there may be one administrator
//! only, so changes apply at once and nobody is held ([`Broker::guarded`]). Who sets up could therefore seat a whole
//! chain of his own; the log shows each seat, and the first import comes after it. A demo vault holds nobody's
//! data, for ever. The rule is never switched off again: members' blocks stay when members go.
//!
//! An administrator whose own key is to be reset cannot second it, so three administrators are the least that can help each
//! other: with two, one lost password leaves nobody to second.

use zeroize::Zeroizing;

use super::people::still;
use super::{Broker, Caller, Error, Refusal, StepUp};
use crate::access::Staff;
use crate::access::held::{HOLD, check_not_held, held_until};
use crate::audit::event::{Action, Event};
use crate::clock::Micros;
use crate::keyring::aead::bind;
use crate::model::ids::{Digest, Login};
use crate::policy::Act;
use crate::store::holds::{Hold, HoldReason};
use crate::store::proposals::{Outcome, ProposalKind, ProposalRow};
use crate::store::{View, Work};

/// A proposal can be seconded for three days.
const LIFE: Micros = 3 * 86_400_000_000;

/// What seconding did.
#[derive(Debug, Default)]
pub struct Seconded {
    /// What was changed, a line each.
    pub lines: Vec<String>,
    /// People of the file who cannot sign yet: each gets a code.
    pub unenrolled: Vec<Login>,
    /// The new code of a reset, for the person it concerns.
    pub code: Option<(Login, Zeroizing<String>)>,
}

impl ProposalKind {
    /// What the policy is asked.
    fn act(self) -> Act {
        match self {
            ProposalKind::Org => Act::OrgApply,
            ProposalKind::Reset => Act::PersonEnrol,
            ProposalKind::Resume => Act::PersonSuspend,
        }
    }
}

impl Broker {
    /// Whether what gives power needs a second administrator, and a day.
    pub(super) async fn guarded(&self, view: &mut View<'_>) -> Result<bool, Error> {
        Ok(!self.store.info().demo && view.had_members().await?)
    }

    /// Holds a person for a day from this turn on, where the vault is guarded.
    pub(super) async fn hold(
        &self,
        work: &mut Work<'_>,
        login: &Login,
        reason: HoldReason,
    ) -> Result<(), Error> {
        if self.guarded(work.view()).await? {
            let since = work.at();
            work.add_hold(&Hold { login: login.clone(), reason, since, until: since + HOLD }).await?;
        }
        Ok(())
    }

    /// Until when a person signs nothing; none when they may.
    ///
    /// # Errors
    /// The database failed.
    pub async fn held_until(&self, login: &Login) -> Result<Option<Micros>, Error> {
        held_until(&mut self.store.view().await?, login, self.clock().now()).await
    }

    /// Stores a proposal with its entry; its number.
    pub(super) async fn propose(
        &self,
        caller: &Caller,
        kind: ProposalKind,
        body: &str,
        changes: &[String],
    ) -> Result<i64, Error> {
        let mut work = self.store.work().await?;
        let id = work.view().proposals().await?.last().map_or(1, |p| p.id + 1);
        let (changes, proposed_at) = (changes.join("\n"), work.at());
        let row = ProposalRow {
            id,
            kind,
            body: body.to_owned(),
            digest: content(kind, body, &changes),
            changes,
            proposed_by: caller.login().clone(),
            proposed_at,
            expires_at: proposed_at + LIFE,
            ended: None,
        };
        work.put_proposal(&row).await?;
        let event = Event::new(Action::OrgProposed, caller.actor()).object(id);
        work.commit(event.digest("content", row.digest)).await?;
        Ok(id)
    }

    /// Proposals that wait.
    ///
    /// # Errors
    /// The caller may not.
    pub async fn proposals(&self, caller: &Caller) -> Result<Vec<ProposalRow>, Error> {
        let event = Event::new(Action::OrgProposalsShown, caller.actor());
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::OrgApply, None)?;
            let mut open = work.view().proposals().await?;
            open.retain(|p| p.ended.is_none() && work.at() < p.expires_at);
            work.commit(event.count("found", open.len() as u64)).await?;
            Ok(open)
        })
        .await
    }

    /// Seconds a proposal: it is applied in this turn, if it would still do what its proposer was shown.
    ///
    /// # Errors
    /// `unknown_proposal`, `proposal_ended`, `proposal_expired`, `same_person`, `about_yourself`, `proposer_gone`,
    /// `changed_meanwhile`, `signing_held`, or the caller may not.
    pub async fn proposal_second(&self, step: StepUp, id: i64) -> Result<Seconded, Error> {
        let caller = step.caller();
        let event = Event::new(Action::OrgSeconded, caller.actor()).object(id);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::OrgApply, None)?;
            let mut proposal = open(&mut work, id).await?;
            let act = proposal.kind.act();
            ground.staff.may(&ground.policy, caller, act, None)?;
            if &proposal.proposed_by == caller.login() {
                return Err(Refusal::new("same_person", "B9", "who proposed a change cannot second it")
                    .hint("another administrator reads it and seconds it")
                    .into());
            }
            still(&mut work, &step).await?;
            let at = work.at();
            check_not_held(work.view(), caller.login(), at).await?;
            let proposer = ground.staff.caller(&proposal.proposed_by).map_err(|_| gone())?;
            ground.staff.may(&ground.policy, &proposer, act, None).map_err(|_| gone())?;
            let done = self.apply_proposal(&mut work, &ground.staff, caller, &proposer, &proposal).await?;
            proposal.ended = Some((Outcome::Seconded, caller.login().clone(), at));
            work.put_proposal(&proposal).await?;
            work.commit(event.digest("content", proposal.digest).count("changes", done.lines.len() as u64))
                .await?;
            Ok(done)
        })
        .await
    }

    async fn apply_proposal(
        &self,
        work: &mut Work<'_>,
        staff: &Staff,
        caller: &Caller,
        proposer: &Caller,
        proposal: &ProposalRow,
    ) -> Result<Seconded, Error> {
        if proposal.kind == ProposalKind::Org {
            let change = self.apply_org(work, &[proposer, caller], &proposal.body).await?;
            if change.lines.join("\n") != proposal.changes {
                return Err(Refusal::new(
                    "changed_meanwhile",
                    "B9",
                    "the organisation was changed since this was proposed: it would do something else now",
                )
                .hint("withdraw it and propose it again")
                .into());
            }
            let unenrolled = change.unenrolled.into_iter().map(|p| p.login).collect();
            return Ok(Seconded { lines: change.lines, unenrolled, code: None });
        }
        let login = Login::parse(&proposal.body).map_err(|_| unknown(proposal.id))?;
        super::people::check_other(staff, caller, &login)?;
        let lines = vec![proposal.changes.clone()];
        if proposal.kind == ProposalKind::Resume {
            self.set_suspended(work, &login, false).await?;
            return Ok(Seconded { lines, ..Seconded::default() });
        }
        let code = self.issue_code(work, &login).await?;
        Ok(Seconded { lines, code: Some((login, code)), ..Seconded::default() })
    }

    /// Takes a proposal back: its proposer, or any administrator who thinks it should not be.
    ///
    /// # Errors
    /// `unknown_proposal`, `proposal_ended`, `proposal_expired`, or the caller may not.
    pub async fn proposal_withdraw(&self, caller: &Caller, id: i64) -> Result<(), Error> {
        let event = Event::new(Action::OrgWithdrawn, caller.actor()).object(id);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::OrgApply, None)?;
            let mut proposal = open(&mut work, id).await?;
            ground.staff.may(&ground.policy, caller, proposal.kind.act(), None)?;
            let at = work.at();
            proposal.ended = Some((Outcome::Withdrawn, caller.login().clone(), at));
            work.put_proposal(&proposal).await?;
            work.commit(event.digest("content", proposal.digest)).await?;
            Ok(())
        })
        .await
    }
}

/// What a proposal is, whole: both entries name it.
fn content(kind: ProposalKind, body: &str, changes: &str) -> Digest {
    let parts = [kind.code(), body, changes].map(str::as_bytes);
    Digest::of(&bind(&[&[b"countersign.proposal.v1".as_slice()], &parts[..]].concat()))
}

async fn open(work: &mut Work<'_>, id: i64) -> Result<ProposalRow, Error> {
    let all = work.view().proposals().await?;
    let proposal = all.into_iter().find(|p| p.id == id).ok_or_else(|| unknown(id))?;
    if let Some((outcome, by, _)) = &proposal.ended {
        return Err(Refusal::new("proposal_ended", "B9", format!("this proposal was {outcome} by {by}"))
            .hint("nothing is left to do; a change is proposed anew")
            .into());
    }
    if work.at() >= proposal.expires_at {
        return Err(Refusal::new("proposal_expired", "B9", "this proposal waited too long")
            .hint("propose it again; it can be seconded for three days")
            .into());
    }
    Ok(proposal)
}

fn unknown(id: i64) -> Refusal {
    Refusal::new("unknown_proposal", "B9", format!("there is no proposal {id}"))
        .hint("`org proposals` lists those that wait")
}

fn gone() -> Refusal {
    Refusal::new("proposer_gone", "B9", "who proposed it is suspended, gone or no administrator any more")
        .hint("somebody else proposes it again")
}
