//! `Idempotency-Key`: a client that had no answer asks again, and is told what it would have been told.
//!
//! ```text
//! key ─► who asks ─► begun? ──no──► the handler ─► done: kept, sealed, for a day ─► answer
//!                      │                        └► refused: nothing is kept, the key is free
//!                      ├─ done, the same asked ─► the same status, place and body
//!                      ├─ done, something else asked ─► 422
//!                      └─ being done ─► 409, ask again; whoever did it is gone ─► 409, look whether it was done
//! ```
//!
//! No body is kept, only a keyed digest. Routes whose answer is a secret (codes, tokens, recovery codes), a file or only
//! read do not look at the header. Of the route that answers with a member it is kept that he was added; who repeats it is
//! shown him as he is now, which is a look with an entry of its own.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts as _, MatchedPath, Request};
use axum::http::header::{CONTENT_TYPE, IF_MATCH, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::TryStreamExt as _;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::bodies::{LARGEST, read};
use super::entering::Calling;
use super::problem::Problem;
use super::{App, members};
use crate::broker::Caller;
use crate::broker::repeats::{Asked, Once};
use crate::keyring::aead::bind;
use crate::model::ids::Digest;

/// The header.
pub(super) const KEY: &str = "idempotency-key";
/// Said beside an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// What an operation that takes the header can answer besides its own.
pub(super) const PROBLEMS: &[&str] = &[
    "bad_idempotency_key",
    "idempotency_key_reused",
    "idempotency_in_progress",
    "outcome_unknown",
    "too_large",
];

/// Routes that look at the header: they change something, and their answer is no secret.
const ROUTES: &[&str] = &[
    ADDED,
    "/api/v1/members/correct",
    "/api/v1/members/erase",
    "/api/v1/consents",
    "/api/v1/imports",
    "/api/v1/imports/{no}/cancel",
    "/api/v1/suppression",
    "/api/v1/requests",
    "/api/v1/requests/{no}/submit",
    "/api/v1/requests/{no}/sign",
    "/api/v1/requests/{no}/return",
    "/api/v1/requests/{no}/reject",
    "/api/v1/requests/{no}/recall",
    "/api/v1/requests/{no}/transfer",
    "/api/v1/requests/{no}/cc",
    "/api/v1/requests/{no}/remind",
    "/api/v1/requests/{no}/repeat",
    "/api/v1/requests/{no}/execute",
    "/api/v1/packages/{no}/recall",
    "/api/v1/packages/{no}/hand-off",
    "/api/v1/packages/{no}/destroyed",
    "/api/v1/vendors",
    "/api/v1/vendors/{code}/suspend",
    "/api/v1/vendors/{code}/resume",
    "/api/v1/vendors/{code}/key",
    "/api/v1/policies/proposals",
    "/api/v1/policies/{id}/second",
    "/api/v1/policies/{id}/withdraw",
    "/api/v1/documents",
    "/api/v1/people/{login}/suspend",
    "/api/v1/people/{login}/resume",
    "/api/v1/alarms/{seq}/acknowledge",
    "/api/v1/undertaking",
];
/// The one that answers with a member.
const ADDED: &str = "/api/v1/members";
/// Those whose body is a file, read as it comes.
const FILES: &[&str] = &["/api/v1/imports", "/api/v1/suppression"];

/// How often it is said that something is still being done: three times within what silence is borne.
const SAID: Duration = Duration::from_secs(20);
/// Seconds after which to ask again for what is being done.
const AGAIN: u32 = 2;

/// Whether a route looks at the header.
pub(super) fn takes(method: &str, path: &str) -> bool {
    method.eq_ignore_ascii_case("post") && ROUTES.contains(&path)
}

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    kind: Option<String>,
    place: Option<String>,
    body: String,
}

/// Around the routes: what is asked for without the header, or on a route that does not look at it, passes by.
pub(super) async fn once(request: Request, next: Next, app: App) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let path =
        path.filter(|path| takes(request.method().as_str(), path) && request.headers().contains_key(KEY));
    match path {
        None => next.run(request).await,
        Some(path) => keyed(&path, request, next, &app).await.unwrap_or_else(Problem::into_response),
    }
}

async fn keyed(path: &str, request: Request, next: Next, app: &App) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let key = key(&parts.headers)?;
    let Calling(who) = Calling::from_request_parts(&mut parts, app).await?;
    // A file is digested as it passes, anything else before: none of it is kept.
    let asked = Running::of(&parts);
    let (body, bytes) = if FILES.contains(&path) {
        let passing = asked.clone();
        let stream = body.into_data_stream().inspect_ok(move |bytes| passing.update(bytes));
        (Body::from_stream(stream), Bytes::new())
    } else {
        let bytes = read(body).await?;
        asked.update(&bytes);
        (Body::from(bytes.clone()), bytes)
    };
    match app.broker().once(&who, &key).await? {
        Asked::First(once) => {
            // Only who asks again has it read once more.
            drop(bytes);
            let answer = held(next.run(Request::from_parts(parts, body)), &once, app).await;
            kept(path, &once, &asked.digest(), answer, app).await
        }
        Asked::Before(answered) => {
            read_to_its_end(body).await?;
            let Some(kept) = app.broker().once_answered(&answered, &asked.digest())? else {
                let detail = "this Idempotency-Key was sent with something else within the last day";
                return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail)
                    .hint("send each thing with a key of its own"));
            };
            again(path, &kept, &who, &bytes, app).await
        }
        Asked::Now => {
            let detail = "what this Idempotency-Key was sent for is still being done";
            Err(Problem::new(StatusCode::CONFLICT, "idempotency_in_progress", detail)
                .hint("ask again in a moment: the answer will be the same")
                .after(AGAIN))
        }
        Asked::Lost => {
            let detail =
                "the process that did what this Idempotency-Key was sent for ended before it answered";
            Err(Problem::new(StatusCode::CONFLICT, "outcome_unknown", detail)
                .hint("look whether it was done; if it was not, ask with another key"))
        }
    }
}

/// The key: visible ASCII, once.
fn key(headers: &HeaderMap) -> Result<Vec<u8>, Problem> {
    let mut given = headers.get_all(KEY).iter().map(HeaderValue::as_bytes);
    let fits = |key: &&[u8]| (1..=255).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    match (given.next().filter(fits), given.next()) {
        (Some(key), None) => Ok(key.to_vec()),
        _ => {
            let detail = "an Idempotency-Key has 1 to 255 visible ASCII characters, and there is one of it";
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_idempotency_key", detail))
        }
    }
}

/// A digest of what is asked: where, after having read what, of which kind, why, and the body.
#[derive(Clone)]
struct Running(Arc<Mutex<Context>>);

impl Running {
    fn of(parts: &Parts) -> Running {
        let said = |name: &HeaderName| -> Vec<u8> {
            let lines: Vec<&[u8]> = parts.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
            bind(&lines)
        };
        let place = parts.uri.path_and_query().map_or("", |place| place.as_str());
        let reason = HeaderName::from_static("x-reason");
        let said = [IF_MATCH, CONTENT_TYPE, reason].map(|name| said(&name));
        let head: Vec<&[u8]> =
            std::iter::once(place.as_bytes()).chain(said.iter().map(Vec::as_slice)).collect();
        let mut context = Context::new(&SHA256);
        context.update(&bind(&head));
        Running(Arc::new(Mutex::new(context)))
    }

    fn update(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).update(bytes);
    }

    fn digest(&self) -> Digest {
        let context = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut digest = Digest([0; 32]);
        digest.0.copy_from_slice(context.finish().as_ref());
        digest
    }
}

/// What is not needed again still says whether it is the same.
async fn read_to_its_end(body: Body) -> Result<(), Problem> {
    let mut stream = body.into_data_stream();
    while let Some(_passed) = stream.try_next().await.map_err(|_| {
        let detail = "reading the body broke off";
        Problem::new(StatusCode::BAD_REQUEST, "bad_body", detail)
    })? {}
    Ok(())
}

/// Does it, and says meanwhile that it is being done.
async fn held(doing: impl Future<Output = Response>, once: &Once, app: &App) -> Response {
    // Both go on at once: what is done may hold the turn that saying so waits for.
    let saying = async {
        loop {
            sleep(SAID).await;
            // Not said once is borne; it is said again.
            if let Err(error) = app.broker().once_held(once).await {
                tracing::warn!(cause = %error, "that something is still being done could not be noted");
            }
        }
    };
    tokio::select! { biased; answer = doing => answer, never = saying => never }
}

/// Keeps what was done. Refused, it is free to be asked again; failed inside, nobody can say.
async fn kept(
    path: &str,
    once: &Once,
    asked: &Digest,
    answer: Response,
    app: &App,
) -> Result<Response, Problem> {
    let status = answer.status();
    let broker = app.broker();
    if !status.is_success() {
        let unknown = status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE;
        let noted = if unknown { broker.once_lost(once).await } else { broker.once_dropped(once).await };
        if let Err(error) = noted {
            tracing::warn!(cause = %error, "an Idempotency-Key is not free again: it waits a day");
        }
        return Ok(answer);
    }
    let (parts, body) = answer.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else {
        lost(broker.once_lost(once).await);
        let detail = "the answer could not be made";
        return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", detail));
    };
    let header =
        |name| parts.headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok()).map(str::to_owned);
    let shown = if path == ADDED { members::without_the_member(&body) } else { Some(body.to_vec()) };
    let kept = shown.and_then(|shown| String::from_utf8(shown).ok()).and_then(|body| {
        let (kind, place) = (header(CONTENT_TYPE), header(LOCATION));
        serde_json::to_vec(&Kept { status: status.as_u16(), kind, place, body }).ok()
    });
    // It was done, whatever becomes of the note: who asks again is told that nobody can say.
    lost(match kept {
        Some(kept) => broker.once_done(once, asked, &kept).await,
        None => broker.once_lost(once).await,
    });
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn lost(noted: Result<(), crate::broker::Error>) {
    if let Err(error) = noted {
        tracing::error!(cause = %error, "an answer could not be kept for who asks again");
    }
}

/// What was answered before.
async fn again(path: &str, kept: &[u8], who: &Caller, asked: &[u8], app: &App) -> Result<Response, Problem> {
    let broken = |_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "what was kept is no answer");
    let kept: Kept = serde_json::from_slice(kept).map_err(broken)?;
    let body = match path {
        ADDED => members::with_the_member(app, who, asked, kept.body.as_bytes()).await?,
        _ => kept.body.into_bytes(),
    };
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let mut answer = (status, body).into_response();
    let headers = answer.headers_mut();
    headers.remove(CONTENT_TYPE);
    for (name, value) in [(CONTENT_TYPE, kept.kind), (LOCATION, kept.place)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(answer)
}
