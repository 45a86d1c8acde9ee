//! People: enrolled by a one-time code, suspended; the organisation.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::App;
use super::bodies::{Json, Path, Query, Text, password as given};
use super::entering::{From, SignedIn, Stepped};
use super::pages::{Listed, Page, listed};
use super::problem::Problem;
use crate::broker::enrolling::Invited;
use crate::broker::reviewing::{OrgShown, PersonShown};
use crate::model::ids::{Digest, Login};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(enrol))
        .routes(routes!(password))
        .routes(routes!(org, apply))
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(invite))
        .routes(routes!(suspend))
        .routes(routes!(resume))
}

/// A first password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "login": "li.na", "code": "8K3F-…", "password": "a long one" }))]
pub(super) struct Enrolment {
    login: Login,
    /// The one-time code.
    #[schema(value_type = String, format = Password)]
    code: Zeroizing<String>,
    #[schema(value_type = String, format = Password)]
    password: Zeroizing<String>,
    /// Digest of the confidentiality undertaking that was read and is given with it (A10a).
    #[serde(default)]
    undertaking: Option<Digest>,
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPassword, example = json!({ "password": "another long one" }))]
pub(super) struct New {
    #[schema(value_type = String, format = Password)]
    password: Zeroizing<String>,
}

/// How it is applied.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Apply {
    /// Only say what would change.
    #[serde(default)]
    dry_run: bool,
}

/// What changed, or would.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "changes": ["add unit S002", "add person tang.lan"], "gaps": [], "unenrolled": ["tang.lan"], "dry_run": false, "proposal": null,
}))]
pub(super) struct Applied {
    /// One line a change, for people to read.
    changes: Vec<String>,
    /// Departments that can ask for nothing yet: they have no information officer (A4a).
    gaps: Vec<String>,
    /// Who of the file cannot sign yet.
    unenrolled: Vec<Login>,
    dry_run: bool,
    /// What waits for a second administrator, if something does.
    #[schema(required)]
    proposal: Option<i64>,
}

/// What waits for a second administrator.
#[derive(Serialize, ToSchema)]
#[schema(as = OrgProposed, example = json!({ "proposal": 1 }))]
pub(super) struct Proposed {
    proposal: i64,
}

/// A one-time code, shown once.
#[derive(Serialize, ToSchema)]
#[schema(as = OneTimeCode, example = json!({ "login": "tang.lan", "code": "8K3F-…" }))]
pub(super) struct Code {
    login: Login,
    #[schema(value_type = String)]
    code: Zeroizing<String>,
}

/// A login in a path.
const LOGIN: &str = "A person's login.";

fn person(text: &str) -> Result<Login, Problem> {
    Login::parse(text)
        .map_err(|wrong| Problem::new(StatusCode::NOT_FOUND, "unknown_login", wrong.to_string()))
}

/// A first password, or a new one, by one-time code; and with it a signing key.
#[utoipa::path(
    post, path = "/enrolments", tag = "people", security(()), request_body = Enrolment,
    responses((status = 204, description = "Enrolled.")),
    extensions(("x-problems" = json!(["wrong_code", "weak_password", "changed_meanwhile", "undertaking_changed"]))),
)]
pub(super) async fn enrol(
    State(app): State<App>,
    From(from): From,
    Json(new): Json<Enrolment>,
) -> Result<StatusCode, Problem> {
    let password = given(&new.password);
    let enrolled = app.broker().enrol_from(&new.login, &new.code, &password, new.undertaking, from);
    app.stretched(enrolled).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Another password of one's own, and with it another signing key. Every session ends.
#[utoipa::path(
    post, path = "/password", tag = "people", request_body = New,
    responses((status = 204, description = "Changed.")),
    extensions(("x-problems" = json!(["step_up_needed", "key_ended", "suspended", "weak_password"]))),
)]
pub(super) async fn password(
    State(app): State<App>,
    Stepped(step): Stepped,
    Json(new): Json<New>,
) -> Result<StatusCode, Problem> {
    let changed = app.stretched(app.broker().change_password(step, &given(&new.password))).await;
    changed?;
    Ok(StatusCode::NO_CONTENT)
}

/// Units, people and roles as a file says they should be.
#[utoipa::path(
    post, path = "/org", tag = "people", params(Apply),
    request_body(content((String = "application/toml", example = json!(include_str!("../../docs/examples/org.toml"))))),
    responses((status = 200, description = "What changed.", body = Applied)),
    extensions(("x-problems" = json!(["step_up_needed", "not_permitted", "bad_org", "rank_too_low", "roles_exclude", "about_yourself"]))),
)]
pub(super) async fn apply(
    State(app): State<App>,
    Query(how): Query<Apply>,
    Stepped(step): Stepped,
    Text(org): Text,
) -> Result<Answer<Applied>, Problem> {
    let change = app.broker().org_apply(step.caller(), &org, how.dry_run).await?;
    let unenrolled = change.unenrolled.into_iter().map(|p| p.login).collect();
    let (dry_run, proposal) = (how.dry_run, change.proposal);
    Ok(Answer(Applied { changes: change.lines, gaps: change.gaps, unenrolled, dry_run, proposal }))
}

/// Units, and departments without an information officer (A4a).
#[utoipa::path(
    get, path = "/org", tag = "people",
    responses((status = 200, description = "Every unit, parents first.", body = OrgShown)),
    extensions(("x-problems" = json!(["not_permitted"]))),
)]
pub(super) async fn org(State(app): State<App>, who: SignedIn) -> Result<Answer<OrgShown>, Problem> {
    Ok(Answer(app.broker().org_show(who.caller()).await?))
}

/// Everyone, with what they hold (B9).
#[utoipa::path(
    get, path = "/people", tag = "people", params(Page),
    responses((status = 200, description = "A page.", body = Listed<PersonShown>)),
    extensions(("x-problems" = json!(["bad_value", "not_permitted"]))),
)]
pub(super) async fn list(
    State(app): State<App>,
    Query(page): Query<Page>,
    who: SignedIn,
) -> Result<Answer<Listed<PersonShown>>, Problem> {
    let stretch = page.stretch(|text| Login::parse(text).ok())?;
    let people = app.broker().people_page(who.caller(), &stretch).await?;
    Ok(listed(people, |person| person.login.to_string()))
}

/// A person, with what they hold; oneself always.
#[utoipa::path(
    get, path = "/people/{login}", tag = "people", params(("login" = Login, Path, description = LOGIN)),
    responses((status = 200, description = "As they stand.", body = PersonShown)),
    extensions(("x-problems" = json!(["not_permitted", "unknown_login"]))),
)]
pub(super) async fn show(
    State(app): State<App>,
    Path(login): Path,
    who: SignedIn,
) -> Result<Answer<PersonShown>, Problem> {
    Ok(Answer(app.broker().person_show(who.caller(), &person(&login)?).await?))
}

/// A one-time code with which a person enrols, or enrols again.
#[utoipa::path(
    post, path = "/people/{login}/invite", tag = "people", params(("login" = Login, Path, description = LOGIN)),
    responses((status = 200, description = "The code, once.", body = Code),
        (status = 202, description = "A second administrator has to second it.", body = Proposed)),
    extensions(("x-problems" = json!(["step_up_needed", "not_permitted", "unknown_login", "about_yourself"]))),
)]
pub(super) async fn invite(
    State(app): State<App>,
    Path(login): Path,
    Stepped(step): Stepped,
) -> Result<Response, Problem> {
    let login = person(&login)?;
    Ok(match app.broker().invite(step.caller(), &login).await? {
        Invited::Code(code) => Answer(Code { login, code }).into_response(),
        Invited::Proposed(id) => waiting(id).into_response(),
    })
}

/// Accepted, and nothing done yet: a second administrator seconds it.
fn waiting(proposal: i64) -> (StatusCode, Answer<Proposed>) {
    (StatusCode::ACCEPTED, Answer(Proposed { proposal }))
}

/// From this moment a person does nothing, and what they signed on pending requests does not count.
#[utoipa::path(
    post, path = "/people/{login}/suspend", tag = "people", params(("login" = Login, Path, description = LOGIN)),
    responses((status = 204, description = "Suspended.")),
    extensions(("x-problems" = json!(["step_up_needed", "not_permitted", "unknown_login", "about_yourself"]))),
)]
pub(super) async fn suspend(
    State(app): State<App>,
    Path(login): Path,
    Stepped(step): Stepped,
) -> Result<StatusCode, Problem> {
    app.broker().suspend(step.caller(), &person(&login)?, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A suspension ends.
#[utoipa::path(
    post, path = "/people/{login}/resume", tag = "people", params(("login" = Login, Path, description = LOGIN)),
    responses((status = 204, description = "Lifted."),
        (status = 202, description = "A second administrator has to second it.", body = Proposed)),
    extensions(("x-problems" = json!(["step_up_needed", "not_permitted", "unknown_login", "about_yourself"]))),
)]
pub(super) async fn resume(
    State(app): State<App>,
    Path(login): Path,
    Stepped(step): Stepped,
) -> Result<Response, Problem> {
    let proposed = app.broker().suspend(step.caller(), &person(&login)?, false).await?;
    Ok(proposed.map_or(StatusCode::NO_CONTENT.into_response(), |id| waiting(id).into_response()))
}
