//! From rows to the file a vendor can open, and to nothing else.
//!
//! In which order rows go ([`order`]), how they are written ([`rows`]), encrypted to whom ([`container`]), and
//! sealed how until the download gate opens it ([`at_rest`]). Those are streams and values. [`making`] reads the
//! store and drives them; nothing here reads a clock. Backups are files of the same making ([`backup`]).

pub mod at_rest;
pub mod backup;
pub mod container;
pub mod making;
pub mod manifest;
mod openers;
pub mod order;
pub mod rows;
