//! Alarms, by the place of their entry in the log (A10b).

use super::engine::Arg;
use super::table::{ALARM, Value};
use super::{StoreError, View, Work};
use crate::clock::Micros;
use crate::model::ids::Login;

/// An alarm as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmRow {
    /// Its entry's place.
    pub seq: u64,
    /// Its kind's code.
    pub kind: String,
    /// About whom: `person/LOGIN`, `address/TAG` or `everywhere`.
    pub whom: String,
    /// Hours since 1970 of what it is about: one of a kind, about one, an hour.
    pub hour: i64,
    /// When it was raised.
    pub raised_at: Micros,
    /// How many.
    pub count: i64,
    /// Within how many minutes.
    pub minutes: i64,
    /// Who has seen to it, and when.
    pub acknowledged: Option<(Login, Micros)>,
}

impl AlarmRow {
    fn args(&self) -> [Arg<'_>; 9] {
        let by = self.acknowledged.as_ref();
        [
            Arg::Int(self.seq as i64),
            Arg::Text(&self.kind),
            Arg::Text(&self.whom),
            Arg::Int(self.hour),
            Arg::Int(self.raised_at),
            Arg::Int(self.count),
            Arg::Int(self.minutes),
            Arg::maybe_text(by.map(|(login, _)| login.as_str())),
            Arg::maybe_int(by.map(|(_, at)| *at)),
        ]
    }
}

impl View<'_> {
    /// Every alarm, newest first.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn alarms(&mut self) -> Result<Vec<AlarmRow>, StoreError> {
        let rows = self.rows(&ALARM, "order by seq desc", &[]).await?;
        rows.iter().map(|row| parse(row).ok_or_else(malformed)).collect()
    }

    /// Alarms about somebody since a moment.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn alarms_about(&mut self, whom: &[&str], since: Micros) -> Result<Vec<AlarmRow>, StoreError> {
        let tail = format!(
            "where raised_at > {} and whom in ({})",
            self.tx.places(1, 1),
            self.tx.places(2, whom.len())
        );
        let args: Vec<Arg<'_>> =
            [Arg::Int(since)].into_iter().chain(whom.iter().map(|whom| Arg::Text(whom))).collect();
        let rows = self.rows(&ALARM, &format!("{tail} order by seq"), &args).await?;
        rows.iter().map(|row| parse(row).ok_or_else(malformed)).collect()
    }

    /// An alarm.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn alarm(&mut self, seq: u64) -> Result<Option<AlarmRow>, StoreError> {
        let row = self.row(&ALARM, &[Arg::Int(seq as i64)]).await?;
        row.map(|row| parse(&row).ok_or_else(malformed)).transpose()
    }
}

impl Work<'_> {
    /// Raises an alarm, unless one of its kind, about the same, was raised for that hour; whether it was new.
    ///
    /// # Errors
    /// The database failed.
    pub async fn raise_alarm(&mut self, alarm: &AlarmRow) -> Result<bool, StoreError> {
        let tail = "where kind = $1 and whom = $2 and hour = $3";
        let key = [Arg::Text(&alarm.kind), Arg::Text(&alarm.whom), Arg::Int(alarm.hour)];
        if !self.view.rows(&ALARM, tail, &key).await?.is_empty() {
            return Ok(false);
        }
        self.insert(&ALARM, &alarm.args()).await?;
        Ok(true)
    }

    /// Records who has seen to an alarm that was read in this turn.
    ///
    /// # Errors
    /// The row is not where it was read.
    pub async fn acknowledge(&mut self, alarm: &AlarmRow, by: &Login) -> Result<(), StoreError> {
        let seen = AlarmRow { acknowledged: Some((by.clone(), self.at())), ..alarm.clone() };
        self.update(&ALARM, &alarm.args(), &seen.args()).await
    }
}

fn malformed() -> StoreError {
    StoreError::integrity("alarm", "a row does not parse")
}

fn parse(row: &[Value]) -> Option<AlarmRow> {
    let [
        Value::Int(seq),
        Value::Text(kind),
        Value::Text(whom),
        Value::Int(hour),
        Value::Int(raised_at),
        Value::Int(count),
        Value::Int(minutes),
        by,
        at,
    ] = row
    else {
        return None;
    };
    let acknowledged = match (by, at) {
        (Value::Text(by), Value::Int(at)) => Some((Login::parse(by).ok()?, *at)),
        (Value::Null(_), Value::Null(_)) => None,
        _ => return None,
    };
    Some(AlarmRow {
        seq: u64::try_from(*seq).ok()?,
        kind: kind.clone(),
        whom: whom.clone(),
        hour: *hour,
        raised_at: *raised_at,
        count: *count,
        minutes: *minutes,
        acknowledged,
    })
}
