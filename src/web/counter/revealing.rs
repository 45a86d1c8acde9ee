//! Values in clear, for a reason, on the page of the one who asked: once.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::super::answer::html;
use super::super::frame::{Frame, Place};
use super::super::visitor::Stepped;
use super::acting;
use super::typed::Typed;
use super::words::{self, Words};
use crate::http::{App, Problem};
use crate::model::lang::Word as _;
use crate::vault::Plain;

#[derive(Template)]
#[template(path = "counter_revealed.html")]
struct Revealed {
    frame: Frame,
    w: &'static Words,
    typed: Typed,
    opened: Vec<(&'static str, Plain)>,
}

impl Revealed {
    /// The values that were granted, for this one answer.
    fn values(&self) -> Result<Vec<(&'static str, &str)>, askama::Error> {
        let mut values = Vec::new();
        for (word, plain) in &self.opened {
            values.push((*word, plain.lend().map_err(|_| askama::Error::Fmt)?));
        }
        Ok(values)
    }
}

pub(super) async fn reveal(
    State(app): State<App>,
    Stepped(step, who, typed): Stepped<Typed>,
) -> Result<Response, Problem> {
    let fields = typed.fields("field")?;
    let reason = typed.one("reason");
    let opened = app.broker().member_reveal(step.caller(), &typed.member(), &fields, reason).await;
    let opened = match opened {
        Ok(opened) => opened,
        Err(wrong) => return acting::refused(&app, &who, acting::Kind::Reveal, typed, wrong.into()).await,
    };
    let w = words::of(who.look.lang);
    let frame = Frame::new(&app, &who, Place::Members, w.reveal).await?;
    let lang = frame.look.lang;
    let opened = opened.into_iter().map(|(field, plain)| (field.word(lang), plain)).collect();
    Ok(html(&Revealed { frame, w, typed, opened }))
}
