//! Workbooks made by hand: what a cell means, what is wrong with a row, and what is too large.

use super::*;
use crate::model::member::MemberRow;

#[allow(dead_code)]
#[path = "../../tests/support/workbook.rs"]
mod workbook;
use workbook::{formula, number, text as cell, with_sheet, workbook};

fn today() -> Day {
    Day::parse("2026-11-28").unwrap()
}

type Told = Vec<(u64, Result<MemberRow, Vec<(&'static str, &'static str)>>)>;

fn read_with(file: &[u8], limits: Limits) -> Result<Told, FileError> {
    read(file, today(), &Names::default(), limits, |rows| {
        rows.map(|item| {
            let item = item.ok().unwrap();
            let told = |e: &CellError| (e.column.map_or("", Column::code), e.reason.code());
            (item.line, item.row.map_err(|errors| errors.iter().map(told).collect()))
        })
        .collect()
    })
}

fn rows(file: &[u8]) -> Told {
    read_with(file, LIMITS).unwrap()
}

fn cells(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|t| if t.is_empty() { String::new() } else { cell(t) }).collect()
}

#[test]
fn cells_mean_what_they_mean_in_a_file() {
    let head = ["卡号", "姓名", "手机", "生日", "入会日期", "累计消费", "同意短信", "同意时间", "同意凭证"];
    let member = vec![
        number("88000001", 0),
        formula("str", "王芳"),
        number("13800138000", 0),
        number("32907", 1),
        cell("2019/1/2"),
        number("0.30000000000000004", 0),
        " t=\"b\"><v>1</v>".to_owned(),
        number("45943.541", 2),
        cell("表格 17"),
    ];
    let told = rows(&workbook(&[vec![], cells(&head), vec![], member]));
    let [(4, Ok(row))] = &told[..] else { panic!("one row, on line 4") };
    assert_eq!(row.card.expose(), "88000001");
    assert_eq!(row.name.expose(), "王芳");
    assert_eq!(row.mobile.value().unwrap().expose(), "13800138000");
    assert_eq!(row.birthday.value().unwrap().expose(), "1990-02-03");
    assert_eq!(row.joined_on.value().unwrap().date().to_string(), "2019-01-02");
    assert_eq!(row.spend_total.value().unwrap().cents(), 30);
    assert_eq!(row.consents.sms, Some(true));
    assert!(row.consent_at.value().is_some());
}

#[test]
fn what_is_wrong_is_told_row_by_row() {
    let head = cells(&["card_no", "name", "mobile", "postcode", "birthday"]);
    let told = rows(&workbook(&[
        head,
        vec![number("1234567890123456789", 0), cell("A"), String::new(), String::new(), String::new()],
        vec![cell("2"), formula("e", "#N/A"), cell("13800138000"), String::new(), String::new()],
        vec![cell("3"), cell("C"), number("1380013800", 0), number("10000", 0), number("32907", 0)],
        vec![cell("4"), cell("D"), String::new(), String::new(), String::new(), cell("beside")],
        cells(&["5", "E", "", "200001", ""]),
    ]));
    let wrong: Vec<_> =
        told.iter().map(|(line, row)| (*line, row.as_ref().err().cloned().unwrap_or_default())).collect();
    assert_eq!(
        wrong,
        [
            (2, vec![("card_no", "scientific_notation")]),
            (3, vec![("name", "formula_error")]),
            (4, vec![("mobile", "not_mobile"), ("postcode", "not_postcode"), ("birthday", "not_date")]),
            (5, vec![("", "row_cells")]),
            (6, vec![]),
        ]
    );
}

#[test]
fn what_unpacks_to_more_than_it_may_is_refused() {
    let small = Limits { packed: 100_000, unpacked: 4_000_000, part: 1_000_000 };
    // A thousand to one.
    let bomb = with_sheet(&" ".repeat(2_000_000));
    assert!(bomb.len() < 10_000, "{}", bomb.len());
    assert!(matches!(read_with(&bomb, small), Err(FileError::TooLargeUnpacked)));
    assert!(matches!(read_with(&bomb, Limits { packed: 1_000, ..small }), Err(FileError::TooLarge)));
    let sound = workbook(&[cells(&["card_no", "name"])]);
    assert_eq!(read_with(&sound, small).unwrap().len(), 0);
    assert!(matches!(read_with(&sound, Limits { part: 100, ..small }), Err(FileError::TooLargeUnpacked)));
    assert!(matches!(read_with(&sound, Limits { unpacked: 500, ..small }), Err(FileError::TooLargeUnpacked)));
}

#[test]
fn a_bomb_is_refused_wherever_it_lies_and_before_it_is_unpacked() {
    let small = Limits { packed: 100_000, unpacked: 100_000_000, part: 1_000_000 };
    for name in ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "XL\\Media/a.bin", "nowhere/b"] {
        let mut bomb = workbook::bomb(name, 4);
        let directory = bomb.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
        // What lies behind the limit is never looked at: it would not unpack.
        bomb[directory - 1_000..directory].fill(0xFF);
        assert!(matches!(read_with(&bomb, small), Err(FileError::TooLargeUnpacked)), "{name}");
        let roomy = Limits { part: 50_000_000, ..small };
        assert!(matches!(read_with(&bomb, roomy), Err(FileError::BrokenSheet)), "{name}");
        // It says of itself that it is small, before the part and in the directory at its end.
        for at in [22, directory + 24] {
            bomb[at..at + 4].copy_from_slice(&100_u32.to_le_bytes());
        }
        assert!(matches!(read_with(&bomb, small), Err(FileError::BrokenSheet)), "{name}");
    }
}

/// calamine makes room for as many strings as a part says it has, and a process that gets none ends at once.
#[test]
fn strings_that_a_part_only_says_it_has_are_refused() {
    let said = |name: &str, body: &str| measure(&workbook::part(name, body), LIMITS);
    let honest = "<sst count=\"3\" uniqueCount=\"2\"><si><t>a</t></si><si/></sst>";
    assert!(said("xl/sharedStrings.xml", honest).is_ok());
    assert!(said("xl/sharedStrings.xml", "<sst><si/></sst>").is_ok());
    for (name, body) in [
        ("xl/sharedStrings.xml", "<sst uniqueCount=\"10000000000000\"></sst>".to_owned()),
        ("xl/sharedStrings.xml", "<x:sst uniqueCount=\" 99999999999999999999 \"/>".to_owned()),
        ("XL/SHAREDSTRINGS.XML", format!("<!--{}--><sst uniqueCount='100000'/>", "-".repeat(9_000))),
    ] {
        assert!(matches!(said(name, &body), Err(FileError::BrokenSheet)), "{name} {body:.60}");
    }
}

#[test]
fn cells_stand_where_a_sheet_has_places() {
    let header = |cells: &str| read_with(&with_sheet(&format!("<row r=\"2\">{cells}</row>")), LIMITS);
    let cell = |place: &str, name: &str| format!("<c r=\"{place}\" t=\"str\"><v>{name}</v></c>");
    let (card, name) = (cell("A2", "card_no"), cell("B2", "name"));
    assert_eq!(header(&format!("{name}{card}")).unwrap().len(), 0, "in any order");
    for far in ["XFE2", "FXSHRXW2"] {
        let far = format!("{card}{name}{}", cell(far, "x"));
        assert!(matches!(header(&far), Err(FileError::BrokenSheet)));
    }
}

#[test]
fn a_workbook_that_is_none_says_so_without_a_cell() {
    for file in [&b"PK\x03\x04"[..], &workbook(&[cells(&["card_no", "name"])])[..300]] {
        assert!(matches!(read_with(file, LIMITS), Err(FileError::BrokenSheet)));
    }
    let backwards = "<row r=\"2\"><c r=\"A2\" t=\"str\"><v>card_no</v></c><c r=\"B2\" t=\"str\"><v>name</v></c></row>\
                     <row r=\"1\"><c r=\"A1\" t=\"str\"><v>1</v></c></row>";
    assert!(matches!(read_with(&with_sheet(backwards), LIMITS), Err(FileError::BrokenSheet)));
    assert!(matches!(read_with(&with_sheet(""), LIMITS), Err(FileError::Empty)));
    let unnamed = workbook(&[cells(&["88000000", "王芳"])]);
    assert!(matches!(read_with(&unnamed, LIMITS), Err(FileError::NoHeader)));
}
