//! The schema's versions: what each adds, in its order, on both engines.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use super::StoreError;
use super::engine::Engine;

/// The newest migration.
pub(crate) const SCHEMA: i64 = 15;

macro_rules! texts {
    ($engine:literal) => {
        [
            ("vault", include_str!(concat!("../../migrations/", $engine, "/0001_vault.sql"))),
            ("blocks", include_str!(concat!("../../migrations/", $engine, "/0002_blocks.sql"))),
            ("ranges", include_str!(concat!("../../migrations/", $engine, "/0003_ranges.sql"))),
            ("sessions", include_str!(concat!("../../migrations/", $engine, "/0004_sessions.sql"))),
            ("undertakings", include_str!(concat!("../../migrations/", $engine, "/0005_undertakings.sql"))),
            ("second_pair", include_str!(concat!("../../migrations/", $engine, "/0006_second_pair.sql"))),
            (
                "second_factors",
                include_str!(concat!("../../migrations/", $engine, "/0007_second_factors.sql")),
            ),
            ("guard", include_str!(concat!("../../migrations/", $engine, "/0008_guard.sql"))),
            ("notes", include_str!(concat!("../../migrations/", $engine, "/0009_notes.sql"))),
            ("vendor_keys", include_str!(concat!("../../migrations/", $engine, "/0010_vendor_keys.sql"))),
            ("kept_answers", include_str!(concat!("../../migrations/", $engine, "/0011_kept_answers.sql"))),
            (
                "linked_accounts",
                include_str!(concat!("../../migrations/", $engine, "/0012_linked_accounts.sql")),
            ),
            ("imports", include_str!(concat!("../../migrations/", $engine, "/0013_imports.sql"))),
            (
                "service_tokens",
                include_str!(concat!("../../migrations/", $engine, "/0014_service_tokens.sql")),
            ),
            ("newest", include_str!(concat!("../../migrations/", $engine, "/0015_newest.sql"))),
        ]
    };
}

impl Engine {
    /// Brings the schema to this program's version. A newer one is refused.
    pub(crate) async fn migrate(&self) -> Result<(), StoreError> {
        let all = |texts: [(&'static str, &'static str); SCHEMA as usize]| {
            let versions = texts.into_iter().zip(1..);
            let migration = |((name, sql), version): ((&'static str, &'static str), i64)| {
                Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
            };
            Migrator::with_migrations(versions.map(migration).collect())
        };
        let done = match self {
            Engine::Sqlite { write, .. } => all(texts!("sqlite")).run(write).await,
            Engine::Postgres(pool) => all(texts!("postgres")).run(pool).await,
        };
        done.map_err(|e| match e {
            sqlx::migrate::MigrateError::VersionMissing(v) => StoreError::NewerSchema(v),
            sqlx::migrate::MigrateError::VersionMismatch(v) => StoreError::ChangedSchema(v),
            sqlx::migrate::MigrateError::Execute(e) => StoreError::from(e),
            other => StoreError::Migration(other),
        })
    }

    /// Whether every migration has been run.
    pub(crate) async fn is_current(&self) -> Result<bool, StoreError> {
        let mut tx = self.begin_read().await?;
        let sql = "select coalesce(max(version), 0) from _sqlx_migrations";
        Ok(tx.one(sql, &[]).await?.int(0)? >= SCHEMA)
    }
}
