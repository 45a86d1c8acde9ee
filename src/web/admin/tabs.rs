//! Where one can go within the room, by what the reader holds. The broker decides again.

use super::words::Words;
use crate::model::code::Role;
use crate::web::frame::Frame;

/// A line of the room's navigation.
pub(super) struct Tab {
    pub(super) href: &'static str,
    pub(super) text: &'static str,
    pub(super) here: bool,
}

/// What this reader can go to, the present page among it.
pub(super) fn tabs(frame: &Frame, w: &'static Words, here: &str) -> Vec<Tab> {
    let (admin, auditor) = (frame.has(Role::Admin), frame.has(Role::Auditor));
    let all = [
        ("/admin/people", w.people, admin || auditor),
        ("/admin/proposals", w.proposals, admin),
        ("/admin/vendors", w.vendors, true),
        ("/admin/policies", w.policies, true),
        ("/admin/health", w.health, admin || auditor),
    ];
    let shown = all.into_iter().filter(|(.., shown)| *shown);
    shown.map(|(href, text, _)| Tab { href, text, here: href == here }).collect()
}
