//! What a client is told when it did not get what it asked for: RFC 9457, with a stable `code` and the `rule`
//! behind it. The cause stays in our log; no answer repeats a value.

use std::sync::Arc;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::broker::{Error, Refusal};
use crate::model::contact::CardNo;
use crate::store::StoreError;

/// Something a client did not get, and why.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    rule: Option<&'static str>,
    detail: String,
    hint: String,
    /// Where in the body, as a JSON pointer (RFC 6901).
    pointer: Option<String>,
    /// Seconds after which it may pass.
    after: Option<u32>,
}

/// A problem as it is sent.
#[derive(Serialize)]
struct Sent<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    hint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
    request_id: &'a str,
}

impl Problem {
    /// A problem of the exchange itself, which no rule of the company is behind.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let (detail, hint) = (detail.into(), String::new());
        Problem { status, code, rule: None, detail, hint, pointer: None, after: None }
    }

    /// Says where in the body.
    pub fn at(mut self, pointer: String) -> Self {
        self.pointer = Some(pointer);
        self
    }

    /// Says what would make it pass.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// A value that is none, named by what it should have been.
    pub fn bad_value(pointer: &str, wrong: impl ToString) -> Self {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_value", wrong.to_string()).at(pointer.to_owned())
    }

    /// The answer, once the exchange has its number.
    pub(super) fn sent(&self, request_id: &str) -> Response {
        let sent = Sent {
            r#type: format!("urn:countersign:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            rule: self.rule,
            hint: &self.hint,
            pointer: self.pointer.as_deref(),
            request_id,
        };
        let body = serde_json::to_vec(&sent).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        let busy = (self.status == StatusCode::SERVICE_UNAVAILABLE).then_some(5);
        if let Some(seconds) = self.after.or(busy) {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Put beside an answer whose body is still to be written: `super::exchange` knows the request's number.
#[derive(Clone)]
pub(super) struct Unsent(pub(super) Arc<Problem>);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(Unsent(Arc::new(self)));
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Problem {
            status: status(refusal.code),
            code: refusal.code,
            rule: Some(refusal.rule),
            detail: refusal.message.into_owned(),
            hint: refusal.hint.into_owned(),
            pointer: None,
            after: refusal.after,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::Input { code, message, hint } => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, message).hint(hint)
            }
            Error::Policy(wrong) => {
                let detail = format!("the policy cannot be used: {wrong}");
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_policy", detail)
            }
            Error::Store(error) => error.into(),
            failed @ (Error::DoesNotOpen(_) | Error::File { .. }) => broken(&failed),
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
            other => broken(&other),
        }
    }
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
        "not_signed_in" | "unknown_person" | "wrong_code" | "suspended" => StatusCode::UNAUTHORIZED,
        "unknown_member" | "unknown_request" | "unknown_package" | "unknown_case" | "unknown_vendor"
        | "unknown_login" | "unknown_policy" | "unknown_part" => StatusCode::NOT_FOUND,
        "downloaded_already" | "edited" | "ended" | "enrolled_already" | "executed_already" | "expired"
        | "handed_off_already" | "in_progress" | "changed_meanwhile" | "key_ended" | "not_downloaded"
        | "not_sealed" | "not_signed" | "not_submitted" | "past_destroy_by" | "policy_changed"
        | "proposer_gone" | "recalled" | "recalled_already" | "seconded_already" | "signature_void"
        | "signed_already" | "document_version" | "not_first" | "vendor_key_changed" | "nobody_left" => {
            StatusCode::CONFLICT
        }
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
        | "field_not_allowed"
        | "fields_missing"
        | "no_chain"
        | "no_such_index"
        | "other_unit"
        | "over_row_limit"
        | "rank_too_low"
        | "reason_missing"
        | "roles_exclude"
        | "unknown_purpose"
        | "unusable_file"
        | "weak_password" => StatusCode::UNPROCESSABLE_ENTITY,
        code if code.starts_with("bad_") => StatusCode::UNPROCESSABLE_ENTITY,
        "try_later" => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::FORBIDDEN,
    }
}

/// A card number out of a body.
pub(super) fn card(text: &str) -> Result<CardNo, Problem> {
    CardNo::parse(text).map_err(|wrong| Problem::bad_value("/card", wrong.en()))
}
