//! Whether a round's signed facts are one unbroken chain over one submission.
//!
//! What this does not say: whether each signer might sign, in which order the steps come, whether
//! five people are distinct, or what has expired. Those take the policy, the people and the day.

use super::{PublicKey, Signed, SignedAct};
use crate::model::form::Submission;
use crate::model::ids::{Digest, Fingerprint, Login};

/// Which fact breaks the chain, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signed fact {position}: {fault}")]
pub struct RoundError {
    /// Its place in the round, from 0 (the submit).
    pub position: usize,
    /// What is wrong with it.
    pub fault: RoundFault,
}

/// How a chain can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RoundFault {
    /// No fact at all.
    #[error("the round has no submit")]
    Missing,
    /// Another vault, number, round or content.
    #[error("it is over another request, round or vault")]
    Other,
    /// A submit that is not first, or a first that is no submit.
    #[error("a round begins with one submit")]
    Order,
    /// The requester's act, done by another.
    #[error("only the requester submits and recalls")]
    Requester,
    /// A step, comment or act that do not go together.
    #[error("its act, step and comment do not go together")]
    Shape,
    /// It does not name the fact before it.
    #[error("it does not follow the fact before it")]
    Link,
    /// It is earlier than the fact before it.
    #[error("it is earlier than the fact before it")]
    Time,
    /// The round had ended.
    #[error("the round had ended before it")]
    Ended,
    /// The signer has no such key.
    #[error("its key is not the signer's")]
    UnknownKey,
    /// The signature is not over these bytes.
    #[error("its signature does not verify")]
    Signature,
}

/// Checks a round from its submit on. `key_of` gives a person's key by its fingerprint, whichever
/// keys of theirs the caller holds valid.
///
/// # Errors
/// [`RoundError`] for the first fact that is wrong.
pub fn check_round(
    submission: &Submission,
    facts: &[Signed],
    key_of: impl Fn(&Login, &Fingerprint) -> Option<PublicKey>,
) -> Result<(), RoundError> {
    let digest = submission.digest();
    let mut before: Option<&Signed> = None;
    for (position, fact) in facts.iter().enumerate() {
        let wrong = |fault| RoundError { position, fault };
        check_content(submission, digest, fact).map_err(wrong)?;
        check_link(before, fact).map_err(wrong)?;
        check_signature(fact, &key_of).map_err(wrong)?;
        before = Some(fact);
    }
    match before {
        None => Err(RoundError { position: 0, fault: RoundFault::Missing }),
        Some(_) => Ok(()),
    }
}

fn check_content(submission: &Submission, digest: Digest, fact: &Signed) -> Result<(), RoundFault> {
    let says = &fact.payload;
    let same = says.vault == submission.vault
        && says.number == submission.number
        && says.round == submission.round
        && says.request == digest;
    if !same {
        return Err(RoundFault::Other);
    }
    if !says.act.at_step() && says.signer != submission.requester {
        return Err(RoundFault::Requester);
    }
    says.check().map_err(|_| RoundFault::Shape)
}

fn check_link(before: Option<&Signed>, fact: &Signed) -> Result<(), RoundFault> {
    if before.is_none() != (fact.payload.act == SignedAct::Submit) {
        return Err(RoundFault::Order);
    }
    if fact.payload.previous != before.map_or(Digest::ZERO, Signed::hash) {
        return Err(RoundFault::Link);
    }
    match before.map(|before| &before.payload) {
        Some(before) if before.ends_round() => Err(RoundFault::Ended),
        Some(before) if before.at > fact.payload.at => Err(RoundFault::Time),
        _ => Ok(()),
    }
}

fn check_signature(
    fact: &Signed,
    key_of: &impl Fn(&Login, &Fingerprint) -> Option<PublicKey>,
) -> Result<(), RoundFault> {
    let key = key_of(&fact.payload.signer, &fact.payload.key).ok_or(RoundFault::UnknownKey)?;
    fact.verify(&key).map_err(|_| RoundFault::Signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::code::Step;
    use crate::model::form::submission_example;
    use crate::model::iso::Moment;
    use crate::model::signing::tests::submit;
    use crate::model::signing::{Signature, SignaturePayload, SigningKey};

    /// Person number n signs with key number n.
    fn login(n: u8) -> Login {
        Login::parse(&format!("person.{n}")).unwrap()
    }

    fn keys(who: &Login, key: &Fingerprint) -> Option<PublicKey> {
        let public = |n| *SigningKey::example(n).public();
        (1..9).find(|n| login(*n) == *who).map(public).filter(|public| public.fingerprint() == *key)
    }

    fn request() -> Submission {
        Submission { requester: login(1), ..submission_example() }
    }

    fn signed(n: u8, edit: impl FnOnce(&mut SignaturePayload), before: Option<&Signed>) -> Signed {
        let key = SigningKey::example(n);
        let mut payload = submit(&request(), &key);
        payload.signer = login(n);
        payload.previous = before.map_or(Digest::ZERO, Signed::hash);
        edit(&mut payload);
        let signature = key.sign(super::super::SIGNATURE_FORMAT, &payload.canonical());
        Signed { payload, signature }
    }

    fn step(n: u8, act: SignedAct, step: Step, before: &Signed) -> Signed {
        let say = |payload: &mut SignaturePayload| {
            payload.act = act;
            payload.step = Some(step);
            payload.comment = act.needs_comment().then(|| "why".to_owned());
        };
        signed(n, say, Some(before))
    }

    fn full() -> Vec<Signed> {
        let mut facts = vec![signed(1, |_| (), None)];
        for (n, at) in [(2, Step::Dept), (3, Step::Planning), (4, Step::Membership)] {
            facts.push(step(n, SignedAct::Approve, at, &facts[facts.len() - 1]));
        }
        facts
    }

    fn fault(facts: &[Signed]) -> Option<(usize, RoundFault)> {
        check_round(&request(), facts, keys).err().map(|err| (err.position, err.fault))
    }

    #[test]
    fn a_round_is_one_chain() {
        let facts = full();
        for length in 1..=facts.len() {
            assert_eq!(fault(&facts[..length]), None);
        }
        assert_eq!(fault(&[]), Some((0, RoundFault::Missing)));
    }

    #[test]
    fn nothing_can_be_taken_out_or_swapped() {
        let facts = full();
        for gone in 0..facts.len() - 1 {
            let mut some = facts.clone();
            some.remove(gone);
            let expect = if gone == 0 { RoundFault::Order } else { RoundFault::Link };
            assert_eq!(fault(&some), Some((gone, expect)), "{gone}");
        }
        let mut swapped = facts.clone();
        swapped.swap(1, 2);
        assert_eq!(fault(&swapped), Some((1, RoundFault::Link)));
        let twice = [facts[0].clone(), facts[0].clone()];
        assert_eq!(fault(&twice), Some((1, RoundFault::Order)));
    }

    #[test]
    fn a_signature_of_another_request_round_or_vault_is_none_here() {
        let edits: [fn(&mut SignaturePayload); 4] = [
            |p| p.vault.0[0] ^= 1,
            |p| p.request.0[31] ^= 1,
            |p| p.number = crate::model::ids::RequestNo::parse("CS2026-HQ-0002").unwrap(),
            |p| p.round = std::num::NonZeroU32::new(2).unwrap(),
        ];
        for edit in edits {
            assert_eq!(fault(&[signed(1, edit, None)]), Some((0, RoundFault::Other)));
        }
    }

    #[test]
    fn an_edited_request_voids_every_signature() {
        let edited = Submission { policy: Digest([9; 32]), ..request() };
        let err = check_round(&edited, &full(), keys).unwrap_err();
        assert_eq!((err.position, err.fault), (0, RoundFault::Other));
    }

    #[test]
    fn only_the_requester_submits_and_recalls() {
        assert_eq!(fault(&[signed(2, |_| (), None)]), Some((0, RoundFault::Requester)));
        let first = signed(1, |_| (), None);
        let recall = |n| signed(n, |p| p.act = SignedAct::Recall, Some(&first));
        assert_eq!(fault(&[first.clone(), recall(1)]), None);
        assert_eq!(fault(&[first.clone(), recall(2)]), Some((1, RoundFault::Requester)));
    }

    #[test]
    fn nothing_follows_an_ending() {
        let first = signed(1, |_| (), None);
        for act in [SignedAct::Return, SignedAct::Reject] {
            let end = step(2, act, Step::Dept, &first);
            let late = step(3, SignedAct::Approve, Step::Planning, &end);
            assert_eq!(fault(&[first.clone(), end.clone()]), None);
            assert_eq!(fault(&[first.clone(), end, late]), Some((2, RoundFault::Ended)));
        }
    }

    #[test]
    fn keys_times_and_bytes_are_checked() {
        let first = signed(1, |_| (), None);
        let early = signed(
            2,
            |p| {
                (p.act, p.step) = (SignedAct::Approve, Some(Step::Dept));
                p.at = Moment::from_micros(p.at.micros() - 1).unwrap();
            },
            Some(&first),
        );
        assert_eq!(fault(&[first.clone(), early]), Some((1, RoundFault::Time)));
        let borrowed = signed(1, |p| p.key = SigningKey::example(2).public().fingerprint(), None);
        assert_eq!(fault(&[borrowed]), Some((0, RoundFault::UnknownKey)));
        let torn = Signed { signature: Signature([0; 64]), ..first.clone() };
        assert_eq!(fault(&[torn]), Some((0, RoundFault::Signature)));
        let odd = signed(1, |p| p.step = Some(Step::Dept), None);
        assert_eq!(fault(&[odd]), Some((0, RoundFault::Shape)));
    }
}
