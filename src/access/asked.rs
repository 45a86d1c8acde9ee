//! A submitted request with all its facts, and the first arrow: does the policy permit it at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;

use crate::clock::{Clock, Micros};
use crate::model::canonical::canonical;
use crate::model::code::{Channel, Role};
use crate::model::form::{Form, Submission};
use crate::model::ids::{Digest, Fingerprint, Login, RequestNo};
use crate::model::lang::{Lang, Word as _, an};
use crate::model::refusal::Refusal;
use crate::model::signing::{PublicKey, Signature, SignaturePayload, Signed as Fact, check_round};
use crate::policy::{Policy, Slot};
use crate::store::holds::Hold;
use crate::store::people::Credential;
use crate::store::requests::{RequestRow, SignatureRow, SubmissionRow};
use crate::store::vendor_keys::VendorKeyRow;
use crate::store::vendors::VendorRow;
use crate::store::{StoreError, View};

use super::common::Common;
use super::seats::Chair;
use super::{Error, Shelf, Staff};

/// Everything a decision about a request rests on, of one moment.
pub struct Asked {
    pub(super) request: RequestRow,
    pub(super) submission: Submission,
    pub(super) facts: Vec<Fact>,
    pub(super) staff: Arc<Staff>,
    pub(super) vendor: Option<VendorRow>,
    vendor_key: Option<VendorKeyRow>,
    /// The policy it was asked under, and the one in force.
    pub(super) policies: [Arc<Policy>; 2],
    pub(super) at: Micros,
    pub(super) today: Date,
    keys: BTreeMap<Login, Vec<Credential>>,
    holds: BTreeMap<Login, Vec<Hold>>,
}

impl Asked {
    /// Reads a request's newest round, beside what was read of the same snapshot. `None`: never submitted.
    ///
    /// # Errors
    /// The database failed, or what is stored is not what was signed.
    pub async fn load(
        view: &mut View<'_>,
        shelf: &Shelf,
        clock: &Clock,
        request: RequestRow,
        common: &mut Common,
    ) -> Result<Option<Asked>, Error> {
        match view.submissions(&request.no).await?.pop() {
            Some(row) => Ok(Some(Asked::read(view, shelf, clock, request, row, common).await?)),
            None => Ok(None),
        }
    }

    /// The same of one round, as that of a package is, whatever was asked for since. `None`: there is no such round.
    ///
    /// # Errors
    /// As [`Asked::load`].
    pub async fn load_round(
        view: &mut View<'_>,
        shelf: &Shelf,
        clock: &Clock,
        request: RequestRow,
        round: u32,
        common: &mut Common,
    ) -> Result<Option<Asked>, Error> {
        match view.submissions(&request.no).await?.into_iter().find(|row| row.round == round) {
            Some(row) => Ok(Some(Asked::read(view, shelf, clock, request, row, common).await?)),
            None => Ok(None),
        }
    }

    async fn read(
        view: &mut View<'_>,
        shelf: &Shelf,
        clock: &Clock,
        request: RequestRow,
        row: SubmissionRow,
        common: &mut Common,
    ) -> Result<Asked, Error> {
        let submission = read_submission(&row)?;
        let facts = read_facts(view.signatures(&request.no, row.round).await?)?;
        let (mut keys, mut holds) = (BTreeMap::new(), BTreeMap::new());
        for login in facts.iter().map(|fact| &fact.payload.signer) {
            let (credentials, held) = common.signer(view, login).await?.clone();
            keys.insert(login.clone(), credentials);
            holds.insert(login.clone(), held);
        }
        let (vendor, vendor_key) = common.vendor(view, submission.form.vendor()).await?;
        let asked = Asked {
            vendor,
            vendor_key,
            policies: [common.policy(view, shelf, submission.policy).await?, common.policy.clone()],
            staff: common.staff.clone(),
            request,
            submission,
            facts,
            at: common.at,
            today: clock.date(common.at),
            keys,
            holds,
        };
        asked.check_signatures()?;
        Ok(asked)
    }

    /// Every stored signature must be one, over this very content, in this very order. What is not was
    /// put there by someone else.
    fn check_signatures(&self) -> Result<(), Error> {
        let key_of = |login: &Login, print: &Fingerprint| -> Option<PublicKey> {
            let keys = self.keys.get(login)?;
            keys.iter().map(|k| PublicKey(k.public_key)).find(|k| k.fingerprint() == *print)
        };
        check_round(&self.submission, &self.facts, key_of)
            .map_err(|e| StoreError::integrity("signature", format!("{}: {e}", self.request.no)).into())
    }

    /// Its number.
    pub fn no(&self) -> &RequestNo {
        &self.request.no
    }

    /// What was submitted.
    pub fn submission(&self) -> &Submission {
        &self.submission
    }

    /// The form.
    pub fn form(&self) -> &Form {
        &self.submission.form
    }

    /// The digest that signatures are over.
    pub fn digest(&self) -> Digest {
        self.submission.digest()
    }

    /// Signed facts of this round, in order.
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// The organisation at this moment.
    pub fn staff(&self) -> &Staff {
        &self.staff
    }

    /// The day it is.
    pub fn today(&self) -> Date {
        self.today
    }

    /// The policy in force.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policies[1]
    }

    /// The vendor, if it is still there.
    pub fn vendor(&self) -> Option<&VendorRow> {
        self.vendor.as_ref()
    }

    /// Whether a key still counts for what is pending: not ended, and the one that signed.
    pub(super) fn key_is_current(&self, fact: &Fact) -> bool {
        self.keys.get(&fact.payload.signer).is_some_and(|keys| {
            keys.iter()
                .any(|k| k.ended_seq.is_none() && PublicKey(k.public_key).fingerprint() == fact.payload.key)
        })
    }

    /// Whether a signature was given while its signer was held: it never counts.
    pub(super) fn was_held(&self, fact: &Fact) -> bool {
        let at = fact.payload.at.micros();
        self.holds.get(&fact.payload.signer).is_some_and(|holds| holds.iter().any(|h| h.covers(at)))
    }

    /// A chair of this request under one policy.
    pub(super) fn chair(&self, policy: &Policy, slot: Slot) -> Result<Chair, Refusal> {
        Chair::of(&self.staff, policy, self.form().unit(), slot)
    }

    /// The first arrow: purpose, channel, fields, requester, receiver, vendor and time, under the policy
    /// it was asked under and the one in force.
    ///
    /// # Errors
    /// The first rule that says no.
    pub fn permitted(self) -> Result<Permitted, Refusal> {
        self.check_permitted()?;
        Ok(Permitted(self))
    }

    pub(super) fn check_permitted(&self) -> Result<(), Refusal> {
        self.check_unedited()?;
        if self.at >= self.submission.expires_at.micros() {
            return Err(Refusal::new("expired", "A6a (Art 6)", "the request has expired")
                .hint("submit it again; it is signed anew"));
        }
        self.check_requester()?;
        for policy in &self.policies {
            let form = self.form();
            policy.may_carry(form.purpose(), form.channel(), form.fields())?;
            let receiver = self.chair(policy, Slot::Receiver)?;
            check_receiver(&self.staff, &receiver, form.receiver(), &self.submission.requester)?;
        }
        self.check_vendor()
    }

    /// Whether the vendor may have it today: see [`check_vendor`].
    ///
    /// # Errors
    /// `vendor_not_active`, `vendor_key_changed`, `vendor_key_unproven`.
    pub fn check_vendor(&self) -> Result<(), Refusal> {
        check_vendor(self.vendor.as_ref(), self.vendor_key.as_ref(), &self.submission, self.today)
    }

    /// The draft must still be what was submitted: any edit voids every signature.
    fn check_unedited(&self) -> Result<(), Refusal> {
        let submitted = canonical(self.form()).unwrap_or_default();
        if submitted == self.request.form.as_bytes() {
            return Ok(());
        }
        Err(Refusal::new(
            "edited",
            "A6a (Art 6)",
            "the form was changed after it was submitted; its signatures are void",
        )
        .hint("submit it again; it is signed anew"))
    }

    fn check_requester(&self) -> Result<(), Refusal> {
        let requester = &self.submission.requester;
        let holds = self.staff.holds(requester, Role::InfoOfficer, self.form().unit());
        let key = self.facts.first().is_some_and(|f| self.key_is_current(f) && !self.was_held(f));
        if holds && key && self.staff.is_active(requester) {
            return Ok(());
        }
        Err(Refusal::new(
            "requester_not_officer",
            "A4c (Art 4)",
            "who submitted it is no longer the unit's information officer, or their key was reset, or new at that time",
        )
        .hint("the present information officer submits it again"))
    }
}

/// A request that the policy permits. Whether it is signed is the next question.
pub struct Permitted(pub(super) Asked);

impl Permitted {
    /// What was asked.
    pub fn asked(&self) -> &Asked {
        &self.0
    }
}

/// The receiving officer sits in the receiver's chair, may act, and did not ask (A8c).
///
/// # Errors
/// `receiver_not_officer`, `separation_of_duties`.
pub fn check_receiver(
    staff: &Staff,
    chair: &Chair,
    receiver: &Login,
    requester: &Login,
) -> Result<(), Refusal> {
    if receiver == requester {
        return Err(Refusal::new(
            "separation_of_duties",
            "A8c (Art 8)",
            "who asks cannot receive the package",
        )
        .hint("name a planning officer as the receiver"));
    }
    if !staff.is_active(receiver) || chair.seated(staff, receiver).is_none() {
        return Err(Refusal::new(
            "receiver_not_officer",
            "A8c (Art 8)",
            "the named receiver is not the planning officer this request goes to",
        )
        .hint(format!("name {} of {}", an(chair.role.word(Lang::En)), list(&chair.units))));
    }
    Ok(())
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

/// The vendor is contracted for the channel today, its key is the one that was signed, and a second person
/// has confirmed it, to whom the vendor showed the other half (A9a).
///
/// # Errors
/// `vendor_not_active`, `vendor_key_changed`, `vendor_key_unproven`.
pub fn check_vendor(
    vendor: Option<&VendorRow>,
    key: Option<&VendorKeyRow>,
    submission: &Submission,
    today: Date,
) -> Result<(), Refusal> {
    let vendor = check_contracted(vendor, submission.form.channel(), today)?;
    if Fingerprint::of(vendor.recipient.as_bytes()) != submission.vendor_key {
        return Err(Refusal::new(
            "vendor_key_changed",
            "A9a (Art 9)",
            "the vendor's key is not the one that was signed for",
        )
        .hint("submit the request again with the vendor's present key"));
    }
    let proven = key.is_some_and(|key| {
        let second = key.confirmed.as_ref().is_some_and(|(by, _)| *by != key.registered_by);
        second && key.recipient == vendor.recipient
    });
    if !proven {
        return Err(Refusal::new(
            "vendor_key_unproven",
            "A9a (Art 9)",
            "the vendor has not shown yet that it can open what is encrypted to its key",
        )
        .hint("`vendor key challenge` writes a file that the vendor opens; a second person then runs `vendor key confirm`"));
    }
    Ok(())
}

/// A vendor's contract covers a channel on a day (A9a).
///
/// # Errors
/// `vendor_not_active`.
pub fn check_contracted(
    vendor: Option<&VendorRow>,
    channel: Channel,
    today: Date,
) -> Result<&VendorRow, Refusal> {
    let inactive = |why: &'static str| {
        Refusal::new("vendor_not_active", "A9a (Art 9)", why)
            .hint("choose a vendor whose contract covers the channel today, and submit again")
    };
    let vendor = vendor.ok_or_else(|| inactive("there is no such vendor"))?;
    if vendor.suspended {
        return Err(inactive("the vendor is suspended"));
    }
    if today < vendor.contract_from || today > vendor.contract_to {
        return Err(inactive("the vendor's contract does not cover today"));
    }
    if !vendor.channels.contains(&channel) {
        return Err(inactive("the vendor's contract does not cover the channel"));
    }
    Ok(vendor)
}

fn read_submission(row: &SubmissionRow) -> Result<Submission, StoreError> {
    let bad = || StoreError::integrity("submission", format!("{} round {}", row.no, row.round));
    let submission = Submission::from_canonical(&row.body).map_err(|_| bad())?;
    if submission.digest() != row.digest || submission.number != row.no || submission.round.get() != row.round
    {
        return Err(bad());
    }
    Ok(submission)
}

fn read_facts(rows: Vec<SignatureRow>) -> Result<Vec<Fact>, StoreError> {
    rows.into_iter()
        .map(|row| {
            let bad = || {
                StoreError::integrity(
                    "signature",
                    format!("{} round {} no {}", row.no, row.round, row.number),
                )
            };
            let payload = SignaturePayload::from_canonical(&row.payload).map_err(|_| bad())?;
            if payload.signer != row.signer {
                return Err(bad());
            }
            let signature = Signature(row.sig.as_slice().try_into().map_err(|_| bad())?);
            Ok(Fact { payload, signature })
        })
        .collect()
}
