//! A data backup row by row, against its own checkpoint: what `audit verify --deep` asks of tables and log,
//! asked of a file while it is written, read or restored. Memory does not grow with the members.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Kind, LOG_ALIAS, LOG_HEAD, LOG_LEAF, LOG_NODE, Meta, Row, malformed, tables_of};
use crate::audit::checkpoint::Checkpoint;
use crate::audit::note::NoteVerifier;
use crate::audit::tree::{Frontier, Hash};
use crate::clock::Micros;
use crate::keyring::root::Root;
use crate::keyring::{KeyKind, Keyring, WrappedKey, files};
use crate::store::attributes::{self, Slot};
use crate::store::blocks::{Malformed, slots};
use crate::store::engine::Arg;
use crate::store::heads::{Accumulator, Heads};
use crate::store::table::{MEMBER_ATTRIBUTES, Table, VAULT, VAULT_KEY};
use crate::store::verify::aliases::Aliases;
use crate::store::verify::tree::Walked;
use crate::store::verify::{Findings, Problem, said_by};
use crate::store::{StoreError, signer};

/// What a data backup came to.
pub struct Checked {
    /// Entries in its log.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
    /// Members in it.
    pub members: u64,
    /// Rows of all tables.
    pub rows: u64,
    /// What does not fit.
    pub problems: Vec<Problem>,
}

/// A data backup while its rows pass by.
pub struct Checking {
    meta: Meta,
    root: Arc<dyn Root>,
    verifier: NoteVerifier,
    tables: Vec<&'static Table>,
    /// The vault's own rows, until the keys in them are open.
    early: Vec<Vec<u8>>,
    keyring: Option<Arc<Keyring>>,
    at: usize,
    key: Vec<u8>,
    sums: Vec<Accumulator>,
    log: Log,
    members: u64,
    found: Findings,
}

/// The log of it.
struct Log {
    walked: Walked,
    newest: Vec<u8>,
    /// Nodes that the entries made and no row was seen of yet: one for 255 entries.
    nodes: BTreeMap<(i64, i64), Hash>,
    aliases: Aliases,
    head: Option<Head>,
}

struct Head {
    size: i64,
    at: Micros,
    frontier: Vec<u8>,
    heads: Vec<u8>,
    checkpoint: String,
}

impl Checking {
    /// Of a data backup that begins so.
    ///
    /// # Errors
    /// The root key does not open its signing keys.
    pub fn new(meta: Meta, root: Arc<dyn Root>) -> Result<Checking, StoreError> {
        let verifier = verifier(&meta, &*root)?;
        let tables = tables_of(Kind::Data);
        let log = Log {
            walked: Walked::default(),
            newest: Vec::new(),
            nodes: BTreeMap::new(),
            aliases: Aliases::new(0, i64::try_from(meta.size).unwrap_or(i64::MAX)),
            head: None,
        };
        let sums = vec![Accumulator::default(); tables.len()];
        Ok(Checking {
            meta,
            root,
            verifier,
            tables,
            early: Vec::new(),
            keyring: None,
            at: 0,
            key: Vec::new(),
            sums,
            log,
            members: 0,
            found: Findings::default(),
        })
    }

    /// Who verifies its checkpoint.
    pub fn verifier(&self) -> &NoteVerifier {
        &self.verifier
    }

    /// The vault's keys, once its own rows have passed.
    pub fn keyring(&self) -> Option<&Arc<Keyring>> {
        self.keyring.as_ref()
    }

    /// Takes the next record in.
    ///
    /// # Errors
    /// It is no row of a data backup, or the root key does not open the vault's keys. What does not fit the log is
    /// in the end's answer.
    pub fn take(&mut self, record: &[u8]) -> Result<(), StoreError> {
        let tables = std::mem::take(&mut self.tables);
        let taken = self.take_of(&tables, record);
        self.tables = tables;
        taken
    }

    fn take_of(&mut self, tables: &[&'static Table], record: &[u8]) -> Result<(), StoreError> {
        let row = Row::read(tables, record).ok_or_else(malformed)?;
        let keyring = match &self.keyring {
            Some(keyring) => keyring.clone(),
            None if [VAULT.name, VAULT_KEY.name].contains(&row.table.name) => {
                self.early.push(record.to_vec());
                return Ok(());
            }
            None => self.open(tables)?,
        };
        self.count(&keyring, record, &row)
    }

    /// Opens the vault's keys and takes its own rows in.
    fn open(&mut self, tables: &[&'static Table]) -> Result<Arc<Keyring>, StoreError> {
        let early = std::mem::take(&mut self.early);
        let mut wrapped = Vec::new();
        for record in &early {
            let row = Row::read(tables, record).ok_or_else(malformed)?;
            if let [Arg::Text(kind), Arg::Int(version), Arg::Bytes(bytes)] = row.values[..] {
                let kind = KeyKind::parse(kind).map_err(|_| malformed())?;
                wrapped.push(WrappedKey { kind, version, wrapped: bytes.to_vec() });
            }
        }
        let keyring = Arc::new(Keyring::open(self.meta.info()?.id, &*self.root, &wrapped)?);
        self.keyring = Some(keyring.clone());
        for record in &early {
            self.count(&keyring, record, &Row::read(tables, record).ok_or_else(malformed)?)?;
        }
        Ok(keyring)
    }

    fn count(&mut self, keyring: &Keyring, record: &[u8], row: &Row<'_>) -> Result<(), StoreError> {
        if row.at < self.at {
            return Err(malformed());
        }
        if (row.at, row.key) == (self.at, &self.key) {
            self.found.add(row.table.name, "a key stands twice");
        }
        self.at = row.at;
        self.key.clear();
        self.key.extend_from_slice(row.key);
        self.sums[row.at].add(&keyring.row_mac(record));
        if row.table.name == MEMBER_ATTRIBUTES.name {
            self.members += members_in(row).ok_or_else(malformed)?;
        }
        self.log.take(keyring, row, &mut self.found);
        Ok(())
    }

    /// Compares what passed with what the log speaks of.
    ///
    /// # Errors
    /// There was not even a vault in it.
    pub fn end(mut self) -> Result<Checked, StoreError> {
        let tables = std::mem::take(&mut self.tables);
        let keyring = match self.keyring.take() {
            Some(keyring) => keyring,
            None => self.open(&tables)?,
        };
        let Checking { meta, verifier, sums, log, members, mut found, .. } = self;
        let edge = log.walked.frontier.clone();
        match &log.head {
            Some(head) => {
                log.check_head(head, &meta, &verifier, &mut found);
                check_heads(head, &edge, &keyring, (&tables, &sums), &log.newest, &mut found);
            }
            None => found.add(LOG_HEAD.name, "its row is missing"),
        }
        if !log.aliases.agree() {
            found.add(LOG_ALIAS.name, "it is not what the entries say");
        }
        if let Some((level, position)) = log.nodes.keys().next() {
            found.add(LOG_NODE.name, format!("level {level} position {position} is missing"));
        }
        let rows = sums.iter().map(|sum| sum.rows).sum();
        let problems = found.into_problems();
        Ok(Checked { size: edge.size(), root: edge.root(), members, rows, problems })
    }
}

/// Who verifies a data backup's checkpoint: by the vault's own key, which the root key wraps.
fn verifier(meta: &Meta, root: &dyn Root) -> Result<NoteVerifier, StoreError> {
    let key = meta.files.get("checkpoint.key").ok_or_else(malformed)?;
    Ok(signer(&meta.info()?, files::open("checkpoint", key, root)?)?.verifier())
}

fn members_in(row: &Row<'_>) -> Option<u64> {
    let [_, Arg::Bytes(body)] = row.values[..] else { return None };
    let mut members = 0;
    for step in slots(body) {
        let (_, bytes) = step.map_err(|Malformed| ()).ok()?;
        members += u64::from(matches!(attributes::read(bytes)?, Slot::Member(_)));
    }
    Some(members)
}

impl Log {
    fn take(&mut self, keyring: &Keyring, row: &Row<'_>, found: &mut Findings) {
        match (row.table.name, &row.values[..]) {
            (name, [Arg::Int(seq), Arg::Bytes(body)]) if name == LOG_LEAF.name => {
                let mut made = Vec::new();
                if let Some(alias) = self.walked.leaf(*seq, body, &mut made, found) {
                    self.aliases.said(keyring, *seq, &alias);
                }
                for node in made {
                    self.nodes.insert((i64::from(node.level), node.position as i64), node.hash);
                }
                self.newest.clear();
                self.newest.extend_from_slice(body);
            }
            (name, [Arg::Int(level), Arg::Int(position), Arg::Bytes(hash)]) if name == LOG_NODE.name => {
                let made = self.nodes.remove(&(*level, *position));
                if made.is_none_or(|made| made[..] != **hash) {
                    found.add(LOG_NODE.name, format!("level {level} position {position}"));
                }
            }
            (name, [Arg::Bytes(alias), Arg::Int(seq)]) if name == LOG_ALIAS.name => {
                let is_said = self.aliases.stored(keyring, *seq, alias);
                if !is_said {
                    found.add(LOG_ALIAS.name, format!("entry {seq}"));
                }
            }
            (name, values) if name == LOG_HEAD.name => self.head = Head::of(values),
            _ => {}
        }
    }

    fn check_head(&self, head: &Head, meta: &Meta, verifier: &NoteVerifier, found: &mut Findings) {
        let edge = &self.walked.frontier;
        match Checkpoint::open(&head.checkpoint, verifier) {
            Err(_) => found.add("checkpoint", "its signature or text is wrong"),
            Ok(c) if (c.size, c.root) != (edge.size(), edge.root()) => {
                found.add("checkpoint", "it is not over the entries that are there");
            }
            Ok(_) => {}
        }
        if head.checkpoint != meta.checkpoint || meta.size != edge.size() {
            found.add("backup", "its first record speaks of another log");
        }
        if head.size != edge.size() as i64 || head.frontier != edge.to_bytes() {
            found.add(LOG_HEAD.name, "its right edge is not that of the entries");
        }
    }
}

impl Head {
    fn of(values: &[Arg<'_>]) -> Option<Head> {
        let [
            Arg::Int(1),
            Arg::Int(size),
            Arg::Int(at),
            Arg::Bytes(frontier),
            Arg::Bytes(heads),
            Arg::Text(checkpoint),
        ] = values
        else {
            return None;
        };
        Some(Head {
            size: *size,
            at: *at,
            frontier: frontier.to_vec(),
            heads: heads.to_vec(),
            checkpoint: (*checkpoint).to_owned(),
        })
    }
}

/// Each table's rows against its set head, and the heads against the last entry.
fn check_heads(
    head: &Head,
    edge: &Frontier,
    keyring: &Keyring,
    (tables, sums): (&[&'static Table], &[Accumulator]),
    newest: &[u8],
    found: &mut Findings,
) {
    let opened = Heads::open(keyring, edge.size(), &edge.root(), &head.heads);
    let Ok(Some(heads)) = found.keep(opened) else { return };
    let under = tables.iter().zip(sums).filter(|(table, _)| table.slot() != usize::MAX);
    for (table, sum) in under {
        let _ = found.keep(sum.hold(table, heads.of(table)));
    }
    if said_by(newest) != Some((heads.state(keyring), head.at)) {
        found.add(LOG_HEAD.name, "its set heads or its time are not those of the last entry");
    }
}
