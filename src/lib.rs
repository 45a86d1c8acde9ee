//! Countersign: a vault for members' personal data and the one door out of it.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod intake;
pub mod model;
