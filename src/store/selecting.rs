//! The walk over all members for a decision about each.

use futures_util::TryStreamExt as _;

use super::attributes::{self, Slot};
use super::blocks::{Malformed, ordinal_of, slots, walk};
use super::engine::Arg;
use super::heads::{Accumulator, row_mac};
use super::members::{ContactTag, unpack};
use super::table::{MEMBER_ATTRIBUTES, MEMBER_TAGS, Table};
use super::{StoreError, View};
use crate::keyring::Tag;
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
        self.each_block(with_tags, |block, body, tags| {
            visit_block(block, body, tags, (selection, stores), &mut visit)
        })
        .await
    }

    /// Walks the active members in ordinal order, each with his home store. All blocks pass by, as in
    /// [`View::each_selected`].
    ///
    /// # Errors
    /// The database failed, or [`StoreError::Integrity`] that names the table.
    pub async fn each_active(&mut self, mut visit: impl FnMut(i64, Option<&str>)) -> Result<(), StoreError> {
        self.each_block(false, |block, body, _| {
            for step in slots(body) {
                let malformed = || Malformed::of(MEMBER_ATTRIBUTES.name, block);
                let (at, bytes) = step.map_err(|Malformed| malformed())?;
                let Slot::Member(member) = attributes::read(bytes).ok_or_else(malformed)? else { continue };
                if member.active() {
                    visit(ordinal_of(block, at), member.home_store());
                }
            }
            Ok(())
        })
        .await
    }

    /// Block after block: its number, its attributes, and its tags when they are asked for.
    async fn each_block(
        &mut self,
        with_tags: bool,
        mut visit: impl FnMut(i64, &[u8], &[u8]) -> Result<(), StoreError>,
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
                visit(block, body, tags.unwrap_or_default())?;
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
}

fn visit_block(
    block: i64,
    body: &[u8],
    tags: &[u8],
    (selection, stores): (&Selection, Option<&[String]>),
    visit: &mut impl FnMut(Selected) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut tags = walk(tags);
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
        let own = match tags.at(at).map_err(|Malformed| malformed())? {
            Some(bytes) => unpack(bytes).ok_or_else(malformed)?,
            None => Vec::new(),
        };
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
