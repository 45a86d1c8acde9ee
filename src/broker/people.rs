//! Who is asking: passwords and signing keys.
//!
//! There is no stored password verifier. A password is right when it opens the person's signing key, and
//! that takes the vault's own share too, so a stolen database alone cannot be asked (design, Keys).

use zeroize::Zeroizing;

use super::editions::Seen;
use super::second::Second;
use super::{Broker, Error, Refusal};
use crate::access::{Caller, Staff};
use crate::audit::event::{Action, Actor, Event};
use crate::clock::random;
use crate::keyring::aead::{Key, bind};
use crate::keyring::root::stretch;
use crate::model::ids::{Digest, Login};
use crate::model::signing::SigningKey;
use crate::policy::Act;
use crate::store::holds::HoldReason;
use crate::store::people::{Credential, Person};
use crate::store::proposals::ProposalKind;
use crate::store::{StoreError, Work};

/// A password on its way in; wiped.
pub type Password = Zeroizing<Vec<u8>>;

/// Fewest characters of a password.
const SHORTEST: usize = 8;
/// argon2id: 64 MiB, 3 passes.
const STRETCH: (u32, u32) = (65_536, 3);

/// A person who has just given the password: good for one verb, and for the one signature it may need.
pub struct StepUp {
    caller: Caller,
    key: SigningKey,
    seed: Zeroizing<[u8; 32]>,
    seen: Seen,
}

impl StepUp {
    /// Who.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// One whose password was given before: a session keeps the seed sealed.
    pub(super) fn of(caller: Caller, seed: Zeroizing<[u8; 32]>) -> Result<Self, Error> {
        let key =
            SigningKey::from_seed(&seed).map_err(|_| StoreError::Fault("a seed makes no signing key"))?;
        Ok(StepUp { caller, key, seed, seen: Seen::default() })
    }

    /// For a request as it was read: another edition of it is left alone.
    #[must_use]
    pub fn having_seen(self, seen: Seen) -> Self {
        StepUp { seen, ..self }
    }

    /// Which editions were read.
    pub(super) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The signing key's seed, for a session to seal.
    pub(super) fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The opened signing key, for the verb that uses this step-up up.
    pub(super) fn key(&self) -> &SigningKey {
        &self.key
    }
}

impl Broker {
    /// Recognises a person by password, who has no second factor.
    ///
    /// # Errors
    /// `unknown_person` whatever did not fit, in the same time; `suspended`; `second_factor_needed`.
    pub async fn authenticate(&self, login: &Login, password: &Password) -> Result<StepUp, Error> {
        self.authenticate_with(login, password, &Second::Nothing).await
    }

    /// The first half: the password. What it opens is good for nothing before the second factor was asked for.
    pub(super) async fn by_password(&self, login: &Login, password: &Password) -> Result<StepUp, Error> {
        let event = Event::new(Action::PersonUnknown, Actor::Anonymous);
        self.logged(event, self.recognise(login, password)).await
    }

    /// The same without an entry of a refusal: the caller counts it, or knows who it is.
    pub(super) async fn recognise(&self, login: &Login, password: &Password) -> Result<StepUp, Error> {
        let mut view = self.store.view().await?;
        let credential = view.credentials(login).await?.pop().filter(|c| c.ended_seq.is_none());
        let staff = Staff::load(&mut view).await?;
        drop(view);
        let (key, seed) = self.open_key(login, credential, password).await?;
        Ok(StepUp { caller: staff.caller(login)?, key, seed, seen: Seen::default() })
    }

    /// An unknown login costs the same stretching as a known one.
    async fn open_key(
        &self,
        login: &Login,
        credential: Option<Credential>,
        password: &Password,
    ) -> Result<(SigningKey, Zeroizing<[u8; 32]>), Error> {
        let salt = credential.as_ref().map_or_else(|| vec![0; 16], |c| c.salt.clone());
        let stretched = stretched(password, salt).await?;
        let unknown = || {
            Refusal::new("unknown_person", "B9", "login or password is not right")
                .hint("check login and password; an administrator can issue a new enrolment code")
        };
        let credential = credential.ok_or_else(unknown)?;
        let sealing = self.store.keyring().staff_key(&stretched).map_err(StoreError::Root)?;
        let seed =
            sealing.cipher().open(&self.seed_place(login), &credential.sealed_seed).map_err(|_| unknown())?;
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.copy_from_slice(seed.get(..32).ok_or_else(unknown)?);
        let key = SigningKey::from_seed(&bytes).map_err(|_| unknown())?;
        if key.public().0 != credential.public_key {
            return Err(StoreError::integrity("credential", "a public key is not its seed's").into());
        }
        Ok((key, bytes))
    }

    fn seed_place(&self, login: &Login) -> Vec<u8> {
        bind(&[b"countersign.seed.v1", &self.store.info().id.0, login.as_str().as_bytes()])
    }

    /// Makes a new signing key for a person and stores it in this turn; its public key's digest is for
    /// the leaf.
    pub(super) async fn enrol_in(
        &self,
        work: &mut Work<'_>,
        login: &Login,
        password: &Password,
    ) -> Result<Digest, Error> {
        self.hold(work, login, HoldReason::Key).await?;
        self.new_key_in(work, login, password).await
    }

    /// The same for a person who has just shown that the key before is theirs: nothing is gained by it, so it holds
    /// nobody.
    async fn new_key_in(
        &self,
        work: &mut Work<'_>,
        login: &Login,
        password: &Password,
    ) -> Result<Digest, Error> {
        check_password(password)?;
        let salt: [u8; 16] = random()?;
        let stretched = stretched(password, salt.to_vec()).await?;
        let sealing = self.store.keyring().staff_key(&stretched).map_err(StoreError::Root)?;
        let seed = Zeroizing::new(random::<32>()?);
        let key =
            SigningKey::from_seed(&seed).map_err(|_| StoreError::Fault("a seed makes no signing key"))?;
        let sealed = sealing.cipher().seal(&self.seed_place(login), seed.as_slice())?;
        work.enrol_key(login, &salt, &key.public().0, &sealed).await?;
        Ok(Digest::of(&key.public().0))
    }

    /// A person sets a new password, and with it a new signing key: what the old one signed on pending
    /// requests is void.
    ///
    /// # Errors
    /// `weak_password`.
    pub async fn change_password(&self, step: StepUp, password: &Password) -> Result<(), Error> {
        let login = step.caller.login().clone();
        let event = Event::new(Action::PersonPassword, step.caller.actor()).object(&login);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            still(&mut work, &step).await?;
            work.drop_sessions(Some(&login), 0).await?;
            let public = self.new_key_in(&mut work, &login, password).await?;
            work.commit(event.digest("public_key", public)).await?;
            Ok(())
        })
        .await
    }

    /// Suspends a person, or lifts it; counts at once, also for what is signed and pending. Suspending must not wait;
    /// lifting needs a second administrator, and gives the proposal's number.
    ///
    /// # Errors
    /// The caller may not, or is the person it concerns.
    pub async fn suspend(
        &self,
        caller: &Caller,
        login: &Login,
        suspended: bool,
    ) -> Result<Option<i64>, Error> {
        let event =
            Event::new(Action::PersonSuspended, caller.actor()).object(login).count("suspended", suspended);
        self.logged(event.clone(), async {
            self.check_about(caller, Act::PersonSuspend, login).await?;
            let mut work = self.store.work().await?;
            let was = work.view().person(login).await?.is_some_and(|p| p.suspended);
            if was && !suspended && self.guarded(work.view()).await? {
                drop(work);
                let change = format!("end the suspension of {login}");
                let id = self.propose(caller, ProposalKind::Resume, login.as_str(), &[change]).await?;
                return Ok(Some(id));
            }
            self.set_suspended(&mut work, login, suspended).await?;
            work.commit(event).await?;
            Ok(None)
        })
        .await
    }

    /// Suspends in this turn, or lifts it.
    pub(super) async fn set_suspended(
        &self,
        work: &mut Work<'_>,
        login: &Login,
        suspended: bool,
    ) -> Result<(), Error> {
        if let Some(person) = work.view().person(login).await? {
            work.put_person(&Person { suspended, ..person }).await?;
            work.drop_sessions(Some(login), 0).await?;
            // For good, as sessions: what was in other hands is not alive again with the person.
            work.end_tokens(Some(login)).await?;
            work.drop_linked_accounts(Some(login)).await?;
        }
        Ok(())
    }

    /// May the caller do this to that person: the policy, that there is one, and that it is another.
    pub(super) async fn check_about(&self, caller: &Caller, act: Act, login: &Login) -> Result<(), Error> {
        let mut view = self.store.view().await?;
        let ground = self.ground(&mut view).await?;
        ground.staff.may(&ground.policy, caller, act, None)?;
        Ok(check_other(&ground.staff, caller, login)?)
    }
}

/// That there is such a person, and that it is another.
pub(super) fn check_other(staff: &Staff, caller: &Caller, login: &Login) -> Result<(), Refusal> {
    if caller.login() == login {
        return Err(Refusal::new(
            "about_yourself",
            "A6b",
            "nobody suspends, resets or changes roles for themselves",
        )
        .hint("another administrator can do it"));
    }
    if staff.person(login).is_none() {
        return Err(
            Refusal::new("unknown_login", "B9", "there is no such person").hint("`org apply` adds people")
        );
    }
    Ok(())
}

/// Whether a step-up still holds in this turn: a suspension or a reset since then ends it.
pub(super) async fn still(work: &mut Work<'_>, step: &StepUp) -> Result<(), Error> {
    let login = step.caller.login();
    Staff::load(work.view()).await?.caller(login)?;
    let current = work.view().credentials(login).await?.pop().filter(|c| c.ended_seq.is_none());
    if current.is_none_or(|c| c.public_key != step.key.public().0) {
        return Err(Refusal::new("key_ended", "B9", "this signing key was reset")
            .hint("enrol with the new code, and sign in again")
            .into());
    }
    Ok(())
}

fn check_password(password: &Password) -> Result<(), Refusal> {
    let length = std::str::from_utf8(password).map_or(0, |p| p.chars().count());
    if length < SHORTEST {
        return Err(Refusal::new(
            "weak_password",
            "B9",
            format!("a password has at least {SHORTEST} characters"),
        )
        .hint("a few words that do not belong together are easy to keep"));
    }
    Ok(())
}

/// argon2id off the runtime's threads: it takes a tenth of a second.
async fn stretched(password: &Password, salt: Vec<u8>) -> Result<Key, Error> {
    metrics::counter!("countersign_passwords_stretched_total").increment(1);
    let password = password.clone();
    let key = tokio::task::spawn_blocking(move || stretch(&password, &salt, STRETCH.0, STRETCH.1)).await;
    key.ok().flatten().ok_or(Error::Store(StoreError::Fault("a password could not be stretched")))
}
