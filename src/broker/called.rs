//! What units, people and vendors are called: their codes are for forms, their names for readers. Nothing of members.

use std::sync::Arc;

use super::{Broker, Error};
use crate::access::Staff;
use crate::model::ids::{Login, UnitCode, VendorCode};
use crate::model::lang::Lang;
use crate::store::vendors::VendorRow;

/// Names as they are now.
pub struct Called {
    staff: Arc<Staff>,
    vendors: Vec<VendorRow>,
}

impl Called {
    /// A unit's name; its code when it is not known.
    pub fn unit<'a>(&'a self, code: &'a str, lang: Lang) -> &'a str {
        let unit = UnitCode::parse(code).ok().and_then(|code| self.staff.tree().get(&code));
        unit.map_or(code, |unit| unit.name(lang))
    }

    /// A person's name; the login when nobody has it.
    pub fn person<'a>(&'a self, login: &'a str) -> &'a str {
        let person = Login::parse(login).ok().and_then(|login| self.staff.person(&login));
        person.map_or(login, |person| person.name.as_str())
    }

    /// A vendor's name; its code when it is not known.
    pub fn vendor<'a>(&'a self, code: &'a str, lang: Lang) -> &'a str {
        let code_of = VendorCode::parse(code).ok();
        let vendor = self.vendors.iter().find(|vendor| Some(&vendor.code) == code_of.as_ref());
        vendor.map_or(code, |vendor| lang.pick(&vendor.name_zh, &vendor.name_en))
    }
}

impl Broker {
    /// What units, people and vendors are called. Names of colleagues are no look at anything: they have no entry.
    ///
    /// # Errors
    /// The database failed.
    pub async fn called(&self) -> Result<Called, Error> {
        let mut view = self.store.view().await?;
        let staff = self.known_ground(&mut view).await?.staff;
        Ok(Called { staff, vendors: view.vendors().await? })
    }
}
