//! A served vault, and someone who calls it over a connection with another people's client.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use countersign::broker::Broker;
use countersign::clock::Clock;
use countersign::http::{App, serve};
use countersign::model::contact::CardNo;
use countersign::store::Place;
use ring::hmac;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::support::provider::Provider;
use crate::support::world::{On, World, adopt, block, password};

/// Where people would see it.
pub const ORIGIN: &str = "https://vault.example";

/// A server process's stead: threads of its own, which stop when this is dropped.
pub struct Server {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn on(place: Place) -> Server {
        let broker = |broker: Broker| App::new(broker.at_origin(ORIGIN).unwrap());
        Server::of(place, (Ipv4Addr::LOCALHOST, 0).into(), broker)
    }

    /// One beside an identity provider, which sends people back to where this one really is.
    pub fn beside_provider(place: Place, provider: &Provider) -> Server {
        // Nobody else asks for a port that was just given out.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let provider = provider.named(&format!("http://{free}"));
        Server::of(place, free, |broker| App::beside(broker, Some(provider)))
    }

    fn of(place: Place, at: SocketAddr, app: impl FnOnce(Broker) -> App + Send + 'static) -> Server {
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .thread_stack_size(8 << 20)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let broker = Broker::open(&place).await.unwrap().0;
                let served = serve(app(broker), at).await.unwrap();
                let served = served.showing(countersign::web::pages);
                tell.send(served.address().unwrap()).unwrap();
                served.run(async { drop(stopped.await) }).await.unwrap();
            });
        });
        Server { address: told.recv().unwrap(), stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        self.thread.take().unwrap().join().unwrap();
    }
}

/// A furnished vault behind a server of its own.
pub struct Served {
    server: Server,
    pub world: World,
    pub address: SocketAddr,
    pub clock: Arc<Clock>,
}

impl Served {
    pub fn start(on: On) -> Served {
        Served::by(on, Server::on)
    }

    /// The same beside an identity provider.
    pub fn beside_provider(on: On, provider: &Provider) -> Served {
        Served::by(on, |place| Server::beside_provider(place, provider))
    }

    fn by(on: On, server: impl FnOnce(Place) -> Server) -> Served {
        let world = World::new(on);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
        let clock = Arc::new(Clock::fixed("Asia/Shanghai", now as i64).unwrap());
        let server = server(Place { clock: Some(clock.clone()), ..world.place() });
        Served { address: server.address, server, world, clock }
    }

    /// Another server on the same vault.
    pub fn beside(&self) -> Server {
        assert_eq!(self.server.address, self.address);
        Server::on(Place { clock: Some(self.clock.clone()), ..self.world.place() })
    }

    /// The vault as another process opens it, at the same time of the clock.
    pub async fn broker(&self) -> Broker {
        Broker::open(&Place { clock: Some(self.clock.clone()), ..self.world.place() }).await.unwrap().0
    }

    /// Two administrators adopt other texts: file, from, to.
    pub fn adopt(&self, edits: &[(&str, &str, &str)]) {
        block(async {
            let broker = self.broker().await;
            adopt(&broker, edits).await;
            broker.store().close().await;
        });
    }

    /// Somebody who has not said who they are.
    pub fn nobody(&self) -> Caller {
        Caller::of(self.address)
    }

    /// Somebody who is signed in, by bearer token.
    pub fn caller(&self, login: &str) -> Caller {
        Caller::signed_in(self.address, login)
    }

    /// Somebody who is signed in by cookie, with what shows that a form of ours was sent.
    pub fn browser(&self, login: &str) -> Caller {
        let mut caller = self.nobody();
        let opened = caller.post("/api/v1/session", &json!({ "login": login, "password": secret(login) }));
        assert_eq!(opened.status, 201, "{login}: {}", opened.body);
        let pair = opened.header("set-cookie").split(';').next().unwrap().to_owned();
        let csrf = opened.body["csrf"].as_str().unwrap().to_owned();
        caller.headers = vec![("cookie".into(), pair), ("x-csrf-token".into(), csrf)];
        caller
    }

    /// The log's entries from a place on.
    pub fn entries(&self, from: u64) -> Vec<Value> {
        let export = json!({ "format": "jsonl", "from": from });
        let answer = self.caller("auditor").post("/api/v1/audit/export", &export);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// How many entries there are.
    pub fn size(&self) -> u64 {
        let note = self.caller("auditor").get("/api/v1/audit/checkpoint").text();
        note.lines().nth(1).unwrap().parse().unwrap()
    }

    /// The notice that people at the counter show, version N1.
    pub fn register_notice(&self) {
        let notice =
            json!({ "family": "notice", "version": "N1", "language": "zh", "body": "我们如何使用您的信息" });
        assert_eq!(self.caller("admin").post("/api/v1/documents", &notice).status, 201);
    }

    /// A member of a store who consents to sms: card and mobile.
    pub fn member(&self, store: &str) -> (String, String) {
        let found = self
            .world
            .members
            .accepted()
            .find(|row| row.store == store && !row.mobile.is_empty() && CardNo::parse(&row.card).is_ok());
        let found = found.expect("a member of the store");
        (found.card.clone(), found.mobile.clone())
    }
}

/// A person's password as text.
pub fn secret(login: &str) -> String {
    String::from_utf8(password(login).to_vec()).unwrap()
}

/// A time-based code: RFC 4226 §5.3 and RFC 6238 §4, written out.
pub fn code_at(uri: &str, seconds: i64) -> String {
    let secret = uri.split("secret=").nth(1).unwrap().split('&').next().unwrap();
    let (mut bits, mut held, mut key) = (0u32, 0, Vec::new());
    for c in secret.bytes() {
        bits = bits << 5 | "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".bytes().position(|b| b == c).unwrap() as u32;
        held += 5;
        if held >= 8 {
            held -= 8;
            key.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    assert_eq!(key.len(), 20);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let mac = hmac::sign(&key, &(seconds as u64 / 30).to_be_bytes());
    let mac = mac.as_ref();
    let at = usize::from(mac[19] & 15);
    let value = u32::from_be_bytes(mac[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", value % 1_000_000)
}

pub struct Caller {
    agent: ureq::Agent,
    base: String,
    pub headers: Vec<(String, String)>,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub bytes: Vec<u8>,
    /// The body as JSON; null when it is none.
    pub body: Value,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }

    /// The problem's code, or `done`.
    pub fn code(&self) -> &str {
        if self.status < 400 { "done" } else { self.body["code"].as_str().unwrap_or("no code") }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Caller {
    /// Somebody who has not said who they are, at an address.
    pub fn of(address: SocketAddr) -> Caller {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        Caller { agent, base: format!("http://{address}"), headers: Vec::new() }
    }

    /// The same, who goes nowhere by himself.
    pub fn still(address: SocketAddr) -> Caller {
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        let agent = config.max_redirects_will_error(false).build().new_agent();
        Caller { agent, ..Caller::of(address) }
    }

    /// Another with the same manners.
    pub fn again(&self) -> Caller {
        Caller { agent: self.agent.clone(), base: self.base.clone(), headers: Vec::new() }
    }

    /// Somebody who is signed in there, by bearer token.
    pub fn signed_in(address: SocketAddr, login: &str) -> Caller {
        let mut caller = Caller::of(address);
        let body = json!({ "login": login, "password": secret(login), "bearer": true });
        let opened = caller.post("/api/v1/session", &body);
        assert_eq!(opened.status, 201, "{login}: {}", opened.body);
        caller.bearer(opened.body["token"].as_str().unwrap());
        caller
    }

    pub fn bearer(&mut self, token: &str) {
        self.headers = vec![("authorization".into(), format!("Bearer {token}"))];
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", &[])
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, "application/json", body.to_string().as_bytes())
    }

    pub fn send(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
        self.tries(method, path, kind, body).unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    }

    /// The same, where nobody may be there to answer.
    pub fn tries(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Result<Answer, ureq::Error> {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if !kind.is_empty() {
            request = request.header("content-type", kind);
        }
        let request = request.body(body.to_vec()).unwrap();
        let mut response = self.agent.run(request)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut bytes = Vec::new();
        response.body_mut().as_reader().read_to_end(&mut bytes)?;
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let answer = Answer { status, headers, bytes, body };
        crate::described::check(method, path, &answer);
        Ok(answer)
    }
}
