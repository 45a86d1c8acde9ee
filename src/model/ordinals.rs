//! A set of members by ordinal: the disclosure set of a package (design, "Release").
//!
//! In memory: one bitmap of 8 KiB for every 65,536 ordinals in which a member lies, so ten million
//! members take 1.2 MiB and an operation on two sets is a walk over words.
//!
//! Stored (all integers big-endian):
//!
//! ```text
//! version (1) = 1 ‖ members (8) ‖ chunk*
//! chunk = ordinal >> 16 (6, rising) ‖ count - 1 (2) ‖ body
//! body  = count <= 4096: the low 16 bits of each ordinal, rising (2 each)
//!         count >  4096: bitmap (8,192); ordinal i is bit i % 8, lowest first, of byte i / 8
//! ```
//!
//! A set has exactly one encoding and the decoder takes no other, so a digest of the bytes is a digest
//! of the set.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

const VERSION: u8 = 1;
const WORDS: usize = 1024;
const BITMAP_BYTES: usize = WORDS * 8;
/// Up to here a list of 16-bit numbers is not larger than the bitmap.
const SPARSE: u32 = 4096;

/// Bytes that are not the one encoding of a set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("stored set of ordinals is malformed at byte {at}: {what}")]
pub struct MalformedSet {
    /// Offset of the first byte that cannot be.
    pub at: usize,
    /// What is wrong there.
    pub what: &'static str,
}

/// A set of ordinals.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct OrdinalSet {
    /// By `ordinal >> 16`; no chunk is empty, so that equal sets are equal values.
    chunks: BTreeMap<u64, Chunk>,
}

#[derive(Clone, PartialEq, Eq)]
struct Chunk {
    /// Bits set, 1 to 65,536.
    count: u32,
    words: Box<[u64; WORDS]>,
}

impl Chunk {
    fn empty() -> Self {
        Self { count: 0, words: Box::new([0; WORDS]) }
    }

    /// The word and the bit of an ordinal's low half.
    const fn place(ordinal: u64) -> (usize, u64) {
        let low = ordinal & 0xffff;
        ((low >> 6) as usize, 1 << (low & 63))
    }

    fn insert(&mut self, ordinal: u64) -> bool {
        let (word, bit) = Self::place(ordinal);
        let new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        self.count += u32::from(new);
        new
    }

    /// From words; none when no bit is set.
    fn from_words(words: Box<[u64; WORDS]>) -> Option<Self> {
        let count = words.iter().map(|w| w.count_ones()).sum();
        (count > 0).then_some(Self { count, words })
    }
}

/// The positions of a word's bits, lowest first.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        if self.0 == 0 {
            return None;
        }
        let at = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        Some(u64::from(at))
    }
}

impl OrdinalSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a member; whether it was new.
    pub fn insert(&mut self, ordinal: u64) -> bool {
        self.chunks.entry(ordinal >> 16).or_insert_with(Chunk::empty).insert(ordinal)
    }

    /// Takes a member out; whether it was there.
    pub fn remove(&mut self, ordinal: u64) -> bool {
        let high = ordinal >> 16;
        let Some(chunk) = self.chunks.get_mut(&high) else { return false };
        let (word, bit) = Chunk::place(ordinal);
        if chunk.words[word] & bit == 0 {
            return false;
        }
        chunk.words[word] &= !bit;
        chunk.count -= 1;
        if chunk.count == 0 {
            self.chunks.remove(&high);
        }
        true
    }

    /// Whether the member is in.
    pub fn contains(&self, ordinal: u64) -> bool {
        let (word, bit) = Chunk::place(ordinal);
        self.chunks.get(&(ordinal >> 16)).is_some_and(|chunk| chunk.words[word] & bit != 0)
    }

    /// How many members.
    pub fn len(&self) -> u64 {
        self.chunks.values().map(|chunk| u64::from(chunk.count)).sum()
    }

    /// Whether nobody is in.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Every member, lowest ordinal first.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.iter_in(0..=u64::MAX)
    }

    /// The members in a range of ordinals, lowest first.
    pub fn iter_in(&self, range: RangeInclusive<u64>) -> impl Iterator<Item = u64> + '_ {
        self.words_in(range).flat_map(|(start, word)| Bits(word).map(move |bit| start + bit))
    }

    /// How many members are in a range of ordinals.
    pub fn count_in(&self, range: RangeInclusive<u64>) -> u64 {
        self.words_in(range).map(|(_, word)| u64::from(word.count_ones())).sum()
    }

    /// The words that meet a range, bits outside it cleared, each with the ordinal of its lowest bit.
    fn words_in(&self, range: RangeInclusive<u64>) -> impl Iterator<Item = (u64, u64)> + '_ {
        let (first, last) = range.into_inner();
        let chunks = (first <= last).then(|| self.chunks.range(first >> 16..=last >> 16));
        chunks.into_iter().flatten().flat_map(move |(high, chunk)| {
            let base = high << 16;
            let from = (first.saturating_sub(base) >> 6) as usize;
            let to = ((last - base) >> 6).min(WORDS as u64 - 1) as usize;
            (from..=to).map(move |at| {
                let start = base + at as u64 * 64;
                let low = u64::MAX << first.saturating_sub(start);
                let high = u64::MAX >> (63 - (last - start).min(63));
                (start, chunk.words[at] & low & high)
            })
        })
    }

    /// Whether every member of this set is in the other.
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.chunks.iter().all(|(high, chunk)| {
            other.chunks.get(high).is_some_and(|theirs| {
                chunk.words.iter().zip(theirs.words.iter()).all(|(ours, theirs)| ours & !theirs == 0)
            })
        })
    }

    /// The members of this set that are not in the other.
    pub fn difference(&self, other: &Self) -> Self {
        let chunks = self.chunks.iter().filter_map(|(&high, chunk)| {
            let mut words = chunk.words.clone();
            if let Some(theirs) = other.chunks.get(&high) {
                words.iter_mut().zip(theirs.words.iter()).for_each(|(ours, theirs)| *ours &= !theirs);
            }
            Some((high, Chunk::from_words(words)?))
        });
        Self { chunks: chunks.collect() }
    }

    /// The one encoding of this set (drawn above).
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.len().to_be_bytes());
        for (high, chunk) in &self.chunks {
            out.extend_from_slice(&high.to_be_bytes()[2..]);
            // A chunk holds 1 to 65,536 members, so one less fits 16 bits.
            out.extend_from_slice(&((chunk.count - 1) as u16).to_be_bytes());
            if chunk.count > SPARSE {
                chunk.words.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
                continue;
            }
            for (at, &word) in chunk.words.iter().enumerate() {
                for bit in Bits(word) {
                    out.extend_from_slice(&((at as u64 * 64 + bit) as u16).to_be_bytes());
                }
            }
        }
        out
    }

    /// Decodes what [`Self::to_bytes`] wrote. A thin chunk of ten bytes becomes 8 KiB in memory, so only
    /// bytes that were opened from our own sealing belong here.
    ///
    /// # Errors
    /// [`MalformedSet`] for any bytes that are not the one encoding of a set.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MalformedSet> {
        let mut input = Input { bytes, at: 0 };
        if input.take::<1>()? != [VERSION] {
            return Err(MalformedSet { at: 0, what: "unknown version" });
        }
        let members = u64::from_be_bytes(input.take()?);
        let mut set = Self::new();
        while input.at < bytes.len() {
            let at = input.at;
            let high = input.high()?;
            if set.chunks.last_key_value().is_some_and(|(&before, _)| before >= high) {
                return Err(MalformedSet { at, what: "chunks out of order" });
            }
            let count = u32::from(u16::from_be_bytes(input.take()?)) + 1;
            let chunk = if count > SPARSE { input.bitmap(count)? } else { input.list(count)? };
            set.chunks.insert(high, chunk);
        }
        if set.len() != members {
            return Err(MalformedSet { at: 1, what: "the number of members differs" });
        }
        Ok(set)
    }
}

/// Bytes being decoded.
struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Input<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], MalformedSet> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(taken) = rest.first_chunk::<N>() else {
            return Err(MalformedSet { at: self.bytes.len(), what: "ends too early" });
        };
        self.at += N;
        Ok(*taken)
    }

    fn high(&mut self) -> Result<u64, MalformedSet> {
        let mut wide = [0; 8];
        wide[2..].copy_from_slice(&self.take::<6>()?);
        Ok(u64::from_be_bytes(wide))
    }

    fn list(&mut self, count: u32) -> Result<Chunk, MalformedSet> {
        let mut chunk = Chunk::empty();
        let mut before = None;
        for _ in 0..count {
            let at = self.at;
            let low = u16::from_be_bytes(self.take()?);
            if before.is_some_and(|before| before >= low) {
                return Err(MalformedSet { at, what: "ordinals out of order" });
            }
            before = Some(low);
            chunk.insert(u64::from(low));
        }
        Ok(chunk)
    }

    fn bitmap(&mut self, count: u32) -> Result<Chunk, MalformedSet> {
        let at = self.at;
        let bytes = self.take::<BITMAP_BYTES>()?;
        let mut words = Box::new([0; WORDS]);
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        match Chunk::from_words(words) {
            Some(chunk) if chunk.count == count => Ok(chunk),
            _ => Err(MalformedSet { at, what: "the bitmap's count differs" }),
        }
    }
}

impl FromIterator<u64> for OrdinalSet {
    fn from_iter<I: IntoIterator<Item = u64>>(ordinals: I) -> Self {
        let mut set = Self::new();
        set.extend(ordinals);
        set
    }
}

impl Extend<u64> for OrdinalSet {
    fn extend<I: IntoIterator<Item = u64>>(&mut self, ordinals: I) {
        for ordinal in ordinals {
            self.insert(ordinal);
        }
    }
}

/// Shows how many, never who.
impl std::fmt::Debug for OrdinalSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OrdinalSet({} members)", self.len())
    }
}

#[cfg(test)]
#[path = "ordinals_tests.rs"]
mod tests;
