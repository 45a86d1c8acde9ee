//! Members: looked up, shown masked, revealed, corrected, erased, read from a file; their consents.

use std::collections::BTreeMap;

use axum::Json as Answer;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use futures_util::TryStreamExt as _;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::App;
use super::bodies::{Json, Query, content_type, unsupported};
use super::entering::{SignedIn, Stepped};
use super::problem::{Problem, card};
use crate::broker::consents::ConsentShown;
use crate::broker::imports::{ImportOptions, ImportReport};
use crate::broker::members::{MemberShown, Subject, WhoSaw};
use crate::model::code::{Channel, Purpose, RecipientClass};
use crate::model::field::{Field, Index};

/// What to find a member by.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LookUp {
    index: Index,
    value: String,
}

/// One member.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct One {
    card: String,
}

/// One member, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OneBecause {
    card: String,
    reason: String,
}

/// Which fields of whom, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reveal {
    card: String,
    fields: Vec<Field>,
    reason: String,
}

/// What is right instead, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Correction {
    card: String,
    field: Field,
    value: String,
    reason: String,
}

/// A member, or the number of an erasure.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum Whom {
    Card(String),
    CaseNo(String),
}

/// What a member said.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    card: String,
    purpose: Purpose,
    channel: Channel,
    #[serde(default = "company")]
    class: RecipientClass,
    granted: bool,
    #[serde(default)]
    evidence: String,
}

fn company() -> RecipientClass {
    RecipientClass::Company
}

pub(super) async fn look_up(
    State(app): State<App>,
    who: SignedIn,
    Json(by): Json<LookUp>,
) -> Result<Answer<Value>, Problem> {
    let found = app.broker().member_look_up(who.caller(), by.index, &by.value).await?;
    Ok(Answer(json!({ "items": found })))
}

pub(super) async fn show(
    State(app): State<App>,
    who: SignedIn,
    Json(one): Json<One>,
) -> Result<Answer<MemberShown>, Problem> {
    Ok(Answer(app.broker().member_show(who.caller(), &card(&one.card)?).await?))
}

pub(super) async fn reveal(
    State(app): State<App>,
    Stepped(step): Stepped,
    Json(what): Json<Reveal>,
) -> Result<Answer<Value>, Problem> {
    let card = card(&what.card)?;
    let opened = app.broker().member_reveal(step.caller(), &card, &what.fields, &what.reason).await?;
    let mut fields = BTreeMap::new();
    for (field, plain) in &opened {
        fields.insert(*field, plain.lend().map_err(|e| Problem::from(crate::broker::Error::from(e)))?);
    }
    Ok(Answer(json!({ "fields": fields })))
}

pub(super) async fn correct(
    State(app): State<App>,
    who: SignedIn,
    Json(right): Json<Correction>,
) -> Result<StatusCode, Problem> {
    let Correction { card: number, field, value, reason } = right;
    app.broker().member_correct(who.caller(), &card(&number)?, field, &value, &reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn erase(
    State(app): State<App>,
    Stepped(step): Stepped,
    Json(whom): Json<OneBecause>,
) -> Result<Answer<Value>, Problem> {
    let case = app.broker().member_erase(step.caller(), &card(&whom.card)?, &whom.reason).await?;
    Ok(Answer(json!({ "case_no": case })))
}

pub(super) async fn who_saw(
    State(app): State<App>,
    who: SignedIn,
    Json(whom): Json<Whom>,
) -> Result<Answer<WhoSaw>, Problem> {
    let subject = match whom {
        Whom::Card(number) => Subject::Card(card(&number)?),
        Whom::CaseNo(number) => Subject::Case(number),
    };
    Ok(Answer(app.broker().member_who_saw(who.caller(), subject).await?))
}

pub(super) async fn consents(
    State(app): State<App>,
    who: SignedIn,
    Json(one): Json<One>,
) -> Result<Answer<ConsentShown>, Problem> {
    Ok(Answer(app.broker().consent_show(who.caller(), &card(&one.card)?).await?))
}

pub(super) async fn consent(
    State(app): State<App>,
    who: SignedIn,
    Json(said): Json<Said>,
) -> Result<StatusCode, Problem> {
    let Said { card: number, purpose, channel, class, granted, evidence } = said;
    let (broker, number) = (app.broker(), card(&number)?);
    broker.consent_set(who.caller(), &number, purpose, channel, class, granted, &evidence).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How a file is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Import {
    #[serde(default)]
    dry_run: bool,
}

/// A file of members as it comes in: never on a disk, never whole in memory.
pub(super) async fn import(
    State(app): State<App>,
    who: SignedIn,
    Query(how): Query<Import>,
    request: Request,
) -> Result<Answer<ImportReport>, Problem> {
    if content_type(&request).is_none_or(|t| t != "text/csv") {
        return Err(unsupported("text/csv"));
    }
    let body = request.into_body().into_data_stream().map_err(std::io::Error::other);
    let input = Box::new(SyncIoBridge::new(StreamReader::new(Box::pin(body))));
    let options = ImportOptions { dry_run: how.dry_run, errors: None, progress: &|_| {} };
    Ok(Answer(app.broker().member_import(who.caller(), input, options).await?))
}
