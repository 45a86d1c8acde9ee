//! A vault made before members lay in blocks: its rows are moved, once, when it is opened.
//!
//! All of it is one writer's turn with one entry, the keys included: a process of the version before that is
//! still open may erase a member until the turn begins, and his key must not come to stand in a copy; from
//! the commit on its statements fail, since their tables are gone. The old tables are compared with
//! their heads, read in order, written as blocks, and dropped. A crash before the commit leaves the vault
//! as it was.
//!
//! On SQLite the keystore is a file of its own, and a commit over two files is not one: a power cut in the
//! midst of it may leave the vault's part done and the keystore's not. Then the old keys are still
//! there, and the next start moves them alone.

use std::collections::BTreeMap;

use super::blocks::{Changes, block_of, slot_of};
use super::consents::{ConsentEvent, Mark};
use super::engine::{Arg, Engine, Tx, built};
use super::heads::recompute;
use super::keys::{change_keys, pack};
use super::members::{Attributes, Member, WrappedDataKey, unpack};
use super::schema::SCHEMA;
use super::table::{CONSENT_EVENT, MEMBER, MEMBER_INDEX, MEMBER_RECORD, Table, Value};
use super::{Store, StoreError, View, Work};
use crate::audit::event::{Action, Actor, Event};
use crate::model::code::{CardType, CovenantFamily, Source, Tier};
use crate::model::ids::MemberId;

/// Ordinals read at a time; whole blocks of them.
const PAGE: i64 = 8_192;

const OLD: [&Table; 4] = [&MEMBER, &MEMBER_RECORD, &MEMBER_INDEX, &CONSENT_EVENT];

/// Brings the schema to this program's version.
pub(super) async fn migrate(engine: &Engine) -> Result<(), StoreError> {
    // On SQLite nothing keeps several processes from beginning at once: who comes second to a migration
    // finds its tables there, and the next time that it is done.
    for _ in 0..SCHEMA {
        match engine.migrate().await {
            Err(StoreError::Migration(_) | StoreError::Database(_) | StoreError::Conflict(_)) => {}
            done => return done,
        }
    }
    engine.migrate().await
}

/// Whether a vault is of an earlier version, or half way from one.
pub(super) async fn is_older(engine: &Engine) -> Result<bool, StoreError> {
    let before = engine.has_table("member_record").await? || engine.has_table("data_key").await?;
    Ok(before || !engine.is_current().await?)
}

impl Store {
    /// Moves what still lies in rows.
    pub(super) async fn move_rows(&self) -> Result<(), StoreError> {
        let (rows, keys) =
            (self.engine.has_table("member_record").await?, self.engine.has_table("data_key").await?);
        if !rows && !keys {
            return Ok(());
        }
        if rows {
            let work = self.work().await?;
            // Another process may have been first; now none can.
            if self.engine.has_table("member_record").await? {
                let keys = self.engine.has_table("data_key").await?;
                let blocks = self.engine.has_table("key_block").await?;
                work.move_all(keys, blocks).await?;
            }
        }
        // On SQLite a kill can part the two files' commits: the rows are moved then, and the keys are not.
        if self.engine.has_table("data_key").await? {
            let mut tx = self.engine.begin_write().await?;
            if self.engine.has_table("data_key").await? {
                move_keys(&mut tx, self.engine.has_table("key_block").await?).await?;
                tx.commit().await?;
            }
        }
        // What is dropped is blanked in the file, once the write-ahead file is copied into it. All of it
        // stands in the blocks as well: a reader that holds the file keeps nobody's erasure from being one.
        match self.engine.forget_deleted().await {
            Err(StoreError::Busy) => Ok(()),
            done => done,
        }
    }

    /// Drops the tables of before in a vault that never had a row in them.
    pub(super) async fn drop_rows(&self) -> Result<(), StoreError> {
        Store::drop_rows_of(&self.engine).await
    }

    /// The same in a database that is no vault yet.
    pub(super) async fn drop_rows_of(engine: &Engine) -> Result<(), StoreError> {
        let mut tx = engine.begin_write().await?;
        for table in OLD {
            tx.execute(built(format!("drop table if exists {}", table.name)), &[]).await?;
        }
        tx.execute("drop table if exists keys.data_key", &[]).await?;
        tx.commit().await
    }
}

/// Copies the keys into blocks and drops what they stood in.
async fn move_keys(tx: &mut Tx, blocks: bool) -> Result<(), StoreError> {
    if !blocks {
        // Migrating is a commit over two files too (PostgreSQL's is one, and never comes here).
        let sql = "create table keys.key_block (block integer primary key, body blob not null)";
        tx.execute(sql, &[]).await?;
    }
    let sql = "select ordinal, id, kek, wrapped from keys.data_key where ordinal > $1 \
               order by ordinal limit 8192";
    let unreadable = |e: StoreError| e.unreadable("keys.data_key");
    let mut last = i64::MIN;
    loop {
        let mut changes: BTreeMap<i64, Changes> = BTreeMap::new();
        for row in tx.all(sql, &[Arg::Int(last)]).await.map_err(unreadable)? {
            let read = || Ok((row.int(0)?, row.bytes(1)?, row.int(2)?, row.bytes(3)?));
            let (ordinal, id, kek, wrapped) = read().map_err(unreadable)?;
            let malformed = |_| StoreError::integrity("keys.data_key", format!("ordinal {ordinal}: id"));
            let key = WrappedDataKey { id: MemberId(id.try_into().map_err(malformed)?), kek, wrapped };
            changes.entry(block_of(ordinal)).or_default().insert(slot_of(ordinal), Some(pack(&key)?));
            last = ordinal;
        }
        if changes.is_empty() {
            break;
        }
        change_keys(tx, &changes).await?;
    }
    tx.execute("drop table keys.data_key", &[]).await?;
    Ok(())
}

impl Work<'_> {
    /// Moves members and consents, and the keys where they still lie in rows (`keys`; `blocks` when their
    /// blocks' table is there).
    async fn move_all(mut self, keys: bool, blocks: bool) -> Result<(), StoreError> {
        let keyring = self.view.store.keyring.clone();
        for table in OLD {
            recompute(&mut self.view.tx, &keyring, table).await?.hold(table, self.head_of(table))?;
            self.empty(table);
        }
        if keys {
            move_keys(&mut self.view.tx, blocks).await?;
        }
        let (mut moved, mut from) = (0, 0);
        let last = self.view.tx.one("select coalesce(max(ordinal), 0) from member", &[]).await?.int(0)?;
        let said = "select coalesce(max(ordinal), 0) from consent_event";
        let last = last.max(self.view.tx.one(said, &[]).await?.int(0)?);
        while from <= last {
            let members = self.view.old_members(from).await?;
            moved += members.len() as u64;
            // Members before what they said: who has said something counts as having been there.
            self.insert_members(&members).await.map_err(|e| match e {
                StoreError::Conflict(_) => {
                    StoreError::integrity("keys.data_key", "a member has no key, or another's")
                }
                e => e,
            })?;
            let events = self.view.old_events(from).await?;
            self.add_consent_events(&events).await?;
            from += PAGE;
        }
        let erased: Vec<i64> = self.view.erasures().await?.iter().map(|e| e.ordinal).collect();
        self.take_slots(&erased).await?;
        for table in OLD {
            let sql = built(format!("drop table {}", table.name));
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
    Some(ConsentEvent {
        ordinal: *ordinal,
        number: *number,
        at: *at,
        source: Source::parse(source).ok()?,
        actor: actor.clone(),
        notice: notice.clone(),
        evidence: evidence.clone(),
        marks: marks.chunks(4).map(Mark::read).collect::<Option<_>>()?,
    })
}
