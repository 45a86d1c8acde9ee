//! The campaign calendar: a month of windows, hand-offs and destructions, a week a row. On a narrow screen it is a list of
//! the days that have something.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::Deserialize;

use super::list::standing;
use super::words::{self, Words};
use crate::broker::calendar::{Dated, Occasion};
use crate::broker::called::Called;
use crate::http::{App, Problem, Query};
use crate::model::day::month;
use crate::model::ids::UnitCode;
use crate::model::iso::parse_date;
use crate::model::lang::{Lang, Word as _};
use crate::web::answer::{html, percent};
use crate::web::frame::{Frame, Place};
use crate::web::visitor::Visitor;

/// Which month, and whose requests: each a text, for a form sends what is empty too.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    /// As in `2026-12`; the one it is when nothing is said.
    month: String,
    unit: String,
}

impl Which {
    /// The first day of the month.
    fn first(&self, today: Date) -> Result<Date, Problem> {
        if self.month.is_empty() {
            return Ok(today.first_of_month());
        }
        let first =
            parse_date(&format!("{}-01", self.month)).ok().filter(|day| (1900..2200).contains(&day.year()));
        first.ok_or_else(|| Problem::bad_value("/month", "a month as in 2026-12"))
    }
}

/// A day of the grid; one of another month has no number.
struct Day {
    number: i8,
    /// As the list says it: with its weekday.
    name: String,
    today: bool,
    marks: Vec<Mark>,
}

/// An occasion in words.
struct Mark {
    code: &'static str,
    what: &'static str,
    no: String,
    campaign: String,
    /// Unit, channel, vendor.
    about: String,
    standing: String,
}

impl Mark {
    fn of(frame: &Frame, r: &'static Words, called: &Called, dated: &Dated) -> Mark {
        let (lang, w) = (frame.look.lang, frame.w);
        let about = [
            called.unit(dated.unit.as_str(), lang),
            dated.channel.word(lang),
            called.vendor(dated.vendor.as_str(), lang),
        ];
        Mark {
            code: dated.what.code(),
            what: occasion(r, dated.what),
            no: dated.no.to_string(),
            campaign: dated.campaign.clone(),
            about: about.join(w.comma),
            standing: standing(lang, &dated.standing),
        }
    }
}

fn occasion(r: &'static Words, what: Occasion) -> &'static str {
    match what {
        Occasion::Opens => r.on_opens,
        Occasion::Closes => r.on_closes,
        Occasion::HandedOff => r.on_handed_off,
        Occasion::DestroyBy => r.on_destroy_by,
        Occasion::ProofDue => r.on_proof_due,
        Occasion::ProofOverdue => r.on_proof_overdue,
        Occasion::Proven => r.on_proven,
    }
}

#[derive(Template)]
#[template(path = "calendar.html")]
struct Page {
    frame: Frame,
    r: &'static Words,
    month: String,
    weekdays: [&'static str; 7],
    weeks: Vec<Vec<Day>>,
    empty: bool,
    previous: Option<String>,
    next: Option<String>,
    /// Units that have something in the month: code, name.
    units: Vec<(String, String)>,
    unit: String,
    code: String,
}

pub(super) async fn show(
    State(app): State<App>,
    who: Visitor,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    let today = app.broker().clock().today();
    let first = which.first(today)?;
    let found = app.broker().request_calendar(who.session.caller(), first).await?;
    let called = app.broker().called().await?;
    let (lang, r) = (who.look.lang, words::of(who.look.lang));
    let code = month_code(first);
    let frame =
        Frame::new(&app, &who, Place::Requests, format!("{} {code}", who.look.words().calendar)).await?;
    let units = units_in(&called, lang, &found, &which.unit);
    let wanted: Vec<&Dated> =
        found.iter().filter(|dated| which.unit.is_empty() || dated.unit.as_str() == which.unit).collect();
    let mark = |dated: &&Dated| Mark::of(&frame, r, &called, dated);
    let day = |day: Date| {
        let of_month = day.month() == first.month();
        let marks = wanted.iter().filter(|dated| of_month && dated.day == day).map(mark).collect();
        let number = if of_month { day.day() } else { 0 };
        Day { number, name: day_name(lang, r, day), today: of_month && day == today, marks }
    };
    let weeks = weeks(first).into_iter().map(|week| week.into_iter().map(day).collect()).collect();
    let beside = |months: i64| {
        let other = first.checked_add(months.months()).ok()?;
        let unit =
            if which.unit.is_empty() { String::new() } else { format!("&unit={}", percent(&which.unit)) };
        Some(format!("/requests/calendar?month={}{unit}", month_code(other)))
    };
    let page = Page {
        month: month_name(lang, first),
        weekdays: weekdays(r),
        weeks,
        empty: wanted.is_empty(),
        previous: beside(-1),
        next: beside(1),
        units,
        unit: which.unit,
        code,
        r,
        frame,
    };
    Ok(html(&page))
}

/// The units whose requests have something in the month, by name; the one that is asked for among them.
fn units_in(called: &Called, lang: Lang, found: &[Dated], asked: &str) -> Vec<(String, String)> {
    let asked = UnitCode::parse(asked).ok();
    let mut codes: Vec<&str> = found.iter().map(|dated| dated.unit.as_str()).collect();
    codes.extend(asked.as_ref().map(UnitCode::as_str));
    codes.sort_unstable();
    codes.dedup();
    codes.into_iter().map(|code| (code.to_owned(), called.unit(code, lang).to_owned())).collect()
}

/// The days of the weeks that a month touches, Mondays first.
fn weeks(first: Date) -> Vec<Vec<Date>> {
    let before = i64::from(first.weekday().to_monday_zero_offset());
    let mut day = first.saturating_sub(before.days());
    let mut weeks = Vec::new();
    while day <= first.last_of_month() {
        let week: Vec<Date> = (0..7i64).map(|n| day.saturating_add(n.days())).collect();
        weeks.push(week);
        day = day.saturating_add(7.days());
    }
    weeks
}

fn month_code(first: Date) -> String {
    format!("{:04}-{:02}", first.year(), first.month())
}

fn month_name(lang: Lang, first: Date) -> String {
    let name = month(lang, first.month().unsigned_abs());
    match lang {
        Lang::Zh => format!("{}年{name}", first.year()),
        Lang::En => format!("{name} {}", first.year()),
    }
}

fn day_name(lang: Lang, r: &'static Words, day: Date) -> String {
    let weekday = weekdays(r)[day.weekday().to_monday_zero_offset().unsigned_abs() as usize];
    match lang {
        Lang::Zh => format!("{}月{}日 {weekday}", day.month(), day.day()),
        Lang::En => format!("{weekday} {}", day.day()),
    }
}

fn weekdays(r: &'static Words) -> [&'static str; 7] {
    [r.monday, r.tuesday, r.wednesday, r.thursday, r.friday, r.saturday, r.sunday]
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_month_is_whole_weeks_from_monday() {
        let of = weeks(date(2026, 2, 1));
        assert_eq!((of[0][0], of.len()), (date(2026, 1, 26), 5));
        assert_eq!(of.last().unwrap()[6], date(2026, 3, 1));
        // One that begins on a Monday and ends on a Sunday.
        let of = weeks(date(2027, 2, 1));
        assert_eq!((of[0][0], of.len(), of[3][6]), (date(2027, 2, 1), 4, date(2027, 2, 28)));
    }

    #[test]
    fn a_month_is_what_an_address_says() {
        let of = |month: &str| Which { month: month.into(), unit: String::new() }.first(date(2026, 11, 29));
        assert_eq!(of("").unwrap(), date(2026, 11, 1));
        assert_eq!(of("2026-12").unwrap(), date(2026, 12, 1));
        for wrong in ["2026-13", "2026", "0001-01", "2026-12-01", "x"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
