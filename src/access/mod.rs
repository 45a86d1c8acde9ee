//! From a request to a grant. Each stage is a type, and each arrow a function that can refuse:
//!
//! ```text
//! Asked ──permitted──► Permitted ──signed──► Signed ──consented──► Consented ──grant──► Grant
//!   facts, read whole     policy then        three signatures,       member by member     with the receipt
//!   in one snapshot       and now            five people, all        at this moment       of its log entry
//!                                            still in force
//! ```
//!
//! Nothing of a request is remembered: whether it may go is worked out again from the facts whenever it is
//! asked (invariant 2). What is kept of people and policies ([`known`]) is kept under the log's own word for it.

pub mod asked;
pub mod common;
pub mod consented;
pub mod error;
pub mod grant;
pub mod held;
pub mod known;
pub mod seats;
pub mod shelf;
pub mod signed;
pub mod staff;
pub mod undertaken;

pub use asked::{Asked, Permitted};
pub use common::Common;
pub use consented::{About, Consented, Over, Waterfall};
pub use error::Error;
pub use grant::{Grant, Maintenance, Masking, OneMatch, OneMember, PackageRows};
pub use known::Known;
pub use seats::Chair;
pub use shelf::Shelf;
pub use signed::{Signed, Standing};
pub use staff::{Caller, Staff};
