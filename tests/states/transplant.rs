//! A true signature in a place it was not made for: of another request, another round, another vault. The
//! database administrator puts it there with every trigger off. The tables' heads tell at start and before
//! executing; and whoever only looks at the request finds that it does not fit.

use countersign::access::Error;
use countersign::broker::Broker;
use countersign::model::ids::RequestNo;
use countersign::store::StoreError;

use crate::raw::{Cell, Raw};
use crate::support::world::{On, World, block, cast, signed, step, submitted};

#[test]
fn on_sqlite() {
    transplant(On::Sqlite, On::Postgres);
}

#[test]
fn on_postgres() {
    transplant(On::Postgres, On::Sqlite);
}

fn transplant(on: On, other: On) {
    let (here, there) = (World::new(on), World::new(other));
    block(async {
        // Each engine's template is a vault of its own; the same first request is signed in both.
        let (broker, elsewhere) = (here.open().await, there.open().await);
        let foreign = signed(&elsewhere, "sms").await;
        let target = two_signatures(&broker).await;
        assert_eq!(foreign, target, "the same number in the other vault");
        let whole = signed(&broker, "sms").await;
        let again = second_round(&broker).await;

        let mut theirs = Raw::connect(&there.url).await;
        let theirs = last_signature(&mut theirs, &foreign, 1).await;
        let mut raw = Raw::connect(&here.url).await;
        raw.disarm().await;
        let ours = last_signature(&mut raw, &whole, 1).await;
        let earlier = last_signature(&mut raw, &again, 1).await;
        for (what, row, no, round) in [
            ("another request's", ours, &target, 1),
            ("another vault's", theirs, &target, 1),
            ("another round's", earlier, &again, 2),
        ] {
            put(&mut raw, row, no, round).await;
            refuses(&here, &broker, no, what).await;
            let gone = format!("delete from signature where no = '{no}' and round = {round} and number = 4");
            raw.run(&gone).await.unwrap();
        }
        // Taken out again, all is as it was: it was these rows that were refused.
        let head = step(&broker, "mem.head").await.unwrap();
        broker.request_sign(head, &target, None, None).await.unwrap();
        let executor = step(&broker, cast("sms")[4]).await.unwrap();
        broker.request_execute(executor, &target, &|_, _| {}).await.unwrap();
    });
}

/// Submitted, and signed by all but the last.
async fn two_signatures(broker: &Broker) -> RequestNo {
    let no = submitted(broker, "sms").await;
    sign(broker, &no, 2).await;
    no
}

/// A whole first round that was taken back, and a second with two signatures.
async fn second_round(broker: &Broker) -> RequestNo {
    let no = signed(broker, "sms").await;
    let officer = cast("sms")[0];
    broker.request_recall(step(broker, officer).await.unwrap(), &no, None).await.unwrap();
    broker.request_submit(step(broker, officer).await.unwrap(), &no).await.unwrap();
    sign(broker, &no, 2).await;
    no
}

async fn sign(broker: &Broker, no: &RequestNo, count: usize) {
    for who in &cast("sms")[1..=count] {
        broker.request_sign(step(broker, who).await.unwrap(), no, None, None).await.unwrap();
    }
}

/// The row of member management's signature.
async fn last_signature(raw: &mut Raw, no: &RequestNo, round: i64) -> Vec<Cell> {
    let table = raw.table("signature").await;
    let wanted = [Cell::Text(no.to_string()), Cell::Int(round), Cell::Int(4)];
    raw.rows(&table).await.into_iter().find(|row| row[..3] == wanted).expect("a fourth fact")
}

async fn put(raw: &mut Raw, mut row: Vec<Cell>, no: &RequestNo, round: i64) {
    (row[0], row[1]) = (Cell::Text(no.to_string()), Cell::Int(round));
    let table = raw.table("signature").await;
    let mut rows = raw.rows(&table).await;
    rows.push(row);
    raw.replace(&table, &rows).await.unwrap();
}

async fn refuses(world: &World, broker: &Broker, no: &RequestNo, what: &str) {
    let integrity = |error: Error, verb: &str| match error {
        Error::Store(StoreError::Integrity { what: found, place }) => {
            assert_eq!(found, "signature", "{verb} with {what}: {place}");
            place
        }
        other => panic!("{verb} with {what}: {other}"),
    };
    let head = step(broker, "hq.head").await.unwrap();
    let place = integrity(broker.request_show(head.caller(), no).await.map(drop).expect_err("shown"), "show");
    assert!(place.contains("another request, round or vault"), "{what}: {place}");
    let executor = step(broker, cast("sms")[4]).await.unwrap();
    let executed = broker.request_execute(executor, no, &|_, _| {}).await;
    integrity(executed.map(drop).expect_err("executed"), "execute");
    integrity(Broker::open(&world.place()).await.map(drop).expect_err("opened"), "start");
    let found = broker.audit_verify(true, &[]).await.unwrap().problems;
    assert!(found.iter().any(|p| p.what == "signature"), "{what}: {found:?}");
}
