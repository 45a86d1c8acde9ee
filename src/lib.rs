//! Countersign: a vault for members' personal data and the one door out of it.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod access;
pub mod audit;
pub mod broker;
pub mod cli;
pub mod clock;
pub mod config;
pub mod intake;
pub mod keyring;
pub mod model;
pub mod policy;
pub mod release;
pub mod store;
pub mod vault;
