//! The log searched and proved, and the vault's health: who may, what is found, and that each look is an entry (A1, A10b).

use countersign::audit::checkpoint::Checkpoint;
use countersign::audit::tree::{hash_from_text, leaf_hash};
use countersign::broker::exploring::Wanted;

use crate::both;
use crate::support::world::{World, code, executed, step};

both!(
    the_log_is_searched_and_the_search_is_in_it,
    an_entry_comes_with_a_proof_that_holds,
    pictures_tell_of_reveals_and_signatures,
    health_is_told_to_who_keeps_the_vault,
);

async fn the_log_is_searched_and_the_search_is_in_it(world: &World) {
    let broker = world.open().await;
    let package = executed(&broker, "sms").await;
    let no = package.request();
    let auditor = step(&broker, "auditor").await.unwrap();
    let wanted = Wanted { object: no.to_string().to_lowercase(), ..Wanted::default() };
    let found = broker.audit_search(auditor.caller(), &wanted, 3).await.unwrap();
    assert_eq!(found.entries.len(), 3);
    assert_eq!(found.next.unwrap(), found.entries[2].seq);
    let about: Vec<_> = found.entries.iter().map(|e| e.object.clone().unwrap()).collect();
    assert!(about.contains(&package.to_string()), "a package is found with its request: {about:?}");
    // The next page goes on where this one ended, and everything is found once.
    let rest = Wanted { before: found.next, ..wanted.clone() };
    let rest = broker.audit_search(auditor.caller(), &rest, 1_000).await.unwrap();
    let whole = broker.audit_search(auditor.caller(), &wanted, 1_000).await.unwrap();
    assert_eq!(whole.entries.len(), 3 + rest.entries.len());
    let counted: u64 = whole.bars.iter().map(|bar| bar.allowed + bar.refused).sum();
    assert_eq!(counted, whole.entries.len() as u64);

    let looks = Wanted { action: "audit.".into(), actor: "auditor".into(), ..Wanted::default() };
    let looks = broker.audit_search(auditor.caller(), &looks, 10).await.unwrap();
    assert_eq!(looks.entries[0].seq, looks.own, "this look is the newest of them");

    // Who may not is refused, and the refusal is found.
    let officer = step(&broker, "hq.officer").await.unwrap();
    let refused = broker.audit_search(officer.caller(), &Wanted::default(), 1).await;
    assert_eq!(code(refused), "not_permitted");
    let only = Wanted { refused: true, action: "audit.read".into(), ..Wanted::default() };
    let only = broker.audit_search(auditor.caller(), &only, 10).await.unwrap();
    assert_eq!((only.entries.len(), only.entries[0].who()), (1, "hq.officer"));
    let today = broker.clock().today();
    let later = Wanted { from: today.tomorrow().ok(), ..Wanted::default() };
    assert!(broker.audit_search(auditor.caller(), &later, 10).await.unwrap().entries.is_empty());
}

async fn an_entry_comes_with_a_proof_that_holds(world: &World) {
    let broker = world.open().await;
    let auditor = step(&broker, "auditor").await.unwrap();
    let shown = broker.audit_entry(auditor.caller(), 2).await.unwrap();
    assert!(shown.holds);
    let hash = leaf_hash(shown.leaf.as_bytes());
    assert_eq!(hash_from_text(&shown.hash), Some(hash));
    let checkpoint = Checkpoint::open(&shown.checkpoint, &broker.store().verifier()).unwrap();
    shown.proof.verify(&hash, &checkpoint).unwrap();
    assert!(shown.own < checkpoint.size, "the look itself is under the checkpoint");
    assert_eq!(code(broker.audit_entry(auditor.caller(), 1_000_000).await), "bad_range");
    let (own, verified) = broker.audit_verified(auditor.caller(), true).await.unwrap();
    assert!(verified.verified && own < verified.size, "{:?}", verified.problems);
}

async fn pictures_tell_of_reveals_and_signatures(world: &World) {
    let broker = world.open().await;
    executed(&broker, "sms").await;
    let auditor = step(&broker, "auditor").await.unwrap();
    let pictures = broker.audit_pictures(auditor.caller(), 14).await.unwrap();
    for step in ["first", "second", "third", "executed"] {
        assert_eq!(pictures.waits[step].len(), 1, "{step}");
    }
    assert!(!pictures.cut && pictures.reveals.is_empty());
}

async fn health_is_told_to_who_keeps_the_vault(world: &World) {
    let broker = world.open().await;
    let admin = step(&broker, "admin").await.unwrap();
    let health = broker.health(admin.caller()).await.unwrap();
    assert_eq!(health.integrity, None);
    assert_eq!(health.mark, Some(health.entries), "the mark is raised before anybody is told");
    assert!(health.members > 0);
    let officer = step(&broker, "hq.officer").await.unwrap();
    assert_eq!(code(broker.health(officer.caller()).await), "not_permitted");
}
