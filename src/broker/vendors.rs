//! The vendor registry: who may be sent to at all (A9a).

use super::{Broker, Error, Refusal};
use crate::access::Caller;
use crate::audit::event::{Action, Event};
use crate::model::ids::{Digest, Fingerprint, VendorCode};
use crate::model::vendor::Vendor;
use crate::policy::Act;
use crate::release::container::Recipient;
use crate::store::vendors::VendorRow;

impl Broker {
    /// Registers a vendor, or changes one. Another key voids what was signed for the old one.
    ///
    /// # Errors
    /// The file's faults, `bad_vendor_key`, or the caller may not.
    pub async fn vendor_add(&self, caller: &Caller, text: &str) -> Result<VendorRow, Error> {
        let event = Event::new(Action::VendorAdded, caller.actor());
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::VendorAdd, None)?;
            let vendor = Vendor::from_toml(text)?;
            let recipient = Recipient::parse(&vendor.key.recipient).map_err(|e| {
                Refusal::new("bad_vendor_key", "A9a (Art 9)", e.to_string())
                    .hint("ask the vendor for the line that begins with age1")
            })?;
            let row = VendorRow {
                code: vendor.code.clone(),
                name_zh: vendor.name_zh.clone(),
                name_en: vendor.name_en.clone(),
                channels: vendor.channels.clone(),
                contract_reference: vendor.contract.reference.clone(),
                contract_from: vendor.contract.days.from(),
                contract_to: vendor.contract.days.to(),
                recipient: recipient.as_str().to_owned(),
                fingerprint: Fingerprint::of(recipient.as_str().as_bytes()).to_string(),
                checked_by: vendor.key.fingerprint_checked_by.clone(),
                suspended: work.view().vendor(&vendor.code).await?.is_some_and(|v| v.suspended),
            };
            work.put_vendor(&row).await?;
            let key = Digest::of(row.recipient.as_bytes());
            work.commit(event.object(&row.code).digest("vendor_key", key)).await?;
            Ok(row)
        })
        .await
    }

    /// Suspends a vendor: from this moment nothing goes there, signed or not.
    ///
    /// # Errors
    /// `unknown_vendor`, or the caller may not.
    pub async fn vendor_suspend(&self, caller: &Caller, code: &VendorCode) -> Result<(), Error> {
        let event = Event::new(Action::VendorSuspended, caller.actor()).object(code);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::VendorSuspend, None)?;
            let vendor = work.view().vendor(code).await?.ok_or_else(|| {
                Refusal::new("unknown_vendor", "A9a (Art 9)", "there is no such vendor")
                    .hint("`vendor list` shows the codes")
            })?;
            work.put_vendor(&VendorRow { suspended: true, ..vendor }).await?;
            work.commit(event).await?;
            Ok(())
        })
        .await
    }

    /// The registry; it holds nothing personal and everyone may read it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn vendor_list(&self, _caller: &Caller) -> Result<Vec<VendorRow>, Error> {
        Ok(self.store.view().await?.vendors().await?)
    }
}
