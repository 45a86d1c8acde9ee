//! Tokens for programs (B11): a till system or an app acts as the person who made its token, and narrower: within the
//! token's scopes, its unit and its time, and within what that person may at the moment of each use.
//!
//! ```text
//! text  "cst_" ‖ base64url(32 random bytes): shown once, kept nowhere
//! hash  SHA-256(text), in service_token: random enough that no key is needed to keep it from being guessed back
//! ```
//!
//! A token opens no session and is no step-up: what wants a password has a [`StepUp`] in its signature, and none is made
//! of a token. A row that somebody writes into the table himself is nobody's: [`Known`](crate::access::Known) believes only
//! what the log speaks of.

use std::convert::Infallible;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use zeroize::Zeroizing;

use super::people::still;
use super::subject::may_somewhere;
use super::{Broker, Caller, Error, Ground, Refusal, StepUp};
use crate::access::staff::not_signed_in;
use crate::audit::event::{Action, Event};
use crate::clock::{Micros, random, rfc3339};
use crate::model::ids::{Digest, Login, UnitCode};
use crate::model::phrase::phrase;
use crate::model::scope::{Scope, Scopes};
use crate::policy::Act;
use crate::store::tokens::TokenRow;

/// What a token's text begins with, for whoever searches texts for secrets.
const PREFIX: &str = "cst_";
const DAY: Micros = 86_400_000_000;
/// Days that a token lives when nothing is said, and at most.
const USUAL: i64 = 90;
const LONGEST: i64 = 366;
/// Tokens of one person that are good at once: every exchange knows them all.
const MOST: usize = 50;
/// Characters of a name, at most.
const NAME: usize = 60;

/// A token as the program has it; wiped, and never printed.
pub struct TokenText(Zeroizing<String>);

impl TokenText {
    /// Whether a text is meant as one, right or wrong; a session's token is of another length.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(PREFIX) && text.len() > 43
    }

    fn new() -> Result<Self, Error> {
        let bytes = Zeroizing::new(random::<32>()?);
        // Room at once: a string that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(64));
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
        Ok(TokenText(text))
    }

    /// The text, for the one answer that hands it over.
    pub fn reveal(&self) -> Zeroizing<String> {
        self.0.clone()
    }

    fn hash(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }
}

/// What is asked for.
pub struct NewToken {
    /// What people call it; it is in no entry.
    pub name: String,
    /// What for.
    pub scopes: Vec<Scope>,
    /// What it reaches: what belongs to this unit and those under it.
    pub unit: UnitCode,
    /// When it ends: so many days from now, or a moment; neither: after 90 days.
    pub days: Option<i64>,
    /// See `days`.
    pub ends_at: Option<Micros>,
}

/// How a token stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TokenState)]
pub enum State {
    /// It is good.
    Live,
    /// Its time is over.
    Expired,
    /// It was ended before that.
    Revoked,
}

/// A token as it is listed: all but its text, which nobody has.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TokenShown, example = json!({
    "id": 3, "name": "till 2", "login": "he.fang", "unit": "S001", "scopes": ["members:look-up", "consents:record"],
    "state": "live", "made_at": "2027-01-04T09:00:00Z", "ends_at": "2027-04-04T09:00:00Z", "revoked_by": null,
    "revoked_at": null, "last_used_on": "2027-01-05",
}))]
pub struct TokenShown {
    /// Its number, which entries of the log name.
    pub id: i64,
    /// What people call it.
    pub name: String,
    /// Whose.
    pub login: Login,
    /// What it reaches.
    pub unit: UnitCode,
    /// What for.
    pub scopes: Vec<Scope>,
    /// How it stands.
    pub state: State,
    /// When it was made, RFC 3339.
    #[schema(format = DateTime)]
    pub made_at: String,
    /// When it ends, RFC 3339.
    #[schema(format = DateTime)]
    pub ends_at: String,
    /// Who ended it before that; null when nobody did, or it ended with its owner's key or account.
    #[schema(required)]
    pub revoked_by: Option<Login>,
    /// When, RFC 3339.
    #[schema(required, format = DateTime)]
    pub revoked_at: Option<String>,
    /// The day on which it was last used, in the vault's zone.
    #[schema(required, format = Date)]
    pub last_used_on: Option<String>,
}

impl Broker {
    /// Makes a token; its text is in the answer and nowhere else.
    ///
    /// # Errors
    /// `bad_token` when name, scopes, unit or end are none; `not_permitted` or `beyond_token` when the person may not do
    /// there what it is for.
    pub async fn token_make(&self, step: StepUp, new: NewToken) -> Result<(TokenText, TokenShown), Error> {
        let event = Event::new(Action::TokenMade, step.caller().actor());
        self.logged(event.clone(), async {
            let text = TokenText::new()?;
            let mut work = self.store.work().await?;
            still(&mut work, &step).await?;
            let at = work.at();
            let alive = |row: &&TokenRow| row.login == *step.caller().login() && row.holds_at(at);
            if work.view().tokens().await?.iter().filter(alive).count() >= MOST {
                return Err(bad_token(format!("one person has at most {MOST} at a time")).into());
            }
            let NewToken { name, scopes, unit, days, ends_at } = new;
            let row = TokenRow {
                id: work.view().tokens().await?.last().map_or(1, |last| last.id + 1),
                hash: TokenText::hash(&text.0),
                login: step.caller().login().clone(),
                name: phrase(&name, NAME).map_err(|why| bad_token(format!("the name {why}")))?,
                scopes: Scopes::of(scopes).ok_or_else(|| bad_token("no scope was named"))?,
                unit,
                made_at: at,
                ends_at: end_of(at, days, ends_at)?,
                revoked: None,
            };
            let ground = self.ground(work.view()).await?;
            if ground.staff.tree().get(&row.unit).is_none() {
                return Err(bad_token("there is no such unit").into());
            }
            let narrowed = ground.staff.caller_by(&row)?;
            row.scopes.iter().try_for_each(|scope| check_reach(&ground, &narrowed, scope, &row.unit))?;
            work.put_token(&row).await?;
            let event = event.object(object(&row)).count("ends_at", row.ends_at);
            let event = row.scopes.iter().fold(event, |event, scope| event.count(scope.code(), 1));
            work.commit(event).await?;
            Ok((text, self.token_shown(row, None, at)))
        })
        .await
    }

    /// A person's own tokens, ended ones too, newest first; everyone's for who may see people.
    ///
    /// # Errors
    /// The database failed.
    pub async fn token_list(&self, caller: &Caller) -> Result<Vec<TokenShown>, Error> {
        let event = Event::new(Action::TokenListed, caller.actor());
        self.logged(event.clone(), async {
            caller.check_person()?;
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            let all = ground.staff.may(&ground.policy, caller, Act::PeopleShow, None).is_ok();
            let (at, mut shown) = (work.at(), Vec::new());
            for row in work.view().tokens().await?.into_iter().rev() {
                if all || row.login == *caller.login() {
                    let seen = work.view().token_seen(row.id).await?;
                    shown.push(self.token_shown(row, seen, at));
                }
            }
            work.commit(event.count("tokens", shown.len())).await?;
            Ok(shown)
        })
        .await
    }

    /// Ends a token at once: one's own, or anyone's for who may suspend people.
    ///
    /// # Errors
    /// `unknown_token` alike when there is none, it has ended, or it is not the caller's to end.
    pub async fn token_revoke(&self, caller: &Caller, id: i64) -> Result<(), Error> {
        let event = Event::new(Action::TokenRevoked, caller.actor()).object(format!("token/{id}"));
        self.logged(event.clone(), async {
            caller.check_person()?;
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            let at = work.at();
            let any = ground.staff.may(&ground.policy, caller, Act::PersonSuspend, None).is_ok();
            let found = work.view().tokens().await?.into_iter().find(|row| row.id == id);
            let row = found.filter(|row| row.holds_at(at) && (any || row.login == *caller.login()));
            let row = row.ok_or_else(|| {
                Refusal::new("unknown_token", "B11", "there is no such token of yours, or it has ended")
                    .hint("look at the list of tokens")
            })?;
            let event = event.object(object(&row));
            work.put_token(&TokenRow { revoked: Some((Some(caller.login().clone()), at)), ..row }).await?;
            work.commit(event).await?;
            Ok(())
        })
        .await
    }

    /// Whom a token calls for. Unknown, ended, revoked and of a person who is suspended or gone are answered alike.
    ///
    /// # Errors
    /// `not_signed_in`; an integrity error as for a session.
    pub async fn token_caller(&self, text: &str) -> Result<Caller, Error> {
        let (known, now) = (self.known_now().await?, self.clock().now());
        let row = known.token(&TokenText::hash(text)).filter(|row| row.holds_at(now));
        let row = row.ok_or_else(not_signed_in)?;
        let caller = known.staff.caller_by(row).map_err(|_| not_signed_in())?;
        let today = self.clock().start_of(self.clock().today());
        let seen = self.store.view().await?.token_seen(row.id).await?;
        if seen != Some(today) {
            self.store.token_used(row.id, today).await?;
        }
        Ok(caller)
    }

    /// That a token is good for a route: made for its scope. A refusal is an entry.
    ///
    /// # Errors
    /// `beyond_token`.
    pub async fn token_for(&self, caller: &Caller, scope: Scope) -> Result<(), Error> {
        let event = Event::new(Action::TokenUsed, caller.actor()).object(scope);
        self.logged(event, async { Ok(caller.check_scope(scope)?) }).await
    }

    /// Refuses a token where only a person may be; that is an entry.
    ///
    /// # Errors
    /// `beyond_token`, always.
    pub async fn token_for_none(&self, caller: &Caller) -> Result<Infallible, Error> {
        self.refuse(Event::new(Action::TokenUsed, caller.actor()), Caller::only_a_person()).await
    }

    fn token_shown(&self, row: TokenRow, seen: Option<Micros>, now: Micros) -> TokenShown {
        let state = match &row.revoked {
            Some(_) => State::Revoked,
            None if row.holds_at(now) => State::Live,
            None => State::Expired,
        };
        let (revoked_by, revoked_at) = row.revoked.unzip();
        TokenShown {
            id: row.id,
            name: row.name,
            login: row.login,
            unit: row.unit,
            scopes: row.scopes.iter().collect(),
            state,
            made_at: rfc3339(row.made_at),
            ends_at: rfc3339(row.ends_at),
            revoked_by: revoked_by.flatten(),
            revoked_at: revoked_at.map(rfc3339),
            last_used_on: seen.map(|day| self.clock().date(day).to_string()),
        }
    }
}

/// As the log names it: its number and how far it reaches.
fn object(row: &TokenRow) -> String {
    format!("token/{}/{}", row.id, row.unit)
}

fn bad_token(why: impl Into<String>) -> Refusal {
    Refusal::new("bad_token", "B11", format!("no token is made like this: {}", why.into()))
        .hint(format!("give a name, scopes, a unit, and an end within {LONGEST} days"))
}

/// From when it is worth nothing.
fn end_of(now: Micros, days: Option<i64>, ends_at: Option<Micros>) -> Result<Micros, Refusal> {
    let ends_at = match (days, ends_at) {
        (Some(_), Some(_)) => return Err(bad_token("days and a moment are two ends")),
        (days, None) => now.saturating_add(days.unwrap_or(USUAL).saturating_mul(DAY)),
        (None, Some(at)) => at,
    };
    if ends_at <= now || ends_at > now + LONGEST * DAY {
        return Err(bad_token(format!("it ends in the future, and within {LONGEST} days")));
    }
    Ok(ends_at)
}

/// That a token would be good for something: its person may do at its unit what each scope is for.
fn check_reach(ground: &Ground, narrowed: &Caller, scope: Scope, unit: &UnitCode) -> Result<(), Refusal> {
    let may = |act: Act, unit| ground.staff.may(&ground.policy, narrowed, act, unit);
    scope.acts().iter().try_for_each(|act| match scope {
        // The group's own: nothing of it belongs to a unit.
        Scope::SuppressionImport | Scope::AuditRead => may(*act, None),
        Scope::RequestsRead | Scope::PackagesRead => may(*act, Some(unit)),
        Scope::MembersImport
        | Scope::MembersAdd
        | Scope::MembersLookUp
        | Scope::MembersVerify
        | Scope::ConsentsRead
        | Scope::ConsentsRecord => {
            may(*act, Some(unit))?;
            // A member belongs to a store, so a department would reach nobody.
            may_somewhere(ground, narrowed, *act)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_begins_as_secret_scanners_know_it() {
        let (one, two) = (TokenText::new().unwrap().reveal(), TokenText::new().unwrap().reveal());
        assert_eq!((one.len(), &one[..4]), (47, "cst_"));
        assert_ne!(*one, *two);
        assert!(TokenText::is_meant(&one));
        // A session's token has 43 characters, whatever it begins with.
        assert!(!TokenText::is_meant(&format!("cst_{}", "A".repeat(39))));
    }

    #[test]
    fn a_token_ends_within_a_year() {
        assert_eq!(end_of(5, None, None), Ok(5 + 90 * DAY));
        assert_eq!(end_of(5, Some(366), None), Ok(5 + 366 * DAY));
        assert_eq!(end_of(5, None, Some(6)), Ok(6));
        for (days, at) in
            [(Some(0), None), (Some(-1), None), (Some(367), None), (Some(i64::MAX), None), (Some(1), Some(6))]
        {
            assert!(end_of(5, days, at).is_err(), "{days:?} {at:?}");
        }
        for at in [5, 0, i64::MIN, 6 + 366 * DAY, i64::MAX] {
            assert!(end_of(5, None, Some(at)).is_err(), "{at}");
        }
    }
}
