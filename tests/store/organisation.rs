//! Units, people, roles, keys, vendors, policies, documents: what is put in comes out, and `put` says
//! whether anything changed.

use countersign::model::code::{Rank, Role};
use countersign::model::ids::Digest;
use countersign::store::StoreError;

use crate::fixture::{Vault, event, integrity};
use crate::words::{document, enrolment, login, person, policy, role, session, unit, vendor};

on_both_engines!(
    units_people_and_roles_read_back,
    keys_follow_one_another,
    vendors_read_back,
    the_policy_in_force_is_the_newest_that_two_people_signed,
    a_registered_text_never_changes,
    sessions_open_and_end,
    wrong_passwords_add_up_and_are_forgotten,
);

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
