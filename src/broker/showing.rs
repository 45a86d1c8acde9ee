//! What is shown of requests: the form and its chain, the list, the counts before asking.

use super::requests::{find, sentence};
use super::{Broker, Error, Ground};
use crate::access::seats::Chair;
use crate::access::{About, Asked, Caller, Standing, Waterfall};
use crate::audit::event::{Action, Event};
use crate::clock::rfc3339;
use crate::model::code::{Exclusion, Role, Step};
use crate::model::form::Form;
use crate::model::ids::{Login, RequestNo, UnitCode};
use crate::model::lang::Lang;
use crate::model::signing::SignedAct;
use crate::policy::{Act, Slot};
use crate::store::{StoreError, View};

/// The waterfall as it may be shown before signing: tens, and "<10".
#[derive(Debug, serde::Serialize)]
pub struct Preview {
    /// Members the selection matches.
    pub selected: String,
    /// Who is out: reasons, and how many. A step of under ten is merged with the next.
    pub excluded: Vec<(Vec<Exclusion>, String)>,
    /// Rows that would leave now.
    pub rows: String,
}

/// One fact of a round.
#[derive(Debug, serde::Serialize)]
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
}

/// A request as its people see it.
#[derive(Debug, serde::Serialize)]
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
}

/// A line of the list.
#[derive(Debug, serde::Serialize)]
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
            let asked = Asked::load(work.view(), &self.shelf, self.clock(), no).await?;
            match &asked {
                Some(asked) => self.check_may_see(&ground, caller, asked)?,
                None => ground.staff.may(&ground.policy, caller, Act::RequestShow, Some(&row.unit))?,
            }
            let form = form_of(&row.form, no)?;
            let (standing, holder) = standing(work.view(), &ground, &form, no, asked.as_ref()).await?;
            let packages = work.view().packages_of(no).await?.iter().map(|p| p.no.to_string()).collect();
            work.commit(event).await?;
            Ok(RequestShown {
                no: no.clone(),
                round: asked.as_ref().map_or(0, |a| a.submission().round.get()),
                digest: asked.as_ref().map(|a| a.digest().to_string()),
                standing,
                holder,
                facts: asked.iter().flat_map(|a| a.facts()).map(fact).collect(),
                sentence_zh: sentence(&ground, &form, Lang::Zh),
                sentence_en: sentence(&ground, &form, Lang::En),
                form: serde_json::to_value(&form).unwrap_or_default(),
                packages,
            })
        })
        .await
    }

    /// The requests a caller may see, newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn request_list(&self, caller: &Caller) -> Result<Vec<RequestLine>, Error> {
        let event = Event::new(Action::RequestListed, caller.actor());
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            let now = work.at();
            let mut lines = Vec::new();
            for row in work.view().requests().await? {
                let asked = Asked::load(work.view(), &self.shelf, self.clock(), &row.no).await?;
                let seen = match &asked {
                    Some(asked) => self.check_may_see(&ground, caller, asked).is_ok(),
                    None => {
                        ground.staff.may(&ground.policy, caller, Act::RequestList, Some(&row.unit)).is_ok()
                    }
                };
                if seen {
                    let form = form_of(&row.form, &row.no)?;
                    let (standing, holder) =
                        standing(work.view(), &ground, &form, &row.no, asked.as_ref()).await?;
                    lines.push(RequestLine {
                        no: row.no,
                        unit: row.unit,
                        campaign: form.campaign().to_owned(),
                        standing,
                        holder,
                        age_days: (now - row.created_at) / 86_400_000_000,
                    });
                }
            }
            work.commit(event.count("requests", lines.len())).await?;
            Ok(lines)
        })
        .await
    }
}

/// Where it stands in words, and whose turn it is.
async fn standing(
    view: &mut View<'_>,
    ground: &Ground,
    form: &Form,
    no: &RequestNo,
    asked: Option<&Asked>,
) -> Result<(String, Vec<Login>), Error> {
    let holders = |slot: Slot| -> Vec<Login> {
        Chair::of(&ground.staff, &ground.policy, form.unit(), slot)
            .map(|chair| chair.holders(&ground.staff).cloned().collect())
            .unwrap_or_default()
    };
    let officers = || -> Vec<Login> {
        ground
            .staff
            .people()
            .filter(|p| ground.staff.holds(&p.login, Role::InfoOfficer, form.unit()))
            .map(|p| p.login.clone())
            .collect()
    };
    if let Some(package) = view.packages_of(no).await?.iter().find(|p| p.live) {
        return Ok((format!("executed: {}", package.no), vec![form.receiver().clone()]));
    }
    let Some(asked) = asked else { return Ok(("draft".into(), officers())) };
    Ok(match asked.standing() {
        Standing::Waiting(step) => (format!("waiting: {step}"), holders(Slot::of(step))),
        Standing::Signed => ("signed".into(), holders(Slot::Executor)),
        Standing::Ended(act) => (format!("ended: {act}"), officers()),
        Standing::Expired => ("expired".into(), officers()),
        Standing::Void(refusal) => (format!("void: {}", refusal.code), officers()),
    })
}

fn fact(fact: &crate::model::signing::Signed) -> FactShown {
    let p = &fact.payload;
    FactShown {
        act: p.act,
        step: p.step,
        signer: p.signer.clone(),
        at: rfc3339(p.at.micros()),
        comment: p.comment.clone(),
    }
}

pub(super) fn form_of(text: &str, no: &RequestNo) -> Result<Form, StoreError> {
    serde_json::from_str(text)
        .map_err(|_| StoreError::integrity("request", format!("{no}: the draft does not parse")))
}

/// Tens, and "<10": counts before signing must not single anyone out, nor by the difference of two.
fn coarse(fall: &Waterfall) -> Preview {
    let mut excluded: Vec<(Vec<Exclusion>, u64)> = Vec::new();
    let (mut reasons, mut sum) = (Vec::new(), 0);
    for (reason, n) in fall.counted() {
        reasons.push(reason);
        sum += n;
        if sum >= 10 {
            excluded.push((std::mem::take(&mut reasons), std::mem::take(&mut sum)));
        }
    }
    if !reasons.is_empty() {
        match excluded.last_mut() {
            Some(last) => {
                last.0.append(&mut reasons);
                last.1 += sum;
            }
            None => excluded.push((reasons, sum)),
        }
    }
    Preview {
        selected: tens(fall.selected),
        excluded: excluded.into_iter().map(|(reasons, n)| (reasons, tens(n))).collect(),
        rows: tens(fall.rows()),
    }
}

fn tens(n: u64) -> String {
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
}
