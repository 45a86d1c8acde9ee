//! The stored nodes of the tree, against nodes worked out again. A page of them at a time.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;

use super::Findings;
use crate::audit::nodes::{STRIDE, is_stored};
use crate::audit::tree::{Frontier, Hash, leaf_hash};
use crate::store::earlier::Earlier;
use crate::store::engine::{Arg, built};
use crate::store::{StoreError, View};

/// Stored nodes a page.
const PAGE: u64 = 4096;

/// A node that was worked out.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) struct Node {
    pub(in crate::store) level: u8,
    pub(in crate::store) position: u64,
    pub(in crate::store) hash: Hash,
}

impl View<'_> {
    /// Compares the neighbouring nodes that a page completed with those that are stored, and takes them.
    pub(super) async fn compare_nodes(
        &mut self,
        made: &mut Vec<Node>,
        found: &mut Findings,
    ) -> Result<(), StoreError> {
        made.sort_unstable();
        for row in made.chunk_by(|a, b| a.level == b.level) {
            if let (Some(first), Some(last)) = (row.first(), row.last()) {
                self.compare_row(first, last, row, found).await?;
            }
        }
        made.clear();
        Ok(())
    }

    async fn compare_row(
        &mut self,
        first: &Node,
        last: &Node,
        made: &[Node],
        found: &mut Findings,
    ) -> Result<(), StoreError> {
        let level = first.level;
        let mut left: BTreeMap<i64, &Hash> = made.iter().map(|n| (n.position as i64, &n.hash)).collect();
        let args =
            [Arg::Int(i64::from(level)), Arg::Int(first.position as i64), Arg::Int(last.position as i64)];
        let sql =
            "select position, hash from log_node where level = $1 and position >= $2 and position <= $3";
        let mut rows = self.tx.stream(sql, &args);
        while let Some(row) = rows.try_next().await.map_err(|e| e.unreadable("log_node"))? {
            let position = row.int(0).map_err(|e| e.unreadable("log_node"));
            let Some(position) = found.keep(position)? else { continue };
            let made = left.remove(&position);
            if made.is_none_or(|hash| row.slice(1).ok() != Some(hash.as_slice())) {
                found.add("log_node", format!("level {level} position {position}"));
            }
        }
        for position in left.keys() {
            found.add("log_node", format!("level {level} position {position} is missing"));
        }
        Ok(())
    }

    /// Names what is stored beside the nodes that a tree of this size has.
    pub(super) async fn compare_other_nodes(
        &mut self,
        size: u64,
        found: &mut Findings,
    ) -> Result<(), StoreError> {
        let levels = (1..64u8).filter(|level| is_stored(*level) && size >> level > 0);
        let ours = levels
            .map(|level| format!("(level = {level} and position >= 0 and position < {})", size >> level));
        let ours: Vec<String> = std::iter::once("1 = 0".to_owned()).chain(ours).collect();
        let ours = ours.join(" or ");
        let sql = format!("select level, position from log_node where ({ours}) is not true limit 100");
        for row in self.tx.all(built(sql), &[]).await.map_err(|e| e.unreadable("log_node"))? {
            let read = (|| Ok((row.int(0)?, row.int(1)?)))();
            let read = read.map_err(|e: StoreError| e.unreadable("log_node"));
            if let Some((level, position)) = found.keep(read)? {
                found.add("log_node", format!("level {level} position {position}"));
            }
        }
        Ok(())
    }

    /// Whether the stored tree still has, below an earlier check, the right edge that it had then. The
    /// lowest stored nodes are folded up to it, past every node stored above them, and the leaves beside
    /// them are hashed: all but the leaves below the lowest stored nodes, at most one node in 255 read.
    pub(super) async fn still_holds(
        &mut self,
        earlier: &Earlier,
        found: &mut Findings,
    ) -> Result<bool, StoreError> {
        let size = earlier.frontier.size();
        let has = self.last_leaf().await?.map_or(0, |last| last.saturating_add(1));
        if has < size as i64 {
            let place = format!("it saw {size} entries and the log has {has}: it was turned back");
            found.add("earlier check", place);
            return Ok(false);
        }
        let edge = self.edge_at(size, found).await?;
        if edge.as_deref() != Some(&earlier.frontier.to_bytes()) {
            found.add("earlier check", format!("the log is no longer what it was at {size} entries"));
            return Ok(false);
        }
        Ok(true)
    }

    /// The right edge that the stored tree had at a size; none where hashes are missing.
    async fn edge_at(&mut self, size: u64, found: &mut Findings) -> Result<Option<Vec<u8>>, StoreError> {
        let mut folded = Frontier::new();
        let count = size >> STRIDE;
        while folded.size() < count {
            let (from, mut made) = (folded.size(), Vec::new());
            let to = count.min(from + PAGE);
            let args = [Arg::Int(i64::from(STRIDE)), Arg::Int(from as i64), Arg::Int(to as i64)];
            let sql = "select position, hash from log_node where level = $1 and position >= $2 \
                       and position < $3 order by position";
            for row in self.tx.all(sql, &args).await.map_err(|e| e.unreadable("log_node"))? {
                let read = (|| Ok((row.int(0)?, row.slice(1)?.try_into().ok())))();
                let read = read.map_err(|e: StoreError| e.unreadable("log_node"));
                let Some((position, Some(hash))) = found.keep(read)? else { return Ok(None) };
                if position as u64 != folded.size() {
                    return Ok(None);
                }
                folded.append_with(hash, |level, position, hash| {
                    if is_stored(level) {
                        made.push(Node { level: level + STRIDE, position, hash });
                    }
                });
            }
            if folded.size() != to {
                return Ok(None);
            }
            self.compare_nodes(&mut made, found).await?;
        }
        let mut beside = Frontier::new();
        for (_, body) in self.leaves(count << STRIDE, size).await? {
            beside.append(leaf_hash(&body));
        }
        Ok((beside.size() == size - (count << STRIDE))
            .then(|| [folded.to_bytes(), beside.to_bytes()].concat()))
    }
}
