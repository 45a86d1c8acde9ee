//! TLS as `serve` speaks it, with OpenSSL on the other side: who is answered and who is not, certificates that are renewed,
//! and files that it does not start with.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::caller::secret;
use crate::support::cli::{Cli, Running, write_password};
use crate::support::world::{On, World};

const LIMIT: Duration = Duration::from_secs(60);

const SETTINGS: &str = "\
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[leaf]
basicConstraints = critical, CA:FALSE
subjectAltName = IP:127.0.0.1
[ca]
default_ca = issue
[issue]
database = issued
new_certs_dir = .
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
x509_extensions = leaf
[any]
commonName = supplied
";

/// Authorities, and what they vouch for, as NAME.pem and NAME.key in a folder.
struct Authorities(PathBuf);

impl Authorities {
    /// Two of them, `ours` and `theirs`.
    fn beside(world: &World) -> Authorities {
        let folder = world.dir.path().join("tls");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("settings"), SETTINGS).unwrap();
        fs::write(folder.join("issued"), "").unwrap();
        let made = Authorities(folder);
        for name in ["ours", "theirs"] {
            let how = "req -x509 -extensions authority -days 2";
            made.openssl(&format!("{how} {} -out {name}.pem", request(name)));
        }
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn openssl(&self, args: &str) {
        let mut openssl = Command::new("openssl");
        openssl.args(args.split(' ')).current_dir(&self.0);
        let done =
            openssl.output().unwrap_or_else(|e| panic!("openssl: {e}; `tests/run --tools` installs it"));
        assert!(done.status.success(), "openssl {args}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// A certificate of one of them, good until the end of a year.
    fn vouches(&self, authority: &str, name: &str, until: u16) {
        self.openssl(&format!("req -new {} -out {name}.csr", request(name)));
        self.openssl(&format!(
            "ca -batch -notext -config settings -cert {authority}.pem -keyfile {authority}.key \
             -startdate 20200101000000Z -enddate {until}1231235959Z -in {name}.csr -out {name}.pem"
        ));
    }
}

fn request(name: &str) -> String {
    format!(
        "-config settings -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN={name} -keyout {name}.key"
    )
}

/// A world, and beside it a certificate for its server.
fn furnished() -> (World, Authorities) {
    let world = World::new(On::Sqlite);
    let made = Authorities::beside(&world);
    made.vouches("ours", "server", 2049);
    (world, made)
}

/// The command line on a world's vault.
fn operator(world: &World) -> Cli {
    let place = world.place();
    let cli = Cli::new(place.dir).database(&world.url).folder(world.dir.path());
    cli.global("--high-water").global(place.high_water.unwrap()).env("RUST_LOG", "countersign=info")
}

const LISTEN: [&str; 4] = ["serve", "--json", "--listen", "127.0.0.1:0"];
const OURS: [&str; 4] = ["--tls-cert", "tls/server.pem", "--tls-key", "tls/server.key"];

/// The program, serving a world.
struct Serving {
    running: Running,
    address: SocketAddr,
    folder: PathBuf,
}

impl Serving {
    fn start(cli: &Cli, more: &[&str], folder: &Path) -> Serving {
        let mut running = cli.spawn(&[&LISTEN[..], more].concat());
        let said = running.wait_for("{\"address\"", LIMIT);
        // What it logs may stand before it on the same line.
        let said = &said[said.find("{\"address\"").unwrap()..];
        let told: Value = serde_json::Deserializer::from_str(said).into_iter().next().unwrap().unwrap();
        Serving {
            running,
            address: told["address"].as_str().unwrap().parse().unwrap(),
            folder: folder.into(),
        }
    }

    fn stop(self) {
        self.running.terminate();
        self.running.wait().ok();
    }

    fn hang_up(&self) {
        let told = Command::new("kill").args(["-HUP", &self.running.id().to_string()]).status();
        assert!(told.unwrap().success());
    }

    /// What OpenSSL got over a connection on which this was sent, and what it said of it; it believes `ours` alone, if
    /// no other is named.
    fn client(&self, more: &[&str], sent: &str) -> (String, String) {
        let mut child = self.connected(more);
        // Who is not let in may be gone before it is sent.
        let _ = child.stdin.take().unwrap().write_all(sent.as_bytes());
        let done = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&done.stdout), text(&done.stderr))
    }

    fn connected(&self, more: &[&str]) -> Child {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-quiet", "-verify_return_error", "-verify_ip", "127.0.0.1", "-connect"]);
        openssl.arg(self.address.to_string()).args(more).current_dir(&self.folder);
        if !more.contains(&"-CAfile") {
            openssl.args(["-CAfile", "ours.pem"]);
        }
        openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        openssl.spawn().unwrap()
    }

    /// The whole answer to a request.
    fn answer(&self, more: &[&str], request: &str) -> String {
        let (answer, said) = self.client(more, request);
        assert!(answer.starts_with("HTTP/1.1 2"), "{more:?}: {answer}\n{said}");
        answer
    }

    /// Nothing is answered; with which alert (RFC 8446, 6) the server ends the handshake. Nothing is sent, so that no
    /// byte that nobody takes can keep the alert from being read.
    fn alert(&self, more: &[&str]) -> u8 {
        assert_eq!(self.client(more, &get("/livez", "")).0, "", "{more:?}");
        let said = self.client(more, "").1;
        let number = said.split("SSL alert number ").nth(1).and_then(|rest| rest.split_whitespace().next());
        number.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{more:?}: no alert in {said}"))
    }
}

/// A connection that stays open.
struct Open(Child);

impl Open {
    fn send(&mut self, text: &str) {
        self.0.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// What comes, to the end of a head.
    fn head(&mut self) -> String {
        let (mut got, mut byte) = (String::new(), [0]);
        while !got.ends_with("\r\n\r\n") {
            self.0.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap_or_else(|e| panic!("{e}: {got}"));
            got.push(char::from(byte[0]));
        }
        got
    }

    /// What else comes until the server ends it; sooner than it ends one on which nothing is asked.
    fn rest(mut self) -> String {
        let (tell, told) = mpsc::channel();
        let mut stdout = self.0.stdout.take().unwrap();
        thread::spawn(move || {
            let mut got = String::new();
            let _ = stdout.read_to_string(&mut got);
            tell.send(got)
        });
        let got = told.recv_timeout(Duration::from_secs(20)).expect("the server ends it");
        self.0.wait().unwrap();
        got
    }
}

fn get(path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{more}\r\n")
}

/// What stands behind a header's name.
fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next()?;
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

const HANDSHAKE_FAILURE: u8 = 40;
const PROTOCOL_VERSION: u8 = 70;
const UNKNOWN_CA: u8 = 48;
const CERTIFICATE_EXPIRED: u8 = 45;
const CERTIFICATE_REQUIRED: u8 = 116;

/// Somebody signs in and is known by the cookie, a browser is told to come no other way, and without TLS nobody is answered.
#[test]
fn who_speaks_tls_is_answered_and_nobody_else() {
    let (world, made) = furnished();
    let cli = operator(&world);
    let server = Serving::start(&cli, &OURS, &made.0);
    for version in ["-tls1_2", "-tls1_3"] {
        let alive = server.answer(&[version], &get("/livez", ""));
        assert_eq!(header(&alive, "strict-transport-security"), Some("max-age=63072000"), "{alive}");
        // What is refused says it too.
        let (refused, _) = server.client(&[version], &get("/api/v1/session", ""));
        assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
        assert_eq!(header(&refused, "strict-transport-security"), Some("max-age=63072000"), "{refused}");
    }
    // The older ones it does not speak; which alert it is depends on how much the hello leaves out.
    for version in ["-tls1", "-tls1_1"] {
        let told = server.alert(&[version, "-cipher", "DEFAULT@SECLEVEL=0"]);
        assert!([HANDSHAKE_FAILURE, PROTOCOL_VERSION].contains(&told), "{version}: {told}");
    }
    let body = json!({ "login": "s1.counter", "password": secret("s1.counter") }).to_string();
    let opened = server.answer(
        &[],
        &format!(
            "POST /api/v1/session HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    let cookie = header(&opened, "set-cookie").unwrap();
    let (pair, how) = cookie.split_once("; ").unwrap();
    assert!(pair.starts_with("__Host-countersign="), "{cookie}");
    assert!(how.starts_with("Path=/; ") && how.contains("; Secure; HttpOnly; SameSite=Strict"), "{cookie}");
    assert!(!how.contains("Domain"), "{cookie}");
    let me = server.answer(&[], &get("/api/v1/session", &format!("cookie: {pair}\r\n")));
    assert!(me.contains("\"login\":\"s1.counter\""), "{me}");
    // Without TLS: an alert at most, and never a word of HTTP.
    let mut plain = TcpStream::connect(server.address).unwrap();
    plain.write_all(get("/livez", "").as_bytes()).unwrap();
    let mut got = Vec::new();
    let _ = plain.read_to_end(&mut got);
    assert!(got.is_empty() || (got[0] == 21 && got.len() == 7), "{}", String::from_utf8_lossy(&got));
    // Our own client: with the authority, and with none or another.
    write_password(world.dir.path(), "s1.counter", &secret("s1.counter"));
    let afar = Cli::new(world.dir.path().join("afar")).bare().folder(world.dir.path());
    let login = |scheme: &str, more: &[&str]| {
        let at = format!("{scheme}://{}", server.address);
        let who = ["login", "--as", "s1.counter", "--password-file", "s1.counter.password", "--server", &at];
        afar.run(&[&who[..], more].concat())
    };
    login("https", &["--ca-file", "tls/ours.pem"]).ok();
    for more in [&[][..], &["--ca-file", "tls/theirs.pem"]] {
        let refused = login("https", more).expect_code(3);
        assert!(refused.stderr.contains("hint: ") && refused.stderr.contains("--ca-file"), "{refused}");
    }
    login("http", &[]).expect_code(3);
    server.stop();
    // Whoever comes without TLS is not told that there is one.
    let server = Serving::start(&cli, &[], &made.0);
    let mut plain = TcpStream::connect(server.address).unwrap();
    plain.write_all(get("/livez", "").as_bytes()).unwrap();
    let mut alive = String::new();
    plain.read_to_string(&mut alive).unwrap();
    assert!(
        alive.starts_with("HTTP/1.1 204") && header(&alive, "x-content-type-options").is_some(),
        "{alive}"
    );
    assert_eq!(header(&alive, "strict-transport-security"), None);
    server.stop();
}

/// With an authority for clients, by the settings' file: only who holds a certificate of it that is good today.
#[test]
fn only_clients_of_the_authority_are_let_in() {
    let (world, made) = furnished();
    made.vouches("ours", "client", 2049);
    made.vouches("ours", "expired", 2020);
    made.vouches("theirs", "stranger", 2049);
    let settings =
        "[serve]\ntls_cert = \"server.pem\"\ntls_key = \"server.key\"\ntls_client_ca = \"ours.pem\"\n";
    fs::write(made.path("settings.toml"), settings).unwrap();
    let cli = operator(&world).global("--config").global("tls/settings.toml");
    let server = Serving::start(&cli, &[], &made.0);
    for version in ["-tls1_2", "-tls1_3"] {
        let shown = |name: &str| {
            let (cert, key) = (format!("{name}.pem"), format!("{name}.key"));
            server.alert(&[version, "-cert", &cert, "-key", &key])
        };
        assert_eq!(server.alert(&[version]), CERTIFICATE_REQUIRED, "{version}");
        assert_eq!(shown("stranger"), UNKNOWN_CA, "{version}");
        assert_eq!(shown("expired"), CERTIFICATE_EXPIRED, "{version}");
        let alive =
            server.answer(&[version, "-cert", "client.pem", "-key", "client.key"], &get("/livez", ""));
        assert!(alive.starts_with("HTTP/1.1 204"), "{alive}");
    }
    server.stop();
}

/// SIGHUP reads the files again; what is not usable leaves what there was.
#[test]
fn a_renewed_certificate_needs_no_restart() {
    let (world, made) = furnished();
    made.vouches("theirs", "renewed", 2049);
    let mut server = Serving::start(&operator(&world), &OURS, &made.0);
    let with = |server: &Serving, authority: &str| {
        server.client(&["-CAfile", authority], &get("/livez", "")).0.starts_with("HTTP/1.1 204")
    };
    assert!(with(&server, "ours.pem") && !with(&server, "theirs.pem"));
    fs::copy(made.path("renewed.key"), made.path("server.key")).unwrap();
    server.hang_up();
    server.running.wait_for("the former go on", LIMIT);
    assert!(with(&server, "ours.pem"));
    fs::copy(made.path("renewed.pem"), made.path("server.pem")).unwrap();
    server.hang_up();
    server.running.wait_for("certificate and key read again", LIMIT);
    assert!(with(&server, "theirs.pem") && !with(&server, "ours.pem"));
    server.stop();
}

/// Another authority for clients: who came in under the former finishes what was begun, and comes in no more.
#[test]
fn a_new_authority_ends_what_the_former_let_in() {
    let (world, made) = furnished();
    made.vouches("ours", "client", 2049);
    made.vouches("theirs", "other", 2049);
    fs::copy(made.path("ours.pem"), made.path("clients.pem")).unwrap();
    let asked = [&OURS[..], &["--tls-client-ca", "tls/clients.pem"]].concat();
    let mut server = Serving::start(&operator(&world), &asked, &made.0);
    let former = ["-cert", "client.pem", "-key", "client.key"];
    let (mut idle, mut busy) = (Open(server.connected(&former)), Open(server.connected(&former)));
    idle.send("GET /livez HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(idle.head().starts_with("HTTP/1.1 204"));
    let body = json!({ "login": "s1.counter", "password": secret("s1.counter") }).to_string();
    busy.send(&format!(
        "POST /api/v1/session HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    ));
    // So it is being asked.
    assert!(busy.head().starts_with("HTTP/1.1 100"));
    fs::copy(made.path("theirs.pem"), made.path("clients.pem")).unwrap();
    server.hang_up();
    server.running.wait_for("certificate and key read again", LIMIT);
    assert_eq!(idle.rest(), "");
    busy.send(&body);
    let opened = busy.rest();
    assert!(opened.starts_with("HTTP/1.1 201"), "{opened}");
    assert_eq!(server.alert(&former), UNKNOWN_CA);
    server.answer(&["-cert", "other.pem", "-key", "other.key"], &get("/livez", ""));
    server.stop();
}

/// Nobody is served rather than without TLS, or with less of it than was asked for.
#[test]
fn without_usable_files_nobody_is_served() {
    let (world, made) = furnished();
    made.vouches("ours", "other", 2049);
    fs::write(made.path("empty"), "").unwrap();
    let begun = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    fs::write(made.path("garbage.key"), begun).unwrap();
    fs::write(made.path("garbage.pem"), begun.replace("PRIVATE KEY", "CERTIFICATE")).unwrap();
    made.openssl("pkey -in server.key -aes256 -passout pass:words -out locked.key");
    let cli = operator(&world);
    let refused = |args: &[&str], exit: i32, code: &str, words: &str| {
        let args: Vec<&OsStr> = LISTEN.iter().chain(args).map(OsStr::new).collect();
        let told = cli.run(&args).expect_code(exit);
        assert_eq!(told.json()["error"]["code"], code, "{told}");
        assert!(told.stderr.contains(words) && told.stderr.contains("\nhint: "), "{told}");
        assert!(!told.stderr.contains("Serving on"), "{told}");
    };
    for (cert, key, words) in [
        ("server.pem", "other.key", "tls/other.key: it is not the key of tls/server.pem"),
        ("server.pem", "none.key", "tls/none.key: No such file"),
        ("server.pem", "empty", "tls/empty: it holds no private key"),
        ("server.pem", "server.pem", "tls/server.pem: it holds no private key"),
        ("server.pem", "locked.key", "tls/locked.key: it holds no private key"),
        ("server.pem", "garbage.key", "tls/garbage.key: "),
        ("none.pem", "server.key", "tls/none.pem: No such file"),
        ("empty", "server.key", "tls/empty: it holds no certificate"),
        ("server.key", "server.key", "tls/server.key: it holds no certificate"),
        ("garbage.pem", "server.key", "tls/garbage.pem: "),
    ] {
        let (cert, key) = (format!("tls/{cert}"), format!("tls/{key}"));
        refused(&["--tls-cert", &cert, "--tls-key", &key], 1, "bad_tls", words);
    }
    for (authority, words) in [
        ("tls/none.pem", "tls/none.pem: No such file"),
        ("tls/empty", "tls/empty: it holds no certificate"),
        ("tls/garbage.pem", "tls/garbage.pem: "),
    ] {
        refused(&[&OURS[..], &["--tls-client-ca", authority]].concat(), 1, "bad_tls", words);
    }
    // Half of what TLS wants is not taken for none.
    let wants = "TLS wants a certificate and its key";
    refused(&["--tls-client-ca", "tls/ours.pem"], 64, "usage", wants);
    fs::write(made.path("half.toml"), "[serve]\ntls_key = \"server.key\"\n").unwrap();
    refused(&["--config", "tls/half.toml"], 64, "usage", wants);
    cli.run(&[&LISTEN[..], &OURS[..2]].concat()).expect_code(64);
    // Beyond this machine without TLS.
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let told = cli.run(&["serve", "--json", "--listen", address]).expect_code(64);
        assert!(told.stderr.contains("without TLS the API is served on this machine only"), "{told}");
        assert!(
            told.stderr.contains("\nhint: name --tls-cert and --tls-key, or listen on 127.0.0.1"),
            "{told}"
        );
    }
    // The same files where they fit.
    Serving::start(&cli, &OURS, &made.0).stop();
}
