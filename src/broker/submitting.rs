//! Submitting: a new round, signed by the unit's information officer (A4c, A5a).

use std::num::NonZeroU32;

use super::requests::{Draft, Target, add_fact, check_form, moment, sentences};
use super::rounds::find;
use super::standing::refuse_live_package;
use super::{Broker, Error, Ground, Refusal, StepUp};
use crate::access::asked::{check_receiver, check_vendor};
use crate::access::seats::Chair;
use crate::access::{Asked, Caller, Standing};
use crate::audit::event::{Action, Event};
use crate::clock::random;
use crate::model::code::Role;
use crate::model::form::{Form, Submission};
use crate::model::ids::{Digest, Fingerprint, RequestNo, Salt};
use crate::model::signing::{Capacity, SignedAct};
use crate::model::vendor::Container;
use crate::policy::{Act, Slot};
use crate::store::requests::{RequestRow, SubmissionRow};
use crate::store::{StoreError, Work};

/// A new round.
#[derive(Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Submitted {
    /// 1, 2, 3 …
    pub round: u32,
    /// What is to be signed.
    pub digest: Digest,
    /// The sentence a signer is shown, in Chinese.
    pub sentence_zh: String,
    /// The same in English.
    pub sentence_en: String,
}

impl Broker {
    /// Submits a request: a new round, signed by the unit's information officer (A4c).
    ///
    /// # Errors
    /// `in_progress`, `executed_already`, or the first rule that would refuse it later.
    pub async fn request_submit(&self, step: StepUp, no: &RequestNo) -> Result<Submitted, Error> {
        let caller = step.caller();
        let event = Event::new(Action::RequestSubmitted, caller.actor()).object(no);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            let row = find(work.view(), no).await?;
            step.seen().check(work.view(), no).await?;
            let before = self.newest_round(work.view(), &ground, row.clone()).await?;
            let submission = self.submittable(&mut work, &ground, &row, before.as_ref(), caller).await?;
            let digest = submission.digest();
            let stored = SubmissionRow {
                no: no.clone(),
                round: submission.round.get(),
                body: submission.canonical(),
                digest,
            };
            work.add_submission(&stored).await?;
            let capacity = Capacity { role: Role::InfoOfficer, unit: row.unit.clone(), acting_for: None };
            let fact = Draft {
                submission: &submission,
                act: SignedAct::Submit,
                step: None,
                capacity,
                target: Target::default(),
                comment: None,
            };
            let at = work.at();
            add_fact(&mut work, &step, fact.payload(&step, at, Digest::ZERO)?, 1).await?;
            let form = &submission.form;
            let (zh, en) = sentences(work.view(), &ground, form).await?;
            work.commit(
                event
                    .request(digest, form.purpose(), form.channel())
                    .policy(submission.policy)
                    .count("round", submission.round.get()),
            )
            .await?;
            Ok(Submitted { round: submission.round.get(), digest, sentence_zh: zh, sentence_en: en })
        })
        .await
    }

    /// What a caller would submit now, if nothing says no.
    pub(super) async fn submittable(
        &self,
        work: &mut Work<'_>,
        ground: &Ground,
        row: &RequestRow,
        before: Option<&Asked>,
        caller: &Caller,
    ) -> Result<Submission, Error> {
        ground.staff.may(&ground.policy, caller, Act::RequestSubmit, Some(&row.unit))?;
        if !ground.staff.holds(caller.login(), Role::InfoOfficer, &row.unit) {
            return Err(Refusal::new(
                "not_officer",
                "A4c (Art 4)",
                format!("only the information officer of {} submits for it", row.unit),
            )
            .hint("hand the draft to the officer")
            .into());
        }
        self.check_undertaken(work.view(), caller.login()).await?;
        refuse_live_package(work.view(), &row.no).await?;
        if before.is_some_and(|a| matches!(a.standing(), Standing::Waiting(_) | Standing::Signed)) {
            return Err(Refusal::new(
                "in_progress",
                "A6a (Art 6)",
                "this request is on its way through the signatures",
            )
            .hint("recall it first")
            .into());
        }
        let submission = self.new_submission(work, ground, row, caller).await?;
        let today = self.clock().date(work.at());
        check_submission(work, ground, &submission, today).await?;
        Ok(submission)
    }

    async fn new_submission(
        &self,
        work: &mut Work<'_>,
        ground: &Ground,
        row: &RequestRow,
        caller: &Caller,
    ) -> Result<Submission, Error> {
        let form: Form = serde_json::from_str(&row.form)
            .map_err(|_| StoreError::integrity("request", format!("{}: the draft does not parse", row.no)))?;
        let vendor = work.view().vendor(form.vendor()).await?.ok_or_else(|| {
            Refusal::new("vendor_not_active", "A9a (Art 9)", "there is no such vendor")
                .hint("`vendor list` shows the codes")
        })?;
        let rounds = work.view().submissions(&row.no).await?.len() as u32;
        let at = work.at();
        let ends = self.clock().start_of(ground.policy.retention().request_ends(self.clock().date(at)));
        Ok(Submission {
            vault: self.store.info().id,
            number: row.no.clone(),
            round: NonZeroU32::MIN.saturating_add(rounds),
            salt: Salt(random()?),
            requester: caller.login().clone(),
            vendor_key: Fingerprint::of(vendor.recipient.as_bytes()),
            container: Container::Age,
            policy: Digest(ground.policy.files().digest()),
            submitted_at: moment(at)?,
            expires_at: moment(ends)?,
            form,
        })
    }
}

/// What would be refused at execution is refused at submitting.
async fn check_submission(
    work: &mut Work<'_>,
    ground: &Ground,
    submission: &Submission,
    today: jiff::civil::Date,
) -> Result<(), Error> {
    let form = &submission.form;
    check_form(ground, form)?;
    let chair = Chair::of(&ground.staff, &ground.policy, form.unit(), Slot::Receiver)?;
    check_receiver(&ground.staff, &chair, form.receiver(), &submission.requester)?;
    let vendor = work.view().vendor(form.vendor()).await?;
    let key = work.view().vendor_keys(form.vendor()).await?.pop();
    check_vendor(vendor.as_ref(), key.as_ref(), submission, today)?;
    if form.destroy_by() < today {
        return Err(Refusal::new("bad_form", "A5a (Art 5)", "the destroy-by date has passed")
            .hint("choose a later day")
            .into());
    }
    Ok(())
}
