//! The third arrow: member by member, at this moment. Consent is checked here and nowhere else.
//!
//! A selected member is counted once, under the first reason that applies, in the order of
//! [`Exclusion`] (contract, Counting). The same walk gives the preview's numbers and the package's members.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::civil::Date;

use crate::clock::{Micros, day_number};
use crate::keyring::Tag;
use crate::model::code::{Exclusion, Purpose, UnitKind};
use crate::model::field::{Field, Index};
use crate::model::form::Form;
use crate::model::ids::{Digest, UnitCode};
use crate::model::ordinals::OrdinalSet;
use crate::policy::{ChannelRule, Policy, StoreScope, UnknownAge};
use crate::store::View;
use crate::store::chunks::{AGE, Chunks, State, consent_kind};
use crate::store::packages::FactKind;
use crate::store::selecting::Selected;

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

    /// Walks every selected member.
    ///
    /// # Errors
    /// The database failed, or a chunk is not what was stored.
    pub async fn walk(
        view: &mut View<'_>,
        staff: &Staff,
        policy: &Policy,
        form: &Form,
        today: Date,
    ) -> Result<Self, Error> {
        let rule = policy.channel(form.purpose(), form.channel())?;
        let gate = Gate::load(view, policy, form, rule, today).await?;
        let stores = scope(staff, policy, form.unit());
        let mut fall = Waterfall {
            selected: 0,
            excluded: BTreeMap::new(),
            members: OrdinalSet::new(),
            groups: Vec::new(),
        };
        let with_tags = !gate.suppressed.is_empty();
        view.each_selected(form.selection(), stores.as_deref(), with_tags, |member| {
            fall.selected += 1;
            match gate.exclusion(&member) {
                Some(reason) => *fall.excluded.entry(reason).or_default() += 1,
                None => {
                    fall.members.insert(member.ordinal as u64);
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

/// Whose members a unit may select: a store's own, unless the policy says the group's.
fn scope(staff: &Staff, policy: &Policy, unit: &UnitCode) -> Option<Vec<String>> {
    let site = staff.tree().site_of(unit)?;
    let own = site.kind == UnitKind::Store && policy.switches().store_scope == StoreScope::Own;
    own.then(|| vec![site.code.as_str().to_owned()])
}

/// All that decides about one member, loaded once.
struct Gate<'p> {
    policy: &'p Policy,
    purpose: Purpose,
    today: Date,
    states: Chunks,
    ages: Chunks,
    /// Members of a shared contact point that one of its holders refuses.
    refused_contact: HashSet<i64>,
    shared: Vec<Vec<i64>>,
    index: Index,
    suppressed: HashSet<Tag>,
    needed: i64,
    reached: Option<(HashMap<u64, u32>, u32)>,
}

impl<'p> Gate<'p> {
    async fn load(
        view: &mut View<'_>,
        policy: &'p Policy,
        form: &Form,
        rule: &ChannelRule,
        today: Date,
    ) -> Result<Self, Error> {
        let states = view.chunks(&consent_kind(form.purpose(), form.channel(), rule.recipient_class)).await?;
        let index = rule.contact_point;
        let shared = view.shared_contacts(index).await?;
        let refused_contact = shared
            .iter()
            .filter(|group| group.iter().any(|o| states.state(*o).is_refusal()))
            .flatten()
            .copied()
            .collect();
        Ok(Gate {
            policy,
            purpose: form.purpose(),
            today,
            ages: view.chunks(AGE).await?,
            refused_contact,
            shared,
            index,
            suppressed: view.suppressed(index).await?,
            needed: rule.columns.iter().map(|c| c.field.bit()).fold(0, |a, b| a | b),
            reached: reached(view, policy, today).await?,
            states,
        })
    }

    /// The first reason that applies, in the order of the contract.
    fn exclusion(&self, m: &Selected) -> Option<Exclusion> {
        let switches = self.policy.switches();
        if !m.active {
            return Some(Exclusion::NotActive);
        }
        if !m.covenant {
            return Some(Exclusion::NoCovenant);
        }
        match self.ages.is_under(m.ordinal, switches.minor_age, self.today) {
            Some(true) => return Some(Exclusion::Minor),
            None if switches.unknown_age == UnknownAge::Exclude => return Some(Exclusion::Minor),
            _ => {}
        }
        let state = self.states.state(m.ordinal);
        if let Some(reason) = self.consent(state, m) {
            return Some(reason);
        }
        if self.refused_contact.contains(&m.ordinal) {
            return Some(Exclusion::Withdrawn);
        }
        if m.tags.iter().any(|t| t.index == self.index && self.suppressed.contains(&t.suppression)) {
            return Some(Exclusion::Suppressed);
        }
        if m.present & self.needed != self.needed {
            return Some(Exclusion::NoContact);
        }
        // Verification of contact points is not recorded yet (B14), so with the switch on none passes.
        if switches.only_verified_contacts {
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
            (Purpose::Service, State::None) => None,
            (Purpose::Promotion, State::None)
                if m.legacy && self.policy.switches().legacy_covenant_counts =>
            {
                None
            }
            (_, State::None | State::Refused) => Some(Exclusion::NoConsent),
        }
    }
}

/// How often each member was in a package lately; only when the policy caps it.
async fn reached(
    view: &mut View<'_>,
    policy: &Policy,
    today: Date,
) -> Result<Option<(HashMap<u64, u32>, u32)>, Error> {
    let Some(cap) = policy.switches().contact_cap else { return Ok(None) };
    let since = (day_number(today) - i64::from(cap.days)) * 86_400_000_000;
    let mut counts = HashMap::new();
    for package in view.packages().await? {
        let facts = view.package_facts(&package.no).await?;
        let sealed = facts.iter().any(|f| f.kind == FactKind::Sealed && f.at >= since as Micros);
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
    /// ever taken out.
    ///
    /// # Errors
    /// Nobody is left, or more than the form's row limit.
    pub async fn consented(
        self,
        view: &mut View<'_>,
        among: Option<&OrdinalSet>,
    ) -> Result<Consented, Error> {
        let asked = self.asked();
        let mut fall =
            Waterfall::walk(view, asked.staff(), asked.policy(), asked.form(), asked.today).await?;
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
            let refusal = crate::model::refusal::Refusal::new(
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
