//! Reading the log: leaves, hashes for proofs, and the checks at start.

use futures_util::TryStreamExt as _;

use super::blocks::sealed_table;
use super::engine::Arg;
use super::heads::recompute;
use super::table::{
    CREDENTIAL, Checked, DOCUMENT, FACTOR_TOTP, LINKED_ACCOUNT, ORG_PROPOSAL, PASSKEY, PERSON, PERSON_HOLD,
    POLICY_VERSION, RECOVERY_CODE, ROLE_GRANT, SERVICE_TOKEN, SESSION, TABLES, Table, UNDERTAKING, UNIT,
};
use super::work::Head;
use super::{Stamp, Store, StoreError, View};
use crate::audit::checkpoint::Checkpoint;
use crate::audit::nodes::{MemoryNodes, Wanted, root_at};
use crate::audit::proof::{ConsistencyProof, InclusionProof, prove_consistency, prove_inclusion};
use crate::audit::tree::{Hash, leaf_hash};
use crate::clock::Micros;
use crate::model::field::Field;
use crate::model::ids::Alias;

impl View<'_> {
    /// The first instant of a day of the vault's zone.
    pub fn start_of_day(&self, number: i64) -> Micros {
        crate::clock::day(number).map_or(0, |day| self.store.clock.start_of(day))
    }

    /// The newest checkpoint as a signed note.
    ///
    /// # Errors
    /// The head does not fit.
    pub async fn checkpoint(&mut self) -> Result<(u64, String), StoreError> {
        let head = self.head().await?;
        Ok((head.size, head.checkpoint))
    }

    /// Leaves `from..to`, each with its place, in order.
    ///
    /// # Errors
    /// The database failed.
    pub async fn leaves(&mut self, from: u64, to: u64) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let args = [Arg::Int(from as i64), Arg::Int(to as i64)];
        let sql = "select seq, body from log_leaf where seq >= $1 and seq < $2 order by seq";
        let rows = self.tx.all(sql, &args).await.map_err(|e| e.unreadable("log_leaf"))?;
        rows.iter()
            .map(|row| Ok((row.int(0)? as u64, row.bytes(1)?)))
            .collect::<Result<_, StoreError>>()
            .map_err(|e| e.unreadable("log_leaf"))
    }

    /// Places of the leaves that speak of a member.
    ///
    /// # Errors
    /// The database failed.
    pub async fn leaves_about(&mut self, alias: Alias) -> Result<Vec<u64>, StoreError> {
        let rows = self
            .tx
            .all("select seq from log_alias where alias = $1 order by seq", &[Arg::Bytes(&alias.0)])
            .await?;
        rows.iter().map(|row| Ok(row.int(0)? as u64)).collect()
    }

    /// Reads what a dry run over the tree asked for.
    async fn fetch(&mut self, wanted: Wanted) -> Result<MemoryNodes, StoreError> {
        let mut nodes = MemoryNodes::default();
        for read in wanted.into_reads() {
            let args = [Arg::Int(read.from as i64), Arg::Int(read.to as i64)];
            if read.level == 0 {
                let sql = "select seq, body from log_leaf where seq >= $1 and seq < $2";
                let mut rows = self.tx.stream(sql, &args);
                while let Some(row) = rows.try_next().await? {
                    nodes.insert(0, row.int(0)? as u64, leaf_hash(row.slice(1)?));
                }
            } else {
                let args = [args[0], args[1], Arg::Int(i64::from(read.level))];
                let sql = "select position, hash from log_node where level = $3 and position >= $1 and position < $2";
                for row in self.tx.all(sql, &args).await? {
                    let hash: Hash =
                        row.bytes(1)?.try_into().map_err(|_| StoreError::integrity("log_node", "hash"))?;
                    nodes.insert(read.level, row.int(0)? as u64, hash);
                }
            }
        }
        Ok(nodes)
    }

    /// The root the log had at a size, from stored nodes.
    ///
    /// # Errors
    /// Hashes are missing.
    pub async fn root_at(&mut self, size: u64) -> Result<Hash, StoreError> {
        let wanted = Wanted::default();
        let _ = root_at(&wanted, size);
        let nodes = self.fetch(wanted).await?;
        root_at(&nodes, size).map_err(|_| StoreError::integrity("log_node", format!("root at {size}")))
    }

    /// Proves that an entry is in the log.
    ///
    /// # Errors
    /// There is no such entry, or hashes are missing.
    pub async fn inclusion(&mut self, seq: u64, size: u64) -> Result<InclusionProof, StoreError> {
        let wanted = Wanted::default();
        let _ = prove_inclusion(&wanted, seq, size);
        let nodes = self.fetch(wanted).await?;
        prove_inclusion(&nodes, seq, size)
            .map_err(|_| StoreError::integrity("log_node", format!("inclusion of {seq} in {size}")))
    }

    /// Proves that the log at one size is the beginning of the log at another.
    ///
    /// # Errors
    /// There is no such size, or hashes are missing.
    pub async fn consistency(&mut self, from: u64, to: u64) -> Result<ConsistencyProof, StoreError> {
        let wanted = Wanted::default();
        let _ = prove_consistency(&wanted, from, to);
        let nodes = self.fetch(wanted).await?;
        prove_consistency(&nodes, from, to)
            .map_err(|_| StoreError::integrity("log_node", format!("consistency of {from} and {to}")))
    }

    /// Recomputes every table that a decision reads and compares with the log's last word. Start,
    /// execution and download call it (invariant 8).
    ///
    /// # Errors
    /// [`StoreError::Integrity`] names the table.
    pub async fn check_deciding_tables(&mut self) -> Result<(), StoreError> {
        let head = self.head().await?;
        let keyring = self.store.keyring.clone();
        for table in TABLES.iter().filter(|t| t.checked == Checked::Start) {
            self.compare(&head, table).await?;
        }
        let last =
            head.size.checked_sub(1).ok_or_else(|| StoreError::integrity("log_head", "an empty log"))?;
        let leaf = self.leaves(last, head.size).await?.pop();
        let said = leaf.and_then(|(_, body)| super::verify::said_by(&body));
        match said {
            Some((state, _)) if state != head.heads.state(&keyring) => {
                Err(StoreError::integrity("log_head", "the last entry speaks of other set heads"))
            }
            // The head's time holds the clock; set ahead it would stop the vault, set back it would lie.
            Some((_, at)) if at != head.at => {
                Err(StoreError::integrity("log_head", "its time is not the last entry's"))
            }
            Some(_) => Ok(()),
            None => Err(StoreError::integrity("log_leaf", "the last entry is not a leaf")),
        }
    }
}

/// The tables that say who somebody is and what he may; documents, for what he has undertaken is the text of one.
static STAFF: [&Table; 15] = [
    &UNIT,
    &PERSON,
    &ROLE_GRANT,
    &CREDENTIAL,
    &SESSION,
    &POLICY_VERSION,
    &UNDERTAKING,
    &DOCUMENT,
    &ORG_PROPOSAL,
    &PERSON_HOLD,
    &FACTOR_TOTP,
    &RECOVERY_CODE,
    &PASSKEY,
    &LINKED_ACCOUNT,
    &SERVICE_TOKEN,
];

impl View<'_> {
    /// The same for the sealed cards, of which some decide who of several stays. What else a release reads of members
    /// is compared as it is read: [`View::each_selected`], [`View::shared_contacts`],
    /// [`Records`](super::records::Records).
    ///
    /// # Errors
    /// [`StoreError::Integrity`] names the table.
    pub async fn check_card_table(&mut self) -> Result<(), StoreError> {
        let head = self.head().await?;
        self.compare(&head, sealed_table(Field::Card)).await
    }

    /// The same for the tables that say who somebody is and what he may.
    ///
    /// # Errors
    /// [`StoreError::Integrity`] names the table.
    pub async fn check_staff_tables(&mut self) -> Result<(), StoreError> {
        let head = self.head().await?;
        for table in STAFF {
            self.compare(&head, table).await?;
        }
        Ok(())
    }

    /// What the log says that these tables come to.
    ///
    /// # Errors
    /// The log's head does not fit.
    pub(crate) async fn staff_stamp(&mut self) -> Result<Stamp, StoreError> {
        self.stamp(&STAFF).await
    }

    /// A view from which is released must know the entry that allows it: who puts an older log and the rows of its
    /// time back for just this moment is noticed.
    ///
    /// # Errors
    /// [`StoreError::Integrity`] names the log's head.
    pub async fn check_knows(&mut self, seq: u64) -> Result<(), StoreError> {
        if self.head().await?.size > seq {
            return Ok(());
        }
        Err(StoreError::integrity("log_head", "it does not know the entry under which is read"))
    }

    async fn compare(&mut self, head: &Head, table: &'static Table) -> Result<(), StoreError> {
        let keyring = self.store.keyring.clone();
        recompute(&mut self.tx, &keyring, table).await?.hold(table, head.heads.of(table))
    }
}

impl Store {
    /// Compares the log's head with its own checkpoint and with the high-water mark.
    pub(super) async fn check_at_start(&self) -> Result<(), StoreError> {
        // Before the snapshot: another process that commits in between raises the mark beyond it.
        let mark = self.high_water.read(&self.verifier())?;
        let mut view = self.view().await?;
        let head = view.head().await?;
        let signed = Checkpoint::open(&head.checkpoint, &self.verifier())
            .map_err(|_| StoreError::integrity("checkpoint", "its signature or text is wrong"))?;
        if signed.size != head.size || signed.root != head.frontier.root() {
            return Err(StoreError::integrity("checkpoint", "it is not of this log's size and root"));
        }
        // Not counted: that would read every entry of ten million at each command. An entry that is
        // missing further down is found by `audit verify`.
        if view.last_leaf().await?.map_or(0, |last| last.saturating_add(1)) != head.size as i64 {
            return Err(StoreError::integrity("log_leaf", "entries are missing or added"));
        }
        if let Some(mark) = &mark {
            within(mark, head.size)?;
            let then = if mark.size == head.size { signed.root } else { view.root_at(mark.size).await? };
            if then != mark.root {
                return Err(another_beginning());
            }
        }
        if view.root_at(head.size).await? != signed.root {
            return Err(StoreError::integrity("log_leaf", "its end is not what was signed"));
        }
        view.check_deciding_tables().await
    }

    /// Compares a writer's head with the mark: a log that is cut while the vault is open would grow
    /// again and raise the mark over the place. The writer has its turn, so no one is ahead of it.
    pub(super) fn check_mark(&self, head: &Head) -> Result<(), StoreError> {
        let Some(mark) = self.high_water.read(&self.verifier())? else { return Ok(()) };
        within(&mark, head.size)?;
        if mark.size == head.size && mark.root != head.frontier.root() {
            return Err(another_beginning());
        }
        Ok(())
    }
}

fn within(mark: &Checkpoint, size: u64) -> Result<(), StoreError> {
    if mark.size > size {
        let found =
            format!("it has {size} entries and the high-water mark {}: it was turned back", mark.size);
        return Err(StoreError::integrity("log", found));
    }
    Ok(())
}

fn another_beginning() -> StoreError {
    StoreError::integrity("log", "its beginning is not the one of the high-water mark")
}
