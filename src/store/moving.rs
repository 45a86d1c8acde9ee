//! A vault made before members lay in blocks: its rows are moved, once, when it is opened.
//!
//! Keys first, in a commit of their own, as at a birth; then everything else in one turn with its entry:
//! the old tables are compared with their heads, read in order, written as blocks, and dropped. A crash
//! before the commit leaves the vault as it was, with keys in both places; after it, only an empty table
//! of old keys may be left, which the next start drops.

use std::collections::BTreeMap;

use super::blocks::{Changes, block_of, slot_of};
use super::consents::{ConsentEvent, Mark, from_number};
use super::engine::Arg;
use super::heads::recompute;
use super::keys::{change_keys, pack};
use super::members::{Attributes, Member, WrappedDataKey, unpack};
use super::table::{CONSENT_EVENT, MEMBER, MEMBER_INDEX, MEMBER_RECORD, Value};
use super::{Store, StoreError, View, Work};
use crate::audit::event::{Action, Actor, Event};
use crate::model::code::{CardType, CovenantFamily, Source, Tier};
use crate::model::ids::MemberId;

/// Ordinals read at a time.
const PAGE: i64 = 8_192;

const OLD: [&str; 4] = ["member", "member_record", "member_index", "consent_event"];

impl Store {
    /// Moves what still lies in rows.
    pub(super) async fn move_rows(&self) -> Result<(), StoreError> {
        if self.engine.has_table("member_record").await? {
            if self.engine.has_table("data_key").await? {
                self.move_keys().await?;
            }
            let work = self.work().await?;
            // Another process may have been first.
            if self.engine.has_table("member_record").await? {
                work.move_members().await?;
            }
        }
        if self.engine.has_table("data_key").await? {
            let mut tx = self.engine.begin_write().await?;
            tx.execute("drop table if exists keys.data_key", &[]).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Drops the tables of before in a vault that never had a row in them.
    pub(super) async fn drop_rows(&self) -> Result<(), StoreError> {
        let mut tx = self.engine.begin_write().await?;
        for table in ["member", "member_record", "member_index", "consent_event", "keys.data_key"] {
            tx.execute(super::engine::built(format!("drop table if exists {table}")), &[]).await?;
        }
        tx.commit().await
    }

    async fn move_keys(&self) -> Result<(), StoreError> {
        let mut tx = self.engine.begin_write().await?;
        let sql = "select ordinal, id, kek, wrapped from keys.data_key where ordinal > $1 \
                   order by ordinal limit 8192";
        let mut last = i64::MIN;
        loop {
            let mut changes: BTreeMap<i64, Changes> = BTreeMap::new();
            for row in tx.all(sql, &[Arg::Int(last)]).await? {
                last = row.int(0)?;
                let id =
                    row.slice(1)?.try_into().map_err(|_| StoreError::integrity("keys.data_key", "id"))?;
                let key = WrappedDataKey { id: MemberId(id), kek: row.int(2)?, wrapped: row.bytes(3)? };
                changes.entry(block_of(last)).or_default().insert(slot_of(last), Some(pack(&key)?));
            }
            if changes.is_empty() {
                break;
            }
            change_keys(&mut tx, &changes).await?;
        }
        tx.commit().await
    }
}

impl Work<'_> {
    async fn move_members(mut self) -> Result<(), StoreError> {
        let keyring = self.view.store.keyring.clone();
        for table in [&MEMBER, &MEMBER_RECORD, &MEMBER_INDEX, &CONSENT_EVENT] {
            let there = recompute(&mut self.view.tx, &keyring, table).await?;
            if there != self.head_of(table) {
                return Err(StoreError::integrity(table.name, "its rows are not those the log speaks of"));
            }
            self.empty(table);
        }
        let (mut moved, mut from) = (0, 0);
        let last = self.view.tx.one("select coalesce(max(ordinal), 0) from member", &[]).await?.int(0)?;
        let said = "select coalesce(max(ordinal), 0) from consent_event";
        let last = last.max(self.view.tx.one(said, &[]).await?.int(0)?);
        while from <= last {
            let members = self.view.old_members(from).await?;
            moved += members.len() as u64;
            // The slots of the erased stay taken before anybody's consents are moved beside them.
            self.insert_members(&members).await?;
            let events = self.view.old_events(from).await?;
            self.add_consent_events(&events).await?;
            from += PAGE;
        }
        let erased: Vec<i64> = self.view.erasures().await?.iter().map(|e| e.ordinal).collect();
        self.take_slots(&erased).await?;
        for table in OLD {
            let sql = super::engine::built(format!("drop table {table}"));
            self.view.tx.execute(sql, &[]).await?;
        }
        let event = Event::new(Action::VaultMoved, Actor::Operator).count("members", moved);
        self.commit(event).await?;
        Ok(())
    }
}

impl View<'_> {
    async fn old_members(&mut self, from: i64) -> Result<Vec<Member>, StoreError> {
        let malformed = || StoreError::integrity("member", "a row does not parse");
        let tail = "where ordinal >= $1 and ordinal < $2 order by ordinal";
        let args = [Arg::Int(from), Arg::Int(from + PAGE)];
        let mut records = BTreeMap::new();
        for row in self.rows(&MEMBER_RECORD, tail, &args).await? {
            if let [Value::Int(ordinal), _, Value::Bytes(record)] = &row[..] {
                records.insert(*ordinal, record.clone());
            }
        }
        let mut members = Vec::new();
        for row in self.rows(&MEMBER, tail, &args).await? {
            let record = match row[0] {
                Value::Int(ordinal) => records.remove(&ordinal),
                _ => None,
            };
            members.push(member(&row, record.ok_or_else(malformed)?).ok_or_else(malformed)?);
        }
        Ok(members)
    }

    async fn old_events(&mut self, from: i64) -> Result<Vec<ConsentEvent>, StoreError> {
        let tail = "where ordinal >= $1 and ordinal < $2 order by ordinal, number";
        let rows = self.rows(&CONSENT_EVENT, tail, &[Arg::Int(from), Arg::Int(from + PAGE)]).await?;
        let malformed = || StoreError::integrity("consent_event", "a row does not parse");
        rows.iter().map(|row| event(row).ok_or_else(malformed)).collect()
    }
}

fn member(row: &[Value], record: Vec<u8>) -> Option<Member> {
    let text = |i: usize| match &row[i] {
        Value::Text(t) => Some(t.clone()),
        _ => None,
    };
    let int = |i: usize| match &row[i] {
        Value::Int(v) => Some(*v),
        _ => None,
    };
    let bytes = |i: usize| match &row[i] {
        Value::Bytes(b) => Some(b.as_slice()),
        _ => None,
    };
    let covenant = match (text(10), text(11)) {
        (Some(family), Some(version)) => Some((CovenantFamily::parse(&family).ok()?, version)),
        _ => None,
    };
    Some(Member {
        ordinal: int(0)?,
        id: MemberId(bytes(1)?.try_into().ok()?),
        attributes: Attributes {
            home_store: text(2),
            tier: Tier::parse(&text(3)?).ok()?,
            card_type: CardType::parse(&text(4)?).ok()?,
            active: text(5)? == "active",
            joined_on: int(6),
            last_visit_on: int(7),
            spend_cents: int(8),
            birth_month: int(9),
            covenant,
            legacy: int(12)? != 0,
            present: int(13)?,
            unsafe_fields: int(14)?,
            tags: unpack(bytes(15)?)?,
        },
        record,
        created_at: int(16)?,
        changed_at: int(17)?,
    })
}

fn event(row: &[Value]) -> Option<ConsentEvent> {
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
    let mark = |m: &[u8]| match *m {
        [p, c, r, g] => Some(Mark {
            purpose: from_number(p)?,
            channel: from_number(c)?,
            class: from_number(r)?,
            granted: g == 1,
        }),
        _ => None,
    };
    Some(ConsentEvent {
        ordinal: *ordinal,
        number: *number,
        at: *at,
        source: Source::parse(source).ok()?,
        actor: actor.clone(),
        notice: notice.clone(),
        evidence: evidence.clone(),
        marks: marks.chunks(4).map(mark).collect::<Option<_>>()?,
    })
}
