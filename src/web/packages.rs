//! Packages: what there is, fetched once, handed off.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::answer::{html, to};
use super::frame::{Frame, Place};
use super::paging::{Behind, Pager};
use super::problems::unreadable_form;
use super::visitor::{Nothing, Posted, Stepped, Visitor};
use super::words::Words;
use crate::broker::downloading::Wanted;
use crate::broker::packages::PackageLine;
use crate::broker::paging::Stretch;
use crate::http::{App, From, Path, Problem, Query, file, request_number};
use crate::model::ids::PackageNo;
use crate::model::iso::parse_date;
use crate::model::lang::Word as _;
use crate::store::packages::FactKind;

/// A package on the page.
struct Row {
    no: String,
    request: String,
    channel: &'static str,
    state: &'static str,
    at: String,
    rows: String,
    excluded: Vec<(&'static str, u64)>,
    sha256: String,
    /// It is being made.
    making: bool,
    /// Numbers of the files that may be fetched.
    fetch: Vec<usize>,
    destroy_by: String,
    handed_off_at: String,
    overdue: bool,
    hand_off: bool,
    attest: bool,
    recall: bool,
}

impl Row {
    fn of(frame: &Frame, line: PackageLine) -> Row {
        let (w, lang) = (frame.w, frame.look.lang);
        let excluded = line.excluded.iter().flatten();
        let may_fetch =
            line.receives && matches!(line.state, FactKind::Sealed | FactKind::Remade | FactKind::Downloaded);
        Row {
            no: line.no.to_string(),
            request: line.no.request().to_string(),
            channel: line.channel.word(lang),
            state: state(w, line.state),
            at: line.at,
            rows: line.rows.map(|rows| rows.to_string()).unwrap_or_default(),
            excluded: excluded.map(|(reason, n)| (w.exclusion(*reason), *n)).collect(),
            sha256: line.sha256.map(|digest| digest.to_string()).unwrap_or_default(),
            making: line.state == FactKind::Started,
            fetch: if may_fetch { (1..=line.parts).collect() } else { Vec::new() },
            destroy_by: line.destroy_by,
            handed_off_at: line.handed_off_at.unwrap_or_default(),
            overdue: line.overdue,
            attest: line.may_attest,
            hand_off: line.receives && line.state == FactKind::Downloaded,
            recall: line.may_recall,
        }
    }
}

fn state(w: &'static Words, kind: FactKind) -> &'static str {
    match kind {
        FactKind::Started => w.package_started,
        FactKind::Sealed | FactKind::Remade => w.package_sealed,
        FactKind::Aborted => w.package_aborted,
        FactKind::Downloaded => w.package_downloaded,
        FactKind::HandedOff => w.package_handed_off,
        FactKind::Recalled => w.package_recalled,
        FactKind::Destroyed => w.package_destroyed,
    }
}

#[derive(Template)]
#[template(path = "packages.html")]
struct List {
    frame: Frame,
    rows: Vec<Row>,
    today: String,
    pager: Pager,
}

/// Which packages.
#[derive(Deserialize)]
pub(super) struct Which {
    /// Those of a request.
    of: Option<String>,
    #[serde(flatten)]
    behind: Behind,
}

pub(super) async fn list(
    State(app): State<App>,
    who: Visitor,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    let of = which.of.as_deref().map(request_number).transpose()?;
    let frame = Frame::new(&app, &who, Place::Packages, who.look.words().packages).await?;
    let stretch = match of {
        // They are few, and all of them.
        Some(_) => Stretch::whole(),
        None => which.behind.stretch(|text| PackageNo::parse(text).ok()),
    };
    let page = app.broker().package_page(who.session.caller(), of.as_ref(), &stretch).await?;
    let pager = Pager::of("/packages", &which.behind, &page, |line| line.no.to_string());
    let rows = page.lines.into_iter().map(|line| Row::of(&frame, line)).collect();
    let today = app.broker().clock().today().to_string();
    Ok(html(&List { frame, rows, today, pager }))
}

/// The password, and which file.
#[derive(Deserialize)]
pub(super) struct Fetch {
    /// `manifest`, or the number of a part.
    file: String,
}

pub(super) async fn download(
    State(app): State<App>,
    Path(no): Path,
    from: From,
    Stepped(step, _, what): Stepped<Fetch>,
) -> Result<Response, Problem> {
    let wanted = match what.file.as_str() {
        "manifest" => Wanted::Manifest,
        part => Wanted::Part(part.parse().map_err(|_| unreadable_form())?),
    };
    let no = app.broker().package_named(&no).await?;
    Ok(file(app.broker().package_fetch(step, &no, wanted, from.0).await?))
}

pub(super) async fn hand_off(
    State(app): State<App>,
    Path(no): Path,
    Posted(who, Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let no = app.broker().package_named(&no).await?;
    app.broker().package_hand_off(who.session.caller(), &no).await?;
    Ok(to("/packages?done=handed_off"))
}

/// Why it is called back.
#[derive(Deserialize)]
pub(super) struct Recall {
    reason: String,
}

pub(super) async fn recall(
    State(app): State<App>,
    Path(no): Path,
    Posted(who, why): Posted<Recall>,
) -> Result<Response, Problem> {
    let no = app.broker().package_named(&no).await?;
    app.broker().package_recall(who.session.caller(), &no, why.reason.trim()).await?;
    Ok(to("/packages?done=package_recalled"))
}

/// The vendor's proof that it destroyed what it was given.
#[derive(Deserialize)]
pub(super) struct Proof {
    attested_on: String,
    reference: String,
}

pub(super) async fn destroyed(
    State(app): State<App>,
    Path(no): Path,
    Posted(who, proof): Posted<Proof>,
) -> Result<Response, Problem> {
    let day = parse_date(&proof.attested_on).map_err(|_| unreadable_form())?;
    let no = app.broker().package_named(&no).await?;
    app.broker().package_destroyed(who.session.caller(), &no, day, proof.reference.trim()).await?;
    Ok(to("/packages?done=destroyed"))
}
