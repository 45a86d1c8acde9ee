//! What the database says: each group of records a line.

use std::collections::BTreeSet;

use super::{Failure, Findings};
use crate::broker::Broker;
use crate::clock::{day_number, rfc3339};
use crate::policy::{Policy, PolicyFiles};
use crate::store::packages::FactKind;
use crate::store::{StoreError, View};

/// A contract is told of so many days before it ends.
const CONTRACT_DAYS: i64 = 30;

/// Everything that an opened vault can say about itself.
pub(super) async fn check(broker: &Broker, found: &mut Findings) -> Result<(), Failure> {
    let store = broker.store();
    found.ok("engine", format!("{}, each commit on disk before it is told", store.describe_engine().await?));
    found.ok("schema", "known to this program, unchanged");
    found.ok("keys", "the root key opens every key");
    let mut view = store.view().await?;
    let (size, _) = view.checkpoint().await?;
    found.ok("log", format!("{size} entries; its end is the one its checkpoint signs"));
    check_mark(broker, found);
    match view.check_deciding_tables().await {
        Ok(()) => found.ok("decision tables", "each is the one the log speaks of"),
        Err(error) => found.failed("decision tables", error.into()),
    }
    check_policy(broker, &mut view, found).await?;
    check_people(broker, &mut view, found).await?;
    check_vendors(broker, &mut view, found).await?;
    check_packages(&mut view, found).await?;
    check_erasures(&mut view, found).await?;
    check_notices(&mut view, found).await?;
    let members = view.member_count().await?;
    found.ok("members", format!("{members}"));
    Ok(())
}

/// Messages that wait or were given up, by receiver; never an address.
async fn check_notices(view: &mut View<'_>, found: &mut Findings) -> Result<(), StoreError> {
    for state in view.receivers().await? {
        let message = format!(
            "{}: {} sent, {} wait, {} given up",
            state.receiver, state.sent, state.waiting, state.dropped
        );
        if state.why.is_empty() {
            found.ok("notices", message);
        } else {
            let hint = "look at its address and at the robot; a message is tried for a day";
            found.warning("notices", format!("{message}; the newest failed: {}", state.why), hint);
        }
    }
    Ok(())
}

fn check_mark(broker: &Broker, found: &mut Findings) {
    let path = broker.store().high_water_path();
    // Opening has compared it with the log already.
    if path.is_file() {
        found.ok("high-water mark", path.display().to_string());
    } else {
        found.warning(
            "high-water mark",
            format!("{} is missing: a vault that was turned back would not be noticed here", path.display()),
            "the next command that writes makes it anew; compare with a manifest: `countersign audit verify --against MANIFEST`",
        );
    }
}

async fn check_policy(broker: &Broker, view: &mut View<'_>, found: &mut Findings) -> Result<(), StoreError> {
    let now = broker.clock().now();
    let version = view.policy_at(now).await?;
    let named = format!("version {} {}", version.id, version.digest.short());
    let usable = match PolicyFiles::from_bytes(&version.files) {
        Ok(files) => Policy::load(files).await.map(drop),
        Err(error) => Err(error),
    };
    if let Err(error) = usable {
        found.failed("policy", error.into());
    } else if version.digest.0 == PolicyFiles::built_in().digest() {
        found.ok("policy", format!("{named} is in force, the set this program is built with"));
    } else {
        found.warning(
            "policy",
            format!("{named} is in force since {}, and differs from the set this program is built with", rfc3339(version.effective_at)),
            "`countersign policy show` prints it; after an update of the program, compare and propose what should change",
        );
    }
    let waiting = view
        .policy_versions()
        .await?
        .iter()
        .filter(|v| !v.adopted())
        .map(|v| v.id.to_string())
        .collect::<Vec<_>>();
    if !waiting.is_empty() {
        found.warning(
            "policy proposals",
            format!("not seconded: version {}", waiting.join(", ")),
            "another person runs `countersign policy second ID`",
        );
    }
    Ok(())
}

async fn check_people(broker: &Broker, view: &mut View<'_>, found: &mut Findings) -> Result<(), Failure> {
    let gaps = broker.officer_gaps().await?;
    if gaps.is_empty() {
        found.ok("information officers", "every department that asks for lists has one [A4a (Art 4)]");
    } else {
        found.warning(
            "information officers",
            format!("none in {} [A4a (Art 4)]", gaps.join(", ")),
            "give the role info_officer with `countersign org apply`; until then they cannot submit requests",
        );
    }
    let mut without = Vec::new();
    for person in view.people().await?.iter().filter(|p| !p.suspended) {
        if view.credentials(&person.login).await?.iter().all(|c| c.ended_seq.is_some()) {
            without.push(person.login.to_string());
        }
    }
    if without.is_empty() {
        found.ok("people", "everyone who may act has a signing key");
    } else {
        let message = format!("without a signing key: {}", without.join(", "));
        found.warning("people", message, "`countersign person enrol LOGIN` issues a code");
    }
    Ok(())
}

async fn check_vendors(broker: &Broker, view: &mut View<'_>, found: &mut Findings) -> Result<(), StoreError> {
    let today = day_number(broker.clock().today());
    let vendors = view.vendors().await?;
    let ending: Vec<String> = vendors
        .iter()
        .filter(|v| !v.suspended && day_number(v.contract_to) - today < CONTRACT_DAYS)
        .map(|v| format!("{} ({})", v.code, v.contract_to))
        .collect();
    let mut unproven = Vec::new();
    for vendor in vendors.iter().filter(|v| !v.suspended) {
        let key = view.vendor_keys(&vendor.code).await?.pop();
        if !key.is_some_and(|key| key.recipient == vendor.recipient && key.confirmed.is_some()) {
            unproven.push(vendor.code.to_string());
        }
    }
    if !unproven.is_empty() {
        let message = format!("keys that were never proven: {}", unproven.join(", "));
        found.warning("vendors", message, "`countersign vendor key challenge`, then `confirm`; A9a (Art 9)");
    }
    if ending.is_empty() {
        found.ok("vendors", format!("{}; no contract ends within {CONTRACT_DAYS} days", vendors.len()));
    } else {
        let message = format!("contracts ended or ending within {CONTRACT_DAYS} days: {}", ending.join(", "));
        found.warning("vendors", message, "renew with `countersign vendor add`, or suspend; A9a (Art 9)");
    }
    Ok(())
}

/// A recalled or aborted package has no key any more; a whole one has.
async fn check_packages(view: &mut View<'_>, found: &mut Findings) -> Result<(), StoreError> {
    let (mut kept, mut lost) = (Vec::new(), Vec::new());
    let packages = view.packages().await?;
    for package in &packages {
        let kinds: BTreeSet<&str> =
            view.package_facts(&package.no).await?.iter().map(|f| f.kind.code()).collect();
        let has_key = view.package_key(&package.no).await?.is_some();
        let over = kinds.contains(FactKind::Recalled.code()) || kinds.contains(FactKind::Aborted.code());
        let whole = kinds.contains(FactKind::Sealed.code());
        match (over, whole, has_key) {
            (true, _, true) => kept.push(package.no.to_string()),
            (false, true, false) => lost.push(package.no.to_string()),
            _ => {}
        }
    }
    if kept.is_empty() && lost.is_empty() {
        found.ok("package keys", format!("{} packages; each key where it should be", packages.len()));
    }
    if !kept.is_empty() {
        let message = format!("not destroyed yet: {}", kept.join(", "));
        found.warning("package keys", message, "the next command on this vault finishes it");
    }
    if !lost.is_empty() {
        let message = format!("missing: {}; these packages cannot be downloaded", lost.join(", "));
        found.broken("package keys", message, "recall them and execute the requests again");
    }
    Ok(())
}

async fn check_erasures(view: &mut View<'_>, found: &mut Findings) -> Result<(), StoreError> {
    let erasures = view.erasures().await?;
    let open: Vec<&str> =
        erasures.iter().filter(|e| e.finished_at.is_none()).map(|e| e.case_no.as_str()).collect();
    if open.is_empty() {
        found.ok("erasures", format!("{}; none unfinished", erasures.len()));
    } else {
        let message = format!("unfinished: {}", open.join(", "));
        found.warning("erasures", message, "the next command on this vault finishes them");
    }
    Ok(())
}
