//! What happened, pure: no clock, no file, no database, no key but the ones handed in.

pub mod checkpoint;
pub mod event;
pub mod leaf;
pub mod nodes;
pub mod note;
pub mod proof;
pub mod tree;
