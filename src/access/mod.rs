//! From a request to a grant. Each stage is a type, and each arrow a function that can refuse:
//!
//! ```text
//! Asked ──permitted──► Permitted ──signed──► Signed ──consented──► Consented ──grant──► Grant
//!   facts, read whole     policy then        three signatures,       member by member     with the receipt
//!   in one snapshot       and now            five people, all        at this moment       of its log entry
//!                                            still in force
//! ```
//!
//! Nothing here is remembered: whether a request may go is worked out again from the facts whenever it is
//! asked (invariant 2).

pub mod asked;
pub mod consented;
pub mod error;
pub mod grant;
pub mod seats;
pub mod shelf;
pub mod signed;
pub mod staff;

pub use asked::{Asked, Permitted};
pub use consented::{About, Consented, Over, Waterfall};
pub use error::Error;
pub use grant::{Grant, Maintenance, Masking, OneMember, PackageRows};
pub use shelf::Shelf;
pub use signed::{Signed, Standing};
pub use staff::{Caller, Staff};
