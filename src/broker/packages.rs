//! What happens to a package after it is made: shown, handed off, recalled, or broken off.

mod settling;
mod shown;

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::rounds::find;
use super::subject::check_reason;
use super::{Broker, Error, Refusal};
use crate::access::{Asked, Caller};
use crate::audit::event::{Action, Actor, Event};
use crate::keyring::aead::bind;
use crate::keyring::sha256;
use crate::model::code::{Channel, Exclusion};
use crate::model::ids::{Digest, PackageNo, RequestNo};
use crate::policy::{Act, Slot};
use crate::store::packages::{FactKind, PackageFact, PackageRow};
use crate::store::{StoreError, View, Work};

/// What is known of a package once it is whole: the body of its `sealed` and `remade` facts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SealedFact {
    /// A package of one file has its four values beside the others, one of several has a list.
    #[serde(flatten)]
    pub(super) files: Files,
    pub(super) rows: u64,
    pub(super) selected: u64,
    /// The exclusion report; it stays inside.
    pub(super) excluded: std::collections::BTreeMap<Exclusion, u64>,
    /// What its members and their contact points come to, hex: `store::selecting::contact_mark`.
    pub(super) marks: String,
    /// Place of the log entry.
    pub(super) seq: u64,
    pub(super) as_of: i64,
    pub(super) policy: Digest,
}

/// A package's files, in the order of their parts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Files {
    One(PartFact),
    Several { parts: Vec<PartFact> },
}

/// One file of a package.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PartFact {
    /// Name of the file at rest, without ending.
    pub(super) file: String,
    pub(super) bytes: u64,
    pub(super) sha256: Digest,
    pub(super) at_rest: Digest,
}

impl SealedFact {
    pub(super) fn parts(&self) -> &[PartFact] {
        self.files.parts()
    }

    /// What stands for the vendor's files wherever there is room for one digest.
    pub(super) fn sha256(&self) -> Digest {
        self.files.digest(|part| part.sha256)
    }

    pub(super) fn at_rest(&self) -> Digest {
        self.files.digest(|part| part.at_rest)
    }
}

impl Files {
    pub(super) fn new(mut parts: Vec<PartFact>) -> Files {
        match parts.pop() {
            Some(one) if parts.is_empty() => Files::One(one),
            last => {
                parts.extend(last);
                Files::Several { parts }
            }
        }
    }

    fn parts(&self) -> &[PartFact] {
        match self {
            Files::One(part) => std::slice::from_ref(part),
            Files::Several { parts } => parts,
        }
    }

    /// A single file's own digest; of several, SHA-256 over theirs, one behind the other.
    fn digest(&self, of: impl Fn(&PartFact) -> Digest) -> Digest {
        match self {
            Files::One(part) => of(part),
            Files::Several { parts } => {
                Digest(sha256(&parts.iter().flat_map(|part| of(part).0).collect::<Vec<u8>>()))
            }
        }
    }
}

/// A package as its people see it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PackageLine {
    /// Number.
    pub no: PackageNo,
    /// Channel.
    pub channel: Channel,
    /// The last thing that happened.
    pub state: FactKind,
    /// When.
    pub at: String,
    /// Rows, once whole.
    pub rows: Option<u64>,
    /// Why others are not in it.
    pub excluded: Option<std::collections::BTreeMap<Exclusion, u64>>,
    /// SHA-256 of the vendor's file; of several, over theirs, one behind the other.
    pub sha256: Option<Digest>,
    /// Whether the caller is its named receiver, who alone downloads it and hands it on (A8c).
    pub receives: bool,
    /// Whether the caller may recall it now.
    pub may_recall: bool,
    /// Files for the vendor, once whole.
    pub parts: usize,
    /// Until when the vendor destroys what it was given.
    pub destroy_by: String,
    /// When it was handed to the vendor.
    pub handed_off_at: Option<String>,
    /// Handed over, past its day, and no proof of destruction is recorded (A9b).
    pub overdue: bool,
    /// Whether the caller may record that proof now.
    pub may_attest: bool,
}

impl Broker {
    /// The package a number means: its own, or its request's newest.
    ///
    /// # Errors
    /// `unknown_package` when it is neither.
    pub async fn package_named(&self, text: &str) -> Result<PackageNo, Error> {
        if let Ok(no) = PackageNo::parse(text) {
            return Ok(no);
        }
        let unknown = || {
            Refusal::new("unknown_package", "A8c (Art 8)", "there is no package of this number")
                .hint("`package list` shows the numbers, as in CS2026-HQ-0001-P1")
        };
        let request = RequestNo::parse(text).map_err(|_| unknown())?;
        let newest = self.store.view().await?.packages_of(&request).await?.pop();
        Ok(newest.ok_or_else(unknown)?.no)
    }

    /// A package for the officer who hands it on: the round it was made of, and what happened to it.
    pub(super) async fn in_hand(
        &self,
        view: &mut View<'_>,
        caller: &Caller,
        no: &PackageNo,
    ) -> Result<(Asked, Vec<PackageFact>), Error> {
        let ground = self.ground(view).await?;
        ground.staff.may_seated(&ground.policy, caller, Act::PackageHandOff)?;
        let package = find_package(view, no).await?;
        let (row, common) = (find(view, no.request()).await?, &mut ground.common(self.clock().now()));
        let asked = self.round_of(view, common, &row, &package).await?;
        check_named(asked.form().receiver() == caller.login())?;
        let facts = view.package_facts(no).await?;
        Ok((asked, facts))
    }

    /// Records that the package was handed to its vendor (A8d, A9a). The vendor must still be one.
    ///
    /// # Errors
    /// `not_downloaded`, `handed_off_already`, or the caller is not the named receiver.
    pub async fn package_hand_off(&self, caller: &Caller, no: &PackageNo) -> Result<(), Error> {
        let event = Event::new(Action::PackageHandedOff, caller.actor()).object(no);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let (asked, facts) = self.in_hand(work.view(), caller, no).await?;
            let sealed = last_sealed(&facts)?;
            match (facts.last().map(|f| f.kind), sealed) {
                (Some(FactKind::Downloaded), Some(sealed)) => {
                    asked.check_vendor()?;
                    let body =
                        serde_json::json!({"vendor": asked.form().vendor(), "sha256": sealed.sha256()})
                            .to_string();
                    let at = work.at();
                    add_fact(&mut work, no, FactKind::HandedOff, at, caller.login().as_str(), body).await?;
                    work.commit(event.digest("sha256", sealed.sha256())).await?;
                    Ok(())
                }
                (Some(FactKind::HandedOff | FactKind::Destroyed), _) => Err(Refusal::new(
                    "handed_off_already",
                    "A8d (Art 8)",
                    "this package has its hand-off record",
                )
                .hint("nothing is left to do; the vendor's receipt comes next")
                .into()),
                _ => Err(Refusal::new(
                    "not_downloaded",
                    "A8d (Art 8)",
                    "this package was not downloaded, or was recalled",
                )
                .hint("the named receiver downloads it first")
                .into()),
            }
        })
        .await
    }

    /// Recalls a package: its key is destroyed, and what lies at rest is noise.
    ///
    /// # Errors
    /// `unknown_package`, `recalled_already`, `reason_missing`, or the caller may not.
    pub async fn package_recall(&self, caller: &Caller, no: &PackageNo, reason: &str) -> Result<(), Error> {
        let event = Event::new(Action::PackageRecalled, caller.actor()).object(no);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            let request = find(work.view(), no.request()).await?;
            ground.staff.may(&ground.policy, caller, Act::PackageRecall, Some(&request.unit))?;
            check_reason(reason, "A8c (Art 8)")?;
            let package = find_package(work.view(), no).await?;
            if !package.live {
                return Err(Refusal::new(
                    "recalled_already",
                    "A8c (Art 8)",
                    "this package is not live any more",
                )
                .hint("nothing is left to recall: its key is destroyed")
                .into());
            }
            let at = work.at();
            add_fact(&mut work, no, FactKind::Recalled, at, caller.login().as_str(), "{}".into()).await?;
            work.retire_package(&package).await?;
            work.drop_ranges(no).await?;
            let commitment = work.add_remark(reason)?;
            work.commit(event.digest("commitment", commitment)).await?;
            self.destroy_package(no).await.map_err(Error::behind_commit)
        })
        .await
    }

    /// Destroys a package's key and removes its files.
    pub(super) async fn destroy_package(&self, no: &PackageNo) -> Result<(), Error> {
        self.store.destroy_package_key(no).await?;
        self.store.forget_deleted().await?;
        for path in self.package_files()? {
            if package_of(&path) == no.to_string() {
                remove(&path)?;
            }
        }
        Ok(())
    }

    pub(super) fn package_dir(&self) -> PathBuf {
        self.store.dir().join("packages")
    }

    pub(super) fn package_files(&self) -> Result<Vec<PathBuf>, Error> {
        let dir = self.package_dir();
        if !dir.exists() {
            return Ok(Vec::new());
        }
        let read =
            || -> std::io::Result<Vec<PathBuf>> { std::fs::read_dir(&dir)?.map(|e| Ok(e?.path())).collect() };
        read().map_err(|e| Error::file("the package folder", e))
    }

    /// What a package at rest is bound to.
    pub(super) fn package_place(&self, no: &PackageNo) -> Vec<u8> {
        bind(&[b"countersign.package.v1", &self.store.info().id.0, no.to_string().as_bytes()])
    }

    /// Breaks a making off: its entry, the request free again, key and files gone. `false` when it was
    /// over already.
    pub(super) async fn abort(&self, package: &PackageRow, actor: Actor) -> Result<bool, Error> {
        let mut work = self.store.work().await?;
        if !find_package(work.view(), &package.no).await?.live {
            return Ok(false);
        }
        let at = work.at();
        let name = match &actor {
            Actor::Person { login, .. } => login.to_string(),
            _ => "operator".to_owned(),
        };
        add_fact(&mut work, &package.no, FactKind::Aborted, at, &name, "{}".into()).await?;
        work.retire_package(package).await?;
        work.drop_ranges(&package.no).await?;
        work.commit(Event::new(Action::PackageAborted, actor).object(&package.no)).await?;
        self.destroy_package(&package.no).await?;
        Ok(true)
    }
}

/// `CS2026-HQ-0001-P1.17.part` belongs to `CS2026-HQ-0001-P1`.
pub(super) fn package_of(path: &Path) -> &str {
    path.file_name().and_then(|n| n.to_str()).and_then(|n| n.split('.').next()).unwrap_or_default()
}

pub(super) fn is_part(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "part")
}

/// Removes a file that another process may have removed first.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::file("the package file", e)),
        _ => Ok(()),
    }
}

pub(super) async fn add_fact(
    work: &mut Work<'_>,
    no: &PackageNo,
    kind: FactKind,
    at: i64,
    actor: &str,
    body: String,
) -> Result<(), StoreError> {
    work.add_package_fact(no, &PackageFact { kind, at, actor: actor.to_owned(), body }).await
}

/// When it was handed off, if an attestation of its destruction is what comes next.
pub(super) fn check_attestable(facts: &[PackageFact]) -> Result<i64, Refusal> {
    let at = |kind| facts.iter().find(|f| f.kind == kind).map(|f| f.at);
    if at(FactKind::Destroyed).is_some() {
        return Err(Refusal::new("destroyed_already", "A9b (Art 9)", "the vendor's attestation is recorded")
            .hint("nothing is left to do"));
    }
    at(FactKind::HandedOff).ok_or_else(|| {
        Refusal::new("not_handed_off", "A9b (Art 9)", "this package was never handed to the vendor")
            .hint("record the hand-off first")
    })
}

/// Handed over, past its day, and not attested.
pub(super) fn overdue(facts: &[PackageFact], destroy_by: Date, today: Date) -> bool {
    let has = |kind| facts.iter().any(|f| f.kind == kind);
    destroy_by < today && has(FactKind::HandedOff) && !has(FactKind::Destroyed)
}

/// What the newest `sealed` or `remade` fact says.
pub(super) fn last_sealed(facts: &[PackageFact]) -> Result<Option<SealedFact>, StoreError> {
    facts
        .iter()
        .rfind(|f| matches!(f.kind, FactKind::Sealed | FactKind::Remade))
        .map(|f| {
            serde_json::from_str(&f.body)
                .map_err(|_| StoreError::integrity("package_fact", "a body does not parse"))
        })
        .transpose()
}

pub(super) async fn find_package(view: &mut View<'_>, no: &PackageNo) -> Result<PackageRow, Error> {
    let packages = view.packages_of(no.request()).await?;
    packages.into_iter().find(|p| &p.no == no).ok_or_else(|| {
        Refusal::new("unknown_package", "A8c (Art 8)", format!("there is no package {no}"))
            .hint("`package list` shows the numbers")
            .into()
    })
}

/// Only the officer whom the request names (A8c).
pub(super) fn check_named(named: bool) -> Result<(), Refusal> {
    if named {
        return Ok(());
    }
    Err(Refusal::new(
        "not_receiver",
        "A8c (Art 8)",
        format!("only the {} whom the request names gets the package", Slot::Receiver),
    )
    .hint("the named planning officer downloads it and hands it to the vendor"))
}

pub(super) fn recalled() -> Refusal {
    Refusal::new("recalled", "A8c (Art 8)", "this package was recalled or aborted; its key is destroyed")
        .hint("a new request is needed")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As every vault before this had it.
    const OF_ONE_FILE: &str = r#"{"file":"CS2026-HQ-0001-P1.17","rows":3,"bytes":99,"sha256":"S","at_rest":"R","selected":5,"excluded":{"minor":2},"marks":"0f","seq":18,"as_of":7,"policy":"P"}"#;

    fn stored() -> serde_json::Value {
        let digest = |byte: u8| Digest([byte; 32]).to_string();
        let text = OF_ONE_FILE
            .replace("\"S\"", &format!("\"{}\"", digest(1)))
            .replace("\"R\"", &format!("\"{}\"", digest(2)))
            .replace("\"P\"", &format!("\"{}\"", digest(3)));
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_package_of_one_file_is_kept_as_ever() {
        let fact: SealedFact = serde_json::from_value(stored()).unwrap();
        assert_eq!(fact.parts().len(), 1);
        assert_eq!((fact.sha256(), fact.at_rest()), (Digest([1; 32]), Digest([2; 32])));
        assert_eq!(serde_json::to_value(&fact).unwrap(), stored());
    }

    #[test]
    fn several_files_are_a_list_and_their_digest_is_over_theirs() {
        let mut fact: SealedFact = serde_json::from_value(stored()).unwrap();
        let mut second = fact.parts()[0].clone();
        second.sha256 = Digest([9; 32]);
        fact.files = Files::new(vec![fact.parts()[0].clone(), second]);
        let text = serde_json::to_string(&fact).unwrap();
        let again: SealedFact = serde_json::from_str(&text).unwrap();
        assert_eq!(again.parts().len(), 2);
        assert_eq!(again.parts()[1].sha256, Digest([9; 32]));
        assert_eq!(again.sha256().0, sha256(&[[1; 32], [9; 32]].concat()));
    }
}
