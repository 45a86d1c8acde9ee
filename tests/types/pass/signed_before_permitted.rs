//! Whether a request is whole is asked of one that the policy permits, not of one that was merely asked.

use countersign::access::{Asked, Signed};

pub fn whole(asked: Asked) -> Option<Signed> {
    asked.permitted().ok()?.signed().ok()
}

fn main() {}
