//! Trying passwords: the more were wrong in a row, the longer until the next one is looked at. Logins that are
//! nobody's wait like those that are somebody's.

use std::net::IpAddr;

use super::people::{Password, StepUp};
use super::{Broker, Error, Refusal};
use crate::clock::Micros;
use crate::keyring::Tag;
use crate::model::ids::Login;

/// Wrong passwords in a row that cost nothing: of one account, and from one address, behind which many work.
const FREE: [i64; 2] = [5, 50];
/// The first wait; each further wrong password doubles it.
const FIRST: Micros = 30_000_000;
/// The longest wait: 15 minutes.
const LONGEST: Micros = 900_000_000;
/// A wrong password is forgotten after a day.
const FORGOTTEN: Micros = 86_400_000_000;

/// How long to wait after so many wrong passwords in a row.
fn wait(failed: i64, free: i64) -> Micros {
    match failed - free {
        ..0 => 0,
        // Five doublings are past the longest.
        beyond => (FIRST << beyond.min(5)).min(LONGEST),
    }
}

impl Broker {
    /// Recognises a person by password, unless too many were wrong of late. `from`: the address, when it is known.
    ///
    /// # Errors
    /// `try_later`; otherwise as [`Broker::authenticate`].
    pub(super) async fn authenticate_from(
        &self,
        login: &Login,
        password: &Password,
        from: Option<IpAddr>,
    ) -> Result<StepUp, Error> {
        let tags = self.attempt_tags(login, from);
        let now = self.clock().now();
        let mut view = self.store.view().await?;
        for (tag, free) in tags.iter().zip(FREE) {
            let attempts = view.attempts(tag).await?;
            let left = attempts.failed_at.saturating_add(wait(attempts.failed, free)) - now;
            if left > 0 {
                let seconds = (left / 1_000_000 + 1) as u32;
                return Err(Refusal::new("try_later", "B9", "too many passwords were wrong of late")
                    .hint(format!("try again in {seconds} seconds; an administrator can issue a new code"))
                    .after(seconds)
                    .into());
            }
        }
        drop(view);
        let known = self.authenticate(login, password).await;
        match &known {
            Err(Error::Refused(refusal)) if refusal.code == "unknown_person" => {
                for tag in &tags {
                    self.store.attempt_failed(tag, now, now - FORGOTTEN).await?;
                }
            }
            // An address stays what it was: one right password does not make up for the others tried from there.
            Ok(_) => self.store.attempts_over(&tags[0]).await?,
            Err(_) => {}
        }
        known
    }

    /// The account's tag, then the address's.
    fn attempt_tags(&self, login: &Login, from: Option<IpAddr>) -> Vec<Tag> {
        let tag = |kind: &str, value: String| self.store.keyring().attempt_tag(kind, &value);
        let account = tag("login", login.to_string());
        std::iter::once(account).chain(from.map(|ip| tag("address", ip.to_string()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        assert_eq!([0, 4, 5, 6, 7].map(|failed| wait(failed, 5) / 1_000_000), [0, 0, 30, 60, 120]);
        assert_eq!([10, 99, i64::MAX].map(|failed| wait(failed, 5)), [LONGEST; 3]);
    }
}
