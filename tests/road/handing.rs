//! A request between its people: deputies, returns to a step, reminders, copies, repeats (A5c, A6a, A6b).

use std::sync::Arc;

use countersign::broker::Broker;
use countersign::broker::showing::Filter;
use countersign::clock::Clock;
use countersign::model::code::Step;
use countersign::model::ids::{Login, RequestNo};
use countersign::store::Place;

use crate::both;
use crate::support::world::{World, code, login, signed, step, submitted};

both!(
    a_step_is_handed_to_a_deputy_who_may_hold_it,
    who_handed_a_step_on_has_had_a_part,
    a_deputy_who_cannot_act_any_more_hands_the_step_back,
    a_return_to_a_step_is_signed_again_from_there,
    reminders_come_once_a_day_and_copies_let_see,
    a_past_request_is_repeated_as_a_draft,
);

async fn sign(broker: &Broker, who: &str, no: &RequestNo) -> &'static str {
    code(broker.request_sign(step(broker, who).await.unwrap(), no, None, None).await)
}

async fn transfer(broker: &Broker, who: &str, no: &RequestNo, to: &str) -> &'static str {
    let stepped = step(broker, who).await.unwrap();
    code(broker.request_transfer(stepped, no, &login(to), Some("away this week")).await)
}

async fn execute(broker: &Broker, no: &RequestNo) -> &'static str {
    code(broker.request_execute(step(broker, "hq.it").await.unwrap(), no, &|_, _| {}).await)
}

async fn holder(broker: &Broker, no: &RequestNo) -> (String, Vec<Login>) {
    let shown = broker.request_show(step(broker, "mem.head").await.unwrap().caller(), no).await.unwrap();
    (shown.standing, shown.holder)
}

async fn a_step_is_handed_to_a_deputy_who_may_hold_it(world: &World) {
    let broker = world.open().await;
    let no = submitted(&broker, "sms").await;
    assert_eq!(transfer(&broker, "hq.planner", &no, "hq.deputy").await, "not_your_step", "not its turn");
    assert_eq!(sign(&broker, "hq.head", &no).await, "done");
    for (who, to, wanted) in [
        ("hq.receiver", "hq.deputy", "not_your_step"),
        ("hq.planner", "hq.planner", "bad_target"),
        ("hq.planner", "s1.pop", "not_qualified"),
        ("hq.planner", "nobody", "not_qualified"),
        ("hq.planner", "hq.officer", "separation_of_duties"),
        ("hq.planner", "hq.head", "separation_of_duties"),
        ("hq.planner", "hq.deputy", "done"),
    ] {
        assert_eq!(transfer(&broker, who, &no, to).await, wanted, "{who} to {to}");
    }
    assert_eq!(holder(&broker, &no).await, ("waiting: planning".into(), vec![login("hq.deputy")]));
    assert_eq!(sign(&broker, "hq.planner", &no).await, "not_your_step", "it was handed on");
    assert_eq!(sign(&broker, "hq.deputy", &no).await, "done");
    assert_eq!(sign(&broker, "mem.head", &no).await, "done");
    assert_eq!(execute(&broker, &no).await, "done");
    assert_eq!(broker.audit_verify(true, &[]).await.unwrap().problems, []);
}

/// In whose place a step was signed has a part in the round, too (A6b).
async fn who_handed_a_step_on_has_had_a_part(world: &World) {
    let broker = world.open().await;
    let no = submitted(&broker, "sms").await;
    assert_eq!(transfer(&broker, "hq.deputy", &no, "hq.head").await, "done");
    assert_eq!(sign(&broker, "hq.head", &no).await, "done");
    assert_eq!(sign(&broker, "hq.deputy", &no).await, "separation_of_duties");
    assert_eq!(transfer(&broker, "hq.planner", &no, "hq.deputy").await, "separation_of_duties");
    assert_eq!(sign(&broker, "hq.planner", &no).await, "done");
    assert_eq!(sign(&broker, "mem.head", &no).await, "done");
    assert_eq!(execute(&broker, &no).await, "done");
}

async fn a_deputy_who_cannot_act_any_more_hands_the_step_back(world: &World) {
    let broker = world.open().await;
    // A deputy's signature counts as long as his own role does.
    let (signed, no) = (submitted(&broker, "sms").await, submitted(&broker, "sms").await);
    for no in [&signed, &no] {
        assert_eq!(sign(&broker, "hq.head", no).await, "done");
        assert_eq!(transfer(&broker, "hq.planner", no, "hq.deputy").await, "done");
    }
    assert_eq!(sign(&broker, "hq.deputy", &signed).await, "done");
    assert_eq!(sign(&broker, "mem.head", &signed).await, "done");
    let admin = step(&broker, "admin").await.unwrap();
    broker.suspend(admin.caller(), &login("hq.deputy"), true).await.unwrap();
    assert_eq!(execute(&broker, &signed).await, "signature_void");
    assert_eq!(holder(&broker, &no).await.1, [login("hq.planner")]);
    assert_eq!(sign(&broker, "hq.planner", &no).await, "done");
}

async fn a_return_to_a_step_is_signed_again_from_there(world: &World) {
    let broker = world.open().await;
    let back = async |who: &str, no: &RequestNo, to, why: &str| {
        code(broker.request_return_to(step(&broker, who).await.unwrap(), no, to, why).await)
    };
    let no = submitted(&broker, "sms").await;
    assert_eq!(back("hq.head", &no, Step::Dept, "why").await, "bad_target", "nothing is before it");
    assert_eq!(sign(&broker, "hq.head", &no).await, "done");
    assert_eq!(sign(&broker, "hq.planner", &no).await, "done");
    assert_eq!(back("mem.head", &no, Step::Membership, "why").await, "bad_target");
    assert_eq!(back("mem.head", &no, Step::Dept, " ").await, "bad_comment");
    assert_eq!(back("hq.planner", &no, Step::Dept, "why").await, "separation_of_duties", "not theirs");
    assert_eq!(back("mem.head", &no, Step::Dept, "whose idea is this?").await, "done");
    assert_eq!(
        holder(&broker, &no).await,
        ("waiting: dept".into(), vec![login("hq.deputy"), login("hq.head")])
    );
    assert_eq!(execute(&broker, &no).await, "not_signed");
    assert_eq!(sign(&broker, "mem.head", &no).await, "separation_of_duties", "his part is another step");
    for who in ["hq.head", "hq.planner", "mem.head"] {
        assert_eq!(execute(&broker, &no).await, "not_signed", "before {who}");
        assert_eq!(sign(&broker, who, &no).await, "done", "{who}");
    }
    assert_eq!(execute(&broker, &no).await, "done");
    assert_eq!(broker.audit_verify(true, &[]).await.unwrap().problems, []);
}

async fn reminders_come_once_a_day_and_copies_let_see(world: &World) {
    let now = Clock::system("Asia/Shanghai").unwrap().now();
    let clock = Arc::new(Clock::fixed("Asia/Shanghai", now).unwrap());
    let broker = Broker::open(&Place { clock: Some(clock.clone()), ..world.place() }).await.unwrap().0;
    let no = submitted(&broker, "sms").await;
    let remind = async |who: &str| {
        let who = step(&broker, who).await.unwrap();
        broker.request_remind(who.caller(), &no).await
    };
    assert_eq!(code(remind("auditor").await), "not_permitted", "he watches, and takes no part");
    assert_eq!(code(remind("s1.officer").await), "not_permitted");
    assert_eq!(remind("hq.officer").await.unwrap(), [login("hq.deputy"), login("hq.head")]);
    assert_eq!(code(remind("hq.planner").await), "reminded_already");
    assert_eq!(sign(&broker, "hq.head", &no).await, "done");
    assert_eq!(
        remind("hq.officer").await.unwrap(),
        [login("hq.deputy"), login("hq.planner")],
        "another step, another reminder"
    );
    clock.set(now + 24 * 3600 * 1_000_000 - 1);
    assert_eq!(code(remind("hq.officer").await), "reminded_already");
    clock.set(now + 24 * 3600 * 1_000_000 + 1);
    assert_eq!(code(remind("hq.officer").await), "done");

    let show = async |who: &str| {
        let who = step(&broker, who).await.unwrap();
        code(broker.request_show(who.caller(), &no).await)
    };
    let copy = async |who: &str, to: &str| {
        let who = step(&broker, who).await.unwrap();
        code(broker.request_cc(who.caller(), &no, &login(to)).await)
    };
    assert_eq!(show("s2.officer").await, "not_permitted");
    assert_eq!(copy("s2.officer", "s2.officer").await, "not_holder");
    assert_eq!(copy("hq.head", "s2.officer").await, "not_holder", "he signed, and holds it no more");
    assert_eq!(copy("hq.officer", "nobody").await, "unknown_login");
    assert_eq!(copy("hq.planner", "s2.officer").await, "done");
    assert_eq!(show("s2.officer").await, "done");
    assert_eq!(copy("s2.officer", "s2.head").await, "not_holder", "to see is not to hold");
    let list = broker
        .request_list_of(step(&broker, "s2.officer").await.unwrap().caller(), &Filter::default())
        .await
        .unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!(broker.audit_verify(true, &[]).await.unwrap().problems, []);
}

async fn a_past_request_is_repeated_as_a_draft(world: &World) {
    let broker = world.open().await;
    let no = signed(&broker, "sms").await;
    let repeat = async |who: &str| {
        let who = step(&broker, who).await.unwrap();
        broker.request_repeat(who.caller(), &no).await
    };
    assert_eq!(code(repeat("s1.officer").await), "not_permitted");
    let new = repeat("hq.officer").await.unwrap();
    assert_ne!(new, no);
    let officer = step(&broker, "hq.officer").await.unwrap();
    let (old, shown) = (
        broker.request_show(officer.caller(), &no).await.unwrap(),
        broker.request_show(officer.caller(), &new).await.unwrap(),
    );
    assert_eq!((shown.form, shown.standing.as_str(), shown.round), (old.form, "draft", 0));
    broker.request_submit(officer, &new).await.unwrap();
}
