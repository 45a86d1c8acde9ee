//! The wizard's steps, and where one is among them.

use super::words::Words;

/// A stop of the wizard.
pub(super) struct Stop {
    pub(super) text: &'static str,
    pub(super) here: bool,
    pub(super) href: Option<String>,
}

/// The five steps; once there is a draft, each can be gone to at will.
pub(super) fn stops(r: &'static Words, here: usize, no: Option<&str>) -> Vec<Stop> {
    let paths = ["/purpose", "/channel", "/selection", "/window", ""];
    let texts = [r.step_what, r.step_how, r.step_whom, r.step_when, r.step_review];
    let stop = |(n, (text, path))| Stop {
        text,
        here: n == here,
        href: no.filter(|_| n != here).map(|no| format!("/requests/{no}{path}")),
    };
    texts.into_iter().zip(paths).enumerate().map(stop).collect()
}
