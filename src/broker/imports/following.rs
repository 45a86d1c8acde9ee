//! Imports followed: which there were in the last month, how one stands, which rows it refused and why; and told to stop.
//!
//! Nothing here is about a member: counts, lines, columns and codes. So how an import stands is no look with an entry of its
//! own; who may not know it is refused with one, and so is the errors file, which says something of each row.

use serde::Serialize;

use super::Counts;
use super::gating::{Reach, reason_of};
use crate::audit::event::{Action, Event};
use crate::broker::exploring::Said;
use crate::broker::{Broker, Caller, Error, Ground, Refusal};
use crate::clock::rfc3339;
use crate::intake::{CellError, Column, ErrorsFile};
use crate::policy::Act;
use crate::store::imports::{ImportRow, ImportState};
use crate::store::{StoreError, View};

/// How an import stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ImportShown {
    /// Its number: the place of its first entry in the log.
    pub no: u64,
    /// How it stands.
    pub state: ImportState,
    /// It only checks, and stores nothing.
    pub dry_run: bool,
    /// Whose it is.
    pub by: String,
    /// When it began.
    pub begun_at: String,
    /// Rows taken so far: created, updated and unchanged.
    pub accepted: u64,
    /// Counts so far. A batch is counted when it is stored.
    #[serde(flatten)]
    pub counts: Counts,
    /// How many things are wrong with the rejected rows; the errors file lists the first ten thousand.
    pub errors: u64,
}

impl ImportShown {
    /// Whether nothing of it will change any more.
    pub fn is_over(&self) -> bool {
        !matches!(self.state, ImportState::Running | ImportState::Cancelling)
    }
}

/// What somebody wants of an import.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Want {
    /// To know how it stands.
    See,
    /// To have it stop.
    Stop,
}

/// An import with its first entry, which says whose it is.
struct Known {
    row: ImportRow,
    first: Said,
}

impl Known {
    async fn of(view: &mut View<'_>, row: ImportRow) -> Result<Known, StoreError> {
        let leaf = view.leaves(row.no, row.no + 1).await?.pop();
        let (seq, leaf) =
            leaf.ok_or_else(|| StoreError::integrity("import_run", "an import without an entry"))?;
        let first = Said::read(seq, &leaf)?;
        let begins = [Action::ImportStarted, Action::ImportDryRun].map(Action::code);
        if !begins.contains(&first.action.as_str()) || first.refusal.is_some() {
            return Err(StoreError::integrity("import_run", "its entry is not that of an import"));
        }
        Ok(Known { row, first })
    }

    fn is_of(&self, caller: &Caller) -> bool {
        // A token is not let at what its owner brought by himself, or by another one.
        self.first.who() == caller.login().as_str()
            && caller.token().is_none_or(|id| self.first.token() == Some(id))
    }

    fn shown(&self, now: i64) -> ImportShown {
        let Known { row, first } = self;
        let is_silent = row.held_until <= now;
        let counts = Counts::from(row.tally);
        ImportShown {
            no: row.no,
            state: match row.state {
                ImportState::Running | ImportState::Cancelling if is_silent => ImportState::BrokenOff,
                noted => noted,
            },
            dry_run: first.action == Action::ImportDryRun.code(),
            by: first.who().to_owned(),
            begun_at: rfc3339(row.begun_at),
            accepted: counts.created + counts.updated + counts.unchanged,
            counts,
            errors: row.errors,
        }
    }
}

impl Broker {
    /// Imports of the last month before a place, newest first: one's own, and everybody's for who may import for everybody
    /// or read the log.
    ///
    /// # Errors
    /// `not_permitted`.
    pub async fn import_list(
        &self,
        caller: &Caller,
        before: u64,
        limit: usize,
    ) -> Result<Vec<ImportShown>, Error> {
        let event = Event::new(Action::ImportShown, caller.actor());
        self.logged(event, async {
            let mut view = self.store.view().await?;
            let ground = self.known_ground(&mut view).await?;
            let reach = Reach::of(&ground, caller, Act::MemberImport);
            let reads_log = may_read_log(&ground, caller);
            if let (Err(refusal), false) = (&reach, reads_log) {
                return Err(refusal.clone().into());
            }
            let all = reads_log || matches!(reach, Ok(Reach::All));
            let rows = view.imports((!all).then(|| caller.login()), before, limit).await?;
            let (now, mut shown) = (self.clock().now(), Vec::with_capacity(rows.len()));
            for row in rows {
                let known = Known::of(&mut view, row).await?;
                if all || known.is_of(caller) {
                    shown.push(known.shown(now));
                }
            }
            Ok(shown)
        })
        .await
    }

    /// How an import stands.
    ///
    /// # Errors
    /// `not_permitted`; `unknown_import`, also of one that the caller may not know of.
    pub async fn import_show(&self, caller: &Caller, no: u64) -> Result<ImportShown, Error> {
        let event = Event::new(Action::ImportShown, caller.actor()).object(no);
        self.logged(event, async {
            let mut view = self.store.view().await?;
            Ok(self.known_import(&mut view, caller, no, Want::See).await?.shown(self.clock().now()))
        })
        .await
    }

    /// Which rows an import refused, and why: an errors file, in both languages.
    ///
    /// # Errors
    /// As [`Broker::import_show`].
    pub async fn import_errors(&self, caller: &Caller, no: u64) -> Result<Vec<u8>, Error> {
        let event = Event::new(Action::ImportShown, caller.actor()).object(no);
        self.logged(event.clone(), async {
            let mut view = self.store.view().await?;
            let known = self.known_import(&mut view, caller, no, Want::See).await?;
            let found = view.import_errors(no).await?;
            drop(view);
            self.store.enter(event.count("errors", known.row.errors)).await?;
            let failed = |cause| Error::file("the errors file", cause);
            let mut file = ErrorsFile::new(Vec::new()).map_err(failed)?;
            for error in &found {
                let cell = cell(&error.place, &error.code)
                    .ok_or_else(|| StoreError::integrity("import_error", "a row does not parse"))?;
                file.write(error.line, &[cell]).map_err(failed)?;
            }
            let more = known.row.errors.saturating_sub(found.len() as u64);
            if more > 0 {
                file.more(more).map_err(failed)?;
            }
            file.finish().map_err(failed)
        })
        .await
    }

    /// Has an import stop before its next batch. What was stored stays; the same file imported again brings the rest.
    ///
    /// # Errors
    /// As [`Broker::import_show`]; `import_ended`.
    pub async fn import_cancel(&self, caller: &Caller, no: u64) -> Result<ImportShown, Error> {
        let event = Event::new(Action::ImportCancelled, caller.actor()).object(no);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let mut known = self.known_import(work.view(), caller, no, Want::Stop).await?;
            if !work.cancel_import(no).await? {
                return Err(Refusal::new(
                    "import_ended",
                    "B8",
                    "this import does not run, or is being cancelled",
                )
                .hint("look how it stands")
                .into());
            }
            work.commit(event.count("import", no)).await?;
            known.row.state = ImportState::Cancelling;
            Ok(known.shown(self.clock().now()))
        })
        .await
    }

    /// An import that the caller may know of: his own; of stores where he may import himself; anyone's, when he may read
    /// the log and wants no more than to know.
    async fn known_import(
        &self,
        view: &mut View<'_>,
        caller: &Caller,
        no: u64,
        want: Want,
    ) -> Result<Known, Error> {
        let ground = match want {
            Want::See => self.known_ground(view).await?,
            Want::Stop => self.ground(view).await?,
        };
        // Nobody who was suspended since he showed who he is.
        ground.staff.caller(caller.login())?;
        let reach = Reach::of(&ground, caller, Act::MemberImport);
        let reads_log = want == Want::See && may_read_log(&ground, caller);
        let known = match view.import(no).await? {
            Some(row) => Some(Known::of(view, row).await?),
            None => None,
        };
        let may = |known: &Known| {
            let stores = known.first.object.as_deref();
            known.is_of(caller) || reads_log || reach.as_ref().is_ok_and(|reach| reach.covers_all(stores))
        };
        match (known.filter(may), reach) {
            (Some(known), _) => Ok(known),
            (None, Err(refusal)) if !reads_log => Err(refusal.into()),
            (None, _) => {
                Err(Refusal::new("unknown_import", "B9", "there is no such import in what you may see")
                    .hint("imports are known for thirty days; check the number")
                    .into())
            }
        }
    }
}

fn may_read_log(ground: &Ground, caller: &Caller) -> bool {
    ground.staff.may(&ground.policy, caller, Act::AuditExport, None).is_ok()
}

/// What was noted of a cell, in words again.
fn cell(place: &str, code: &str) -> Option<CellError> {
    let column = if place.is_empty() { None } else { Some(Column::parse(place).ok()?) };
    Some(CellError { column, reason: reason_of(code)? })
}
