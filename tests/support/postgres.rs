//! A private PostgreSQL for one test process: made when first asked for, gone when the process is.
//!
//! The server listens on a Unix socket in its own folder only, so tests of several clones or users
//! never meet. Durability settings stay as PostgreSQL ships them (fsync, synchronous_commit and
//! full_page_writes on), because the product refuses to start on anything less.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, postgres::PgConnectOptions};

/// How long the server may take until it answers; a loaded machine with two cores takes a second.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Starts the server and outlives the test process, which holds the other end of its standard
/// input. The kernel closes that end however the process ends, by SIGKILL too; then the server is
/// stopped by its own process id and its folder removed. Nothing in there is worth a clean stop.
const GUARD: &str = r#"
folder=$1; shift
"$@" </dev/null >"$folder/server.log" 2>&1 &
server=$!
echo "$server"
exec >/dev/null
while read -r _; do :; done
kill -QUIT "$server" 2>/dev/null
wait "$server"
rm -rf "$folder"
"#;

/// The running server. The guard's standard input lives in here: never dropped, closed by the kernel.
struct Server {
    folder: PathBuf,
    pid: u32,
    guard: Child,
}

static SERVER: OnceLock<Server> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(1);

/// Makes a new, empty database and gives its URL, for sqlx and for `--database`. Works inside and
/// outside an async runtime.
pub fn fresh_database() -> String {
    let name = format!("t{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    execute(&url("postgres"), format!("create database {name}"));
    url(&name)
}

/// Runs SQL text (several statements may be in it) on the database of `url`, as a database
/// administrator could: how tests tamper.
pub fn execute(url: &str, sql: String) {
    let options: PgConnectOptions = url.parse().expect("our own URL");
    on_own_runtime(async move {
        let mut connection = options.disable_statement_logging().connect().await?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
        connection.close().await
    })
    .unwrap_or_else(|e| panic!("PostgreSQL refused: {e}"));
}

/// The folder with the server's data, its write-ahead log and `server.log`: for scans of what was stored.
pub fn data_folder() -> PathBuf {
    server().folder.clone()
}

/// Process id of the server (the postmaster).
pub fn server_pid() -> u32 {
    server().pid
}

/// Process id of the guard that stops the server.
pub fn guard_pid() -> u32 {
    server().guard.id()
}

fn url(database: &str) -> String {
    // The port names the socket file; said here so that PGPORT of the environment cannot change it.
    format!("postgres://postgres@localhost:5432/{database}?host={}", percent(&server().folder))
}

fn server() -> &'static Server {
    SERVER.get_or_init(start)
}

fn start() -> Server {
    let bin = server_binaries().expect(
        "PostgreSQL 15+ server binaries (initdb, postgres) not found; ./tests/run says how to install them",
    );
    let folder = own_folder();
    let data = folder.join("data");
    let made = unprivileged(&folder, &bin.join("initdb"))
        .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
        .arg(&data)
        .output()
        .expect("initdb starts");
    assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));

    let mut postgres = unprivileged(&folder, &bin.join("postgres"));
    postgres.arg("-D").arg(&data).args(["-p", "5432"]);
    for setting in [
        "listen_addresses=".to_owned(),
        format!("unix_socket_directories={}", folder.display()),
        "shared_buffers=32MB".to_owned(),
        "max_connections=200".to_owned(),
        "log_min_messages=warning".to_owned(),
    ] {
        postgres.arg("-c").arg(setting);
    }
    let (guard, pid) = start_guard(&folder, &postgres);
    let server = Server { folder, pid, guard };
    wait_until_ready(&server);
    server
}

/// Runs `postgres` below the guard; gives the guard and the server's own process id.
fn start_guard(folder: &Path, postgres: &Command) -> (Child, u32) {
    let mut guard = Command::new("sh");
    guard.args(["-c", GUARD, "guard"]).arg(folder).arg(postgres.get_program()).args(postgres.get_args());
    clean(&mut guard, folder);
    let mut guard = guard
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // Ctrl-C goes to the whole foreground group: the guard must outlive it.
        .process_group(0)
        .spawn()
        .expect("sh starts");
    let mut line = String::new();
    BufReader::new(guard.stdout.take().expect("piped")).read_line(&mut line).expect("the guard answers");
    let pid = line.trim().parse().expect("a process id");
    (guard, pid)
}

fn wait_until_ready(server: &Server) {
    let options = PgConnectOptions::new_without_pgpass()
        .socket(&server.folder)
        .port(5432)
        .username("postgres")
        .database("postgres");
    let started = Instant::now();
    loop {
        let options = options.clone();
        let tried = on_own_runtime(async move { options.connect().await?.close().await });
        match tried {
            Ok(()) => return,
            Err(e) if started.elapsed() > START_LIMIT => {
                let log = fs::read_to_string(server.folder.join("server.log")).unwrap_or_default();
                panic!("PostgreSQL does not answer after {START_LIMIT:?}: {e}\n{log}");
            }
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// The newest server on this machine: Debian's folders, then the common other ones, then PATH.
fn server_binaries() -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for (parent, prefix) in [("/usr/lib/postgresql", ""), ("/usr", "pgsql-")] {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(version) = name.strip_prefix(prefix).and_then(|v| v.parse().ok()) {
                found.push((version, entry.path().join("bin")));
            }
        }
    }
    found.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = found.into_iter().rev().map(|(_, bin)| bin).chain(std::env::split_paths(&path));
    candidates.find(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file())
}

/// A new folder, owned by the user the server will run as. Its path must be short, as a socket's
/// path ends at 107 bytes, and open to that user, which a root's own TMPDIR may not be.
fn own_folder() -> PathBuf {
    let mut parent = std::env::temp_dir();
    if is_root() || parent.as_os_str().len() > 60 {
        parent = PathBuf::from("/tmp");
    }
    let folder = tempfile::Builder::new().prefix("cs-pg-").tempdir_in(parent).expect("a folder").keep();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("our own folder");
    if is_root() {
        let done = Command::new("chown").arg("postgres:postgres").arg(&folder).status().expect("chown");
        assert!(done.success(), "the user postgres is missing; Debian's package postgresql makes it");
    }
    folder
}

/// PostgreSQL refuses to run as root: there it becomes the user its package made.
fn unprivileged(folder: &Path, program: &Path) -> Command {
    let mut command;
    if is_root() {
        command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    } else {
        command = Command::new(program);
    }
    clean(&mut command, folder);
    command
}

/// No PG* settings of the environment, and a working folder that the server's user may enter.
fn clean(command: &mut Command, folder: &Path) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C.UTF-8").current_dir(folder);
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Every byte outside the unreserved ones of RFC 3986 §2.3 as `%XX`.
fn percent(path: &Path) -> String {
    let mut text = String::new();
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(byte as char),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// A runtime on a thread of its own: callers may already be inside one, where blocking panics.
fn on_own_runtime<T: Send>(work: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(work)
        });
        worker.join().expect("the thread ends")
    })
}
