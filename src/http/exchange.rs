//! Around every exchange: its number, the headers every answer has, the time it may take, one line in our log.

use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};

use super::bodies::unsupported_coding;
use super::compressing::compressed;
use super::languages::chosen;
use super::listening::Secure;
use super::problem::{Problem, Unsent};
use super::{App, figures, paced};
use crate::clock::random;

/// Name of the header with an exchange's number.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What every answer says to a browser: keep nothing, guess nothing, load nothing, frame nothing.
const HEADERS: [(HeaderName, &str); 6] = [
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// An exchange that makes, reads or sends a whole file takes as long as it takes; for any other a client waits so long.
const LONGEST: Duration = Duration::from_secs(60);
const UNBOUNDED: [&str; 9] = [
    "/api/v1/imports",
    "/api/v1/suppression",
    "/imports",
    "/imports/suppression",
    "/packages/{no}/download",
    "/audit/export",
    "/api/v1/requests/{no}/execute",
    "/api/v1/packages/{no}/download",
    "/api/v1/audit/export",
];

/// For two years a browser that was here over TLS comes in no other way.
const ALWAYS_TLS: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// Inside the router, so that the matched path is known; the path itself is never logged.
pub(super) fn around(routes: Router, app: App) -> Router {
    let whole = {
        let app = app.clone();
        move |request: Request, next: Next| {
            let app = app.clone();
            async move { to_its_end(request, next, &app).await }
        }
    };
    let numbered = move |request: Request, next: Next| {
        let app = app.clone();
        async move { numbered(request, next, &app).await }
    };
    routes
        .layer(middleware::from_fn(whole))
        .layer(middleware::from_fn(numbered))
        .layer(middleware::from_fn(compressed))
}

/// Runs what was asked for as a task of its own: a client that goes away, or waits no longer, cuts no verb in half, and
/// who stops the server waits for it.
async fn to_its_end(request: Request, next: Next, app: &App) -> Response {
    if let Some(problem) = unsupported_coding(request.headers()) {
        return problem.into_response();
    }
    let request = request.map(paced::body);
    let path = matched(&request);
    let answer = app.0.running.spawn(next.run(request));
    let answer = match UNBOUNDED.contains(&path.as_str()) {
        true => Ok(answer.await),
        false => tokio::time::timeout(LONGEST, answer).await,
    };
    match answer {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            let detail = "this failed inside the vault";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", detail).into_response()
        }
        Err(_) => {
            let detail = "this takes too long to wait for; look whether it was done before repeating it";
            Problem::new(StatusCode::GATEWAY_TIMEOUT, "too_slow", detail).into_response()
        }
    }
}

async fn numbered(request: Request, next: Next, app: &App) -> Response {
    let id = random::<8>().map(hex::encode).unwrap_or_default();
    let (method, path, began) = (request.method().clone(), matched(&request), app.broker().clock().now());
    let lang = chosen(request.headers());
    let is_secure = request.extensions().get::<Secure>().is_some();
    let mut response = next.run(request).await;
    if let Some(Unsent(problem)) = response.extensions_mut().remove::<Unsent>() {
        let bare = std::mem::replace(&mut response, problem.sent(&id, lang));
        for (name, value) in bare.headers() {
            response.headers_mut().entry(name).or_insert_with(|| value.clone());
        }
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    if is_secure {
        headers.insert(STRICT_TRANSPORT_SECURITY, ALWAYS_TLS);
    }
    let took = u64::try_from(app.broker().clock().now() - began).unwrap_or(0);
    figures::exchange(&method, &path, response.status().as_u16(), Duration::from_micros(took));
    tracing::info!(request_id = id, %method, path, status = response.status().as_u16(), "answered");
    response
}

/// The route's pattern: a path itself can be anything, so it is not written down.
fn matched(request: &Request) -> String {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str());
    path.unwrap_or("no route").to_owned()
}
