//! Imports followed while they run, at another server of the same vault; cancelled in the middle and made again; what was
//! refused as a file without a value in it.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::both;
use crate::caller::{Caller, Served};
use crate::described::{kept, operation};
use crate::stopping::verified;
use crate::support::workbook::{number, text, workbook};

both!(
    progress_is_seen_while_it_runs_and_by_whom,
    cancelled_it_stops_and_the_same_file_brings_the_rest,
    a_check_is_followed_and_cancelled_too,
    who_may_no_longer_brings_nothing_more,
    a_workbooks_errors_are_a_file_without_values,
    errors_are_kept_up_to_a_number_and_all_counted,
    the_examples_of_the_description_are_files,
);

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// Rows of a batch, and of a file of more than two.
const BATCH: usize = 10_000;
const ROWS: usize = 21_000;

/// A file of store S001: each thousandth row is wrong.
fn file() -> String {
    let mut csv = "卡号,姓名,手机,归属门店\n".to_owned();
    for row in 0..ROWS {
        let mobile = if row % 1_000 == 999 { "=1390000".to_owned() } else { format!("139{row:08}") };
        writeln!(csv, "7{row:07},欧阳娜娜,{mobile},S001").unwrap();
    }
    csv
}

/// So many lines of a text, and the rest.
fn parted(text: &str, lines: usize) -> (&[u8], &[u8]) {
    let end = text.match_indices('\n').nth(lines - 1).unwrap().0 + 1;
    text.as_bytes().split_at(end)
}

/// An upload of which some is sent; the rest waits.
pub fn upload(caller: &Caller, address: SocketAddr, path: &str, length: usize, sent: &[u8]) -> TcpStream {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let token = &caller.headers[0].1;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\ncontent-type: text/csv\r\n\
         content-length: {length}\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).unwrap();
    connection.write_all(sent).unwrap();
    connection
}

/// The status and body of the answer on a connection that goes on.
fn answer(connection: &TcpStream) -> (u16, Value) {
    let mut reader = BufReader::new(connection);
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let from = head.len();
        assert!(reader.read_line(&mut head).unwrap() > 0, "it ended: {head}");
        if let Some(value) = head[from..].strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (head[9..12].parse().unwrap(), serde_json::from_slice(&body).unwrap())
}

/// Somebody who follows an import.
pub struct Followed {
    reader: BufReader<TcpStream>,
    /// All that came.
    pub text: String,
}

impl Followed {
    pub fn by(caller: &Caller, address: SocketAddr, no: u64) -> Followed {
        let mut connection = TcpStream::connect(address).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let token = &caller.headers[0].1;
        let head = format!(
            "GET /api/v1/imports/{no}/events HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\nconnection: close\r\n\r\n"
        );
        connection.write_all(head.as_bytes()).unwrap();
        Followed { reader: BufReader::new(connection), text: String::new() }
    }

    /// The next event's name and data; none when the stream ended.
    pub fn next(&mut self) -> Option<(String, Value)> {
        let mut name = String::new();
        loop {
            let from = self.text.len();
            if self.reader.read_line(&mut self.text).unwrap() == 0 {
                return None;
            }
            let line = self.text[from..].trim_end();
            if let Some(event) = line.strip_prefix("event: ") {
                name = event.to_owned();
            } else if let Some(data) = line.strip_prefix("data: ") {
                return Some((name, serde_json::from_str(data).unwrap()));
            }
        }
    }

    /// The first event of which something holds.
    fn until(&mut self, holds: impl Fn(&Value) -> bool) -> Value {
        loop {
            let (name, now) = self.next().unwrap_or_else(|| panic!("it ended: {}", self.text));
            if holds(&now) {
                return now;
            }
            assert_eq!(name, "progress", "{}", self.text);
        }
    }
}

/// The number of the import that runs.
pub fn running(caller: &Caller) -> u64 {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let list = caller.get("/api/v1/imports?limit=1");
        assert_eq!(list.status, 200, "{}", list.body);
        let newest = &list.body["items"][0];
        if newest["state"] == json!("running") {
            return newest["no"].as_u64().unwrap();
        }
        assert!(Instant::now() < deadline, "it does not begin: {}", list.body);
    }
}

fn actions(entries: &[Value]) -> Vec<&str> {
    entries
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .filter(|a| a.starts_with("import."))
        .collect()
}

/// Who may not know it is told nothing of it, not even that it is there; each time that is an entry.
fn nobody_else_is_told(served: &Served, no: u64) {
    let before = served.size();
    for (login, code) in [("s2.counter", "unknown_import"), ("s1.officer", "not_permitted")] {
        let other = served.caller(login);
        for path in ["", "/events", "/errors"] {
            let told = other.get(&format!("/api/v1/imports/{no}{path}"));
            assert_eq!(told.code(), code, "{login}{path}: {}", told.text());
        }
        assert_eq!(other.post(&format!("/api/v1/imports/{no}/cancel"), &json!({})).code(), code);
        let absent = other.get("/api/v1/imports/0");
        assert_eq!(absent.code(), code, "as of one that is not there");
    }
    let items = served.caller("s2.counter").get("/api/v1/imports").body["items"].clone();
    assert_eq!(items, json!([]), "nor by the list");
    assert_eq!(served.caller("s1.officer").get("/api/v1/imports").code(), "not_permitted");
    let entries = served.entries(before);
    let refused = entries.iter().filter(|e| e["refusal"].is_object());
    assert_eq!(refused.filter(|e| e["action"].as_str().unwrap().starts_with("import.")).count(), 11);
    // Who may import for everybody, or reads the log, may know; only the former may have it stop.
    for login in ["mem.head", "auditor"] {
        let other = served.caller(login);
        assert_eq!(other.get(&format!("/api/v1/imports/{no}")).body["by"], json!("s1.counter"));
        assert_eq!(other.get("/api/v1/imports").body["items"][0]["no"], json!(no));
    }
    let auditor = served.caller("auditor").post(&format!("/api/v1/imports/{no}/cancel"), &json!({}));
    assert_eq!(auditor.code(), "not_permitted");
}

fn progress_is_seen_while_it_runs_and_by_whom(served: &Served) {
    let counter = served.caller("s1.counter");
    let second = served.beside();
    let csv = file();
    let (first, rest) = parted(&csv, BATCH + 500);
    let mut connection = upload(&counter, served.address, "/api/v1/imports", csv.len(), first);
    let no = running(&counter);
    let mut followed = Followed::by(&counter, second.address, no);
    let (name, now) = followed.next().unwrap();
    assert_eq!((name.as_str(), &now["no"], &now["dry_run"]), ("progress", &json!(no), &json!(false)));
    // The first batch stands while the file still comes.
    let batch = followed.until(|now| now["read"] == json!(BATCH));
    assert_eq!(
        [&batch["state"], &batch["accepted"], &batch["rejected"], &batch["errors"]],
        [&json!("running"), &json!(9_990), &json!(10), &json!(10)]
    );
    nobody_else_is_told(served, no);
    connection.write_all(rest).unwrap();
    let (status, report) = answer(&connection);
    assert_eq!((status, &report["no"], &report["created"]), (200, &json!(no), &json!(20_979)), "{report}");
    let (mut last, mut name) = (Value::Null, String::new());
    while let Some(event) = followed.next() {
        (name, last) = event;
    }
    assert_eq!((name.as_str(), &last["state"]), ("ended", &json!("done")), "{}", followed.text);
    assert_eq!(
        (&last["read"], &last["accepted"], &last["errors"]),
        (&json!(ROWS), &json!(20_979), &json!(21))
    );
    assert_eq!(counter.get(&format!("/api/v1/imports/{no}")).body, last);
    // Who comes again is told how it stands, and, when he knows it, that nothing more comes.
    let again = counter.get(&format!("/api/v1/imports/{no}/events"));
    assert_eq!(
        (again.header("content-type"), again.header("cache-control")),
        ("text/event-stream", "no-store")
    );
    assert!(again.text().starts_with("event: ended\nid: ended\ndata: {"), "{}", again.text());
    let mut knows = served.nobody();
    knows.headers = counter.headers.clone();
    knows.headers.push(("last-event-id".into(), "ended".into()));
    assert_eq!(knows.get(&format!("/api/v1/imports/{no}/events")).status, 204);
    for (what, told) in [("an event", &followed.text), ("an event", &again.text())] {
        assert!(!told.contains("139") && !told.contains("欧阳"), "{what} holds a value: {told}");
    }
    // The first entry says whose members it may touch.
    let entries = served.entries(no);
    assert_eq!((&entries[0]["action"], &entries[0]["object"]), (&json!("import.started"), &json!("S001")));
    let (before, errors) = (served.size(), counter.get(&format!("/api/v1/imports/{no}/errors")));
    assert_eq!(actions(&served.entries(before)), ["import.shown"], "one entry for the file");
    let mut wanted = "\u{FEFF}line,column,列,code,原因,reason,rule\r\n".to_owned();
    for row in (999..ROWS).step_by(1_000) {
        let (zh, en) = (
            "不是有效的手机号（应为 1 开头的 11 位数字）",
            "\"is not a mobile number (eleven digits, 13 to 19 first)\"",
        );
        write!(wanted, "{},mobile,手机,not_mobile,{zh},{en},B4\r\n", row + 2).unwrap();
    }
    assert_eq!(errors.text(), wanted);
}

fn cancelled_it_stops_and_the_same_file_brings_the_rest(served: &Served) {
    let counter = served.caller("s1.counter");
    let second = served.beside();
    let csv = file();
    let (first, _) = parted(&csv, BATCH + 500);
    let connection = upload(&counter, served.address, "/api/v1/imports", csv.len(), first);
    let no = running(&counter);
    let mut followed = Followed::by(&counter, second.address, no);
    followed.until(|now| now["read"] == json!(BATCH));
    let before = served.size();
    let there = Caller::signed_in(second.address, "s1.counter");
    let cancelled = there.post(&format!("/api/v1/imports/{no}/cancel"), &json!({}));
    assert_eq!(
        (cancelled.status, &cancelled.body["state"]),
        (200, &json!("cancelling")),
        "{}",
        cancelled.body
    );
    // The file has not come whole and never will: it stops all the same.
    let (status, told) = answer(&connection);
    assert_eq!(
        (status, &told["code"], &told["rule"]),
        (409, &json!("import_cancelled"), &json!("B8")),
        "{told}"
    );
    assert!(told["detail"].as_str().unwrap().contains("9990 rows"), "what stays is told: {told}");
    let ended = followed.until(|now| now["state"] == json!("cancelled"));
    assert_eq!((&ended["read"], &ended["accepted"]), (&json!(BATCH), &json!(9_990)));
    assert!(followed.next().is_none(), "it ends by itself");
    assert_eq!(actions(&served.entries(before)), ["import.cancelled"], "one entry, and no batch follows");
    let again = there.post(&format!("/api/v1/imports/{no}/cancel"), &json!({}));
    assert_eq!((again.status, again.code()), (409, "import_ended"));
    drop(connection);
    // What was stored stays; the same file brings the rest.
    let whole = counter.send("POST", "/api/v1/imports", "text/csv", csv.as_bytes());
    assert_eq!(
        [&whole.body["read"], &whole.body["created"], &whole.body["unchanged"], &whole.body["rejected"]],
        [&json!(ROWS), &json!(10_989), &json!(9_990), &json!(21)],
        "{}",
        whole.body
    );
    assert_ne!(whole.body["no"], json!(no));
    verified(&served.world);
}

/// A file comes for as long as its sender likes: each batch asks again whether he may.
/// A program of this person's that may import, and its token's number.
fn till(served: &Served, counter: &Caller) -> (Caller, Value) {
    let asked = json!({ "name": "till 2", "scopes": ["members:import"], "unit": "S001" });
    let made = counter.post("/api/v1/tokens", &asked);
    assert_eq!(made.status, 201, "{}", made.body);
    let mut till = served.nobody();
    till.bearer(made.body["token"].as_str().unwrap());
    (till, made.body["about"]["id"].clone())
}

fn revoke(counter: &Caller, id: &Value) {
    let revoked = counter.send("DELETE", &format!("/api/v1/tokens/{id}"), "", &[]);
    assert_eq!(revoked.code(), "done", "{}", revoked.body);
}

fn who_may_no_longer_brings_nothing_more(served: &Served) {
    let counter = served.caller("s1.counter");
    let (till, id) = till(served, &counter);
    let csv = file();
    let (first, rest) = parted(&csv, BATCH + 500);
    let mut connection = upload(&till, served.address, "/api/v1/imports", csv.len(), first);
    let no = running(&counter);
    let mut followed = Followed::by(&counter, served.address, no);
    followed.until(|now| now["read"] == json!(BATCH));
    revoke(&counter, &id);
    let before = served.size();
    connection.write_all(rest).unwrap();
    let (status, told) = answer(&connection);
    assert_eq!((status, &told["code"]), (401, &json!("not_signed_in")), "{told}");
    let ended = followed.until(|now| now["state"] != json!("running"));
    assert_eq!((&ended["read"], &ended["accepted"]), (&json!(BATCH), &json!(9_990)));
    let entries = served.entries(before);
    assert!(entries.iter().all(|e| e["action"] != "import.batch" || e["refusal"]["code"] == "not_signed_in"));
    assert!(entries.iter().any(|e| e["action"] == "import.batch"), "what was refused is an entry");
    let whole = counter.send("POST", "/api/v1/imports", "text/csv", csv.as_bytes());
    assert_eq!(
        [&whole.body["created"], &whole.body["unchanged"]],
        [&json!(10_989), &json!(9_990)],
        "{}",
        whole.body
    );
    verified(&served.world);
}

fn a_check_is_followed_and_cancelled_too(served: &Served) {
    let counter = served.caller("s1.counter");
    let csv = file();
    let (first, rest) = parted(&csv, BATCH + 500);
    let path = "/api/v1/imports?dry_run=true";
    let mut connection = upload(&counter, served.address, path, csv.len(), first);
    let no = running(&counter);
    let mut followed = Followed::by(&counter, served.address, no);
    let batch = followed.until(|now| now["read"] == json!(BATCH));
    assert_eq!((&batch["dry_run"], &batch["rejected"]), (&json!(true), &json!(10)));
    connection.write_all(rest).unwrap();
    assert_eq!(answer(&connection).1["created"], json!(20_979));
    assert_eq!(followed.until(|now| now["state"] != json!("running"))["state"], json!("done"));
    let errors = counter.get(&format!("/api/v1/imports/{no}/errors")).text();
    assert_eq!(errors.lines().count(), 22);
    // Nothing was stored, so nothing stays.
    let connection = upload(&counter, served.address, path, csv.len(), first);
    let no = running(&counter);
    let head = served.caller("mem.head").post(&format!("/api/v1/imports/{no}/cancel"), &json!({}));
    assert_eq!(head.status, 200, "{}", head.body);
    let (status, told) = answer(&connection);
    assert_eq!((status, &told["code"]), (409, &json!("import_cancelled")));
    assert!(!told["detail"].as_str().unwrap().contains("stay"), "{told}");
    // Who may no longer is told nothing more.
    let (till, id) = till(served, &counter);
    let mut connection = upload(&till, served.address, path, csv.len(), first);
    let no = running(&counter);
    Followed::by(&counter, served.address, no).until(|now| now["read"] == json!(BATCH));
    revoke(&counter, &id);
    let before = served.size();
    connection.write_all(rest).unwrap();
    let (status, told) = answer(&connection);
    assert_eq!((status, &told["code"]), (401, &json!("not_signed_in")), "{told}");
    let refused = |e: &Value| e["refusal"]["code"] == json!("not_signed_in");
    assert!(served.entries(before).iter().any(refused), "what was refused is an entry");
    let gone = counter.post("/api/v1/members/look-up", &json!({ "index": "card", "value": "70000001" }));
    assert_eq!(gone.body["items"], json!([]));
}

fn a_workbooks_errors_are_a_file_without_values(served: &Served) {
    let counter = served.caller("s1.counter");
    let row = |card: &str, mobile: &str, store: &str, born: &str| {
        vec![number(card, 0), text("欧阳娜娜"), number(mobile, 0), text(store), text(born)]
    };
    let file = workbook(&[
        ["卡号", "姓名", "手机", "归属门店", "生日"].map(text).to_vec(),
        row("9900010", "13900002221", "S001", "1990-02-03"),
        row("9900011", "1390000222", "S001", "=HYPERLINK(1)"),
        row("9900012", "13900002223", "S002", "1990-02-03"),
        row("9900013", "13900002224", "S999", "1990-02-03"),
    ]);
    for path in ["/api/v1/imports?dry_run=true", "/api/v1/imports"] {
        let done = counter.send("POST", path, XLSX, &file);
        assert_eq!(
            (done.status, &done.body["created"], &done.body["rejected"]),
            (200, &json!(1), &json!(3)),
            "{}",
            done.body
        );
        let no = &done.body["no"];
        let errors = counter.get(&format!("/api/v1/imports/{no}/errors"));
        let name = format!("attachment; filename=\"import-{no}-errors.csv\"");
        assert_eq!((errors.status, errors.header("content-disposition")), (200, name.as_str()));
        let told = errors.text();
        let rows: Vec<Vec<&str>> = told.lines().skip(1).map(|line| line.split(',').collect()).collect();
        let found: Vec<_> = rows.iter().map(|row| (row[0], row[1], row[3], *row.last().unwrap())).collect();
        let wanted = [
            ("3", "mobile", "not_mobile", "B4"),
            ("3", "birthday", "not_date", "B4"),
            ("4", "home_store", "other_store", "B9"),
            ("5", "home_store", "unknown_store", "B4"),
        ];
        assert_eq!(found, wanted, "{told}");
        // Excel opens it as what it is, and nothing in it as a formula.
        assert!(told.starts_with('\u{FEFF}') && told.ends_with("\r\n"));
        let cells = rows.iter().flatten();
        assert!(cells.filter(|c| c.starts_with(['=', '+', '-', '@', '\t'])).count() == 0, "{told}");
        for value in ["欧阳", "139000", "99000", "HYPERLINK", "1990", "S999"] {
            assert!(!told.contains(value), "{value} is in the errors file: {told}");
        }
    }
}

fn errors_are_kept_up_to_a_number_and_all_counted(served: &Served) {
    let counter = served.caller("s1.counter");
    let mut csv = "卡号,姓名\n".to_owned();
    (0..10_020).for_each(|_| csv.push_str(",欧阳\n"));
    let done = counter.send("POST", "/api/v1/imports", "text/csv", csv.as_bytes());
    assert_eq!(done.body["rejected"], json!(10_020), "{}", done.body);
    let no = &done.body["no"];
    assert_eq!(counter.get(&format!("/api/v1/imports/{no}")).body["errors"], json!(10_020));
    let errors = counter.get(&format!("/api/v1/imports/{no}/errors")).text();
    assert_eq!(errors.lines().count(), 10_002);
    assert!(errors.lines().nth(10_000).unwrap().starts_with("10001,card_no,"));
    let last = ",,,more_errors,另有 20 处错误没有列出,20 more errors are not listed,B8";
    assert_eq!(errors.lines().last(), Some(last));
}

/// Both kinds of files that the document says are taken are taken as it shows them.
fn the_examples_of_the_description_are_files(served: &Served) {
    let counter = served.caller("s1.counter");
    let post = operation(kept(), "POST", "/api/v1/imports").unwrap();
    let body = &post["requestBody"]["content"];
    let csv = body["text/csv"]["example"].as_str().unwrap();
    let xlsx = STANDARD.decode(body[XLSX]["example"].as_str().unwrap()).unwrap();
    for (kind, file) in [("text/csv", csv.as_bytes()), (XLSX, &xlsx)] {
        for (path, example) in [("/api/v1/imports?dry_run=true", "checked"), ("/api/v1/imports", "imported")]
        {
            let done = counter.send("POST", path, kind, file);
            let answers = &post["responses"]["200"]["content"]["application/json"]["examples"];
            let mut shown = answers[example]["value"].clone();
            assert_eq!((done.status, &done.body["read"]), (200, &shown["read"]), "{kind}: {}", done.body);
            if kind == "text/csv" {
                // All but what no two imports have in common.
                for own in ["no", "sha256"] {
                    shown[own] = done.body[own].clone();
                }
                assert_eq!(done.body, shown);
            }
        }
    }
    let errors = operation(kept(), "GET", "/api/v1/imports/1/errors").unwrap();
    let shown = errors["responses"]["200"]["content"]["text/csv"]["example"].as_str().unwrap();
    let wrong = "卡号,姓名,手机\n1,王芳,13900002221\n".replace("13900002221", "1390000222");
    let done = counter.send("POST", "/api/v1/imports?dry_run=true", "text/csv", wrong.as_bytes());
    let file = counter.get(&format!("/api/v1/imports/{}/errors", done.body["no"])).text();
    let head = |text: &str| text.lines().next().unwrap().to_owned();
    assert_eq!(head(&file), head(shown));
    assert!(file.lines().any(|line| shown.contains(line.split_once(',').unwrap().1)), "{file}");
    let events = operation(kept(), "GET", "/api/v1/imports/1/events").unwrap();
    let shown = events["responses"]["200"]["content"]["text/event-stream"]["example"].as_str().unwrap();
    let now = counter.get(&format!("/api/v1/imports/{}", done.body["no"])).body;
    for data in shown.lines().filter_map(|line| line.strip_prefix("data: ")) {
        let data: Value = serde_json::from_str(data).unwrap();
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&data), keys(&now));
    }
}
