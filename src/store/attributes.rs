//! What stands in clear of a member, as bytes of a slot of `member_attributes`.
//!
//! ```text
//! 1 id(16) flags(1) tier(1) card_type(1) family(1) birth_month(1) present(2, LE) unsafe(2, LE)
//!   joined_on(4, LE) last_visit_on(4, LE) spend_cents(8, LE) created_at(8, LE) changed_at(8, LE)
//!   store length(1) store version length(1) version           a member
//! 2                                                           erased: the slot is never used again
//!
//! flags: bit 0 active · bit 1 legacy_covenant · bit 2 has a home store
//!        bits 4 to 7: has a tag in the index of number 1 to 4, so that a missing tag is one
//! a code is its place in its list, from 1; 0 is none · days: i32::MIN is none · cents: i64::MIN is none
//! ```

use crate::clock::{Micros, day_number};
use crate::keyring::Tag;
use crate::model::code::{CardType, CovenantFamily, Tier};
use crate::model::field::Index;
use crate::model::ids::MemberId;
use crate::model::selection::{Between, Node, Test};

/// Tags of one contact point of a member.
///
/// Stored as a slot of `member_tags`: `idx(1) index tag(16) suppression tag(16)`, repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContactTag {
    /// Which index.
    pub index: Index,
    /// Blind index tag.
    pub tag: Tag,
    /// Tag under the suppression key.
    pub suppression: Tag,
}

/// A member's clear attributes and what must be known of the sealed ones without opening them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// Home store.
    pub home_store: Option<String>,
    /// Tier.
    pub tier: Tier,
    /// Card type.
    pub card_type: CardType,
    /// Active, or pending until there is a covenant (A2).
    pub active: bool,
    /// Day number of joining.
    pub joined_on: Option<i64>,
    /// Day number of the last visit.
    pub last_visit_on: Option<i64>,
    /// Spend in cents.
    pub spend_cents: Option<i64>,
    /// Month of birth.
    pub birth_month: Option<i64>,
    /// Covenant accepted, and its version.
    pub covenant: Option<(CovenantFamily, String)>,
    /// Marked `legacy_covenant`.
    pub legacy: bool,
    /// A bit a field that has a value.
    pub present: i64,
    /// A bit a field whose value would run as a formula.
    pub unsafe_fields: i64,
    /// Tags of contact points.
    pub tags: Vec<ContactTag>,
}

const MEMBER: u8 = 1;
const GONE: u8 = 2;
const FIXED: usize = 58;

const ACTIVE: u8 = 1;
const LEGACY: u8 = 2;
const HAS_STORE: u8 = 4;
const TAGS: u8 = 0xF0;

/// The flags of the indexes that some tags are of.
fn flags_of(tags: &[ContactTag]) -> u8 {
    tags.iter().fold(0, |flags, tag| flags | 8 << tag.index.number())
}

/// What an erased member leaves in his slot.
pub(super) fn gone() -> Vec<u8> {
    vec![GONE]
}

fn text(out: &mut Vec<u8>, text: &str) -> Option<()> {
    out.push(u8::try_from(text.len()).ok()?);
    out.extend_from_slice(text.as_bytes());
    Some(())
}

fn int32(value: Option<i64>) -> Option<[u8; 4]> {
    let value = match value {
        Some(v) => i32::try_from(v).ok().filter(|v| *v != i32::MIN)?,
        None => i32::MIN,
    };
    Some(value.to_le_bytes())
}

/// A member's bytes; `None` when a value has no place in them.
pub(super) fn pack(id: MemberId, a: &Attributes, created_at: Micros, changed_at: Micros) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(80);
    out.push(MEMBER);
    out.extend_from_slice(&id.0);
    let flag = |on: bool, bit: u8| if on { bit } else { 0 };
    out.push(
        flag(a.active, ACTIVE)
            | flag(a.legacy, LEGACY)
            | flag(a.home_store.is_some(), HAS_STORE)
            | flags_of(&a.tags),
    );
    out.push(a.tier.place());
    out.push(a.card_type.place());
    out.push(a.covenant.as_ref().map_or(0, |c| c.0.place()));
    out.push(a.birth_month.map_or(Some(0), |m| u8::try_from(m).ok())?);
    out.extend_from_slice(&u16::try_from(a.present).ok()?.to_le_bytes());
    out.extend_from_slice(&u16::try_from(a.unsafe_fields).ok()?.to_le_bytes());
    out.extend_from_slice(&int32(a.joined_on)?);
    out.extend_from_slice(&int32(a.last_visit_on)?);
    out.extend_from_slice(&a.spend_cents.unwrap_or(i64::MIN).to_le_bytes());
    out.extend_from_slice(&created_at.to_le_bytes());
    out.extend_from_slice(&changed_at.to_le_bytes());
    text(&mut out, a.home_store.as_deref().unwrap_or_default())?;
    text(&mut out, a.covenant.as_ref().map_or("", |c| c.1.as_str()))?;
    Some(out)
}

/// What a slot holds.
pub(super) enum Slot<'b> {
    Member(Stored<'b>),
    Gone,
}

/// A member's bytes, read where they lie.
#[derive(Clone, Copy)]
pub(super) struct Stored<'b> {
    fixed: &'b [u8; FIXED],
    store: &'b str,
    version: &'b str,
}

/// Reads a slot; `None` when it is not of its form.
pub(super) fn read(bytes: &[u8]) -> Option<Slot<'_>> {
    if bytes == [GONE] {
        return Some(Slot::Gone);
    }
    let (fixed, rest) = bytes.split_first_chunk::<FIXED>()?;
    let split = |bytes: &'_ [u8]| -> Option<(usize, usize)> {
        let length = usize::from(*bytes.first()?);
        (bytes.len() > length).then_some((1, 1 + length))
    };
    let (from, to) = split(rest)?;
    let (store, rest) = (std::str::from_utf8(&rest[from..to]).ok()?, &rest[to..]);
    let (from, to) = split(rest)?;
    let version = std::str::from_utf8(&rest[from..to]).ok()?;
    (fixed[0] == MEMBER && rest.len() == to).then_some(Slot::Member(Stored { fixed, store, version }))
}

impl<'b> Stored<'b> {
    fn int<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut out = [0; N];
        out.copy_from_slice(&self.fixed[at..at + N]);
        out
    }

    pub(super) fn id(&self) -> MemberId {
        MemberId(self.int(1))
    }

    pub(super) fn active(&self) -> bool {
        self.fixed[17] & ACTIVE != 0
    }

    pub(super) fn legacy(&self) -> bool {
        self.fixed[17] & LEGACY != 0
    }

    /// Whether a member's tags are of just the indexes they were of when the attributes were written.
    pub(super) fn fits(&self, tags: &[ContactTag]) -> bool {
        self.fixed[17] & TAGS == flags_of(tags)
    }

    pub(super) fn home_store(&self) -> Option<&'b str> {
        (self.fixed[17] & HAS_STORE != 0).then_some(self.store)
    }

    fn tier(&self) -> Option<Tier> {
        Tier::at_place(self.fixed[18])
    }

    fn card_type(&self) -> Option<CardType> {
        CardType::at_place(self.fixed[19])
    }

    pub(super) fn has_covenant(&self) -> bool {
        self.fixed[20] != 0
    }

    fn birth_month(&self) -> Option<i64> {
        (self.fixed[21] != 0).then_some(i64::from(self.fixed[21]))
    }

    pub(super) fn present(&self) -> i64 {
        i64::from(u16::from_le_bytes(self.int(22)))
    }

    pub(super) fn unsafe_fields(&self) -> i64 {
        i64::from(u16::from_le_bytes(self.int(24)))
    }

    fn day(&self, at: usize) -> Option<i64> {
        let day = i32::from_le_bytes(self.int(at));
        (day != i32::MIN).then_some(i64::from(day))
    }

    fn spend_cents(&self) -> Option<i64> {
        let cents = i64::from_le_bytes(self.int(34));
        (cents != i64::MIN).then_some(cents)
    }

    pub(super) fn created_at(&self) -> Micros {
        i64::from_le_bytes(self.int(42))
    }

    pub(super) fn changed_at(&self) -> Micros {
        i64::from_le_bytes(self.int(50))
    }

    /// The attributes, without the tags, which lie elsewhere; `None` when a code is none.
    pub(super) fn attributes(&self) -> Option<Attributes> {
        let covenant = match self.fixed[20] {
            0 => None,
            family => Some((CovenantFamily::at_place(family)?, self.version.to_owned())),
        };
        Some(Attributes {
            home_store: self.home_store().map(str::to_owned),
            tier: self.tier()?,
            card_type: self.card_type()?,
            active: self.active(),
            joined_on: self.day(26),
            last_visit_on: self.day(30),
            spend_cents: self.spend_cents(),
            birth_month: self.birth_month(),
            covenant,
            legacy: self.legacy(),
            present: self.present(),
            unsafe_fields: self.unsafe_fields(),
            tags: Vec::new(),
        })
    }

    /// Whether a selection's test holds; a value that is not there matches none.
    pub(super) fn matches(&self, node: &Node) -> bool {
        match node {
            Node::All(nodes) => nodes.iter().all(|n| self.matches(n)),
            Node::Any(nodes) => nodes.iter().any(|n| self.matches(n)),
            Node::Test(test) => match test {
                Test::Tier(list) => self.tier().is_some_and(|t| list.contains(&t)),
                Test::HomeStore(list) => {
                    self.home_store().is_some_and(|s| list.iter().any(|u| u.as_str() == s))
                }
                Test::CardType(list) => self.card_type().is_some_and(|c| list.contains(&c)),
                Test::BirthMonth(list) => {
                    self.birth_month().is_some_and(|m| list.iter().any(|l| i64::from(*l) == m))
                }
                Test::JoinedOn(b) => within(self.day(26), b.low.map(day_number), b.high.map(day_number)),
                Test::LastVisitOn(b) => within(self.day(30), b.low.map(day_number), b.high.map(day_number)),
                Test::SpendTotal(Between { low, high }) => within(self.spend_cents(), *low, *high),
            },
        }
    }
}

fn within(value: Option<i64>, low: Option<i64>, high: Option<i64>) -> bool {
    value.is_some_and(|v| low.is_none_or(|low| v >= low) && high.is_none_or(|high| v <= high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn attributes() -> impl Strategy<Value = Attributes> {
        let day = || proptest::option::of(-20_000i64..40_000);
        let covenant = proptest::option::of((0..CovenantFamily::ALL.len(), "[a-z0-9.]{0,12}"));
        let clear =
            (proptest::option::of("[A-Z]{0,8}"), 0..Tier::ALL.len(), 0..CardType::ALL.len(), any::<bool>());
        let days = (
            day(),
            day(),
            proptest::option::of(any::<i32>().prop_map(i64::from)),
            proptest::option::of(1i64..13),
        );
        (clear, days, covenant, any::<bool>(), 0i64..65_536, 0i64..65_536).prop_map(
            |(
                (home_store, tier, card, active),
                (joined_on, last_visit_on, spend_cents, birth_month),
                covenant,
                legacy,
                present,
                unsafe_fields,
            )| Attributes {
                home_store,
                tier: Tier::ALL[tier],
                card_type: CardType::ALL[card],
                active,
                joined_on,
                last_visit_on,
                spend_cents,
                birth_month,
                covenant: covenant.map(|(f, v)| (CovenantFamily::ALL[f], v)),
                legacy,
                present,
                unsafe_fields,
                tags: Vec::new(),
            },
        )
    }

    proptest! {
        #[test]
        fn a_member_reads_back(a in attributes(), id in any::<[u8; 16]>(), created in any::<i64>(), changed in any::<i64>()) {
            let bytes = pack(MemberId(id), &a, created, changed).unwrap();
            let Some(Slot::Member(stored)) = read(&bytes) else { return Err(TestCaseError::fail("not a member")) };
            prop_assert_eq!(stored.id(), MemberId(id));
            prop_assert_eq!((stored.created_at(), stored.changed_at()), (created, changed));
            prop_assert!(stored.fits(&a.tags));
            prop_assert_eq!(stored.attributes(), Some(a));
        }

        #[test]
        fn junk_never_panics(junk in proptest::collection::vec(any::<u8>(), 0..120)) {
            if let Some(Slot::Member(stored)) = read(&junk) {
                let _ = stored.attributes();
            }
        }
    }

    #[test]
    fn an_erased_slot_is_no_member() {
        assert!(matches!(read(&gone()), Some(Slot::Gone)));
        assert!(read(&[]).is_none() && read(&[GONE, 0]).is_none());
    }
}
