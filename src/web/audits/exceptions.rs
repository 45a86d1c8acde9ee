//! What an auditor has to ask about; that there is nothing is said as the good news it is.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::tabs::{Tab, tabs};
use super::words::{self, Words};
use crate::broker::attesting::{Exceptions, Waiting};
use crate::broker::called::Called;
use crate::http::{App, Problem, Query};
use crate::model::ids::{RequestNo, VendorCode};
use crate::web::answer::html;
use crate::web::called::Whom;
use crate::web::frame::{Frame, Place};
use crate::web::paging::{Behind, Pager};
use crate::web::visitor::Visitor;

#[derive(Template)]
#[template(path = "audits_exceptions.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    tabs: Vec<Tab>,
    found: Exceptions,
    called: Called,
    pager: Pager,
}

impl Page {
    fn none(&self) -> bool {
        let Exceptions { overdue, not_handed_off, officer_gaps, unproven_keys, integrity, .. } = &self.found;
        let lists = self.pager.is_whole() && overdue.is_empty() && not_handed_off.is_empty();
        lists && officer_gaps.is_empty() && unproven_keys.is_empty() && integrity.is_none()
    }

    fn vendor(&self, code: &VendorCode) -> Whom {
        Whom::vendor(&self.called, code.as_str(), self.frame.look.lang)
    }

    fn unit(&self, code: &str) -> Whom {
        Whom::unit(&self.called, code, self.frame.look.lang)
    }

    fn receiver(&self, one: &Waiting) -> Whom {
        Whom::of(&self.called, one.receiver.as_str())
    }

    /// Packages that wait for a record, each list with its anchor and heading.
    fn lists(&self) -> [(&'static str, &'static str, &[Waiting]); 2] {
        let (w, found) = (self.w, &self.found);
        [("overdue", w.overdue, &found.overdue), ("handed", w.not_handed, &found.not_handed_off)]
    }
}

pub(super) async fn show(
    State(app): State<App>,
    who: Visitor,
    Query(behind): Query<Behind>,
) -> Result<Response, Problem> {
    let w = words::of(who.look.lang);
    let stretch = behind.stretch(|text| RequestNo::parse(text).ok());
    let found = app.broker().audit_exceptions(who.session.caller(), &stretch).await?;
    let pager = Pager::on("/audit/exceptions", &behind, found.next.as_ref().map(ToString::to_string));
    let frame = Frame::new(&app, &who, Place::Audit, w.exceptions).await?;
    let called = app.broker().called().await?;
    Ok(html(&Page { tabs: tabs(&frame, w, "/audit/exceptions"), frame, w, found, called, pager }))
}
