//! The log: its newest checkpoint, proofs, exports.

use std::io::{PipeWriter, Write};

use axum::Json as Answer;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::bodies::{Json, Query};
use super::entering::Allowed;
use super::pages::{Listed, Page, cursor};
use super::problem::Problem;
use super::scopes;
use super::streams::{self, Piped};
use crate::audit::event::Action;
use crate::audit::proof::{ConsistencyProof, InclusionProof};
use crate::broker::attesting::Exceptions;
use crate::broker::audits::ExportFormat;
use crate::broker::exploring::Wanted;
use crate::broker::{Caller, Error};
use crate::model::ids::RequestNo;
use crate::model::iso::parse_date;
use crate::model::scope::Scope;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(checkpoint))
        .routes(routes!(inclusion))
        .routes(routes!(consistency))
        .routes(routes!(events))
        .routes(routes!(exceptions))
        .routes(routes!(export))
}

/// An entry's place, and the size of the log it is proved in.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Inclusion {
    /// The entry, from 0.
    seq: u64,
    /// Entries of the log it is proved in.
    size: u64,
}

/// Which entries; all of them when nothing is said.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filtered {
    /// Items of a page; left out: 50.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next_cursor` of the page before, as it is.
    #[serde(default)]
    cursor: Option<String>,
    /// Actions that begin so: `member.`, or one whole.
    #[serde(default)]
    action: String,
    /// A login, or `operator` or `anonymous`.
    #[serde(default)]
    actor: String,
    /// What the object begins with, in any case.
    #[serde(default)]
    object: String,
    /// Only what was refused.
    #[serde(default)]
    refused: bool,
    /// From this day of the vault's zone, `YYYY-MM-DD`.
    #[serde(default)]
    from: Option<String>,
    /// To this day, with it.
    #[serde(default)]
    to: Option<String>,
}

impl Filtered {
    fn wanted(self, before: Option<u64>) -> Result<Wanted, Problem> {
        let day = |text: Option<String>, at: &str| {
            text.map(|text| parse_date(&text)).transpose().map_err(|wrong| Problem::bad_value(at, wrong))
        };
        let (from, to) = (day(self.from, "/from")?, day(self.to, "/to")?);
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            return Err(Problem::bad_value("/to", "it is before `from`"));
        }
        if !Action::ALL.iter().any(|action| action.code().starts_with(&self.action)) {
            return Err(Problem::bad_value("/action", "no action begins so"));
        }
        let Filtered { action, actor, object, refused, .. } = self;
        Ok(Wanted { action, actor, object, refused, from, to, before, hourly: false, only_page: true })
    }
}

/// Two sizes of the log.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Consistency {
    /// Entries of the older log.
    from: u64,
    /// Entries of the newer one.
    to: u64,
}

/// Which entries, and how.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LogExport, example = json!({ "format": "jsonl", "from": 0, "to": 100 }))]
pub(super) struct Export {
    format: ExportFormat,
    /// The first entry; left out: the log's first.
    #[serde(default)]
    from: Option<u64>,
    /// The first that is not wanted any more; left out: none.
    #[serde(default)]
    to: Option<u64>,
}

/// The newest checkpoint: a signed note (C2SP tlog-checkpoint).
#[utoipa::path(
    get, path = "/audit/checkpoint", tag = "audit",
    responses((status = 200, description = "Its text.", body = String, content_type = "text/plain")),
    extensions(("x-scope" = json!(Scope::AuditRead))),
)]
pub(super) async fn checkpoint(
    State(app): State<App>,
    _: Allowed<scopes::AuditRead>,
) -> Result<Response, Problem> {
    let (_, note) = app.broker().checkpoint().await?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], note).into_response())
}

/// That an entry stands in the log of a size (RFC 6962).
#[utoipa::path(
    get, path = "/audit/proofs/inclusion", tag = "audit", params(Inclusion),
    responses((status = 200, description = "The proof.", body = InclusionProof)),
    extensions(("x-scope" = json!(Scope::AuditRead)),
        ("x-problems" = json!(["bad_range"]))),
)]
pub(super) async fn inclusion(
    State(app): State<App>,
    _: Allowed<scopes::AuditRead>,
    Query(of): Query<Inclusion>,
) -> Result<Answer<InclusionProof>, Problem> {
    Ok(Answer(app.broker().inclusion(of.seq, of.size).await?))
}

/// What an auditor has to ask about.
#[derive(Serialize, ToSchema)]
pub(super) struct ExceptionsPage {
    #[serde(flatten)]
    found: Exceptions,
    /// Where the next page of packages begins; null on the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// That the newer log begins with the older one (RFC 6962).
#[utoipa::path(
    get, path = "/audit/proofs/consistency", tag = "audit", params(Consistency),
    responses((status = 200, description = "The proof.", body = ConsistencyProof)),
    extensions(("x-scope" = json!(Scope::AuditRead)),
        ("x-problems" = json!(["bad_range"]))),
)]
pub(super) async fn consistency(
    State(app): State<App>,
    _: Allowed<scopes::AuditRead>,
    Query(of): Query<Consistency>,
) -> Result<Answer<ConsistencyProof>, Problem> {
    Ok(Answer(app.broker().consistency(of.from, of.to).await?))
}

/// What an auditor has to ask about, at this moment; packages a page at a time, those of the newest requests first. A page
/// counts requests, and has all of the packages of each.
#[utoipa::path(
    get, path = "/audit/exceptions", tag = "audit", params(Page),
    responses((status = 200, description = "A page.", body = ExceptionsPage)),
    extensions(("x-scope" = json!(Scope::AuditRead)),
        ("x-problems" = json!(["not_permitted", "bad_value"]))),
)]
pub(super) async fn exceptions(
    State(app): State<App>,
    Query(page): Query<Page>,
    who: Allowed<scopes::AuditRead>,
) -> Result<Answer<ExceptionsPage>, Problem> {
    let stretch = page.stretch(|text| RequestNo::parse(text).ok())?;
    let found = app.broker().audit_exceptions(who.caller(), &stretch).await?;
    let next_cursor = found.next.as_ref().map(|no| cursor(&no.to_string()));
    Ok(Answer(ExceptionsPage { found, next_cursor }))
}

/// Entries, newest first; the look is one of them. Of those that are asked for a page may be short, or empty, and have
/// more behind it: 20,000 entries are read for one at most.
#[utoipa::path(
    get, path = "/audit/events", tag = "audit", params(Filtered),
    responses((status = 200, description = "A page of leaves.", body = Listed<Value>)),
    extensions(("x-scope" = json!(Scope::AuditRead)),
        ("x-problems" = json!(["not_permitted", "bad_value"]))),
)]
pub(super) async fn events(
    State(app): State<App>,
    Query(filtered): Query<Filtered>,
    who: Allowed<scopes::AuditRead>,
) -> Result<Answer<Listed<Value>>, Problem> {
    let wrong = |_| Problem::bad_value("/cursor", "take next_cursor of the page before, as it is");
    let page = Page::new(filtered.limit, filtered.cursor.clone());
    let before = page.behind()?.map(|seq| seq.parse::<u64>().map_err(wrong)).transpose()?;
    let (wanted, limit) = (filtered.wanted(before)?, page.limit()?);
    let (next, items) = app.broker().audit_events(who.caller(), &wanted, limit).await?;
    Ok(Answer(Listed { items, next_cursor: next.map(|seq| cursor(&seq.to_string())) }))
}

/// Entries as a file. The export is an entry itself.
#[utoipa::path(
    post, path = "/audit/export", tag = "audit", request_body = Export,
    responses((status = 200, description = "The file.",
        content((String = "application/jsonl"), (String = "text/csv")))),
    extensions(("x-scope" = json!(Scope::AuditRead)),
        ("x-problems" = json!(["not_permitted", "bad_range"]))),
)]
pub(super) async fn export(
    State(app): State<App>,
    who: Allowed<scopes::AuditRead>,
    Json(what): Json<Export>,
) -> Result<Response, Problem> {
    exported(&app, who.into_caller(), (what.from, what.to), what.format).await
}

/// An export as an answer that is written while it is read.
pub(crate) async fn exported(
    app: &App,
    caller: Caller,
    range: (Option<u64>, Option<u64>),
    format: ExportFormat,
) -> Result<Response, Problem> {
    let failed = |cause| Problem::from(Error::file("the export", cause));
    let (pipe, mut out) = std::io::pipe().map_err(failed)?;
    let (tell, written) = oneshot::channel();
    let (allow, allowed) = oneshot::channel();
    let app_ = app.clone();
    // On a thread of its own: writing into the pipe waits for the client.
    let runtime = Handle::current();
    app.0.running.spawn_blocking(move || {
        let mut out = Telling { out: &mut out, tell: Some(allow) };
        let export = app_.broker().audit_export(Some(&caller), range, format, &mut out);
        let done = runtime.block_on(export);
        let _ = tell.send(done.is_ok());
        // Nothing was written yet: whoever waits for the first word gets this.
        if let (Some(tell), Err(error)) = (out.tell.take(), done) {
            let _ = tell.send(Err(error.into()));
        }
    });
    // No word at all: an export of nothing.
    allowed.await.unwrap_or(Ok(()))?;
    let kind = match format {
        ExportFormat::Csv => "text/csv; charset=utf-8",
        ExportFormat::Jsonl | ExportFormat::Ocsf => "application/jsonl",
    };
    Ok(([(CONTENT_TYPE, kind)], streams::body(Piped { pipe, written })).into_response())
}

/// Says when the first byte is written: from there on it is allowed.
struct Telling<'a> {
    out: &'a mut PipeWriter,
    tell: Option<oneshot::Sender<Result<(), Problem>>>,
}

impl Write for Telling<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Some(tell) = self.tell.take() {
            let _ = tell.send(Ok(()));
        }
        self.out.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
