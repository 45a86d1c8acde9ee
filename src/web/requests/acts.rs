//! What is done to a request: submitted, countersigned, sent back, ended, handed on; reminded of, copied,
//! repeated. A refusal comes back on the request's page, with what was typed.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::one::{self, Typed};
use crate::broker::editions::Seen;
use crate::http::{App, Path, Problem, request_number};
use crate::model::code::Step;
use crate::model::ids::{Digest, Login};
use crate::web::answer::to;
use crate::web::problems::unreadable_form;
use crate::web::visitor::{Nothing, Posted, Proving, Visitor};

/// What goes with a signature.
#[derive(Deserialize)]
pub(super) struct Signing {
    /// The digest that the page showed with the sentence.
    digest: Option<Digest>,
    #[serde(flatten)]
    typed: Typed,
}

/// What the page was when it was read: the form behind it may be another by now.
#[derive(Deserialize)]
pub(super) struct Read {
    edition: String,
}

impl Read {
    pub(super) fn seen(&self) -> Result<Seen, Problem> {
        Ok(Seen::one_of(vec![self.edition.parse().map_err(|_| unreadable_form())?]))
    }
}

/// The request's page: with word of what was done, or with why it was not.
async fn ended(
    app: &App,
    no: &str,
    who: Visitor,
    typed: Typed,
    done: Result<&'static str, Problem>,
) -> Result<Response, Problem> {
    match done {
        Ok(what) => Ok(to(format!("/requests/{no}?done={what}"))),
        Err(problem) => one::refused(app, no, who, typed, problem).await,
    }
}

pub(super) async fn submit(
    State(app): State<App>,
    Path(no): Path,
    Proving(step, who, read): Proving<Read>,
) -> Result<Response, Problem> {
    let done = async {
        app.broker().request_submit(step?.having_seen(read.seen()?), &request_number(&no)?).await?;
        Ok("submitted")
    }
    .await;
    ended(&app, &no, who, Typed::default(), done).await
}

pub(super) async fn sign(
    State(app): State<App>,
    Path(no): Path,
    Proving(step, who, form): Proving<Signing>,
) -> Result<Response, Problem> {
    let done = async {
        let seen = form.digest.ok_or_else(unreadable_form)?;
        app.broker().request_sign(step?, &request_number(&no)?, form.typed.comment(), Some(seen)).await?;
        Ok("signed")
    }
    .await;
    ended(&app, &no, who, form.typed, done).await
}

pub(super) async fn send_back(
    State(app): State<App>,
    Path(no): Path,
    Proving(step, who, form): Proving<Signing>,
) -> Result<Response, Problem> {
    let Typed { comment, back_to, .. } = &form.typed;
    let done = async {
        let (broker, number) = (app.broker(), request_number(&no)?);
        if back_to.is_empty() {
            broker.request_return(step?, &number, comment).await?;
        } else {
            let back_to = Step::parse(back_to).map_err(|_| unreadable_form())?;
            broker.request_return_to(step?, &number, back_to, comment).await?;
        }
        Ok("returned")
    }
    .await;
    ended(&app, &no, who, form.typed, done).await
}

pub(super) async fn reject(
    State(app): State<App>,
    Path(no): Path,
    Proving(step, who, form): Proving<Signing>,
) -> Result<Response, Problem> {
    let done = async {
        app.broker().request_reject(step?, &request_number(&no)?, &form.typed.comment).await?;
        Ok("rejected")
    }
    .await;
    ended(&app, &no, who, form.typed, done).await
}

pub(super) async fn transfer(
    State(app): State<App>,
    Path(no): Path,
    Proving(step, who, form): Proving<Signing>,
) -> Result<Response, Problem> {
    let done = async {
        let deputy = person("/deputy", &form.typed.deputy)?;
        app.broker().request_transfer(step?, &request_number(&no)?, &deputy, form.typed.comment()).await?;
        Ok("transferred")
    }
    .await;
    ended(&app, &no, who, form.typed, done).await
}

pub(super) async fn recall(
    State(app): State<App>,
    Path(no): Path,
    Proving(step, who, form): Proving<Signing>,
) -> Result<Response, Problem> {
    let done = async {
        app.broker().request_recall(step?, &request_number(&no)?, form.typed.comment()).await?;
        Ok("recalled")
    }
    .await;
    ended(&app, &no, who, form.typed, done).await
}

pub(super) async fn remind(
    State(app): State<App>,
    Path(no): Path,
    Posted(who, Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let done = async {
        app.broker().request_remind(who.session.caller(), &request_number(&no)?).await?;
        Ok("reminded")
    }
    .await;
    ended(&app, &no, who, Typed::default(), done).await
}

pub(super) async fn copy(
    State(app): State<App>,
    Path(no): Path,
    Posted(who, typed): Posted<Typed>,
) -> Result<Response, Problem> {
    let done = async {
        let to = person("/login", &typed.login)?;
        app.broker().request_cc(who.session.caller(), &request_number(&no)?, &to).await?;
        Ok("copied")
    }
    .await;
    ended(&app, &no, who, typed, done).await
}

pub(super) async fn repeat(
    State(app): State<App>,
    Path(no): Path,
    Posted(who, Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let new = app.broker().request_repeat(who.session.caller(), &request_number(&no)?).await;
    match new {
        Ok(new) => Ok(to(format!("/requests/{new}/window?done=repeated"))),
        Err(wrong) => one::refused(&app, &no, who, Typed::default(), wrong.into()).await,
    }
}

/// A login that was typed.
fn person(pointer: &str, text: &str) -> Result<Login, Problem> {
    Login::parse(text.trim()).map_err(|wrong| Problem::bad_value(pointer, wrong))
}
