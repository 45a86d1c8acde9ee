//! What verifying asks of the keystore: every member has a key that opens for him, no key stands where it
//! should have been destroyed, no ordinal comes twice.
//!
//! The keystore is under no set head, since keys are born and destroyed in commits of their own. So a
//! key without a member is not yet a finding: he may be on his way, or a crash broke the birth off.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::attributes::{self, Slot};
use super::blocks::{Malformed, body_of, ordinal_of, slots};
use super::engine::Arg;
use super::keys::{KEY_BLOCK, parts};
use super::table::{CONSENT_PACK, MEMBER_ATTRIBUTES};
use super::verify::Findings;
use super::{StoreError, View};
use crate::model::field::Index;
use crate::model::ids::MemberId;

const PACKAGE_KEY: &str = "keys.package_key";
const COUNTER: &str = "keys.counter";

/// What the tables say of ordinals.
struct Ordinals {
    /// The next that will be given.
    next: i64,
    /// Erased ordinals, and whether the erasure is finished.
    erased: BTreeMap<i64, bool>,
}

/// Some blocks of keys: ordinal, id, KEK version and wrapped key of each, and the members' own ids.
struct KeyPage {
    next: i64,
    keys: Vec<(i64, MemberId, i64, Vec<u8>)>,
    members: BTreeMap<i64, MemberId>,
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

    /// A card is one member's.
    pub(super) async fn check_cards(&mut self, found: &mut Findings) -> Result<(), StoreError> {
        let shared = self.shared_contacts(Index::Card).await;
        for group in found.keep(shared)?.unwrap_or_default() {
            found.add("index_card", format!("one card stands with ordinals {group:?}"));
        }
        Ok(())
    }

    async fn check_counter(&mut self, found: &mut Findings) -> Result<Ordinals, StoreError> {
        let erasures = self.erasures().await;
        let erased = found.keep(erasures)?.unwrap_or_default();
        let erased: BTreeMap<i64, bool> =
            erased.iter().map(|e| (e.ordinal, e.finished_at.is_some())).collect();
        let mut highest = erased.keys().next_back().copied().unwrap_or(0);
        for table in [KEY_BLOCK, MEMBER_ATTRIBUTES.name] {
            let last = self.last_ordinal(table).await;
            highest = highest.max(found.keep(last)?.flatten().unwrap_or(0));
        }
        let last = self.tx.one("select max(block) from consent_pack", &[]).await;
        let last = last.and_then(|row| row.maybe_int(0)).map_err(|e| e.unreadable(CONSENT_PACK.name));
        if let Some(last) = found.keep(last)?.flatten() {
            let said = self.said_in(&[last]).await;
            let said = found.keep(said)?.unwrap_or_default();
            highest = highest.max(said.keys().next_back().copied().unwrap_or(0));
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
        let erased: Vec<i64> = ordinals.erased.keys().copied().collect();
        let back = self.members(&erased).await;
        for ordinal in found.keep(back)?.unwrap_or_default().keys() {
            found.add("member_attributes", format!("ordinal {ordinal} was erased and is a member's"));
        }
        Ok(())
    }

    /// Every data key must open for its member and every member must have one. Gives the keys that
    /// open and have no member.
    async fn check_data_keys(
        &mut self,
        ordinals: &Ordinals,
        found: &mut Findings,
    ) -> Result<Vec<(i64, MemberId)>, StoreError> {
        let keyring = self.store.keyring.clone();
        let (mut keys, mut orphans) = (0, Vec::new());
        let mut from = i64::MIN;
        while let Some(page) = self.page_of_keys(from, found).await? {
            from = page.next;
            for (ordinal, id, kek, wrapped) in &page.keys {
                let (ordinal, member) = (*ordinal, page.members.get(ordinal));
                keys += i64::from(member.is_some());
                if member.is_some_and(|member| member != id) {
                    found.add(KEY_BLOCK, format!("ordinal {ordinal} is another member's"));
                } else if keyring.unwrap(*kek, &[b"data-key", &id.0], wrapped).is_err() {
                    found.add(KEY_BLOCK, format!("ordinal {ordinal} does not open"));
                } else if member.is_none() {
                    if ordinals.erased.get(&ordinal) == Some(&true) {
                        found.add(KEY_BLOCK, format!("ordinal {ordinal} was erased and its key is back"));
                    } else if ordinal >= ordinals.next {
                        found.add(KEY_BLOCK, format!("ordinal {ordinal} was never given"));
                    }
                    orphans.push((ordinal, *id));
                }
            }
        }
        let members = self.member_count().await;
        if let Some(members) = found.keep(members)?.filter(|members| *members != keys) {
            found.add(KEY_BLOCK, format!("{} members have no key", members - keys));
        }
        Ok(orphans)
    }

    /// Some blocks of keys from a number on, with the ids of the members they are for.
    async fn page_of_keys(&mut self, from: i64, found: &mut Findings) -> Result<Option<KeyPage>, StoreError> {
        let sql = "select block, body from keys.key_block where block >= $1 order by block limit 256";
        let rows = self.tx.all(sql, &[Arg::Int(from)]).await.map_err(|e| e.unreadable(KEY_BLOCK))?;
        let mut page = KeyPage { next: i64::MAX, keys: Vec::new(), members: BTreeMap::new() };
        let mut numbers = Vec::new();
        for row in &rows {
            let Some((block, body)) = found.keep(body_of(row, KEY_BLOCK))? else { continue };
            if numbers.last() == Some(&block) || body.is_empty() {
                found.add(KEY_BLOCK, format!("block {block} stands twice or is empty"));
            }
            numbers.push(block);
            for step in slots(body) {
                let key = step.ok().and_then(|(at, bytes)| Some((at, parts(bytes)?)));
                let Some((at, (id, kek, wrapped))) = key else {
                    found.keep::<()>(Err(Malformed::of(KEY_BLOCK, block)))?;
                    continue;
                };
                page.keys.push((ordinal_of(block, at), id, kek, wrapped.to_vec()));
            }
        }
        let Some(last) = numbers.last() else { return Ok(None) };
        page.next = last.saturating_add(1);
        let bodies = self.blocks(&MEMBER_ATTRIBUTES, &numbers).await;
        for (block, body) in found.keep(bodies)?.unwrap_or_default() {
            for (at, bytes) in slots(&body).flatten() {
                // What does not parse is found with the table itself.
                if let Some(Slot::Member(member)) = attributes::read(bytes) {
                    page.members.insert(ordinal_of(block, at), member.id());
                }
            }
        }
        Ok(Some(page))
    }

    /// A key opens for the id beside it wherever both are copied to: an id that stands at another
    /// ordinal as well is a copy.
    async fn check_copies(
        &mut self,
        orphans: &[(i64, MemberId)],
        found: &mut Findings,
    ) -> Result<(), StoreError> {
        let ids: HashSet<[u8; 16]> = orphans.iter().map(|(_, id)| id.0).collect();
        let at: HashSet<i64> = orphans.iter().map(|(ordinal, _)| *ordinal).collect();
        if ids.len() != orphans.len() {
            found.add(KEY_BLOCK, "a key without a member stands twice");
        }
        let mut from = i64::MIN;
        // What cannot be read was found before.
        let mut again = Findings::default();
        while let Some(page) = self.page_of_keys(from, &mut again).await? {
            from = page.next;
            for (ordinal, id, ..) in &page.keys {
                if ids.contains(&id.0) && !at.contains(ordinal) {
                    found.add(KEY_BLOCK, format!("the key of ordinal {ordinal} stands at another one too"));
                }
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
