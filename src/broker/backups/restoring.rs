//! Restoring a backup into an empty place, on either engine.
//!
//! ```text
//! data, each row held against the set heads ─► rows ─► keys, without those of the erased ─► rows ─► opened
//!   ─► one turn: members without a key out, lost packages aborted, sessions and tokens ended, vault.restored; whole
//!   ─► what start finishes: each erasure told again, keys of what is over destroyed
//! ```
//!
//! The key backup decides who is erased: it is taken more often, lives shorter, and has no key of a member who was
//! erased after the data backup. It also names those erasures, so each keeps its case number, its alias
//! and its suppression. An older key backup is refused: in it a member who came later looks as if he had been erased,
//! and who was erased has his key.
//!
//! A restore takes the log back, which the high-water mark is there to find out. So it is said explicitly, the entry
//! has both sizes, and the newer mark is kept beside the other: `audit verify --against` it, or any later
//! manifest, still shows what is missing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::super::members::erasing::{Leaving, take_out};
use super::super::packages::{add_fact, last_sealed};
use super::super::{Broker, Error, Refusal};
use super::{Opened, root_of, sound};
use crate::audit::event::{Action, Actor, Event};
use crate::keyring::root::write_secret;
use crate::store::backups::{Checking, Kind, Meta, Site, mark_of, set_mark_back};
use crate::store::packages::{Erasure, FactKind};
use crate::store::{Place, StoreError, Work};

/// What to restore, and what may be overridden.
pub struct RestoreOptions<'p> {
    /// The data backup.
    pub data: &'p Path,
    /// The key backup.
    pub keys: &'p Path,
    /// The root key's file, when it does not lie in the data folder yet.
    pub root: Option<&'p Path>,
    /// Take a key backup that is older than the data.
    pub older_keys: bool,
    /// Restore a log that is older than this machine's high-water mark.
    pub over_mark: bool,
}

/// What became of it.
#[derive(Debug, Clone, Serialize)]
pub struct Restored {
    /// The vault.
    pub vault: String,
    /// Entries in the backup's log; `vault.restored` is the next.
    pub size: u64,
    /// Members there are.
    pub members: u64,
    /// Members erased after the data backup, and now again.
    pub erased_again: u64,
    /// Members whose key is in no backup: they could not be opened and are gone.
    pub without_key: u64,
    /// Packages whose files are in no backup: their requests can be executed again.
    pub packages_lost: u64,
    /// Entries that the high-water mark had seen and the backup does not have.
    pub entries_lost: u64,
    /// Where the mark from before is kept.
    pub mark_kept: Option<PathBuf>,
}

/// What settling needs to know.
struct Settling<'r> {
    since: BTreeMap<i64, Erasure>,
    older_keys: bool,
    event: Event,
    out: &'r mut Restored,
}

impl Broker {
    /// Restores a backup. Until it ends well the place is no vault, and the same command begins anew.
    ///
    /// # Errors
    /// `older_keys`, `mark_newer`; there is a vault already; a backup is not whole; something cannot be written.
    pub async fn restore(place: &Place, options: &RestoreOptions<'_>) -> Result<Restored, Error> {
        let root = root_of(place, options.root)?;
        let mut data = Opened::new(options.data, Kind::Data, &root)?;
        let mut keys = Opened::new(options.keys, Kind::Keys, &root)?;
        data.belongs_with(&keys)?;
        check_age(&data.meta, &keys.meta, options.older_keys)?;
        let mut checking = Checking::new(data.meta.clone(), root.clone())?;
        let mut out = begun(place, &data.meta, &checking, options.over_mark)?;
        let mut site = Site::begin(place, &data.meta).await?;
        put_files(place, options.root, &data.meta)?;
        while let Some(record) = data.next()? {
            checking.take(&record)?;
            site.data(record).await?;
        }
        sound(&checking.end()?.problems)?;
        while let Some(record) = keys.next()? {
            site.key(record).await?;
        }
        let (info, checkpoint) = (data.meta.info()?, data.meta.checkpoint.clone());
        let (data, keys) = (data.end()?, keys.end()?);
        if out.entries_lost > 0 && options.over_mark {
            out.mark_kept = Some(set_mark_back(place, &info, &checkpoint)?);
        }
        let since = site.erased_since().clone();
        let broker = Broker::over(site.open(place).await?);
        let event = Event::new(Action::VaultRestored, Actor::Operator)
            .digest("data", data.sha256)
            .digest("keys", keys.sha256)
            .count("size", data.size)
            .count("keys_size", keys.size);
        let settling = Settling { since, older_keys: keys.size < data.size, event, out: &mut out };
        broker.settle_restored(settling).await?;
        broker.recover().await?;
        broker.store().close().await;
        Ok(out)
    }

    /// The turn with which the restored vault is whole.
    async fn settle_restored(&self, settling: Settling<'_>) -> Result<(), Error> {
        let Settling { since, older_keys, event, out } = settling;
        let mut work = self.store.work().await?;
        let mut leaving = Vec::new();
        for ordinal in work.view().members_without_key().await? {
            let member = work.view().member(ordinal).await?;
            let member =
                member.ok_or_else(|| StoreError::integrity("member_attributes", "a member is not there"))?;
            let erasure = since.get(&ordinal);
            // Whose key should be there and is not was erased in the moment of the backup, as far as anyone can
            // know; who came after an older key backup may come again.
            let unknown = (!older_keys).then(|| "restored:without_key".to_owned());
            let why = erasure.map(|e| format!("erased:{}", e.case_no)).or(unknown);
            leaving.push(Leaving { member, alias: erasure.map(|e| e.alias), why });
        }
        out.erased_again = leaving.iter().filter(|l| l.alias.is_some()).count() as u64;
        out.without_key = leaving.len() as u64 - out.erased_again;
        take_out(&mut work, &leaving).await?;
        keep_erasures(&mut work, since, &leaving).await?;
        out.packages_lost = self.lose_packages(&mut work).await?;
        let sessions = work.drop_sessions(None, i64::MAX).await?;
        // One that was revoked after the backup must not be good again, and nobody knows which were.
        let tokens = work.end_tokens(None).await?;
        let unlinked = work.drop_linked_accounts(None).await?;
        out.members = work.view().member_count().await?.try_into().unwrap_or(0);
        work.restored().await?;
        let event = event
            .count("members", out.members)
            .count("erased_again", out.erased_again)
            .count("without_key", out.without_key)
            .count("packages_lost", out.packages_lost)
            .count("sessions_ended", sessions)
            .count("tokens_ended", tokens)
            .count("accounts_unlinked", unlinked)
            .count("entries_lost", out.entries_lost);
        work.commit(event).await?;
        Ok(())
    }

    /// Packages that are whole in the log and not in the folder, and that nobody fetched: they are over, and the same
    /// signatures allow another execution. Who fetched one has the vendor's file, so those stand.
    async fn lose_packages(&self, work: &mut Work<'_>) -> Result<u64, Error> {
        let mut lost = 0;
        for package in work.view().packages().await?.into_iter().filter(|package| package.live) {
            let facts = work.view().package_facts(&package.no).await?;
            let Some(sealed) = last_sealed(&facts)? else { continue };
            let fetched = facts.iter().any(|f| f.kind == FactKind::Downloaded);
            let file = |name: &str| self.package_dir().join(format!("{name}.sealed"));
            if fetched || sealed.parts().iter().all(|part| file(&part.file).is_file()) {
                continue;
            }
            let at = work.at();
            add_fact(work, &package.no, FactKind::Aborted, at, "operator", "{}".into()).await?;
            work.retire_package(&package).await?;
            work.drop_ranges(&package.no).await?;
            lost += 1;
        }
        Ok(lost)
    }
}

/// Erasures that only the key backup knows. Who was still in the data is erased once more, by what start
/// finishes, so that the log says so.
async fn keep_erasures(
    work: &mut Work<'_>,
    since: BTreeMap<i64, Erasure>,
    leaving: &[Leaving],
) -> Result<(), Error> {
    let known: Vec<String> = work.view().erasures().await?.into_iter().map(|e| e.case_no).collect();
    for (ordinal, erasure) in since {
        if known.contains(&erasure.case_no) {
            return Err(StoreError::integrity("backup", "an erasure's case number is another's").into());
        }
        let again = leaving.iter().any(|l| l.member.ordinal == ordinal);
        let finished_at = erasure.finished_at.filter(|_| !again);
        work.put_erasure(&Erasure { finished_at, ..erasure }).await?;
    }
    Ok(())
}

/// In a key backup that is older than the data, members who came between have no key.
fn check_age(data: &Meta, keys: &Meta, older_keys: bool) -> Result<(), Refusal> {
    if keys.size >= data.size || older_keys {
        return Ok(());
    }
    let message = format!(
        "the key backup is older than the data: {} entries against {}; members who came between have no key in it, \
         and who was erased since has one",
        keys.size, data.size
    );
    Err(Refusal::new("older_keys", "E6", message).hint(
        "take the newest key backup; --older-keys restores without those members when there is no other, and says how many",
    ))
}

/// Compares with this machine's mark before anything is made.
fn begun(place: &Place, meta: &Meta, checking: &Checking, over_mark: bool) -> Result<Restored, Error> {
    let info = meta.info()?;
    let (path, mark, aside) = mark_of(place, &info, checking.verifier())?;
    let beyond = |size: u64| size.saturating_sub(meta.size);
    if let Some(mark) = mark.as_ref().filter(|mark| mark.size > meta.size && !over_mark) {
        let message = format!(
            "the high-water mark at {} has seen {} entries and the backup holds {}: those between would be lost",
            path.display(),
            mark.size,
            meta.size
        );
        let hint =
            "restore the newest backup; --over-mark says that they are lost, and keeps the mark beside";
        return Err(Refusal::new("mark_newer", "B6", message).hint(hint).into());
    }
    let lost = mark.into_iter().chain(aside).map(|mark| beyond(mark.size)).max().unwrap_or(0);
    Ok(Restored {
        vault: info.id.to_string(),
        size: meta.size,
        members: 0,
        erased_again: 0,
        without_key: 0,
        packages_lost: 0,
        entries_lost: lost,
        mark_kept: None,
    })
}

/// The root key's file and the signing keys. One that is there must be the same.
fn put_files(place: &Place, root: Option<&Path>, meta: &Meta) -> Result<(), Error> {
    let unwritable = |e| Error::file("the data folder", e);
    if let Some(root) = root {
        let text = std::fs::read(root).map_err(|e| Error::file(root.display().to_string(), e))?;
        put_file(&place.dir.join("root.json"), &zeroize::Zeroizing::new(text)).map_err(unwritable)?;
    }
    for (name, text) in &meta.files {
        put_file(&place.dir.join(name), text.as_bytes()).map_err(unwritable)?;
    }
    Ok(())
}

fn put_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    match std::fs::read(path).map(zeroize::Zeroizing::new) {
        Ok(there) if there.as_slice() == bytes => return Ok(()),
        Ok(_) => {
            let other = format!("{} is another vault's", path.display());
            return Err(std::io::Error::new(std::io::ErrorKind::AlreadyExists, other));
        }
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        Err(_) => {}
    }
    // Under another name first: half a key file would be in the way of the next try.
    let fresh = path.with_extension("new");
    match std::fs::remove_file(&fresh) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    write_secret(&fresh, bytes)?;
    std::fs::rename(&fresh, path)
}
