//! The second arrow: three countersignatures in their order, by people who may give them now.

use crate::model::code::Step;
use crate::model::form::Submission;
use crate::model::ids::Login;
use crate::model::refusal::Refusal;
use crate::model::signing::{Capacity, Signed as Fact, SignedAct};
use crate::policy::Slot;

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

impl Asked {
    /// The step that is waited for; none when all have signed. Every signature there is must hold.
    fn awaiting(&self) -> Result<Option<Step>, Refusal> {
        let mut signers: Vec<&Login> = vec![&self.submission.requester];
        let mut steps = Step::ALL.iter().copied();
        for fact in self.facts.iter().skip(1) {
            if fact.payload.act.ends_round() {
                return Err(ended(fact.payload.act));
            }
            let step = steps
                .next()
                .filter(|s| Some(*s) == fact.payload.step)
                .ok_or_else(|| void("a signature is out of its order"))?;
            self.check_signature(fact, step, &signers)?;
            signers.push(&fact.payload.signer);
        }
        Ok(steps.next())
    }

    fn check_signature(&self, fact: &Fact, step: Step, before: &[&Login]) -> Result<(), Refusal> {
        let signer = &fact.payload.signer;
        check_distinct(signer, before)?;
        if !self.staff.is_active(signer) {
            return Err(void("a signer is suspended"));
        }
        if !self.key_is_current(fact) {
            return Err(void("a signer's key was reset after the signature"));
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
        if let Some(end) = self.facts.iter().find(|f| f.payload.act.ends_round()) {
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
        let asked = &self.0;
        let before: Vec<&Login> = asked.facts.iter().map(|f| &f.payload.signer).collect();
        check_distinct(login, &before)?;
        let chairs = asked
            .policies
            .iter()
            .map(|policy| asked.chair(policy, Slot::of(step)))
            .collect::<Result<Vec<_>, _>>()?;
        let unit =
            chairs[0].seated(&asked.staff, login).filter(|u| chairs.iter().all(|c| c.units.contains(u)));
        let Some(unit) = unit else {
            return Err(Refusal::new(
                "not_your_step",
                "A6a (Art 6)",
                format!("the step `{step}` is not yours to sign"),
            )
            .hint(format!("it is for a {} of {}", chairs[0].role, units(&chairs[0].units))));
        };
        Ok(Capacity { role: chairs[0].role, unit: unit.clone(), acting_for: None })
    }

    /// The second arrow.
    ///
    /// # Errors
    /// `not_signed` while a step is waited for; whatever voids a signature.
    pub fn signed(self) -> Result<Signed, Refusal> {
        match self.awaiting()? {
            None => Ok(Signed(self.0)),
            Some(step) => {
                Err(Refusal::new("not_signed", "A6a (Art 6)", format!("the step `{step}` has not signed"))
                    .hint("executing waits for all three signatures"))
            }
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
        self.0.facts.iter().skip(1).map(|f| f.payload.key.to_string()).collect()
    }

    /// The fifth person: executes, and is none of the other four, nor the receiver (A6b, A6c, A8c).
    ///
    /// # Errors
    /// `not_your_step`, `separation_of_duties`.
    pub fn check_executor(&self, login: &Login) -> Result<(), Refusal> {
        let asked = &self.0;
        let mut before: Vec<&Login> = asked.facts.iter().map(|f| &f.payload.signer).collect();
        before.push(asked.form().receiver());
        check_distinct(login, &before)?;
        for policy in &asked.policies {
            let chair = asked.chair(policy, Slot::Executor)?;
            if !asked.staff.is_active(login) || chair.seated(&asked.staff, login).is_none() {
                return Err(Refusal::new(
                    "not_your_step",
                    "A6c (Art 6)",
                    "executing this request is not yours",
                )
                .hint(format!("it is for an {} of {}", chair.role, units(&chair.units))));
            }
        }
        Ok(())
    }
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
