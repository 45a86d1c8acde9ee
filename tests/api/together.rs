//! Two servers on one vault: one set of sessions, one log without a gap.

use std::collections::BTreeSet;

use serde_json::json;

use crate::both;
use crate::caller::{Caller, Served};

both!(a_session_is_known_to_both, many_at_once_leave_no_gap);

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
