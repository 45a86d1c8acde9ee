//! From a selection to rows: the one place where a tree of tests becomes SQL.

use futures_util::TryStreamExt as _;

use super::engine::{Arg, built};
use super::members::{ContactTag, unpack};
use super::{StoreError, View};
use crate::clock::day_number;
use crate::keyring::Tag;
use crate::model::selection::{Between, Node, Selection, Test};

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

/// An owned value for a statement that is put together.
enum Bound {
    Int(i64),
    Text(String),
}

impl View<'_> {
    /// Walks the members a selection matches, in ordinal order, at most those of `stores` if given.
    ///
    /// # Errors
    /// The database failed, or what `visit` gives.
    pub async fn each_selected(
        &mut self,
        selection: &Selection,
        stores: Option<&[String]>,
        with_tags: bool,
        mut visit: impl FnMut(Selected) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut binds = Vec::new();
        let mut clause =
            selection.root().map_or_else(|| "1 = 1".to_owned(), |node| compile(node, &mut binds));
        if let Some(stores) = stores {
            clause = format!(
                "({clause}) and {}",
                one_of("home_store", stores.iter().cloned().map(Bound::Text), &mut binds)
            );
        }
        let tags = if with_tags { ", tags" } else { "" };
        let sql = format!(
            "select ordinal, status, covenant_family, legacy, present, unsafe{tags} \
             from member where {clause} order by ordinal"
        );
        let args: Vec<Arg<'_>> = binds
            .iter()
            .map(|b| match b {
                Bound::Int(v) => Arg::Int(*v),
                Bound::Text(v) => Arg::Text(v),
            })
            .collect();
        let mut rows = self.tx.stream(built(sql), &args);
        while let Some(row) = rows.try_next().await? {
            let tags = if with_tags {
                unpack(row.slice(6)?).ok_or_else(|| StoreError::integrity("member", "tags do not parse"))?
            } else {
                Vec::new()
            };
            visit(Selected {
                ordinal: row.int(0)?,
                active: row.str(1)? == Some("active"),
                covenant: row.str(2)?.is_some(),
                legacy: row.int(3)? != 0,
                present: row.int(4)?,
                unsafe_fields: row.int(5)?,
                tags,
            })?;
        }
        Ok(())
    }

    /// Sealed records and wrapped keys of the members in a range of ordinals, handed to `visit` one by
    /// one: ordinal, id, record, KEK version, wrapped data key.
    ///
    /// # Errors
    /// The database failed, or what `visit` gives.
    pub async fn each_record(
        &mut self,
        from: i64,
        to: i64,
        mut visit: impl FnMut(i64, &[u8], &[u8], i64, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let sql = "select r.ordinal, r.id, r.record, k.kek, k.wrapped from member_record r \
                   join keys.data_key k on k.ordinal = r.ordinal and k.id = r.id \
                   where r.ordinal >= $1 and r.ordinal < $2 and k.ordinal >= $1 and k.ordinal < $2 order by r.ordinal";
        let args = [Arg::Int(from), Arg::Int(to)];
        let mut rows = self.tx.stream(sql, &args);
        while let Some(row) = rows.try_next().await? {
            visit(row.int(0)?, row.slice(1)?, row.slice(2)?, row.int(3)?, row.slice(4)?)?;
        }
        Ok(())
    }
}

fn compile(node: &Node, binds: &mut Vec<Bound>) -> String {
    let join = |nodes: &[Node], word: &str, binds: &mut Vec<Bound>| {
        nodes.iter().map(|n| format!("({})", compile(n, binds))).collect::<Vec<_>>().join(word)
    };
    match node {
        Node::All(nodes) => join(nodes, " and ", binds),
        Node::Any(nodes) => join(nodes, " or ", binds),
        Node::Test(test) => match test {
            Test::Tier(list) => one_of("tier", list.iter().map(|t| Bound::Text(t.code().into())), binds),
            Test::HomeStore(list) => {
                one_of("home_store", list.iter().map(|u| Bound::Text(u.as_str().into())), binds)
            }
            Test::CardType(list) => {
                one_of("card_type", list.iter().map(|c| Bound::Text(c.code().into())), binds)
            }
            Test::BirthMonth(list) => {
                one_of("birth_month", list.iter().map(|m| Bound::Int(i64::from(*m))), binds)
            }
            Test::JoinedOn(b) => between("joined_on", b.low.map(day_number), b.high.map(day_number), binds),
            Test::LastVisitOn(b) => {
                between("last_visit_on", b.low.map(day_number), b.high.map(day_number), binds)
            }
            Test::SpendTotal(Between { low, high }) => between("spend_cents", *low, *high, binds),
        },
    }
}

fn one_of(column: &str, values: impl Iterator<Item = Bound>, binds: &mut Vec<Bound>) -> String {
    let list = values
        .map(|value| {
            binds.push(value);
            format!("${}", binds.len())
        })
        .collect::<Vec<_>>()
        .join(", ");
    // An empty list matches nobody; `in ()` is not SQL.
    if list.is_empty() { "1 = 0".to_owned() } else { format!("{column} in ({list})") }
}

fn between(column: &str, low: Option<i64>, high: Option<i64>, binds: &mut Vec<Bound>) -> String {
    let mut parts = Vec::new();
    for (bound, sign) in [(low, ">="), (high, "<=")] {
        if let Some(value) = bound {
            binds.push(Bound::Int(value));
            parts.push(format!("{column} {sign} ${}", binds.len()));
        }
    }
    parts.join(" and ")
}
