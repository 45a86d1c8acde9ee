//! Requests, what was signed of them, packages, disclosures and erasures.

use countersign::model::ids::{Alias, Digest};
use countersign::model::ordinals::OrdinalSet;
use countersign::store::StoreError;
use countersign::store::notes::{NoteKind, NoteRow};
use countersign::store::packages::FactKind;
use countersign::store::requests::{Month, Picked, RequestRow, SignatureRow};
use jiff::civil::date;

use crate::fixture::{Vault, event};
use crate::raw::Cell;
use crate::words::{
    code, erasure, fact, login, note, package, package_no, request, request_no, signature, submission,
};

on_both_engines!(
    requests_and_their_rounds_read_back,
    notes_read_back_beside_their_request,
    a_justification_is_sealed_and_committed_to,
    requests_are_picked,
    the_newest_requests_are_read_by_an_index,
    requests_are_picked_by_their_days,
    one_package_of_a_request_is_live,
    a_range_is_claimed_made_and_claimed_again,
    what_happened_to_a_package_and_who_is_in_it_reads_back,
    package_keys_come_and_go,
    erasures_read_back,
);

/// The name of the constraint that was broken: one name on both engines.
#[track_caller]
fn conflict(result: Result<(), StoreError>) -> String {
    match result {
        Err(StoreError::Conflict(name)) => name,
        other => panic!("no conflict: {other:?}"),
    }
}

async fn requests_and_their_rounds_read_back(vault: Vault) {
    let mut work = vault.store.work().await.unwrap();
    let mut rows = Vec::new();
    for serial in 1..=2 {
        assert_eq!(work.next_request_no(&code("HQ"), 2026).await.unwrap(), request_no(serial));
        rows.push(request(serial));
        work.put_request(rows.last().unwrap()).await.unwrap();
    }
    assert_eq!(work.next_request_no(&code("HQ"), 2027).await.unwrap().seq(), 1);
    assert_eq!(work.next_request_no(&code("S1"), 2026).await.unwrap().to_string(), "CS2026-S1-0001");
    rows[0] = RequestRow { form: "{}".into(), changed_at: 999, ..rows[0].clone() };
    work.put_request(&rows[0]).await.unwrap();
    for round in [2, 1] {
        work.add_submission(&submission(1, round)).await.unwrap();
        for number in [2, 1] {
            work.add_signature(&signature(1, round, number)).await.unwrap();
        }
    }
    work.commit(event()).await.unwrap();

    let mut view = vault.store.view().await.unwrap();
    assert_eq!(view.requests_picked(Picked::default()).await.unwrap(), [rows[1].clone(), rows[0].clone()]);
    assert_eq!(view.request(&rows[0].no).await.unwrap(), Some(rows[0].clone()));
    assert_eq!(view.request(&request_no(9)).await.unwrap(), None);
    assert!(view.submissions(&rows[0].no).await.unwrap() == [submission(1, 1), submission(1, 2)]);
    assert!(view.signatures(&rows[0].no, 2).await.unwrap() == [signature(1, 2, 1), signature(1, 2, 2)]);
    assert!(view.signatures(&rows[1].no, 1).await.unwrap().is_empty());
    drop(view);
    // A round is submitted once and a place in it signed once.
    for again in [true, false] {
        let mut work = vault.store.work().await.unwrap();
        let done = match again {
            true => work.add_submission(&submission(1, 1)).await,
            false => work.add_signature(&signature(1, 1, 1)).await,
        };
        assert_eq!(conflict(done), if again { "submission_pkey" } else { "signature_pkey" });
    }
    // Numbers are given once, whatever the text of the number.
    let mut work = vault.store.work().await.unwrap();
    work.put_request(&request(3)).await.unwrap();
    work.commit(event()).await.unwrap();
    let mut raw = vault.raw().await;
    raw.run("update request set no = 'CS2026-HQ-0009' where serial = 3").await.unwrap();
    let mut work = vault.store.work().await.unwrap();
    assert_eq!(conflict(work.put_request(&request(3)).await), "request_number");
    drop(work);
    raw.run("update request set no = 'CS2026-HQ-0003' where serial = 3").await.unwrap();
    vault.assert_sound().await;
}

async fn notes_read_back_beside_their_request(vault: Vault) {
    let reminded =
        NoteRow { number: 2, kind: NoteKind::Remind, subject: "1 waiting: dept".into(), ..note(1) };
    let mut work = vault.store.work().await.unwrap();
    work.put_request(&request(1)).await.unwrap();
    for note in [&reminded, &note(1)] {
        work.add_request_note(note).await.unwrap();
    }
    assert_eq!(conflict(work.add_request_note(&note(1)).await), "request_note_pkey");
    drop(work);
    let mut work = vault.store.work().await.unwrap();
    work.put_request(&request(1)).await.unwrap();
    for note in [&reminded, &note(1)] {
        work.add_request_note(note).await.unwrap();
    }
    work.commit(event()).await.unwrap();
    let mut view = vault.store.view().await.unwrap();
    assert_eq!(view.request_notes(&request(1).no).await.unwrap(), [note(1), reminded.clone()]);
    assert_eq!(view.request_notes(&request(2).no).await.unwrap(), []);
    assert!(note(1).copies_to(&login("wang.fang")) && !note(1).copies_to(&login("li.na")));
    let named = NoteRow { subject: "wang.fang".into(), ..reminded };
    assert!(!named.copies_to(&login("wang.fang")), "a reminder lets nobody see");
    drop(view);
    vault.assert_sound().await;
}

async fn a_justification_is_sealed_and_committed_to(vault: Vault) {
    let text = "会员来电要求核对地址";
    let mut work = vault.store.work().await.unwrap();
    let commitment = work.add_remark(text).unwrap();
    let receipt = work.commit(event().digest("commitment", commitment)).await.unwrap();
    let mut view = vault.store.view().await.unwrap();
    assert_eq!(view.remark(receipt.seq()).await.unwrap().as_deref(), Some(text));
    assert_eq!(view.remark(0).await.unwrap(), None);
    drop(view);
    let mut raw = vault.raw().await;
    let table = raw.table("remark").await;
    let [_, Cell::Bytes(salt), Cell::Bytes(body)] = &raw.rows(&table).await[0][..] else {
        panic!("a remark")
    };
    assert_eq!(commitment, Digest::of(&[salt, text.as_bytes()].concat()));
    assert!(!body.windows(6).any(|w| text.as_bytes().windows(6).any(|t| t == w)));
    vault.assert_sound().await;

    // Taken back, it is under no head any more, and the next entry is none the worse for it.
    let mut work = vault.store.work().await.unwrap();
    assert!(work.delete_remark(receipt.seq()).await.unwrap());
    assert!(!work.delete_remark(receipt.seq()).await.unwrap());
    assert!(!work.delete_remark(0).await.unwrap());
    work.commit(event()).await.unwrap();
    assert_eq!(vault.store.view().await.unwrap().remark(receipt.seq()).await.unwrap(), None);
    vault.assert_sound().await;
}

async fn one_package_of_a_request_is_live(vault: Vault) {
    let (first, second, other) = (package(1, 1), package(1, 2), package(2, 1));
    let mut work = vault.store.work().await.unwrap();
    work.add_package(&first).await.unwrap();
    work.add_package(&other).await.unwrap();
    work.commit(event()).await.unwrap();
    let mut work = vault.store.work().await.unwrap();
    assert_eq!(conflict(work.add_package(&second).await), "package_one_live");
    drop(work);
    let mut work = vault.store.work().await.unwrap();
    work.retire_package(&first).await.unwrap();
    work.add_package(&second).await.unwrap();
    work.commit(event()).await.unwrap();
    let mut view = vault.store.view().await.unwrap();
    let of_first = view.packages_of(&request_no(1)).await.unwrap();
    assert_eq!(of_first.iter().map(|p| p.live).collect::<Vec<_>>(), [false, true]);
    assert_eq!(of_first[1], second);
    assert_eq!(view.packages().await.unwrap().last(), Some(&other));
    drop(view);
    vault.assert_sound().await;
}

/// Newest first, from behind one of them, so many; of a unit, of somebody, and only what is not done with.
async fn requests_are_picked(vault: Vault) {
    let mut work = vault.store.work().await.unwrap();
    for serial in 1..=9 {
        work.put_request(&request(serial)).await.unwrap();
    }
    let other = RequestRow { unit: code("SALES"), drafted_by: login("wang.fang"), ..request(9) };
    work.put_request(&other).await.unwrap();
    let says = |serial, round, text: &str| {
        let payload = text.as_bytes().to_vec();
        SignatureRow { payload, ..signature(serial, round, 1) }
    };
    // 1 to 4 have ended; 5 goes back a step, 6 speaks of ending, 7 began anew, 8 was never submitted.
    let texts = [
        r#"{"act":"recall"}"#,
        r#"{"act":"reject","comment":"\"back_to\":\"dept\""}"#,
        r#"{"act":"return"}"#,
        r#"{"act":"return","comment":"\"back_to\":\"dept\""}"#,
        r#"{"act":"return","back_to":"dept"}"#,
        r#"{"act":"approve","comment":"\"act\":\"recall\""}"#,
        r#"{"act":"reject"}"#,
    ];
    for (serial, text) in (1..).zip(texts) {
        work.add_submission(&submission(serial, 1)).await.unwrap();
        work.add_signature(&says(serial, 1, text)).await.unwrap();
    }
    work.add_submission(&submission(7, 2)).await.unwrap();
    // A package: 6's was handed off, 7's was and is none any more; 3's is about, whatever else is said.
    for (serial, kind) in [(3, FactKind::Downloaded), (6, FactKind::HandedOff)] {
        work.add_package(&package(serial, 1)).await.unwrap();
        work.add_package_fact(&package_no(serial, 1), &fact(kind, 5)).await.unwrap();
    }
    work.add_package(&package(7, 1)).await.unwrap();
    work.add_package_fact(&package_no(7, 1), &fact(FactKind::HandedOff, 5)).await.unwrap();
    work.retire_package(&package(7, 1)).await.unwrap();
    work.add_request_note(&note(2)).await.unwrap();
    work.commit(event()).await.unwrap();

    let mut view = vault.store.view().await.unwrap();
    let mut picked = async |picked: Picked<'_>| -> Vec<u32> {
        let rows = view.requests_picked(picked).await.unwrap();
        rows.iter().map(|row| row.no.seq()).collect()
    };
    let (all, unit, whom) = (Picked::default(), code("SALES"), login("wang.fang"));
    assert_eq!(picked(all).await, [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(picked(Picked { open: true, ..all }).await, [9, 8, 7, 5, 3]);
    assert_eq!(picked(Picked { unit: Some(&unit), ..all }).await, [9]);
    assert_eq!(picked(Picked { packaged: true, ..all }).await, [7, 6, 3]);
    assert_eq!(picked(Picked { part: Some(&whom), ..all }).await, [9, 2]);
    assert_eq!(picked(Picked { part: Some(&login("executor")), ..all }).await, [7, 6, 3]);
    assert_eq!(picked(Picked { part: Some(&login("signer1")), ..all }).await, [7, 6, 5, 4, 3, 2, 1]);
    let behind = request(6);
    assert_eq!(picked(Picked { behind: Some(&behind), most: Some(2), ..all }).await, [5, 4]);
    assert_eq!(picked(Picked { behind: Some(&behind), most: Some(1), open: true, ..all }).await, [5]);
    let copies = view.copies_to(&whom).await.unwrap();
    assert_eq!(copies, [note(2)]);
    assert_eq!(view.copies_to(&login("li.na")).await.unwrap(), []);
}

async fn the_newest_requests_are_read_by_an_index(vault: Vault) {
    let sql =
        "select no from request where (created_at, no) < (9, 'x') order by created_at desc, no desc limit 5";
    let plan = vault.raw().await.plan(sql).await;
    assert!(plan.contains("request_newest") && !plan.to_lowercase().contains("sort"), "{plan}");
    assert!(!plan.contains("B-TREE"), "{plan}");
}

/// By its form, and by what became of its package; what needs a record of its package.
async fn requests_are_picked_by_their_days(vault: Vault) {
    let mut work = vault.store.work().await.unwrap();
    let days = |from: &str, to: &str, by: &str| {
        format!(r#"{{"destroy_by":"{by}","window":{{"from":"{from}","to":"{to}"}}}}"#)
    };
    let forms = [
        days("2026-12-31", "2027-02-01", "2027-03-01"),
        days("2026-01-01", "2026-12-01", "2027-03-01"),
        days("2026-01-01", "2026-02-01", "2026-12-15"),
        days("2026-11-30", "2027-01-01", "2027-12-01"),
        r#"{"reason":"\"from\":\"2026-12-01"}"#.to_owned(),
        "{}".to_owned(),
        "{}".to_owned(),
        "{}".to_owned(),
    ];
    for (serial, form) in (1..).zip(forms) {
        work.put_request(&RequestRow { form, ..request(serial) }).await.unwrap();
    }
    use FactKind::{Destroyed, Downloaded, HandedOff, Recalled, Sealed};
    let happened: [(u32, &[(FactKind, i64)]); 5] = [
        (4, &[(Sealed, 150), (Downloaded, 160)]),
        (5, &[(Downloaded, 150), (Recalled, 160)]),
        (6, &[(Downloaded, 1), (HandedOff, 100)]),
        (7, &[(HandedOff, 1), (Destroyed, 199)]),
        (8, &[(HandedOff, 99), (Recalled, 200)]),
    ];
    for (serial, facts) in happened {
        work.add_package(&package(serial, 1)).await.unwrap();
        for (kind, at) in facts {
            work.add_package_fact(&package_no(serial, 1), &fact(*kind, *at)).await.unwrap();
        }
    }
    work.commit(event()).await.unwrap();
    let mut view = vault.store.view().await.unwrap();
    let mut picked = async |picked: Picked<'_>| -> Vec<u32> {
        let rows = view.requests_picked(picked).await.unwrap();
        rows.iter().map(|row| row.no.seq()).collect()
    };
    let month = Month { day: date(2026, 12, 7), moments: (100, 200) };
    assert_eq!(picked(Picked { month: Some(month), ..Picked::default() }).await, [7, 6, 3, 2, 1]);
    assert_eq!(picked(Picked { unsettled: true, ..Picked::default() }).await, [8, 6, 4]);
    let both =
        Picked { month: Some(month), unsettled: true, packaged: true, open: true, ..Picked::default() };
    assert!(picked(both).await.is_empty());
}

async fn a_range_is_claimed_made_and_claimed_again(vault: Vault) {
    let no = package_no(1, 1);
    let sets: [OrdinalSet; 2] = [(1..=5).collect(), (6..=9).collect()];
    let mut work = vault.store.work().await.unwrap();
    work.add_package(&package(1, 1)).await.unwrap();
    work.add_ranges(&no, 7, &sets).await.unwrap();
    work.commit(event()).await.unwrap();
    let mut work = vault.store.work().await.unwrap();
    let ranges = work.view().ranges(None).await.unwrap();
    assert_eq!(
        ranges.iter().map(|r| (r.part, r.started, r.claimed)).collect::<Vec<_>>(),
        [(1, 7, None), (2, 7, None)]
    );
    for (range, set) in ranges.iter().zip(&sets) {
        assert_eq!(work.view().planned(range).unwrap(), *set);
        assert!(work.view().range_members(range).unwrap().is_empty());
    }
    let seq = work.seq();
    let claimed = work.claim_range(&ranges[1]).await.unwrap();
    assert_eq!(claimed.claimed, Some(seq));
    let members: OrdinalSet = (6..=8).collect();
    let first = work.finish_range(&claimed, "made".into(), &members).await.unwrap();
    // Salted: the same set has another digest each time.
    assert_ne!(work.finish_range(&claimed, "made".into(), &members).await.unwrap(), first);
    work.commit(event()).await.unwrap();
    let mut work = vault.store.work().await.unwrap();
    let ranges = work.view().ranges(Some(&no)).await.unwrap();
    assert_eq!((ranges[0].made.as_deref(), ranges[1].made.as_deref()), (None, Some("made")));
    assert_eq!(work.view().range_members(&ranges[1]).unwrap(), members);
    let again = work.claim_range(&ranges[1]).await.unwrap();
    assert_eq!((again.claimed, again.made.as_deref()), (Some(work.seq()), None));
    assert_eq!(work.view().planned(&again).unwrap(), sets[1]);
    work.commit(event()).await.unwrap();
    let mut work = vault.store.work().await.unwrap();
    work.drop_ranges(&package_no(2, 1)).await.unwrap();
    assert_eq!(work.view().ranges(None).await.unwrap().len(), 2);
    work.drop_ranges(&no).await.unwrap();
    work.commit(event()).await.unwrap();
    assert_eq!(vault.store.view().await.unwrap().ranges(None).await.unwrap(), []);
    vault.assert_sound().await;
}

async fn what_happened_to_a_package_and_who_is_in_it_reads_back(vault: Vault) {
    let no = package_no(1, 1);
    let facts = [fact(FactKind::Started, 1), fact(FactKind::Sealed, 2), fact(FactKind::Downloaded, 3)];
    let mut work = vault.store.work().await.unwrap();
    work.add_package(&package(1, 1)).await.unwrap();
    for fact in &facts {
        work.add_package_fact(&no, fact).await.unwrap();
    }
    let (one, two): (OrdinalSet, OrdinalSet) =
        ([1u64, 2].into_iter().collect(), [2u64].into_iter().collect());
    let first = work.add_disclosure(&no, &one).await.unwrap();
    // Salted: the same set has another digest each time.
    assert_ne!(work.add_disclosure(&no, &one).await.unwrap(), first);
    work.add_disclosure(&no, &two).await.unwrap();
    work.commit(event()).await.unwrap();
    let mut view = vault.store.view().await.unwrap();
    assert_eq!(view.package_facts(&no).await.unwrap(), facts);
    assert_eq!(view.disclosure(&no).await.unwrap(), Some(two));
    assert_eq!(view.disclosure(&package_no(1, 2)).await.unwrap(), None);
    drop(view);
    vault.store.put_package_key(&no, 1, &vault.smith().await.package_key(&no)).await.unwrap();
    vault.assert_sound().await;
}

async fn package_keys_come_and_go(vault: Vault) {
    let (no, smith) = (package_no(1, 1), vault.smith().await);
    for _ in 0..2 {
        let wrapped = smith.package_key(&no);
        vault.store.put_package_key(&no, 1, &wrapped).await.unwrap();
        let found = vault.store.view().await.unwrap().package_key(&no).await.unwrap();
        assert_eq!(found, Some((1, wrapped)));
    }
    vault.assert_sound().await;
    vault.store.destroy_package_key(&no).await.unwrap();
    vault.store.forget_deleted().await.unwrap();
    assert_eq!(vault.store.view().await.unwrap().package_key(&no).await.unwrap(), None);
    vault.assert_sound().await;
}

async fn erasures_read_back(vault: Vault) {
    let mut work = vault.store.work().await.unwrap();
    work.put_erasure(&erasure(2, None)).await.unwrap();
    work.put_erasure(&erasure(1, None)).await.unwrap();
    work.commit(event().member(Alias([1; 16]))).await.unwrap();
    let mut work = vault.store.work().await.unwrap();
    work.put_erasure(&erasure(1, Some(88))).await.unwrap();
    work.commit(event().member(Alias([1; 16]))).await.unwrap();
    let mut view = vault.store.view().await.unwrap();
    assert_eq!(view.erasures().await.unwrap(), [erasure(1, Some(88)), erasure(2, None)]);
    assert_eq!(view.leaves_about(Alias([1; 16])).await.unwrap(), [1, 2]);
    assert_eq!(view.leaves_about(Alias([2; 16])).await.unwrap(), [0; 0]);
    drop(view);
}
