//! What the black-box tests share. A test binary takes it in by `mod support;`, or from a folder of
//! its own by `#[path = "../support/mod.rs"] mod support;`.
//!
//! `generate` makes members, `expect` says which of them must be in which file, `cli` runs the built binary,
//! `postgres` lends a private server, `scan` looks for plaintext in whatever was left behind, `world` is a
//! furnished vault, `desk` the command line on it, `provider` an identity provider, `tools` what else is installed.

// Each test binary compiles this folder and uses its own part of it.
#![allow(dead_code)]

pub mod cli;
pub mod desk;
pub mod expect;
pub mod generate;
pub mod postgres;
pub mod provider;
pub mod scan;
pub mod tools;
pub mod workbook;
pub mod world;
