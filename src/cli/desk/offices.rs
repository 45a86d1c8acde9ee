//! Vendors, policies, the log.

use std::io::Write;

use reqwest::Method;
use serde_json::{Value, json};

use super::Desk;
use crate::broker::StepUp;
use crate::broker::audits::ExportFormat;
use crate::broker::policies::PolicyShown;
use crate::cli::Failure;
use crate::cli::remote::{Server, broken_off, typed};
use crate::clock::{Micros, rfc3339};
use crate::model::ids::VendorCode;
use crate::policy::PolicyFiles;
use crate::store::vendor_keys::VendorKeyRow;
use crate::store::vendors::VendorRow;

impl Desk {
    pub(crate) async fn vendor_add(&self, file: &str) -> Result<Value, Failure> {
        match self {
            Desk::Here(broker, step) => Ok(vendor(&broker.vendor_add(step.caller(), file).await?)),
            Desk::There(server) => Ok(named(server.send(Method::POST, &["vendors"], file).await?)),
        }
    }

    pub(crate) async fn vendor_suspend(&self, code: &VendorCode) -> Result<(), Failure> {
        match self {
            Desk::Here(broker, step) => Ok(broker.vendor_suspend(step.caller(), code).await?),
            Desk::There(server) => {
                server.post(&["vendors", code.as_str(), "suspend"], &json!({})).await.map(drop)
            }
        }
    }

    pub(crate) async fn vendor_resume(&self, code: &VendorCode) -> Result<(), Failure> {
        match self {
            Desk::Here(broker, step) => Ok(broker.vendor_resume(step.caller(), code).await?),
            Desk::There(server) => {
                server.post(&["vendors", code.as_str(), "resume"], &json!({})).await.map(drop)
            }
        }
    }

    /// With every key it had, and whether the one it has may be used.
    pub(crate) async fn vendor_show(&self, code: &VendorCode) -> Result<Value, Failure> {
        match self {
            Desk::Here(broker, step) => {
                let shown = broker.vendor_show(step.caller(), code).await?;
                let mut whole = vendor(&shown.vendor);
                whole["key_proven"] = json!(shown.proven());
                whole["keys"] = shown.keys.iter().map(key).collect();
                Ok(whole)
            }
            Desk::There(server) => Ok(named(server.get(&["vendors", code.as_str()]).await?)),
        }
    }

    pub(crate) async fn vendor_list(&self) -> Result<Vec<Value>, Failure> {
        match self {
            Desk::Here(broker, step) => {
                Ok(broker.vendor_list(step.caller()).await?.iter().map(vendor).collect())
            }
            Desk::There(server) => {
                let listed: Vec<Value> = typed(server.list(&["vendors"], &[]).await?)?;
                Ok(listed.into_iter().map(named).collect())
            }
        }
    }

    pub(crate) async fn policy_show(&self) -> Result<Value, Failure> {
        match self {
            Desk::Here(broker, step) => Ok(policy(&broker.policy_show(step.caller()).await?)),
            Desk::There(server) => server.get(&["policies"]).await,
        }
    }

    pub(crate) async fn policy_propose(
        self,
        files: PolicyFiles,
        effective_at: Option<Micros>,
    ) -> Result<i64, Failure> {
        match self {
            Desk::Here(broker, step) => Ok(broker.policy_propose(step, files, effective_at).await?),
            Desk::There(server) => {
                let files: serde_json::Map<String, Value> =
                    files.iter().map(|(name, text)| (name.to_owned(), json!(text))).collect();
                let body = json!({ "files": files, "effective_at": effective_at.map(rfc3339) });
                typed(server.post(&["policies", "proposals"], &body).await?["version"].take())
            }
        }
    }

    /// Gives from when it holds.
    pub(crate) async fn policy_second(self, id: i64) -> Result<String, Failure> {
        match self {
            Desk::Here(broker, step) => Ok(rfc3339(broker.policy_second(step, id).await?)),
            Desk::There(server) => {
                let answer = server.post(&["policies", &id.to_string(), "second"], &json!({})).await?;
                Ok(answer["effective_at"].as_str().unwrap_or_default().to_owned())
            }
        }
    }

    /// Gives how many entries were written.
    pub(crate) async fn audit_export(
        &self,
        range: (Option<u64>, Option<u64>),
        format: ExportFormat,
        out: &mut (dyn Write + Send),
    ) -> Result<u64, Failure> {
        match self {
            Desk::Here(broker, step) => {
                Ok(broker.audit_export(Some(StepUp::caller(step)), range, format, out).await?)
            }
            Desk::There(server) => exported(server, range, format, out).await,
        }
    }
}

/// The export as it comes; an entry is a line, and a CSV has a header before them.
async fn exported(
    server: &Server,
    (from, to): (Option<u64>, Option<u64>),
    format: ExportFormat,
    out: &mut (dyn Write + Send),
) -> Result<u64, Failure> {
    let failed = |cause| Failure::file("the export", cause);
    let body = json!({ "format": format, "from": from, "to": to });
    let mut response = server.stream(&["audit", "export"], &body).await?;
    let mut lines = 0u64;
    while let Some(piece) = response.chunk().await.map_err(|_| broken_off())? {
        lines += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
        out.write_all(&piece).map_err(failed)?;
    }
    out.flush().map_err(failed)?;
    Ok(if format == ExportFormat::Csv { lines.saturating_sub(1) } else { lines })
}

fn vendor(vendor: &VendorRow) -> Value {
    json!({
        "code": vendor.code, "name": { "zh": vendor.name_zh, "en": vendor.name_en }, "channels": vendor.channels,
        "contract": {
            "reference": vendor.contract_reference,
            "from": vendor.contract_from.to_string(),
            "to": vendor.contract_to.to_string(),
        },
        "recipient": vendor.recipient, "fingerprint": vendor.fingerprint, "checked_by": vendor.checked_by,
        "suspended": vendor.suspended,
    })
}

fn key(key: &VendorKeyRow) -> Value {
    json!({
        "number": key.number, "fingerprint": key.fingerprint, "recipient": key.recipient,
        "registered_by": key.registered_by, "registered_at": rfc3339(key.registered_at),
        "challenged_by": key.challenge.as_ref().map(|(_, by, _)| by),
        "challenged_at": key.challenge.as_ref().map(|(.., at)| rfc3339(*at)),
        "confirmed_by": key.confirmed.as_ref().map(|(by, _)| by),
        "confirmed_at": key.confirmed.as_ref().map(|(_, at)| rfc3339(*at)),
    })
}

/// A vendor of the API, with its names where the commands have them.
fn named(mut vendor: Value) -> Value {
    if let Some(map) = vendor.as_object_mut() {
        let (zh, en) = (map.remove("name_zh"), map.remove("name_en"));
        map.insert("name".to_owned(), json!({ "zh": zh, "en": en }));
    }
    vendor
}

fn policy(policy: &PolicyShown) -> Value {
    let version = |v: &crate::store::policies::PolicyVersion| {
        json!({
            "version": v.id, "digest": v.digest, "proposed_by": v.proposed_by,
            "proposed_at": rfc3339(v.proposed_at), "seconded_by": v.seconded.as_ref().map(|(by, ..)| by),
            "effective_at": v.adopted().then(|| rfc3339(v.effective_at)),
        })
    };
    let versions: Vec<Value> = policy.versions.iter().map(version).collect();
    json!({ "in_force": policy.in_force, "versions": versions, "files": policy.listing })
}
