//! The two engines behind one face. Nothing outside this file asks which engine it is.
//!
//! A statement is one text for both. Values go in as [`Arg`] and come out of a [`Row`] by position:
//! no derive, no macro, and one place where a database type becomes ours.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use futures_util::{StreamExt, stream::BoxStream};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Postgres, Row as _, SqlSafeStr, Sqlite, Transaction,
};

use super::StoreError;
pub(crate) use super::values::{Arg, Row};

/// How long a writer waits for its turn before it gives up (contract: exit 3).
pub const LOCK_WAIT: Duration = Duration::from_secs(10);

/// How soon to look again whether another process is done where SQLite does not wait by itself.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A query of more values than these is planned anew each time: PostgreSQL would keep the plan it made
/// while the tables were empty, which is to walk through the whole of them.
const MOST_KEPT: usize = 64;

/// Statements that a connection keeps prepared: some hundred texts, and those of many rows once for each number of rows.
const STATEMENTS: usize = 256;

/// Rows that SQLite's thread may be ahead of their reader, about a megabyte of blocks: with a few, the two
/// threads wake each other every few rows.
const ROWS_AHEAD: usize = 128;

/// What a statement of many is asked, filled up with the last one, so that there are few texts to prepare.
pub(super) fn filled_up<T>(asked: &[T]) -> impl Iterator<Item = &T> {
    let last = asked.last().into_iter().cycle();
    asked.iter().chain(last).take(asked.len().next_power_of_two())
}

/// A transaction. Dropped without `commit`, it leaves nothing behind.
pub(crate) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// Expands one statement for both engines: same text, same binds.
macro_rules! bound {
    ($db:ty, $sql:expr, $args:expr) => {{
        let mut query = sqlx::query::<$db>($sql);
        for arg in $args {
            query = match *arg {
                Arg::Int(v) => query.bind(v),
                Arg::Text(v) => query.bind(v),
                Arg::Bytes(v) => query.bind(v),
                Arg::NullInt => query.bind(None::<i64>),
                Arg::NullText => query.bind(None::<&str>),
                Arg::NullBytes => query.bind(None::<&[u8]>),
            };
        }
        query
    }};
}

impl Tx {
    /// Runs a statement; the number of rows it touched.
    pub(crate) async fn execute(
        &mut self,
        sql: impl SqlSafeStr,
        args: &[Arg<'_>],
    ) -> Result<u64, StoreError> {
        Ok(match self {
            Tx::Sqlite(tx) => bound!(Sqlite, sql, args).execute(&mut **tx).await?.rows_affected(),
            Tx::Postgres(tx) => bound!(Postgres, sql, args).execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// All rows of a query.
    pub(crate) async fn all(
        &mut self,
        sql: impl SqlSafeStr,
        args: &[Arg<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        Ok(match self {
            Tx::Sqlite(tx) => {
                bound!(Sqlite, sql, args).fetch_all(&mut **tx).await?.into_iter().map(Row::Sqlite).collect()
            }
            Tx::Postgres(tx) => bound!(Postgres, sql, args)
                .persistent(args.len() <= MOST_KEPT)
                .fetch_all(&mut **tx)
                .await?
                .into_iter()
                .map(Row::Postgres)
                .collect(),
        })
    }

    /// The first row of a query, if any.
    pub(crate) async fn maybe(
        &mut self,
        sql: impl SqlSafeStr,
        args: &[Arg<'_>],
    ) -> Result<Option<Row>, StoreError> {
        Ok(match self {
            Tx::Sqlite(tx) => bound!(Sqlite, sql, args).fetch_optional(&mut **tx).await?.map(Row::Sqlite),
            Tx::Postgres(tx) => {
                let query = bound!(Postgres, sql, args).persistent(args.len() <= MOST_KEPT);
                query.fetch_optional(&mut **tx).await?.map(Row::Postgres)
            }
        })
    }

    /// Places for `count` values from number `first` on, for statements of many; there, all places must
    /// come from here and be bound in order. SQLite walks a list of the numbered ones for each of them,
    /// time by the square; unnamed ones it only counts. For nothing there is a list that nothing is in: PostgreSQL
    /// takes no empty one.
    pub(crate) fn places(&self, first: usize, count: usize) -> String {
        if count == 0 {
            return "null".to_owned();
        }
        let mut list = String::with_capacity(count * 7);
        for number in first..first + count {
            list.push_str(if number == first { "" } else { ", " });
            match self {
                Tx::Sqlite(_) => list.push('?'),
                Tx::Postgres(_) => list.push_str(&format!("${number}")),
            }
        }
        list
    }

    /// Rows of places for `insert … values`, each in its brackets.
    pub(crate) fn place_rows(&self, rows: usize, width: usize) -> String {
        let rows = (0..rows).map(|row| format!("({})", self.places(row * width + 1, width)));
        rows.collect::<Vec<_>>().join(", ")
    }

    /// The row of a query that must have one.
    pub(crate) async fn one(&mut self, sql: impl SqlSafeStr, args: &[Arg<'_>]) -> Result<Row, StoreError> {
        self.maybe(sql, args).await?.ok_or(StoreError::Database(sqlx::Error::RowNotFound))
    }

    /// Rows as they come, for tables too large to hold.
    pub(crate) fn stream<'t>(
        &'t mut self,
        sql: impl SqlSafeStr,
        args: &[Arg<'t>],
    ) -> BoxStream<'t, Result<Row, StoreError>> {
        match self {
            Tx::Sqlite(tx) => {
                bound!(Sqlite, sql, args).fetch(&mut **tx).map(|row| Ok(Row::Sqlite(row?))).boxed()
            }
            Tx::Postgres(tx) => {
                bound!(Postgres, sql, args).fetch(&mut **tx).map(|row| Ok(Row::Postgres(row?))).boxed()
            }
        }
    }

    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Tx::Sqlite(tx) => tx.commit().await?,
            Tx::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// Marks a text that was put together from this crate's own constants, never from input.
pub(crate) fn built(sql: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql)
}

async fn open_once(options: &SqliteConnectOptions, keystore: &Path) -> Result<(), sqlx::Error> {
    let mut conn = options.connect().await?;
    attach_keystore(&mut conn, keystore).await?;
    conn.close().await
}

async fn attach_keystore(conn: &mut SqliteConnection, keystore: &Path) -> Result<(), sqlx::Error> {
    let keystore = keystore.to_string_lossy().into_owned();
    sqlx::query("attach database $1 as keys").bind(keystore).execute(&mut *conn).await?;
    // Set again: these are settings of each attached file.
    sqlx::query("pragma keys.journal_mode = wal").execute(&mut *conn).await?;
    sqlx::query("pragma keys.synchronous = full").execute(&mut *conn).await?;
    sqlx::query("pragma keys.secure_delete = on").execute(&mut *conn).await?;
    Ok(())
}

/// Where the data lies.
pub(crate) enum Engine {
    Sqlite { write: SqlitePool, read: SqlitePool },
    Postgres(PgPool),
}

impl Engine {
    /// Opens `sqlite:PATH` (its keystore beside it) or `postgres://…`; with `create`, makes the file.
    pub(crate) async fn open(url: &str, create: bool) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return Engine::open_sqlite(Path::new(path), create).await;
        }
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(StoreError::Url);
        }
        let options: PgConnectOptions = url.parse().map_err(|_| StoreError::Url)?;
        let options = options.application_name("countersign").options([
            ("lock_timeout", format!("{}", LOCK_WAIT.as_millis())),
            ("client_min_messages", "warning".into()),
            // Compiling a plan costs more than any statement here.
            ("jit", "off".into()),
        ]);
        let options = options.statement_cache_capacity(STATEMENTS).disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(8)
            .acquire_timeout(LOCK_WAIT)
            .connect_with(options)
            .await
            .map_err(StoreError::Unreachable)?;
        Ok(Engine::Postgres(pool))
    }

    async fn open_sqlite(path: &Path, create: bool) -> Result<Self, StoreError> {
        if !create && !path.exists() {
            return Err(StoreError::NoVault);
        }
        let keystore = path.with_file_name("keys.db");
        if !create && !keystore.exists() {
            let missing = std::io::Error::new(ErrorKind::NotFound, "the keystore keys.db is missing");
            return Err(StoreError::Unreachable(sqlx::Error::Io(missing)));
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(LOCK_WAIT)
            // A deleted key or value must not stay legible in a free page.
            .pragma("secure_delete", "on")
            .pragma("foreign_keys", "off")
            .pragma("temp_store", "memory")
            .pragma("cache_size", "-16384")
            .statement_cache_capacity(STATEMENTS)
            .row_buffer_size(ROWS_AHEAD)
            // A walk through a million members takes its seconds: no fault to warn of.
            .disable_statement_logging();
        // Once by hand: a pool tries a damaged file again and again, and then says only that it timed out.
        open_once(&options, &keystore).await.map_err(|e| match StoreError::from(e) {
            StoreError::Database(e) => StoreError::Unreachable(e),
            other => other,
        })?;
        let attach = move |options: SqlitePoolOptions| {
            let keystore = keystore.clone();
            options.acquire_timeout(LOCK_WAIT).after_connect(move |conn, _| {
                let keystore = keystore.clone();
                Box::pin(async move { attach_keystore(conn, &keystore).await })
            })
        };
        let write = attach(SqlitePoolOptions::new().max_connections(1))
            .connect_with(options.clone())
            .await
            .map_err(StoreError::Unreachable)?;
        let read =
            attach(SqlitePoolOptions::new().max_connections(4).min_connections(0)).connect_lazy_with(options);
        Ok(Engine::Sqlite { write, read })
    }

    /// A short name for people: which engine and its version.
    pub(crate) async fn describe(&self) -> Result<String, StoreError> {
        let mut tx = self.begin_read().await?;
        Ok(match &mut tx {
            Tx::Sqlite(_) => format!("SQLite {}", tx.one("select sqlite_version()", &[]).await?.text(0)?),
            Tx::Postgres(_) => format!(
                "PostgreSQL {}",
                tx.one("select current_setting('server_version')", &[]).await?.text(0)?
            ),
        })
    }

    /// A snapshot: everything read in it is of one moment, and nothing can be written.
    pub(crate) async fn begin_read(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Engine::Sqlite { read, .. } => {
                let mut tx = Tx::Sqlite(read.begin().await?);
                // A file's snapshot begins with the first read of it: both at once, not the keystore's
                // minutes later, when members' keys have come and gone.
                tx.maybe("select 1 from main.sqlite_master, keys.sqlite_master limit 1", &[]).await?;
                tx
            }
            Engine::Postgres(pool) => Tx::Postgres(
                pool.begin_with("begin transaction isolation level repeatable read, read only").await?,
            ),
        })
    }

    /// A writer's turn. Writers take turns on both engines: SQLite has one writer anyway, and on
    /// PostgreSQL every writer ends at the log's head row, so it takes a lock first and sees a world that
    /// stands still. At most [`LOCK_WAIT`], then `Busy`.
    pub(crate) async fn begin_write(&self) -> Result<Tx, StoreError> {
        match self {
            Engine::Sqlite { write, .. } => match write.begin_with("begin immediate").await {
                // A full disk ends SQLite's transaction by itself, and the connection does not notice: it
                // is of no more use.
                Err(sqlx::Error::InvalidSavePointStatement) => {
                    write.acquire().await?.close().await?;
                    Ok(Tx::Sqlite(write.begin_with("begin immediate").await?))
                }
                begun => Ok(Tx::Sqlite(begun?)),
            },
            Engine::Postgres(pool) => {
                // All of a turn is of one moment: who changes a row behind the store's back between two looks
                // at it is not seen, and writing over him fails. Taking a lock takes no snapshot, a query
                // would, before it waits; and this table is never written, so no vacuum is in the way.
                let begin = "begin transaction isolation level repeatable read";
                let mut tx = Tx::Postgres(pool.begin_with(begin).await?);
                tx.execute("lock table vault in exclusive mode", &[]).await?;
                Ok(tx)
            }
        }
    }

    /// A transaction on a database that may be no vault yet, so that there is nothing to take turns on.
    pub(crate) async fn begin_any(&self) -> Result<Tx, StoreError> {
        match self {
            Engine::Sqlite { .. } => self.begin_write().await,
            Engine::Postgres(pool) => Ok(Tx::Postgres(pool.begin().await?)),
        }
    }

    /// Durability is a promise of the log: refuse to run where a commit is not on disk.
    pub(crate) async fn check_durability(&self) -> Result<(), StoreError> {
        let mut tx = self.begin_read().await?;
        match &mut tx {
            Tx::Sqlite(_) => {
                for (setting, sql, want) in [
                    ("synchronous", "select cast(synchronous as text) from pragma_synchronous", "2"),
                    ("journal_mode", "select journal_mode from pragma_journal_mode", "wal"),
                ] {
                    let found = tx.one(sql, &[]).await?.text(0)?;
                    if found != want {
                        return Err(StoreError::NotDurable(setting, found));
                    }
                }
            }
            Tx::Postgres(_) => {
                for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
                    let found = tx.one("select current_setting($1)", &[Arg::Text(setting)]).await?.text(0)?;
                    if found == "off" || (setting == "synchronous_commit" && found == "local") {
                        return Err(StoreError::NotDurable(setting, found));
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the schema is there at all.
    pub(crate) async fn has_schema(&self) -> Result<bool, StoreError> {
        self.has_table("vault").await
    }

    /// Whether a table is there, the vault's own or the keystore's.
    pub(crate) async fn has_table(&self, name: &str) -> Result<bool, StoreError> {
        let mut tx = self.begin_read().await?;
        let sql = match &tx {
            Tx::Sqlite(_) => {
                "select count(*) from (select name from main.sqlite_master \
                 union all select name from keys.sqlite_master) as t where name = $1"
            }
            Tx::Postgres(_) => {
                "select count(*) from pg_tables where tablename = $1 \
                 and schemaname in (current_schema(), 'keys')"
            }
        };
        Ok(tx.one(sql, &[Arg::Text(name)]).await?.int(0)? > 0)
    }

    /// After a key was destroyed: its bytes must not stay in a write-ahead file.
    pub(crate) async fn forget_deleted(&self) -> Result<(), StoreError> {
        match self {
            Engine::Sqlite { write, .. } => {
                let emptied = async {
                    for sql in
                        ["pragma main.wal_checkpoint(truncate)", "pragma keys.wal_checkpoint(truncate)"]
                    {
                        // Its first column says whether somebody held the file: then the bytes are still
                        // there, and saying nothing would be a lie. For a reader SQLite waits; for another
                        // process that is at the same it does not.
                        while sqlx::query(sql).fetch_one(write).await?.try_get::<i64, _>(0)? != 0 {
                            tokio::time::sleep(LOOK_AGAIN).await;
                        }
                    }
                    Ok(())
                };
                return tokio::time::timeout(LOCK_WAIT, emptied).await.unwrap_or(Err(StoreError::Busy));
            }
            Engine::Postgres(pool) => {
                sqlx::query("vacuum keys.key_block, keys.package_key").execute(pool).await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn close(&self) {
        match self {
            Engine::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Engine::Postgres(pool) => pool.close().await,
        }
    }
}
