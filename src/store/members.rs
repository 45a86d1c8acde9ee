//! Members: clear attributes, sealed records, blind index, and their data keys in the keystore.

use std::collections::HashMap;

use super::engine::{Arg, built};
use super::table::{MEMBER, MEMBER_INDEX, MEMBER_RECORD, Value};
use super::{Store, StoreError, View, Work};
use crate::clock::Micros;
use crate::keyring::Tag;
use crate::model::code::{CardType, CovenantFamily, Tier};
use crate::model::field::Index;
use crate::model::ids::MemberId;

/// Tags of one contact point of a member.
///
/// Stored in `member.tags`: `idx(1) index tag(16) suppression tag(16)`, repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContactTag {
    /// Which index.
    pub index: Index,
    /// Blind index tag.
    pub tag: Tag,
    /// Tag under the suppression key.
    pub suppression: Tag,
}

/// A member's clear attributes and what must be known of the sealed ones without opening them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// Home store.
    pub home_store: Option<String>,
    /// Tier.
    pub tier: Tier,
    /// Card type.
    pub card_type: CardType,
    /// Active, or pending until there is a covenant (A2).
    pub active: bool,
    /// Day number of joining.
    pub joined_on: Option<i64>,
    /// Day number of the last visit.
    pub last_visit_on: Option<i64>,
    /// Spend in cents.
    pub spend_cents: Option<i64>,
    /// Month of birth.
    pub birth_month: Option<i64>,
    /// Covenant accepted, and its version.
    pub covenant: Option<(CovenantFamily, String)>,
    /// Marked `legacy_covenant`.
    pub legacy: bool,
    /// A bit a field that has a value.
    pub present: i64,
    /// A bit a field whose value would run as a formula.
    pub unsafe_fields: i64,
    /// Tags of contact points.
    pub tags: Vec<ContactTag>,
}

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

impl Store {
    /// Puts new data keys on disk and gives each its ordinal. This is before the members themselves: a
    /// crash in between leaves keys without members, which start sweeps.
    ///
    /// # Errors
    /// The database failed; nothing is stored.
    pub async fn birth(&self, keys: &[WrappedDataKey]) -> Result<i64, StoreError> {
        let mut tx = self.engine.begin_write().await?;
        let count = Arg::Int(keys.len() as i64);
        let sql = "update keys.counter set next = next + $1 where name = 'ordinal' returning next";
        let first = tx.one(sql, &[count]).await?.int(0)? - keys.len() as i64;
        for (batch, keys) in keys.chunks(1000).enumerate() {
            let places = tx.place_rows(keys.len(), 4);
            let sql = format!("insert into keys.data_key (ordinal, id, kek, wrapped) values {places}");
            let mut args = Vec::with_capacity(keys.len() * 4);
            for (i, key) in keys.iter().enumerate() {
                args.push(Arg::Int(first + (batch * 1000 + i) as i64));
                args.push(Arg::Bytes(&key.id.0));
                args.push(Arg::Int(key.kek));
                args.push(Arg::Bytes(&key.wrapped));
            }
            tx.execute(built(sql), &args).await?;
        }
        tx.commit().await?;
        Ok(first)
    }

    /// Destroys a member's data key. What it sealed is gone with it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn destroy_key(&self, ordinal: i64) -> Result<(), StoreError> {
        let mut tx = self.engine.begin_write().await?;
        tx.execute("delete from keys.data_key where ordinal = $1", &[Arg::Int(ordinal)]).await?;
        tx.commit().await
    }

    /// Destroys those keys of one birth that came to no member, for instance because another writer was
    /// first with the same card. Returns how many.
    ///
    /// # Errors
    /// The database failed.
    pub async fn take_back_births(&self, first: i64, count: usize) -> Result<u64, StoreError> {
        let mut tx = self.engine.begin_write().await?;
        let sql = "delete from keys.data_key where ordinal >= $1 and ordinal < $2 and not exists \
                   (select 1 from member_record r where r.ordinal = keys.data_key.ordinal)";
        let taken = tx.execute(sql, &[Arg::Int(first), Arg::Int(first + count as i64)]).await?;
        tx.commit().await?;
        Ok(taken)
    }

    /// Sweeps keys that have no member: births that a crash broke off. Returns how many.
    ///
    /// # Errors
    /// The database failed.
    pub async fn sweep_orphan_keys(&self) -> Result<u64, StoreError> {
        let mut view = self.view().await?;
        let sql = "select max(ordinal) from member_record";
        let last = view.tx.one(sql, &[]).await?.maybe_int(0)?.unwrap_or(0);
        // Births are in order, so a broken one can only lie behind the last member that was stored; a
        // look at the whole keystore is left to --deep.
        let sql = "select count(*) from keys.data_key where ordinal > $1";
        let orphans = view.tx.one(sql, &[Arg::Int(last)]).await?.int(0)?;
        drop(view);
        if orphans == 0 {
            return Ok(0);
        }
        let mut tx = self.engine.begin_write().await?;
        let sql = "delete from keys.data_key where ordinal > $1 and not exists (select 1 from member_record r where r.ordinal = keys.data_key.ordinal)";
        let swept = tx.execute(sql, &[Arg::Int(last)]).await?;
        tx.commit().await?;
        Ok(swept)
    }
}

impl View<'_> {
    /// Members with a tag in an index, lowest ordinal first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find(&mut self, index: Index, tag: &Tag) -> Result<Vec<i64>, StoreError> {
        let sql = "select ordinal from member_index where idx = $1 and tag = $2 order by ordinal";
        let rows = self.tx.all(sql, &[Arg::Int(i64::from(index.number())), Arg::Bytes(tag)]).await?;
        rows.iter().map(|r| r.int(0)).collect()
    }

    /// Which of many tags are held, and by whom.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find_all(
        &mut self,
        index: Index,
        tags: &[Tag],
    ) -> Result<HashMap<Tag, Vec<i64>>, StoreError> {
        let mut found: HashMap<Tag, Vec<i64>> = HashMap::new();
        for tags in tags.chunks(1000) {
            let (number, list) = (self.tx.places(1, 1), self.tx.places(2, tags.len()));
            let sql = format!(
                "select tag, ordinal from member_index where idx = {number} and tag in ({list}) order by tag, ordinal"
            );
            let mut args = vec![Arg::Int(i64::from(index.number()))];
            args.extend(tags.iter().map(|t| Arg::Bytes(t)));
            for row in self.tx.all(built(sql), &args).await? {
                let tag =
                    row.bytes(0)?.try_into().map_err(|_| StoreError::integrity("member_index", "tag"))?;
                found.entry(tag).or_default().push(row.int(1)?);
            }
        }
        Ok(found)
    }

    /// A member whole.
    ///
    /// # Errors
    /// A row that does not parse is an integrity error.
    pub async fn member(&mut self, ordinal: i64) -> Result<Option<Member>, StoreError> {
        let Some(row) = self.row(&MEMBER, &[Arg::Int(ordinal)]).await? else { return Ok(None) };
        let record = self.row(&MEMBER_RECORD, &[Arg::Int(ordinal)]).await?;
        let malformed = || StoreError::integrity("member", "a row does not parse");
        match record.as_deref() {
            Some([_, Value::Bytes(id), Value::Bytes(record)]) => {
                let member = member(&row, record.clone()).ok_or_else(malformed)?;
                if id.as_slice() != member.id.0 {
                    return Err(StoreError::integrity("member_record", "another member's id"));
                }
                Ok(Some(member))
            }
            _ => Err(StoreError::integrity("member_record", "a member has no record")),
        }
    }

    /// A member's wrapped data key.
    ///
    /// # Errors
    /// The database failed.
    pub async fn data_key(&mut self, ordinal: i64) -> Result<Option<WrappedDataKey>, StoreError> {
        let sql = "select id, kek, wrapped from keys.data_key where ordinal = $1";
        let Some(row) = self.tx.maybe(sql, &[Arg::Int(ordinal)]).await? else { return Ok(None) };
        let id = row.bytes(0)?.try_into().map_err(|_| StoreError::integrity("data_key", "id"))?;
        Ok(Some(WrappedDataKey { id: MemberId(id), kek: row.int(1)?, wrapped: row.bytes(2)? }))
    }

    /// How many members there are.
    ///
    /// # Errors
    /// The database failed.
    pub async fn member_count(&mut self) -> Result<i64, StoreError> {
        self.tx.one("select count(*) from member", &[]).await?.int(0)
    }
}

impl Work<'_> {
    /// Stores new members with their index entries. Their keys must be there: between birth and now
    /// another process may have started and swept them, and what they sealed would be lost.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a key is gone: give birth again. Otherwise, the database failed.
    pub async fn insert_members(&mut self, members: &[Member]) -> Result<(), StoreError> {
        self.keys_are_there(members).await?;
        let tags: Vec<Vec<u8>> = members.iter().map(|m| pack(&m.attributes.tags)).collect();
        let rows: Vec<Vec<Arg<'_>>> = members.iter().zip(&tags).map(|(m, t)| member_args(m, t)).collect();
        self.insert_all(&MEMBER, &rows).await?;
        let rows: Vec<Vec<Arg<'_>>> = members
            .iter()
            .map(|m| vec![Arg::Int(m.ordinal), Arg::Bytes(&m.id.0), Arg::Bytes(&m.record)])
            .collect();
        self.insert_all(&MEMBER_RECORD, &rows).await?;
        let mut entries: Vec<(i64, &Tag, i64)> = members
            .iter()
            .flat_map(|m| {
                m.attributes.tags.iter().map(move |t| (i64::from(t.index.number()), &t.tag, m.ordinal))
            })
            .collect();
        // In the index's own order: a b-tree is filled page by page instead of all over.
        entries.sort_unstable();
        let rows: Vec<Vec<Arg<'_>>> =
            entries.iter().map(|(i, tag, o)| vec![Arg::Int(*i), Arg::Bytes(*tag), Arg::Int(*o)]).collect();
        self.insert_all(&MEMBER_INDEX, &rows).await
    }

    async fn keys_are_there(&mut self, members: &[Member]) -> Result<(), StoreError> {
        for members in members.chunks(1000) {
            let list = self.view.tx.places(1, members.len());
            let sql = format!("select count(*) from keys.data_key where ordinal in ({list})");
            let args: Vec<Arg<'_>> = members.iter().map(|m| Arg::Int(m.ordinal)).collect();
            if self.view.tx.one(built(sql), &args).await?.int(0)? != members.len() as i64 {
                return Err(StoreError::Conflict("member_has_key".into()));
            }
        }
        Ok(())
    }

    /// Replaces a member that was read in this turn, index entries included.
    ///
    /// # Errors
    /// The database failed.
    pub async fn update_member(&mut self, old: &Member, new: &Member) -> Result<(), StoreError> {
        let (old_tags, new_tags) = (pack(&old.attributes.tags), pack(&new.attributes.tags));
        let values = to_values(&member_args(old, &old_tags));
        self.update(&MEMBER, &values, &member_args(new, &new_tags)).await?;
        if old.record != new.record {
            let was = to_values(&[Arg::Int(old.ordinal), Arg::Bytes(&old.id.0), Arg::Bytes(&old.record)]);
            let is = [Arg::Int(new.ordinal), Arg::Bytes(&new.id.0), Arg::Bytes(&new.record)];
            self.update(&MEMBER_RECORD, &was, &is).await?;
        }
        for tag in old.attributes.tags.iter().filter(|t| !new.attributes.tags.contains(t)) {
            self.delete(&MEMBER_INDEX, &to_values(&index_args(tag, old.ordinal))).await?;
        }
        for tag in new.attributes.tags.iter().filter(|t| !old.attributes.tags.contains(t)) {
            self.insert(&MEMBER_INDEX, &index_args(tag, new.ordinal)).await?;
        }
        Ok(())
    }

    /// Deletes everything of a member but the consent history, which by then names nobody.
    ///
    /// # Errors
    /// The database failed.
    pub async fn delete_member(&mut self, m: &Member) -> Result<(), StoreError> {
        let tags = pack(&m.attributes.tags);
        self.delete(&MEMBER, &to_values(&member_args(m, &tags))).await?;
        let record = [Arg::Int(m.ordinal), Arg::Bytes(&m.id.0), Arg::Bytes(&m.record)];
        self.delete(&MEMBER_RECORD, &to_values(&record)).await?;
        for tag in &m.attributes.tags {
            self.delete(&MEMBER_INDEX, &to_values(&index_args(tag, m.ordinal))).await?;
        }
        Ok(())
    }
}

fn index_args(tag: &ContactTag, ordinal: i64) -> [Arg<'_>; 3] {
    [Arg::Int(i64::from(tag.index.number())), Arg::Bytes(&tag.tag), Arg::Int(ordinal)]
}

fn to_values(args: &[Arg<'_>]) -> Vec<Value> {
    use super::table::Kind;
    args.iter()
        .map(|arg| match arg {
            Arg::Int(v) => Value::Int(*v),
            Arg::Text(v) => Value::Text((*v).to_owned()),
            Arg::Bytes(v) => Value::Bytes(v.to_vec()),
            Arg::NullInt => Value::Null(Kind::MaybeInt),
            Arg::NullText => Value::Null(Kind::MaybeText),
            Arg::NullBytes => Value::Null(Kind::MaybeBytes),
        })
        .collect()
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

fn member_args<'a>(m: &'a Member, tags: &'a [u8]) -> Vec<Arg<'a>> {
    let a = &m.attributes;
    vec![
        Arg::Int(m.ordinal),
        Arg::Bytes(&m.id.0),
        Arg::maybe_text(a.home_store.as_deref()),
        Arg::Text(a.tier.code()),
        Arg::Text(a.card_type.code()),
        Arg::Text(if a.active { "active" } else { "pending" }),
        Arg::maybe_int(a.joined_on),
        Arg::maybe_int(a.last_visit_on),
        Arg::maybe_int(a.spend_cents),
        Arg::maybe_int(a.birth_month),
        Arg::maybe_text(a.covenant.as_ref().map(|c| c.0.code())),
        Arg::maybe_text(a.covenant.as_ref().map(|c| c.1.as_str())),
        Arg::Int(i64::from(a.legacy)),
        Arg::Int(a.present),
        Arg::Int(a.unsafe_fields),
        Arg::Bytes(tags),
        Arg::Int(m.created_at),
        Arg::Int(m.changed_at),
    ]
}

pub(super) fn member(row: &[Value], record: Vec<u8>) -> Option<Member> {
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
