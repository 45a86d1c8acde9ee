//! The text of a vendor file: CSV as RFC 4180 has it, and as the contract ("Vendor files") narrows it.
//!
//! UTF-8 with a byte-order mark, since spreadsheets in the vendors' offices guess the encoding without;
//! CRLF; one header row; a value is quoted when it holds a quote, a comma or a line end, and a quote inside
//! is doubled.
//!
//! Written here and not by the `csv` crate, because its buffers keep the last rows in freed memory; the
//! tests read every file back with that crate.

use std::io::{self, Write};
use zeroize::Zeroizing;

const BOM: &[u8] = "\u{feff}".as_bytes();
const CRLF: &[u8] = b"\r\n";

/// Why a row was not written. Names columns by place, never by value.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// The value would run as a formula in a spreadsheet. Nothing of the row was written: the caller holds
    /// it back as `unsafe_value` and goes on.
    #[error("the value in column {column} starts a formula")]
    UnsafeValue {
        /// Counted from 0.
        column: usize,
    },
    /// More or fewer values than the header has; nothing was written.
    #[error("a row of {got} values under a header of {expected}")]
    Columns {
        /// Columns of the header.
        expected: usize,
        /// Values given.
        got: usize,
    },
    /// A row was cut short by an earlier failure, so nothing may follow it.
    #[error("the file was cut short by an earlier failure")]
    Broken,
    /// The stream below failed.
    #[error("the vendor file cannot be written")]
    Io(#[from] io::Error),
}

/// Whether a spreadsheet would take the value for a formula: it begins with `=`, `+`, `-`, `@`, a tab
/// or a carriage return (contract, "Vendor files").
pub fn starts_formula(value: &str) -> bool {
    value.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// Writes the rows of one vendor file.
///
/// A row goes down in one piece; it is put together in one buffer that is wiped when it is outgrown and
/// when the writer is dropped.
pub struct RowWriter<W: Write> {
    inner: W,
    columns: usize,
    scratch: Zeroizing<Vec<u8>>,
    rows: u64,
    broken: bool,
}

impl<W: Write> RowWriter<W> {
    /// Writes the byte-order mark and the header row.
    ///
    /// # Errors
    /// As [`Self::row`]; a header of no columns is [`RowError::Columns`].
    pub fn new(inner: W, headers: &[&str]) -> Result<Self, RowError> {
        if headers.is_empty() {
            return Err(RowError::Columns { expected: 1, got: 0 });
        }
        let mut writer = Self::behind_header(inner, headers.len());
        writer.line(BOM, headers)?;
        Ok(writer)
    }

    /// One that goes on with a file whose header is written.
    pub(super) fn behind_header(inner: W, columns: usize) -> Self {
        Self { inner, columns, scratch: Zeroizing::new(Vec::new()), rows: 0, broken: false }
    }

    /// Writes one row, its values in the header's order, each exactly as given.
    ///
    /// # Errors
    /// [`RowError::UnsafeValue`] and [`RowError::Columns`] leave the file as it was.
    /// [`RowError::Io`] may leave half a row: from then on everything is [`RowError::Broken`].
    pub fn row(&mut self, values: &[&str]) -> Result<(), RowError> {
        self.line(&[], values)?;
        self.rows += 1;
        Ok(())
    }

    /// Rows written, the header not counted.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Gives the stream below back, which the caller must finish in its own way.
    ///
    /// # Errors
    /// [`RowError::Broken`] when a row was cut short.
    pub fn finish(self) -> Result<W, RowError> {
        if self.broken { Err(RowError::Broken) } else { Ok(self.inner) }
    }

    fn line(&mut self, prefix: &[u8], values: &[&str]) -> Result<(), RowError> {
        if self.broken {
            return Err(RowError::Broken);
        }
        if values.len() != self.columns {
            return Err(RowError::Columns { expected: self.columns, got: values.len() });
        }
        if let Some(column) = values.iter().position(|value| starts_formula(value)) {
            return Err(RowError::UnsafeValue { column });
        }
        self.compose(prefix, values);
        // Broken until the write has come back, so that no return below can leave it out.
        self.broken = true;
        self.inner.write_all(&self.scratch)?;
        self.broken = false;
        Ok(())
    }

    fn compose(&mut self, prefix: &[u8], values: &[&str]) {
        // Every byte a quote, two quotes around, a comma or the line end behind.
        let most = prefix.len() + values.iter().map(|v| 2 * v.len() + 3).sum::<usize>() + CRLF.len();
        if most > self.scratch.capacity() {
            // Growing in place would move the rows and leave the old copy behind unwiped.
            self.scratch = Zeroizing::new(Vec::with_capacity(most.next_power_of_two()));
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(prefix);
        for (column, value) in values.iter().enumerate() {
            if column > 0 {
                self.scratch.push(b',');
            }
            // A lone empty value would be an empty line, which readers skip.
            append(&mut self.scratch, value, values.len() == 1);
        }
        self.scratch.extend_from_slice(CRLF);
    }
}

fn append(out: &mut Vec<u8>, value: &str, alone: bool) {
    let quoted = value.contains(['"', ',', '\r', '\n']) || (alone && value.is_empty());
    if !quoted {
        out.extend_from_slice(value.as_bytes());
        return;
    }
    out.push(b'"');
    for byte in value.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(headers: &[&str], rows: &[&[&str]]) -> Vec<u8> {
        let mut writer = RowWriter::new(Vec::new(), headers).unwrap();
        rows.iter().for_each(|row| writer.row(row).unwrap());
        assert_eq!(writer.rows(), rows.len() as u64);
        writer.finish().unwrap()
    }

    #[test]
    fn the_bytes_are_as_promised() {
        let out = file(&["mobile"], &[&["13800000001"], &["13800000002"]]);
        assert_eq!(out, b"\xef\xbb\xbfmobile\r\n13800000001\r\n13800000002\r\n");
    }

    #[test]
    fn quotes_commas_and_line_ends_are_quoted_and_nothing_else() {
        let rows: &[&[&str]] =
            &[&["200000", "中山路 1 号, 2 楼", "\"老\"王"], &["200001", "a\nb", "c\r\nd"], &["", " x ", ""]];
        let out = String::from_utf8(file(&["postcode", "address", "recipient"], rows)).unwrap();
        let expected = "\u{feff}postcode,address,recipient\r\n\
            200000,\"中山路 1 号, 2 楼\",\"\"\"老\"\"王\"\r\n200001,\"a\nb\",\"c\r\nd\"\r\n, x ,\r\n";
        assert_eq!(out, expected);
    }

    #[test]
    fn a_lone_empty_value_is_still_a_row() {
        assert!(file(&["email"], &[&[""]]).ends_with(b"email\r\n\"\"\r\n"));
    }

    #[test]
    fn a_formula_is_refused_and_leaves_no_trace() {
        for value in ["=1", "+86138", "-1", "@x", "\tx", "\rx", "="] {
            let mut writer = RowWriter::new(Vec::new(), &["address", "recipient"]).unwrap();
            writer.row(&["a", "b"]).unwrap();
            let refused = writer.row(&["fine", value]).unwrap_err();
            assert!(matches!(refused, RowError::UnsafeValue { column: 1 }), "{value:?}");
            assert!(!refused.to_string().contains(value) || value.len() == 1);
            writer.row(&["c", "d"]).unwrap();
            assert_eq!(writer.rows(), 2);
            assert!(writer.finish().unwrap().ends_with(b"a,b\r\nc,d\r\n"));
        }
        assert!(matches!(RowWriter::new(Vec::new(), &["=a"]), Err(RowError::UnsafeValue { column: 0 })));
    }

    #[test]
    fn formula_characters_are_fine_further_on() {
        assert!(file(&["email"], &[&["a+b@c-d=e"]]).ends_with(b"\r\na+b@c-d=e\r\n"));
    }

    #[test]
    fn a_row_must_fit_the_header() {
        let mut writer = RowWriter::new(Vec::new(), &["a", "b"]).unwrap();
        for row in [&["1"][..], &["1", "2", "3"], &[]] {
            assert!(matches!(writer.row(row), Err(RowError::Columns { expected: 2, .. })));
        }
        assert!(matches!(RowWriter::new(Vec::new(), &[]), Err(RowError::Columns { .. })));
    }

    /// Takes so many bytes and then fails.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let n = self.0.min(bytes.len());
            self.0 -= n;
            if n == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(n) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nothing_follows_half_a_row() {
        let mut writer = RowWriter::new(Full(16), &["mobile"]).unwrap();
        assert!(matches!(writer.row(&["13800000001"]), Err(RowError::Io(_))));
        assert!(matches!(writer.row(&["1"]), Err(RowError::Broken)));
        assert_eq!(writer.rows(), 0);
        assert!(matches!(writer.finish(), Err(RowError::Broken)));
    }

    /// There is room for the worst a row can become before its first byte is put down.
    #[test]
    fn the_buffer_never_grows_in_place() {
        let long = "a".repeat(100_000);
        let mut writer = RowWriter::new(io::sink(), &["a", "b"]).unwrap();
        for n in [1, 30, 1_000, 100_000, 5] {
            writer.row(&[&long[..n], &long[..n]]).unwrap();
            assert!(writer.scratch.capacity() >= 2 * (2 * n + 3) + CRLF.len(), "{n}");
        }
        let quotes = "\"".repeat(50_000);
        let before = writer.scratch.as_ptr();
        writer.row(&[&quotes, &quotes]).unwrap();
        assert_eq!(writer.scratch.as_ptr(), before);
    }

    proptest! {
        #[test]
        fn an_independent_reader_reads_the_same(
            rows in prop::collection::vec(("[^=+@\\-\t\r]?.*", "([\"',\r\n a中]{0,8})"), 0..20),
        ) {
            let safe: Vec<_> = rows.iter().filter(|(a, b)| !starts_formula(a) && !starts_formula(b)).collect();
            let mut writer = RowWriter::new(Vec::new(), &["first", "second"]).unwrap();
            for (a, b) in &safe {
                writer.row(&[a, b]).unwrap();
            }
            let out = writer.finish().unwrap();
            let mut reader = csv::Reader::from_reader(&out[BOM.len()..]);
            prop_assert_eq!(reader.headers().unwrap(), vec!["first", "second"]);
            let read: Vec<(String, String)> = reader.deserialize().collect::<Result<_, _>>().unwrap();
            prop_assert!(read.iter().eq(safe));
        }
    }
}
