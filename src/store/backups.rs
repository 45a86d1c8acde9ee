//! What a backup holds, whatever engine it came from and goes to: rows, each in the form that its MAC is
//! over, so that reading a backup and comparing it with the set heads are one walk.
//!
//! ```text
//! content  { length(4, LE) record }         order, end and length: src/release/backup.rs
//! record   the first: canonical JSON, see `Meta`
//!          then a row: name_len(1) name { 0 | 1 int(8, LE) | 2 len(4, LE) text | 3 len(4, LE) bytes } per column
//!
//! data     every protected table in the order of TABLES, then log_leaf, log_node, log_alias, log_head
//! keys     erasure, keys.package_key, keys.counter, keys.key_block
//! ```
//!
//! Rows of a table come in the order of its key. Both are taken from one snapshot, and neither holds what the
//! other is for: data without keys opens nothing, and keys alone are of nobody. The erasures stand in both, because
//! the newer of the two knows more of them. Operational tables ([`LEFT_OUT`]) are in neither.

mod beside;
mod checking;
mod remembered;
mod site;

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use serde::{Deserialize, Serialize};

pub use beside::{KeyCounts, KeysBeside};
pub use checking::{Checked, Checking};
pub use remembered::{Drill, Made, Remembered, mark_of, set_mark_back};
pub(super) use site::RESTORING;
pub use site::Site;

use super::engine::Arg;
use super::schema::SCHEMA;
use super::table::{self, Checked as When, Kind as Column, TABLES, Table};
use super::{Store, StoreError, VaultInfo, View};
use crate::clock::Micros;
use crate::keyring::files;
use crate::model::code::codes;
use crate::model::ids::VaultId;

codes! {
    /// What a backup is of.
    Kind, "kind of backup" {
        /// Everything but the keystore.
        Data = "data",
        /// The keystore: wrapped keys of members and packages.
        Keys = "keys",
    }
}

/// The format's name, with its version.
pub const FORMAT: &str = "countersign.backup.v1";

/// Tables that no backup holds: what is in them is worth minutes, or is made again.
pub const LEFT_OUT: &[(&str, &str)] = &[
    ("session_seen", "when a session was last used; sessions end with a restore"),
    ("token_seen", "when a token was last used; tokens end with a restore"),
    ("attempt", "wrong passwords lately"),
    ("look_count", "looks within the running hour and day"),
    ("duty", "who watches the log; the watch begins anew at its end"),
    ("outbox", "messages that wait; what they say may not hold any more"),
    ("receiver", "how receivers of messages did"),
    ("passkey_challenge", "what a passkey is being asked just now"),
    ("kept_answer", "answers for who asks again within a day"),
    ("import_run", "how imports of the last month stood; what they did is in the log"),
    ("import_error", "which rows they refused"),
];

static LOG_LEAF: Table = raw("log_leaf", 1, &[("seq", Column::Int), ("body", Column::Bytes)]);
static LOG_NODE: Table =
    raw("log_node", 2, &[("level", Column::Int), ("position", Column::Int), ("hash", Column::Bytes)]);
static LOG_ALIAS: Table = raw("log_alias", 2, &[("alias", Column::Bytes), ("seq", Column::Int)]);
static LOG_HEAD: Table = raw(
    "log_head",
    1,
    &[
        ("id", Column::Int),
        ("size", Column::Int),
        ("at", Column::Int),
        ("frontier", Column::Bytes),
        ("heads", Column::Bytes),
        ("checkpoint", Column::Text),
    ],
);
static PACKAGE_KEY: Table = raw(
    "keys.package_key",
    1,
    &[("package", Column::Text), ("kek", Column::Int), ("wrapped", Column::Bytes)],
);
static COUNTER: Table = raw("keys.counter", 1, &[("name", Column::Text), ("next", Column::Int)]);
static KEYS: Table = raw("keys.key_block", 1, &[("block", Column::Int), ("body", Column::Bytes)]);

/// A table under no set head: the log's own, which its tree checks, and the keystore's.
const fn raw(name: &'static str, key: usize, columns: &'static [(&'static str, Column)]) -> Table {
    Table { name, key, columns, checked: When::Deep }
}

/// The first record of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// [`FORMAT`].
    pub format: String,
    /// What it is of.
    pub kind: Kind,
    /// The vault's id, hex.
    pub vault: String,
    /// Whether it is a demo vault.
    pub demo: bool,
    /// Its zone.
    pub zone: String,
    /// Version of the schema the rows are of.
    pub schema: i64,
    /// The engine it was taken from, for people.
    pub engine: String,
    /// When, microseconds since 1970.
    pub made_at: Micros,
    /// Entries in the log then.
    pub size: u64,
    /// The checkpoint over them, a signed note.
    pub checkpoint: String,
    /// Files of the data folder, by name: signing keys wrapped under the root key, and the public one.
    /// The root key's file is not among them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
}

/// Files of the data folder that a data backup holds.
pub const FILES: [&str; 3] = ["checkpoint.key", "checkpoint.pub", "manifest.key"];

impl Meta {
    /// Reads a first record; none when it is not one of this format.
    pub fn read(record: &[u8]) -> Option<Meta> {
        let meta: Meta = serde_json::from_slice(record).ok()?;
        (meta.format == FORMAT && meta.vault.parse::<VaultId>().is_ok()).then_some(meta)
    }

    /// The vault it is of.
    ///
    /// # Errors
    /// [`StoreError::Integrity`]: its id is malformed.
    pub fn info(&self) -> Result<VaultInfo, StoreError> {
        let id = self.vault.parse::<VaultId>();
        let id = id.map_err(|_| StoreError::integrity("backup", "the vault's id"))?;
        Ok(VaultInfo { id, demo: self.demo, zone: self.zone.clone() })
    }
}

/// The tables of a kind, in the order in which their rows come.
fn tables_of(kind: Kind) -> Vec<&'static Table> {
    match kind {
        Kind::Data => TABLES
            .iter()
            .copied()
            .filter(|table| table.checked != When::Moved)
            .chain([&LOG_LEAF, &LOG_NODE, &LOG_ALIAS, &LOG_HEAD])
            .collect(),
        Kind::Keys => vec![&table::ERASURE, &PACKAGE_KEY, &COUNTER, &KEYS],
    }
}

/// Names of all tables that some backup holds.
pub fn held() -> Vec<&'static str> {
    Kind::ALL.iter().flat_map(|kind| tables_of(*kind)).map(|table| table.name).collect()
}

impl View<'_> {
    /// The first record of a backup of this moment.
    ///
    /// # Errors
    /// The log's head does not fit, or a key file cannot be read.
    pub(crate) async fn backup_meta(&mut self, kind: Kind) -> Result<Meta, StoreError> {
        let (size, checkpoint) = self.checkpoint().await?;
        let Store { info, clock, dir, .. } = self.store;
        let mut held = BTreeMap::new();
        for name in FILES.iter().filter(|_| kind == Kind::Data) {
            held.insert((*name).to_owned(), files::text(dir, name)?);
        }
        Ok(Meta {
            format: FORMAT.into(),
            kind,
            vault: info.id.to_string(),
            demo: info.demo,
            zone: info.zone.clone(),
            schema: SCHEMA,
            engine: self.store.describe_engine().await?,
            made_at: clock.now(),
            size,
            checkpoint,
            files: held,
        })
    }

    /// Hands every row of a kind of backup to `put`, one after the other as they come.
    ///
    /// # Errors
    /// The database failed, or what `put` gives.
    pub(crate) async fn dump<E: From<StoreError>>(
        &mut self,
        kind: Kind,
        mut put: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut record = Vec::new();
        for table in tables_of(kind) {
            let mut rows = self.tx.stream(table.scan_sql(), &[]);
            while let Some(row) = rows.try_next().await.map_err(|e| e.unreadable(table.name))? {
                table.encode_row(&row, &mut record).map_err(|e| e.unreadable(table.name))?;
                put(&record)?;
            }
        }
        Ok(())
    }
}

/// A record that is not a row of a table of its backup: another program wrote it.
fn malformed() -> StoreError {
    StoreError::integrity("backup", "a row is not of its form")
}

/// A record's row, and where its key ends in it.
struct Row<'r> {
    /// Place of its table among those of the kind.
    at: usize,
    table: &'static Table,
    values: Vec<Arg<'r>>,
    key: &'r [u8],
}

impl<'r> Row<'r> {
    fn read(tables: &[&'static Table], record: &'r [u8]) -> Option<Row<'r>> {
        let (length, rest) = record.split_first()?;
        let (name, mut rest) = rest.split_at_checked(usize::from(*length))?;
        let at = tables.iter().position(|table| table.name.as_bytes() == name)?;
        let (table, mut values, mut key) = (tables[at], Vec::new(), 0);
        for (i, (_, column)) in table.columns.iter().enumerate() {
            values.push(value(&mut rest, *column)?);
            if i + 1 == table.key {
                key = record.len() - rest.len();
            }
        }
        rest.is_empty().then_some(Row { at, table, values, key: &record[..key] })
    }
}

/// The next value, as [`Table::encode`] writes it.
fn value<'r>(rest: &mut &'r [u8], column: Column) -> Option<Arg<'r>> {
    use Column::{Bytes, Int, MaybeBytes, MaybeInt, MaybeText, Text};
    let (tag, after) = rest.split_first()?;
    let mut sized = || {
        let (length, after) = after.split_first_chunk::<4>()?;
        let (bytes, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        *rest = after;
        Some(bytes)
    };
    match (tag, column) {
        (2, Text | MaybeText) => Some(Arg::Text(std::str::from_utf8(sized()?).ok()?)),
        (3, Bytes | MaybeBytes) => Some(Arg::Bytes(sized()?)),
        (1, Int | MaybeInt) => {
            let (int, after) = after.split_first_chunk::<8>()?;
            *rest = after;
            Some(Arg::Int(i64::from_le_bytes(*int)))
        }
        (0, MaybeInt | MaybeText | MaybeBytes) => {
            *rest = after;
            Some(match column {
                MaybeInt => Arg::NullInt,
                MaybeText => Arg::NullText,
                _ => Arg::NullBytes,
            })
        }
        _ => None,
    }
}
