//! Units, people, roles, keys, vendors, policies, documents: what is put in comes out, and `put` says
//! whether anything changed.

use std::sync::Arc;

use countersign::model::code::{Rank, Role};
use countersign::model::ids::Digest;
use countersign::model::refusal::Refusal;
use countersign::store::StoreError;
use countersign::store::entries::{Look, Looked};
use countersign::store::factors::{Challenge, RecoveryRow};
use countersign::store::kept_answers::KeptAnswer;
use countersign::store::looks::{Counting, Judge, Running};
use countersign::store::outbox::OutboxRow;
use countersign::store::proposals::{Outcome, ProposalRow};
use countersign::store::vendor_keys::VendorKeyRow;

use crate::fixture::{Vault, event, integrity};
use crate::members::store_members;
use crate::words::{
    alarm, document, enrolment, hold, linked_account, login, member, passkey, person, policy, proposal,
    recovery_code, role, session, totp, undertaking, unit, vendor, vendor_key,
};

on_both_engines!(
    units_people_and_roles_read_back,
    keys_follow_one_another,
    vendors_read_back,
    a_vendors_keys_read_back_in_order,
    a_proposal_is_withdrawn_once,
    the_policy_in_force_is_the_newest_that_two_people_signed,
    a_registered_text_never_changes,
    sessions_open_and_end,
    undertakings_holds_and_proposals_read_back,
    second_factors_read_back_and_go,
    a_linked_account_reads_back_and_goes,
    messages_wait_and_go,
    alarms_are_raised_once_and_seen_to,
    looks_are_counted_by_hour_and_day,
    a_duty_is_one_holders_until_it_ends,
    wrong_passwords_add_up_and_are_forgotten,
    an_answer_is_kept_for_whoever_began,
);

async fn a_vendors_keys_read_back_in_order(vault: Vault) {
    let store = &vault.store;
    let second = VendorKeyRow { number: 2, challenge: None, ..vendor_key("SMS1", None) };
    let mut work = store.work().await.unwrap();
    work.put_vendor(&vendor("SMS1")).await.unwrap();
    for key in [&second, &vendor_key("SMS1", None), &vendor_key("SMS1", Some("wang.fang"))] {
        work.put_vendor_key(key).await.unwrap();
    }
    work.commit(event()).await.unwrap();
    let mut view = store.view().await.unwrap();
    let code = vendor("SMS1").code;
    assert_eq!(view.vendor_keys(&code).await.unwrap(), [vendor_key("SMS1", Some("wang.fang")), second]);
    assert_eq!(view.vendor_keys(&vendor("POST1").code).await.unwrap(), []);
    drop(view);
    vault.assert_sound().await;
}

async fn a_proposal_is_withdrawn_once(vault: Vault) {
    let store = &vault.store;
    let mut work = store.work().await.unwrap();
    work.put_policy(&policy(1, 1)).await.unwrap();
    work.withdraw_policy(1, &login("li.na"), 5).await.unwrap();
    work.commit(event()).await.unwrap();
    assert_eq!(store.view().await.unwrap().policies_withdrawn().await.unwrap(), [(1, login("li.na"))]);
    let mut work = store.work().await.unwrap();
    assert!(work.withdraw_policy(1, &login("wang.fang"), 6).await.is_err());
    drop(work);
    vault.assert_sound().await;
}

async fn wrong_passwords_add_up_and_are_forgotten(vault: Vault) {
    let (store, tag, other) = (&vault.store, [1; 16], [2; 16]);
    let now = async |tag| {
        let attempts = store.view().await.unwrap().attempts(&tag).await.unwrap();
        (attempts.failed, attempts.failed_at)
    };
    assert_eq!(now(tag).await, (0, 0));
    for at in [10, 20, 30] {
        store.attempt_failed(&tag, at, 0).await.unwrap();
    }
    assert_eq!((now(tag).await, now(other).await), ((3, 30), (0, 0)));
    store.attempt_failed(&tag, 99, 31).await.unwrap();
    assert_eq!(now(tag).await, (1, 99), "what is old counts no more");
    store.attempt_failed(&other, 200, 100).await.unwrap();
    assert_eq!(now(tag).await, (0, 0), "and goes");
    store.attempts_over(&other).await.unwrap();
    assert_eq!(now(other).await, (0, 0));
}

async fn an_answer_is_kept_for_whoever_began(vault: Vault) {
    let (store, tag, other) = (&vault.store, [1; 16], [2; 16]);
    let begin = async |tag, at| store.answer_begin(&tag, (at, at + 5, at - 100)).await.unwrap();
    assert_eq!(begin(tag, 10).await, None, "the first may");
    let begun = KeptAnswer { begun_at: 10, held_until: 15, answer: None };
    assert_eq!((begin(tag, 11).await, begin(other, 11).await), (Some(begun.clone()), None));
    store.answer_held(&tag, 9, 90).await.unwrap();
    store.answer_held(&tag, 10, 40).await.unwrap();
    assert_eq!(begin(tag, 12).await, Some(KeptAnswer { held_until: 40, ..begun.clone() }));
    store.answer_done(&tag, 9, &[4; 16], b"another's").await.unwrap();
    store.answer_done(&tag, 10, &[3; 16], b"sealed").await.unwrap();
    let done = Some(([3; 16], b"sealed".to_vec()));
    assert_eq!(begin(tag, 13).await, Some(KeptAnswer { held_until: 40, answer: done, ..begun }));
    store.answer_dropped(&tag, 9).await.unwrap();
    store.answer_dropped(&other, 11).await.unwrap();
    assert_eq!(begin(other, 14).await, None, "it is free again");
    assert_eq!(begin(tag, 110).await, None, "what is old counts no more");
    assert!(store.answers_forget(14).await.unwrap() && !store.answers_forget(14).await.unwrap());
    assert_eq!(begin(other, 15).await, None, "what is forgotten is gone");
    assert!(begin(tag, 111).await.is_some(), "and nothing else");
    vault.assert_sound().await;
}

async fn alarms_are_raised_once_and_seen_to(vault: Vault) {
    let store = &vault.store;
    let mut work = store.work().await.unwrap();
    assert!(work.raise_alarm(&alarm(1, "li.na")).await.unwrap());
    assert!(!work.raise_alarm(&alarm(2, "li.na")).await.unwrap(), "of one kind, about one, an hour");
    assert!(work.raise_alarm(&alarm(3, "wang.fang")).await.unwrap());
    work.acknowledge(&alarm(1, "li.na"), &login("auditor")).await.unwrap();
    let at = work.at();
    work.commit(event()).await.unwrap();
    let mut view = store.view().await.unwrap();
    let seen = view.alarm(1).await.unwrap().unwrap();
    assert_eq!(seen.acknowledged, Some((login("auditor"), at)));
    assert_eq!(view.alarms().await.unwrap(), [alarm(3, "wang.fang"), seen]);
    assert_eq!(
        view.alarms_about(&["person/wang.fang", "person/nobody"], 7).await.unwrap(),
        [alarm(3, "wang.fang")]
    );
    assert_eq!(view.alarms_about(&["person/wang.fang"], 8).await.unwrap(), []);
    drop(view);
    vault.assert_sound().await;
}

async fn looks_are_counted_by_hour_and_day(vault: Vault) {
    let store = &vault.store;
    let counting = |whose: &[&str], look: &'static str, most: u32| {
        let judge: Judge = Arc::new(move |counted| {
            let looks = counted.looks.iter().any(|looks| looks.in_hour >= most);
            looks.then(|| Refusal::new("budget_spent", "A10b (Art 10)", "enough"))
        });
        let whose = whose.iter().map(|&one| one.to_owned()).collect();
        Counting { whose, look, also: Some("vip"), alarms: 1, judge }
    };
    let now = async |hours: i64| {
        let mut view = store.view().await.unwrap();
        let running = Running::at(store.clock(), store.clock().now() + hours * 3_600_000_000);
        let looks = view.looks("person/li.na", "show", running).await.unwrap();
        (looks.in_hour, looks.in_day)
    };
    let one = counting(&["person/li.na", "unit/MKT"], "show", 9);
    assert_eq!(now(0).await, (0, 0));
    let mut work = store.work().await.unwrap();
    let mut counts = work.counts([&one].into_iter()).await.unwrap();
    assert!(counts.count(&one).is_none() && counts.count(&one).is_none());
    work.keep(counts).await.unwrap();
    // Dropped with the turn it stands in.
    drop(work);
    assert_eq!(now(0).await, (0, 0));
    for _ in 0..2 {
        let mut work = store.work().await.unwrap();
        let mut counts = work.counts([&one].into_iter()).await.unwrap();
        assert!(counts.count(&one).is_none());
        work.keep(counts).await.unwrap();
        work.commit(event()).await.unwrap();
    }
    assert_eq!((now(0).await, now(24).await), ((2, 2), (0, 0)));
    // Another kind has its own; who judges is asked in the turn.
    let counting = counting(&["person/li.na", "unit/MKT"], "reveal", 1);
    let mut work = store.work().await.unwrap();
    let mut counts = work.counts([&counting].into_iter()).await.unwrap();
    assert!(counts.count(&counting).is_none());
    assert_eq!(counts.count(&counting).unwrap().code, "budget_spent");
    drop(work);
    let same = store
        .work()
        .await
        .unwrap()
        .write_looks(vec![Look::of(event()).counted(counting.clone())])
        .await
        .unwrap()
        .pop();
    assert!(matches!(same, Some(Looked::Entered(_))));
    let other = store
        .work()
        .await
        .unwrap()
        .write_looks(vec![Look::of(event()).counted(counting)])
        .await
        .unwrap()
        .pop();
    assert!(matches!(other, Some(Looked::Refused(_))));
    let mut view = store.view().await.unwrap();
    let mut many = view.many_looks("show", Running::at(store.clock(), store.clock().now()), 2).await.unwrap();
    many.sort();
    assert_eq!(many, [("person/li.na".to_owned(), 2), ("unit/MKT".to_owned(), 2)]);
}

async fn a_duty_is_one_holders_until_it_ends(vault: Vault) {
    let (store, now) = (&vault.store, vault.store.clock().now());
    let take =
        async |holder: u8, until, from| store.take_duty("watch", &[holder; 16], until, from).await.unwrap();
    assert_eq!(take(1, now + 9_000_000, 5).await, Some(5));
    assert_eq!(take(2, now + 9_000_000, 6).await, None);
    assert_eq!(take(1, now + 9_000_000, 6).await, Some(5));
    assert!(store.duty_done("watch", &[1; 16], 8, &[]).await.unwrap());
    assert!(!store.duty_done("watch", &[2; 16], 9, &[]).await.unwrap());
    store.leave_duty("watch", &[1; 16]).await.unwrap();
    assert_eq!(take(2, now + 9_000_000, 0).await, Some(8));
}

async fn messages_wait_and_go(vault: Vault) {
    let store = &vault.store;
    let message = |receiver: &str, seq| OutboxRow {
        receiver: receiver.into(),
        seq,
        kind: "awaits".into(),
        number: "CS2026-HQ-0001".into(),
        step: "dept".into(),
        made_at: 10,
        tries: 0,
    };
    let due = async |now| store.view().await.unwrap().outbox_due(now, 10).await.unwrap();
    let (one, two) = (message("one", 5), message("two", 5));
    assert_eq!(store.take_duty("watch", &[1; 16], i64::MAX, 0).await.unwrap(), Some(0));
    assert!(!store.duty_done("watch", &[2; 16], 9, std::slice::from_ref(&one)).await.unwrap());
    assert_eq!(due(99).await, [], "not the holder's, not there");
    for _ in 0..2 {
        assert!(store.duty_done("watch", &[1; 16], 9, &[one.clone(), two.clone()]).await.unwrap());
    }
    assert_eq!((due(9).await, due(10).await), (vec![], vec![one.clone(), two.clone()]));
    store.outbox_later(&one, 50, "timed_out").await.unwrap();
    assert_eq!((due(49).await, due(50).await[1].tries), (vec![two.clone()], 1));
    store.outbox_done(&two, None).await.unwrap();
    let states = store.view().await.unwrap().receivers().await.unwrap();
    let told: Vec<_> =
        states.iter().map(|s| (s.receiver.as_str(), s.waiting, s.sent, s.dropped, s.why.as_str())).collect();
    assert_eq!(told, [("one", 1, 0, 0, "timed_out"), ("two", 0, 1, 0, "")]);
    store.outbox_done(&one, Some("not_taken")).await.unwrap();
    let states = store.view().await.unwrap().receivers().await.unwrap();
    assert_eq!((states[0].waiting, states[0].dropped), (0, 1));
}

async fn sessions_open_and_end(vault: Vault) {
    let store = &vault.store;
    let (li, again, wang) = (session("li.na", 1), session("li.na", 5), session("wang.fang", 2));
    let mut work = store.work().await.unwrap();
    for session in [&li, &again, &wang] {
        work.put_session(session).await.unwrap();
    }
    work.commit(event()).await.unwrap();
    let mut view = store.view().await.unwrap();
    assert!(view.session(&li.id).await.unwrap() == Some(li.clone()));
    assert!(view.session(&Digest([9; 32])).await.unwrap().is_none());
    assert_eq!(view.session_seen(&li.id).await.unwrap(), None);
    drop(view);
    for at in [7, 8] {
        store.session_used(&li.id, at).await.unwrap();
    }
    let mut work = store.work().await.unwrap();
    assert_eq!(work.view().session_seen(&li.id).await.unwrap(), Some(8));
    // All of a person's, and everyone's that were opened before a moment.
    assert_eq!(work.drop_sessions(Some(&again.login), 0).await.unwrap(), 2);
    assert_eq!(work.view().session_seen(&li.id).await.unwrap(), None);
    assert_eq!(work.drop_sessions(None, wang.opened_at).await.unwrap(), 0);
    assert_eq!(work.view().sessions().await.unwrap().len(), 1);
    assert_eq!(work.drop_sessions(None, wang.opened_at + 1).await.unwrap(), 1);
    work.put_session(&li).await.unwrap();
    work.drop_session(&li).await.unwrap();
    work.commit(event()).await.unwrap();
    vault.assert_sound().await;
}

async fn units_people_and_roles_read_back(vault: Vault) {
    let (group, department) = (unit("GROUP", None), unit("MKT", Some("GROUP")));
    let (li, mut wang) = (person("li.na"), person("wang.fang"));
    let held = [role("li.na", Role::InfoOfficer), role("wang.fang", Role::Auditor)];
    let mut work = vault.store.work().await.unwrap();
    for unit in [&department, &group] {
        assert!(work.put_unit(unit).await.unwrap());
        assert!(!work.put_unit(unit).await.unwrap());
    }
    for person in [&wang, &li] {
        assert!(work.put_person(person).await.unwrap());
        assert!(!work.put_person(person).await.unwrap());
    }
    for role in &held {
        assert!(work.grant_role(role).await.unwrap());
        assert!(!work.grant_role(role).await.unwrap());
    }
    work.commit(event()).await.unwrap();

    wang.suspended = true;
    wang.rank = Rank::Director;
    let mut work = vault.store.work().await.unwrap();
    assert!(work.put_person(&wang).await.unwrap());
    assert!(work.revoke_role(&held[0]).await.unwrap());
    assert!(!work.revoke_role(&held[0]).await.unwrap());
    work.commit(event()).await.unwrap();

    let mut view = vault.store.view().await.unwrap();
    assert_eq!(view.units().await.unwrap(), [group, department]);
    assert_eq!(view.people().await.unwrap(), [li, wang.clone()]);
    assert_eq!(view.person(&wang.login).await.unwrap(), Some(wang));
    assert_eq!(view.person(&login("nobody")).await.unwrap(), None);
    assert_eq!(view.role_grants().await.unwrap(), held[1..]);
    drop(view);
    vault.assert_sound().await;
}

async fn keys_follow_one_another(vault: Vault) {
    let li = login("li.na");
    let mut work = vault.store.work().await.unwrap();
    work.put_enrolment(&enrolment("li.na", 1)).await.unwrap();
    work.put_enrolment(&enrolment("li.na", 2)).await.unwrap();
    work.commit(event()).await.unwrap();
    let open = vault.store.view().await.unwrap().enrolment(&li).await.unwrap().unwrap();
    assert_eq!(
        (open.login, open.code_hash, open.expires_at),
        (li.clone(), vec![2; 32], 1_700_000_000_000_000)
    );

    for n in 1..=2u8 {
        let mut work = vault.store.work().await.unwrap();
        let number = work.enrol_key(&li, &[n; 16], &[n; 32], &[n; 60]).await.unwrap();
        assert_eq!(number, i64::from(n));
        work.commit(event()).await.unwrap();
        // The code is used up with the first key.
        assert!(vault.store.view().await.unwrap().enrolment(&li).await.unwrap().is_none());
    }
    let keys = vault.store.view().await.unwrap().credentials(&li).await.unwrap();
    assert_eq!(
        keys.iter().map(|k| (k.number, k.enrolled_seq, k.ended_seq)).collect::<Vec<_>>(),
        [(1, 2, Some(3)), (2, 3, None)]
    );
    assert_eq!(
        (&keys[1].salt[..], keys[1].public_key, &keys[1].sealed_seed[..]),
        (&[2; 16][..], [2; 32], &[2; 60][..])
    );
    assert_eq!(keys[0].login, li);

    let mut work = vault.store.work().await.unwrap();
    work.end_key(&li).await.unwrap();
    work.end_key(&login("nobody")).await.unwrap();
    work.commit(event()).await.unwrap();
    let keys = vault.store.view().await.unwrap().credentials(&li).await.unwrap();
    assert_eq!(keys.iter().map(|k| k.ended_seq).collect::<Vec<_>>(), [Some(3), Some(4)]);
    vault.assert_sound().await;
}

async fn vendors_read_back(vault: Vault) {
    let (mut sms, post) = (vendor("SMS1"), vendor("POST1"));
    let mut work = vault.store.work().await.unwrap();
    assert!(work.put_vendor(&sms).await.unwrap());
    assert!(work.put_vendor(&post).await.unwrap());
    assert!(!work.put_vendor(&post).await.unwrap());
    sms.suspended = true;
    assert!(work.put_vendor(&sms).await.unwrap());
    work.commit(event()).await.unwrap();
    let mut view = vault.store.view().await.unwrap();
    assert_eq!(view.vendors().await.unwrap(), [post.clone(), sms]);
    assert_eq!(view.vendor(&post.code).await.unwrap(), Some(post));
    assert_eq!(view.vendor(&vendor("NONE").code).await.unwrap(), None);
    drop(view);
    vault.assert_sound().await;
}

async fn the_policy_in_force_is_the_newest_that_two_people_signed(vault: Vault) {
    assert_eq!(integrity(vault.store.view().await.unwrap().policy_at(i64::MAX).await).0, "policy_version");
    let (first, mut second) = (policy(1, 100), policy(2, 200));
    let mut work = vault.store.work().await.unwrap();
    for version in [&first, &second] {
        work.put_policy(version).await.unwrap();
    }
    work.commit(event()).await.unwrap();
    let mut view = vault.store.view().await.unwrap();
    assert!(view.policy_at(500).await.unwrap() == first && first.adopted() && !second.adopted());
    assert!(view.policy_by_digest(second.digest).await.unwrap().is_none());
    drop(view);

    second.seconded = Some(("admin2".into(), 150, vec![3; 64]));
    let mut work = vault.store.work().await.unwrap();
    work.put_policy(&second).await.unwrap();
    work.commit(event()).await.unwrap();
    let mut view = vault.store.view().await.unwrap();
    assert!(view.policy_versions().await.unwrap() == [first.clone(), second.clone()]);
    assert!(view.policy_at(199).await.unwrap() == first && view.policy_at(200).await.unwrap() == second);
    assert!(view.policy_by_digest(second.digest).await.unwrap() == Some(second));
    assert!(view.policy_by_digest(Digest::ZERO).await.unwrap().is_none());
    drop(view);
    vault.assert_sound().await;
}

async fn a_registered_text_never_changes(vault: Vault) {
    let (first, second) = (document("2026-1", "会员规约"), document("2026-2", "会员规约, 修订"));
    let mut work = vault.store.work().await.unwrap();
    assert!(work.add_document(&second).await.unwrap());
    assert!(work.add_document(&first).await.unwrap());
    assert!(!work.add_document(&first).await.unwrap());
    let other = work.add_document(&document("2026-1", "又一份")).await;
    assert!(matches!(other, Err(StoreError::Conflict(_))));
    work.commit(event()).await.unwrap();
    assert_eq!(vault.store.view().await.unwrap().documents().await.unwrap(), [first, second]);
    vault.assert_sound().await;
}

async fn undertakings_holds_and_proposals_read_back(vault: Vault) {
    let store = &vault.store;
    let mut work = store.work().await.unwrap();
    for at in [7, 8] {
        work.add_undertaking(&undertaking("li.na", at)).await.unwrap();
        work.add_hold(&hold("li.na", at)).await.unwrap();
        work.put_proposal(&proposal(at, "li.na")).await.unwrap();
    }
    // How it ended is added to what is there.
    let ended = Some((Outcome::Withdrawn, login("wang.fang"), 9));
    work.put_proposal(&ProposalRow { ended: ended.clone(), ..proposal(7, "li.na") }).await.unwrap();
    work.commit(event()).await.unwrap();
    let mut view = store.view().await.unwrap();
    let given = view.undertakings(&login("li.na")).await.unwrap();
    assert_eq!(given, [undertaking("li.na", 7), undertaking("li.na", 8)]);
    assert_eq!(view.undertakings(&login("wang.fang")).await.unwrap(), []);
    let holds = view.holds(&login("li.na")).await.unwrap();
    assert_eq!(holds, [hold("li.na", 7), hold("li.na", 8)]);
    assert_eq!([6, 7, 8].map(|at| holds[0].covers(at)), [false, true, false]);
    let proposals = view.proposals().await.unwrap();
    assert_eq!(proposals[0].ended, ended);
    assert_eq!(proposals[1], proposal(8, "li.na"));
    assert!(!view.had_members().await.unwrap());
    drop(view);
    // Once there was a member, there was one.
    let (one, smith) = (member(1), vault.smith().await);
    store_members(store, &smith, std::slice::from_ref(&one)).await;
    assert!(store.view().await.unwrap().had_members().await.unwrap());
    let mut work = store.work().await.unwrap();
    work.delete_member(&one).await.unwrap();
    work.commit(event()).await.unwrap();
    assert!(store.view().await.unwrap().had_members().await.unwrap());
}

async fn a_linked_account_reads_back_and_goes(vault: Vault) {
    let (store, li, wang) = (&vault.store, login("li.na"), login("wang.fang"));
    let row = linked_account("li.na", 7);
    let mut work = store.work().await.unwrap();
    work.put_linked_account(&row).await.unwrap();
    work.commit(event()).await.unwrap();
    let mut view = store.view().await.unwrap();
    assert!(view.linked_account(&row.identity).await.unwrap() == Some(row.clone()));
    assert!(view.linked_account(&Digest([8; 32])).await.unwrap().is_none());
    assert!(view.linked_account_of(&li).await.unwrap() == Some(row.clone()));
    assert!(view.linked_account_of(&wang).await.unwrap().is_none());
    drop(view);
    let mut work = store.work().await.unwrap();
    assert_eq!(work.drop_linked_accounts(Some(&wang)).await.unwrap(), 0);
    assert_eq!(work.drop_linked_accounts(Some(&li)).await.unwrap(), 1);
    work.commit(event()).await.unwrap();
    assert!(store.view().await.unwrap().linked_account_of(&li).await.unwrap().is_none());
}

async fn second_factors_read_back_and_go(vault: Vault) {
    let (store, li) = (&vault.store, login("li.na"));
    let mut work = store.work().await.unwrap();
    work.put_totp(&totp("li.na", 7)).await.unwrap();
    for n in [7, 8] {
        work.put_recovery_code(&recovery_code("li.na", n)).await.unwrap();
        work.put_passkey(&passkey("li.na", n)).await.unwrap();
    }
    let used = RecoveryRow { used_at: Some(99), ..recovery_code("li.na", 7) };
    work.put_recovery_code(&used).await.unwrap();
    work.commit(event()).await.unwrap();
    let mut view = store.view().await.unwrap();
    assert!(view.totp(&li).await.unwrap() == Some(totp("li.na", 7)));
    assert!(view.totp(&login("wang.fang")).await.unwrap().is_none());
    assert!(view.recovery_codes(&li).await.unwrap() == [used, recovery_code("li.na", 8)]);
    assert!(view.passkeys(&li).await.unwrap() == [passkey("li.na", 7), passkey("li.na", 8)]);
    drop(view);
    let mut work = store.work().await.unwrap();
    work.drop_totp(&li).await.unwrap();
    work.drop_recovery_codes(&li).await.unwrap();
    work.drop_passkey(&passkey("li.na", 7)).await.unwrap();
    work.commit(event()).await.unwrap();
    let mut view = store.view().await.unwrap();
    assert!(view.totp(&li).await.unwrap().is_none() && view.recovery_codes(&li).await.unwrap().is_empty());
    assert_eq!(view.passkeys(&li).await.unwrap().len(), 1);
    drop(view);
    // A challenge is taken out once; old ones go when another comes.
    let (one, two) = (Digest([1; 32]), Digest([2; 32]));
    let given = |ends_at| Challenge { login: login("li.na"), state: vec![1], ends_at };
    store.put_challenge(&one, &given(50), 0).await.unwrap();
    store.put_challenge(&two, &given(90), 60).await.unwrap();
    let mut work = store.work().await.unwrap();
    assert!(work.take_challenge(&one).await.unwrap().is_none());
    assert_eq!(work.take_challenge(&two).await.unwrap().unwrap().ends_at, 90);
    assert!(work.take_challenge(&two).await.unwrap().is_none());
    work.commit(event()).await.unwrap();
}
