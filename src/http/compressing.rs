//! Answers in gzip, for who accepts it: what is whole in memory, in one go, so that nobody who reads slowly holds a compressor.
//!
//! Pages are sent as they are: what a visitor typed stands there beside what only our pages can read, and the length of both
//! together would tell of the one by the other (BREACH, 2013). So is what has an ETag, which names one sequence of bytes
//! (RFC 9110 §8.8.3), and what comes as a stream: packages are encrypted, events are small.

use std::io::Write as _;

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

/// Shorter answers gain nothing, and longer ones are files.
const WORTH: std::ops::RangeInclusive<u64> = 1_024..=4 << 20;

/// What is text, and nobody's page.
const KINDS: [&str; 5] =
    ["application/json", "application/problem+json", "text/css", "text/javascript", "text/plain"];

pub(super) async fn compressed(request: Request, next: Next) -> Response {
    let accepted = accepts(request.headers());
    let mut response = next.run(request).await;
    if !is_text(response.headers()) {
        return response;
    }
    response.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
    let length = response.body().size_hint().exact();
    if !accepted || !length.is_some_and(|length| WORTH.contains(&length)) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(whole) = to_bytes(body, *WORTH.end() as usize).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let Ok(packed) = packed.write_all(&whole).and_then(|()| packed.finish()) else {
        return Response::from_parts(parts, Body::from(whole));
    };
    parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(packed.len()));
    Response::from_parts(parts, Body::from(packed))
}

fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    KINDS.contains(&kind) && !headers.contains_key(ETAG) && !headers.contains_key(CONTENT_ENCODING)
}

/// Whether gzip is among what is accepted, or anything is (RFC 9110 §12.5.3).
fn accepts(headers: &HeaderMap) -> bool {
    let said = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut found = None;
    for part in said.flat_map(|value| value.split(',')) {
        let mut parts = part.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|p| p.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse::<f32>().ok());
        let wanted = weight.is_some_and(|weight| weight > 0.0);
        match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => return wanted,
            "*" => found = Some(wanted),
            _ => {}
        }
    }
    found.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_accepted_is_read() {
        let accepted = |text: &'static str| {
            let headers = [(ACCEPT_ENCODING, HeaderValue::from_static(text))].into_iter().collect();
            accepts(&headers)
        };
        for yes in ["gzip", "br, GZIP;q=0.1", "*", "deflate, x-gzip"] {
            assert!(accepted(yes), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "*;q=1, gzip;q=0", "gzip;q=no", "identity"] {
            assert!(!accepted(no), "{no}");
        }
        assert!(!accepts(&HeaderMap::new()));
    }
}
