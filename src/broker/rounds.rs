//! A request found, its newest round, and who may see it.

use super::{Broker, Error, Ground, Refusal};
use crate::access::seats::Chair;
use crate::access::{Asked, Caller, Common};
use crate::model::ids::{RequestNo, UnitCode};
use crate::policy::{Act, Slot};
use crate::store::packages::PackageRow;
use crate::store::requests::RequestRow;
use crate::store::{StoreError, View};

impl Broker {
    /// The newest round of a request, or a refusal that tells to submit it.
    pub(super) async fn asked(&self, view: &mut View<'_>, no: &RequestNo) -> Result<Asked, Error> {
        let ground = self.ground(view).await?;
        self.asked_on(view, &ground, no).await
    }

    /// The same, beside people and policy that the verb has read already.
    pub(super) async fn asked_on(
        &self,
        view: &mut View<'_>,
        ground: &Ground,
        no: &RequestNo,
    ) -> Result<Asked, Error> {
        let row = find(view, no).await?;
        self.newest_round(view, ground, row).await?.ok_or_else(|| {
            Refusal::new("not_submitted", "A5a (Art 5)", format!("{no} is a draft"))
                .hint("its information officer submits it")
                .into()
        })
    }

    /// The newest round of a request; none when it was never submitted.
    pub(super) async fn newest_round(
        &self,
        view: &mut View<'_>,
        ground: &Ground,
        row: RequestRow,
    ) -> Result<Option<Asked>, Error> {
        Asked::load(view, &self.shelf, self.clock(), row, &mut ground.common(self.clock().now())).await
    }

    /// The round that a package was made of: its receiver and its days are those that were signed, whatever was asked for
    /// since.
    pub(super) async fn round_of(
        &self,
        view: &mut View<'_>,
        common: &mut Common,
        row: &RequestRow,
        package: &PackageRow,
    ) -> Result<Asked, Error> {
        let (shelf, clock, round) = (&self.shelf, self.clock(), package.round);
        let asked = Asked::load_round(view, shelf, clock, row.clone(), round, common).await?;
        let orphan = || StoreError::integrity("package", format!("of {}: its round is gone", row.no));
        asked.ok_or_else(|| orphan().into())
    }

    /// Whoever has a chair in it sees it, and whom the policy lets.
    /// And whom it was copied to.
    pub(super) async fn check_may_see(
        &self,
        view: &mut View<'_>,
        ground: &Ground,
        caller: &Caller,
        asked: &Asked,
    ) -> Result<(), Error> {
        if seated(ground, caller, asked.form().unit()) {
            // A seat lets its person see it; how much of it a token has is its own question.
            return Ok(ground.staff.within(caller, Act::RequestShow, Some(asked.form().unit()))?);
        }
        self.check_shown_to(view, ground, caller, asked.no(), asked.form().unit(), Act::RequestShow).await
    }

    /// Whom the policy lets, by this act, and whom it was copied to.
    pub(super) async fn check_shown_to(
        &self,
        view: &mut View<'_>,
        ground: &Ground,
        caller: &Caller,
        no: &RequestNo,
        unit: &UnitCode,
        act: Act,
    ) -> Result<(), Error> {
        ground.staff.within(caller, act, Some(unit))?;
        let Err(refusal) = ground.staff.may(&ground.policy, caller, act, Some(unit)) else { return Ok(()) };
        let copied = view.request_notes(no).await?.iter().any(|note| note.copies_to(caller.login()));
        if copied && ground.staff.is_active(caller.login()) { Ok(()) } else { Err(refusal.into()) }
    }
}

/// Whether a person could fill one of the slots of a unit's requests.
pub(super) fn seated(ground: &Ground, caller: &Caller, unit: &UnitCode) -> bool {
    Slot::ALL.iter().any(|slot| {
        Chair::of(&ground.staff, &ground.policy, unit, *slot)
            .is_ok_and(|chair| chair.seated(&ground.staff, caller.login()).is_some())
    })
}

pub(super) async fn find(view: &mut View<'_>, no: &RequestNo) -> Result<RequestRow, Error> {
    view.request(no).await?.ok_or_else(|| {
        Refusal::new("unknown_request", "A5a (Art 5)", format!("there is no request {no}"))
            .hint("`request list` shows the numbers")
            .into()
    })
}
