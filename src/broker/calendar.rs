//! What the requests that somebody may see come to on the days of a month: windows, hand-offs, destructions.

use jiff::civil::Date;

use super::showing::{Status, yes};
use super::standing::{form_of, standing};
use super::{Broker, Error, Ground};
use crate::access::{Asked, Caller, Common};
use crate::audit::event::{Action, Event};
use crate::model::code::{Channel, codes};
use crate::model::form::Form;
use crate::model::ids::{RequestNo, UnitCode, VendorCode};
use crate::policy::Act;
use crate::store::View;
use crate::store::packages::FactKind;
use crate::store::requests::RequestRow;

codes! {
    /// What a day is to a request.
    Occasion, "occasion" {
        /// The first day of its window.
        Opens = "opens",
        /// The last day of its window.
        Closes = "closes",
        /// Its package was handed to the vendor.
        HandedOff = "handed_off",
        /// The day by which it is destroyed; the vendor has nothing of it yet.
        DestroyBy = "destroy_by",
        /// The same, and the vendor has it: proof is due.
        ProofDue = "proof_due",
        /// That day is past, and there is no proof.
        ProofOverdue = "proof_overdue",
        /// The vendor's attestation was recorded.
        Proven = "proven",
    }
}

/// An occasion on its day.
#[derive(Debug)]
pub struct Dated {
    /// The day, in the vault's zone.
    pub day: Date,
    /// What it is.
    pub what: Occasion,
    /// Of which request.
    pub no: RequestNo,
    /// Asking unit.
    pub unit: UnitCode,
    /// Campaign.
    pub campaign: String,
    /// Channel.
    pub channel: Channel,
    /// Vendor.
    pub vendor: VendorCode,
    /// Where the request stands.
    pub standing: String,
}

impl Broker {
    /// The occasions of the requests a caller may see, from one day to another, both with; in the order of the days. What
    /// has ended or expired has none.
    ///
    /// # Errors
    /// The database failed.
    pub async fn request_calendar(&self, caller: &Caller, from: Date, to: Date) -> Result<Vec<Dated>, Error> {
        let event = Event::new(Action::RequestListed, caller.actor());
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            let mut common = Common::new(ground.staff.clone(), ground.policy.clone(), work.at());
            let (mut found, mut requests) = (Vec::new(), 0);
            for row in work.view().requests().await? {
                let form = form_of(&row.form, &row.no)?;
                let mut days = self.occasions(work.view(), &row.no, &form).await?;
                days.retain(|(day, _)| (from..=to).contains(day));
                if days.is_empty() {
                    continue;
                }
                let seen =
                    self.seen_standing(work.view(), &ground, &mut common, caller, (&row, &form)).await?;
                let Some(standing) = seen else { continue };
                requests += 1;
                found.extend(days.into_iter().map(|(day, what)| Dated {
                    day,
                    what,
                    no: row.no.clone(),
                    unit: row.unit.clone(),
                    campaign: form.campaign().to_owned(),
                    channel: form.channel(),
                    vendor: form.vendor().clone(),
                    standing: standing.clone(),
                }));
            }
            work.commit(event.count("requests", requests)).await?;
            found.sort_by_key(|dated| (dated.day, dated.what.place(), dated.no.clone()));
            Ok(found)
        })
        .await
    }

    /// Where it stands, if the caller may see it and it goes on.
    async fn seen_standing(
        &self,
        view: &mut View<'_>,
        ground: &Ground,
        common: &mut Common,
        caller: &Caller,
        (row, form): (&RequestRow, &Form),
    ) -> Result<Option<String>, Error> {
        let asked = Asked::load_among(view, &self.shelf, self.clock(), row.clone(), common).await?;
        let seen = match &asked {
            Some(asked) => self.check_may_see(view, ground, caller, asked).await,
            None => self.check_shown_to(view, ground, caller, &row.no, &row.unit, Act::RequestList).await,
        };
        if !yes(seen)? {
            return Ok(None);
        }
        let (standing, _) = standing(view, ground, form, &row.no, asked.as_ref()).await?;
        let over = matches!(Status::of(&standing), Status::Ended | Status::Expired);
        Ok((!over).then_some(standing))
    }

    /// Every occasion of a request.
    async fn occasions(
        &self,
        view: &mut View<'_>,
        no: &RequestNo,
        form: &Form,
    ) -> Result<Vec<(Date, Occasion)>, Error> {
        let window = form.window();
        let mut days = vec![(window.from(), Occasion::Opens), (window.to(), Occasion::Closes)];
        let live = view.packages_of(no).await?.into_iter().find(|package| package.live);
        let facts = match live {
            Some(package) => view.package_facts(&package.no).await?,
            None => Vec::new(),
        };
        let on = |kind| facts.iter().find(|fact| fact.kind == kind).map(|fact| self.clock().date(fact.at));
        let (handed, proven) = (on(FactKind::HandedOff), on(FactKind::Destroyed));
        days.extend(handed.map(|day| (day, Occasion::HandedOff)));
        days.push(match (handed, proven) {
            (_, Some(day)) => (day, Occasion::Proven),
            (None, None) => (form.destroy_by(), Occasion::DestroyBy),
            (Some(_), None) if form.destroy_by() < self.clock().today() => {
                (form.destroy_by(), Occasion::ProofOverdue)
            }
            (Some(_), None) => (form.destroy_by(), Occasion::ProofDue),
        });
        Ok(days)
    }
}
