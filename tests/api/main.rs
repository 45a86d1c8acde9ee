//! The HTTP API over a real connection, on both engines: who may do what, sessions, the whole road.

#[path = "../support/mod.rs"]
mod support;

// This binary uses its own part of it.
#[allow(dead_code)]
#[path = "../store/raw.rs"]
mod raw;

mod bodies;
mod caller;
mod leak;
mod pages;
mod road;
mod routes;
mod sessions;
mod together;

/// Runs a test body on both engines, each with a server of its own.
#[macro_export]
macro_rules! both {
    ($($name:ident),+ $(,)?) => {
        $(mod $name {
            #[test]
            fn sqlite() {
                super::$name(&$crate::caller::Served::start($crate::support::world::On::Sqlite));
            }

            #[test]
            fn postgres() {
                super::$name(&$crate::caller::Served::start($crate::support::world::On::Postgres));
            }
        })+
    };
}
