//! Which members a request asks for: AND/OR groups over attributes (requirements, decision 4: traits
//! select, contacts leave).
//!
//! As TOML and as JSON alike:
//!
//! ```text
//! node  := { all = [node, …] } | { any = [node, …] } | test
//! test  := { attribute = "tier", in = ["gold"] }
//!        | { attribute = "joined_on", from = "2025-01-01", to = "2025-12-31" }
//!        | { attribute = "spend_total", at_least = "1000.00", at_most = "5000.00" }
//! ```
//!
//! Everyone is the word `"everyone"`: a signed form says it, and an empty group by a slip does not.

mod parse;
mod sentence;

use jiff::civil::Date;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::code::{CardType, Tier, codes};
use super::ids::UnitCode;
pub use parse::{Fault, SelectionError};

/// Groups may nest this deep; the outermost group counts as one.
pub const MAX_DEPTH: usize = 8;

/// Tests in one selection.
pub const MAX_TESTS: usize = 100;

/// Values in one `in` list.
pub const MAX_VALUES: usize = 1000;

codes! {
    /// What may be asked of a member: attributes that stand in clear, never a personal field.
    Attribute, "attribute" {
        /// Membership tier; `in`.
        Tier = "tier",
        /// The store that keeps the member; `in`, unit codes.
        HomeStore = "home_store",
        /// Kind of card; `in`.
        CardType = "card_type",
        /// Day of joining; `from`, `to`.
        JoinedOn = "joined_on",
        /// Day of the last visit; `from`, `to`.
        LastVisitOn = "last_visit_on",
        /// Spend to date; `at_least`, `at_most`.
        SpendTotal = "spend_total",
        /// Month of birth; `in`, 1 to 12.
        BirthMonth = "birth_month",
    }
}

/// A checked selection: groups are not empty, depth and number of tests are bounded, each test fits
/// its attribute, lists are sorted and without repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection(Option<Node>);

/// A group or a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// Every one must hold.
    All(Vec<Node>),
    /// One must hold.
    Any(Vec<Node>),
    /// One question about one attribute.
    Test(Test),
}

/// One question. A member without the attribute never passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// Tier is one of these.
    Tier(Vec<Tier>),
    /// Home store is one of these.
    HomeStore(Vec<UnitCode>),
    /// Card type is one of these.
    CardType(Vec<CardType>),
    /// Joined in these days.
    JoinedOn(Between<Date>),
    /// Last visited in these days.
    LastVisitOn(Between<Date>),
    /// Spent this much to date, in cents.
    SpendTotal(Between<i64>),
    /// Born in one of these months, 1 to 12.
    BirthMonth(Vec<u8>),
}

/// Bounds, both inclusive; at least one is there, and the low one is not above the high one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Between<T> {
    /// Not below this.
    pub low: Option<T>,
    /// Not above this.
    pub high: Option<T>,
}

impl Selection {
    /// Every member.
    pub const fn everyone() -> Selection {
        Selection(None)
    }

    /// Checks a tree that a program has built, and sorts its lists.
    ///
    /// # Errors
    /// [`SelectionError`] as for a parsed one.
    pub fn new(node: Node) -> Result<Selection, SelectionError> {
        // One door: what was built is checked by the rules for what was written.
        Selection::from_value(&serde_json::to_value(node).unwrap_or(Value::Null))
    }

    /// Reads the tree from JSON, or from TOML read into a JSON value.
    ///
    /// # Errors
    /// [`SelectionError`], which names the place: `selection.all[1].any[0]`.
    pub fn from_value(value: &Value) -> Result<Selection, SelectionError> {
        parse::selection(value)
    }

    /// The outermost group or test; nothing for everyone.
    pub const fn root(&self) -> Option<&Node> {
        self.0.as_ref()
    }

    /// Whether no member is left out.
    pub const fn is_everyone(&self) -> bool {
        self.0.is_none()
    }

    /// The units that the selection names: they must be stores that exist.
    pub fn stores(&self) -> Vec<&UnitCode> {
        let mut found = Vec::new();
        if let Some(node) = &self.0 {
            node.each_test(&mut |test| {
                if let Test::HomeStore(codes) = test {
                    found.extend(codes);
                }
            });
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Node {
    fn each_test<'a>(&'a self, visit: &mut impl FnMut(&'a Test)) {
        match self {
            Node::All(nodes) | Node::Any(nodes) => nodes.iter().for_each(|node| node.each_test(visit)),
            Node::Test(test) => visit(test),
        }
    }
}

impl Test {
    /// The attribute it asks about.
    pub const fn attribute(&self) -> Attribute {
        match self {
            Test::Tier(_) => Attribute::Tier,
            Test::HomeStore(_) => Attribute::HomeStore,
            Test::CardType(_) => Attribute::CardType,
            Test::JoinedOn(_) => Attribute::JoinedOn,
            Test::LastVisitOn(_) => Attribute::LastVisitOn,
            Test::SpendTotal(_) => Attribute::SpendTotal,
            Test::BirthMonth(_) => Attribute::BirthMonth,
        }
    }
}

/// Cents as people write money: `1000.00`.
pub(super) fn money(cents: i64) -> String {
    // Amounts in a selection are never negative.
    format!("{}.{:02}", cents / 100, cents % 100)
}

impl Serialize for Selection {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            None => s.serialize_str(parse::EVERYONE),
            Some(node) => node.serialize(s),
        }
    }
}

impl<'de> Deserialize<'de> for Selection {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(d)?;
        Selection::from_value(&value).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(None)?;
        match self {
            Node::All(nodes) => map.serialize_entry("all", nodes)?,
            Node::Any(nodes) => map.serialize_entry("any", nodes)?,
            Node::Test(test) => test.entries(&mut map)?,
        }
        map.end()
    }
}

impl Test {
    fn entries<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("attribute", &self.attribute())?;
        match self {
            Test::Tier(tiers) => map.serialize_entry("in", tiers),
            Test::HomeStore(stores) => map.serialize_entry("in", stores),
            Test::CardType(types) => map.serialize_entry("in", types),
            Test::BirthMonth(months) => map.serialize_entry("in", months),
            Test::JoinedOn(days) | Test::LastVisitOn(days) => {
                bounds(map, ["from", "to"], days, ToString::to_string)
            }
            Test::SpendTotal(cents) => bounds(map, ["at_least", "at_most"], cents, |c| money(*c)),
        }
    }
}

fn bounds<M: SerializeMap, T>(
    map: &mut M,
    keys: [&str; 2],
    between: &Between<T>,
    text: impl Fn(&T) -> String,
) -> Result<(), M::Error> {
    for (key, bound) in keys.into_iter().zip([&between.low, &between.high]) {
        if let Some(bound) = bound {
            map.serialize_entry(key, &text(bound))?;
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::model::iso::parse_date;

    fn date() -> impl Strategy<Value = Date> {
        (1990i16..2030, 1i8..=12, 1i8..=28).prop_map(|(y, m, d)| jiff::civil::date(y, m, d))
    }

    fn between<T: Ord + Copy + std::fmt::Debug + 'static>(
        one: impl Strategy<Value = T>,
    ) -> impl Strategy<Value = Between<T>> {
        prop::collection::vec(one, 2).prop_flat_map(|mut two| {
            two.sort();
            let (low, high) = (Some(two[0]), Some(two[1]));
            let choices = [(low, high), (low, None), (None, high)];
            prop::sample::select(choices.to_vec()).prop_map(|(low, high)| Between { low, high })
        })
    }

    fn any_test() -> impl Strategy<Value = Test> {
        let store = "[A-Z0-9][A-Z0-9-]{0,5}".prop_map(|code| UnitCode::parse(&code).unwrap());
        prop_oneof![
            prop::sample::subsequence(Tier::ALL, 1..=4).prop_map(Test::Tier),
            prop::sample::subsequence(CardType::ALL, 1..=2).prop_map(Test::CardType),
            prop::collection::btree_set(store, 1..4).prop_map(|s| Test::HomeStore(s.into_iter().collect())),
            prop::collection::btree_set(1u8..=12, 1..4)
                .prop_map(|s| Test::BirthMonth(s.into_iter().collect())),
            between(date()).prop_map(Test::JoinedOn),
            between(date()).prop_map(Test::LastVisitOn),
            between(0i64..1_000_000_000).prop_map(Test::SpendTotal),
        ]
    }

    /// Any checked selection.
    pub(crate) fn any_selection() -> impl Strategy<Value = Selection> {
        let node = any_test().prop_map(Node::Test).prop_recursive(4, 20, 4, |inner| {
            let many = prop::collection::vec(inner, 1..4);
            prop_oneof![many.clone().prop_map(Node::All), many.prop_map(Node::Any)]
        });
        prop_oneof![
            1 => Just(Selection::everyone()),
            9 => node.prop_map(|node| Selection::new(node).unwrap()),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(selection in any_selection()) {
            let json = serde_json::to_string(&selection).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Selection>(&json).unwrap(), &selection);
            let toml = toml::Value::try_from([("selection", &selection)].into_iter().collect::<std::collections::BTreeMap<_, _>>()).unwrap();
            prop_assert_eq!(&toml["selection"].clone().try_into::<Selection>().unwrap(), &selection);
        }
    }

    #[test]
    fn the_written_shape_is_the_read_shape() {
        let node = Node::All(vec![
            Node::Test(Test::Tier(vec![Tier::Platinum, Tier::Gold, Tier::Gold])),
            Node::Any(vec![Node::Test(Test::SpendTotal(Between { low: Some(100_005), high: None }))]),
            Node::Test(Test::JoinedOn(Between { low: None, high: Some(parse_date("2025-12-31").unwrap()) })),
        ]);
        let selection = Selection::new(node).unwrap();
        assert_eq!(
            serde_json::to_value(&selection).unwrap(),
            json!({"all": [
                {"attribute": "tier", "in": ["gold", "platinum"]},
                {"any": [{"attribute": "spend_total", "at_least": "1000.05"}]},
                {"attribute": "joined_on", "to": "2025-12-31"},
            ]})
        );
        assert_eq!(serde_json::to_value(Selection::everyone()).unwrap(), json!("everyone"));
    }

    #[test]
    fn stores_are_told_once() {
        let value = json!({"any": [
            {"attribute": "home_store", "in": ["S002", "S001"]},
            {"all": [{"attribute": "home_store", "in": ["S001"]}]},
        ]});
        let selection = Selection::from_value(&value).unwrap();
        let stores: Vec<&str> = selection.stores().into_iter().map(UnitCode::as_str).collect();
        assert_eq!(stores, ["S001", "S002"]);
    }
}
