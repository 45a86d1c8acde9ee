//! A package's grant becomes one stream.

use countersign::access::{Grant, PackageRows};
use countersign::model::field::Field;
use countersign::vault::Vault;

pub fn twice(vault: &Vault, grants: [Grant<PackageRows>; 2], columns: &[Field]) {
    let [one, _two] = grants;
    drop(vault.rows(one, columns));
    drop(vault.rows(one, columns));
}

fn main() {}
