//! Who saw a member's data, and in which packages it left (E4): the log by his alias, the packages by
//! their disclosure sets.

use serde::Serialize;
use serde_json::Value;

use super::super::{Broker, Caller, Error, Refusal};
use super::Subject;
use crate::audit::event::{Action, Event};
use crate::broker::found::Whom;
use crate::broker::subject::{Verb, may_somewhere, nothing_else};
use crate::clock::rfc3339;
use crate::model::form::Submission;
use crate::model::ids::{Alias, Digest, PackageNo, RequestNo, VendorCode};
use crate::policy::Act;
use crate::store::packages::{FactKind, PackageRow};
use crate::store::{Receipt, StoreError, View};

/// Every entry about a member, and every package with him in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct WhoSaw {
    /// The erasure, when it was asked by case number.
    pub case_no: Option<String>,
    /// Entries, oldest first.
    pub entries: Vec<Seen>,
    /// Packages, by number.
    pub packages: Vec<Received>,
}

/// One entry of the log about a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Seen {
    /// Its place in the log.
    pub seq: u64,
    /// When, RFC 3339.
    pub at: String,
    /// What happened.
    pub action: String,
    /// Who: a login, or the kind of actor.
    pub actor: String,
    /// `allow` or `refuse`.
    pub decision: String,
    /// Fields that were touched.
    pub fields: Vec<String>,
    /// For what, where the act has a purpose.
    pub purpose: Option<String>,
}

/// A package with the member in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Received {
    /// The request.
    pub request: RequestNo,
    /// The package.
    pub package: PackageNo,
    /// The vendor it was made for.
    pub vendor: Option<VendorCode>,
    /// When it was sealed (the last time, if it was made again), RFC 3339.
    pub sealed_at: Option<String>,
    /// When it was first downloaded.
    pub downloaded_at: Option<String>,
    /// When it was handed to the vendor.
    pub handed_off_at: Option<String>,
    /// When it was recalled.
    pub recalled_at: Option<String>,
}

impl Broker {
    /// Who saw a member's data.
    ///
    /// # Errors
    /// `not_permitted`, `unknown_member`, `unknown_case`.
    pub async fn member_who_saw(&self, caller: &Caller, subject: Subject) -> Result<WhoSaw, Error> {
        let event = Event::new(Action::MemberWhoSaw, caller.actor());
        let (case_no, (ordinal, alias, own)) = match subject {
            Subject::Card(card) => (None, self.about(event, caller, Whom::Card(card)).await?),
            Subject::Found(found) => (None, self.about(event, caller, Whom::Found(found)).await?),
            Subject::Case(case) => {
                (Some(case.trim().to_owned()), self.about_case(event, caller, case.trim()).await?)
            }
        };
        let mut view = self.store.view().await?;
        let mut entries = Vec::new();
        // This question itself is none of the answer.
        for seq in view.leaves_about(alias).await?.into_iter().filter(|s| *s < own.seq()) {
            for (seq, body) in view.leaves(seq, seq + 1).await? {
                entries.push(seen(seq, &body)?);
            }
        }
        let packages = packages_with(&mut view, ordinal).await?;
        Ok(WhoSaw { case_no, entries, packages })
    }

    async fn about(&self, event: Event, caller: &Caller, whom: Whom) -> Result<(i64, Alias, Receipt), Error> {
        let verb = Verb { event, caller: caller.clone(), act: Act::MemberWhoSaw, whom };
        let seen = self.look_at(verb, nothing_else, None).await?;
        Ok((seen.one.member.ordinal, seen.one.alias, seen.receipt))
    }

    /// The same of one who was erased: of him there is nothing left to count as a look.
    async fn about_case(
        &self,
        event: Event,
        caller: &Caller,
        case: &str,
    ) -> Result<(i64, Alias, Receipt), Error> {
        let mut work = self.store.work().await?;
        let now = self.clock().now();
        let known = self.known.at(work.view(), now).await?;
        let ground = self.ground_of(&known).await?;
        let event = event.policy(Digest(ground.policy.digest()));
        let found = work.view().erasures().await?.into_iter().find(|e| e.case_no == case);
        let erasure = known
            .check_signed_in(caller, now)
            .and_then(|()| may_somewhere(&ground, caller, Act::MemberWhoSaw))
            .and_then(|()| ground.staff.may(&ground.policy, caller, Act::MemberWhoSaw, None))
            .and_then(|()| found.ok_or_else(unknown_case));
        match erasure {
            Ok(erasure) => {
                let event = event.object(&erasure.case_no).member(erasure.alias);
                Ok((erasure.ordinal, erasure.alias, work.commit(event).await?))
            }
            Err(refusal) => {
                work.commit(event.refused(&refusal)).await?;
                Err(refusal.into())
            }
        }
    }
}

fn unknown_case() -> Refusal {
    Refusal::new("unknown_case", "E6", "there is no such erasure")
        .hint("case numbers are written as ER2026-0001")
}

fn seen(seq: u64, body: &[u8]) -> Result<Seen, StoreError> {
    let bad = || StoreError::integrity("log_leaf", format!("entry {seq} does not parse"));
    let leaf: Value = serde_json::from_slice(body).map_err(|_| bad())?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let actor = &leaf["actor"];
    Ok(Seen {
        seq,
        at: text(&leaf["at"]).ok_or_else(bad)?,
        action: text(&leaf["action"]).ok_or_else(bad)?,
        actor: text(&actor["login"]).or_else(|| text(&actor["kind"])).ok_or_else(bad)?,
        decision: text(&leaf["decision"]).ok_or_else(bad)?,
        fields: leaf["fields"].as_array().into_iter().flatten().filter_map(text).collect(),
        purpose: text(&leaf["purpose"]),
    })
}

async fn packages_with(view: &mut View<'_>, ordinal: i64) -> Result<Vec<Received>, StoreError> {
    let ordinal = u64::try_from(ordinal).map_err(|_| StoreError::integrity("member", "ordinal"))?;
    let mut found = Vec::new();
    for package in view.packages().await? {
        let Some(set) = view.disclosure(&package.no).await? else { continue };
        if set.contains(ordinal) {
            found.push(received(view, &package).await?);
        }
    }
    Ok(found)
}

async fn received(view: &mut View<'_>, package: &PackageRow) -> Result<Received, StoreError> {
    let request = package.no.request().clone();
    let rows = view.submissions(&request).await?;
    let submission = rows
        .iter()
        .find(|row| row.round == package.round)
        .and_then(|row| Submission::from_canonical(&row.body).ok());
    let mut received = Received {
        request,
        package: package.no.clone(),
        vendor: submission.map(|s| s.form.vendor().clone()),
        sealed_at: None,
        downloaded_at: None,
        handed_off_at: None,
        recalled_at: None,
    };
    for fact in view.package_facts(&package.no).await? {
        let at = rfc3339(fact.at);
        match fact.kind {
            FactKind::Sealed | FactKind::Remade => received.sealed_at = Some(at),
            FactKind::Downloaded => received.downloaded_at = received.downloaded_at.or(Some(at)),
            FactKind::HandedOff => received.handed_off_at = Some(at),
            FactKind::Recalled => received.recalled_at = Some(at),
            FactKind::Started | FactKind::Aborted | FactKind::Destroyed => {}
        }
    }
    Ok(received)
}
