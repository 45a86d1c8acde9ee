//! The words, parsed once at the door: every type here is valid by construction.
//!
//! Nothing in this room reads a clock, a database or a key. A value that came through `parse` needs
//! no second look anywhere behind it.

pub mod code;
pub mod field;
pub mod refusal;
