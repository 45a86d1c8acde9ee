//! Members: clear attributes, tags and sealed fields, each a column of blocks (src/store/blocks.rs).

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;

use super::attributes::{self, Slot};
pub use super::attributes::{Attributes, ContactTag};
use super::blocks::{Edit, Fresh, Malformed, SEALED, block_of, blocks_of, body_of, slot, slot_of, slots};
use super::table::{MEMBER_ATTRIBUTES, MEMBER_TAGS};
use super::{StoreError, View, Work};
use crate::clock::Micros;
use crate::model::field::Index;
use crate::model::ids::MemberId;
use crate::model::sealed::{Entry, Record, Sealed, entries};

/// A member as stored: attributes, and the sealed record.
#[derive(Clone, PartialEq, Eq)]
pub struct Member {
    /// Ordinal; never used again.
    pub ordinal: i64,
    /// Id; bound into every sealed field.
    pub id: MemberId,
    /// Clear attributes.
    pub attributes: Attributes,
    /// Sealed record.
    pub record: Vec<u8>,
    /// When the member was created.
    pub created_at: Micros,
    /// When anything last changed.
    pub changed_at: Micros,
}

/// A wrapped data key on its way into or out of the keystore.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedDataKey {
    /// Whose.
    pub id: MemberId,
    /// Version of the KEK.
    pub kek: i64,
    /// nonce(12) key(32) tag(16)
    pub wrapped: Vec<u8>,
}

impl View<'_> {
    /// A member whole.
    ///
    /// # Errors
    /// A block that does not parse is an integrity error.
    pub async fn member(&mut self, ordinal: i64) -> Result<Option<Member>, StoreError> {
        Ok(self.members(&[ordinal]).await?.remove(&ordinal))
    }

    /// Many members whole, by ordinal; who is not there is left out.
    pub(super) async fn members(&mut self, ordinals: &[i64]) -> Result<BTreeMap<i64, Member>, StoreError> {
        let mut found = BTreeMap::new();
        // Each may lie in a block of its own, of all columns some tens of KB.
        for ordinals in ordinals.chunks(256) {
            self.some_members(ordinals, &mut found).await?;
        }
        Ok(found)
    }

    async fn some_members(
        &mut self,
        ordinals: &[i64],
        found: &mut BTreeMap<i64, Member>,
    ) -> Result<(), StoreError> {
        let numbers = blocks_of(ordinals.iter().copied());
        let attributes = self.blocks(&MEMBER_ATTRIBUTES, &numbers).await?;
        let tags = self.blocks(&MEMBER_TAGS, &numbers).await?;
        let mut sealed = Vec::with_capacity(SEALED.len());
        for (number, table) in (0u8..).zip(SEALED) {
            sealed.push((number, table, self.blocks(table, &numbers).await?));
        }
        for ordinal in ordinals {
            let (block, at) = (block_of(*ordinal), slot_of(*ordinal));
            let part = |bodies: &'_ BTreeMap<i64, Vec<u8>>, table: &'static str| match bodies.get(&block) {
                Some(body) => slot(body, at)
                    .map(|bytes| bytes.map(<[u8]>::to_vec))
                    .map_err(|Malformed| Malformed::of(table, block)),
                None => Ok(None),
            };
            let Some(clear) = part(&attributes, MEMBER_ATTRIBUTES.name)? else { continue };
            let malformed = |table| move || Malformed::of(table, block);
            let clear = attributes::read(&clear).ok_or_else(malformed(MEMBER_ATTRIBUTES.name))?;
            let Slot::Member(clear) = clear else { continue };
            let mut all = clear.attributes().ok_or_else(malformed(MEMBER_ATTRIBUTES.name))?;
            let own = part(&tags, MEMBER_TAGS.name)?.unwrap_or_default();
            all.tags = unpack(&own).ok_or_else(malformed(MEMBER_TAGS.name))?;
            let mut record = Record::default();
            for (number, table, bodies) in &sealed {
                if let Some(bytes) = part(bodies, table.name)? {
                    record.0.push(entry(*number, &bytes).ok_or_else(malformed(table.name))?);
                }
            }
            check_whole(&record, all.present, *ordinal)?;
            if !clear.fits(&all.tags) {
                return Err(StoreError::integrity(
                    MEMBER_TAGS.name,
                    format!("ordinal {ordinal} has not his tags"),
                ));
            }
            found.insert(
                *ordinal,
                Member {
                    ordinal: *ordinal,
                    id: clear.id(),
                    attributes: all,
                    record: record.to_bytes(),
                    created_at: clear.created_at(),
                    changed_at: clear.changed_at(),
                },
            );
        }
        Ok(())
    }

    /// How many members there are.
    ///
    /// # Errors
    /// A block that does not parse is an integrity error.
    pub async fn member_count(&mut self) -> Result<i64, StoreError> {
        let mut count = 0;
        let table = MEMBER_ATTRIBUTES.name;
        let mut rows = self.tx.stream(MEMBER_ATTRIBUTES.scan_sql(), &[]);
        while let Some(row) = rows.try_next().await.map_err(|e| e.unreadable(table))? {
            let (block, body) = body_of(&row, table)?;
            for step in slots(body) {
                let malformed = || Malformed::of(table, block);
                let (_, bytes) = step.map_err(|Malformed| malformed())?;
                let slot = attributes::read(bytes).ok_or_else(malformed)?;
                count += i64::from(matches!(slot, Slot::Member(_)));
            }
        }
        Ok(count)
    }
}

/// A record has what the attributes say it has, and an alias.
fn check_whole(record: &Record, present: i64, ordinal: i64) -> Result<(), StoreError> {
    let there = record.0.iter().fold(0, |bits, entry| bits | 1 << entry.number);
    if there == present | 1 {
        return Ok(());
    }
    Err(StoreError::integrity("member_attributes", format!("ordinal {ordinal} has not the fields it says")))
}

pub(super) fn entry(number: u8, bytes: &[u8]) -> Option<Entry> {
    let (version, sealed) = bytes.split_first_chunk::<4>()?;
    Some(Entry { number, version: u32::from_le_bytes(*version), sealed: Sealed(sealed.to_vec()) })
}

/// A member's slot in each table.
#[derive(Default)]
struct Columns {
    attributes: Edit,
    tags: Edit,
    sealed: [Edit; SEALED.len()],
}

impl Columns {
    /// What of a member is not as it was.
    fn put(&mut self, new: &Member, old: &Member) -> Result<(), StoreError> {
        self.attributes.set(new.ordinal, Some(clear(new)?));
        if old.attributes.tags != new.attributes.tags {
            let tags = pack(&new.attributes.tags);
            self.tags.set(new.ordinal, (!tags.is_empty()).then_some(tags));
        }
        let malformed = |_| StoreError::integrity("sealed", "a record is malformed");
        let now = Record::from_bytes(&new.record).map_err(malformed)?;
        let was = Record::from_bytes(&old.record).map_err(malformed)?;
        for (number, edit) in (0u8..).zip(&mut self.sealed) {
            let of = |record: &Record| record.0.iter().find(|e| e.number == number).cloned();
            let (was, now) = (of(&was), of(&now));
            if was != now {
                edit.set(new.ordinal, now.map(|e| [&e.version.to_le_bytes()[..], &e.sealed.0].concat()));
            }
        }
        Ok(())
    }

    /// Nothing of a member but that he was.
    fn remove(&mut self, m: &Member) -> Result<(), StoreError> {
        self.attributes.set(m.ordinal, Some(attributes::gone()));
        if !m.attributes.tags.is_empty() {
            self.tags.set(m.ordinal, None);
        }
        let malformed = |_| StoreError::integrity("sealed", "a record is malformed");
        for entry in Record::from_bytes(&m.record).map_err(malformed)?.0 {
            if let Some(edit) = self.sealed.get_mut(usize::from(entry.number)) {
                edit.set(m.ordinal, None);
            }
        }
        Ok(())
    }

    async fn write(&self, work: &mut Work<'_>) -> Result<(), StoreError> {
        work.edit(&MEMBER_ATTRIBUTES, &self.attributes).await?;
        work.edit(&MEMBER_TAGS, &self.tags).await?;
        for (table, edit) in SEALED.into_iter().zip(&self.sealed) {
            work.edit(table, edit).await?;
        }
        Ok(())
    }
}

fn clear(m: &Member) -> Result<Vec<u8>, StoreError> {
    attributes::pack(m.id, &m.attributes, m.created_at, m.changed_at)
        .ok_or(StoreError::Fault("an attribute that has no place in its slot"))
}

impl Work<'_> {
    /// Stores new members with their index entries. Their keys must be there: between birth and now
    /// another process may have started and swept them, and what they sealed would be lost. Their ordinals
    /// must never have been anybody's: who turns the counter back would give a new member the consents
    /// and the packages of one who was erased.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a key is gone: give birth again. [`StoreError::Integrity`] when an
    /// ordinal was given before. Otherwise, the database failed.
    pub async fn insert_members(&mut self, members: &[Member]) -> Result<(), StoreError> {
        self.ordinals_are_theirs(members).await?;
        let (mut attributes, mut tags) = (Fresh::default(), Fresh::default());
        let mut sealed: [Fresh; SEALED.len()] = Default::default();
        let mut in_order: Vec<&Member> = members.iter().collect();
        in_order.sort_by_key(|m| m.ordinal);
        for member in in_order {
            attributes.push(member.ordinal, &[&clear(member)?])?;
            if !member.attributes.tags.is_empty() {
                tags.push(member.ordinal, &[&pack(&member.attributes.tags)])?;
            }
            for entry in entries(&member.record) {
                let malformed = |_| StoreError::integrity("sealed", "a record is malformed");
                let (number, version, bytes) = entry.map_err(malformed)?;
                let column = sealed.get_mut(usize::from(number));
                let column = column.ok_or(StoreError::Fault("a field without a table"))?;
                column.push(member.ordinal, &[&version.to_le_bytes(), bytes])?;
            }
        }
        self.add_slots(&MEMBER_ATTRIBUTES, attributes).await?;
        self.add_slots(&MEMBER_TAGS, tags).await?;
        for (table, fresh) in SEALED.into_iter().zip(sealed) {
            self.add_slots(table, fresh).await?;
        }
        for index in Index::ALL {
            let tags = members.iter().flat_map(|m| m.attributes.tags.iter().map(move |t| (t, m.ordinal)));
            let entries = tags.filter(|(t, _)| t.index == *index).map(|(t, ordinal)| (t.tag, ordinal));
            self.index_add(*index, entries.collect()).await?;
        }
        Ok(())
    }

    /// Each has its key; and none has been another's: an erased one's slot stays taken, and so do his
    /// consents.
    async fn ordinals_are_theirs(&mut self, members: &[Member]) -> Result<(), StoreError> {
        let ordinals: Vec<i64> = members.iter().map(|m| m.ordinal).collect();
        let keys = self.view.data_keys(&ordinals).await?;
        if members.iter().any(|m| keys.get(&m.ordinal).is_none_or(|key| key.id != m.id)) {
            return Err(StoreError::Conflict("member_has_key".into()));
        }
        let numbers = blocks_of(ordinals.iter().copied());
        let there = self.view.blocks(&MEMBER_ATTRIBUTES, &numbers).await?;
        let said = self.view.said_in(&numbers).await?;
        for ordinal in ordinals {
            let (block, at) = (block_of(ordinal), slot_of(ordinal));
            let taken = match there.get(&block) {
                Some(body) => slot(body, at)
                    .map_err(|Malformed| Malformed::of(MEMBER_ATTRIBUTES.name, block))?
                    .is_some(),
                None => false,
            };
            if taken || said.contains_key(&ordinal) {
                return Err(StoreError::integrity("keys.counter", "an ordinal was given twice"));
            }
        }
        Ok(())
    }

    /// Replaces a member that was read in this turn, index entries included.
    ///
    /// # Errors
    /// The database failed.
    pub async fn update_member(&mut self, old: &Member, new: &Member) -> Result<(), StoreError> {
        self.update_members(&[(old, new)]).await
    }

    /// Replaces members that were read in this turn, index entries included.
    ///
    /// # Errors
    /// The database failed.
    pub async fn update_members(&mut self, changes: &[(&Member, &Member)]) -> Result<(), StoreError> {
        self.stand_as_read(changes.iter().map(|(old, _)| *old)).await?;
        let mut columns = Columns::default();
        for (old, new) in changes {
            columns.put(new, old)?;
        }
        columns.write(self).await?;
        for index in Index::ALL {
            let mut added = Vec::new();
            for (old, new) in changes {
                let of = |m: &Member| m.attributes.tags.iter().find(|t| t.index == *index).map(|t| t.tag);
                let (was, is) = (of(old), of(new));
                if was != is {
                    if let Some(tag) = was {
                        self.index_remove(*index, &tag, old.ordinal).await?;
                    }
                    added.extend(is.map(|tag| (tag, new.ordinal)));
                }
            }
            self.index_add(*index, added).await?;
        }
        Ok(())
    }

    /// What is about to be replaced must be what was read. The attributes tell: whatever changes a member
    /// sets the time of the change.
    async fn stand_as_read(
        &mut self,
        members: impl Iterator<Item = &Member> + Clone,
    ) -> Result<(), StoreError> {
        let numbers = blocks_of(members.clone().map(|m| m.ordinal));
        let bodies = self.view.blocks(&MEMBER_ATTRIBUTES, &numbers).await?;
        for m in members {
            let block = block_of(m.ordinal);
            let stored = slot(bodies.get(&block).map_or(&[], Vec::as_slice), slot_of(m.ordinal))
                .map_err(|Malformed| Malformed::of(MEMBER_ATTRIBUTES.name, block))?;
            if stored != attributes::pack(m.id, &m.attributes, m.created_at, m.changed_at).as_deref() {
                return Err(StoreError::integrity(MEMBER_ATTRIBUTES.name, "a member is not what was read"));
            }
        }
        Ok(())
    }

    /// Marks slots as those of members who were erased.
    pub(super) async fn take_slots(&mut self, ordinals: &[i64]) -> Result<(), StoreError> {
        let mut edit = Edit::default();
        ordinals.iter().for_each(|ordinal| edit.set(*ordinal, Some(attributes::gone())));
        self.edit(&MEMBER_ATTRIBUTES, &edit).await
    }

    /// Deletes everything of a member but the consent history, which by then names nobody, and the slot,
    /// which stays taken.
    ///
    /// # Errors
    /// The database failed.
    pub async fn delete_member(&mut self, m: &Member) -> Result<(), StoreError> {
        self.stand_as_read([m].into_iter()).await?;
        let mut columns = Columns::default();
        columns.remove(m)?;
        columns.write(self).await?;
        for tag in &m.attributes.tags {
            self.index_remove(tag.index, &tag.tag, m.ordinal).await?;
        }
        Ok(())
    }
}

fn pack(tags: &[ContactTag]) -> Vec<u8> {
    let mut out = Vec::with_capacity(tags.len() * 33);
    for t in tags {
        out.push(t.index.number());
        out.extend_from_slice(&t.tag);
        out.extend_from_slice(&t.suppression);
    }
    out
}

pub(super) fn unpack(bytes: &[u8]) -> Option<Vec<ContactTag>> {
    let parts = bytes.chunks_exact(33);
    if !parts.remainder().is_empty() {
        return None;
    }
    parts
        .map(|p| {
            Some(ContactTag {
                index: Index::from_number(p[0])?,
                tag: p[1..17].try_into().ok()?,
                suppression: p[17..].try_into().ok()?,
            })
        })
        .collect()
}
