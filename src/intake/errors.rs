//! What is wrong with a row, and the errors file that says so in both languages.
//!
//! Neither holds a cell of the file, not even the card number: a row is found by its line.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::intake::column::Column;
use crate::model::value_error::ValueError;

/// What is wrong with a whole row rather than with one cell (see `reader`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFault {
    /// Over 1 MiB.
    TooLong,
    /// A quote that does not close, or text behind a closing one.
    Quote,
    /// Another number of cells than the header row.
    Cells {
        /// Cells in the header row.
        expected: usize,
        /// Cells in this one.
        found: usize,
    },
    /// The same, when it is not known any more how many there were.
    OtherCells,
}

/// Why a row is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A cell is not a value of its column.
    Value(ValueError),
    /// The row itself is broken.
    Row(RowFault),
    /// Refused behind intake: a store or a covenant version that is not registered.
    Refused {
        /// Stable code.
        code: &'static str,
        /// The requirement and article that it rests on.
        rule: &'static str,
        /// The sentence in Chinese.
        zh: &'static str,
        /// The sentence in English.
        en: &'static str,
    },
}

/// What a spreadsheet shows where a formula came to nothing.
pub(super) const FORMULA_ERROR: Reason = Reason::Refused {
    code: "formula_error",
    rule: "B4",
    zh: "单元格是公式错误值（如 #N/A）",
    en: "the cell is the error of a formula (like #N/A)",
};

impl Reason {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Reason::Value(e) => e.code(),
            Reason::Row(RowFault::TooLong) => "row_too_long",
            Reason::Row(RowFault::Quote) => "row_quote",
            Reason::Row(RowFault::Cells { .. } | RowFault::OtherCells) => "row_cells",
            Reason::Refused { code, .. } => code,
        }
    }

    /// The requirement and article that it rests on.
    pub const fn rule(self) -> &'static str {
        match self {
            Reason::Value(_) | Reason::Row(_) => "B4",
            Reason::Refused { rule, .. } => rule,
        }
    }

    /// What a code was told for, when nothing else was kept of it; none for a code that no file is refused with here.
    pub fn of(code: &str) -> Option<Reason> {
        let values = ValueError::ALL.iter().map(|e| Reason::Value(*e));
        let rows = [RowFault::TooLong, RowFault::Quote, RowFault::OtherCells].into_iter().map(Reason::Row);
        values.chain(rows).chain([FORMULA_ERROR]).find(|reason| reason.code() == code)
    }

    /// The sentence in Chinese.
    pub fn zh(self) -> Cow<'static, str> {
        match self {
            Reason::Value(e) => e.zh().into(),
            Reason::Row(RowFault::TooLong) => "该行超过 1 MiB".into(),
            Reason::Row(RowFault::Quote) => "引号没有闭合，或闭合后还有文字".into(),
            Reason::Row(RowFault::Cells { expected, found }) => {
                format!("该行有 {found} 个单元格，标题行有 {expected} 个").into()
            }
            Reason::Row(RowFault::OtherCells) => "该行的单元格个数与标题行不同".into(),
            Reason::Refused { zh, .. } => zh.into(),
        }
    }

    /// The sentence in English.
    pub fn en(self) -> Cow<'static, str> {
        match self {
            Reason::Value(e) => e.en().into(),
            Reason::Row(RowFault::TooLong) => "the row is over 1 MiB".into(),
            Reason::Row(RowFault::Quote) => {
                "a quote is not closed, or text stands behind a closing one".into()
            }
            Reason::Row(RowFault::Cells { expected, found }) => {
                format!("the row has {found} cells, the header row {expected}").into()
            }
            Reason::Row(RowFault::OtherCells) => {
                "the row has another number of cells than the header row".into()
            }
            Reason::Refused { en, .. } => en.into(),
        }
    }
}

impl From<ValueError> for Reason {
    fn from(e: ValueError) -> Self {
        Reason::Value(e)
    }
}

/// One thing wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellError {
    /// The column; none when it is the whole row, or a column that we do not know.
    pub column: Option<Column>,
    /// Why.
    pub reason: Reason,
}

/// The errors file: UTF-8 with BOM, CRLF, columns `line,column,列,code,原因,reason,rule`, one row an error.
///
/// Holds no personal value, so it may be kept and sent like any other file.
pub struct ErrorsFile<W: Write> {
    writer: csv::Writer<W>,
}

impl<W: Write> ErrorsFile<W> {
    /// Writes the byte order mark and the header row.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(b"\xEF\xBB\xBF")?;
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
        writer.write_record(["line", "column", "列", "code", "原因", "reason", "rule"])?;
        Ok(ErrorsFile { writer })
    }

    /// Writes what is wrong with the row at `line`.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&mut self, line: u64, errors: &[CellError]) -> io::Result<()> {
        let line = line.to_string();
        for CellError { column, reason } in errors {
            let (en, zh) = column.map_or(("", ""), |c| (c.code(), c.zh()));
            let (because, why) = (reason.zh(), reason.en());
            self.writer.write_record([&line, en, zh, reason.code(), &because, &why, reason.rule()])?;
        }
        Ok(())
    }

    /// Says in a last row that so many more errors were found than the file lists.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn more(&mut self, count: u64) -> io::Result<()> {
        let (zh, en) =
            (format!("另有 {count} 处错误没有列出"), format!("{count} more errors are not listed"));
        self.writer.write_record(["", "", "", "more_errors", &zh, &en, "B8"])?;
        Ok(())
    }

    /// Flushes, and gives the writer back so that its owner can sync it.
    ///
    /// # Errors
    /// Those of the writer: what is not flushed was not written.
    pub fn finish(self) -> io::Result<W> {
        self.writer.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_errors_file_says_where_and_why_in_both_languages() {
        let mut file = ErrorsFile::new(Vec::new()).unwrap();
        let mobile = CellError { column: Some(Column::Mobile), reason: ValueError::NotMobile.into() };
        let cells =
            CellError { column: None, reason: Reason::Row(RowFault::Cells { expected: 18, found: 17 }) };
        file.write(7, &[mobile, cells]).unwrap();
        let text = String::from_utf8(file.finish().unwrap()).unwrap();
        let lines: Vec<_> = text.split("\r\n").collect();
        assert_eq!(lines[0], "\u{FEFF}line,column,列,code,原因,reason,rule");
        assert!(lines[1].starts_with("7,mobile,手机,not_mobile,不是有效的手机号"), "{}", lines[1]);
        assert_eq!(
            lines[2],
            "7,,,row_cells,该行有 17 个单元格，标题行有 18 个,\"the row has 17 cells, the header row 18\",B4"
        );
        assert_eq!((lines[3], lines.len()), ("", 4));
    }
}
