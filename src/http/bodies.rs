//! What comes in: JSON read strictly, with the place of what is wrong; text of a file as it is; queries and paths.

use axum::body::{Body, Bytes};
use axum::extract::{self, FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// Bytes of a body that is no upload.
pub(super) const LARGEST: usize = 1 << 20;

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
            Problem::new(status, "bad_body", place).at(pointer(e.path()))
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

/// What stands behind the question mark. As in a body, no answer repeats it.
pub(super) struct Query<T>(pub(super) T);

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
pub(super) struct Path(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Path {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = extract::Path::from_request_parts(parts, state).await;
        let wrong = |_| Problem::new(StatusCode::NOT_FOUND, "no_route", "there is nothing at this path");
        path.map(|extract::Path(text)| Path(text)).map_err(wrong)
    }
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

async fn read(body: Body) -> Result<Bytes, Problem> {
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
