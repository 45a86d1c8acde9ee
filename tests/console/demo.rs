//! A demo vault as a newcomer meets it: whom to try stands on its sign-in page, there and nowhere else.
//!
//! `PICTURES=overwrite` takes the pictures of the documentation on it too, into docs/pictures: light and dark, in both
//! languages.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser::{Browser, ENGLISH, WIDE, Window, said};
use crate::caller::{Caller, Served};
use crate::support::world::On;

/// The vault that `countersign demo` makes, served by the program itself.
struct Demo {
    dir: TempDir,
    server: Child,
    address: SocketAddr,
}

impl Demo {
    fn start() -> Demo {
        let dir = tempfile::tempdir().unwrap();
        let program = || {
            let mut program = Command::new(env!("CARGO_BIN_EXE_countersign"));
            program.current_dir(dir.path()).env("XDG_STATE_HOME", dir.path().join("state"));
            program
        };
        let made = program().args(["demo", "--members", "3000"]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut server = program()
            .args(["serve", "--data", "countersign-demo", "--listen", "127.0.0.1:0", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let address = told["address"].as_str().unwrap().parse().unwrap();
        Demo { dir, server, address }
    }

    fn file(&self, path: &str) -> PathBuf {
        self.dir.path().join("countersign-demo").join(path)
    }

    fn password(&self, login: &str) -> String {
        let mut text = String::new();
        std::fs::File::open(self.file(&format!("secrets/{login}")))
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text.trim_end().to_owned()
    }

    fn caller(&self, login: &str) -> Caller {
        let mut caller = Caller::of(self.address);
        let body = json!({ "login": login, "password": self.password(login), "bearer": true });
        let opened = caller.post("/api/v1/session", &body);
        assert_eq!(opened.status, 201, "{}", opened.body);
        caller.bearer(opened.body["token"].as_str().unwrap());
        caller
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn a_newcomer_plays_each_role() {
    let demo = Demo::start();
    for window in [WIDE, ENGLISH] {
        Browser::at(demo.address, window, async |b: &Browser| {
            b.go("/sign-in").await;
            b.says(said(window, "试用各个角色", "Try a role")).await;
            let roles = b.count("ul.roles > li").await;
            assert!(roles >= 20, "{roles}");
            for n in 1..=roles {
                b.go("/sign-in").await;
                b.click(&format!("ul.roles > li:nth-child({n}) button")).await;
                b.arrives("/").await;
                b.sign_out().await;
            }
            // Who signs types the password that stands there.
            b.go("/sign-in?then=/requests").await;
            b.click("ul.roles form:has(input[value='li.na']) button").await;
            b.arrives("/requests").await;
        });
    }
    // What a proxy brings is of no newcomer at this machine.
    for (name, value) in [
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-for", "unknown"),
        ("via", "1.1 proxy"),
        ("host", "elsewhere.example"),
    ] {
        let mut afar = Caller::of(demo.address);
        afar.headers.push((name.into(), value.into()));
        let page = afar.get("/sign-in").text();
        assert!(
            !page.contains("class=\"roles\"") && !page.contains(&demo.password("li.na")),
            "{name}: {value}"
        );
    }
}

#[test]
fn no_other_vault_names_anybody() {
    let served = Served::start(On::Sqlite);
    // Even with such files beside it.
    let secrets = served.world.place().dir.join("secrets");
    std::fs::create_dir(&secrets).unwrap();
    std::fs::write(secrets.join("admin"), "a password").unwrap();
    let page = served.nobody().get("/sign-in").text();
    assert!(!page.contains("class=\"roles\"") && !page.contains("a password"));
}

/// What is shown: name of the picture, who looks, and where.
const PICTURES: [(&str, &str, &str); 8] = [
    ("sign-in", "", "/sign-in"),
    ("sign", "wang.qiang", "/requests/{waits}"),
    ("selection", "li.na", "/requests/{draft}/selection"),
    ("request", "li.na", "/requests/CS2026-HQ-0001"),
    ("packages", "zhao.min", "/packages"),
    ("calendar", "zhao.min", "/requests/calendar"),
    ("member", "liu.yang", "/members"),
    ("log", "wu.jun", "/audit"),
];

#[test]
fn the_pictures_are_there() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
    if std::env::var_os("PICTURES").is_some_and(|v| v == "overwrite") {
        take(&folder);
    }
    for readme in ["README.md", "README.zh-CN.md"] {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(readme)).unwrap();
        for (name, ..) in PICTURES {
            assert!(text.contains(&format!("docs/pictures/{name}.")), "{name} is not in {readme}");
        }
    }
    for (name, ..) in PICTURES {
        for how in ["zh.light", "zh.dark", "en.light", "en.dark"] {
            let picture = std::fs::read(folder.join(format!("{name}.{how}.png")));
            assert!(picture.is_ok_and(|bytes| bytes.starts_with(b"\x89PNG")), "{name}.{how}.png");
        }
    }
}

fn take(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let demo = Demo::start();
    let (draft, waits) = asked(&demo);
    for (lang, window) in [("zh", WIDE), ("en", ENGLISH)] {
        for (light, dark) in [("light", false), ("dark", true)] {
            Browser::at(demo.address, Window { dark, ..window }, async |b: &Browser| {
                for (name, who, path) in PICTURES {
                    let path = path.replace("{draft}", &draft).replace("{waits}", &waits);
                    if !who.is_empty() {
                        b.go("/sign-in").await;
                        b.click(&format!("ul.roles form:has(input[value='{who}']) button")).await;
                        b.arrives("/").await;
                    }
                    b.go(&path).await;
                    if name == "member" {
                        b.choose("select[name=by]", "card").await;
                        b.write("form.search input[name=value]", "880000007").await;
                        b.click("form.search button").await;
                        b.click("article.found button").await;
                        b.arrives("/members/record").await;
                    }
                    if name == "selection" {
                        b.click("button[value=save].secondary").await;
                        b.sees("table.fall").await;
                    }
                    b.picture(&folder.join(format!("{name}.{lang}.{light}.png"))).await;
                    if !who.is_empty() {
                        b.sign_out().await;
                    }
                }
            });
        }
    }
}

/// A draft, and a request that waits for its first signature.
fn asked(demo: &Demo) -> (String, String) {
    let asks = demo.caller("li.na");
    let form = |campaign: &str| {
        json!({
            "unit": "HQ-MKT", "purpose": "promotion", "campaign": campaign, "channel": "sms", "fields": ["mobile"],
            "vendor": "SMS1", "receiver": "zhao.min", "window": { "from": "2027-03-01", "to": "2027-03-14" },
            "destroy_by": "2027-03-31", "row_limit": 20000, "impact_assessment": "PIA-2027-02", "reason": "告知春季新品",
            "selection": { "all": [
                { "attribute": "tier", "in": ["gold", "platinum"] },
                { "any": [
                    { "attribute": "home_store", "in": ["S001"] },
                    { "attribute": "spend_total", "at_least": "2000.00" },
                ] },
            ] },
        })
    };
    let number = |campaign: &str| {
        let drafted = asks.post("/api/v1/requests", &form(campaign));
        assert_eq!(drafted.status, 201, "{}", drafted.body);
        drafted.body["no"].as_str().unwrap().to_owned()
    };
    let (draft, waits) = (number("春季新品预告"), number("春季新品"));
    let submitted = asks.post(&format!("/api/v1/requests/{waits}/submit"), &json!({}));
    assert_eq!(submitted.code(), "done", "{}", submitted.body);
    (draft, waits)
}

/// In one command, at the usual port of this machine: whoever is told of on the sign-in page is let in.
#[test]
fn one_command_leaves_it_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .current_dir(dir.path())
        .env("XDG_STATE_HOME", dir.path().join("state"))
        .args(["demo", "--members", "1000", "--serve"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let address: SocketAddr = "127.0.0.1:8470".parse().unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    while TcpStream::connect(address).is_err() {
        assert!(server.try_wait().unwrap().is_none(), "it ended: does something else have its port?");
        assert!(Instant::now() < deadline, "nothing listens there");
        std::thread::sleep(Duration::from_millis(50));
    }
    let page = Caller::of(address).get("/sign-in").text();
    assert!(page.contains("class=\"roles\"") && page.contains("li.na"), "{page}");
    let password = std::fs::read_to_string(dir.path().join("countersign-demo/secrets/li.na")).unwrap();
    let opened = Caller::of(address)
        .post("/api/v1/session", &json!({ "login": "li.na", "password": password.trim_end() }));
    assert_eq!(opened.status, 201, "{}", opened.text());
    assert!(Command::new("kill").arg(server.id().to_string()).status().unwrap().success());
    assert!(server.wait().unwrap().success(), "SIGTERM ends it in order");
}
