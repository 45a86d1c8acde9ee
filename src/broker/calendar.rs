//! What the requests that somebody may see come to on the days of a month: windows, hand-offs, destructions.

use jiff::civil::Date;

use super::showing::Status;
use super::standing::standing;
use super::walking::{Open, Reader, Walk};
use super::{Broker, Error};
use crate::access::Caller;
use crate::audit::event::{Action, Event};
use crate::model::code::{Channel, codes};
use crate::model::form::Form;
use crate::model::ids::{RequestNo, UnitCode, VendorCode};
use crate::store::View;
use crate::store::packages::FactKind;
use crate::store::requests::{Month, Picked};

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
    /// The occasions of the requests a caller may see in the month of a day, in the order of the days. What has ended or
    /// expired has none.
    ///
    /// # Errors
    /// The database failed.
    pub async fn request_calendar(&self, caller: &Caller, day: Date) -> Result<Vec<Dated>, Error> {
        let (from, to) = (day.first_of_month(), day.last_of_month());
        let next = to.tomorrow().unwrap_or(to);
        let month = Month { day, moments: (self.clock().start_of(from), self.clock().start_of(next)) };
        let event = Event::new(Action::RequestListed, caller.actor());
        self.logged(event.clone(), async {
            let mut view = self.store.view().await?;
            let ground = self.known_ground(&mut view).await?;
            let mut reader = Reader::new(&mut view, &ground, caller, self.clock().now(), false).await?;
            let picked = Picked { month: Some(month), ..Picked::default() };
            let mut walk = Walk::new(picked, None, None);
            let (mut found, mut requests) = (Vec::new(), 0);
            while let Some(row) = walk.next(&mut view).await? {
                let Some(Open { form, asked }) = self.open_to(&mut view, &mut reader, &row).await? else {
                    continue;
                };
                let mut days = self.occasions(&mut view, &row.no, &form).await?;
                days.retain(|(day, _)| (from..=to).contains(day));
                if days.is_empty() {
                    continue;
                }
                let (standing, _) = standing(&mut view, &ground, &form, &row.no, asked.as_ref()).await?;
                if matches!(Status::of(&standing), Status::Ended | Status::Expired) {
                    continue;
                }
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
            drop(view);
            self.store.enter(event.count("requests", requests)).await?;
            found.sort_by_key(|dated| (dated.day, dated.what.place(), dated.no.clone()));
            Ok(found)
        })
        .await
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
