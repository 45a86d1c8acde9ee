//! How many members somebody looked at within the running hour and day. Operational: each look is an entry as well, and
//! these counts decide only whether there may be another one yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::alarms::AlarmRow;
use super::engine::{Arg, Row, built};
use super::{StoreError, View, Work};
use crate::clock::{Clock, Micros, day_number};
use crate::model::refusal::Refusal;

const HOUR: Micros = 3_600_000_000;
/// Counts in one statement.
const TOGETHER: usize = 500;

/// Looks of one kind by somebody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looks {
    /// Within the hour.
    pub in_hour: u32,
    /// Within the day.
    pub in_day: u32,
}

/// Which hour and which day are counted, by their numbers since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    /// The hour.
    pub hour: i64,
    /// The day of the vault's zone.
    pub day: i64,
}

impl Running {
    /// Those of a moment.
    pub fn at(clock: &Clock, at: Micros) -> Self {
        Running { hour: at.div_euclid(HOUR), day: day_number(clock.date(at)) }
    }
}

/// What is known when another look is judged.
pub struct Counted {
    /// The time of its entry.
    pub at: Micros,
    /// Looks so far, of each whose they are.
    pub looks: Vec<Looks>,
    /// Alarms about the first.
    pub alarms: Vec<AlarmRow>,
}

/// Says why there may be no other look, if it may not be.
pub type Judge = Arc<dyn Fn(&Counted) -> Option<Refusal> + Send + Sync>;

/// Whose look it is, and who judges whether there may be another: the policy decides, and here is the turn in which it holds.
#[derive(Clone)]
pub struct Counting {
    /// Whose: `person/LOGIN`, then `unit/CODE`.
    pub whose: Vec<String>,
    /// The kind of look.
    pub look: &'static str,
    /// Another kind as which it is counted for the first, beside any budget.
    pub also: Option<&'static str>,
    /// For how long alarms about the first are of interest; zero: not at all.
    pub alarms: Micros,
    /// The judge.
    pub judge: Judge,
}

/// What is stored of one's looks of a kind.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    hour: i64,
    in_hour: i64,
    day: i64,
    in_day: i64,
}

impl Tally {
    /// From a row's values, the first of which is in this place.
    fn read(row: &Row, first: usize) -> Result<Tally, StoreError> {
        let value = |i: usize| row.int(first + i);
        Ok(Tally { hour: value(0)?, in_hour: value(1)?, day: value(2)?, in_day: value(3)? })
    }

    fn looks(&self, now: Running) -> Looks {
        // A count that is none stands for the most there can be: it lets nobody look.
        let count = |same: bool, n: i64| if same { u32::try_from(n).unwrap_or(u32::MAX) } else { 0 };
        Looks {
            in_hour: count(self.hour == now.hour, self.in_hour),
            in_day: count(self.day == now.day, self.in_day),
        }
    }

    fn with_another(&self, now: Running) -> Tally {
        let more = |same: bool, n: i64| if same { n.saturating_add(1) } else { 1 };
        Tally {
            hour: now.hour,
            in_hour: more(self.hour == now.hour, self.in_hour),
            day: now.day,
            in_day: more(self.day == now.day, self.in_day),
        }
    }
}

/// What they have looked at so far who look in one turn: each look is judged by those before it, and all are stored at once.
pub struct Counts {
    at: Micros,
    now: Running,
    tallies: BTreeMap<(String, &'static str), Tally>,
    /// Those that are not as they are stored.
    counted: BTreeSet<(String, &'static str)>,
    alarms: Vec<AlarmRow>,
}

impl Counts {
    /// Counts another look, unless it is refused.
    pub fn count(&mut self, counting: &Counting) -> Option<Refusal> {
        let refusal = self.refused(counting);
        if refusal.is_some() {
            return refusal;
        }
        for whose in &counting.whose {
            self.add(whose, counting.look);
        }
        if let (Some(first), Some(also)) = (counting.whose.first(), counting.also) {
            self.add(first, also);
        }
        None
    }

    /// Whether another look would be refused; it is not counted.
    pub(crate) fn refused(&self, counting: &Counting) -> Option<Refusal> {
        let looks = counting.whose.iter().map(|whose| self.tally(whose, counting.look).looks(self.now));
        let mut counted = Counted { at: self.at, looks: looks.collect(), alarms: Vec::new() };
        if let Some(first) = counting.whose.first() {
            let since = self.at - counting.alarms;
            let about = self.alarms.iter().filter(|alarm| &alarm.whom == first && alarm.raised_at > since);
            counted.alarms = about.cloned().collect();
        }
        (counting.judge)(&counted)
    }

    fn tally(&self, whose: &str, look: &'static str) -> Tally {
        self.tallies.get(&(whose.to_owned(), look)).copied().unwrap_or_default()
    }

    fn add(&mut self, whose: &str, look: &'static str) {
        let (key, next) = ((whose.to_owned(), look), self.tally(whose, look).with_another(self.now));
        self.tallies.insert(key.clone(), next);
        self.counted.insert(key);
    }
}

impl View<'_> {
    /// What somebody looked at within the running hour and day.
    ///
    /// # Errors
    /// The database failed.
    pub async fn looks(&mut self, whose: &str, look: &str, now: Running) -> Result<Looks, StoreError> {
        let sql = "select hour, in_hour, day, in_day from look_count where whose = $1 and look = $2";
        let row = self.tx.maybe(sql, &[Arg::Text(whose), Arg::Text(look)]).await?;
        Ok(row.map_or(Ok(Tally::default()), |row| Tally::read(&row, 0))?.looks(now))
    }

    /// Who has had so many looks of a kind within the running hour, and how many.
    ///
    /// # Errors
    /// The database failed.
    pub async fn many_looks(
        &mut self,
        look: &str,
        now: Running,
        least: u32,
    ) -> Result<Vec<(String, u32)>, StoreError> {
        let sql = "select whose, in_hour from look_count where look = $1 and hour = $2 and in_hour >= $3";
        let args = [Arg::Text(look), Arg::Int(now.hour), Arg::Int(least.into())];
        let rows = self.tx.all(sql, &args).await?;
        rows.iter().map(|row| Ok((row.text(0)?, u32::try_from(row.int(1)?).unwrap_or(u32::MAX)))).collect()
    }
}

impl Work<'_> {
    /// What everybody whose looks these are has looked at before this turn.
    ///
    /// # Errors
    /// The database failed.
    pub async fn counts(
        &mut self,
        of: impl Iterator<Item = &Counting> + Clone,
    ) -> Result<Counts, StoreError> {
        let (at, mut tallies) = (self.at(), BTreeMap::new());
        let now = Running::at(&self.view.store.clock, at);
        let kinds: BTreeSet<&'static str> =
            of.clone().flat_map(|one| [Some(one.look), one.also]).flatten().collect();
        let whose: BTreeSet<&str> = of.clone().flat_map(|one| &one.whose).map(String::as_str).collect();
        let whose: Vec<Arg<'_>> = whose.into_iter().map(Arg::Text).collect();
        for whose in whose.chunks(TOGETHER) {
            let places = self.view.tx.places(1, whose.len());
            let sql = format!(
                "select whose, look, hour, in_hour, day, in_day from look_count where whose in ({places})"
            );
            for row in self.view.tx.all(built(sql), whose).await? {
                let kind = row.str(1)?.and_then(|look| kinds.get(look));
                if let Some(look) = kind {
                    tallies.insert((row.text(0)?, *look), Tally::read(&row, 2)?);
                }
            }
        }
        let since = of.clone().map(|one| one.alarms).max().filter(|longest| *longest > 0);
        let alarms = match since {
            Some(longest) => {
                let first: BTreeSet<&str> =
                    of.filter_map(|one| one.whose.first()).map(String::as_str).collect();
                let first: Vec<&str> = first.into_iter().collect();
                self.view.alarms_about(&first, at - longest).await?
            }
            None => Vec::new(),
        };
        Ok(Counts { at, now, tallies, counted: BTreeSet::new(), alarms })
    }

    /// Stores what was counted in the turn of its entries: it is counted when they are there, and only then.
    ///
    /// # Errors
    /// The database failed.
    pub async fn keep(&mut self, counts: Counts) -> Result<(), StoreError> {
        let counted: Vec<[Arg<'_>; 6]> = counts
            .counted
            .iter()
            .filter_map(|key| counts.tallies.get_key_value(key))
            .map(|((whose, look), tally)| {
                [
                    Arg::Text(whose),
                    Arg::Text(look),
                    Arg::Int(tally.hour),
                    Arg::Int(tally.in_hour),
                    Arg::Int(tally.day),
                    Arg::Int(tally.in_day),
                ]
            })
            .collect();
        for rows in counted.chunks(TOGETHER) {
            let places = self.view.tx.place_rows(rows.len(), 6);
            let sql = format!(
                "insert into look_count (whose, look, hour, in_hour, day, in_day) values {places} \
                 on conflict (whose, look) do update set hour = excluded.hour, in_hour = excluded.in_hour, \
                 day = excluded.day, in_day = excluded.in_day"
            );
            self.view.tx.execute(built(sql), rows.as_flattened()).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_hour_and_another_day_begin_at_one() {
        let at = |hour, day| Running { hour, day };
        let looks = |tally: Tally, now| (tally.looks(now).in_hour, tally.looks(now).in_day);
        let tally = Tally::default().with_another(at(7, 1)).with_another(at(7, 1));
        assert_eq!(
            (looks(tally, at(7, 1)), looks(tally, at(8, 1)), looks(tally, at(8, 2))),
            ((2, 2), (0, 2), (0, 0))
        );
        let tally = tally.with_another(at(8, 1));
        assert_eq!(looks(tally, at(8, 1)), (1, 3));
        assert_eq!(looks(tally.with_another(at(32, 2)), at(32, 2)), (1, 1));
    }

    #[test]
    fn a_count_that_is_none_lets_nobody_look() {
        let tally = Tally { hour: 7, in_hour: -1, day: 1, in_day: i64::MAX };
        let looks = tally.looks(Running { hour: 7, day: 1 });
        assert_eq!((looks.in_hour, looks.in_day), (u32::MAX, u32::MAX));
    }
}
