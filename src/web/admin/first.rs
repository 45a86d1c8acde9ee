//! The room's first page: where to go from here.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::tabs::{Tab, tabs};
use super::words;
use crate::http::{App, Problem};
use crate::model::code::Role;
use crate::web::answer::html;
use crate::web::frame::{Frame, Place};
use crate::web::visitor::Visitor;

#[derive(Template)]
#[template(path = "admin_first.html")]
struct Page {
    frame: Frame,
    lead: &'static str,
    tabs: Vec<Tab>,
}

pub(super) async fn show(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    let w = words::of(who.look.lang);
    let frame = Frame::new(&app, &who, Place::Admin, who.look.words().administration).await?;
    let mut tabs = tabs(&frame, w, "");
    let mut more = |href, text, shown: bool| {
        if shown {
            tabs.push(Tab { href, text, here: false });
        }
    };
    more("/audit/alarms", w.alarms, frame.has(Role::Admin) || frame.has(Role::Auditor));
    more("/audit/subject", w.who_saw, frame.has(Role::MemberHead) || frame.has(Role::Auditor));
    more("/audit/exceptions", w.exceptions, frame.has(Role::Auditor));
    Ok(html(&Page { frame, lead: w.lead, tabs }))
}
