//! Signed facts: what people's signatures say about one round of a request, and the keys.
//!
//! A round is one chain: the requester's `submit`, then each step's `approve`, until all have signed
//! or a `return`, `reject` or `recall` ends it. A `transfer` hands a step on, and a `return` to an earlier
//! step has it signed again from there. Each fact holds the hash of the one before.

mod key;
mod round;

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::canonical::{CanonicalError, canonical, from_canonical, labelled};
use super::code::{Decision, Role, Step, codes};
use super::ids::{Digest, Fingerprint, Login, RequestNo, UnitCode, VaultId};
use super::iso::Moment;
use super::phrase::phrase;
pub use key::{BadSignature, PublicKey, Signature, SigningKey};
pub use round::{RoundError, RoundFault, check_round};

/// The label of every signature over a request.
pub const SIGNATURE_FORMAT: &str = "countersign.signature.v1";

/// The longest comment, in characters.
pub const MAX_COMMENT: usize = 500;

codes! {
    /// What a signature does to its round.
    SignedAct, "signed act" {
        /// Opens the round; the requester's.
        Submit = "submit",
        /// Countersigns a step.
        Approve = "approve",
        /// Back, with a comment: to the requester, which ends the round, or to an earlier step.
        Return = "return",
        /// Refused for good, with a comment; ends the round.
        Reject = "reject",
        /// Taken back by the requester; ends the round.
        Recall = "recall",
        /// The step is handed to a deputy, who may hold it too.
        Transfer = "transfer",
    }
}

impl SignedAct {
    /// Whether nothing may follow in this round, unless it is a return to an earlier step.
    const fn ends_round(self) -> bool {
        matches!(self, SignedAct::Return | SignedAct::Reject | SignedAct::Recall)
    }

    /// Whether it is done at a step of the chain; the requester's own acts are not.
    pub const fn at_step(self) -> bool {
        !matches!(self, SignedAct::Submit | SignedAct::Recall)
    }

    /// Whether it must say why.
    pub const fn needs_comment(self) -> bool {
        matches!(self, SignedAct::Return | SignedAct::Reject)
    }
}

impl From<Decision> for SignedAct {
    fn from(decision: Decision) -> SignedAct {
        match decision {
            Decision::Approve => SignedAct::Approve,
            Decision::Return => SignedAct::Return,
            Decision::Reject => SignedAct::Reject,
            Decision::Recall => SignedAct::Recall,
        }
    }
}

/// As what a person signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// In which role.
    pub role: Role,
    /// At which unit.
    pub unit: UnitCode,
    /// In whose place, for a deputy (A6b checks both).
    pub acting_for: Option<Login>,
}

/// What a signature says. Its canonical form is RFC 8785 JSON of these keys and
/// `"format":"countersign.signature.v1"`; what is not there is `null`, and the two keys that came later
/// are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "format", rename = "countersign.signature.v1")]
pub struct SignaturePayload {
    /// In which vault.
    pub vault: VaultId,
    /// The [`Submission`](super::form::Submission)'s digest.
    pub request: Digest,
    /// Its number.
    pub number: RequestNo,
    /// Its round.
    pub round: NonZeroU32,
    /// At which step; none for the requester's own acts.
    pub step: Option<Step>,
    /// What is said.
    pub act: SignedAct,
    /// By whom.
    pub signer: Login,
    /// With which key.
    pub key: Fingerprint,
    /// As what.
    pub capacity: Capacity,
    /// Of a transfer: to whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Login>,
    /// Of a return: to which earlier step; none: to the requester.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_to: Option<Step>,
    /// Why, 1 to 500 characters.
    pub comment: Option<String>,
    /// When.
    pub at: Moment,
    /// [`Signed::hash`] of the fact before in this round; [`Digest::ZERO`] for the first.
    pub previous: Digest,
}

/// A payload that no verb makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// A step where none belongs, or none where one does.
    #[error("the act and the step do not go together")]
    Step,
    /// A transfer names another person, a return an earlier step, and nothing else names either.
    #[error("a transfer names to whom, a return to which earlier step, and nothing else does")]
    Target,
    /// A return or a rejection says why.
    #[error("this act needs a comment")]
    NoComment,
    /// A comment that is too long, blank, or holds what cannot be seen.
    #[error("the comment must be 1 to {MAX_COMMENT} visible characters")]
    Comment,
    /// The payload names another key than the one that should sign it.
    #[error("the payload names another key")]
    Key,
    /// Bytes that are no canonical payload.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

impl SignaturePayload {
    /// What the signature is over and what is stored:
    ///
    /// ```text
    /// 00 00 00 18 ‖ "countersign.signature.v1" ‖ canonical JSON
    /// ```
    pub fn bytes(&self) -> Vec<u8> {
        labelled(SIGNATURE_FORMAT, &self.canonical())
    }

    /// The canonical JSON alone.
    pub fn canonical(&self) -> Vec<u8> {
        // Texts, nulls, ASCII keys and one number below 2^32: always canonical, never a panic.
        canonical(self).expect("a payload has canonical bytes")
    }

    /// Reads canonical JSON back, strictly.
    ///
    /// # Errors
    /// [`PayloadError`] for another spelling or a payload that no verb makes.
    pub fn from_canonical(bytes: &[u8]) -> Result<SignaturePayload, PayloadError> {
        let payload: SignaturePayload = from_canonical(bytes)?;
        payload.check()?;
        Ok(payload)
    }

    /// Whether nothing may follow in this round.
    pub fn ends_round(&self) -> bool {
        self.act.ends_round() && self.back_to.is_none()
    }

    /// Whether act, step, target and comment go together.
    ///
    /// # Errors
    /// [`PayloadError`].
    pub fn check(&self) -> Result<(), PayloadError> {
        if self.step.is_some() != self.act.at_step() {
            return Err(PayloadError::Step);
        }
        let hands_on = self.to.as_ref().is_some_and(|to| *to != self.signer);
        let goes_back = self.act == SignedAct::Return && self.back_to < self.step;
        if (self.to.is_some() || self.act == SignedAct::Transfer)
            && !(hands_on && self.act == SignedAct::Transfer)
            || self.back_to.is_some() && !goes_back
        {
            return Err(PayloadError::Target);
        }
        match &self.comment {
            None if self.act.needs_comment() => Err(PayloadError::NoComment),
            Some(text) if phrase(text, MAX_COMMENT).as_ref() != Ok(text) => Err(PayloadError::Comment),
            _ => Ok(()),
        }
    }
}

/// A payload with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// What was said.
    pub payload: SignaturePayload,
    /// Ed25519 over [`SignaturePayload::bytes`].
    pub signature: Signature,
}

impl Signed {
    /// Signs a payload.
    ///
    /// # Errors
    /// [`PayloadError`] when the payload names another key or does not go together.
    pub fn new(payload: SignaturePayload, key: &SigningKey) -> Result<Signed, PayloadError> {
        payload.check()?;
        if key.public().fingerprint() != payload.key {
            return Err(PayloadError::Key);
        }
        let signature = key.sign(SIGNATURE_FORMAT, &payload.canonical());
        Ok(Signed { payload, signature })
    }

    /// What the next fact names: SHA-256 of the signed bytes and the signature.
    pub fn hash(&self) -> Digest {
        let mut bytes = self.payload.bytes();
        bytes.extend_from_slice(self.signature.as_bytes());
        Digest::of(&bytes)
    }

    /// Whether this key made it.
    ///
    /// # Errors
    /// [`BadSignature`], also when the payload names another key.
    pub fn verify(&self, key: &PublicKey) -> Result<(), BadSignature> {
        if key.fingerprint() != self.payload.key {
            return Err(BadSignature);
        }
        key.verify(SIGNATURE_FORMAT, &self.payload.canonical(), &self.signature)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::model::form::Submission;
    use crate::model::form::submission_example;

    /// A submit by `li.na` over a submission.
    pub(crate) fn submit(submission: &Submission, key: &SigningKey) -> SignaturePayload {
        SignaturePayload {
            vault: submission.vault,
            request: submission.digest(),
            number: submission.number.clone(),
            round: submission.round,
            step: None,
            act: SignedAct::Submit,
            signer: submission.requester.clone(),
            key: key.public().fingerprint(),
            capacity: Capacity {
                role: Role::InfoOfficer,
                unit: UnitCode::parse("HQ-MKT").unwrap(),
                acting_for: None,
            },
            to: None,
            back_to: None,
            comment: None,
            at: submission.submitted_at,
            previous: Digest::ZERO,
        }
    }

    #[test]
    fn the_bytes_say_what_they_are() {
        let bytes = submit(&submission_example(), &SigningKey::example(1)).bytes();
        assert_eq!(&bytes[..4], [0, 0, 0, 24]);
        assert_eq!(&bytes[4..28], b"countersign.signature.v1");
        let text = std::str::from_utf8(&bytes[28..]).unwrap();
        assert!(text.starts_with(r#"{"act":"submit","at":"#) && text.contains(r#""step":null"#), "{text}");
        assert_eq!(SignaturePayload::from_canonical(&bytes[28..]).unwrap().bytes(), bytes);
        let loose = text.replace(r#""step":null,"#, "");
        assert!(SignaturePayload::from_canonical(loose.as_bytes()).is_err());
    }

    #[test]
    fn a_signature_is_of_one_payload_and_one_key() {
        let (key, other) = (SigningKey::example(1), SigningKey::example(2));
        let payload = submit(&submission_example(), &key);
        let signed = Signed::new(payload.clone(), &key).unwrap();
        assert_eq!(signed.verify(key.public()), Ok(()));
        assert_eq!(signed.verify(other.public()), Err(BadSignature));
        assert_eq!(Signed::new(payload, &other), Err(PayloadError::Key));
        let mut edited = signed.clone();
        edited.payload.round = NonZeroU32::new(2).unwrap();
        assert_eq!(edited.verify(key.public()), Err(BadSignature));
        assert_ne!(edited.hash(), signed.hash());
    }

    #[test]
    fn act_step_and_comment_go_together() {
        let base = submit(&submission_example(), &SigningKey::example(1));
        let with = |act, step, comment: Option<&str>| {
            SignaturePayload { act, step, comment: comment.map(str::to_owned), ..base.clone() }.check()
        };
        let dept = Some(Step::Dept);
        assert_eq!(with(SignedAct::Submit, None, None), Ok(()));
        assert_eq!(with(SignedAct::Submit, dept, None), Err(PayloadError::Step));
        assert_eq!(with(SignedAct::Approve, None, None), Err(PayloadError::Step));
        assert_eq!(with(SignedAct::Approve, dept, Some("好")), Ok(()));
        assert_eq!(with(SignedAct::Return, dept, None), Err(PayloadError::NoComment));
        assert_eq!(with(SignedAct::Reject, dept, Some("a\nb")), Err(PayloadError::Comment));
        assert_eq!(with(SignedAct::Recall, None, None), Ok(()));
    }

    #[test]
    fn only_a_transfer_names_a_person_and_only_a_return_an_earlier_step() {
        let base = submit(&submission_example(), &SigningKey::example(1));
        let with = |act, to: Option<&str>, back_to| {
            let (to, comment) = (to.map(|to| Login::parse(to).unwrap()), Some("why".to_owned()));
            SignaturePayload { act, step: Some(Step::Planning), to, back_to, comment, ..base.clone() }
        };
        let (dept, planning) = (Some(Step::Dept), Some(Step::Planning));
        assert_eq!(with(SignedAct::Transfer, Some("chen.jing"), None).check(), Ok(()));
        assert_eq!(with(SignedAct::Return, None, dept).check(), Ok(()));
        for (act, to, back_to) in [
            (SignedAct::Transfer, None, None),
            (SignedAct::Transfer, Some(base.signer.as_str()), None),
            (SignedAct::Transfer, Some("chen.jing"), dept),
            (SignedAct::Approve, Some("chen.jing"), None),
            (SignedAct::Return, None, planning),
            (SignedAct::Return, None, Some(Step::Membership)),
            (SignedAct::Reject, None, dept),
        ] {
            assert_eq!(with(act, to, back_to).check(), Err(PayloadError::Target), "{act} {to:?} {back_to:?}");
        }
        assert!(with(SignedAct::Return, None, None).ends_round());
        let back = with(SignedAct::Return, None, dept);
        assert!(!back.ends_round());
        assert_eq!(SignaturePayload::from_canonical(&back.canonical()).unwrap(), back);
        // A fact of before these keys has neither of them.
        assert!(!String::from_utf8(base.canonical()).unwrap().contains("back_to"));
    }
}
