//! The vault takes a grant by value: it opens once.

use countersign::access::{Grant, OneMember};
use countersign::model::sealed::Record;
use countersign::store::members::WrappedDataKey;
use countersign::vault::Vault;

pub fn twice(vault: &Vault, grants: [Grant<OneMember>; 2], wrapped: &WrappedDataKey, record: &Record) {
    let [one, _two] = grants;
    drop(vault.reveal(one, wrapped, record));
    drop(vault.reveal(one, wrapped, record));
}

fn main() {}
