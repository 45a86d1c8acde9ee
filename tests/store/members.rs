//! Members, their keys, what they said, what selects them.

use std::collections::BTreeMap;

use countersign::keyring::Tag;
use countersign::model::code::{CardType, Channel, Purpose, RecipientClass, Tier};
use countersign::model::field::{Field, Index};
use countersign::model::sealed::Record;
use countersign::model::selection::{Between, Node, Selection, Test};
use countersign::store::chunks::{AGE, SPAN, State, consent_kind};
use countersign::store::members::Member;
use countersign::store::records::{Records, SealedRecord};
use countersign::store::selecting::contact_mark;
use countersign::store::{Store, StoreError};

use crate::fixture::{Smith, Vault, entry, event, integrity};
use crate::words::{
    bare_member, code, consent, contact, erasure, mark, member, member_id, record, tag, today,
};

on_both_engines!(
    members_read_back_and_are_found_by_their_tags,
    a_changed_member_is_found_by_the_new_tags_only,
    keys_are_born_first_and_swept_when_their_members_never_came,
    members_are_not_stored_without_their_keys,
    keys_that_came_to_no_member_are_taken_back,
    an_ordinal_is_not_given_twice,
    a_selection_picks_what_it_says,
    records_come_with_their_keys,
    a_filter_knows_every_card_of_its_moment,
    a_member_without_his_tags_is_not_read,
    a_birth_writes_over_nobody,
    a_key_far_off_is_swept,
    a_view_is_of_one_moment,
    consent_is_a_history,
    chunks_hold_what_was_set_and_nothing_slips_in,
    suppression_is_for_ever,
);

fn sms() -> String {
    consent_kind(Purpose::Promotion, Channel::Sms, RecipientClass::Company)
}

/// Keys first, then members: as every birth goes.
pub async fn store_members(store: &Store, smith: &Smith, members: &[Member]) {
    let keys: Vec<_> = members.iter().map(|m| smith.data_key(m.id)).collect();
    assert_eq!(store.birth(&keys).await.unwrap(), members[0].ordinal);
    let mut work = store.work().await.unwrap();
    work.insert_members(members).await.unwrap();
    work.commit(event()).await.unwrap();
}

async fn members_read_back_and_are_found_by_their_tags(vault: Vault) {
    let mut all: Vec<Member> = (1..=5).map(member).collect();
    all[4] = bare_member(5);
    all[3].attributes.tags[1] = contact(Index::Mobile, 2);
    let smith = vault.smith().await;
    store_members(&vault.store, &smith, &all).await;
    let mut view = vault.store.view().await.unwrap();
    assert_eq!(view.member_count().await.unwrap(), 5);
    for one in &all {
        assert!(view.member(one.ordinal).await.unwrap().as_ref() == Some(one));
        assert!(view.data_key(one.ordinal).await.unwrap().unwrap().id == one.id);
    }
    assert!(view.member(6).await.unwrap().is_none() && view.data_key(6).await.unwrap().is_none());
    // Nothing was said for anybody yet, so there is no kind to ask for.
    assert!(view.states(&[1, 2]).await.unwrap().is_empty() && view.states(&[]).await.unwrap().is_empty());
    assert_eq!(view.find(Index::Mobile, &tag(Index::Mobile, 2)).await.unwrap(), [2, 4]);
    assert_eq!(view.find(Index::Email, &tag(Index::Mobile, 2)).await.unwrap(), [0; 0]);
    // More tags than one statement takes.
    let mut tags: Vec<Tag> =
        (0..2_500u64).map(|n| [[7; 8], n.to_le_bytes()].concat().try_into().unwrap()).collect();
    tags.extend([tag(Index::Card, 1), tag(Index::Card, 3)]);
    let found = view.find_all(Index::Card, &tags).await.unwrap();
    assert_eq!(
        BTreeMap::from_iter(found),
        [(tag(Index::Card, 1), vec![1]), (tag(Index::Card, 3), vec![3])].into()
    );
    assert_eq!(view.shared_contacts(Index::Mobile).await.unwrap(), [vec![2, 4]]);
    assert!(view.shared_contacts(Index::Card).await.unwrap().is_empty());
    drop(view);
    vault.assert_sound().await;
}

async fn a_changed_member_is_found_by_the_new_tags_only(vault: Vault) {
    let (old, smith) = (member(1), vault.smith().await);
    store_members(&vault.store, &smith, &[old.clone(), member(2)]).await;
    let mut new = old.clone();
    new.attributes.tags = vec![contact(Index::Card, 1), contact(Index::Mobile, 9), contact(Index::Email, 9)];
    new.attributes.tier = Tier::Platinum;
    new.record = record(1..5, 0xEE);
    new.attributes.present = 0b1_1110;
    new.changed_at += 1;
    let mut work = vault.store.work().await.unwrap();
    let mut moved = member(2);
    (moved.attributes.home_store, moved.changed_at) = (None, 5_000);
    work.update_members(&[(&old, &new), (&member(2), &moved)]).await.unwrap();
    work.commit(event()).await.unwrap();
    let mut view = vault.store.view().await.unwrap();
    assert!(view.member(1).await.unwrap() == Some(new.clone()));
    assert!(view.member(2).await.unwrap() == Some(moved));
    assert_eq!(view.find(Index::Mobile, &tag(Index::Mobile, 1)).await.unwrap(), [0; 0]);
    assert_eq!(view.find(Index::Mobile, &tag(Index::Mobile, 9)).await.unwrap(), [1]);
    drop(view);
    // Who read a member that is another by now changes nothing that verifies.
    let mut work = vault.store.work().await.unwrap();
    work.delete_member(&new).await.unwrap();
    assert_eq!(integrity(work.delete_member(&new).await).0, "member_attributes");
    drop(work);
    vault.assert_sound().await;

    let mut work = vault.store.work().await.unwrap();
    work.delete_member(&new).await.unwrap();
    work.commit(event()).await.unwrap();
    vault.store.destroy_key(1).await.unwrap();
    let mut view = vault.store.view().await.unwrap();
    assert!(view.member(1).await.unwrap().is_none() && view.data_key(1).await.unwrap().is_none());
    assert_eq!(view.find(Index::Email, &tag(Index::Email, 9)).await.unwrap(), [0; 0]);
    drop(view);
    vault.assert_sound().await;
}

async fn keys_are_born_first_and_swept_when_their_members_never_came(vault: Vault) {
    let smith = vault.smith().await;
    store_members(&vault.store, &smith, &[member(1)]).await;
    let keys: Vec<_> = (2..=4).map(|n| smith.data_key(member_id(n))).collect();
    assert_eq!(vault.store.birth(&keys).await.unwrap(), 2);
    // Members on their way are no tampering.
    vault.assert_sound().await;
    assert_eq!(vault.store.sweep_orphan_keys().await.unwrap(), 3);
    assert_eq!(vault.store.sweep_orphan_keys().await.unwrap(), 0);
    // Ordinals are never used again.
    store_members(&vault.store, &smith, &[member(5)]).await;
    // More keys than one statement takes.
    let keys: Vec<_> = (0..2_345).map(|n| smith.data_key(member_id(n as u8))).collect();
    assert_eq!(vault.store.birth(&keys).await.unwrap(), 6);
    assert!(vault.store.view().await.unwrap().data_key(2_350).await.unwrap().is_some());
    assert_eq!(vault.store.birth(&[]).await.unwrap(), 2_351);
    assert_eq!(vault.store.sweep_orphan_keys().await.unwrap(), 2_345);
    vault.assert_sound().await;
}

async fn keys_that_came_to_no_member_are_taken_back(vault: Vault) {
    let smith = vault.smith().await;
    let keys: Vec<_> = (1..=3).map(|n| smith.data_key(member_id(n))).collect();
    assert_eq!(vault.store.birth(&keys).await.unwrap(), 1);
    let mut work = vault.store.work().await.unwrap();
    work.insert_members(&[member(2)]).await.unwrap();
    work.commit(event()).await.unwrap();
    assert_eq!(vault.store.take_back_births(1, 3).await.unwrap(), 2);
    let mut view = vault.store.view().await.unwrap();
    let held = view.held(&[1, 2, 3]).await.unwrap();
    assert_eq!(held.keys().copied().collect::<Vec<_>>(), [2]);
    assert!(held[&2].member == member(2) && held[&2].key.id == member_id(2));
    drop(view);
    vault.assert_sound().await;
}

/// Another process that starts in between sweeps what looks like a broken birth.
async fn members_are_not_stored_without_their_keys(vault: Vault) {
    let smith = vault.smith().await;
    vault.store.birth(&[smith.data_key(member_id(1)), smith.data_key(member_id(2))]).await.unwrap();
    assert_eq!(vault.open().await.unwrap().sweep_orphan_keys().await.unwrap(), 2);
    let mut work = vault.store.work().await.unwrap();
    let refused = work.insert_members(&[member(1), member(2)]).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))));
    drop(work);
    vault.assert_sound().await;
}

/// The database administrator turns the counter back; members come who would inherit what others said.
async fn an_ordinal_is_not_given_twice(vault: Vault) {
    let smith = vault.smith().await;
    store_members(&vault.store, &smith, &[member(1), member(2)]).await;
    let mut work = vault.store.work().await.unwrap();
    work.add_consent_events(&[consent(2, 1, vec![mark(Channel::Post, false)])]).await.unwrap();
    work.delete_member(&member(1)).await.unwrap();
    work.delete_member(&member(2)).await.unwrap();
    work.put_erasure(&erasure(1, Some(88))).await.unwrap();
    work.commit(event()).await.unwrap();
    for ordinal in [1, 2] {
        vault.store.destroy_key(ordinal).await.unwrap();
    }
    let mut raw = vault.raw().await;
    for ordinal in [1, 2_i64] {
        raw.run(&format!("update keys.counter set next = {ordinal}")).await.unwrap();
        assert_eq!(vault.store.birth(&[smith.data_key(member_id(ordinal as u8))]).await.unwrap(), ordinal);
        let mut work = vault.store.work().await.unwrap();
        assert_eq!(integrity(work.insert_members(&[member(ordinal)]).await).0, "keys.counter");
        drop(work);
        vault.store.destroy_key(ordinal).await.unwrap();
    }
    store_members(&vault.store, &smith, &[member(3)]).await;
    vault.assert_sound().await;
    let mut work = vault.store.work().await.unwrap();
    work.put_erasure(&erasure(3, Some(99))).await.unwrap();
    work.commit(event()).await.unwrap();
    let problems = vault.deep().await.problems;
    assert_eq!((problems.len(), problems[0].what.as_str()), (1, "member_attributes"));
    assert!(problems[0].place.contains("ordinal 3"), "{}", problems[0].place);
}

async fn picked(vault: &Vault, selection: &Selection, stores: Option<&[String]>) -> Vec<i64> {
    let mut found = Vec::new();
    let mut view = vault.store.view().await.unwrap();
    let visit = |s: countersign::store::selecting::Selected| {
        found.push(s.ordinal);
        Ok(())
    };
    view.each_selected(selection, stores, false, visit).await.unwrap();
    found
}

/// A changed contact point, or one at another member, is another sum; the order of adding is not.
#[test]
fn marks_tell_who_is_where() {
    let (one, two) = (tag(Index::Mobile, 1), tag(Index::Mobile, 2));
    let sum = |marks: &[(u64, Tag)]| {
        let mut sum = 0u128;
        for (ordinal, tag) in marks {
            let mark = contact_mark(*ordinal, tag);
            sum = sum.wrapping_add(mark);
        }
        sum
    };
    assert_eq!(sum(&[(1, one), (2, two)]), sum(&[(2, two), (1, one)]));
    assert_ne!(sum(&[(1, one), (2, two)]), sum(&[(1, two), (2, one)]));
    assert_ne!(sum(&[(1, one), (2, two)]), sum(&[(1, one), (2, one)]));
}

async fn a_selection_picks_what_it_says(vault: Vault) {
    let mut all: Vec<Member> = (1..=6).map(member).collect();
    all[1].attributes.tier = Tier::Silver;
    all[2].attributes.card_type = CardType::Cobranded;
    all[5] = bare_member(6);
    store_members(&vault.store, &vault.smith().await, &all).await;
    let low = |n| Between { low: Some(n), high: None };
    let day = |n: i64| countersign::clock::day(n).unwrap();
    let tests: Vec<(Node, Vec<i64>)> = vec![
        (Node::Test(Test::Tier(vec![Tier::Silver, Tier::Ordinary])), vec![2, 6]),
        (Node::Test(Test::HomeStore(vec![code("S3"), code("S4")])), vec![3, 4]),
        (Node::Test(Test::CardType(vec![CardType::Cobranded])), vec![3, 6]),
        (Node::Test(Test::BirthMonth(vec![2, 3])), vec![1, 2]),
        (Node::Test(Test::SpendTotal(low(40_000))), vec![4, 5]),
        (Node::Test(Test::SpendTotal(Between { low: Some(20_000), high: Some(30_000) })), vec![2, 3]),
        (Node::Test(Test::JoinedOn(Between { low: None, high: Some(day(18_002)) })), vec![1, 2]),
        (Node::Test(Test::LastVisitOn(Between { low: Some(day(20_005)), high: None })), vec![5]),
        (
            Node::All(vec![
                Node::Test(Test::SpendTotal(low(20_000))),
                Node::Any(vec![
                    Node::Test(Test::Tier(vec![Tier::Silver])),
                    Node::Test(Test::HomeStore(vec![code("S5"), code("S1")])),
                ]),
            ]),
            vec![2, 5],
        ),
    ];
    for (node, wanted) in tests {
        let selection = Selection::new(node).unwrap();
        assert_eq!(picked(&vault, &selection, None).await, wanted, "{selection:?}");
    }
    let everyone = Selection::everyone();
    assert_eq!(picked(&vault, &everyone, None).await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(picked(&vault, &everyone, Some(&["S2".into(), "S9".into()])).await, [2]);
    assert_eq!(picked(&vault, &everyone, Some(&[])).await, [0; 0]);

    let mut view = vault.store.view().await.unwrap();
    let mut seen = Vec::new();
    view.each_selected(&everyone, None, true, |s| {
        seen.push(s);
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(seen[0].tags, all[0].attributes.tags);
    assert!(seen[0].active && seen[0].covenant && !seen[0].legacy && seen[0].present == 0xFE);
    let bare = &seen[5];
    assert!(!bare.active && !bare.covenant && bare.legacy && bare.tags.is_empty() && bare.unsafe_fields == 4);
    // Those who are active, each with his store.
    let mut homes = Vec::new();
    view.each_active(|ordinal, store| homes.push((ordinal, store.map(str::to_owned)))).await.unwrap();
    assert_eq!(homes, (1..=5).map(|n| (n, Some(format!("S{n}")))).collect::<Vec<_>>());
    let stopped = view.each_selected(&everyone, None, false, |_| Err(StoreError::Busy)).await;
    assert!(matches!(stopped, Err(StoreError::Busy)));
}

async fn records_come_with_their_keys(vault: Vault) {
    let all: Vec<Member> = (1..=201).map(member).collect();
    store_members(&vault.store, &vault.smith().await, &all).await;
    let mut seen = Vec::new();
    let mut view = vault.store.view().await.unwrap();
    let mut records = Records::of(&[Field::Mobile, Field::Name]);
    for (from, to) in [(192, 256), (0, 64)] {
        let visit = |r: SealedRecord<'_>| {
            seen.push((r.ordinal, r.id, r.record.to_vec(), r.kek, r.wrapped.len()));
        };
        records.read(&mut view, from, to, visit).await.unwrap();
    }
    // Of all that is sealed, just what was asked for; the rest passes by at the end.
    let wanted = |m: &Member| (m.ordinal, m.id, record_of(&m.record, &[2, 3]), 1, 60);
    assert_eq!(seen, all[191..].iter().chain(&all[..63]).map(wanted).collect::<Vec<_>>());
    records.end(&mut view, 0).await.unwrap();
    let mut twice = Records::of(&[Field::Mobile]);
    for _ in 0..2 {
        twice.read(&mut view, 0, 64, |_| ()).await.unwrap();
    }
    assert!(twice.end(&mut view, 0).await.is_err(), "what passed twice was counted twice");
    let cards = view.sealed_of(&[1, 4, 999], Field::Card).await.unwrap();
    assert_eq!(cards.keys().copied().collect::<Vec<_>>(), [1, 4]);
    assert_eq!(cards[&4].1, record_of(&all[3].record, &[1]));
    assert!(cards[&4].0.id == all[3].id);
    view.check_card_table().await.unwrap();
    let size = view.log_size().await.unwrap();
    view.check_knows(size - 1).await.unwrap();
    integrity(view.check_knows(size).await);
}

fn record_of(record: &[u8], numbers: &[u8]) -> Vec<u8> {
    let mut record = Record::from_bytes(record).unwrap();
    record.0.retain(|entry| numbers.contains(&entry.number));
    record.to_bytes()
}

/// Who hides a member's tags while he is erased would keep them out of the suppression list.
async fn a_member_without_his_tags_is_not_read(vault: Vault) {
    store_members(&vault.store, &vault.smith().await, &[member(1), member(2)]).await;
    vault.raw().await.run("delete from member_tags").await.unwrap();
    let mut work = vault.store.work().await.unwrap();
    assert_eq!(integrity(work.view().member(1).await).0, "member_tags");
    // Even who read him before finds nothing to take out.
    assert_eq!(integrity(work.delete_member(&member(1)).await).0, "member_tags");
}

/// A counter turned back must not cost a living member his key.
async fn a_birth_writes_over_nobody(vault: Vault) {
    let smith = vault.smith().await;
    store_members(&vault.store, &smith, &[member(1), member(2)]).await;
    let before = vault.store.view().await.unwrap().data_key(2).await.unwrap().unwrap();
    vault.raw().await.run("update keys.counter set next = 2").await.unwrap();
    let keys = [smith.data_key(member_id(7)), smith.data_key(member_id(8))];
    assert_eq!(integrity(vault.store.birth(&keys).await).0, "keys.counter");
    assert!(vault.store.view().await.unwrap().data_key(2).await.unwrap().unwrap() == before);
}

/// A forged key far off is not counted up to, and what is left of it does not hide the others.
async fn a_key_far_off_is_swept(vault: Vault) {
    let smith = vault.smith().await;
    store_members(&vault.store, &smith, &[member(1)]).await;
    let sql = "insert into keys.key_block select 1099511627776, body from keys.key_block where block = 0";
    vault.raw().await.run(sql).await.unwrap();
    assert!(vault.deep().await.problems.iter().any(|p| p.what.starts_with("keys.")));
    assert_eq!(vault.store.sweep_orphan_keys().await.unwrap(), 1);
    vault.assert_sound().await;
}

/// What an import rests on that looks up only whom the filter does not know to be new.
async fn a_filter_knows_every_card_of_its_moment(vault: Vault) {
    let smith = vault.smith().await;
    store_members(&vault.store, &smith, &[member(1), member(2)]).await;
    let mut view = vault.store.view().await.unwrap();
    let mut filter = view.tag_filter(Index::Card).await.unwrap();
    assert!(filter.is_of(view.index_moment(Index::Card).await.unwrap()));
    let card = |n| tag(Index::Card, n);
    assert!(filter.may_hold(&card(1)) && filter.may_hold(&card(2)) && !filter.may_hold(&card(3)));
    drop(view);
    // One import's own turn it can follow; another's it cannot.
    vault.store.birth(&[smith.data_key(member_id(3)), smith.data_key(member_id(4))]).await.unwrap();
    for (ordinal, follows) in [(3, true), (4, false)] {
        let mut work = vault.store.work().await.unwrap();
        work.insert_members(&[member(ordinal)]).await.unwrap();
        let turn = work.index_turn(Index::Card);
        work.commit(event()).await.unwrap();
        if follows {
            filter.add([card(3)].into_iter(), &turn);
        }
        let now = vault.store.view().await.unwrap().index_moment(Index::Card).await.unwrap();
        assert_eq!(filter.is_of(now), follows);
        assert!(filter.may_hold(&card(3)));
    }
}

async fn a_view_is_of_one_moment(vault: Vault) {
    let smith = vault.smith().await;
    store_members(&vault.store, &smith, &[member(1), member(2)]).await;
    let mut view = vault.store.view().await.unwrap();
    assert_eq!(view.member_count().await.unwrap(), 2);
    // The keystore is read for the first time after its row is gone; to this view it is there.
    let other = vault.open().await.unwrap();
    let mut work = other.work().await.unwrap();
    work.delete_member(&member(1)).await.unwrap();
    work.commit(event()).await.unwrap();
    other.destroy_key(1).await.unwrap();
    assert!(view.data_key(1).await.unwrap().is_some() && view.member(1).await.unwrap().is_some());
    drop(view);
    assert!(vault.store.view().await.unwrap().data_key(1).await.unwrap().is_none());
}

async fn consent_is_a_history(vault: Vault) {
    let said = [
        consent(1, 1, vec![mark(Channel::Sms, true), mark(Channel::Post, false)]),
        consent(1, 2, vec![mark(Channel::Sms, false)]),
        consent(2, 1, vec![]),
    ];
    let mut work = vault.store.work().await.unwrap();
    work.add_consent_events(&said).await.unwrap();
    work.commit(event()).await.unwrap();
    let mut view = vault.store.view().await.unwrap();
    assert_eq!(view.consent_events(1).await.unwrap(), said[..2]);
    assert_eq!(view.consent_events(3).await.unwrap(), []);
    let ordinals: Vec<i64> = (1..=2_500).collect();
    let histories = view.consent_histories(&ordinals).await.unwrap();
    assert_eq!(histories, [(1, said[..2].to_vec()), (2, said[2..].to_vec())].into());
    drop(view);
    let mut work = vault.store.work().await.unwrap();
    assert!(matches!(work.add_consent_events(&said[..1]).await, Err(StoreError::Conflict(_))));
}

async fn chunks_hold_what_was_set_and_nothing_slips_in(vault: Vault) {
    let last = SPAN + 3;
    let smith = vault.smith().await;
    store_members(&vault.store, &smith, &[member(1), member(2)]).await;
    let states = [(1, State::None.then(true)), (2, State::None.then(true).then(false))];
    let mut work = vault.store.work().await.unwrap();
    let said = [
        consent(1, 1, vec![mark(Channel::Sms, true)]),
        consent(2, 1, vec![mark(Channel::Sms, true)]),
        consent(2, 2, vec![mark(Channel::Sms, false)]),
    ];
    work.add_consent_events(&said).await.unwrap();
    let set = |chunks: &mut countersign::store::chunks::Chunks| {
        states.iter().for_each(|(ordinal, state)| chunks.set_state(*ordinal, *state));
    };
    work.change_chunks(&sms(), [1, 2].into_iter(), set).await.unwrap();
    let born = |chunks: &mut countersign::store::chunks::Chunks| {
        chunks.set_birthday(1, Some(today()));
        chunks.set_birthday(last, Some(jiff::civil::date(1980, 1, 1)));
    };
    work.change_chunks(AGE, [1, last].into_iter(), born).await.unwrap();
    work.change_chunks(AGE, std::iter::empty(), |_| unreachable!()).await.unwrap();
    work.commit(event()).await.unwrap();

    let mut view = vault.store.view().await.unwrap();
    // The vault's zone is eight hours ahead.
    assert_eq!(view.start_of_day(0), -8 * 3_600_000_000);
    assert_eq!(view.chunk_kinds().await.unwrap(), [AGE, &sms()]);
    assert_eq!(view.state(&sms(), 1).await.unwrap(), State::Granted);
    assert!(view.state(&sms(), 2).await.unwrap().is_refusal());
    assert_eq!(view.state(&sms(), 3).await.unwrap(), State::None);
    let states = view.states(&[2, 1, 3, 1, 99_999]).await.unwrap();
    let of_sms: Vec<_> =
        states.iter().filter(|(_, kind, _)| *kind == sms()).map(|(n, _, state)| (*n, *state)).collect();
    assert_eq!(of_sms, [(1, State::Granted), (2, State::Withdrawn)]);
    assert_eq!(view.state("consent/none/such/kind", 1).await.unwrap(), State::None);
    assert_eq!(view.chunks(&sms()).await.unwrap().state(2), State::Withdrawn);
    let near = view.chunks_for(AGE, &[1]).await.unwrap();
    // Only what covers those asked for: the next chunk's member is not known in it.
    assert_eq!((near.is_under(1, 14, today()), near.is_under(last, 14, today())), (Some(true), None));
    let ages = view.chunks(AGE).await.unwrap();
    let under = |ordinal| ages.is_under(ordinal, 14, today());
    assert_eq!((under(1), under(2), under(last)), (Some(true), None, Some(false)));
    drop(view);
    vault.assert_sound().await;

    // A chunk that was not loaded must not be written: it would forget everyone in it.
    let mut work = vault.store.work().await.unwrap();
    let astray = |chunks: &mut countersign::store::chunks::Chunks| chunks.set_birthday(1, None);
    assert_eq!(integrity(work.change_chunks(AGE, [last].into_iter(), astray).await).0, "consent_chunk");
    drop(work);

    // Chunks that are not what the events come to are found although their own MACs are right.
    let mut work = vault.store.work().await.unwrap();
    let wrong = |chunks: &mut countersign::store::chunks::Chunks| chunks.set_state(2, State::Granted);
    work.change_chunks(&sms(), [2].into_iter(), wrong).await.unwrap();
    work.commit(event()).await.unwrap();
    let problems = vault.deep().await.problems;
    assert_eq!((problems.len(), problems[0].what.as_str()), (1, "consent_chunk"));
}

async fn suppression_is_for_ever(vault: Vault) {
    let (mobile, email) = ([1; 16], [2; 16]);
    let mut work = vault.store.work().await.unwrap();
    assert!(work.suppress(Index::Mobile, &mobile, "complaint").await.unwrap());
    assert!(work.suppress(Index::Email, &email, "erased").await.unwrap());
    assert!(!work.suppress(Index::Mobile, &mobile, "another reason").await.unwrap());
    work.commit(event()).await.unwrap();
    let mut view = vault.store.view().await.unwrap();
    assert_eq!(view.suppressed(Index::Mobile).await.unwrap(), [mobile].into());
    assert_eq!(view.suppressed(Index::Email).await.unwrap(), [email].into());
    assert!(view.suppressed(Index::Post).await.unwrap().is_empty());
    drop(view);
    entry(&vault.store).await;
    vault.assert_sound().await;
}
