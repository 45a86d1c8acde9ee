//! Executing a whole request: entry, grant, stream, fence, seal (design, Release).
//!
//! A package of one file is written by the process that executes, under the start entry. One of several is
//! made by ranges, each under an entry of its own: see [`ranges`].

mod dealing;
pub(super) mod gauge;
pub mod ranges;
mod sealing;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use super::packages::{PartFact, SealedFact, add_fact, remove};
use super::people::still;
use super::{Broker, Error, Refusal, StepUp};
use crate::access::{Caller, Consented, Grant, PackageRows, Signed, grant};
use crate::audit::event::{Action, Actor, Event};
use crate::keyring::aead::Key;
use crate::model::code::Exclusion;
use crate::model::ids::{Digest, PackageNo, RequestNo};
use crate::model::ordinals::OrdinalSet;
use crate::policy::Act;
use crate::release::container::Recipient;
use crate::release::making::{Made, Target, drop_duplicates, make};
use crate::store::packages::{FactKind, PackageRow};
use crate::store::{StoreError, View, Work};
use crate::vault::Rows;

/// How often a stream is run again because someone had to go meanwhile, before it gives up.
const TRIES: u32 = 5;

/// The most parts of a package.
pub const MOST_PARTS: u32 = 64;

/// A package that is whole.
#[derive(Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Executed {
    /// Its number.
    pub package: PackageNo,
    /// Rows in it.
    pub rows: u64,
    /// Members the selection matched.
    pub selected: u64,
    /// Who is out, and why.
    pub excluded: BTreeMap<Exclusion, u64>,
    /// SHA-256 of the vendor's file; of several, over theirs, one behind the other.
    pub sha256: Digest,
    /// SHA-256 of each of the vendor's files, in the order of their parts.
    pub parts: Vec<Digest>,
}

/// A making that is in the log and holds its grant.
pub(super) struct Started {
    package: PackageRow,
    grant: Grant<PackageRows>,
    consented: Consented,
    file: File,
    path: PathBuf,
    seq: u64,
}

/// What is known when a making begins: the body of its `started` fact.
#[derive(Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub(super) struct StartedFact {
    /// Rows to be written.
    pub(super) rows: u64,
    /// Members the selection matches.
    pub(super) selected: u64,
}

/// What is on disk under a grant, not yet acknowledged.
struct Written {
    package: PackageRow,
    consented: Consented,
    /// Keeps the lock: it stays for as long as a handle is open.
    held: File,
    path: PathBuf,
    seq: u64,
    made: Made,
}

/// How a package is to be made, and for whom.
#[derive(Clone, Copy)]
pub(super) struct Order<'a> {
    pub(super) caller: &'a Caller,
    pub(super) parts: u32,
    /// When it is made again: what it held.
    pub(super) had: Option<&'a Had>,
    pub(super) progress: &'a (dyn Fn(u64, u64) + Sync),
}

/// What a package held before it is made again.
pub(super) struct Had {
    pub(super) members: OrdinalSet,
    pub(super) fact: SealedFact,
}

/// Whether what was written may be acknowledged.
enum Fenced {
    Sealed(SealedFact),
    Again(Box<Started>),
}

impl Broker {
    /// Executes a request that is whole. `progress` gets rows done and rows in all.
    ///
    /// # Errors
    /// Whatever is missing (`not_signed`, `signature_void`, …), `executed_already`, `nobody_left`.
    pub async fn request_execute(
        &self,
        step: StepUp,
        no: &RequestNo,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Executed, Error> {
        self.request_execute_in(step, no, None, progress).await
    }

    /// The same, in so many parts (1 to [`MOST_PARTS`], and no more than there are members): each a file of
    /// its own, made by this process and by every `worker` on this vault.
    ///
    /// # Errors
    /// Those of [`Self::request_execute`].
    pub async fn request_execute_in(
        &self,
        step: StepUp,
        no: &RequestNo,
        parts: Option<u32>,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Executed, Error> {
        let caller = step.caller();
        let event = Event::new(Action::RequestExecuted, caller.actor()).object(no);
        self.logged(event, async {
            let mut work = self.store.work().await?;
            still(&mut work, &step).await?;
            step.seen().check(work.view(), no).await?;
            let signed = self.whole(&mut work, no, Some(caller)).await?;
            let packages = work.view().packages_of(no).await?;
            let round = signed.submission().round.get();
            refuse_second(work.view(), &packages, round).await?;
            let serial = packages.len() as u32 + 1;
            let number =
                PackageNo::new(no.clone(), serial).map_err(|_| StoreError::integrity("package", "serial"))?;
            let package = PackageRow { no: number, round, executor: caller.login().clone(), live: true };
            work.add_package(&package).await?;
            let consented = signed.consented(work.view(), None, None).await?;
            let parts = parts_of(parts, consented.waterfall().rows());
            let started = self.start(work, package, consented, caller).await?;
            let package = started.package.clone();
            match self.run(started, &Order { caller, parts, had: None, progress }).await {
                Ok(sealed) => Ok(Executed {
                    package: package.no,
                    rows: sealed.rows,
                    selected: sealed.selected,
                    sha256: sealed.sha256(),
                    parts: sealed.parts().iter().map(|part| part.sha256).collect(),
                    excluded: sealed.excluded,
                }),
                Err(error) => {
                    // Lose nothing, keep nothing half done: the request can be executed again.
                    self.abort(&package, caller.actor()).await?;
                    Err(error)
                }
            }
        })
        .await
    }

    /// The request as a whole one, every fact looked at again, every table a decision reads compared.
    pub(super) async fn whole(
        &self,
        work: &mut Work<'_>,
        no: &RequestNo,
        executor: Option<&Caller>,
    ) -> Result<Signed, Error> {
        work.view().check_deciding_tables().await?;
        let asked = self.asked(work.view(), no).await?;
        if let Some(caller) = executor {
            self.check_may_execute(&asked, caller)?;
        }
        let signed = asked.permitted()?.signed()?;
        if let Some(caller) = executor {
            signed.check_executor(caller.login())?;
            self.check_undertaken(work.view(), caller.login()).await?;
        }
        Ok(signed)
    }

    fn check_may_execute(&self, asked: &crate::access::Asked, caller: &Caller) -> Result<(), Error> {
        // Seated or not is the next question; this one is whether any role of theirs may, or denies it.
        asked.staff().may_seated(asked.policy(), caller, Act::RequestExecute)?;
        Ok(())
    }

    /// Writes the start entry and earns the grant. The `.part` is made and locked before the entry is
    /// committed, so that another process at start sees that it has an owner.
    pub(super) async fn start(
        &self,
        mut work: Work<'_>,
        package: PackageRow,
        consented: Consented,
        caller: &Caller,
    ) -> Result<Started, Error> {
        if consented.waterfall().rows() == 0 {
            return Err(nobody_left().into());
        }
        let seq = work.seq();
        let (file, path) = self.create_part(&package.no, seq)?;
        let at = work.at();
        let body =
            StartedFact { selected: consented.waterfall().selected, rows: consented.waterfall().rows() };
        let body = serde_json::to_string(&body).map_err(|_| StoreError::integrity("package_fact", "body"))?;
        add_fact(&mut work, &package.no, FactKind::Started, at, caller.login().as_str(), body).await?;
        let event = about(Action::PackageStarted, caller.actor(), &package.no, &consented)
            .count("selected", consented.waterfall().selected)
            .count("members", consented.members().len());
        let receipt = work.commit(event).await?;
        let grant = grant::package(receipt, package.no.clone(), &consented)?;
        Ok(Started { package, grant, consented, file, path, seq })
    }

    fn create_part(&self, no: &PackageNo, seq: u64) -> Result<(File, PathBuf), Error> {
        let failed = |e| Error::file("the package file", e);
        fs::create_dir_all(self.package_dir()).map_err(failed)?;
        let path = self.part_path(no, seq);
        // Left by a turn that never committed: the sequence number was not used up.
        if path.exists() {
            fs::remove_file(&path).map_err(failed)?;
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
        // A process that starts may hold it for the moment it takes to see whose it is.
        file.lock().map_err(failed)?;
        Ok((file, path))
    }

    /// The half-made file under an entry.
    fn part_path(&self, no: &PackageNo, seq: u64) -> PathBuf {
        self.package_dir().join(format!("{no}.{seq}.part"))
    }

    /// Streams and seals; again under a new grant while someone must go.
    pub(super) async fn run(&self, mut started: Started, order: &Order<'_>) -> Result<SealedFact, Error> {
        let gauge = self.gauges.begin(&started.package.no);
        let progress = |done: u64, total: u64| {
            gauge.stands(done, total);
            (order.progress)(done, total);
        };
        let order = &Order { progress: &progress, ..*order };
        for _ in 0..TRIES {
            let fenced = if order.parts > 1 {
                // Boxed: the two ways side by side would lie on the stack of every caller.
                Box::pin(self.by_ranges(started, order)).await?
            } else {
                let written = self.write_file(started, order.progress).await?;
                self.fence(written, order).await?
            };
            match fenced {
                Fenced::Sealed(sealed) => return Ok(sealed),
                Fenced::Again(next) => started = *next,
            }
        }
        Err(members_kept_changing())
    }

    /// Uses a grant up: the rows of its members, in its file.
    async fn write_file(
        &self,
        started: Started,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Written, Error> {
        let Started { package, grant, consented, file, path, seq } = started;
        let asked = consented.signed().asked();
        let rule = asked.policy().channel(asked.form().purpose(), asked.form().channel())?.clone();
        let recipient = asked.vendor().and_then(|v| Recipient::parse(&v.recipient).ok());
        let recipient = recipient.ok_or_else(|| StoreError::integrity("vendor", "its key does not parse"))?;
        let key = self.package_key(&package.no).await?;
        let rows = self.stream(grant, &consented, seq).await?;
        // The lock stays with the descriptor for as long as the file is open; a second handle keeps it
        // through the fence.
        let held = file.try_clone().map_err(|e| Error::file("the package file", e))?;
        let place = self.package_place(&package.no);
        let target = Target { file, key: &key, place: &place, recipient: &recipient, rule: &rule, seq };
        let made = match make(&self.store, rows, target, progress).await {
            Ok(made) => made,
            Err(error) => {
                // Who is in it may have to go: nothing of it stays under a key that lives on.
                remove(&path)?;
                return Err(error);
            }
        };
        Ok(Written { package, consented, held, path, seq, made })
    }

    /// A grant as its stream, duplicates of a contact point taken out.
    async fn stream(
        &self,
        grant: Grant<PackageRows>,
        consented: &Consented,
        seq: u64,
    ) -> Result<Rows, Error> {
        let asked = consented.signed().asked();
        let rule = asked.policy().channel(asked.form().purpose(), asked.form().channel())?;
        let fields: Vec<_> = rule.columns.iter().map(|c| c.field).collect();
        let mut rows = self
            .vault
            .rows(grant, &fields, rule.contact_point)
            .map_err(|_| StoreError::integrity("package", "a column outside the grant"))?;
        let mut view = self.store.view().await?;
        view.check_knows(seq).await?;
        drop_duplicates(&mut view, &mut rows, &consented.waterfall().groups).await?;
        Ok(rows)
    }

    /// The key a package lies under at rest: on disk, wrapped, before anything is sealed under it. Made
    /// once a package: what is made again lies under it too, each file behind a random prefix of its own,
    /// so that a crash in between leaves the file before it readable.
    async fn package_key(&self, no: &PackageNo) -> Result<Key, Error> {
        let place = no.to_string();
        if let Some((kek, wrapped)) = self.store.view().await?.package_key(no).await? {
            return Ok(self.store.keyring().unwrap(kek, &[b"package-key", place.as_bytes()], &wrapped)?);
        }
        let key = Key::random()?;
        let (kek, wrapped) = self.store.keyring().wrap(&[b"package-key", place.as_bytes()], &key)?;
        self.store.put_package_key(no, kek, &wrapped).await?;
        Ok(key)
    }
}

impl Written {
    /// Its file, as the log and the facts speak of it.
    fn part(&self) -> PartFact {
        PartFact {
            file: self.path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default(),
            bytes: self.made.file.bytes,
            sha256: Digest(self.made.file.sha256),
            at_rest: Digest(self.made.at_rest.sha256),
        }
    }
}

/// An entry about the making of a package: which, what leaves, under which request and policy.
fn about(action: Action, actor: Actor, package: &PackageNo, consented: &Consented) -> Event {
    let asked = consented.signed().asked();
    Event::new(action, actor)
        .object(package)
        .fields(consented.fields())
        .request(consented.digest(), asked.form().purpose(), asked.form().channel())
        .policy(Digest(asked.policy().files().digest()))
}

/// How many parts: what was asked for, or one, for a process alone is faster with one (benches/README.md); none
/// without a member.
fn parts_of(asked: Option<u32>, members: u64) -> u32 {
    u64::from(asked.unwrap_or(1).clamp(1, MOST_PARTS)).min(members.max(1)) as u32
}

fn nobody_left() -> Refusal {
    Refusal::new("nobody_left", "A3b (Art 3)", "nobody of the selection may be reached on this channel now")
        .hint("`request preview` shows why")
}

fn members_kept_changing() -> Error {
    Error::Input {
        code: "members_kept_changing",
        message: "members withdrew faster than the package could be made".into(),
        hint: "execute again".into(),
    }
}

/// One live package a request; and a recalled one is not made again under the same signatures.
pub(super) async fn refuse_second(
    view: &mut View<'_>,
    packages: &[PackageRow],
    round: u32,
) -> Result<(), Error> {
    for package in packages.iter().filter(|p| p.live || p.round == round) {
        let facts = view.package_facts(&package.no).await?;
        if package.live || facts.iter().any(|f| f.kind == FactKind::Recalled) {
            return Err(Refusal::new(
                "executed_already",
                "A6c (Art 6)",
                format!("this round has had its package, {}", package.no),
            )
            .hint("`package list` shows it; a recalled one needs a new round")
            .into());
        }
    }
    Ok(())
}
