//! Passkeys (WebAuthn): the better second factor, since it answers only to this site.
//!
//! A challenge is kept for five minutes, sealed, under the hash of a random name that the browser gives back with the answer; it is
//! taken out in the turn that accepts the answer, so an answer is good once. For signing in it is handed out only for a right
//! password: otherwise the list of a login's credentials would tell which logins there are.
//!
//! ```text
//! passkey_challenge.state   AES-256-GCM(chunks, JSON), bound to bind("countersign.place.v1", vault, "passkey", login, "add" or "use", id)
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use webauthn_rs::prelude::{Passkey, PasskeyAuthentication, PasskeyRegistration, Url, Uuid, WebauthnError};
use webauthn_rs::{Webauthn, WebauthnBuilder};
use zeroize::Zeroizing;

use super::factors::{none, wrong};
use super::people::{Password, StepUp, still};
use super::{Broker, Error, Refusal};
use crate::audit::event::{Action, Event};
use crate::clock::{Micros, random};
use crate::model::ids::{Digest, Login};
use crate::model::phrase::phrase;
use crate::store::factors::{Challenge, PasskeyRow};
use crate::store::{StoreError, Work};

/// A challenge is good for five minutes.
const LIFE: Micros = 5 * 60_000_000;

/// A challenge for the browser.
pub struct Asked {
    /// Its name, which comes back with the answer.
    pub challenge: String,
    /// What `navigator.credentials` is given.
    pub options: serde_json::Value,
}

/// A passkey that was added.
pub struct Added {
    /// Its name in the API.
    pub id: Digest,
    /// Recovery codes, shown once, if there were none.
    pub recovery_codes: Vec<Zeroizing<String>>,
}

impl Broker {
    /// Where the pages are that people see, `https://vault.example`: passkeys are bound to it, and there are none without.
    ///
    /// # Errors
    /// It is no origin that passkeys can be bound to.
    pub fn at_origin(mut self, origin: &str) -> Result<Broker, Error> {
        let bad = |_| Error::Input {
            code: "bad_origin",
            message: "the public origin is not one".into(),
            hint: "an origin is written as https://vault.example".into(),
        };
        let url = Url::parse(origin).map_err(|_| bad(()))?;
        let host = url.host_str().ok_or_else(|| bad(()))?.to_owned();
        let built = WebauthnBuilder::new(&host, &url).and_then(|b| b.rp_name("Countersign").build());
        self.passkeys = Some(built.map_err(|_| bad(()))?);
        Ok(self)
    }

    fn webauthn(&self) -> Result<&Webauthn, Refusal> {
        self.passkeys.as_ref().ok_or_else(|| {
            Refusal::new(
                "passkeys_off",
                "B9",
                "passkeys are bound to the server's public origin, and none is set",
            )
            .hint("the operator sets `public_origin`; until then there are time-based codes")
        })
    }

    /// A challenge for a new passkey.
    ///
    /// # Errors
    /// `passkeys_off`.
    pub async fn passkey_begin(&self, step: &StepUp) -> Result<Asked, Error> {
        let login = step.caller().login();
        let event = Event::new(Action::FactorBegun, step.caller().actor()).object(login);
        self.logged(event.clone(), async {
            let webauthn = self.webauthn()?;
            let mut work = self.store.work().await?;
            still(&mut work, step).await?;
            let there = work.view().passkeys(login).await?;
            let known = there.iter().map(|k| Ok(key_of(k)?.cred_id().clone()));
            let known = known.collect::<Result<Vec<_>, Error>>()?;
            // The handle that the authenticator keeps: of this vault's account, and nothing to read in it.
            let user = Digest::of(format!("{}/{login}", self.store.info().id).as_bytes());
            let user = Uuid::from_bytes(std::array::from_fn(|i| user.0[i]));
            let made = webauthn.start_passkey_registration(user, login.as_str(), login.as_str(), Some(known));
            let (options, state) = made.map_err(|e| failed(&e))?;
            work.commit(event).await?;
            self.ask(login, "add", &options, &state).await
        })
        .await
    }

    /// Adds the passkey that answered.
    ///
    /// # Errors
    /// `passkeys_off`, `challenge_gone`, `wrong_factor`, `bad_name`.
    pub async fn passkey_add(
        &self,
        step: StepUp,
        challenge: &str,
        name: &str,
        credential: &serde_json::Value,
    ) -> Result<Added, Error> {
        let login = step.caller().login();
        let event = Event::new(Action::FactorAdded, step.caller().actor()).object(login);
        self.logged(event.clone(), async {
            let webauthn = self.webauthn()?;
            let name = phrase(name, 60).map_err(|e| {
                Refusal::new("bad_name", "B9", format!("the name {e}"))
                    .hint("name the device, in at most 60 characters")
            })?;
            let mut work = self.store.work().await?;
            still(&mut work, &step).await?;
            let state: PasskeyRegistration = self.answered(&mut work, login, "add", challenge).await?;
            let answer = serde_json::from_value(credential.clone()).map_err(|_| wrong())?;
            let key = webauthn.finish_passkey_registration(&answer, &state).map_err(|_| wrong())?;
            let id = Digest::of(key.cred_id().as_ref());
            let row = PasskeyRow {
                login: login.clone(),
                id,
                name,
                key: json(&key)?,
                counter: 0,
                added_at: work.at(),
            };
            work.put_passkey(&row).await?;
            let recovery_codes = self.recovery_codes_in(&mut work, login).await?;
            work.commit(event.digest("passkey", id)).await?;
            Ok(Added { id, recovery_codes })
        })
        .await
    }

    /// Removes a passkey.
    ///
    /// # Errors
    /// `no_such_factor`.
    pub async fn passkey_remove(&self, step: StepUp, id: Digest) -> Result<(), Error> {
        let login = step.caller().login();
        let event =
            Event::new(Action::FactorRemoved, step.caller().actor()).object(login).digest("passkey", id);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            still(&mut work, &step).await?;
            let key = work.view().passkeys(login).await?.into_iter().find(|k| k.id == id).ok_or_else(none)?;
            work.drop_passkey(&key).await?;
            self.forget_codes(&mut work, login).await?;
            work.commit(event).await?;
            Ok(())
        })
        .await
    }

    /// A challenge for signing in or a step-up, for a right password.
    ///
    /// # Errors
    /// As [`Broker::authenticate`]; `passkeys_off`, `no_such_factor`, `try_later`.
    pub async fn passkey_challenge(
        &self,
        login: &Login,
        password: &Password,
        from: Option<std::net::IpAddr>,
    ) -> Result<Asked, Error> {
        let asked = async {
            self.unknown(from, self.recognise(login, password)).await?;
            let webauthn = self.webauthn()?;
            let keys = self.store.view().await?.passkeys(login).await?;
            let keys = keys.iter().map(key_of).collect::<Result<Vec<_>, _>>()?;
            if keys.is_empty() {
                return Err(none().into());
            }
            let (options, state) = webauthn.start_passkey_authentication(&keys).map_err(|e| failed(&e))?;
            self.ask(login, "use", &options, &state).await
        };
        self.waited(login, from, asked).await
    }

    /// Looks at an answer in this turn, and raises the passkey's counter.
    pub(super) async fn use_passkey(
        &self,
        work: &mut Work<'_>,
        login: &Login,
        keys: Vec<PasskeyRow>,
        challenge: &str,
        credential: &serde_json::Value,
    ) -> Result<(), Error> {
        let webauthn = self.webauthn()?;
        let state: PasskeyAuthentication = self.answered(work, login, "use", challenge).await?;
        let answer = serde_json::from_value(credential.clone()).map_err(|_| wrong())?;
        let result = webauthn.finish_passkey_authentication(&answer, &state).map_err(|_| wrong())?;
        let id = Digest::of(result.cred_id().as_ref());
        let row = keys.into_iter().find(|k| k.id == id).ok_or_else(wrong)?;
        let counter = i64::from(result.counter());
        // The challenge was made over the counter of then; a copy may have answered another one since.
        if (counter > 0 || row.counter > 0) && counter <= row.counter {
            return Err(Refusal::new(
                "passkey_copied",
                "B9",
                "this passkey counts backwards: there may be a copy of it",
            )
            .hint("sign in by another factor and remove it; tell an administrator")
            .into());
        }
        let mut key = key_of(&row)?;
        key.update_credential(&result);
        work.put_passkey(&PasskeyRow { key: json(&key)?, counter, ..row }).await?;
        Ok(())
    }

    async fn ask<O: Serialize + Sync, S: Serialize + Sync>(
        &self,
        login: &Login,
        what: &str,
        options: &O,
        state: &S,
    ) -> Result<Asked, Error> {
        let name = random::<32>()?;
        let id = Digest::of(&name);
        let plain = Zeroizing::new(json(state)?);
        let state = self.store.keyring().seal_chunk(&place(login, what, &id), plain.as_bytes())?;
        let at = self.clock().now();
        let kept = Challenge { login: login.clone(), state, ends_at: at + LIFE };
        self.store.put_challenge(&id, &kept, at).await?;
        let options =
            serde_json::to_value(options).map_err(|_| StoreError::Fault("a challenge is no JSON"))?;
        Ok(Asked { challenge: URL_SAFE_NO_PAD.encode(name), options })
    }

    /// Takes a challenge out for its answer.
    async fn answered<S: DeserializeOwned>(
        &self,
        work: &mut Work<'_>,
        login: &Login,
        what: &str,
        challenge: &str,
    ) -> Result<S, Error> {
        let gone = || {
            Refusal::new(
                "challenge_gone",
                "B9",
                "this challenge was answered, is too old, or is somebody else's",
            )
            .hint("ask for another one")
        };
        let id = Digest::of(&URL_SAFE_NO_PAD.decode(challenge).map_err(|_| gone())?);
        let kept = work.take_challenge(&id).await?.filter(|c| &c.login == login).ok_or_else(gone)?;
        if kept.ends_at < work.at() {
            return Err(gone().into());
        }
        let plain =
            self.store.keyring().open_chunk(&place(login, what, &id), &kept.state).map_err(|_| gone())?;
        Ok(serde_json::from_slice(&plain).map_err(|_| gone())?)
    }
}

fn place<'a>(login: &'a Login, what: &'a str, id: &'a Digest) -> [&'a [u8]; 4] {
    [b"passkey", login.as_str().as_bytes(), what.as_bytes(), &id.0]
}

fn key_of(row: &PasskeyRow) -> Result<Passkey, Error> {
    let parsed = serde_json::from_str(&row.key);
    Ok(parsed.map_err(|_| StoreError::integrity("passkey", "a key does not parse"))?)
}

fn json(value: &impl Serialize) -> Result<String, Error> {
    Ok(serde_json::to_string(value).map_err(|_| StoreError::Fault("a passkey is no JSON"))?)
}

fn failed(_: &WebauthnError) -> StoreError {
    StoreError::Fault("a passkey's challenge could not be made")
}
