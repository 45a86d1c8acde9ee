//! What comes in: JSON read strictly, with the place of what is wrong; text of a file as it is; queries and paths.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::{self, FromRequest, FromRequestParts, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::problem::{Problem, no_route};
use crate::broker::editions::Seen;
use crate::broker::people::Password;

/// Bytes of a body that is no upload.
pub(crate) const LARGEST: usize = 1 << 20;

/// A JSON body. No answer repeats what stood in it: it may be a mobile by a slip of keys.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !content_type(&request).is_some_and(|t| t == "application/json" || t.ends_with("+json")) {
            return Err(unsupported("application/json"));
        }
        let bytes = read(request.into_body()).await?;
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut json).map_err(|e| {
            let inner = e.inner();
            // An enum of nothing is called bad syntax, too.
            let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok();
            let (status, detail) = if inner.is_data() || is_json {
                let detail = "a value is missing, unknown, or not of its kind";
                (StatusCode::UNPROCESSABLE_ENTITY, detail)
            } else {
                (StatusCode::BAD_REQUEST, "this is not JSON")
            };
            let place = format!("{detail} (line {}, column {})", inner.line(), inner.column());
            Problem::new(status, "bad_body", place).at(pointer(e.path())).on_line(inner.line())
        })?;
        json.end().map_err(|_| {
            Problem::new(StatusCode::BAD_REQUEST, "bad_body", "something follows the JSON value")
        })?;
        Ok(Json(value))
    }
}

/// A text body: a form in TOML or JSON, an organisation, a vendor.
pub(super) struct Text(pub(super) String);

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let known = ["application/toml", "application/json", "text/plain"];
        if !content_type(&request).is_some_and(|t| known.contains(&t.as_str())) {
            return Err(unsupported("application/toml or application/json"));
        }
        let bytes = read(request.into_body()).await?;
        let text = String::from_utf8(bytes.into());
        let wrong = |_| Problem::new(StatusCode::BAD_REQUEST, "bad_body", "the body is not UTF-8");
        text.map(Text).map_err(wrong)
    }
}

/// A password as the broker takes it.
pub(super) fn password(text: &Zeroizing<String>) -> Password {
    Password::new(text.as_bytes().to_vec())
}

/// What stands behind the question mark. As in a body, no answer repeats it.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = extract::Query::try_from_uri(&parts.uri).map_err(|_| {
            let detail = "a parameter of the query is missing, unknown, or not of its kind";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_query", detail)
        })?;
        Ok(Query(query.0))
    }
}

/// What stands in the path's one place.
pub(crate) struct Path(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Path {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = extract::Path::from_request_parts(parts, state).await;
        path.map(|extract::Path(text)| Path(text)).map_err(|_| no_route())
    }
}

/// `If-Match`: which editions of a request were read (RFC 9110, section 13.1.1). One that is none of ours, or a weak one,
/// matches nothing.
pub(super) struct Read(pub(super) Seen);

impl<S: Send + Sync> FromRequestParts<S> for Read {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let said: Vec<&HeaderValue> = parts.headers.get_all(IF_MATCH).iter().collect();
        let tags =
            || said.iter().flat_map(|value| value.as_bytes().split(|b| *b == b',')).map(<[u8]>::trim_ascii);
        if said.is_empty() || tags().any(|tag| tag == b"*") {
            return Ok(Read(Seen::default()));
        }
        let edition = |tag: &[u8]| {
            let tag = tag.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
            std::str::from_utf8(tag).ok()?.parse().ok()
        };
        Ok(Read(Seen::one_of(tags().filter_map(edition).collect())))
    }
}

/// Why, beside a body that is a file: `X-Reason`, UTF-8 as it is or percent-encoded. Not in the query, for people
/// write names into reasons and what stands in a URL stands in logs.
pub(super) struct Reason(pub(super) Zeroizing<String>);

impl<S: Send + Sync> FromRequestParts<S> for Reason {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let given = parts.headers.get("x-reason").map_or(&[][..], |value| value.as_bytes());
        let reason = percent_decoded(given).and_then(|bytes| String::from_utf8(bytes).ok());
        let wrong = || Problem::new(StatusCode::BAD_REQUEST, "bad_body", "X-Reason is not UTF-8");
        reason.map(|text| Reason(Zeroizing::new(text))).ok_or_else(wrong)
    }
}

/// `%E4` and the like as the byte it stands for.
fn percent_decoded(text: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            out.push(*first);
            continue;
        }
        let (digits, tail) = tail.split_at_checked(2)?;
        out.extend(hex::decode(digits).ok()?);
        rest = tail;
    }
    Some(out)
}

/// The media type without its parameters, in lower case.
pub(super) fn content_type(request: &Request) -> Option<String> {
    let value = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}

pub(super) fn unsupported(wanted: &str) -> Problem {
    let detail = format!("the body must be {wanted}");
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
}

/// A packed body is not unpacked: what it unpacks to would have no bound.
pub(super) fn unsupported_coding(headers: &HeaderMap) -> Option<Problem> {
    let plain = |value: &axum::http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().all(plain) {
        return None;
    }
    let detail = "the body must come as it is, without a content encoding";
    Some(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail))
}

pub(super) async fn read(body: Body) -> Result<Bytes, Problem> {
    axum::body::to_bytes(body, LARGEST).await.map_err(|_| {
        let detail = format!("a body here has at most {LARGEST} bytes, and all of them must come");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    })
}

/// A path as RFC 6901 writes it.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter().fold(String::new(), |mut out, segment| {
        match segment {
            Segment::Seq { index } => out.push_str(&format!("/{index}")),
            Segment::Map { key } => {
                out.push('/');
                out.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
        out
    })
}
