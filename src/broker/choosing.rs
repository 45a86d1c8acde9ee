//! What pages offer: what a form can name, codes and names of units, vendors and officers, nothing of members.

use jiff::civil::Date;

use super::{Broker, Error, Refusal};
use crate::access::Caller;
use crate::access::asked::check_contracted;
use crate::access::seats::Chair;
use crate::model::code::{Channel, Purpose, Role, UnitKind};
use crate::model::ids::UnitCode;
use crate::model::org::Unit;
use crate::policy::{Act, ChannelRule, Slot};
use crate::store::people::Person;
use crate::store::vendors::VendorRow;

/// What there is to choose from.
pub struct Choices {
    /// Departments for which the caller may draft and somebody submits.
    pub units: Vec<Unit>,
    /// Planning officers who may receive for one of them (A8c).
    pub receivers: Vec<Person>,
    /// Stores to select members by.
    pub stores: Vec<Unit>,
    /// Vendors that are not suspended (A9a).
    pub vendors: Vec<VendorRow>,
    /// Purposes and channels that are on, and what each carries (A7).
    pub channels: Vec<ChannelRule>,
    /// The day it is.
    pub today: Date,
}

/// What a form at the counter can name.
pub struct CounterChoices {
    /// Stores whose members the caller may add.
    pub own: Vec<Unit>,
    /// Members of no store may be added too.
    pub anywhere: bool,
    /// Purposes and channels that are on.
    pub in_use: Vec<(Purpose, Channel)>,
}

impl Choices {
    /// Whether a vendor's contract covers a channel today (A9a), where another can still be chosen. Submitting and
    /// executing ask again.
    ///
    /// # Errors
    /// `vendor_not_active`.
    pub fn check_vendor(&self, code: &str, channel: Channel) -> Result<(), Refusal> {
        let vendor = self.vendors.iter().find(|vendor| vendor.code.as_str() == code);
        check_contracted(vendor, channel, self.today).map(drop)
    }
}

impl Broker {
    /// What a form of this caller's at the counter can name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn counter_choices(&self, caller: &Caller) -> Result<CounterChoices, Error> {
        let mut view = self.store.view().await?;
        let ground = self.ground(&mut view).await?;
        let staff = &ground.staff;
        let may = |site: Option<&UnitCode>| staff.may(&ground.policy, caller, Act::MemberAdd, site).is_ok();
        let stores = staff.tree().units().filter(|unit| unit.kind == UnitKind::Store);
        let own = stores.filter(|store| may(Some(&store.code))).cloned().collect();
        let on = ground.policy.channels().all().iter().filter(|rule| rule.enabled);
        let in_use = on.map(|rule| (rule.purpose, rule.channel)).collect();
        Ok(CounterChoices { own, anywhere: may(None), in_use })
    }

    /// What a request of this caller's can name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn request_choices(&self, caller: &Caller) -> Result<Choices, Error> {
        let mut view = self.store.view().await?;
        let ground = self.ground(&mut view).await?;
        let staff = &ground.staff;
        let may =
            |unit: &&Unit| staff.may(&ground.policy, caller, Act::RequestDraft, Some(&unit.code)).is_ok();
        let departments = staff.tree().units().filter(|u| u.kind == UnitKind::Department);
        let officer = |unit: &&Unit| staff.has_holder(Role::InfoOfficer, &unit.code);
        let mut units: Vec<Unit> = departments.filter(may).filter(officer).cloned().collect();
        // Those for which the caller can submit as well stand first.
        let submits = |unit: &Unit| staff.holds(caller.login(), Role::InfoOfficer, &unit.code);
        units.sort_by_key(|unit| !submits(unit));
        let mut receivers: Vec<Person> = Vec::new();
        for unit in &units {
            let Ok(chair) = Chair::of(staff, &ground.policy, &unit.code, Slot::Receiver) else { continue };
            let seated = chair.holders(staff).filter_map(|login| staff.person(login)).cloned();
            let known: Vec<Person> = seated.filter(|person| !receivers.contains(person)).collect();
            receivers.extend(known);
        }
        let vendors = view.vendors().await?.into_iter().filter(|vendor| !vendor.suspended).collect();
        Ok(Choices {
            today: self.clock().today(),
            units,
            receivers,
            stores: staff.tree().units().filter(|u| u.kind == UnitKind::Store).cloned().collect(),
            vendors,
            channels: ground.policy.channels().all().iter().filter(|rule| rule.enabled).cloned().collect(),
        })
    }
}
