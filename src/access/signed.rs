//! The second arrow: three countersignatures in their order, by people who may give them now.

use crate::model::code::{Role, Step};
use crate::model::form::Submission;
use crate::model::ids::Login;
use crate::model::lang::{Lang, Word as _, an};
use crate::model::refusal::Refusal;
use crate::model::signing::{Capacity, Signed as Fact, SignedAct};
use crate::policy::{Act, Slot};

use super::Caller;
use super::asked::{Asked, Permitted};

/// Where a request stands, worked out from its facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Waiting for this step.
    Waiting(Step),
    /// Whole: the executor may run it.
    Signed,
    /// Ended by a signed fact.
    Ended(SignedAct),
    /// Ran out of time.
    Expired,
    /// A rule says no; the refusal tells which.
    Void(Refusal),
}

/// A request that is whole.
pub struct Signed(Asked);

/// What the facts of a round come to: the signatures that count, and the step that is waited for.
struct Walked<'a> {
    signed: Vec<&'a Fact>,
    awaiting: Option<Step>,
}

impl Asked {
    /// The step that is waited for; none when all have signed. Every signature there is must hold.
    fn awaiting(&self) -> Result<Option<Step>, Refusal> {
        Ok(self.walk()?.awaiting)
    }

    /// Walks the round. A transfer signs nothing, and a return to an earlier step sets the signatures from
    /// there on aside.
    fn walk(&self) -> Result<Walked<'_>, Refusal> {
        let mut signed: Vec<&Fact> = Vec::new();
        for (at, fact) in self.facts.iter().enumerate().skip(1) {
            let says = &fact.payload;
            if says.ends_round() {
                return Err(ended(says.act));
            }
            let step = (Step::ALL.get(signed.len()).copied())
                .filter(|s| Some(*s) == says.step)
                .ok_or_else(|| void("a signature is out of its order"))?;
            match (says.act, says.back_to) {
                (SignedAct::Approve, _) => {
                    self.check_signature(at, fact, step)?;
                    signed.push(fact);
                }
                (SignedAct::Return, Some(back)) => {
                    signed.truncate(Step::ALL.iter().take_while(|step| **step < back).count());
                }
                _ => {}
            }
        }
        let awaiting = Step::ALL.get(signed.len()).copied();
        Ok(Walked { signed, awaiting })
    }

    /// Everyone who has a part in the round outside this step, by the facts before `at`: the requester, and
    /// whoever signed, returned or handed on another step, or in whose place it was done (A6b).
    fn parts_elsewhere(&self, at: usize, step: Step) -> Vec<&Login> {
        let mut parts = vec![&self.submission.requester];
        for fact in self.facts[..at].iter().filter(|f| f.payload.step.is_some_and(|s| s != step)) {
            parts.push(&fact.payload.signer);
            parts.extend(&fact.payload.capacity.acting_for);
        }
        parts
    }

    /// The last fact that handed a step on, since the step came up (again).
    fn handed(&self, at: usize, step: Step) -> Option<&Fact> {
        let last = self.facts[..at].last()?;
        (last.payload.act == SignedAct::Transfer && last.payload.step == Some(step)).then_some(last)
    }

    /// The deputy whom the awaited step was handed to, and in whose place he acts; none when nobody was, or
    /// when the deputy cannot act any more: then the step is its holders' again.
    pub fn deputy(&self, step: Step) -> Option<(&Login, &Login)> {
        let says = &self.handed(self.facts.len(), step)?.payload;
        let deputy = says.to.as_ref()?;
        let able = self.staff.is_active(deputy) && self.check_qualified(deputy, step).is_ok();
        able.then_some((deputy, says.capacity.acting_for.as_ref().unwrap_or(&says.signer)))
    }

    /// Whether a person may hold a step, under both policies: the unit at which.
    pub(super) fn check_qualified(&self, login: &Login, step: Step) -> Result<Capacity, Refusal> {
        let chairs = self
            .policies
            .iter()
            .map(|policy| self.chair(policy, Slot::of(step)))
            .collect::<Result<Vec<_>, _>>()?;
        let unit =
            chairs[0].seated(&self.staff, login).filter(|u| chairs.iter().all(|c| c.units.contains(u)));
        let Some(unit) = unit else {
            return Err(not_theirs(step, &chairs[0].role, &units(&chairs[0].units)));
        };
        Ok(Capacity { role: chairs[0].role, unit: unit.clone(), acting_for: None })
    }

    fn capacity(&self, login: &Login, step: Step) -> Result<Capacity, Refusal> {
        check_distinct(login, &self.parts_elsewhere(self.facts.len(), step))?;
        let capacity = self.check_qualified(login, step)?;
        match self.deputy(step) {
            Some((deputy, _)) if deputy != login => Err(Refusal::new(
                "not_your_step",
                "A6a (Art 6)",
                format!("the step of the {} was handed to {deputy}", step.word(Lang::En)),
            )
            .hint("whom it was handed to signs it, or hands it on")),
            Some((_, holder)) => Ok(Capacity { acting_for: Some(holder.clone()), ..capacity }),
            None => Ok(capacity),
        }
    }

    /// Whether the awaited step is this caller's now: what signing, returning, rejecting and handing on ask.
    ///
    /// # Errors
    /// The first rule that says no.
    pub fn check_turn(&self, caller: &Caller) -> Result<(), Refusal> {
        self.check_permitted()?;
        let step = self.awaiting()?.ok_or_else(|| {
            Refusal::new("signed_already", "A6a (Art 6)", "all three signatures are there")
                .hint("the executor runs it")
        })?;
        self.capacity(caller.login(), step)?;
        self.staff.may_seated(self.policy(), caller, Slot::of(step).act())
    }

    /// Whether this caller could execute it now.
    ///
    /// # Errors
    /// The first rule that says no.
    pub fn check_executable(&self, caller: &Caller) -> Result<(), Refusal> {
        self.staff.may_seated(self.policy(), caller, Act::RequestExecute)?;
        self.check_permitted()?;
        match self.awaiting()? {
            Some(step) => Err(not_signed(step)),
            None => self.check_executor(caller.login()),
        }
    }

    /// The signatures of the round that no return set aside, whether or not they still count.
    pub fn signatures(&self) -> Vec<&Fact> {
        let mut signed: Vec<&Fact> = Vec::new();
        for fact in &self.facts {
            match (fact.payload.act, fact.payload.back_to) {
                (SignedAct::Approve, _) => signed.push(fact),
                (SignedAct::Return, Some(back)) => signed.retain(|f| f.payload.step < Some(back)),
                _ => {}
            }
        }
        signed
    }

    fn check_executor(&self, login: &Login) -> Result<(), Refusal> {
        let mut before: Vec<&Login> = self.facts.iter().map(|f| &f.payload.signer).collect();
        before.extend(self.facts.iter().filter_map(|f| f.payload.capacity.acting_for.as_ref()));
        before.push(self.form().receiver());
        check_distinct(login, &before)?;
        for policy in &self.policies {
            let chair = self.chair(policy, Slot::Executor)?;
            if !self.staff.is_active(login) || chair.seated(&self.staff, login).is_none() {
                return Err(Refusal::new(
                    "not_your_step",
                    "A6c (Art 6)",
                    "executing this request is not yours",
                )
                .hint(format!(
                    "it is for {} of {}",
                    an(chair.role.word(Lang::En)),
                    units(&chair.units)
                )));
            }
        }
        Ok(())
    }

    fn check_signature(&self, at: usize, fact: &Fact, step: Step) -> Result<(), Refusal> {
        let signer = &fact.payload.signer;
        let elsewhere = self.parts_elsewhere(at, step);
        check_distinct(signer, &elsewhere)?;
        if let Some(holder) = &fact.payload.capacity.acting_for {
            check_distinct(holder, &elsewhere)?;
            // Whoever acts in another's place was handed the step.
            if self.handed(at, step).and_then(|f| f.payload.to.as_ref()) != Some(signer) {
                return Err(void("a signature in another's place, which nobody handed on"));
            }
        }
        if !self.staff.is_active(signer) {
            return Err(void("a signer is suspended"));
        }
        if !self.key_is_current(fact) {
            return Err(void("a signer's key was reset after the signature"));
        }
        if self.was_held(fact) {
            return Err(void("a signature was given within a day of its signer's new key or role"));
        }
        for policy in &self.policies {
            let chair = self.chair(policy, Slot::of(step))?;
            let Capacity { role, unit, .. } = &fact.payload.capacity;
            if *role != chair.role || !chair.units.contains(unit) || !self.staff.holds(signer, *role, unit) {
                return Err(void("a signer no longer holds the role the signature was given in"));
            }
        }
        Ok(())
    }

    /// Where it stands.
    pub fn standing(&self) -> Standing {
        if let Some(end) = self.facts.iter().find(|f| f.payload.ends_round()) {
            return Standing::Ended(end.payload.act);
        }
        if self.at >= self.submission.expires_at.micros() {
            return Standing::Expired;
        }
        match self.check_permitted().and_then(|()| self.awaiting()) {
            Ok(Some(step)) => Standing::Waiting(step),
            Ok(None) => Standing::Signed,
            Err(refusal) => Standing::Void(refusal),
        }
    }
}

impl Permitted {
    /// The step that is waited for; none when all have signed. Every signature there is must hold.
    ///
    /// # Errors
    /// `ended`, `signature_void`, `separation_of_duties`.
    pub fn awaiting(&self) -> Result<Option<Step>, Refusal> {
        self.0.awaiting()
    }

    /// The capacity in which a person may act at the awaited step, and nobody who has a slot already.
    ///
    /// # Errors
    /// `not_your_step`, `separation_of_duties`.
    pub fn capacity(&self, login: &Login, step: Step) -> Result<Capacity, Refusal> {
        self.0.capacity(login, step)
    }

    /// Whether the awaited step may be handed to a person: qualified for it, active, and with no part
    /// elsewhere in the round (A6b).
    ///
    /// # Errors
    /// `not_qualified`, `separation_of_duties`.
    pub fn check_deputy(&self, to: &Login, step: Step) -> Result<(), Refusal> {
        let asked = &self.0;
        check_distinct(to, &asked.parts_elsewhere(asked.facts.len(), step))?;
        let qualified = asked.check_qualified(to, step);
        if qualified.is_ok() && asked.staff.is_active(to) {
            return Ok(());
        }
        let who = qualified.err().map_or_else(|| "the person is suspended".into(), |r| r.hint.into_owned());
        Err(Refusal::new(
            "not_qualified",
            "A6b",
            format!("{to} cannot hold the step of the {}", step.word(Lang::En)),
        )
        .hint(format!("a deputy is someone who may hold the step: {who}")))
    }

    /// The second arrow.
    ///
    /// # Errors
    /// `not_signed` while a step is waited for; whatever voids a signature.
    pub fn signed(self) -> Result<Signed, Refusal> {
        match self.awaiting()? {
            None => Ok(Signed(self.0)),
            Some(step) => Err(not_signed(step)),
        }
    }
}

impl Signed {
    /// What was asked.
    pub fn asked(&self) -> &Asked {
        &self.0
    }

    /// What was submitted.
    pub fn submission(&self) -> &Submission {
        &self.0.submission
    }

    /// Fingerprints of the three signers' keys, for the manifest.
    pub fn signer_keys(&self) -> Vec<String> {
        let walked = self.0.walk();
        walked.map_or_else(|_| Vec::new(), |w| w.signed.iter().map(|f| f.payload.key.to_string()).collect())
    }

    /// The fifth person: executes, and is none of the other four, nor the receiver (A6b, A6c, A8c).
    ///
    /// # Errors
    /// `not_your_step`, `separation_of_duties`.
    pub fn check_executor(&self, login: &Login) -> Result<(), Refusal> {
        self.0.check_executor(login)
    }
}

fn not_signed(step: Step) -> Refusal {
    Refusal::new("not_signed", "A6a (Art 6)", format!("the {} has not signed", step.word(Lang::En)))
        .hint("executing waits for all three signatures")
}

fn check_distinct(login: &Login, before: &[&Login]) -> Result<(), Refusal> {
    if before.contains(&login) {
        return Err(Refusal::new(
            "separation_of_duties",
            "A6b",
            "this person already has a part in this request",
        )
        .hint("requester, the three signers and the executor are five different people"));
    }
    Ok(())
}

fn not_theirs(step: Step, role: &Role, units: &str) -> Refusal {
    Refusal::new(
        "not_your_step",
        "A6a (Art 6)",
        format!("the step of the {} is not yours to sign", step.word(Lang::En)),
    )
    .hint(format!("it is for {} of {units}", an(role.word(Lang::En))))
}

fn void(why: &'static str) -> Refusal {
    Refusal::new("signature_void", "A6a (Art 6)", why).hint("submit the request again; it is signed anew")
}

fn ended(act: SignedAct) -> Refusal {
    Refusal::new("ended", "A6a (Art 6)", format!("this round has ended: {act}"))
        .hint("submit the request again for a new round")
}

fn units<T: ToString>(units: &[T]) -> String {
    units.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}
