//! An erased member (done-line 7): with every file of the vault and its keys nothing of him opens, the log
//! verifies, his case answers, and a file that brings him back keeps him out of lists and says why.

use serde_json::Value;
use sqlx::{Connection as _, Row as _};

use super::support::desk::Desk;
use super::support::generate::{HEADER, Row};
use super::support::world::{BOTH, On, block, cast, decrypt, form};

#[test]
fn an_erased_member_is_gone_and_his_case_answers() {
    for on in BOTH {
        let desk = Desk::new(on);
        // One who is in the list: consents, of age, with a mobile that nobody shares.
        let expected = desk.world.members.expected(super::support::expect::Channel::Sms);
        let alone = |row: &&&Row| {
            let same = desk.world.members.accepted().filter(|r| r.mobile == row.mobile).count();
            row.store == "S001" && same == 1
        };
        let row: Row = (*expected.rows.iter().find(alone).expect("a member")).clone();
        let package = execute(&desk);
        let before = lines(&desk, &package);
        assert!(before.contains(&row.mobile));

        let kept = secrets_of(&desk, &row.card);
        assert!(is_stored(&desk, &kept), "what is looked for afterwards is there before");
        let erase = ["member", "erase", &row.card, "--reason", "letter of 3 May", "--json"];
        let case = desk.by("mem.head", &erase).ok().json()["case"].as_str().unwrap().to_owned();

        let show = desk.by("s1.counter", &["member", "show", &row.card, "--json"]).expect_code(1);
        assert_eq!(show.json()["error"]["code"], "unknown_member");
        let found =
            desk.by_with("s1.counter", &["member", "look-up", "--json"], &format!("{}\n", row.mobile)).ok();
        assert_eq!(found.json()["items"], serde_json::json!([]));
        let saw = desk.by("auditor", &["member", "who-saw", "--case", &case, "--json"]).ok();
        assert!(saw.stdout.contains(&package), "his package is named: {saw}");
        assert!(!is_stored(&desk, &kept), "his wrapped key or record is still in a file");
        desk.verified();
        let again = desk.by("mem.head", &erase).expect_code(1);
        assert_eq!(again.json()["error"]["code"], "unknown_member", "{again}");

        returns(&desk, &row);
    }
}

/// Last month's file brings him back: stored, told, and in no list.
fn returns(desk: &Desk, row: &Row) {
    let all = String::from_utf8(desk.world.members.csv.clone()).unwrap();
    let line = all.lines().nth(row.line - 1).unwrap();
    let file = desk.write("again.csv", format!("{HEADER}\r\n{line}\r\n")).display().to_string();
    let report = desk.by("mem.head", &["member", "import", &file, "--json"]).ok();
    assert_eq!(report.json()["suppressed"], 1, "{report}");
    let no = execute_with(desk, "sms");
    assert!(no.1["excluded"]["suppressed"].as_u64() >= Some(1), "{}", no.1);
    assert!(!lines(desk, &no.0).contains(&row.mobile), "he is in a list again");
    desk.verified();
}

fn execute(desk: &Desk) -> String {
    execute_with(desk, "sms").0
}

/// The whole road by commands; the package's number and what execution said.
fn execute_with(desk: &Desk, channel: &str) -> (String, Value) {
    let [officer, first, second, third, executor, _] = cast(channel);
    let file = desk.write("form.toml", form(channel)).display().to_string();
    let drafted = desk.by(officer, &["request", "draft", &file, "--json"]).ok();
    let no = drafted.json()["no"].as_str().unwrap().to_owned();
    desk.by(officer, &["request", "submit", &no]).ok();
    for signer in [first, second, third] {
        desk.by(signer, &["request", "sign", &no]).ok();
    }
    let made = desk.by(executor, &["request", "execute", &no, "--json"]).ok();
    (made.json()["package"].as_str().unwrap().to_owned(), made.json().clone())
}

/// What the vendor reads in a package, once it is downloaded.
fn lines(desk: &Desk, package: &str) -> Vec<String> {
    let out = desk.dir().join("out").display().to_string();
    let got = desk.by("hq.receiver", &["package", "download", package, "--out", &out, "--json"]).ok();
    decrypt(got.json()["path"].as_str().unwrap().as_ref(), &desk.world.identity("SMS1")).1
}

/// Tables of blocks in which every member has something that must not be left of him.
const SECRET: [&str; 4] = ["keys.key_block", "sealed_alias", "sealed_card", "sealed_name"];

/// His wrapped data key and some of his sealed fields, as stored. Members get their ordinals in the file's
/// order, so his place is his card's.
fn secrets_of(desk: &Desk, card: &str) -> Vec<Vec<u8>> {
    let at = desk.world.members.accepted().position(|row| row.card == card).unwrap();
    SECRET.iter().map(|table| slots(desk, table).swap_remove(at)).collect()
}

/// What stands in the slots of a table of blocks, by ordinal.
fn slots(desk: &Desk, table: &str) -> Vec<Vec<u8>> {
    let url = desk.world.url.clone();
    let sqlite = desk.world.on == On::Sqlite;
    let (file, table) = match table.strip_prefix("keys.") {
        Some(table) if sqlite => (url.replace("vault.db", "keys.db"), table),
        _ => (url, table),
    };
    let sql = sqlx::AssertSqlSafe(format!("select body from {table} order by block"));
    let bodies: Vec<Vec<u8>> = block(async move {
        if sqlite {
            let mut connection = sqlx::SqliteConnection::connect(&file).await.unwrap();
            let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            rows.iter().map(|row| row.get::<Vec<u8>, _>(0)).collect()
        } else {
            let mut connection = sqlx::PgConnection::connect(&file).await.unwrap();
            let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            rows.iter().map(|row| row.get::<Vec<u8>, _>(0)).collect()
        }
    });
    bodies.iter().flat_map(|body| in_slots(body)).collect()
}

/// A block's body: `{ slot(1) length(2, LE) bytes }` repeated.
fn in_slots(mut body: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while let [_, low, high, rest @ ..] = body {
        let (bytes, rest) = rest.split_at(usize::from(u16::from_le_bytes([*low, *high])));
        found.push(bytes.to_vec());
        body = rest;
    }
    found
}

/// Whether the middle of any of them stands in any file of the vault, or in a row that PostgreSQL would
/// give. (Its files hold dead rows and its write-ahead log until both are written over: `operations.md`.)
fn is_stored(desk: &Desk, kept: &[Vec<u8>]) -> bool {
    if desk.world.on == On::Postgres {
        let rows = SECRET.map(|table| slots(desk, table)).concat();
        return kept.iter().any(|kept| rows.contains(kept));
    }
    let files = std::fs::read_dir(desk.dir().join("data")).unwrap().map(|file| file.unwrap().path());
    let files: Vec<Vec<u8>> = files.filter(|f| f.is_file()).map(|f| std::fs::read(f).unwrap()).collect();
    kept.iter().any(|kept| {
        // SQLite parts a long value over pages: a run of it that lies within one is looked for.
        let run = &kept[kept.len() / 2..][..kept.len().min(48) / 2];
        files.iter().any(|file| file.windows(run.len()).any(|window| window == run))
    })
}
