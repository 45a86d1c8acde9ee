//! The vendors, and the form that registers one from a file.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::tabs::{Tab, tabs};
use super::words::{self, Words};
use crate::http::{App, Problem};
use crate::model::code::Role;
use crate::model::lang::{Lang, Word as _};
use crate::store::vendors::VendorRow;
use crate::web::answer::{html_about, to};
use crate::web::frame::{Frame, Place};
use crate::web::visitor::{Posted, Visitor};

/// A vendor on the page.
struct Row {
    vendor: VendorRow,
    name: String,
    channels: String,
    proven: bool,
}

#[derive(Template)]
#[template(path = "admin_vendors.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    may: bool,
    text: String,
    wrong: Option<Problem>,
}

pub(super) async fn list(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    page(&app, &who, String::new(), None).await
}

/// A vendor's file.
#[derive(Deserialize)]
pub(super) struct Sent {
    text: String,
}

pub(super) async fn add(
    State(app): State<App>,
    Posted(who, sent): Posted<Sent>,
) -> Result<Response, Problem> {
    match app.broker().vendor_add(who.session.caller(), &sent.text).await {
        Ok(vendor) => Ok(to(format!("/admin/vendors/{}?done=saved", vendor.code))),
        Err(wrong) => page(&app, &who, sent.text, Some(wrong.into())).await,
    }
}

async fn page(app: &App, who: &Visitor, text: String, wrong: Option<Problem>) -> Result<Response, Problem> {
    let (lang, w) = (who.look.lang, words::of(who.look.lang));
    let (broker, caller) = (app.broker(), who.session.caller());
    let frame = Frame::new(app, who, Place::Admin, w.vendors).await?;
    let mut rows = Vec::new();
    for vendor in broker.vendor_list(caller).await? {
        let proven = broker.vendor_show(caller, &vendor.code).await?.proven();
        let channels = channels(lang, frame.w.comma, &vendor);
        rows.push(Row {
            name: lang.pick(&vendor.name_zh, &vendor.name_en).to_owned(),
            channels,
            proven,
            vendor,
        });
    }
    let may = frame.has(Role::VendorManager);
    let page = Page { tabs: tabs(&frame, w, "/admin/vendors"), frame, w, rows, may, text, wrong };
    Ok(html_about(page.wrong.as_ref(), &page))
}

/// Channels of a contract, on a line.
pub(super) fn channels(lang: Lang, comma: &str, vendor: &VendorRow) -> String {
    vendor.channels.iter().map(|channel| channel.word(lang)).collect::<Vec<_>>().join(comma)
}
