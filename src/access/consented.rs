//! The third arrow: member by member, at this moment. Consent is checked here and nowhere else.
//!
//! A selected member is counted once, under the first reason that applies, in the order of
//! [`Exclusion`] (contract, Counting). The same walk gives the preview's numbers and the package's members.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::civil::Date;

use crate::clock::day_number;
use crate::keyring::Tag;
use crate::model::code::{Exclusion, Purpose, RecipientClass, UnitKind};
use crate::model::field::{Field, Index};
use crate::model::form::Form;
use crate::model::ids::{Digest, RequestNo, UnitCode};
use crate::model::ordinals::OrdinalSet;
use crate::model::refusal::Refusal;
use crate::policy::{ContactCap, Policy, StoreScope, UnknownAge};
use crate::store::chunks::{AGE, Chunks, State, consent_kind};
use crate::store::packages::FactKind;
use crate::store::selecting::{Selected, contact_mark};
use crate::store::{StoreError, View};

use super::{Error, Signed, Staff};

/// What a selection comes to.
pub struct Waterfall {
    /// Members the selection matches.
    pub selected: u64,
    /// Who is out, and why; reasons with zero are not there.
    pub excluded: BTreeMap<Exclusion, u64>,
    /// Who is in, duplicates of a contact still among them.
    pub members: OrdinalSet,
    /// Groups of members still in who share a contact point: all but one of each go as duplicates.
    pub groups: Vec<Vec<i64>>,
    /// Of those the walk was told to look `over`: what they and their contact points come to, and why
    /// some of them are out.
    pub over: Over,
}

/// What has become of the members of a package that is there already.
#[derive(Default)]
pub struct Over {
    /// The sum of the contact marks of those who are in.
    pub marks: u128,
    /// Who is out now, and why.
    pub excluded: BTreeMap<Exclusion, u64>,
}

impl Waterfall {
    /// How many rows a package would have.
    pub fn rows(&self) -> u64 {
        self.members.len() - self.duplicates()
    }

    fn duplicates(&self) -> u64 {
        self.groups.iter().map(|g| g.len() as u64 - 1).sum()
    }

    /// Exclusions with the duplicates counted.
    pub fn counted(&self) -> BTreeMap<Exclusion, u64> {
        let mut all = self.excluded.clone();
        if self.duplicates() > 0 {
            all.insert(Exclusion::Duplicate, self.duplicates());
        }
        all
    }

    /// Walks every selected member, under each of the policies: what one of them excludes is out. `over`
    /// are the members of a package that is there already.
    ///
    /// # Errors
    /// The database failed, or a chunk is not what was stored.
    pub async fn walk(
        view: &mut View<'_>,
        staff: &Staff,
        policies: &[Arc<Policy>],
        about: About<'_>,
        over: Option<&OrdinalSet>,
    ) -> Result<Self, Error> {
        let gate = Gate::load(view, policies, &about).await?;
        let stores = scope(staff, policies, about.form.unit());
        let mut fall = Waterfall {
            selected: 0,
            excluded: BTreeMap::new(),
            members: OrdinalSet::new(),
            groups: Vec::new(),
            over: Over::default(),
        };
        let with_tags = over.is_some() || !gate.suppressed.is_empty();
        view.each_selected(about.form.selection(), stores.as_deref(), with_tags, |member| {
            fall.selected += 1;
            let ordinal = member.ordinal as u64;
            let had = over.is_some_and(|set| set.contains(ordinal));
            match gate.exclusion(&member) {
                Some(reason) => {
                    *fall.excluded.entry(reason).or_default() += 1;
                    if had {
                        *fall.over.excluded.entry(reason).or_default() += 1;
                    }
                }
                None => {
                    fall.members.insert(ordinal);
                    if had && let Some(contact) = member.tags.iter().find(|t| t.index == gate.index) {
                        fall.over.marks = fall.over.marks.wrapping_add(contact_mark(ordinal, &contact.tag));
                    }
                }
            }
            Ok(())
        })
        .await?;
        for group in gate.shared {
            let still: Vec<i64> = group.into_iter().filter(|o| fall.members.contains(*o as u64)).collect();
            if still.len() > 1 {
                fall.groups.push(still);
            }
        }
        Ok(fall)
    }
}

/// What is asked about: a form, on a day. `own` is the request itself, whose package never counts against
/// its own members.
#[derive(Clone, Copy)]
pub struct About<'a> {
    /// The form.
    pub form: &'a Form,
    /// The request, once it has a number.
    pub own: &'a RequestNo,
    /// The day.
    pub today: Date,
}

/// Whose members a unit may select: a store's own, unless every policy says the group's.
pub(crate) fn scope(staff: &Staff, policies: &[Arc<Policy>], unit: &UnitCode) -> Option<Vec<String>> {
    let site = staff.tree().site_of(unit)?;
    let own = policies.iter().any(|p| p.switches().store_scope == StoreScope::Own);
    (own && site.kind == UnitKind::Store).then(|| vec![site.code.as_str().to_owned()])
}

/// All that decides about one member, loaded once. Where two policies differ, the stricter holds
/// (invariant 2: it must pass under the one it was signed under and the one in force).
struct Gate {
    purpose: Purpose,
    class: RecipientClass,
    today: Date,
    minor_age: i16,
    unknown_is_minor: bool,
    legacy_counts: bool,
    only_verified: bool,
    states: Chunks,
    ages: Chunks,
    /// Members of a shared contact point that one of its holders refuses.
    refused_contact: HashSet<i64>,
    shared: Vec<Vec<i64>>,
    index: Index,
    /// Suppressed contact points, and cards of the erased.
    suppressed: HashSet<Tag>,
    needed: i64,
    reached: Option<(HashMap<u64, u32>, u32)>,
}

impl Gate {
    async fn load(view: &mut View<'_>, policies: &[Arc<Policy>], about: &About<'_>) -> Result<Self, Error> {
        let (purpose, channel) = (about.form.purpose(), about.form.channel());
        let rules = policies.iter().map(|p| p.channel(purpose, channel)).collect::<Result<Vec<_>, _>>()?;
        let rule =
            *rules.last().ok_or_else(|| StoreError::integrity("policy_version", "none is in force"))?;
        if rules.iter().any(|r| *r != rule) {
            return Err(Refusal::new(
                "policy_changed",
                "A11 (Art 11)",
                "what this channel's packages hold was changed since it was signed",
            )
            .hint("submit the request again under the policy in force")
            .into());
        }
        let states = view.chunks(&consent_kind(purpose, channel, rule.recipient_class)).await?;
        let index = rule.contact_point;
        let shared = view.shared_contacts(index).await?;
        let refused_contact = shared
            .iter()
            .filter(|group| group.iter().any(|o| states.state(*o).is_refusal()))
            .flatten()
            .copied()
            .collect();
        let mut suppressed = view.suppressed(index).await?;
        suppressed.extend(view.suppressed(Index::Card).await?);
        let switches = || policies.iter().map(|p| p.switches());
        Ok(Gate {
            purpose,
            class: rule.recipient_class,
            today: about.today,
            minor_age: switches().map(|s| s.minor_age).max().unwrap_or(18),
            unknown_is_minor: switches().any(|s| s.unknown_age == UnknownAge::Exclude),
            legacy_counts: switches().all(|s| s.legacy_covenant_counts),
            only_verified: switches().any(|s| s.only_verified_contacts),
            ages: view.chunks(AGE).await?,
            refused_contact,
            shared,
            index,
            suppressed,
            needed: rule.columns.iter().map(|c| c.field.bit()).fold(0, |a, b| a | b),
            reached: reached(view, switches().find_map(|s| s.contact_cap), about).await?,
            states,
        })
    }

    /// The first reason that applies, in the order of the contract.
    fn exclusion(&self, m: &Selected) -> Option<Exclusion> {
        if !m.active {
            return Some(Exclusion::NotActive);
        }
        if !m.covenant {
            return Some(Exclusion::NoCovenant);
        }
        match self.ages.is_under(m.ordinal, self.minor_age, self.today) {
            Some(true) => return Some(Exclusion::Minor),
            None if self.unknown_is_minor => return Some(Exclusion::Minor),
            _ => {}
        }
        let state = self.states.state(m.ordinal);
        if let Some(reason) = self.consent(state, m) {
            return Some(reason);
        }
        if self.refused_contact.contains(&m.ordinal) {
            return Some(Exclusion::Withdrawn);
        }
        // An erased person's card counts like a contact point: a new mobile does not bring him back (E6).
        let counts = |i: Index| i == self.index || i == Index::Card;
        if m.tags.iter().any(|t| counts(t.index) && self.suppressed.contains(&t.suppression)) {
            return Some(Exclusion::Suppressed);
        }
        if m.present & self.needed != self.needed {
            return Some(Exclusion::NoContact);
        }
        // Verification of contact points is not recorded yet (B14), so with the switch on none passes.
        if self.only_verified {
            return Some(Exclusion::UnverifiedContact);
        }
        if m.unsafe_fields & self.needed != 0 {
            return Some(Exclusion::UnsafeValue);
        }
        let over = self
            .reached
            .as_ref()
            .is_some_and(|(counts, cap)| counts.get(&(m.ordinal as u64)).is_some_and(|n| n >= cap));
        over.then_some(Exclusion::ContactCap)
    }

    fn consent(&self, state: State, m: &Selected) -> Option<Exclusion> {
        match (self.purpose, state) {
            (_, State::Granted) => None,
            (_, State::Withdrawn) => Some(Exclusion::Withdrawn),
            // The covenant covers service notices until the member says no (requirements, decision 3).
            (Purpose::Service, State::None) if self.class == RecipientClass::Company => None,
            (Purpose::Promotion, State::None)
                if m.legacy && self.legacy_counts && self.class == RecipientClass::Company =>
            {
                None
            }
            (_, State::None | State::Refused) => Some(Exclusion::NoConsent),
        }
    }
}

/// How often each member was in a package lately, those of the request itself apart; only when a policy
/// caps it.
async fn reached(
    view: &mut View<'_>,
    cap: Option<ContactCap>,
    about: &About<'_>,
) -> Result<Option<(HashMap<u64, u32>, u32)>, Error> {
    let Some(cap) = cap else { return Ok(None) };
    let since = view.start_of_day(day_number(about.today) - i64::from(cap.days));
    let mut counts = HashMap::new();
    for package in view.packages().await?.iter().filter(|p| p.live && p.no.request() != about.own) {
        let facts = view.package_facts(&package.no).await?;
        let sealed = facts.iter().any(|f| f.kind == FactKind::Sealed && f.at >= since);
        if let (true, Some(set)) = (sealed, view.disclosure(&package.no).await?) {
            for ordinal in set.iter() {
                *counts.entry(ordinal).or_default() += 1;
            }
        }
    }
    Ok(Some((counts, u32::from(cap.packages))))
}

/// A whole request with the members who consent at this moment.
pub struct Consented {
    signed: Signed,
    fall: Waterfall,
}

impl Signed {
    /// The third arrow. For a package that is made again, `among` are those it had: members are only
    /// ever taken out. `over` are those of a file that is made, to see what has become of them.
    ///
    /// # Errors
    /// Nobody is left, or more than the form's row limit.
    pub async fn consented(
        self,
        view: &mut View<'_>,
        among: Option<&OrdinalSet>,
        over: Option<&OrdinalSet>,
    ) -> Result<Consented, Error> {
        let asked = self.asked();
        let about = About { form: asked.form(), own: asked.no(), today: asked.today };
        let mut fall = Waterfall::walk(view, asked.staff(), &asked.policies, about, over).await?;
        if let Some(among) = among {
            let gone = fall.members.difference(among);
            for ordinal in gone.iter() {
                fall.members.remove(ordinal);
            }
            fall.groups.iter_mut().for_each(|g| g.retain(|o| among.contains(*o as u64)));
            fall.groups.retain(|g| g.len() > 1);
        }
        let limit = u64::from(asked.form().row_limit());
        if fall.rows() > limit {
            let refusal = Refusal::new(
                "over_row_limit",
                "A5a (Art 5)",
                format!("{} rows would leave, and the form allows {limit}", fall.rows()),
            );
            return Err(refusal.hint("narrow the selection or raise the limit, and submit again").into());
        }
        Ok(Consented { signed: self, fall })
    }
}

impl Consented {
    /// What was signed.
    pub fn signed(&self) -> &Signed {
        &self.signed
    }

    /// The counts.
    pub fn waterfall(&self) -> &Waterfall {
        &self.fall
    }

    /// Who may be opened.
    pub fn members(&self) -> &OrdinalSet {
        &self.fall.members
    }

    /// Which fields leave.
    pub fn fields(&self) -> &[Field] {
        self.signed.asked().form().fields()
    }

    /// Digest of the request.
    pub fn digest(&self) -> Digest {
        self.signed.asked().digest()
    }
}
