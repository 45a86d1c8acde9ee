//! One member typed at the counter (C3): the checks of a file's row, its sealing and its storing, and one entry.

use serde::Serialize;

use super::gating::{Gate, OTHER_STORE, Reach};
use super::reading::Checked;
use super::settling::{Born, Making, Outcome, Sealing, new_member};
use super::storing::Said;
use crate::access::grant;
use crate::audit::event::{Action, Event};
use crate::broker::documents::holds;
use crate::broker::members::{MemberShown, shown_of};
use crate::broker::subject::enter_refused;
use crate::broker::{Broker, Caller, Error, Ground, Refusal};
use crate::clock::Randomness;
use crate::intake::form::MemberForm;
use crate::intake::{CellError, seal};
use crate::model::code::Source;
use crate::model::day::Day;
use crate::model::field::{Field, Index};
use crate::model::ids::Digest;
use crate::model::member::MemberRow;
use crate::model::refusal::Fault;
use crate::model::sealed::Record;
use crate::policy::{Act, Look as Kind};
use crate::store::documents::Document;
use crate::store::entries::Look;
use crate::store::members::Member;
use crate::store::{StoreError, Work};
use std::sync::Arc;

/// What makes two members share a contact point (B4); never with whom.
const SHARED: [Index; 3] = [Index::Mobile, Index::Email, Index::Post];

/// A member who was added.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct MemberAdded {
    /// As everybody who may look sees him.
    pub member: MemberShown,
    /// Contact points that another member has too. Whose is not said (B4).
    pub shared: Vec<Index>,
}

/// What an accepted form rests on.
struct Accepted {
    ground: Ground,
    gate: Gate,
    row: MemberRow,
    notice: String,
}

impl Broker {
    /// Adds a member who fills in the form at the counter. Card, covenant and consents are all decided, and the notice
    /// that was shown is named; without promotion one joins all the same (B3). Counts as set by a person: no import
    /// replaces it.
    ///
    /// # Errors
    /// `not_permitted`; `invalid_fields` or the one code of all that is wrong (`consent_undecided`, `covenant_missing`,
    /// `unknown_covenant`, `other_store` …), each with its place; `card_taken`;
    /// `budget_spent`, `slowed_down` when the caller has no look-up left.
    pub async fn member_add(&self, caller: &Caller, form: &MemberForm) -> Result<MemberAdded, Error> {
        let event = Event::new(Action::MemberAdded, caller.actor());
        let accepted = self.logged(event.clone(), self.accepted(caller, form)).await?;
        let Accepted { ground, gate, row, notice } = accepted;
        let stores = gate.reach.stores();
        let event = event.policy(Digest(ground.policy.digest()));
        let new = Making {
            vault: self.vault.clone(),
            gate: Arc::new(gate),
            clock: self.store.clock().clone(),
            actor: caller.login().to_string(),
            notice,
            source: Source::Counter,
        };
        let checked = Checked { line: 1, tags: seal::tags(self.store.keyring(), &row), row };
        let mut sealing = Sealing { random: Randomness::default(), now: self.clock().now() };
        let Outcome::Born(mut born) = new_member(&new, &checked, &mut sealing)? else {
            return Err(StoreError::Fault("a checked form makes no member").into());
        };
        born.member.ordinal = self.store.birth(std::slice::from_ref(&born.key)).await?;
        let ordinal = born.member.ordinal;
        let stored = self.store_new(caller, &ground, stores.as_deref(), event, *born).await;
        if stored.is_err() {
            // What failed is what to tell; a key that stays behind is swept at the next start.
            let _ = self.store.take_back_births(ordinal, 1).await;
        }
        stored
    }

    /// Who may, and whether the form is one.
    async fn accepted(&self, caller: &Caller, form: &MemberForm) -> Result<Accepted, Error> {
        let mut view = self.store.view().await?;
        let ground = self.ground(&mut view).await?;
        let reach = Reach::of(&ground, caller, Act::MemberAdd)?;
        let documents = view.documents().await?;
        let gate = Gate::of(&ground, &documents, reach);
        let today = self.clock().today();
        let notice = notice_of(form, &documents, today);
        let checked = form.check(Day::from_date(today).unwrap_or(Day::YEAR_1900)).and_then(|row| {
            let mut errors = gate.check(&row);
            let store = row.home_store.value().map(String::as_str);
            if errors.is_empty() && !gate.reach.covers(store) {
                errors.push(OTHER_STORE);
            }
            if errors.is_empty() { Ok(row) } else { Err(errors) }
        });
        match (checked, notice) {
            (Ok(row), Ok(notice)) => Ok(Accepted { ground, gate, row, notice }),
            (row, notice) => {
                let cells = row.err().unwrap_or_default();
                Err(wrong(cells.iter().map(fault).chain(notice.err()).collect()).into())
            }
        }
    }

    /// The data with its entry, and what the counter is shown; by a caller who still may, for these stores.
    async fn store_new(
        &self,
        caller: &Caller,
        ground: &Ground,
        stores: Option<&str>,
        event: Event,
        born: Born,
    ) -> Result<MemberAdded, Error> {
        let Born { key, member, birthday, consent } = born;
        let malformed = |_| StoreError::integrity("sealed", "a record is malformed");
        let record = Record::from_bytes(&member.record).map_err(malformed)?;
        let event = event.member(self.vault.key(&key)?.alias(&record)?).fields(&fields_of(&member));
        let mut work = self.store.work().await?;
        let same = |now: &Ground| Reach::of(now, caller, Act::MemberAdd)?.check_same(stores);
        let counting = self.counting(ground, caller, Kind::LookUp, false);
        let permitted = self.judged_in(work.view(), caller, same).await?;
        // Whoever has no look-up left is told so whether or not the card is somebody's: else that would tell it.
        let spent = work.counts([&counting].into_iter()).await?.refused(&counting);
        if let Err(refusal) = permitted.and(spent.map_or(Ok(()), Err)) {
            drop(work);
            return self.refuse(event, refusal).await;
        }
        let mut shared = shared_with(&mut work, &member).await?;
        if shared.contains(&Index::Card) {
            // Whoever is told so has looked a card up, whosever it is: cards are not tried out here either (A10b).
            let refusal = card_taken();
            let entry = Look::of(event.refused(&refusal)).counted(counting);
            return Err(enter_refused(work, entry, refusal).await?.into());
        }
        shared.retain(|index| SHARED.contains(index));
        let mut said = Said::default();
        said.add(member.ordinal, consent, birthday.map(Some));
        work.insert_members(std::slice::from_ref(&member)).await?;
        said.write(&mut work).await?;
        let receipt = work.commit(event.count("shared", shared.len() as u64)).await?;
        let masking = grant::masking(receipt, vec![member.id])?;
        let masked = self.vault.mask(masking, &ground.policy, &[(&key, &record)])?.pop();
        let consents = self.consents_of(member.ordinal).await.map_err(Error::behind_commit)?;
        Ok(MemberAdded { member: shown_of(&member, masked.unwrap_or_default(), consents), shared })
    }
}

/// The notice that was shown: registered, and in effect.
fn notice_of(form: &MemberForm, documents: &[Document], today: jiff::civil::Date) -> Result<String, Fault> {
    let version = form.notice.as_ref().map(|v| v.trim()).filter(|v| !v.is_empty());
    let fault = |code, zh: &'static str, en: &'static str| Fault {
        pointer: "/notice".to_owned(),
        code,
        zh: zh.into(),
        en: en.into(),
    };
    let version = version.ok_or_else(|| {
        let zh = "请填写向会员出示的告知书版本 (B3)";
        fault("notice_missing", zh, "the version of the notice that was shown must be named (B3)")
    })?;
    if !holds(documents, version, today) {
        let zh = "没有登记过的或尚未生效的告知书版本 (B3)";
        return Err(fault("unknown_notice", zh, "is not a registered notice version in effect (B3)"));
    }
    Ok(version.to_owned())
}

fn fault(error: &CellError) -> Fault {
    let pointer = error.column.map_or_else(String::new, |c| format!("/{}", c.code()));
    Fault { pointer, code: error.reason.code(), zh: error.reason.zh(), en: error.reason.en() }
}

/// One refusal of all that is wrong; under its own code when that is one thing.
fn wrong(faults: Vec<Fault>) -> Refusal {
    let first = faults.first().map_or("invalid_fields", |f| f.code);
    let code = if faults.iter().all(|f| f.code == first) { first } else { "invalid_fields" };
    let rule = match code {
        "consent_undecided" | "notice_missing" | "unknown_notice" => "B3",
        "covenant_missing" | "unknown_covenant" => "A2 (Art 2)",
        "other_store" => "B9",
        _ => "B4",
    };
    let message = format!("the form has {} that must be put right", count(faults.len()));
    Refusal::new(code, rule, message).hint("each place says what is wrong with it").faults(faults)
}

fn count(n: usize) -> String {
    if n == 1 { "a place".to_owned() } else { format!("{n} places") }
}

fn card_taken() -> Refusal {
    Refusal::new("card_taken", "B4", "this card number is given already")
        .hint("check the number; a member who is there is corrected, not added")
}

/// Indexes of the contact points that somebody else has too, and of a card that is given.
async fn shared_with(work: &mut Work<'_>, member: &Member) -> Result<Vec<Index>, StoreError> {
    let mut shared = Vec::new();
    for tag in &member.attributes.tags {
        if !work.view().find(tag.index, &tag.tag).await?.is_empty() {
            shared.push(tag.index);
        }
    }
    Ok(shared)
}

fn fields_of(member: &Member) -> Vec<Field> {
    Field::ALL.iter().copied().filter(|f| member.attributes.present & f.bit() != 0).collect()
}
