//! One version of the policies: its files, what it decides otherwise, seconded or taken back; and a new one proposed.

use std::collections::BTreeMap;
use std::fmt;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::de::{IgnoredAny, MapAccess, Visitor as Reader};
use serde::{Deserialize, Deserializer};

use super::tabs::{Tab, tabs};
use super::terms;
use super::words::{self, Words};
use crate::broker::explaining::{Differences, FieldChange, PolicyText};
use crate::clock::rfc3339;
use crate::http::{App, Path, Problem};
use crate::model::code::Role;
use crate::model::field::Field;
use crate::model::iso::parse_date;
use crate::model::lang::Word as _;
use crate::policy::{FILE_NAMES, PolicyFiles};
use crate::web::answer::{html, html_about, to};
use crate::web::frame::{Frame, Place};
use crate::web::visitor::{Nothing, Posted, Stepped, Visitor};

#[derive(Template)]
#[template(path = "admin_version.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    tabs: Vec<Tab>,
    text: PolicyText,
    proposed_at: String,
    effective_at: Option<String>,
    differences: Differences,
    state: &'static str,
    /// Waits for a second person, and the reader could be that.
    seconds: bool,
    /// The reader may take it back.
    withdraws: bool,
}

impl Page {
    fn same(&self) -> bool {
        let Differences { files, acts, fields, .. } = &self.differences;
        files.is_empty() && acts.is_empty() && fields.is_empty()
    }

    fn named(&self, fields: &[Field]) -> String {
        if fields.is_empty() {
            return self.w.nothing.to_owned();
        }
        let names = fields.iter().map(|field| field.word(self.frame.look.lang));
        names.collect::<Vec<_>>().join(self.frame.w.comma)
    }

    fn carries(&self, change: &FieldChange) -> String {
        let lang = self.frame.look.lang;
        format!("{} · {}", change.purpose.word(lang), change.channel.word(lang))
    }

    /// Acts that are decided otherwise: role, act, where, now, then.
    fn acts(&self) -> Vec<[&'static str; 5]> {
        let (lang, w) = (self.frame.look.lang, self.w);
        let may = |yes: bool| if yes { w.yes } else { w.no };
        let row = |c: &crate::broker::explaining::ActChange| {
            [c.role.word(lang), c.act.word(lang), terms::place(lang, c.place), may(c.now), may(c.then)]
        };
        self.differences.acts.iter().map(row).collect()
    }
}

fn number(id: &str) -> Result<i64, Problem> {
    id.parse().map_err(|_| Problem::bad_value("/id", "the number of a version"))
}

pub(super) async fn show(State(app): State<App>, Path(id): Path, who: Visitor) -> Result<Response, Problem> {
    let w = words::of(who.look.lang);
    let (broker, caller, id) = (app.broker(), who.session.caller(), number(&id)?);
    let text = broker.policy_read(caller, id).await?;
    let policy = broker.policy_show(caller).await?;
    let differences = broker.policy_simulate(caller, id).await?;
    let frame = Frame::new(&app, &who, Place::Admin, format!("{} {id}", w.version)).await?;
    let (adopted, withdrawn) = (text.version.adopted(), policy.withdrawn.contains(&id));
    let waits = !adopted && !withdrawn;
    let own = text.version.proposed_by == frame.login.as_str();
    let state = match () {
        () if id == policy.in_force => w.in_force,
        () if withdrawn => w.withdrawn,
        () if adopted => w.adopted,
        () => w.proposed,
    };
    Ok(html(&Page {
        tabs: tabs(&frame, w, "/admin/policies"),
        w,
        proposed_at: rfc3339(text.version.proposed_at),
        // A proposal without a day holds once it is seconded.
        effective_at: (text.version.effective_at > 0).then(|| rfc3339(text.version.effective_at)),
        differences,
        state,
        seconds: waits && !own && (frame.has(Role::Admin) || frame.has(Role::MemberHead)),
        withdraws: waits && frame.has(Role::Admin),
        frame,
        text,
    }))
}

pub(super) async fn second(
    State(app): State<App>,
    Path(id): Path,
    Stepped(step, ..): Stepped<Nothing>,
) -> Result<Response, Problem> {
    let id = number(&id)?;
    app.broker().policy_second(step, id).await?;
    Ok(to(format!("/admin/policies/{id}?done=saved")))
}

pub(super) async fn withdraw(
    State(app): State<App>,
    Path(id): Path,
    Posted(who, Nothing {}): Posted<Nothing>,
) -> Result<Response, Problem> {
    let id = number(&id)?;
    app.broker().policy_withdraw(who.session.caller(), id).await?;
    Ok(to(format!("/admin/policies/{id}?done=saved")))
}

#[derive(Template)]
#[template(path = "admin_propose.html")]
struct Form {
    frame: Frame,
    w: &'static Words,
    tabs: Vec<Tab>,
    files: BTreeMap<String, String>,
    effective: String,
    wrong: Option<Problem>,
}

pub(super) async fn ask(State(app): State<App>, who: Visitor) -> Result<Response, Problem> {
    let (broker, caller) = (app.broker(), who.session.caller());
    let in_force = broker.policy_show(caller).await?.in_force;
    let files = broker.policy_read(caller, in_force).await?.files;
    form(&app, &who, Proposed { files, effective: String::new() }, None).await
}

async fn form(app: &App, who: &Visitor, sent: Proposed, wrong: Option<Problem>) -> Result<Response, Problem> {
    let w = words::of(who.look.lang);
    let frame = Frame::new(app, who, Place::Admin, w.propose).await?;
    let Proposed { files, effective } = sent;
    let form = Form { tabs: tabs(&frame, w, "/admin/policies"), frame, w, files, effective, wrong };
    Ok(html_about(form.wrong.as_ref(), &form))
}

/// The files of a form, by their names; everything else in it is somebody else's to read.
pub(super) struct Proposed {
    files: BTreeMap<String, String>,
    effective: String,
}

impl<'de> Deserialize<'de> for Proposed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Reader<'de> for Fields {
            type Value = Proposed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a policy's files by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Proposed, A::Error> {
                let mut sent = Proposed { files: BTreeMap::new(), effective: String::new() };
                while let Some(name) = map.next_key::<String>()? {
                    if FILE_NAMES.contains(&name.as_str()) {
                        // Browsers end every line of a text area with both.
                        let text: String = map.next_value()?;
                        sent.files.insert(name, text.replace("\r\n", "\n"));
                    } else if name == "effective" {
                        sent.effective = map.next_value()?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(sent)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

pub(super) async fn propose(
    State(app): State<App>,
    Stepped(step, who, sent): Stepped<Proposed>,
) -> Result<Response, Problem> {
    let proposed = async {
        let from = match sent.effective.as_str() {
            "" => None,
            text => {
                let day = parse_date(text).map_err(|wrong| Problem::bad_value("/effective_at", wrong))?;
                Some(app.broker().clock().start_of(day))
            }
        };
        let files = PolicyFiles::new(sent.files.clone()).map_err(crate::broker::Error::from)?;
        Ok::<i64, Problem>(app.broker().policy_propose(step, files, from).await?)
    };
    match proposed.await {
        Ok(id) => Ok(to(format!("/admin/policies/{id}?done=saved"))),
        Err(wrong) => form(&app, &who, sent, Some(wrong)).await,
    }
}
