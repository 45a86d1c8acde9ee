//! Lists of requests, a page at a time, and what waits for somebody. What is not shown is not worked out, as far as that
//! can be told before: the store leaves out what is done with, and a unit's requests are open to its people.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::civil::Date;

use super::abilities::Found;
use super::paging::{Paged, Stretch};
use super::showing::{Filter, Mine, RequestLine, Status};
use super::standing::standing;
use super::walking::{Open, Reader, Walk};
use super::{Broker, Error, Ground};
use crate::access::{Asked, Caller};
use crate::audit::event::{Action, Event};
use crate::clock::{Micros, rfc3339};
use crate::model::ids::{Digest, Login, RequestNo};
use crate::store::requests::{Picked, RequestRow};
use crate::store::{Stamp, StoreError, View};

/// What waits for somebody.
#[derive(Debug)]
pub struct Waits {
    /// The newest of it.
    pub lines: Vec<RequestLine>,
    /// How much there is.
    pub count: usize,
    /// What the reader began and came to its end within seven days: with a package, or without.
    pub ended: Vec<RequestLine>,
}

/// For so many days the end of a request is told to who began it.
const LATELY: i64 = 7;
/// So many of the newest are looked at for that.
const BEGUN: u32 = 15;

/// How much waits for whom, and of what it was counted.
#[derive(Default)]
pub(super) struct Waiting(Mutex<Counts>);

/// By login and token: of which moment, and how many.
type Counts = HashMap<(Login, Option<i64>), (Moment, usize)>;

/// All that decides what waits for whom: as long as it is the same, the same waits.
#[derive(PartialEq, Eq)]
struct Moment {
    /// Requests, what was signed of them and became of them; people, vendors, policies.
    tables: Stamp,
    policy: Digest,
    /// What runs out does so with a day.
    day: Date,
}

/// A request that is in a list, and where it stands.
struct Listed {
    open: Open,
    standing: String,
    holder: Vec<Login>,
}

impl Broker {
    /// How many requests wait for the caller; none when one of them is not what was signed, which a list of them tells. A
    /// number about oneself is no look at anything: it has no entry. It stands on every page, so it is kept.
    ///
    /// # Errors
    /// The database failed; people and policies are not what the log speaks of.
    pub async fn requests_waiting(&self, caller: &Caller) -> Result<Option<usize>, Error> {
        let mut view = self.store.view().await?;
        let ground = self.known_ground(&mut view).await?;
        let now = self.clock().now();
        let moment = self.moment(&mut view, &ground, now).await?;
        let known = self.waiting.at(caller, &moment);
        if known.is_some() {
            return Ok(known);
        }
        match self.waits(&mut view, &ground, caller, now, (0, None)).await {
            Ok(waits) => {
                self.waiting.keep(caller, moment, waits.count);
                Ok(Some(waits.count))
            }
            Err(Error::Store(damaged @ StoreError::Integrity { .. })) => {
                tracing::error!(cause = %damaged, "how much waits for somebody is not known");
                Ok(None)
            }
            Err(failed) => Err(failed),
        }
    }

    async fn moment(&self, view: &mut View<'_>, ground: &Ground, now: Micros) -> Result<Moment, StoreError> {
        let tables = view.requests_stamp().await?;
        let policy = Digest(ground.policy.files().digest());
        Ok(Moment { tables, policy, day: self.clock().date(now) })
    }

    /// What waits for the caller: how much, and the newest of it; and what became of what he began. What has ended waits for
    /// nobody, nor does a package that was handed off.
    ///
    /// # Errors
    /// The database failed; an integrity error.
    pub async fn requests_to_do(&self, caller: &Caller, most: usize) -> Result<Waits, Error> {
        let event = Event::new(Action::RequestListed, caller.actor());
        self.logged(event.clone(), async {
            let mut view = self.store.view().await?;
            let ground = self.known_ground(&mut view).await?;
            let now = self.clock().now();
            let moment = self.moment(&mut view, &ground, now).await?;
            let known = self.waiting.at(caller, &moment);
            let mut waits = self.waits(&mut view, &ground, caller, now, (most, known)).await?;
            waits.ended = match self.ended_lately(&mut view, &ground, caller, now).await {
                // One that is not what was signed is told by the lists; what waits is shown all the same.
                Err(Error::Store(damaged @ StoreError::Integrity { .. })) => {
                    tracing::error!(cause = %damaged, "what became of somebody's requests is not known");
                    Vec::new()
                }
                ended => ended?,
            };
            drop(view);
            self.waiting.keep(caller, moment, waits.count);
            let told = waits.lines.len() + waits.ended.len();
            self.store.enter(event.count("requests", told)).await?;
            Ok(waits)
        })
        .await
    }

    /// So much of what waits at most; where it is known how much there is, no more than that is looked at.
    async fn waits(
        &self,
        view: &mut View<'_>,
        ground: &Ground,
        caller: &Caller,
        now: Micros,
        (most, known): (usize, Option<usize>),
    ) -> Result<Waits, Error> {
        let filter = Filter { mine: Some(Mine::Todo), ..Filter::default() };
        let mut reader = Reader::new(view, ground, caller, now, true).await?;
        let mut walk = Walk::new(picked(&filter, caller), None, None);
        let mut waits = Waits { lines: Vec::new(), count: 0, ended: Vec::new() };
        while (known.is_none() || waits.lines.len() < most)
            && let Some(row) = walk.next(view).await?
        {
            let Some(listed) = self.listed(view, &mut reader, &filter, &row).await? else { continue };
            waits.count += 1;
            if waits.lines.len() < most {
                waits.lines.push(line(view, now, row, listed).await?);
            }
        }
        waits.count = known.unwrap_or(waits.count);
        Ok(waits)
    }

    async fn ended_lately(
        &self,
        view: &mut View<'_>,
        ground: &Ground,
        caller: &Caller,
        now: Micros,
    ) -> Result<Vec<RequestLine>, Error> {
        let filter = Filter { mine: Some(Mine::Started), ..Filter::default() };
        let mut reader = Reader::new(view, ground, caller, now, false).await?;
        let mut walk = Walk::new(picked(&filter, caller), None, Some(BEGUN));
        let mut ended = Vec::new();
        for _ in 0..BEGUN {
            let Some(row) = walk.next(view).await? else { break };
            let Some(listed) = self.listed(view, &mut reader, &filter, &row).await? else { continue };
            let line = line(view, now, row, listed).await?;
            let is_open = matches!(line.status, Status::Draft | Status::Waiting | Status::Signed);
            ended.extend(Some(line).filter(|line| !is_open && line.waiting_days < LATELY));
        }
        Ok(ended)
    }

    /// The requests a caller may see and a filter lets through, newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn request_list_of(&self, caller: &Caller, filter: &Filter) -> Result<Vec<RequestLine>, Error> {
        Ok(self.request_page(caller, filter, &Stretch::whole()).await?.lines)
    }

    /// A page of them.
    ///
    /// # Errors
    /// The database failed.
    pub async fn request_page(
        &self,
        caller: &Caller,
        filter: &Filter,
        stretch: &Stretch<RequestNo>,
    ) -> Result<Paged<RequestLine>, Error> {
        let event = Event::new(Action::RequestListed, caller.actor());
        self.logged(event.clone(), async {
            let mut view = self.store.view().await?;
            let ground = self.known_ground(&mut view).await?;
            let now = self.clock().now();
            let todo = filter.mine == Some(Mine::Todo);
            let mut reader = Reader::new(&mut view, &ground, caller, now, todo).await?;
            let behind = self.place_of(&mut view, &mut reader, stretch.behind.as_ref()).await?;
            let mut walk = Walk::new(picked(filter, caller), behind, stretch.read());
            let mut lines = Vec::new();
            while !stretch.is_full(lines.len())
                && let Some(row) = walk.next(&mut view).await?
            {
                if let Some(listed) = self.listed(&mut view, &mut reader, filter, &row).await? {
                    lines.push(line(&mut view, now, row, listed).await?);
                }
            }
            drop(view);
            let page = stretch.of(lines);
            self.store.enter(event.count("requests", page.lines.len())).await?;
            Ok(page)
        })
        .await
    }

    /// A request, when its reader may see it and the filter lets it through.
    async fn listed(
        &self,
        view: &mut View<'_>,
        reader: &mut Reader<'_>,
        filter: &Filter,
        row: &RequestRow,
    ) -> Result<Option<Listed>, Error> {
        let Some(open) = self.open_to(view, reader, row).await? else { return Ok(None) };
        let (standing, holder) =
            standing(view, reader.ground, &open.form, &row.no, open.asked.as_ref()).await?;
        let wanted = filter.status.is_none_or(|wanted| wanted == Status::of(&standing));
        let found = Found { row, asked: open.asked.as_ref(), holder: &holder };
        if !wanted || !self.is_mine(view, reader.caller, &found, filter.mine).await? {
            return Ok(None);
        }
        Ok(Some(Listed { open, standing, holder }))
    }
}

impl Waiting {
    /// What was counted for somebody, if it was of this very moment.
    fn at(&self, caller: &Caller, moment: &Moment) -> Option<usize> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&whose(caller)).filter(|(counted, _)| counted == moment).map(|(_, count)| *count)
    }

    fn keep(&self, caller: &Caller, moment: Moment, count: usize) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(whose(caller), (moment, count));
    }
}

/// A token leaves less to its person.
fn whose(caller: &Caller) -> (Login, Option<i64>) {
    (caller.login().clone(), caller.token())
}

/// What the store leaves out already.
fn picked<'a>(filter: &'a Filter, caller: &'a Caller) -> Picked<'a> {
    Picked {
        unit: filter.unit.as_ref(),
        open: filter.mine == Some(Mine::Todo),
        part: filter.mine.filter(|mine| *mine != Mine::Todo).map(|_| caller.login()),
        ..Picked::default()
    }
}

async fn line(
    view: &mut View<'_>,
    now: Micros,
    row: RequestRow,
    Listed { open, standing, holder }: Listed,
) -> Result<RequestLine, Error> {
    let since = since(view, &row, open.asked.as_ref()).await?;
    let status = Status::of(&standing);
    let is_open = matches!(status, Status::Waiting | Status::Signed);
    let expires = open.asked.as_ref().filter(|_| is_open).map(|asked| asked.submission().expires_at);
    Ok(RequestLine {
        status,
        days_left: expires.map(|at| (at.micros() - now) / 86_400_000_000),
        drafted_by: row.drafted_by,
        since: rfc3339(since),
        waiting_days: (now - since) / 86_400_000_000,
        no: row.no,
        unit: row.unit,
        campaign: open.form.campaign().to_owned(),
        standing,
        holder,
        age_days: (now - row.created_at) / 86_400_000_000,
    })
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
