//! Member files: read on one thread, sealed on another, written a batch a transaction.
//!
//! ```text
//! file ──reading──► Batch ──prepare: look up, compare, seal──► Prepared ──store: keys, then data + leaf──► log
//!        thread            while the batch before is written              10,000 rows a transaction
//! ```
//!
//! A batch that is committed is done; an import that broke off or was cancelled is simply run again: what is there comes
//! out as unchanged. How it stands is noted with each batch, for who follows it ([`following`]).

mod adding;
mod checking;
mod consenting;
pub mod following;
mod gating;
mod noting;
mod reading;
mod settling;
mod storing;

use std::collections::HashSet;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Broker, Caller, Error};
use crate::access::grant;
use crate::audit::event::{Action, Event};
use crate::intake::{ErrorsFile, FileError, HeaderWarning, Names};
use crate::keyring::Tag;
use crate::model::code::Source;
use crate::model::day::Day;
use crate::model::field::Index;
use crate::model::ids::{Digest, UnitCode};
use crate::model::lang::Lang;
use crate::model::ordinals::OrdinalSet;
use crate::policy::Act;
use crate::store::imports::ImportState;
pub use adding::MemberAdded;
use gating::{Gate, Reach};
use reading::{Batch, Checked, Told};
use settling::{Job, Making, Outcome};
use storing::{Known, Last};

/// How a file is imported.
pub struct ImportOptions<'a> {
    /// Check and count only.
    pub dry_run: bool,
    /// Where rejected rows are written, one line an error.
    pub errors: Option<Box<dyn Write + Send>>,
    /// Told after each batch.
    pub progress: &'a (dyn Fn(ImportProgress) + Sync),
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportProgress {
    /// Rows stored or checked.
    pub rows: u64,
    /// Bytes of the file read for them.
    pub bytes: u64,
}

/// What an import did (contract: `read = created + updated + unchanged + rejected`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ImportReport {
    /// Its number: the place of its first entry in the log. It can be followed under it ([`following`]).
    pub no: u64,
    /// Counts.
    #[serde(flatten)]
    pub counts: Counts,
    /// New and changed members who share a contact point with another (B4). Never with whom. `None` of a
    /// dry run: with whom a row would share is known when the whole file is stored.
    pub flagged: Option<u64>,
    /// What of the header row was not used.
    pub warnings: Vec<String>,
    /// The same, to be said in another language.
    #[serde(skip)]
    pub unread: Vec<HeaderWarning>,
    /// SHA-256 of the file.
    pub sha256: Digest,
}

/// Counts of an import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Counts {
    /// Rows in all.
    pub read: u64,
    /// New members.
    pub created: u64,
    /// Members with something new. In a dry run also rows that are not compared: of a card that stood in
    /// the file before, and of every known card when the caller may not reveal its member.
    pub updated: u64,
    /// Rows that changed nothing.
    pub unchanged: u64,
    /// Rows not taken.
    pub rejected: u64,
    /// Cells held back because a person or a later refusal had set them.
    pub kept: u64,
    /// Rows with a contact point or card on the suppression list: stored, and never exported.
    pub suppressed: u64,
}

impl Counts {
    fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Born(_) => self.created += 1,
            Outcome::Changed(it) => {
                self.updated += 1;
                self.kept += it.kept;
            }
            Outcome::Same(kept) => {
                self.unchanged += 1;
                self.kept += kept;
            }
            Outcome::Rejected(_) => self.rejected += 1,
        }
    }

    fn plus(&mut self, other: &Counts) {
        self.read += other.read;
        self.created += other.created;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.rejected += other.rejected;
        self.kept += other.kept;
        self.suppressed += other.suppressed;
    }

    fn on(&self, event: Event) -> Event {
        event
            .count("created", self.created)
            .count("updated", self.updated)
            .count("unchanged", self.unchanged)
            .count("rejected", self.rejected)
            .count("kept", self.kept)
    }
}

/// A running import.
struct Run {
    job: Arc<Job>,
    caller: Caller,
    /// Place of its first entry, by which its others are found.
    started: u64,
    suppressed: HashSet<(Index, Tag)>,
    /// See [`ImportGround`].
    blind: bool,
    /// Which cards are known.
    known: Mutex<Known>,
    /// It was told to stop.
    stop: CancellationToken,
}

impl Run {
    fn is_suppressed(&self, row: &Checked) -> bool {
        row.tags.iter().any(|t| self.suppressed.contains(&(t.index, t.suppression)))
    }
}

/// What an import rests on.
struct ImportGround {
    gate: Gate,
    policy: Digest,
    notice: String,
    suppressed: HashSet<(Index, Tag)>,
    /// The caller may not reveal all whom he may import: a dry run does not tell him what compares equal.
    blind: bool,
}

pub(super) type Errors = Option<ErrorsFile<Box<dyn Write + Send>>>;

impl Broker {
    /// Imports a member file, or checks it.
    ///
    /// # Errors
    /// `not_permitted`; [`Error::Input`] when the file is none, which is an entry; what keeps a batch from being stored. The
    /// batches before stay.
    pub async fn member_import(
        &self,
        caller: &Caller,
        input: Box<dyn Read + Send>,
        options: ImportOptions<'_>,
    ) -> Result<ImportReport, Error> {
        self.member_import_named(caller, input, Names::default(), options).await
    }

    /// The same of a file whose columns have names of their own.
    ///
    /// # Errors
    /// As [`Broker::member_import`].
    pub async fn member_import_named(
        &self,
        caller: &Caller,
        input: Box<dyn Read + Send>,
        names: Names,
        options: ImportOptions<'_>,
    ) -> Result<ImportReport, Error> {
        let action = if options.dry_run { Action::ImportDryRun } else { Action::ImportStarted };
        let event = Event::new(action, caller.actor());
        let ground = self.logged(event.clone(), self.import_ground(caller)).await?;
        let gate = Arc::new(ground.gate);
        let mut told = self.start_reading(input, names, gate.clone());
        let event = event.policy(ground.policy);
        let event = match gate.reach.stores() {
            Some(stores) => event.object(stores),
            None => event,
        };
        let unread = match told.recv().await {
            Some(Told::Opened(unread)) => unread,
            Some(Told::Failed(error)) => return self.refuse_file(event, unusable(&error)).await,
            _ => return self.refuse_file(event, broken_off()).await,
        };
        let mut errors = open_errors(options.errors)?;
        let mut work = self.store.work().await?;
        work.begin_import(caller.login(), self.alive_until()).await?;
        let receipt = work.commit(event).await?;
        let started = receipt.seq();
        let new = Making {
            vault: self.vault.clone(),
            gate,
            clock: self.store.clock().clone(),
            actor: caller.login().to_string(),
            notice: ground.notice,
            source: Source::Import,
        };
        let job = Arc::new(Job { new, comparer: self.vault.comparer(grant::maintenance(receipt)?) });
        let (blind, suppressed) = (ground.blind, ground.suppressed);
        let known = Mutex::new(Known::NotAsked);
        let stop = CancellationToken::new();
        let run = Run { job, caller: caller.without_session(), started, suppressed, blind, known, stop };
        let doing = async {
            if options.dry_run {
                let (counts, sha256) = self.run_dry(&run, &mut told, &mut errors, options.progress).await?;
                self.store.end_check(started, ImportState::Done).await?;
                return Ok((counts, None, sha256));
            }
            let (counts, flagged, sha256) =
                Box::pin(self.run_import(&run, &mut told, &mut errors, options.progress)).await?;
            let event = Event::new(Action::ImportFinished, caller.actor()).count("import", started);
            let event = counts.on(event).count("read", counts.read).digest("sha256", sha256);
            let mut work = self.store.work().await?;
            work.end_import(started, ImportState::Done).await?;
            work.commit(event).await?;
            Ok((counts, Some(flagged), sha256))
        };
        let (counts, flagged, sha256) =
            self.noted(started, options.dry_run, &run.stop, Box::pin(doing)).await?;
        finish_errors(errors)?;
        let warnings = unread.iter().map(warning).collect();
        Ok(ImportReport { no: started, counts, flagged, warnings, unread, sha256 })
    }

    /// Who may bring whose rows, and what rows may name.
    async fn import_ground(&self, caller: &Caller) -> Result<ImportGround, Error> {
        let mut view = self.store.view().await?;
        let ground = self.ground(&mut view).await?;
        let reach = Reach::of(&ground, caller, Act::MemberImport)?;
        let may_reveal =
            |site: Option<&_>| ground.staff.may(&ground.policy, caller, Act::MemberReveal, site).is_ok();
        let blind = !match &reach {
            Reach::All => may_reveal(None),
            Reach::Stores(own) => {
                own.iter().all(|store| UnitCode::parse(store).is_ok_and(|s| may_reveal(Some(&s))))
            }
        };
        let documents = view.documents().await?;
        let today = self.clock().today();
        let notice =
            super::documents::newest_notice(&documents, today).unwrap_or_else(|| "import".to_owned());
        let mut suppressed = HashSet::new();
        for index in Index::ALL {
            suppressed.extend(view.suppressed(*index).await?.into_iter().map(|tag| (*index, tag)));
        }
        let gate = Gate::of(&ground, &documents, reach);
        Ok(ImportGround { gate, policy: Digest(ground.policy.digest()), notice, suppressed, blind })
    }

    fn start_reading(
        &self,
        input: Box<dyn Read + Send>,
        names: Names,
        gate: Arc<Gate>,
    ) -> mpsc::Receiver<Told> {
        let (out, told) = mpsc::channel(1);
        let keyring = self.store.keyring().clone();
        // The clock's day is always within the years that `Day` knows.
        let today = Day::from_date(self.clock().today()).unwrap_or(Day::YEAR_1900);
        // Not joined: after a failure it may wait for input that never comes. It holds no lock, and it
        // ends when its next word finds nobody listening.
        std::thread::spawn(move || reading::read(input, today, &names, &gate, &keyring, &out));
        told
    }

    async fn run_import(
        &self,
        run: &Run,
        told: &mut mpsc::Receiver<Told>,
        errors: &mut Errors,
        progress: &(dyn Fn(ImportProgress) + Sync),
    ) -> Result<(Counts, u64, Digest), Error> {
        let (mut counts, mut touched, mut last) = (Counts::default(), OrdinalSet::new(), Last::default());
        let mut ready = None;
        let mut sha256 = None;
        loop {
            let read = async {
                match run.next(told).await? {
                    Next::Batch(batch) => {
                        let bytes = batch.bytes;
                        Ok((Some((self.prepare(&run.job, Arc::new(batch), &run.known).await?, bytes)), None))
                    }
                    Next::Ended(digest) => Ok::<_, Error>((None, Some(digest))),
                }
            };
            let store = async {
                match ready.take() {
                    Some((prepared, bytes)) => {
                        Ok::<_, Error>(Some((self.store_batch(run, prepared, &last).await?, bytes)))
                    }
                    None => Ok(None),
                }
            };
            let (stored, read) = if sha256.is_some() {
                (store.await?, (None, sha256))
            } else {
                let (stored, read) = tokio::join!(store, read);
                (stored?, read?)
            };
            if let Some((stored, bytes)) = stored {
                counts.plus(&stored.counts);
                stored.touched.iter().filter_map(|o| u64::try_from(*o).ok()).for_each(|ordinal| {
                    touched.insert(ordinal);
                });
                write_errors(errors, &stored.rejected)?;
                last = stored.last;
                progress(ImportProgress { rows: counts.read, bytes });
            }
            (ready, sha256) = read;
            if let (None, Some(sha256)) = (&ready, sha256) {
                return Ok((counts, self.count_shared(&touched).await?, sha256));
            }
        }
    }

    /// Members among `touched` who share a mobile, an address or an email with any other.
    async fn count_shared(&self, touched: &OrdinalSet) -> Result<u64, Error> {
        if touched.is_empty() {
            return Ok(0);
        }
        let mut view = self.store.view().await?;
        let mut flagged = OrdinalSet::new();
        for index in [Index::Mobile, Index::Email, Index::Post] {
            for ordinal in view.shared_contacts(index).await?.into_iter().flatten() {
                if let Some(ordinal) = u64::try_from(ordinal).ok().filter(|o| touched.contains(*o)) {
                    flagged.insert(ordinal);
                }
            }
        }
        Ok(flagged.len())
    }
}

enum Next {
    Batch(Batch),
    Ended(Digest),
}

impl Run {
    /// What is read next; a refusal once it was told to stop, however long the file takes to come.
    async fn next(&self, told: &mut mpsc::Receiver<Told>) -> Result<Next, Error> {
        let told = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(noting::cancelled().into()),
            told = told.recv() => told,
        };
        match told {
            Some(Told::Batch(batch)) => Ok(Next::Batch(batch)),
            Some(Told::Ended(sha256)) => Ok(Next::Ended(sha256)),
            Some(Told::Failed(error)) => Err(unusable(&error)),
            Some(Told::Opened(_)) | None => Err(broken_off()),
        }
    }
}

pub(super) fn open_errors(out: Option<Box<dyn Write + Send>>) -> Result<Errors, Error> {
    out.map(ErrorsFile::new).transpose().map_err(|e| Error::file("the errors file", e))
}

pub(super) fn finish_errors(errors: Errors) -> Result<(), Error> {
    let Some(file) = errors else { return Ok(()) };
    file.finish().and_then(|mut out| out.flush()).map_err(|e| Error::file("the errors file", e))
}

pub(super) fn write_errors(
    errors: &mut Errors,
    rejected: &[(u64, Vec<crate::intake::CellError>)],
) -> Result<(), Error> {
    let Some(file) = errors else { return Ok(()) };
    for (line, found) in rejected {
        file.write(*line, found).map_err(|e| Error::file("the errors file", e))?;
    }
    Ok(())
}

pub(super) fn warning(warning: &HeaderWarning) -> String {
    warning.said(Lang::En)
}

pub(super) fn unusable(error: &FileError) -> Error {
    let (zh, en) = error.hints();
    let hint = [en, zh].iter().filter(|h| !h.is_empty()).copied().collect::<Vec<_>>().join("; ");
    Error::Input { code: error.code(), message: format!("{} ({})", error.en(), error.zh()), hint }
}

fn broken_off() -> Error {
    Error::Input {
        code: "file_unreadable",
        message: "reading the file broke off".to_owned(),
        hint: "run it again: what was stored is kept and comes out as unchanged".to_owned(),
    }
}
