//! The hold: for 24 hours after a person got a new signing key or a new role of the chain, they sign nothing. Whoever
//! took over an account, or was put into a chair, cannot let a list go before others had a day to see it in the log.

use super::Error;
use crate::clock::{Micros, rfc3339};
use crate::model::ids::Login;
use crate::model::refusal::Refusal;
use crate::store::View;

/// How long: 24 hours, in microseconds.
pub const HOLD: Micros = 86_400_000_000;

/// Until when a person is held at a moment; none when they are not.
///
/// # Errors
/// The database failed.
pub async fn held_until(view: &mut View<'_>, login: &Login, at: Micros) -> Result<Option<Micros>, Error> {
    let holds = view.holds(login).await?;
    Ok(holds.iter().filter(|h| h.covers(at)).map(|h| h.until).max())
}

/// Whether a person may sign at a moment.
///
/// # Errors
/// `signing_held`, with the time until which.
pub async fn check_not_held(view: &mut View<'_>, login: &Login, at: Micros) -> Result<(), Error> {
    let Some(until) = held_until(view, login, at).await? else { return Ok(()) };
    let seconds = u32::try_from((until - at) / 1_000_000 + 1).unwrap_or(u32::MAX);
    Err(Refusal::new("signing_held", "B9", "a new key or a new role signs nothing for 24 hours")
        .hint(format!(
            "sign from {} on; who did not ask for the key or the role tells an administrator",
            rfc3339(until)
        ))
        .after(seconds)
        .into())
}
