//! Looks for values in bytes, in every encoding in which a slip could have written them.
//!
//! A finding has to mean something, so encodings too short to be told from chance are left out: a
//! run of random bytes of length N holds a given pattern of L bytes with a chance of N / 256^L. At
//! six bytes (the shortest that counts; a two-character Chinese name in UTF-8), 5,000 names and
//! 100 MB of ciphertext that is 5000 × 10^8 / 2.8·10^14, two in a thousand; at four bytes (the same
//! name in UTF-16 or GB18030) it would be a hundred false findings. Base64 has six bits a character
//! and counts from seven (42 bits; in base64 text of 1 MB, one in a thousand for all of 5,000).
//! [`Scanner::skipped`] says how many were left out.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use base64::Engine as _;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{GeneralPurpose, general_purpose::NO_PAD};

/// Bytes of the window that is looked up at each position, and the shortest pattern.
const WINDOW: usize = 6;
/// Characters of the shortest base64 pattern.
const BASE64_LEAST: usize = 7;
/// log2 of the bits in the filter: 2 MiB, one bit in sixty set for 5,000 members.
const FILTER_BITS: u32 = 24;
/// Bytes read at a time from a file.
const PIECE: usize = 1 << 20;

/// How a value was written where it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
    Gb18030,
    HexLower,
    HexUpper,
    Base64,
    Base64Url,
}

impl Encoding {
    pub const ALL: [Encoding; 8] = [
        Encoding::Utf8,
        Encoding::Utf16Le,
        Encoding::Utf16Be,
        Encoding::Gb18030,
        Encoding::HexLower,
        Encoding::HexUpper,
        Encoding::Base64,
        Encoding::Base64Url,
    ];

    /// The byte strings that show `value` in this encoding: one, or one an alignment in base64.
    fn patterns(self, value: &str) -> Vec<Vec<u8>> {
        match self {
            Encoding::Utf8 => vec![value.as_bytes().to_vec()],
            Encoding::Utf16Le => vec![value.encode_utf16().flat_map(u16::to_le_bytes).collect()],
            Encoding::Utf16Be => vec![value.encode_utf16().flat_map(u16::to_be_bytes).collect()],
            Encoding::Gb18030 => vec![encoding_rs::GB18030.encode(value).0.into_owned()],
            Encoding::HexLower => vec![hex::encode(value).into_bytes()],
            Encoding::HexUpper => vec![hex::encode_upper(value).into_bytes()],
            Encoding::Base64 => (0..3).map(|at| inside_base64(value, at, &STANDARD)).collect(),
            Encoding::Base64Url => (0..3).map(|at| inside_base64(value, at, &URL_SAFE)).collect(),
        }
    }

    fn least(self) -> usize {
        match self {
            Encoding::Base64 | Encoding::Base64Url => BASE64_LEAST,
            _ => WINDOW,
        }
    }
}

/// The characters that `value` alone decides when it starts `at` bytes (mod 3) into a base64 text:
/// without the first one or two, which it shares with the bytes before, and the last, shared with those after.
fn inside_base64(value: &str, at: usize, alphabet: &Alphabet) -> Vec<u8> {
    let mut bytes = vec![0; at];
    bytes.extend_from_slice(value.as_bytes());
    let mut text = GeneralPurpose::new(alphabet, NO_PAD).encode(&bytes).into_bytes();
    text.truncate(bytes.len() * 8 / 6);
    text.split_off((at * 8).div_ceil(6).min(text.len()))
}

/// Where a value was found. Holds no value: a failing test prints this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// What was scanned: the name given, or the file's path; `… (its name)` when the path holds it.
    pub place: String,
    /// Bytes from its start.
    pub offset: u64,
    /// Which of the needles.
    pub needle_index: usize,
    pub encoding: Encoding,
}

struct Pattern {
    bytes: Vec<u8>,
    needle_index: usize,
    encoding: Encoding,
}

/// Thousands of needles at once: a bit filter over six-byte windows, then the patterns that start so.
pub struct Scanner {
    patterns: Vec<Pattern>,
    by_window: HashMap<u64, Vec<usize>>,
    filter: Vec<u64>,
    longest: usize,
    skipped: usize,
}

impl Scanner {
    /// Prepares every encoding of every needle. Empty needles find nothing.
    pub fn new(needles: &[String]) -> Scanner {
        let mut scanner = Scanner {
            patterns: Vec::new(),
            by_window: HashMap::new(),
            filter: vec![0; 1 << (FILTER_BITS - 6)],
            longest: WINDOW,
            skipped: 0,
        };
        for (index, needle) in needles.iter().enumerate().filter(|(_, n)| !n.is_empty()) {
            let mut seen: Vec<Vec<u8>> = Vec::new();
            for encoding in Encoding::ALL {
                for bytes in encoding.patterns(needle) {
                    if seen.contains(&bytes) {
                        continue; // ASCII is the same in GB18030, and mostly in both base64 alphabets
                    }
                    seen.push(bytes.clone());
                    scanner.add(Pattern { bytes, needle_index: index, encoding });
                }
            }
        }
        scanner
    }

    fn add(&mut self, pattern: Pattern) {
        if pattern.bytes.len() < pattern.encoding.least() {
            self.skipped += 1;
            return;
        }
        let window = pattern.bytes[..WINDOW].iter().fold(0, |w, &b| w << 8 | u64::from(b));
        let bit = filter_bit(window);
        self.filter[bit >> 6] |= 1 << (bit & 63);
        self.longest = self.longest.max(pattern.bytes.len());
        self.by_window.entry(window).or_default().push(self.patterns.len());
        self.patterns.push(pattern);
    }

    /// How many needles were too short, counted once an encoding (and alignment).
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// How many patterns are looked for.
    pub fn patterns(&self) -> usize {
        self.patterns.len()
    }

    /// Everything found in `bytes`, by offset.
    pub fn scan_bytes(&self, place: &str, bytes: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        self.scan_piece(place, bytes, 0, bytes.len(), &mut hits);
        hits
    }

    /// Everything found in the regular files below `folder` and in their names. Links are not
    /// followed; a file that goes away meanwhile is passed over. Panics when a file cannot be read:
    /// what was not looked at was not found clean.
    pub fn scan_tree(&self, folder: &Path) -> Vec<Hit> {
        let mut hits = Vec::new();
        let mut folders = vec![folder.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
            for entry in entries {
                let entry = entry.unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
                let path = entry.path();
                let name = entry.file_name();
                let place = format!("{} (its name)", path.display());
                hits.extend(self.scan_bytes(&place, name.as_encoded_bytes()));
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(path),
                    Ok(kind) if kind.is_file() => hits.extend(self.scan_file(&path)),
                    _ => {} // links, sockets
                }
            }
        }
        hits
    }

    /// Everything found in one file, read piece by piece.
    pub fn scan_file(&self, path: &Path) -> Vec<Hit> {
        let place = path.display().to_string();
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
            Err(e) => panic!("{place}: {e}"),
        };
        let mut hits = Vec::new();
        let mut buffer: Vec<u8> = Vec::new();
        let mut base = 0;
        loop {
            let read = file.by_ref().take(PIECE as u64).read_to_end(&mut buffer);
            let at_end = read.unwrap_or_else(|e| panic!("{place}: {e}")) == 0;
            // A pattern that starts here ends in this buffer; later starts wait for the next piece.
            let starts = if at_end { buffer.len() } else { (buffer.len() + 1).saturating_sub(self.longest) };
            self.scan_piece(&place, &buffer, base, starts, &mut hits);
            if at_end {
                return hits;
            }
            buffer.drain(..starts);
            base += starts as u64;
        }
    }

    /// Patterns that start in the first `starts` bytes of `bytes`, which begin `base` bytes into the place.
    fn scan_piece(&self, place: &str, bytes: &[u8], base: u64, starts: usize, hits: &mut Vec<Hit>) {
        const MASK: u64 = (1 << (8 * WINDOW)) - 1;
        let mut window = 0;
        // A plain loop over bytes: the tests are built without optimisation, and this is their hot spot.
        for (end, &byte) in bytes.iter().enumerate().take(starts + WINDOW - 1) {
            window = (window << 8 | byte as u64) & MASK;
            let bit = filter_bit(window);
            if self.filter[bit >> 6] >> (bit & 63) & 1 == 1 && end + 1 >= WINDOW {
                self.verify(window, place, bytes, end + 1 - WINDOW, base, hits);
            }
        }
    }

    fn verify(&self, window: u64, place: &str, bytes: &[u8], start: usize, base: u64, hits: &mut Vec<Hit>) {
        for &candidate in self.by_window.get(&window).into_iter().flatten() {
            let pattern = &self.patterns[candidate];
            if bytes[start..].starts_with(&pattern.bytes) {
                hits.push(Hit {
                    place: place.to_owned(),
                    offset: base + start as u64,
                    needle_index: pattern.needle_index,
                    encoding: pattern.encoding,
                });
            }
        }
    }
}

/// The top bits of a multiplicative hash (Knuth 6.4), as an index into the filter.
fn filter_bit(window: u64) -> usize {
    (window.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - FILTER_BITS)) as usize
}
