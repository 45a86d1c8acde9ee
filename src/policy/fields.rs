//! The field catalogue (`policies/fields.toml`; B1, B5, A10a): what each sealed field is.

use serde::Deserialize;
use toml::Spanned;

use crate::model::code::codes;
use crate::model::field::{Field, Index};
use crate::policy::error::{PolicyError, Source};
use crate::policy::files::PolicyFiles;
use crate::policy::mask::MaskRule;

codes! {
    /// Whether a field may leave.
    FieldClass, "class" {
        /// Says who someone is; stays inside for ever.
        Identity = "identity",
        /// Reaches someone; may leave on a channel that carries it.
        Contact = "contact",
    }
}

codes! {
    /// What a field's values look like: which normaliser reads them and which masks fit.
    FieldType, "type" {
        /// A card number.
        Card = "card",
        /// A person's or an organisation's name.
        Name = "name",
        /// A mobile, eleven digits.
        Mobile = "mobile",
        /// An email address.
        Email = "email",
        /// A postal address.
        Address = "address",
        /// A postcode, six digits.
        Postcode = "postcode",
        /// A day, `YYYY-MM-DD`.
        Date = "date",
    }
}

impl FieldType {
    /// Near-unique types; the tags of any other could be counted and so guessed.
    pub const fn may_be_indexed(self) -> bool {
        matches!(self, FieldType::Card | FieldType::Mobile | FieldType::Email)
    }
}

/// What the catalogue says of one field.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldRule {
    /// Which field.
    pub name: Field,
    /// Whether it may leave.
    pub class: FieldClass,
    /// What its values look like.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// How it is shown without a reveal.
    pub mask: MaskRule,
    /// Whether it can be looked up exactly.
    pub index: bool,
    /// Days it stays after the membership ended.
    pub keep_days: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    field: Vec<Spanned<FieldRule>>,
}

/// Every field's rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue([FieldRule; Field::ALL.len()]);

impl Catalogue {
    pub(super) fn load(files: &PolicyFiles) -> Result<Self, PolicyError> {
        let (source, file): (_, File) = Source::read(files, "fields.toml")?;
        let mut rules = Vec::with_capacity(Field::ALL.len());
        for field in Field::ALL {
            let mut named = file.field.iter().filter(|rule| rule.get_ref().name == *field);
            let Some(rule) = named.next() else {
                return Err(source.whole("name", format!("expected a [[field]] for {field}, is missing")));
            };
            if let Some(second) = named.next() {
                return Err(source.error(second.span(), "name", format!("expected {field} once")));
            }
            if let Err((key, expected)) = check(rule.get_ref()) {
                return Err(source.error(rule.span(), key, format!("{field}: {expected}")));
            }
            rules.push(rule.get_ref().clone());
        }
        let rules = rules.try_into();
        rules.map(Catalogue).map_err(|_| source.whole("name", "expected every field once"))
    }

    /// A field's rule.
    pub fn rule(&self, field: Field) -> &FieldRule {
        // The rules stand in the order of `Field::ALL`, which is the order of the discriminants.
        &self.0[field as usize]
    }

    /// The index under which a field can be looked up, if it has one of its own.
    pub fn index(&self, field: Field) -> Option<Index> {
        let index = match field {
            Field::Card => Index::Card,
            Field::Mobile => Index::Mobile,
            Field::Email => Index::Email,
            _ => return None,
        };
        self.rule(field).index.then_some(index)
    }

    /// The masked form of a field's normalised value.
    pub fn mask(&self, field: Field, value: &str) -> String {
        self.rule(field).mask.apply(value)
    }
}

fn check(rule: &FieldRule) -> Result<(), (&'static str, String)> {
    let class = if rule.name.is_contact() { FieldClass::Contact } else { FieldClass::Identity };
    if rule.class != class {
        return Err((
            "class",
            format!("expected {class}; which fields may ever leave is not up to a policy"),
        ));
    }
    if !rule.mask.fits(rule.kind) {
        return Err(("mask", format!("expected {} or hidden for type {}", rule.kind, rule.kind)));
    }
    if rule.index && !rule.kind.may_be_indexed() {
        return Err(("index", "expected false; only card, mobile and email types may be indexed".to_owned()));
    }
    if rule.name == Field::Card && !rule.index {
        return Err(("index", "expected true; a member is known by the card".to_owned()));
    }
    Ok(())
}
