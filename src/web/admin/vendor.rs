//! One vendor: its contract, every key it had, and the proof that it holds the present one.

use askama::Template;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::tabs::{Tab, tabs};
use super::vendors::channels;
use super::words::{self, Words};
use crate::broker::vendor_keys::VendorShown;
use crate::clock::rfc3339;
use crate::http::{App, Path, Problem};
use crate::model::code::Role;
use crate::model::ids::VendorCode;
use crate::store::vendor_keys::VendorKeyRow;
use crate::web::answer::{html, to};
use crate::web::frame::{Frame, Place};
use crate::web::visitor::{Nothing, Posted, Stepped, Visitor};

/// A key on the page: its row, and who did what with it when.
struct Key {
    row: VendorKeyRow,
    registered: String,
    challenged: Option<(String, String)>,
    confirmed: Option<(String, String)>,
    present: bool,
}

#[derive(Template)]
#[template(path = "admin_vendor.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    tabs: Vec<Tab>,
    shown: VendorShown,
    name: String,
    channels: String,
    keys: Vec<Key>,
    /// May suspend and resume it.
    manages: bool,
    /// May send a phrase and take it back.
    proves: bool,
}

fn named(text: &str) -> Result<VendorCode, Problem> {
    VendorCode::parse(text).map_err(|wrong| Problem::bad_value("/code", wrong))
}

pub(super) async fn show(
    State(app): State<App>,
    Path(code): Path,
    who: Visitor,
) -> Result<Response, Problem> {
    let (lang, w) = (who.look.lang, words::of(who.look.lang));
    let shown = app.broker().vendor_show(who.session.caller(), &named(&code)?).await?;
    let frame = Frame::new(&app, &who, Place::Admin, shown.vendor.code.to_string()).await?;
    let keys = shown.keys.iter().rev().map(|row| Key {
        registered: rfc3339(row.registered_at),
        challenged: row.challenge.as_ref().map(|(_, by, at)| (by.to_string(), rfc3339(*at))),
        confirmed: row.confirmed.as_ref().map(|(by, at)| (by.to_string(), rfc3339(*at))),
        present: row.recipient == shown.vendor.recipient,
        row: row.clone(),
    });
    let manages = frame.has(Role::VendorManager);
    Ok(html(&Page {
        tabs: tabs(&frame, w, "/admin/vendors"),
        w,
        name: lang.pick(&shown.vendor.name_zh, &shown.vendor.name_en).to_owned(),
        channels: channels(lang, frame.w.comma, &shown.vendor),
        keys: keys.collect(),
        manages,
        proves: (manages || frame.has(Role::MemberHead)) && !shown.proven(),
        frame,
        shown,
    }))
}

fn back(code: &VendorCode) -> Response {
    to(format!("/admin/vendors/{code}?done=saved"))
}

pub(super) async fn suspend(
    State(app): State<App>,
    Path(code): Path,
    Posted(who, Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let code = named(&code)?;
    app.broker().vendor_suspend(who.session.caller(), &code).await?;
    Ok(back(&code))
}

pub(super) async fn resume(
    State(app): State<App>,
    Path(code): Path,
    Posted(who, Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let code = named(&code)?;
    app.broker().vendor_resume(who.session.caller(), &code).await?;
    Ok(back(&code))
}

/// The file that only the vendor can open.
pub(super) async fn challenge(
    State(app): State<App>,
    Path(code): Path,
    Posted(who, Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let code = named(&code)?;
    let file = app.broker().vendor_key_challenge(who.session.caller(), &code).await?;
    let headers = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{code}.challenge.age\"")),
    ];
    Ok((headers, file).into_response())
}

/// What the vendor read back.
#[derive(Deserialize)]
pub(super) struct Back {
    phrase: Zeroizing<String>,
}

pub(super) async fn confirm(
    State(app): State<App>,
    Path(code): Path,
    Stepped(step, _, said): Stepped<Back>,
) -> Result<Response, Problem> {
    let code = named(&code)?;
    app.broker().vendor_key_confirm(step.caller(), &code, &said.phrase).await?;
    Ok(back(&code))
}
