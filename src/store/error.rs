//! What can go wrong with the data, and what it means to the caller.

use crate::clock::NoRandomness;
use crate::keyring::root::RootError;

/// An error of the store. `cli::failure` says which exit it is.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no vault where it was looked for.
    #[error("there is no vault here")]
    NoVault,
    /// There is one already.
    #[error("there is a vault here already")]
    VaultExists,
    /// Not a database address we know.
    #[error("the database address is not sqlite:PATH or postgres://…")]
    Url,
    /// The database could not be reached.
    #[error("the database cannot be opened: {0}")]
    Unreachable(#[source] sqlx::Error),
    /// Another writer held the vault for longer than ten seconds.
    #[error("another process holds the vault; gave up after 10 s")]
    Busy,
    /// No space left.
    #[error("the disk is full; nothing was stored")]
    DiskFull,
    /// The folder or file cannot be written.
    #[error("the vault's folder cannot be written")]
    ReadOnly,
    /// A commit would not be on disk.
    #[error("the database would lose commits: {0} is {1}; it must be on")]
    NotDurable(&'static str, String),
    /// Made by a newer version.
    #[error("this vault has schema version {0}, which this program does not know; use the newer program")]
    NewerSchema(i64),
    /// The vault was made by an earlier version, and whoever asked must change nothing in it.
    #[error("the vault was made by an earlier version of this program")]
    OlderSchema,
    /// A restore was broken off here.
    #[error("a backup is being restored here, or its restoring was broken off: this is no vault yet")]
    Restoring,
    /// A migration was changed after it was applied.
    #[error("schema version {0} is not the one that made this vault")]
    ChangedSchema(i64),
    /// Migrating failed.
    #[error("the schema could not be brought up to date: {0}")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// Tampering, truncation, rollback or a wrong key.
    #[error("integrity: {what}: {place}")]
    Integrity {
        /// Table or part.
        what: String,
        /// Where in it.
        place: String,
    },
    /// The clock went back by more than five seconds.
    #[error("the clock is {0} s behind the log's last entry; set it right first")]
    ClockBack(i64),
    /// The high-water file is there and cannot be read.
    #[error("the high-water mark cannot be read at {0}: {1}")]
    HighWaterUnreadable(std::path::PathBuf, #[source] std::io::Error),
    /// The high-water file cannot be written, so nothing may be acknowledged.
    #[error("the high-water mark cannot be written at {0}: {1}")]
    HighWater(std::path::PathBuf, #[source] std::io::Error),
    /// What was asked for is stored; what follows from it could not be done now.
    #[error("it is stored, and what follows from it could not be done: {0}")]
    Unfinished(#[source] Box<StoreError>),
    /// A named constraint was broken, by the same name on both engines; the caller knows which refusal
    /// that is.
    #[error("conflicts with what is stored: {0}")]
    Conflict(String),
    /// No randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The root key failed.
    #[error(transparent)]
    Root(#[from] RootError),
    /// This program did what it never should; the data is not to blame. The words say what.
    #[error("a fault in this program: {0}; nothing more was stored")]
    Fault(&'static str),
    /// The turn in which this was to be written with others failed. The words are that failure's.
    #[error("{0}")]
    Together(String),
    /// Any other database error.
    #[error("the database failed: {0}")]
    Database(#[source] sqlx::Error),
}

impl StoreError {
    /// An integrity error with its place.
    pub fn integrity(what: impl Into<String>, place: impl Into<String>) -> Self {
        StoreError::Integrity { what: what.into(), place: place.into() }
    }

    /// A row that cannot even be read was not written by us.
    pub(crate) fn unreadable(self, table: &str) -> Self {
        match self {
            StoreError::Database(sqlx::Error::ColumnDecode { index, .. }) => {
                StoreError::integrity(table, format!("column {index} holds another type"))
            }
            StoreError::Database(sqlx::Error::Database(e))
                if e.message().contains("no such") || e.message().contains("does not exist") =>
            {
                StoreError::integrity(table, "the table or a column is missing")
            }
            StoreError::Database(sqlx::Error::Database(e)) if e.message().contains("malformed") => {
                StoreError::integrity(table, "the database file is damaged")
            }
            other => other,
        }
    }
}

/// An error that several may be told.
pub(crate) trait Shared: From<StoreError> {
    /// Whether something that was read is broken: of one in a group, so that the others' can be read.
    fn is_broken(&self) -> bool;
    /// The same for another who waited.
    fn shared(&self) -> Self;
}

impl Shared for StoreError {
    fn is_broken(&self) -> bool {
        matches!(self, StoreError::Integrity { .. })
    }

    fn shared(&self) -> Self {
        match self {
            StoreError::Busy => StoreError::Busy,
            StoreError::DiskFull => StoreError::DiskFull,
            StoreError::ReadOnly => StoreError::ReadOnly,
            StoreError::ClockBack(behind) => StoreError::ClockBack(*behind),
            StoreError::Integrity { what, place } => StoreError::integrity(what, place),
            StoreError::HighWater(path, cause) => {
                StoreError::HighWater(path.clone(), std::io::Error::new(cause.kind(), cause.to_string()))
            }
            StoreError::HighWaterUnreadable(path, cause) => StoreError::HighWaterUnreadable(
                path.clone(),
                std::io::Error::new(cause.kind(), cause.to_string()),
            ),
            other => StoreError::Together(other.to_string()),
        }
    }
}

/// SQLITE_IOERR_SHMSIZE: the index of the write-ahead log, made at the first opening, found no room.
const NO_ROOM_FOR_SHM: &str = "4874";

/// The constraint's name out of SQLite's words, which name a unique one's columns instead. As
/// PostgreSQL does, a primary key goes by its table: `package_pkey`.
fn constraint(text: &str) -> String {
    let columns = text.rsplit_once(": ").map_or(text, |(_, columns)| columns);
    match columns {
        "package.request_no, package.live" => "package_one_live".to_owned(),
        "request.site, request.year, request.serial" => "request_number".to_owned(),
        _ => columns.split_once('.').map_or_else(|| columns.to_owned(), |(table, _)| format!("{table}_pkey")),
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut => StoreError::Busy,
            sqlx::Error::Database(e) => {
                let (code, text) = (e.code().unwrap_or_default().into_owned(), e.message().to_owned());
                let sqlite = code.parse::<i32>().map(|c| c & 0xff).unwrap_or(-1);
                let is_sqlite = code.len() <= 4;
                if (is_sqlite && (sqlite == 5 || sqlite == 6)) || code == "55P03" || code == "57014" {
                    StoreError::Busy
                } else if (is_sqlite && (sqlite == 13 || code == NO_ROOM_FOR_SHM)) || code == "53100" {
                    StoreError::DiskFull
                } else if (is_sqlite && (sqlite == 8 || sqlite == 14)) || code == "25006" {
                    StoreError::ReadOnly
                } else if is_sqlite && (sqlite == 11 || sqlite == 26) {
                    StoreError::integrity("database file", "it is damaged or not a database")
                } else if (is_sqlite && sqlite == 10) && text.contains("disk I/O") {
                    StoreError::Database(error)
                } else if e.is_unique_violation() || e.is_check_violation() {
                    StoreError::Conflict(e.constraint().map_or_else(|| constraint(&text), str::to_owned))
                } else {
                    StoreError::Database(error)
                }
            }
            sqlx::Error::Io(e) if e.kind() == std::io::ErrorKind::StorageFull => StoreError::DiskFull,
            _ => StoreError::Database(error),
        }
    }
}
