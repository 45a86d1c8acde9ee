//! Pages and the way to another page, as answers.

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::http::Problem;

/// Own styles, own scripts, own addresses; nothing inline, nothing from elsewhere, in nobody's frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A page as an answer.
pub(super) fn html(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => {
            let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)];
            (headers, text).into_response()
        }
        Err(cause) => {
            tracing::error!(%cause, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A page that says what was not done: with the refusal's status.
pub(super) fn html_as(status: StatusCode, page: &impl Template) -> Response {
    let mut response = html(page);
    if response.status().is_success() {
        *response.status_mut() = status;
    }
    response
}

/// A page, with the status of what it says was not done; where all went well, of any page.
pub(super) fn html_about(problem: Option<&Problem>, page: &impl Template) -> Response {
    html_as(problem.map_or(StatusCode::OK, Problem::status), page)
}

/// On to another page.
pub(super) fn to(path: impl AsRef<str>) -> Response {
    (StatusCode::SEE_OTHER, [("location", path.as_ref())]).into_response()
}

/// A path as the value of a query's parameter.
pub(super) fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
