//! Policies: read by everyone, changed by two people; covenants and notices.

use std::collections::BTreeMap;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::bodies::{Json, Path, Query};
use super::entering::{SignedIn, Stepped};
use super::problem::Problem;
use crate::broker::documents::{DocumentShown, NewDocument};
use crate::broker::explaining::{Differences, Explained, Matrices, PolicyText, Question};
use crate::clock::{parse_rfc3339, rfc3339};
use crate::model::ids::Digest;
use crate::policy::PolicyFiles;
use crate::store::policies::PolicyVersion;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(show))
        .routes(routes!(propose))
        .routes(routes!(matrices))
        .routes(routes!(explain))
        .routes(routes!(read))
        .routes(routes!(simulate))
        .routes(routes!(second))
        .routes(routes!(withdraw))
        .routes(routes!(documents, document))
}

/// A new version.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "files": { "switches.toml": "…" }, "effective_at": "2027-01-01T00:00:00+08:00" }))]
pub(super) struct Proposal {
    /// Every file by its name.
    files: BTreeMap<String, String>,
    /// From when it holds, RFC 3339; once it is seconded when left out.
    #[serde(default)]
    #[schema(format = DateTime)]
    effective_at: Option<String>,
}

/// A covenant or a notice.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "family": "member_covenant", "version": "2027-01", "language": "zh", "body": "会员规约…", "effective_on": "2027-01-01",
}))]
pub(super) struct Document {
    /// `member_covenant`, `points_card_covenant` or `notice`.
    family: String,
    version: String,
    /// `zh` or `en`.
    language: String,
    /// The text itself.
    body: String,
    #[serde(default)]
    #[schema(format = Date)]
    effective_on: Option<String>,
}

/// Policies as they are and were.
#[derive(Serialize, ToSchema)]
pub(super) struct PoliciesShown {
    /// Which version is in force.
    in_force: i64,
    versions: Vec<VersionShown>,
    /// The files in force, one after the other.
    files: String,
}

/// A version.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "version": 2, "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "proposed_by": "zhou.jie", "proposed_at": "2026-12-30T08:00:00Z", "seconded_by": "zheng.tao",
    "effective_at": "2027-01-01T00:00:00Z",
}))]
struct VersionShown {
    version: i64,
    digest: Digest,
    /// A login; `operator` for the built-in one.
    proposed_by: String,
    #[schema(format = DateTime)]
    proposed_at: String,
    #[schema(required)]
    seconded_by: Option<String>,
    /// From when it holds, once it is seconded.
    #[schema(required, format = DateTime)]
    effective_at: Option<String>,
}

impl From<PolicyVersion> for VersionShown {
    fn from(v: PolicyVersion) -> Self {
        VersionShown {
            effective_at: v.adopted().then(|| rfc3339(v.effective_at)),
            version: v.id,
            digest: v.digest,
            proposed_by: v.proposed_by,
            proposed_at: rfc3339(v.proposed_at),
            seconded_by: v.seconded.map(|(by, ..)| by),
        }
    }
}

/// A version with its files.
#[derive(Serialize, ToSchema)]
pub(super) struct VersionWhole {
    #[serde(flatten)]
    version: VersionShown,
    /// Every file by its name.
    files: BTreeMap<String, String>,
}

/// A version's number.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "version": 2 }))]
pub(super) struct Proposed {
    version: i64,
}

/// A version that two people signed.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "version": 2, "effective_at": "2027-01-01T00:00:00Z" }))]
pub(super) struct Seconded {
    version: i64,
    #[schema(format = DateTime)]
    effective_at: String,
}

/// Whether it is new.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "added": true }))]
pub(super) struct DocumentAdded {
    /// Whether it was not there before.
    added: bool,
}

/// The policies in force, and every version.
#[utoipa::path(
    get, path = "/policies", tag = "policies",
    responses((status = 200, description = "As they are and were.", body = PoliciesShown)),
    extensions(("x-problems" = json!(["not_permitted"]))),
)]
pub(super) async fn show(State(app): State<App>, who: SignedIn) -> Result<Answer<PoliciesShown>, Problem> {
    let policy = app.broker().policy_show(who.caller()).await?;
    let versions = policy.versions.into_iter().map(VersionShown::from).collect();
    Ok(Answer(PoliciesShown { in_force: policy.in_force, versions, files: policy.listing }))
}

/// A new version: it is loaded and its own tests are run; another person seconds it.
#[utoipa::path(
    post, path = "/policies/proposals", tag = "policies", request_body = Proposal,
    responses((status = 201, description = "Proposed.", body = Proposed)),
    extensions(("x-problems" = json!(["step_up_needed", "not_permitted", "key_ended", "suspended", "bad_policy", "bad_value"]))),
)]
pub(super) async fn propose(
    State(app): State<App>,
    Stepped(step): Stepped,
    Json(new): Json<Proposal>,
) -> Result<(StatusCode, Answer<Proposed>), Problem> {
    let at =
        match new.effective_at.as_deref() {
            None => None,
            Some(text) => Some(parse_rfc3339(text).ok_or_else(|| {
                Problem::bad_value("/effective_at", "a time like 2027-01-01T00:00:00+08:00")
            })?),
        };
    let files = PolicyFiles::new(new.files).map_err(crate::broker::Error::from)?;
    let id = app.broker().policy_propose(step, files, at).await?;
    Ok((StatusCode::CREATED, Answer(Proposed { version: id })))
}

/// A version whole, also one that holds no more or not yet.
#[utoipa::path(
    get, path = "/policies/{id}", tag = "policies", params(("id" = i64, Path, description = ID)),
    responses((status = 200, description = "With its files.", body = VersionWhole)),
    extensions(("x-problems" = json!(["not_permitted", "unknown_policy"]))),
)]
pub(super) async fn read(
    State(app): State<App>,
    Path(id): Path,
    who: SignedIn,
) -> Result<Answer<VersionWhole>, Problem> {
    let PolicyText { version, files } = app.broker().policy_read(who.caller(), version(&id)?).await?;
    Ok(Answer(VersionWhole { version: version.into(), files }))
}

/// What a version decides otherwise than the one in force.
#[utoipa::path(
    get, path = "/policies/{id}/differences", tag = "policies", params(("id" = i64, Path, description = ID)),
    responses((status = 200, description = "Each role alone, each act, each place; each channel.", body = Differences)),
    extensions(("x-problems" = json!(["not_permitted", "unknown_policy", "bad_policy"]))),
)]
pub(super) async fn simulate(
    State(app): State<App>,
    Path(id): Path,
    who: SignedIn,
) -> Result<Answer<Differences>, Problem> {
    Ok(Answer(app.broker().policy_simulate(who.caller(), version(&id)?).await?))
}

/// Take a proposal back: it can be seconded no more.
#[utoipa::path(
    post, path = "/policies/{id}/withdraw", tag = "policies", params(("id" = i64, Path, description = ID)),
    responses((status = 204, description = "Withdrawn.")),
    extensions(("x-problems" = json!(["not_permitted", "unknown_policy", "seconded_already", "withdrawn_already"]))),
)]
pub(super) async fn withdraw(
    State(app): State<App>,
    Path(id): Path,
    who: SignedIn,
) -> Result<StatusCode, Problem> {
    app.broker().policy_withdraw(who.caller(), version(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Why the policy in force answers as it does, with the lines it rests on. It changes and permits nothing.
#[utoipa::path(
    post, path = "/policies/explain", tag = "policies", request_body = Question,
    responses((status = 200, description = "The answer.", body = Explained)),
    extensions(("x-problems" = json!(["not_permitted", "unknown_login"]))),
)]
pub(super) async fn explain(
    State(app): State<App>,
    who: SignedIn,
    Json(question): Json<Question>,
) -> Result<Answer<Explained>, Problem> {
    Ok(Answer(app.broker().policy_explain(who.caller(), &question).await?))
}

/// Who may do what, and which fields may leave, under the policy in force.
#[utoipa::path(
    get, path = "/policies/matrices", tag = "policies",
    responses((status = 200, description = "Both.", body = Matrices)),
    extensions(("x-problems" = json!(["not_permitted"]))),
)]
pub(super) async fn matrices(State(app): State<App>, who: SignedIn) -> Result<Answer<Matrices>, Problem> {
    Ok(Answer(app.broker().policy_matrices(who.caller()).await?))
}

/// A version's number in a path.
const ID: &str = "A version.";

/// A number out of a path; one that is none is no version's.
fn version(id: &str) -> Result<i64, Problem> {
    id.parse().map_err(|_| Problem::new(StatusCode::NOT_FOUND, "unknown_policy", "a version is a number"))
}

/// Second a version (A12).
#[utoipa::path(
    post, path = "/policies/{id}/second", tag = "policies", params(("id" = i64, Path, description = ID)),
    responses((status = 200, description = "Adopted.", body = Seconded)),
    extensions(("x-problems" = json!([
        "step_up_needed", "not_permitted", "key_ended", "suspended", "unknown_policy", "seconded_already", "same_person",
        "proposer_gone", "withdrawn_already",
    ]))),
)]
pub(super) async fn second(
    State(app): State<App>,
    Path(id): Path,
    Stepped(step): Stepped,
) -> Result<Answer<Seconded>, Problem> {
    let id = version(&id)?;
    let at = app.broker().policy_second(step, id).await?;
    Ok(Answer(Seconded { version: id, effective_at: rfc3339(at) }))
}

/// Which documents.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Every version, not only those that hold today.
    #[serde(default)]
    every: bool,
}

/// Documents with their texts.
#[derive(Serialize, ToSchema)]
pub(super) struct Documents {
    items: Vec<DocumentShown>,
}

/// Covenants and notices with their texts.
#[utoipa::path(
    get, path = "/documents", tag = "policies", params(Which),
    responses((status = 200, description = "Those that hold today, or every version.", body = Documents)),
    extensions(("x-problems" = json!(["not_permitted"]))),
)]
pub(super) async fn documents(
    State(app): State<App>,
    who: SignedIn,
    Query(which): Query<Which>,
) -> Result<Answer<Documents>, Problem> {
    let items = app.broker().document_list(who.caller(), which.every).await?;
    Ok(Answer(Documents { items }))
}

/// Register a covenant's or a notice's text.
#[utoipa::path(
    post, path = "/documents", tag = "policies", request_body = Document,
    responses(
        (status = 201, description = "Registered.", body = DocumentAdded),
        (status = 200, description = "It was there already.", body = DocumentAdded),
    ),
    extensions(("x-problems" = json!(["not_permitted", "bad_document", "document_version", "bad_value"]))),
)]
pub(super) async fn document(
    State(app): State<App>,
    who: SignedIn,
    Json(new): Json<Document>,
) -> Result<(StatusCode, Answer<DocumentAdded>), Problem> {
    let Document { family, version, language, body, effective_on } = new;
    let day = |text: String| {
        crate::model::iso::parse_date(&text).map_err(|wrong| Problem::bad_value("/effective_on", wrong))
    };
    let effective_on = effective_on.map(day).transpose()?;
    let new = NewDocument { family, version, language, body, effective_on };
    let added = app.broker().document_add(who.caller(), new).await?;
    let status = if added { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Answer(DocumentAdded { added })))
}
