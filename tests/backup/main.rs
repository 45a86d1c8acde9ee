//! Backups (B6, E6): made while a vault is written, unreadable without keys, restored onto either engine to the
//! same members, consents, requests and a log that verifies; whoever was erased later stays erased.

#[path = "../support/mod.rs"]
mod support;

#[path = "../store/raw.rs"]
#[allow(dead_code)]
mod raw;

mod broken;
mod doors;
mod drill;
mod erased;
mod load;
mod place;
mod scale;
mod whole;
