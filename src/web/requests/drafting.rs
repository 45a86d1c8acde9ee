//! The form, step by step: what for, by which way, whom and when. Leaving the first step makes a draft, which is kept from
//! there on; each step of it is gone back to. What is refused comes back with all that was typed.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::ToSpan as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::steps::{Stop, stops};
use super::words::{self, Words};
use crate::broker::Refusal;
use crate::broker::choosing::Choices;
use crate::broker::editions::{Edition, Seen};
use crate::http::{App, Path, Problem, request_number};
use crate::model::code::{Channel, Purpose};
use crate::model::lang::{Lang, Word as _};
use crate::policy::ChannelRule;
use crate::store::vendors::VendorRow;
use crate::web::answer::{html_about, to};
use crate::web::frame::{Frame, Place};
use crate::web::visitor::{Posted, Visitor};

/// A thing to choose: its code and its word.
struct Choice {
    code: String,
    word: String,
}

/// What the first two steps say, as it was typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Said {
    unit: String,
    campaign: String,
    reason: String,
    purpose: String,
    channel: String,
    vendor: String,
    receiver: String,
    impact_assessment: String,
    /// Which button: `back` to the first step, `way` to the second, `keep`.
    r#do: String,
}

impl Said {
    /// What a draft says.
    fn of(form: &Value) -> Said {
        Said::deserialize(form).unwrap_or_default()
    }

    /// A first step, with what stands first in each list of the second: a draft has all of it, and the second step asks.
    fn begun(self, choices: &Choices) -> Said {
        let first = |said: String, first: Option<String>| {
            if said.is_empty() { first.unwrap_or_default() } else { said }
        };
        let channel = rules(choices, &self.purpose).next().map(|rule| rule.channel.to_string());
        let said = Said { channel: first(self.channel, channel), ..self };
        let by = |vendor: &&VendorRow| {
            Said { vendor: vendor.code.to_string(), channel: said.channel.clone(), ..Said::default() }
                .check_vendor(choices)
                .is_ok()
        };
        let vendor = choices.vendors.iter().find(by).or(choices.vendors.first());
        let receiver = choices.receivers.first().map(|person| person.login.to_string());
        Said {
            vendor: first(said.vendor, vendor.map(|vendor| vendor.code.to_string())),
            receiver: first(said.receiver, receiver),
            ..said
        }
    }

    /// What is no channel is told by the form itself.
    fn check_vendor(&self, choices: &Choices) -> Result<(), Refusal> {
        Channel::parse(&self.channel).map_or(Ok(()), |channel| choices.check_vendor(&self.vendor, channel))
    }

    /// Into a form, with the fields that its channel carries.
    fn fill(&self, form: &mut Value, choices: &Choices) {
        let Said { unit, campaign, reason, purpose, channel, vendor, receiver, impact_assessment, .. } = self;
        let rule = rules(choices, purpose).find(|rule| rule.channel.code() == channel);
        if let Some(rule) = rule {
            let fields: Vec<_> = rule.columns.iter().map(|column| column.field).collect();
            form["fields"] = json!(fields);
        }
        for (key, value) in [
            ("unit", unit),
            ("campaign", campaign),
            ("reason", reason),
            ("purpose", purpose),
            ("channel", channel),
            ("vendor", vendor),
            ("receiver", receiver),
        ] {
            form[key] = json!(value.trim());
        }
        let assessment = impact_assessment.trim();
        match form.as_object_mut() {
            Some(form) if assessment.is_empty() => drop(form.remove("impact_assessment")),
            _ => form["impact_assessment"] = json!(assessment),
        }
    }
}

/// The ways that a purpose has.
fn rules<'c>(choices: &'c Choices, purpose: &str) -> impl Iterator<Item = &'c ChannelRule> {
    let purpose = Purpose::parse(purpose).ok();
    choices.channels.iter().filter(move |rule| Some(rule.purpose) == purpose)
}

#[derive(Template)]
#[template(path = "draft_new.html")]
struct Page {
    frame: Frame,
    r: &'static Words,
    stops: Vec<Stop>,
    /// Where the form is sent.
    path: String,
    /// The draft's number; none while there is no draft.
    no: Option<String>,
    choices: Choices,
    purposes: Vec<Choice>,
    said: Said,
    /// The second step: by which way.
    way: bool,
    ways: Vec<Choice>,
    problem: Option<Problem>,
    live: bool,
    /// What is said of what was typed: whether it is kept.
    note: &'static str,
}

impl Page {
    /// What a vendor's contract covers.
    fn channels(&self, vendor: &VendorRow) -> String {
        let words: Vec<&str> = vendor.channels.iter().map(|c| c.word(self.frame.look.lang)).collect();
        words.join(self.frame.w.comma)
    }

    /// The asking unit of a draft, which keeps it.
    fn unit(&self) -> String {
        let unit = self.choices.units.iter().find(|unit| unit.code.as_str() == self.said.unit);
        unit.map_or_else(|| self.said.unit.clone(), |unit| unit.name(self.frame.look.lang).to_owned())
    }
}

/// Where a page stands: which draft, which step, what came of it.
struct At {
    no: Option<String>,
    way: bool,
    came: Came,
}

/// What came of what was sent.
#[derive(Default)]
pub(super) struct Came {
    pub(super) problem: Option<Problem>,
    /// It was sent by itself, while the reader goes on: nothing takes the focus.
    pub(super) live: bool,
    /// It is kept.
    pub(super) kept: bool,
}

impl Came {
    /// Of what was sent, by itself or not: whether it is kept, or what is wrong.
    pub(super) fn of(saved: Result<bool, Problem>, live: bool) -> Came {
        let (kept, problem) = (matches!(saved, Ok(true)), saved.err());
        Came { problem, live, kept }
    }

    /// What there is to say of it beside the form.
    pub(super) fn note(&self, frame: &Frame, r: &Words) -> &'static str {
        match (&self.problem, self.live, self.kept) {
            (None, true, true) => frame.w.done_saved,
            (None, true, false) => r.not_kept_yet,
            (None, false, _) => r.saved_by_itself,
            (Some(_), ..) => "",
        }
    }
}

async fn page(app: &App, who: &Visitor, said: Said, at: At) -> Result<Response, Problem> {
    let At { no, way, came } = at;
    let title = no.clone().unwrap_or_else(|| who.look.words().new_request.to_owned());
    let frame = Frame::new(app, who, Place::Requests, title).await?;
    let choices = app.broker().request_choices(who.session.caller()).await?;
    let (lang, r) = (frame.look.lang, words::of(frame.look.lang));
    let mut purposes: Vec<Purpose> = choices.channels.iter().map(|rule| rule.purpose).collect();
    purposes.dedup();
    let purposes = purposes.iter().map(|p| Choice { code: p.to_string(), word: p.word(lang).to_owned() });
    let ways = rules(&choices, &said.purpose).map(|rule| named(rule, lang, frame.w.comma)).collect();
    let path = match &no {
        None => "/requests/new".to_owned(),
        Some(no) => format!("/requests/{no}/{}", if way { "channel" } else { "purpose" }),
    };
    let stops = stops(r, usize::from(way), no.as_deref());
    let (purposes, note) = (purposes.collect(), came.note(&frame, r));
    let Came { problem, live, .. } = came;
    let page = Page { frame, r, stops, path, no, choices, purposes, said, way, ways, problem, live, note };
    Ok(html_about(page.problem.as_ref(), &page))
}

/// A channel with the fields it carries.
fn named(rule: &ChannelRule, lang: Lang, comma: &str) -> Choice {
    let fields: Vec<&str> = rule.columns.iter().map(|column| column.field.word(lang)).collect();
    let (channel, fields) = (rule.channel.word(lang), fields.join(comma));
    let word =
        if lang == Lang::Zh { format!("{channel}（{fields}）") } else { format!("{channel} ({fields})") };
    Choice { code: rule.channel.to_string(), word }
}

pub(super) async fn ask(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    page(&app, &who, Said::default(), At { no: None, way: false, came: Came::default() }).await
}

pub(super) async fn draft(
    State(app): State<App>,
    Posted(who, said): Posted<Said>,
) -> Result<Response, Problem> {
    if said.r#do == "back" {
        return page(&app, &who, said, At { no: None, way: false, came: Came::default() }).await;
    }
    let choices = app.broker().request_choices(who.session.caller()).await?;
    let way = said.r#do == "keep";
    let said = if way { said } else { said.begun(&choices) };
    // Nothing to send by or to: the second step says so, and there is no draft yet.
    if !way && (said.channel.is_empty() || said.vendor.is_empty() || said.receiver.is_empty()) {
        return page(&app, &who, said, At { no: None, way: true, came: Came::default() }).await;
    }
    let drafted = async {
        if way {
            said.check_vendor(&choices)?;
        }
        // The dates of the last step are its to change; a draft has some, so that it can be counted and kept.
        let today = choices.today;
        let day = |days: i64| today.checked_add(days.days()).unwrap_or(today).to_string();
        let mut form = json!({
            "window": { "from": day(7), "to": day(20) }, "destroy_by": day(30), "row_limit": 10_000,
        });
        said.fill(&mut form, &choices);
        Ok(app.broker().request_draft(who.session.caller(), &form.to_string()).await?)
    };
    match drafted.await {
        Ok(no) => {
            let next = if way { "selection" } else { "channel" };
            Ok(to(format!("/requests/{no}/{next}?done=drafted")))
        }
        Err(problem) => {
            let came = Came { problem: Some(problem), ..Came::default() };
            page(&app, &who, said, At { no: None, way, came }).await
        }
    }
}

/// A draft's form as it is kept, for a step that changes a part of it.
pub(super) struct Draft {
    pub(super) form: Value,
    edition: Edition,
}

pub(super) async fn kept(app: &App, who: &Visitor, no: &str) -> Result<Draft, Problem> {
    let shown = app.broker().request_show(who.session.caller(), &request_number(no)?).await?;
    Ok(Draft { form: shown.form, edition: shown.edition })
}

/// Keeps it, unless somebody else changed it since it was read: the rest of the form would be as it was before.
pub(super) async fn keep(app: &App, who: &Visitor, no: &str, draft: &Draft) -> Result<(), Problem> {
    let (caller, seen) = (who.session.caller(), Seen::one_of(vec![draft.edition]));
    Ok(app.broker().request_revise(caller, &request_number(no)?, &draft.form.to_string(), &seen).await?)
}

pub(super) async fn ask_purpose(
    State(app): State<App>,
    Path(no): Path,
    who: Visitor,
) -> Result<Response, Problem> {
    let said = Said::of(&kept(&app, &who, &no).await?.form);
    page(&app, &who, said, At { no: Some(no), way: false, came: Came::default() }).await
}

pub(super) async fn ask_channel(
    State(app): State<App>,
    Path(no): Path,
    who: Visitor,
) -> Result<Response, Problem> {
    let said = Said::of(&kept(&app, &who, &no).await?.form);
    page(&app, &who, said, At { no: Some(no), way: true, came: Came::default() }).await
}

pub(super) async fn save_purpose(
    State(app): State<App>,
    Path(no): Path,
    headers: HeaderMap,
    Posted(who, typed): Posted<Said>,
) -> Result<Response, Problem> {
    save(&app, &who, no, false, typed, headers.contains_key("hx-request")).await
}

pub(super) async fn save_channel(
    State(app): State<App>,
    Path(no): Path,
    headers: HeaderMap,
    Posted(who, typed): Posted<Said>,
) -> Result<Response, Problem> {
    save(&app, &who, no, true, typed, headers.contains_key("hx-request")).await
}

/// The first or second step of a draft. A purpose that does not go by the draft's channel takes the first that it has;
/// which, the second step asks.
async fn save(
    app: &App,
    who: &Visitor,
    no: String,
    way: bool,
    typed: Said,
    live: bool,
) -> Result<Response, Problem> {
    let mut draft = kept(app, who, &no).await?;
    let mut said = Said::of(&draft.form);
    if way {
        let Said { channel, vendor, receiver, impact_assessment, .. } = typed;
        said = Said { channel, vendor, receiver, impact_assessment, ..said };
    } else {
        let Said { campaign, reason, purpose, .. } = typed;
        said = Said { campaign, reason, purpose, ..said };
    }
    let saved: Result<bool, Problem> = async {
        let choices = app.broker().request_choices(who.session.caller()).await?;
        if way {
            said.check_vendor(&choices)?;
        } else if live && !rules(&choices, &said.purpose).any(|rule| rule.channel.code() == said.channel) {
            // Whoever tries purposes would lose the channel that was chosen: it is kept when the step is left.
            return Ok(false);
        } else if !rules(&choices, &said.purpose).any(|rule| rule.channel.code() == said.channel)
            && let Some(first) = rules(&choices, &said.purpose).next()
        {
            said.channel = first.channel.code().to_owned();
        }
        said.fill(&mut draft.form, &choices);
        keep(app, who, &no, &draft).await?;
        Ok(true)
    }
    .await;
    match saved {
        Ok(_) if !live => {
            let next = if way { "selection" } else { "channel" };
            Ok(to(format!("/requests/{no}/{next}?done=saved")))
        }
        saved => {
            let came = Came::of(saved, live);
            page(app, who, said, At { no: Some(no), way, came }).await
        }
    }
}
