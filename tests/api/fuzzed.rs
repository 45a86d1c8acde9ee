//! The published document against the running server, by Schemathesis: thousands of generated calls, every check it has,
//! as three people of different roles. What fits no answer that the document names, and every 5xx, fails.
//!
//! `tests/run --tools` installs it beside the build, at the versions of `tests/support/python`. Runs are the same
//! each time: what is generated follows from the document alone. `COUNTERSIGN_LONG=1` generates twenty times as much.

use std::path::Path;
use std::process::Command;

use crate::caller::Served;
use crate::road::signed;
use crate::support::tools::python;
use crate::support::world::On;

/// Who keeps people and policies, who asks for lists, who touches members; each with somebody else whose sessions and
/// password are no longer what they were afterwards.
const ROLES: [(&str, &str); 3] =
    [("admin", "hq.planner"), ("hq.officer", "hq.vendors"), ("s1.counter", "hq.head")];

/// Calls that at least are made, by all three together.
const AT_LEAST: u64 = 5_000;

#[test]
fn the_document_says_what_the_server_does() {
    let served = Served::start(On::Sqlite);
    let (card, _) = served.member("S001");
    let request = signed(&served, "sms");
    let long = std::env::var_os("COUNTERSIGN_LONG").is_some();
    let mut calls = 0;
    for (role, spare) in ROLES {
        let tokens = [role, spare].map(|login| token(&served, login));
        let (passed, said) = run(&served, &tokens, &card, &request, if long { 100 } else { 5 });
        assert!(passed, "as {role}:\n{said}");
        calls += generated(&said);
    }
    assert!(calls >= AT_LEAST, "{calls} calls were generated");
}

fn token(served: &Served, login: &str) -> String {
    let caller = served.caller(login);
    caller.headers[0].1.trim_start_matches("Bearer ").to_owned()
}

fn run(served: &Served, tokens: &[String; 2], card: &str, request: &str, examples: u32) -> (bool, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/fuzzing");
    let kept = tempfile::tempdir().unwrap();
    let output = Command::new(python("schemathesis", "schemathesis"))
        .args(["--no-color", "--config-file"])
        .arg(folder.join("schemathesis.toml"))
        .args(["run", &format!("http://{}/api/v1/openapi.json", served.address)])
        .args(["--checks", "all", "--phases", "examples,coverage,fuzzing", "--continue-on-failure"])
        .args(["--generation-deterministic", "--max-examples", &examples.to_string()])
        .args(["--workers", "1", "--request-timeout", "60", "--suppress-health-check", "all"])
        // What it keeps of a run, the next one would begin from.
        .current_dir(kept.path())
        .env("PYTHONPATH", &folder)
        .envs([("SCHEMATHESIS_HOOKS", "hooks"), ("PYTHONDONTWRITEBYTECODE", "1")])
        .envs([("VAULT_CARD", card), ("VAULT_REQUEST", request), ("VAULT_VENDOR", "SMS1")])
        .envs([("VAULT_LOGIN", "mem.desk"), ("VAULT_TOKEN", &tokens[0]), ("VAULT_SPARE_TOKEN", &tokens[1])])
        .output()
        .unwrap_or_else(|e| panic!("schemathesis: {e}; `tests/run --tools` installs it"));
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said.into_owned())
}

/// `  3444 generated, 3444 passed`
fn generated(said: &str) -> u64 {
    let lines = said.lines().filter(|line| line.contains(" generated, "));
    lines.filter_map(|line| line.split_whitespace().next()?.parse::<u64>().ok()).sum()
}
