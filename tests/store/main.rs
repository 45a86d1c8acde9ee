//! The store through its public API, on both engines: what is stored reads back, what is tampered with
//! is found, and what must not happen does not.
//!
//! `fixture` makes vaults and words, `raw` is the database administrator who turns rows behind the
//! store's back; every other file is a subject.

#[path = "../support/mod.rs"]
mod support;

/// Runs each named `async fn(Vault)` as two tests: `name::sqlite` and `name::postgres`.
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {
        $(mod $name {
            use crate::fixture::{On, Vault};

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(Vault::new(On::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(Vault::new(On::Postgres).await).await;
            }
        })+
    };
}

mod campaign;
mod checked;
mod counted;
mod fixture;
mod imports;
mod life;
mod log;
mod members;
mod organisation;
mod proofs;
mod raw;
mod rollback;
mod tamper;
mod tokens;
mod words;
mod writers;
