//! What a package looks like, by purpose and channel (`policies/channels.toml`; A3a, A7a–c, A8a).

use std::collections::BTreeSet;

use serde::Deserialize;
use toml::Spanned;

use crate::model::code::{Channel, Purpose, RecipientClass, codes};
use crate::model::field::{Field, Index};
use crate::model::refusal::Refusal;
use crate::policy::error::{PolicyError, Source};
use crate::policy::fields::Catalogue;
use crate::policy::files::PolicyFiles;
use crate::policy::release::{self, ReleaseFields};

codes! {
    /// How a package's file is encrypted (A8a).
    Container, "container" {
        /// age v1 to the vendor's X25519 recipient.
        Age = "age",
    }
}

/// One column of a package's file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The header row's cell: lower-case letters and underscores.
    pub header: String,
    /// Whose value stands in it.
    pub field: Field,
}

/// What a package of one purpose on one channel looks like.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelRule {
    /// Why.
    pub purpose: Purpose,
    /// How.
    pub channel: Channel,
    /// Off refuses every request.
    pub enabled: bool,
    /// To whom the members must have consented.
    pub recipient_class: RecipientClass,
    /// How the file is encrypted.
    pub container: Container,
    /// What counts as the same contact.
    pub contact_point: Index,
    /// The file's columns, in order.
    pub columns: Vec<Column>,
}

impl ChannelRule {
    /// The header row without its line end, for example `postcode,address,recipient`.
    pub fn header(&self) -> String {
        self.columns.iter().map(|c| c.header.as_str()).collect::<Vec<_>>().join(",")
    }

    fn fields(&self) -> BTreeSet<Field> {
        self.columns.iter().map(|c| c.field).collect()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    channel: Vec<Spanned<ChannelRule>>,
}

/// Every purpose and channel's rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channels(Vec<ChannelRule>);

impl Channels {
    pub(super) fn load(
        files: &PolicyFiles,
        catalogue: &Catalogue,
        release: &ReleaseFields,
    ) -> Result<Self, PolicyError> {
        let (source, file): (_, File) = Source::read(files, "channels.toml")?;
        for rule in &file.channel {
            let at = |key, expected| source.error(rule.span(), key, expected);
            check(rule.get_ref(), catalogue).map_err(|(key, expected)| at(key, expected))?;
            agrees(rule.get_ref(), release).map_err(|expected| at("columns", expected))?;
        }
        for purpose in Purpose::ALL {
            for channel in Channel::ALL {
                let mut named = file.channel.iter().filter(|r| is(r.get_ref(), *purpose, *channel));
                if named.next().is_none() {
                    let expected = format!("expected a [[channel]] for {purpose} by {channel}, is missing");
                    return Err(source.whole("channel", expected));
                }
                if let Some(second) = named.next() {
                    return Err(source.error(
                        second.span(),
                        "channel",
                        format!("expected {purpose} by {channel} once"),
                    ));
                }
            }
        }
        Ok(Channels(file.channel.into_iter().map(Spanned::into_inner).collect()))
    }

    /// The rule of an enabled purpose and channel.
    ///
    /// # Errors
    /// `channel_off` with the article that limits the channel.
    pub fn open(&self, purpose: Purpose, channel: Channel) -> Result<&ChannelRule, Refusal> {
        self.0.iter().find(|r| r.enabled && is(r, purpose, channel)).ok_or_else(|| off(purpose, channel))
    }

    /// Every rule, the disabled ones too.
    pub fn all(&self) -> &[ChannelRule] {
        &self.0
    }
}

fn is(rule: &ChannelRule, purpose: Purpose, channel: Channel) -> bool {
    rule.purpose == purpose && rule.channel == channel
}

fn off(purpose: Purpose, channel: Channel) -> Refusal {
    let message = match channel {
        Channel::Email => format!("email is not in Art 7's list of fields, and is off for {purpose}"),
        _ => format!("{channel} is off for {purpose}"),
    };
    Refusal::new("channel_off", release::rule(channel), message)
        .hint("a new version of the policy, signed by two people, can switch it on")
}

/// The fields that make up a contact point.
fn point_fields(index: Index) -> &'static [Field] {
    match index {
        Index::Card => &[Field::Card],
        Index::Mobile => &[Field::Mobile],
        Index::Email => &[Field::Email],
        Index::Post => &[Field::Name, Field::Address, Field::Postcode],
    }
}

fn check(rule: &ChannelRule, catalogue: &Catalogue) -> Result<(), (&'static str, String)> {
    let fields = rule.fields();
    let headers: BTreeSet<&str> = rule.columns.iter().map(|c| c.header.as_str()).collect();
    if rule.columns.is_empty() {
        return Err(("columns", "expected at least one column".to_owned()));
    }
    if fields.len() < rule.columns.len() || headers.len() < rule.columns.len() {
        return Err(("columns", "expected each field and each header once".to_owned()));
    }
    let plain = |h: &&str| !h.is_empty() && h.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if !headers.iter().all(plain) {
        return Err(("header", "expected lower-case letters and underscores".to_owned()));
    }
    if !point_fields(rule.contact_point).iter().all(|f| fields.contains(f)) {
        return Err(("contact_point", "expected a contact point made of the columns' fields".to_owned()));
    }
    // Duplicates and suppression are found by this index; without it they would silently go unfound.
    let single = matches!(point_fields(rule.contact_point), [field] if catalogue.index(*field).is_none());
    if rule.enabled && single {
        let expected = format!("expected index = true for {} in fields.toml", rule.contact_point);
        return Err(("contact_point", expected));
    }
    Ok(())
}

/// An enabled channel carries exactly what the release rules allow: neither file can widen the other.
fn agrees(rule: &ChannelRule, release: &ReleaseFields) -> Result<(), String> {
    let allowed = release.allowed(rule.purpose, rule.channel);
    let columns: Vec<Field> = rule.fields().into_iter().collect();
    let same = allowed.iter().copied().collect::<BTreeSet<_>>() == rule.fields();
    if !rule.enabled || same {
        return Ok(());
    }
    let allowed = if allowed.is_empty() { "nothing".to_owned() } else { release::list(allowed) };
    Err(format!(
        "expected what release_fields.csv allows {} by {} ({allowed}), are {}",
        rule.purpose,
        rule.channel,
        release::list(&columns)
    ))
}
