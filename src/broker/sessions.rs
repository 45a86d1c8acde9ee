//! Sessions: who has shown who they are, for how long, and how lately with the password.
//!
//! A token is 32 random bytes; the vault keeps its hash. The seed of the person's signing key, which the
//! password opened, is kept sealed under the token and the vault's share: whoever has the database but no
//! token, or a token but no vault, has nothing. Any process on the vault can take the session up.
//!
//! ```text
//! id    SHA-256(token)
//! seed  AES-256-GCM(HKDF(token ‖ vault's share), seed), bound to "countersign.session.v1", vault, id, login,
//!       opened_at(8, LE), stepped_at(8, LE)
//! ```
//!
//! A session that the identity provider's word opened has no seed: nothing is sealed in its place, and the password puts it there.
//!
//! A row that somebody writes into the table himself opens for no token of his: the seal takes the vault's share.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::factors::Second;
use super::people::{Password, StepUp, still};
use super::{Broker, Caller, Error, Refusal};
use crate::access::Staff;
use crate::access::staff::not_signed_in;
use crate::audit::event::{Action, Event};
use crate::clock::{Micros, random};
use crate::keyring::aead::{Key, bind};
use crate::model::code::Role;
use crate::model::ids::{Digest, Login};
use crate::store::people::Person;
use crate::store::sessions::SessionRow;
use crate::store::{StoreError, Work};

/// A session ends after so long without use: 15 minutes, in microseconds.
pub const IDLE: Micros = 15 * 60_000_000;
/// A session ends so long after it was opened: 8 hours.
pub const LONGEST: Micros = 8 * 3_600_000_000;
/// A password given so long ago still counts: 5 minutes.
pub const STEP_UP: Micros = 5 * 60_000_000;
/// Use is recorded at most so often: once a minute.
const NOTED: Micros = 60_000_000;

/// What the person's side keeps; wiped, and never printed.
pub struct SessionToken(Zeroizing<[u8; 32]>);

impl SessionToken {
    /// Reads a token; anything that is none is a token that nobody has.
    ///
    /// # Errors
    /// `not_signed_in`.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.as_bytes()).map_err(|_| not_signed_in())?);
        let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| not_signed_in())?;
        Ok(SessionToken(Zeroizing::new(bytes)))
    }

    /// The token as text, for the one answer that hands it over.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0.as_slice()))
    }

    /// What a page sends along with the cookie, so that another site's page, which has the cookie sent but
    /// cannot read it, cannot act: a hash of the token that is not the session's id.
    pub fn anti_forgery(&self) -> String {
        let digest = Digest::of(&bind(&[b"countersign.csrf.v1", self.0.as_slice()]));
        URL_SAFE_NO_PAD.encode(digest.0)
    }

    fn id(&self) -> Digest {
        Digest::of(self.0.as_slice())
    }
}

/// When sessions were last noted as used by this process, so that not each exchange asks the database.
#[derive(Default)]
pub(super) struct Used(Mutex<HashMap<Digest, Micros>>);

impl Used {
    /// When a session was noted, if that is so lately that it need not be noted again.
    fn lately(&self, id: &Digest, now: Micros) -> Option<Micros> {
        let used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        used.get(id).copied().filter(|at| (0..=NOTED).contains(&(now - at)))
    }

    fn note(&self, id: Digest, now: Micros) {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, at| now - *at <= NOTED);
        used.insert(id, now);
    }
}

/// A session that holds at this moment.
pub struct Session {
    caller: Caller,
    row: SessionRow,
    /// When the password was last given, plus the time it counts.
    pub stepped_until: Micros,
    /// When it ends at the latest.
    pub ends_at: Micros,
}

impl Session {
    /// Who.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Hash of its token.
    pub(super) fn id(&self) -> Digest {
        self.row.id
    }

    /// Who, without the session.
    pub fn into_caller(self) -> Caller {
        self.caller
    }
}

/// A person, as they are shown to themselves.
pub struct Myself {
    /// The person.
    pub person: Person,
    /// Roles held, each with its unit's code.
    pub roles: Vec<(Role, String)>,
}

impl Broker {
    /// Signs a person in by password and, where one is set up, the second factor. `from`: the address, when it is known.
    ///
    /// # Errors
    /// As [`Broker::authenticate_with`]; `try_later` after too many wrong ones.
    pub async fn session_open(
        &self,
        login: &Login,
        password: &Password,
        second: &Second,
        from: Option<IpAddr>,
    ) -> Result<(SessionToken, Session), Error> {
        self.tried(login, from, self.session_opened(login, password, second, from)).await
    }

    async fn session_opened(
        &self,
        login: &Login,
        password: &Password,
        second: &Second,
        from: Option<IpAddr>,
    ) -> Result<(SessionToken, Session), Error> {
        let step = self.unknown(from, self.recognise(login, password)).await?;
        let event = Event::new(Action::SessionOpened, step.caller().actor()).object(login);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            still(&mut work, &step).await?;
            self.use_second(&mut work, login, second).await?;
            self.open_in(work, step.caller().clone(), Some(step.seed()), event).await
        })
        .await
    }

    /// Opens one in this turn, and ends it. Without a seed the password counts as given too long ago.
    pub(super) async fn open_in(
        &self,
        mut work: Work<'_>,
        caller: Caller,
        seed: Option<&[u8; 32]>,
        event: Event,
    ) -> Result<(SessionToken, Session), Error> {
        let token = SessionToken(Zeroizing::new(random()?));
        let (id, login, opened_at) = (token.id(), caller.login().clone(), work.at());
        // Who opens one sweeps up those that ended long ago.
        work.drop_sessions(None, opened_at - LONGEST).await?;
        let stepped_at = if seed.is_some() { opened_at } else { opened_at - STEP_UP - 1 };
        let mut row = SessionRow { id, login, opened_at, stepped_at, seed: Vec::new() };
        row.seed = self.seal_seed(&token, &row, seed)?;
        work.put_session(&row).await?;
        work.commit(event).await?;
        Ok((token, holding(caller, row)))
    }

    /// The session of a token.
    ///
    /// # Errors
    /// `not_signed_in` when there is none, or it has ended; `suspended`; an integrity error when people, roles, keys,
    /// policies or sessions are not what the log speaks of: a server looks at each exchange, as a command does at its start.
    pub async fn session(&self, token: &SessionToken) -> Result<Session, Error> {
        let id = token.id();
        let (known, now) = (self.known_now().await?, self.clock().now());
        let row = known.session(&id).ok_or_else(not_signed_in)?.clone();
        self.open_seed(token, &row)?;
        let caller = known.staff.caller(&row.login)?;
        // Other processes may have seen it later than this one, never earlier.
        let seen = match self.used.lately(&id, now) {
            Some(seen) => seen,
            None => self.store.view().await?.session_seen(&id).await?.unwrap_or(row.opened_at),
        };
        let seen = seen.max(row.stepped_at);
        if now - row.opened_at > LONGEST || now - seen > IDLE {
            return Err(not_signed_in().into());
        }
        if now - seen > NOTED {
            self.store.session_used(&id, now).await?;
            self.used.note(id, now);
        }
        Ok(holding(caller, row))
    }

    /// Gives the password again, and the second factor where one is set up: what needs it may be done for five minutes.
    ///
    /// # Errors
    /// As [`Broker::authenticate_with`]; `not_signed_in` when the session ended meanwhile.
    pub async fn session_step_up(
        &self,
        token: &SessionToken,
        session: Session,
        password: &Password,
        second: &Second,
        from: Option<IpAddr>,
    ) -> Result<Session, Error> {
        let login = &session.row.login;
        let stepped = async {
            let event = Event::new(Action::SessionSteppedUp, session.caller.actor()).object(login);
            let step = self.logged(event.clone(), self.recognise(login, password)).await?;
            self.logged(event.clone(), async {
                let mut work = self.store.work().await?;
                still(&mut work, &step).await?;
                self.use_second(&mut work, login, second).await?;
                let row = work.view().session(&session.row.id).await?.ok_or_else(not_signed_in)?;
                let mut row = SessionRow { stepped_at: work.at(), ..row };
                row.seed = self.seal_seed(token, &row, Some(step.seed()))?;
                work.put_session(&row).await?;
                work.commit(event).await?;
                Ok(holding(step.caller().clone(), row))
            })
            .await
        };
        self.tried(login, from, stepped).await
    }

    /// The session as a person who has just given the password.
    ///
    /// # Errors
    /// `step_up_needed` when that is too long ago; `key_ended` when the key was reset since.
    pub fn session_step(&self, token: &SessionToken, session: &Session) -> Result<StepUp, Error> {
        let stepped = self.clock().now() <= session.stepped_until;
        let seed = self.open_seed(token, &session.row)?.filter(|_| stepped).ok_or_else(|| {
            Refusal::new("step_up_needed", "B9", "the password was given too long ago for this")
                .hint("give it again, and repeat within five minutes")
        })?;
        StepUp::of(session.caller.clone(), seed)
    }

    /// Signs out.
    ///
    /// # Errors
    /// The database failed.
    pub async fn session_close(&self, session: Session) -> Result<(), Error> {
        let mut work = self.store.work().await?;
        // Somebody else may have ended it meanwhile.
        if let Some(row) = work.view().session(&session.row.id).await? {
            work.drop_session(&row).await?;
            let event = Event::new(Action::SessionClosed, session.caller.actor()).object(&row.login);
            work.commit(event).await?;
        }
        Ok(())
    }

    /// The caller as a person: name, unit, roles.
    ///
    /// # Errors
    /// The database failed.
    pub async fn myself(&self, caller: &Caller) -> Result<Myself, Error> {
        let staff = Staff::load(&mut self.store.view().await?).await?;
        let person = staff.person(caller.login()).ok_or_else(not_signed_in)?.clone();
        let roles = staff.grants(caller.login()).map(|g| (g.role, g.unit.to_string())).collect();
        Ok(Myself { person, roles })
    }

    fn session_key(&self, token: &SessionToken) -> Result<Key, Error> {
        Ok(self.store.keyring().staff_key(&Key::new(token.0.clone())).map_err(StoreError::Root)?)
    }

    fn session_place(&self, row: &SessionRow) -> Vec<u8> {
        let (opened, stepped) = (row.opened_at.to_le_bytes(), row.stepped_at.to_le_bytes());
        let vault = &self.store.info().id.0;
        let login = row.login.as_str().as_bytes();
        bind(&[b"countersign.session.v1", vault, &row.id.0, login, &opened, &stepped])
    }

    fn seal_seed(
        &self,
        token: &SessionToken,
        row: &SessionRow,
        seed: Option<&[u8; 32]>,
    ) -> Result<Vec<u8>, Error> {
        let plain = seed.map_or(&[][..], |seed| seed.as_slice());
        Ok(self.session_key(token)?.cipher().seal(&self.session_place(row), plain)?)
    }

    /// The seed; none where the password was never given.
    fn open_seed(
        &self,
        token: &SessionToken,
        row: &SessionRow,
    ) -> Result<Option<Zeroizing<[u8; 32]>>, Error> {
        let opened = self.session_key(token)?.cipher().open(&self.session_place(row), &row.seed);
        let opened = opened.map_err(|_| StoreError::integrity("session", "its seed does not open"))?;
        if opened.is_empty() {
            return Ok(None);
        }
        let mut seed = Zeroizing::new([0; 32]);
        let bytes =
            opened.get(..32).ok_or_else(|| StoreError::integrity("session", "its seed is too short"))?;
        seed.copy_from_slice(bytes);
        Ok(Some(seed))
    }
}

fn holding(caller: Caller, row: SessionRow) -> Session {
    let (stepped_until, ends_at) = (row.stepped_at + STEP_UP, row.opened_at + LONGEST);
    Session { caller: caller.in_session(row.id), stepped_until, ends_at, row }
}
