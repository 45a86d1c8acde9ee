//! Vendors: the contracted processors.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::App;
use super::bodies::{Json, Path, Query, Text};
use super::entering::{SignedIn, Stepped};
use super::pages::{Listed, Page};
use super::problem::Problem;
use crate::broker::vendor_keys;
use crate::clock::rfc3339;
use crate::model::code::Channel;
use crate::model::ids::{Login, VendorCode};
use crate::store::vendor_keys::VendorKeyRow;
use crate::store::vendors::VendorRow;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list, add))
        .routes(routes!(show))
        .routes(routes!(suspend))
        .routes(routes!(resume))
        .routes(routes!(key))
        .routes(routes!(challenge))
        .routes(routes!(confirm))
}

/// A contracted processor (A9a).
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "code": "EXSMS", "name_zh": "示例短信公司", "name_en": "Example Messages", "channels": ["sms"],
    "contract": { "reference": "HT-2026-001", "from": "2026-07-01", "to": "2028-06-30" },
    "recipient": "age1x4lmf39grznuvheuzer96fy92qhgl484lym2tfwfhg6hl2z5jsjqu3kx7z",
    "fingerprint": "2f1d6b0c4f5e9a1b2c3d4e5f60718293", "checked_by": "phone", "suspended": false,
}))]
pub(super) struct VendorShown {
    code: VendorCode,
    name_zh: String,
    name_en: String,
    /// What the contract covers.
    channels: Vec<Channel>,
    contract: Contract,
    /// age recipient: packages are encrypted to it.
    recipient: String,
    fingerprint: String,
    /// How the fingerprint was checked.
    checked_by: String,
    suspended: bool,
}

/// A contract.
#[derive(Serialize, ToSchema)]
struct Contract {
    reference: String,
    /// First day.
    #[schema(format = Date)]
    from: String,
    /// Last day.
    #[schema(format = Date)]
    to: String,
}

impl From<VendorRow> for VendorShown {
    fn from(v: VendorRow) -> Self {
        let (from, to) = (v.contract_from.to_string(), v.contract_to.to_string());
        VendorShown {
            code: v.code,
            name_zh: v.name_zh,
            name_en: v.name_en,
            channels: v.channels,
            contract: Contract { reference: v.contract_reference, from, to },
            recipient: v.recipient,
            fingerprint: v.fingerprint,
            checked_by: v.checked_by,
            suspended: v.suspended,
        }
    }
}

/// Another key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewVendorKey, example = json!({
    "recipient": "age1x4lmf39grznuvheuzer96fy92qhgl484lym2tfwfhg6hl2z5jsjqu3kx7z", "fingerprint_checked_by": "phone",
}))]
pub(super) struct NewKey {
    /// age recipient.
    recipient: String,
    /// How the fingerprint was checked.
    fingerprint_checked_by: String,
}

/// What the vendor read in the file.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VendorPhrase, example = json!({ "phrase": "0f3a-91c2-77de-4b08-a1e5-c6d2-38f9-5b17" }))]
pub(super) struct Phrase {
    #[schema(value_type = String)]
    phrase: Zeroizing<String>,
}

/// A vendor with its keys.
#[derive(Serialize, ToSchema)]
pub(super) struct VendorWhole {
    #[serde(flatten)]
    vendor: VendorShown,
    /// Whether the present key may be used.
    key_proven: bool,
    /// Oldest first.
    keys: Vec<Key>,
}

/// A key a vendor has or had.
#[derive(Serialize, ToSchema)]
#[schema(as = VendorKey)]
struct Key {
    number: u32,
    recipient: String,
    fingerprint: String,
    registered_by: Login,
    #[schema(format = DateTime)]
    registered_at: String,
    /// Who sent the newest phrase.
    #[schema(required)]
    challenged_by: Option<Login>,
    #[schema(required, format = DateTime)]
    challenged_at: Option<String>,
    /// The second person.
    #[schema(required)]
    confirmed_by: Option<Login>,
    #[schema(required, format = DateTime)]
    confirmed_at: Option<String>,
}

impl From<VendorKeyRow> for Key {
    fn from(k: VendorKeyRow) -> Self {
        let (challenged_by, challenged_at) = k.challenge.map(|(_, by, at)| (by, rfc3339(at))).unzip();
        let (confirmed_by, confirmed_at) = k.confirmed.map(|(by, at)| (by, rfc3339(at))).unzip();
        Key {
            number: k.number,
            recipient: k.recipient,
            fingerprint: k.fingerprint,
            registered_by: k.registered_by,
            registered_at: rfc3339(k.registered_at),
            challenged_by,
            challenged_at,
            confirmed_by,
            confirmed_at,
        }
    }
}

impl From<vendor_keys::VendorShown> for VendorWhole {
    fn from(v: vendor_keys::VendorShown) -> Self {
        let key_proven = v.proven();
        let keys = v.keys.into_iter().map(Key::from).collect();
        VendorWhole { vendor: v.vendor.into(), key_proven, keys }
    }
}

/// A vendor's code in a path.
const CODE: &str = "A vendor's code.";

/// Vendors, by code.
#[utoipa::path(
    get, path = "/vendors", tag = "vendors", params(Page),
    responses((status = 200, description = "A page.", body = Listed<VendorShown>)),
    extensions(("x-problems" = json!(["bad_value", "not_permitted"]))),
)]
pub(super) async fn list(
    State(app): State<App>,
    Query(page): Query<Page>,
    who: SignedIn,
) -> Result<Answer<Listed<VendorShown>>, Problem> {
    let vendors = app.broker().vendor_list(who.caller()).await?;
    page.of(vendors.into_iter().map(VendorShown::from).collect(), |vendor| vendor.code.to_string())
}

/// Add a vendor, or change one.
#[utoipa::path(
    post, path = "/vendors", tag = "vendors",
    request_body(content((String = "application/toml", example = json!(include_str!("../../docs/examples/vendor.toml"))))),
    responses((status = 201, description = "As it stands now.", body = VendorShown)),
    extensions(("x-problems" = json!(["not_permitted", "bad_vendor", "bad_vendor_key"]))),
)]
pub(super) async fn add(
    State(app): State<App>,
    who: SignedIn,
    Text(vendor): Text,
) -> Result<(StatusCode, Answer<VendorShown>), Problem> {
    let vendor = app.broker().vendor_add(who.caller(), &vendor).await?;
    Ok((StatusCode::CREATED, Answer(vendor.into())))
}

/// From this moment nothing goes to a vendor.
#[utoipa::path(
    post, path = "/vendors/{code}/suspend", tag = "vendors",
    params(("code" = VendorCode, Path, description = CODE)),
    responses((status = 204, description = "Suspended.")),
    extensions(("x-problems" = json!(["not_permitted", "unknown_vendor"]))),
)]
pub(super) async fn suspend(
    State(app): State<App>,
    Path(code): Path,
    who: SignedIn,
) -> Result<StatusCode, Problem> {
    app.broker().vendor_suspend(who.caller(), &vendor(&code)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A suspension ends.
#[utoipa::path(
    post, path = "/vendors/{code}/resume", tag = "vendors", params(("code" = VendorCode, Path, description = CODE)),
    responses((status = 204, description = "Lifted.")),
    extensions(("x-problems" = json!(["not_permitted", "unknown_vendor"]))),
)]
pub(super) async fn resume(
    State(app): State<App>,
    Path(code): Path,
    who: SignedIn,
) -> Result<StatusCode, Problem> {
    app.broker().vendor_resume(who.caller(), &vendor(&code)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A vendor with every key it had.
#[utoipa::path(
    get, path = "/vendors/{code}", tag = "vendors", params(("code" = VendorCode, Path, description = CODE)),
    responses((status = 200, description = "As it stands.", body = VendorWhole)),
    extensions(("x-problems" = json!(["unknown_vendor"]))),
)]
pub(super) async fn show(
    State(app): State<App>,
    Path(code): Path,
    who: SignedIn,
) -> Result<Answer<VendorWhole>, Problem> {
    Ok(Answer(app.broker().vendor_show(who.caller(), &vendor(&code)?).await?.into()))
}

/// Another key of a vendor. What was signed for the old one is void; the new one is to be proven.
#[utoipa::path(
    post, path = "/vendors/{code}/key", tag = "vendors", params(("code" = VendorCode, Path, description = CODE)),
    request_body = NewKey,
    responses((status = 201, description = "As it stands now.", body = VendorShown)),
    extensions(("x-problems" = json!(["step_up_needed", "key_ended", "suspended", "not_permitted", "unknown_vendor", "bad_vendor", "bad_vendor_key"]))),
)]
pub(super) async fn key(
    State(app): State<App>,
    Path(code): Path,
    Stepped(step): Stepped,
    Json(new): Json<NewKey>,
) -> Result<(StatusCode, Answer<VendorShown>), Problem> {
    let (code, recipient, checked) = (vendor(&code)?, &new.recipient, &new.fingerprint_checked_by);
    let vendor = app.broker().vendor_key_add(step.caller(), &code, recipient, checked).await?;
    Ok((StatusCode::CREATED, Answer(vendor.into())))
}

/// A fresh phrase in an age file that only the vendor opens. One that was sent before counts no more.
#[utoipa::path(
    post, path = "/vendors/{code}/key/challenge", tag = "vendors",
    params(("code" = VendorCode, Path, description = CODE)),
    responses((status = 200, description = "The file to send.",
        content((Vec<u8> = "application/octet-stream")),
        headers(("Content-Disposition" = String, description = "Its name.")))),
    extensions(("x-problems" = json!(["not_permitted", "unknown_vendor", "confirmed_already"]))),
)]
pub(super) async fn challenge(
    State(app): State<App>,
    Path(code): Path,
    who: SignedIn,
) -> Result<Response, Problem> {
    let code = vendor(&code)?;
    let file = app.broker().vendor_key_challenge(who.caller(), &code).await?;
    let headers = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{code}.challenge.age\"")),
    ];
    Ok((headers, file).into_response())
}

/// Confirm a vendor's key as a second person, with the phrase that the vendor gave back (A9a).
#[utoipa::path(
    post, path = "/vendors/{code}/key/confirm", tag = "vendors",
    params(("code" = VendorCode, Path, description = CODE)), request_body = Phrase,
    responses((status = 200, description = "Confirmed.", body = VendorWhole)),
    extensions(("x-problems" = json!([
        "step_up_needed", "key_ended", "suspended", "not_permitted", "unknown_vendor", "no_challenge", "wrong_phrase", "same_person", "confirmed_already",
    ]))),
)]
pub(super) async fn confirm(
    State(app): State<App>,
    Path(code): Path,
    Stepped(step): Stepped,
    Json(back): Json<Phrase>,
) -> Result<Answer<VendorWhole>, Problem> {
    let code = vendor(&code)?;
    Ok(Answer(app.broker().vendor_key_confirm(step.caller(), &code, &back.phrase).await?.into()))
}

/// A code out of a path; one that is none is nobody's.
fn vendor(code: &str) -> Result<VendorCode, Problem> {
    VendorCode::parse(code)
        .map_err(|wrong| Problem::new(StatusCode::NOT_FOUND, "unknown_vendor", wrong.to_string()))
}
