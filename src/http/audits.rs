//! The log: its newest checkpoint, proofs, exports.

use std::io::{PipeWriter, Write};

use axum::Json as Answer;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::App;
use super::bodies::{Json, Query};
use super::entering::SignedIn;
use super::pages::{Page, cursor};
use super::problem::Problem;
use super::streams::{self, Piped};
use crate::broker::Error;
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

/// Entries, newest first; the look is one of them.
pub(super) async fn events(
    State(app): State<App>,
    Query(page): Query<Page>,
    who: SignedIn,
) -> Result<Answer<Value>, Problem> {
    let wrong = |_| Problem::bad_value("/cursor", "take next_cursor of the page before, as it is");
    let before = page.behind()?.map(|seq| seq.parse::<u64>().map_err(wrong)).transpose()?;
    let (from, items) = app.broker().audit_events(who.caller(), before, page.limit()? as u64).await?;
    let next = (from > 0).then(|| cursor(&from.to_string()));
    Ok(Answer(json!({ "items": items, "next_cursor": next })))
}

pub(super) async fn export(
    State(app): State<App>,
    who: SignedIn,
    Json(what): Json<Export>,
) -> Result<Response, Problem> {
    let failed = |cause| Problem::from(Error::file("the export", cause));
    let (pipe, mut out) = std::io::pipe().map_err(failed)?;
    let (tell, written) = oneshot::channel();
    let (allow, allowed) = oneshot::channel();
    let (range, format, app_) = ((what.from, what.to), what.format, app.clone());
    // On a thread of its own: writing into the pipe waits for the client.
    let runtime = Handle::current();
    app.0.running.spawn_blocking(move || {
        let mut out = Telling { out: &mut out, tell: Some(allow) };
        let export = app_.broker().audit_export(Some(who.caller()), range, format, &mut out);
        let done = runtime.block_on(export);
        let _ = tell.send(done.is_ok());
        // Nothing was written yet: whoever waits for the first word gets this.
        if let (Some(tell), Err(error)) = (out.tell.take(), done) {
            let _ = tell.send(Err(error.into()));
        }
    });
    // No word at all: an export of nothing.
    allowed.await.unwrap_or(Ok(()))?;
    let kind = match what.format {
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
