//! From rows to the file a vendor can open, and to nothing else.
//!
//! Reading order: which members ([`bitmap`]), in which order ([`order`]), as which text ([`rows`]), to
//! whom ([`container`]), and sealed how until the download gate opens it ([`at_rest`]). All of it is
//! streams and values: no database, no clock.

pub mod at_rest;
pub mod bitmap;
pub mod container;
pub mod order;
pub mod rows;
