//! Files of members, and the suppression list: checked first, then sent again and imported. What is wrong with rows is shown
//! and can be saved; it holds no value.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use askama::Template;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::answer::{html, html_as};
use super::super::frame::{Frame, Place};
use super::super::visitor::Visitor;
use super::running::{self, Run};
use super::upload::Upload;
use super::words::{self, Words};
use crate::broker::consents::SuppressionReport;
use crate::broker::imports::{ImportOptions, ImportReport};
use crate::http::{App, Problem};
use crate::intake::{Column, Names};
use crate::model::code::Role;
use crate::model::lang::Lang;

/// Errors that a page lists.
const LISTED: usize = 100;
/// Bytes of errors that a page gives to save: some ten thousand lines.
const KEPT: usize = 1 << 20;

/// A column that is understood.
struct Known {
    zh: &'static str,
    code: &'static str,
    is_required: bool,
    /// What it is called in the reader's file.
    called: String,
}

impl Known {
    /// As the form names it.
    fn field(&self) -> String {
        field(self.code)
    }
}

fn field(code: &str) -> String {
    format!("called.{code}")
}

/// A row that was not taken.
struct Wrong {
    line: String,
    column: String,
    why: String,
}

/// The errors file of one answer.
struct Errors {
    listed: Vec<Wrong>,
    /// There are more than the page lists.
    more: bool,
    /// There are more than the file holds.
    cut: bool,
    /// The file, as an address of its own.
    address: String,
}

/// What an import did, or would do.
struct Done {
    is_check: bool,
    report: ImportReport,
    flagged: String,
    errors: Option<Errors>,
    /// It is not the file that was checked.
    is_other: bool,
}

#[derive(Template)]
#[template(path = "counter_imports.html")]
struct Imports {
    frame: Frame,
    w: &'static Words,
    columns: Vec<Known>,
    done: Option<Done>,
    listed: Option<(SuppressionReport, Option<Errors>)>,
    problem: Option<Problem>,
    /// Those of the last month, newest first.
    runs: Vec<Run>,
}

impl Imports {
    async fn new(app: &App, who: &Visitor) -> Result<Imports, Problem> {
        let w = words::of(who.look.lang);
        let frame = Frame::new(app, who, Place::Members, w.imports).await?;
        let known = |column: &Column| Known {
            zh: column.zh(),
            code: column.code(),
            is_required: matches!(column, Column::Card | Column::Name),
            called: String::new(),
        };
        let columns = Column::ALL.iter().map(known).collect();
        let runs = running::newest(app, who, &frame).await?;
        Ok(Imports { frame, w, columns, done: None, listed: None, problem: None, runs })
    }

    /// With what the reader's file calls its columns.
    fn called(mut self, called: Vec<(Column, String)>) -> Imports {
        for (known, (_, name)) in self.columns.iter_mut().zip(called) {
            known.called = name;
        }
        self
    }

    /// The table of columns is open when it is in use, and when the header row was not understood.
    fn shows_columns(&self) -> bool {
        let header = ["file_no_header", "file_missing_column", "file_duplicate_column"];
        self.columns.iter().any(|known| !known.called.is_empty())
            || self.problem.as_ref().is_some_and(|problem| header.contains(&problem.code()))
    }

    /// What a script fills in when an import runs.
    fn nothing(&self) -> Option<&Run> {
        None
    }

    fn may_suppress(&self) -> bool {
        self.frame.has(Role::MemberHead)
    }
}

pub(super) async fn ask(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    Ok(html(&Imports::new(&app, &who).await?))
}

/// The header row of a member file in the reader's language, for a spreadsheet.
pub(super) async fn template(who: Visitor) -> Response {
    let lang = who.look.lang;
    let names: Vec<&str> = Column::ALL.iter().map(|column| words::column(lang, *column)).collect();
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"members.csv\""),
    ];
    (headers, format!("\u{FEFF}{}\r\n", names.join(","))).into_response()
}

pub(super) async fn import(State(app): State<App>, upload: Upload) -> Result<Response, Problem> {
    let is_check = upload.one("step") != "import";
    let checked = upload.one("checked").to_owned();
    let kept = Kept::default();
    let options =
        ImportOptions { dry_run: is_check, errors: Some(Box::new(kept.clone())), progress: &|_| {} };
    let called = |column: &Column| (*column, upload.one(&field(column.code())).to_owned());
    let called: Vec<(Column, String)> = Column::ALL.iter().map(called).collect();
    let names = Names::new(called.clone());
    // The reader takes the file; who asked stays.
    let (who, file) = upload.split();
    let imported = app.broker().member_import_named(who.session.caller(), file, names, options).await;
    let page = Imports::new(&app, &who).await?.called(called);
    match imported {
        Err(wrong) => Ok(refused(page, wrong.into())),
        Ok(report) => {
            let sha256 = report.sha256.to_string();
            let is_other = !is_check && !checked.is_empty() && checked != sha256;
            let flagged = report.flagged.map_or_else(|| page.w.not_known_yet.to_owned(), |n| n.to_string());
            let errors = kept.errors(page.frame.look.lang);
            let done = Some(Done { is_check, report, flagged, errors, is_other });
            Ok(html(&Imports { done, ..page }))
        }
    }
}

pub(super) async fn suppress(State(app): State<App>, upload: Upload) -> Result<Response, Problem> {
    let reason = upload.one("reason").to_owned();
    let kept = Kept::default();
    let (who, file) = upload.split();
    let errors: Option<Box<dyn Write + Send>> = Some(Box::new(kept.clone()));
    let listed = app.broker().suppression_import(who.session.caller(), file, &reason, errors).await;
    let page = Imports::new(&app, &who).await?;
    match listed {
        Err(wrong) => Ok(refused(page, wrong.into())),
        Ok(report) => {
            let errors = kept.errors(page.frame.look.lang);
            Ok(html(&Imports { listed: Some((report, errors)), ..page }))
        }
    }
}

fn refused(page: Imports, problem: Problem) -> Response {
    let status = problem.status();
    html_as(status, &Imports { problem: Some(problem), ..page })
}

/// An errors file in memory, as far as a page can give it.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    bytes: Vec<u8>,
    cut: bool,
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT.saturating_sub(inner.bytes.len());
        inner.cut |= bytes.len() > room;
        inner.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    /// What it holds, if that is more than a header row.
    fn errors(&self, lang: Lang) -> Option<Errors> {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = inner.bytes.as_slice();
        if inner.cut {
            // Whole lines only.
            let end = bytes.windows(2).rposition(|pair| pair == b"\r\n").map_or(0, |at| at + 2);
            bytes = &bytes[..end];
        }
        let mut reader = csv::Reader::from_reader(bytes);
        let rows = reader.records().filter_map(Result::ok);
        // line, column, 列, code, 原因, reason
        let (column, why) = if lang == Lang::Zh { (2, 4) } else { (1, 5) };
        let mut rows = rows.map(|row| {
            let cell = |at: usize| row.get(at).unwrap_or_default().to_owned();
            Wrong { line: cell(0), column: cell(column), why: cell(why) }
        });
        let listed: Vec<Wrong> = rows.by_ref().take(LISTED).collect();
        let more = rows.next().is_some();
        let address = format!("data:text/csv;charset=utf-8;base64,{}", STANDARD.encode(bytes));
        (!listed.is_empty()).then_some(Errors { listed, more, cut: inner.cut, address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(lines: usize) -> Kept {
        let mut kept = Kept::default();
        kept.write_all("\u{FEFF}line,column,列,code,原因,reason\r\n".as_bytes()).unwrap();
        for line in 0..lines {
            let row = format!("{line},mobile,手机,not_mobile,不是有效的手机号,is not a mobile number\r\n");
            kept.write_all(row.as_bytes()).unwrap();
        }
        kept
    }

    #[test]
    fn errors_are_listed_in_the_readers_language_and_saved_in_both() {
        assert!(kept(0).errors(Lang::Zh).is_none());
        let errors = kept(2).errors(Lang::Zh).unwrap();
        assert_eq!((errors.listed.len(), errors.more, errors.cut), (2, false, false));
        assert_eq!((&*errors.listed[1].line, &*errors.listed[1].column), ("1", "手机"));
        assert_eq!(kept(1).errors(Lang::En).unwrap().listed[0].why, "is not a mobile number");
        assert!(kept(101).errors(Lang::En).unwrap().more);
    }

    #[test]
    fn a_file_that_is_too_long_ends_with_a_whole_line() {
        let errors = kept(40_000).errors(Lang::En).unwrap();
        assert!(errors.cut && errors.more);
        let (_, text) = errors.address.split_once("base64,").unwrap();
        let text = String::from_utf8(STANDARD.decode(text).unwrap()).unwrap();
        assert!(text.len() <= KEPT && text.ends_with("is not a mobile number\r\n"));
    }
}
