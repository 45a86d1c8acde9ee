//! A grant cannot be doubled.

use countersign::access::{Grant, OneMember};

pub fn twice(grant: Grant<OneMember>) {
    drop(grant.clone());
}

fn main() {}
