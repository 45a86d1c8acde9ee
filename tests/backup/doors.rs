//! What let somebody in before a backup lets nobody in after its restore: what was ended in between is in no backup, so
//! all of it ends.

use countersign::broker::second::Second;
use countersign::broker::sessions::SessionToken;
use countersign::broker::tokens::{NewToken, State};
use countersign::broker::{Broker, Error};
use countersign::model::ids::UnitCode;
use countersign::model::scope::Scope;
use countersign::oidc::{self, Begun, Identity};
use countersign::store::Place;
use reqwest::Url;
use zeroize::Zeroizing;

use crate::place::{Backup, Site};
use crate::support::desk::Desk;
use crate::support::provider::Provider;
use crate::support::world::{BOTH, block, login, password, step};

const WHO: &str = "s1.counter";

/// A session, a token for a program and an account at the identity provider, all of one person.
struct Doors<'p> {
    session: SessionToken,
    token: Zeroizing<String>,
    provider: &'p Provider,
}

impl<'p> Doors<'p> {
    async fn made(broker: &Broker, provider: &'p Provider) -> Self {
        let opened = broker.session_open(&login(WHO), &password(WHO), &Second::Nothing, None).await;
        let (session, who) = opened.unwrap();
        let wanted = NewToken {
            name: "till 2".into(),
            scopes: vec![Scope::MembersLookUp],
            unit: UnitCode::parse("S001").unwrap(),
            days: None,
            ends_at: None,
        };
        let step = broker.session_step(&session, &who).unwrap();
        let token = broker.token_make(step, wanted).await.unwrap().0.reveal();
        let doors = Doors { session, token, provider };
        let (asked, url, begun) = doors.away(broker).await;
        let step = broker.session_step(&doors.session, &who).unwrap();
        let cookie = broker.away_to_link(step, &who, begun, "/".into()).unwrap();
        let waiting = broker.back(&cookie).unwrap();
        let identity = doors.back(&asked, &url, &waiting.begun).await;
        broker.account_link(&waiting, &identity).await.unwrap();
        doors
    }

    async fn away(&self, broker: &Broker) -> (oidc::Provider, Url, Begun) {
        let asked = self.provider.named("http://127.0.0.1:8470");
        let (url, begun) = asked.begin(broker.clock().now()).await.unwrap();
        (asked, url, begun)
    }

    /// Signs in at the provider, who sends the browser back with what it asks for.
    async fn back(&self, asked: &oidc::Provider, url: &Url, begun: &Begun) -> Identity {
        let agent = ureq::Agent::config_builder().max_redirects(0).max_redirects_will_error(false).build();
        let vouched = agent.new_agent().post(url.as_str()).send_form([("sub", "he-fang-7")]).unwrap();
        let to = Url::parse(vouched.headers()["location"].to_str().unwrap()).unwrap();
        let said = |name: &str| to.query_pairs().find(|(n, _)| n == name).unwrap().1.into_owned();
        asked.finish(begun, &said("state"), &said("code")).await.unwrap()
    }

    /// Who comes in by each: the session, the token, the account.
    async fn tried(&self, broker: &Broker) -> [String; 3] {
        let (asked, url, begun) = self.away(broker).await;
        let identity = self.back(&asked, &url, &begun).await;
        let by_session = broker.session(&self.session).await.map(|session| session.caller().login().clone());
        let by_token = broker.token_caller(&self.token).await.map(|caller| caller.login().clone());
        let by_account = broker.session_open_linked(&identity, None).await;
        let by_account = by_account.map(|(_, session)| session.caller().login().clone());
        [by_session, by_token, by_account].map(|came| match came {
            Ok(login) => login.to_string(),
            Err(Error::Refused(refusal)) => refusal.code.to_owned(),
            Err(other) => other.to_string(),
        })
    }
}

#[test]
fn nothing_from_before_a_restore_lets_anyone_in() {
    let provider = Provider::start();
    for on in BOTH {
        let desk = Desk::new(on);
        let doors = block(async {
            let broker = desk.world.open().await;
            let doors = Doors::made(&broker, &provider).await;
            assert_eq!(doors.tried(&broker).await, [WHO; 3]);
            broker.store().close().await;
            doors
        });
        let backup = Backup::of(&desk, "b");
        let site = Site::new(&desk, on);
        site.restore(&backup, &[]).ok();
        let restored = site.entry("vault.restored");
        // The session, and the one that the account opened.
        let ended = ["sessions_ended", "tokens_ended", "accounts_unlinked"];
        assert_eq!(ended.map(|count| restored["counts"][count].as_u64()), [2, 1, 1].map(Some), "{restored}");
        block(async {
            let place = Place {
                dir: site.dir.path().join("data"),
                url: site.url.clone(),
                high_water: Some(site.dir.path().join("state/high-water")),
                passphrase: None,
                clock: None,
            };
            let broker = Broker::open(&place).await.unwrap().0;
            let closed = ["not_signed_in", "not_signed_in", "account_not_linked"];
            assert_eq!(doors.tried(&broker).await, closed);
            let owner = step(&broker, WHO).await.unwrap();
            let listed = broker.token_list(owner.caller()).await.unwrap();
            assert!(matches!(&listed[..], [till] if till.state == State::Revoked), "{listed:?}");
            // Made anew by their owner they let in again, and those from before still do not.
            let fresh = Doors::made(&broker, &provider).await;
            assert_eq!(fresh.tried(&broker).await, [WHO; 3]);
            assert_eq!(doors.tried(&broker).await, [closed[0], closed[1], WHO]);
            broker.store().close().await;
            // Where the backup was made nothing ended.
            let broker = desk.world.open().await;
            assert_eq!(doors.tried(&broker).await, [WHO; 3]);
            broker.store().close().await;
        });
        site.verified();
    }
}
