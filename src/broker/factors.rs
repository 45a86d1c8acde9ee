//! The second factor: what a person gives beside the password. A stolen password alone then opens nothing.
//!
//! The password stays needed: it opens the signing key. Beside it goes one of: a time-based code (RFC 6238: SHA-1, six digits,
//! 30 seconds, one step either way), a passkey, or a recovery code. It is asked for only after the password was right,
//! so that nobody learns from the question which logins there are.
//!
//! ```text
//! factor_totp.secret   AES-256-GCM(chunks, 20 random bytes), bound to bind("countersign.place.v1", vault, "totp", login)
//! recovery code        10 random bytes as hex in groups of five; the vault keeps its SHA-256
//! ```
//!
//! A code is used up in the turn that lets its owner in: `last_step` rises, and no code of that step or one before is good again.

use subtle::ConstantTimeEq as _;
use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

use super::people::{Password, StepUp, still};
pub use super::second::Second;
use super::{Broker, Error, Refusal};
use crate::audit::event::{Action, Event};
use crate::clock::random;
use crate::model::ids::{Digest, Login};
use crate::store::factors::{RecoveryRow, TotpRow};
use crate::store::{StoreError, Work};

/// How many recovery codes a person gets.
const CODES: usize = 10;

/// Second factors of a person, as they are shown to themselves.
pub struct Factors {
    /// Whether time-based codes are asked for.
    pub totp: bool,
    /// Passkeys: name in the API, what the owner calls it, when it was added.
    pub passkeys: Vec<(Digest, String, crate::clock::Micros)>,
    /// Recovery codes that are left.
    pub recovery_left: usize,
}

impl Factors {
    /// Whether a second factor is asked for at all.
    pub fn any(&self) -> bool {
        self.totp || !self.passkeys.is_empty()
    }
}

impl Broker {
    /// A person's second factors.
    ///
    /// # Errors
    /// The database failed.
    pub async fn factors(&self, login: &Login) -> Result<Factors, Error> {
        let mut view = self.store.view().await?;
        let keys = view.passkeys(login).await?;
        let left = view.recovery_codes(login).await?.iter().filter(|c| c.used_at.is_none()).count();
        Ok(Factors {
            totp: view.totp(login).await?.is_some_and(|t| t.confirmed_at.is_some()),
            passkeys: keys.into_iter().map(|k| (k.id, k.name, k.added_at)).collect(),
            recovery_left: left,
        })
    }

    /// Recognises a person by password and second factor, outside of a session: using the factor is an entry, and wrong
    /// ones have to wait.
    ///
    /// # Errors
    /// As [`Broker::authenticate`]; `second_factor_needed`, `wrong_factor`, `try_later`.
    pub async fn authenticate_with(
        &self,
        login: &Login,
        password: &Password,
        second: &Second,
    ) -> Result<StepUp, Error> {
        let step = self.by_password(login, password).await?;
        if !self.factors(login).await?.any() {
            return Ok(step);
        }
        let event = Event::new(Action::FactorUsed, step.caller().actor()).object(login);
        let used = self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            still(&mut work, &step).await?;
            self.use_second(&mut work, login, second).await?;
            work.commit(event).await?;
            Ok(())
        });
        self.tried(login, None, used).await?;
        Ok(step)
    }

    /// Uses a second factor up in this turn, where the person has one.
    ///
    /// # Errors
    /// `second_factor_needed`, `wrong_factor`.
    pub(super) async fn use_second(
        &self,
        work: &mut Work<'_>,
        login: &Login,
        second: &Second,
    ) -> Result<(), Error> {
        let totp = work.view().totp(login).await?.filter(|t| t.confirmed_at.is_some());
        let passkeys = work.view().passkeys(login).await?;
        if totp.is_none() && passkeys.is_empty() {
            return Ok(());
        }
        match second {
            Second::Nothing => Err(needed().into()),
            Second::Code(code) => self.use_code(work, login, totp, code).await,
            Second::Passkey { challenge, credential } => {
                self.use_passkey(work, login, passkeys, challenge, credential).await
            }
        }
    }

    async fn use_code(
        &self,
        work: &mut Work<'_>,
        login: &Login,
        totp: Option<TotpRow>,
        code: &str,
    ) -> Result<(), Error> {
        let code: Zeroizing<String> =
            Zeroizing::new(code.chars().filter(|c| c.is_ascii_alphanumeric()).collect());
        if let Some(row) = totp.filter(|_| code.len() == 6) {
            let step = self.step_of(&row, &code, work.at())?;
            work.put_totp(&TotpRow { last_step: step, ..row }).await?;
            return Ok(());
        }
        let given = hash(&code);
        let mut found = None;
        for row in work.view().recovery_codes(login).await? {
            if bool::from(row.code_hash.0.ct_eq(&given.0)) && row.used_at.is_none() {
                found = Some(row);
            }
        }
        let row = found.ok_or_else(wrong)?;
        let used_at = Some(work.at());
        work.put_recovery_code(&RecoveryRow { used_at, ..row }).await?;
        Ok(())
    }

    /// The step that a code is of, if it was not used yet.
    fn step_of(&self, row: &TotpRow, code: &str, at: crate::clock::Micros) -> Result<i64, Error> {
        let seconds = u64::try_from(at / 1_000_000).map_err(|_| wrong())?;
        let step = self.totp(row)?.check(code, seconds).and_then(|step| i64::try_from(step).ok());
        Ok(step.filter(|step| *step > row.last_step).ok_or_else(wrong)?)
    }

    fn totp(&self, row: &TotpRow) -> Result<Totp, Error> {
        let place: [&[u8]; 2] = [b"totp", row.login.as_str().as_bytes()];
        let secret = self.store.keyring().open_chunk(&place, &row.secret)?;
        let built = Builder::new()
            .with_secret(secret.to_vec())
            .with_issuer(Some("Countersign"))
            .with_account_name(row.login.as_str())
            .build();
        Ok(built.map_err(|_| StoreError::integrity("factor_totp", "a secret makes no codes"))?)
    }

    /// Begins with time-based codes: the secret, once, as an `otpauth` address for the device. It is asked for from its
    /// first code on ([`Broker::totp_confirm`]).
    ///
    /// # Errors
    /// `factor_exists`.
    pub async fn totp_begin(&self, step: StepUp) -> Result<Zeroizing<String>, Error> {
        let login = step.caller().login();
        let event = Event::new(Action::FactorBegun, step.caller().actor()).object(login);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            still(&mut work, &step).await?;
            if work.view().totp(login).await?.is_some_and(|t| t.confirmed_at.is_some()) {
                return Err(Refusal::new("factor_exists", "B9", "time-based codes are set up already")
                    .hint("remove them first, if the device is to be another one")
                    .into());
            }
            let secret = Zeroizing::new(random::<20>()?);
            let place: [&[u8]; 2] = [b"totp", login.as_str().as_bytes()];
            let sealed = self.store.keyring().seal_chunk(&place, secret.as_slice())?;
            let row = TotpRow { login: login.clone(), secret: sealed, confirmed_at: None, last_step: 0 };
            let url = self.totp(&row)?.to_url();
            let url = url.map_err(|_| StoreError::Fault("a login cannot stand in an otpauth address"))?;
            work.put_totp(&row).await?;
            work.commit(event).await?;
            Ok(Zeroizing::new(url))
        })
        .await
    }

    /// The first code: from here on the factor is asked for. Gives recovery codes, once, if there are none.
    ///
    /// # Errors
    /// `no_such_factor`, `factor_exists`, `wrong_factor`.
    pub async fn totp_confirm(&self, step: StepUp, code: &str) -> Result<Vec<Zeroizing<String>>, Error> {
        let login = step.caller().login();
        let event = Event::new(Action::FactorAdded, step.caller().actor()).object(login);
        let confirmed = self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            still(&mut work, &step).await?;
            let row = work.view().totp(login).await?.filter(|t| t.confirmed_at.is_none()).ok_or_else(none)?;
            let at = work.at();
            let last_step = self.step_of(&row, code.trim(), at)?;
            work.put_totp(&TotpRow { confirmed_at: Some(at), last_step, ..row }).await?;
            let codes = self.recovery_codes_in(&mut work, login).await?;
            work.commit(event.count("recovery_codes", codes.len() as u64)).await?;
            Ok(codes)
        });
        self.tried(login, None, confirmed).await
    }

    /// New recovery codes in this turn, unless there are some.
    pub(super) async fn recovery_codes_in(
        &self,
        work: &mut Work<'_>,
        login: &Login,
    ) -> Result<Vec<Zeroizing<String>>, Error> {
        if work.view().recovery_codes(login).await?.iter().any(|c| c.used_at.is_none()) {
            return Ok(Vec::new());
        }
        work.drop_recovery_codes(login).await?;
        let mut codes = Vec::new();
        for _ in 0..CODES {
            let plain = Zeroizing::new(hex::encode(random::<10>()?));
            let row = RecoveryRow { login: login.clone(), code_hash: hash(&plain), used_at: None };
            work.put_recovery_code(&row).await?;
            let groups: Vec<&str> = (0..4).map(|n| &plain[n * 5..n * 5 + 5]).collect();
            codes.push(Zeroizing::new(groups.join("-")));
        }
        Ok(codes)
    }

    /// Removes time-based codes. The step-up wanted the factor; who has lost it is reset by two administrators.
    ///
    /// # Errors
    /// `no_such_factor`.
    pub async fn totp_remove(&self, step: StepUp) -> Result<(), Error> {
        let login = step.caller().login();
        let event = Event::new(Action::FactorRemoved, step.caller().actor()).object(login);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            still(&mut work, &step).await?;
            work.view().totp(login).await?.ok_or_else(none)?;
            work.drop_totp(login).await?;
            self.forget_codes(&mut work, login).await?;
            work.commit(event).await?;
            Ok(())
        })
        .await
    }

    /// Recovery codes go with the last factor.
    pub(super) async fn forget_codes(&self, work: &mut Work<'_>, login: &Login) -> Result<(), Error> {
        let left = work.view().totp(login).await?.is_some() || !work.view().passkeys(login).await?.is_empty();
        if !left {
            work.drop_recovery_codes(login).await?;
        }
        Ok(())
    }

    /// Takes all of a person's factors away in this turn, and the linked account: with a reset.
    pub(super) async fn drop_factors(&self, work: &mut Work<'_>, login: &Login) -> Result<(), Error> {
        work.drop_totp(login).await?;
        for key in work.view().passkeys(login).await? {
            work.drop_passkey(&key).await?;
        }
        work.drop_recovery_codes(login).await?;
        work.drop_linked_accounts(Some(login)).await?;
        Ok(())
    }
}

fn hash(code: &str) -> Digest {
    Digest::of(code.to_ascii_lowercase().as_bytes())
}

fn needed() -> Refusal {
    Refusal::new(
        "second_factor_needed",
        "B9",
        "the password is right; a second factor is set up and was not given",
    )
    .hint("give the code of your device or a recovery code as well, or use a passkey")
}

pub(super) fn wrong() -> Refusal {
    Refusal::new("wrong_factor", "B9", "the second factor is not right, or was used already")
        .hint("wait for the next code; a recovery code is good once; two administrators can reset it")
}

pub(super) fn none() -> Refusal {
    Refusal::new("no_such_factor", "B9", "there is no such second factor")
        .hint("the list of one's own factors shows what is set up")
}
