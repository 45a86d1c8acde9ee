//! Who consents is walked, never said.

use countersign::access::{Consented, Signed, Waterfall};
use countersign::store::View;

pub async fn say(signed: Signed, fall: Waterfall, view: &mut View<'_>) -> Option<Consented> {
    let _ = (view.log_size().await, fall.rows());
    signed.consented(view, None, None).await.ok()
}

fn main() {}
