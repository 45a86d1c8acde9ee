//! Vendors: the contracted processors.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::App;
use super::bodies::{Path, Query, Text};
use super::entering::SignedIn;
use super::pages::Page;
use super::problem::Problem;
use crate::model::ids::VendorCode;
use crate::store::vendors::VendorRow;

pub(super) async fn list(
    State(app): State<App>,
    Query(page): Query<Page>,
    who: SignedIn,
) -> Result<Answer<Value>, Problem> {
    let vendors = app.broker().vendor_list(who.caller()).await?;
    let items: Vec<Value> = vendors.iter().map(shown).collect();
    page.of(&items, |vendor| vendor["code"].as_str().unwrap_or_default().to_owned())
}

pub(super) async fn add(
    State(app): State<App>,
    who: SignedIn,
    Text(vendor): Text,
) -> Result<(StatusCode, Answer<Value>), Problem> {
    let vendor = app.broker().vendor_add(who.caller(), &vendor).await?;
    Ok((StatusCode::CREATED, Answer(shown(&vendor))))
}

pub(super) async fn suspend(
    State(app): State<App>,
    Path(code): Path,
    who: SignedIn,
) -> Result<StatusCode, Problem> {
    let code = VendorCode::parse(&code)
        .map_err(|wrong| Problem::new(StatusCode::NOT_FOUND, "unknown_vendor", wrong.to_string()))?;
    app.broker().vendor_suspend(who.caller(), &code).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(v: &VendorRow) -> Value {
    json!({
        "code": v.code, "name_zh": v.name_zh, "name_en": v.name_en, "channels": v.channels,
        "contract": {
            "reference": v.contract_reference, "from": v.contract_from.to_string(),
            "to": v.contract_to.to_string(),
        },
        "recipient": v.recipient, "fingerprint": v.fingerprint, "checked_by": v.checked_by,
        "suspended": v.suspended,
    })
}
