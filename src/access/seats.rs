//! Which units' role holders may fill a slot of a request: chain, site, function, deputy.

use crate::model::code::{Function, Role, UnitKind};
use crate::model::ids::{Login, UnitCode};
use crate::model::refusal::Refusal;
use crate::policy::{Policy, Site, Slot};

use super::Staff;

/// A slot of one request: a role, held at one of these units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chair {
    /// Which slot.
    pub slot: Slot,
    /// Which role.
    pub role: Role,
    /// Where it must be held.
    pub units: Vec<UnitCode>,
}

impl Chair {
    /// Works a slot out for an asking unit under a policy (A5b).
    ///
    /// # Errors
    /// The unit has no chain: it is under neither headquarters nor a store.
    pub fn of(staff: &Staff, policy: &Policy, asking: &UnitCode, slot: Slot) -> Result<Chair, Refusal> {
        let no_chain = || {
            Refusal::new("no_chain", "A5b (Art 5)", format!("unit {asking} has no chain"))
                .hint("only departments of headquarters or of a store ask for lists")
        };
        let tree = staff.tree();
        let unit = tree.get(asking).ok_or_else(no_chain)?;
        let site = tree.site_of(asking).ok_or_else(no_chain)?;
        let chain = policy.chains().of(site.kind).ok_or_else(no_chain)?;
        let function = unit.function.unwrap_or(Function::Other);
        let seat = chain.seat(slot, function);
        if let Some(deputy) = policy.chains().deputy(site.code.as_str(), slot) {
            let units = UnitCode::parse(deputy).into_iter().collect();
            return Ok(Chair { slot, role: seat.role, units });
        }
        let at = |site: &UnitCode| -> Vec<UnitCode> {
            let function = seat.function.unwrap_or(Function::Other);
            tree.find(site, function).map(|u| u.code.clone()).collect()
        };
        let units = match seat.site {
            Site::Asking => vec![asking.clone()],
            Site::Own => at(&site.code),
            Site::Hq => tree.units().filter(|u| u.kind == UnitKind::Hq).flat_map(|u| at(&u.code)).collect(),
        };
        Ok(Chair { slot, role: seat.role, units })
    }

    /// The unit at which a person fills this chair, if they do.
    pub fn seated(&self, staff: &Staff, login: &Login) -> Option<&UnitCode> {
        self.units.iter().find(|unit| staff.holds(login, self.role, unit))
    }

    /// Active people who could fill it.
    pub fn holders<'a>(&'a self, staff: &'a Staff) -> impl Iterator<Item = &'a Login> {
        staff.people().filter(|p| !p.suspended && self.seated(staff, &p.login).is_some()).map(|p| &p.login)
    }
}
