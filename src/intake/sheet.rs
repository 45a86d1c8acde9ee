//! Excel workbooks (xlsx): the first sheet as rows of cells, each cell as a file of text would give it.
//!
//! ```text
//! upload ──whole──► memory, wiped ──measure──► unpacks to no more than it may ──calamine──► cells ──► record ──row──► as in a file
//! ```
//! A workbook is an archive that is read from its end, so it is held in memory; nothing of it touches a disk. What it
//! unpacks to is counted first, without keeping it: some kilobytes can hold gigabytes.

use std::io::{BufRead, BufReader, Cursor, Read};
use std::sync::{Mutex, PoisonError};

use calamine::{DataRef, Reader as _, SheetType, Xlsx, XlsxCellReader};
use csv::StringRecord;
use quick_xml::events::Event;
use zeroize::Zeroizing;
use zip::ZipArchive;

use super::column::Column;
use super::errors::{CellError, FORMULA_ERROR, Reason, RowFault};
use super::file_error::FileError;
use super::headers::{HeaderWarning, Headers, Names};
use super::{IntakeItem, RECORD_LIMIT, Rows, row};
use crate::model::day::Day;

/// How large a workbook may be, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// As it comes.
    packed: usize,
    /// All its parts together.
    unpacked: u64,
    /// Each of them, wherever it lies: the file itself says which part is the sheet and which are held whole, and
    /// one cell can be as long as its sheet.
    part: u64,
}

/// 250,000 members with all columns; who has more has a file of text.
pub(super) const LIMITS: Limits = Limits { packed: 64 << 20, unpacked: 1 << 30, part: 256 << 20 };

/// Bytes of a file that are taken in at once.
const PIECE: usize = 1 << 20;

/// A workbook takes many times its size while it is read, so one is read at a time, however many come.
static TURN: Mutex<()> = Mutex::new(());

/// The workbook in memory, wiped when dropped.
type Held = Cursor<Zeroizing<Vec<u8>>>;

/// One cell: row and column from 0, and what is there.
type Place<'a> = (u32, u32, DataRef<'a>);

/// A sheet has no more rows and columns (ECMA-376); calamine does not hold cells to it.
const ROWS: u32 = 1 << 20;
const COLUMNS: u32 = 1 << 14;

/// `<si/>`.
const SHORTEST_STRING: u64 = 5;

/// Reads a workbook's first sheet.
///
/// # Errors
/// [`FileError`] when nothing of it can be read.
pub(super) fn read<R: Read, T>(
    input: R,
    today: Day,
    names: &Names,
    limits: Limits,
    with: impl FnOnce(&mut dyn Rows) -> T,
) -> Result<T, FileError> {
    let file = whole(input, limits.packed)?;
    // Behind the upload, so that a slow one keeps nobody waiting.
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let size = file.len() as u64;
    measure(&file, limits)?;
    // What calamine says may repeat a cell, so none of it is told.
    let broken = |_| FileError::BrokenSheet;
    let mut book: Xlsx<Held> = Xlsx::new(Cursor::new(file)).map_err(broken)?;
    let sheets = book.sheets_metadata().iter();
    let first = sheets.filter(|s| s.typ == SheetType::WorkSheet).map(|s| s.name.clone()).next();
    let first = first.ok_or(FileError::BrokenSheet)?;
    let cells = book.worksheet_cells_reader(&first).map_err(broken)?;
    let mut rows = Sheet::open(cells, today, names, size)?;
    Ok(with(&mut rows))
}

/// All of it in one buffer, by way of pieces: a buffer that grew would leave copies unwiped, and one as large as a file
/// may be is wiped, so held, whole for a small one too.
fn whole<R: Read>(mut input: R, packed: usize) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let (mut pieces, mut size) = (Vec::new(), 0);
    loop {
        let mut piece = Zeroizing::new(Vec::with_capacity(PIECE));
        let n = input.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
        size += n;
        if size > packed {
            return Err(FileError::TooLarge);
        }
        pieces.push(piece);
        if n < PIECE {
            break;
        }
    }
    let mut file = Zeroizing::new(Vec::with_capacity(size));
    pieces.into_iter().for_each(|piece| file.extend_from_slice(&piece));
    Ok(file)
}

/// Unpacks every part, keeps none of it, and stops at the first byte too many. The sizes that the archive gives of itself
/// are not asked.
fn measure(file: &[u8], limits: Limits) -> Result<(), FileError> {
    let mut archive = ZipArchive::new(Cursor::new(file)).map_err(|_| FileError::BrokenSheet)?;
    let mut buffer = Zeroizing::new(vec![0; 64 * 1024]);
    let mut left = limits.unpacked;
    for i in 0..archive.len() {
        let mut part = archive.by_index(i).map_err(|_| FileError::BrokenSheet)?;
        let most = left.min(limits.part);
        let mut size = 0;
        loop {
            let n = part.read(&mut buffer).map_err(|_| FileError::BrokenSheet)?;
            if n == 0 {
                break;
            }
            size += n as u64;
            if size > most {
                return Err(FileError::TooLargeUnpacked);
            }
        }
        left -= size;
        // What calamine makes room for before it reads any: more strings than the part has bytes for are none.
        let name = part.name().map_err(|_| FileError::BrokenSheet)?.to_ascii_lowercase();
        drop(part);
        if name.ends_with("sharedstrings.xml") {
            let part = archive.by_index(i).map_err(|_| FileError::BrokenSheet)?;
            if declared_strings(BufReader::new(part))? > size / SHORTEST_STRING {
                return Err(FileError::BrokenSheet);
            }
        }
    }
    Ok(())
}

/// How many strings a part of shared strings says that it has.
fn declared_strings(part: impl BufRead) -> Result<u64, FileError> {
    let mut xml = quick_xml::Reader::from_reader(part);
    let mut event = Vec::new();
    loop {
        event.clear();
        match xml.read_event_into(&mut event).map_err(|_| FileError::BrokenSheet)? {
            Event::Start(tag) | Event::Empty(tag) if tag.local_name().as_ref() == "sst" => {
                let count = tag.try_get_attribute("uniqueCount").map_err(|_| FileError::BrokenSheet)?;
                let Some(count) = count else { return Ok(0) };
                // Whatever stands around the digits: another reader may pass over it.
                let digits: String = count.value.chars().filter(char::is_ascii_digit).collect();
                return if digits.is_empty() {
                    Ok(0)
                } else {
                    digits.parse().map_err(|_| FileError::BrokenSheet)
                };
            }
            Event::Eof => return Ok(0),
            _ => {}
        }
    }
}

/// A sheet being read.
struct Sheet<'a> {
    cells: XlsxCellReader<'a, Held>,
    /// The first cell of the next row.
    ahead: Option<Place<'a>>,
    /// The sheet's data is at its end: behind it calamine would read on into what is none.
    no_more: bool,
    headers: Headers,
    today: Day,
    size: u64,
    ended: bool,
}

/// One row of a sheet: its line, its cells, and whether it is longer than a row may be.
struct Line<'a> {
    line: u64,
    cells: Vec<(usize, DataRef<'a>)>,
    too_long: bool,
}

impl<'a> Sheet<'a> {
    fn open(
        cells: XlsxCellReader<'a, Held>,
        today: Day,
        known: &Names,
        size: u64,
    ) -> Result<Self, FileError> {
        let headers = Headers::of(&[]);
        let mut it = Sheet { cells, ahead: None, no_more: false, headers, today, size, ended: false };
        let first = it.next_line()?.ok_or(FileError::Empty)?;
        if first.too_long {
            return Err(FileError::BrokenHeader);
        }
        // Cells may stand in any order; `next_cell` bounds how far out.
        let width = first.cells.iter().map(|cell| cell.0 + 1).max().unwrap_or_default();
        let mut names = vec![String::new(); width];
        for (at, value) in &first.cells {
            names[*at] = text(value, None).unwrap_or_default();
        }
        it.headers = Headers::read(&StringRecord::from(names), known)?;
        Ok(it)
    }

    /// The next row with anything in it.
    fn next_line(&mut self) -> Result<Option<Line<'a>>, FileError> {
        let mut line: Option<Line<'a>> = None;
        let mut bytes = 0;
        loop {
            let Some((at, column, value)) = self.next_cell()? else { return Ok(line) };
            let own = u64::from(at) + 1;
            match &line {
                Some(begun) if own > begun.line => {
                    self.ahead = Some((at, column, value));
                    return Ok(line);
                }
                Some(begun) if own < begun.line => return Err(FileError::BrokenSheet),
                _ => {}
            }
            let line = line.get_or_insert(Line { line: own, cells: Vec::new(), too_long: false });
            bytes += 32 + length(&value);
            line.too_long |= bytes > RECORD_LIMIT;
            if !line.too_long {
                line.cells.push((column as usize, value));
            }
        }
    }

    /// The next cell that is not blank.
    fn next_cell(&mut self) -> Result<Option<Place<'a>>, FileError> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        while !self.no_more {
            match self.cells.next_cell().map_err(|_| FileError::BrokenSheet)? {
                None => self.no_more = true,
                Some(cell) if is_blank(cell.get_value()) => {}
                Some(cell) => {
                    let (row, column) = cell.get_position();
                    if row >= ROWS || column >= COLUMNS {
                        return Err(FileError::BrokenSheet);
                    }
                    return Ok(Some((row, column, cell.get_value().clone())));
                }
            }
        }
        Ok(None)
    }

    fn check(&self, line: &Line<'_>) -> Result<crate::model::member::MemberRow, Vec<CellError>> {
        let fault = |fault| Err(vec![CellError { column: None, reason: Reason::Row(fault) }]);
        if line.too_long {
            return fault(RowFault::TooLong);
        }
        let expected = self.headers.width;
        let mut record = vec![String::new(); expected];
        let mut errors = Vec::new();
        for (at, value) in &line.cells {
            let Some(slot) = record.get_mut(*at) else {
                return fault(RowFault::Cells { expected, found: at + 1 });
            };
            let column = self.headers.column(*at);
            match text(value, column) {
                Some(text) => *slot = text,
                None if column.is_some() => errors.push(CellError { column, reason: FORMULA_ERROR }),
                None => {}
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        row::check(&self.headers, &StringRecord::from(record), self.today)
    }
}

impl Rows for Sheet<'_> {
    fn warnings(&self) -> &[HeaderWarning] {
        &self.headers.warnings
    }

    fn bytes_read(&self) -> u64 {
        self.size
    }
}

impl Iterator for Sheet<'_> {
    type Item = Result<IntakeItem, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let line = self.next_line();
        self.ended = !matches!(line, Ok(Some(_)));
        line.map(|line| line.map(|line| IntakeItem { line: line.line, row: self.check(&line) })).transpose()
    }
}

fn is_blank(value: &DataRef<'_>) -> bool {
    match value {
        DataRef::Empty => true,
        DataRef::String(text) => text.trim().is_empty(),
        DataRef::SharedString(text) => text.trim().is_empty(),
        _ => false,
    }
}

fn length(value: &DataRef<'_>) -> usize {
    match value {
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.len(),
        DataRef::SharedString(text) => text.len(),
        _ => 0,
    }
}

/// A cell as text; `None` for the error of a formula. Of a formula the value counts that the spreadsheet saved.
fn text(value: &DataRef<'_>, column: Option<Column>) -> Option<String> {
    Some(match value {
        DataRef::Empty => String::new(),
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Int(n) => n.to_string(),
        DataRef::Float(n) => number(*n),
        DataRef::Bool(yes) if column.is_some_and(Column::is_yes_no) => {
            if *yes { "yes" } else { "no" }.to_owned()
        }
        DataRef::Bool(yes) => if *yes { "TRUE" } else { "FALSE" }.to_owned(),
        DataRef::DateTime(at) if at.is_datetime() => {
            let (year, month, day, h, m, s, _) = at.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            if (h, m, s) == (0, 0, 0) { date } else { format!("{date} {h:02}:{m:02}:{s:02}") }
        }
        DataRef::DateTime(at) => number(at.as_f64()),
        DataRef::DateTimeIso(text) => text.strip_suffix("T00:00:00").unwrap_or(text).to_owned(),
        DataRef::DurationIso(text) => text.clone(),
        DataRef::Error(_) => return None,
    })
}

/// A number as people typed it. A spreadsheet keeps fifteen digits: a longer number has lost its end, and is written
/// so that its column refuses it; a fraction is cut to what was typed.
fn number(n: f64) -> String {
    if n.abs() >= 1e15 {
        return format!("{n:E}");
    }
    let typed: f64 = format!("{n:.14e}").parse().unwrap_or(n);
    typed.to_string()
}

#[cfg(test)]
#[path = "sheet_tests.rs"]
mod tests;
