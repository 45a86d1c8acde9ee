//! Figures for those who watch the server, in Prometheus' text: how many exchanges of which route with which answer took
//! how long, and how entries are written. No login, no value, no path: a route is its pattern.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::IntoResponse;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::App;
use super::problem::Problem;

/// Upper bounds of durations, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 300.0];
/// Upper bounds of how many entries were written together.
const TOGETHER: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
/// How often what was recorded is summed up when nobody asks, so that it does not pile up.
const SUMMED: Duration = Duration::from_secs(5);

/// One recorder a process: the library has it so.
static FIGURES: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Starts recording.
pub(super) fn start() {
    let figures = FIGURES.get_or_init(|| {
        let seconds = metrics_exporter_prometheus::Matcher::Suffix("_seconds".into());
        let together = metrics_exporter_prometheus::Matcher::Suffix("_together".into());
        let builder = PrometheusBuilder::new().set_buckets_for_metric(seconds, &SECONDS);
        let builder = builder.and_then(|b| b.set_buckets_for_metric(together, &TOGETHER)).ok()?;
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).ok()?;
        Some(handle)
    });
    if let Some(figures) = figures.clone() {
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SUMMED).await;
                figures.run_upkeep();
            }
        });
    }
}

/// Counts an exchange.
pub(super) fn exchange(method: &Method, route: &str, status: u16, took: Duration) {
    // Whoever calls may invent methods; figures are kept for each.
    let method = match method.as_str() {
        "GET" | "POST" | "PUT" | "DELETE" | "HEAD" | "PATCH" => method.as_str().to_owned(),
        _ => "other".to_owned(),
    };
    let labels = [("method", method), ("route", route.to_owned()), ("status", status.to_string())];
    metrics::counter!("countersign_http_exchanges_total", &labels).increment(1);
    metrics::histogram!("countersign_http_exchange_seconds", &labels[..2]).record(took.as_secs_f64());
}

/// Somebody on this machine, who did not come through a proxy on it: a proxy names whom it speaks for.
pub(super) struct Here;

impl<S: Send + Sync> FromRequestParts<S> for Here {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        const SPOKEN_FOR: [HeaderName; 2] =
            [HeaderName::from_static("x-forwarded-for"), HeaderName::from_static("forwarded")];
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        let is_forwarded = SPOKEN_FOR.iter().any(|name| parts.headers.contains_key(name));
        match peer.is_some_and(|ip| ip.is_loopback()) && !is_forwarded {
            true => Ok(Here),
            // To anybody else there is nothing here.
            false => Err(Problem::new(StatusCode::NOT_FOUND, "no_route", "there is nothing at this path")),
        }
    }
}

/// All figures as text, to this machine only.
#[utoipa::path(
    get, path = "/metrics", tag = "serving", security(()),
    responses((status = 200, description = "Prometheus' text.", body = String, content_type = "text/plain")),
    extensions(("x-problems" = json!(["no_route"]))),
)]
pub(super) async fn show(State(app): State<App>, _: Here) -> Result<impl IntoResponse, Problem> {
    let size = app.broker().store().view().await?.log_size().await?;
    metrics::gauge!("countersign_log_entries").set(size as f64);
    let text = FIGURES.get().and_then(Option::as_ref).map(PrometheusHandle::render).unwrap_or_default();
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}
