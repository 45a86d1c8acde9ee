//! Accounts at the company's identity provider: linked by their owner, good for signing in and for nothing that asks for the
//! password. Who the provider says it is, is believed only of an account that was linked here: a name or address over
//! there can be given to another person, and the hash of issuer and subject is neither.
//!
//! While a browser is at the provider, what was begun waits in its cookie, sealed; any process on the vault can take it up.
//!
//! ```text
//! base64url(AES-256-GCM(chunks, JSON Waiting), bound to bind("countersign.place.v1", vault, "oidc"))
//! ```

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::people::{StepUp, still};
use super::sessions::{Session, SessionToken};
use super::{Broker, Error, Refusal};
use crate::access::Staff;
use crate::audit::event::{Action, Event};
use crate::clock::Micros;
use crate::model::ids::{Digest, Login};
use crate::oidc::{Begun, Identity, gone};
use crate::store::linked::LinkedAccount;

/// Who leaves for the provider comes back within ten minutes.
const LIFE: Micros = 10 * 60_000_000;

/// What waits while a browser is at the provider.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// What the provider will be asked with.
    pub begun: Begun,
    /// Where to go afterwards, a path of ours.
    pub then: String,
    /// The session whose owner, the password just given, links the account; none: somebody signs in.
    link: Option<Digest>,
    at: Micros,
}

impl Waiting {
    /// Whether it is to link an account, not to sign in.
    pub fn links(&self) -> bool {
        self.link.is_some()
    }
}

impl Broker {
    /// Seals what waits, for the cookie of who is to sign in.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn away_to_sign_in(&self, begun: Begun, then: String) -> Result<Zeroizing<String>, Error> {
        self.wait(&Waiting { begun, then, link: None, at: self.clock().now() })
    }

    /// The same for who is to link an account. The step-up is used up: whoever finds a screen unlocked links nothing.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn away_to_link(
        &self,
        _step: StepUp,
        session: &Session,
        begun: Begun,
        then: String,
    ) -> Result<Zeroizing<String>, Error> {
        self.wait(&Waiting { begun, then, link: Some(session.id()), at: self.clock().now() })
    }

    fn wait(&self, waiting: &Waiting) -> Result<Zeroizing<String>, Error> {
        let plain = Zeroizing::new(serde_json::to_vec(waiting).map_err(|_| gone())?);
        let sealed = self.store.keyring().seal_chunk(&[b"oidc"], &plain)?;
        Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// Opens it again.
    ///
    /// # Errors
    /// `oidc_gone` for anything that was not sealed here within the last ten minutes.
    pub fn back(&self, cookie: &str) -> Result<Waiting, Refusal> {
        let sealed = URL_SAFE_NO_PAD.decode(cookie).map_err(|_| gone())?;
        let plain = self.store.keyring().open_chunk(&[b"oidc"], &sealed).map_err(|_| gone())?;
        let waiting: Waiting = serde_json::from_slice(&plain).map_err(|_| gone())?;
        let passed = self.clock().now() - waiting.at;
        if (0..=LIFE).contains(&passed) { Ok(waiting) } else { Err(gone()) }
    }

    /// A person's linked account: since when.
    ///
    /// # Errors
    /// The database failed.
    pub async fn linked_since(&self, login: &Login) -> Result<Option<Micros>, Error> {
        Ok(self.store.view().await?.linked_account_of(login).await?.map(|linked| linked.linked_at))
    }

    /// Signs in whose account it is. The session opens no signing key: what asks for the password asks for it, and for the second
    /// factor where one is set up.
    ///
    /// # Errors
    /// `account_not_linked`, `suspended`; an integrity error when people or linked accounts are not what the log speaks of.
    pub async fn session_open_linked(
        &self,
        identity: &Identity,
        from: Option<IpAddr>,
    ) -> Result<(SessionToken, Session), Error> {
        let mut work = self.store.work().await?;
        // A row that somebody wrote into the table himself would sign him in as anyone.
        work.view().check_staff_tables().await?;
        let Some(linked) = work.view().linked_account(&identity.digest()).await? else {
            self.refused_unknown(from, "account_not_linked");
            return Err(Refusal::new("account_not_linked", "B9", "this account is linked to nobody here")
                .hint("sign in with the password and link it under one's own account")
                .into());
        };
        let login = &linked.login;
        let staff = Staff::load(work.view()).await?;
        let caller = match staff.caller(login) {
            Ok(caller) => caller,
            Err(refusal) => {
                drop(work);
                self.refused_unknown(from, refusal.code);
                return Err(refusal.into());
            }
        };
        let event = Event::new(Action::SessionOpened, caller.actor()).object(login).count("by_provider", 1);
        self.open_in(work, caller, None, event).await
    }

    /// Links the account to whoever began it.
    ///
    /// # Errors
    /// `oidc_gone` when the session that began it has ended; `account_linked` when it is another person's.
    pub async fn account_link(&self, waiting: &Waiting, identity: &Identity) -> Result<(), Error> {
        let mut work = self.store.work().await?;
        work.view().check_staff_tables().await?;
        let id = waiting.link.ok_or_else(gone)?;
        let session = work.view().session(&id).await?.ok_or_else(gone)?;
        let caller = Staff::load(work.view()).await?.caller(&session.login)?;
        let event = Event::new(Action::AccountLinked, caller.actor()).object(&session.login);
        self.logged(event.clone(), async {
            let there = work.view().linked_account(&identity.digest()).await?;
            if there.is_some_and(|linked| linked.login != session.login) {
                return Err(Refusal::new("account_linked", "B9", "this account is linked to another person")
                    .hint("who it is linked to unlinks it, or an administrator resets that person")
                    .into());
            }
            work.drop_linked_accounts(Some(&session.login)).await?;
            let (identity, linked_at) = (identity.digest(), work.at());
            work.put_linked_account(&LinkedAccount { identity, login: session.login, linked_at }).await?;
            work.commit(event).await?;
            Ok(())
        })
        .await
    }

    /// Unlinks one's account.
    ///
    /// # Errors
    /// `account_not_linked`.
    pub async fn account_unlink(&self, step: StepUp) -> Result<(), Error> {
        let login = step.caller().login();
        let event = Event::new(Action::AccountUnlinked, step.caller().actor()).object(login);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            still(&mut work, &step).await?;
            if work.drop_linked_accounts(Some(login)).await? == 0 {
                return Err(Refusal::new("account_not_linked", "B9", "no account is linked to you")
                    .hint("nothing is left to do")
                    .into());
            }
            work.commit(event).await?;
            Ok(())
        })
        .await
    }
}
