//! What a turn has entered into the log and not written yet, and how it is written: a statement a table.

use super::StoreError;
use super::engine::{Arg, Tx, built};
use crate::audit::event::Event;
use crate::audit::tree::Hash;

/// Entries that are appended to the tree of this turn and not written yet.
#[derive(Default)]
pub(super) struct Entered {
    /// What a receipt will be given for, once all is on disk.
    pub(super) said: Vec<(u64, Hash, Event)>,
    pub(super) leaves: Vec<(i64, Vec<u8>)>,
    pub(super) nodes: Vec<(i64, i64, Hash)>,
    pub(super) aliases: Vec<([u8; 16], i64)>,
    pub(super) remarks: Vec<(i64, [u8; 16], Vec<u8>)>,
}

impl Entered {
    pub(super) async fn write(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let leaves = self.leaves.iter().map(|(seq, body)| [Arg::Int(*seq), Arg::Bytes(body)]);
        insert_rows(tx, "log_leaf (seq, body)", leaves).await?;
        let nodes = self
            .nodes
            .iter()
            .map(|(level, position, hash)| [Arg::Int(*level), Arg::Int(*position), Arg::Bytes(hash)]);
        insert_rows(tx, "log_node (level, position, hash)", nodes).await?;
        let aliases = self.aliases.iter().map(|(alias, seq)| [Arg::Bytes(alias), Arg::Int(*seq)]);
        insert_rows(tx, "log_alias (alias, seq)", aliases).await?;
        let remarks =
            self.remarks.iter().map(|(seq, salt, body)| [Arg::Int(*seq), Arg::Bytes(salt), Arg::Bytes(body)]);
        insert_rows(tx, "remark (seq, salt, body)", remarks).await
    }
}

/// Rows of a table that stands under no set head, or whose heads were changed before; a thousand a statement.
pub(super) async fn insert_rows<'a, const N: usize>(
    tx: &mut Tx,
    into: &str,
    rows: impl Iterator<Item = [Arg<'a>; N]>,
) -> Result<(), StoreError> {
    let rows: Vec<[Arg<'a>; N]> = rows.collect();
    for rows in rows.chunks(1_000) {
        let sql = built(format!("insert into {into} values {}", tx.place_rows(rows.len(), N)));
        tx.execute(sql, rows.as_flattened()).await?;
    }
    Ok(())
}
