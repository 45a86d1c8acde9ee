//! Executing a whole request: entry, grant, stream, fence, seal (design, Release).

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use super::packages::{SealedFact, add_fact, find_package, recalled, remove};
use super::{Broker, Error, Refusal, StepUp};
use crate::access::{Caller, Consented, Grant, PackageRows, Signed, Waterfall, grant};
use crate::audit::event::{Action, Event};
use crate::keyring::aead::Key;
use crate::model::code::Exclusion;
use crate::model::ids::{Digest, PackageNo, RequestNo};
use crate::model::ordinals::OrdinalSet;
use crate::policy::Act;
use crate::release::container::Recipient;
use crate::release::making::{Made, Target, drop_duplicates, make};
use crate::store::packages::{FactKind, PackageRow};
use crate::store::{StoreError, View, Work};

/// How often a stream is run again because someone had to go meanwhile, before it gives up.
const TRIES: u32 = 5;

/// A package that is whole.
#[derive(Debug, serde::Serialize)]
pub struct Executed {
    /// Its number.
    pub package: PackageNo,
    /// Rows in it.
    pub rows: u64,
    /// Members the selection matched.
    pub selected: u64,
    /// Who is out, and why.
    pub excluded: BTreeMap<Exclusion, u64>,
    /// SHA-256 of the vendor's file.
    pub sha256: Digest,
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

/// Whether the stream may be acknowledged.
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
        let caller = step.caller();
        let event = Event::new(Action::RequestExecuted, caller.actor()).object(no);
        self.logged(event, async {
            let mut work = self.store.work().await?;
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
            let started = self.start(work, package, consented, caller).await?;
            let package = started.package.clone();
            match self.run(started, caller, None, progress).await {
                Ok(sealed) => Ok(Executed {
                    package: package.no,
                    rows: sealed.rows,
                    selected: sealed.selected,
                    excluded: sealed.excluded,
                    sha256: sealed.sha256,
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
            return Err(Refusal::new(
                "nobody_left",
                "A3b (Art 3)",
                "nobody of the selection may be reached on this channel now",
            )
            .hint("`request preview` shows why")
            .into());
        }
        let seq = work.seq();
        let (file, path) = self.create_part(&package.no, seq)?;
        let at = work.at();
        add_fact(&mut work, &package.no, FactKind::Started, at, caller.login().as_str(), "{}".into()).await?;
        let form = consented.signed().asked().form();
        let policy = Digest(consented.signed().asked().policy().files().digest());
        let event = Event::new(Action::PackageStarted, caller.actor())
            .object(&package.no)
            .fields(consented.fields())
            .request(consented.digest(), form.purpose(), form.channel())
            .policy(policy)
            .count("selected", consented.waterfall().selected)
            .count("members", consented.members().len());
        let receipt = work.commit(event).await?;
        let grant = grant::package(receipt, package.no.clone(), &consented)?;
        Ok(Started { package, grant, consented, file, path, seq })
    }

    fn create_part(&self, no: &PackageNo, seq: u64) -> Result<(File, PathBuf), Error> {
        let failed = |e| Error::file("the package file", e);
        let dir = self.package_dir();
        fs::create_dir_all(&dir).map_err(failed)?;
        let path = dir.join(format!("{no}.{seq}.part"));
        // Left by a turn that never committed: the sequence number was not used up.
        if path.exists() {
            fs::remove_file(&path).map_err(failed)?;
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
        // A process that starts may hold it for the moment it takes to see whose it is.
        file.lock().map_err(failed)?;
        Ok((file, path))
    }

    /// Streams and seals; again under a new grant while someone must go.
    pub(super) async fn run(
        &self,
        mut started: Started,
        caller: &Caller,
        had: Option<&Had>,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<SealedFact, Error> {
        for _ in 0..TRIES {
            match self.attempt(started, caller, had, progress).await? {
                Fenced::Sealed(sealed) => return Ok(sealed),
                Fenced::Again(next) => started = *next,
            }
        }
        Err(Error::Input {
            code: "members_kept_changing",
            message: "members withdrew faster than the package could be made".into(),
            hint: "execute again".into(),
        })
    }

    async fn attempt(
        &self,
        started: Started,
        caller: &Caller,
        had: Option<&Had>,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Fenced, Error> {
        let Started { package, grant, consented, file, path, seq } = started;
        let asked = consented.signed().asked();
        let rule = asked.policy().channel(asked.form().purpose(), asked.form().channel())?.clone();
        let recipient = asked.vendor().and_then(|v| Recipient::parse(&v.recipient).ok());
        let recipient = recipient.ok_or_else(|| StoreError::integrity("vendor", "its key does not parse"))?;
        let key = self.package_key(&package.no).await?;
        let fields: Vec<_> = rule.columns.iter().map(|c| c.field).collect();
        let mut rows = self
            .vault
            .rows(grant, &fields, rule.contact_point)
            .map_err(|_| StoreError::integrity("package", "a column outside the grant"))?;
        let mut view = self.store.view().await?;
        drop_duplicates(&mut view, &mut rows, &consented.waterfall().groups).await?;
        drop(view);
        // The lock stays with the descriptor for as long as the file is open; a second handle keeps it
        // through the fence.
        let held = file.try_clone().map_err(|e| Error::file("the package file", e))?;
        let place = self.package_place(&package.no);
        let target = Target { file, key: &key, place: &place, recipient: &recipient, rule: &rule };
        let made = make(&self.store, rows, target, progress).await?;
        let done = self.fence(Attempt { package, consented, path, seq, made }, caller, had).await;
        drop(held);
        done
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

    /// With all writers held off: is everyone in the file still to be in it, at the contact point that was
    /// written? When neither the log nor the day nor the policy has moved since the start, nothing can have
    /// changed; otherwise every exclusion is walked again.
    async fn fence(&self, a: Attempt, caller: &Caller, had: Option<&Had>) -> Result<Fenced, Error> {
        let mut work = self.store.work().await?;
        if work.seq() != a.seq + 1 || !self.stands_still(&mut work, &a.consented).await? {
            if !find_package(work.view(), &a.package.no).await?.live {
                remove(&a.path)?;
                return Err(recalled().into());
            }
            let no = a.package.no.request();
            let executor = had.is_none().then_some(caller);
            let among = had.map(|h| &h.members);
            let signed = self.whole(&mut work, no, executor).await?;
            let now = signed.consented(work.view(), among, Some(&a.made.members)).await?;
            let moved = now.waterfall().over.marks != a.made.marks;
            if moved || !a.made.members.is_subset_of(now.members()) {
                remove(&a.path)?;
                let signed = self.whole(&mut work, no, executor).await?;
                let consented = signed.consented(work.view(), among, among).await?;
                let next = self.start(work, a.package, consented, caller).await?;
                return Ok(Fenced::Again(Box::new(next)));
            }
        }
        let sealed = self.seal(work, &a, had, caller).await?;
        let failed = |e| Error::file("the package file", e);
        fs::rename(&a.path, a.path.with_extension("sealed")).map_err(failed)?;
        File::open(self.package_dir()).and_then(|d| d.sync_all()).map_err(failed)?;
        Ok(Fenced::Sealed(sealed))
    }

    /// Whether what time alone changes is as it was: the day, the policy in force, the request's term.
    async fn stands_still(&self, work: &mut Work<'_>, consented: &Consented) -> Result<bool, Error> {
        let (asked, now) = (consented.signed().asked(), self.clock().now());
        let policy = self.shelf.at(work.view(), now).await?;
        Ok(self.clock().date(now) == asked.today()
            && policy.digest() == asked.policy().digest()
            && now < asked.submission().expires_at.micros())
    }

    async fn seal(
        &self,
        mut work: Work<'_>,
        a: &Attempt,
        had: Option<&Had>,
        caller: &Caller,
    ) -> Result<SealedFact, Error> {
        let Attempt { package, consented, made, path, .. } = a;
        let disclosure = work.add_disclosure(&package.no, &made.members).await?;
        let asked = consented.signed().asked();
        let (selected, excluded) = report(consented.waterfall(), made.rows, had);
        let kind = if had.is_some() { FactKind::Remade } else { FactKind::Sealed };
        let fact = SealedFact {
            file: path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default(),
            rows: made.rows,
            bytes: made.file.bytes,
            sha256: Digest(made.file.sha256),
            at_rest: Digest(made.at_rest.sha256),
            selected,
            excluded,
            marks: format!("{:032x}", made.marks),
            seq: work.seq(),
            as_of: work.at(),
            policy: Digest(asked.policy().files().digest()),
        };
        let body = serde_json::to_string(&fact).map_err(|_| StoreError::integrity("package_fact", "body"))?;
        let at = work.at();
        add_fact(&mut work, &package.no, kind, at, caller.login().as_str(), body).await?;
        let action = if kind == FactKind::Remade { Action::PackageRemade } else { Action::PackageSealed };
        let form = asked.form();
        let event = Event::new(action, caller.actor())
            .object(&package.no)
            .fields(consented.fields())
            .request(consented.digest(), form.purpose(), form.channel())
            .policy(fact.policy)
            .count("rows", fact.rows)
            .count("selected", fact.selected)
            .digest("sha256", fact.sha256)
            .digest("at_rest", fact.at_rest)
            .digest("disclosure", disclosure);
        work.commit(event).await?;
        Ok(fact)
    }
}

/// What a package held before it is made again.
pub(super) struct Had {
    pub(super) members: OrdinalSet,
    pub(super) fact: SealedFact,
}

/// The exclusion report: `rows + Σ excluded = selected`. Of a package that is made again it is the first
/// one's, and those who left are counted under what excludes them now; who was erased while it ran is not
/// active any more.
fn report(fall: &Waterfall, rows: u64, had: Option<&Had>) -> (u64, BTreeMap<Exclusion, u64>) {
    let (selected, mut excluded) = match had {
        None => (fall.selected, fall.counted()),
        Some(had) => {
            let mut excluded = had.fact.excluded.clone();
            for (reason, n) in &fall.over.excluded {
                *excluded.entry(*reason).or_default() += n;
            }
            (had.fact.selected, excluded)
        }
    };
    let missing = selected.saturating_sub(rows + excluded.values().sum::<u64>());
    if missing > 0 {
        *excluded.entry(Exclusion::NotActive).or_default() += missing;
    }
    (selected, excluded)
}

/// One run of the stream, at the fence.
struct Attempt {
    package: PackageRow,
    consented: Consented,
    path: PathBuf,
    seq: u64,
    made: Made,
}

/// One live package a request; and a recalled one is not made again under the same signatures.
async fn refuse_second(view: &mut View<'_>, packages: &[PackageRow], round: u32) -> Result<(), Error> {
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
