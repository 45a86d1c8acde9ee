//! The database administrator: reads and rewrites whole tables behind the store's back, on either engine,
//! without knowing what they mean. Tables and keys are found in the catalogue, so a new table is
//! tampered with from the day it is there.

use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

/// A connection that knows nothing of the store.
pub enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Int,
    Text,
    Bytes,
}

#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
    /// Part of the primary key.
    pub key: bool,
}

#[derive(Debug, Clone)]
pub struct Table {
    /// As statements write it: `unit`, `keys.data_key`.
    pub name: String,
    pub columns: Vec<Column>,
}

pub type Rows = Vec<Vec<Cell>>;

impl Table {
    pub fn position(&self, column: &str) -> usize {
        self.columns.iter().position(|c| c.name == column).expect("a column")
    }

    pub fn key_of(&self, row: &[Cell]) -> Vec<Cell> {
        self.columns.iter().zip(row).filter(|(c, _)| c.key).map(|(_, cell)| cell.clone()).collect()
    }
}

impl Raw {
    pub async fn connect(url: &str) -> Raw {
        match url.strip_prefix("sqlite:") {
            None => Raw::Postgres(PgConnection::connect(url).await.expect("the test's own database")),
            Some(path) => {
                let options = SqliteConnectOptions::new().filename(path).disable_statement_logging();
                let mut connection = options.connect().await.expect("the test's own file");
                let keys = std::path::Path::new(path).with_file_name("keys.db");
                let attach = format!("attach database '{}' as keys", keys.display());
                sqlx::raw_sql(AssertSqlSafe(attach)).execute(&mut connection).await.expect("the keystore");
                Raw::Sqlite(connection)
            }
        }
    }

    /// Runs any text, of one statement or several.
    pub async fn run(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Raw::Sqlite(c) => sqlx::raw_sql(sql).execute(c).await.map(|_| ()),
            Raw::Postgres(c) => sqlx::raw_sql(sql).execute(c).await.map(|_| ()),
        }
    }

    /// Takes the triggers away that keep tables append-only.
    pub async fn disarm(&mut self) {
        for table in self.tables().await.iter().map(|t| &t.name).filter(|n| !n.starts_with("keys.")) {
            match self {
                Raw::Postgres(_) => {
                    self.run(&format!("alter table {table} disable trigger all")).await.unwrap();
                }
                Raw::Sqlite(_) => {
                    for verb in ["update", "delete"] {
                        self.run(&format!("drop trigger if exists {table}_no_{verb}")).await.unwrap();
                    }
                }
            }
        }
    }

    /// Every table of the vault and its keystore but the migrations' own.
    pub async fn tables(&mut self) -> Vec<Table> {
        let sql = match self {
            Raw::Sqlite(_) => {
                "select name from (select name from main.sqlite_master where type = 'table' union all
                 select 'keys.' || name from keys.sqlite_master where type = 'table')
                 where name not like '%sqlite%' and name not like '%_sqlx_migrations' order by name"
            }
            Raw::Postgres(_) => {
                "select case when schemaname = 'keys' then 'keys.' || tablename else tablename::text end
                 from pg_tables where schemaname in ('public', 'keys') and tablename <> '_sqlx_migrations'
                 order by 1"
            }
        };
        let mut tables = Vec::new();
        for row in self.query(sql, &[Kind::Text]).await {
            let [Cell::Text(name)] = &row[..] else { panic!("a name") };
            tables.push(self.table(name).await);
        }
        tables
    }

    /// One table with its columns.
    pub async fn table(&mut self, name: &str) -> Table {
        let (schema, bare) = name.split_once('.').unwrap_or(("", name));
        let sql = match self {
            Raw::Sqlite(_) => {
                let schema = if schema.is_empty() { "main" } else { schema };
                format!(
                    "select name, lower(type), pk > 0 from pragma_table_info('{bare}', '{schema}') order by cid"
                )
            }
            Raw::Postgres(_) => {
                let schema = if schema.is_empty() { "public" } else { schema };
                format!(
                    "select a.attname::text, format_type(a.atttypid, a.atttypmod),
                        coalesce(a.attnum = any(i.indkey), false)::int::bigint
                     from pg_attribute a left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
                     where a.attrelid = '{schema}.{bare}'::regclass and a.attnum > 0 order by a.attnum"
                )
            }
        };
        let columns = self.query(&sql, &[Kind::Text, Kind::Text, Kind::Int]).await;
        let columns = columns.into_iter().map(|row| {
            let [Cell::Text(name), Cell::Text(kind), Cell::Int(key)] = &row[..] else { panic!("a column") };
            let kind = match kind.as_str() {
                "text" => Kind::Text,
                "blob" | "bytea" => Kind::Bytes,
                _ => Kind::Int,
            };
            Column { name: name.clone(), kind, key: *key != 0 }
        });
        Table { name: name.to_owned(), columns: columns.collect() }
    }

    /// All rows in key order.
    pub async fn rows(&mut self, table: &Table) -> Rows {
        let kinds: Vec<Kind> = table.columns.iter().map(|c| c.kind).collect();
        let key: Vec<&str> = table.columns.iter().filter(|c| c.key).map(|c| c.name.as_str()).collect();
        self.query(&format!("select * from {} order by {}", table.name, key.join(", ")), &kinds).await
    }

    /// Makes a table hold these rows and no others, in one transaction. What a constraint refuses is not done.
    pub async fn replace(&mut self, table: &Table, rows: &Rows) -> Result<(), sqlx::Error> {
        let sqlite = matches!(self, Raw::Sqlite(_));
        let mut sql = format!("begin; delete from {};", table.name);
        for row in rows {
            let cells: Vec<String> = row.iter().map(|cell| literal(cell, sqlite)).collect();
            sql.push_str(&format!(" insert into {} values ({});", table.name, cells.join(", ")));
        }
        sql.push_str(" commit");
        let done = self.run(&sql).await;
        if done.is_err() {
            self.run("rollback").await.expect("back to before");
        }
        done
    }

    /// How the engine would go about a query, where a walk through a whole table is its last choice.
    pub async fn plan(&mut self, sql: &str) -> String {
        let rows = match self {
            Raw::Sqlite(_) => {
                let kinds = [Kind::Int, Kind::Int, Kind::Int, Kind::Text];
                self.query(&format!("explain query plan {sql}"), &kinds).await
            }
            Raw::Postgres(_) => {
                self.run("set enable_seqscan = off; set enable_bitmapscan = off").await.unwrap();
                self.query(&format!("explain {sql}"), &[Kind::Text]).await
            }
        };
        let said = |row: Vec<Cell>| match row.into_iter().next_back() {
            Some(Cell::Text(text)) => text,
            other => panic!("no plan: {other:?}"),
        };
        rows.into_iter().map(said).collect::<Vec<_>>().join("\n")
    }

    async fn query(&mut self, sql: &str, kinds: &[Kind]) -> Rows {
        let sql = AssertSqlSafe(sql.to_owned());
        macro_rules! read {
            ($connection:expr) => {
                sqlx::query(sql)
                    .fetch_all($connection)
                    .await
                    .expect("a catalogue or table to read")
                    .iter()
                    .map(|row| {
                        let cell = |(i, kind): (usize, &Kind)| match kind {
                            Kind::Int => row.get::<Option<i64>, _>(i).map_or(Cell::Null, Cell::Int),
                            Kind::Text => row.get::<Option<String>, _>(i).map_or(Cell::Null, Cell::Text),
                            Kind::Bytes => row.get::<Option<Vec<u8>>, _>(i).map_or(Cell::Null, Cell::Bytes),
                        };
                        kinds.iter().enumerate().map(cell).collect()
                    })
                    .collect()
            };
        }
        match self {
            Raw::Sqlite(c) => read!(c),
            Raw::Postgres(c) => read!(c),
        }
    }
}

fn literal(cell: &Cell, sqlite: bool) -> String {
    match cell {
        Cell::Null => "null".into(),
        Cell::Int(v) => v.to_string(),
        Cell::Text(v) => format!("'{}'", v.replace('\'', "''")),
        Cell::Bytes(v) if sqlite => format!("x'{}'", hex::encode(v)),
        Cell::Bytes(v) => format!("'\\x{}'::bytea", hex::encode(v)),
    }
}
