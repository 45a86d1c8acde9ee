//! The HTTP API over a real connection, on both engines: who may do what, sessions, the whole road.

#[path = "../support/mod.rs"]
mod support;

// This binary uses its own part of it.
#[allow(dead_code)]
#[path = "../store/raw.rs"]
mod raw;

mod afar;
mod alarms;
mod bodies;
mod budgets;
mod caller;
mod described;
mod description;
mod editions;
mod factors;
mod fuzzed;
mod imports;
mod languages;
mod leak;
mod members;
mod notices;
mod oidc;
mod pages;
mod pressure;
mod processes;
mod proposals;
mod repeats;
mod road;
mod routes;
mod sessions;
mod stopping;
mod tls;
mod together;
mod tokens;
mod tokens_kept;
mod undertakings;

/// The same beside an identity provider.
#[macro_export]
macro_rules! both_at_provider {
    ($($name:ident),+ $(,)?) => {
        $(mod $name {
            use $crate::caller::Served;
            use $crate::support::{provider::Provider, world::On};

            #[test]
            fn sqlite() {
                let provider = Provider::start();
                super::$name(&Served::beside_provider(On::Sqlite, &provider), &provider);
            }

            #[test]
            fn postgres() {
                let provider = Provider::start();
                super::$name(&Served::beside_provider(On::Postgres, &provider), &provider);
            }
        })+
    };
}

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
