//! Three signatures are no leave to open: member by member, consent stands between.

use countersign::access::grant::package;
use countersign::access::{Grant, PackageRows, Signed};
use countersign::model::ids::PackageNo;
use countersign::store::{Receipt, View};

pub async fn leave(
    receipt: Receipt,
    no: PackageNo,
    signed: Signed,
    view: &mut View<'_>,
) -> Option<Grant<PackageRows>> {
    let _ = view.log_size().await;
    let whole = signed.consented(view, None, None).await.ok()?;
    package(receipt, no, &whole).ok()
}

fn main() {}
