//! What waits for a second administrator.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::bodies::Path;
use super::entering::{SignedIn, Stepped};
use super::problem::Problem;
use crate::broker::proposals::Seconded;
use crate::clock::rfc3339;
use crate::model::ids::{Digest, Login};
use crate::store::proposals::{ProposalKind, ProposalRow};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list)).routes(routes!(second)).routes(routes!(withdraw))
}

/// Proposals that wait, whole: they are few, and gone after three days.
#[derive(Serialize, ToSchema)]
#[schema(as = OrgProposals)]
pub(super) struct Waiting {
    items: Vec<Proposal>,
}

/// One of them.
#[derive(Serialize, ToSchema)]
#[schema(as = OrgProposal)]
struct Proposal {
    id: i64,
    #[schema(value_type = String)]
    kind: ProposalKind,
    /// The organisation file, or the login.
    body: String,
    changes: Vec<String>,
    digest: Digest,
    proposed_by: Login,
    proposed_at: String,
    expires_at: String,
}

impl From<ProposalRow> for Proposal {
    fn from(p: ProposalRow) -> Self {
        Proposal {
            id: p.id,
            kind: p.kind,
            changes: p.changes.lines().map(str::to_owned).collect(),
            body: p.body,
            digest: p.digest,
            proposed_by: p.proposed_by,
            proposed_at: rfc3339(p.proposed_at),
            expires_at: rfc3339(p.expires_at),
        }
    }
}

/// What seconding did.
#[derive(Serialize, ToSchema)]
#[schema(as = OrgSeconded)]
pub(super) struct Done {
    changes: Vec<String>,
    unenrolled: Vec<Login>,
    /// Of a reset: whose code this is, and the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<Login>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

fn number(text: &str) -> Result<i64, Problem> {
    let unknown = |_| Problem::new(StatusCode::NOT_FOUND, "unknown_proposal", "a proposal is a number");
    text.parse().map_err(unknown)
}

/// What waits for a second administrator.
#[utoipa::path(
    get, path = "/org/proposals", tag = "org",
    responses((status = 200, description = "All of it.", body = Waiting)),
    extensions(("x-problems" = json!(["not_permitted"]))),
)]
pub(super) async fn list(State(app): State<App>, who: SignedIn) -> Result<Answer<Waiting>, Problem> {
    let waiting = app.broker().proposals(who.caller()).await?;
    Ok(Answer(Waiting { items: waiting.into_iter().map(Proposal::from).collect() }))
}

/// Second what another administrator proposed (B9).
#[utoipa::path(
    post, path = "/org/proposals/{id}/second", tag = "org", params(("id" = i64, Path, description = "A proposal.")),
    responses((status = 200, description = "Done.", body = Done)),
    extensions(("x-problems" = json!([
        "step_up_needed", "not_permitted", "unknown_proposal", "proposal_ended", "proposal_expired", "same_person",
        "about_yourself", "proposer_gone", "bad_org", "rank_too_low", "roles_exclude", "unknown_login", "key_ended", "suspended",
    ]))),
)]
pub(super) async fn second(
    State(app): State<App>,
    Path(id): Path,
    Stepped(step): Stepped,
) -> Result<Answer<Done>, Problem> {
    let Seconded { lines, unenrolled, code } = app.broker().proposal_second(step, number(&id)?).await?;
    let (login, code) = code.map(|(login, code)| (login, code.to_string())).unzip();
    Ok(Answer(Done { changes: lines, unenrolled, login, code }))
}

/// Take back what one proposed.
#[utoipa::path(
    post, path = "/org/proposals/{id}/withdraw", tag = "org", params(("id" = i64, Path, description = "A proposal.")),
    responses((status = 204, description = "Withdrawn.")),
    extensions(("x-problems" = json!(["not_permitted", "unknown_proposal", "proposal_ended", "proposal_expired"]))),
)]
pub(super) async fn withdraw(
    State(app): State<App>,
    Path(id): Path,
    who: SignedIn,
) -> Result<StatusCode, Problem> {
    app.broker().proposal_withdraw(who.caller(), number(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
