//! Where a verb is done: on the vault here, or at a server. The commands ask a desk and print what it gives, so that
//! both are printed, refused and counted alike.
//!
//! What is only shown comes as JSON, what a command looks into as the broker's own type.

pub(super) mod members;
mod offices;
mod packages;
pub(super) mod requests;
mod tokens;

use serde::Serialize;
use serde_json::Value;

use super::Failure;
use super::remote::Server;
use crate::broker::{Broker, StepUp};

/// Who can do it.
pub(super) enum Desk {
    /// The vault on this machine, and a person who has just given the password.
    Here(Box<Broker>, StepUp),
    /// A server, and the session or token it knows its caller by.
    There(Server),
}

/// What is only shown, as JSON.
fn shown(value: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(value).map_err(|_| Failure::input("fault", "the answer is no JSON", "report this"))
}
