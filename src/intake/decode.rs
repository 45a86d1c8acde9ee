//! Bytes to UTF-8, a buffer at a time: UTF-8, UTF-16 and GB18030, told apart by looking.
//!
//! ```text
//! first 64 KiB ─┬─ a known other format, or NUL bytes ──► refused, with what to do
//!               ├─ byte order mark, or NULs on one side ──► UTF-8 / UTF-16LE / UTF-16BE
//!               └─ else ASCII is passed on until its first other byte; the 64 KiB from there decide
//!                  between UTF-8 and GB18030, so a file whose Chinese starts late is read rightly
//! ```
//! A byte sequence that the encoding does not have becomes U+FFFD here and its *row* is refused
//! (`undecodable`): the rest of the file is as good as before, and nothing is replaced silently.

use std::io::{self, Read};

use encoding_rs::{CoderResult, GB18030, UTF_8, UTF_16BE, UTF_16LE};
use zeroize::Zeroizing;

use crate::intake::file_error::{FileError, Foreign};

/// How many bytes are looked at, and read, at once.
const WINDOW: usize = 64 * 1024;

/// What a member file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// UTF-8, with or without byte order mark; plain ASCII too.
    Utf8,
    /// UTF-16, low byte first ("Unicode text" of spreadsheets).
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// GB18030, and so GBK and GB 2312.
    Gb18030,
}

impl Encoding {
    fn decoder(self) -> encoding_rs::Decoder {
        let encoding = match self {
            Encoding::Utf8 => UTF_8,
            Encoding::Utf16Le => UTF_16LE,
            Encoding::Utf16Be => UTF_16BE,
            Encoding::Gb18030 => GB18030,
        };
        encoding.new_decoder_without_bom_handling()
    }
}

/// A reader that gives UTF-8, whatever its file is written in. Holds 64 KiB.
pub(super) struct Decoder<R> {
    input: R,
    raw: Zeroizing<Vec<u8>>,
    at: usize,
    end: usize,
    ended: bool,
    read: u64,
    /// `None` while everything so far was ASCII.
    decoder: Option<(Encoding, encoding_rs::Decoder)>,
    finished: bool,
}

impl<R: Read> Decoder<R> {
    /// Reads the first bytes and decides what can be decided from them.
    pub(super) fn open(input: R) -> Result<Self, FileError> {
        let raw = Zeroizing::new(vec![0; WINDOW]);
        let mut it =
            Decoder { input, raw, at: 0, end: 0, ended: false, read: 0, decoder: None, finished: false };
        it.fill()?;
        let window = &it.raw[..it.end];
        if let Some(foreign) = foreign(window) {
            return Err(FileError::Foreign(foreign));
        }
        let (encoding, mark) = sniff(window)?;
        it.decoder = encoding.map(|e| (e, e.decoder()));
        it.at = mark;
        Ok(it)
    }

    /// Bytes taken from the file so far.
    pub(super) fn bytes_read(&self) -> u64 {
        self.read
    }

    /// Moves what is left to the front and reads until the window is full or the file ends.
    fn fill(&mut self) -> io::Result<()> {
        self.raw.copy_within(self.at..self.end, 0);
        (self.at, self.end) = (0, self.end - self.at);
        while self.end < self.raw.len() && !self.ended {
            match self.input.read(&mut self.raw[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(n) => {
                    self.end += n;
                    self.read += n as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Passes ASCII on; at the first other byte looks at a whole window and chooses.
    fn pass_ascii(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let plain = encoding_rs::Encoding::ascii_valid_up_to(&self.raw[self.at..self.end]);
        if plain == 0 && self.at < self.end {
            self.fill()?;
            let encoding = utf8_or_gb18030(&self.raw[..self.end]);
            self.decoder = Some((encoding, encoding.decoder()));
            return Ok(0);
        }
        let n = plain.min(out.len());
        out[..n].copy_from_slice(&self.raw[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

/// `out` must have room for a few characters; an empty read is the end of the file.
impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !self.finished {
            if self.at == self.end && !self.ended {
                self.fill()?;
            }
            let Some((_, decoder)) = &mut self.decoder else {
                let n = self.pass_ascii(out)?;
                if n > 0 {
                    return Ok(n);
                }
                self.finished = self.ended && self.at == self.end;
                continue;
            };
            // The decoder is told of the end so that half a character there is not lost in silence.
            let (result, used, n, _) = decoder.decode_to_utf8(&self.raw[self.at..self.end], out, self.ended);
            self.at += used;
            self.finished = self.ended && result == CoderResult::InputEmpty;
            if n > 0 {
                return Ok(n);
            }
            if result == CoderResult::OutputFull {
                return Err(io::Error::from(io::ErrorKind::InvalidInput));
            }
        }
        Ok(0)
    }
}

/// Formats that people hand in under the name of CSV, by their first bytes.
fn foreign(window: &[u8]) -> Option<Foreign> {
    const KNOWN: &[(&[u8], Foreign)] = &[
        (b"PK\x03\x04", Foreign::Xlsx),
        (b"\xD0\xCF\x11\xE0", Foreign::Xls),
        (b"\x1F\x8B", Foreign::Archive),
        (b"7z\xBC\xAF", Foreign::Archive),
        (b"Rar!", Foreign::Archive),
        (b"%PDF", Foreign::Pdf),
        (b"\xFF\xFE\x00\x00", Foreign::Utf32),
        (b"\x00\x00\xFE\xFF", Foreign::Utf32),
    ];
    let known = KNOWN.iter().find(|(magic, _)| window.starts_with(magic)).map(|(_, foreign)| *foreign);
    // A header row cannot start with `<`; the "Excel" export of many web systems is such a page.
    known.or_else(|| window.trim_ascii_start().starts_with(b"<").then_some(Foreign::Markup))
}

/// The encoding if it can be told yet, and the length of the byte order mark.
fn sniff(window: &[u8]) -> Result<(Option<Encoding>, usize), FileError> {
    for (mark, encoding) in [
        (&b"\xEF\xBB\xBF"[..], Encoding::Utf8),
        (b"\xFF\xFE", Encoding::Utf16Le),
        (b"\xFE\xFF", Encoding::Utf16Be),
    ] {
        if window.starts_with(mark) {
            return Ok((Some(encoding), mark.len()));
        }
    }
    // Delimiters, digits and line ends have a NUL as their high byte in UTF-16, so on one side; a
    // character like U+6700 (最) has one as its low byte now and then.
    let nuls = |side: usize| window.iter().skip(side).step_by(2).filter(|b| **b == 0).count();
    let enough = (window.len() / 32).max(1);
    match (nuls(0), nuls(1)) {
        (0, 0) => Ok((None, 0)),
        (low, high) if high >= enough && high > 4 * low => Ok((Some(Encoding::Utf16Le), 0)),
        (high, low) if high >= enough && high > 4 * low => Ok((Some(Encoding::Utf16Be), 0)),
        _ => Err(FileError::Foreign(Foreign::Binary)),
    }
}

/// UTF-8 when the window is valid, or when its characters outnumber its runs of faults four to one
/// (a UTF-8 file with a damaged row). Of Chinese in GB18030 hardly one pair in seven is valid UTF-8.
fn utf8_or_gb18030(window: &[u8]) -> Encoding {
    let (mut characters, mut faults) = (0usize, 0usize);
    let (mut left, mut in_run) = (window.len(), false);
    for chunk in window.utf8_chunks() {
        left -= chunk.valid().len() + chunk.invalid().len();
        characters += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        // Half a character at the end of the window is no fault.
        let cut = left == 0 && std::str::from_utf8(chunk.invalid()).is_err_and(|e| e.error_len().is_none());
        let fault = !chunk.invalid().is_empty() && !cut;
        faults += usize::from(fault && !(in_run && chunk.valid().is_empty()));
        in_run = fault;
    }
    if faults == 0 || characters >= 4 * faults { Encoding::Utf8 } else { Encoding::Gb18030 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A reader that gives a few bytes at a time, to cut characters wherever it hurts.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let n = self.1.min(self.0.len()).min(out.len());
            out[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn read(bytes: &[u8]) -> (Encoding, String) {
        let mut decoder = Decoder::open(Drip(bytes, 7)).ok().unwrap();
        let (mut text, mut out) = (Vec::new(), [0; 16]);
        loop {
            let n = decoder.read(&mut out).unwrap();
            if n == 0 {
                let encoding = decoder.decoder.as_ref().map_or(Encoding::Utf8, |(encoding, _)| *encoding);
                return (encoding, String::from_utf8(text).unwrap());
            }
            text.extend(&out[..n]);
        }
    }

    fn encode(text: &str, how: &str) -> Vec<u8> {
        let utf16 = |f: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(f).collect::<Vec<u8>>();
        match how {
            "utf8" => text.as_bytes().to_vec(),
            "utf8+bom" => [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
            "le" => utf16(u16::to_le_bytes),
            "le+bom" => [&b"\xFF\xFE"[..], &utf16(u16::to_le_bytes)].concat(),
            "be" => utf16(u16::to_be_bytes),
            "be+bom" => [&b"\xFE\xFF"[..], &utf16(u16::to_be_bytes)].concat(),
            _ => GB18030.encode(text).0.into_owned(),
        }
    }

    const TEXT: &str = "卡号,姓名,最近\r\n1,王芳,13800138000\r\n2,𠮷野家,\r\n";

    #[test]
    fn every_encoding_gives_the_same_text() {
        for (how, encoding) in [
            ("utf8", Encoding::Utf8),
            ("utf8+bom", Encoding::Utf8),
            ("le", Encoding::Utf16Le),
            ("le+bom", Encoding::Utf16Le),
            ("be", Encoding::Utf16Be),
            ("be+bom", Encoding::Utf16Be),
            ("gb18030", Encoding::Gb18030),
        ] {
            assert_eq!(read(&encode(TEXT, how)), (encoding, TEXT.to_owned()), "{how}");
        }
    }

    #[test]
    fn chinese_that_starts_late_is_still_told_apart() {
        let text = format!("card_no,name\r\n{}9,王芳\r\n", "1,Ada\r\n".repeat(20_000));
        assert_eq!(read(&encode(&text, "gb18030")), (Encoding::Gb18030, text.clone()));
        assert_eq!(read(&encode(&text, "utf8")), (Encoding::Utf8, text));
    }

    #[test]
    fn damage_is_marked_where_it_is_and_not_more() {
        let mut bytes = encode(TEXT, "utf8");
        let at = bytes.windows(3).position(|w| w == "芳".as_bytes()).unwrap();
        bytes[at] = 0xFF;
        let (encoding, text) = read(&bytes);
        assert_eq!(encoding, Encoding::Utf8);
        assert!(text.contains("1,王\u{FFFD}") && text.ends_with("2,𠮷野家,\r\n"));
        let cut = &encode(TEXT, "utf8")[..19];
        assert!(read(cut).1.ends_with('\u{FFFD}'));
    }

    #[test]
    fn other_formats_are_named() {
        for (bytes, foreign) in [
            (&b"PK\x03\x04\x14\x00"[..], Foreign::Xlsx),
            (b"\xD0\xCF\x11\xE0\xA1\xB1", Foreign::Xls),
            (b"\x1F\x8B\x08", Foreign::Archive),
            (b"%PDF-1.7", Foreign::Pdf),
            (b" \n<html>", Foreign::Markup),
            (b"\xFF\xFE\x00\x00c\x00\x00\x00", Foreign::Utf32),
            (b"\x7FELF\x02\x01\x01\x00\x00\x00\x00", Foreign::Binary),
        ] {
            let refused = Decoder::open(bytes).err().unwrap();
            assert!(matches!(refused, FileError::Foreign(f) if f == foreign), "{foreign:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_decoding_panic_or_hang(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if Decoder::open(&bytes[..]).is_ok() {
                read(&bytes);
            }
        }
    }
}
