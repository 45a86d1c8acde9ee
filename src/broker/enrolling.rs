//! How a person comes to have a signing key: the first administrator, a scripted set-up, a one-time code.

use std::net::IpAddr;

use ring::digest;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::people::Password;
use super::{Broker, Error, Refusal};
use crate::access::{Caller, Staff};
use crate::audit::event::{Action, Actor, Event};
use crate::clock::random;
use crate::model::code::{Rank, Role, UnitKind};
use crate::model::ids::{Digest, Login, UnitCode};
use crate::model::org::Unit;
use crate::policy::Act;
use crate::store::people::{Enrolment, Person, RoleGrant};
use crate::store::proposals::ProposalKind;
use crate::store::{StoreError, Work};

/// An enrolment code works for three days.
const CODE_LIFE: i64 = 3 * 86_400_000_000;

/// What came of asking for a code.
pub enum Invited {
    /// The code.
    Code(Zeroizing<String>),
    /// A second administrator has to second this proposal.
    Proposed(i64),
}

impl Broker {
    /// The first administrator of a new vault, by the host's operator. Only while there is nobody. `undertaking`: the
    /// text that they were shown and agreed to (A10a), as in each enrolment.
    ///
    /// # Errors
    /// `not_first` once there are people; `undertaking_changed`.
    pub async fn first_admin(
        &self,
        login: &Login,
        password: &Password,
        undertaking: Option<Digest>,
    ) -> Result<(), Error> {
        let mut work = self.store.work().await?;
        if !work.view().people().await?.is_empty() {
            return Err(Refusal::new("not_first", "B9", "there are people already")
                .hint("an administrator adds people with `org apply`")
                .into());
        }
        let group = UnitCode::parse("GRP").map_err(|_| StoreError::integrity("unit", "GRP"))?;
        let unit = Unit {
            code: group.clone(),
            kind: UnitKind::Group,
            function: None,
            parent: None,
            name_zh: "集团".into(),
            name_en: "Group".into(),
        };
        work.put_unit(&unit).await?;
        let person = Person {
            login: login.clone(),
            name: login.to_string(),
            unit: group.clone(),
            rank: Rank::Staff,
            suspended: false,
        };
        work.put_person(&person).await?;
        work.grant_role(&RoleGrant { login: login.clone(), role: Role::Admin, unit: group }).await?;
        let public = self.enrol_in(&mut work, login, password).await?;
        let event = Event::new(Action::PersonEnrolled, Actor::Operator).object(login);
        let event = self.agreed(&mut work, login, undertaking, event).await?;
        work.commit(event.digest("public_key", public)).await?;
        Ok(())
    }

    /// Enrols people whose passwords a scripted set-up gave, one entry each.
    ///
    /// # Errors
    /// `weak_password`, or the person may not enrol.
    pub async fn enrol_scripted(
        &self,
        caller: &Caller,
        login: &Login,
        password: &Password,
        undertaking: Option<Digest>,
    ) -> Result<(), Error> {
        let event = Event::new(Action::PersonEnrolled, caller.actor()).object(login);
        self.logged(event.clone(), async {
            self.check_about(caller, Act::PersonEnrol, login).await?;
            let mut work = self.store.work().await?;
            if !work.view().credentials(login).await?.is_empty() {
                return Err(Refusal::new("enrolled_already", "B9", "this person has a signing key already")
                    .hint("`person enrol` issues a one-time code for a new one")
                    .into());
            }
            let public = self.enrol_in(&mut work, login, password).await?;
            let event = self.agreed(&mut work, login, undertaking, event).await?;
            work.commit(event.digest("public_key", public)).await?;
            Ok(())
        })
        .await
    }

    /// Stores the undertaking that was agreed to with an enrolment, and names it in the entry.
    async fn agreed(
        &self,
        work: &mut Work<'_>,
        login: &Login,
        undertaking: Option<Digest>,
        event: Event,
    ) -> Result<Event, Error> {
        let Some(digest) = undertaking else { return Ok(event) };
        self.undertake_in(work, login, digest).await?;
        Ok(event.digest("undertaking", digest))
    }

    /// Issues a one-time enrolment code; a signing key there was ends with it. For who has had a key, that needs a
    /// second administrator: a code is all that it takes to become somebody.
    ///
    /// # Errors
    /// The caller may not, or is the person it concerns.
    pub async fn invite(&self, caller: &Caller, login: &Login) -> Result<Invited, Error> {
        let event = Event::new(Action::PersonInvited, caller.actor()).object(login);
        self.logged(event.clone(), async {
            self.check_about(caller, Act::PersonEnrol, login).await?;
            let mut work = self.store.work().await?;
            let had_key = !work.view().credentials(login).await?.is_empty();
            if had_key && self.guarded(work.view()).await? {
                drop(work);
                let change = format!("end the key of {login} and issue a code");
                let id = self.propose(caller, ProposalKind::Reset, login.as_str(), &[change]).await?;
                return Ok(Invited::Proposed(id));
            }
            let code = self.issue_code(&mut work, login).await?;
            work.commit(event).await?;
            Ok(Invited::Code(code))
        })
        .await
    }

    /// Ends a person's key, sessions, tokens and codes in this turn, and stores a new code.
    pub(super) async fn issue_code(
        &self,
        work: &mut Work<'_>,
        login: &Login,
    ) -> Result<Zeroizing<String>, Error> {
        let code = Zeroizing::new(hex::encode(random::<10>()?));
        work.end_key(login).await?;
        work.drop_sessions(Some(login), 0).await?;
        work.end_tokens(Some(login)).await?;
        // Who is to become this person has neither the key nor the device of before.
        self.drop_factors(work, login).await?;
        let enrolment =
            Enrolment { login: login.clone(), code_hash: hash(&code), expires_at: work.at() + CODE_LIFE };
        work.put_enrolment(&enrolment).await?;
        Ok(code)
    }

    /// Enrols with a one-time code.
    ///
    /// # Errors
    /// `wrong_code` whatever did not fit; `weak_password`; `undertaking_changed`.
    pub async fn enrol(
        &self,
        login: &Login,
        code: &str,
        password: &Password,
        undertaking: Option<Digest>,
    ) -> Result<(), Error> {
        let event = Event::new(Action::PersonEnrolled, Actor::Anonymous).object(login);
        self.logged(event, self.enrol_unlogged(login, code, password, undertaking)).await
    }

    /// The same over the network: a refusal is counted. `from`: the address, when it is known.
    ///
    /// # Errors
    /// As [`Broker::enrol`].
    pub async fn enrol_from(
        &self,
        login: &Login,
        code: &str,
        password: &Password,
        undertaking: Option<Digest>,
        from: Option<IpAddr>,
    ) -> Result<(), Error> {
        self.unknown(from, self.enrol_unlogged(login, code, password, undertaking)).await
    }

    async fn enrol_unlogged(
        &self,
        login: &Login,
        code: &str,
        password: &Password,
        undertaking: Option<Digest>,
    ) -> Result<(), Error> {
        let mut work = self.store.work().await?;
        let open = work.view().enrolment(login).await?;
        let now = work.at();
        let fits = open.is_some_and(|e| e.expires_at > now && bool::from(e.code_hash.ct_eq(&hash(code))));
        let staff = Staff::load(work.view()).await?;
        if !fits || !staff.is_active(login) {
            return Err(Refusal::new(
                "wrong_code",
                "B9",
                "the enrolment code is not right, used up or too old",
            )
            .hint("ask an administrator for a new one")
            .into());
        }
        let public = self.enrol_in(&mut work, login, password).await?;
        let actor = staff.caller(login)?.actor();
        let event = Event::new(Action::PersonEnrolled, actor).object(login);
        let event = self.agreed(&mut work, login, undertaking, event).await?;
        work.commit(event.digest("public_key", public)).await?;
        Ok(())
    }
}

fn hash(code: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, code.trim().as_bytes()).as_ref().to_vec()
}
