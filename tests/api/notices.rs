//! Notices to robots: number, step and link and nothing else, only of what is committed, tried again, never to where an address must
//! not lead. The receiver is a real one on this machine.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::broker::Broker;
use countersign::broker::alarms::Watcher;
use countersign::notice::{Given, Notices};
use serde_json::{Value, json};

use crate::both;
use crate::caller::Served;
use crate::leak::Program;
use crate::support::world::{On, block};
use crate::support::world::{cast, executed, step, submitted};

both!(
    each_step_is_told_to_whose_turn_it_is,
    what_fails_waits_and_is_given_up_after_a_day,
    nobody_is_sent_where_an_address_must_not_lead,
);

/// What a robot was sent.
struct Sent {
    line: String,
    headers: String,
    body: Value,
}

/// A robot on this machine that answers what it is told to.
struct Robot {
    port: u16,
    sent: Mutex<Receiver<Sent>>,
}

impl Robot {
    fn answering(answer: &'static str) -> Robot {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, sent) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                // Told before it is answered: whoever has the answer finds it here.
                if tell.send(take(&stream)).is_err() {
                    break;
                }
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        Robot { port, sent: Mutex::new(sent) }
    }

    fn taking() -> Robot {
        Robot::answering("HTTP/1.1 200 OK\r\ncontent-length: 14\r\nconnection: close\r\n\r\n{\"errcode\": 0}")
    }

    fn bodies(&self) -> Vec<Value> {
        self.sent.lock().unwrap().try_iter().map(|sent| sent.body).collect()
    }
}

fn take(stream: &TcpStream) -> Sent {
    let mut reader = BufReader::new(stream);
    let (mut line, mut headers) = (String::new(), String::new());
    reader.read_line(&mut line).unwrap();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        if header.trim().is_empty() {
            break;
        }
        headers.push_str(&header.to_ascii_lowercase());
    }
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.trim().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    Sent { line, headers, body: serde_json::from_slice(&body).unwrap() }
}

/// A secret in a file that nobody else may read.
fn secret(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
    std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// A receiver as a settings file names it.
fn receiver(folder: &Path, text: &str) -> countersign::notice::Receiver {
    let given: Given = toml::from_str(text).unwrap();
    given.beside(folder).read().unwrap()
}

/// A robot at this machine.
fn at(folder: &Path, name: &str, port: u16, more: &str) -> countersign::notice::Receiver {
    secret(folder, name, &format!("http://127.0.0.1:{port}/robot?key=k-of-{name}\n"));
    let more = if more.contains("kind = ") { more.to_owned() } else { format!("kind = \"wecom\"\n{more}") };
    let text = format!("name = \"{name}\"\nurl_file = \"{name}\"\nallow_loopback_http = true\n{more}");
    receiver(folder, &text)
}

const ORIGIN: &str = "https://vault.example.cn/";

async fn told(broker: &Broker, watcher: &mut Watcher, notices: &Notices) -> usize {
    broker.watch(watcher, &notices.subscribers()).await.unwrap().expect("the watch is ours");
    notices.send_due(broker).await.unwrap()
}

fn text(words: &str) -> Value {
    json!({ "msgtype": "text", "text": { "content": words } })
}

fn each_step_is_told_to_whose_turn_it_is(served: &Served) {
    let folder = served.world.dir.path();
    let (all, store, english) = (Robot::taking(), Robot::taking(), Robot::taking());
    secret(folder, "key", "S3cret");
    let webhook = "kind = \"webhook\"\nlanguage = \"en\"\nevents = [\"awaits\", \"package_ready\"]\nsecret_file = \"key\"\n";
    let receivers = vec![
        at(folder, "all", all.port, ""),
        at(folder, "store", store.port, "units = [\"S001\"]\n"),
        at(folder, "english", english.port, webhook),
    ];
    let notices = Notices::new(receivers, Some(ORIGIN));
    block(async {
        let broker = served.broker().await;
        let mut watcher = Watcher::new().unwrap();
        assert_eq!(told(&broker, &mut watcher, &notices).await, 0);
        let no = submitted(&broker, "post").await;
        let link = format!("https://vault.example.cn/requests/{no}");
        assert_eq!(told(&broker, &mut watcher, &notices).await, 3);
        // The whole message, to the letter: there is nothing else in it.
        let asked = text(&format!("申请 {no} 等待：部门负责人签批。 {link}"));
        assert_eq!((all.bodies(), store.bodies()), (vec![asked.clone()], vec![asked]));
        let first = english.sent.lock().unwrap().try_recv().unwrap();
        let words = format!("Request {no} awaits the department head's signature. {link}");
        assert_eq!(
            first.body,
            json!({ "kind": "awaits", "number": no.to_string(), "step": "dept", "link": link, "text": words })
        );
        let signed = first.headers.lines().find_map(|l| l.strip_prefix("x-countersign-signature: ")).unwrap();
        let (t, v1) = signed.trim().split_once(",v1=").unwrap();
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"S3cret");
        let over = format!("{}.{}", t.strip_prefix("t=").unwrap(), first.body);
        assert!(ring::hmac::verify(&key, over.as_bytes(), &hex::decode(v1).unwrap()).is_ok());
        // Twice is not told, and a refused step is none.
        assert_eq!(told(&broker, &mut watcher, &notices).await, 0);
        let wrong = step(&broker, cast("post")[2]).await.unwrap();
        assert!(broker.request_sign(wrong, &no, None, None).await.is_err());
        assert_eq!(told(&broker, &mut watcher, &notices).await, 0);
        let head = step(&broker, cast("post")[1]).await.unwrap();
        broker.request_sign(head, &no, None, None).await.unwrap();
        assert_eq!(told(&broker, &mut watcher, &notices).await, 3);
        assert_eq!(all.bodies(), [text(&format!("申请 {no} 等待：企划签批。 {link}"))]);
        store.bodies();
        let pop = step(&broker, cast("post")[2]).await.unwrap();
        broker.request_sign(pop, &no, None, None).await.unwrap();
        // Member management is at headquarters: not the store's turn.
        assert_eq!(told(&broker, &mut watcher, &notices).await, 2);
        assert_eq!((all.bodies().len(), store.bodies().len()), (1, 0));
        let head = step(&broker, "mem.head").await.unwrap();
        broker.request_return(head, &no, "请补充活动方案").await.unwrap();
        assert_eq!(told(&broker, &mut watcher, &notices).await, 2);
        let back = text(&format!("申请 {no} 已退回。 {link}"));
        assert_eq!((all.bodies(), store.bodies()), (vec![back.clone()], vec![back]));
        // A road walked faster than we look: only how it ended is told.
        english.bodies();
        let package = executed(&broker, "post").await;
        let no = package.request();
        told(&broker, &mut watcher, &notices).await;
        let link = format!("https://vault.example.cn/requests/{no}");
        let done = text(&format!("申请 {no} 已执行。 {link}"));
        let ready = format!("交付包 {package} 可以领取。 https://vault.example.cn/packages");
        let mut both = all.bodies();
        both.sort_by_key(|body| body.to_string());
        let mut wanted = vec![text(&ready), done];
        wanted.sort_by_key(|body| body.to_string());
        assert_eq!(both, wanted);
        assert_eq!(english.bodies().len(), 1);
        broker.store().close().await;
    });
}

fn what_fails_waits_and_is_given_up_after_a_day(served: &Served) {
    let folder = served.world.dir.path();
    let refusing = Robot::answering(
        "HTTP/1.1 200 OK\r\ncontent-length: 18\r\nconnection: close\r\n\r\n{\"errcode\": 93000}",
    );
    let elsewhere = Robot::taking();
    let moved: &'static str = Box::leak(
        format!("HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:{}/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", elsewhere.port)
            .into_boxed_str(),
    );
    let moving = Robot::answering(moved);
    let receivers = vec![at(folder, "refusing", refusing.port, ""), at(folder, "moving", moving.port, "")];
    let notices = Notices::new(receivers, None);
    let later = |seconds: i64| served.clock.set(served.clock.now() + seconds * 1_000_000);
    block(async {
        let broker = served.broker().await;
        let mut watcher = Watcher::new().unwrap();
        told(&broker, &mut watcher, &notices).await;
        submitted(&broker, "sms").await;
        assert_eq!(told(&broker, &mut watcher, &notices).await, 0);
        assert_eq!((refusing.bodies().len(), moving.bodies().len()), (1, 1));
        assert_eq!(told(&broker, &mut watcher, &notices).await, 0);
        assert_eq!(refusing.bodies().len(), 0, "it waits");
        later(31);
        told(&broker, &mut watcher, &notices).await;
        later(31);
        told(&broker, &mut watcher, &notices).await;
        assert_eq!(refusing.bodies().len(), 1, "twice as long");
        let states = broker.receivers().await.unwrap();
        let of = |name: &str| states.iter().find(|s| s.receiver == name).unwrap();
        assert_eq!((of("refusing").why.as_str(), of("refusing").waiting), ("not_taken", 1));
        assert_eq!((of("moving").why.as_str(), elsewhere.bodies().len()), ("redirected", 0));
        later(86_400);
        told(&broker, &mut watcher, &notices).await;
        let states = broker.receivers().await.unwrap();
        assert!(states.iter().all(|s| (s.waiting, s.dropped, s.sent) == (0, 1, 0)), "{states:?}");
        broker.store().close().await;
    });
}

fn nobody_is_sent_where_an_address_must_not_lead(served: &Served) {
    let folder = served.world.dir.path();
    let robot = Robot::taking();
    let mut receivers = Vec::new();
    for (name, url) in [
        ("plain", format!("http://127.0.0.1:{}/", robot.port)),
        ("here", format!("https://127.0.0.1:{}/", robot.port)),
        ("named", format!("https://localhost:{}/", robot.port)),
        ("cloud", "https://169.254.169.254/latest/meta-data".to_owned()),
        ("mapped", format!("https://[::ffff:127.0.0.1]:{}/", robot.port)),
    ] {
        secret(folder, name, &url);
        receivers.push(receiver(
            folder,
            &format!("name = \"{name}\"\nkind = \"feishu\"\nurl_file = \"{name}\"\n"),
        ));
    }
    let notices = Notices::new(receivers, None);
    block(async {
        let broker = served.broker().await;
        let mut watcher = Watcher::new().unwrap();
        told(&broker, &mut watcher, &notices).await;
        submitted(&broker, "sms").await;
        assert_eq!(told(&broker, &mut watcher, &notices).await, 0);
        let why: Vec<_> = broker
            .receivers()
            .await
            .unwrap()
            .into_iter()
            .map(|s| format!("{} {}", s.receiver, s.why))
            .collect();
        assert_eq!(
            why,
            [
                "cloud forbidden_address",
                "here forbidden_address",
                "mapped forbidden_address",
                "named forbidden_address",
                "plain not_https"
            ]
        );
        assert!(robot.bodies().is_empty());
        broker.store().close().await;
    });
}

#[test]
fn robots_get_the_signatures_they_ask_for() {
    let served = Served::start(On::Sqlite);
    let folder = served.world.dir.path();
    let (ding, fei) = (
        Robot::taking(),
        Robot::answering("HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\n{\"code\":0}"),
    );
    secret(folder, "key", "SECabc");
    let receivers = vec![
        at(folder, "ding", ding.port, "kind = \"dingtalk\"\nsecret_file = \"key\"\n"),
        at(folder, "fei", fei.port, "kind = \"feishu\"\nsecret_file = \"key\"\n"),
    ];
    let notices = Notices::new(receivers, Some(ORIGIN));
    block(async {
        let broker = served.broker().await;
        let mut watcher = Watcher::new().unwrap();
        told(&broker, &mut watcher, &notices).await;
        submitted(&broker, "sms").await;
        assert_eq!(told(&broker, &mut watcher, &notices).await, 2);
        broker.store().close().await;
    });
    let hmac = |key: &str, over: &str| {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.as_bytes());
        STANDARD.encode(ring::hmac::sign(&key, over.as_bytes()).as_ref())
    };
    let seconds = served.clock.now() / 1_000_000;
    let escaped = |sign: String| sign.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let sign = escaped(hmac("SECabc", &format!("{}\nSECabc", seconds * 1_000)));
    let sent = ding.sent.lock().unwrap().try_recv().unwrap();
    assert!(sent.line.contains(&format!("&timestamp={}&sign={sign} ", seconds * 1_000)), "{}", sent.line);
    let sent = fei.sent.lock().unwrap().try_recv().unwrap().body;
    assert_eq!(sent["sign"], json!(hmac(&format!("{seconds}\nSECabc"), "")));
    assert_eq!(sent["timestamp"], json!(seconds.to_string()));
    assert_eq!(sent["msg_type"], json!("text"));
}

/// The program, with a settings file: a message comes by itself, and the address stands in nothing it writes.
#[test]
fn a_server_tells_by_itself() {
    let served = Served::start(On::Sqlite);
    let folder = served.world.dir.path();
    let robot = Robot::taking();
    secret(folder, "wecom-url", &format!("http://127.0.0.1:{}/send?key=k-of-wecom", robot.port));
    let settings = "[serve]\npublic_origin = \"https://vault.example.cn\"\n[[notice]]\nname = \"wecom\"\nkind = \"wecom\"\n\
                    url_file = \"wecom-url\"\nallow_loopback_http = true\nevents = [\"awaits\"]\n";
    let file = folder.join("countersign.toml");
    std::fs::write(&file, settings).unwrap();
    let program = Program::start(&served.world, &["--config".as_ref(), file.as_ref()]);
    // A session takes its time: the program has looked at the log by then.
    let counter = crate::caller::Caller::of(program.address);
    assert_eq!(counter.get("/readyz").status, 204);
    std::thread::sleep(Duration::from_secs(1));
    block(async {
        let broker = served.world.open().await;
        submitted(&broker, "sms").await;
        broker.store().close().await;
    });
    let sent = robot.sent.lock().unwrap().recv_timeout(Duration::from_secs(30)).expect("a message");
    assert!(sent.body["text"]["content"].as_str().unwrap().contains("等待：部门负责人签批"), "{}", sent.body);
    let written = program.stop();
    assert!(!written.contains("k-of-wecom"), "the address is a secret");
    // Others may not read the address.
    std::fs::set_permissions(folder.join("wecom-url"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = std::process::Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(&file)
        .args(["--data".as_ref(), served.world.place().dir.as_os_str()])
        .arg("--high-water")
        .arg(served.world.place().high_water.unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("chmod 600"), "{said}");
}
