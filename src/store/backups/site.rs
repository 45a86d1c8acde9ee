//! The place a backup is restored into: an empty database on either engine, which says of itself that it is
//! not whole until the entry `vault.restored` is in its log.
//!
//! ```text
//! restoring(vault_id) made ─► rows of the data, the log's head last ─► rows of the keys ─► opened, settled:
//!     one turn with vault.restored, in which `restoring` is dropped
//! ```
//!
//! While that table is there, opening refuses and another restore begins again from nothing. Rows are written in
//! turns of some megabytes, so a large vault needs no large journal.

use std::collections::BTreeMap;
use std::path::Path;

use super::{COUNTER, KEYS, Kind, Meta, PACKAGE_KEY, Row, malformed, tables_of};
use crate::store::attributes::{self, Slot};
use crate::store::blocks::{Changes, Malformed, changed, ordinal_of, slot_of, slots};
use crate::store::engine::{Arg, Engine, Tx, built};
use crate::store::keys::parts;
use crate::store::packages::{Erasure, erasure_of};
use crate::store::schema::SCHEMA;
use crate::store::table::{ERASURE, MEMBER_ATTRIBUTES, Table};
use crate::store::{Place, Store, StoreError, View, Work, moving};

/// The table that says a restore is under way.
pub(in crate::store) const RESTORING: &str = "restoring";

/// Bytes of rows in one statement.
const STATEMENT: usize = 1 << 20;

/// Statements in one transaction.
const STATEMENTS: usize = 32;

/// Values in one statement.
const VALUES: usize = 6_000;

/// An empty place that is being filled.
pub struct Site {
    engine: Engine,
    kind: Kind,
    tables: Vec<&'static Table>,
    /// Rows of one table that are not written yet.
    pending: Vec<Vec<u8>>,
    bytes: usize,
    turn: Option<(Tx, usize)>,
    /// Erasures by ordinal: those of the data, and those that only the key backup knows.
    erased: BTreeMap<i64, Erasure>,
    since: BTreeMap<i64, Erasure>,
}

impl Site {
    /// Makes the schema and the sign that it is not whole. What an interrupted restore left is cleared away.
    ///
    /// # Errors
    /// [`StoreError::VaultExists`]: there is one already. [`StoreError::NewerSchema`]: the backup was made by a
    /// newer program.
    pub async fn begin(place: &Place, meta: &Meta) -> Result<Site, StoreError> {
        if meta.schema > SCHEMA {
            return Err(StoreError::NewerSchema(meta.schema));
        }
        let mut engine = Engine::open(&place.url, true).await?;
        if engine.has_table(RESTORING).await? {
            engine = clear(engine, &place.url).await?;
        } else if engine.has_schema().await? {
            return Err(StoreError::VaultExists);
        }
        engine.check_durability().await?;
        let mut tx = engine.begin_any().await?;
        tx.execute(built(format!("create table if not exists {RESTORING} (vault_id text not null)")), &[])
            .await?;
        tx.execute(
            built(format!("insert into {RESTORING} (vault_id) values ($1)")),
            &[Arg::Text(&meta.vault)],
        )
        .await?;
        tx.commit().await?;
        moving::migrate(&engine).await?;
        Store::drop_rows_of(&engine).await?;
        let mut tx = engine.begin_write().await?;
        tx.execute("delete from keys.counter", &[]).await?;
        tx.commit().await?;
        Ok(Site {
            engine,
            kind: Kind::Data,
            tables: tables_of(Kind::Data),
            pending: Vec::new(),
            bytes: 0,
            turn: None,
            erased: BTreeMap::new(),
            since: BTreeMap::new(),
        })
    }

    /// Takes the next row of the data in.
    ///
    /// # Errors
    /// It is no such row, or the database failed.
    pub async fn data(&mut self, record: Vec<u8>) -> Result<(), StoreError> {
        self.put(record).await
    }

    /// Takes the next row of the keys in, all data before. Keys of members who were erased are left out.
    ///
    /// # Errors
    /// It is no such row, or the database failed.
    pub async fn key(&mut self, record: Vec<u8>) -> Result<(), StoreError> {
        if self.kind == Kind::Data {
            self.flush().await?;
            (self.kind, self.tables) = (Kind::Keys, tables_of(Kind::Keys));
        }
        let row = Row::read(&self.tables, &record).ok_or_else(malformed)?;
        match (row.table.name, &row.values[..]) {
            (name, values) if name == ERASURE.name => {
                let erasure = erasure_of(values).ok_or_else(malformed)?;
                if !self.erased.contains_key(&erasure.ordinal) {
                    self.since.insert(erasure.ordinal, erasure);
                }
                Ok(())
            }
            (name, [Arg::Int(block), Arg::Bytes(body)]) if name == KEYS.name => {
                match self.without_erased(*block, body)? {
                    body if body.is_empty() => Ok(()),
                    body => {
                        let mut left = Vec::new();
                        KEYS.encode(&[Arg::Int(*block), Arg::Bytes(&body)], &mut left);
                        self.put(left).await
                    }
                }
            }
            _ => self.put(record).await,
        }
    }

    /// A block of keys without those of members who were erased.
    fn without_erased(&self, block: i64, body: &[u8]) -> Result<Vec<u8>, StoreError> {
        let (first, last) = (ordinal_of(block, 0), ordinal_of(block, 63));
        let gone = self.erased.range(first..=last).chain(self.since.range(first..=last));
        let changes: Changes = gone.map(|(ordinal, _)| (slot_of(*ordinal), None)).collect();
        changed(body, &changes).map_err(|Malformed| malformed())
    }

    async fn put(&mut self, record: Vec<u8>) -> Result<(), StoreError> {
        let row = Row::read(&self.tables, &record).ok_or_else(malformed)?;
        let (table, width) = (row.table, row.values.len());
        if self.kind == Kind::Data && table.name == ERASURE.name {
            let erasure = erasure_of(&row.values).ok_or_else(malformed)?;
            self.erased.insert(erasure.ordinal, erasure);
        }
        let name = |record: &[u8]| record[..usize::from(record[0]) + 1].to_vec();
        let other = self.pending.first().is_some_and(|first| name(first) != name(&record));
        if other || (self.pending.len() + 1) * width > VALUES || self.bytes + record.len() > STATEMENT {
            self.write().await?;
        }
        self.bytes += record.len();
        self.pending.push(record);
        Ok(())
    }

    /// Writes the rows at hand, and commits now and then.
    async fn write(&mut self) -> Result<(), StoreError> {
        let pending = std::mem::take(&mut self.pending);
        self.bytes = 0;
        let rows: Option<Vec<Row<'_>>> =
            pending.iter().map(|record| Row::read(&self.tables, record)).collect();
        let rows = rows.ok_or_else(malformed)?;
        let Some(first) = rows.first() else { return Ok(()) };
        let args: Vec<Arg<'_>> = rows.iter().flat_map(|row| row.values.iter().copied()).collect();
        let (mut tx, written) = match self.turn.take() {
            Some(turn) => turn,
            None => (self.engine.begin_write().await?, 0),
        };
        let sql = first.table.insert_sql(&tx, rows.len());
        tx.execute(sql, &args).await?;
        match written + 1 {
            STATEMENTS => tx.commit().await?,
            written => self.turn = Some((tx, written)),
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        self.write().await?;
        match self.turn.take() {
            Some((tx, _)) => tx.commit().await,
            None => Ok(()),
        }
    }

    /// Erasures that only the key backup knows of, by ordinal.
    pub fn erased_since(&self) -> &BTreeMap<i64, Erasure> {
        &self.since
    }

    /// Opens what was restored, all rows written, as a vault that is still not whole.
    ///
    /// # Errors
    /// What keeps a vault closed.
    pub async fn open(mut self, place: &Place) -> Result<Store, StoreError> {
        self.flush().await?;
        let mut tx = self.engine.begin_write().await?;
        // Of packages that the data does not know: nobody may ever open those again.
        tx.execute(
            built(format!("delete from {} where package not in (select no from package)", PACKAGE_KEY.name)),
            &[],
        )
        .await?;
        raise_counter(&mut tx).await?;
        tx.commit().await?;
        Store::over(place, self.engine).await
    }
}

/// An ordinal of the data is never given again, whatever the counter of an older key backup says.
async fn raise_counter(tx: &mut Tx) -> Result<(), StoreError> {
    let sql = "select block, body from member_attributes order by block desc limit 1";
    let mut next = 1;
    if let Some(row) = tx.maybe(sql, &[]).await? {
        let block = row.int(0)?;
        let last = slots(row.slice(1)?).last().unwrap_or(Err(Malformed));
        next = ordinal_of(block, last.map_err(|Malformed| malformed())?.0).saturating_add(1);
    }
    let sql = format!("update {} set next = $1 where name = 'ordinal' and next < $1", COUNTER.name);
    tx.execute(built(sql), &[Arg::Int(next)]).await?;
    let sql = format!("select count(*) from {} where name = 'ordinal'", COUNTER.name);
    match tx.one(built(sql), &[]).await?.int(0)? {
        1 => Ok(()),
        _ => Err(malformed()),
    }
}

/// Makes a place that an interrupted restore left empty again.
async fn clear(engine: Engine, url: &str) -> Result<Engine, StoreError> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        engine.close().await;
        let vault = Path::new(path);
        // The file with the sign goes last.
        for file in [vault.with_file_name("keys.db"), vault.to_owned()] {
            for ending in ["-wal", "-shm", ""] {
                let mut name = file.clone().into_os_string();
                name.push(ending);
                match std::fs::remove_file(&name) {
                    Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(StoreError::ReadOnly),
                    _ => {}
                }
            }
        }
        return Engine::open(url, true).await;
    }
    if engine.has_schema().await? {
        let mut tx = engine.begin_write().await?;
        for table in Kind::ALL.iter().flat_map(|kind| tables_of(*kind)) {
            let local = table.name.strip_prefix("keys.").unwrap_or(table.name);
            if engine.has_table(local).await? {
                // Append-only for everyone else.
                tx.execute(built(format!("alter table {} disable trigger user", table.name)), &[]).await?;
                tx.execute(built(format!("truncate {}", table.name)), &[]).await?;
                tx.execute(built(format!("alter table {} enable trigger user", table.name)), &[]).await?;
            }
        }
        tx.execute(built(format!("delete from {RESTORING}")), &[]).await?;
        tx.commit().await?;
    }
    Ok(engine)
}

impl View<'_> {
    /// Members whose data key is not there or is another's: ordinals, rising.
    ///
    /// # Errors
    /// A block does not parse.
    pub async fn members_without_key(&mut self) -> Result<Vec<i64>, StoreError> {
        let mut without = Vec::new();
        let mut from = i64::MIN;
        loop {
            let sql = "select m.block, m.body, k.body from member_attributes m \
                       left join keys.key_block k on k.block = m.block where m.block > $1 \
                       order by m.block limit 256";
            let rows = self.tx.all(sql, &[Arg::Int(from)]).await?;
            let Some(last) = rows.last() else { return Ok(without) };
            from = last.int(0)?;
            for row in &rows {
                let block = row.int(0)?;
                let keys: BTreeMap<u8, &[u8]> = slots(row.maybe_slice(2)?.unwrap_or_default())
                    .collect::<Result<_, _>>()
                    .map_err(|Malformed| Malformed::of(KEYS.name, block))?;
                for step in slots(row.slice(1)?) {
                    let of = || Malformed::of(MEMBER_ATTRIBUTES.name, block);
                    let (at, bytes) = step.map_err(|Malformed| of())?;
                    let Slot::Member(member) = attributes::read(bytes).ok_or_else(of)? else { continue };
                    let key = keys.get(&at).and_then(|bytes| parts(bytes));
                    if key.is_none_or(|(id, ..)| id != member.id()) {
                        without.push(ordinal_of(block, at));
                    }
                }
            }
        }
    }
}

impl Work<'_> {
    /// With this turn the restored vault is whole.
    ///
    /// # Errors
    /// The database failed.
    pub async fn restored(&mut self) -> Result<(), StoreError> {
        self.view.tx.execute(built(format!("drop table {RESTORING}")), &[]).await?;
        Ok(())
    }
}
