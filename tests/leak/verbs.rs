//! Everything that people do with one member or a file, done rightly and wrongly, with everything logged.

use std::fs;
use std::path::PathBuf;

use super::Demo;
use super::support::cli::Output;
use super::support::generate::{HEADER, Row};

/// A person at the demo's vault.
struct By<'a>(&'a mut Demo);

impl By<'_> {
    fn words(&self, login: &str, args: &[&str]) -> Vec<String> {
        let data = self.0.data();
        let secret = data.join("secrets").join(login);
        let mut words = vec!["--data".to_owned(), data.display().to_string()];
        words.extend(args.iter().map(|word| (*word).to_owned()));
        words.extend(["--as".to_owned(), login.to_owned(), "--password-file".to_owned()]);
        words.push(secret.display().to_string());
        words
    }

    /// Runs it, keeps what it said, and expects this exit code.
    #[track_caller]
    fn does(&mut self, code: i32, login: &str, args: &[&str], stdin: &str) -> Output {
        let output = self.0.cli.run_with(&self.words(login, args), stdin.as_bytes());
        self.0.keep(&args.join(" "), &output);
        // Not the whole output: it may hold what must not be shown.
        assert_eq!(
            output.code,
            code,
            "{login}: {args:?}: {}",
            output.stderr.lines().last().unwrap_or_default()
        );
        output
    }

    /// A file in the scanned temporary folder.
    fn scanned(&self, name: &str) -> String {
        self.0.cli.tmp().join(name).display().to_string()
    }

    /// A file outside of everything that is scanned.
    fn input(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path: PathBuf = self.0.input.path().join(name);
        fs::write(&path, bytes).expect("our own folder");
        path.display().to_string()
    }
}

/// The counter of all stores but those with people of their own sits in `HQ-MEM`; members of S001 have `lin.yu`.
pub fn run_all(demo: &mut Demo) {
    let is_whole = |row: &&Row| {
        row.store == "S001" && !row.mobile.is_empty() && !row.email.is_empty() && !row.address.is_empty()
    };
    let row = demo.members.accepted().find(is_whole).expect("a member of the first store").clone();
    let foreign = demo.members.accepted().find(|r| r.store == "S002").expect("one of the second").clone();
    let mut by = By(demo);
    look_ups(&mut by, &row, &foreign);
    reveals(&mut by, &row, &foreign);
    corrections(&mut by, &row);
    files(&mut by, &row);
    consents(&mut by, &row);
    ends(&mut by, &row);
}

fn look_ups(by: &mut By<'_>, row: &Row, foreign: &Row) {
    let line = |value: &str| format!("{value}\n");
    let found = by.does(0, "lin.yu", &["member", "look-up", "--json"], &line(&row.mobile));
    assert_eq!(found.json()["items"].as_array().map(Vec::len).map(|n| n > 0), Some(true));
    by.does(0, "lin.yu", &["member", "look-up", "--by", "email"], &line(&row.email));
    by.does(0, "lin.yu", &["member", "look-up", "--by", "card"], &line(&row.card));
    // Of another store, of nobody, of another kind, by another role.
    by.does(0, "lin.yu", &["member", "look-up"], &line(&foreign.mobile));
    by.does(1, "lin.yu", &["member", "look-up"], &line(&row.address));
    by.does(1, "lin.yu", &["member", "look-up", "--by", "email"], &line(&row.mobile));
    by.does(1, "lin.yu", &["member", "look-up", "--by", "card"], &line(&row.name));
    by.does(1, "li.na", &["member", "look-up"], &line(&row.mobile));
    by.does(0, "lin.yu", &["member", "show", &row.card], "");
    by.does(1, "lin.yu", &["member", "show"], &line(&row.name));
    by.does(1, "lin.yu", &["member", "show"], "99999999\n");
    by.does(1, "lin.yu", &["member", "show", &foreign.card], "");
}

fn reveals(by: &mut By<'_>, row: &Row, foreign: &Row) {
    let fields = "mobile,name,address,email";
    let reveal = |card: &str, reason: &str| {
        ["member", "reveal", card, "--fields", fields, "--reason", reason].map(str::to_owned)
    };
    for (login, card, reason) in [
        ("li.na", &row.card, "called back"),
        ("liu.yang", &row.card, "called back"),
        ("admin", &row.card, "called back"),
        ("lin.yu", &foreign.card, "called back"),
        ("lin.yu", &row.card, ""),
        ("lin.yu", &"99999999".to_owned(), "called back"),
    ] {
        let words = reveal(card, reason);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        by.does(1, login, &words, "");
    }
    // The one place where values may be: standard output of a granted reveal.
    for json in [false, true] {
        let words = reveal(&row.card, "called back");
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        words.extend(json.then_some("--json"));
        let output = by.0.cli.run(&by.words("lin.yu", &words));
        assert_eq!(output.code, 0, "the reveal was refused");
        for value in [&row.mobile, &row.name, &row.address, &row.email] {
            let value = if json { value.replace('"', "\\\"") } else { value.clone() };
            assert!(output.stdout.contains(&value), "a revealed field is missing");
        }
        by.0.said.push(("reveal: stderr".to_owned(), output.stderr));
    }
}

fn corrections(by: &mut By<'_>, row: &Row) {
    let words =
        |field: &'static str| ["member", "correct", &row.card, "--field", field, "--reason", "form 113"];
    by.does(1, "lin.yu", &words("mobile"), &format!("{}\n", row.address));
    by.does(1, "lin.yu", &words("email"), &format!("{}\n", row.mobile));
    by.does(1, "li.na", &words("mobile"), &format!("{}\n", row.mobile));
    by.does(0, "lin.yu", &words("mobile"), &format!("{}\n", row.mobile_cell));
}

fn files(by: &mut By<'_>, row: &Row) {
    let errors = by.scanned("errors.csv");
    let import = |file: &str| ["member", "import", file, "--errors", &errors, "--json"].map(str::to_owned);
    let values = [&row.name, &row.mobile, &row.email, &row.address];
    // Each value in a column where it is wrong, quotes that do not close, rows too short and too long.
    let mut broken = format!("{HEADER}\r\n");
    for value in values {
        let value = value.replace('"', "");
        broken.push_str(&format!("9{0},{value},{value},{value},{value},{value},{value},{value},{value},{value},{value},{value},{value},{value},{value},{value},{value},{value}\r\n", &row.card));
        broken.push_str(&format!("{value},{value}\r\n{value},\"{value}\"{value},{value}\r\n"));
    }
    broken.push_str(&format!("{},\"{},{}\r\n", row.card, row.name, row.mobile));
    let no_header: String = values.iter().map(|v| format!("{},", v.replace(['"', ','], ""))).collect();
    let twice = format!("{HEADER},{HEADER}\r\n{no_header}\r\n");
    for (code, name, bytes) in [
        (0, "broken.csv", broken),
        (1, "no-header.csv", format!("{no_header}\r\n{no_header}\r\n")),
        (1, "twice.csv", twice),
        // A first data row that took the place of most of the header.
        (0, "mixed.csv", format!("卡号,姓名,{no_header}x\r\n{}", format!("1,2,{no_header}x\r\n").repeat(12))),
        (1, "one-quote.csv", format!("\"{no_header}\r\n")),
    ] {
        let file = by.input(name, bytes);
        let words = import(&file);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = by.does(code, "liu.yang", &words, "");
        if name == "broken.csv" {
            assert!(output.json()["rejected"].as_u64() > Some(8), "{name}: {}", output.json());
            by.0.said.push(("errors file".to_owned(), fs::read_to_string(&errors).expect("the errors file")));
        }
    }
    // The same file again, unchanged; and as somebody who may not.
    let whole = by.0.input.path().join("members.csv").display().to_string();
    by.does(0, "liu.yang", &["member", "import", &whole], "");
    by.does(0, "liu.yang", &["member", "import", &whole, "--dry-run"], "");
    by.does(1, "li.na", &["member", "import", &whole], "");
    let list =
        by.input("stop.csv", format!("mobile,email\r\n{},{}\r\n{},x\r\n", row.mobile, row.email, row.name));
    by.does(0, "liu.yang", &["suppression", "import", &list, "--reason", "complaint"], "");
    by.does(1, "liu.yang", &["suppression", "import", &whole, "--reason", ""], "");
}

fn consents(by: &mut By<'_>, row: &Row) {
    let set = ["consent", "set", &row.card, "--purpose", "promotion", "--channel", "sms", "--refuse"];
    by.does(0, "lin.yu", &set, "");
    by.does(1, "li.na", &set, "");
    by.does(0, "lin.yu", &["consent", "show", &row.card], "");
}

fn ends(by: &mut By<'_>, row: &Row) {
    by.does(0, "liu.yang", &["member", "who-saw", &row.card], "");
    let erase = ["member", "erase", &row.card, "--reason", "letter of 3 May", "--json"];
    by.does(1, "lin.yu", &erase, "");
    let case = by.does(0, "liu.yang", &erase, "").json()["case"].as_str().expect("a case").to_owned();
    by.does(0, "liu.yang", &["member", "who-saw", "--case", &case], "");
    by.does(0, "wu.jun", &["audit", "export", "--format", "jsonl"], "");
    by.does(0, "li.na", &["request", "list"], "");
    let data = by.0.data().display().to_string();
    for args in [&["audit", "verify", "--deep"][..], &["doctor"]] {
        let output = by.0.cli.run(&[&["--data", &data], args].concat());
        by.0.keep(&args.join(" "), &output);
        assert_eq!(output.code, 0, "{args:?}");
    }
}
