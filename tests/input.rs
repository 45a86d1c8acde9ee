//! Bad input and a bad machine (done-line 10): each has a clear message and exit code, nothing is lost or
//! half-stored, and everything verifies afterwards. What a refusal leaves in the log is itself and no more.

mod support;

#[path = "input/files.rs"]
mod files;
#[path = "input/machine.rs"]
mod machine;
#[path = "input/turns.rs"]
mod turns;
#[path = "input/vaults.rs"]
mod vaults;

use support::cli::Output;
use support::desk::Desk;

/// The last line of an error is `error: …`, then a hint; with a message and a code that name the cause.
#[track_caller]
fn told(output: &Output, code: &str, words: &[&str]) {
    assert_eq!(output.json()["error"]["code"], code, "{output}");
    let message = output.json()["error"]["message"].as_str().expect("a message");
    assert!(output.stderr.contains(&format!("error: {message}")), "{output}");
    for word in words {
        assert!(output.stderr.contains(word), "{word} is not said: {output}");
    }
}

/// How many members there are, by what `doctor` says.
#[track_caller]
fn members(desk: &Desk) -> u64 {
    let doctor = desk.cli.run(&["doctor", "--json"]).ok();
    let lines = doctor.json()["lines"].as_array().expect("lines").clone();
    let line = lines.iter().find(|line| line["what"] == "members").expect("a line for members");
    line["message"].as_str().expect("a text").parse().expect("a number")
}

/// A file of `n` new members whose cards start at `first`; all rows are right.
fn newcomers(first: u64, n: u64) -> String {
    let mut csv = String::from("card_no,name,mobile,address,postcode,home_store\n");
    for card in first..first + n {
        csv.push_str(&format!("{card},林敏芳,139{card:08},样例路{card}号,310000,S001\n"));
    }
    csv
}
