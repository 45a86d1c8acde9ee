//! Two processes on one PostgreSQL vault, as they are run: what one knows the other knows, and who kills one takes nothing that
//! was answered.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::caller::Caller;
use crate::leak::Program;
use crate::stopping::verified;
use crate::support::world::{On, World};

fn start(world: &World) -> Program {
    Program::logging(world, &[], "warn")
}

/// The same person at the other process.
fn at(caller: &Caller, program: &Program) -> Caller {
    let mut other = Caller::of(program.address);
    other.headers.clone_from(&caller.headers);
    other
}

fn entries(program: &Program, from: u64) -> Vec<Value> {
    let export = json!({ "format": "jsonl", "from": from });
    let answer = program.caller("auditor").post("/api/v1/audit/export", &export);
    answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A person's 120 look-ups an hour (A10b) are 120 at both together, and a session that ends at one has ended at the other.
#[test]
fn sessions_and_budgets_are_one() {
    let world = World::new(On::Postgres);
    let (one, other) = (start(&world), start(&world));
    let here = one.caller("s1.counter");
    let there = at(&here, &other);
    let nobody = json!({ "index": "mobile", "value": "13900000000" });
    let mut answered = 0;
    let spent = loop {
        let caller = if answered % 2 == 0 { &here } else { &there };
        let answer = caller.post("/api/v1/members/look-up", &nobody);
        if answer.status != 200 {
            break answer;
        }
        answered += 1;
    };
    assert_eq!((answered, spent.status, spent.code()), (120, 429, "budget_spent"), "{}", spent.body);
    for caller in [&here, &there] {
        assert_eq!(caller.post("/api/v1/members/look-up", &nobody).code(), "budget_spent");
    }
    assert_eq!(there.send("DELETE", "/api/v1/session", "", &[]).status, 204);
    assert_eq!(here.get("/api/v1/session").code(), "not_signed_in");
    one.stop();
    other.stop();
    verified(&world);
}

/// Each answer stands in the log, in one sequence without a gap, though the process that gave it was killed.
#[test]
fn a_killed_process_takes_no_answer_with_it() {
    const CLIENTS: usize = 8;
    let world = World::new(On::Postgres);
    let (one, other) = (start(&world), start(&world));
    let counters = ["s1.counter", "s2.counter"].map(|login| one.caller(login));
    let nobody = json!({ "index": "mobile", "value": "13900000000" }).to_string();
    let (answered, over) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for n in 0..CLIENTS {
            let victim = n % 2 == 0;
            let client = at(&counters[n % 4 / 2], if victim { &other } else { &one });
            let (nobody, answered, over) = (&nobody, &answered, &over);
            scope.spawn(move || {
                // Each within its owner's budget.
                for _ in 0..25 {
                    let path = "/api/v1/members/look-up";
                    match client.tries("POST", path, "application/json", nobody.as_bytes()) {
                        Ok(answer) => {
                            assert_eq!(answer.status, 200, "{}", answer.body);
                            answered.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(_) => {
                            assert!(victim && over.load(Ordering::SeqCst), "who lives answers");
                            return;
                        }
                    }
                }
            });
        }
        while answered.load(Ordering::SeqCst) < 40 {
            std::thread::yield_now();
        }
        over.store(true, Ordering::SeqCst);
        other.kill();
    });
    let again = start(&world);
    let told = entries(&again, 0);
    let seqs: Vec<u64> = told.iter().map(|e| e["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (0..seqs.len() as u64).collect::<Vec<_>>());
    let mut of: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in &told {
        *of.entry(entry["action"].as_str().unwrap()).or_default() += 1;
    }
    let answered = answered.into_inner();
    assert!(answered > 40 && of["member.looked_up"] >= answered, "{answered} answers, {of:?}");
    // Sessions outlive the process that opened or served them.
    assert_eq!(at(&counters[1], &again).get("/api/v1/session").status, 200);
    one.stop();
    again.stop();
    verified(&world);
}
