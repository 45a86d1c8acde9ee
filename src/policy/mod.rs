//! The policy: what the group has decided, as files that officers read and two people sign.
//!
//! Two kinds of decision are asked of casbin, each of its own enforcer: may this person do this here
//! ([`Policy::may`]), and may this channel carry these fields ([`Policy::may_carry`]). Everything else
//! is TOML: fields, channels, chains, retention, switches, the guard. `policies/` holds the files of a new vault,
//! each with its test file beside it; a vault holds the versions it was ever ruled by.
//!
//! A policy is checked whole before it is used: each file by itself, the files against each other, and
//! every permission question once. What is not said is refused, a deny beats every allow, and an error
//! is a denial. Some things no version can say: a step less than A6a's three, a rank below A4b's, a
//! field that leaves and is not a contact.

mod act;
mod acts;
mod chains;
mod channels;
mod error;
mod explain;
mod fields;
mod files;
mod gate;
mod guard;
mod mask;
mod questions;
mod release;
mod retention;
mod rules;
mod scopes;
mod switches;
mod words;
#[cfg(test)]
mod tests;

pub use act::{Act, Place};
pub use acts::Reach;
pub use chains::{Chain, Chains, Deputy, Seat, Site, Slot};
pub use channels::{ChannelRule, Channels, Column, Container};
pub use error::PolicyError;
pub use explain::{ActRow, FieldRow, RuleLine};
pub use fields::{Catalogue, FieldClass, FieldRule, FieldType};
pub use files::{FILE_NAMES, PolicyFiles};
pub use guard::{AlarmKind, Budget, Guard, Look, Span, Threshold, Whose};
pub use mask::{HIDDEN, MaskRule};
pub use questions::run_tests;
pub use retention::Retention;
pub use switches::{ContactCap, StoreScope, Switches, UnknownAge};

use crate::model::code::{Channel, Purpose, Role};
use crate::model::field::Field;
use crate::model::refusal::Refusal;

/// One checked version of the policy. It cannot be changed; a new version is a new `Policy`.
pub struct Policy {
    files: PolicyFiles,
    digest: [u8; 32],
    acts: acts::Acts,
    release: release::ReleaseFields,
    catalogue: Catalogue,
    channels: Channels,
    chains: Chains,
    retention: Retention,
    switches: Switches,
    guard: Guard,
}

impl Policy {
    /// Reads and checks the files, and asks every permission question once.
    ///
    /// # Errors
    /// The first thing wrong, with file, line and key.
    pub async fn load(files: PolicyFiles) -> Result<Policy, PolicyError> {
        let acts = acts::Acts::load(&files).await?;
        let release = release::ReleaseFields::load(&files).await?;
        let catalogue = Catalogue::load(&files)?;
        let channels = Channels::load(&files, &catalogue, &release)?;
        let chains = Chains::load(&files, &acts)?;
        let retention = Retention::load(&files)?;
        let switches = Switches::load(&files)?;
        let guard = Guard::load(&files)?;
        let digest = files.digest();
        Ok(Policy { files, digest, acts, release, catalogue, channels, chains, retention, switches, guard })
    }

    /// Whether a person who holds these roles may do the act at the place. All roles go in one question,
    /// so that a deny of one beats an allow of another. Around 100 µs: ask once a request, never a row.
    ///
    /// # Errors
    /// `not_permitted`, with the act's rule and a hint that names who may.
    pub fn may(&self, roles: &[Role], act: Act, place: Place) -> Result<(), Refusal> {
        self.acts.may(roles, act, place)
    }

    /// The roles that may do an act when held alone, and how far they reach: the role matrix for people
    /// to read (C13). A decision is [`Policy::may`]'s alone.
    pub fn permitted(&self, act: Act) -> &[(Role, Reach)] {
        self.acts.permitted(act)
    }

    /// Whether a purpose may carry exactly these fields on a channel (A7a, A7b, A7c); their order and a
    /// repeated field say nothing.
    ///
    /// # Errors
    /// `channel_off`, `field_not_allowed` (one too many) or `field_missing` (one too few), with the
    /// channel's rule.
    pub fn may_carry(&self, purpose: Purpose, channel: Channel, fields: &[Field]) -> Result<(), Refusal> {
        self.channels.open(purpose, channel)?;
        self.release.may_carry(purpose, channel, fields)
    }

    /// What a package of this purpose and channel looks like.
    ///
    /// # Errors
    /// `channel_off`.
    pub fn channel(&self, purpose: Purpose, channel: Channel) -> Result<&ChannelRule, Refusal> {
        self.channels.open(purpose, channel)
    }

    /// The masked form of a field's normalised value (A10a).
    pub fn mask(&self, field: Field, value: &str) -> String {
        self.catalogue.mask(field, value)
    }

    /// What each field is.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// What each channel's packages look like.
    pub fn channels(&self) -> &Channels {
        &self.channels
    }

    /// Who signs, executes and receives.
    pub fn chains(&self) -> &Chains {
        &self.chains
    }

    /// How long things stay.
    pub fn retention(&self) -> &Retention {
        &self.retention
    }

    /// What was decided either way.
    pub fn switches(&self) -> &Switches {
        &self.switches
    }

    /// How much one may look at.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// The files it was read from.
    pub fn files(&self) -> &PolicyFiles {
        &self.files
    }

    /// The version's name: SHA-256 of its files' bytes. It stands in every decision (A11).
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }
}
