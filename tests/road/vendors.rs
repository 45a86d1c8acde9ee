//! A vendor's key before its first use: four eyes, and proof that the vendor has the other half (A9a).

use countersign::broker::Broker;
use countersign::model::ids::VendorCode;
use countersign::release::container::generate_identity;

use crate::both;
use crate::support::world::{World, code, form, phrase_in, prove_vendor, signed, step};

both!(
    a_key_is_used_only_after_the_vendor_showed_it_to_a_second_person,
    a_new_key_is_proven_anew_and_the_old_one_is_not_its_proof,
    a_suspension_is_lifted,
);

fn vendor_file(vendor: &str, recipient: &str) -> String {
    format!(
        "code = \"{vendor}\"\nname = {{ zh = \"外包商\", en = \"Vendor\" }}\nchannels = [\"sms\"]\n\
         contract = {{ reference = \"HT-9\", from = \"2026-01-01\", to = \"2099-12-31\" }}\n\
         key = {{ kind = \"age\", recipient = \"{recipient}\", fingerprint_checked_by = \"phone\" }}\n"
    )
}

async fn submit(broker: &Broker, vendor: &str) -> &'static str {
    let officer = step(broker, "hq.officer").await.unwrap();
    let text = form("sms").replace("\"SMS1\"", &format!("\"{vendor}\""));
    let no = broker.request_draft(officer.caller(), &text).await.unwrap();
    code(broker.request_submit(officer, &no).await)
}

async fn execute(broker: &Broker, no: &countersign::model::ids::RequestNo) -> &'static str {
    code(broker.request_execute(step(broker, "hq.it").await.unwrap(), no, &|_, _| {}).await)
}

async fn challenge(
    broker: &Broker,
    who: &str,
    vendor: &VendorCode,
) -> Result<Vec<u8>, countersign::access::Error> {
    broker.vendor_key_challenge(step(broker, who).await.unwrap().caller(), vendor).await
}

async fn confirm(broker: &Broker, who: &str, vendor: &VendorCode, phrase: &str) -> &'static str {
    code(broker.vendor_key_confirm(step(broker, who).await.unwrap().caller(), vendor, phrase).await)
}

async fn a_key_is_used_only_after_the_vendor_showed_it_to_a_second_person(world: &World) {
    let broker = world.open().await;
    let vendor = VendorCode::parse("SMS9").unwrap();
    let (identity, recipient) = generate_identity();
    let manager = step(&broker, "hq.vendors").await.unwrap();
    assert_eq!(code(challenge(&broker, "hq.vendors", &vendor).await), "unknown_vendor");
    broker.vendor_add(manager.caller(), &vendor_file("SMS9", &recipient)).await.unwrap();
    assert_eq!(submit(&broker, "SMS9").await, "vendor_key_unproven");

    assert_eq!(confirm(&broker, "mem.head", &vendor, "0000").await, "no_challenge");
    assert_eq!(code(challenge(&broker, "hq.officer", &vendor).await), "not_permitted");
    let first = phrase_in(&challenge(&broker, "hq.vendors", &vendor).await.unwrap(), &identity);
    let file = challenge(&broker, "hq.vendors", &vendor).await.unwrap();
    let phrase = phrase_in(&file, &identity);
    assert_ne!(first, phrase);
    // The other vendor's identity does not open it.
    let stranger = std::fs::read_to_string(world.identity("DM1")).unwrap();
    assert!(countersign::release::container::open_with(&stranger, &file).is_err());
    for (who, said, wanted) in [
        ("hq.vendors", phrase.as_str(), "same_person"),
        ("hq.officer", phrase.as_str(), "not_permitted"),
        ("mem.head", first.as_str(), "wrong_phrase"),
        ("mem.head", "", "wrong_phrase"),
    ] {
        assert_eq!(confirm(&broker, who, &vendor, said).await, wanted, "{who} {said}");
        assert_eq!(submit(&broker, "SMS9").await, "vendor_key_unproven", "{who}");
    }
    // As it is read out over the telephone.
    let spoken = phrase.to_uppercase().replace('-', " ");
    assert_eq!(confirm(&broker, "mem.head", &vendor, &spoken).await, "done");
    assert_eq!(submit(&broker, "SMS9").await, "done");
    assert_eq!(confirm(&broker, "mem.head", &vendor, &spoken).await, "confirmed_already");
    assert_eq!(code(challenge(&broker, "hq.vendors", &vendor).await), "confirmed_already");
    assert_eq!(broker.audit_verify(true, &[]).await.unwrap().problems, []);
}

async fn a_new_key_is_proven_anew_and_the_old_one_is_not_its_proof(world: &World) {
    let broker = world.open().await;
    let vendor = VendorCode::parse("SMS1").unwrap();
    let (no, whole) = (signed(&broker, "sms").await, signed(&broker, "sms").await);
    let old = broker.vendor_show(step(&broker, "auditor").await.unwrap().caller(), &vendor).await.unwrap();
    let (identity, recipient) = generate_identity();
    let manager = step(&broker, "hq.vendors").await.unwrap();
    let add = async |recipient: &str| {
        broker.vendor_key_add(manager.caller(), &vendor, recipient, "phone").await.map(drop)
    };
    assert_eq!(code(add("age1nothing").await), "bad_vendor_key");
    assert_eq!(code(add(&recipient).await), "done");
    assert_eq!(execute(&broker, &no).await, "vendor_key_changed");
    assert_eq!(submit(&broker, "SMS1").await, "vendor_key_unproven");
    prove_vendor(&broker, "SMS1", &identity).await;
    assert_eq!(submit(&broker, "SMS1").await, "done");
    assert_eq!(execute(&broker, &no).await, "vendor_key_changed", "signed for the old one");

    // The old key, back again, is the one that was signed for; but nobody has shown that the vendor still has it.
    assert_eq!(code(add(&old.vendor.recipient).await), "done");
    assert_eq!(execute(&broker, &whole).await, "vendor_key_unproven");
    let identity = std::fs::read_to_string(world.identity("SMS1")).unwrap();
    prove_vendor(&broker, "SMS1", &identity).await;
    assert_eq!(execute(&broker, &whole).await, "done");
    let shown = broker.vendor_show(manager.caller(), &vendor).await.unwrap();
    assert_eq!(shown.keys.iter().map(|k| k.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(shown.proven());
    assert_eq!(broker.audit_verify(true, &[]).await.unwrap().problems, []);
}

async fn a_suspension_is_lifted(world: &World) {
    let broker = world.open().await;
    let vendor = VendorCode::parse("SMS1").unwrap();
    let manager = step(&broker, "hq.vendors").await.unwrap();
    broker.vendor_suspend(manager.caller(), &vendor).await.unwrap();
    assert_eq!(submit(&broker, "SMS1").await, "vendor_not_active");
    let officer = step(&broker, "hq.officer").await.unwrap();
    assert_eq!(code(broker.vendor_resume(officer.caller(), &vendor).await), "not_permitted");
    broker.vendor_resume(manager.caller(), &vendor).await.unwrap();
    assert_eq!(submit(&broker, "SMS1").await, "done");
}
