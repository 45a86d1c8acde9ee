//! Files of members: imported as they come, followed, told to stop, and what of them was refused.

use axum::Json as Answer;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::bodies::{Path, Query};
use super::entering::Allowed;
use super::following::{ENDED, events};
use super::members::{CSV, XLSX, file};
use super::pages::{Listed, Page, cursor};
use super::problem::{Problem, no_route};
use super::scopes;
use crate::broker::imports::following::ImportShown;
use crate::broker::imports::{ImportOptions, ImportReport};
use crate::model::scope::Scope;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list, import))
        .routes(routes!(show))
        .routes(routes!(follow))
        .routes(routes!(errors))
        .routes(routes!(cancel))
}

/// An import's number in a path.
const NO: &str = "An import's number.";

/// How a file is read.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Import {
    /// Only say what would happen.
    #[serde(default)]
    #[param(example = true)]
    dry_run: bool,
}

/// Members from a file as it comes in: never on a disk, a text never whole in memory.
///
/// CSV in UTF-8, UTF-16 or GB18030, with comma, tab or semicolon, or the first sheet of a workbook; which of the two it is
/// its first bytes say. Columns are named in Chinese or English. While it runs it is found in the list, and can be followed.
#[utoipa::path(
    post, path = "/imports", tag = "members", params(Import),
    request_body(description = "The file. The example of a workbook is its bytes in Base64.", content(
        (String = "text/csv", example = json!(include_str!("imports/members.csv"))),
        (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            example = json!(include_str!("imports/members.xlsx.base64"))),
    )),
    responses((status = 200, description = "What was done, or would be.", body = ImportReport, examples(
        ("imported" = (summary = "Imported.", value = json!({
            "no": 812, "read": 2, "created": 2, "updated": 0, "unchanged": 0, "rejected": 0, "kept": 0, "suppressed": 0,
            "flagged": 0, "warnings": [], "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        }))),
        ("checked" = (summary = "With `dry_run=true`: nothing is stored.", value = json!({
            "no": 811, "read": 2, "created": 2, "updated": 0, "unchanged": 0, "rejected": 0, "kept": 0, "suppressed": 0,
            "flagged": null, "warnings": [], "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        }))),
    ))),
    extensions(("x-scope" = json!(Scope::MembersImport)), ("x-problems" = json!([
        "not_permitted", "import_cancelled", "unusable_file", "file_unreadable", "file_empty", "file_not_csv", "file_no_header",
        "file_missing_column", "file_duplicate_column", "file_broken_header", "file_broken_sheet", "file_too_large",
        "file_too_large_unpacked",
    ]))),
)]
pub(super) async fn import(
    State(app): State<App>,
    who: Allowed<scopes::MembersImport>,
    Query(how): Query<Import>,
    request: Request,
) -> Result<Answer<ImportReport>, Problem> {
    let input = file(request, &[CSV, XLSX])?;
    let options = ImportOptions { dry_run: how.dry_run, errors: None, progress: &|_| {} };
    Ok(Answer(app.broker().member_import(who.caller(), input, options).await?))
}

/// Imports of the last thirty days, newest first: one's own; everybody's for who may import for everybody or read the log.
#[utoipa::path(
    get, path = "/imports", tag = "imports", params(Page),
    responses((status = 200, description = "A page.", body = Listed<ImportShown>)),
    extensions(("x-scope" = json!(Scope::MembersImport)), ("x-problems" = json!(["not_permitted", "bad_value"]))),
)]
pub(super) async fn list(
    State(app): State<App>,
    Query(page): Query<Page>,
    who: Allowed<scopes::MembersImport>,
) -> Result<Answer<Listed<ImportShown>>, Problem> {
    let limit = page.limit()?;
    let wrong = |_| Problem::bad_value("/cursor", "take next_cursor of the page before, as it is");
    let before = page.behind()?.map(|key| key.parse::<u64>()).transpose().map_err(wrong)?;
    let before = before.unwrap_or(u64::MAX);
    let mut items = app.broker().import_list(who.caller(), before, limit + 1).await?;
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().filter(|_| more);
    Ok(Answer(Listed { next_cursor: last.map(|item| cursor(&item.no.to_string())), items }))
}

/// How an import stands.
#[utoipa::path(
    get, path = "/imports/{no}", tag = "imports", params(("no" = u64, Path, description = NO)),
    responses((status = 200, description = "As it stands.", body = ImportShown)),
    extensions(("x-scope" = json!(Scope::MembersImport)), ("x-problems" = json!(["not_permitted", "unknown_import"]))),
)]
pub(super) async fn show(
    State(app): State<App>,
    Path(no): Path,
    who: Allowed<scopes::MembersImport>,
) -> Result<Answer<ImportShown>, Problem> {
    Ok(Answer(app.broker().import_show(who.caller(), number(&no)?).await?))
}

/// Follow an import: how it stands now, and each time that changes, until it ends.
///
/// Events are named `progress`, the last `ended`; their data is what `GET /imports/{no}` answers. A comment comes when
/// nothing changes. A stream ends after five minutes: come again, and the first event says how it stands then. Who comes
/// again with `Last-Event-ID: ended` gets 204, and there is no more to come.
#[utoipa::path(
    get, path = "/imports/{no}/events", tag = "imports",
    params(("no" = u64, Path, description = NO), ("Last-Event-ID" = Option<String>, Header, description = "The last event that came.")),
    responses(
        (status = 200, description = "Events.", content((String = "text/event-stream", example = json!(include_str!("imports/events.txt"))))),
        (status = 204, description = "It ended, and that was told."),
    ),
    extensions(("x-scope" = json!(Scope::MembersImport)), ("x-problems" = json!(["not_permitted", "unknown_import"]))),
)]
pub(super) async fn follow(
    State(app): State<App>,
    Path(no): Path,
    who: Allowed<scopes::MembersImport>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let now = app.broker().import_show(who.caller(), number(&no)?).await?;
    if now.is_over() && headers.get("last-event-id").is_some_and(|id| id == ENDED) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let who = who.into_caller();
    events(app, who, now)
}

/// Which rows an import refused, and why: line, column, code and rule, and no value.
///
/// CSV in UTF-8 with a byte order mark, in both languages. The first ten thousand errors; when there are more, the last row
/// says how many.
#[utoipa::path(
    get, path = "/imports/{no}/errors", tag = "imports", params(("no" = u64, Path, description = NO)),
    responses((status = 200, description = "The errors file.",
        content((String = "text/csv", example = json!(include_str!("imports/errors.csv")))),
        headers(("Content-Disposition" = String, description = "Its name.")))),
    extensions(("x-scope" = json!(Scope::MembersImport)), ("x-problems" = json!(["not_permitted", "unknown_import"]))),
)]
pub(super) async fn errors(
    State(app): State<App>,
    Path(no): Path,
    who: Allowed<scopes::MembersImport>,
) -> Result<Response, Problem> {
    let no = number(&no)?;
    let file = app.broker().import_errors(who.caller(), no).await?;
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"import-{no}-errors.csv\"")),
    ];
    Ok((headers, file).into_response())
}

/// Have an import stop before its next batch of rows.
///
/// What was stored stays; the same file imported again brings the rest. Whoever sent the file is answered `import_cancelled`.
#[utoipa::path(
    post, path = "/imports/{no}/cancel", tag = "imports", params(("no" = u64, Path, description = NO)),
    responses((status = 200, description = "It will stop.", body = ImportShown)),
    extensions(("x-scope" = json!(Scope::MembersImport)), ("x-problems" = json!(["not_permitted", "unknown_import", "import_ended"]))),
)]
pub(super) async fn cancel(
    State(app): State<App>,
    Path(no): Path,
    who: Allowed<scopes::MembersImport>,
) -> Result<Answer<ImportShown>, Problem> {
    Ok(Answer(app.broker().import_cancel(who.caller(), number(&no)?).await?))
}

fn number(text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| no_route())
}
