//! A selection read aloud, for the one who signs it.

use jiff::civil::Date;

use super::{Between, Node, Selection, Test, money};
use crate::model::day::month;
use crate::model::ids::UnitCode;
use crate::model::lang::{Lang, Word, listed};

impl Selection {
    /// The selection in plain words: `tier is gold or platinum, and (…)`.
    pub fn sentence(&self, lang: Lang) -> String {
        match &self.0 {
            None => lang.pick("全部会员", "every member").to_owned(),
            Some(node) => node.words(lang, false),
        }
    }
}

impl Node {
    fn words(&self, lang: Lang, inside: bool) -> String {
        let (nodes, joint) = match self {
            Node::Test(test) => return test.words(lang),
            Node::All(nodes) => (nodes, lang.pick("，并且", ", and ")),
            Node::Any(nodes) => (nodes, lang.pick("，或者", ", or ")),
        };
        // A group of one says no more than what it holds.
        if let [only] = nodes.as_slice() {
            return only.words(lang, inside);
        }
        let words: Vec<String> = nodes.iter().map(|node| node.words(lang, true)).collect();
        let words = words.join(joint);
        match (inside, lang) {
            (false, _) => words,
            (true, Lang::Zh) => format!("（{words}）"),
            (true, Lang::En) => format!("({words})"),
        }
    }
}

impl Test {
    fn words(&self, lang: Lang) -> String {
        match self {
            Test::Tier(tiers) => is(lang, "会员等级", "tier", tiers, |t| t.word(lang).to_owned()),
            Test::CardType(types) => is(lang, "卡种", "card type", types, |t| t.word(lang).to_owned()),
            Test::HomeStore(stores) => is(lang, "所属门店", "home store", stores, UnitCode::to_string),
            Test::BirthMonth(months) => {
                is(lang, "生日月份", "month of birth", months, |m| month(lang, *m).to_owned())
            }
            Test::JoinedOn(days) => dates(lang, lang.pick("入会日期", "joined"), days),
            Test::LastVisitOn(days) => dates(lang, lang.pick("最近到店", "last visited"), days),
            Test::SpendTotal(cents) => amounts(lang, cents),
        }
    }
}

fn is<T>(lang: Lang, zh: &str, en: &str, values: &[T], word: impl Fn(&T) -> String) -> String {
    let words: Vec<String> = values.iter().map(word).collect();
    let words = listed(lang, &words, "或", "or");
    match lang {
        Lang::Zh => format!("{zh}为{words}"),
        Lang::En => format!("{en} is {words}"),
    }
}

/// Both bounds are inclusive, and the words say so.
fn dates(lang: Lang, what: &str, days: &Between<Date>) -> String {
    match (lang, days.low, days.high) {
        (Lang::Zh, Some(low), Some(high)) => format!("{what}在 {low} 至 {high} 之间（含首尾两日）"),
        (Lang::Zh, Some(low), None) => format!("{what}在 {low} 当日或之后"),
        (Lang::Zh, None, Some(high)) => format!("{what}在 {high} 当日或之前"),
        (Lang::En, Some(low), Some(high)) => format!("{what} from {low} to {high}, both days included"),
        (Lang::En, Some(low), None) => format!("{what} on or after {low}"),
        (Lang::En, None, Some(high)) => format!("{what} on or before {high}"),
        (_, None, None) => what.to_owned(),
    }
}

fn amounts(lang: Lang, cents: &Between<i64>) -> String {
    match (lang, cents.low.map(money), cents.high.map(money)) {
        (Lang::Zh, Some(low), Some(high)) => format!("累计消费不少于 {low} 元且不多于 {high} 元"),
        (Lang::Zh, Some(low), None) => format!("累计消费不少于 {low} 元"),
        (Lang::Zh, None, Some(high)) => format!("累计消费不多于 {high} 元"),
        (Lang::En, Some(low), Some(high)) => {
            format!("total spend is at least {low} yuan and at most {high} yuan")
        }
        (Lang::En, Some(low), None) => format!("total spend is at least {low} yuan"),
        (Lang::En, None, Some(high)) => format!("total spend is at most {high} yuan"),
        (_, None, None) => lang.pick("累计消费", "total spend").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_example_reads_as_a_sentence() {
        let selection = Selection::from_value(&json!({"all": [
            {"attribute": "tier", "in": ["gold", "platinum"]},
            {"any": [
                {"attribute": "home_store", "in": ["S001", "S002"]},
                {"attribute": "spend_total", "at_least": "1000.00"},
            ]},
            {"attribute": "last_visit_on", "from": "2025-01-01"},
        ]}))
        .unwrap();
        assert_eq!(
            selection.sentence(Lang::Zh),
            "会员等级为金卡或白金，并且（所属门店为S001或S002，或者累计消费不少于 1000.00 元），并且最近到店在 2025-01-01 当日或之后"
        );
        assert_eq!(
            selection.sentence(Lang::En),
            "tier is gold or platinum, and (home store is S001 or S002, or total spend is at least 1000.00 yuan), \
             and last visited on or after 2025-01-01"
        );
    }

    #[test]
    fn a_group_of_one_needs_no_brackets() {
        let months = json!({"any": [{"all": [{"attribute": "birth_month", "in": [12, 1]}]}]});
        let selection = Selection::from_value(&months).unwrap();
        assert_eq!(selection.sentence(Lang::Zh), "生日月份为1月或12月");
        assert_eq!(selection.sentence(Lang::En), "month of birth is January or December");
        assert_eq!(Selection::everyone().sentence(Lang::En), "every member");
    }
}
