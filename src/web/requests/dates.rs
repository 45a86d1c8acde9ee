//! The last step of the form: when, and how many at most.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::drafting::{Came, keep, kept};
use super::steps::{Stop, stops};
use super::words::{self, Words};
use crate::http::{App, Path, Problem};
use crate::web::answer::{html_about, to};
use crate::web::frame::{Frame, Place};
use crate::web::visitor::{Posted, Visitor};

/// When, and how many, as it was typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Dates {
    from: String,
    to: String,
    destroy_by: String,
    row_limit: String,
}

impl Dates {
    fn of(form: &Value) -> Dates {
        let text = |pointer: &str| match form.pointer(pointer) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        Dates {
            from: text("/window/from"),
            to: text("/window/to"),
            destroy_by: text("/destroy_by"),
            row_limit: text("/row_limit"),
        }
    }

    fn fill(&self, form: &mut Value) -> Result<(), Problem> {
        let rows: i64 =
            self.row_limit.trim().parse().map_err(|_| Problem::bad_value("/row_limit", "a number"))?;
        form["window"] = json!({ "from": self.from, "to": self.to });
        form["destroy_by"] = json!(self.destroy_by);
        form["row_limit"] = json!(rows);
        Ok(())
    }
}

#[derive(Template)]
#[template(path = "draft_window.html")]
struct Window {
    frame: Frame,
    r: &'static Words,
    stops: Vec<Stop>,
    no: String,
    dates: Dates,
    problem: Option<Problem>,
    live: bool,
    /// What is said of what was typed: whether it is kept.
    note: &'static str,
}

async fn page(app: &App, who: &Visitor, no: String, dates: Dates, came: Came) -> Result<Response, Problem> {
    let frame = Frame::new(app, who, Place::Requests, no.clone()).await?;
    let r = words::of(frame.look.lang);
    let (note, Came { problem, live, .. }) = (came.note(&frame, r), came);
    let window = Window { frame, r, stops: stops(r, 3, Some(&no)), no, dates, problem, live, note };
    Ok(html_about(window.problem.as_ref(), &window))
}

pub(super) async fn ask(State(app): State<App>, Path(no): Path, who: Visitor) -> Result<Response, Problem> {
    let dates = Dates::of(&kept(&app, &who, &no).await?.form);
    page(&app, &who, no, dates, Came::default()).await
}

pub(super) async fn save(
    State(app): State<App>,
    Path(no): Path,
    headers: HeaderMap,
    Posted(who, dates): Posted<Dates>,
) -> Result<Response, Problem> {
    let live = headers.contains_key("hx-request");
    let mut draft = kept(&app, &who, &no).await?;
    let saved = async {
        dates.fill(&mut draft.form)?;
        keep(&app, &who, &no, &draft).await
    };
    match saved.await {
        Ok(()) if !live => Ok(to(format!("/requests/{no}?done=saved"))),
        saved => page(&app, &who, no, dates, Came::of(saved.map(|()| true), live)).await,
    }
}
