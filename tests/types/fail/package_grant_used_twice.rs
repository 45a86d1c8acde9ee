//! A package's grant becomes one stream.

use countersign::access::{Grant, PackageRows};
use countersign::model::field::{Field, Index};
use countersign::vault::Vault;

pub fn twice(vault: &Vault, grants: [Grant<PackageRows>; 2], columns: &[Field]) {
    let [one, _two] = grants;
    drop(vault.rows(one, columns, Index::Mobile));
    drop(vault.rows(one, columns, Index::Mobile));
}

fn main() {}
