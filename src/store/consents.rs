//! The consent history, and the suppression list.
//!
//! Marks of an event are stored as `purpose(1) channel(1) class(1) granted(1)`, repeated: what a member
//! said on one occasion is one row.

use std::collections::{BTreeMap, HashSet};

use super::engine::Arg;
use super::table::{CONSENT_EVENT, SUPPRESSION, Value};
use super::{StoreError, View, Work};
use crate::clock::Micros;
use crate::keyring::Tag;
use crate::model::code::{Channel, Purpose, RecipientClass, Source};
use crate::model::field::Index;

/// One yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// For what.
    pub purpose: Purpose,
    /// Over which channel.
    pub channel: Channel,
    /// To whom.
    pub class: RecipientClass,
    /// Yes or no.
    pub granted: bool,
}

/// What a member said on one occasion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentEvent {
    /// The member.
    pub ordinal: i64,
    /// 1, 2, 3 … of this member.
    pub number: i64,
    /// When the member said so.
    pub at: Micros,
    /// Through what.
    pub source: Source,
    /// Who recorded it.
    pub actor: String,
    /// Version of the notice shown.
    pub notice: String,
    /// Evidence, sealed under the member's key by the caller; empty when there is none.
    pub evidence: String,
    /// What was said.
    pub marks: Vec<Mark>,
}

impl View<'_> {
    /// A member's history, oldest first.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn consent_events(&mut self, ordinal: i64) -> Result<Vec<ConsentEvent>, StoreError> {
        let rows =
            self.rows(&CONSENT_EVENT, "where ordinal = $1 order by number", &[Arg::Int(ordinal)]).await?;
        rows.iter().map(|r| parse(r).ok_or_else(malformed)).collect()
    }

    /// The histories of many members, each oldest first.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn consent_histories(
        &mut self,
        ordinals: &[i64],
    ) -> Result<BTreeMap<i64, Vec<ConsentEvent>>, StoreError> {
        let mut found: BTreeMap<i64, Vec<ConsentEvent>> = BTreeMap::new();
        for ordinals in ordinals.chunks(1000) {
            let list = self.tx.places(1, ordinals.len());
            let tail = format!("where ordinal in ({list}) order by ordinal, number");
            let args: Vec<Arg<'_>> = ordinals.iter().map(|o| Arg::Int(*o)).collect();
            for row in self.rows(&CONSENT_EVENT, &tail, &args).await? {
                let event = parse(&row).ok_or_else(malformed)?;
                found.entry(event.ordinal).or_default().push(event);
            }
        }
        Ok(found)
    }

    /// The suppression tags of one index; usually few.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn suppressed(&mut self, index: Index) -> Result<HashSet<Tag>, StoreError> {
        let rows = self.rows(&SUPPRESSION, "where idx = $1", &[Arg::Int(i64::from(index.number()))]).await?;
        rows.iter()
            .map(|r| match &r[1] {
                Value::Bytes(tag) => {
                    tag.as_slice().try_into().map_err(|_| StoreError::integrity("suppression", "tag"))
                }
                _ => Err(StoreError::integrity("suppression", "a row does not parse")),
            })
            .collect()
    }

    /// Members who share a contact point with another: groups of two and more.
    ///
    /// # Errors
    /// The database failed.
    pub async fn shared_contacts(&mut self, index: Index) -> Result<Vec<Vec<i64>>, StoreError> {
        let sql = "select i.tag, i.ordinal from member_index i join \
                   (select tag from member_index where idx = $1 group by tag having count(*) > 1) s \
                   on s.tag = i.tag where i.idx = $1 order by i.tag, i.ordinal";
        let mut groups: Vec<Vec<i64>> = Vec::new();
        let mut last: Option<Vec<u8>> = None;
        for row in self.tx.all(sql, &[Arg::Int(i64::from(index.number()))]).await? {
            let tag = row.bytes(0)?;
            if last.as_ref() != Some(&tag) {
                groups.push(Vec::new());
                last = Some(tag);
            }
            if let Some(group) = groups.last_mut() {
                group.push(row.int(1)?);
            }
        }
        Ok(groups)
    }
}

impl Work<'_> {
    /// Appends to consent histories. The chunks are the caller's next step.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_consent_events(&mut self, events: &[ConsentEvent]) -> Result<(), StoreError> {
        let marks: Vec<Vec<u8>> = events.iter().map(|e| pack(&e.marks)).collect();
        let rows: Vec<Vec<Arg<'_>>> = events
            .iter()
            .zip(&marks)
            .map(|(e, marks)| {
                vec![
                    Arg::Int(e.ordinal),
                    Arg::Int(e.number),
                    Arg::Int(e.at),
                    Arg::Text(e.source.code()),
                    Arg::Text(&e.actor),
                    Arg::Text(&e.notice),
                    Arg::Text(&e.evidence),
                    Arg::Bytes(marks),
                ]
            })
            .collect();
        self.insert_all(&CONSENT_EVENT, &rows).await
    }

    /// Suppresses a contact point; whether it is new.
    ///
    /// # Errors
    /// The database failed.
    pub async fn suppress(&mut self, index: Index, tag: &Tag, reason: &str) -> Result<bool, StoreError> {
        let at = self.at();
        let row = [Arg::Int(i64::from(index.number())), Arg::Bytes(tag), Arg::Text(reason), Arg::Int(at)];
        if self.view.row(&SUPPRESSION, &row[..2]).await?.is_some() {
            return Ok(false);
        }
        self.insert(&SUPPRESSION, &row).await?;
        Ok(true)
    }
}

/// How many members' events one page of a rebuild reads.
pub(super) const PAGE: i64 = 20_000;

pub(super) async fn page_of_events(view: &mut View<'_>, from: i64) -> Result<Vec<ConsentEvent>, StoreError> {
    let tail = "where ordinal >= $1 and ordinal < $2 order by ordinal, number";
    let args = [Arg::Int(from), Arg::Int(from.saturating_add(PAGE))];
    view.rows(&CONSENT_EVENT, tail, &args).await?.iter().map(|r| parse(r).ok_or_else(malformed)).collect()
}

fn malformed() -> StoreError {
    StoreError::integrity("consent_event", "a row does not parse")
}

fn pack(marks: &[Mark]) -> Vec<u8> {
    marks
        .iter()
        .flat_map(|m| [number(m.purpose), number(m.channel), number(m.class), u8::from(m.granted)])
        .collect()
}

/// A code's number in a stored mark. Lists only ever grow at their end.
fn number<T: Numbered>(code: T) -> u8 {
    T::LIST.iter().position(|c| *c == code).unwrap_or(0) as u8 + 1
}

fn from_number<T: Numbered>(n: u8) -> Option<T> {
    T::LIST.get(usize::from(n.checked_sub(1)?)).copied()
}

trait Numbered: Copy + PartialEq + 'static {
    const LIST: &'static [Self];
}
impl Numbered for Purpose {
    const LIST: &'static [Self] = Purpose::ALL;
}
impl Numbered for Channel {
    const LIST: &'static [Self] = Channel::ALL;
}
impl Numbered for RecipientClass {
    const LIST: &'static [Self] = RecipientClass::ALL;
}

fn parse(row: &[Value]) -> Option<ConsentEvent> {
    let [
        Value::Int(ordinal),
        Value::Int(number),
        Value::Int(at),
        Value::Text(source),
        Value::Text(actor),
        Value::Text(notice),
        Value::Text(evidence),
        Value::Bytes(marks),
    ] = row
    else {
        return None;
    };
    let marks = marks
        .chunks(4)
        .map(|m| match m {
            [p, c, r, g] => Some(Mark {
                purpose: from_number(*p)?,
                channel: from_number(*c)?,
                class: from_number(*r)?,
                granted: *g == 1,
            }),
            _ => None,
        })
        .collect::<Option<_>>()?;
    Some(ConsentEvent {
        ordinal: *ordinal,
        number: *number,
        at: *at,
        source: Source::parse(source).ok()?,
        actor: actor.clone(),
        notice: notice.clone(),
        evidence: evidence.clone(),
        marks,
    })
}
