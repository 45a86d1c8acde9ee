//! Countersign: a vault for members' personal data and the one door out of it.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod clock;
pub mod model;
pub mod audit;
pub mod keyring;
pub mod store;
pub mod policy;
pub mod access;
pub mod vault;
pub mod intake;
pub mod release;
pub mod broker;
pub mod config;
pub mod cli;
