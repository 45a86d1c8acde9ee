//! Members: looked up, shown masked, revealed, corrected, erased; their consents.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::LazyLock;

use axum::Json as Answer;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use futures_util::TryStreamExt as _;
use serde::{Deserialize, Serialize};
use tokio_util::io::{StreamReader, SyncIoBridge};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::App;
use super::bodies::{Json, Reason, content_type, unsupported};
use super::entering::{Allowed, SignedIn, Stepped};
use super::problem::{Problem, card};
use super::scopes;
use crate::broker::Caller;
use crate::broker::consents::{ConsentShown, SuppressionReport};
use crate::broker::imports::MemberAdded;
use crate::broker::members::{MemberHistory, MemberShown, Subject, WhoSaw};
use crate::intake::form::MemberForm;
use crate::model::code::{Channel, Purpose, RecipientClass};
use crate::model::field::{Field, Index};
use crate::model::scope::Scope;
use crate::model::value_error::ValueError;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(add))
        .routes(routes!(look_up))
        .routes(routes!(show))
        .routes(routes!(reveal))
        .routes(routes!(correct))
        .routes(routes!(history))
        .routes(routes!(verify))
        .routes(routes!(erase))
        .routes(routes!(who_saw))
        .routes(routes!(consents))
        .routes(routes!(consent))
        .routes(routes!(suppress))
}

/// What a value itself can be refused for.
static VALUE: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| ValueError::ALL.iter().map(|e| e.code()).collect());

/// What to find a member by.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "index": "mobile", "value": "13800138000" }))]
pub(super) struct LookUp {
    index: Index,
    value: String,
}

/// One member.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OneMember, example = json!({ "card": "88000001" }))]
pub(super) struct One {
    card: String,
}

/// One member, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OneMemberBecause, example = json!({ "card": "88000001", "reason": "letter of 3 May" }))]
pub(super) struct OneBecause {
    card: String,
    reason: String,
}

/// Which fields of whom, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "card": "88000001", "fields": ["mobile", "name"], "reason": "called back" }))]
pub(super) struct Reveal {
    card: String,
    fields: Vec<Field>,
    reason: String,
}

/// What is right instead, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "card": "88000001", "field": "address", "value": "上海市人民路 1 号", "reason": "moved" }))]
pub(super) struct Correction {
    card: String,
    field: Field,
    value: String,
    reason: String,
}

/// What somebody says a member's field is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "card": "88000001", "field": "mobile", "value": "13800138000" }))]
pub(super) struct SaidToBe {
    card: String,
    field: Field,
    value: String,
}

/// Whether it is.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "match": true }))]
pub(super) struct Match {
    r#match: bool,
}

/// A member, or the number of an erasure.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[schema(example = json!({ "card": "88000001" }))]
pub(super) enum Whom {
    /// A card number.
    Card(String),
    /// The number of an erasure, as `ER2026-0001`.
    CaseNo(String),
}

/// What a member said.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConsentSaid, example = json!({ "card": "88000001", "purpose": "promotion", "channel": "sms", "granted": false }))]
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

/// Members who were found, masked.
#[derive(Serialize, ToSchema)]
pub(super) struct Found {
    items: Vec<MemberShown>,
}

/// Values in clear, once.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "fields": { "mobile": "13800138000" } }))]
pub(super) struct Revealed {
    #[schema(value_type = BTreeMap<String, String>)]
    fields: BTreeMap<Field, Zeroizing<String>>,
}

/// The number under which an erasure can be asked about.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "case_no": "ER2026-0001" }))]
pub(super) struct Erased {
    case_no: String,
}

fn company() -> RecipientClass {
    RecipientClass::Company
}

/// A member typed in at the counter, with every consent decided (C3, B3).
#[utoipa::path(
    post, path = "/members", tag = "members", request_body(content = MemberForm, example = json!({
        "card_no": "88000001", "name": "王芳", "mobile": "13800138000", "home_store": "S001", "covenant": "member_covenant",
        "covenant_version": "2026-01", "consent_sms": true, "consent_post": false, "consent_email": false, "notice": "2026-01",
    })),
    responses((status = 201, description = "Added.", body = MemberAdded)),
    extensions(("x-scope" = json!(Scope::MembersAdd)),
        ("x-problems" = json!(["budget_spent", "slowed_down", "not_permitted", "card_taken", "invalid_fields", "consent_undecided", "notice_missing", "unknown_notice",
        "covenant_missing", "unknown_covenant", "other_store", "unknown_store", "no_contact_point", *VALUE]))),
)]
pub(super) async fn add(
    State(app): State<App>,
    who: Allowed<scopes::MembersAdd>,
    Json(form): Json<MemberForm>,
) -> Result<(StatusCode, Answer<MemberAdded>), Problem> {
    let added = app.broker().member_add(who.caller(), &form).await?;
    Ok((StatusCode::CREATED, Answer(added)))
}

/// What is kept of the answer for who asks again ([`super::repeats`]): all but the member.
pub(super) fn without_the_member(answer: &[u8]) -> Option<Vec<u8>> {
    let mut answer: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(answer).ok()?;
    answer.remove("member")?;
    serde_json::to_vec(&answer).ok()
}

/// The same with the member again, as the caller may see him now.
pub(super) async fn with_the_member(
    app: &App,
    who: &Caller,
    asked: &[u8],
    kept: &[u8],
) -> Result<Vec<u8>, Problem> {
    let broken = |_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "what was kept is no answer");
    let form: MemberForm = serde_json::from_slice(asked).map_err(broken)?;
    let member =
        app.broker().member_show(who, &card(form.card_no.as_deref().map_or("", String::as_str))?).await?;
    let mut answer: serde_json::Value = serde_json::from_slice(kept).map_err(broken)?;
    answer["member"] = serde_json::to_value(member).map_err(broken)?;
    Ok(answer.to_string().into_bytes())
}

/// Find members by an exact value; masked.
///
/// Of a contact point that many share the first 1,000 are read, in the order in which they were stored; the rest is found by card.
#[utoipa::path(
    post, path = "/members/look-up", tag = "members", request_body = LookUp,
    responses((status = 200, description = "At most 20, the first whom the caller may look up.", body = Found)),
    extensions(("x-scope" = json!(Scope::MembersLookUp)),
        ("x-problems" = json!(["budget_spent", "slowed_down", "not_permitted", "no_such_index", "unknown_member", *VALUE]))),
)]
pub(super) async fn look_up(
    State(app): State<App>,
    who: Allowed<scopes::MembersLookUp>,
    Json(by): Json<LookUp>,
) -> Result<Answer<Found>, Problem> {
    Ok(Answer(Found { items: app.broker().member_look_up(who.caller(), by.index, &by.value).await? }))
}

/// A member, masked.
#[utoipa::path(
    post, path = "/members/show", tag = "members", request_body = One,
    responses((status = 200, description = "Masked.", body = MemberShown)),
    extensions(("x-scope" = json!(Scope::MembersLookUp)),
        ("x-problems" = json!(["budget_spent", "slowed_down", "not_permitted", "unknown_member", "bad_value"]))),
)]
pub(super) async fn show(
    State(app): State<App>,
    who: Allowed<scopes::MembersLookUp>,
    Json(one): Json<One>,
) -> Result<Answer<MemberShown>, Problem> {
    Ok(Answer(app.broker().member_show(who.caller(), &card(&one.card)?).await?))
}

/// Fields of a member in clear, for a reason.
#[utoipa::path(
    post, path = "/members/reveal", tag = "members", request_body = Reveal,
    responses((status = 200, description = "In clear, once.", body = Revealed)),
    extensions(("x-problems" = json!(["budget_spent", "slowed_down", "step_up_needed", "not_permitted", "no_undertaking", "unknown_member", "reason_missing", "reason_too_long", "fields_missing", "bad_value"]))),
)]
pub(super) async fn reveal(
    State(app): State<App>,
    Stepped(step): Stepped,
    Json(what): Json<Reveal>,
) -> Result<Answer<Revealed>, Problem> {
    let card = card(&what.card)?;
    let opened = app.broker().member_reveal(step.caller(), &card, &what.fields, &what.reason).await?;
    let mut fields = BTreeMap::new();
    for (field, plain) in &opened {
        let value = plain.lend().map_err(|e| Problem::from(crate::broker::Error::from(e)))?;
        fields.insert(*field, Zeroizing::new(value.to_owned()));
    }
    Ok(Answer(Revealed { fields }))
}

/// Correct a field (B12).
#[utoipa::path(
    post, path = "/members/correct", tag = "members", request_body = Correction,
    responses((status = 204, description = "Corrected.")),
    extensions(("x-problems" = json!(["budget_spent", "slowed_down", "not_permitted", "unknown_member", "reason_missing", "reason_too_long", "card_fixed", "bad_value", *VALUE]))),
)]
pub(super) async fn correct(
    State(app): State<App>,
    who: SignedIn,
    Json(right): Json<Correction>,
) -> Result<StatusCode, Problem> {
    let Correction { card: number, field, value, reason } = right;
    app.broker().member_correct(who.caller(), &card(&number)?, field, &value, &reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A member's values as they stand, masked, and who changed what (B12).
#[utoipa::path(
    post, path = "/members/history", tag = "members", request_body = One,
    responses((status = 200, description = "Masked.", body = MemberHistory)),
    extensions(("x-problems" = json!(["budget_spent", "slowed_down", "not_permitted", "unknown_member", "bad_value"]))),
)]
pub(super) async fn history(
    State(app): State<App>,
    who: SignedIn,
    Json(one): Json<One>,
) -> Result<Answer<MemberHistory>, Problem> {
    Ok(Answer(app.broker().member_history(who.caller(), &card(&one.card)?).await?))
}

/// Whether a value is what is stored; it is not shown (F4).
#[utoipa::path(
    post, path = "/members/verify", tag = "members", request_body = SaidToBe,
    responses((status = 200, description = "Yes or no.", body = Match)),
    extensions(("x-scope" = json!(Scope::MembersVerify)),
        ("x-problems" = json!(["budget_spent", "slowed_down", "not_permitted", "unknown_member", "bad_value", *VALUE]))),
)]
pub(super) async fn verify(
    State(app): State<App>,
    who: Allowed<scopes::MembersVerify>,
    Json(said): Json<SaidToBe>,
) -> Result<Answer<Match>, Problem> {
    let card = card(&said.card)?;
    let is_match = app.broker().member_verify(who.caller(), &card, said.field, &said.value).await?;
    Ok(Answer(Match { r#match: is_match }))
}

/// Erase a member: the data key is destroyed (E6).
#[utoipa::path(
    post, path = "/members/erase", tag = "members", request_body = OneBecause,
    responses((status = 200, description = "Erased.", body = Erased)),
    extensions(("x-problems" = json!(["budget_spent", "slowed_down", "step_up_needed", "not_permitted", "unknown_member", "reason_missing", "reason_too_long", "bad_value"]))),
)]
pub(super) async fn erase(
    State(app): State<App>,
    Stepped(step): Stepped,
    Json(whom): Json<OneBecause>,
) -> Result<Answer<Erased>, Problem> {
    let case = app.broker().member_erase(step.caller(), &card(&whom.card)?, &whom.reason).await?;
    Ok(Answer(Erased { case_no: case }))
}

/// Who saw a member, and in which packages he left (E4).
#[utoipa::path(
    post, path = "/members/who-saw", tag = "members", request_body = Whom,
    responses((status = 200, description = "Every entry and package.", body = WhoSaw)),
    extensions(("x-problems" = json!(["budget_spent", "slowed_down", "not_permitted", "unknown_member", "unknown_case", "bad_value"]))),
)]
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

/// What a member said, and what is in effect.
#[utoipa::path(
    post, path = "/consents/show", tag = "consents", request_body = One,
    responses((status = 200, description = "All of it.", body = ConsentShown)),
    extensions(("x-scope" = json!(Scope::ConsentsRead)),
        ("x-problems" = json!(["not_permitted", "unknown_member", "bad_value", "budget_spent", "slowed_down"]))),
)]
pub(super) async fn consents(
    State(app): State<App>,
    who: Allowed<scopes::ConsentsRead>,
    Json(one): Json<One>,
) -> Result<Answer<ConsentShown>, Problem> {
    Ok(Answer(app.broker().consent_show(who.caller(), &card(&one.card)?).await?))
}

/// What holds now.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "state": "granted" }))]
pub(super) struct Recorded {
    /// `granted`, `refused` or `withdrawn`.
    state: &'static str,
}

/// Record a yes or a no.
#[utoipa::path(
    post, path = "/consents", tag = "consents", request_body = Said,
    responses((status = 200, description = "Recorded.", body = Recorded)),
    extensions(("x-scope" = json!(Scope::ConsentsRecord)),
        ("x-problems" = json!(["budget_spent", "slowed_down", "not_permitted", "unknown_member", "evidence_too_long", "bad_value", *VALUE]))),
)]
pub(super) async fn consent(
    State(app): State<App>,
    who: Allowed<scopes::ConsentsRecord>,
    Json(said): Json<Said>,
) -> Result<Answer<Recorded>, Problem> {
    let Said { card: number, purpose, channel, class, granted, evidence } = said;
    let (broker, number) = (app.broker(), card(&number)?);
    let set = broker.consent_set(who.caller(), &number, purpose, channel, class, granted, &evidence);
    Ok(Answer(Recorded { state: set.await?.code() }))
}

/// Contact points that nothing is exported to any more, from a file.
#[utoipa::path(
    post, path = "/suppression", tag = "members", request_body(content = String, content_type = "text/csv", example = json!("mobile\n13800138000\n")),
    params(("X-Reason" = String, Header, description = "Why; what is not ASCII as in a URL.")),
    responses((status = 200, description = "What was done.", body = SuppressionReport)),
    extensions(("x-scope" = json!(Scope::SuppressionImport)),
        ("x-problems" = json!([
        "not_permitted", "reason_missing", "reason_too_long", "unusable_file", "file_unreadable", "file_empty", "file_not_csv", "file_no_header",
        "file_missing_column", "file_duplicate_column", "file_broken_header", "file_broken_sheet", "file_too_large",
        "file_too_large_unpacked",
    ]))),
)]
pub(super) async fn suppress(
    State(app): State<App>,
    who: Allowed<scopes::SuppressionImport>,
    Reason(reason): Reason,
    request: Request,
) -> Result<Answer<SuppressionReport>, Problem> {
    let input = file(request, &[CSV])?;
    Ok(Answer(app.broker().suppression_import(who.caller(), input, &reason, None).await?))
}

pub(super) const CSV: &str = "text/csv";
pub(super) const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// A file as it comes in, never on a disk. Which of the kinds it is its first bytes say.
pub(super) fn file(request: Request, kinds: &[&str]) -> Result<Box<dyn Read + Send>, Problem> {
    if !content_type(&request).is_some_and(|t| kinds.contains(&t.as_str())) {
        return Err(unsupported(&kinds.join(" or ")));
    }
    let body = request.into_body().into_data_stream().map_err(std::io::Error::other);
    Ok(Box::new(SyncIoBridge::new(StreamReader::new(Box::pin(body)))))
}
