//! Where a record begins and ends, within 1 MiB: the guard in front of the `csv` crate.
//!
//! The crate would read on to the end of the file for the quote that closes a cell, and keep all of
//! it. Here each record is bounded first, and only a sound one is handed to the crate:
//!
//! | what stands there | what becomes of it |
//! |---|---|
//! | a physical line over 1 MiB | one row error (`row_too_long`); reading goes on at the next line |
//! | a quoted cell still open after 1 MiB or at the end of the file | its *first line* is a row error (`row_quote`); reading goes on at the line below it |
//! | a record over several lines with a stray quote or a wrong number of cells | the same, since an unclosed quote has swallowed the lines below |
//! | one line with text after a closing quote | a row error (`row_quote`) |
//! | one line with another number of cells than the header | a row error (`row_cells`) |
//!
//! So a stray quote costs the line it stands in and none of its neighbours. Sizes are those of the
//! text as UTF-8. A quote inside a cell that does not start with one is a character like any other.

use std::io::{self, Read};
use std::ops::Range;

use zeroize::Zeroizing;

use crate::intake::decode::Decoder;
use crate::intake::errors::RowFault;

/// The longest record, in bytes of UTF-8.
pub const RECORD_LIMIT: usize = 1 << 20;
const CHUNK: usize = 64 * 1024;

/// One record as it stands in the file.
pub(super) struct Found {
    /// Its first line; the first of the file is 1.
    pub(super) line: u64,
    /// Where it is in [`Records::text`], or what is wrong with it.
    pub(super) what: Result<Range<usize>, RowFault>,
}

/// Cuts a file into records. Never holds more than a record's limit and a chunk.
pub(super) struct Records<R> {
    decoder: Decoder<R>,
    buffer: Zeroizing<Vec<u8>>,
    start: usize,
    line: u64,
    after_cr: bool,
    ended: bool,
    /// The byte between cells.
    pub(super) delimiter: u8,
    /// Cells in a record; anything goes until the header row is known.
    pub(super) width: Option<usize>,
}

impl<R: Read> Records<R> {
    pub(super) fn new(decoder: Decoder<R>) -> Self {
        let buffer = Zeroizing::new(Vec::with_capacity(2 * CHUNK));
        Records {
            decoder,
            buffer,
            start: 0,
            line: 1,
            after_cr: false,
            ended: false,
            delimiter: b',',
            width: None,
        }
    }

    pub(super) fn decoder(&self) -> &Decoder<R> {
        &self.decoder
    }

    /// The bytes that a [`Found`] points into, until the next call of [`Records::next`].
    pub(super) fn text(&self, range: Range<usize>) -> &[u8] {
        &self.buffer[range]
    }

    /// The next record, blank lines left out; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Found>> {
        if !self.skip_blank()? {
            return Ok(None);
        }
        let mut scan = Scan::default();
        loop {
            if scan.run(&self.buffer[self.start..], self.delimiter) {
                break;
            }
            if scan.at > RECORD_LIMIT || !self.refill()? {
                break;
            }
        }
        self.settle(&scan).map(Some)
    }

    /// Judges a scanned record and moves behind it, or behind as much of it as is lost.
    fn settle(&mut self, scan: &Scan) -> io::Result<Found> {
        let line = self.line;
        let refuse = |fault| Ok(Found { line, what: Err(fault) });
        let long = scan.at > RECORD_LIMIT;
        let open = scan.state == State::Quoted;
        let wrong_width = self.width.filter(|width| *width != scan.cells);
        if let Some(below) = scan.first_break.filter(|below| *below <= RECORD_LIMIT)
            && (long || open || scan.stray || wrong_width.is_some())
        {
            self.after_cr = self.buffer[self.start + below - 1] == b'\r';
            self.start += below;
            self.line += 1;
            return refuse(RowFault::Quote);
        }
        if long {
            self.skip_line()?;
            return refuse(RowFault::TooLong);
        }
        let range = self.start..self.start + scan.at;
        self.start = range.end;
        self.line += scan.breaks;
        match wrong_width {
            _ if open || scan.stray => refuse(RowFault::Quote),
            Some(expected) => refuse(RowFault::Cells { expected, found: scan.cells }),
            None => Ok(Found { line, what: Ok(range) }),
        }
    }

    /// Moves to the first byte that is no line end, counting lines; false at the end of the file.
    fn skip_blank(&mut self) -> io::Result<bool> {
        loop {
            match self.buffer.get(self.start).copied() {
                Some(b'\n') => self.line += u64::from(!self.after_cr),
                Some(b'\r') => self.line += 1,
                Some(_) => {
                    self.after_cr = false;
                    return Ok(true);
                }
                None if self.refill()? => continue,
                None => return Ok(false),
            }
            self.after_cr = self.buffer[self.start] == b'\r';
            self.start += 1;
        }
    }

    /// Drops everything up to the next line end, which [`Records::skip_blank`] then counts.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            match self.buffer[self.start..].iter().position(|b| matches!(b, b'\n' | b'\r')) {
                Some(n) => {
                    self.start += n;
                    return Ok(());
                }
                None => self.start = self.buffer.len(),
            }
            if !self.refill()? {
                return Ok(());
            }
        }
    }

    /// Drops what is done with and reads a chunk more; false at the end of the file.
    fn refill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        let held = self.buffer.len();
        self.buffer.resize(held + CHUNK, 0);
        let read = self.decoder.read(&mut self.buffer[held..]);
        self.buffer.truncate(held + *read.as_ref().unwrap_or(&0));
        self.ended = read? == 0;
        Ok(!self.ended)
    }

    /// Looks at the first line that is not blank and takes the most frequent of comma, tab and
    /// semicolon outside quotes; comma when there is none.
    pub(super) fn find_delimiter(&mut self) -> io::Result<()> {
        if !self.skip_blank()? {
            return Ok(());
        }
        let is_end = |b: &u8| matches!(b, b'\n' | b'\r');
        while !self.buffer[self.start..].iter().any(is_end) {
            if self.buffer.len() - self.start > RECORD_LIMIT || !self.refill()? {
                break;
            }
        }
        let (mut counts, mut quoted) = ([(0usize, b','), (0, b'\t'), (0, b';')], false);
        for b in self.buffer[self.start..].iter().take_while(|b| !is_end(b)) {
            quoted ^= *b == b'"';
            for (count, delimiter) in &mut counts {
                *count += usize::from(!quoted && b == delimiter);
            }
        }
        // `max_by_key` takes the last of equals; the comma is looked at last.
        self.delimiter = counts.iter().rev().max_by_key(|(count, _)| *count).map_or(b',', |(_, d)| *d);
        Ok(())
    }
}

#[derive(Default, PartialEq, Eq, Clone, Copy)]
enum State {
    /// At the first byte of a cell.
    #[default]
    Start,
    /// In a cell without quotes, or behind a stray quote.
    Plain,
    /// Between quotes.
    Quoted,
    /// Behind a quote inside a quoted cell: the end of it, or half of `""`.
    Closing,
}

/// What has been seen of one record.
struct Scan {
    /// Bytes looked at; when the record has ended, its length without the line end.
    at: usize,
    state: State,
    cells: usize,
    /// Line ends inside quotes.
    breaks: u64,
    /// Behind the first of them.
    first_break: Option<usize>,
    /// Text after a closing quote.
    stray: bool,
}

impl Default for Scan {
    fn default() -> Self {
        Scan { at: 0, state: State::Start, cells: 1, breaks: 0, first_break: None, stray: false }
    }
}

impl Scan {
    /// Goes on through `bytes` (the record from its first byte); true at the line end that ends it.
    fn run(&mut self, bytes: &[u8], delimiter: u8) -> bool {
        while let Some(&b) = bytes.get(self.at) {
            self.state = match (self.state, b) {
                (State::Quoted, b'"') => State::Closing,
                (State::Quoted, b'\n' | b'\r') => {
                    self.line_end(b, bytes);
                    State::Quoted
                }
                (State::Quoted, _) => State::Quoted,
                (_, b'\n' | b'\r') => return true,
                (_, b) if b == delimiter => {
                    self.cells += 1;
                    State::Start
                }
                (State::Start | State::Closing, b'"') => State::Quoted,
                (State::Closing, _) => {
                    self.stray = true;
                    State::Plain
                }
                (State::Start | State::Plain, _) => State::Plain,
            };
            self.at += 1;
        }
        false
    }

    /// Counts a line end inside quotes; CRLF is one.
    fn line_end(&mut self, b: u8, bytes: &[u8]) {
        let second_half = b == b'\n' && self.at > 0 && bytes[self.at - 1] == b'\r';
        if !second_half {
            self.breaks += 1;
            self.first_break.get_or_insert(self.at + 1);
        } else if self.first_break == Some(self.at) {
            self.first_break = Some(self.at + 1);
        }
    }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
