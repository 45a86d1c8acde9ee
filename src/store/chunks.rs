//! Effective consent states and ages in sealed chunks, so that a list of a million is filtered by a few
//! hundred kilobytes (design, Consent).
//!
//! A chunk covers 16,384 ordinals. Sealed under the chunk key, bound to kind and number:
//!
//! ```text
//! consent/<purpose>/<channel>/<class>   2 bits a member: 0 none · 1 granted · 2 refused · 3 withdrawn
//! age                                   u16 a member, LE: 0 unknown · 1 born before 2000 · else the
//!                                       day number of birth
//! ```
//!
//! Consent states are derived from the consent events: `audit verify --deep` rebuilds them and compares. Ages
//! come from birthdays, which lie sealed, so they are compared with their head only.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::engine::Arg;
use super::table::{CONSENT_CHUNK, Value};
use super::{StoreError, View, Work};
use crate::clock::{day, day_number};
use crate::model::code::{Channel, Purpose, RecipientClass};
use crate::model::day::under;
use jiff::civil::Date;

/// Ordinals a chunk covers.
pub const SPAN: i64 = 16_384;

/// Chunks read by one statement.
const TOGETHER: usize = 64;

/// What a member said, in effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nothing.
    None = 0,
    /// Yes, and the yes holds.
    Granted = 1,
    /// No, and never a yes.
    Refused = 2,
    /// A no after a yes.
    Withdrawn = 3,
}

impl State {
    /// Its name, as faces show it.
    pub fn code(self) -> &'static str {
        match self {
            State::None => "none",
            State::Granted => "granted",
            State::Refused => "refused",
            State::Withdrawn => "withdrawn",
        }
    }

    /// The state after a further event.
    #[must_use]
    pub fn then(self, granted: bool) -> State {
        match (self, granted) {
            (_, true) => State::Granted,
            (State::Granted | State::Withdrawn, false) => State::Withdrawn,
            (State::None | State::Refused, false) => State::Refused,
        }
    }

    /// Whether the last word was no.
    pub fn is_refusal(self) -> bool {
        matches!(self, State::Refused | State::Withdrawn)
    }

    fn from_bits(bits: u8) -> State {
        match bits & 3 {
            1 => State::Granted,
            2 => State::Refused,
            3 => State::Withdrawn,
            _ => State::None,
        }
    }
}

/// The kind of a consent chunk.
pub fn consent_kind(purpose: Purpose, channel: Channel, class: RecipientClass) -> String {
    format!("consent/{purpose}/{channel}/{class}")
}

/// The kind of the age chunks.
pub const AGE: &str = "age";

/// All chunks of one kind, opened.
#[derive(Default)]
pub struct Chunks(BTreeMap<i64, Zeroizing<Vec<u8>>>);

impl Chunks {
    fn place(ordinal: i64) -> (i64, usize) {
        (ordinal.div_euclid(SPAN), ordinal.rem_euclid(SPAN) as usize)
    }

    /// A member's consent state.
    pub fn state(&self, ordinal: i64) -> State {
        let (chunk, at) = Self::place(ordinal);
        let byte = self.0.get(&chunk).and_then(|c| c.get(at / 4)).copied().unwrap_or(0);
        State::from_bits(byte >> (at % 4 * 2))
    }

    /// Sets a member's consent state.
    pub fn set_state(&mut self, ordinal: i64, state: State) {
        let (chunk, at) = Self::place(ordinal);
        let body = self.0.entry(chunk).or_insert_with(|| Zeroizing::new(vec![0; SPAN as usize / 4]));
        if let Some(byte) = body.get_mut(at / 4) {
            *byte = *byte & !(3 << (at % 4 * 2)) | (state as u8) << (at % 4 * 2);
        }
    }

    /// Whether a member is under so many full years on a day; `None` when the birthday is unknown.
    pub fn is_under(&self, ordinal: i64, years: i16, today: Date) -> Option<bool> {
        let (chunk, at) = Self::place(ordinal);
        let pair = self.0.get(&chunk).and_then(|c| c.get(at * 2..at * 2 + 2))?;
        match u16::from_le_bytes([pair[0], pair[1]]) {
            0 => None,
            1 => Some(false),
            born => Some(under(day(i64::from(born))?, years, today)),
        }
    }

    /// Notes a member's birthday.
    pub fn set_birthday(&mut self, ordinal: i64, born: Option<Date>) {
        let (chunk, at) = Self::place(ordinal);
        let code: u16 = match born.map(day_number) {
            None => 0,
            Some(d) if d < day_number(Date::constant(2000, 1, 1)) => 1,
            Some(d) => u16::try_from(d).unwrap_or(u16::MAX),
        };
        let body = self.0.entry(chunk).or_insert_with(|| Zeroizing::new(vec![0; SPAN as usize * 2]));
        if let Some(pair) = body.get_mut(at * 2..at * 2 + 2) {
            pair.copy_from_slice(&code.to_le_bytes());
        }
    }
}

fn malformed() -> StoreError {
    StoreError::integrity("consent_chunk", "a row does not parse")
}

impl View<'_> {
    /// All chunks of a kind.
    ///
    /// # Errors
    /// A chunk that does not open is an integrity error.
    pub async fn chunks(&mut self, kind: &str) -> Result<Chunks, StoreError> {
        let rows = self.rows(&CONSENT_CHUNK, "where kind = $1 order by chunk", &[Arg::Text(kind)]).await?;
        self.open_rows(kind, rows)
    }

    /// The chunks of a kind that cover some members.
    ///
    /// # Errors
    /// A chunk that does not open is an integrity error.
    pub async fn chunks_for(&mut self, kind: &str, ordinals: &[i64]) -> Result<Chunks, StoreError> {
        let mut numbers: Vec<i64> = ordinals.iter().map(|o| o.div_euclid(SPAN)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        self.chunks_of(kind, &numbers).await
    }

    async fn chunks_of(&mut self, kind: &str, numbers: &[i64]) -> Result<Chunks, StoreError> {
        let (kinds, mut rows) = ([kind.to_owned()], Vec::new());
        for numbers in numbers.chunks(TOGETHER) {
            rows.extend(self.chunk_rows(&kinds, numbers).await?);
        }
        self.open_rows(kind, rows)
    }

    async fn chunk_rows(&mut self, kinds: &[String], numbers: &[i64]) -> Result<Vec<Vec<Value>>, StoreError> {
        let of_kinds = self.tx.places(1, kinds.len());
        let tail = format!(
            "where kind in ({of_kinds}) and chunk in ({})",
            self.tx.places(kinds.len() + 1, numbers.len())
        );
        let kinds = kinds.iter().map(|kind| Arg::Text(kind));
        let args: Vec<Arg<'_>> = kinds.chain(numbers.iter().map(|number| Arg::Int(*number))).collect();
        self.rows(&CONSENT_CHUNK, &tail, &args).await
    }

    fn open_rows(&self, kind: &str, rows: Vec<Vec<Value>>) -> Result<Chunks, StoreError> {
        let mut chunks = Chunks::default();
        for row in rows {
            let [_, Value::Int(number), Value::Bytes(body)] = &row[..] else {
                return Err(malformed());
            };
            let place = [b"chunk".as_slice(), kind.as_bytes(), &number.to_le_bytes()];
            let plain = self
                .store
                .keyring
                .open_chunk(&place, body)
                .map_err(|_| StoreError::integrity("consent_chunk", format!("{kind} {number}")))?;
            chunks.0.insert(*number, plain);
        }
        Ok(chunks)
    }

    /// Kinds there are chunks of.
    ///
    /// # Errors
    /// The database failed.
    pub async fn chunk_kinds(&mut self) -> Result<Vec<String>, StoreError> {
        let sql = "select distinct kind from consent_chunk order by kind";
        let rows = self.tx.all(sql, &[]).await?;
        let kinds = rows.iter().map(|r| r.text(0)).collect::<Result<_, StoreError>>();
        kinds.map_err(|e| e.unreadable("consent_chunk"))
    }

    /// Consent states of members, where they have one: ordinal, kind, state, in the order of the kinds.
    ///
    /// # Errors
    /// A chunk that does not open is an integrity error.
    pub async fn states(&mut self, ordinals: &[i64]) -> Result<Vec<(i64, String, State)>, StoreError> {
        let mut by_chunk: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for ordinal in ordinals {
            by_chunk.entry(ordinal.div_euclid(SPAN)).or_default().push(*ordinal);
        }
        let mut kinds = self.chunk_kinds().await?;
        kinds.retain(|kind| kind != AGE);
        let mut states = Vec::new();
        for numbers in by_chunk.keys().copied().collect::<Vec<_>>().chunks(TOGETHER) {
            for row in self.chunk_rows(&kinds, numbers).await? {
                let Some(Value::Text(kind)) = row.first().cloned() else { return Err(malformed()) };
                let chunks = self.open_rows(&kind, vec![row])?;
                for ordinal in chunks.0.keys().filter_map(|number| by_chunk.get(number)).flatten() {
                    match chunks.state(*ordinal) {
                        State::None => {}
                        state => states.push((*ordinal, kind.clone(), state)),
                    }
                }
            }
        }
        states.sort();
        states.dedup();
        Ok(states)
    }

    /// One member's consent state of a kind.
    ///
    /// # Errors
    /// A chunk that does not open is an integrity error.
    pub async fn state(&mut self, kind: &str, ordinal: i64) -> Result<State, StoreError> {
        Ok(self.chunks_of(kind, &[ordinal.div_euclid(SPAN)]).await?.state(ordinal))
    }
}

impl Work<'_> {
    /// Loads the chunks that cover some members, lets `change` work on them, and stores them again.
    ///
    /// # Errors
    /// A chunk that does not open is an integrity error, and so is a change of a member in no chunk of
    /// `ordinals`: leave the turn then.
    pub async fn change_chunks(
        &mut self,
        kind: &str,
        ordinals: impl Iterator<Item = i64>,
        change: impl FnOnce(&mut Chunks),
    ) -> Result<(), StoreError> {
        let mut numbers: Vec<i64> = ordinals.map(|o| o.div_euclid(SPAN)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        if numbers.is_empty() {
            return Ok(());
        }
        let mut chunks = self.view.chunks_of(kind, &numbers).await?;
        change(&mut chunks);
        // A chunk that was not loaded is blank but for this change: it would forget all others in it.
        if let Some(number) = chunks.0.keys().find(|number| numbers.binary_search(number).is_err()) {
            let place = format!("{kind} {number}: changed and not loaded");
            return Err(StoreError::integrity("consent_chunk", place));
        }
        for (number, body) in &chunks.0 {
            let place = [b"chunk".as_slice(), kind.as_bytes(), &number.to_le_bytes()];
            let sealed = self.view.store.keyring.seal_chunk(&place, body)?;
            self.put(&CONSENT_CHUNK, &[Arg::Text(kind), Arg::Int(*number), Arg::Bytes(&sealed)]).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn states_do_not_touch_each_other(sets in proptest::collection::vec((1i64..40_000, 0u8..4), 0..200)) {
            let mut chunks = Chunks::default();
            let mut model = BTreeMap::new();
            for (ordinal, bits) in sets {
                chunks.set_state(ordinal, State::from_bits(bits));
                model.insert(ordinal, State::from_bits(bits));
            }
            for ordinal in 0..40_001 {
                prop_assert_eq!(chunks.state(ordinal), model.get(&ordinal).copied().unwrap_or(State::None));
            }
        }
    }

    #[test]
    fn fourteen_full_years_end_on_the_birthday() {
        let mut chunks = Chunks::default();
        chunks.set_birthday(7, Some(Date::constant(2012, 11, 21)));
        chunks.set_birthday(8, Some(Date::constant(2012, 2, 29)));
        chunks.set_birthday(9, Some(Date::constant(1960, 1, 1)));
        assert_eq!(chunks.is_under(7, 14, Date::constant(2026, 11, 20)), Some(true));
        assert_eq!(chunks.is_under(7, 14, Date::constant(2026, 11, 21)), Some(false));
        assert_eq!(chunks.is_under(8, 14, Date::constant(2026, 2, 28)), Some(true));
        assert_eq!(chunks.is_under(8, 14, Date::constant(2026, 3, 1)), Some(false));
        assert_eq!(chunks.is_under(9, 14, Date::constant(2026, 3, 1)), Some(false));
        assert_eq!(chunks.is_under(10, 14, Date::constant(2026, 3, 1)), None);
    }

    #[test]
    fn a_no_after_a_yes_is_a_withdrawal() {
        assert_eq!(State::None.then(false), State::Refused);
        assert_eq!(State::Refused.then(true).then(false), State::Withdrawn);
        assert_eq!(State::Withdrawn.then(false), State::Withdrawn);
        assert_eq!(State::Withdrawn.then(true), State::Granted);
    }
}
