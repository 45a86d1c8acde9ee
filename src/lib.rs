//! Countersign: a vault for members' personal data and the one door out of it.
//!
//! A marketer cannot take a list; a marketer can *ask* for one. It leaves only when the right people have
//! countersigned exactly that request, with the fields its channel needs, of the members who consent at that
//! moment, encrypted to the vendor who will send, and only after the log has it.
//!
//! ```text
//! intake ──► vault ──► store          seal field by field, keep
//! access ──► vault ──► release        ask, permit, sign, consent: a grant; open, encrypt, write
//!    └── every arrow is an entry in audit, and what opens a value holds the receipt of its entry
//! ```
//!
//! This is the tour. The rooms stand in reading order, and reading order is import order: a room knows those
//! above it and none below (`tests/architecture.rs` holds it).
#![forbid(unsafe_code)]
#![warn(missing_docs)]

/// Time and randomness come in here and nowhere else, so that a test can hold them still.
pub mod clock;

/// The words: ids, codes, forms, signatures, each parsed once at the door and never a bare string past it.
pub mod model;

/// What happened, as pure values: the closed list of events, the leaf, the tree, checkpoints and proofs.
pub mod audit;

/// The keys that are not a member's: root, wrapping, row MACs, index tags. It opens no member field.
pub mod keyring;

/// Every line of SQL. Nothing is written without its log entry: `Work` commits an event
/// and gives a `Receipt`.
pub mod store;

/// Who may do what where, and which fields a purpose may carry on a channel: files an officer can read.
pub mod policy;

/// From asked to permitted, signed, consented and granted. The only place that makes a `Grant`.
pub mod access;

/// The only room that handles a member's data key: it seals, and opens for a grant. What it opens
/// cannot be printed.
pub mod vault;

/// Files of members become checked rows; what is wrong with a row is said in both languages and
/// stops no file.
pub mod intake;

/// A grant's rows become a file that one vendor can open, sealed at rest, and a manifest that anyone
/// can check.
pub mod release;

/// Who somebody is at the company's identity provider, asked over OpenID Connect. It opens no key.
pub mod oidc;

/// The verbs. Every face calls these and nothing below, as a person who has shown who they are.
pub mod broker;

/// Messages to robots: number, step and link, to an address that was looked at.
pub mod notice;

/// Settings: flag before environment before file, and an unknown key is an error.
pub mod config;

/// The API: decode, call a verb, encode.
pub mod http;

/// The console: the same verbs as pages for people, in Chinese and English.
pub mod web;

/// The commands: decode, call a verb, print.
pub mod cli;
