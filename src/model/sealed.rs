//! Ciphertext as a plain word, so that `store` can hold it without knowing how it opens.

use super::field::Field;

/// A sealed field.
///
/// ```text
/// suite(1) key_version(4, LE) nonce(12) ciphertext(n) tag(16)
/// ```
///
/// Suite 1 is AES-256-GCM. Suites 2 and up are reserved (SM4-GCM among them) and refused.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(pub Vec<u8>);

/// One entry of a record: which field, which version of its value, its ciphertext.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Field number; 0 is the member's alias.
    pub number: u8,
    /// Version of the value, from 1, with the mark of who set it; bound whole into the ciphertext.
    ///
    /// ```text
    /// bit 31: a person set this value, and no import replaces it · bits 0 to 30: the version
    /// ```
    pub version: u32,
    /// The ciphertext.
    pub sealed: Sealed,
}

/// The mark in [`Entry::version`] of a value that a person set (B2).
const BY_PERSON: u32 = 1 << 31;

impl Entry {
    /// Whether a person set the value; an import keeps it.
    pub const fn by_person(&self) -> bool {
        self.version & BY_PERSON != 0
    }

    /// How often the value was set.
    pub const fn count(&self) -> u32 {
        self.version & !BY_PERSON
    }

    /// The version of the value that replaces `old`, of none: 1; set by a person or by a file.
    pub const fn next_version(old: Option<&Entry>, by_person: bool) -> u32 {
        let version = match old {
            // 2^31 changes of one field do not happen; they would stop here and not wrap.
            Some(entry) => (entry.version & !BY_PERSON).saturating_add(1) & !BY_PERSON,
            None => 1,
        };
        if by_person { version | BY_PERSON } else { version }
    }
}

/// The sealed fields of one member, each sealed by itself.
///
/// ```text
/// { number(1) version(4, LE) length(2, LE) sealed(length) } repeated, numbers rising
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Record(pub Vec<Entry>);

/// A stored record is not of its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored record is malformed")]
pub struct MalformedRecord;

impl Record {
    /// The stored bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.iter().map(|e| 7 + e.sealed.0.len()).sum());
        for entry in &self.0 {
            out.push(entry.number);
            out.extend_from_slice(&entry.version.to_le_bytes());
            out.extend_from_slice(&(entry.sealed.0.len() as u16).to_le_bytes());
            out.extend_from_slice(&entry.sealed.0);
        }
        out
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// [`MalformedRecord`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MalformedRecord> {
        let mut record = Record::default();
        for entry in entries(bytes) {
            let (number, version, sealed) = entry?;
            record.0.push(Entry { number, version, sealed: Sealed(sealed.to_vec()) });
        }
        Ok(record)
    }

    /// A field's entry.
    pub fn get(&self, field: Field) -> Option<&Entry> {
        self.0.iter().find(|e| e.number == field.number())
    }

    /// Puts a field's entry in its place.
    pub fn put(&mut self, entry: Entry) {
        self.0.retain(|e| e.number != entry.number);
        let at = self.0.partition_point(|e| e.number < entry.number);
        self.0.insert(at, entry);
    }

    /// Takes a field's entry out.
    pub fn remove(&mut self, field: Field) {
        self.0.retain(|e| e.number != field.number());
    }
}

/// Walks the entries of stored bytes without copying them.
pub fn entries(mut bytes: &[u8]) -> impl Iterator<Item = Result<(u8, u32, &[u8]), MalformedRecord>> {
    let mut last = None;
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let entry = (|| {
            let (head, rest) = bytes.split_at_checked(7)?;
            let version = u32::from_le_bytes(head[1..5].try_into().ok()?);
            let length = u16::from_le_bytes(head[5..7].try_into().ok()?);
            let (sealed, rest) = rest.split_at_checked(usize::from(length))?;
            (last < Some(head[0])).then(|| (rest, (head[0], version, sealed)))
        })();
        match entry {
            Some((rest, entry)) => {
                bytes = rest;
                last = Some(entry.0);
                Some(Ok(entry))
            }
            None => {
                bytes = &[];
                Some(Err(MalformedRecord))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_record_reads_back(parts in proptest::collection::btree_map(0u8..8, (any::<u32>(), proptest::collection::vec(any::<u8>(), 0..80)), 0..8)) {
            let record = Record(parts.into_iter().map(|(number, (version, b))| Entry { number, version, sealed: Sealed(b) }).collect());
            prop_assert!(Record::from_bytes(&record.to_bytes()) == Ok(record));
        }

        #[test]
        fn junk_never_panics(junk in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Record::from_bytes(&junk);
        }
    }

    #[test]
    fn versions_rise_by_one_whoever_sets_them() {
        let entry = |version| Entry { number: 3, version, sealed: Sealed(Vec::new()) };
        let first = entry(Entry::next_version(None, false));
        let second = entry(Entry::next_version(Some(&first), true));
        let third = entry(Entry::next_version(Some(&second), false));
        assert_eq!([first.version, second.version, third.version], [1, 2 | 1 << 31, 3]);
        assert_eq!([&first, &second, &third].map(Entry::by_person), [false, true, false]);
    }

    #[test]
    fn a_field_stands_once_and_in_order() {
        let entry = |number| Entry { number, version: 1, sealed: Sealed(vec![1]) };
        assert!(Record::from_bytes(&Record(vec![entry(3), entry(2)]).to_bytes()).is_err());
        assert!(Record::from_bytes(&Record(vec![entry(3), entry(3)]).to_bytes()).is_err());
        let mut record = Record(vec![entry(1), entry(5)]);
        record.put(entry(3));
        assert_eq!(record.0.iter().map(|e| e.number).collect::<Vec<_>>(), [1, 3, 5]);
    }
}
