//! A workbook as a spreadsheet writes it, made by hand: shared strings, inline ones, numbers, dates, formulas.

use std::io::{Cursor, Write as _};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A cell's XML behind its place; style 1 is a date, 2 a date with a time.
pub fn text(value: &str) -> String {
    format!(" t=\"inlineStr\"><is><t>{value}</t></is>")
}

/// A number, in a style.
pub fn number(value: &str, style: u8) -> String {
    format!(" s=\"{style}\"><v>{value}</v>")
}

/// What a formula came to when it was saved.
pub fn formula(kind: &str, value: &str) -> String {
    format!(" t=\"{kind}\"><f>A1</f><v>{value}</v>")
}

/// The first sheet's rows; an empty cell is left out.
pub fn workbook(rows: &[Vec<String>]) -> Vec<u8> {
    let mut sheet = String::new();
    for (at, cells) in rows.iter().enumerate() {
        let row = at + 1;
        sheet.push_str(&format!("<row r=\"{row}\">"));
        for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            let place = char::from(b'A' + u8::try_from(column).unwrap());
            sheet.push_str(&format!("<c r=\"{place}{row}\"{cell}</c>"));
        }
        sheet.push_str("</row>");
    }
    with_sheet(&sheet)
}

/// A workbook whose first sheet holds this.
pub fn with_sheet(rows: &str) -> Vec<u8> {
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const DOC: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    const PACK: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
    let parts = [
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{PACK}\"><Relationship Id=\"rId1\" Type=\"{DOC}/officeDocument\" \
                 Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{DOC}\"><sheets><sheet name=\"会员\" sheetId=\"1\" \
                 r:id=\"rId1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{PACK}\"><Relationship Id=\"rId1\" Type=\"{DOC}/worksheet\" \
                 Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"rId2\" Type=\"{DOC}/styles\" \
                 Target=\"styles.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/styles.xml",
            format!(
                "<styleSheet xmlns=\"{MAIN}\"><cellXfs count=\"3\"><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/>\
                 <xf numFmtId=\"22\"/></cellXfs></styleSheet>"
            ),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>"),
        ),
    ];
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, body) in parts {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
        zip.write_all(head.as_bytes()).unwrap();
        zip.write_all(body.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// An archive with one part.
pub fn part(name: &str, body: &str) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(name, SimpleFileOptions::default()).unwrap();
    zip.write_all(body.as_bytes()).unwrap();
    zip.finish().unwrap().into_inner()
}

/// An archive with one part of so many MiB of nothing.
pub fn bomb(name: &str, mib: usize) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(name, SimpleFileOptions::default()).unwrap();
    let spaces = vec![b' '; 1 << 20];
    for _ in 0..mib {
        zip.write_all(&spaces).unwrap();
    }
    zip.finish().unwrap().into_inner()
}
