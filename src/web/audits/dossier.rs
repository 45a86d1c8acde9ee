//! A request's dossier: form, signatures with the digests they are over, execution and hand-off on one page that can be
//! printed.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use super::words::{self, Words};
use crate::broker::attesting::{FactOf, PackageShown};
use crate::broker::called::Called;
use crate::broker::showing::{FactShown, RequestShown};
use crate::clock::rfc3339;
use crate::http::{App, Path, Problem, request_number};
use crate::model::code::Role;
use crate::model::ids::PackageNo;
use crate::model::lang::Word as _;
use crate::store::packages::FactKind;
use crate::web::admin::terms;
use crate::web::answer::html;
use crate::web::called::Whom;
use crate::web::frame::{Frame, Place};
use crate::web::problems::unreadable_form;
use crate::web::requests::{lines, standing};
use crate::web::visitor::Visitor;

/// A seat of the chain: its name, who sat in it, when, in whose place.
struct Seat {
    slot: &'static str,
    role: &'static str,
    by: Option<String>,
    at: Option<String>,
    in_place_of: Option<String>,
}

#[derive(Template)]
#[template(path = "audits_dossier.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    shown: RequestShown,
    sentence: String,
    standing: String,
    lines: Vec<(&'static str, String)>,
    seats: Vec<Seat>,
    packages: Vec<PackageShown>,
    /// Whether the reader may see the packages.
    sees: bool,
    printed: String,
    /// Whether the reader may go on to the log.
    audits: bool,
    called: Called,
}

impl Page {
    /// Somebody by name, with the login that is signed.
    fn whom(&self, login: impl ToString) -> Whom {
        Whom::of(&self.called, &login.to_string())
    }

    fn vendor(&self, code: impl ToString) -> String {
        self.called.vendor(&code.to_string(), self.frame.look.lang).to_owned()
    }

    fn fields(&self) -> String {
        let fields = &self.shown.whole.leaves.fields;
        let names = fields.iter().map(|field| field.word(self.frame.look.lang));
        names.collect::<Vec<_>>().join(self.frame.w.comma)
    }

    /// What the members in it said yes to: purpose, channel, to whom.
    fn basis(&self) -> String {
        let (lang, leaves) = (self.frame.look.lang, &self.shown.whole.leaves);
        let class = leaves.recipient_class.map(|class| self.frame.w.class(class)).unwrap_or_default();
        format!("{} · {} · {class}", leaves.purpose.word(lang), leaves.channel.word(lang))
    }

    fn excluded(&self, package: &PackageShown) -> String {
        let all = package.excluded.iter().flatten();
        let named = all.map(|(reason, n)| format!("{} {n}", self.frame.w.exclusion(*reason)));
        named.collect::<Vec<_>>().join(self.frame.w.comma)
    }

    fn act(&self, fact: &FactShown) -> String {
        let act = self.frame.w.act(fact.act);
        match fact.step {
            Some(step) => format!("{act} · {}", step.word(self.frame.look.lang)),
            None => act.to_owned(),
        }
    }

    fn what(&self, fact: &FactOf) -> &'static str {
        let w = self.w;
        match fact.what {
            FactKind::Started => w.fact_started,
            FactKind::Sealed => w.fact_sealed,
            FactKind::Remade => w.fact_remade,
            FactKind::Aborted => w.fact_aborted,
            FactKind::Downloaded => w.fact_downloaded,
            FactKind::HandedOff => w.fact_handed_off,
            FactKind::Recalled => w.fact_recalled,
            FactKind::Destroyed => w.fact_destroyed,
        }
    }
}

/// What a hand-off or an attestation recorded, on a line.
fn recorded(fact: &FactOf) -> String {
    let Some(Value::Object(record)) = &fact.record else { return String::new() };
    let pair = |(name, value): (&String, &Value)| {
        format!("{name}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    record.iter().map(pair).collect::<Vec<_>>().join(" · ")
}

pub(super) async fn show(State(app): State<App>, Path(no): Path, who: Visitor) -> Result<Response, Problem> {
    let (lang, w) = (who.look.lang, words::of(who.look.lang));
    let broker = app.broker();
    let shown = broker.request_show(who.session.caller(), &request_number(&no)?).await?;
    let frame = Frame::new(&app, &who, Place::Requests, format!("{} {}", w.dossier, shown.no)).await?;
    let called = broker.called().await?;
    let receives = shown.form["receiver"].as_str() == Some(frame.login.as_str());
    let sees = receives || lists_packages(&frame);
    let mut packages = Vec::new();
    for package in shown.packages.iter().filter(|_| sees) {
        let package = PackageNo::parse(package).map_err(|_| unreadable_form())?;
        packages.push(broker.package_show(who.session.caller(), &package).await?);
    }
    let seats = shown.whole.chain.iter().map(|slot| Seat {
        slot: terms::slot(lang, slot.slot),
        role: slot.role.word(lang),
        by: slot.by.as_ref().map(ToString::to_string),
        at: slot.at.clone(),
        in_place_of: slot.in_place_of.as_ref().map(ToString::to_string),
    });
    Ok(html(&Page {
        w,
        sentence: lang.pick(&shown.sentence_zh, &shown.sentence_en).to_owned(),
        standing: standing(lang, &shown.standing),
        lines: lines(&frame, &called, &shown.form),
        seats: seats.collect(),
        packages,
        sees,
        printed: rfc3339(broker.clock().now()),
        audits: frame.has(Role::Auditor),
        called,
        frame,
        shown,
    }))
}

/// Whether it is worth asking: each question that is refused is an entry.
fn lists_packages(frame: &Frame) -> bool {
    use Role::*;
    [InfoOfficer, PlanningHead, PlanningOfficer, Executor, MemberHead, Auditor].iter().any(|r| frame.has(*r))
}
