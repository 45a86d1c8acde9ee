//! Changes that wait for a second administrator.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use zeroize::Zeroizing;

use super::org::told;
use super::tabs::{Tab, tabs};
use super::words::{self, Words};
use crate::broker::proposals::Seconded;
use crate::clock::rfc3339;
use crate::http::{App, Path, Problem};
use crate::model::ids::Login;
use crate::store::proposals::ProposalKind;
use crate::web::answer::{html, to};
use crate::web::frame::{Frame, Place};
use crate::web::visitor::{Nothing, Posted, Stepped, Visitor};

/// A proposal on the page.
struct Row {
    id: i64,
    kind: &'static str,
    by: Login,
    at: String,
    expires: String,
    digest: String,
    lines: Vec<String>,
    /// The organisation file; empty for what concerns one person.
    body: String,
    own: bool,
}

#[derive(Template)]
#[template(path = "admin_proposals.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    done: Option<Done>,
}

/// What seconding did.
struct Done {
    lines: Vec<String>,
    unenrolled: Vec<Login>,
    /// Of a reset: whose code this is, and the code.
    code: Option<(Login, Zeroizing<String>)>,
}

fn number(id: &str) -> Result<i64, Problem> {
    id.parse().map_err(|_| Problem::bad_value("/id", "the number of a proposal"))
}

pub(super) async fn list(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    page(&app, &who, None).await
}

pub(super) async fn second(
    State(app): State<App>,
    Path(id): Path,
    Stepped(step, who, Nothing {}): Stepped<Nothing>,
) -> Result<Response, Problem> {
    let Seconded { lines, unenrolled, code } = app.broker().proposal_second(step, number(&id)?).await?;
    let lines = lines.iter().map(|line| told(who.look.lang, line)).collect();
    page(&app, &who, Some(Done { lines, unenrolled, code })).await
}

pub(super) async fn withdraw(
    State(app): State<App>,
    Path(id): Path,
    Posted(who, Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    app.broker().proposal_withdraw(who.session.caller(), number(&id)?).await?;
    Ok(to("/admin/proposals?done=saved"))
}

async fn page(app: &App, who: &Visitor, done: Option<Done>) -> Result<Response, Problem> {
    let (lang, w) = (who.look.lang, words::of(who.look.lang));
    let waiting = app.broker().proposals(who.session.caller()).await?;
    let frame = Frame::new(app, who, Place::Admin, w.proposals).await?;
    let rows = waiting.into_iter().map(|p| Row {
        id: p.id,
        kind: match p.kind {
            ProposalKind::Org => w.kind_org,
            ProposalKind::Reset => w.kind_reset,
            ProposalKind::Resume => w.kind_resume,
        },
        own: p.proposed_by == frame.login,
        by: p.proposed_by,
        at: rfc3339(p.proposed_at),
        expires: rfc3339(p.expires_at),
        digest: p.digest.to_string(),
        lines: p.changes.lines().map(|line| told(lang, line)).collect(),
        body: if p.kind == ProposalKind::Org { p.body } else { String::new() },
    });
    let rows = rows.collect();
    Ok(html(&Page { tabs: tabs(&frame, w, "/admin/proposals"), frame, w, rows, done }))
}
