//! `Idempotency-Key`: asked twice, done once, answered the same; nothing of it in clear; honest where nobody can say.

use std::collections::BTreeSet;

use countersign::broker::repeats::Asked;
use countersign::model::ids::Login;
use serde_json::json;

use crate::both;
use crate::caller::{Answer, Caller, Served};
use crate::raw::Raw;
use crate::support::world::{block, cast, form};

both!(
    what_is_asked_twice_is_done_once,
    a_refusal_leaves_the_key_free,
    many_at_once_do_it_once,
    who_died_over_it_is_told_honestly,
    a_file_is_read_once,
    a_member_is_added_once_and_no_answer_holds_him,
    nothing_of_it_stands_in_clear_and_a_changed_row_is_found,
);

/// The same caller with a key.
fn under(caller: &Caller, served: &Served, key: &str) -> Caller {
    let mut keyed = served.nobody();
    keyed.headers.clone_from(&caller.headers);
    keyed.headers.push(("idempotency-key".into(), key.into()));
    keyed
}

fn draft(caller: &Caller, text: &str) -> Answer {
    caller.send("POST", "/api/v1/requests", "application/toml", text.as_bytes())
}

fn actions(served: &Served, from: u64, action: &str) -> usize {
    served.entries(from).iter().filter(|e| e["action"] == action).count()
}

fn what_is_asked_twice_is_done_once(served: &Served) {
    let officer = served.caller(cast("post")[0]);
    let keyed = under(&officer, served, "k-1");
    let from = served.size();
    let first = draft(&keyed, &form("post"));
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, ""));
    for _ in 0..2 {
        let again = draft(&keyed, &form("post"));
        assert_eq!((again.status, &again.bytes), (201, &first.bytes));
        assert_eq!(again.header("location"), first.header("location"));
        assert_eq!(again.header("content-type"), first.header("content-type"));
        assert_eq!(again.header("idempotency-replayed"), "true");
    }
    assert_eq!(actions(served, from, "request.drafted"), 1);
    // Something else under the key: another body, another place.
    let no = first.body["no"].as_str().unwrap();
    let other = form("post").replacen("row_limit = ", "row_limit = 1", 1);
    for reused in [draft(&keyed, &other), keyed.post(&format!("/api/v1/requests/{no}/submit"), &json!({}))] {
        assert_eq!((reused.status, reused.code()), (422, "idempotency_key_reused"));
    }
    // Another's key is another, and so is another key.
    let colleague = served.caller("s1.head");
    for fresh in [
        draft(&under(&colleague, served, "k-1"), &form("post")),
        draft(&under(&officer, served, "k-2"), &form("post")),
    ] {
        assert_eq!(fresh.status, 201, "{}", fresh.body);
        assert_ne!(fresh.body["no"], first.body["no"]);
    }
    for wrong in ["", "a b", &"x".repeat(256)] {
        assert_eq!(
            draft(&under(&officer, served, wrong), &form("post")).code(),
            "bad_idempotency_key",
            "{wrong:?}"
        );
    }
    let mut two = under(&officer, served, "k-1");
    two.headers.push(("idempotency-key".into(), "k-3".into()));
    assert_eq!(draft(&two, &form("post")).code(), "bad_idempotency_key");
    assert_eq!(draft(&under(&served.nobody(), served, "k-1"), &form("post")).code(), "not_signed_in");
    // A day later it is forgotten.
    served.clock.set(served.clock.now() + 86_400_000_000);
    let later = draft(&under(&served.caller(cast("post")[0]), served, "k-1"), &form("post"));
    assert_eq!(later.status, 201);
    assert_ne!(later.body["no"], first.body["no"]);
}

fn a_refusal_leaves_the_key_free(served: &Served) {
    let officer = served.caller(cast("post")[0]);
    let keyed = under(&officer, served, "k-1");
    assert_eq!(draft(&keyed, "nothing").status, 422);
    let drafted = draft(&keyed, &form("post"));
    assert_eq!(drafted.status, 201, "{}", drafted.body);
    let submit = format!("/api/v1/requests/{}/submit", drafted.body["no"].as_str().unwrap());
    let keyed = under(&officer, served, "k-2");
    served.clock.set(served.clock.now() + 6 * 60_000_000);
    assert_eq!(keyed.post(&submit, &json!({})).code(), "step_up_needed");
    let again = officer
        .post("/api/v1/session/step-up", &json!({ "password": crate::caller::secret(cast("post")[0]) }));
    assert_eq!(again.status, 200, "{}", again.body);
    let from = served.size();
    let submitted = keyed.post(&submit, &json!({}));
    assert_eq!(submitted.status, 200, "{}", submitted.body);
    // The step-up of the first time is not asked of who is only told again.
    served.clock.set(served.clock.now() + 6 * 60_000_000);
    assert_eq!(keyed.post(&submit, &json!({})).bytes, submitted.bytes);
    assert_eq!(actions(served, from, "request.submitted"), 1);
}

fn many_at_once_do_it_once(served: &Served) {
    let second = served.beside();
    let officer = served.caller(cast("post")[0]);
    let from = served.size();
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..8)
            .map(|n| {
                let mut one = Caller::of(if n % 2 == 0 { served.address } else { second.address });
                one.headers = under(&officer, served, "k-1").headers;
                scope.spawn(move || draft(&one, &form("post")))
            })
            .collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let mut numbers = BTreeSet::new();
    for answer in &answers {
        match answer.status {
            201 => drop(numbers.insert(answer.body["no"].to_string())),
            _ => {
                assert_eq!((answer.status, answer.code()), (409, "idempotency_in_progress"));
                assert_eq!(answer.header("retry-after"), "2");
            }
        }
    }
    assert_eq!((numbers.len(), actions(served, from, "request.drafted")), (1, 1), "{numbers:?}");
    // At another server the answer is the same.
    let mut there = Caller::of(second.address);
    there.headers = under(&officer, served, "k-1").headers;
    assert_eq!(draft(&there, &form("post")).body["no"].to_string(), *numbers.first().unwrap());
}

/// A process that began and ended without a word: nobody can say whether it was done, and the key says so until it is forgotten.
fn who_died_over_it_is_told_honestly(served: &Served) {
    let login = cast("post")[0];
    let officer = served.caller(login);
    block(async {
        let broker = served.broker().await;
        let begun = {
            let view = &mut broker.store().view().await.unwrap();
            let staff = countersign::access::Staff::load(view).await.unwrap();
            staff.caller(&Login::parse(login).unwrap()).unwrap()
        };
        assert!(matches!(broker.once(&begun, b"k-1").await.unwrap(), Asked::First(_)));
        broker.store().close().await;
    });
    let keyed = under(&officer, served, "k-1");
    assert_eq!(draft(&keyed, &form("post")).code(), "idempotency_in_progress");
    served.clock.set(served.clock.now() + 60_000_001);
    for _ in 0..2 {
        let told = draft(&keyed, &form("post"));
        assert_eq!((told.status, told.code()), (409, "outcome_unknown"));
    }
    assert_eq!(draft(&under(&officer, served, "k-2"), &form("post")).status, 201);
}

fn a_file_is_read_once(served: &Served) {
    let head = served.caller("mem.head");
    let keyed = under(&head, served, "k-1");
    let file = "卡号,姓名,手机号,开卡门店\n99887701,王小明,13912345678,S001\n";
    let send = |path: &str, text: &str| keyed.send("POST", path, "text/csv", text.as_bytes());
    let from = served.size();
    let first = send("/api/v1/imports", file);
    assert_eq!((first.status, &first.body["created"]), (200, &json!(1)), "{}", first.body);
    let again = send("/api/v1/imports", file);
    assert_eq!((again.status, &again.bytes), (200, &first.bytes), "not `unchanged`: what was answered then");
    assert_eq!(actions(served, from, "import.started"), 1);
    for (path, text) in
        [("/api/v1/imports?dry_run=true", file), ("/api/v1/imports", &file.replace("王小明", "王小民"))]
    {
        assert_eq!(send(path, text).code(), "idempotency_key_reused", "{path}");
    }
}

/// Everything that lies in the table.
fn kept(served: &Served) -> Vec<u8> {
    block(async {
        let mut raw = Raw::connect(&served.world.url).await;
        let tables = raw.tables().await;
        let table = tables.into_iter().find(|t| t.name == "kept_answer").unwrap();
        format!("{:?}", raw.rows(&table).await).into_bytes()
    })
}

fn a_member_is_added_once_and_no_answer_holds_him(served: &Served) {
    served.register_notice();
    let keyed = under(&served.caller("s1.counter"), served, "k-1");
    let form = crate::members::form(served, "9900002", "13912345679");
    let first = keyed.post("/api/v1/members", &form);
    assert_eq!(first.status, 201, "{}", first.body);
    let from = served.size();
    let again = keyed.post("/api/v1/members", &form);
    assert_eq!((again.status, &again.body), (201, &first.body));
    // He is shown again, and that is a look.
    assert_eq!((actions(served, from, "member.added"), actions(served, from, "member.shown")), (0, 1));
}

fn nothing_of_it_stands_in_clear_and_a_changed_row_is_found(served: &Served) {
    let head = served.caller("mem.head");
    let (card, _) = served.member("S001");
    let keyed = under(&head, served, "a-key-of-mine");
    let erase = json!({ "card": card, "reason": "来信要求" });
    let from = served.size();
    let first = keyed.post("/api/v1/members/erase", &erase);
    assert_eq!(first.status, 200, "{}", first.body);
    let again = keyed.post("/api/v1/members/erase", &erase);
    assert_eq!((again.status, &again.bytes), (200, &first.bytes), "not `unknown_member`");
    assert_eq!(actions(served, from, "erase.ordered"), 1);
    let lies = String::from_utf8(kept(served)).unwrap();
    let case = first.body["case_no"].as_str().unwrap();
    let bytes = |text: &str| format!("{:?}", text.as_bytes()).trim_matches(['[', ']']).to_owned();
    for secret in [case, &card, "a-key-of-mine", "来信要求", "mem.head", "erase"] {
        assert!(!lies.contains(secret) && !lies.contains(&bytes(secret)), "{secret}");
    }
    block(async {
        let mut raw = Raw::connect(&served.world.url).await;
        raw.run("update kept_answer set begun_at = begun_at + 1").await.unwrap();
    });
    let told = keyed.post("/api/v1/members/erase", &erase);
    assert_eq!((told.status, told.code()), (500, "integrity"));
}
