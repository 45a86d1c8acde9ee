//! Reading a selection, with the place of whatever is wrong.

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::{Attribute, Between, MAX_DEPTH, MAX_TESTS, MAX_VALUES, Node, Selection, Test};
use crate::model::code::{CardType, Tier};
use crate::model::field::Field;
use crate::model::ids::UnitCode;
use crate::model::iso::parse_date;
use crate::model::refusal::{Refusal, Spot};

/// How everyone is written.
pub(super) const EVERYONE: &str = "everyone";

/// What is wrong in a selection, and where. Repeats none of its values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {fault}")]
pub struct SelectionError {
    /// The place, such as `selection.all[1].any[0]`.
    pub path: String,
    /// What is wrong there.
    pub fault: Fault,
}

/// What can be wrong in a selection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A personal field where an attribute belongs.
    #[error("{0} is a personal field; a request selects by attributes only")]
    Personal(Field),
    /// Not an attribute that we have.
    #[error("not a known attribute; known are: {}", attributes())]
    UnknownAttribute,
    /// A group or list that holds nothing.
    #[error("is empty; to ask for every member leave the selection out")]
    Empty,
    /// Neither a group nor a test.
    #[error("must be one of: a group `all = [...]`, a group `any = [...]`, a test with `attribute`")]
    NotANode,
    /// A key that this test does not take.
    #[error("{attribute} takes {takes} and nothing else")]
    Operator {
        /// The attribute asked about.
        attribute: Attribute,
        /// The keys that its test has.
        takes: &'static str,
    },
    /// A value of the wrong kind.
    #[error("must be {0}")]
    Value(&'static str),
    /// The low bound is above the high one.
    #[error("the lower bound is above the upper one, so it selects nobody")]
    Reversed,
    /// Groups in groups in groups.
    #[error("groups nest more than {MAX_DEPTH} deep")]
    Depth,
    /// Too many questions.
    #[error("more than {MAX_TESTS} tests")]
    Tests,
}

impl From<SelectionError> for Refusal {
    fn from(err: SelectionError) -> Refusal {
        let message = err.to_string();
        match err.fault {
            Fault::Personal(_) => Refusal::new("contact_in_selection", "A7b (Art 7)", message)
                .hint("name attributes such as tier, home_store or last_visit_on"),
            _ => Refusal::new("bad_selection", "A5a (Art 5)", message)
                .hint("correct the selection at the place that the message names")
                .at(Spot::Key(err.path.into())),
        }
    }
}

fn attributes() -> String {
    Attribute::ALL.iter().map(|a| a.code()).collect::<Vec<_>>().join(", ")
}

type Parsed<T> = Result<T, SelectionError>;

fn wrong<T>(path: &str, fault: Fault) -> Parsed<T> {
    Err(SelectionError { path: path.to_owned(), fault })
}

pub(super) fn selection(value: &Value) -> Parsed<Selection> {
    if value.as_str() == Some(EVERYONE) {
        return Ok(Selection::everyone());
    }
    let mut reader = Reader { tests: 0 };
    Ok(Selection(Some(reader.node(value, "selection", 1)?)))
}

struct Reader {
    tests: usize,
}

impl Reader {
    fn node(&mut self, value: &Value, path: &str, depth: usize) -> Parsed<Node> {
        let Some(map) = value.as_object() else { return wrong(path, Fault::NotANode) };
        if map.contains_key("attribute") {
            return Ok(Node::Test(self.test(map, path)?));
        }
        let mut entries = map.iter();
        match (entries.next(), entries.next()) {
            (None, _) => wrong(path, Fault::Empty),
            (Some((key, list)), None) if key == "all" => {
                Ok(Node::All(self.group(list, &format!("{path}.all"), depth)?))
            }
            (Some((key, list)), None) if key == "any" => {
                Ok(Node::Any(self.group(list, &format!("{path}.any"), depth)?))
            }
            _ => wrong(path, Fault::NotANode),
        }
    }

    fn group(&mut self, list: &Value, path: &str, depth: usize) -> Parsed<Vec<Node>> {
        if depth > MAX_DEPTH {
            return wrong(path, Fault::Depth);
        }
        let items = list_of(list, path, "a list of groups and tests")?;
        let node = |(i, item)| self.node(item, &format!("{path}[{i}]"), depth + 1);
        items.iter().enumerate().map(node).collect()
    }

    fn test(&mut self, map: &Map<String, Value>, path: &str) -> Parsed<Test> {
        self.tests += 1;
        if self.tests > MAX_TESTS {
            return wrong(path, Fault::Tests);
        }
        let attribute = attribute(map, path)?;
        let at = At { map, path, attribute };
        match attribute {
            Attribute::Tier => at.list("tiers, in quotes", |v| Tier::parse(v.as_str()?).ok()).map(Test::Tier),
            Attribute::CardType => {
                at.list("card types, in quotes", |v| CardType::parse(v.as_str()?).ok()).map(Test::CardType)
            }
            Attribute::HomeStore => {
                at.list("unit codes, in quotes", |v| UnitCode::parse(v.as_str()?).ok()).map(Test::HomeStore)
            }
            Attribute::BirthMonth => at.list("months from 1 to 12", month).map(Test::BirthMonth),
            Attribute::JoinedOn => at.bounds(DAYS, day).map(Test::JoinedOn),
            Attribute::LastVisitOn => at.bounds(DAYS, day).map(Test::LastVisitOn),
            Attribute::SpendTotal => at.bounds(AMOUNTS, cents).map(Test::SpendTotal),
        }
    }
}

fn attribute(map: &Map<String, Value>, path: &str) -> Parsed<Attribute> {
    let path = format!("{path}.attribute");
    let Some(text) = map.get("attribute").and_then(Value::as_str) else {
        return wrong(&path, Fault::Value("an attribute's code, in quotes"));
    };
    if let Ok(field) = Field::parse(text) {
        return wrong(&path, Fault::Personal(field));
    }
    Attribute::parse(text).or_else(|_| wrong(&path, Fault::UnknownAttribute))
}

/// A test's bounds: both keys, what the test takes, what a value is.
struct Bounds {
    low: &'static str,
    high: &'static str,
    takes: &'static str,
    value: &'static str,
}

const DAYS: Bounds = Bounds {
    low: "from",
    high: "to",
    takes: "`from`, `to` or both",
    value: "a date in quotes, as \"2026-12-20\"",
};
const AMOUNTS: Bounds = Bounds {
    low: "at_least",
    high: "at_most",
    takes: "`at_least`, `at_most` or both",
    value: "an amount in quotes, as \"1000.00\"",
};

/// A test under the reader's eyes.
struct At<'a> {
    map: &'a Map<String, Value>,
    path: &'a str,
    attribute: Attribute,
}

impl At<'_> {
    fn only(&self, keys: &[&str], takes: &'static str) -> Parsed<()> {
        let known = |key: &String| key == "attribute" || keys.contains(&key.as_str());
        let some = keys.iter().any(|key| self.map.contains_key(*key));
        if some && self.map.keys().all(known) {
            return Ok(());
        }
        wrong(self.path, Fault::Operator { attribute: self.attribute, takes })
    }

    fn list<T: Ord>(&self, kind: &'static str, read: impl Fn(&Value) -> Option<T>) -> Parsed<Vec<T>> {
        self.only(&["in"], "`in = [...]`")?;
        let path = format!("{}.in", self.path);
        let items = list_of(&self.map["in"], &path, "a list")?;
        if items.len() > MAX_VALUES {
            return wrong(&path, Fault::Value("a list of at most 1000"));
        }
        let mut values = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            let Some(value) = read(item) else { return wrong(&format!("{path}[{i}]"), Fault::Value(kind)) };
            values.push(value);
        }
        values.sort_unstable();
        values.dedup();
        Ok(values)
    }

    fn bounds<T: PartialOrd>(&self, keys: Bounds, read: impl Fn(&str) -> Option<T>) -> Parsed<Between<T>> {
        self.only(&[keys.low, keys.high], keys.takes)?;
        let bound = |key: &str| match self.map.get(key) {
            None => Ok(None),
            Some(value) => match value.as_str().and_then(&read) {
                Some(bound) => Ok(Some(bound)),
                None => wrong(&format!("{}.{key}", self.path), Fault::Value(keys.value)),
            },
        };
        let between = Between { low: bound(keys.low)?, high: bound(keys.high)? };
        match (&between.low, &between.high) {
            (Some(low), Some(high)) if low > high => wrong(self.path, Fault::Reversed),
            _ => Ok(between),
        }
    }
}

fn list_of<'a>(value: &'a Value, path: &str, kind: &'static str) -> Parsed<&'a [Value]> {
    match value.as_array().map(Vec::as_slice) {
        Some([]) => wrong(path, Fault::Empty),
        Some(items) => Ok(items),
        None => wrong(path, Fault::Value(kind)),
    }
}

fn month(value: &Value) -> Option<u8> {
    let month = u8::try_from(value.as_u64()?).ok()?;
    (1..=12).contains(&month).then_some(month)
}

fn day(text: &str) -> Option<Date> {
    parse_date(text).ok()
}

/// `1000`, `1000.5` or `1000.50`, not negative, up to twelve digits before the point.
fn cents(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "00"));
    let digits = |t: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&t.len()) && t.bytes().all(|b| b.is_ascii_digit())
    };
    if !digits(whole, 1..=12) || !digits(part, 1..=2) {
        return None;
    }
    let hundredths: i64 = part.parse().ok()?;
    let scale = if part.len() == 1 { 10 } else { 1 };
    Some(whole.parse::<i64>().ok()? * 100 + hundredths * scale)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(value: &Value) -> String {
        Selection::from_value(value).unwrap_err().to_string()
    }

    #[test]
    fn a_contact_field_is_refused_by_place_and_rule() {
        let value = json!({"all": [
            {"attribute": "tier", "in": ["gold"]},
            {"any": [{"attribute": "mobile", "in": ["13812345678"]}]},
        ]});
        let refusal = Refusal::from(Selection::from_value(&value).unwrap_err());
        assert_eq!((refusal.code, refusal.rule), ("contact_in_selection", "A7b (Art 7)"));
        assert!(refusal.message.starts_with("selection.all[1].any[0].attribute: mobile"));
        assert!(!refusal.message.contains("138"));
        for field in Field::ALL {
            let value = json!({"attribute": field.code(), "in": ["x"]});
            let fault = Selection::from_value(&value).unwrap_err().fault;
            assert_eq!(fault, Fault::Personal(*field));
        }
    }

    #[test]
    fn each_fault_names_its_place() {
        let tier = json!({"attribute": "tier", "in": ["gold"]});
        for (value, place) in [
            (json!({}), "selection: is empty"),
            (json!(null), "selection: must be one of"),
            (json!({"all": []}), "selection.all: is empty"),
            (json!({"all": [tier, {"any": []}]}), "selection.all[1].any: is empty"),
            (json!({"all": [tier], "any": [tier]}), "selection: must be one of"),
            (json!({"not": [tier]}), "selection: must be one of"),
            (json!({"all": {"attribute": "tier"}}), "selection.all: must be a list"),
            (json!({"attribute": "shoe_size", "in": [1]}), "selection.attribute: not a known attribute"),
            (json!({"attribute": "tier"}), "selection: tier takes `in"),
            (json!({"attribute": "tier", "from": "gold"}), "selection: tier takes `in"),
            (json!({"attribute": "tier", "in": ["gold"], "to": "x"}), "selection: tier takes `in"),
            (json!({"attribute": "tier", "in": []}), "selection.in: is empty"),
            (json!({"attribute": "tier", "in": ["gold", "bronze"]}), "selection.in[1]: must be tiers"),
            (json!({"attribute": "joined_on", "in": ["2025-01-01"]}), "selection: joined_on takes `from`"),
            (json!({"attribute": "joined_on", "from": "2025-02-30"}), "selection.from: must be a date"),
            (
                json!({"attribute": "joined_on", "from": "2025-02-02", "to": "2025-02-01"}),
                "selection: the lower",
            ),
            (json!({"attribute": "birth_month", "in": [0]}), "selection.in[0]: must be months"),
            (json!({"attribute": "birth_month", "in": [13]}), "selection.in[0]: must be months"),
            (
                json!({"attribute": "spend_total", "at_least": 1000.5}),
                "selection.at_least: must be an amount",
            ),
            (json!({"attribute": "spend_total", "at_least": "-1"}), "selection.at_least: must be an amount"),
            (json!({"attribute": "spend_total", "at_most": "1.005"}), "selection.at_most: must be an amount"),
        ] {
            assert!(refused(&value).starts_with(place), "{value} gave {}", refused(&value));
        }
    }

    #[test]
    fn depth_and_number_are_bounded() {
        let tier = json!({"attribute": "tier", "in": ["gold"]});
        let nested = |n| (0..n).fold(tier.clone(), |inner, _| json!({"all": [inner]}));
        assert!(Selection::from_value(&nested(MAX_DEPTH)).is_ok());
        assert!(refused(&nested(MAX_DEPTH + 1)).ends_with("nest more than 8 deep"));
        assert!(Selection::from_value(&json!({"any": vec![tier.clone(); MAX_TESTS]})).is_ok());
        assert!(refused(&json!({"any": vec![tier; MAX_TESTS + 1]})).ends_with("more than 100 tests"));
    }

    #[test]
    fn amounts_are_cents() {
        for (text, value) in [("1000", 100_000), ("0.5", 50), ("0.05", 5), ("12.34", 1234)] {
            assert_eq!(cents(text), Some(value), "{text}");
        }
        for bad in ["", ".5", "1.", "1,000", "+1", "1e3", "１", "1000000000000"] {
            assert_eq!(cents(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_date_without_quotes_is_told_so() {
        let value: Value = toml::from_str("attribute = \"joined_on\"\nfrom = 2025-01-01").unwrap();
        assert!(refused(&value).starts_with("selection.from: must be a date in quotes"));
    }
}
