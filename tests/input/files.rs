//! Files that are not what they should be.

use std::fs;

use crate::support::cli::Output;
use crate::support::desk::Desk;
use crate::support::world::BOTH;
use crate::support::world::On;
use crate::{members, newcomers, told};

/// Imports bytes as the head of member management, with an errors file.
#[track_caller]
fn import(desk: &Desk, bytes: impl AsRef<[u8]>) -> Output {
    let file = desk.write("file.csv", bytes).display().to_string();
    let _ = fs::remove_file(desk.dir().join("errors.csv"));
    desk.by("mem.head", &["member", "import", &file, "--errors", "errors.csv", "--json"])
}

/// Bytes that are no text at all, and that nobody chose: a small generator.
fn junk(n: usize) -> Vec<u8> {
    let mut random = crate::support::generate::Random::new(11);
    (0..n).map(|_| random.below(256) as u8).collect()
}

#[test]
fn a_file_that_cannot_be_read_is_refused_whole() {
    let zip = [b"PK\x03\x04\x14\x00".to_vec(), junk(4000)].concat();
    let gzip = [b"\x1f\x8b\x08\x00".to_vec(), junk(4000)].concat();
    let long_header = format!("卡号,姓名,\"{}", "长".repeat(400_000));
    let cases: [(&str, &[u8], &str, &[&str]); 10] = [
        ("empty", b"", "file_empty", &["empty", "hint: "]),
        ("blank lines", b"\xEF\xBB\xBF\r\n\r\n", "file_empty", &["empty"]),
        (
            "a missing column",
            "卡号,手机\n1,13800000000\n".as_bytes(),
            "file_missing_column",
            &["姓名", "name", "hint: "],
        ),
        ("no header", "1,王芳\n2,李伟\n".as_bytes(), "file_no_header", &["header", "hint: "]),
        ("a column twice", "卡号,姓名,card_no\n1,王芳,1\n".as_bytes(), "file_duplicate_column", &["卡号"]),
        ("zip", &zip, "file_broken_sheet", &["xlsx", "CSV UTF-8"]),
        ("gzip", &gzip, "file_not_csv", &["compressed", "unpack"]),
        ("noise", &junk(100_000), "file_not_csv", &["binary"]),
        ("pdf", b"%PDF-1.7\n1 0 obj\n", "file_not_csv", &["PDF"]),
        ("a quote without end", long_header.as_bytes(), "file_broken_header", &["quote"]),
    ];
    for on in BOTH {
        let desk = Desk::new(on);
        let (entries, before) = (desk.verified(), members(&desk));
        for (at, (what, bytes, code, words)) in cases.iter().enumerate() {
            let output = import(&desk, bytes).expect_code(1);
            eprintln!("{on:?}: {what}");
            told(&output, code, words);
            let now = desk.cli.run(&["audit", "verify", "--json"]).ok();
            let grown = now.json()["size"].as_u64().unwrap() - entries;
            assert!(grown <= at as u64 + 1, "{what}: more than its refusal was logged");
        }
        desk.verified();
        assert_eq!(members(&desk), before);
    }
}

#[test]
fn a_file_that_is_not_there_is_told_by_its_path() {
    let desk = Desk::new(On::Sqlite);
    let entries = desk.verified();
    for path in ["no-such.csv", "passwords"] {
        let output = desk.by("mem.head", &["member", "import", path, "--json"]).expect_code(1);
        told(&output, "file", &[path, "hint: "]);
    }
    assert_eq!(desk.verified(), entries);
}

#[test]
fn every_encoding_of_the_same_file_is_the_same_file() {
    let desk = Desk::new(On::Sqlite);
    let text = newcomers(70_000_000, 3);
    let wide = |bytes: fn(u16) -> [u8; 2]| {
        format!("\u{feff}{text}").encode_utf16().flat_map(bytes).collect::<Vec<u8>>()
    };
    let files = [
        ("GB18030", encoding_rs::GB18030.encode(&text).0.into_owned()),
        ("UTF-16LE", wide(u16::to_le_bytes)),
        ("UTF-16BE", wide(u16::to_be_bytes)),
        ("UTF-8 with a mark", format!("\u{feff}{text}").into_bytes()),
        ("UTF-8 with semicolons", text.replace(',', ";").into_bytes()),
        ("UTF-8 with tabs", text.replace(',', "\t").into_bytes()),
    ];
    for (at, (what, bytes)) in files.iter().enumerate() {
        let report = import(&desk, bytes).ok();
        let key = if at == 0 { "created" } else { "unchanged" };
        assert_eq!(report.json()[key], 3, "{what}: {report}");
        assert_eq!(report.json()["rejected"], 0, "{what}: {report}");
    }
    let shown = desk.by("s1.counter", &["member", "show", "70000000", "--json"]).ok();
    assert_eq!(shown.json()["fields"]["name"], "林*", "{shown}");
    desk.verified();
}

#[test]
fn a_wrong_row_is_told_and_the_others_go_in() {
    let long = "长".repeat(400_000);
    let rows = [
        ("70000001,王芳,1.38E+10", "scientific_notation", "科学计数法"),
        ("70000002,王芳,1381234", "", "手机"),
        ("70000003,王芳", "row_cells", "2"),
        (&format!("70000004,{long},13800000004"), "row_too_long", "1 MiB"),
        ("70000005,\"王芳\"x,13800000005", "row_quote", "引号"),
    ];
    for on in BOTH {
        let desk = Desk::new(on);
        let before = members(&desk);
        let mut csv = String::from("卡号,姓名,手机\n");
        for (row, ..) in &rows {
            csv.push_str(&format!("{row}\n"));
        }
        csv.push_str("70000009,王芳,13800000009\n70000010,\"李伟,13800000010\n70000011,张敏,13800000011\n");
        let report = import(&desk, csv).ok();
        // A quote that never closes costs its own row: the lines after it are read again as rows.
        assert_eq!([&report.json()["created"], &report.json()["rejected"]], [2, 6], "{report}");
        let errors = fs::read_to_string(desk.dir().join("errors.csv")).unwrap();
        for (at, (_, code, word)) in rows.iter().enumerate() {
            let line = errors.lines().find(|line| line.starts_with(&format!("{},", at + 2)));
            let line = line.unwrap_or_else(|| panic!("line {} is not told: {errors}", at + 2));
            assert!(line.contains(code) && line.contains(word), "{line}");
        }
        assert!(errors.lines().any(|l| l.starts_with("8,") && l.contains("row_quote")), "{errors}");
        assert_eq!(members(&desk), before + 2);
        desk.verified();
    }
}
