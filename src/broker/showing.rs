//! What is shown of requests: the form and its chain, a line of the list, the counts before asking.

mod whole;

use super::abilities::Found;
use super::editions::{Edition, edition};
use super::requests::sentences;
use super::rounds::find;
use super::standing::{form_of, standing};
use super::{Broker, Error};
use crate::access::{About, Caller, Waterfall};
use crate::audit::event::{Action, Event};
use crate::clock::rfc3339;
use crate::model::code::{Exclusion, Step, codes};
use crate::model::ids::{Login, RequestNo, UnitCode};
use crate::model::signing::SignedAct;
use crate::policy::Act;
pub use whole::{Change, Happening, Leaves, Round, Similar, SlotShown, Whole};

/// The waterfall as it may be shown before signing: tens, and "<10".
#[derive(Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Preview {
    /// Members the selection matches.
    pub selected: String,
    /// Who is out: reasons, and how many. A step of under ten is merged with the next.
    pub excluded: Vec<(Vec<Exclusion>, String)>,
    /// Rows that would leave now.
    pub rows: String,
}

/// One fact of a round.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct FactShown {
    /// What was said.
    pub act: SignedAct,
    /// At which step.
    pub step: Option<Step>,
    /// By whom.
    pub signer: Login,
    /// When.
    pub at: String,
    /// Why.
    pub comment: Option<String>,
    /// Of a transfer: to whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Login>,
    /// Of a return: to which earlier step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub back_to: Option<Step>,
    /// In whose place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_place_of: Option<Login>,
}

/// A request as its people see it.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct RequestShown {
    /// Number.
    pub no: RequestNo,
    /// The form as it stands.
    pub form: serde_json::Value,
    /// Round, 0 for a draft.
    pub round: u32,
    /// Digest that signatures are over.
    pub digest: Option<String>,
    /// Where it stands.
    pub standing: String,
    /// Whose turn it is.
    pub holder: Vec<Login>,
    /// Signed facts of the round.
    pub facts: Vec<FactShown>,
    /// The sentence a signer agrees to.
    pub sentence_zh: String,
    /// The same in English.
    pub sentence_en: String,
    /// Packages made for it.
    pub packages: Vec<String>,
    /// Which edition this is; it travels beside the body.
    #[serde(skip)]
    pub edition: Edition,
    /// Everything else that its people and systems ask.
    #[serde(flatten)]
    pub whole: Whole,
}

/// A line of the list.
#[derive(Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct RequestLine {
    /// Number.
    pub no: RequestNo,
    /// Asking unit.
    pub unit: UnitCode,
    /// Campaign.
    pub campaign: String,
    /// Where it stands.
    pub standing: String,
    /// Whose turn it is.
    pub holder: Vec<Login>,
    /// Full days since it was drafted.
    pub age_days: i64,
    /// The same as a word of a closed list.
    pub status: Status,
    /// Who drafted it.
    pub drafted_by: Login,
    /// Since when it has been where it is.
    pub since: String,
    /// Full days since then.
    pub waiting_days: i64,
    /// Full days until its signatures run out, while it can still be signed or executed.
    #[serde(default)]
    pub days_left: Option<i64>,
}

codes! {
    /// Where a request stands, as a filter and a page say it.
    Status, "status" {
        /// Never submitted.
        Draft = "draft",
        /// A step is waited for.
        Waiting = "waiting",
        /// Whole; the executor is waited for.
        Signed = "signed",
        /// It has a package.
        Executed = "executed",
        /// Returned, rejected or recalled.
        Ended = "ended",
        /// Ran out of time: nothing was approved by it.
        Expired = "expired",
        /// A rule says no now.
        Void = "void",
    }
}

codes! {
    /// What a request is to the caller.
    Mine, "mine" {
        /// It waits for the caller.
        Todo = "todo",
        /// The caller drafted or submitted it.
        Started = "started",
        /// The caller signed, returned, handed on or executed it.
        Done = "done",
        /// It was copied to the caller.
        Cc = "cc",
    }
}

/// Which requests; all that may be seen when nothing is said.
#[derive(Debug, Default)]
pub struct Filter {
    /// Standing so.
    pub status: Option<Status>,
    /// That are this to the caller.
    pub mine: Option<Mine>,
    /// Of this unit.
    pub unit: Option<UnitCode>,
}

impl Status {
    pub(super) fn of(standing: &str) -> Status {
        let word = standing.split(':').next().unwrap_or_default();
        Status::parse(word).unwrap_or(Status::Void)
    }
}

impl Broker {
    /// What the selection would come to now. The look is in the log before the counting.
    ///
    /// # Errors
    /// The caller may not.
    pub async fn request_preview(&self, caller: &Caller, no: &RequestNo) -> Result<Preview, Error> {
        let event = Event::new(Action::RequestPreviewed, caller.actor()).object(no);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            let row = find(work.view(), no).await?;
            ground.staff.may(&ground.policy, caller, Act::RequestPreview, Some(&row.unit))?;
            let form = form_of(&row.form, no)?;
            work.commit(event).await?;
            let mut view = self.store.view().await?;
            let about = About { form: &form, own: no, today: self.clock().today() };
            let fall = Waterfall::walk(&mut view, &ground.staff, &[ground.policy], about, None).await?;
            Ok(coarse(&fall))
        })
        .await
    }

    /// A request with its chain.
    ///
    /// # Errors
    /// The caller may not.
    pub async fn request_show(&self, caller: &Caller, no: &RequestNo) -> Result<RequestShown, Error> {
        let event = Event::new(Action::RequestShown, caller.actor()).object(no);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            let row = find(work.view(), no).await?;
            let asked = self.newest_round(work.view(), &ground, row.clone()).await?;
            match &asked {
                Some(asked) => self.check_may_see(work.view(), &ground, caller, asked).await?,
                None => {
                    self.check_shown_to(work.view(), &ground, caller, no, &row.unit, Act::RequestShow)
                        .await?;
                }
            }
            let form = form_of(&row.form, no)?;
            let (standing, holder) = standing(work.view(), &ground, &form, no, asked.as_ref()).await?;
            let packages = work.view().packages_of(no).await?.iter().map(|p| p.no.to_string()).collect();
            let found = Found { row: &row, asked: asked.as_ref(), holder: &holder };
            let whole = self.whole_of(&mut work, &ground, caller, &form, &found).await?;
            let edition = edition(work.view(), no).await?;
            let (sentence_zh, sentence_en) = sentences(work.view(), &ground, &form).await?;
            work.commit(event).await?;
            Ok(RequestShown {
                edition,
                no: no.clone(),
                round: asked.as_ref().map_or(0, |a| a.submission().round.get()),
                digest: asked.as_ref().map(|a| a.digest().to_string()),
                standing,
                holder,
                facts: asked.iter().flat_map(|a| a.facts()).map(fact).collect(),
                sentence_zh,
                sentence_en,
                form: serde_json::to_value(&form).unwrap_or_default(),
                packages,
                whole,
            })
        })
        .await
    }
}

/// Whether; a failure that is no refusal stays one.
pub(super) fn yes(answer: Result<(), Error>) -> Result<bool, Error> {
    match answer {
        Ok(()) => Ok(true),
        Err(Error::Refused(_)) => Ok(false),
        Err(failed) => Err(failed),
    }
}

fn fact(fact: &crate::model::signing::Signed) -> FactShown {
    let p = &fact.payload;
    FactShown {
        act: p.act,
        step: p.step,
        signer: p.signer.clone(),
        at: rfc3339(p.at.micros()),
        comment: p.comment.clone(),
        to: p.to.clone(),
        back_to: p.back_to,
        in_place_of: p.capacity.acting_for.clone(),
    }
}

/// Tens, and "<10": counts before signing must not single anyone out, nor by the difference of two.
fn coarse(fall: &Waterfall) -> Preview {
    // Under ten, which reasons there are would be what one of them said.
    if fall.selected < 10 {
        return Preview { selected: tens(0), excluded: Vec::new(), rows: tens(0) };
    }
    let mut excluded: Vec<(Vec<Exclusion>, u64)> = Vec::new();
    let (mut reasons, mut sum) = (Vec::new(), 0);
    for (reason, n) in fall.counted() {
        reasons.push(reason);
        sum += n;
        if sum >= 10 {
            excluded.push((std::mem::take(&mut reasons), std::mem::take(&mut sum)));
        }
    }
    // A rest under ten goes with the step before it; without one its reasons are not told.
    if let Some(last) = excluded.last_mut() {
        last.0.append(&mut reasons);
        last.1 += sum;
    }
    Preview {
        selected: tens(fall.selected),
        excluded: excluded.into_iter().map(|(reasons, n)| (reasons, tens(n))).collect(),
        rows: tens(fall.rows()),
    }
}

pub(super) fn tens(n: u64) -> String {
    if n < 10 { "<10".to_owned() } else { ((n + 5) / 10 * 10).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ordinals::OrdinalSet;

    #[test]
    fn small_steps_merge_and_counts_are_tens() {
        let fall = Waterfall {
            selected: 1_234,
            excluded: [
                (Exclusion::NotActive, 3),
                (Exclusion::Minor, 12),
                (Exclusion::NoConsent, 40),
                (Exclusion::NoContact, 2),
            ]
            .into(),
            members: OrdinalSet::new(),
            groups: Vec::new(),
            over: Default::default(),
        };
        let preview = coarse(&fall);
        assert_eq!(preview.selected, "1230");
        assert_eq!(preview.rows, "<10");
        let shown: Vec<(usize, &str)> = preview.excluded.iter().map(|(r, n)| (r.len(), n.as_str())).collect();
        assert_eq!(shown, [(2, "20"), (2, "40")]);
    }

    /// Which reasons there are of a few is what one of them said.
    #[test]
    fn a_few_members_have_no_reasons() {
        let of = |selected, excluded: &[(Exclusion, u64)]| {
            coarse(&Waterfall {
                selected,
                excluded: excluded.iter().copied().collect(),
                members: OrdinalSet::new(),
                groups: Vec::new(),
                over: Default::default(),
            })
        };
        for excluded in [&[(Exclusion::NoConsent, 1)][..], &[]] {
            let preview = of(1, excluded);
            assert_eq!((preview.selected.as_str(), preview.rows.as_str()), ("<10", "<10"));
            assert_eq!(preview.excluded, []);
        }
        assert_eq!(of(40, &[(Exclusion::Withdrawn, 1)]).excluded, []);
    }
}
