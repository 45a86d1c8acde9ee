//! Pictures of the log: who revealed how much on which day, and how long requests wait for each signature.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::explorer::who;
use super::tabs::{Tab, tabs};
use super::words::{self, Words};
use crate::broker::called::Called;
use crate::broker::exploring::Pictures;
use crate::http::{App, Problem, Query};
use crate::web::answer::html;
use crate::web::called::Whom;
use crate::web::frame::{Frame, Place};
use crate::web::visitor::Visitor;

/// How far back, when nobody says.
const DAYS: i32 = 14;

/// How far back.
#[derive(Deserialize)]
pub(super) struct Since {
    days: Option<i32>,
}

/// A day's row of the table: a number and how high its bar is, of a hundred, for each person.
struct DayRow {
    day: String,
    cells: Vec<(u64, u64)>,
    sum: u64,
}

/// How long a step took.
struct Wait {
    name: &'static str,
    count: usize,
    median: String,
    longest: String,
    /// Of a hundred, the median beside the greatest.
    wide: u64,
}

#[derive(Template)]
#[template(path = "audits_pictures.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    tabs: Vec<Tab>,
    own: u64,
    days: i32,
    from: String,
    cut: bool,
    people: Vec<Whom>,
    rows: Vec<DayRow>,
    waits: Vec<Wait>,
}

pub(super) async fn show(
    State(app): State<App>,
    reader: Visitor,
    Query(since): Query<Since>,
) -> Result<Response, Problem> {
    let w = words::of(reader.look.lang);
    let days = since.days.unwrap_or(DAYS).clamp(1, 92);
    let found = app.broker().audit_pictures(reader.session.caller(), days).await?;
    let frame = Frame::new(&app, &reader, Place::Audit, w.pictures).await?;
    let called = app.broker().called().await?;
    let (people, rows) = reveals(w, &called, &found);
    Ok(html(&Page {
        tabs: tabs(&frame, w, "/audit/pictures"),
        frame,
        w,
        own: found.own,
        days,
        from: found.from.to_string(),
        cut: found.cut,
        people,
        rows,
        waits: waits(w, &found.waits),
    }))
}

fn reveals(w: &'static Words, called: &Called, found: &Pictures) -> (Vec<Whom>, Vec<DayRow>) {
    let people: BTreeSet<&str> = found.reveals.keys().map(|(person, _)| person.as_str()).collect();
    let days: BTreeSet<&str> = found.reveals.keys().map(|(_, day)| day.as_str()).collect();
    let most = found.reveals.values().copied().max().unwrap_or(1).max(1);
    let count = |person: &str, day: &str| {
        found.reveals.get(&(person.to_owned(), day.to_owned())).copied().unwrap_or_default()
    };
    let row = |day: &str| {
        let counts: Vec<u64> = people.iter().map(|person| count(person, day)).collect();
        DayRow {
            day: day.to_owned(),
            sum: counts.iter().sum(),
            cells: counts.into_iter().map(|n| (n, n * 100 / most)).collect(),
        }
    };
    let rows = days.into_iter().map(row).collect();
    (people.into_iter().map(|person| who(w, called, person)).collect(), rows)
}

fn waits(w: &'static Words, found: &BTreeMap<&'static str, Vec<f64>>) -> Vec<Wait> {
    let steps = [
        ("first", w.wait_first),
        ("second", w.wait_second),
        ("third", w.wait_third),
        ("executed", w.wait_executed),
    ];
    let known: Vec<(&str, Vec<f64>)> = steps
        .into_iter()
        .filter_map(|(code, name)| {
            let mut hours = found.get(code)?.clone();
            hours.sort_by(f64::total_cmp);
            Some((name, hours))
        })
        .collect();
    let most = known.iter().map(|(_, hours)| median(hours)).fold(0.0, f64::max);
    let wait = |(name, hours): (&'static str, Vec<f64>)| Wait {
        name,
        count: hours.len(),
        median: format!("{:.1}", median(&hours)),
        longest: format!("{:.1}", hours.last().copied().unwrap_or_default()),
        wide: if most > 0.0 { (median(&hours) * 100.0 / most) as u64 } else { 0 },
    };
    known.into_iter().map(wait).collect()
}

/// Of what is in order and not empty.
fn median(hours: &[f64]) -> f64 {
    let half = hours.len() / 2;
    match hours.len() % 2 {
        0 if half == 0 => 0.0,
        0 => (hours[half - 1] + hours[half]) / 2.0,
        _ => hours[half],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[3.0]), 3.0);
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]), 3.0);
    }
}
