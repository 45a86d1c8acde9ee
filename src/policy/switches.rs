//! What may be decided either way (`policies/switches.toml`; A4b, B14, rulings 3, 8 and 9).

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Deserialize;
use toml::Spanned;

use crate::model::code::{Rank, Role, codes};
use crate::model::day::under;
use crate::model::lang::{Lang, Word as _, an};
use crate::model::refusal::Refusal;
use crate::policy::error::{PolicyError, Source};
use crate::policy::files::PolicyFiles;

codes! {
    /// What becomes of a member whose birthday is not known.
    UnknownAge, "unknown_age" {
        /// Not taken for a minor.
        Include = "include",
        /// Taken for a minor.
        Exclude = "exclude",
    }
}

codes! {
    /// Whose members a store's request may select.
    StoreScope, "store_scope" {
        /// The store's own.
        Own = "own",
        /// The whole group's.
        Group = "group",
    }
}

/// At most so many packages within so many days reach one contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContactCap {
    /// How many packages; zero is off.
    pub packages: u16,
    /// Within how many days.
    pub days: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    minor_age: Spanned<i16>,
    unknown_age: UnknownAge,
    legacy_covenant_counts: bool,
    only_verified_contacts: bool,
    store_scope: StoreScope,
    contact_cap: Spanned<ContactCap>,
    minimum_rank: Spanned<BTreeMap<Role, Rank>>,
}

/// The switches as the policy sets them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switches {
    /// Younger than this many full years is a minor.
    pub minor_age: i16,
    /// What an unknown birthday means.
    pub unknown_age: UnknownAge,
    /// Whether the mark `legacy_covenant` counts as a grant (ruling 3).
    pub legacy_covenant_counts: bool,
    /// Whether only verified contact points leave (B14).
    pub only_verified_contacts: bool,
    /// Whose members a store's request may select.
    pub store_scope: StoreScope,
    /// `None` when off.
    pub contact_cap: Option<ContactCap>,
    minimum_rank: BTreeMap<Role, Rank>,
}

impl Switches {
    pub(super) fn load(files: &PolicyFiles) -> Result<Self, PolicyError> {
        let (source, file): (_, File) = Source::read(files, "switches.toml")?;
        let minor_age = *file.minor_age.get_ref();
        if !(14..=18).contains(&minor_age) {
            return Err(source.error(file.minor_age.span(), "minor_age", "expected 14 to 18 (ruling 9)"));
        }
        let cap = *file.contact_cap.get_ref();
        if cap.days == 0 {
            return Err(source.error(file.contact_cap.span(), "contact_cap", "expected days of at least 1"));
        }
        let span = file.minimum_rank.span();
        let minimum_rank = file.minimum_rank.into_inner();
        if minimum_rank.get(&Role::InfoOfficer).is_none_or(|rank| *rank < Rank::Supervisor) {
            let expected = "expected info_officer = \"supervisor\" or above (A4b, Art 4)";
            return Err(source.error(span, "minimum_rank", expected));
        }
        Ok(Switches {
            minor_age,
            unknown_age: file.unknown_age,
            legacy_covenant_counts: file.legacy_covenant_counts,
            only_verified_contacts: file.only_verified_contacts,
            store_scope: file.store_scope,
            contact_cap: (cap.packages > 0).then_some(cap),
            minimum_rank,
        })
    }

    /// The lowest rank that may hold a role.
    pub fn minimum_rank(&self, role: Role) -> Rank {
        self.minimum_rank.get(&role).copied().unwrap_or(Rank::Staff)
    }

    /// Whether a person of this rank may hold the role (A4b).
    ///
    /// # Errors
    /// `rank_too_low`.
    pub fn may_hold(&self, role: Role, rank: Rank) -> Result<(), Refusal> {
        let least = self.minimum_rank(role);
        if rank >= least {
            return Ok(());
        }
        let (needs, least, has) = (an(role.word(Lang::En)), least.word(Lang::En), rank.word(Lang::En));
        let message = format!("{needs} needs the rank {least} or above, and this person is {has}");
        let hint = format!("appoint someone of rank {least} or above");
        Err(Refusal::new("rank_too_low", "A4b (Art 4)", message).hint(hint))
    }

    /// Whether a member counts as a minor on a day of the vault's zone.
    pub fn is_minor(&self, born_on: Option<Date>, on: Date) -> bool {
        match born_on {
            None => self.unknown_age == UnknownAge::Exclude,
            Some(born) => under(born, self.minor_age, on),
        }
    }
}
