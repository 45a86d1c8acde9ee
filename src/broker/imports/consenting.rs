//! What a row's consents come to (design, Consent).
//!
//! | row | state now | becomes |
//! |---|---|---|
//! | yes | nothing said | a grant |
//! | yes | granted | nothing new |
//! | yes | refused or withdrawn | a grant only with the row's own consent time, later than the refusal and not after now, and evidence; else held back |
//! | no | refused or withdrawn | nothing new |
//! | no | nothing said, granted | a refusal |

use crate::clock::Micros;
use crate::model::code::{Channel, Purpose, RecipientClass};
use crate::model::member::Consents;
use crate::store::chunks::State;
use crate::store::consents::{ConsentEvent, Mark};

/// Purpose and recipient class of every consent column of a member file (A3a, A3b).
pub(super) const OF: (Purpose, RecipientClass) = (Purpose::Promotion, RecipientClass::Company);

/// What is new, and what is held back.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Marks of the one event that is to be appended; none: no event.
    pub(super) marks: Vec<Mark>,
    /// State of each changed channel from here.
    pub(super) states: Vec<(Channel, State)>,
    /// Cells held back by a refusal.
    pub(super) kept: u64,
}

/// Whether judging a row needs the member's history: something new may have to be appended.
pub(super) fn needs_history(said: Consents, proven: bool, state: impl Fn(Channel) -> State) -> bool {
    said.iter().any(|(channel, granted)| match (granted, state(channel)) {
        (true, State::None) | (false, State::None | State::Granted) => true,
        (true, state) => state.is_refusal() && proven,
        (false, _) => false,
    })
}

/// Judges a row. `proven`: the row's own consent time, when it has come and there is evidence as well.
pub(super) fn judge(
    said: Consents,
    proven: Option<Micros>,
    state: impl Fn(Channel) -> State,
    history: &[ConsentEvent],
) -> Verdict {
    let mut verdict = Verdict::default();
    for (channel, granted) in said.iter() {
        let now = state(channel);
        let is_new = match granted {
            false => !now.is_refusal(),
            true if now.is_refusal() => {
                let lifts = proven.is_some_and(|at| refused_at(history, channel).is_some_and(|no| at > no));
                verdict.kept += u64::from(!lifts);
                lifts
            }
            true => now == State::None,
        };
        if is_new {
            let (purpose, class) = OF;
            verdict.marks.push(Mark { purpose, channel, class, granted });
            verdict.states.push((channel, now.then(granted)));
        }
    }
    verdict
}

/// When the member last refused a channel.
fn refused_at(history: &[ConsentEvent], channel: Channel) -> Option<Micros> {
    let of = |m: &Mark| (m.purpose, m.class) == OF && m.channel == channel && !m.granted;
    history.iter().filter(|e| e.marks.iter().any(of)).map(|e| e.at).max()
}

/// The time an event gets: the row's own if it has one, but never after now; and a refusal never before
/// what was said already, or a yes from between the two would lift it.
pub(super) fn said_at(own: Option<Micros>, now: Micros, marks: &[Mark], history: &[ConsentEvent]) -> Micros {
    let at = own.unwrap_or(now).min(now);
    if marks.iter().all(|m| m.granted) {
        return at;
    }
    history.iter().map(|e| e.at).fold(at, Micros::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::code::Source;

    fn sms(granted: bool) -> Consents {
        Consents { sms: Some(granted), ..Consents::default() }
    }

    fn refusal(at: Micros) -> ConsentEvent {
        let (purpose, class) = OF;
        ConsentEvent {
            ordinal: 1,
            number: 1,
            at,
            source: Source::Person,
            actor: "li.na".into(),
            notice: "none".into(),
            evidence: String::new(),
            marks: vec![Mark { purpose, channel: Channel::Sms, class, granted: false }],
        }
    }

    fn one(said: bool, state: State, proven: Option<Micros>) -> (Option<State>, u64) {
        let verdict = judge(sms(said), proven, |_| state, &[refusal(100)]);
        assert_eq!(verdict.marks.len(), verdict.states.len());
        (verdict.states.first().map(|s| s.1), verdict.kept)
    }

    #[test]
    fn a_yes_grants_only_where_nothing_was_said_or_with_later_proof() {
        assert_eq!(one(true, State::None, None), (Some(State::Granted), 0));
        assert_eq!(one(true, State::Granted, None), (None, 0));
        for refused in [State::Refused, State::Withdrawn] {
            assert_eq!(one(true, refused, None), (None, 1));
            assert_eq!(one(true, refused, Some(100)), (None, 1), "not later");
            assert_eq!(one(true, refused, Some(101)), (Some(State::Granted), 0));
        }
    }

    #[test]
    fn a_no_always_refuses() {
        assert_eq!(one(false, State::None, None), (Some(State::Refused), 0));
        assert_eq!(one(false, State::Granted, None), (Some(State::Withdrawn), 0));
        assert_eq!(one(false, State::Refused, None), (None, 0));
        assert_eq!(one(false, State::Withdrawn, Some(1)), (None, 0));
    }

    #[test]
    fn a_refusal_is_never_dated_before_what_was_said() {
        let refused = &judge(sms(false), None, |_| State::Granted, &[]).marks;
        assert_eq!(said_at(Some(5), 1000, refused, &[refusal(100)]), 100);
        assert_eq!(said_at(None, 1000, refused, &[refusal(100)]), 1000);
        let granted = &judge(sms(true), None, |_| State::None, &[]).marks;
        assert_eq!(said_at(Some(5), 1000, granted, &[refusal(100)]), 5);
        assert_eq!(said_at(Some(5000), 1000, granted, &[]), 1000);
    }
}
