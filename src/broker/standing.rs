//! Where a request stands, whose turn it is, and what its standing allows.

use super::{Error, Ground, Refusal};
use crate::access::seats::Chair;
use crate::access::{Asked, Caller, Standing};
use crate::model::code::Role;
use crate::model::form::Form;
use crate::model::ids::{Login, RequestNo};
use crate::policy::{Act, Slot};
use crate::store::requests::RequestRow;
use crate::store::{StoreError, View};

/// Where it stands in words, and whose turn it is.
pub(super) async fn standing(
    view: &mut View<'_>,
    ground: &Ground,
    form: &Form,
    no: &RequestNo,
    asked: Option<&Asked>,
) -> Result<(String, Vec<Login>), Error> {
    let holders = |slot: Slot| -> Vec<Login> {
        Chair::of(&ground.staff, &ground.policy, form.unit(), slot)
            .map(|chair| chair.holders(&ground.staff).cloned().collect())
            .unwrap_or_default()
    };
    let officers = || -> Vec<Login> {
        ground
            .staff
            .people()
            .filter(|p| ground.staff.holds(&p.login, Role::InfoOfficer, form.unit()))
            .map(|p| p.login.clone())
            .collect()
    };
    if let Some(package) = view.packages_of(no).await?.iter().find(|p| p.live) {
        return Ok((format!("executed: {}", package.no), vec![form.receiver().clone()]));
    }
    let Some(asked) = asked else { return Ok(("draft".into(), officers())) };
    Ok(match asked.standing() {
        Standing::Waiting(step) => {
            let deputy = asked.deputy(step).map(|(deputy, _)| vec![deputy.clone()]);
            (format!("waiting: {step}"), deputy.unwrap_or_else(|| holders(Slot::of(step))))
        }
        Standing::Signed => ("signed".into(), holders(Slot::Executor)),
        Standing::Ended(act) => (format!("ended: {act}"), officers()),
        Standing::Expired => ("expired".into(), officers()),
        Standing::Void(refusal) => (format!("void: {}", refusal.code), officers()),
    })
}

/// Whether a draft may be changed by a caller.
pub(super) fn check_may_revise(ground: &Ground, caller: &Caller, row: &RequestRow) -> Result<(), Refusal> {
    ground.staff.may(&ground.policy, caller, Act::RequestDraft, Some(&row.unit))?;
    let officer = ground.staff.holds(caller.login(), Role::InfoOfficer, &row.unit);
    if caller.login() == &row.drafted_by || officer {
        return Ok(());
    }
    Err(Refusal::new(
        "not_your_draft",
        "A4c (Art 4)",
        "a draft is changed by who wrote it or by the unit's information officer",
    )
    .hint("draft a request of your own"))
}

/// Whether a round may be taken back by a caller.
pub(super) fn check_may_recall(asked: &Asked, caller: &Caller) -> Result<(), Refusal> {
    asked.staff().may(asked.policy(), caller, Act::RequestRecall, Some(asked.form().unit()))?;
    if caller.login() != &asked.submission().requester {
        return Err(Refusal::new("not_requester", "A4c (Art 4)", "only who submitted it takes it back")
            .hint("ask the requester, or return or reject it where it waits for you"));
    }
    if let Standing::Ended(act) = asked.standing() {
        return Err(Refusal::new("ended", "A6a (Art 6)", format!("this round has ended: {act}"))
            .hint("nothing is left to take back; a new round begins when it is submitted again"));
    }
    Ok(())
}

/// Refuses what cannot be done while a package of it is about.
pub(super) async fn refuse_live_package(view: &mut View<'_>, no: &RequestNo) -> Result<(), Error> {
    if view.packages_of(no).await?.iter().any(|p| p.live) {
        return Err(Refusal::new("executed_already", "A6a (Art 6)", "this request has a package")
            .hint("recall the package first, or draft a new request")
            .into());
    }
    Ok(())
}

/// The form a request holds.
pub(super) fn form_of(text: &str, no: &RequestNo) -> Result<Form, StoreError> {
    serde_json::from_str(text)
        .map_err(|_| StoreError::integrity("request", format!("{no}: the draft does not parse")))
}
