//! Every table of the vault and its keystore, every column: edited, deleted, added, swapped, put back.
//! `verify --deep` must name the table, and what a decision reads must keep the vault from opening.

use countersign::model::code::{Channel, Purpose, RecipientClass, Role};
use countersign::model::field::{Field, Index};
use countersign::model::ids::Alias;
use countersign::model::selection::Selection;
use countersign::store::StoreError;
use countersign::store::chunks::{AGE, State, consent_kind};
use countersign::store::members::Member;
use countersign::store::packages::FactKind;
use countersign::store::records::Records;

use crate::fixture::{On, Vault, event, integrity, named};
use crate::members::store_members;
use crate::raw::{Cell, Kind, Raw, Rows, Table};
use crate::words::*;

on_both_engines!(tampering_with_any_table_is_found, old_rows_put_back_are_found,);

/// Tables that no start compares: as large as there are members, or read by no decision.
const NOT_DECIDING: &[&str] = &["consent_pack", "remark"];

/// The members' own tables, which a release compares as it reads them.
fn is_released(table: &str) -> bool {
    ["member_", "sealed_", "index_"].iter().any(|family| table.starts_with(family))
}

/// All that a release reads of members.
async fn released(vault: &Vault) -> Result<(), StoreError> {
    let mut view = vault.store.view().await?;
    view.each_selected(&Selection::everyone(), None, true, |_| Ok(())).await?;
    for index in Index::ALL {
        view.shared_contacts(*index).await?;
    }
    // In an order of its own, as a package is read, and as cards are looked at.
    let mut records = Records::of(Field::ALL);
    for from in [64, 0, 256] {
        records.read(&mut view, from, from + 64, |_| ()).await?;
    }
    let passed = records.end(&mut view, 0).await;
    view.check_card_table().await?;
    passed
}

/// When a session was last used, wrong passwords, looks, who has the watch: trusted for nothing but ending or refusing
/// one early, or later (SECURITY.md).
const OPERATIONAL: [&str; 11] = [
    "session_seen",
    "token_seen",
    "attempt",
    "passkey_challenge",
    "look_count",
    "duty",
    "outbox",
    "receiver",
    "kept_answer",
    "import_run",
    "import_error",
];

/// Tables of one row.
const SINGLE: &[&str] = &["vault", "log_head", "keys.counter"];

fn decides(table: &str) -> bool {
    !NOT_DECIDING.contains(&table)
        && !is_released(table)
        && !table.starts_with("log_")
        && !table.starts_with("keys.")
}

/// Enough that every table of blocks and every index has two rows.
const MEMBERS: i64 = 300;

/// A member with a tag in every index.
fn whole(ordinal: i64) -> Member {
    let mut whole = member(ordinal);
    whole.attributes.tags = Index::ALL
        .iter()
        .map(|index| {
            let mut contact = contact(*index, ordinal as u8);
            contact.tag[15] = (ordinal >> 8) as u8;
            contact
        })
        .collect();
    whole
}

/// At least two rows in every table that can have them (`log_node` has its own test: it needs 512 entries).
pub async fn populate(vault: &Vault) {
    let (store, smith) = (&vault.store, vault.smith().await);
    let members: Vec<Member> = (1..=MEMBERS).map(whole).collect();
    store_members(store, &smith, &members).await;
    let mut work = store.work().await.unwrap();
    for who in ["li.na", "wang.fang"] {
        work.put_person(&person(who)).await.unwrap();
        work.grant_role(&role(who, Role::Counter)).await.unwrap();
        work.enrol_key(&login(who), &[1; 16], &[who.len() as u8; 32], who.as_bytes()).await.unwrap();
        work.put_enrolment(&enrolment(who, who.len() as u8)).await.unwrap();
        work.suppress(Index::Mobile, &[who.len() as u8; 16], who).await.unwrap();
    }
    for (who, n) in [("li.na", 1), ("wang.fang", 2)] {
        work.put_session(&session(who, n)).await.unwrap();
        work.put_token(&token(who, n)).await.unwrap();
        work.raise_alarm(&alarm(u64::from(n), who)).await.unwrap();
    }
    // Different in every column: two equal values can be exchanged and nothing is.
    for (who, n) in [("li.na", 7), ("wang.fang", 8)] {
        work.add_undertaking(&undertaking(who, n)).await.unwrap();
        work.add_hold(&hold(who, n)).await.unwrap();
        work.put_totp(&totp(who, n)).await.unwrap();
        work.put_recovery_code(&recovery_code(who, n)).await.unwrap();
        work.put_passkey(&passkey(who, n)).await.unwrap();
        work.put_linked_account(&linked_account(who, n)).await.unwrap();
        work.put_proposal(&proposal(n, who)).await.unwrap();
    }
    work.put_unit(&unit("GROUP", None)).await.unwrap();
    work.put_unit(&unit("MKT", Some("GROUP"))).await.unwrap();
    work.put_vendor(&vendor("SMS1")).await.unwrap();
    work.put_vendor(&vendor("POST1")).await.unwrap();
    work.put_vendor_key(&vendor_key("SMS1", None)).await.unwrap();
    work.put_vendor_key(&vendor_key("POST1", None)).await.unwrap();
    work.put_policy(&policy(1, 1)).await.unwrap();
    work.put_policy(&policy(2, 2)).await.unwrap();
    work.withdraw_policy(1, &login("li.na"), 1).await.unwrap();
    work.withdraw_policy(2, &login("li.na"), 2).await.unwrap();
    work.add_document(&document("1", "一")).await.unwrap();
    work.add_document(&document("2", "二")).await.unwrap();
    // The last member's lies in a block of its own.
    let said = [1, 2, MEMBERS].map(|n| consent(n, 1, vec![mark(Channel::Sms, n == 1)]));
    work.add_consent_events(&said).await.unwrap();
    let sms = consent_kind(Purpose::Promotion, Channel::Sms, RecipientClass::Company);
    work.change_chunks(&sms, [1, 2, MEMBERS].into_iter(), |chunks| {
        chunks.set_state(1, State::Granted);
        chunks.set_state(2, State::Refused);
        chunks.set_state(MEMBERS, State::Refused);
    })
    .await
    .unwrap();
    work.change_chunks(AGE, [1].into_iter(), |chunks| chunks.set_birthday(1, Some(today()))).await.unwrap();
    work.add_remark("first").unwrap();
    work.commit(event().member(Alias([8; 16]))).await.unwrap();
    campaign(vault).await;
    // One member erased already, one only ordered.
    let mut work = store.work().await.unwrap();
    work.add_remark("second").unwrap();
    for n in [3, 4] {
        work.delete_member(&members[n as usize - 1]).await.unwrap();
        work.put_erasure(&erasure(n, None)).await.unwrap();
    }
    work.commit(event().member(Alias([9; 16]))).await.unwrap();
    store.destroy_key(4).await.unwrap();
    let mut work = store.work().await.unwrap();
    work.put_erasure(&erasure(4, Some(99))).await.unwrap();
    work.commit(event()).await.unwrap();
}

async fn campaign(vault: &Vault) {
    let smith = vault.smith().await;
    let mut work = vault.store.work().await.unwrap();
    for serial in 1..=2 {
        let no = package_no(serial, 1);
        work.put_request(&request(serial)).await.unwrap();
        work.add_request_note(&note(serial)).await.unwrap();
        work.add_submission(&submission(serial, 1)).await.unwrap();
        work.add_signature(&signature(serial, 1, serial)).await.unwrap();
        work.add_package(&package(serial, 1)).await.unwrap();
        work.add_package_fact(&no, &fact(FactKind::Started, 1)).await.unwrap();
        work.add_package_fact(&no, &fact(FactKind::Sealed, 2)).await.unwrap();
        work.add_disclosure(&no, &[1u64, 2].into_iter().collect()).await.unwrap();
        let parts = [[1u64].into_iter().collect(), [2u64].into_iter().collect()];
        work.add_ranges(&no, 1, &parts).await.unwrap();
    }
    work.commit(event()).await.unwrap();
    // One of each is claimed, and one made.
    let mut work = vault.store.work().await.unwrap();
    for serial in 1..=2 {
        let ranges = work.view().ranges(Some(&package_no(serial, 1))).await.unwrap();
        let claimed = work.claim_range(&ranges[0]).await.unwrap();
        work.claim_range(&ranges[1]).await.unwrap();
        work.finish_range(&claimed, "{}".into(), &[1u64].into_iter().collect()).await.unwrap();
    }
    work.commit(event()).await.unwrap();
    for serial in 1..=2 {
        let no = package_no(serial, 1);
        vault.store.put_package_key(&no, 1, &smith.package_key(&no)).await.unwrap();
    }
}

/// Changes and deletes what may be changed and deleted, so that there are old rows to put back.
async fn move_on(vault: &Vault) {
    let store = &vault.store;
    let mut work = store.work().await.unwrap();
    let mut suspended = person("li.na");
    suspended.suspended = true;
    work.put_person(&suspended).await.unwrap();
    work.revoke_role(&role("li.na", Role::Counter)).await.unwrap();
    work.enrol_key(&login("li.na"), &[2; 16], &[2; 32], b"new").await.unwrap();
    work.drop_session(&session("li.na", 1)).await.unwrap();
    work.end_tokens(Some(&login("li.na"))).await.unwrap();
    work.acknowledge(&alarm(1, "li.na"), &login("wang.fang")).await.unwrap();
    let mut moved = unit("MKT", Some("GROUP"));
    moved.name_en = "Moved".into();
    work.put_unit(&moved).await.unwrap();
    let mut stopped = vendor("SMS1");
    stopped.suspended = true;
    work.put_vendor(&stopped).await.unwrap();
    work.put_vendor_key(&vendor_key("SMS1", Some("wang.fang"))).await.unwrap();
    let mut seconded = policy(2, 2);
    seconded.seconded = Some(("admin2".into(), 5, vec![5; 64]));
    work.put_policy(&seconded).await.unwrap();
    let mut draft = request(1);
    draft.form = "{}".into();
    work.put_request(&draft).await.unwrap();
    work.add_consent_events(&[consent(1, 2, vec![mark(Channel::Sms, false)])]).await.unwrap();
    let sms = consent_kind(Purpose::Promotion, Channel::Sms, RecipientClass::Company);
    work.change_chunks(&sms, [1].into_iter(), |c| c.set_state(1, State::Withdrawn)).await.unwrap();
    let mut changed = whole(2);
    changed.attributes.tags[1] = contact(Index::Mobile, 3);
    changed.record = record(1..8, 9);
    changed.changed_at += 1;
    work.update_member(&whole(2), &changed).await.unwrap();
    work.delete_member(&whole(5)).await.unwrap();
    work.put_erasure(&erasure(5, None)).await.unwrap();
    work.retire_package(&package(1, 1)).await.unwrap();
    work.drop_ranges(&package_no(1, 1)).await.unwrap();
    work.add_package_fact(&package_no(1, 1), &fact(FactKind::Recalled, 3)).await.unwrap();
    work.commit(event()).await.unwrap();
    for gone in [3, 5] {
        store.destroy_key(gone).await.unwrap();
    }
    store.destroy_package_key(&package_no(1, 1)).await.unwrap();
    let mut work = store.work().await.unwrap();
    for gone in [3, 5] {
        work.put_erasure(&erasure(gone, Some(100))).await.unwrap();
    }
    work.commit(event()).await.unwrap();
    store.birth(&[]).await.unwrap();
}

/// A cell with one thing about it changed.
fn edited(cell: &Cell, kind: Kind) -> Cell {
    match (cell, kind) {
        (Cell::Null, Kind::Int) => Cell::Int(7),
        (Cell::Null, Kind::Text) => Cell::Text("x".into()),
        (Cell::Null, Kind::Bytes) => Cell::Bytes(vec![0]),
        (Cell::Int(v), _) => Cell::Int(v + 1_000),
        (Cell::Text(v), _) => {
            let first = if v.starts_with('x') { 'y' } else { 'x' };
            Cell::Text(std::iter::once(first).chain(v.chars().skip(1)).collect())
        }
        (Cell::Bytes(v), _) => {
            let mut v = v.clone();
            let middle = v.len() / 2;
            match v.get_mut(middle) {
                Some(byte) => *byte ^= 1,
                None => v.push(0),
            }
            Cell::Bytes(v)
        }
    }
}

/// What a database administrator might do to a table's rows, each with a name.
fn tamperings(table: &Table, rows: &Rows, on: On) -> Vec<(String, Rows)> {
    let mut all = Vec::new();
    for (i, column) in table.columns.iter().enumerate() {
        let mut change = |what: &str, cell: Cell| {
            let mut rows = rows.clone();
            rows.last_mut().unwrap()[i] = cell;
            all.push((format!("{what} {}", column.name), rows));
        };
        change("edit", edited(&rows.last().unwrap()[i], column.kind));
        // SQLite stores any type anywhere: what cannot be read must be a finding, not a failure.
        if on == On::Sqlite {
            change(
                "retype",
                if column.kind == Kind::Text { Cell::Bytes(vec![0xFF]) } else { Cell::Text("x".into()) },
            );
        }
    }
    for i in 0..rows.len() {
        let mut fewer = rows.clone();
        fewer.remove(i);
        all.push((format!("delete row {i}"), fewer));
    }
    if !SINGLE.contains(&table.name.as_str()) {
        let mut more = rows.clone();
        more.push(another(table, rows.last().unwrap()));
        all.push(("insert".into(), more));
    }
    if rows.len() > 1 && table.columns.iter().any(|c| !c.key) {
        let mut swapped = rows.clone();
        for (i, _) in table.columns.iter().enumerate().filter(|(_, c)| !c.key) {
            swapped[0][i] = rows[1][i].clone();
            swapped[1][i] = rows[0][i].clone();
        }
        all.push(("swap".into(), swapped));
    }
    all
}

/// The same row under another key, past every other constraint.
fn another(table: &Table, row: &[Cell]) -> Vec<Cell> {
    let mut copy = row.to_vec();
    for (i, column) in table.columns.iter().enumerate().filter(|(_, c)| c.key) {
        copy[i] = edited(&row[i], column.kind);
    }
    match table.name.as_str() {
        "request" => copy[table.position("serial")] = Cell::Int(77),
        "package" => copy[table.position("live")] = Cell::Null,
        _ => {}
    }
    copy
}

/// What nothing rests on: more room between ordinals; the key of member 3, whose erasure is ordered, gone.
fn harmless(table: &Table, what: &str) -> bool {
    [("keys.counter", "edit next"), ("keys.key_block", "none")].contains(&(table.name.as_str(), what))
}

async fn tampering_with_any_table_is_found(vault: Vault) {
    populate(&vault).await;
    vault.assert_sound().await;
    let mut raw = vault.disarmed().await;
    let mut done = 0;
    for table in
        raw.tables().await.iter().filter(|t| t.name != "log_node" && !OPERATIONAL.contains(&t.name.as_str()))
    {
        let rows = raw.rows(table).await;
        let wanted = if SINGLE.contains(&table.name.as_str()) { 1 } else { 2 };
        assert!(rows.len() >= wanted, "{} has {} rows to tamper with", table.name, rows.len());
        for (what, tampered) in tamperings(table, &rows, vault.on) {
            if harmless(table, &what) || !put(&mut raw, table, &tampered, &what).await {
                continue;
            }
            is_found(&vault, table, &what).await;
            done += 1;
        }
        raw.replace(table, &rows).await.unwrap();
    }
    assert!(done > 200, "{done}");
    vault.assert_sound().await;
    vault.open().await.unwrap();
}

async fn put(raw: &mut Raw, table: &Table, rows: &Rows, what: &str) -> bool {
    match raw.replace(table, rows).await {
        Ok(()) => true,
        // The engine itself refuses: a second row where there is one, a text as a row's number.
        Err(e) => {
            let refused = e.to_string();
            let known =
                ["vault_one_row", "log_one_head", "datatype mismatch"].iter().any(|c| refused.contains(c));
            assert!(known, "{} {what}: {refused}", table.name);
            false
        }
    }
}

async fn is_found(vault: &Vault, table: &Table, what: &str) {
    let place = format!("{}: {what}", table.name);
    let verified = vault.store.verify(true, &[]).await.unwrap_or_else(|e| panic!("{place}: broke off: {e}"));
    let names = named(&verified.problems);
    // The newest checkpoint stands in the head's row and is named for what it is.
    let named = names.contains(&table.name.as_str()) || table.name == "log_head" && names == ["checkpoint"];
    assert!(named && !verified.verified, "{place}: found only {names:?}");
    // An alias is opened by who-saw and erasure, never by a release.
    if is_released(&table.name) && table.name != "sealed_alias" {
        let checked = released(vault).await;
        assert!(
            matches!(&checked, Err(StoreError::Integrity { what, .. }) if *what == table.name),
            "{place}: an execution would not notice"
        );
    }
    if ["unit", "person", "role_grant", "credential", "session", "service_token", "policy_version"]
        .contains(&table.name.as_str())
    {
        let checked = vault.store.view().await.unwrap().check_staff_tables().await;
        assert!(
            matches!(&checked, Err(StoreError::Integrity { what, .. }) if *what == table.name),
            "{place}"
        );
    }
    if decides(&table.name) {
        let checked = vault.store.view().await.unwrap().check_deciding_tables().await;
        assert!(
            matches!(&checked, Err(StoreError::Integrity { what, .. }) if *what == table.name),
            "{place}"
        );
        // Opening asks the same; it is tried where it does more, and once for every kind of tampering.
        if !table.name.starts_with("vault") && (what.starts_with("edit") || what.starts_with("retype")) {
            return;
        }
        match vault.open().await {
            Err(StoreError::Integrity { .. }) => {}
            // What a key row no longer opens, or opens for another vault, cannot be told from a wrong root key.
            Err(StoreError::Root(_)) if table.name.starts_with("vault") => {}
            Err(StoreError::NoVault) if table.name == "vault" => {}
            Err(other) => panic!("{place}: {other}"),
            Ok(_) => panic!("{place}: it opened"),
        }
    }
}

/// Tables whose rows change or go; of the others there are no old rows.
const MOVING: &[&str] = &[
    "alarm",
    "consent_chunk",
    "credential",
    "enrolment",
    "erasure",
    "index_card",
    "index_email",
    "index_mobile",
    "index_post",
    "keys.key_block",
    "keys.package_key",
    "log_head",
    "member_attributes",
    "member_tags",
    "package",
    "package_range",
    "person",
    "policy_version",
    "request",
    "role_grant",
    "sealed_address",
    "sealed_alias",
    "sealed_birthday",
    "sealed_card",
    "sealed_email",
    "sealed_mobile",
    "sealed_name",
    "sealed_postcode",
    "service_token",
    "session",
    "unit",
    "vendor",
    "vendor_key",
];

async fn old_rows_put_back_are_found(vault: Vault) {
    populate(&vault).await;
    let mut raw = vault.disarmed().await;
    let tables = raw.tables().await;
    let mut before = Vec::new();
    for table in &tables {
        before.push(raw.rows(table).await);
    }
    move_on(&vault).await;
    vault.assert_sound().await;
    let mut moved = Vec::new();
    for (table, before) in tables.iter().zip(&before) {
        let now = raw.rows(table).await;
        for old in before.iter().filter(|row| !now.contains(row)) {
            let mut back: Rows = now.clone();
            back.retain(|row| table.key_of(row) != table.key_of(old));
            back.push(old.clone());
            raw.replace(table, &back).await.unwrap();
            is_found(&vault, table, "an old row").await;
            raw.replace(table, &now).await.unwrap();
            moved.push(table.name.as_str());
        }
    }
    moved.dedup();
    assert_eq!(moved, MOVING);
    // A forged block far off must not be counted up to.
    raw.run("update consent_pack set block = 72057594037927936 where block = 4").await.unwrap();
    assert!(named(&vault.deep().await.problems).contains(&"consent_pack"));
    raw.run("update consent_pack set block = 4 where block > 4").await.unwrap();
    for far in [i64::MAX, 72_057_594_037_927_936, -7] {
        raw.run(&format!(
            "insert into sealed_mobile (block, body) select {far}, body from sealed_mobile where block = 1"
        ))
        .await
        .unwrap();
        let (table, _) = integrity(released(&vault).await);
        assert_eq!(table, "sealed_mobile", "{far}");
        raw.run(&format!("delete from sealed_mobile where block = {far}")).await.unwrap();
    }
    // A log that does not know the entry under which was read is an older one.
    let mut view = vault.store.view().await.unwrap();
    let size = view.log_size().await.unwrap();
    let (table, _) = integrity(Records::of(&[Field::Mobile]).end(&mut view, size).await);
    assert_eq!(table, "log_head");
    drop(view);
    // An ordinal that was used must not be given out again.
    raw.run("update keys.counter set next = 5").await.unwrap();
    assert_eq!(named(&vault.deep().await.problems), ["keys.counter"]);
}
