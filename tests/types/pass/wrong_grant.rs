//! A grant for a masked look does not reveal.

use countersign::access::{Grant, Masking, OneMember};
use countersign::model::sealed::Record;
use countersign::store::members::WrappedDataKey;
use countersign::vault::Vault;

pub fn open(
    vault: &Vault,
    masked: Grant<Masking>,
    one: Grant<OneMember>,
    wrapped: &WrappedDataKey,
    record: &Record,
) {
    let (_masked, _one) = (masked, one);
    drop(vault.reveal(_one, wrapped, record));
}

fn main() {}
