//! A scan that finds nothing must be one that would have found something: values are planted where the
//! product could have written them, in every encoding, and must all be found there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use sqlx::{ConnectOptions as _, Connection as _};

use super::Demo;
use super::support::postgres;
use super::support::scan::{Encoding, Scanner};
use super::support::world::{On, block};

/// Not of any member; planted in the server's live files, which cannot be set aside.
const STRANGER: &str = "广西壮族自治区南宁市青秀区民族大道99号?>~";

/// Plants and finds, in copies of the folders and on the server itself.
pub fn are_found(demo: &Demo, needles: &[String]) {
    let scanner = Scanner::new(needles);
    let longest = needles.iter().max_by_key(|value| value.len()).expect("needles");
    let copy = tempfile::tempdir().expect("a folder");
    let done = Command::new("cp").arg("-a").arg(demo.data()).arg(copy.path()).status().expect("cp starts");
    assert!(done.success());
    let folder = copy.path().join("demo");
    assert_eq!(scanner.scan_tree(&folder), [], "before anything was planted");
    fs::write(folder.join("out/left-behind.part"), planted(longest).concat()).expect("our own folder");
    assert_eq!(found(&scanner, &folder), all(longest), "in a file");
    fs::remove_file(folder.join("out/left-behind.part")).expect("our own file");
    let said = String::from_utf8_lossy(longest.as_bytes()).into_owned();
    assert!(!scanner.scan_bytes("said", format!("DEBUG value={said} 1ms").as_bytes()).is_empty());
    match demo.on {
        On::Sqlite => {
            insert_into_sqlite(&folder.join("vault.db"), longest);
            assert_eq!(found(&scanner, &folder), all(longest), "in the database file");
        }
        On::Postgres => {
            let url = demo.url.as_deref().expect("PostgreSQL has one");
            let scanner = Scanner::new(&[STRANGER.to_owned()]);
            assert_eq!(scanner.scan_tree(&postgres::data_folder()), [], "before anything was planted");
            let rows =
                planted(STRANGER).iter().map(|b| format!("('\\x{}')", hex::encode(b))).collect::<Vec<_>>();
            let rows = rows.join(",");
            postgres::execute(
                url,
                format!(
                    "create table public.plant (b bytea); insert into public.plant values {rows}; checkpoint"
                ),
            );
            assert_eq!(found(&scanner, &postgres::data_folder()), all(STRANGER), "in the server's files");
            postgres::execute(url, "drop table public.plant".to_owned());
        }
    }
}

/// `value` once in each encoding, with other bytes around.
fn planted(value: &str) -> Vec<Vec<u8>> {
    let wide = |bytes: fn(u16) -> [u8; 2]| value.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let shifted = format!("x{value}y").into_bytes();
    let encodings = vec![
        value.as_bytes().to_vec(),
        wide(u16::to_le_bytes),
        wide(u16::to_be_bytes),
        encoding_rs::GB18030.encode(value).0.into_owned(),
        hex::encode(value).into_bytes(),
        hex::encode_upper(value).into_bytes(),
        STANDARD.encode(&shifted).into_bytes(),
        URL_SAFE.encode(&shifted).into_bytes(),
    ];
    encodings.into_iter().map(|bytes| [b"\0\0..".to_vec(), bytes, b"..\0\0".to_vec()].concat()).collect()
}

fn insert_into_sqlite(file: &Path, value: &str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).disable_statement_logging();
    let rows = planted(value);
    block(async move {
        let mut connection = options.connect().await?;
        sqlx::raw_sql("create table plant (b blob)").execute(&mut connection).await?;
        for row in rows {
            sqlx::query("insert into plant values ($1)").bind(row).execute(&mut connection).await?;
        }
        connection.close().await
    })
    .expect("our own copy");
}

fn found(scanner: &Scanner, folder: &Path) -> BTreeSet<Encoding> {
    scanner.scan_tree(folder).iter().map(|hit| hit.encoding).collect()
}

/// Every encoding; the two base64 alphabets are one when a value does not tell them apart.
fn all(value: &str) -> BTreeSet<Encoding> {
    let shifted = format!("x{value}y");
    let same = STANDARD.encode(&shifted) == URL_SAFE.encode(&shifted);
    Encoding::ALL.into_iter().filter(|e| !(same && *e == Encoding::Base64Url)).collect()
}
