//! The words, parsed once at the door: every type here is valid by construction.
//!
//! Nothing in this room reads a clock, a database or a key. A value that came through `parse` needs
//! no second look anywhere behind it.

pub mod code;
pub mod field;
pub mod refusal;

pub mod canonical;
pub mod file;
pub mod secret;
pub mod ids;
pub mod iso;
pub mod lang;
pub mod phrase;
pub mod scope;
pub(crate) mod text;
pub mod value_error;

pub mod contact;
pub mod day;
pub mod member;
pub mod money;
pub mod network;
pub mod sealed;

pub mod form;
pub mod ordinals;
pub mod org;
pub mod selection;
pub mod signing;
pub mod vendor;
