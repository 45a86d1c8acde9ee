//! The download gate: the named officer, once, and only who may still be reached (A8c, E5).

use std::fs;
use std::io::{Cursor, Read, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::executing::{Had, Order};
use super::packages::{
    PartFact, SealedFact, add_fact, check_named, find_package, last_sealed, recalled, remove,
};
use super::{Broker, Error, Refusal, StepUp};
use crate::access::{Asked, Caller, Consented, Signed};
use crate::audit::event::{Action, Event};
use crate::clock::rfc3339;
use crate::keyring::aead::Key;
use crate::model::ids::{Digest, Fingerprint, PackageNo};
use crate::model::network::Network;
use crate::policy::Act;
use crate::release::at_rest::{HashingWriter, OpenReader, open_reader};
use crate::release::manifest::{Manifest, Part};
use crate::store::StoreError;
use crate::store::packages::{FactKind, PackageFact, PackageRow};

/// A package on its way to its vendor.
#[derive(Debug, serde::Serialize)]
pub struct Downloaded {
    /// The vendor's file; of several, the first.
    pub path: PathBuf,
    /// The manifest beside it.
    pub manifest: PathBuf,
    /// SHA-256 of the vendor's file; of several, over theirs, one behind the other.
    pub sha256: Digest,
    /// Every file, in the order of their parts.
    pub parts: Vec<PathBuf>,
    /// Rows in it.
    pub rows: u64,
}

/// Which file of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A part, from 1.
    Part(u32),
    /// What describes them all.
    Manifest,
}

/// One file on its way out.
pub struct Fetched {
    /// Its name: no trait, no vendor (contract).
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: Digest,
    /// Its bytes; reading fails where the file at rest is not what was sealed.
    pub body: Box<dyn Read + Send>,
}

/// What the gate found.
enum Gate {
    /// Entry written: hand it over.
    Open(Box<(SealedFact, Consented, Key)>),
    /// Someone must go first.
    Remake(Box<Had>),
}

impl Broker {
    /// Downloads a package into a folder. Who withdrew since it was made is taken out first. A broken
    /// transfer may be repeated by the same person for a few minutes, each try an entry.
    ///
    /// # Errors
    /// `not_receiver`, `downloaded_already`, or whatever has become of request, vendor or policy.
    pub async fn package_download(
        &self,
        step: StepUp,
        no: &PackageNo,
        out: &Path,
    ) -> Result<Downloaded, Error> {
        let (sealed, consented, key) = self.through_gate(step.caller(), no).await?;
        self.hand_over(no, &sealed, consented.signed(), &key, out).await
    }

    /// One file of a package, as a stream: what a face without a folder hands on. Each is a download of its
    /// own, with its entry; the others follow within the minutes in which a transfer may be repeated. `from`: the address
    /// it goes to; none is this machine, or a proxy on it that does not say.
    ///
    /// # Errors
    /// Those of [`Broker::package_download`]; `unknown_part`; `outside_network` where that is not one of the networks that
    /// were named (A8b).
    pub async fn package_fetch(
        &self,
        step: StepUp,
        no: &PackageNo,
        wanted: Wanted,
        from: Option<IpAddr>,
    ) -> Result<Fetched, Error> {
        let event = Event::new(Action::PackageDownloaded, step.caller().actor()).object(no);
        self.logged(event, async { Ok(self.check_network(from)?) }).await?;
        let (sealed, consented, key) = self.through_gate(step.caller(), no).await?;
        let unknown = || {
            Refusal::new("unknown_part", "A8c (Art 8)", "the package has no such part")
                .hint("parts are counted from 1; the manifest lists them")
        };
        match wanted {
            Wanted::Manifest => {
                let text = self.manifest(no, &sealed, consented.signed()).await?;
                let name = format!("{}.manifest.json", no.request().file_stem(1));
                let (bytes, sha256) = (text.len() as u64, Digest::of(text.as_bytes()));
                Ok(Fetched { name, bytes, sha256, body: Box::new(Cursor::new(text)) })
            }
            Wanted::Part(number) => {
                let at = number.checked_sub(1).map(|at| at as usize).ok_or_else(unknown)?;
                let part = sealed.parts().get(at).ok_or_else(unknown)?;
                let body = Box::new(self.opened(no, part, &key)?);
                Ok(Fetched { name: file_name(no, number), bytes: part.bytes, sha256: part.sha256, body })
            }
        }
    }

    /// Holds downloads to these networks, when any is named (A8b).
    pub fn hold_downloads_to(&mut self, networks: Vec<Network>) {
        self.networks = networks;
    }

    fn check_network(&self, from: Option<IpAddr>) -> Result<(), Refusal> {
        let from = from.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        if self.networks.is_empty() || self.networks.iter().any(|network| network.contains(from)) {
            return Ok(());
        }
        Err(Refusal::new(
            "outside_network",
            "A8b (Art 8)",
            "packages are not downloaded to where this comes from",
        )
        .hint("download from the company's own network"))
    }

    /// Through the download gate, its entry written.
    async fn through_gate(
        &self,
        caller: &Caller,
        no: &PackageNo,
    ) -> Result<(SealedFact, Consented, Key), Error> {
        let event = Event::new(Action::PackageDownloaded, caller.actor()).object(no);
        self.logged(event, async {
            // Someone may go while it is made again; each round takes members out, so this ends.
            for _ in 0..5 {
                match self.gate(caller, no).await? {
                    Gate::Open(open) => return Ok(*open),
                    Gate::Remake(had) => self.remake(caller, no, &had).await?,
                }
            }
            Err(Error::Input {
                code: "members_kept_changing",
                message: "members withdrew faster than the package could be made again".into(),
                hint: "download again".into(),
            })
        })
        .await
    }

    async fn gate(&self, caller: &Caller, no: &PackageNo) -> Result<Gate, Error> {
        let mut work = self.store.work().await?;
        let asked = self.asked(work.view(), no.request()).await?;
        self.check_receiver_now(&asked, caller)?;
        let package = find_package(work.view(), no).await?;
        let facts = work.view().package_facts(no).await?;
        let sealed = self.check_downloadable(&asked, &package, &facts, caller)?;
        self.check_undertaken(work.view(), caller.login()).await?;
        let signed = self.whole(&mut work, no.request(), None).await?;
        let had = work.view().disclosure(no).await?;
        let had = had.ok_or_else(|| StoreError::integrity("disclosure", no.to_string()))?;
        let consented = signed.consented(work.view(), None, Some(&had)).await?;
        let moved = format!("{:032x}", consented.waterfall().over.marks) != sealed.marks;
        if moved || !had.is_subset_of(consented.members()) {
            return Ok(Gate::Remake(Box::new(Had { members: had, fact: sealed })));
        }
        let (kek, wrapped) = work.view().package_key(no).await?.ok_or_else(recalled)?;
        let key = self.store.keyring().unwrap(kek, &[b"package-key", no.to_string().as_bytes()], &wrapped)?;
        let at = work.at();
        let body = serde_json::json!({"sha256": sealed.sha256()}).to_string();
        add_fact(&mut work, no, FactKind::Downloaded, at, caller.login().as_str(), body).await?;
        let form = consented.signed().asked().form();
        let event = Event::new(Action::PackageDownloaded, caller.actor())
            .object(no)
            .request(consented.digest(), form.purpose(), form.channel())
            .digest("sha256", sealed.sha256());
        work.commit(event).await?;
        Ok(Gate::Open(Box::new((sealed, consented, key))))
    }

    fn check_receiver_now(&self, asked: &Asked, caller: &Caller) -> Result<(), Error> {
        check_named(asked.form().receiver() == caller.login())?;
        asked.staff().may_seated(asked.policy(), caller, Act::PackageDownload)?;
        Ok(())
    }

    fn check_downloadable(
        &self,
        asked: &Asked,
        package: &PackageRow,
        facts: &[PackageFact],
        caller: &Caller,
    ) -> Result<SealedFact, Error> {
        if !package.live {
            return Err(recalled().into());
        }
        let sealed = last_sealed(facts)?.ok_or_else(|| {
            Refusal::new("not_sealed", "A8a (Art 8)", "this package is not whole yet")
                .hint("wait for the execution to end")
        })?;
        if package.executor == *caller.login() {
            return Err(Refusal::new("separation_of_duties", "A6b", "who executed it does not receive it")
                .hint("recall the package; another executor runs the request")
                .into());
        }
        if self.clock().today() > asked.form().destroy_by() {
            return Err(Refusal::new(
                "past_destroy_by",
                "A9b (Art 9)",
                "the day by which it is to be destroyed has passed",
            )
            .hint("draft a new request with a later day")
            .into());
        }
        let minutes = i64::from(asked.policy().retention().download_repeat_minutes());
        let first = facts.iter().find(|f| f.kind == FactKind::Downloaded);
        if let Some(first) = first {
            let again = first.actor == caller.login().as_str()
                && self.clock().now() - first.at <= minutes * 60_000_000;
            if facts.iter().any(|f| f.kind == FactKind::HandedOff) {
                return Err(Refusal::new(
                    "downloaded_already",
                    "A8c (Art 8)",
                    "this package was downloaded and handed to its vendor; a package is fetched once",
                )
                .hint("the vendor has it; if it was lost, recall the package and have the request executed again")
                .into());
            }
            if !again {
                return Err(Refusal::new(
                    "downloaded_already",
                    "A8c (Art 8)",
                    "this package was downloaded; a package is fetched once",
                )
                .hint(format!("a broken transfer may be repeated for {minutes} minutes by the same person"))
                .into());
            }
        }
        Ok(sealed)
    }

    /// Makes the package again, without those who must go and at the contact points of now. Everything the
    /// gate looked at is looked at again: it is another turn.
    async fn remake(&self, caller: &Caller, no: &PackageNo, had: &Had) -> Result<(), Error> {
        let mut work = self.store.work().await?;
        let asked = self.asked(work.view(), no.request()).await?;
        self.check_receiver_now(&asked, caller)?;
        let package = find_package(work.view(), no).await?;
        let facts = work.view().package_facts(no).await?;
        let old = self.check_downloadable(&asked, &package, &facts, caller)?;
        let signed = self.whole(&mut work, no.request(), None).await?;
        let consented = signed.consented(work.view(), Some(&had.members), Some(&had.members)).await?;
        let started = self.start(work, package, consented, caller).await?;
        let parts = old.parts().len() as u32;
        self.run(started, &Order { caller, parts, had: Some(had), progress: &|_, _| {} }).await?;
        for part in old.parts() {
            remove(&self.package_dir().join(format!("{}.sealed", part.file)))?;
        }
        Ok(())
    }

    async fn hand_over(
        &self,
        no: &PackageNo,
        sealed: &SealedFact,
        signed: &Signed,
        key: &Key,
        out: &Path,
    ) -> Result<Downloaded, Error> {
        let failed = |e| Error::file("the download", e);
        fs::create_dir_all(out).map_err(failed)?;
        let mut files = Vec::new();
        for (part, number) in sealed.parts().iter().zip(1..) {
            let path = out.join(file_name(no, number));
            self.copy_out(no, part, key, &path)?;
            files.push(path);
        }
        let manifest = out.join(format!("{}.manifest.json", no.request().file_stem(1)));
        let text = self.manifest(no, sealed, signed).await?;
        let fresh = fresh(&manifest);
        let mut file = create_anew(&fresh).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        fs::rename(&fresh, &manifest).map_err(failed)?;
        fs::File::open(out).and_then(|d| d.sync_all()).map_err(failed)?;
        let path =
            files.first().cloned().ok_or_else(|| StoreError::integrity("package", "it has no file"))?;
        Ok(Downloaded { path, manifest, sha256: sealed.sha256(), rows: sealed.rows, parts: files })
    }

    /// One file at rest, opened as it is read.
    fn opened(&self, no: &PackageNo, part: &PartFact, key: &Key) -> Result<OpenReader<fs::File>, Error> {
        let from = self.package_dir().join(format!("{}.sealed", part.file));
        let file = fs::File::open(&from).map_err(|e| Error::file("the download", e))?;
        Ok(open_reader(file, key.bytes(), &self.package_place(no)))
    }

    /// Opens one file at rest and writes the vendor's file; under its name only when it is the one that was
    /// sealed.
    fn copy_out(&self, no: &PackageNo, part: &PartFact, key: &Key, path: &Path) -> Result<(), Error> {
        let failed = |e| Error::file("the download", e);
        let mut reader = self.opened(no, part, key)?;
        let fresh = fresh(path);
        let file = create_anew(&fresh).map_err(failed)?;
        let mut writer = HashingWriter::new(std::io::BufWriter::new(file));
        let copied = std::io::copy(&mut reader, &mut writer).and_then(|_| writer.flush());
        if let Err(e) = copied {
            let _ = fs::remove_file(&fresh);
            return Err(if e.kind() == std::io::ErrorKind::InvalidData {
                StoreError::integrity("package", format!("the file of {no} does not open")).into()
            } else {
                failed(e)
            });
        }
        let (file, passed) = writer.finish();
        if Digest(passed.sha256) != part.sha256 {
            let _ = fs::remove_file(&fresh);
            return Err(StoreError::integrity("package", format!("the file of {no} is another one")).into());
        }
        file.into_inner().map_err(|e| failed(e.into_error()))?.sync_all().map_err(failed)?;
        fs::rename(&fresh, path).map_err(failed)
    }

    async fn manifest(&self, no: &PackageNo, sealed: &SealedFact, signed: &Signed) -> Result<String, Error> {
        let mut view = self.store.view().await?;
        let (size, checkpoint) = view.checkpoint().await?;
        let inclusion = view.inclusion(sealed.seq, size).await?;
        let (_, leaf) = view
            .leaves(sealed.seq, sealed.seq + 1)
            .await?
            .pop()
            .ok_or_else(|| StoreError::integrity("log_leaf", format!("entry {}", sealed.seq)))?;
        let asked = signed.asked();
        let form = asked.form();
        let rule = asked.policy().channel(form.purpose(), form.channel())?;
        let manifest = Manifest {
            format: "countersign.manifest.v1".into(),
            vault: self.store.info().id.to_string(),
            demo: self.store.info().demo,
            package: no.to_string(),
            request: no.request().to_string(),
            request_digest: asked.digest().to_string(),
            purpose: form.purpose().to_string(),
            channel: form.channel().to_string(),
            vendor: form.vendor().to_string(),
            vendor_key: asked
                .vendor()
                .map(|v| Fingerprint::of(v.recipient.as_bytes()).to_string())
                .unwrap_or_default(),
            rows: sealed.rows,
            columns: rule.columns.iter().map(|c| c.header.clone()).collect(),
            encoding: "CSV, RFC 4180, UTF-8 with BOM".into(),
            container: rule.container.to_string(),
            parts: sealed.parts().iter().zip(1..).map(|(part, number)| listed(no, number, part)).collect(),
            window: (form.window().from().to_string(), form.window().to().to_string()),
            destroy_by: form.destroy_by().to_string(),
            signers: signed.signer_keys(),
            consent_as_of: rfc3339(sealed.as_of),
            policy: sealed.policy.to_string(),
            leaf: hex::encode(crate::audit::tree::leaf_hash(&leaf)),
            checkpoint,
            inclusion,
        };
        Ok(manifest
            .sign(self.store.manifest_key())
            .map_err(|_| StoreError::integrity("manifest.key", "cannot sign"))?)
    }
}

/// A part's name, the same wherever it is written.
fn file_name(no: &PackageNo, part: u32) -> String {
    format!("{}.csv.age", no.request().file_stem(part))
}

/// A file as the manifest lists it.
fn listed(no: &PackageNo, number: u32, part: &PartFact) -> Part {
    Part { file: file_name(no, number), sha256: part.sha256.to_string(), bytes: part.bytes }
}

/// Where a file is written before it has its name.
fn fresh(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.part"))
}

/// A new file of the owner's alone; what a broken transfer left there goes first. A link that somebody
/// put there is not followed.
fn create_anew(path: &Path) -> std::io::Result<fs::File> {
    if path.symlink_metadata().is_ok() {
        fs::remove_file(path)?;
    }
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}
