//! Walks over all members: for a decision about each, and for what is opened of them.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;

use super::attributes::{self, Slot};
use super::blocks::{Malformed, block_of, ordinal_of, sealed_table, slots};
use super::engine::{Arg, built};
use super::heads::{Accumulator, row_mac};
use super::keys::{self, KEY_BLOCK};
use super::members::{ContactTag, unpack};
use super::table::{MEMBER_ATTRIBUTES, MEMBER_TAGS, Table};
use super::{StoreError, View};
use crate::keyring::Tag;
use crate::model::field::Field;
use crate::model::ids::MemberId;
use crate::model::selection::Selection;

/// What deciding about one selected member needs; nothing personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// Ordinal.
    pub ordinal: i64,
    /// Active.
    pub active: bool,
    /// A covenant was accepted (A2).
    pub covenant: bool,
    /// Marked `legacy_covenant`.
    pub legacy: bool,
    /// A bit a field that has a value.
    pub present: i64,
    /// A bit a field that would run as a formula.
    pub unsafe_fields: i64,
    /// Tags of contact points; only when asked for.
    pub tags: Vec<ContactTag>,
}

/// What a set of members and their contact points comes to: the sum of their marks. A member whose contact
/// point changed has another mark, so two equal sums are the same people at the same places. Tags are
/// keyed and random, so nobody can choose them to cancel out.
pub fn contact_mark(ordinal: u64, tag: &Tag) -> u128 {
    u128::from_le_bytes(*tag).wrapping_mul(u128::from(ordinal) * 2 + 1)
}

impl View<'_> {
    /// Walks the members a selection matches, in ordinal order, at most those of `stores` if given. All
    /// blocks pass by, so at the end they are compared with their set heads: whoever acts on what he saw
    /// must do so after this has returned.
    ///
    /// # Errors
    /// The database failed, what `visit` gives, or [`StoreError::Integrity`] that names the table.
    pub async fn each_selected(
        &mut self,
        selection: &Selection,
        stores: Option<&[String]>,
        with_tags: bool,
        mut visit: impl FnMut(Selected) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let head = self.head().await?;
        let keyring = self.store.keyring.clone();
        let sql = if with_tags {
            "select a.block, a.body, t.body from member_attributes a \
             left join member_tags t on t.block = a.block order by a.block"
        } else {
            "select block, body, null from member_attributes order by block"
        };
        let (mut clear, mut tagged) = (Accumulator::default(), Accumulator::default());
        let mut scratch = Vec::new();
        {
            let mut rows = self.tx.stream(sql, &[]);
            while let Some(row) = rows.try_next().await.map_err(|e| e.unreadable(MEMBER_ATTRIBUTES.name))? {
                let read = || Ok((row.int(0)?, row.slice(1)?, row.maybe_slice(2)?));
                let read = read().map_err(|e: StoreError| e.unreadable(MEMBER_ATTRIBUTES.name));
                let (block, body, tags) = read?;
                let mut mac = |table: &'static Table, body: &[u8]| {
                    row_mac(&keyring, table, &[Arg::Int(block), Arg::Bytes(body)], &mut scratch)
                };
                clear.add(&mac(&MEMBER_ATTRIBUTES, body));
                if let Some(tags) = tags {
                    tagged.add(&mac(&MEMBER_TAGS, tags));
                }
                visit_block(block, body, tags.unwrap_or_default(), (selection, stores), &mut visit)?;
            }
        }
        if with_tags {
            // One beside no attributes did not pass by.
            let sql = "select count(*) from member_tags";
            let rows = self.tx.one(sql, &[]).await.and_then(|row| row.int(0));
            tagged.rows = rows.map_err(|e| e.unreadable(MEMBER_TAGS.name))? as u64;
        }
        let tags = with_tags.then_some((&MEMBER_TAGS, tagged));
        for (table, sum) in [(&MEMBER_ATTRIBUTES, clear)].into_iter().chain(tags) {
            sum.hold(table, head.heads.of(table))?;
        }
        Ok(())
    }

    /// Some sealed fields and the wrapped keys of the members in a range of ordinals, handed to `visit` one
    /// by one: ordinal, id, record of just these fields, KEK version, wrapped data key.
    ///
    /// # Errors
    /// The database failed, or what `visit` gives.
    pub async fn each_record(
        &mut self,
        from: i64,
        to: i64,
        fields: &[Field],
        mut visit: impl FnMut(i64, MemberId, &[u8], i64, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut tables = BTreeMap::new();
        for field in fields {
            tables.insert(field.number(), sealed_table(*field));
        }
        let range = |t: &str| format!("{t}.block >= $1 and {t}.block <= $2");
        let (mut bodies, mut joins) = (String::new(), String::new());
        for (number, table) in &tables {
            bodies += &format!(", f{number}.body");
            let on = format!("f{number}.block = k.block and {}", range(&format!("f{number}")));
            joins += &format!(" left join {} f{number} on {on}", table.name);
        }
        let sql = format!(
            "select k.block, k.body{bodies} from keys.key_block k{joins} where {} order by k.block",
            range("k")
        );
        let args = [Arg::Int(block_of(from)), Arg::Int(block_of(to.saturating_sub(1)))];
        let mut rows = self.tx.stream(built(sql), &args);
        let mut record = Vec::new();
        while let Some(row) = rows.try_next().await? {
            let (block, keys) = (row.int(0)?, row.slice(1)?);
            let mut columns = Vec::with_capacity(tables.len());
            for (i, (number, table)) in tables.iter().enumerate() {
                columns.push((
                    *number,
                    *table,
                    slots(row.maybe_slice(2 + i)?.unwrap_or_default()).peekable(),
                ));
            }
            for step in slots(keys) {
                let (at, key) = step.map_err(|Malformed| Malformed::of(KEY_BLOCK, block))?;
                let (id, kek, wrapped) = keys::parts(key).ok_or_else(|| Malformed::of(KEY_BLOCK, block))?;
                record.clear();
                for (number, table, column) in &mut columns {
                    let mut own = None;
                    while let Some(step) =
                        column.next_if(|s| s.is_err() || s.is_ok_and(|(slot, _)| slot <= at))
                    {
                        let (slot, bytes) = step.map_err(|Malformed| Malformed::of(table.name, block))?;
                        own = (slot == at).then_some(bytes);
                    }
                    if let Some(bytes) = own {
                        let (version, sealed) =
                            bytes.split_at_checked(4).ok_or_else(|| Malformed::of(table.name, block))?;
                        record.push(*number);
                        record.extend_from_slice(version);
                        record.extend_from_slice(&(sealed.len() as u16).to_le_bytes());
                        record.extend_from_slice(sealed);
                    }
                }
                let ordinal = ordinal_of(block, at);
                if from <= ordinal && ordinal < to {
                    visit(ordinal, id, &record, kek, wrapped)?;
                }
            }
        }
        Ok(())
    }
}

fn visit_block(
    block: i64,
    body: &[u8],
    tags: &[u8],
    (selection, stores): (&Selection, Option<&[String]>),
    visit: &mut impl FnMut(Selected) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut tags = slots(tags).peekable();
    for step in slots(body) {
        let malformed = || Malformed::of(MEMBER_ATTRIBUTES.name, block);
        let (at, bytes) = step.map_err(|Malformed| malformed())?;
        let Slot::Member(member) = attributes::read(bytes).ok_or_else(malformed)? else { continue };
        if !selection.root().is_none_or(|node| member.matches(node)) {
            continue;
        }
        let theirs = |stores: &[String]| member.home_store().is_some_and(|s| stores.iter().any(|t| t == s));
        if !stores.is_none_or(theirs) {
            continue;
        }
        let malformed = || Malformed::of(MEMBER_TAGS.name, block);
        let mut own = Vec::new();
        while let Some(step) = tags.next_if(|s| s.is_err() || s.is_ok_and(|(slot, _)| slot <= at)) {
            let (slot, bytes) = step.map_err(|Malformed| malformed())?;
            if slot == at {
                own = unpack(bytes).ok_or_else(malformed)?;
            }
        }
        visit(Selected {
            ordinal: ordinal_of(block, at),
            active: member.active(),
            covenant: member.has_covenant(),
            legacy: member.legacy(),
            present: member.present(),
            unsafe_fields: member.unsafe_fields(),
            tags: own,
        })?;
    }
    Ok(())
}
