//! How many members somebody looked at within the running hour and day. Operational: each look is an entry as well, and
//! these counts decide only whether there may be another one yet.

use std::sync::Arc;

use super::alarms::AlarmRow;
use super::engine::Arg;
use super::{StoreError, View, Work};
use crate::clock::{Clock, Micros, day_number};
use crate::model::refusal::Refusal;

const HOUR: Micros = 3_600_000_000;

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

impl View<'_> {
    /// What somebody looked at within the running hour and day.
    ///
    /// # Errors
    /// The database failed.
    pub async fn looks(&mut self, whose: &str, look: &str, now: Running) -> Result<Looks, StoreError> {
        let sql = "select hour, in_hour, day, in_day from look_count where whose = $1 and look = $2";
        let Some(row) = self.tx.maybe(sql, &[Arg::Text(whose), Arg::Text(look)]).await? else {
            return Ok(Looks::default());
        };
        let count = |number: i64, i: usize| -> Result<u32, StoreError> {
            let (counted, n) = (row.int(i)?, row.int(i + 1)?);
            // A count that is none stands for the most there can be: it lets nobody look.
            Ok(if counted == number { u32::try_from(n).unwrap_or(u32::MAX) } else { 0 })
        };
        Ok(Looks { in_hour: count(now.hour, 0)?, in_day: count(now.day, 2)? })
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
    /// Counts another look in the turn of its entry, unless it is refused.
    ///
    /// # Errors
    /// The database failed.
    pub async fn count(&mut self, counting: &Counting) -> Result<Option<Refusal>, StoreError> {
        let at = self.at();
        let now = Running::at(&self.view.store.clock, at);
        let mut counted = Counted { at, looks: Vec::new(), alarms: Vec::new() };
        for whose in &counting.whose {
            counted.looks.push(self.view.looks(whose, counting.look, now).await?);
        }
        if let Some(first) = counting.whose.first().filter(|_| counting.alarms > 0) {
            counted.alarms = self.view.alarms_about(first, at - counting.alarms).await?;
        }
        if let Some(refusal) = (counting.judge)(&counted) {
            return Ok(Some(refusal));
        }
        for whose in &counting.whose {
            self.count_look(whose, counting.look, now).await?;
        }
        if let (Some(first), Some(also)) = (counting.whose.first(), counting.also) {
            self.count_look(first, also, now).await?;
        }
        Ok(None)
    }

    /// Counts another look in the turn of its entry: it is counted when the entry is there, and only then.
    ///
    /// # Errors
    /// The database failed.
    pub async fn count_look(&mut self, whose: &str, look: &str, now: Running) -> Result<(), StoreError> {
        let sql = "insert into look_count (whose, look, hour, in_hour, day, in_day) values ($1, $2, $3, 1, $4, 1) \
                   on conflict (whose, look) do update set \
                   in_hour = case when look_count.hour = $3 then look_count.in_hour + 1 else 1 end, hour = $3, \
                   in_day = case when look_count.day = $4 then look_count.in_day + 1 else 1 end, day = $4";
        let args = [Arg::Text(whose), Arg::Text(look), Arg::Int(now.hour), Arg::Int(now.day)];
        self.view.tx.execute(sql, &args).await?;
        Ok(())
    }
}
