//! Nothing is written but with its entry in the log.

use countersign::audit::event::Event;
use countersign::store::{Receipt, Work};

pub async fn write(work: Work<'_>, _event: Event) -> Option<Receipt> {
    work.commit(_event).await.ok()
}

fn main() {}
