//! Member files: bytes in, checked rows out, and what of a row is stored. Reading knows no key; [`seal`]
//! is where a checked row meets the member's.
//!
//! ```text
//! bytes ──decode──► UTF-8 ──reader──► records ──csv──► cells ──row──► MemberRow │ [CellError] ──errors──► errors file
//!                                        first: headers
//! ```
//! One row is held at a time, so the size of a file does not matter. A workbook (xlsx) is held whole, within limits, and
//! gives its rows one at a time as well ([`sheet`]).

mod column;
pub mod contacts;
mod decode;
mod errors;
mod file_error;
pub mod form;
mod headers;
mod reader;
mod row;
pub mod seal;
mod sheet;

use std::io::{self, Read};

use csv::StringRecord;
use zeroize::Zeroizing;

pub use column::Column;
pub use errors::{CellError, ErrorsFile, Reason, RowFault};
pub use file_error::{FileError, Foreign};
pub use headers::{HeaderWarning, Names};
pub use reader::RECORD_LIMIT;

use crate::model::day::Day;
use crate::model::member::MemberRow;
use decode::Decoder;
use headers::Headers;
use reader::Records;

/// One row of a member file.
#[derive(Debug)]
pub struct IntakeItem {
    /// The line it begins on; the first of the file is 1.
    pub line: u64,
    /// The row, or everything that is wrong with it.
    pub row: Result<MemberRow, Vec<CellError>>,
}

/// A member file being read. Iterate over it; a row error never ends it, an error in reading does.
pub struct Intake<R: Read> {
    records: Records<R>,
    parser: Parser,
    headers: Headers,
    today: Day,
    ended: bool,
}

/// Rows of a member file of either kind, in its order. After an error, and after the end, there is nothing more.
pub trait Rows: Iterator<Item = Result<IntakeItem, FileError>> {
    /// What of the header row will not be used.
    fn warnings(&self) -> &[HeaderWarning];

    /// Bytes of the file taken so far, for progress.
    fn bytes_read(&self) -> u64;
}

impl<R: Read> Rows for Intake<R> {
    fn warnings(&self) -> &[HeaderWarning] {
        &self.headers.warnings
    }

    fn bytes_read(&self) -> u64 {
        self.records.decoder().bytes_read()
    }
}

/// The first bytes of an archive, and so of a workbook.
pub(crate) const ARCHIVE: &[u8; 4] = b"PK\x03\x04";

/// Reads a member file, text or workbook, told apart by its first bytes; `names` are those of its columns beside the
/// known ones; `with` is given its rows.
///
/// # Errors
/// [`FileError`] when nothing of it can be read; no data rows at all is not one.
pub fn read<R: Read, T>(
    mut input: R,
    today: Day,
    names: &Names,
    with: impl FnOnce(&mut dyn Rows) -> T,
) -> Result<T, FileError> {
    let mut first = Zeroizing::new(Vec::with_capacity(ARCHIVE.len()));
    input.by_ref().take(ARCHIVE.len() as u64).read_to_end(&mut first)?;
    let whole = first.as_slice().chain(input);
    if first.as_slice() == ARCHIVE {
        return sheet::read(whole, today, names, sheet::LIMITS, with);
    }
    Ok(with(&mut open_named(whole, today, names)?))
}

/// Opens a member file of text: CSV in UTF-8, UTF-16 or GB18030, with comma, tab or semicolon, with Chinese
/// or English column names. `today` (in the vault's zone) bounds birthdays.
///
/// # Errors
/// [`FileError`] when nothing of it can be read; no data rows at all is not one.
pub fn open<R: Read>(input: R, today: Day) -> Result<Intake<R>, FileError> {
    open_named(input, today, &Names::default())
}

/// The same of a file whose columns have names of their own.
fn open_named<R: Read>(input: R, today: Day, names: &Names) -> Result<Intake<R>, FileError> {
    let (mut records, parser, _) = begin(input)?;
    let headers = Headers::read(&parser.record, names)?;
    records.width = Some(headers.width);
    Ok(Intake { records, parser, headers, today, ended: false })
}

/// Finds encoding and delimiter and reads the first record, which then stands in the parser; with its line.
fn begin<R: Read>(input: R) -> Result<(Records<R>, Parser, u64), FileError> {
    let mut records = Records::new(Decoder::open(input)?);
    records.find_delimiter()?;
    let Some(found) = records.next()? else { return Err(FileError::Empty) };
    let range = found.what.map_err(|_| FileError::BrokenHeader)?;
    let mut parser = Parser::new(records.delimiter);
    parser.cells(records.text(range))?;
    Ok((records, parser, found.line))
}

impl<R: Read> Intake<R> {
    fn advance(&mut self) -> io::Result<Option<IntakeItem>> {
        let Some(found) = self.records.next()? else { return Ok(None) };
        let row = match found.what {
            Ok(range) => row::check(&self.headers, self.parser.cells(self.records.text(range))?, self.today),
            Err(fault) => Err(vec![CellError { column: None, reason: Reason::Row(fault) }]),
        };
        Ok(Some(IntakeItem { line: found.line, row }))
    }
}

/// Rows in the file's order. After an error, and after the end, there is nothing more.
impl<R: Read> Iterator for Intake<R> {
    type Item = Result<IntakeItem, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.advance().map_err(FileError::Io).transpose();
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}

/// The `csv` crate, fed one bounded record at a time.
struct Parser {
    reader: csv::Reader<Feed>,
    record: StringRecord,
}

impl Parser {
    fn new(delimiter: u8) -> Self {
        let feed = Feed { bytes: Zeroizing::new(Vec::with_capacity(4096)), at: 0 };
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(feed);
        Parser { reader, record: StringRecord::new() }
    }

    /// The cells of one record, given without its line end.
    fn cells(&mut self, text: &[u8]) -> io::Result<&StringRecord> {
        let feed = self.reader.get_mut();
        feed.bytes.clear();
        feed.bytes.extend_from_slice(text);
        feed.bytes.push(b'\n');
        feed.at = 0;
        self.reader.read_record(&mut self.record)?;
        Ok(&self.record)
    }
}

/// Holds one record with a line end, which is where the crate stops asking for more.
struct Feed {
    bytes: Zeroizing<Vec<u8>>,
    at: usize,
}

impl Read for Feed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = (&self.bytes[self.at..]).read(out)?;
        self.at += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests;
