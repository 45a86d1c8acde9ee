//! Who may sign and execute in which state (A6a, A6b, done-line 3): a random walk over requests, people,
//! vendors, policies and time, with a model beside it that knows the rules as sentences and says what
//! must be refused, and why. And signatures of another request, round or vault, put in place by a
//! database administrator. `COUNTERSIGN_SEED` repeats a walk.

#[path = "../support/mod.rs"]
mod support;

#[path = "../store/raw.rs"]
#[allow(dead_code)]
mod raw;

mod model;
mod transplant;
mod walk;

use std::sync::Arc;

use countersign::broker::Broker;
use countersign::clock::Clock;
use countersign::model::form::Submission;
use countersign::store::Place;

use support::world::{On, World, block, cast, code, signed, step, submitted};

/// Opens the world at a clock that tests can move.
async fn at_clock(world: &World) -> (Broker, Arc<Clock>) {
    let now = Clock::system("Asia/Shanghai").unwrap().now();
    let clock = Arc::new(Clock::fixed("Asia/Shanghai", now).unwrap());
    let place = Place { clock: Some(clock.clone()), ..world.place() };
    (Broker::open(&place).await.unwrap().0, clock)
}

#[test]
fn a_walk_on_sqlite() {
    walk::run(&World::new(On::Sqlite), 150);
}

#[test]
fn a_walk_on_postgres() {
    walk::run(&World::new(On::Postgres), 60);
}

#[test]
fn an_expired_request_is_void() {
    let world = World::new(On::Sqlite);
    block(async {
        let (broker, clock) = at_clock(&world).await;
        let (whole, waiting) = (signed(&broker, "sms").await, submitted(&broker, "sms").await);
        let body =
            broker.store().view().await.unwrap().submissions(&whole).await.unwrap().pop().unwrap().body;
        let expires = Submission::from_canonical(&body).unwrap().expires_at.micros();
        let [_, head, _, _, executor, _] = cast("sms");
        clock.set(expires - 1);
        broker.request_sign(step(&broker, head).await.unwrap(), &waiting, None, None).await.unwrap();
        clock.set(expires);
        let sign =
            broker.request_sign(step(&broker, cast("sms")[2]).await.unwrap(), &waiting, None, None).await;
        assert_eq!(code(sign), "expired");
        let execute = async |no| {
            let step = step(&broker, executor).await.unwrap();
            code(broker.request_execute(step, no, &|_, _| {}).await)
        };
        assert_eq!(execute(&whole).await, "expired");
        // Submitted again it is another round, which nobody has signed.
        broker.request_submit(step(&broker, cast("sms")[0]).await.unwrap(), &whole).await.unwrap();
        assert_eq!(execute(&whole).await, "not_signed");
    });
}
