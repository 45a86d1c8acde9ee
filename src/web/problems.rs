//! What pages themselves find wrong, before any verb is called.

use axum::http::StatusCode;

use crate::broker::Refusal;
use crate::http::Problem;

/// A form of ours that cannot be read.
pub(super) fn unreadable_form() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_body", "the form could not be read")
        .hint("go back, look at the form again and send it once more")
}

/// The one answer for a login or password that is not right.
pub(super) fn unknown_person() -> Problem {
    Refusal::new("unknown_person", "B9", "login or password is not right")
        .hint("check login and password; an administrator can issue a new enrolment code")
        .into()
}

/// No identity provider is set.
pub(super) fn no_provider() -> Problem {
    Refusal::new("oidc_off", "B9", "no identity provider is set up here")
        .hint("sign in with the password")
        .into()
}

/// What is made lasts longer than a session: the password goes with it.
pub(super) fn prove_anew() -> Problem {
    Refusal::new("step_up_needed", "B9", "this wants the password with it, however lately it was given")
        .hint("give it in the same form")
        .into()
}
