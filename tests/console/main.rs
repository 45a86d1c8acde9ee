//! The console in a real Chromium: each group's job from signing in to its end, and whether everybody can use it.

#[path = "../support/mod.rs"]
mod support;

// This binary uses its own part of it.
#[allow(dead_code)]
#[path = "../api/caller.rs"]
mod caller;

#[allow(dead_code)]
#[path = "../api/described.rs"]
mod described;

mod access;
mod admin;
mod auditor;
mod browser;
mod counter;
mod demo;
mod entering;
mod executions;
mod forms;
mod guarded;
mod imports;
mod jobs;
mod keys;
mod lists;
mod packages;
mod planning;
mod tokens;

/// Runs a job on both engines, each in another language or window.
#[macro_export]
macro_rules! both {
    ($name:ident, $on_sqlite:expr, $on_postgres:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn sqlite() {
                super::$name(On::Sqlite, $on_sqlite);
            }

            #[test]
            fn postgres() {
                super::$name(On::Postgres, $on_postgres);
            }
        }
    };
}
