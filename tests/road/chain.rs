//! Who must sign, in which order, and what voids it (A4c, A6a, A6b, A9a).

use countersign::access::Error;
use countersign::broker::Broker;
use countersign::broker::editions::Seen;
use countersign::clock::Clock;
use countersign::model::ids::{RequestNo, VendorCode};

use countersign::store::Place;

use crate::both;
use crate::support::world::{World, adopt, cast, code, form, login, signed, step, submitted};

both!(
    every_subset_of_signatures_but_the_full_one_is_refused,
    signatures_come_in_their_order_and_from_five_people,
    what_changes_afterwards_voids_it,
    only_the_officer_submits,
    a_round_can_be_returned_rejected_and_recalled,
    refusals_are_in_the_log,
);

/// The other administrator seconds what waits.
pub async fn second(broker: &Broker, waits: Option<i64>) {
    let other = step(broker, "admin2").await.unwrap();
    Box::pin(broker.proposal_second(other, waits.unwrap())).await.unwrap();
}

async fn execute(broker: &Broker, who: &str, no: &RequestNo) -> &'static str {
    let executor = step(broker, who).await.unwrap();
    code(broker.request_execute(executor, no, &|_, _| {}).await)
}

async fn every_subset_of_signatures_but_the_full_one_is_refused(world: &World) {
    let broker = world.open().await;
    let signers = &cast("sms")[1..4];
    for mask in 0u8..8 {
        let no = submitted(&broker, "sms").await;
        for (i, who) in signers.iter().enumerate().filter(|(i, _)| mask & (1 << i) != 0) {
            let result = code(broker.request_sign(step(&broker, who).await.unwrap(), &no, None, None).await);
            let whole_before = mask & ((1 << i) - 1) == (1 << i) - 1;
            assert_eq!(result, if whole_before { "done" } else { "not_your_step" }, "{mask:03b} {who}");
        }
        let expected = if mask == 7 { "done" } else { "not_signed" };
        assert_eq!(execute(&broker, "hq.it", &no).await, expected, "{mask:03b}");
    }
}

async fn signatures_come_in_their_order_and_from_five_people(world: &World) {
    let broker = world.open().await;
    // Everyone tries every step of both chains: only the cast may, and only in turn.
    let everyone = [
        "hq.officer",
        "hq.head",
        "hq.planner",
        "mem.head",
        "hq.it",
        "hq.receiver",
        "hq.counter",
        "auditor",
        "admin2",
        "s1.officer",
        "s1.head",
        "s1.pop",
        "s1.it",
        "s2.head",
        "s2.pop",
    ];
    for channel in ["sms", "post"] {
        let cast = cast(channel);
        let no = submitted(&broker, channel).await;
        for turn in 1..4 {
            for who in everyone {
                if who == cast[turn] {
                    continue;
                }
                let refused =
                    code(broker.request_sign(step(&broker, who).await.unwrap(), &no, None, None).await);
                let wanted =
                    if cast[..turn].contains(&who) { "separation_of_duties" } else { "not_your_step" };
                assert_eq!(refused, wanted, "{channel} turn {turn} {who}");
            }
            broker.request_sign(step(&broker, cast[turn]).await.unwrap(), &no, None, None).await.unwrap();
        }
        for who in everyone.iter().filter(|who| **who != cast[4]) {
            assert_ne!(execute(&broker, who, &no).await, "done", "{channel} {who}");
        }
        assert_eq!(execute(&broker, cast[4], &no).await, "done");
        assert_eq!(execute(&broker, cast[4], &no).await, "executed_already");
    }
}

async fn what_changes_afterwards_voids_it(world: &World) {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_micros() as i64;
    let clock = std::sync::Arc::new(Clock::fixed("Asia/Shanghai", now).unwrap());
    let place = Place { clock: Some(clock.clone()), ..world.place() };
    let broker = Broker::open(&place).await.unwrap().0;
    let admin = step(&broker, "admin").await.unwrap();
    let vendors = step(&broker, "hq.vendors").await.unwrap();

    let no = signed(&broker, "sms").await;
    for who in &cast("sms")[..4] {
        broker.suspend(admin.caller(), &login(who), true).await.unwrap();
        let wanted = if *who == "hq.officer" { "requester_not_officer" } else { "signature_void" };
        assert_eq!(execute(&broker, "hq.it", &no).await, wanted, "{who}");
        let waits = broker.suspend(admin.caller(), &login(who), false).await.unwrap();
        assert_eq!(
            execute(&broker, "hq.it", &no).await,
            wanted,
            "lifting it waits for another administrator"
        );
        second(&broker, waits).await;
    }

    let edited = form("sms").replace("500000", "400000");
    broker
        .request_revise(step(&broker, "hq.officer").await.unwrap().caller(), &no, &edited, &Seen::default())
        .await
        .unwrap();
    assert_eq!(execute(&broker, "hq.it", &no).await, "edited");

    let no = signed(&broker, "sms").await;
    broker
        .change_password(step(&broker, "hq.planner").await.unwrap(), &b"another pass phrase".to_vec().into())
        .await
        .unwrap();
    assert_eq!(execute(&broker, "hq.it", &no).await, "signature_void");

    let no = signed(&broker, "post").await;
    let roles = "[[person]]\nlogin = \"s1.pop\"\nname = \"s1.pop\"\nunit = \"S001-PLAN\"\nrank = \"manager\"\nroles = []\n";
    broker.org_apply(admin.caller(), roles, false).await.unwrap();
    assert_eq!(execute(&broker, "s1.it", &no).await, "signature_void");
    clock.set(now + 1);
    let again = roles.replace("[]", "[\"planning_head\"]");
    let change = broker.org_apply(admin.caller(), &again, false).await.unwrap();
    assert_eq!(execute(&broker, "s1.it", &no).await, "signature_void", "giving it waits");
    second(&broker, change.proposal).await;
    // And then signs nothing for a day.
    clock.set(now + 25 * 3_600_000_000);

    broker.vendor_suspend(vendors.caller(), &VendorCode::parse("DM1").unwrap()).await.unwrap();
    assert_eq!(execute(&broker, "s1.it", &no).await, "vendor_not_active");

    let no = {
        // hq.planner has a new password; take the store's chain for SMS instead.
        let officer = step(&broker, "s1.officer").await.unwrap();
        let text = form("sms").replace("HQ-MKT", "S001-MKT").replace("hq.receiver", "s1.receiver");
        let no = broker.request_draft(officer.caller(), &text).await.unwrap();
        broker.request_submit(officer, &no).await.unwrap();
        for who in ["s1.head", "s1.pop", "mem.head"] {
            broker.request_sign(step(&broker, who).await.unwrap(), &no, None, None).await.unwrap();
        }
        no
    };
    // Another policy that still permits it leaves the signatures standing; one that does not, voids.
    adopt(&broker, &[("switches.toml", "# Whether only", "# whether only")]).await;
    assert_eq!(
        code(broker.request_sign(step(&broker, "s1.head").await.unwrap(), &no, None, None).await),
        "signed_already"
    );
    let on = "purpose = \"promotion\"\nchannel = \"sms\"\nenabled = true";
    let (tested, off) = ("expect = \"mobile\"\ncontact_point = \"mobile\"", on.replace("true", "false"));
    let refused = "expect = \"channel_off\"";
    let mut edits = vec![("channels.toml", on, off.as_str()), ("channels.test.toml", tested, refused)];
    let asked: Vec<(String, String)> = [
        ("\"mobile\"", "allow"),
        ("\"mobile\", \"name\"", "field_not_allowed"),
        ("\"name\"", "field_not_allowed"),
        ("", "field_missing"),
        ("\"mobile\", \"card\"", "field_not_allowed"),
    ]
    .iter()
    .map(|(fields, answer)| {
        let question = format!("channel = \"sms\"\nfields = [{fields}]\nexpect = ");
        (format!("{question}\"{answer}\""), format!("{question}\"channel_off\""))
    })
    .collect();
    edits.extend(asked.iter().map(|(from, to)| ("release_fields.test.toml", from.as_str(), to.as_str())));
    adopt(&broker, &edits).await;
    assert_eq!(execute(&broker, "s1.it", &no).await, "channel_off");
}

async fn only_the_officer_submits(world: &World) {
    let broker = world.open().await;
    let head = step(&broker, "hq.head").await.unwrap();
    let no = broker.request_draft(head.caller(), &form("sms")).await.unwrap();
    assert_eq!(code(broker.request_submit(head, &no).await), "not_permitted");
    assert_eq!(
        code(broker.request_submit(step(&broker, "s1.officer").await.unwrap(), &no).await),
        "not_permitted"
    );
    assert_eq!(execute(&broker, "hq.it", &no).await, "not_submitted");
    broker.request_submit(step(&broker, "hq.officer").await.unwrap(), &no).await.unwrap();
    assert_eq!(
        code(broker.request_submit(step(&broker, "hq.officer").await.unwrap(), &no).await),
        "in_progress"
    );

    let officer = step(&broker, "hq.officer").await.unwrap();
    for (from, to, wanted) in [
        ("\"promotion\"", "\"research\"", "unknown_purpose"),
        ("[\"mobile\"]", "[\"mobile\", \"name\"]", "field_not_allowed"),
        ("\"sms\"\nfields = [\"mobile\"]", "\"email\"\nfields = [\"email\"]", "channel_off"),
        ("reason =", "[[selection.all]]\nattribute = \"mobile\"\nin = [\"1\"]\n[x]\nreason =", "bad_form"),
    ] {
        let text = form("sms").replace(from, to);
        assert_eq!(code(broker.request_draft(officer.caller(), &text).await), wanted, "{to}");
    }
    for (from, to, wanted) in [
        ("\"hq.receiver\"", "\"hq.officer\"", "separation_of_duties"),
        ("\"hq.receiver\"", "\"s1.receiver\"", "receiver_not_officer"),
        ("\"SMS1\"", "\"NONE\"", "vendor_not_active"),
        ("\"SMS1\"", "\"DM1\"", "vendor_not_active"),
    ] {
        let no = broker.request_draft(officer.caller(), &form("sms").replace(from, to)).await.unwrap();
        assert_eq!(
            code(broker.request_submit(step(&broker, "hq.officer").await.unwrap(), &no).await),
            wanted,
            "{to}"
        );
    }
}

async fn a_round_can_be_returned_rejected_and_recalled(world: &World) {
    let broker = world.open().await;
    let no = submitted(&broker, "sms").await;
    let head = || step(&broker, "hq.head");
    assert_eq!(code(broker.request_return(head().await.unwrap(), &no, " ").await), "bad_comment");
    broker.request_return(head().await.unwrap(), &no, "narrow it").await.unwrap();
    assert_eq!(code(broker.request_sign(head().await.unwrap(), &no, None, None).await), "ended");

    broker.request_submit(step(&broker, "hq.officer").await.unwrap(), &no).await.unwrap();
    broker.request_sign(head().await.unwrap(), &no, Some("good"), None).await.unwrap();
    broker.request_reject(step(&broker, "hq.planner").await.unwrap(), &no, "not this season").await.unwrap();
    assert_eq!(execute(&broker, "hq.it", &no).await, "ended");

    broker.request_submit(step(&broker, "hq.officer").await.unwrap(), &no).await.unwrap();
    assert_eq!(code(broker.request_recall(head().await.unwrap(), &no, None).await), "not_permitted");
    broker.request_recall(step(&broker, "hq.officer").await.unwrap(), &no, None).await.unwrap();
    let shown = broker.request_show(head().await.unwrap().caller(), &no).await.unwrap();
    assert_eq!((shown.round, shown.standing.as_str()), (3, "ended: recall"));
    assert_eq!(broker.audit_verify(true, &[]).await.unwrap().problems, []);
}

async fn refusals_are_in_the_log(world: &World) {
    let broker = world.open().await;
    let before = broker.store().view().await.unwrap().log_size().await.unwrap();
    let no = submitted(&broker, "sms").await;
    let it = step(&broker, "hq.it").await.unwrap();
    let refusal = match broker.request_execute(it, &no, &|_, _| {}).await {
        Err(Error::Refused(refusal)) => refusal,
        _ => panic!("executed without signatures"),
    };
    assert!(refusal.rule.starts_with("A6a"), "{}", refusal.rule);
    let wrong = broker.authenticate(&login("hq.it"), &b"wrong password".to_vec().into()).await;
    assert_eq!(code(wrong.map(|_| ())), "unknown_person");
    let mut view = broker.store().view().await.unwrap();
    let size = view.log_size().await.unwrap();
    let leaves: Vec<String> = view
        .leaves(before, size)
        .await
        .unwrap()
        .into_iter()
        .map(|(_, leaf)| String::from_utf8(leaf).unwrap())
        .collect();
    assert_eq!(leaves.len(), 4, "{leaves:#?}");
    assert!(
        leaves[2].contains("\"request.executed\"")
            && leaves[2].contains("\"not_signed\"")
            && leaves[2].contains("A6a")
    );
    assert!(leaves[3].contains("\"person.unknown\"") && leaves[3].contains("\"refuse\""));
}
