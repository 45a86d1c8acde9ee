//! Whom a verb is about: found by card, within the caller's reach, with what the log calls him.

use std::sync::Arc;

use super::found::Whom;
use super::looking::{Judged, MaySee, One, Question};
use super::looks::{look_of, try_of};
use super::seeking::{ConsentState, Moment, Sought};
use super::{Broker, Caller, Error, Ground, Refusal};
use crate::access::known::Compared;
use crate::audit::event::{Action, Event};
use crate::model::field::Index;
use crate::model::ids::{Digest, UnitCode};
use crate::model::value_error::ValueError;
use crate::policy::{Act, Policy};
use crate::store::entries::{Look, Looked};
use crate::store::{Receipt, StoreError, View, Work};

/// Fewest characters of a reason.
const REASON: usize = 4;
/// Most: it is kept for good, beside the entry.
const LONGEST: usize = 500;

/// What a verb is to do to one member.
#[derive(Clone)]
pub(super) struct Verb {
    pub(super) event: Event,
    pub(super) caller: Caller,
    pub(super) act: Act,
    pub(super) whom: Whom,
}

impl Verb {
    pub(super) fn new(action: Action, caller: &Caller, act: Act, whom: impl Into<Whom>) -> Verb {
        let event = Event::new(action, caller.actor());
        Verb { event, caller: caller.clone(), act, whom: whom.into() }
    }
}

/// A member whom the caller may do the act to, not opened yet.
pub(super) struct SubjectOf {
    pub(super) one: One,
    ground: Ground,
    /// The verb's event with member and policy.
    pub(super) event: Event,
}

/// Why not, and what the log is to say of it.
struct Denied {
    entry: Look,
    refusal: Refusal,
}

/// A member who was looked at: the entry is on disk.
pub(super) struct SeenOne {
    pub(super) one: One,
    pub(super) policy: Arc<Policy>,
    pub(super) receipt: Receipt,
    /// In effect, where the act shows them.
    pub(super) consents: Vec<ConsentState>,
}

/// One answer for a member who is not there and one who is not the caller's.
pub(super) fn unknown_member() -> Refusal {
    Refusal::new("unknown_member", "B9", "there is no such member in what you may see")
        .hint("check the card number; members of another store are looked up there")
}

/// The same for one who was found a while ago.
fn not_at_hand() -> Refusal {
    Refusal::new("unknown_member", "B9", "the member who was found is not at hand any more")
        .hint("look the member up again: what was found is kept for half an hour")
}

pub(super) fn check_reason(reason: &str, rule: &'static str) -> Result<(), Refusal> {
    if reason.trim().chars().count() < REASON {
        let what = if reason.trim().is_empty() { "a reason is needed" } else { "the reason is too short" };
        return Err(Refusal::new("reason_missing", rule, what)
            .hint(format!("say in {REASON} characters or more what it is for; it is kept with the entry")));
    }
    if reason.trim().chars().count() > LONGEST {
        return Err(Refusal::new(
            "reason_too_long",
            rule,
            format!("a reason has at most {LONGEST} characters"),
        )
        .hint("give the number of a case or a form, where more can be read"));
    }
    Ok(())
}

/// What is asked of a caller and of what he brings, whoever the member is: nothing.
pub(super) fn nothing_else(_: &Compared) -> Result<(), Refusal> {
    Ok(())
}

impl Broker {
    /// Writes a refusal to the log and tells it.
    pub(super) async fn refuse<T>(&self, event: Event, refusal: Refusal) -> Result<T, Error> {
        self.store.enter(event.refused(&refusal)).await?;
        Err(refusal.into())
    }

    /// Writes to the log that a file which the caller may bring is none, and tells what is wrong with it.
    pub(super) async fn refuse_file<T>(&self, event: Event, why: Error) -> Result<T, Error> {
        let refusal = Refusal::new("unusable_file", "B4", "the file is not usable");
        self.store.enter(event.refused(&refusal)).await?;
        Err(why)
    }

    /// Asks the policy about whom a verb is about, and `besides` what must hold whoever he is: that comes before any word
    /// of whether there is such a member, or a reason that is missing would tell it without a look's budget (A10b).
    /// With a refusal comes its entry; where there is a member, with his alias, so that tries are seen as well.
    fn permitted(
        &self,
        verb: Verb,
        moment: Moment,
        besides: &dyn Fn(&Compared) -> Result<(), Refusal>,
    ) -> Result<Result<SubjectOf, Denied>, Error> {
        let (Moment { ground, known, mut members }, Verb { event, caller, act, whom }) = (moment, verb);
        let event = event.policy(Digest(ground.policy.digest()));
        members.truncate(1);
        let found = members.pop();
        let store = found.as_ref().and_then(|held| held.member.attributes.home_store.as_deref());
        let permitted = known
            .check_signed_in(&caller, self.clock().now())
            .and_then(|()| may_somewhere(&ground, &caller, act))
            .and_then(|()| besides(&known))
            .and_then(|()| may_here(&ground, &caller, act, found.is_some(), store));
        let (event, refusal) = match (found, permitted) {
            (Some(held), Ok(())) => {
                let one = self.opened_alias(held)?;
                let event = event.member(one.alias);
                return Ok(Ok(SubjectOf { one, ground, event }));
            }
            // Whoever may not see him is not told that his record is damaged either: without an alias he is refused all the same.
            (Some(held), Err(refusal)) => match self.opened_alias(held) {
                Ok(one) => (event.member(one.alias), refusal),
                Err(_) => (event, refusal),
            },
            (None, permitted) => {
                let refusal = permitted.err().unwrap_or_else(unknown_member);
                let is_gone = matches!(whom, Whom::Found(_)) && refusal.code == "unknown_member";
                (event, if is_gone { not_at_hand() } else { refusal })
            }
        };
        let entry = Look::of(event.refused(&refusal));
        // Who may look has looked: cards that are nobody's cannot be tried out beyond the budget either. By a name that
        // is good no more nobody is tried.
        let entry = match refusal.code == "unknown_member" && matches!(whom, Whom::Card(_)) {
            true => entry.counted(self.counting(&ground, &caller, try_of(act), false)),
            false => entry,
        };
        Ok(Err(Denied { entry, refusal }))
    }

    /// Looks at a member: finds him and enters the look, with a justification if it has one.
    pub(super) async fn look_at(
        &self,
        verb: Verb,
        besides: impl Fn(&Compared) -> Result<(), Refusal> + Send + Sync + 'static,
        remark: Option<&str>,
    ) -> Result<SeenOne, Error> {
        let (sought, remark) = (self.sought(&verb), remark.map(str::to_owned));
        let judge = move |broker: &Broker, moment: Moment| {
            let permitted = broker.permitted(verb.clone(), moment, &besides)?;
            let SubjectOf { one, ground, event } = match permitted {
                Ok(subject) => subject,
                Err(Denied { entry, refusal }) => return Ok(Judged { entry, outcome: Err(refusal) }),
            };
            let is_vip = ground.policy.guard().is_vip(one.member.attributes.tier);
            let mut entry = Look::of(event);
            if let Some(look) = look_of(verb.act) {
                entry = entry.counted(broker.counting(&ground, &verb.caller, look, is_vip));
            }
            if let Some(remark) = &remark {
                entry = entry.remark(remark);
            }
            let (policy, with_consents) = (ground.policy, verb.act == Act::MemberShow);
            Ok(Judged { entry, outcome: Ok(MaySee { members: vec![one], policy, with_consents }) })
        };
        let mut seen = self.see(Question::new(sought, judge)).await?;
        let one = seen.members.pop().ok_or(StoreError::Fault("a look at nobody"))?;
        let consents = seen.consents.pop().unwrap_or_default();
        Ok(SeenOne { one, policy: seen.policy, receipt: seen.receipt, consents })
    }

    /// The writer's turn in which a verb about him is written down. He was found in it, and what the caller may was judged
    /// in it. A refusal is entered here.
    pub(super) async fn turn(
        &self,
        verb: Verb,
        besides: impl Fn(&Compared) -> Result<(), Refusal>,
    ) -> Result<(SubjectOf, Work<'_>), Error> {
        let mut work = self.store.work().await?;
        let sought = self.sought(&verb);
        let moment = self.seek_in(work.view(), &[&sought]).await?.pop();
        let moment = moment.ok_or(StoreError::Fault("a question without an answer"))??;
        match self.permitted(verb, moment, &besides)? {
            Ok(subject) => Ok((subject, work)),
            Err(Denied { entry, refusal }) => Err(enter_refused(work, entry, refusal).await?.into()),
        }
    }

    /// Where to look for him; whose he is is not asked here.
    fn sought(&self, verb: &Verb) -> Sought {
        match &verb.whom {
            Whom::Card(card) => Sought::Tag(
                Index::Card,
                self.store.keyring().index_tag(Index::Card, card.expose().as_bytes()),
            ),
            Whom::Found(found) => {
                self.ordinal_of(&verb.caller, found).map_or(Sought::Nobody, Sought::Ordinal)
            }
        }
    }

    /// Whether a caller who was let in a while ago still is at this moment: his account, his session or token, his rights.
    /// A policy begins to hold and a token ends without anything being written, so it is asked anew each time.
    pub(super) async fn judged_in(
        &self,
        view: &mut View<'_>,
        caller: &Caller,
        may: impl Fn(&Ground) -> Result<(), Refusal>,
    ) -> Result<Result<(), Refusal>, Error> {
        let now = self.clock().now();
        // Boxed: it is behind the long futures of an import.
        let known = Box::pin(self.known.at(view, now)).await?;
        let ground = self.ground_of(&known).await?;
        let is_active = |()| ground.staff.caller(caller.login()).map(drop);
        Ok(known.check_signed_in(caller, now).and_then(is_active).and_then(|()| may(&ground)))
    }
}

/// Enters a refusal in the turn in which it was judged; what to tell: it, or that there is no budget left for it.
pub(super) async fn enter_refused(
    work: Work<'_>,
    entry: Look,
    refusal: Refusal,
) -> Result<Refusal, StoreError> {
    Ok(match work.write_looks(vec![entry]).await?.pop() {
        Some(Looked::Refused(spent)) => spent,
        Some(Looked::Entered(_)) | None => refusal,
    })
}

pub(super) fn not_a_value(what: &str, e: ValueError) -> Refusal {
    Refusal::new(e.code(), "B4", format!("the {what} {}", e.en())).hint("correct it and try again")
}

/// Whether the caller may do the act at all, anywhere of his own.
pub(super) fn may_somewhere(ground: &Ground, caller: &Caller, act: Act) -> Result<(), Refusal> {
    let anywhere = ground.staff.may(&ground.policy, caller, act, None);
    if anywhere.is_ok() {
        return anywhere;
    }
    let may = |site: &UnitCode| ground.staff.may(&ground.policy, caller, act, Some(site));
    let mut here = None;
    for site in ground.staff.sites(caller) {
        match may(&site) {
            Ok(()) => return Ok(()),
            Err(refusal) => here = Some(Err(refusal)),
        }
    }
    // A program is told how it stands at the site it is bound to: anywhere else is beyond it in any case.
    here.filter(|_| caller.token().is_some()).unwrap_or(anywhere)
}

/// Whether the caller may do the act to a member of this store. Who may do it to some members gets the
/// same answer for those who are not his and those who are not there.
pub(super) fn may_here(
    ground: &Ground,
    caller: &Caller,
    act: Act,
    there: bool,
    store: Option<&str>,
) -> Result<(), Refusal> {
    may_somewhere(ground, caller, act)?;
    if !there {
        return Err(unknown_member());
    }
    let unit = store.and_then(|s| UnitCode::parse(s).ok());
    ground.staff.may(&ground.policy, caller, act, unit.as_ref()).map_err(|_| unknown_member())
}
