//! From a checked row to what is stored of it: clear attributes, sealed fields, tags.
//!
//! A row makes a new member ([`born`]) or is held against one that is there ([`updated`]); of that one
//! nothing is opened but compared, and only what differs is sealed anew, one version on.

use crate::clock::Randomness;
use crate::keyring::Keyring;
use crate::keyring::aead::DoesNotOpen;
use crate::model::code::{CardType, Tier};
use crate::model::contact::{Birthday, is_unsafe};
use crate::model::field::{Field, Index};
use crate::model::ids::Alias;
use crate::model::member::{Cell, MemberRow};
use crate::model::sealed::{Entry, Record};
use crate::store::StoreError;
use crate::store::members::{Attributes, ContactTag, Member};
use crate::vault::{Comparer, MemberKey, PostContact, contact_tags};
use jiff::civil::Date;

/// Tags of the contact points that stand in the row itself; the card's is always the first.
pub fn tags(keyring: &Keyring, row: &MemberRow) -> Vec<ContactTag> {
    let post = match (&row.address, &row.postcode) {
        (Cell::Filled(address), Cell::Filled(postcode)) => Some(PostContact {
            name: row.name.expose(),
            address: address.expose(),
            postcode: postcode.expose(),
        }),
        _ => None,
    };
    let mobile = row.mobile.value().map(|v| v.expose());
    let email = row.email.value().map(|v| v.expose());
    contact_tags(keyring, row.card.expose(), mobile, email, post.as_ref())
}

/// What a row says of each field; `None`: nothing, `Some(None)`: that there is none.
fn said(row: &MemberRow) -> [(Field, Option<Option<&str>>); 7] {
    fn cell<T>(cell: &Cell<T>, expose: impl Fn(&T) -> &str) -> Option<Option<&str>> {
        match cell {
            Cell::NotGiven => None,
            Cell::Empty => Some(None),
            Cell::Filled(value) => Some(Some(expose(value))),
        }
    }
    [
        (Field::Card, Some(Some(row.card.expose()))),
        (Field::Name, Some(Some(row.name.expose()))),
        (Field::Mobile, cell(&row.mobile, |v| v.expose())),
        (Field::Email, cell(&row.email, |v| v.expose())),
        (Field::Address, cell(&row.address, |v| v.expose())),
        (Field::Postcode, cell(&row.postcode, |v| v.expose())),
        (Field::Birthday, cell(&row.birthday, |v| v.expose())),
    ]
}

/// The day of a birthday.
pub fn day_of(birthday: &Birthday) -> Option<Date> {
    birthday.expose().parse().ok()
}

/// A new member of a row. The ordinal comes later, from the birth of the key; no sealed value is
/// bound to it. `by_person`: the member himself said it, and no import replaces it.
///
/// # Errors
/// No randomness.
pub fn born(
    key: &MemberKey,
    random: &mut Randomness,
    row: &MemberRow,
    tags: &[ContactTag],
    at: i64,
    by_person: bool,
) -> Result<Member, StoreError> {
    let alias = Alias(random.take()?);
    let mut record = Record(Vec::with_capacity(8));
    record.0.push(key.seal_alias(random, alias)?);
    let (mut present, mut unsafe_fields) = (0, 0);
    for (field, value) in said(row) {
        let Some(Some(value)) = value else { continue };
        record.0.push(key.seal(random, field, Entry::next_version(None, by_person), value)?);
        present |= field.bit();
        unsafe_fields |= if is_unsafe(value) { field.bit() } else { 0 };
    }
    let attributes = Attributes {
        home_store: row.home_store.value().cloned(),
        tier: row.tier.value().copied().unwrap_or(Tier::Ordinary),
        card_type: row.card_type.value().copied().unwrap_or(CardType::Member),
        active: row.covenant.value().is_some(),
        joined_on: row.joined_on.value().map(|d| i64::from(d.days())),
        last_visit_on: row.last_visit_on.value().map(|d| i64::from(d.days())),
        spend_cents: row.spend_total.value().map(|m| m.cents()),
        birth_month: row.birthday.value().and_then(day_of).map(|d| i64::from(d.month())),
        covenant: row.covenant.value().cloned(),
        legacy: row.legacy_covenant.value().copied().unwrap_or(false),
        present,
        unsafe_fields,
        tags: tags.to_vec(),
    };
    Ok(Member {
        ordinal: 0,
        id: key.id(),
        attributes,
        record: record.to_bytes(),
        created_at: at,
        changed_at: at,
    })
}

/// What a row makes of a member.
pub struct Update {
    /// The member as he is from here; `None` when the row changes nothing.
    pub member: Option<Member>,
    /// The birthday, when it changed.
    pub birthday: Option<Option<Date>>,
    /// Cells held back because a person had set the field.
    pub kept: u64,
}

/// Holds a row against the member it names.
///
/// # Errors
/// [`DoesNotOpen`] as an integrity error; no randomness.
pub fn updated(
    comparer: &Comparer,
    key: &MemberKey,
    random: &mut Randomness,
    old: &Member,
    row: &MemberRow,
    row_tags: &[ContactTag],
    at: i64,
) -> Result<Update, StoreError> {
    let broken = |_: DoesNotOpen| StoreError::integrity("sealed", "a value does not open");
    let mut record = Record::from_bytes(&old.record)
        .map_err(|_| StoreError::integrity("sealed", "a record is malformed"))?;
    let mut new = old.clone();
    let mut update = Update { member: None, birthday: None, kept: 0 };
    let mut changed: Vec<Field> = Vec::new();
    // The card is the same: by its tag the member was found.
    for (field, value) in said(row).into_iter().filter(|(field, _)| *field != Field::Card) {
        let Some(value) = value else { continue };
        if comparer.same(key, &record, field, value).map_err(broken)? {
            continue;
        }
        if record.get(field).is_some_and(Entry::by_person) {
            update.kept += 1;
            continue;
        }
        set_field(&mut new.attributes, &mut record, key, random, field, value, false)?;
        changed.push(field);
    }
    set_clear(&mut new.attributes, row);
    if changed.contains(&Field::Birthday) {
        let born = row.birthday.value().and_then(day_of);
        new.attributes.birth_month = born.map(|d| i64::from(d.month()));
        update.birthday = Some(born);
    }
    for (field, index) in [(Field::Mobile, Index::Mobile), (Field::Email, Index::Email)] {
        if changed.contains(&field) {
            let tag = row_tags.iter().find(|t| t.index == index).copied();
            set_tag(&mut new.attributes.tags, index, tag);
        }
    }
    if changed.iter().any(|f| is_postal(*f)) {
        let tag = comparer.post_tag(key, &record).map_err(broken)?;
        set_tag(&mut new.attributes.tags, Index::Post, tag);
    }
    if !changed.is_empty() {
        new.record = record.to_bytes();
    }
    if !changed.is_empty() || new.attributes != old.attributes {
        new.changed_at = at;
        update.member = Some(new);
    }
    Ok(update)
}

/// Whether a field is part of the postal contact point.
pub fn is_postal(field: Field) -> bool {
    matches!(field, Field::Name | Field::Address | Field::Postcode)
}

/// Seals one field anew, or takes it out, and keeps the masks right.
///
/// # Errors
/// No randomness.
pub fn set_field(
    attributes: &mut Attributes,
    record: &mut Record,
    key: &MemberKey,
    random: &mut Randomness,
    field: Field,
    value: Option<&str>,
    by_person: bool,
) -> Result<(), StoreError> {
    attributes.present &= !field.bit();
    attributes.unsafe_fields &= !field.bit();
    let Some(value) = value else {
        record.remove(field);
        return Ok(());
    };
    let version = Entry::next_version(record.get(field), by_person);
    record.put(key.seal(random, field, version, value)?);
    attributes.present |= field.bit();
    attributes.unsafe_fields |= if is_unsafe(value) { field.bit() } else { 0 };
    Ok(())
}

/// Puts a contact point's tags in place of those there were; they stay in the order of the indexes.
pub fn set_tag(tags: &mut Vec<ContactTag>, index: Index, tag: Option<ContactTag>) {
    tags.retain(|t| t.index != index);
    tags.extend(tag);
    tags.sort_unstable_by_key(|t| t.index);
}

/// Attributes in clear: a column that is not there says nothing, an empty cell says none.
fn set_clear(a: &mut Attributes, row: &MemberRow) {
    fn put<T, U>(slot: &mut U, cell: &Cell<T>, value: impl FnOnce(Option<&T>) -> U) {
        if cell.is_given() {
            *slot = value(cell.value());
        }
    }
    put(&mut a.home_store, &row.home_store, |v| v.cloned());
    put(&mut a.tier, &row.tier, |v| v.copied().unwrap_or(Tier::Ordinary));
    put(&mut a.card_type, &row.card_type, |v| v.copied().unwrap_or(CardType::Member));
    put(&mut a.joined_on, &row.joined_on, |v| v.map(|d| i64::from(d.days())));
    put(&mut a.last_visit_on, &row.last_visit_on, |v| v.map(|d| i64::from(d.days())));
    put(&mut a.spend_cents, &row.spend_total, |v| v.map(|m| m.cents()));
    put(&mut a.covenant, &row.covenant, |v| v.cloned());
    put(&mut a.legacy, &row.legacy_covenant, |v| v.copied().unwrap_or(false));
    a.active = a.covenant.is_some();
}
