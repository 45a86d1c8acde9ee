//! What the API says of itself: OpenAPI 3.1, gathered from what stands beside each handler, and pages that show it.
//!
//! A handler's note names what it answers and, as `x-problems`, the codes that are its own. What every route of a kind
//! can answer (no session, a body that is none, a busy vault) is added here, so that it is said once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use axum::Extension;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;
use utoipa::{PartialSchema as _, ToSchema as _};
use utoipa_swagger_ui::Config;

use super::bodies::Path;
use super::problem::{self, Problem, Sent};
use super::repeats;
use crate::model::lang::Lang;
use crate::model::refusal::words;

/// The document, as it is sent: one text, however many ask for it and read slowly.
#[derive(Clone)]
pub(super) struct Document(Bytes);

/// What a route that needs somebody, changes something, takes a body or a query can answer besides its own.
const SIGNED_IN: &[&str] = &["not_signed_in", "changed_meanwhile", "beyond_token"];
const CHANGES: &[&str] = &["cross_site"];
const BODY: &[&str] = &["bad_body", "too_large", "unsupported_media_type"];
const QUERY: &[&str] = &["bad_query"];
const PATH: &[&str] = &["no_route"];
const ANY: &[&str] = &["failed", "integrity", "try_again", "too_slow"];

impl Document {
    /// Completes what the router gathered.
    pub(super) fn of(api: OpenApi) -> Document {
        Document(whole(api).to_string().into())
    }
}

/// The document itself.
///
/// Needs no session: it says nothing of this vault.
#[utoipa::path(
    get, path = "/openapi.json", tag = "description", security(()),
    responses((status = 200, description = "OpenAPI 3.1.", body = Object)),
)]
pub(super) async fn document(Extension(document): Extension<Document>) -> Response {
    ([(CONTENT_TYPE, "application/json")], document.0).into_response()
}

/// Pages that show the document, with nothing from elsewhere: what they may load is their own files and pictures that
/// stand in their style sheet.
const PAGES: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                     form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

static SHOWN: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::from("/api/v1/openapi.json").validator_url("none").persist_authorization(false);
    Arc::new(config.use_base_layout())
});

pub(super) async fn docs() -> Response {
    (StatusCode::PERMANENT_REDIRECT, [(LOCATION, "/api/docs/")]).into_response()
}

pub(super) async fn front() -> Result<Response, Problem> {
    page("index.html")
}

pub(super) async fn asset(Path(name): Path) -> Result<Response, Problem> {
    page(&name)
}

fn page(name: &str) -> Result<Response, Problem> {
    let file = utoipa_swagger_ui::serve(name, SHOWN.clone()).ok().flatten().ok_or_else(problem::no_route)?;
    let headers = [(CONTENT_TYPE, file.content_type.as_str()), (CONTENT_SECURITY_POLICY, PAGES)];
    Ok((headers, file.bytes.into_owned()).into_response())
}

/// What was gathered, with what every route has.
fn whole(api: OpenApi) -> Value {
    let mut doc = serde_json::to_value(api).unwrap_or_default();
    doc["info"] = json!({
        "title": "Countersign",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "A vault for members' personal data and the one door out of it. Each route is one verb; each verb is \
                        one entry in the log, a refusal too.",
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    });
    doc["servers"] = json!([{ "url": "/" }]);
    doc["security"] = json!([{ "bearer": [] }, { "cookie": [], "csrf": [] }]);
    components(&mut doc["components"]);
    let paths = doc["paths"].as_object_mut().into_iter().flatten();
    for (path, item) in paths {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if let Some(operation) = operation.as_object_mut() {
                complete(method, path, operation);
            }
        }
    }
    doc
}

fn components(components: &mut Value) {
    components["securitySchemes"] = json!({
        "bearer": { "type": "http", "scheme": "bearer", "description": "The token of `POST /session` with `bearer`." },
        "token": { "type": "http", "scheme": "bearer", "description": "A token of `POST /tokens`, made for the scope that \
            stands at the operation. Where this is not named, no such token is good." },
        "cookie": { "type": "apiKey", "in": "cookie", "name": super::entering::COOKIE_NAME,
            "description": "The session's cookie; what changes something wants `csrf` with it." },
        "csrf": { "type": "apiKey", "in": "header", "name": "X-CSRF-Token", "description": "The session's `csrf` value." },
    });
    components["headers"] = json!({
        "RequestId": { "description": "The exchange's number, also in our log.",
            "schema": { "type": "string", "pattern": "^[0-9a-f]{16}$" } },
        "RetryAfter": { "description": "Seconds after which it may pass.", "schema": { "type": "integer", "minimum": 1 } },
        "ContentLanguage": { "description": "The language of `title`, `detail` and `hint`: what `Accept-Language` would rather have.",
            "schema": { "type": "string", "enum": Lang::ALL } },
    });
    let forms = serde_json::from_str::<Map<String, Value>>(include_str!("shapes.json")).unwrap_or_default();
    for (name, form) in forms {
        components["schemas"][name] = form;
    }
    components["schemas"]["ProblemCode"] = json!({
        "description": "Every code there is. Codes are stable; new ones may come.",
        "type": "string",
        "enum": words::all().map(|words| words.code).collect::<Vec<_>>(),
    });
    components["schemas"][Sent::name().as_ref()] = json!(Sent::schema());
}

/// Adds to an operation what follows from its kind.
fn complete(method: &str, path: &str, operation: &mut Map<String, Value>) {
    let tag = operation["tags"][0].as_str().unwrap_or_default();
    let name = format!("{tag}_{}", operation["operationId"].as_str().unwrap_or_default());
    operation.insert("operationId".into(), name.into());
    let scope = operation.remove("x-scope");
    if !operation.contains_key("security") && (method == "get" || scope.is_some()) {
        let cookie =
            if method == "get" { json!({ "cookie": [] }) } else { json!({ "cookie": [], "csrf": [] }) };
        let token = scope.map(|scope| json!({ "token": [scope] }));
        let ways: Vec<Value> = [json!({ "bearer": [] }), cookie].into_iter().chain(token).collect();
        operation.insert("security".into(), ways.into());
    }
    let mut answers = problems(method, operation);
    if repeats::takes(method, path) {
        for code in repeats::PROBLEMS {
            for status in problem::statuses(code) {
                answers.entry(status).or_default().insert((*code).to_owned());
            }
        }
        let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
        parameters.as_array_mut().into_iter().for_each(|list| list.push(key()));
    }
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, codes) in answers {
        responses.insert(status.as_str().to_owned(), answer(status, &codes));
    }
    for (_, response) in responses.iter_mut() {
        response["headers"]["X-Request-Id"] = json!({ "$ref": "#/components/headers/RequestId" });
    }
}

/// The header with which something is asked for once (`repeats`).
fn key() -> Value {
    json!({
        "name": "Idempotency-Key", "in": "header", "required": false,
        "description": "For who may ask again: under the same key the same is done once, and answered the same, for a day.",
        "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
    })
}

/// The codes an operation can answer with, by status.
fn problems(method: &str, operation: &mut Map<String, Value>) -> BTreeMap<StatusCode, BTreeSet<String>> {
    let mut codes = BTreeSet::new();
    flatten(&operation.remove("x-problems").unwrap_or_default(), &mut codes);
    let mut add = |more: &[&str]| codes.extend(more.iter().map(|code| (*code).to_owned()));
    add(ANY);
    if operation.get("security") != Some(&json!([{}])) {
        add(SIGNED_IN);
        if method != "get" {
            add(CHANGES);
        }
    }
    if operation.contains_key("requestBody") {
        add(BODY);
    }
    for parameter in operation.get("parameters").and_then(Value::as_array).into_iter().flatten() {
        match parameter["in"].as_str() {
            Some("query") => add(QUERY),
            Some("path") => add(PATH),
            _ => {}
        }
    }
    let mut answers: BTreeMap<StatusCode, BTreeSet<String>> = BTreeMap::new();
    for code in codes {
        for status in problem::statuses(&code) {
            answers.entry(status).or_default().insert(code.clone());
        }
    }
    answers
}

/// Codes, and lists of codes that several routes have in common.
fn flatten(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(code) => drop(into.insert(code.clone())),
        Value::Array(values) => values.iter().for_each(|value| flatten(value, into)),
        _ => {}
    }
}

fn answer(status: StatusCode, codes: &BTreeSet<String>) -> Value {
    let listed: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
    let example = codes.first().map(|code| problem::example(status, code));
    let mut answer = json!({
        "description": format!("{}: {}", status.canonical_reason().unwrap_or_default(), listed.join(", ")),
        "content": { "application/problem+json": {
            "schema": { "allOf": [
                { "$ref": "#/components/schemas/Problem" },
                { "properties": { "status": { "const": status.as_u16() }, "code": { "enum": codes } } },
            ] },
            "example": example,
        } },
    });
    answer["headers"]["Content-Language"] = json!({ "$ref": "#/components/headers/ContentLanguage" });
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
        || codes.contains("idempotency_in_progress")
    {
        answer["headers"]["Retry-After"] = json!({ "$ref": "#/components/headers/RetryAfter" });
    }
    answer
}
