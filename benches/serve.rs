//! Audited look-up and reveal over HTTP beside the same read without audit: 32 clients, rounds of four sides, in one run.
//!
//! `cargo bench --bench serve` prints a line a round and the medians of the ratios; `ROUNDS` and `SECONDS` change how long.
//! Ours is the served API on a vault: session, policy, budget, one durable entry before the answer, the field unsealed.
//! The vault has no read without its entry, so three other servers on the same crates stand here, and write nothing:
//!
//! * `unaudited`: the same session check, the same rows of the same vault, found by the same tag, read together with those
//!   of others who ask at that moment, the member's key unwrapped and one sealed value opened (his alias: no field opens
//!   without an entry), his consents. Nothing is judged, counted or entered. That is the same read without audit.
//! * `signed in`: the session check, and one indexed row of a plaintext SQLite table.
//! * `bare`: that row, and nobody is asked.
//!
//! Clients are the same for all and run beside them on the same cores, over loopback; a connection is kept.

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Json, Router};
use countersign::broker::sessions::SessionToken;
use countersign::http::{App, serve};
use countersign::keyring::Tag;
use countersign::model::field::Index;
use countersign::model::sealed::Record;
use countersign::policy::PolicyFiles;
use countersign::vault::Vault;
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use support::generate::generate;
use support::world::{On, World, adopt, block, import, step};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const CLIENTS: usize = 32;
const MEMBERS: usize = 10_000;
/// Whose members are asked for: half of all are of this store.
const STORE: &str = "S001";

/// A read, as each side is asked for it.
struct Work {
    name: &'static str,
    ours: Vec<String>,
    unaudited: Vec<String>,
    signed_in: Vec<String>,
    bare: Vec<String>,
}

/// One side's run.
struct Run {
    answers: u64,
    seconds: f64,
    /// Sorted.
    took: Vec<Duration>,
}

impl Run {
    fn rate(&self) -> f64 {
        self.answers as f64 / self.seconds
    }

    fn percentile(&self, of_hundred: usize) -> f64 {
        self.took[self.took.len() * of_hundred / 100].as_secs_f64()
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (middle, tail) = (self.percentile(50) * 1e3, self.percentile(99) * 1e3);
        write!(f, "{:.0}/s, p50 {middle:.2} ms, p99 {tail:.2} ms", self.rate())
    }
}

fn main() {
    let number =
        |name: &str, else_: u64| std::env::var(name).ok().map_or(else_, |text| text.parse().unwrap());
    let (rounds, seconds) = (number("ROUNDS", 7), number("SECONDS", 3));
    for on in [On::Sqlite, On::Postgres] {
        block(compare(on, rounds, Duration::from_secs(seconds)));
    }
}

async fn compare(on: On, rounds: u64, time: Duration) {
    let world = World::new(on);
    let rows = generate(MEMBERS, 11);
    let (app, ours, token) = vault(&world, &rows.csv).await;
    let members: Vec<(String, String)> = rows
        .accepted()
        .filter(|row| row.store == STORE && !row.mobile.is_empty())
        .map(|row| (row.card.clone(), row.mobile.clone()))
        .collect();
    let unaudited = sealed(app.clone()).await;
    let (signed_in, bare) = (plain(&world, &members, Some(app)).await, plain(&world, &members, None).await);
    let by_mobile = |_: &str, mobile: &str| json!({ "mobile": mobile });
    let by_card = |card: &str, _: &str| json!({ "card": card });
    let works = [
        Work {
            name: "look-up",
            ours: of(
                &members,
                ours,
                "/api/v1/members/look-up",
                &token,
                |_, mobile| json!({ "index": "mobile", "value": mobile }),
            ),
            unaudited: of(&members, unaudited, "/look-up", &token, by_mobile),
            signed_in: of(&members, signed_in, "/look-up", &token, by_mobile),
            bare: of(&members, bare, "/look-up", "", by_mobile),
        },
        Work {
            name: "reveal",
            ours: of(
                &members,
                ours,
                "/api/v1/members/reveal",
                &token,
                |card, _| json!({ "card": card, "fields": ["mobile"], "reason": "measured" }),
            ),
            unaudited: of(&members, unaudited, "/reveal", &token, by_card),
            signed_in: of(&members, signed_in, "/reveal", &token, by_card),
            bare: of(&members, bare, "/reveal", "", by_card),
        },
    ];
    for work in works {
        let name = work.name;
        let sides = [
            (unaudited, Arc::new(work.unaudited)),
            (signed_in, Arc::new(work.signed_in)),
            (bare, Arc::new(work.bare)),
            (ours, Arc::new(work.ours)),
        ];
        for (at, requests) in &sides {
            run(*at, requests, time / 3).await;
        }
        let mut ratios: [Vec<f64>; 6] = Default::default();
        for round in 1..=rounds {
            let mut runs = Vec::new();
            for (at, requests) in &sides {
                runs.push(run(*at, requests, time).await);
            }
            let [unaudited, signed_in, bare, ours] = &runs[..] else { unreachable!() };
            println!(
                "{on:?} {name} {round}: unaudited {unaudited}; signed in {signed_in}; bare {bare}; ours {ours}"
            );
            for (i, theirs) in [unaudited, signed_in, bare].into_iter().enumerate() {
                ratios[i * 2].push(ours.rate() / theirs.rate());
                ratios[i * 2 + 1].push(ours.percentile(99) / theirs.percentile(99));
            }
        }
        let [rate, tail, signed_rate, signed_tail, bare_rate, bare_tail] = ratios.map(median);
        println!(
            "{on:?} {name}: medians of {rounds}: beside unaudited: rate {rate:.2}x, p99 {tail:.2}x; \
             beside signed in: rate {signed_rate:.2}x, p99 {signed_tail:.2}x; \
             beside bare: rate {bare_rate:.2}x, p99 {bare_tail:.2}x"
        );
    }
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// A served vault with so many members and budgets that are not spent here, and a counter's session.
async fn vault(world: &World, members: &[u8]) -> (App, SocketAddr, String) {
    let broker = world.open().await;
    let head = step(&broker, "mem.head").await.unwrap();
    import(&broker, head.caller(), members).await.unwrap();
    wide_budgets(&broker).await;
    let app = App::new(broker);
    let served = serve(app.clone(), ([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = served.address().unwrap();
    tokio::spawn(served.run(std::future::pending()));
    let body = json!({ "login": "s1.counter", "password": "pass word of s1.counter", "bearer": true });
    let text = request(address, "/api/v1/session", "", &body);
    let mut stream = BufReader::new(TcpStream::connect(address).await.unwrap());
    let answer = exchange(&mut stream, &text).await;
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    (app, address, answer["token"].as_str().expect("a session").to_owned())
}

async fn wide_budgets(broker: &countersign::broker::Broker) {
    let files: BTreeMap<String, String> =
        PolicyFiles::built_in().iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
    let wide = |text: &str| format!("{text} = {{ hour = 1000000, day = 1000000 }}");
    let edits: Vec<(String, String)> = [
        ("look_up", "120", "600"),
        ("reveal", "30", "100"),
        ("look_up", "1200", "6000"),
        ("reveal", "300", "1000"),
    ]
    .iter()
    .map(|(look, hour, day)| (format!("{look} = {{ hour = {hour}, day = {day} }}"), wide(look)))
    .collect();
    let test = &files["guard.test.toml"];
    let (begin, end) = (test.find("[[ask]]").unwrap(), test.find("[[noticed]]").unwrap());
    let asked = "[[ask]]\nof = \"person\"\nlook = \"verify\"\nhour = 0\nday = 0\nexpect = \"allow\"\n\n";
    let mut all: Vec<(&str, &str, &str)> =
        edits.iter().map(|(from, to)| ("guard.toml", from.as_str(), to.as_str())).collect();
    all.push(("guard.test.toml", &test[begin..end], asked));
    adopt(broker, &all).await;
}

/// Who asks the session's vault, as ours does.
async fn check(vault: &App, headers: &HeaderMap) {
    let token = headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
    vault.broker().session(&SessionToken::parse(token).unwrap()).await.unwrap();
}

/// Whom somebody reads, and where his answer goes.
type Asked = (Index, Tag, oneshot::Sender<Value>);

/// What a server of the vault has that enters nothing.
#[derive(Clone)]
struct Sealed {
    app: App,
    ask: mpsc::UnboundedSender<Asked>,
}

/// A server that reads the vault and writes nothing. Those who ask while a group is read are read in the next one.
async fn sealed(app: App) -> SocketAddr {
    let (ask, mut asked) = mpsc::unbounded_channel::<Asked>();
    let (of, vault) = (app.clone(), Vault::new(app.broker().store().keyring().clone()));
    tokio::spawn(async move {
        let mut group = Vec::new();
        while asked.recv_many(&mut group, 128).await > 0 {
            read(&of, &vault, std::mem::take(&mut group)).await;
        }
    });
    let by = |index: Index, name: &'static str| {
        post(move |State(sealed): State<Sealed>, headers: HeaderMap, Json(body): Json<Value>| async move {
            check(&sealed.app, &headers).await;
            let value = body[name].as_str().unwrap();
            let tag = sealed.app.broker().store().keyring().index_tag(index, value.as_bytes());
            let (tell, told) = oneshot::channel();
            sealed.ask.send((index, tag, tell)).unwrap();
            Json(told.await.unwrap())
        })
    };
    let routes = Router::new()
        .route("/look-up", by(Index::Mobile, "mobile"))
        .route("/reveal", by(Index::Card, "card"))
        .with_state(Sealed { app, ask });
    listening(routes).await
}

async fn read(app: &App, vault: &Vault, group: Vec<Asked>) {
    let mut view = app.broker().store().view().await.unwrap();
    let mut found = Vec::new();
    for wanted in [Index::Mobile, Index::Card] {
        let tags: Vec<Tag> = group.iter().filter(|one| one.0 == wanted).map(|one| one.1).collect();
        if !tags.is_empty() {
            found.extend(view.find_all(wanted, &tags).await.unwrap());
        }
    }
    let found: BTreeMap<Tag, Vec<i64>> = found.into_iter().collect();
    let ordinals: Vec<i64> = found.values().flatten().copied().collect();
    let held = view.held(&ordinals).await.unwrap();
    let states = view.states(&ordinals).await.unwrap();
    drop(view);
    for (_, tag, tell) in group {
        let ordinal = found[&tag][0];
        let (one, record) = (&held[&ordinal], Record::from_bytes(&held[&ordinal].member.record).unwrap());
        let alias = vault.key(&one.key).unwrap().alias(&record).unwrap();
        let consents = states.iter().filter(|(of, ..)| *of == ordinal).count();
        let _ = tell.send(json!({ "alias": hex::encode(alias.0), "consents": consents }));
    }
}

async fn listening(routes: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
    address
}

/// What a plaintext server has: the rows, and the vault whose sessions hold here, if it asks for one.
#[derive(Clone)]
struct Plain {
    rows: SqlitePool,
    vault: Option<App>,
}

impl Plain {
    async fn check(&self, headers: &HeaderMap) {
        if let Some(vault) = &self.vault {
            check(vault, headers).await;
        }
    }
}

/// The same rows in a plaintext table, and a server that reads them.
async fn plain(world: &World, members: &[(String, String)], vault: Option<App>) -> SocketAddr {
    let path = world.dir.path().join(if vault.is_some() { "signed_in.db" } else { "bare.db" });
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let pool = SqlitePool::connect_with(options.pragma("journal_mode", "wal")).await.unwrap();
    for sql in [
        "create table member (card text primary key, mobile text not null)",
        "create index by_mobile on member (mobile)",
    ] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    let mut turn = pool.begin().await.unwrap();
    for (card, mobile) in members {
        sqlx::query("insert into member values (?, ?)")
            .bind(card)
            .bind(mobile)
            .execute(&mut *turn)
            .await
            .unwrap();
    }
    turn.commit().await.unwrap();
    let routes = Router::new().route("/look-up", post(look_up)).route("/reveal", post(reveal));
    listening(routes.with_state(Plain { rows: pool, vault })).await
}

async fn look_up(State(plain): State<Plain>, headers: HeaderMap, Json(body): Json<Value>) -> Json<Value> {
    plain.check(&headers).await;
    let query = sqlx::query_as::<_, (String,)>("select card from member where mobile = ?");
    let found = query.bind(body["mobile"].as_str()).fetch_all(&plain.rows).await.unwrap();
    Json(json!({ "items": found.iter().map(|(card,)| card).collect::<Vec<_>>() }))
}

async fn reveal(State(plain): State<Plain>, headers: HeaderMap, Json(body): Json<Value>) -> Json<Value> {
    plain.check(&headers).await;
    let query = sqlx::query_as::<_, (String,)>("select mobile from member where card = ?");
    let (mobile,) = query.bind(body["card"].as_str()).fetch_one(&plain.rows).await.unwrap();
    Json(json!({ "mobile": mobile }))
}

/// A request for each member.
fn of(
    members: &[(String, String)],
    at: SocketAddr,
    path: &str,
    token: &str,
    body: impl Fn(&str, &str) -> Value,
) -> Vec<String> {
    members.iter().map(|(card, mobile)| request(at, path, token, &body(card, mobile))).collect()
}

fn request(at: SocketAddr, path: &str, token: &str, body: &Value) -> String {
    let body = body.to_string();
    let token = if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
    format!(
        "POST {path} HTTP/1.1\r\nhost: {at}\r\n{token}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Every client asks for one member after the other, each from another one on, until the time is over.
async fn run(at: SocketAddr, requests: &Arc<Vec<String>>, time: Duration) -> Run {
    let begun = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let requests = requests.clone();
            tokio::spawn(async move {
                let mut stream = BufReader::new(TcpStream::connect(at).await.unwrap());
                stream.get_ref().set_nodelay(true).unwrap();
                let mut took = Vec::new();
                let mut next = client * requests.len() / CLIENTS;
                while begun.elapsed() < time {
                    let asked = Instant::now();
                    exchange(&mut stream, &requests[next % requests.len()]).await;
                    took.push(asked.elapsed());
                    next += 1;
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for client in clients {
        took.extend(client.await.unwrap());
    }
    let seconds = begun.elapsed().as_secs_f64();
    took.sort_unstable();
    Run { answers: took.len() as u64, seconds, took }
}

/// Asks, and takes the whole answer, which must be a good one.
async fn exchange(stream: &mut BufReader<TcpStream>, request: &str) -> Vec<u8> {
    stream.get_mut().write_all(request.as_bytes()).await.unwrap();
    let (mut line, mut length, mut first) = (String::new(), 0, String::new());
    loop {
        line.clear();
        assert!(stream.read_line(&mut line).await.unwrap() > 0, "the connection ended");
        if first.is_empty() {
            first.clone_from(&line);
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    assert!(first.starts_with("HTTP/1.1 20"), "{first}{}", String::from_utf8_lossy(&body));
    body
}
