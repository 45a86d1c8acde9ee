//! The organisation as a file says it should be: first seen, then applied or proposed.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::tabs::{Tab, tabs};
use super::words::{self, Words};
use crate::broker::staffing::OrgChange;
use crate::http::{App, Problem};
use crate::model::lang::Lang;
use crate::web::answer::{html, html_about};
use crate::web::frame::{Frame, Place};
use crate::web::visitor::{Stepped, Visitor};

/// A file, and what to do with it.
#[derive(Deserialize)]
pub(super) struct Sent {
    text: String,
    /// `apply`; only look when not.
    #[serde(default)]
    how: String,
}

#[derive(Template)]
#[template(path = "admin_org.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    tabs: Vec<Tab>,
    text: String,
    change: Option<OrgChange>,
    lines: Vec<String>,
    /// It was only looked at.
    dry: bool,
    wrong: Option<Problem>,
}

impl Page {
    fn new(frame: Frame, w: &'static Words) -> Page {
        let tabs = tabs(&frame, w, "/admin/people");
        Page { frame, w, tabs, text: String::new(), change: None, lines: Vec::new(), dry: true, wrong: None }
    }
}

pub(super) async fn ask(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    let w = words::of(who.look.lang);
    Ok(html(&Page::new(Frame::new(&app, &who, Place::Admin, w.apply_file).await?, w)))
}

pub(super) async fn apply(
    State(app): State<App>,
    Stepped(step, who, sent): Stepped<Sent>,
) -> Result<Response, Problem> {
    let (w, dry) = (words::of(who.look.lang), sent.how != "apply");
    let applied = app.broker().org_apply(step.caller(), &sent.text, dry).await;
    let frame = Frame::new(&app, &who, Place::Admin, w.apply_file).await?;
    let page = Page { text: sent.text, dry, ..Page::new(frame, w) };
    let page = match applied {
        Ok(change) => {
            let lines = change.lines.iter().map(|line| told(who.look.lang, line)).collect();
            Page { change: Some(change), lines, ..page }
        }
        Err(wrong) => Page { wrong: Some(wrong.into()), ..page },
    };
    Ok(html_about(page.wrong.as_ref(), &page))
}

/// A change in words. What is signed and stored is the line as the broker wrote it.
pub(super) fn told(lang: Lang, line: &str) -> String {
    if lang == Lang::En {
        return line.to_owned();
    }
    let starts = [
        ("add unit ", "新增单位 "),
        ("change unit ", "变更单位 "),
        ("add person ", "新增员工 "),
        ("change person ", "变更员工 "),
        ("end the suspension of ", "恢复员工 "),
    ];
    if let Some((rest, zh)) = starts.iter().find_map(|(en, zh)| Some((line.strip_prefix(en)?, zh))) {
        return format!("{zh}{rest}");
    }
    let moved = |start: &str, joint: &str| {
        let (what, who) = line.strip_prefix(start)?.split_once(joint)?;
        let (role, unit) = what.split_once(" at ")?;
        Some((role.to_owned(), unit.to_owned(), who.to_owned()))
    };
    if let Some((role, unit, login)) = moved("give ", " to ") {
        return format!("授予 {login}:{unit} 的 {role}");
    }
    if let Some((role, unit, login)) = moved("take ", " from ") {
        return format!("收回 {login}:{unit} 的 {role}");
    }
    match line.strip_prefix("end the key of ").and_then(|rest| rest.strip_suffix(" and issue a code")) {
        Some(login) => format!("终止 {login} 的密钥并发放注册码"),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_in_chinese() {
        for (line, zh) in [
            ("add unit S09", "新增单位 S09"),
            ("give info_officer at S09 to li.na", "授予 li.na:S09 的 info_officer"),
            ("take admin at HQ from li.na", "收回 li.na:HQ 的 admin"),
            ("end the key of li.na and issue a code", "终止 li.na 的密钥并发放注册码"),
            ("something else", "something else"),
        ] {
            assert_eq!(told(Lang::Zh, line), zh);
        }
    }
}
