//! What stands around every page of somebody who is signed in: their name, where they can go, what was just done.

use super::look::Look;
use super::visitor::Visitor;
use super::words::Words;
use crate::clock::Micros;
use crate::http::{App, Problem};
use crate::model::code::Role;
use crate::model::ids::Login;

/// How long before a proof lapses it is asked for again: time to read the page.
const READING: Micros = 60 * 1_000_000;

/// Where the navigation leads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Home,
    Requests,
    Packages,
    Members,
    Audit,
    Account,
    Admin,
}

/// A line of the navigation.
pub(super) struct Link {
    pub(super) href: &'static str,
    pub(super) text: &'static str,
    pub(super) here: bool,
}

/// The frame around a page.
pub(super) struct Frame {
    pub(super) look: Look,
    pub(super) w: &'static Words,
    /// No personal value, no campaign: it stands in the browser's history.
    pub(super) title: String,
    pub(super) login: Login,
    pub(super) name: String,
    pub(super) csrf: String,
    pub(super) links: Vec<Link>,
    pub(super) demo: bool,
    pub(super) roles: Vec<Role>,
    /// What was just done, in words; none when nothing was.
    pub(super) done: Option<&'static str>,
    /// How many requests wait for the reader; none is shown when that is not known.
    pub(super) waiting: usize,
    /// What a form that signs has to ask for.
    pub(super) ask: Ask,
    /// Whether the reader's confidentiality undertaking holds (A10a).
    pub(super) undertaken: bool,
}

/// What a form that signs has to ask for.
pub(super) struct Ask {
    /// The password: more than five minutes, less one for the reader, went by since it was given.
    pub(super) password: bool,
    pub(super) code: bool,
    pub(super) passkey: bool,
}

impl Frame {
    /// Around a page for this visitor.
    pub(super) async fn new(
        app: &App,
        who: &Visitor,
        place: Place,
        title: impl Into<String>,
    ) -> Result<Frame, Problem> {
        let waiting = app.broker().requests_waiting(who.session.caller()).await?.unwrap_or_default();
        Frame::counted(app, who, place, title, waiting).await
    }

    /// The same around a page that has found already how many requests wait for the reader.
    pub(super) async fn counted(
        app: &App,
        who: &Visitor,
        place: Place,
        title: impl Into<String>,
        waiting: usize,
    ) -> Result<Frame, Problem> {
        let me = app.broker().myself(who.session.caller()).await?;
        let roles: Vec<Role> = me.roles.iter().map(|(role, _)| *role).collect();
        let w = who.look.words();
        let broker = app.broker();
        let factors = broker.factors(&me.person.login).await?;
        let ask = Ask {
            password: broker.clock().now() > who.session.stepped_until - READING,
            code: factors.totp,
            passkey: !factors.passkeys.is_empty(),
        };
        let undertaken = broker.undertaken_until(&me.person.login).await?.is_some();
        let links = places(&roles, w).into_iter();
        Ok(Frame {
            look: who.look.clone(),
            w,
            title: title.into(),
            login: me.person.login,
            name: me.person.name,
            csrf: who.token.anti_forgery(),
            links: links.map(|(at, href, text)| Link { href, text, here: at == place }).collect(),
            demo: app.broker().store().info().demo,
            roles,
            ask,
            undertaken,
            waiting,
            done: done(w, &who.look.path),
        })
    }

    /// Whether the visitor holds a role, anywhere.
    pub(super) fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// Where somebody with these roles has something to do.
fn places(roles: &[Role], w: &'static Words) -> Vec<(Place, &'static str, &'static str)> {
    use Role::*;
    let any = |wanted: &[Role]| roles.iter().any(|role| wanted.contains(role));
    let mut places = vec![(Place::Home, "/", w.home), (Place::Requests, "/requests", w.requests)];
    if any(&[InfoOfficer, PlanningHead, PlanningOfficer, Executor, MemberHead, Auditor]) {
        places.push((Place::Packages, "/packages", w.packages));
    }
    if any(&[Counter, MemberHead]) {
        places.push((Place::Members, "/members", w.members));
    }
    if any(&[Auditor]) {
        places.push((Place::Audit, "/audit", w.audit));
    }
    if any(&[Admin, VendorManager, MemberHead, InfoOfficer, Auditor]) {
        places.push((Place::Admin, "/admin", w.administration));
    }
    places
}

/// The words for `?done=`: a closed list, so that no address can put words on a page.
pub(super) fn done(w: &'static Words, path: &str) -> Option<&'static str> {
    let (_, query) = path.split_once('?')?;
    let done = query.split('&').find_map(|pair| pair.strip_prefix("done="))?;
    Some(match done {
        "drafted" => w.done_drafted,
        "submitted" => w.done_submitted,
        "signed" => w.done_signed,
        "returned" => w.done_returned,
        "rejected" => w.done_rejected,
        "recalled" => w.done_recalled,
        "transferred" => w.done_transferred,
        "reminded" => w.done_reminded,
        "copied" => w.done_copied,
        "repeated" => w.done_repeated,
        "linked" => w.done_linked,
        "saved" => w.done_saved,
        "undertaken" => w.done_undertaken,
        "password" => w.done_password,
        "executed" => w.done_executed,
        "handed_off" => w.done_handed_off,
        "destroyed" => w.done_destroyed,
        "package_recalled" => w.done_package_recalled,
        "enrolled" => w.done_enrolled,
        "signed_out" => w.done_signed_out,
        _ => return None,
    })
}
