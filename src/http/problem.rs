//! What a client is told when it did not get what it asked for: RFC 9457, with a stable `code` and the `rule`
//! behind it. The cause stays in our log; no answer repeats a value.

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::header::{ACCEPT_LANGUAGE, CONTENT_LANGUAGE, CONTENT_TYPE, RETRY_AFTER, VARY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::languages::title_zh;
use crate::broker::{Error, Refusal};
use crate::model::contact::CardNo;
use crate::model::lang::Lang;
use crate::model::refusal::{Fault, Spot, places, words};
use crate::model::value_error::ValueError;
use crate::store::StoreError;

/// Something a client did not get, and why.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    rule: Option<&'static str>,
    detail: String,
    hint: String,
    /// Where it is, when it is in one place.
    place: Option<Box<Place>>,
    /// What of a form is wrong, place by place; behind a thin pointer, for a problem travels in every `Result`.
    faults: Option<Arc<Vec<Fault>>>,
    /// Seconds after which it may pass.
    after: Option<u32>,
}

/// Where in what was sent something is wrong.
#[derive(Debug, Clone, Default)]
struct Place {
    /// In the body, as a JSON pointer (RFC 6901).
    pointer: Option<String>,
    /// In a form or a file.
    spot: Option<Spot>,
}

/// Why a client did not get what it asked for (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct Sent<'a> {
    /// `urn:countersign:problem:` and the code.
    r#type: String,
    /// What kind of thing it is.
    title: &'a str,
    /// The answer's status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened, in a sentence.
    detail: Cow<'a, str>,
    /// For programs: one of `ProblemCode`; the operation lists its own.
    #[schema(pattern = "^[a-z][a-z0-9_]*$")]
    code: &'a str,
    /// The requirement and article that it rests on; null for a fault of the exchange itself.
    #[schema(required)]
    rule: Option<&'a str>,
    /// What would make it pass.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schema(required = false)]
    hint: &'a str,
    /// Where in the body, a JSON pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pointer: Option<&'a str>,
    /// Each fault of a form, where it has several.
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [Fault],
    /// The exchange's number, to quote.
    request_id: &'a str,
}

impl Problem {
    /// A problem of the exchange itself, which no rule of the company is behind.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let (detail, hint) = (detail.into(), String::new());
        Problem { status, code, rule: None, detail, hint, place: None, faults: None, after: None }
    }

    /// Says where in the body.
    pub fn at(mut self, pointer: String) -> Self {
        self.place.get_or_insert_default().pointer = Some(pointer);
        self
    }

    /// Says on which line of the body.
    pub(super) fn on_line(mut self, line: usize) -> Self {
        self.place.get_or_insert_default().spot = Some(Spot::Line(line));
        self
    }

    /// Says what would make it pass.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Says in how many seconds it may pass.
    pub(super) fn after(mut self, seconds: u32) -> Self {
        self.after = Some(seconds);
        self
    }

    /// A value that is none, named by what it should have been.
    pub fn bad_value(pointer: &str, wrong: impl ToString) -> Self {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_value", wrong.to_string()).at(pointer.to_owned())
    }

    /// Whether it says that nobody knows who is calling.
    pub(super) fn is_unknown(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    /// Its status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Its stable code.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// The requirement and article behind it.
    pub(crate) fn rule(&self) -> Option<&'static str> {
        self.rule
    }

    /// What happened and what would make it pass. The Chinese words are the code's; a code without any is told in English.
    pub(crate) fn said(&self, lang: Lang) -> (Cow<'_, str>, &str) {
        match words::of(self.code).filter(|_| lang == Lang::Zh) {
            None => (Cow::from(&self.detail), &self.hint),
            Some(words) => (self.detail_zh(words.zh), words.hint_zh),
        }
    }

    /// What of a form is wrong, place by place.
    pub(crate) fn faults(&self) -> &[Fault] {
        self.faults.as_ref().map_or(&[], |faults| faults.as_slice())
    }

    /// What is sent.
    fn body<'a>(&'a self, request_id: &'a str, lang: Lang) -> Sent<'a> {
        let (detail, hint) = self.said(lang);
        let title = match lang {
            Lang::Zh if words::of(self.code).is_some() => Some(title_zh(self.status)),
            _ => self.status.canonical_reason(),
        };
        Sent {
            r#type: format!("urn:countersign:problem:{}", self.code),
            title: title.unwrap_or_default(),
            status: self.status.as_u16(),
            detail,
            code: self.code,
            rule: self.rule,
            hint,
            pointer: self.place.as_ref().and_then(|place| place.pointer.as_deref()),
            errors: self.faults.as_ref().map_or(&[], |faults| faults.as_slice()),
            request_id,
        }
    }

    /// Its sentence in Chinese, with the place in a form or file behind it where that is known.
    fn detail_zh(&self, words: &'static str) -> Cow<'static, str> {
        let place = self.place.as_deref().filter(|_| self.code.starts_with("bad_"));
        let place = place.and_then(|Place { pointer, spot }| {
            let pointer = pointer.as_deref().and_then(places::of_pointer);
            pointer.or_else(|| spot.as_ref().and_then(places::of_spot))
        });
        place.map_or(words.into(), |place| format!("{words}（{place}）").into())
    }

    /// The answer, once the exchange has its number, in the language that was asked for.
    pub(super) fn sent(&self, request_id: &str, lang: Lang) -> Response {
        let body = serde_json::to_vec(&self.body(request_id, lang)).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(lang.code()));
        headers.insert(VARY, ACCEPT_LANGUAGE.into());
        let busy = (self.status == StatusCode::SERVICE_UNAVAILABLE).then_some(5);
        if let Some(seconds) = self.after.or(busy) {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Put beside an answer whose body is still to be written: `super::exchange` knows the request's number.
#[derive(Clone)]
pub(crate) struct Unsent(pub(crate) Arc<Problem>);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(Unsent(Arc::new(self)));
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let is_form = !refusal.faults.is_empty();
        let known = status(refusal.code);
        // B4 is about values: one that is none is no question of who may.
        let is_value = known == StatusCode::FORBIDDEN && refusal.rule == "B4";
        Problem {
            status: if is_form || is_value { StatusCode::UNPROCESSABLE_ENTITY } else { known },
            code: refusal.code,
            rule: Some(refusal.rule),
            detail: refusal.message.into_owned(),
            hint: refusal.hint.into_owned(),
            place: refusal.spot.map(|spot| Box::new(Place { pointer: pointer_of(&spot), spot: Some(*spot) })),
            faults: is_form.then(|| Arc::new(refusal.faults.into_vec())),
            after: refusal.after,
        }
    }
}

/// A key of a form as a JSON pointer: `window.from` is `/window/from`, `fields[1]` is `/fields/1`. A place that is told in
/// words has none.
fn pointer_of(spot: &Spot) -> Option<String> {
    let Spot::Key(key) = spot else { return None };
    let is_key = |c: char| c.is_ascii_alphanumeric() || "_.[]".contains(c);
    if key.is_empty() || !key.chars().all(is_key) {
        return None;
    }
    Some(key.split(['.', '[']).map(|part| format!("/{}", part.trim_end_matches(']'))).collect())
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::Input { code, message, hint } => {
                let status = match status(code) {
                    StatusCode::FORBIDDEN => StatusCode::UNPROCESSABLE_ENTITY,
                    other => other,
                };
                Problem::new(status, code, message).hint(hint)
            }
            Error::Policy(wrong) => {
                let detail = format!("the policy cannot be used: {wrong}");
                let spot = wrong.line.map(|line| Spot::FileLine(wrong.file.into(), line));
                let place = spot.map(|spot| Box::new(Place { pointer: None, spot: Some(spot) }));
                Problem { place, ..Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_policy", detail) }
            }
            Error::Store(error) => error.into(),
            damaged @ Error::DoesNotOpen(_) => does_not_fit(&damaged),
            failed @ Error::File { .. } => broken(&failed),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy | StoreError::DiskFull => {
                tracing::warn!(cause = %error, "could not be done now");
                let detail = "the vault could not take this now; nothing was stored";
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "try_again", detail)
                    .hint("try again in a moment")
            }
            StoreError::Conflict(_) => {
                let detail = "somebody else changed the same thing just now";
                Problem::new(StatusCode::CONFLICT, "changed_meanwhile", detail).hint("look again and repeat")
            }
            damaged @ StoreError::Integrity { .. } => does_not_fit(&damaged),
            other => broken(&other),
        }
    }
}

/// Where is for our log; that it is so is for everybody: nothing here can be relied on.
fn does_not_fit(cause: &dyn std::error::Error) -> Problem {
    tracing::error!(%cause, "what is stored does not fit what was signed");
    let detail = "integrity: what is stored is not what the log says; nothing was released";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "integrity", detail).hint(
        "tell whoever runs the vault, with the request_id: `countersign audit verify --deep` names the place",
    )
}

/// What went wrong inside is for our log; the client gets the number to quote.
fn broken(cause: &dyn std::error::Error) -> Problem {
    tracing::error!(%cause, "could not be done");
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "failed",
        "this failed inside the vault; nothing was released",
    )
    .hint("quote the request_id to whoever runs the vault")
}

/// Which status a refusal has; what is not listed is a decision against: 403.
fn status(code: &str) -> StatusCode {
    match code {
        "not_signed_in"
        | "unknown_person"
        | "wrong_code"
        | "suspended"
        | "second_factor_needed"
        | "wrong_factor"
        | "passkey_copied" => StatusCode::UNAUTHORIZED,
        "unknown_member" | "unknown_request" | "unknown_package" | "unknown_case" | "unknown_vendor"
        | "unknown_login" | "unknown_policy" | "unknown_part" | "unknown_proposal" | "unknown_alarm"
        | "unknown_import" | "unknown_token" | "no_such_factor" => StatusCode::NOT_FOUND,
        "acknowledged_already"
        | "card_taken"
        | "downloaded_already"
        | "edited"
        | "idempotency_in_progress"
        | "outcome_unknown"
        | "ended"
        | "enrolled_already"
        | "executed_already"
        | "expired"
        | "handed_off_already"
        | "in_progress"
        | "import_cancelled"
        | "import_ended"
        | "changed_meanwhile"
        | "key_ended"
        | "not_downloaded"
        | "not_sealed"
        | "not_signed"
        | "not_submitted"
        | "past_destroy_by"
        | "policy_changed"
        | "proposer_gone"
        | "recalled"
        | "recalled_already"
        | "seconded_already"
        | "signature_void"
        | "signed_already"
        | "undertaking_changed"
        | "proposal_ended"
        | "proposal_expired"
        | "factor_exists"
        | "passkeys_off"
        | "challenge_gone"
        | "oidc_gone"
        | "oidc_off"
        | "account_linked"
        | "document_version"
        | "not_first"
        | "vendor_key_changed"
        | "nothing_waits"
        | "not_handed_off"
        | "destroyed_already"
        | "withdrawn_already"
        | "vendor_key_unproven"
        | "no_challenge"
        | "confirmed_already"
        | "nobody_left"
        | "members_kept_changing" => StatusCode::CONFLICT,
        "bad_comment"
        | "bad_document"
        | "bad_form"
        | "bad_org"
        | "bad_range"
        | "bad_selection"
        | "bad_vendor"
        | "bad_vendor_key"
        | "card_fixed"
        | "channel_off"
        | "contact_in_selection"
        | "evidence_too_long"
        | "field_missing"
        | "idempotency_key_reused"
        | "field_not_allowed"
        | "fields_missing"
        | "no_chain"
        | "no_such_index"
        | "other_unit"
        | "over_row_limit"
        | "rank_too_low"
        | "reason_missing"
        | "reason_too_long"
        | "roles_exclude"
        | "unknown_purpose"
        | "unusable_file"
        | "weak_password"
        | "wrong_phrase" => StatusCode::UNPROCESSABLE_ENTITY,
        "consent_undecided" | "covenant_missing" | "invalid_fields" | "no_contact_point"
        | "notice_missing" | "other_store" | "unknown_covenant" | "unknown_notice" | "unknown_store" => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        code if code.starts_with("bad_") => StatusCode::UNPROCESSABLE_ENTITY,
        code if code.starts_with("file_") => StatusCode::UNPROCESSABLE_ENTITY,
        code if ValueError::ALL.iter().any(|e| e.code() == code) => StatusCode::UNPROCESSABLE_ENTITY,
        "try_later" | "budget_spent" | "slowed_down" | "reminded_already" => StatusCode::TOO_MANY_REQUESTS,
        "stale" => StatusCode::PRECONDITION_FAILED,
        "no_route" => StatusCode::NOT_FOUND,
        "wrong_method" => StatusCode::METHOD_NOT_ALLOWED,
        "too_large" => StatusCode::PAYLOAD_TOO_LARGE,
        "unsupported_media_type" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "failed" | "integrity" => StatusCode::INTERNAL_SERVER_ERROR,
        "try_again" | "stopping" | "oidc_unreachable" => StatusCode::SERVICE_UNAVAILABLE,
        "too_slow" => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::FORBIDDEN,
    }
}

/// The statuses a code can have; a body that is not JSON has one of its own.
pub(super) fn statuses(code: &str) -> Vec<StatusCode> {
    match code {
        "bad_body" => vec![StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY],
        code => vec![status(code)],
    }
}

/// A problem of a code, for the API's description.
pub(super) fn example(status: StatusCode, code: &str) -> Value {
    let Some(words) = words::of(code) else { return Value::Null };
    let problem = Problem::new(status, words.code, "");
    serde_json::to_value(problem.body("9c1185a5c5e9fc54", Lang::Zh)).unwrap_or_default()
}

/// There is nothing at a path.
pub(super) fn no_route() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no_route", "there is nothing at this path")
}

/// A card number out of a body.
pub(crate) fn card(text: &str) -> Result<CardNo, Problem> {
    CardNo::parse(text).map_err(|wrong| Problem::bad_value("/card", wrong.en()))
}
