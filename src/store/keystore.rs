//! What verifying asks of the keystore: every member has a key that opens for him, no key stands where it
//! should have been destroyed, no ordinal comes twice.
//!
//! The keystore is under no set head, since keys are born and destroyed in commits of their own. So a
//! key without a member is not yet a finding: he may be on his way, or a crash broke the birth off.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures_util::TryStreamExt as _;

use super::engine::Arg;
use super::verify::Findings;
use super::{StoreError, View};

const DATA_KEY: &str = "keys.data_key";
const PACKAGE_KEY: &str = "keys.package_key";
const COUNTER: &str = "keys.counter";

/// What the tables say of ordinals.
struct Ordinals {
    /// The next that will be given.
    next: i64,
    /// Erased ordinals, and whether the erasure is finished.
    erased: BTreeMap<i64, bool>,
}

impl View<'_> {
    pub(super) async fn check_keystore(&mut self, found: &mut Findings) -> Result<(), StoreError> {
        let ordinals = self.check_counter(found).await?;
        self.check_erased(&ordinals, found).await?;
        let orphans = self.check_data_keys(&ordinals, found).await?;
        if !orphans.is_empty() {
            self.check_copies(&orphans, found).await?;
        }
        self.check_package_keys(found).await
    }

    async fn check_counter(&mut self, found: &mut Findings) -> Result<Ordinals, StoreError> {
        let erasures = self.erasures().await;
        let erased = found.keep(erasures)?.unwrap_or_default();
        let erased: BTreeMap<i64, bool> =
            erased.iter().map(|e| (e.ordinal, e.finished_at.is_some())).collect();
        let mut highest = erased.keys().next_back().copied().unwrap_or(0);
        for (table, sql) in [
            (DATA_KEY, "select max(ordinal) from keys.data_key"),
            ("member", "select max(ordinal) from member"),
            ("consent_event", "select max(ordinal) from consent_event"),
        ] {
            let last = self.tx.one(sql, &[]).await.and_then(|row| row.maybe_int(0));
            let last = found.keep(last.map_err(|e| e.unreadable(table)))?.flatten();
            highest = highest.max(last.unwrap_or(0));
        }
        let next = self.tx.maybe("select next from keys.counter where name = 'ordinal'", &[]).await;
        let next = next.and_then(|row| row.map(|row| row.int(0)).transpose());
        let next = found.keep(next.map_err(|e| e.unreadable(COUNTER)))?.flatten().unwrap_or(0);
        if next <= highest {
            found.add(COUNTER, "ordinals would be used again");
        }
        Ok(Ordinals { next, erased })
    }

    /// No member may have the ordinal of one who was erased.
    async fn check_erased(&mut self, ordinals: &Ordinals, found: &mut Findings) -> Result<(), StoreError> {
        for ordinal in ordinals.erased.keys() {
            let sql = "select count(*) from member where ordinal = $1";
            let there = self.tx.one(sql, &[Arg::Int(*ordinal)]).await.and_then(|row| row.int(0));
            if found.keep(there.map_err(|e| e.unreadable("member")))?.is_some_and(|n| n > 0) {
                found.add("member", format!("ordinal {ordinal} was erased and is a member's"));
            }
        }
        Ok(())
    }

    /// Every data key must open for its member and every member must have one. Gives the keys that
    /// open and have no member.
    async fn check_data_keys(
        &mut self,
        ordinals: &Ordinals,
        found: &mut Findings,
    ) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
        let keyring = self.store.keyring.clone();
        let (mut keys, mut last, mut orphans) = (0, None, Vec::new());
        {
            let sql = "select k.ordinal, k.id, k.kek, k.wrapped, r.id from keys.data_key k \
                       left join member_record r on r.ordinal = k.ordinal order by k.ordinal";
            let mut rows = self.tx.stream(sql, &[]);
            while let Some(row) = rows.try_next().await.map_err(|e| e.unreadable(DATA_KEY))? {
                let read = || -> Result<_, StoreError> {
                    Ok((row.int(0)?, row.bytes(1)?, row.int(2)?, row.bytes(3)?, row.maybe_bytes(4)?))
                };
                let Some((ordinal, id, kek, wrapped, member)) =
                    found.keep(read().map_err(|e| e.unreadable(DATA_KEY)))?
                else {
                    continue;
                };
                keys += i64::from(member.is_some());
                if last == Some(ordinal) {
                    found.add(DATA_KEY, format!("ordinal {ordinal} stands twice"));
                }
                last = Some(ordinal);
                if member.as_ref().is_some_and(|member| *member != id) {
                    found.add(DATA_KEY, format!("ordinal {ordinal} is another member's"));
                } else if keyring.unwrap(kek, &[b"data-key", &id], &wrapped).is_err() {
                    found.add(DATA_KEY, format!("ordinal {ordinal} does not open"));
                } else if member.is_none() {
                    if ordinals.erased.get(&ordinal) == Some(&true) {
                        found.add(DATA_KEY, format!("ordinal {ordinal} was erased and its key is back"));
                    } else if ordinal >= ordinals.next {
                        found.add(DATA_KEY, format!("ordinal {ordinal} was never given"));
                    }
                    orphans.push((ordinal, id));
                }
            }
        }
        let members = self.tx.one("select count(*) from member_record", &[]).await?.int(0)?;
        if members != keys {
            found.add(DATA_KEY, format!("{} members have no key", members - keys));
        }
        Ok(orphans)
    }

    /// A key opens for the id beside it wherever both are copied to: an id that stands at another
    /// ordinal as well is a copy.
    async fn check_copies(
        &mut self,
        orphans: &[(i64, Vec<u8>)],
        found: &mut Findings,
    ) -> Result<(), StoreError> {
        let ids: HashSet<&[u8]> = orphans.iter().map(|(_, id)| id.as_slice()).collect();
        let at: HashSet<i64> = orphans.iter().map(|(ordinal, _)| *ordinal).collect();
        if ids.len() != orphans.len() {
            found.add(DATA_KEY, "a key without a member stands twice");
        }
        let mut rows = self.tx.stream("select ordinal, id from keys.data_key order by ordinal", &[]);
        while let Some(row) = rows.try_next().await.map_err(|e| e.unreadable(DATA_KEY))? {
            // What cannot be read was found before.
            if let (Ok(ordinal), Ok(id)) = (row.int(0), row.slice(1))
                && ids.contains(id)
                && !at.contains(&ordinal)
            {
                found.add(DATA_KEY, format!("the key of ordinal {ordinal} stands at another one too"));
            }
        }
        Ok(())
    }

    /// Every package key must open; a recalled package must have none, a live and whole one must have it.
    async fn check_package_keys(&mut self, found: &mut Findings) -> Result<(), StoreError> {
        let keyring = self.store.keyring.clone();
        let recalled = self.packages_where("select package from package_fact where kind = 'recalled'").await;
        let recalled = found.keep(recalled)?.unwrap_or_default();
        let mut without = self
            .packages_where(
                "select p.no from package p where p.live = 1 and exists \
                 (select 1 from package_fact f where f.package = p.no and f.kind = 'sealed')",
            )
            .await
            .or_else(|e| found.keep(Err(e)).map(Option::unwrap_or_default))?;
        let sql = "select package, kek, wrapped from keys.package_key order by package";
        for row in self.tx.all(sql, &[]).await.map_err(|e| e.unreadable(PACKAGE_KEY))? {
            let read = || Ok((row.text(0)?, row.int(1)?, row.bytes(2)?));
            let read = read().map_err(|e: StoreError| e.unreadable(PACKAGE_KEY));
            let Some((package, kek, wrapped)) = found.keep(read)? else { continue };
            without.remove(&package);
            if keyring.unwrap(kek, &[b"package-key", package.as_bytes()], &wrapped).is_err() {
                found.add(PACKAGE_KEY, format!("{package} does not open"));
            } else if recalled.contains(&package) {
                found.add(PACKAGE_KEY, format!("{package} was recalled and its key is there"));
            }
        }
        for package in without.difference(&recalled) {
            found.add(PACKAGE_KEY, format!("{package} has no key"));
        }
        Ok(())
    }

    async fn packages_where(&mut self, sql: &'static str) -> Result<BTreeSet<String>, StoreError> {
        let rows = self.tx.all(sql, &[]).await.map_err(|e| e.unreadable("package"))?;
        let names = rows.iter().map(|row| row.text(0)).collect::<Result<_, StoreError>>();
        names.map_err(|e| e.unreadable("package"))
    }
}
