//! A request complete: its rounds, the rail of its chain, what happened, what would leave, what is like it, and
//! what the caller may do.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::{FactShown, Mine, fact};
use crate::access::seats::Chair;
use crate::access::{Asked, Caller};
use crate::broker::abilities::{Ability, Found};
use crate::broker::{Broker, Error, Ground};
use crate::clock::{Micros, rfc3339};
use crate::model::code::{Channel, Purpose, RecipientClass, Role, Step};
use crate::model::field::Field;
use crate::model::form::{Form, Submission};
use crate::model::ids::{Login, PackageNo, RequestNo, UnitCode, VendorCode};
use crate::model::signing::{Signature, SignaturePayload, Signed};
use crate::policy::{Act, Slot};
use crate::store::requests::SubmissionRow;
use crate::store::{StoreError, View, Work};

/// So many packages of other requests are shown beside one.
const SIMILAR: usize = 3;
/// How far back a request is compared with others.
const SIMILAR_WITHIN: Micros = 30 * 86_400 * 1_000_000;

/// What a request is beside its newest form and round.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RequestWhole)]
pub struct Whole {
    /// Who drafted it.
    pub drafted_by: Login,
    /// When.
    pub created_at: String,
    /// Who submitted the newest round.
    pub requester: Option<Login>,
    /// When the newest round runs out; nothing is approved by that.
    pub expires_at: Option<String>,
    /// Every round, oldest first.
    pub rounds: Vec<Round>,
    /// The chain: who could fill each slot, and who did.
    pub chain: Vec<SlotShown>,
    /// Facts, reminders and copies, in order.
    pub timeline: Vec<Happening>,
    /// What exactly would leave.
    pub leaves: Leaves,
    /// Packages of the last thirty days for the same purpose on the same channel.
    pub similar: Vec<Similar>,
    /// What the form says now and did not say in the round before.
    pub changed: Vec<Change>,
    /// What the caller may do now, and of the rest why not.
    pub can: Vec<Ability>,
}

/// A round.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RequestRound)]
pub struct Round {
    /// 1, 2, 3 …
    pub round: u32,
    /// What signatures are over.
    pub digest: String,
    /// What was submitted.
    pub form: Value,
    /// Its signed facts.
    pub facts: Vec<FactShown>,
}

/// A slot of the chain.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SlotShown {
    /// Which.
    pub slot: Slot,
    /// Which role fills it.
    pub role: Role,
    /// Where that role is held.
    pub units: Vec<UnitCode>,
    /// Who could fill it.
    pub could: Vec<Login>,
    /// Who did.
    pub by: Option<Login>,
    /// When.
    pub at: Option<String>,
    /// In whose place.
    pub in_place_of: Option<Login>,
    /// To whom it was handed and has not been signed yet.
    pub handed_to: Option<Login>,
}

/// Something that happened to it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Happening {
    /// When.
    pub at: String,
    /// What: a signed act, `remind` or `copy`.
    pub what: String,
    /// Who did it.
    pub who: Login,
    /// In which round, for what was signed.
    pub round: Option<u32>,
    /// At which step.
    pub step: Option<Step>,
    /// To whom or to what.
    pub to: Option<String>,
    /// What was said.
    pub comment: Option<String>,
}

/// What would leave, to whom, on what basis.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Leaves {
    /// Exactly these fields.
    pub fields: Vec<Field>,
    /// As columns of the file; none when the channel is off.
    pub columns: Vec<String>,
    /// The vendor.
    pub vendor: VendorCode,
    /// Fingerprint of the key it is encrypted to.
    pub vendor_key: Option<String>,
    /// Whether the vendor may have it today, and its key is proven.
    pub vendor_ready: bool,
    /// How the file is encrypted.
    pub container: &'static str,
    /// Members' consent at the moment of execution: for this purpose,
    pub purpose: Purpose,
    /// on this channel,
    pub channel: Channel,
    /// to this class of recipient.
    pub recipient_class: Option<RecipientClass>,
}

/// A package like it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = SimilarPackage)]
pub struct Similar {
    /// Its number.
    pub package: PackageNo,
    /// Which unit asked.
    pub unit: UnitCode,
    /// For which campaign.
    pub campaign: String,
    /// When it was sealed.
    pub at: String,
    /// Whether it selected the very same.
    pub same_selection: bool,
}

/// A key of the form that changed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = FormChange)]
pub struct Change {
    /// Which.
    pub field: String,
    /// What it said.
    pub before: Value,
    /// What it says now.
    pub now: Value,
}

impl Broker {
    pub(super) async fn whole_of(
        &self,
        work: &mut Work<'_>,
        ground: &Ground,
        caller: &Caller,
        form: &Form,
        found: &Found<'_>,
    ) -> Result<Whole, Error> {
        let (row, asked) = (found.row, found.asked);
        let submitted = work.view().submissions(&row.no).await?;
        let mut rounds = Vec::new();
        for submission in &submitted {
            rounds.push(round(work.view(), submission).await?);
        }
        let timeline = timeline(work.view(), &row.no, &rounds).await?;
        let since = work.at() - SIMILAR_WITHIN;
        let may_see = |unit: &UnitCode| ground.staff.within(caller, Act::RequestShow, Some(unit)).is_ok();
        let similar = similar(work.view(), form, &row.no, since, may_see).await?;
        Ok(Whole {
            drafted_by: row.drafted_by.clone(),
            created_at: rfc3339(row.created_at),
            requester: asked.map(|a| a.submission().requester.clone()),
            expires_at: asked.map(|a| rfc3339(a.submission().expires_at.micros())),
            chain: chain(work.view(), ground, form, &row.no, asked).await?,
            leaves: self.leaves(work.view(), ground, form, asked).await?,
            similar,
            changed: changed(form, &rounds),
            can: self.abilities(work, ground, caller, found).await?,
            rounds,
            timeline,
        })
    }

    /// Whether a request is this to the caller.
    pub(in crate::broker) async fn is_mine(
        &self,
        view: &mut View<'_>,
        caller: &Caller,
        found: &Found<'_>,
        mine: Option<Mine>,
    ) -> Result<bool, Error> {
        let login = caller.login();
        let signed = |fact: &&Signed| &fact.payload.signer == login && fact.payload.step.is_some();
        Ok(match mine {
            None => true,
            Some(Mine::Todo) => found.holder.contains(login),
            Some(Mine::Started) => {
                let requester = found.asked.map(|a| &a.submission().requester);
                &found.row.drafted_by == login || requester == Some(login)
            }
            Some(Mine::Done) => {
                found.asked.is_some_and(|a| a.facts().iter().find(signed).is_some())
                    || view.packages_of(&found.row.no).await?.iter().any(|p| &p.executor == login)
            }
            Some(Mine::Cc) => view.request_notes(&found.row.no).await?.iter().any(|n| n.copies_to(login)),
        })
    }

    async fn leaves(
        &self,
        view: &mut View<'_>,
        ground: &Ground,
        form: &Form,
        asked: Option<&Asked>,
    ) -> Result<Leaves, Error> {
        let vendor = view.vendor(form.vendor()).await?;
        let rule = ground.policy.channel(form.purpose(), form.channel()).ok();
        let ready = match asked {
            Some(asked) => asked.check_vendor().is_ok(),
            None => false,
        };
        Ok(Leaves {
            fields: form.fields().to_vec(),
            columns: rule.map(|r| r.columns.iter().map(|c| c.header.clone()).collect()).unwrap_or_default(),
            vendor: form.vendor().clone(),
            vendor_key: vendor.map(|v| v.fingerprint),
            vendor_ready: ready,
            container: "age",
            purpose: form.purpose(),
            channel: form.channel(),
            recipient_class: rule.map(|r| r.recipient_class),
        })
    }
}

/// A round as it is stored. Its signatures are verified by `audit verify --deep`, those of the newest by every look.
async fn round(view: &mut View<'_>, row: &SubmissionRow) -> Result<Round, Error> {
    let submission = read(row)?;
    let mut facts = Vec::new();
    for stored in view.signatures(&row.no, row.round).await? {
        let bad = || StoreError::integrity("signature", format!("{} round {}", row.no, row.round));
        let payload = SignaturePayload::from_canonical(&stored.payload).map_err(|_| bad())?;
        let signature = Signature(stored.sig.as_slice().try_into().map_err(|_| bad())?);
        facts.push(fact(&Signed { payload, signature }));
    }
    let form = serde_json::to_value(&submission.form).unwrap_or_default();
    Ok(Round { round: row.round, digest: row.digest.to_string(), form, facts })
}

fn read(row: &SubmissionRow) -> Result<Submission, StoreError> {
    Submission::from_canonical(&row.body)
        .map_err(|_| StoreError::integrity("submission", format!("{} round {}", row.no, row.round)))
}

async fn timeline(view: &mut View<'_>, no: &RequestNo, rounds: &[Round]) -> Result<Vec<Happening>, Error> {
    let mut all: Vec<Happening> = Vec::new();
    for round in rounds {
        all.extend(round.facts.iter().map(|f| Happening {
            at: f.at.clone(),
            what: f.act.to_string(),
            who: f.signer.clone(),
            round: Some(round.round),
            step: f.step,
            to: f.to.as_ref().map(ToString::to_string).or_else(|| f.back_to.map(|step| step.to_string())),
            comment: f.comment.clone(),
        }));
    }
    all.extend(view.request_notes(no).await?.into_iter().map(|n| Happening {
        at: rfc3339(n.at),
        what: n.kind.to_string(),
        who: n.actor,
        round: None,
        step: None,
        to: Some(n.subject),
        comment: None,
    }));
    // All in one form, so that their order as text is their order in time.
    all.sort_by(|a, b| a.at.cmp(&b.at));
    Ok(all)
}

async fn chain(
    view: &mut View<'_>,
    ground: &Ground,
    form: &Form,
    no: &RequestNo,
    asked: Option<&Asked>,
) -> Result<Vec<SlotShown>, Error> {
    let signatures = asked.map(Asked::signatures).unwrap_or_default();
    let package = view.packages_of(no).await?.into_iter().find(|p| p.live);
    let executed = match &package {
        Some(package) => view.package_facts(&package.no).await?.first().map(|f| rfc3339(f.at)),
        None => None,
    };
    let mut slots = Vec::new();
    for slot in Slot::ALL {
        let Ok(chair) = Chair::of(&ground.staff, &ground.policy, form.unit(), *slot) else { continue };
        let step = Step::ALL.iter().copied().find(|step| Slot::of(*step) == *slot);
        let signed = signatures.iter().find(|f| step.is_some() && f.payload.step == step);
        let (mut by, mut at) =
            (signed.map(|f| f.payload.signer.clone()), signed.map(|f| rfc3339(f.payload.at.micros())));
        if *slot == Slot::Executor {
            (by, at) = (package.as_ref().map(|p| p.executor.clone()), executed.clone());
        } else if *slot == Slot::Receiver {
            by = Some(form.receiver().clone());
        }
        let deputy = step.filter(|_| signed.is_none()).and_then(|step| asked.and_then(|a| a.deputy(step)));
        slots.push(SlotShown {
            slot: *slot,
            role: chair.role,
            could: chair.holders(&ground.staff).cloned().collect(),
            units: chair.units,
            by,
            at,
            in_place_of: signed.and_then(|f| f.payload.capacity.acting_for.clone()),
            handed_to: deputy.map(|(deputy, _)| deputy.clone()),
        });
    }
    Ok(slots)
}

/// Packages of another request, for the same purpose over the same channel, that became whole lately: the newest.
async fn similar(
    view: &mut View<'_>,
    form: &Form,
    own: &RequestNo,
    since: Micros,
    may_see: impl Fn(&UnitCode) -> bool,
) -> Result<Vec<Similar>, Error> {
    let mut found = Vec::new();
    for (no, sealed) in view.packages_sealed_since(since).await? {
        if found.len() == SIMILAR {
            break;
        }
        if no.request() == own {
            continue;
        }
        let packages = view.packages_of(no.request()).await?;
        let Some(package) = packages.into_iter().find(|package| package.no == no) else { continue };
        let submissions = view.submissions(no.request()).await?;
        let Some(row) = submissions.iter().find(|s| s.round == package.round) else { continue };
        let other = read(row)?.form;
        let is_alike = other.purpose() == form.purpose() && other.channel() == form.channel();
        if is_alike && may_see(other.unit()) {
            found.push(Similar {
                package: no,
                unit: other.unit().clone(),
                campaign: other.campaign().to_owned(),
                at: rfc3339(sealed),
                same_selection: other.selection() == form.selection(),
            });
        }
    }
    Ok(found)
}

/// The form beside the last round it differs from: the newest, or, when it is what was submitted in that, the one before.
fn changed(form: &Form, rounds: &[Round]) -> Vec<Change> {
    let now = serde_json::to_value(form).unwrap_or_default();
    let before = match rounds {
        [.., last] if last.form != now => &last.form,
        [.., before, _] => &before.form,
        _ => return Vec::new(),
    };
    let (Value::Object(before), Value::Object(now)) = (before, &now) else { return Vec::new() };
    let keys: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let at = |form: &serde_json::Map<String, Value>, key: &String| form.get(key).cloned().unwrap_or_default();
    keys.into_iter()
        .filter(|key| before.get(*key) != now.get(*key))
        .map(|key| Change { field: key.clone(), before: at(before, key), now: at(now, key) })
        .collect()
}
