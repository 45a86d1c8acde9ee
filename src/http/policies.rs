//! Policies: read by everyone, changed by two people; covenants and notices.

use std::collections::BTreeMap;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::App;
use super::bodies::{Json, Path};
use super::entering::{SignedIn, Stepped};
use super::problem::Problem;
use crate::broker::documents::NewDocument;
use crate::clock::{parse_rfc3339, rfc3339};
use crate::policy::PolicyFiles;

/// A new version.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Proposal {
    /// Every file by its name.
    files: BTreeMap<String, String>,
    /// From when it holds, RFC 3339; once it is seconded when left out.
    #[serde(default)]
    effective_at: Option<String>,
}

/// A covenant or a notice.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    family: String,
    version: String,
    language: String,
    body: String,
    #[serde(default)]
    effective_on: Option<String>,
}

pub(super) async fn show(State(app): State<App>, who: SignedIn) -> Result<Answer<Value>, Problem> {
    let policy = app.broker().policy_show(who.caller()).await?;
    let version = |v: &crate::store::policies::PolicyVersion| {
        json!({
            "version": v.id, "digest": v.digest, "proposed_by": v.proposed_by,
            "proposed_at": rfc3339(v.proposed_at), "seconded_by": v.seconded.as_ref().map(|(by, ..)| by),
            "effective_at": v.adopted().then(|| rfc3339(v.effective_at)),
        })
    };
    let versions: Vec<Value> = policy.versions.iter().map(version).collect();
    Ok(Answer(json!({ "in_force": policy.in_force, "versions": versions, "files": policy.listing })))
}

pub(super) async fn propose(
    State(app): State<App>,
    Stepped(step): Stepped,
    Json(new): Json<Proposal>,
) -> Result<(StatusCode, Answer<Value>), Problem> {
    let at =
        match new.effective_at.as_deref() {
            None => None,
            Some(text) => Some(parse_rfc3339(text).ok_or_else(|| {
                Problem::bad_value("/effective_at", "a time like 2027-01-01T00:00:00+08:00")
            })?),
        };
    let files = PolicyFiles::new(new.files).map_err(crate::broker::Error::from)?;
    let id = app.broker().policy_propose(step, files, at).await?;
    Ok((StatusCode::CREATED, Answer(json!({ "version": id }))))
}

pub(super) async fn second(
    State(app): State<App>,
    Path(id): Path,
    Stepped(step): Stepped,
) -> Result<Answer<Value>, Problem> {
    let unknown = |_| Problem::new(StatusCode::NOT_FOUND, "unknown_policy", "a version is a number");
    let id: i64 = id.parse().map_err(unknown)?;
    let at = app.broker().policy_second(step, id).await?;
    Ok(Answer(json!({ "version": id, "effective_at": rfc3339(at) })))
}

pub(super) async fn document(
    State(app): State<App>,
    who: SignedIn,
    Json(new): Json<Document>,
) -> Result<(StatusCode, Answer<Value>), Problem> {
    let Document { family, version, language, body, effective_on } = new;
    let day = |text: String| {
        crate::model::iso::parse_date(&text).map_err(|wrong| Problem::bad_value("/effective_on", wrong))
    };
    let effective_on = effective_on.map(day).transpose()?;
    let new = NewDocument { family, version, language, body, effective_on };
    let added = app.broker().document_add(who.caller(), new).await?;
    let status = if added { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Answer(json!({ "added": added }))))
}
