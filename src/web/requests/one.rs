//! One request: where it stands, what a signature agrees to, what would leave, and what its reader may do now.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::list::standing;
use super::words::{self, Words};
use crate::broker::abilities::WhyNot;
use crate::broker::called::Called;
use crate::broker::showing::{Change, Happening, Preview, RequestShown, SlotShown};
use crate::http::{App, Path, Problem, request_number};
use crate::model::code::{Channel, Purpose, Role, Step};
use crate::model::field::Field;
use crate::model::ids::UnitCode;
use crate::model::lang::{Lang, Word as _};
use crate::model::selection::Selection;
use crate::model::signing::SignedAct;
use crate::policy::Slot;
use crate::web::answer::html_about;
use crate::web::called::Whom;
use crate::web::fall::Waterfall;
use crate::web::frame::{Frame, Place};
use crate::web::visitor::{Nothing, Posted, Visitor};

/// A stop of the chain as the rail shows it.
struct Rail {
    name: &'static str,
    /// `done`, `now` or `next`.
    state: &'static str,
    by: Option<Whom>,
    /// What is said of the people after it.
    note: &'static str,
    people: Vec<Whom>,
    at: String,
}

/// What the reader cannot do, and why.
struct Cannot {
    /// As commands name it.
    code: &'static str,
    verb: &'static str,
    not: WhyNot,
}

/// What was typed into the page's forms; a password is none of it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    pub(super) comment: String,
    /// Of a return: an earlier step; the requester when it is empty.
    pub(super) back_to: String,
    /// Of a transfer: whom to.
    pub(super) deputy: String,
    /// Of a copy: whom to.
    pub(super) login: String,
}

impl Typed {
    pub(super) fn comment(&self) -> Option<&str> {
        Some(self.comment.trim()).filter(|comment| !comment.is_empty())
    }
}

/// What came of a form of this page; nothing when it was only opened.
#[derive(Default)]
struct Came {
    preview: Option<Preview>,
    problem: Option<Problem>,
    typed: Typed,
}

#[derive(Template)]
#[template(path = "request.html")]
struct One {
    frame: Frame,
    r: &'static Words,
    shown: RequestShown,
    sentence: String,
    standing: String,
    rail: Vec<Rail>,
    lines: Vec<(&'static str, String)>,
    past: Vec<Past>,
    changed: Vec<(&'static str, String, String)>,
    cannot: Vec<Cannot>,
    earlier: Vec<(Step, &'static str)>,
    count: Option<Waterfall>,
    audits: bool,
    problem: Option<Problem>,
    typed: Typed,
    called: Called,
}

impl One {
    /// Whether the reader may do this now; the broker decides again.
    fn may(&self, verb: &str) -> bool {
        self.shown.whole.can.iter().any(|ability| ability.verb == verb && ability.may)
    }

    fn path(&self) -> String {
        format!("/requests/{}", self.shown.no)
    }

    fn whole(&self) -> &crate::broker::showing::Whole {
        &self.shown.whole
    }

    /// The digest that people compare: its first twelve places.
    fn short(&self) -> &str {
        self.shown.digest.as_deref().and_then(|digest| digest.get(..12)).unwrap_or_default()
    }

    fn vendor(&self) -> &str {
        self.called.vendor(self.whole().leaves.vendor.as_str(), self.frame.look.lang)
    }

    fn unit<'a>(&'a self, unit: &'a UnitCode) -> &'a str {
        self.called.unit(unit.as_str(), self.frame.look.lang)
    }

    /// Why a draft cannot be submitted by the reader.
    fn not_submitted(&self) -> Option<&Cannot> {
        let draft = self.shown.standing == "draft";
        self.cannot.iter().find(|cannot| draft && cannot.code == "submit")
    }

    fn fields(&self) -> String {
        let words: Vec<&str> =
            self.whole().leaves.fields.iter().map(|f| f.word(self.frame.look.lang)).collect();
        words.join(self.frame.w.comma)
    }

    fn columns(&self) -> String {
        self.whole().leaves.columns.join(", ")
    }

    fn basis(&self) -> String {
        let (lang, leaves) = (self.frame.look.lang, &self.whole().leaves);
        let class = leaves.recipient_class.map_or("—", |class| self.frame.w.class(class));
        format!(
            "{} {} · {} · {class}",
            self.r.basis_text,
            leaves.purpose.word(lang),
            leaves.channel.word(lang)
        )
    }
}

pub(super) async fn show(State(app): State<App>, Path(no): Path, who: Visitor) -> Result<Response, Problem> {
    page(&app, &no, &who, Came::default()).await
}

/// The page once more, with why not and what was typed.
pub(super) async fn refused(
    app: &App,
    no: &str,
    who: Visitor,
    typed: Typed,
    problem: Problem,
) -> Result<Response, Problem> {
    let came = Came { problem: Some(problem.clone()), typed, preview: None };
    // Who may not see it either is told what was refused first.
    page(app, no, &who, came).await.map_err(|_| problem)
}

/// Counts what would leave now, and shows the page with it.
pub(super) async fn count(
    State(app): State<App>,
    Path(no): Path,
    Posted(who, Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    match app.broker().request_preview(who.session.caller(), &request_number(&no)?).await {
        Ok(preview) => page(&app, &no, &who, Came { preview: Some(preview), ..Came::default() }).await,
        Err(wrong) => refused(&app, &no, who, Typed::default(), wrong.into()).await,
    }
}

async fn page(app: &App, no: &str, who: &Visitor, came: Came) -> Result<Response, Problem> {
    let mut shown = app.broker().request_show(who.session.caller(), &request_number(no)?).await?;
    let frame = Frame::new(app, who, Place::Requests, shown.no.to_string()).await?;
    let (lang, r) = (frame.look.lang, words::of(frame.look.lang));
    let called = app.broker().called().await?;
    let cannot = std::mem::take(&mut shown.whole.can);
    let (can, cannot): (Vec<_>, Vec<_>) = cannot.into_iter().partition(|ability| ability.may);
    shown.whole.can = can;
    let cannot = cannot.into_iter().filter_map(|ability| {
        let verb = verb_word(r, ability.verb)?;
        Some(Cannot { code: ability.verb, verb, not: ability.not? })
    });
    let earlier = shown.standing.strip_prefix("waiting: ").and_then(|step| Step::parse(step).ok());
    let earlier = Step::ALL.iter().take_while(|step| Some(**step) != earlier).filter(|_| earlier.is_some());
    let one = One {
        r,
        sentence: lang.pick(&shown.sentence_zh, &shown.sentence_en).to_owned(),
        standing: standing(lang, &shown.standing),
        rail: rail(&frame, r, &called, &shown),
        lines: lines(&frame, &called, &shown.form),
        past: shown.whole.timeline.iter().map(|what| Past::of(&frame, r, &called, what)).collect(),
        changed: shown.whole.changed.iter().map(|change| changed(&frame, r, &called, change)).collect(),
        cannot: cannot.collect(),
        earlier: earlier.map(|step| (*step, step.word(lang))).collect(),
        count: came.preview.map(|preview| Waterfall::of(lang, &preview)),
        audits: frame.has(Role::Auditor) || frame.has(Role::MemberHead),
        typed: came.typed,
        problem: came.problem,
        called,
        frame,
        shown,
    };
    Ok(html_about(one.problem.as_ref(), &one))
}

/// The word of a verb that has a button.
fn verb_word(r: &'static Words, verb: &str) -> Option<&'static str> {
    Some(match verb {
        "submit" => r.submit,
        "sign" => r.sign,
        "transfer" => r.transfer,
        "recall" => r.recall,
        "remind" => r.remind,
        "execute" => r.execute,
        "preview" => r.count_now,
        "revise" => r.edit_selection,
        _ => return None,
    })
}

fn rail(frame: &Frame, r: &'static Words, called: &Called, shown: &RequestShown) -> Vec<Rail> {
    let submitted = shown.facts.first();
    let asked = Rail {
        name: r.slot_asked,
        state: if submitted.is_some() { "done" } else { "now" },
        by: Some(Whom::of(called, submitted.map_or(&shown.whole.drafted_by, |fact| &fact.signer).as_str())),
        note: "",
        people: Vec::new(),
        at: submitted.map(|fact| fact.at.clone()).unwrap_or_default(),
    };
    let stops = shown.whole.chain.iter().map(|slot| stop(frame, r, called, shown, slot));
    std::iter::once(asked).chain(stops).collect()
}

fn stop(frame: &Frame, r: &'static Words, called: &Called, shown: &RequestShown, slot: &SlotShown) -> Rail {
    let step = Step::ALL.iter().copied().find(|step| Slot::of(*step) == slot.slot);
    let (name, now) = match (step, slot.slot) {
        (Some(step), _) => (step.word(frame.look.lang), shown.standing == format!("waiting: {step}")),
        (None, Slot::Executor) => (r.slot_executor, shown.standing == "signed"),
        (None, _) => (r.slot_receiver, shown.standing.starts_with("executed")),
    };
    let done = slot.at.is_some();
    let (note, people) = match (&slot.in_place_of, &slot.handed_to) {
        (Some(whose), _) => (r.in_place_of, std::slice::from_ref(whose)),
        (None, Some(deputy)) => (r.handed_to, std::slice::from_ref(deputy)),
        (None, None) if done || slot.by.is_some() => ("", [].as_slice()),
        (None, None) if slot.could.is_empty() => (r.nobody_could, [].as_slice()),
        (None, None) => (r.could, slot.could.as_slice()),
    };
    Rail {
        name,
        state: match (done, now) {
            (true, _) => "done",
            (false, true) => "now",
            (false, false) => "next",
        },
        by: slot.by.as_ref().map(|by| Whom::of(called, by.as_str())),
        note,
        people: Whom::all(called, people),
        at: slot.at.clone().unwrap_or_default(),
    }
}

/// A line of what happened.
struct Past {
    at: String,
    who: Whom,
    what: String,
    comment: Option<String>,
}

impl Past {
    fn of(frame: &Frame, r: &'static Words, called: &Called, what: &Happening) -> Past {
        let word = match (SignedAct::parse(&what.what), what.what.as_str()) {
            (Ok(act), _) => frame.w.act(act),
            (Err(_), "remind") => r.what_remind,
            (Err(_), "copy") => r.what_copy,
            (Err(_), _) => "",
        };
        let step = what.step.map(|step| format!(" · {}", step.word(frame.look.lang))).unwrap_or_default();
        let to = what.to.as_ref().filter(|_| what.what != "remind");
        let to = to.map(|to| {
            format!(
                " → {}",
                Step::parse(to).map_or_else(|_| called.person(to), |step| step.word(frame.look.lang))
            )
        });
        Past {
            at: what.at.clone(),
            who: Whom::of(called, what.who.as_str()),
            what: format!("{word}{step}{}", to.unwrap_or_default()),
            comment: what.comment.clone(),
        }
    }
}

/// A change of the form: what is another, what it was, what it is; in words.
fn changed(
    frame: &Frame,
    r: &'static Words,
    called: &Called,
    change: &Change,
) -> (&'static str, String, String) {
    let (w, key) = (frame.w, change.field.as_str());
    let name = match key {
        "unit" => w.unit,
        "campaign" => w.campaign,
        "purpose" => w.purpose,
        "channel" => w.channel,
        "fields" => w.fields,
        "vendor" => w.vendor,
        "receiver" => w.receiver,
        "window" => w.window,
        "destroy_by" => w.destroy_by,
        "row_limit" => w.row_limit,
        "impact_assessment" => w.assessment,
        "selection" => r.step_whom,
        _ => w.reason,
    };
    let said = |value: &Value| match value {
        Value::Null => "—".to_owned(),
        value if key == "selection" => Selection::from_value(value)
            .map_or_else(|_| value.to_string(), |selection| selection.sentence(frame.look.lang)),
        value => {
            let form = json!({ key: value });
            let line = lines(frame, called, &form).into_iter().find(|(line, _)| *line == name);
            line.map(|(_, text)| text).unwrap_or_default()
        }
    };
    (name, said(&change.before), said(&change.now))
}

/// What the form says, a line each.
pub(in crate::web) fn lines(frame: &Frame, called: &Called, form: &Value) -> Vec<(&'static str, String)> {
    let (w, lang) = (frame.w, frame.look.lang);
    let text = |key: &str| form[key].as_str().unwrap_or_default().to_owned();
    let fields = form["fields"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let fields =
        fields.map(|code| Field::parse(code).map_or(code, |field| field.word(lang))).collect::<Vec<_>>();
    let day = |end: &str| form["window"][end].as_str().unwrap_or_default().to_owned();
    let all = [
        (w.unit, called.unit(&text("unit"), lang).to_owned()),
        (w.campaign, text("campaign")),
        (w.purpose, word(lang, Purpose::parse(&text("purpose")), |p, l| p.word(l))),
        (w.channel, word(lang, Channel::parse(&text("channel")), |c, l| c.word(l))),
        (w.fields, fields.join(w.comma)),
        (w.vendor, called.vendor(&text("vendor"), lang).to_owned()),
        (w.receiver, called.person(&text("receiver")).to_owned()),
        (w.window, format!("{} – {}", day("from"), day("to"))),
        (w.destroy_by, text("destroy_by")),
        (w.row_limit, form["row_limit"].as_u64().map(|n| n.to_string()).unwrap_or_default()),
        (w.assessment, text("impact_assessment")),
        (w.reason, text("reason")),
    ];
    all.into_iter().filter(|(_, said)| !said.is_empty()).collect()
}

fn word<T, E>(lang: Lang, code: Result<T, E>, word: impl Fn(&T, Lang) -> &'static str) -> String {
    code.map(|code| word(&code, lang).to_owned()).unwrap_or_default()
}
