//! Vendors: the contracted processors who send (A9a). `docs/examples/vendor.toml` is the file's shape.

use jiff::civil::Date;
use serde::Deserialize;

use super::code::{Channel, codes};
use super::file::read_toml;
use super::ids::VendorCode;
use super::iso::{self, Window};
use super::lang::{Lang, NameFile};
use super::phrase::phrase;
use super::refusal::{Refusal, Spot};

const RULE: &str = "A9a (Art 9)";

codes! {
    /// How a package is closed; a vendor's key is of the same kind.
    Container, "container" {
        /// age v1 to an X25519 recipient.
        Age = "age",
    }
}

/// A vendor as contracted. Whether it is suspended is a later fact and does not stand here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vendor {
    /// Its code.
    pub code: VendorCode,
    /// Its name in Chinese.
    pub name_zh: String,
    /// Its name in English.
    pub name_en: String,
    /// The channels it is contracted for: sorted, at least one.
    pub channels: Vec<Channel>,
    /// What allows it to have a package.
    pub contract: Contract,
    /// What packages are encrypted to.
    pub key: VendorKey,
}

/// A contract's reference and its days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    /// Its number in the filing cabinet, 1 to 80 characters.
    pub reference: String,
    /// The days on which it holds, both included.
    pub days: Window,
}

/// A vendor's public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorKey {
    /// What kind.
    pub kind: Container,
    /// The recipient as the vendor gave it, `age1…`. Only its outer form is checked here; the
    /// release room reads it whole.
    pub recipient: String,
    /// How the fingerprint was compared, for example `phone`; 1 to 80 characters.
    pub fingerprint_checked_by: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VendorFile {
    code: VendorCode,
    name: NameFile,
    channels: Vec<Channel>,
    contract: ContractFile,
    key: KeyFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContractFile {
    reference: String,
    #[serde(with = "iso::date")]
    from: Date,
    #[serde(with = "iso::date")]
    to: Date,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    kind: Container,
    recipient: String,
    fingerprint_checked_by: String,
}

impl Vendor {
    /// Reads the TOML that `vendor add` takes.
    ///
    /// # Errors
    /// A [`Refusal`] `bad_vendor` (A9a) that names the line or the key.
    pub fn from_toml(text: &str) -> Result<Vendor, Refusal> {
        let file: VendorFile = read_toml(text).map_err(|err| {
            Refusal::new("bad_vendor", RULE, err.to_string())
                .hint("compare with docs/examples/vendor.toml")
                .at(Spot::Line(err.line))
        })?;
        let (name_zh, name_en) = file.name.checked().map_err(|(key, err)| bad(key, err))?;
        let mut channels = file.channels;
        channels.sort_unstable();
        channels.dedup();
        if channels.is_empty() {
            return Err(bad("channels", "is empty"));
        }
        Ok(Vendor {
            code: file.code,
            name_zh,
            name_en,
            channels,
            contract: file.contract.checked()?,
            key: file.key.checked()?,
        })
    }

    /// Its name.
    pub fn name(&self, lang: Lang) -> &str {
        lang.pick(&self.name_zh, &self.name_en)
    }

    /// Whether it is contracted for a channel.
    pub fn carries(&self, channel: Channel) -> bool {
        self.channels.contains(&channel)
    }
}

impl ContractFile {
    fn checked(self) -> Result<Contract, Refusal> {
        let reference = phrase(&self.reference, 80).map_err(|err| bad("contract.reference", err))?;
        let days = Window::new(self.from, self.to).ok_or_else(|| bad("contract", "from is after to"))?;
        Ok(Contract { reference, days })
    }
}

impl KeyFile {
    fn checked(self) -> Result<VendorKey, Refusal> {
        let fingerprint_checked_by =
            phrase(&self.fingerprint_checked_by, 80).map_err(|err| bad("key.fingerprint_checked_by", err))?;
        // An age identity begins with AGE-SECRET-KEY-1: pasted here by mistake, it must not be kept.
        let lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let looks_right = self.recipient.strip_prefix("age1").is_some_and(|rest| !rest.is_empty());
        if !looks_right || self.recipient.len() > 4096 || !self.recipient.bytes().all(lower) {
            return Err(bad("key.recipient", "is not an age recipient, age1..."));
        }
        Ok(VendorKey { kind: self.kind, recipient: self.recipient, fingerprint_checked_by })
    }
}

fn bad(key: &str, what: impl std::fmt::Display) -> Refusal {
    Refusal::new("bad_vendor", RULE, format!("{key}: {what}"))
        .hint(format!("correct {key} in the file"))
        .at(Spot::Key(key.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::iso::parse_date;

    const EXAMPLE: &str = r#"
code = "SMS1"
name = { zh = "某短信公司", en = "An SMS company" }
channels = ["sms"]
contract = { reference = "HT-2026-018", from = "2026-01-01", to = "2027-12-31" }
key = { kind = "age", recipient = "age1qqq", fingerprint_checked_by = "phone" }
"#;

    #[test]
    fn the_example_is_a_vendor_within_its_contract() {
        let vendor = Vendor::from_toml(EXAMPLE).unwrap();
        assert!(vendor.carries(Channel::Sms) && !vendor.carries(Channel::Post));
        for (day, active) in
            [("2025-12-31", false), ("2026-01-01", true), ("2027-12-31", true), ("2028-01-01", false)]
        {
            assert_eq!(vendor.contract.days.holds(parse_date(day).unwrap()), active, "{day}");
        }
        assert_eq!(vendor.name(Lang::En), "An SMS company");
    }

    #[test]
    fn each_fault_names_its_place() {
        for (from, to, starts) in [
            ("\"SMS1\"", "\"sms\"", "line 2: "),
            ("某短信公司", "", "name.zh: is empty"),
            ("[\"sms\"]", "[]", "channels: is empty"),
            ("[\"sms\"]", "[\"fax\"]", "line 4: "),
            ("2026-01-01", "2028-01-01", "contract: from is after to"),
            ("HT-2026-018", " ", "contract.reference: is empty"),
            ("age1qqq", "age1…", "key.recipient: "),
            ("age1qqq", "AGE-SECRET-KEY-1QQQ", "key.recipient: "),
            ("\"age\"", "\"gpg\"", "line 6: "),
            ("phone", "", "key.fingerprint_checked_by: "),
            ("code =", "colour = 1\ncode =", "line 2: "),
        ] {
            let refusal = Vendor::from_toml(&EXAMPLE.replacen(from, to, 1)).unwrap_err();
            assert!(refusal.message.starts_with(starts), "{to} gave {refusal}");
            assert!(!refusal.message.contains("QQQ"));
        }
    }
}
