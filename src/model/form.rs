//! The request form (A5a): what starts everything, as people write it and as it is checked.
//!
//! [`FormFile`] is the text of `docs/examples/request.toml`, [`Form`] the same thing parsed, and
//! [`Submission`] the form with everything else that a signature covers.

mod sentence;
mod submission;

use jiff::civil::Date;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::code::{Channel, Purpose};
use super::field::Field;
use super::file::read_toml;
use super::ids::{Login, UnitCode, VendorCode};
use super::iso::{Window, parse_date};
use super::phrase::phrase;
use super::refusal::{Refusal, Spot};
use super::selection::Selection;
pub use sentence::Names;
#[cfg(test)]
pub(crate) use submission::tests::example as submission_example;
pub use submission::{REQUEST_FORMAT, Submission};

/// The most rows that one request may ask for.
pub const MAX_ROWS: u32 = 10_000_000;

const RULE: &str = "A5a (Art 5)";
const CAMPAIGN: usize = 80;
const ASSESSMENT: usize = 80;
const REASON: usize = 500;

fn bad_form(what: String) -> Refusal {
    Refusal::new("bad_form", RULE, what).hint("compare with docs/examples/request.toml")
}

/// The form as it is written; TOML and JSON alike.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormFile {
    /// The unit that asks.
    pub unit: String,
    /// Why (A3c).
    pub purpose: String,
    /// The campaign's name, 1 to 80 characters.
    pub campaign: String,
    /// How members will be reached.
    pub channel: String,
    /// Which fields leave.
    pub fields: Vec<String>,
    /// Who sends (A9a).
    pub vendor: String,
    /// The planning officer who will download (A8c).
    pub receiver: String,
    /// When it is sent.
    pub window: WindowFile,
    /// The day by which the vendor has destroyed it.
    pub destroy_by: String,
    /// The most rows that may leave, 1 to 10,000,000.
    pub row_limit: i64,
    /// Reference of the impact assessment, 1 to 80 characters.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub impact_assessment: Option<String>,
    /// What for, in a sentence, 1 to 500 characters.
    pub reason: String,
    /// Who is asked for; left out for everyone.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub selection: Option<serde_json::Value>,
}

/// A key that is there has a value: a selection that came out as `null` somewhere is not everyone.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Option::<T>::deserialize(from)?.map(Some).ok_or_else(|| D::Error::custom("null"))
}

/// A span of days as it is written.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowFile {
    /// First day, `2026-12-20`.
    pub from: String,
    /// Last day.
    pub to: String,
}

/// A form whose every value is what it should be. Whether it may be asked is not said here: that
/// takes the policy, the unit, the vendor and the day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "FormFile", into = "FormFile")]
pub struct Form {
    unit: UnitCode,
    purpose: Purpose,
    campaign: String,
    channel: Channel,
    fields: Vec<Field>,
    vendor: VendorCode,
    receiver: Login,
    window: Window,
    destroy_by: Date,
    row_limit: u32,
    impact_assessment: Option<String>,
    reason: String,
    selection: Selection,
}

impl Form {
    /// Reads a form as people and programs write it: the TOML that `request draft` takes, or the same as
    /// JSON, which begins with a brace.
    ///
    /// # Errors
    /// A [`Refusal`] that names the line or the key.
    pub fn from_text(text: &str) -> Result<Form, Refusal> {
        if text.trim_start().starts_with('{') {
            // Only where it went wrong: serde's own words repeat what stood there.
            let wrong = |e: serde_json::Error| {
                bad_form(format!("line {}, column {}", e.line(), e.column())).at(Spot::Line(e.line()))
            };
            return Form::parse(serde_json::from_str(text).map_err(wrong)?);
        }
        Form::parse(read_toml(text).map_err(|e| bad_form(e.to_string()).at(Spot::Line(e.line)))?)
    }

    /// Checks a form that was read.
    ///
    /// # Errors
    /// A [`Refusal`] that names the key: `unknown_purpose` (A3c), `contact_in_selection` (A7b),
    /// `bad_selection` and `bad_form` (A5a). It repeats no value.
    pub fn parse(file: FormFile) -> Result<Form, Refusal> {
        let window = parse_window(&file.window)?;
        Ok(Form {
            unit: at("unit", UnitCode::parse(&file.unit))?,
            purpose: parse_purpose(&file.purpose)?,
            campaign: at("campaign", phrase(&file.campaign, CAMPAIGN))?,
            channel: at("channel", Channel::parse(&file.channel))?,
            fields: parse_fields(&file.fields)?,
            vendor: at("vendor", VendorCode::parse(&file.vendor))?,
            receiver: at("receiver", Login::parse(&file.receiver))?,
            window,
            destroy_by: parse_destroy_by(&file.destroy_by, window)?,
            row_limit: parse_row_limit(file.row_limit)?,
            impact_assessment: file
                .impact_assessment
                .map(|text| at("impact_assessment", phrase(&text, ASSESSMENT)))
                .transpose()?,
            reason: at("reason", phrase(&file.reason, REASON))?,
            selection: match &file.selection {
                None => Selection::everyone(),
                Some(value) => Selection::from_value(value)?,
            },
        })
    }

    /// The unit that asks.
    pub const fn unit(&self) -> &UnitCode {
        &self.unit
    }

    /// Why.
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The campaign's name.
    pub fn campaign(&self) -> &str {
        &self.campaign
    }

    /// How members will be reached.
    pub const fn channel(&self) -> Channel {
        self.channel
    }

    /// Which fields leave: sorted, without repeats, at least one. Whether the channel may carry them
    /// is the policy's answer (A7).
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Who sends.
    pub const fn vendor(&self) -> &VendorCode {
        &self.vendor
    }

    /// Who downloads.
    pub const fn receiver(&self) -> &Login {
        &self.receiver
    }

    /// When it is sent.
    pub const fn window(&self) -> Window {
        self.window
    }

    /// The day by which the vendor has destroyed it; not before the window's last day.
    pub const fn destroy_by(&self) -> Date {
        self.destroy_by
    }

    /// The most rows that may leave.
    pub const fn row_limit(&self) -> u32 {
        self.row_limit
    }

    /// Reference of the impact assessment.
    pub fn impact_assessment(&self) -> Option<&str> {
        self.impact_assessment.as_deref()
    }

    /// What for.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Who is asked for.
    pub const fn selection(&self) -> &Selection {
        &self.selection
    }
}

impl TryFrom<FormFile> for Form {
    type Error = Refusal;

    fn try_from(file: FormFile) -> Result<Form, Refusal> {
        Form::parse(file)
    }
}

impl From<Form> for FormFile {
    fn from(form: Form) -> FormFile {
        FormFile {
            unit: form.unit.to_string(),
            purpose: form.purpose.to_string(),
            campaign: form.campaign,
            channel: form.channel.to_string(),
            fields: form.fields.iter().map(Field::to_string).collect(),
            vendor: form.vendor.to_string(),
            receiver: form.receiver.to_string(),
            window: WindowFile { from: form.window.from().to_string(), to: form.window.to().to_string() },
            destroy_by: form.destroy_by.to_string(),
            row_limit: form.row_limit.into(),
            impact_assessment: form.impact_assessment,
            reason: form.reason,
            // Said even for everyone, so that a signed form never leaves it open. A checked
            // selection always has a JSON value; an empty group, which nobody may ask for, stands in
            // for the error that cannot come.
            selection: Some(serde_json::to_value(form.selection).unwrap_or_else(|_| serde_json::json!({}))),
        }
    }
}

fn bad(key: &str, what: impl std::fmt::Display) -> Refusal {
    Refusal::new("bad_form", RULE, format!("{key}: {what}"))
        .hint(format!("correct {key} in the form"))
        .at(Spot::Key(key.into()))
}

fn at<T, E: std::fmt::Display>(key: &str, parsed: Result<T, E>) -> Result<T, Refusal> {
    parsed.map_err(|err| bad(key, err))
}

fn parse_purpose(text: &str) -> Result<Purpose, Refusal> {
    Purpose::parse(text).map_err(|err| {
        Refusal::new("unknown_purpose", "A3c (Art 3)", format!("purpose: {err}"))
            .hint("personal data is used for the purposes that members agreed to, and no other")
    })
}

fn parse_fields(texts: &[String]) -> Result<Vec<Field>, Refusal> {
    let mut fields = Vec::with_capacity(texts.len());
    for (i, text) in texts.iter().enumerate() {
        fields.push(at(&format!("fields[{i}]"), Field::parse(text))?);
    }
    fields.sort_unstable();
    fields.dedup();
    if fields.is_empty() { Err(bad("fields", "is empty")) } else { Ok(fields) }
}

fn parse_window(file: &WindowFile) -> Result<Window, Refusal> {
    let from = at("window.from", parse_date(&file.from))?;
    let to = at("window.to", parse_date(&file.to))?;
    Window::new(from, to).ok_or_else(|| bad("window", "from is after to"))
}

fn parse_destroy_by(text: &str, window: Window) -> Result<Date, Refusal> {
    let day = at("destroy_by", parse_date(text))?;
    if day < window.to() { Err(bad("destroy_by", "is before window.to")) } else { Ok(day) }
}

fn parse_row_limit(rows: i64) -> Result<u32, Refusal> {
    u32::try_from(rows)
        .ok()
        .filter(|rows| (1..=MAX_ROWS).contains(rows))
        .ok_or_else(|| bad("row_limit", format_args!("must be 1 to {MAX_ROWS}")))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const EXAMPLE: &str = r#"
unit = "HQ-MKT"
purpose = "promotion"
campaign = "2026 新年满减"
channel = "sms"
fields = ["mobile"]
vendor = "SMS1"
receiver = "zhao.min"
window = { from = "2026-12-20", to = "2027-01-05" }
destroy_by = "2027-01-20"
row_limit = 500000
impact_assessment = "PIA-2026-07"
reason = "新年活动告知"

[[selection.all]]
attribute = "tier"
in = ["gold", "platinum"]
[[selection.all]]
any = [ { attribute = "home_store", in = ["S001", "S002"] }, { attribute = "spend_total", at_least = "1000.00" } ]
[[selection.all]]
attribute = "last_visit_on"
from = "2025-01-01"
"#;

    /// What came out empty in some program is not what was left out.
    #[test]
    fn a_key_without_a_value_is_none() {
        let mut form = serde_json::to_value(Form::from_text(EXAMPLE).unwrap()).unwrap();
        for key in ["selection", "impact_assessment"] {
            let kept = std::mem::take(&mut form[key]);
            assert_eq!(Form::from_text(&form.to_string()).unwrap_err().code, "bad_form", "{key}");
            form[key] = kept;
        }
        assert!(Form::from_text(&form.to_string()).is_ok());
    }

    fn refused(from: &str, to: &str) -> Refusal {
        assert!(EXAMPLE.contains(from), "{from}");
        Form::from_text(&EXAMPLE.replacen(from, to, 1)).unwrap_err()
    }

    #[test]
    fn the_example_is_a_form() {
        let form = Form::from_text(EXAMPLE).unwrap();
        assert_eq!((form.unit().as_str(), form.row_limit()), ("HQ-MKT", 500_000));
        assert_eq!(form.fields(), [Field::Mobile]);
        assert!(!form.selection().is_everyone());
        assert!(form.window().holds(parse_date("2027-01-05").unwrap()));
    }

    #[test]
    fn without_selection_it_asks_everyone() {
        let text = EXAMPLE.split("[[selection").next().unwrap();
        assert!(Form::from_text(text).unwrap().selection().is_everyone());
    }

    #[test]
    fn a_form_reads_back_from_json_and_toml() {
        let form = Form::from_text(EXAMPLE).unwrap();
        let json = serde_json::to_string(&form).unwrap();
        assert_eq!(serde_json::from_str::<Form>(&json).unwrap(), form);
        assert_eq!(Form::from_text(&toml::to_string(&form).unwrap()).unwrap(), form);
    }

    #[test]
    fn fields_are_a_set() {
        let text = EXAMPLE.replace("[\"mobile\"]", "[\"postcode\", \"name\", \"postcode\"]");
        assert_eq!(Form::from_text(&text).unwrap().fields(), [Field::Name, Field::Postcode]);
    }

    #[test]
    fn a_purpose_that_nobody_agreed_to_cannot_be_said() {
        let refusal = refused("\"promotion\"", "\"analytics\"");
        assert_eq!((refusal.code, refusal.rule), ("unknown_purpose", "A3c (Art 3)"));
    }

    #[test]
    fn a_contact_field_in_the_selection_keeps_its_own_rule() {
        assert_eq!(refused("\"last_visit_on\"", "\"address\"").code, "contact_in_selection");
    }

    #[test]
    fn each_fault_names_its_key() {
        for (from, to, starts) in [
            ("\"HQ-MKT\"", "\"hq\"", "unit: "),
            ("2026 新年满减", "  ", "campaign: is empty"),
            ("\"sms\"", "\"fax\"", "channel: "),
            ("[\"mobile\"]", "[]", "fields: is empty"),
            ("[\"mobile\"]", "[\"mobile\", \"shoe\"]", "fields[1]: "),
            ("\"SMS1\"", "\"\"", "vendor: "),
            ("\"zhao.min\"", "\"赵敏\"", "receiver: "),
            ("2026-12-20", "2026-12-32", "window.from: "),
            ("2026-12-20", "2027-01-06", "window: from is after to"),
            ("\"2027-01-20\"", "\"2027-01-04\"", "destroy_by: is before window.to"),
            ("500000", "0", "row_limit: "),
            ("500000", "10000001", "row_limit: "),
            ("PIA-2026-07", "", "impact_assessment: is empty"),
            ("新年活动告知", "a\\nb", "reason: holds a control"),
            ("\"HQ-MKT\"", "5", "line 2: invalid type"),
        ] {
            let refusal = refused(from, to);
            assert!(refusal.message.starts_with(starts), "{to} gave {refusal}");
            assert_eq!((refusal.code, refusal.rule), ("bad_form", RULE));
        }
        assert!(refused("unit = ", "unti = ").message.contains("unti"));
        assert!(refused("vendor = \"SMS1\"", "").message.contains("vendor"));
    }
}
