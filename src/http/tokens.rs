//! `/tokens`: tokens for programs, made, listed and revoked by people; no token reaches these.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::App;
use super::bodies::{Json, Path, Query};
use super::entering::{SignedIn, Stepped};
use super::pages::{Listed, Page};
use super::problem::Problem;
use crate::broker::tokens::{NewToken, TokenShown};
use crate::clock::parse_rfc3339;
use crate::model::ids::UnitCode;
use crate::model::scope::Scope;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list, make)).routes(routes!(revoke))
}

/// A token to be made. Without `days` and `ends_at` it ends after 90 days.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewToken, example = json!({
    "name": "till 2", "scopes": ["members:look-up", "consents:record"], "unit": "S001", "days": 90,
}))]
pub(super) struct New {
    /// What people call it, 1 to 60 characters; it is in no entry of the log.
    name: String,
    /// What for, one or more.
    scopes: Vec<Scope>,
    /// It reaches what belongs to this unit and those under it.
    unit: UnitCode,
    /// Days from now after which it ends, 1 to 366.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 366)]
    days: Option<i64>,
    /// When it ends instead, RFC 3339, within 366 days.
    #[serde(default)]
    #[schema(format = DateTime)]
    ends_at: Option<String>,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
#[schema(as = TokenMade)]
pub(super) struct Made {
    /// What the program sends as `Authorization: Bearer`; shown this once.
    #[schema(value_type = String, pattern = "^cst_[A-Za-z0-9_-]{43}$", example = "cst_…")]
    token: Zeroizing<String>,
    /// All else about it.
    about: TokenShown,
}

/// Make a token for a program: it acts as oneself, within its scopes, its unit and its time (B11).
#[utoipa::path(
    post, path = "/tokens", tag = "tokens", request_body = New,
    responses((status = 201, description = "Made; its text is in this answer and nowhere else.", body = Made)),
    extensions(("x-problems" = json!(["step_up_needed", "key_ended", "suspended", "bad_token", "not_permitted", "bad_value"]))),
)]
pub(super) async fn make(
    State(app): State<App>,
    Stepped(step): Stepped,
    Json(new): Json<New>,
) -> Result<(StatusCode, Answer<Made>), Problem> {
    let New { name, scopes, unit, days, ends_at } = new;
    let wrong = || Problem::bad_value("/ends_at", "a moment like 2027-01-31T12:00:00Z");
    let ends_at = ends_at.map(|at| parse_rfc3339(&at).ok_or_else(wrong)).transpose()?;
    let new = NewToken { name, scopes, unit, days, ends_at };
    let (text, about) = app.broker().token_make(step, new).await?;
    Ok((StatusCode::CREATED, Answer(Made { token: text.reveal(), about })))
}

/// One's own tokens, newest first; everyone's for an administrator and an auditor.
#[utoipa::path(
    get, path = "/tokens", tag = "tokens", params(Page),
    responses((status = 200, description = "A page.", body = Listed<TokenShown>)),
    extensions(("x-problems" = json!(["bad_value"]))),
)]
pub(super) async fn list(
    State(app): State<App>,
    Query(page): Query<Page>,
    who: SignedIn,
) -> Result<Answer<Listed<TokenShown>>, Problem> {
    page.of(app.broker().token_list(who.caller()).await?, |token| token.id.to_string())
}

/// Revoke a token: one's own, or anyone's as an administrator. It counts at once.
#[utoipa::path(
    delete, path = "/tokens/{id}", tag = "tokens", params(("id" = i64, Path, description = "A token's number.")),
    responses((status = 204, description = "Revoked.")),
    extensions(("x-problems" = json!(["unknown_token"]))),
)]
pub(super) async fn revoke(
    State(app): State<App>,
    Path(id): Path,
    who: SignedIn,
) -> Result<StatusCode, Problem> {
    // What is no number is nobody's, as 0 is.
    app.broker().token_revoke(who.caller(), id.parse().unwrap_or_default()).await?;
    Ok(StatusCode::NO_CONTENT)
}
