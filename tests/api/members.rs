//! Members at the counter: typed in, corrected with a history, verified without a look; documents, suppression.

use countersign::audit::event::{Action, Actor, Event};
use countersign::model::field::Index;
use countersign::model::sealed::Record;
use countersign::store::members::Member;
use serde_json::{Value, json};

use crate::both;
use crate::caller::{Caller, Served};
use crate::support::generate::Generated;
use crate::support::workbook::{bomb, number, text, workbook};
use crate::support::world::block;

both!(
    a_member_is_typed_in,
    of_several_who_are_shown_each_is_told_so,
    a_form_says_what_is_wrong_where,
    corrections_have_a_history,
    a_value_is_verified_without_being_shown,
    contact_points_are_suppressed,
    a_workbook_is_imported,
    a_damaged_record_is_told_to_nobody_who_may_not_see_it,
);

/// Whoever is refused is told what he would be told anyway, and that is an entry; whoever may see him is told that it is
/// damaged, and nobody else's look fails with it.
fn a_damaged_record_is_told_to_nobody_who_may_not_see_it(served: &Served) {
    let (card, _) = served.member("S002");
    let (whole, _) = served.member("S001");
    block(async {
        let broker = served.broker().await;
        let mut work = broker.store().work().await.unwrap();
        let tag = broker.store().keyring().index_tag(Index::Card, card.as_bytes());
        let ordinal = work.view().find_all(Index::Card, &[tag]).await.unwrap()[&tag][0];
        let old = work.view().member(ordinal).await.unwrap().unwrap();
        let mut record = Record::from_bytes(&old.record).unwrap();
        // The alias: what the log calls him does not open any more.
        record.0[0].sealed.0[20] ^= 1;
        let new = Member { record: record.to_bytes(), ..old.clone() };
        work.update_member(&old, &new).await.unwrap();
        work.commit(Event::new(Action::PolicyShown, Actor::Operator)).await.unwrap();
        broker.store().close().await;
    });
    let (own, other) = (served.caller("s1.counter"), served.caller("s2.counter"));
    let from = served.size();
    let show = |caller: &Caller, card: &str| caller.post("/api/v1/members/show", &json!({ "card": card }));
    assert_eq!(show(&own, &card).code(), "unknown_member");
    assert_eq!(show(&other, &card).code(), "integrity");
    assert_eq!(show(&own, &whole).status, 200);
    let entries = served.entries(from);
    let told = entries.iter().filter(|entry| entry["action"] == json!("member.shown"));
    let told: Vec<_> = told.map(|entry| (&entry["decision"], entry["member"].is_null())).collect();
    assert_eq!(told, [(&json!("refuse"), true), (&json!("allow"), false)]);
}

/// A form of store S001 that is right.
pub fn form(served: &Served, card: &str, mobile: &str) -> Value {
    form_of(served.world.members, card, mobile)
}

/// The same where these are the members.
pub fn form_of(members: &Generated, card: &str, mobile: &str) -> Value {
    let version = members.accepted().find_map(|r| r.covenant.map(|_| r.covenant_version)).unwrap();
    json!({
        "card_no": card, "name": "欧阳娜娜", "mobile": mobile, "email": "ouyang@example.com",
        "address": "样例路99号", "postcode": "200001", "birthday": "1990-02-03", "home_store": "S001",
        "covenant": "member_covenant", "covenant_version": version,
        "consent_sms": true, "consent_post": false, "consent_email": false,
        "consent_evidence": "表格 117", "notice": "N1",
    })
}

fn a_member_is_typed_in(served: &Served) {
    served.register_notice();
    let counter = served.caller("s1.counter");
    let (_, mobile) = served.member("S002");
    let before = served.size();
    let added = counter.post("/api/v1/members", &form(served, "9900001", &mobile));
    assert_eq!(added.status, 201, "{}", added.body);
    assert_eq!(added.body["shared"], json!(["mobile"]), "flagged, and not with whom (B4)");
    assert_eq!(added.body["member"]["status"], json!("active"));
    assert_eq!(added.body["member"]["consents"].as_array().unwrap().len(), 3);
    assert!(!added.text().contains(&mobile) && !added.text().contains("娜娜"), "masked: {}", added.body);
    let entries = served.entries(before);
    let own: Vec<&Value> = entries.iter().filter(|e| e["action"] == json!("member.added")).collect();
    assert_eq!(own.len(), 1);
    assert_eq!(own[0]["counts"], json!({ "shared": 1 }));
    assert!(own[0]["member"].is_string());
    let said = counter.post("/api/v1/consents/show", &json!({ "card": "9900001" }));
    let history = said.body["history"].as_array().unwrap();
    assert!(
        history.iter().all(|h| h["source"] == json!("counter") && h["notice"] == json!("N1")),
        "{}",
        said.body
    );
    assert!(history.iter().all(|h| h["evidence"] == json!(true)));
    // Declining all promotion still allows joining (B3).
    let mut declined = form(served, "9900002", "13900007777");
    declined["consent_sms"] = json!(false);
    let joined = counter.post("/api/v1/members", &declined);
    assert_eq!(joined.status, 201, "{}", joined.body);
    // The number is his own, and what he said no file replaces.
    let taken = counter.post("/api/v1/members", &declined);
    assert_eq!((taken.status, taken.code()), (409, "card_taken"));
    let file = "卡号,姓名,手机,归属门店\n9900002,王芳,13900006666,S001\n";
    let imported = counter.send("POST", "/api/v1/imports", "text/csv", file.as_bytes());
    assert_eq!(imported.body["kept"], json!(2), "{}", imported.body);
    assert_eq!(counter.post("/api/v1/members/look-up", &json!({ "index": "mobile", "value": "13900007777" })).body["items"].as_array().unwrap().len(), 1);
    // A card that is taken was looked up: that and the look before are all that this budget has.
    crate::budgets::budgets(served, &[("person", "look_up", 2, 100)]);
    assert_eq!(counter.post("/api/v1/members", &declined).code(), "budget_spent");
    let free = form(served, "9900003", "13900008888");
    assert_eq!(
        counter.post("/api/v1/members", &free).code(),
        "budget_spent",
        "the same for one that is free"
    );
}

fn of_several_who_are_shown_each_is_told_so(served: &Served) {
    served.register_notice();
    let counter = served.caller("s1.counter");
    let (card, mobile) = served.member("S001");
    // Somebody of the same household.
    assert_eq!(counter.post("/api/v1/members", &form(served, "9900010", &mobile)).status, 201);
    let before = served.size();
    let look_up = || counter.post("/api/v1/members/look-up", &json!({ "index": "mobile", "value": mobile }));
    let many = look_up().body["items"].as_array().unwrap().len();
    assert!(many > 1);
    let entries = served.entries(before);
    let of =
        |action: &str| -> Vec<&Value> { entries.iter().filter(|e| e["action"] == json!(action)).collect() };
    let (looked, shown) = (of("member.looked_up"), of("member.shown"));
    assert_eq!((looked.len(), shown.len()), (1, many));
    assert_eq!((&looked[0]["counts"]["found"], &looked[0]["member"]), (&json!(many), &Value::Null));
    let whom: std::collections::BTreeSet<&str> =
        shown.iter().map(|e| e["member"].as_str().unwrap()).collect();
    assert_eq!(whom.len(), many);
    let auditor = served.caller("auditor");
    for card in [card.as_str(), "9900010"] {
        let saw = auditor.post("/api/v1/members/who-saw", &json!({ "card": card }));
        let by_counter =
            |e: &Value| e["action"] == json!("member.shown") && e["actor"] == json!("s1.counter");
        assert!(saw.body["entries"].as_array().unwrap().iter().any(by_counter), "{}", saw.body);
    }
    // And each counts: what is left is too little for all of them.
    let many = u32::try_from(many).unwrap();
    crate::budgets::budgets(served, &[("person", "look_up", 2 * many - 1, 100)]);
    assert_eq!(look_up().code(), "budget_spent");
}

fn a_form_says_what_is_wrong_where(served: &Served) {
    served.register_notice();
    let counter = served.caller("s1.counter");
    let add = |form: &Value| counter.post("/api/v1/members", form);
    let whole = form(served, "9900003", "13900005555");
    let without = |keys: &[&str]| {
        let mut form = whole.clone();
        keys.iter().for_each(|key| drop(form.as_object_mut().unwrap().remove(*key)));
        form
    };
    let with = |key: &str, value: Value| {
        let mut form = whole.clone();
        form[key] = value;
        form
    };
    for (form, code, rule, pointer) in [
        (without(&["consent_post"]), "consent_undecided", "B3", "/consent_post"),
        (without(&["covenant", "covenant_version"]), "covenant_missing", "A2 (Art 2)", "/covenant"),
        (with("covenant_version", json!("1999-01")), "unknown_covenant", "A2 (Art 2)", "/covenant_version"),
        (without(&["notice"]), "notice_missing", "B3", "/notice"),
        (with("notice", json!("N9")), "unknown_notice", "B3", "/notice"),
        (with("home_store", json!("S002")), "other_store", "B9", "/home_store"),
        (without(&["home_store"]), "other_store", "B9", "/home_store"),
        (with("mobile", json!("139000055551")), "not_mobile", "B4", "/mobile"),
        (without(&["card_no"]), "empty", "B4", "/card_no"),
    ] {
        let before = served.size();
        let problem = add(&form);
        let first = &problem.body["errors"][0];
        let got = (
            problem.status,
            problem.code(),
            problem.body["rule"].as_str().unwrap(),
            first["pointer"].as_str().unwrap(),
        );
        assert_eq!(got, (422, code, rule, pointer), "{}", problem.body);
        assert!(first["zh"].as_str().is_some_and(|t| !t.is_ascii()) && first["en"].is_string(), "{first}");
        assert!(!problem.text().contains("13900"), "an answer repeats a value");
        let refused = &served.entries(before)[0];
        assert_eq!(
            (&refused["action"], &refused["refusal"]["code"]),
            (&json!("member.added"), &json!(code)),
            "{refused}"
        );
    }
    let mut many = without(&["consent_sms", "consent_email", "name"]);
    many["postcode"] = json!("20000");
    let problem = add(&many);
    assert_eq!((problem.code(), problem.body["errors"].as_array().unwrap().len()), ("invalid_fields", 4));
    assert_eq!(add(&json!({ "card_no": 7 })).body["pointer"], json!("/card_no"));
    assert_eq!(add(&json!({ "spend_total": "7" })).code(), "bad_body");
    // Nothing of all that was stored.
    assert_eq!(add(&whole).status, 201);
}

fn corrections_have_a_history(served: &Served) {
    served.register_notice();
    let counter = served.caller("s1.counter");
    let added = counter.post("/api/v1/members", &form(served, "9900004", "13900004444"));
    assert_eq!(added.status, 201, "{}", added.body);
    for (field, value) in [("mobile", "13900003333"), ("address", "样例路100号")] {
        let right = json!({ "card": "9900004", "field": field, "value": value, "reason": "他打来电话" });
        assert_eq!(counter.post("/api/v1/members/correct", &right).status, 204);
    }
    let wrong = json!({ "card": "9900004", "field": "mobile", "value": "1", "reason": "他打来电话" });
    assert_eq!(counter.post("/api/v1/members/correct", &wrong).status, 422);
    let history = counter.post("/api/v1/members/history", &json!({ "card": "9900004" }));
    assert_eq!(history.status, 200, "{}", history.body);
    let changes = history.body["changes"].as_array().unwrap();
    let told: Vec<_> = changes
        .iter()
        .map(|c| (c["source"].as_str().unwrap(), c["fields"].as_array().unwrap().len()))
        .collect();
    assert_eq!(told, [("counter", 7), ("person", 1), ("person", 1)]);
    assert_eq!((&changes[1]["fields"], &changes[2]["fields"]), (&json!(["mobile"]), &json!(["address"])));
    assert!(changes.iter().all(|c| c["actor"] == json!("s1.counter")));
    let mobile = &history.body["fields"]["mobile"];
    assert_eq!(mobile, &json!({ "value": "139****3333", "version": 2, "source": "person" }));
    // Of a file.
    let (card, _) = served.member("S001");
    let history = counter.post("/api/v1/members/history", &json!({ "card": card }));
    assert_eq!(history.body["changes"], json!([]));
    assert_eq!(history.body["fields"]["name"]["source"], json!("import"));
}

fn a_value_is_verified_without_being_shown(served: &Served) {
    let counter = served.caller("s1.counter");
    let (card, mobile) = served.member("S001");
    let verify = |field: &str, value: &str| {
        counter.post("/api/v1/members/verify", &json!({ "card": card, "field": field, "value": value }))
    };
    let before = served.size();
    assert_eq!(verify("mobile", &mobile).body, json!({ "match": true }));
    let spaced = format!("+86 {} {}", &mobile[..3], &mobile[3..]);
    assert_eq!(verify("mobile", &spaced).body, json!({ "match": true }), "as it would be stored");
    assert_eq!(verify("mobile", "13000000000").body, json!({ "match": false }));
    assert_eq!(verify("card", &card).body, json!({ "match": true }));
    assert_eq!((verify("mobile", "1").status, verify("mobile", "1").code()), (422, "not_mobile"));
    let entries = served.entries(before);
    let asked: Vec<&Value> = entries.iter().filter(|e| e["action"] == json!("member.verified")).collect();
    assert_eq!(asked.len(), 6);
    assert!(asked.iter().all(|e| e["member"].is_string() && e["fields"].as_array().unwrap().len() == 1));
    let (foreign, _) = served.member("S002");
    let other = counter
        .post("/api/v1/members/verify", &json!({ "card": foreign, "field": "mobile", "value": mobile }));
    assert_eq!((other.status, other.code()), (404, "unknown_member"));
}

fn contact_points_are_suppressed(served: &Served) {
    let mut head = served.caller("mem.head");
    let file = "mobile\n13900001111\n1390\n";
    let send =
        |head: &crate::caller::Caller| head.send("POST", "/api/v1/suppression", "text/csv", file.as_bytes());
    assert_eq!(send(&head).code(), "reason_missing");
    head.headers.push(("x-reason".into(), "%E4%BB%96%E6%9D%A5%E7%94%B5 letter".into()));
    let done = send(&head);
    assert_eq!(
        (done.status, &done.body["added"], &done.body["rejected"]),
        (200, &json!(1), &json!(1)),
        "{}",
        done.body
    );
    assert_eq!(send(&head).body["known"], json!(1));
    let documents = served.caller("s1.counter").get("/api/v1/documents");
    let items = documents.body["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "the current one of each family");
    assert!(
        items
            .iter()
            .all(|d| d["digest"].as_str().unwrap().len() == 64 && !d["body"].as_str().unwrap().is_empty())
    );
    let every = served.caller("s1.counter").get("/api/v1/documents?every=true");
    assert!(every.body["items"].as_array().unwrap().len() > 2);
}

fn a_workbook_is_imported(served: &Served) {
    const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let counter = served.caller("s1.counter");
    let import = |file: &[u8]| counter.send("POST", "/api/v1/imports", XLSX, file);
    let head: Vec<String> = ["卡号", "姓名", "手机", "归属门店", "生日"].map(text).to_vec();
    let row = |card: &str, mobile: &str, store: &str| {
        vec![number(card, 0), text("王芳"), number(mobile, 0), text(store), number("32907", 1)]
    };
    let file = workbook(&[
        head,
        row("9900010", "13900002221", "S001"),
        row("9900011", "1390000222", "S001"),
        row("9900012", "13900002223", "S002"),
    ]);
    let done = import(&file);
    assert_eq!(done.status, 200, "{}", done.body);
    assert_eq!(
        (&done.body["read"], &done.body["created"], &done.body["rejected"]),
        (&json!(3), &json!(1), &json!(2))
    );
    assert_eq!(import(&file).body["unchanged"], json!(1), "the same file again changes nothing");
    let reveal = json!({ "card": "9900010", "fields": ["mobile", "birthday"], "reason": "他打来电话" });
    let fields = counter.post("/api/v1/members/reveal", &reveal);
    assert_eq!(fields.body["fields"], json!({ "mobile": "13900002221", "birthday": "1990-02-03" }));
    // Some hundred kilobytes that would be more than a part may be, a sheet like any other.
    let bomb = bomb("xl/worksheets/sheet1.xml", 257);
    assert!(bomb.len() < 1 << 20);
    let refused = import(&bomb);
    assert_eq!((refused.status, refused.code()), (422, "file_too_large_unpacked"), "{}", refused.body);
    assert_eq!(import(b"PK\x03\x04 no archive").code(), "file_broken_sheet");
    assert_eq!(counter.send("POST", "/api/v1/imports", "application/json", b"{}").status, 415);
}
