//! Values on their way in and out: one place where a database type becomes ours.

use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use super::StoreError;

/// A value on its way into a statement.
#[derive(Clone, Copy)]
pub(crate) enum Arg<'a> {
    Int(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
    NullInt,
    NullText,
    NullBytes,
}

impl<'a> Arg<'a> {
    /// Bytes it takes, about.
    pub(crate) fn size(&self) -> usize {
        match self {
            Arg::Text(v) => v.len(),
            Arg::Bytes(v) => v.len(),
            _ => 8,
        }
    }

    pub(crate) fn maybe_int(v: Option<i64>) -> Self {
        v.map_or(Arg::NullInt, Arg::Int)
    }

    pub(crate) fn maybe_text(v: Option<&'a str>) -> Self {
        v.map_or(Arg::NullText, Arg::Text)
    }
}

/// A row on its way out.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

macro_rules! getter {
    ($name:ident, $type:ty) => {
        pub(crate) fn $name(&self, i: usize) -> Result<$type, StoreError> {
            match self {
                Row::Sqlite(row) => Ok(row.try_get::<$type, _>(i)?),
                Row::Postgres(row) => Ok(row.try_get::<$type, _>(i)?),
            }
        }
    };
}

impl Row {
    getter!(int, i64);
    getter!(text, String);
    getter!(bytes, Vec<u8>);
    getter!(maybe_int, Option<i64>);
    getter!(maybe_text, Option<String>);
    getter!(maybe_bytes, Option<Vec<u8>>);

    /// A text without a copy.
    pub(crate) fn str(&self, i: usize) -> Result<Option<&str>, StoreError> {
        match self {
            Row::Sqlite(row) => Ok(row.try_get::<Option<&str>, _>(i)?),
            Row::Postgres(row) => Ok(row.try_get::<Option<&str>, _>(i)?),
        }
    }

    /// Bytes that may be null, without a copy.
    pub(crate) fn maybe_slice(&self, i: usize) -> Result<Option<&[u8]>, StoreError> {
        match self {
            Row::Sqlite(row) => Ok(row.try_get::<Option<&[u8]>, _>(i)?),
            Row::Postgres(row) => Ok(row.try_get::<Option<&[u8]>, _>(i)?),
        }
    }

    /// Bytes without a copy, for the paths that read a million rows.
    pub(crate) fn slice(&self, i: usize) -> Result<&[u8], StoreError> {
        match self {
            Row::Sqlite(row) => Ok(row.try_get::<&[u8], _>(i)?),
            Row::Postgres(row) => Ok(row.try_get::<&[u8], _>(i)?),
        }
    }
}
