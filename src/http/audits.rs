//! The log: its newest checkpoint, proofs, exports.

use axum::Json as Answer;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::App;
use super::bodies::Json;
use super::entering::SignedIn;
use super::problem::Problem;
use crate::broker::audits::ExportFormat;

/// An entry's place, and the size of the log it is proved in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Inclusion {
    seq: u64,
    size: u64,
}

/// Two sizes of the log.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Consistency {
    from: u64,
    to: u64,
}

/// Which entries, and how.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Export {
    format: ExportFormat,
    #[serde(default)]
    from: Option<u64>,
    #[serde(default)]
    to: Option<u64>,
}

pub(super) async fn checkpoint(State(app): State<App>, _: SignedIn) -> Result<Response, Problem> {
    let (_, note) = app.broker().checkpoint().await?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], note).into_response())
}

pub(super) async fn inclusion(
    State(app): State<App>,
    _: SignedIn,
    Query(of): Query<Inclusion>,
) -> Result<Answer<Value>, Problem> {
    Ok(Answer(json!(app.broker().inclusion(of.seq, of.size).await?)))
}

pub(super) async fn consistency(
    State(app): State<App>,
    _: SignedIn,
    Query(of): Query<Consistency>,
) -> Result<Answer<Value>, Problem> {
    Ok(Answer(json!(app.broker().consistency(of.from, of.to).await?)))
}

pub(super) async fn export(
    State(app): State<App>,
    who: SignedIn,
    Json(what): Json<Export>,
) -> Result<Response, Problem> {
    let mut out = Vec::new();
    app.broker().audit_export(Some(who.caller()), (what.from, what.to), what.format, &mut out).await?;
    let kind = match what.format {
        ExportFormat::Csv => "text/csv; charset=utf-8",
        ExportFormat::Jsonl | ExportFormat::Ocsf => "application/jsonl",
    };
    Ok(([(CONTENT_TYPE, kind)], out).into_response())
}
