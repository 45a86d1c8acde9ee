//! Lists of requests, a page at a time, and what waits for somebody. What is not shown is not worked out, as far as that
//! can be told before: the store leaves out what is done with, and a unit's requests are open to its people.

use std::collections::{BTreeMap, BTreeSet};

use super::abilities::Found;
use super::paging::{Paged, Part};
use super::requests::seated;
use super::showing::{Filter, Mine, RequestLine, Status, yes};
use super::standing::{form_of, standing};
use super::{Broker, Error, Ground};
use crate::access::{Asked, Caller, Common};
use crate::audit::event::{Action, Event};
use crate::clock::{Micros, rfc3339};
use crate::model::code::Role;
use crate::model::form::Form;
use crate::model::ids::{Login, RequestNo, UnitCode};
use crate::policy::Act;
use crate::store::View;
use crate::store::requests::{Picked, RequestRow};

/// What waits for somebody.
#[derive(Debug)]
pub struct Waits {
    /// The newest of it.
    pub lines: Vec<RequestLine>,
    /// How much there is.
    pub count: usize,
}

/// Who reads a list, and what was found about it so far.
struct Reader<'a> {
    ground: &'a Ground,
    caller: &'a Caller,
    common: Common,
    /// Requests that were copied to the caller.
    copied: BTreeSet<RequestNo>,
    /// Whether a unit's requests can be open to the caller otherwise.
    units: BTreeMap<UnitCode, bool>,
}

impl Reader<'_> {
    async fn new<'a>(
        view: &mut View<'_>,
        ground: &'a Ground,
        caller: &'a Caller,
        at: Micros,
    ) -> Result<Reader<'a>, Error> {
        let copies = view.copies_to(caller.login()).await?;
        Ok(Reader {
            ground,
            caller,
            common: Common::new(ground.staff.clone(), ground.policy.clone(), at),
            copied: copies.into_iter().map(|note| note.no).collect(),
            units: BTreeMap::new(),
        })
    }

    /// Whether it is worth asking if the caller may see a request: whom no rule about its unit lets, and who has no copy,
    /// may not. A request keeps its unit.
    fn might_see(&mut self, row: &RequestRow) -> bool {
        let Reader { ground, caller, .. } = *self;
        let open = *self.units.entry(row.unit.clone()).or_insert_with(|| {
            let may = |act| ground.staff.may(&ground.policy, caller, act, Some(&row.unit)).is_ok();
            seated(ground, caller, &row.unit) || may(Act::RequestShow) || may(Act::RequestList)
        });
        open || self.copied.contains(&row.no)
    }

    /// Whether it is worth asking if a request waits for the caller: nobody else than these ever holds one.
    fn might_hold(&self, row: &RequestRow, form: &Form) -> bool {
        let Reader { ground, caller, .. } = *self;
        form.receiver() == caller.login()
            || ground.staff.holds(caller.login(), Role::InfoOfficer, &row.unit)
            || seated(ground, caller, &row.unit)
    }
}

impl Broker {
    /// How many requests wait for the caller. A number about oneself is no look at anything: it has no entry.
    ///
    /// # Errors
    /// The database failed; an integrity error.
    pub async fn requests_waiting(&self, caller: &Caller) -> Result<usize, Error> {
        let mut view = self.store.view().await?;
        let ground = self.known_ground(&mut view).await?;
        Ok(self.waits(&mut view, &ground, caller, self.clock().now(), 0).await?.count)
    }

    /// What waits for the caller: how much, and the newest of it. What has ended waits for nobody, nor does a package that
    /// was handed on.
    ///
    /// # Errors
    /// The database failed; an integrity error.
    pub async fn requests_to_do(&self, caller: &Caller, most: usize) -> Result<Waits, Error> {
        let event = Event::new(Action::RequestListed, caller.actor());
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            let now = work.at();
            let waits = self.waits(work.view(), &ground, caller, now, most).await?;
            work.commit(event.count("requests", waits.lines.len())).await?;
            Ok(waits)
        })
        .await
    }

    async fn waits(
        &self,
        view: &mut View<'_>,
        ground: &Ground,
        caller: &Caller,
        now: Micros,
        most: usize,
    ) -> Result<Waits, Error> {
        let mut reader = Reader::new(view, ground, caller, now).await?;
        let mut waits = Waits { lines: Vec::new(), count: 0 };
        for row in view.requests_picked(Picked { open: true, ..Picked::default() }).await? {
            let form = form_of(&row.form, &row.no)?;
            if !reader.might_hold(&row, &form) {
                continue;
            }
            let common = &mut reader.common;
            let asked = Asked::load_among(view, &self.shelf, self.clock(), row.clone(), common).await?;
            let (stands, holder) = standing(view, ground, &form, &row.no, asked.as_ref()).await?;
            if !holder.contains(caller.login()) {
                continue;
            }
            waits.count += 1;
            if waits.lines.len() < most {
                let since = since(view, &row, asked.as_ref()).await?;
                waits.lines.push(line(now, row, &form, stands, holder, since));
            }
        }
        Ok(waits)
    }

    /// The requests a caller may see, newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn request_list(&self, caller: &Caller) -> Result<Vec<RequestLine>, Error> {
        self.request_list_of(caller, &Filter::default()).await
    }

    /// Those of them that a filter lets through.
    ///
    /// # Errors
    /// The database failed.
    pub async fn request_list_of(&self, caller: &Caller, filter: &Filter) -> Result<Vec<RequestLine>, Error> {
        Ok(self.request_page(caller, filter, &Part::whole()).await?.lines)
    }

    /// A page of them.
    ///
    /// # Errors
    /// The database failed.
    pub async fn request_page(
        &self,
        caller: &Caller,
        filter: &Filter,
        part: &Part<RequestNo>,
    ) -> Result<Paged<RequestLine>, Error> {
        let event = Event::new(Action::RequestListed, caller.actor());
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            let now = work.at();
            let view = work.view();
            let mut reader = Reader::new(view, &ground, caller, now).await?;
            let mut behind = match &part.behind {
                Some(no) => view.request(no).await?,
                None => None,
            };
            let mut lines = Vec::new();
            while !part.is_full(lines.len()) {
                let picked = Picked {
                    unit: filter.unit.as_ref(),
                    open: filter.mine == Some(Mine::Todo),
                    part: filter.mine.filter(|mine| *mine != Mine::Todo).map(|_| caller.login()),
                    behind: behind.as_ref(),
                    most: part.read(),
                };
                let rows = view.requests_picked(picked).await?;
                behind = rows.last().cloned();
                for row in &rows {
                    if part.is_full(lines.len()) {
                        break;
                    }
                    lines.extend(self.line_of(view, &mut reader, filter, row, now).await?);
                }
                if part.read().is_none_or(|read| rows.len() < read as usize) {
                    break;
                }
            }
            let page = part.of(lines);
            work.commit(event.count("requests", page.lines.len())).await?;
            Ok(page)
        })
        .await
    }

    /// The line of a request, when the caller may see it and the filter lets it through.
    async fn line_of(
        &self,
        view: &mut View<'_>,
        reader: &mut Reader<'_>,
        filter: &Filter,
        row: &RequestRow,
        now: Micros,
    ) -> Result<Option<RequestLine>, Error> {
        let (ground, caller) = (reader.ground, reader.caller);
        let form = form_of(&row.form, &row.no)?;
        let todo = filter.mine == Some(Mine::Todo);
        if !reader.might_see(row) || todo && !reader.might_hold(row, &form) {
            return Ok(None);
        }
        let common = &mut reader.common;
        let asked = Asked::load_among(view, &self.shelf, self.clock(), row.clone(), common).await?;
        let seen = match &asked {
            Some(asked) => self.check_may_see(view, ground, caller, asked).await,
            None => self.check_shown_to(view, ground, caller, &row.no, &row.unit, Act::RequestList).await,
        };
        if !yes(seen)? {
            return Ok(None);
        }
        let (stands, holder) = standing(view, ground, &form, &row.no, asked.as_ref()).await?;
        let found = Found { row, asked: asked.as_ref(), holder: &holder };
        let wanted = filter.status.is_none_or(|wanted| wanted == Status::of(&stands));
        if !wanted || !self.is_mine(view, caller, &found, filter.mine).await? {
            return Ok(None);
        }
        let since = since(view, row, asked.as_ref()).await?;
        Ok(Some(line(now, row.clone(), &form, stands, holder, since)))
    }
}

fn line(
    now: Micros,
    row: RequestRow,
    form: &Form,
    standing: String,
    holder: Vec<Login>,
    since: Micros,
) -> RequestLine {
    RequestLine {
        status: Status::of(&standing),
        drafted_by: row.drafted_by,
        since: rfc3339(since),
        waiting_days: (now - since) / 86_400_000_000,
        no: row.no,
        unit: row.unit,
        campaign: form.campaign().to_owned(),
        standing,
        holder,
        age_days: (now - row.created_at) / 86_400_000_000,
    }
}

/// The last thing that happened to it.
async fn since(view: &mut View<'_>, row: &RequestRow, asked: Option<&Asked>) -> Result<Micros, Error> {
    let mut last = row.changed_at;
    if let Some(fact) = asked.and_then(|asked| asked.facts().last()) {
        last = last.max(fact.payload.at.micros());
    }
    for package in view.packages_of(&row.no).await? {
        last = view.package_facts(&package.no).await?.last().map_or(last, |fact| last.max(fact.at));
    }
    Ok(last)
}
