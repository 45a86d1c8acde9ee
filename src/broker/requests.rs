//! Requests: draft, submit, sign, and the signed facts that end a round (A5a, A5b, A6a, A6b).

use super::editions::Seen;
use super::people::still;
use super::rounds::find;
use super::standing::{check_may_recall, check_may_revise, refuse_live_package};
use super::{Broker, Error, Ground, Refusal, StepUp};
use crate::access::Caller;
use crate::access::held::check_not_held;
use crate::audit::event::{Action, Event};
use crate::clock::Micros;
use crate::model::canonical::canonical;
use crate::model::code::{Role, Step};
use crate::model::form::{Form, Names, Submission};
use crate::model::ids::{Digest, Login, RequestNo};
use crate::model::iso::Moment;
use crate::model::lang::Lang;
use crate::model::signing::{Capacity, PayloadError, SignaturePayload, Signed as Fact, SignedAct};
use crate::policy::{Act, Slot};
use crate::store::requests::{RequestRow, SignatureRow};
use crate::store::{StoreError, View, Work};

const COMMENT_HINT: &str = "a return and a rejection say why, in at most 500 characters";
const TARGET_HINT: &str = "a step before the one that waits; another person than yourself";

/// What somebody says at the step that is waited for.
pub(super) struct Said<'a> {
    pub(super) act: SignedAct,
    pub(super) comment: Option<&'a str>,
    /// The digest that was shown.
    pub(super) seen: Option<Digest>,
    pub(super) target: Target,
}

/// Where a fact points: to whom a transfer hands the step, back to which step a return goes.
#[derive(Debug, Clone, Default)]
pub(super) struct Target {
    pub(super) to: Option<Login>,
    pub(super) back_to: Option<Step>,
}

/// What a signature agrees to.
#[derive(Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Sentence {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
    /// The digest it was shown with.
    pub digest: Digest,
}

impl Broker {
    /// Drafts a request; gives its number.
    ///
    /// # Errors
    /// The form's faults, or the caller may not draft for the unit.
    pub async fn request_draft(&self, caller: &Caller, text: &str) -> Result<RequestNo, Error> {
        let event = Event::new(Action::RequestDrafted, caller.actor());
        self.logged(event.clone(), async {
            let form = Form::from_text(text)?;
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            let no = self.draft_in(&mut work, &ground, caller, &form).await?;
            work.commit(event.object(&no).count("new", 1)).await?;
            Ok(no)
        })
        .await
    }

    /// A form as a new draft, with the next number of its site.
    pub(super) async fn draft_in(
        &self,
        work: &mut Work<'_>,
        ground: &Ground,
        caller: &Caller,
        form: &Form,
    ) -> Result<RequestNo, Error> {
        ground.staff.may(&ground.policy, caller, Act::RequestDraft, Some(form.unit()))?;
        check_form(ground, form)?;
        let site = ground.staff.tree().site_of(form.unit()).map(|u| u.code.clone());
        let site = site.ok_or_else(|| no_site(form))?;
        let at = work.at();
        let no = work.next_request_no(&site, self.clock().date(at).year().unsigned_abs()).await?;
        let row = RequestRow {
            no: no.clone(),
            unit: form.unit().clone(),
            drafted_by: caller.login().clone(),
            form: text_of(form)?,
            created_at: at,
            changed_at: at,
        };
        work.put_request(&row).await?;
        Ok(no)
    }

    /// Changes a draft. A round that runs is void from here: signatures are over what was submitted.
    ///
    /// # Errors
    /// The form's faults, `stale`, `executed_already`, or the caller may not draft for the unit.
    pub async fn request_revise(
        &self,
        caller: &Caller,
        no: &RequestNo,
        text: &str,
        seen: &Seen,
    ) -> Result<(), Error> {
        let event = Event::new(Action::RequestDrafted, caller.actor()).object(no);
        self.logged(event.clone(), async {
            let form = Form::from_text(text)?;
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            let row = find(work.view(), no).await?;
            ground.staff.may(&ground.policy, caller, Act::RequestDraft, Some(form.unit()))?;
            check_may_revise(&ground, caller, &row)?;
            seen.check(work.view(), no).await?;
            if form.unit() != &row.unit {
                return Err(Refusal::new("other_unit", "A5a (Art 5)", "a request keeps its unit")
                    .hint("draft a new request for another unit")
                    .into());
            }
            check_form(&ground, &form)?;
            refuse_live_package(work.view(), no).await?;
            let at = work.at();
            work.put_request(&RequestRow { form: text_of(&form)?, changed_at: at, ..row }).await?;
            work.commit(event).await?;
            Ok(())
        })
        .await
    }

    /// What a signer is shown before signing: the plain sentence in both languages, and the digest that
    /// the signature then has to be over.
    ///
    /// # Errors
    /// `not_submitted`, or the caller may not see it.
    pub async fn request_sentence(&self, caller: &Caller, no: &RequestNo) -> Result<Sentence, Error> {
        let event = Event::new(Action::RequestShown, caller.actor()).object(no);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            let asked = self.asked_on(work.view(), &ground, no).await?;
            self.check_may_see(work.view(), &ground, caller, &asked).await?;
            let (zh, en) = sentences(work.view(), &ground, asked.form()).await?;
            work.commit(event).await?;
            Ok(Sentence { zh, en, digest: asked.digest() })
        })
        .await
    }

    /// Countersigns the step that is waited for. `seen` is the digest that was shown: another round that
    /// was submitted meanwhile is not what was read.
    ///
    /// # Errors
    /// `changed_meanwhile`, `not_your_step`, `separation_of_duties`, `ended`, `expired`, or what voids it.
    pub async fn request_sign(
        &self,
        step: StepUp,
        no: &RequestNo,
        comment: Option<&str>,
        seen: Option<Digest>,
    ) -> Result<Step, Error> {
        let target = Target::default();
        self.at_step(step, no, Said { act: SignedAct::Approve, comment, seen, target }).await
    }

    /// Returns it to the requester, with a comment; ends the round.
    ///
    /// # Errors
    /// As [`Broker::request_sign`].
    pub async fn request_return(&self, step: StepUp, no: &RequestNo, comment: &str) -> Result<Step, Error> {
        let (comment, target) = (Some(comment), Target::default());
        self.at_step(step, no, Said { act: SignedAct::Return, comment, seen: None, target }).await
    }

    /// Rejects it, with a comment; ends the round.
    ///
    /// # Errors
    /// As [`Broker::request_sign`].
    pub async fn request_reject(&self, step: StepUp, no: &RequestNo, comment: &str) -> Result<Step, Error> {
        let (comment, target) = (Some(comment), Target::default());
        self.at_step(step, no, Said { act: SignedAct::Reject, comment, seen: None, target }).await
    }

    /// One signed fact at the step that is waited for, by whom it waits for.
    pub(super) async fn at_step(&self, step: StepUp, no: &RequestNo, said: Said<'_>) -> Result<Step, Error> {
        let caller = step.caller();
        let Said { act, comment, seen, target } = said;
        let action = match act {
            SignedAct::Return => Action::RequestReturned,
            SignedAct::Reject => Action::RequestRejected,
            SignedAct::Transfer => Action::RequestTransferred,
            _ => Action::RequestApproved,
        };
        let event = Event::new(action, caller.actor()).object(no);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            step.seen().check(work.view(), no).await?;
            let asked = self.asked(work.view(), no).await?;
            if seen.is_some_and(|digest| digest != asked.digest()) {
                return Err(Refusal::new(
                    "changed_meanwhile",
                    "A6a (Art 6)",
                    "the request was submitted again since it was shown",
                )
                .hint("read it again and sign what it says now")
                .into());
            }
            let permitted = asked.permitted()?;
            let waited = permitted.awaiting()?.ok_or_else(|| {
                Refusal::new("signed_already", "A6a (Art 6)", "all three signatures are there")
                    .hint("the executor runs it")
            })?;
            let capacity = permitted.capacity(caller.login(), waited)?;
            let asked = permitted.asked();
            asked.staff().may_seated(asked.policy(), caller, Slot::of(waited).act())?;
            self.check_undertaken(work.view(), caller.login()).await?;
            let (digest, form) = (asked.digest(), asked.form());
            if let Some(to) = &target.to {
                permitted.check_deputy(to, waited)?;
                asked.staff().may_seated(
                    asked.policy(),
                    &asked.staff().caller(to)?,
                    Slot::of(waited).act(),
                )?;
            }
            let (submission, waits) = (asked.submission(), Some(waited));
            let fact = Draft { submission, act, step: waits, capacity, target, comment };
            let at = work.at();
            let payload = fact.payload(&step, at, asked.facts().last().map_or(Digest::ZERO, Fact::hash))?;
            let event = event
                .request(digest, form.purpose(), form.channel())
                .policy(Digest(asked.policy().files().digest()));
            add_fact(&mut work, &step, payload, asked.facts().len() as u32 + 1).await?;
            work.commit(event.count("step", waited as i64 + 1)).await?;
            Ok(waited)
        })
        .await
    }

    /// The requester takes it back; ends the round.
    ///
    /// # Errors
    /// `not_officer`, `ended`, `executed_already`.
    pub async fn request_recall(
        &self,
        step: StepUp,
        no: &RequestNo,
        comment: Option<&str>,
    ) -> Result<(), Error> {
        let caller = step.caller();
        let event = Event::new(Action::RequestRecalled, caller.actor()).object(no);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let asked = self.asked(work.view(), no).await?;
            check_may_recall(&asked, caller)?;
            refuse_live_package(work.view(), no).await?;
            let capacity =
                Capacity { role: Role::InfoOfficer, unit: asked.form().unit().clone(), acting_for: None };
            let fact = Draft {
                submission: asked.submission(),
                act: SignedAct::Recall,
                step: None,
                capacity,
                target: Target::default(),
                comment,
            };
            let at = work.at();
            let payload = fact.payload(&step, at, asked.facts().last().map_or(Digest::ZERO, Fact::hash))?;
            let event = event.request(asked.digest(), asked.form().purpose(), asked.form().channel());
            add_fact(&mut work, &step, payload, asked.facts().len() as u32 + 1).await?;
            work.commit(event).await?;
            Ok(())
        })
        .await
    }
}

/// A signed fact before it is signed.
pub(super) struct Draft<'a> {
    pub(super) submission: &'a Submission,
    pub(super) act: SignedAct,
    pub(super) step: Option<Step>,
    pub(super) capacity: Capacity,
    pub(super) target: Target,
    pub(super) comment: Option<&'a str>,
}

impl Draft<'_> {
    pub(super) fn payload(
        self,
        step: &StepUp,
        at: Micros,
        previous: Digest,
    ) -> Result<SignaturePayload, Error> {
        let payload = SignaturePayload {
            vault: self.submission.vault,
            request: self.submission.digest(),
            number: self.submission.number.clone(),
            round: self.submission.round,
            step: self.step,
            act: self.act,
            signer: step.caller().login().clone(),
            key: step.key().public().fingerprint(),
            capacity: self.capacity,
            to: self.target.to,
            back_to: self.target.back_to,
            comment: self.comment.map(|c| c.trim().to_owned()).filter(|c| !c.is_empty()),
            at: moment(at)?,
            previous,
        };
        payload.check().map_err(|e| match e {
            PayloadError::Target => {
                Refusal::new("bad_target", "A6a (Art 6)", e.to_string()).hint(TARGET_HINT)
            }
            _ => Refusal::new("bad_comment", "A6a (Art 6)", e.to_string()).hint(COMMENT_HINT),
        })?;
        Ok(payload)
    }
}

pub(super) async fn add_fact(
    work: &mut Work<'_>,
    step: &StepUp,
    payload: SignaturePayload,
    number: u32,
) -> Result<(), Error> {
    still(work, step).await?;
    let at = work.at();
    check_not_held(work.view(), step.caller().login(), at).await?;
    let fact = Fact::new(payload, step.key())
        .map_err(|e| Refusal::new("bad_comment", "A6a (Art 6)", e.to_string()).hint(COMMENT_HINT))?;
    let row = SignatureRow {
        no: fact.payload.number.clone(),
        round: fact.payload.round.get(),
        number,
        payload: fact.payload.canonical(),
        sig: fact.signature.0.to_vec(),
        signer: fact.payload.signer.clone(),
    };
    work.add_signature(&row).await?;
    Ok(())
}

/// What a draft must already satisfy: its channel carries its fields, its stores exist.
pub(super) fn check_form(ground: &Ground, form: &Form) -> Result<(), Refusal> {
    ground.policy.may_carry(form.purpose(), form.channel(), form.fields())?;
    if ground.staff.tree().get(form.unit()).is_none() {
        return Err(no_site(form));
    }
    for store in form.selection().stores() {
        if ground.staff.tree().get(store).is_none() {
            return Err(Refusal::new("bad_selection", "A5a (Art 5)", format!("there is no store {store}"))
                .hint("the selection names stores by their unit codes"));
        }
    }
    Ok(())
}

/// The sentence a signer is shown, in Chinese and in English: from the form alone, and what people call those it names.
pub(super) async fn sentences(
    view: &mut View<'_>,
    ground: &Ground,
    form: &Form,
) -> Result<(String, String), StoreError> {
    let vendor = view.vendor(form.vendor()).await?;
    let in_words = |lang: Lang| {
        let unit = ground.staff.tree().get(form.unit()).map_or(form.unit().as_str(), |u| u.name(lang));
        let vendor = vendor.as_ref().map(|vendor| lang.pick(&vendor.name_zh, &vendor.name_en));
        let receiver = ground.staff.person(form.receiver()).map(|person| person.name.as_str());
        let vendor = vendor.unwrap_or(form.vendor().as_str());
        form.sentence(lang, &Names { unit, vendor, receiver: receiver.unwrap_or(form.receiver().as_str()) })
    };
    Ok((in_words(Lang::Zh), in_words(Lang::En)))
}

fn no_site(form: &Form) -> Refusal {
    Refusal::new("no_chain", "A5b (Art 5)", format!("unit {} asks through no chain", form.unit()))
        .hint("only departments of headquarters or of a store ask for lists")
}

fn text_of(form: &Form) -> Result<String, Error> {
    let bytes = canonical(form).map_err(|_| StoreError::Fault("a checked form cannot be written down"))?;
    String::from_utf8(bytes).map_err(|_| StoreError::integrity("request", "not text").into())
}

pub(super) fn moment(at: Micros) -> Result<Moment, Error> {
    Moment::from_micros(at).map_err(|_| StoreError::integrity("clock", "a time out of range").into())
}
