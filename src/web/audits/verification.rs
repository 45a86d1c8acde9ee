//! The newest checkpoint to keep elsewhere, verification on demand, and exports.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_DISPOSITION;
use axum::response::Response;
use serde::Deserialize;

use super::tabs::{Tab, tabs};
use super::words::{self, Words};
use crate::broker::audits::ExportFormat;
use crate::http::{App, Problem, exported};
use crate::store::verify::Verified;
use crate::web::answer::html;
use crate::web::frame::{Frame, Place};
use crate::web::visitor::{Posted, Visitor};

#[derive(Template)]
#[template(path = "audits_verification.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    tabs: Vec<Tab>,
    size: u64,
    note: String,
    /// What this machine remembers outside the data folder.
    mark: Option<u64>,
    verified: Option<Verified>,
    /// The entry of the verification.
    own: Option<u64>,
}

pub(super) async fn show(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    page(&app, &who, None).await
}

/// How thoroughly.
#[derive(Deserialize)]
pub(super) struct How {
    #[serde(default)]
    deep: String,
}

pub(super) async fn verify(
    State(app): State<App>,
    Posted(who, how): Posted<How>,
) -> Result<Response, Problem> {
    let verified = app.broker().audit_verified(who.session.caller(), !how.deep.is_empty()).await?;
    page(&app, &who, Some(verified)).await
}

async fn page(app: &App, who: &Visitor, verified: Option<(u64, Verified)>) -> Result<Response, Problem> {
    let w = words::of(who.look.lang);
    let broker = app.broker();
    let (size, note) = broker.checkpoint().await?;
    let mark = broker.store().high_water_mark().map_err(crate::broker::Error::from)?.map(|mark| mark.size);
    let frame = Frame::new(app, who, Place::Audit, w.verification).await?;
    let (own, verified) = verified.unzip();
    Ok(html(&Page {
        tabs: tabs(&frame, w, "/audit/verification"),
        frame,
        w,
        size,
        note,
        mark,
        verified,
        own,
    }))
}

/// Which entries, and how.
#[derive(Deserialize)]
pub(super) struct Export {
    format: ExportFormat,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
}

pub(super) async fn export(
    State(app): State<App>,
    Posted(who, what): Posted<Export>,
) -> Result<Response, Problem> {
    let place = |text: &str| match text.trim() {
        "" => Ok(None),
        text => {
            text.parse::<u64>().map(Some).map_err(|_| Problem::bad_value("/from", "the number of an entry"))
        }
    };
    let range = (place(&what.from)?, place(&what.to)?);
    let mut response = exported(&app, who.session.into_caller(), range, what.format).await?;
    let ending = if what.format == ExportFormat::Csv { "csv" } else { "jsonl" };
    let name = format!("attachment; filename=\"countersign-log.{ending}\"");
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(CONTENT_DISPOSITION, name);
    }
    Ok(response)
}
