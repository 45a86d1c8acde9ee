//! Budgets of looks (A10b): how many members a person and a unit may look at within an hour and a day.
//!
//! A look is counted in the turn that writes its entry: every process on the vault counts in the same place, and of many
//! at once none gets past. Whoever has none left is told when it goes on and who may give more, and that is an entry.

use std::sync::Arc;

use super::alarms::held_back;
use super::{Broker, Caller, Ground, Refusal};
use crate::clock::{Clock, Micros};
use crate::policy::{Act, Look, Policy, Span, Whose};
use crate::store::looks::{Counted, Counting};

const HOUR: Micros = 3_600_000_000;
/// Looks at members of the tiers that the policy names: they have no budget, and are noticed.
pub(super) const VIP: &str = "vip";

/// The kind of look that an act is, if it is one.
pub(super) fn look_of(act: Act) -> Option<Look> {
    match act {
        Act::MemberLookUp => Some(Look::LookUp),
        Act::MemberShow | Act::MemberHistory | Act::MemberWhoSaw | Act::ConsentShow => Some(Look::Show),
        Act::MemberReveal => Some(Look::Reveal),
        Act::MemberVerify => Some(Look::Verify),
        _ => None,
    }
}

/// The kind of look that it is to try whether there is such a member: whoever may do something to members can learn
/// that by it, and has a budget for it.
pub(super) fn try_of(act: Act) -> Look {
    look_of(act).unwrap_or(Look::Show)
}

impl Broker {
    /// Whose look it is, and what the policy says to another one.
    pub(super) fn counting(&self, ground: &Ground, caller: &Caller, look: Look, is_vip: bool) -> Counting {
        let login = caller.login();
        let unit = ground.staff.person(login).map(|person| (Whose::Unit, person.unit.to_string()));
        let whose: Vec<_> = std::iter::once((Whose::Person, login.to_string())).chain(unit).collect();
        let (policy, clock, of) = (ground.policy.clone(), self.store.clock().clone(), whose.clone());
        Counting {
            whose: whose.iter().map(|(whose, who)| format!("{whose}/{who}")).collect(),
            look: look.code(),
            also: is_vip.then_some(VIP),
            alarms: policy.guard().throttle(),
            judge: Arc::new(move |counted| judge(&policy, &clock, look, &of, counted)),
        }
    }
}

fn judge(
    policy: &Policy,
    clock: &Clock,
    look: Look,
    of: &[(Whose, String)],
    counted: &Counted,
) -> Option<Refusal> {
    if let Some((left, kind)) = held_back(policy, &counted.alarms, counted.at) {
        return Some(slowed_down(left, &kind));
    }
    let spent = of.iter().zip(&counted.looks).find_map(|(one, looks)| {
        let span = policy.guard().budget(one.0, look).spent(looks.in_hour, looks.in_day)?;
        Some((one, span))
    });
    spent.map(|(one, span)| spent_at(clock, counted.at, one, look, span))
}

fn slowed_down(left: Micros, kind: &str) -> Refusal {
    let seconds = u32::try_from(left.max(0) / 1_000_000 + 1).unwrap_or(u32::MAX);
    Refusal::new("slowed_down", "A10b (Art 10)", format!("there is an alarm about your looks ({kind})"))
        .hint(format!("it goes on in {seconds} seconds, or when an auditor has seen to the alarm"))
        .after(seconds)
}

fn spent_at(clock: &Clock, at: Micros, (whose, who): &(Whose, String), look: Look, span: Span) -> Refusal {
    let ends = match span {
        Span::Hour => (at.div_euclid(HOUR) + 1) * HOUR,
        Span::Day => clock.start_of(clock.date(at).tomorrow().unwrap_or(clock.date(at))),
    };
    let seconds = u32::try_from((ends - at).max(0) / 1_000_000 + 1).unwrap_or(u32::MAX);
    let message = format!("the budget of {look} of the {whose} {who} is spent for this {span}");
    Refusal::new("budget_spent", "A10b (Art 10)", message)
        .hint(format!(
            "it goes on at {} in the vault's zone; an administrator may propose a larger one in guard.toml, and \
             another person seconds it",
            clock.time(ends).strftime("%H:%M")
        ))
        .after(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::parse_rfc3339;

    #[test]
    fn who_has_spent_it_is_told_when_it_goes_on() {
        let at = parse_rfc3339("2026-11-28T12:59:30Z").unwrap();
        let clock = Clock::fixed("Asia/Shanghai", at).unwrap();
        let li = (Whose::Person, "li.na".to_owned());
        let hour = spent_at(&clock, at, &li, Look::Reveal, Span::Hour);
        assert_eq!(hour.message, "the budget of reveal of the person li.na is spent for this hour");
        assert_eq!(
            (hour.after, hour.hint.contains("goes on at 21:00 in")),
            (Some(31), true),
            "{}",
            hour.hint
        );
        let day = spent_at(&clock, at, &li, Look::Reveal, Span::Day);
        assert_eq!((day.after, day.hint.contains("goes on at 00:00 in")), (Some(3 * 3600 + 31), true));
    }
}
