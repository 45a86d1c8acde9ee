//! A vendor's key: registered by one person, confirmed by a second, and only after the vendor has shown that it
//! holds the other half (A9a, four eyes).
//!
//! ```text
//! registered ──► challenged: a random phrase, age to the key ──► the vendor opens it and reads it back
//!   by one                                                        ──► confirmed, by another than who registered it
//! ```
//!
//! Of the phrase only `SHA-256(bind("countersign.vendor-phrase.v1", vault, code, number (8, LE), phrase))` is kept. It has
//! 128 random bits: whoever reads the table cannot find it, and needs no slow hash for that.

use std::io::Write as _;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::vendors::{find_vendor, recipient_of, register_key};
use super::{Broker, Error, Ground, Refusal};
use crate::access::Caller;
use crate::audit::event::{Action, Event};
use crate::clock::random;
use crate::keyring::aead::bind;
use crate::model::ids::{Digest, Fingerprint, VendorCode};
use crate::model::refusal::Spot;
use crate::policy::Act;
use crate::release::container::{AgeWriter, Recipient};
use crate::store::vendor_keys::VendorKeyRow;
use crate::store::vendors::VendorRow;
use crate::store::{StoreError, View};

/// A vendor with every key it had.
pub struct VendorShown {
    /// The vendor.
    pub vendor: VendorRow,
    /// Its keys, oldest first.
    pub keys: Vec<VendorKeyRow>,
}

impl VendorShown {
    /// Whether the present key may be used.
    pub fn proven(&self) -> bool {
        self.keys.last().is_some_and(|key| key.recipient == self.vendor.recipient && key.confirmed.is_some())
    }
}

impl Broker {
    /// A vendor with the history of its keys. Nothing personal stands in it, and everyone may read it.
    ///
    /// # Errors
    /// `unknown_vendor`.
    pub async fn vendor_show(&self, _caller: &Caller, code: &VendorCode) -> Result<VendorShown, Error> {
        let mut view = self.store.view().await?;
        let vendor = find_vendor(&mut view, code).await?;
        Ok(VendorShown { vendor, keys: view.vendor_keys(code).await? })
    }

    /// Registers another key of a vendor: from then on what was signed for the old one is void, and the new
    /// one is to be proven.
    ///
    /// # Errors
    /// `unknown_vendor`, `bad_vendor_key`, or the caller may not.
    pub async fn vendor_key_add(
        &self,
        caller: &Caller,
        code: &VendorCode,
        recipient: &str,
        checked_by: &str,
    ) -> Result<VendorRow, Error> {
        let event = Event::new(Action::VendorKeyAdded, caller.actor()).object(code);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            ground.staff.may(&ground.policy, caller, Act::VendorAdd, None)?;
            let vendor = find_vendor(work.view(), code).await?;
            let checked_by = crate::model::phrase::phrase(checked_by, 80).map_err(|e| {
                Refusal::new("bad_vendor", "A9a (Art 9)", format!("fingerprint_checked_by: {e}"))
                    .at(Spot::Key("fingerprint_checked_by".into()))
            })?;
            let recipient = recipient_of(recipient)?;
            let fingerprint = Fingerprint::of(recipient.as_str().as_bytes()).to_string();
            let vendor =
                VendorRow { recipient: recipient.as_str().to_owned(), fingerprint, checked_by, ..vendor };
            work.put_vendor(&vendor).await?;
            register_key(&mut work, &vendor, caller.login()).await?;
            let key = Digest::of(vendor.recipient.as_bytes());
            work.commit(event.digest("vendor_key", key)).await?;
            Ok(vendor)
        })
        .await
    }

    /// A fresh random phrase as an age file to the vendor's present key. A phrase that was sent before counts
    /// no more.
    ///
    /// # Errors
    /// `unknown_vendor`, `confirmed_already`, or the caller may not.
    pub async fn vendor_key_challenge(&self, caller: &Caller, code: &VendorCode) -> Result<Vec<u8>, Error> {
        let event = Event::new(Action::VendorKeyChallenged, caller.actor()).object(code);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            may_prove(&ground, caller)?;
            let vendor = find_vendor(work.view(), code).await?;
            let key = match present_key(work.view(), &vendor).await? {
                Some(key) => key,
                // Of a vendor registered before keys were proven: whoever challenges first stands for it.
                None => register_key(&mut work, &vendor, caller.login()).await?,
            };
            refuse_confirmed(&key)?;
            let phrase = new_phrase()?;
            let hash = self.phrase_hash(&key, &phrase);
            let at = work.at();
            let file = challenge_file(&vendor, &phrase)?;
            let digest = Digest::of(key.recipient.as_bytes());
            let challenge = Some((hash, caller.login().clone(), at));
            work.put_vendor_key(&VendorKeyRow { challenge, ..key }).await?;
            work.commit(event.digest("vendor_key", digest)).await?;
            Ok(file)
        })
        .await
    }

    /// Confirms a vendor's present key, as a second person, with the phrase that the vendor gave back.
    ///
    /// # Errors
    /// `no_challenge`, `wrong_phrase`, `same_person`, `confirmed_already`, or the caller may not.
    pub async fn vendor_key_confirm(
        &self,
        caller: &Caller,
        code: &VendorCode,
        phrase: &str,
    ) -> Result<VendorShown, Error> {
        let event = Event::new(Action::VendorKeyConfirmed, caller.actor()).object(code);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            may_confirm(&ground, caller)?;
            let vendor = find_vendor(work.view(), code).await?;
            let key = present_key(work.view(), &vendor).await?.ok_or_else(no_challenge)?;
            refuse_confirmed(&key)?;
            if key.registered_by == *caller.login() {
                return Err(Refusal::new(
                    "same_person",
                    "A9a (Art 9)",
                    "who registered a key cannot confirm it",
                )
                .hint("another vendor manager, or the head of member management, confirms it")
                .into());
            }
            let (hash, ..) = key.challenge.as_ref().ok_or_else(no_challenge)?;
            // What the vendor reads back is the line of the file, or what stands behind its colon.
            let phrase = phrase.trim().trim_start_matches("phrase:").trim();
            if !bool::from(self.phrase_hash(&key, phrase).0.ct_eq(&hash.0)) {
                return Err(Refusal::new(
                    "wrong_phrase",
                    "A9a (Art 9)",
                    "this is not the phrase that was sent last",
                )
                .hint("ask the vendor for the line `phrase` of the newest file, or send another")
                .into());
            }
            let digest = Digest::of(key.recipient.as_bytes());
            let confirmed = Some((caller.login().clone(), work.at()));
            work.put_vendor_key(&VendorKeyRow { confirmed, ..key }).await?;
            let keys = work.view().vendor_keys(code).await?;
            work.commit(event.digest("vendor_key", digest)).await?;
            Ok(VendorShown { vendor, keys })
        })
        .await
    }

    /// What is kept of a phrase. Spaces, hyphens and case are as people read them out.
    fn phrase_hash(&self, key: &VendorKeyRow, phrase: &str) -> Digest {
        let plain: Zeroizing<String> = Zeroizing::new(
            phrase.chars().filter(|c| c.is_ascii_alphanumeric()).collect::<String>().to_lowercase(),
        );
        let number = u64::from(key.number).to_le_bytes();
        let vault = &self.store.info().id.0;
        let label: &[u8] = b"countersign.vendor-phrase.v1";
        let bytes =
            Zeroizing::new(bind(&[label, vault, key.code.as_str().as_bytes(), &number, plain.as_bytes()]));
        Digest::of(&bytes)
    }
}

/// Registering is one right, confirming another; either may send a phrase.
fn may_prove(ground: &Ground, caller: &Caller) -> Result<(), Refusal> {
    let confirms = may_confirm(ground, caller);
    confirms.or_else(|no| ground.staff.may(&ground.policy, caller, Act::VendorAdd, None).map_err(|_| no))
}

/// A policy that was adopted before there was `vendor_confirm` does not speak of it; under such a one it is for
/// a second person who may register keys, and a vault that was moved is not left with keys nobody can confirm.
fn may_confirm(ground: &Ground, caller: &Caller) -> Result<(), Refusal> {
    let knows = ground.policy.speaks_of(Act::VendorConfirm);
    let act = if knows { Act::VendorConfirm } else { Act::VendorAdd };
    ground.staff.may(&ground.policy, caller, act, None)
}

/// The row of the key that the vendor has now.
async fn present_key(view: &mut View<'_>, vendor: &VendorRow) -> Result<Option<VendorKeyRow>, StoreError> {
    let last = view.vendor_keys(&vendor.code).await?.pop();
    Ok(last.filter(|key| key.recipient == vendor.recipient))
}

fn refuse_confirmed(key: &VendorKeyRow) -> Result<(), Refusal> {
    if key.confirmed.is_none() {
        return Ok(());
    }
    Err(Refusal::new("confirmed_already", "A9a (Art 9)", "this key is confirmed")
        .hint("nothing is left to do; a new key is registered and confirmed anew"))
}

fn no_challenge() -> Refusal {
    Refusal::new("no_challenge", "A9a (Art 9)", "no phrase was sent for this key yet")
        .hint("`vendor key challenge` writes the file to send")
}

/// 128 random bits, in groups that can be read out over the telephone.
fn new_phrase() -> Result<Zeroizing<String>, StoreError> {
    let bits: Zeroizing<[u8; 16]> = Zeroizing::new(random()?);
    let groups: Vec<String> = bits.chunks(2).map(hex::encode).collect();
    Ok(Zeroizing::new(groups.join("-")))
}

fn challenge_file(vendor: &VendorRow, phrase: &str) -> Result<Vec<u8>, Error> {
    let malformed = |_| StoreError::integrity("vendor", "its key does not parse");
    let recipient = Recipient::parse(&vendor.recipient).map_err(malformed)?;
    let text = Zeroizing::new(format!(
        "vendor: {}\nkey: {}\nphrase: {phrase}\n\n\
         请将 phrase 一行读给您的合同联系人，以证明贵公司持有此密钥。\n\
         Read the line `phrase` back to your contact of the contract: it shows that this key is yours.\n",
        vendor.code, vendor.fingerprint,
    ));
    let written = || -> std::io::Result<Vec<u8>> {
        let mut writer = AgeWriter::new(&recipient, Vec::new())?;
        writer.write_all(text.as_bytes())?;
        writer.finish()
    };
    written().map_err(|e| Error::file("the vendor's file", e))
}
