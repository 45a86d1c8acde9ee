//! Which members: groups of conditions joined by "and" or "or", read back as a sentence, counted as they change.
//!
//! The page's fields, `g` and `t` counted from 0; a button's `do` changes the page and keeps nothing:
//!
//! ```text
//! join = all | any                     between groups
//! g<g>.join = all | any                within a group
//! g<g>.t<t> = tier | joined_on | …     a condition's attribute
//! g<g>.t<t>.in | .low | .high          its values
//! do = save | group | remove.<g>.<t> | add.<g>      add.<g> takes g<g>.new
//! ```

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};

use super::drafting::{Came, keep, kept};
use super::steps::{Stop, stops};
use super::words::{self, Words};
use crate::broker::Error;
use crate::broker::showing::Preview;
use crate::http::{App, Path, Problem, request_number};
use crate::model::code::{CardType, Tier};
use crate::model::lang::{Lang, Word as _};
use crate::model::selection::{Attribute, MAX_TESTS, Selection};
use crate::web::answer::{html_about, to};
use crate::web::fall::Waterfall;
use crate::web::frame::{Frame, Place};
use crate::web::visitor::{Posted, Visitor};

/// Groups of conditions, as the page has them.
#[derive(Debug, PartialEq)]
struct Groups {
    any: bool,
    groups: Vec<Group>,
}

#[derive(Debug, PartialEq)]
struct Group {
    any: bool,
    tests: Vec<Test>,
}

#[derive(Debug, PartialEq)]
struct Test {
    attribute: Attribute,
    values: Vec<String>,
    low: String,
    high: String,
}

impl Test {
    fn new(attribute: Attribute) -> Test {
        Test { attribute, values: Vec::new(), low: String::new(), high: String::new() }
    }

    /// The names of its bounds; none for a list.
    fn bounds(&self) -> Option<(&'static str, &'static str)> {
        match self.attribute {
            Attribute::JoinedOn | Attribute::LastVisitOn => Some(("from", "to")),
            Attribute::SpendTotal => Some(("at_least", "at_most")),
            Attribute::Tier | Attribute::HomeStore | Attribute::CardType | Attribute::BirthMonth => None,
        }
    }

    fn of(value: &Value) -> Option<Test> {
        let mut test = Test::new(Attribute::parse(value["attribute"].as_str()?).ok()?);
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if let Some((low, high)) = test.bounds() {
            test.low = value.get(low).map(text).unwrap_or_default();
            test.high = value.get(high).map(text).unwrap_or_default();
        } else {
            test.values = value["in"].as_array()?.iter().map(text).collect();
        }
        Some(test)
    }

    /// As a form has it; none while nothing is filled in.
    fn value(&self) -> Option<Value> {
        let mut value = json!({ "attribute": self.attribute });
        if let Some((low, high)) = self.bounds() {
            for (name, bound) in [(low, &self.low), (high, &self.high)] {
                if !bound.is_empty() {
                    value[name] = json!(bound);
                }
            }
            return (!self.low.is_empty() || !self.high.is_empty()).then_some(value);
        }
        value["in"] = match self.attribute {
            Attribute::BirthMonth => {
                json!(self.values.iter().filter_map(|m| m.parse::<u8>().ok()).collect::<Vec<_>>())
            }
            _ => json!(self.values),
        };
        (!self.values.is_empty()).then_some(value)
    }
}

impl Groups {
    /// The page's groups out of a form's selection. Deeper trees, which only a file can say, have no groups here.
    fn of(selection: &Value) -> Option<Groups> {
        let listed = |value: &Value| -> Option<(bool, Vec<Value>)> {
            let any = value.get("any").is_some();
            let nodes = value.get(if any { "any" } else { "all" })?.as_array()?;
            Some((any, nodes.clone()))
        };
        if selection.is_null() || selection.as_str() == Some("everyone") {
            return Some(Groups { any: false, groups: Vec::new() });
        }
        let Some((any, nodes)) = listed(selection) else {
            let group = Group { any: false, tests: vec![Test::of(selection)?] };
            return Some(Groups { any: false, groups: vec![group] });
        };
        // Conditions that stand side by side are one group.
        if nodes.iter().all(|node| node.get("attribute").is_some()) {
            let tests = nodes.iter().map(Test::of).collect::<Option<_>>()?;
            return Some(Groups { any: false, groups: vec![Group { any, tests }] });
        }
        let groups = nodes.iter().map(|node| match listed(node) {
            Some((any, nodes)) => {
                Some(Group { any, tests: nodes.iter().map(Test::of).collect::<Option<_>>()? })
            }
            None => Some(Group { any: false, tests: vec![Test::of(node)?] }),
        });
        Some(Groups { any, groups: groups.collect::<Option<_>>()? })
    }

    /// As a form has it; what is not filled in yet is left out, and nothing at all is everyone.
    fn value(&self) -> Value {
        let joined = |any: bool, nodes: Vec<Value>| match nodes.len() {
            0 => None,
            1 => nodes.into_iter().next(),
            _ => Some(if any { json!({ "any": nodes }) } else { json!({ "all": nodes }) }),
        };
        let groups = self
            .groups
            .iter()
            .filter_map(|group| joined(group.any, group.tests.iter().filter_map(Test::value).collect()));
        joined(self.any, groups.collect()).unwrap_or_else(|| json!("everyone"))
    }

    fn whole(&self) -> bool {
        self.groups.iter().flat_map(|group| &group.tests).all(|test| test.value().is_some())
    }

    /// Out of the page's fields.
    fn read(fields: &[(String, String)]) -> Groups {
        let one = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.trim());
        let mut groups = Groups { any: one("join") == Some("any"), groups: Vec::new() };
        // The page has no more than a selection may have.
        while let Some(join) =
            one(&format!("g{}.join", groups.groups.len())).filter(|_| groups.groups.len() < MAX_TESTS)
        {
            let mut group = Group { any: join == "any", tests: Vec::new() };
            let at = groups.groups.len();
            loop {
                let name = format!("g{at}.t{}", group.tests.len());
                let attribute = one(&name).filter(|_| group.tests.len() < MAX_TESTS);
                let Some(attribute) = attribute.and_then(|code| Attribute::parse(code).ok()) else { break };
                let part = |end: &str| one(&format!("{name}.{end}")).unwrap_or_default().to_owned();
                let values = format!("{name}.in");
                let values = fields.iter().filter(|(key, value)| *key == values && !value.is_empty());
                group.tests.push(Test {
                    attribute,
                    values: values.map(|(_, value)| value.clone()).collect(),
                    low: part("low"),
                    high: part("high"),
                });
            }
            groups.groups.push(group);
        }
        groups
    }

    /// What a button asks of the page. Whether the page is to be kept instead.
    fn changed(&mut self, fields: &[(String, String)]) -> bool {
        let one = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let asked: Vec<&str> = one("do").unwrap_or("save").split('.').collect();
        let index = |text: &str| text.parse::<usize>().ok();
        match asked[..] {
            ["group"] if self.groups.len() < MAX_TESTS => {
                self.groups.push(Group { any: false, tests: Vec::new() })
            }
            ["add", group] => {
                let new = one(&format!("g{group}.new")).and_then(|code| Attribute::parse(code).ok());
                let group = index(group).and_then(|group| self.groups.get_mut(group));
                if let (Some(group), Some(attribute)) = (group, new) {
                    group.tests.push(Test::new(attribute));
                }
            }
            ["remove", group, test] => {
                let (group, test) = (index(group), index(test));
                if let Some(tests) = group.and_then(|g| self.groups.get_mut(g)).map(|g| &mut g.tests)
                    && let Some(test) = test.filter(|test| *test < tests.len())
                {
                    tests.remove(test);
                }
                self.groups.retain(|group| !group.tests.is_empty());
            }
            _ => return true,
        }
        false
    }
}

/// A value to tick.
struct Tick {
    code: String,
    word: String,
}

#[derive(Template)]
#[template(path = "draft_selection.html")]
struct Page {
    frame: Frame,
    r: &'static Words,
    stops: Vec<Stop>,
    no: String,
    groups: Groups,
    stores: Vec<Tick>,
    reads: String,
    whole: bool,
    count: Option<Waterfall>,
    problem: Option<Problem>,
    /// It was sent by itself, while the reader goes on: nothing takes the focus.
    live: bool,
}

impl Page {
    fn attributes(&self) -> Vec<(Attribute, &'static str)> {
        Attribute::ALL.iter().map(|a| (*a, word(self.frame.w, *a))).collect()
    }

    /// A condition's field.
    fn name(&self, group: &usize, test: &usize) -> String {
        format!("g{group}.t{test}")
    }

    fn word(&self, attribute: &Attribute) -> &'static str {
        word(self.frame.w, *attribute)
    }

    /// What a list can hold.
    fn ticks(&self, attribute: &Attribute) -> Vec<Tick> {
        let lang = self.frame.look.lang;
        let tick = |code: String, word: &str| Tick { code, word: word.to_owned() };
        match attribute {
            Attribute::Tier => Tier::ALL.iter().map(|t| tick(t.to_string(), t.word(lang))).collect(),
            Attribute::CardType => CardType::ALL.iter().map(|t| tick(t.to_string(), t.word(lang))).collect(),
            Attribute::BirthMonth => (1..=12).map(|m: u8| tick(m.to_string(), &m.to_string())).collect(),
            _ => self.stores.iter().map(|store| tick(store.code.clone(), &store.word)).collect(),
        }
    }
}

fn word(w: &'static crate::web::words::Words, attribute: Attribute) -> &'static str {
    match attribute {
        Attribute::Tier => w.tier,
        Attribute::HomeStore => w.home_store,
        Attribute::CardType => w.card_type,
        Attribute::JoinedOn => w.joined_on,
        Attribute::LastVisitOn => w.last_visit_on,
        Attribute::SpendTotal => w.spend_total,
        Attribute::BirthMonth => w.birth_month,
    }
}

pub(super) async fn ask(State(app): State<App>, Path(no): Path, who: Visitor) -> Result<Response, Problem> {
    let form = kept(&app, &who, &no).await?.form;
    let groups = Groups::of(&form["selection"]).ok_or_else(too_deep)?;
    page(&app, &who, no, groups, None, Came::default()).await
}

/// A selection that a file said and this page cannot show must not be lost by saving what it can.
fn too_deep() -> Problem {
    Problem::new(
        axum::http::StatusCode::CONFLICT,
        "too_deep",
        "this selection has groups within groups, which the page does not show",
    )
    .hint("change it in a file: `request revise`, or PUT /api/v1/requests/{no}")
}

async fn page(
    app: &App,
    who: &Visitor,
    no: String,
    groups: Groups,
    count: Option<Preview>,
    came: Came,
) -> Result<Response, Problem> {
    let caller = who.session.caller();
    let frame = Frame::new(app, who, Place::Requests, no.clone()).await?;
    let (lang, r) = (frame.look.lang, words::of(frame.look.lang));
    let stores = app.broker().request_choices(caller).await?.stores;
    let stores =
        stores.iter().map(|s| Tick { code: s.code.to_string(), word: s.name(lang).to_owned() }).collect();
    let page = Page {
        stops: stops(r, 2, Some(&no)),
        reads: sentence(&groups, lang),
        whole: groups.whole(),
        count: count.map(|preview| Waterfall::of(lang, &preview)),
        problem: came.problem,
        live: came.live,
        frame,
        r,
        no,
        groups,
        stores,
    };
    Ok(html_about(page.problem.as_ref(), &page))
}

fn sentence(groups: &Groups, lang: Lang) -> String {
    Selection::from_value(&groups.value()).map(|selection| selection.sentence(lang)).unwrap_or_default()
}

pub(super) async fn save(
    State(app): State<App>,
    Path(no): Path,
    headers: HeaderMap,
    Posted(who, fields): Posted<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let live = headers.contains_key("hx-request");
    let mut groups = Groups::read(&fields);
    let goes_on = fields.iter().any(|(key, value)| key == "do" && value == "next");
    if !groups.changed(&fields) {
        return page(&app, &who, no, groups, None, Came { live, ..Came::default() }).await;
    }
    let mut draft = kept(&app, &who, &no).await?;
    draft.form["selection"] = groups.value();
    let saved = async {
        keep(&app, &who, &no, &draft).await?;
        if goes_on {
            return Ok(None);
        }
        match app.broker().request_preview(who.session.caller(), &request_number(&no)?).await {
            Ok(count) => Ok(Some(count)),
            // Who may draft and not count sees the sentence alone.
            Err(Error::Refused(refusal)) if refusal.code == "not_permitted" => Ok(None),
            Err(failed) => Err(failed.into()),
        }
    };
    let (count, problem) = match saved.await {
        Ok(None) if goes_on => return Ok(to(format!("/requests/{no}/window"))),
        Ok(count) => (count, None),
        Err(problem) => (None, Some(problem)),
    };
    page(&app, &who, no, groups, count, Came { problem, live, kept: true }).await
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_not_filled_in_is_no_condition() {
        let empty = fields(&[("join", "all"), ("g0.join", "all"), ("g0.t0", "tier"), ("g0.t1", "joined_on")]);
        let groups = Groups::read(&empty);
        assert_eq!(groups.value(), json!("everyone"));
        assert!(!groups.whole());
    }

    #[test]
    fn groups_are_read_and_written_the_same() {
        let said = fields(&[
            ("join", "any"),
            ("g0.join", "all"),
            ("g0.t0", "tier"),
            ("g0.t0.in", "gold"),
            ("g0.t0.in", "platinum"),
            ("g0.t1", "birth_month"),
            ("g0.t1.in", "5"),
            ("g1.join", "all"),
            ("g1.t0", "spend_total"),
            ("g1.t0.low", "2000.00"),
        ]);
        let groups = Groups::read(&said);
        let tier = json!({ "attribute": "tier", "in": ["gold", "platinum"] });
        let born = json!({ "attribute": "birth_month", "in": [5] });
        let spent = json!({ "attribute": "spend_total", "at_least": "2000.00" });
        assert_eq!(groups.value(), json!({ "any": [{ "all": [tier, born] }, spent] }));
        assert_eq!(Groups::of(&groups.value()), Some(groups));
    }

    #[test]
    fn deeper_trees_are_not_shown_in_part() {
        let test = json!({ "attribute": "tier", "in": ["gold"] });
        let deep = json!({ "all": [{ "any": [test.clone(), { "all": [test.clone(), test] }] }] });
        assert_eq!(Groups::of(&deep), None);
    }

    #[test]
    fn buttons_change_the_page() {
        let mut groups = Groups { any: false, groups: Vec::new() };
        assert!(!groups.changed(&fields(&[("do", "group")])));
        assert!(!groups.changed(&fields(&[("do", "add.0"), ("g0.new", "tier")])));
        assert_eq!(groups.groups[0].tests.len(), 1);
        assert!(!groups.changed(&fields(&[("do", "remove.0.7")])));
        assert!(!groups.changed(&fields(&[("do", "remove.0.0")])));
        assert!(groups.groups.is_empty());
        assert!(groups.changed(&fields(&[("do", "next")])));
    }

    proptest! {
        #[test]
        fn no_button_breaks_the_page(what in "[a-z0-9.]{0,12}", n in 0usize..4) {
            let tests = (0..n).map(|_| Test::new(Attribute::Tier)).collect();
            let mut groups = Groups { any: true, groups: vec![Group { any: false, tests }] };
            groups.changed(&fields(&[("do", &what), ("g0.new", "tier")]));
        }
    }
}
