//! Records are cut as RFC 4180 has it, and nothing swallows its neighbours or the memory.

use super::*;
use proptest::prelude::*;

/// Line and text of each sound record, line and fault of each other one.
fn cut(bytes: &[u8], width: usize) -> Vec<(u64, Result<String, RowFault>)> {
    let mut records = Records::new(Decoder::open(bytes).ok().unwrap());
    records.width = Some(width);
    let mut out = Vec::new();
    while let Some(found) = records.next().unwrap() {
        assert!(records.buffer.len() <= RECORD_LIMIT + 2 * CHUNK);
        out.push((found.line, found.what.map(|r| String::from_utf8(records.text(r).to_vec()).unwrap())));
    }
    out
}

fn ok(line: u64, text: &str) -> (u64, Result<String, RowFault>) {
    (line, Ok(text.to_owned()))
}

#[test]
fn line_ends_of_every_kind_are_counted() {
    for end in ["\n", "\r\n", "\r"] {
        let text = format!("a,b{end}{end}c,d{end}\"e{end}e\",f{end}g,h");
        let expected = [ok(1, "a,b"), ok(3, "c,d"), ok(4, &format!("\"e{end}e\",f")), ok(6, "g,h")];
        assert_eq!(cut(text.as_bytes(), 2), expected, "{end:?}");
    }
    assert_eq!(cut(b"\n \r\n\r\n", 1), [ok(2, " ")]);
}

#[test]
fn quotes_are_read_as_rfc_4180_has_them() {
    assert_eq!(
        cut(b"\"a,\"\"a\"\"\",b\n,\"\"\n5\",x", 2),
        [ok(1, "\"a,\"\"a\"\"\",b"), ok(2, ",\"\""), ok(3, "5\",x")]
    );
    assert_eq!(cut(b"\"a\"a,b\nc,d", 2), [(1, Err(RowFault::Quote)), ok(2, "c,d")]);
}

#[test]
fn a_wrong_number_of_cells_is_said_with_both_numbers() {
    assert_eq!(
        cut(b"a,b,c\na\na,b", 2),
        [
            (1, Err(RowFault::Cells { expected: 2, found: 3 })),
            (2, Err(RowFault::Cells { expected: 2, found: 1 })),
            ok(3, "a,b"),
        ]
    );
}

#[test]
fn an_unclosed_quote_costs_its_own_line_only() {
    let lost = || (2, Err(RowFault::Quote));
    // To the end of the file.
    assert_eq!(cut(b"a,b\n\"c,d\ne,f\ng,h", 2), [ok(1, "a,b"), lost(), ok(3, "e,f"), ok(4, "g,h")]);
    // Up to another stray quote below: the merged row would have the right number of cells.
    assert_eq!(
        cut(b"a,b\nc,\"d\ne,\"f\ng,h", 2),
        [ok(1, "a,b"), lost(), (3, Err(RowFault::Quote)), ok(4, "g,h")]
    );
    // Up to a sound quoted cell below.
    assert_eq!(
        cut(b"a,b\r\nc,\"d\r\n\"e\",f\r\ng,h\r\n", 2),
        [ok(1, "a,b"), lost(), ok(3, "\"e\",f"), ok(4, "g,h")]
    );
    // Over more than a record may have.
    let many = format!("a,b\n\"c,d\n{}", "e,f\n".repeat(RECORD_LIMIT / 3));
    let found = cut(many.as_bytes(), 2);
    assert_eq!((found.len(), &found[1], &found[2]), (RECORD_LIMIT / 3 + 2, &lost(), &ok(3, "e,f")));
}

#[test]
fn a_line_over_a_mebibyte_is_one_error() {
    let long = "x".repeat(3 * RECORD_LIMIT);
    let text = format!("a,b\n{long},\"\n\"{long}\"\nc,d\n");
    assert_eq!(
        cut(text.as_bytes(), 2),
        [ok(1, "a,b"), (2, Err(RowFault::TooLong)), (3, Err(RowFault::TooLong)), ok(4, "c,d"),]
    );
    let edge = format!("{},b\nc,d", "x".repeat(RECORD_LIMIT - 2));
    assert_eq!(cut(edge.as_bytes(), 2).len(), 2);
    assert!(cut(edge.as_bytes(), 2)[0].1.is_ok());
    assert_eq!(cut(format!("x{edge}").as_bytes(), 2)[0].1, Err(RowFault::TooLong));
}

#[test]
fn the_header_line_tells_the_delimiter() {
    for (text, delimiter) in [
        ("a,b;c,d", b','),
        ("\n\na\tb,c\td\n,,,", b'\t'),
        ("\"a,b,c\";d", b';'),
        ("a", b','),
        ("", b','),
        ("a;b,c", b','),
    ] {
        let mut records = Records::new(Decoder::open(text.as_bytes()).ok().unwrap());
        records.find_delimiter().unwrap();
        assert_eq!(records.delimiter, delimiter, "{text}");
    }
}

proptest! {
    /// What the `csv` crate writes comes back whole, record by record, on the right lines.
    #[test]
    fn written_records_come_back(rows in prop::collection::vec(prop::collection::vec("[ab,;\"\r\n王\t]{0,6}", 2), 1..8)) {
        let mut writer = csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let found = cut(&bytes, 2);
        prop_assert_eq!(found.len(), rows.len());
        for ((_, text), row) in found.iter().zip(&rows) {
            let text = text.as_ref().unwrap();
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            prop_assert!(record.iter().eq(row.iter()));
        }
    }

    /// The lines of any text are told once each and in order.
    #[test]
    fn lines_only_go_forward(text in "[ab,\"\r\n]{0,60}") {
        let lines: Vec<u64> = cut(text.as_bytes(), 2).iter().map(|(line, _)| *line).collect();
        prop_assert!(lines.windows(2).all(|w| w[0] < w[1]));
    }
}
