//! The vendor registry: who may be sent to at all (A9a).

use super::{Broker, Error, Refusal};
use crate::access::Caller;
use crate::audit::event::{Action, Event};
use crate::model::ids::{Digest, Fingerprint, Login, VendorCode};
use crate::model::vendor::Vendor;
use crate::policy::Act;
use crate::release::container::Recipient;
use crate::store::vendor_keys::VendorKeyRow;
use crate::store::vendors::VendorRow;
use crate::store::{StoreError, View, Work};

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
            let recipient = recipient_of(&vendor.key.recipient)?;
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
            register_key(&mut work, &row, caller.login()).await?;
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
        self.vendor_set(caller, code, true).await
    }

    /// Lifts a vendor's suspension.
    ///
    /// # Errors
    /// As [`Broker::vendor_suspend`].
    pub async fn vendor_resume(&self, caller: &Caller, code: &VendorCode) -> Result<(), Error> {
        self.vendor_set(caller, code, false).await
    }

    async fn vendor_set(&self, caller: &Caller, code: &VendorCode, suspended: bool) -> Result<(), Error> {
        let action = if suspended { Action::VendorSuspended } else { Action::VendorResumed };
        let event = Event::new(action, caller.actor()).object(code);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::VendorSuspend, None)?;
            let vendor = find_vendor(work.view(), code).await?;
            work.put_vendor(&VendorRow { suspended, ..vendor }).await?;
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

pub(super) async fn find_vendor(view: &mut View<'_>, code: &VendorCode) -> Result<VendorRow, Error> {
    view.vendor(code).await?.ok_or_else(|| {
        Refusal::new("unknown_vendor", "A9a (Art 9)", "there is no such vendor")
            .hint("`vendor list` shows the codes")
            .into()
    })
}

pub(super) fn recipient_of(text: &str) -> Result<Recipient, Refusal> {
    Recipient::parse(text).map_err(|e| {
        Refusal::new("bad_vendor_key", "A9a (Art 9)", e.to_string())
            .hint("ask the vendor for the line that begins with age1")
    })
}

/// The vendor's key as its present one: the row that is there, or a new one that is to be proven. A key that
/// comes back after another is proven again.
pub(super) async fn register_key(
    work: &mut Work<'_>,
    vendor: &VendorRow,
    by: &Login,
) -> Result<VendorKeyRow, StoreError> {
    let last = work.view().vendor_keys(&vendor.code).await?.pop();
    let number = last.as_ref().map_or(1, |key| key.number + 1);
    if let Some(same) = last.filter(|key| key.recipient == vendor.recipient) {
        return Ok(same);
    }
    let key = VendorKeyRow {
        code: vendor.code.clone(),
        number,
        recipient: vendor.recipient.clone(),
        fingerprint: vendor.fingerprint.clone(),
        registered_by: by.clone(),
        registered_at: work.at(),
        challenge: None,
        confirmed: None,
    };
    work.put_vendor_key(&key).await?;
    Ok(key)
}
