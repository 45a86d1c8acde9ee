//! Where one can go within the room. Who keeps people sees the alarms, the head of member management who saw a member;
//! the rest is the auditor's.

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
    let auditor = frame.has(Role::Auditor);
    let all = [
        ("/audit", w.explorer, auditor),
        ("/audit/pictures", w.pictures, auditor),
        ("/audit/subject", w.subject, auditor || frame.has(Role::MemberHead)),
        ("/audit/exceptions", w.exceptions, auditor),
        ("/audit/alarms", w.alarms, auditor || frame.has(Role::Admin)),
        ("/audit/verification", w.verification, auditor),
    ];
    let shown = all.into_iter().filter(|(.., shown)| *shown);
    shown.map(|(href, text, _)| Tab { href, text, here: href == here }).collect()
}
