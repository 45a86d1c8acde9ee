//! There is no way past `Work::commit` to the transaction below it.

use countersign::audit::event::Event;
use countersign::store::{Receipt, Work};

pub async fn write(work: Work<'_>, _event: Event) -> Option<Receipt> {
    work.commit(_event).await.ok()
}

fn main() {}
