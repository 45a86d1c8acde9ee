//! Asking twice for one thing: a client that had no answer asks again under the same key, and is told what it would have
//! been told, with nothing done a second time. Kept for a day, in the database, so that any process answers.
//!
//! ```text
//! kept_answer.tag      HMAC(row MAC key, bind("countersign.place.v1", vault, "repeat", who, key)), 16 bytes
//! kept_answer.digest   HMAC(row MAC key, bind("countersign.place.v1", vault, "repeat.asked", tag, SHA-256 of what was asked)), 16 bytes
//! kept_answer.answer   AES-256-GCM(chunks, answer), bound to bind("countersign.place.v1", vault, "repeat", tag, digest, begun_at(8, LE))
//! ```
//!
//! Only what was done is kept. A refusal changed nothing, so the key is free again and the question is asked anew.
//!
//! The row stands before the act and the answer after it, in three turns of the database. A process that dies between them
//! leaves a row without an answer: nobody can say whether it was done, and that is what is told ([`Asked::Lost`]).

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{Broker, Caller, Error};
use crate::clock::Micros;
use crate::keyring::Tag;
use crate::model::ids::Digest;
use crate::store::StoreError;
use crate::store::kept_answers::KeptAnswer;

/// How long an answer is kept: 24 hours.
const KEPT: Micros = 86_400_000_000;
/// How long whoever does something is believed to be alive without another word of it: a minute.
const HELD: Micros = 60_000_000;

/// Something to be done once.
pub struct Once {
    tag: Tag,
    begun_at: Micros,
}

/// What was answered, still sealed.
pub struct Answered {
    once: Once,
    digest: Tag,
    sealed: Vec<u8>,
}

/// Whether something is to be done.
pub enum Asked {
    /// Yes, by who asks now.
    First(Once),
    /// It was.
    Before(Answered),
    /// Somebody does it at this moment.
    Now,
    /// Whoever did it ended without a word.
    Lost,
}

impl Broker {
    /// Begins something under a caller's key.
    ///
    /// # Errors
    /// The database failed.
    pub async fn once(&self, caller: &Caller, key: &[u8]) -> Result<Asked, Error> {
        let keyring = self.store.keyring();
        // A token's are its own: what its person asked is not told to it.
        let who = caller.token().map_or_else(|| caller.login().to_string(), |token| format!("token/{token}"));
        let tag = keyring.passing_tag(&[b"repeat", who.as_bytes(), key]);
        let now = self.clock().now();
        let found = self.store.answer_begin(&tag, (now, now + HELD, now - KEPT)).await?;
        Ok(match found {
            None => Asked::First(Once { tag, begun_at: now }),
            Some(KeptAnswer { begun_at, answer: Some((digest, sealed)), .. }) => {
                Asked::Before(Answered { once: Once { tag, begun_at }, digest, sealed })
            }
            Some(KeptAnswer { held_until, .. }) if held_until > now => Asked::Now,
            Some(_) => Asked::Lost,
        })
    }

    /// It is still being done.
    ///
    /// # Errors
    /// The database failed.
    pub async fn once_held(&self, once: &Once) -> Result<(), Error> {
        Ok(self.store.answer_held(&once.tag, once.begun_at, self.clock().now() + HELD).await?)
    }

    /// It was done: `asked` is a digest of what was asked.
    ///
    /// # Errors
    /// The database failed.
    pub async fn once_done(&self, once: &Once, asked: &Digest, answer: &[u8]) -> Result<(), Error> {
        let digest = self.asked_tag(once, asked);
        let place = [b"repeat", once.tag.as_slice(), &digest, &once.begun_at.to_le_bytes()];
        let sealed = self.store.keyring().seal_chunk(&place, answer)?;
        Ok(self.store.answer_done(&once.tag, once.begun_at, &digest, &sealed).await?)
    }

    /// It was not done, and may be asked for again.
    ///
    /// # Errors
    /// The database failed.
    pub async fn once_dropped(&self, once: &Once) -> Result<(), Error> {
        Ok(self.store.answer_dropped(&once.tag, once.begun_at).await?)
    }

    /// Whether it was done cannot be said, and never will be.
    ///
    /// # Errors
    /// The database failed.
    pub async fn once_lost(&self, once: &Once) -> Result<(), Error> {
        Ok(self.store.answer_held(&once.tag, once.begun_at, self.clock().now()).await?)
    }

    /// Forgets what is older than a day. Whoever serves does it from time to time.
    ///
    /// # Errors
    /// The database failed.
    pub async fn forget_answers(&self) -> Result<(), Error> {
        self.store.answers_forget(self.clock().now() - KEPT).await?;
        Ok(())
    }

    /// What was answered before, to who asks the same; none when something else is asked under the key.
    ///
    /// # Errors
    /// An integrity error when the row was changed.
    pub fn once_answered(
        &self,
        answered: &Answered,
        asked: &Digest,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let Answered { once, digest, sealed } = answered;
        let place = [b"repeat", once.tag.as_slice(), digest, &once.begun_at.to_le_bytes()];
        let opened = self.store.keyring().open_chunk(&place, sealed);
        let opened = opened.map_err(|_| StoreError::integrity("kept_answer", "an answer does not open"))?;
        let is_same = bool::from(self.asked_tag(once, asked).ct_eq(digest));
        Ok(is_same.then_some(opened))
    }

    fn asked_tag(&self, once: &Once, asked: &Digest) -> Tag {
        self.store.keyring().passing_tag(&[b"repeat.asked", &once.tag, &asked.0])
    }
}
