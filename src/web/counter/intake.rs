//! Somebody joins: the form at the counter, with the notice and the covenant to read and nothing decided in advance.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use zeroize::Zeroizing;

use super::super::answer::{html, html_as};
use super::super::frame::{Frame, Place};
use super::super::visitor::{Posted, Visitor};
use super::record;
use super::typed::Typed;
use super::words::{self, Words};
use crate::broker::choosing::CounterChoices;
use crate::broker::documents::{DocumentShown, NOTICE};
use crate::http::{App, Problem};
use crate::intake::form::{MemberForm, Text};
use crate::model::code::{CardType, CovenantFamily, Tier};
use crate::model::field::Index;
use crate::model::lang::{Lang, Word as _};

/// A text field of the form.
struct Input {
    name: &'static str,
    label: &'static str,
    kind: &'static str,
    hint: &'static str,
    longest: u16,
    required: bool,
}

/// A text for the member to read.
struct Reading {
    /// As the form names it: family and version.
    code: String,
    title: String,
    tag_lang: &'static str,
    version: String,
    body: String,
}

#[derive(Template)]
#[template(path = "counter_intake.html")]
struct Intake {
    frame: Frame,
    w: &'static Words,
    typed: Typed,
    inputs: Vec<Input>,
    choices: CounterChoices,
    tiers: Vec<(&'static str, &'static str)>,
    card_types: Vec<(&'static str, &'static str)>,
    notice: Option<Reading>,
    covenants: Vec<Reading>,
    asked: [(&'static str, &'static str); 3],
    problem: Option<Problem>,
}

impl Intake {
    async fn new(app: &App, who: &Visitor, typed: Typed) -> Result<Intake, Problem> {
        let w = words::of(who.look.lang);
        let frame = Frame::new(app, who, Place::Members, w.intake).await?;
        let lang = frame.look.lang;
        let caller = who.session.caller();
        let choices = app.broker().counter_choices(caller).await?;
        let documents = app.broker().document_list(caller, false).await?;
        let covenants = CovenantFamily::ALL.iter();
        let covenants = covenants
            .filter_map(|family| reading(lang, &documents, family.code(), frame.w.family(*family)))
            .collect();
        let notice = reading(lang, &documents, NOTICE, w.notice);
        Ok(Intake {
            inputs: inputs(&frame, w).into(),
            tiers: Tier::ALL.iter().map(|tier| (tier.code(), tier.word(lang))).collect(),
            card_types: CardType::ALL.iter().map(|kind| (kind.code(), kind.word(lang))).collect(),
            asked: [("consent_sms", w.by_sms), ("consent_post", w.by_post), ("consent_email", w.by_email)],
            frame,
            w,
            typed,
            choices,
            notice,
            covenants,
            problem: None,
        })
    }

    /// Nobody can be added from here, and why.
    fn cannot(&self) -> Option<&'static str> {
        if self.choices.own.is_empty() && !self.choices.anywhere {
            return Some(self.w.intake_nowhere);
        }
        if self.notice.is_none() {
            return Some(self.w.intake_no_notice);
        }
        self.covenants.is_empty().then_some(self.w.intake_no_covenant)
    }

    /// What is wrong with a field, in words.
    fn wrong(&self, name: &str) -> Vec<String> {
        let lang = self.frame.look.lang;
        let faults = self.problem.iter().flat_map(Problem::faults);
        let here = faults.filter(|fault| place(&fault.pointer) == name);
        here.map(|fault| lang.pick(&fault.zh, &fault.en).to_owned()).collect()
    }

    /// Every place that has to be put right, with its label.
    fn places(&self) -> Vec<(String, &'static str)> {
        let mut places: Vec<(String, &'static str)> = Vec::new();
        for fault in self.problem.iter().flat_map(Problem::faults) {
            let name = place(&fault.pointer).to_owned();
            if !places.iter().any(|(known, _)| *known == name) {
                let label = self.label(&name);
                places.push((name, label));
            }
        }
        places
    }

    fn label(&self, name: &str) -> &'static str {
        let input = self.inputs.iter().find(|input| input.name == name).map(|input| input.label);
        let asked = self.asked.iter().find(|(code, _)| *code == name).map(|(_, label)| *label);
        input.or(asked).unwrap_or(match name {
            "tier" => self.frame.w.tier,
            "card_type" => self.frame.w.card_type,
            "home_store" => self.frame.w.home_store,
            "covenant" => self.w.covenants,
            "notice" => self.w.notice,
            "consent_at" => self.w.signed_at,
            "consent_evidence" => self.w.form_no,
            _ => self.w.intake,
        })
    }
}

/// The field of the page that a place of the form is: covenant and version are chosen together.
fn place(pointer: &str) -> &str {
    match pointer.trim_start_matches('/') {
        "covenant_version" => "covenant",
        name => name,
    }
}

fn inputs(frame: &Frame, w: &'static Words) -> [Input; 7] {
    use crate::model::field::Field;
    let lang = frame.look.lang;
    let input = |name, field: Field, kind, longest| {
        let required = matches!(field, Field::Card | Field::Name);
        let hint = if required { "" } else { w.optional };
        Input { name, label: field.word(lang), kind, hint, longest, required }
    };
    [
        input("card_no", Field::Card, "text", 32),
        input("name", Field::Name, "text", 64),
        input("mobile", Field::Mobile, "tel", 20),
        input("email", Field::Email, "email", 254),
        input("address", Field::Address, "text", 256),
        input("postcode", Field::Postcode, "text", 6),
        input("birthday", Field::Birthday, "date", 10),
    ]
}

/// The text of a family that holds today, in the reader's language where there is one.
fn reading(lang: Lang, documents: &[DocumentShown], family: &str, title: &'static str) -> Option<Reading> {
    let mut of_it = documents.iter().filter(|document| document.family == family).peekable();
    let first = of_it.peek().copied()?;
    let document = of_it.find(|document| document.language == lang.code()).unwrap_or(first);
    let DocumentShown { version, body, .. } = document;
    Some(Reading {
        code: format!("{family} {version}"),
        title: title.to_owned(),
        tag_lang: if document.language == "zh" { "zh-CN" } else { "en" },
        version: version.clone(),
        body: body.clone(),
    })
}

/// The form as the broker reads it. What was left empty was left out.
fn form_of(typed: &Typed) -> MemberForm {
    let text = |name: &str| -> Text { typed.some(name).map(|text| Zeroizing::new(text.to_owned())) };
    let yes_no = |name: &str| match typed.one(name) {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    let (family, version) = typed.one("covenant").split_once(' ').unwrap_or_default();
    let named = |text: &str| -> Text { (!text.is_empty()).then(|| Zeroizing::new(text.to_owned())) };
    MemberForm {
        card_no: text("card_no"),
        name: text("name"),
        mobile: text("mobile"),
        email: text("email"),
        address: text("address"),
        postcode: text("postcode"),
        birthday: text("birthday"),
        card_type: text("card_type"),
        tier: text("tier"),
        home_store: text("home_store"),
        joined_on: text("joined_on"),
        covenant: named(family),
        covenant_version: named(version),
        consent_sms: yes_no("consent_sms"),
        consent_post: yes_no("consent_post"),
        consent_email: yes_no("consent_email"),
        consent_at: typed.some("consent_at").map(|at| Zeroizing::new(written(at))),
        consent_evidence: text("consent_evidence"),
        notice: text("notice"),
    }
}

/// A moment as files write it: browsers put a `T` between day and time, and leave out seconds that are none.
fn written(at: &str) -> String {
    let at = at.replacen('T', " ", 1);
    if at.len() == "2026-11-28 10:00".len() { format!("{at}:00") } else { at }
}

pub(super) async fn ask(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    Ok(html(&Intake::new(&app, &who, Typed::default()).await?))
}

pub(super) async fn add(
    State(app): State<App>,
    Posted(who, typed): Posted<Typed>,
) -> Result<Response, Problem> {
    let w = words::of(who.look.lang);
    match app.broker().member_add(who.session.caller(), &form_of(&typed)).await {
        Ok(added) => {
            let word = |index: &Index| match index {
                Index::Mobile => who.look.words().mobile,
                Index::Email => who.look.words().email,
                Index::Post | Index::Card => w.by_post,
            };
            let shared = added.shared.iter().map(word).collect();
            record::page(&app, &who, &added.member, Some(w.added), shared).await
        }
        Err(wrong) => {
            let problem = Problem::from(wrong);
            let (status, page) = (problem.status(), Intake::new(&app, &who, typed).await?);
            Ok(html_as(status, &Intake { problem: Some(problem), ..page }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_empty_was_left_out() {
        let text =
            "card_no=1&name=&covenant=member_covenant+2024-06&consent_sms=no&consent_at=2026-11-28T10%3A00";
        let form = form_of(&serde_urlencoded::from_str(text).unwrap());
        assert!(form.name.is_none() && form.joined_on.is_none());
        assert_eq!((form.consent_sms, form.consent_post), (Some(false), None));
        assert_eq!(form.covenant_version.unwrap().as_str(), "2024-06");
        assert_eq!(form.consent_at.unwrap().as_str(), "2026-11-28 10:00:00");
    }
}
