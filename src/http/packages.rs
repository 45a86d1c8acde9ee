//! Packages: listed, shown, fetched once, handed off, recalled, attested as destroyed.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::bodies::{Json, Path, Query};
use super::entering::{Allowed, From, SignedIn, Stepped};
use super::pages::{Listed, Page, listed};
use super::problem::Problem;
use super::scopes;
use super::streams;
use crate::broker::attesting::PackageShown;
use crate::broker::downloading::{Fetched, Wanted};
use crate::broker::packages::PackageLine;
use crate::model::ids::PackageNo;
use crate::model::iso::parse_date;
use crate::model::scope::Scope;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(download))
        .routes(routes!(hand_off))
        .routes(routes!(recall))
        .routes(routes!(destroyed))
}

/// A package's number in a path.
const NO: &str = "A package's number.";

/// Which file.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[schema(as = WantedFile, example = json!({ "part": 1 }))]
pub(super) enum File {
    /// A part, from 1.
    Part(u32),
    /// What describes them all.
    Manifest {},
}

/// Why it is taken back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RecallReason, example = json!({ "reason": "活动取消" }))]
pub(super) struct Because {
    reason: String,
}

/// The packages one may see.
#[utoipa::path(
    get, path = "/packages", tag = "packages", params(Page),
    responses((status = 200, description = "A page.", body = Listed<PackageLine>)),
    extensions(("x-scope" = json!(Scope::PackagesRead)),
        ("x-problems" = json!(["bad_value"]))),
)]
pub(super) async fn list(
    State(app): State<App>,
    Query(page): Query<Page>,
    who: Allowed<scopes::PackagesRead>,
) -> Result<Answer<Listed<PackageLine>>, Problem> {
    let stretch = page.stretch(|text| PackageNo::parse(text).ok())?;
    let page = app.broker().package_page(who.caller(), None, &stretch).await?;
    Ok(listed(page, |line| line.no.to_string()))
}

/// One file of a package, to the officer whom the request names.
///
/// Every exclusion is walked again first. A package is fetched once; the files of one follow each other within minutes.
#[utoipa::path(
    post, path = "/packages/{no}/download", tag = "packages", params(("no" = PackageNo, Path, description = NO)),
    request_body = File,
    responses((status = 200, description = "The file.",
        content((Vec<u8> = "application/octet-stream"), (Object = "application/json")),
        headers(("X-Content-SHA256" = String, description = "The file's digest, hex."),
            ("Content-Disposition" = String, description = "Its name.")))),
    extensions(("x-problems" = json!([
        super::requests::WALK, "step_up_needed", "not_permitted", "not_receiver", "outside_network", "separation_of_duties", "unknown_package", "unknown_part", "not_sealed",
        "past_destroy_by", "recalled", "downloaded_already", "members_kept_changing", "nobody_left", "over_row_limit",
        "policy_changed",
    ]))),
)]
pub(super) async fn download(
    State(app): State<App>,
    Path(no): Path,
    From(from): From,
    Stepped(step): Stepped,
    Json(file): Json<File>,
) -> Result<Response, Problem> {
    let no = app.broker().package_named(&no).await?;
    let wanted = match file {
        File::Part(number) => Wanted::Part(number),
        File::Manifest {} => Wanted::Manifest,
    };
    Ok(sent(app.broker().package_fetch(step, &no, wanted, from).await?))
}

/// A downloaded package was handed to its vendor (A8d).
#[utoipa::path(
    post, path = "/packages/{no}/hand-off", tag = "packages", params(("no" = PackageNo, Path, description = NO)),
    responses((status = 204, description = "Recorded.")),
    extensions(("x-problems" = json!([
        super::requests::WALK, "not_permitted", "not_receiver", "unknown_package", "not_downloaded", "handed_off_already", "separation_of_duties",
    ]))),
)]
pub(super) async fn hand_off(
    State(app): State<App>,
    Path(no): Path,
    who: SignedIn,
) -> Result<StatusCode, Problem> {
    let no = app.broker().package_named(&no).await?;
    app.broker().package_hand_off(who.caller(), &no).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take a package back: its key is destroyed.
#[utoipa::path(
    post, path = "/packages/{no}/recall", tag = "packages", params(("no" = PackageNo, Path, description = NO)),
    request_body = Because,
    responses((status = 204, description = "Recalled.")),
    extensions(("x-problems" = json!(["not_permitted", "reason_missing", "reason_too_long", "unknown_package", "recalled_already", "unknown_request"]))),
)]
pub(super) async fn recall(
    State(app): State<App>,
    Path(no): Path,
    who: SignedIn,
    Json(why): Json<Because>,
) -> Result<StatusCode, Problem> {
    let no = app.broker().package_named(&no).await?;
    app.broker().package_recall(who.caller(), &no, &why.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The vendor's attestation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "attested_on": "2027-03-31", "reference": "XH-2027-014" }))]
pub(super) struct Attestation {
    /// The day on it, as 2027-01-31.
    #[schema(format = Date)]
    attested_on: String,
    /// At most 80 characters.
    reference: String,
}

/// A package whole, with what happened to it.
#[utoipa::path(
    get, path = "/packages/{no}", tag = "packages", params(("no" = PackageNo, Path, description = NO)),
    responses((status = 200, description = "As it stands.", body = PackageShown)),
    extensions(("x-scope" = json!(Scope::PackagesRead)),
        ("x-problems" = json!([super::requests::WALK, "not_permitted", "unknown_package"]))),
)]
pub(super) async fn show(
    State(app): State<App>,
    Path(no): Path,
    who: Allowed<scopes::PackagesRead>,
) -> Result<Answer<PackageShown>, Problem> {
    let no = app.broker().package_named(&no).await?;
    Ok(Answer(app.broker().package_show(who.caller(), &no).await?))
}

/// Record the vendor's attestation that it destroyed what it was given (A9b).
#[utoipa::path(
    post, path = "/packages/{no}/destroyed", tag = "packages", params(("no" = PackageNo, Path, description = NO)),
    request_body = Attestation,
    responses((status = 204, description = "Recorded.")),
    extensions(("x-problems" = json!([
        super::requests::WALK, "not_permitted", "not_receiver", "unknown_package", "not_handed_off", "destroyed_already", "bad_attestation", "bad_value",
    ]))),
)]
pub(super) async fn destroyed(
    State(app): State<App>,
    Path(no): Path,
    who: SignedIn,
    Json(said): Json<Attestation>,
) -> Result<StatusCode, Problem> {
    let wrong = |_| Problem::bad_value("/attested_on", "a day like 2027-01-31");
    let day = parse_date(&said.attested_on).map_err(wrong)?;
    let no = app.broker().package_named(&no).await?;
    app.broker().package_destroyed(who.caller(), &no, day, &said.reference).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The file as it is read.
pub(crate) fn sent(file: Fetched) -> Response {
    let Fetched { name, bytes, sha256, body } = file;
    let kind = if name.ends_with(".json") { "application/json" } else { "application/octet-stream" };
    let headers = [
        (CONTENT_TYPE, kind.to_owned()),
        (CONTENT_LENGTH, bytes.to_string()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (HeaderName::from_static("x-content-sha256"), sha256.to_string()),
    ];
    (headers, streams::body(body)).into_response()
}
