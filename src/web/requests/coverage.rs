//! How many members there are a grant for, by channel and store: a table, a bar in each of its cells.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::words::{self, Words};
use crate::broker::called::Called;
use crate::broker::coverage::{Coverage, Covered};
use crate::http::{App, Problem};
use crate::model::code::{Channel, Purpose};
use crate::model::lang::{Lang, Word as _};
use crate::web::answer::{html, html_about, to};
use crate::web::frame::{Frame, Place};
use crate::web::visitor::{Nothing, Posted, Visitor};

/// Of fewer members a part is not told: both numbers were rounded to tens.
const ENOUGH: u64 = 100;

/// A line of the table.
struct Line {
    name: String,
    members: String,
    cells: Vec<Cell>,
    sum: bool,
}

/// How many of a line's members, and how wide the bar is, of a hundred.
struct Cell {
    count: String,
    /// As a part of a hundred; nothing is worked out from "<10", nor from a few tens.
    share: String,
    wide: u64,
}

/// What was counted, in words.
struct Counted {
    at: String,
    ways: Vec<String>,
    lines: Vec<Line>,
}

#[derive(Template)]
#[template(path = "coverage.html")]
struct Page {
    frame: Frame,
    r: &'static Words,
    counted: Option<Counted>,
    problem: Option<Problem>,
}

impl Counted {
    fn of(lang: Lang, r: &'static Words, called: &Called, coverage: Coverage) -> Counted {
        let Coverage { at, ways, stores, sum } = coverage;
        let named = |line: &Covered| {
            line.store
                .as_ref()
                .map_or_else(|| r.no_store.to_owned(), |code| called.unit(code, lang).to_owned())
        };
        let mut lines: Vec<Line> =
            stores.into_iter().map(|line| Line::of(named(&line), line, false)).collect();
        lines.extend(sum.map(|line| Line::of(r.all_of_these.to_owned(), line, true)));
        let several = ways.iter().any(|(purpose, _)| *purpose != Purpose::Promotion);
        let way = |(purpose, channel): (Purpose, Channel)| match several {
            true => format!("{} · {}", purpose.word(lang), channel.word(lang)),
            false => channel.word(lang).to_owned(),
        };
        Counted { at, ways: ways.into_iter().map(way).collect(), lines }
    }
}

impl Line {
    fn of(name: String, line: Covered, sum: bool) -> Line {
        let all: Option<u64> = line.members.parse().ok();
        let cell = |count: String| {
            let part = all.zip(count.parse::<u64>().ok()).filter(|(all, _)| *all >= ENOUGH);
            // Both were rounded: a part is never more than all of it.
            let part = part.map(|(all, granted)| (granted * 100 / all).min(100));
            Cell {
                count,
                share: part.map(|part| format!("{part}%")).unwrap_or_default(),
                wide: part.unwrap_or_default(),
            }
        };
        Line { name, members: line.members, cells: line.granted.into_iter().map(cell).collect(), sum }
    }
}

pub(super) async fn show(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    Ok(html(&page(&app, &who).await?))
}

/// Counts, and leads to what was counted: loading the page anew does not count again.
pub(super) async fn count(
    State(app): State<App>,
    Posted(who, Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    match app.broker().consent_coverage_count(who.session.caller()).await {
        Ok(()) => Ok(to("/requests/coverage")),
        Err(wrong) => {
            let problem = Problem::from(wrong);
            // Who may not see the page either is told what was refused first.
            let page = page(&app, &who).await.map_err(|_| problem.clone())?;
            Ok(html_about(Some(&problem), &Page { problem: Some(problem.clone()), ..page }))
        }
    }
}

async fn page(app: &App, who: &Visitor) -> Result<Page, Problem> {
    let coverage = app.broker().consent_coverage(who.session.caller()).await?;
    let called = app.broker().called().await?;
    let frame = Frame::new(app, who, Place::Requests, who.look.words().coverage).await?;
    let (lang, r) = (frame.look.lang, words::of(frame.look.lang));
    let counted = coverage.map(|coverage| Counted::of(lang, r, &called, coverage));
    Ok(Page { frame, r, counted, problem: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_worked_out_from_a_few() {
        let granted = ["1230", "<10", "620"].map(str::to_owned).to_vec();
        let line = Line::of(String::new(), Covered { store: None, members: "1230".into(), granted }, false);
        let shown: Vec<(&str, u64)> =
            line.cells.iter().map(|cell| (cell.share.as_str(), cell.wide)).collect();
        assert_eq!(shown, [("100%", 100), ("", 0), ("50%", 50)]);
        let some = Covered { store: None, members: "20".into(), granted: vec!["20".into()] };
        assert_eq!(Line::of(String::new(), some, false).cells[0].share, "");
        let few = Covered { store: None, members: "<10".into(), granted: vec!["<10".into()] };
        assert_eq!(Line::of(String::new(), few, false).cells[0].share, "");
    }
}
