//! Budgets of looks (A10b): exact under many at once and over two servers, told with when it goes on and who may give more.

use std::sync::atomic::{AtomicUsize, Ordering};

use countersign::policy::PolicyFiles;
use serde_json::{Value, json};

use crate::both;
use crate::caller::{Caller, Served};

both!(
    no_look_passes_the_budget_of_many_at_once,
    a_spent_budget_says_when_it_goes_on,
    a_unit_has_one_too,
    nobodys_cards_cannot_be_tried_out_beyond_it,
);

/// Adopts other budgets than the built-in ones: whose, which look, by the hour and by the day.
pub fn budgets(served: &Served, of: &[(&str, &str, u32, u32)]) {
    let mut changed: Vec<(&str, String, String)> = Vec::new();
    for &(whose, look, hour, day) in of {
        let (of_person, of_unit) = match look {
            "reveal" => ((30, 100), (300, 1000)),
            _ => ((120, 600), (1200, 6000)),
        };
        let (was_hour, was_day) = if whose == "unit" { of_unit } else { of_person };
        let from = format!("{look} = {{ hour = {was_hour}, day = {was_day} }}");
        changed.push(("guard.toml", from, format!("{look} = {{ hour = {hour}, day = {day} }}")));
    }
    let asked = "[[ask]]\nof = \"person\"\nlook = \"verify\"\nhour = 0\nday = 0\nexpect = \"allow\"\n\n";
    let files = PolicyFiles::built_in();
    let test = files.iter().find(|(name, _)| *name == "guard.test.toml").unwrap().1.to_owned();
    // No question but one: the others are of the budgets as they were.
    let (begin, end) = (test.find("[[ask]]").unwrap(), test.find("[[noticed]]").unwrap());
    changed.push(("guard.test.toml", test[begin..end].to_owned(), asked.to_owned()));
    let changed: Vec<_> =
        changed.iter().map(|(file, from, to)| (*file, from.as_str(), to.as_str())).collect();
    served.adopt(&changed);
}

fn budget(served: &Served, whose: &str, look: &str, hour: u32, day: u32) {
    budgets(served, &[(whose, look, hour, day)]);
}

fn looks(served: &Served, from: u64, action: &str) -> Vec<Value> {
    served.entries(from).into_iter().filter(|entry| entry["action"] == json!(action)).collect()
}

fn no_look_passes_the_budget_of_many_at_once(served: &Served) {
    budget(served, "person", "look_up", 10, 100);
    let second = served.beside();
    let (_, mobile) = served.member("S001");
    let counter = served.caller("s1.counter");
    let from = served.size();
    let (passed, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for n in 0..32 {
            let mut client = Caller::of(if n % 2 == 0 { served.address } else { second.address });
            client.headers.clone_from(&counter.headers);
            let (mobile, passed, refused) = (&mobile, &passed, &refused);
            scope.spawn(move || {
                let by = json!({ "index": "mobile", "value": mobile });
                let answer = client.post("/api/v1/members/look-up", &by);
                let count = match (answer.status, answer.code()) {
                    (200, _) => passed,
                    (429, "budget_spent") => refused,
                    other => panic!("{other:?} {}", answer.body),
                };
                count.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    assert_eq!((passed.into_inner(), refused.into_inner()), (10, 22));
    // Each is an entry, and the log knows the same number.
    let entries = looks(served, from, "member.looked_up");
    let allowed = entries.iter().filter(|e| e["decision"] == json!("allow")).count();
    assert_eq!((entries.len(), allowed), (32, 10));
}

fn a_spent_budget_says_when_it_goes_on(served: &Served) {
    budget(served, "person", "reveal", 2, 3);
    let (card, _) = served.member("S001");
    // Five past an hour of a morning, so that neither ends by itself.
    let hour = 3_600_000_000;
    let noon = (served.clock.now() / (24 * hour) + 1) * 24 * hour + 4 * hour;
    served.clock.set(noon + 300_000_000);
    let counter = served.caller("s1.counter");
    let reveal = |caller: &Caller| {
        let body = json!({ "card": card, "fields": ["mobile"], "reason": "他打来电话" });
        caller.post("/api/v1/members/reveal", &body)
    };
    assert_eq!([reveal(&counter).status, reveal(&counter).status], [200, 200]);
    let spent = reveal(&counter);
    assert_eq!((spent.status, spent.code(), spent.header("retry-after")), (429, "budget_spent", "3301"));
    assert_eq!(spent.body["rule"], json!("A10b (Art 10)"));
    let hint = spent.body["hint"].as_str().unwrap();
    assert!(hint.contains("goes on at 13:00") && hint.contains("administrator"), "{hint}");
    // Another kind of look has its own, and so has another person.
    assert_eq!(counter.post("/api/v1/members/show", &json!({ "card": card })).status, 200);
    served.clock.set(noon + hour + 1_000_000);
    let counter = served.caller("s1.counter");
    assert_eq!(reveal(&counter).status, 200, "the next hour");
    let day = reveal(&counter);
    assert_eq!((day.code(), day.header("retry-after")), ("budget_spent", "39600"));
    served.clock.set(noon + 24 * hour);
    assert_eq!(reveal(&served.caller("s1.counter")).status, 200, "the next day");
}

fn a_unit_has_one_too(served: &Served) {
    budget(served, "unit", "show", 2, 2);
    let (card, _) = served.member("S001");
    let show = |login: &str| served.caller(login).post("/api/v1/members/show", &json!({ "card": card }));
    assert_eq!([show("s1.counter").status, show("s1.counter").status], [200, 200]);
    let spent = show("s1.counter");
    assert_eq!(spent.code(), "budget_spent");
    assert!(spent.body["detail"].as_str().unwrap().contains("of the unit"), "{}", spent.body);
    assert_eq!(show("mem.head").status, 200, "another unit's");
}

fn nobodys_cards_cannot_be_tried_out_beyond_it(served: &Served) {
    budget(served, "person", "show", 3, 3);
    let (card, _) = served.member("S001");
    let counter = served.caller("s1.counter");
    let show = |card: &str| counter.post("/api/v1/members/show", &json!({ "card": card })).code().to_owned();
    assert_eq!([show("7770001"), show("7770002"), show("7770003")], ["unknown_member"; 3]);
    assert_eq!(show("7770004"), "budget_spent");
    assert_eq!(show(&card), "budget_spent", "the same for one that is there");
    // Nor by a question with something wrong in it: that is told alike of every card.
    for card in [card.as_str(), "7770005"] {
        let asked = json!({ "card": card, "fields": ["mobile"], "reason": "" });
        assert_eq!(counter.post("/api/v1/members/reveal", &asked).code(), "reason_missing");
        let asked = json!({ "card": card, "field": "mobile", "value": "139", "reason": "他来店核对" });
        assert_eq!(counter.post("/api/v1/members/correct", &asked).code(), "not_mobile");
    }
    // Nor by asking who saw somebody.
    let auditor = served.caller("auditor");
    let saw =
        |card: &str| auditor.post("/api/v1/members/who-saw", &json!({ "card": card })).code().to_owned();
    assert_eq!([saw("7770001"), saw("7770002"), saw("7770003")], ["unknown_member"; 3]);
    assert_eq!([saw("7770004"), saw(&card)], ["budget_spent"; 2]);
    // Who may not look at all spends nothing, and learns no more than that.
    let officer = served.caller("s1.officer");
    for _ in 0..5 {
        assert_eq!(officer.post("/api/v1/members/show", &json!({ "card": card })).code(), "not_permitted");
    }
}
