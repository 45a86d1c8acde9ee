//! Trying passwords and codes: the more were wrong in a row, the longer until the next one is looked at. Logins that are
//! nobody's wait like those that are somebody's.

use std::net::IpAddr;

use super::unknowns::network;
use super::{Broker, Error, Refusal};
use crate::clock::Micros;
use crate::keyring::Tag;
use crate::model::ids::Login;

/// Wrong passwords in a row that cost nothing: of one account, and from one address, behind which many work.
const FREE: [i64; 2] = [5, 50];
/// What counts as wrong: a right password without the second factor too, or codes could be tried with it for nothing.
const WRONG: [&str; 5] =
    ["unknown_person", "second_factor_needed", "wrong_factor", "challenge_gone", "passkey_copied"];
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
    /// Runs what recognises a person, unless too much was wrong of late, and forgets what was wrong with the account once it
    /// is right. `from`: the address, when it is known.
    ///
    /// # Errors
    /// `try_later`; otherwise those of `work`.
    pub(super) async fn tried<T>(
        &self,
        login: &Login,
        from: Option<IpAddr>,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let done = self.waited(login, from, work).await?;
        // An address stays what it was: one right password does not make up for the others tried from there.
        self.store.attempts_over(&self.attempt_tags(login, None)[0]).await?;
        Ok(done)
    }

    /// The same for half of it: a right password alone, where a second factor is to come, makes up for nothing.
    ///
    /// # Errors
    /// As [`Broker::tried`].
    pub(super) async fn waited<T>(
        &self,
        login: &Login,
        from: Option<IpAddr>,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let tags = self.attempt_tags(login, from);
        let now = self.clock().now();
        let mut view = self.store.view().await?;
        for (tag, free) in tags.iter().zip(FREE) {
            let attempts = view.attempts(tag).await?;
            let left = attempts.failed_at.saturating_add(wait(attempts.failed, free)) - now;
            if left > 0 {
                let seconds = (left / 1_000_000 + 1) as u32;
                self.refused_unknown(from, "try_later");
                return Err(Refusal::new(
                    "try_later",
                    "B9",
                    "too many passwords or codes were wrong of late",
                )
                .hint(format!("try again in {seconds} seconds; an administrator can issue a new code"))
                .after(seconds)
                .into());
            }
        }
        drop(view);
        let known = work.await;
        if let Err(Error::Refused(refusal)) = &known
            && WRONG.contains(&refusal.code)
        {
            for tag in &tags {
                self.store.attempt_failed(tag, now, now - FORGOTTEN).await?;
            }
        }
        known
    }

    /// The account's tag, then the address's.
    fn attempt_tags(&self, login: &Login, from: Option<IpAddr>) -> Vec<Tag> {
        let tag = |kind: &str, value: String| {
            self.store.keyring().passing_tag(&[b"attempt", kind.as_bytes(), value.as_bytes()])
        };
        let account = tag("login", login.to_string());
        std::iter::once(account).chain(from.map(|ip| tag("address", network(ip)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::factors::Second;
    use crate::broker::people::Password;

    /// A wrong password for a login that is nobody's: the same answer after the same work.
    #[test]
    fn a_login_that_is_nobodys_costs_the_same_work() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let stretched = || {
            let rendered = handle.render();
            let line =
                rendered.lines().find_map(|l| l.strip_prefix("countersign_passwords_stretched_total "));
            line.map_or(0, |n| n.parse::<u64>().unwrap())
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let told = metrics::with_local_recorder(&recorder, || {
            runtime.block_on(async {
                let (_dir, broker) = vault().await;
                let from = Some(IpAddr::from([192, 0, 2, 1]));
                let mut told = Vec::new();
                for login in ["admin", "nobody.here"] {
                    let login = Login::parse(login).unwrap();
                    let before = stretched();
                    let wrong = Password::new(b"a wrong password".to_vec());
                    let Err(Error::Refused(refusal)) =
                        broker.session_open(&login, &wrong, &Second::Nothing, from).await
                    else {
                        panic!("a wrong password is one");
                    };
                    let tags = broker.attempt_tags(&login, None);
                    let failed = broker.store.view().await.unwrap().attempts(&tags[0]).await.unwrap().failed;
                    told.push((refusal, stretched() - before, failed));
                }
                told
            })
        });
        assert_eq!(told[0], told[1]);
        assert_eq!((told[0].1, told[0].2), (1, 1), "stretched once, remembered once");
    }

    async fn vault() -> (tempfile::TempDir, Broker) {
        let kept = tempfile::tempdir().unwrap();
        let dir = kept.path().to_path_buf();
        let place = crate::store::Place {
            url: format!("sqlite:{}", dir.join("vault.db").display()),
            high_water: Some(dir.join("mark/high-water")),
            dir,
            passphrase: None,
            clock: None,
        };
        let broker = Broker::create(&place, false, "Asia/Shanghai").await.unwrap();
        let password = Password::new(b"the right password".to_vec());
        broker.first_admin(&Login::parse("admin").unwrap(), &password, None).await.unwrap();
        (kept, broker)
    }

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        assert_eq!([0, 4, 5, 6, 7].map(|failed| wait(failed, 5) / 1_000_000), [0, 0, 30, 60, 120]);
        assert_eq!([10, 99, i64::MAX].map(|failed| wait(failed, 5)), [LONGEST; 3]);
    }
}
