//! The one constructor of a receipt is private to the file where the commit is.

use countersign::audit::event::Event;
use countersign::store::{Receipt, Work};

pub async fn receipt(work: Work<'_>, event: Event) -> Option<Receipt> {
    Some(Receipt::earned(work.seq(), work.at(), [0; 32], event))
}

fn main() {}
