//! What start finds of packages that a crash broke off: half-made files, keys and files of what is over.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::super::{Broker, Error};
use super::{PartFact, SealedFact, is_part, last_sealed, package_of, remove};
use crate::audit::event::Actor;
use crate::keyring::sha256;
use crate::model::ids::Digest;
use crate::store::View;
use crate::store::packages::{FactKind, PackageRow};

impl Broker {
    /// At start: packages whose making a crash broke off. A `.part` that no process holds is renamed when
    /// its hash stands in a committed entry, and removed otherwise; then the same signatures allow another
    /// execution. Also finishes recalls and re-makings that had only their files or key left to remove.
    ///
    /// Looked at first without holding anyone off; when something seems unfinished, again in a writer's
    /// turn, since a fence may be between two files just then, and a server may still be committing what
    /// a dead process had sent it.
    pub(in crate::broker) async fn settle_packages(&self) -> Result<(u64, u64), Error> {
        let mut view = self.store.view().await?;
        let seems = self.unsettled(&mut view).await?;
        let ownerless = self.without_package(&mut view).await?;
        drop(view);
        let mut free =
            !ownerless.is_empty() && Ownerless::all(&ownerless.iter().collect::<Vec<_>>())?.is_some();
        for one in &seems {
            free |= Ownerless::all(&one.parts())?.is_some();
        }
        if !free {
            return Ok((0, 0));
        }
        let mut work = self.store.work().await?;
        let unsettled = self.unsettled(work.view()).await?;
        // Made before their entry could be: nobody is between the two while we have the turn.
        for path in self.without_package(work.view()).await? {
            remove(&path)?;
        }
        let (mut aborted, mut renamed) = (Vec::new(), 0);
        let mut noise = Vec::new();
        for one in unsettled {
            let Some(_held) = Ownerless::all(&one.parts())? else { continue };
            for part in one.parts() {
                renamed += u64::from(settle_part(part, one.sealed.as_ref())?);
            }
            let Unsettled { package, sealed, end, files } = one;
            match end {
                End::Abort => aborted.push(package),
                End::Destroy => noise.push(package.no),
                End::Stands => {
                    // Made again since: who had to go is still in the file before.
                    for path in files.iter().filter(|path| !is_part(path) && !is_of(path, sealed.as_ref())) {
                        remove(path)?;
                    }
                }
            }
        }
        drop(work);
        let mut count = 0;
        for package in aborted {
            count += u64::from(self.abort(&package, Actor::Operator).await?);
        }
        for no in noise {
            self.destroy_package(&no).await?;
        }
        Ok((count, renamed))
    }

    /// Packages of which something is left to do, or to remove.
    async fn unsettled(&self, view: &mut View<'_>) -> Result<Vec<Unsettled>, Error> {
        let mut found = Vec::new();
        let all = self.package_files()?;
        for package in view.packages().await? {
            let no = package.no.to_string();
            let files: Vec<PathBuf> = all.iter().filter(|path| package_of(path) == no).cloned().collect();
            let facts = view.package_facts(&package.no).await?;
            let sealed = last_sealed(&facts)?;
            let over = facts.iter().any(|f| matches!(f.kind, FactKind::Recalled | FactKind::Aborted));
            let (end, unsettled) = if over {
                (End::Destroy, !files.is_empty() || view.package_key(&package.no).await?.is_some())
            } else if package.live && sealed.is_none() {
                (End::Abort, true)
            } else {
                (End::Stands, files.iter().any(|path| is_part(path) || !is_of(path, sealed.as_ref())))
            };
            if unsettled {
                found.push(Unsettled { package, sealed, end, files });
            }
        }
        Ok(found)
    }

    /// Half-made files whose package is in no entry.
    async fn without_package(&self, view: &mut View<'_>) -> Result<Vec<PathBuf>, Error> {
        let parts: Vec<PathBuf> = self.package_files()?.into_iter().filter(|path| is_part(path)).collect();
        if parts.is_empty() {
            return Ok(parts);
        }
        let known: HashSet<String> = view.packages().await?.iter().map(|p| p.no.to_string()).collect();
        Ok(parts.into_iter().filter(|path| !known.contains(package_of(path))).collect())
    }
}

/// A package that a crash left in between.
struct Unsettled {
    package: PackageRow,
    sealed: Option<SealedFact>,
    end: End,
    /// All its files, half-made or whole.
    files: Vec<PathBuf>,
}

impl Unsettled {
    fn parts(&self) -> Vec<&PathBuf> {
        self.files.iter().filter(|path| is_part(path)).collect()
    }
}

/// What is to become of it.
enum End {
    /// It was never whole.
    Abort,
    /// It is over; what is left of it goes.
    Destroy,
    /// It is whole; only files beside it go.
    Stands,
}

/// The part of a package that a file is.
fn part_of<'s>(path: &Path, sealed: Option<&'s SealedFact>) -> Option<&'s PartFact> {
    let stem = path.file_stem()?.to_str()?;
    sealed?.parts().iter().find(|part| part.file == stem)
}

/// Whether a file is one that a `sealed` or `remade` fact speaks of.
fn is_of(path: &Path, sealed: Option<&SealedFact>) -> bool {
    part_of(path, sealed).is_some()
}

/// Locks on `.part` files that nobody else holds.
struct Ownerless(#[allow(dead_code, reason = "held, not read")] Vec<std::fs::File>);

impl Ownerless {
    /// `None` when a process is still writing one of them.
    fn all(paths: &[&PathBuf]) -> Result<Option<Ownerless>, Error> {
        let mut held = Vec::new();
        for path in paths {
            let file = match std::fs::File::open(path) {
                // Just renamed or removed: somebody is at it.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                opened => opened.map_err(|e| Error::file("a package part", e))?,
            };
            if file.try_lock().is_err() {
                return Ok(None);
            }
            held.push(file);
        }
        Ok(Some(Ownerless(held)))
    }
}

fn settle_part(part: &PathBuf, sealed: Option<&SealedFact>) -> Result<bool, Error> {
    let file = |e| Error::file("a package part", e);
    if let Some(of) = part_of(part, sealed) {
        let bytes = std::fs::read(part).map_err(file)?;
        if Digest(sha256(&bytes)) == of.at_rest {
            std::fs::rename(part, part.with_extension("sealed")).map_err(file)?;
            return Ok(true);
        }
    }
    remove(part)?;
    Ok(false)
}
