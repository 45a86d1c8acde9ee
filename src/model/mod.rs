//! The words, parsed once at the door: every type here is valid by construction.
//!
//! Nothing in this room reads a clock, a database or a key. A value that came through `parse` needs
//! no second look anywhere behind it.

pub mod code;
pub mod contact;
pub mod day;
pub mod field;
pub mod member;
pub mod money;
pub mod refusal;
pub(crate) mod text;
pub mod value_error;
