//! The road end to end, through the verbs everyone calls, on both engines.

#[path = "../support/mod.rs"]
mod support;

// This binary uses its own part of it.
#[allow(dead_code)]
#[path = "../store/raw.rs"]
mod raw;

mod chain;
mod consent;
mod exploring;
mod gate;
mod handing;
mod lists;
mod ranges;
mod reading;
mod vendors;
mod whole;
mod workers;

/// Runs a test body on both engines, each with a vault of its own.
#[macro_export]
macro_rules! both {
    ($($name:ident),+ $(,)?) => {
        $(mod $name {
            #[test]
            fn sqlite() {
                let world = $crate::support::world::World::new($crate::support::world::On::Sqlite);
                $crate::support::world::block(super::$name(&world));
            }

            #[test]
            fn postgres() {
                let world = $crate::support::world::World::new($crate::support::world::On::Postgres);
                $crate::support::world::block(super::$name(&world));
            }
        })+
    };
}
