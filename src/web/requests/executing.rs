//! An execution and how far it is. The form that begins it is answered as soon as there is something to say; the execution
//! goes on, whether anybody looks or not. A script asks once a second; without one the page is opened again by a link.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::timeout;

use super::acts::Read;
use super::one::{self, Typed};
use super::words::{self, Words};
use crate::broker::StepUp;
use crate::broker::progress::Progress;
use crate::http::{App, Path, Problem, Query, request_number};
use crate::model::ids::{Login, RequestNo};
use crate::store::packages::FactKind;
use crate::web::answer::{html, to};
use crate::web::frame::{Frame, Place};
use crate::web::look::Bare;
use crate::web::visitor::{Proving, Visitor};
use crate::web::words::Words as Common;

/// How long the form waits for word: what is refused at once is told beside it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Has the page loaded anew, which then says why: who is not signed in any more is led to where that is done.
const ANEW: (HeaderName, HeaderValue) =
    (HeaderName::from_static("hx-refresh"), HeaderValue::from_static("true"));

/// What became of an execution that was begun here; nothing while it runs.
type Word = Option<Result<(), Problem>>;

/// Executions that were begun at this server, each until another one of the same request is.
#[derive(Clone, Default)]
pub(super) struct Running(Arc<Mutex<Begun>>);

/// Whose, of which: what another is refused is no word for the executor.
type Begun = BTreeMap<(RequestNo, Login), watch::Receiver<Word>>;

/// What this server knows of an execution.
enum Known {
    /// It was begun elsewhere, or is over.
    Nothing,
    Runs,
    Refused(Problem),
}

impl Running {
    fn all(&self) -> MutexGuard<'_, Begun> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, key: &(RequestNo, Login)) -> Known {
        self.all().get(key).map_or(Known::Nothing, Known::of)
    }

    /// Notes that one begins; nothing when it runs here already.
    fn note(&self, key: &(RequestNo, Login)) -> Option<(watch::Sender<Word>, watch::Receiver<Word>)> {
        let mut all = self.all();
        if matches!(all.get(key).map(Known::of), Some(Known::Runs)) {
            return None;
        }
        let (tell, told) = watch::channel(None);
        all.insert(key.clone(), told.clone());
        Some((tell, told))
    }

    /// Begins it, unless it runs here already. Gives why not, if that is known within a moment.
    async fn begin(&self, app: &App, step: StepUp, no: &RequestNo) -> Result<(), Problem> {
        let key = (no.clone(), step.caller().login().clone());
        let Some((tell, mut told)) = self.note(&key) else { return Ok(()) };
        let (of, number) = (app.clone(), no.clone());
        app.goes_on(async move {
            let done = of.broker().request_execute(step, &number, &|_, _| {}).await;
            tell.send_replace(Some(done.map(drop).map_err(Problem::from)));
        });
        drop(timeout(PATIENCE, told.wait_for(Option::is_some)).await);
        let Known::Refused(problem) = self.of(&key) else { return Ok(()) };
        self.all().remove(&key);
        Err(problem)
    }
}

impl Known {
    fn of(told: &watch::Receiver<Word>) -> Known {
        // In this order: what ends in between has said its word.
        let runs = told.has_changed().is_ok();
        let word = told.borrow().clone();
        match word {
            Some(Ok(())) => Known::Nothing,
            Some(Err(problem)) => Known::Refused(problem),
            None if runs => Known::Runs,
            // It ended without a word.
            None => {
                let detail = "this failed inside the vault";
                Known::Refused(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", detail))
            }
        }
    }
}

/// Where an execution is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nobody has begun it.
    NotBegun,
    /// Signatures, vendor and consents are looked at.
    Checking,
    Writing,
    /// Everything is written; everyone is looked at once more.
    Sealing,
    Done,
    /// Not done, and can be begun again.
    BrokenOff,
    Recalled,
}

impl Stage {
    fn of(known: &Known, progress: Option<&Progress>) -> Stage {
        match (known, progress.map(|progress| progress.state)) {
            // What ended before is another one's.
            (Known::Runs, None | Some(FactKind::Aborted | FactKind::Recalled)) => Stage::Checking,
            (Known::Refused(_), None | Some(FactKind::Aborted | FactKind::Recalled)) => Stage::BrokenOff,
            (Known::Nothing, None) => Stage::NotBegun,
            (Known::Nothing, Some(FactKind::Aborted)) => Stage::BrokenOff,
            (Known::Nothing, Some(FactKind::Recalled)) => Stage::Recalled,
            // Whoever makes it: what was refused here may be done elsewhere by now.
            (_, Some(FactKind::Started)) => match progress {
                Some(progress) if !progress.held && !matches!(known, Known::Runs) => Stage::BrokenOff,
                Some(progress) if progress.written >= progress.rows => Stage::Sealing,
                _ => Stage::Writing,
            },
            (_, Some(_)) => Stage::Done,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Stage::NotBegun => "none",
            Stage::Checking => "checking",
            Stage::Writing => "writing",
            Stage::Sealing => "sealing",
            Stage::Done => "done",
            Stage::BrokenOff => "broken-off",
            Stage::Recalled => "recalled",
        }
    }

    fn word(self, w: &'static Common, r: &'static Words) -> &'static str {
        match self {
            Stage::NotBegun => r.stage_none,
            Stage::Checking => r.stage_checking,
            Stage::Writing => r.stage_writing,
            Stage::Sealing => r.stage_sealing,
            Stage::Done => w.done_executed,
            Stage::BrokenOff => r.stage_broken_off,
            Stage::Recalled => w.done_package_recalled,
        }
    }
}

/// What changes on the page; shown by `execution.html`.
struct Now {
    no: String,
    stage: Stage,
    package: String,
    /// All members were gone through: what is looked at before anything is written has held.
    counted: bool,
    selected: u64,
    written: u64,
    rows: u64,
    left_out: u64,
    parts: Option<(usize, usize)>,
    excluded: Vec<(&'static str, u64)>,
    problem: Option<Problem>,
}

impl Now {
    async fn of(app: &App, running: &Running, who: &Visitor, no: &str) -> Result<Now, Problem> {
        let number = request_number(no)?;
        // Before the store is looked at: what ends in between is found there.
        let known = running.of(&(number.clone(), who.session.caller().login().clone()));
        let progress = app.broker().request_progress(who.session.caller(), &number).await?;
        let (stage, w) = (Stage::of(&known, progress.as_ref()), who.look.words());
        let progress = progress.filter(|_| stage != Stage::Checking);
        let excluded = progress.iter().flat_map(|progress| &progress.excluded);
        let excluded = excluded.map(|(reason, n)| (w.exclusion(*reason), *n)).collect();
        let (selected, written, rows) = progress
            .as_ref()
            .map_or((0, 0, 0), |made| (made.selected, made.written.min(made.rows), made.rows));
        Ok(Now {
            no: number.to_string(),
            stage,
            counted: matches!(stage, Stage::Writing | Stage::Sealing | Stage::Done),
            selected,
            written,
            rows,
            left_out: selected.saturating_sub(rows),
            parts: progress.as_ref().and_then(|made| made.parts),
            package: progress.map(|made| made.package.to_string()).unwrap_or_default(),
            excluded,
            problem: match known {
                Known::Refused(problem) if stage == Stage::BrokenOff => Some(problem),
                _ => None,
            },
        })
    }

    fn goes_on(&self) -> bool {
        matches!(self.stage, Stage::Checking | Stage::Writing | Stage::Sealing)
    }

    fn path(&self) -> String {
        format!("/requests/{}", self.no)
    }
}

/// What is looked at before anything is written.
fn checks(r: &'static Words) -> [&'static str; 3] {
    [r.signatures_whole, r.key_ready, r.counted_now]
}

#[derive(Template)]
#[template(path = "request_execution.html")]
struct Page {
    frame: Frame,
    r: &'static Words,
    now: Now,
}

/// The same without what stands around it.
#[derive(Template)]
#[template(path = "execution_now.html")]
struct Piece {
    frame: Bare,
    r: &'static Words,
    now: Now,
    /// Whether it is where it was when the page was asked before.
    same: bool,
}

pub(super) async fn execute(
    State(app): State<App>,
    Extension(running): Extension<Running>,
    Path(no): Path,
    Proving(step, who, read): Proving<Read>,
) -> Result<Response, Problem> {
    let begun = async {
        let step = step?.having_seen(read.seen()?);
        running.begin(&app, step, &request_number(&no)?).await
    }
    .await;
    match begun {
        Ok(()) => Ok(to(format!("/requests/{no}/execution"))),
        Err(problem) => one::refused(&app, &no, who, Typed::default(), problem).await,
    }
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(running): Extension<Running>,
    Path(no): Path,
    who: Visitor,
) -> Result<Response, Problem> {
    let now = Now::of(&app, &running, &who, &no).await?;
    let frame = Frame::new(&app, &who, Place::Requests, now.no.clone()).await?;
    Ok(html(&Page { r: words::of(frame.look.lang), frame, now }))
}

/// What the page said when it was asked before.
#[derive(Deserialize)]
pub(super) struct Before {
    #[serde(default)]
    seen: String,
}

pub(super) async fn now(
    State(app): State<App>,
    Extension(running): Extension<Running>,
    Path(no): Path,
    Query(before): Query<Before>,
    who: Result<Visitor, Problem>,
) -> Response {
    let asked = async {
        let who = who?;
        Ok((Now::of(&app, &running, &who, &no).await?, who))
    };
    let (now, who) = match asked.await {
        Ok(found) => found,
        Err::<_, Problem>(problem) => return (problem.status(), [ANEW]).into_response(),
    };
    let same = before.seen == now.stage.code();
    html(&Piece { r: words::of(who.look.lang), frame: who.look.bare(), now, same })
}
