//! Two servers on one vault: one set of sessions, one log without a gap.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use crate::both;
use crate::caller::{Caller, Served};

both!(a_session_is_known_to_both, many_at_once_leave_no_gap, each_read_has_its_entry_before_its_answer);

/// The same person at another server.
fn at(caller: &Caller, address: std::net::SocketAddr) -> Caller {
    let mut other = Caller::of(address);
    other.headers.clone_from(&caller.headers);
    other
}

fn a_session_is_known_to_both(served: &Served) {
    let second = served.beside();
    let here = served.caller("s1.counter");
    let there = at(&here, second.address);
    assert_eq!(there.get("/api/v1/session").body["login"], json!("s1.counter"));
    let (card, _) = served.member("S001");
    let reveal = json!({ "card": card, "fields": ["mobile"], "reason": "他打来电话" });
    assert_eq!(there.post("/api/v1/members/reveal", &reveal).status, 200, "the step-up too");
    assert_eq!(there.send("DELETE", "/api/v1/session", "", &[]).status, 204);
    assert_eq!(here.get("/api/v1/session").code(), "not_signed_in");
}

/// Each look is there once, whoever served it, and every place of the log is taken once.
fn many_at_once_leave_no_gap(served: &Served) {
    const CLIENTS: usize = 8;
    const LOOKS: usize = 6;
    let second = served.beside();
    let from = served.size();
    let (card, _) = served.member("S001");
    let counter = served.caller("s1.counter");
    std::thread::scope(|scope| {
        for n in 0..CLIENTS {
            let client = at(&counter, if n % 2 == 0 { served.address } else { second.address });
            let card = &card;
            scope.spawn(move || {
                for _ in 0..LOOKS {
                    let shown = client.post("/api/v1/members/show", &json!({ "card": card }));
                    assert_eq!(shown.status, 200, "{}", shown.body);
                }
            });
        }
    });
    let entries = served.entries(from);
    let seqs: Vec<u64> = entries.iter().map(|e| e["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (from..from + seqs.len() as u64).collect::<Vec<_>>());
    let looks: BTreeSet<u64> = entries
        .iter()
        .filter(|e| e["action"] == json!("member.shown"))
        .map(|e| e["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(looks.len(), CLIENTS * LOOKS);
}

/// 32 who look up and reveal at once, at two servers (A1, A10a): entries are written together, and yet each read has one
/// of its own, which stood on disk when it was answered.
fn each_read_has_its_entry_before_its_answer(served: &Served) {
    const CLIENTS: usize = 32;
    const READS: u64 = 5;
    crate::budgets::budgets(served, &[("person", "look_up", 1000, 1000), ("person", "reveal", 1000, 1000)]);
    let second = served.beside();
    let (card, mobile) = served.member("S001");
    let counter = served.caller("s1.counter");
    let mark = served.world.place().high_water.unwrap();
    let mark = || -> u64 { std::fs::read_to_string(&mark).unwrap().lines().nth(1).unwrap().parse().unwrap() };
    let (from, answered) = (served.size(), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for n in 0..CLIENTS {
            let client = at(&counter, if n % 2 == 0 { served.address } else { second.address });
            let (card, mobile, mark, answered) = (&card, &mobile, &mark, &answered);
            scope.spawn(move || {
                for time in 0..READS {
                    let found = client
                        .post("/api/v1/members/look-up", &json!({ "index": "mobile", "value": mobile }));
                    assert_eq!(found.status, 200, "{}", found.body);
                    assert!(!found.body["items"].as_array().unwrap().is_empty());
                    let because = format!("客户 {n} 第 {time} 次来电");
                    let reveal = json!({ "card": card, "fields": ["mobile"], "reason": because });
                    let shown = client.post("/api/v1/members/reveal", &reveal);
                    assert_eq!(shown.status, 200, "{}", shown.body);
                    let so_far = answered.fetch_add(2, Ordering::SeqCst) + 2;
                    assert!(mark() >= from + so_far, "a read was answered before its entry stood");
                }
            });
        }
    });
    let entries = served.entries(from);
    let seqs: Vec<u64> = entries.iter().map(|e| e["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (from..from + seqs.len() as u64).collect::<Vec<_>>());
    let of = |action: &str| entries.iter().filter(|e| e["action"] == json!(action)).collect::<Vec<_>>();
    let reads = CLIENTS * READS as usize;
    assert_eq!(of("member.looked_up").len(), reads);
    // Each with the commitment of its own reason.
    let reasons: BTreeSet<String> = of("member.revealed")
        .iter()
        .map(|e| e["digests"]["commitment"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((of("member.revealed").len(), reasons.len()), (reads, reads));
    let verified = crate::support::world::block(async {
        let broker = served.world.open().await;
        broker.audit_verify(true, &[]).await.unwrap()
    });
    assert_eq!(verified.problems, []);
}
