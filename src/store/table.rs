//! Tables as data: their columns in order, from which statements and row MACs are made.
//!
//! Every table listed here stands under a set head (design, invariant 8), so one list decides both what
//! is written and what is checked. The log's own tables and the keystore are checked otherwise: the log
//! by its tree, the keystore by opening every key.

use std::fmt::Write as _;

use super::StoreError;
use super::engine::{Arg, Row, Tx, built};

/// What a column holds. `Maybe…` may be null.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Text,
    Bytes,
    MaybeInt,
    MaybeText,
    MaybeBytes,
}
use Kind::*;

/// When a table is compared with its head, beside what a release compares as it reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checked {
    /// There are no rows of it any more; it keeps its place among the heads, and an older vault is read by it.
    Moved,
    /// By `audit verify --deep`.
    Deep,
    /// At every start, execution, claim and download too.
    Start,
}
use Checked::*;

/// A protected table.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// How many leading columns are the primary key.
    pub(crate) key: usize,
    pub(crate) columns: &'static [(&'static str, Kind)],
    /// When it is compared with its head.
    pub(crate) checked: Checked,
}

macro_rules! tables {
    ($($id:ident = $name:literal, $key:literal, $checked:ident, [$($col:literal $kind:ident),+ $(,)?];)+) => {
        $(pub(crate) static $id: Table = Table {
            name: $name, key: $key, checked: $checked, columns: &[$(($col, $kind)),+],
        };)+
        /// Every protected table, in the order in which heads are kept.
        pub(crate) static TABLES: &[&Table] = &[$(&$id),+];
    };
}

tables! {
    VAULT = "vault", 1, Start, ["id" Int, "vault_id" Bytes, "demo" Int, "zone" Text, "created_at" Int];
    VAULT_KEY = "vault_key", 2, Start, ["kind" Text, "version" Int, "wrapped" Bytes];
    UNIT = "unit", 1, Start, ["code" Text, "kind" Text, "function" MaybeText, "parent" MaybeText,
        "name_zh" Text, "name_en" Text];
    PERSON = "person", 1, Start, ["login" Text, "name" Text, "unit" Text, "rank" Text, "suspended" Int];
    ROLE_GRANT = "role_grant", 3, Start, ["login" Text, "role" Text, "unit" Text];
    CREDENTIAL = "credential", 2, Start, ["login" Text, "number" Int, "salt" Bytes, "public_key" Bytes,
        "sealed_seed" Bytes, "enrolled_seq" Int, "ended_seq" MaybeInt];
    ENROLMENT = "enrolment", 1, Start, ["login" Text, "code_hash" Bytes, "expires_at" Int];
    VENDOR = "vendor", 1, Start, ["code" Text, "name_zh" Text, "name_en" Text, "channels" Text,
        "contract_reference" Text, "contract_from" Int, "contract_to" Int, "recipient" Text,
        "fingerprint" Text, "checked_by" Text, "suspended" Int];
    POLICY_VERSION = "policy_version", 1, Start, ["id" Int, "digest" Bytes, "files" Bytes,
        "proposed_by" Text, "proposed_at" Int, "proposed_sig" MaybeBytes, "seconded_by" MaybeText,
        "seconded_at" MaybeInt, "seconded_sig" MaybeBytes, "effective_at" Int];
    DOCUMENT = "document", 3, Start, ["family" Text, "version" Text, "language" Text, "digest" Bytes,
        "body" Text, "effective_on" Int];
    MEMBER = "member", 1, Moved, ["ordinal" Int, "id" Bytes, "home_store" MaybeText, "tier" Text,
        "card_type" Text, "status" Text, "joined_on" MaybeInt, "last_visit_on" MaybeInt,
        "spend_cents" MaybeInt, "birth_month" MaybeInt, "covenant_family" MaybeText,
        "covenant_version" MaybeText, "legacy" Int, "present" Int, "unsafe" Int, "tags" Bytes,
        "created_at" Int, "changed_at" Int];
    MEMBER_RECORD = "member_record", 1, Moved, ["ordinal" Int, "id" Bytes, "record" Bytes];
    MEMBER_INDEX = "member_index", 3, Moved, ["idx" Int, "tag" Bytes, "ordinal" Int];
    CONSENT_EVENT = "consent_event", 2, Moved, ["ordinal" Int, "number" Int, "at" Int, "source" Text,
        "actor" Text, "notice" Text, "evidence" Text, "marks" Bytes];
    CONSENT_CHUNK = "consent_chunk", 2, Start, ["kind" Text, "chunk" Int, "body" Bytes];
    SUPPRESSION = "suppression", 2, Start, ["idx" Int, "tag" Bytes, "reason" Text, "at" Int];
    REQUEST = "request", 1, Start, ["no" Text, "unit" Text, "site" Text, "year" Int, "serial" Int,
        "drafted_by" Text, "form" Text, "created_at" Int, "changed_at" Int];
    SUBMISSION = "submission", 2, Start, ["no" Text, "round" Int, "body" Bytes, "digest" Bytes];
    SIGNATURE = "signature", 3, Start, ["no" Text, "round" Int, "number" Int, "payload" Bytes,
        "sig" Bytes, "signer" Text];
    PACKAGE = "package", 1, Start, ["no" Text, "request_no" Text, "round" Int, "serial" Int,
        "executor" Text, "live" MaybeInt];
    PACKAGE_FACT = "package_fact", 2, Start, ["package" Text, "number" Int, "kind" Text, "at" Int,
        "actor" Text, "body" Text];
    DISCLOSURE = "disclosure", 2, Start, ["package" Text, "version" Int, "digest" Bytes, "body" Bytes];
    ERASURE = "erasure", 1, Start, ["case_no" Text, "ordinal" Int, "alias" Bytes, "ordered_at" Int,
        "finished_at" MaybeInt];
    REMARK = "remark", 1, Deep, ["seq" Int, "salt" Bytes, "body" Bytes];
    MEMBER_ATTRIBUTES = "member_attributes", 1, Deep, ["block" Int, "body" Bytes];
    MEMBER_TAGS = "member_tags", 1, Deep, ["block" Int, "body" Bytes];
    SEALED_ALIAS = "sealed_alias", 1, Deep, ["block" Int, "body" Bytes];
    SEALED_CARD = "sealed_card", 1, Deep, ["block" Int, "body" Bytes];
    SEALED_NAME = "sealed_name", 1, Deep, ["block" Int, "body" Bytes];
    SEALED_MOBILE = "sealed_mobile", 1, Deep, ["block" Int, "body" Bytes];
    SEALED_EMAIL = "sealed_email", 1, Deep, ["block" Int, "body" Bytes];
    SEALED_ADDRESS = "sealed_address", 1, Deep, ["block" Int, "body" Bytes];
    SEALED_POSTCODE = "sealed_postcode", 1, Deep, ["block" Int, "body" Bytes];
    SEALED_BIRTHDAY = "sealed_birthday", 1, Deep, ["block" Int, "body" Bytes];
    INDEX_CARD = "index_card", 2, Deep, ["run" Int, "first" Bytes, "body" Bytes];
    INDEX_MOBILE = "index_mobile", 2, Deep, ["run" Int, "first" Bytes, "body" Bytes];
    INDEX_EMAIL = "index_email", 2, Deep, ["run" Int, "first" Bytes, "body" Bytes];
    INDEX_POST = "index_post", 2, Deep, ["run" Int, "first" Bytes, "body" Bytes];
    CONSENT_PACK = "consent_pack", 2, Deep, ["block" Int, "number" Int, "actor" Text, "notice" Text,
        "body" Bytes];
    PACKAGE_RANGE = "package_range", 2, Start, ["package" Text, "part" Int, "started" Int,
        "planned" Bytes, "claimed" MaybeInt, "made" MaybeText, "members" MaybeBytes];
    SESSION = "session", 1, Start, ["id" Bytes, "login" Text, "opened_at" Int, "stepped_at" Int, "seed" Bytes];
    UNDERTAKING = "undertaking", 2, Start, ["login" Text, "number" Int, "version" Text, "digest" Bytes, "at" Int];
    ORG_PROPOSAL = "org_proposal", 1, Start, ["id" Int, "kind" Text, "body" Text, "changes" Text, "digest" Bytes,
        "proposed_by" Text, "proposed_at" Int, "expires_at" Int, "outcome" MaybeText, "ended_by" MaybeText,
        "ended_at" MaybeInt];
    PERSON_HOLD = "person_hold", 2, Start, ["login" Text, "number" Int, "reason" Text, "since" Int, "until" Int];
    FACTOR_TOTP = "factor_totp", 1, Start, ["login" Text, "secret" Bytes, "confirmed_at" MaybeInt, "last_step" Int];
    RECOVERY_CODE = "recovery_code", 2, Start, ["login" Text, "code_hash" Bytes, "used_at" MaybeInt];
    PASSKEY = "passkey", 2, Start, ["login" Text, "id" Bytes, "name" Text, "key" Text, "counter" Int, "added_at" Int];
    ALARM = "alarm", 1, Start, ["seq" Int, "kind" Text, "whom" Text, "hour" Int, "raised_at" Int, "count" Int,
        "minutes" Int, "acknowledged_by" MaybeText, "acknowledged_at" MaybeInt];
    REQUEST_NOTE = "request_note", 2, Start, ["no" Text, "number" Int, "kind" Text, "at" Int, "actor" Text,
        "subject" Text];
    VENDOR_KEY = "vendor_key", 2, Start, ["code" Text, "number" Int, "recipient" Text, "fingerprint" Text,
        "registered_by" Text, "registered_at" Int, "challenge" MaybeBytes, "challenged_by" MaybeText,
        "challenged_at" MaybeInt, "confirmed_by" MaybeText, "confirmed_at" MaybeInt];
    POLICY_WITHDRAWAL = "policy_withdrawal", 1, Start, ["id" Int, "withdrawn_by" Text, "withdrawn_at" Int];
    LINKED_ACCOUNT = "linked_account", 1, Start, ["identity" Bytes, "login" Text, "linked_at" Int];
    SERVICE_TOKEN = "service_token", 1, Start, ["id" Int, "hash" Bytes, "login" Text, "name" Text, "scopes" Text,
        "unit" Text, "made_at" Int, "ends_at" Int, "revoked_by" MaybeText, "revoked_at" MaybeInt];
}

impl Table {
    /// Its place among the heads.
    pub(crate) fn slot(&self) -> usize {
        TABLES.iter().position(|t| t.name == self.name).unwrap_or(usize::MAX)
    }

    fn names(&self, range: std::ops::Range<usize>) -> String {
        self.columns[range].iter().map(|c| c.0).collect::<Vec<_>>().join(", ")
    }

    fn where_key(&self, first: usize) -> String {
        let mut out = String::new();
        for (i, (name, _)) in self.columns[..self.key].iter().enumerate() {
            let _ = write!(out, "{}{name} = ${}", if i == 0 { " where " } else { " and " }, first + i);
        }
        out
    }

    /// `insert` of so many rows in one statement.
    pub(crate) fn insert_sql(&self, tx: &Tx, rows: usize) -> impl sqlx::SqlSafeStr + use<> {
        let width = self.columns.len();
        let (names, places) = (self.names(0..width), tx.place_rows(rows, width));
        built(format!("insert into {} ({names}) values {places}", self.name))
    }

    pub(crate) fn update_sql(&self) -> impl sqlx::SqlSafeStr + use<> {
        let width = self.columns.len();
        let sets = (self.key..width)
            .map(|i| format!("{} = ${}", self.columns[i].0, i + 1))
            .collect::<Vec<_>>()
            .join(", ");
        built(format!("update {} set {sets}{}", self.name, self.where_key(1)))
    }

    pub(crate) fn delete_sql(&self) -> impl sqlx::SqlSafeStr + use<> {
        built(format!("delete from {}{}", self.name, self.where_key(1)))
    }

    /// All columns, in order; `tail` is a constant of this crate such as `where login = $1`.
    pub(crate) fn select_sql(&self, tail: &str) -> impl sqlx::SqlSafeStr + use<> {
        built(format!("select {} from {} {tail}", self.names(0..self.columns.len()), self.name))
    }

    /// All rows in key order: duplicates of a key stand beside each other.
    pub(crate) fn scan_sql(&self) -> impl sqlx::SqlSafeStr + use<> {
        self.select_sql(&format!("order by {}", self.names(0..self.key)))
    }

    /// A row's bytes for its MAC: table, then each column behind a tag and its length.
    ///
    /// ```text
    /// name_len(1) name { 0 | 1 int(8, LE) | 2 len(4, LE) text | 3 len(4, LE) bytes } per column
    /// ```
    pub(crate) fn encode(&self, args: &[Arg<'_>], out: &mut Vec<u8>) {
        out.clear();
        out.push(self.name.len() as u8);
        out.extend_from_slice(self.name.as_bytes());
        for arg in args {
            match arg {
                Arg::NullInt | Arg::NullText | Arg::NullBytes => put(out, None),
                arg => put(out, Some(*arg)),
            }
        }
    }

    /// The bytes of a stored row, as [`Table::encode`] makes them, and where its key ends in them; without
    /// a copy of any value, for the tables that are as large as there are members.
    pub(crate) fn encode_row(&self, row: &Row, out: &mut Vec<u8>) -> Result<usize, StoreError> {
        self.encode(&[], out);
        let mut key_end = 0;
        for (i, (_, kind)) in self.columns.iter().enumerate() {
            match kind {
                Int => put(out, Some(Arg::Int(row.int(i)?))),
                MaybeInt => put(out, row.maybe_int(i)?.map(Arg::Int)),
                Text | MaybeText => put(out, row.str(i)?.map(Arg::Text)),
                Bytes | MaybeBytes => put(out, row.maybe_slice(i)?.map(Arg::Bytes)),
            }
            if i + 1 == self.key {
                key_end = out.len();
            }
        }
        Ok(key_end)
    }

    /// A stored row as values again.
    pub(crate) fn read(&self, row: &Row) -> Result<Vec<Value>, StoreError> {
        self.columns
            .iter()
            .enumerate()
            .map(|(i, (_, kind))| {
                Ok(match kind {
                    Int => Value::Int(row.int(i)?),
                    Text => Value::Text(row.text(i)?),
                    Bytes => Value::Bytes(row.bytes(i)?),
                    MaybeInt => row.maybe_int(i)?.map_or(Value::Null(MaybeInt), Value::Int),
                    MaybeText => row.maybe_text(i)?.map_or(Value::Null(MaybeText), Value::Text),
                    MaybeBytes => row.maybe_bytes(i)?.map_or(Value::Null(MaybeBytes), Value::Bytes),
                })
            })
            .collect()
    }
}

fn put(out: &mut Vec<u8>, value: Option<Arg<'_>>) {
    let (tag, bytes) = match value {
        Some(Arg::Int(v)) => {
            out.push(1);
            out.extend_from_slice(&v.to_le_bytes());
            return;
        }
        Some(Arg::Text(v)) => (2, v.as_bytes()),
        Some(Arg::Bytes(v)) => (3, v),
        _ => {
            out.push(0);
            return;
        }
    };
    out.push(tag);
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// An owned value of a stored row.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Null(Kind),
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Value {
    pub(crate) fn arg(&self) -> Arg<'_> {
        match self {
            Value::Null(Kind::MaybeText) => Arg::NullText,
            Value::Null(Kind::MaybeBytes) => Arg::NullBytes,
            Value::Null(_) => Arg::NullInt,
            Value::Int(v) => Arg::Int(*v),
            Value::Text(v) => Arg::Text(v),
            Value::Bytes(v) => Arg::Bytes(v),
        }
    }
}

/// Borrows a row of values as arguments.
pub(crate) fn args(values: &[Value]) -> Vec<Arg<'_>> {
    values.iter().map(Value::arg).collect()
}
