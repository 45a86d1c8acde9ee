//! Tokens for programs (B11) as they are kept: who sees and revokes them, whose budget they spend, and that their text is
//! nowhere.

use serde_json::{Value, json};

use crate::both;
use crate::budgets::budgets;
use crate::caller::{Caller, Served};
use crate::leak::Program;
use crate::raw::{Cell, Raw};
use crate::support::world::{On, World, block};
use crate::tokens::{look_up, made, of, program};

both!(
    tokens_are_listed_and_revoked_by_whom,
    looks_count_on_the_person,
    a_forged_token_is_nobodys,
    a_repeated_request_is_the_tokens_own,
    its_text_is_nowhere_in_the_vault,
);

const DAY: i64 = 86_400_000_000;

fn tokens_are_listed_and_revoked_by_whom(served: &Served) {
    let (_, mobile) = served.member("S001");
    let (counter, officer) = (served.caller("s1.counter"), served.caller("hq.officer"));
    let till = made(&counter, &["members:look-up"], "S001");
    let other = made(&officer, &["requests:read"], "HQ-MKT");
    let text = till["token"].as_str().unwrap();
    let ids = |caller: &Caller| -> Vec<i64> {
        let listed = caller.get("/api/v1/tokens");
        assert_eq!(listed.status, 200, "{}", listed.body);
        assert!(!listed.text().contains(&text[4..]), "{}", listed.body);
        listed.body["items"].as_array().unwrap().iter().map(|t| t["id"].as_i64().unwrap()).collect()
    };
    let id = |made: &Value| made["about"]["id"].as_i64().unwrap();
    assert_eq!(ids(&counter), [id(&till)]);
    assert_eq!(ids(&officer), [id(&other)]);
    for login in ["admin", "auditor"] {
        assert_eq!(ids(&served.caller(login)), [id(&other), id(&till)], "{login}");
    }
    assert_eq!(ids(&served.caller("s2.counter")), [0; 0]);
    let mine = |caller: &Caller| caller.get("/api/v1/tokens").body["items"][0].clone();
    let shown = mine(&counter);
    for (key, value) in [
        ("name", json!("till 2")),
        ("login", json!("s1.counter")),
        ("unit", json!("S001")),
        ("scopes", json!(["members:look-up"])),
        ("state", json!("live")),
        ("revoked_by", Value::Null),
        ("last_used_on", Value::Null),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
    let caller = program(served, &till["token"]);
    assert_eq!(look_up(&caller, &mobile).status, 200);
    served.clock.set(served.clock.now() + DAY);
    assert_eq!(look_up(&caller, &mobile).status, 200);
    let today = served.clock.today().to_string();
    let counter = served.caller("s1.counter");
    assert_eq!(mine(&counter)["last_used_on"], json!(today));
    // Somebody else's, nobody's, one that has ended: the same answer.
    let revoke = |caller: &Caller, id: i64| {
        let mut answer = caller.send("DELETE", &format!("/api/v1/tokens/{id}"), "", &[]);
        answer.body.as_object_mut().map(|body| body.remove("request_id"));
        (answer.status, answer.body)
    };
    let unknown = revoke(&counter, 4711);
    assert_eq!((unknown.0, &unknown.1["code"]), (404, &json!("unknown_token")));
    assert_eq!(revoke(&counter, id(&other)), unknown);
    assert_eq!(revoke(&served.caller("auditor"), id(&other)), unknown, "an auditor looks and does nothing");
    let from = served.size();
    assert_eq!(revoke(&counter, id(&till)).0, 204);
    assert_eq!(revoke(&counter, id(&till)), unknown);
    assert_eq!(revoke(&served.caller("admin"), id(&other)).0, 204);
    let officer = mine(&served.caller("hq.officer"));
    assert_eq!((&officer["state"], &officer["revoked_by"]), (&json!("revoked"), &json!("admin")));
    let entries = served.entries(from);
    let said: Vec<(&str, &str, &str)> = entries
        .iter()
        .filter(|e| e["action"] == json!("token.revoked"))
        .map(|e| ["object", "decision"].map(|key| e[key].as_str().unwrap()))
        .zip(entries.iter().filter(|e| e["action"] == json!("token.revoked")))
        .map(|([object, decision], e)| (object, decision, e["actor"]["login"].as_str().unwrap()))
        .collect();
    let wanted = [
        (format!("token/{}/S001", id(&till)), "allow", "s1.counter"),
        (format!("token/{}", id(&till)), "refuse", "s1.counter"),
        (format!("token/{}/HQ-MKT", id(&other)), "allow", "admin"),
    ];
    let wanted: Vec<(&str, &str, &str)> = wanted.iter().map(|(o, d, l)| (o.as_str(), *d, *l)).collect();
    assert_eq!(said, wanted);
}

fn looks_count_on_the_person(served: &Served) {
    budgets(served, &[("person", "look_up", 4, 100)]);
    let (_, mobile) = served.member("S001");
    let counter = served.caller("s1.counter");
    let tills = [0, 1].map(|_| of(served, "s1.counter", &["members:look-up"], "S001"));
    for caller in [&counter, &tills[0], &tills[1], &tills[0]] {
        assert_eq!(look_up(caller, &mobile).status, 200);
    }
    for caller in [&counter, &tills[0], &tills[1]] {
        assert_eq!(look_up(caller, &mobile).code(), "budget_spent");
    }
}

/// Who writes into the database gets no token by it, and no wider one.
fn a_forged_token_is_nobodys(served: &Served) {
    let (_, mobile) = served.member("S001");
    let till = of(served, "s1.counter", &["consents:read"], "S001");
    assert_eq!(look_up(&till, &mobile).code(), "beyond_token");
    let run = |sql: String| block(async { Raw::connect(&served.world.url).await.run(&sql).await.unwrap() });
    let later = || served.clock.set(served.clock.now() + 1_000_000);
    run("update service_token set scopes = 'members:look-up'".into());
    assert_eq!(look_up(&till, &mobile).code(), "beyond_token");
    later();
    assert_eq!(look_up(&till, &mobile).code(), "integrity");
    run("update service_token set scopes = 'consents:read'".into());
    assert_eq!(look_up(&till, &mobile).code(), "beyond_token");
    let text = format!("cst_{}", "A".repeat(43));
    let hash = hex::encode(countersign::keyring::sha256(text.as_bytes()));
    let hash = match served.world.on {
        On::Sqlite => format!("x'{hash}'"),
        On::Postgres => format!("'\\x{hash}'"),
    };
    let ends = served.clock.now() + DAY;
    run(format!(
        "insert into service_token (id, hash, login, name, scopes, unit, made_at, ends_at)
         values (9, {hash}, 'mem.head', 'x', 'members:look-up', 'GRP', 0, {ends})"
    ));
    let forger = program(served, &json!(text));
    assert_eq!(look_up(&forger, &mobile).code(), "not_signed_in");
    later();
    assert_eq!(look_up(&forger, &mobile).code(), "integrity");
}

/// An `Idempotency-Key` of a token is another one than its person's, and is worth nothing once the token has ended.
fn a_repeated_request_is_the_tokens_own(served: &Served) {
    let counter = served.caller("s1.counter");
    let made = made(&counter, &["members:import"], "S001");
    let keyed = |caller: &Caller| {
        let mut keyed = served.nobody();
        keyed.headers.clone_from(&caller.headers);
        keyed.headers.push(("idempotency-key".into(), "k-1".into()));
        move || {
            let file = "卡号,姓名,手机,归属门店\n9911005,王小明,13900001239,S001\n";
            keyed.send("POST", "/api/v1/imports", "text/csv", file.as_bytes())
        }
    };
    let (by_person, by_token) = (keyed(&counter), keyed(&program(served, &made["token"])));
    assert_eq!(by_person().body["created"], json!(1));
    let first = by_token();
    assert_eq!((&first.body["created"], &first.body["unchanged"]), (&json!(0), &json!(1)), "{}", first.body);
    let again = by_token();
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first.body));
    let at = format!("/api/v1/tokens/{}", made["about"]["id"]);
    assert_eq!(counter.send("DELETE", &at, "", &[]).status, 204);
    assert_eq!(by_token().code(), "not_signed_in");
}

/// Every cell of every table: the log, kept answers and the keystore with them.
fn its_text_is_nowhere_in_the_vault(served: &Served) {
    let (_, mobile) = served.member("S001");
    let token = made(&served.caller("s1.counter"), &["members:look-up"], "S001");
    assert_eq!(look_up(&program(served, &token["token"]), &mobile).status, 200);
    let text = token["token"].as_str().unwrap();
    let random = {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&text[4..]).unwrap()
    };
    let mut cells = 0;
    block(async {
        let mut raw = Raw::connect(&served.world.url).await;
        for table in raw.tables().await {
            for cell in raw.rows(&table).await.into_iter().flatten() {
                let bytes = match cell {
                    Cell::Text(text) => text.into_bytes(),
                    Cell::Bytes(bytes) => bytes,
                    Cell::Null | Cell::Int(_) => continue,
                };
                cells += 1;
                for secret in [&text.as_bytes()[4..], &random] {
                    assert!(!bytes.windows(secret.len()).any(|w| w == secret), "it stands in {}", table.name);
                }
            }
        }
    });
    assert!(cells > 500, "{cells}");
}

#[test]
fn nothing_of_it_is_written_to_a_servers_log() {
    let world = World::new(On::Sqlite);
    let server = Program::start(&world, &[]);
    let token = made(&server.caller("s1.counter"), &["members:look-up"], "S001");
    let text = token["token"].as_str().unwrap();
    let mut till = Caller::of(server.address);
    till.bearer(text);
    let row = world.members.accepted().find(|row| row.store == "S001" && !row.mobile.is_empty()).unwrap();
    assert_eq!(look_up(&till, &row.mobile).status, 200);
    assert_eq!(till.get("/api/v1/session").code(), "beyond_token");
    till.bearer(&format!("{text}x"));
    assert_eq!(look_up(&till, &row.mobile).code(), "not_signed_in");
    let written = server.stop();
    assert!(written.contains("answered"), "nothing was traced");
    assert!(!written.contains(&text[4..]), "the log holds a token");
}
