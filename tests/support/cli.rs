//! Runs the built binary as a person or a script would, in an environment of its own.

use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A command that takes longer hangs (waits for a prompt, a lock): the test fails instead of waiting.
const TIME_LIMIT: Duration = Duration::from_secs(600);

/// One vault's folder and the environment its commands run in.
///
/// Nothing of the caller's environment comes through but `PATH` (and what a coverage run needs).
/// `HOME`, `XDG_STATE_HOME` and `TMPDIR` are folders beside the data folder, `DIR-home`,
/// `DIR-state` and `DIR-tmp`, so that two `Cli` of one vault share a high-water mark and a scan knows
/// where to look. So the data folder should be one inside a scratch folder, not the scratch folder itself.
#[derive(Clone)]
pub struct Cli {
    program: PathBuf,
    data: PathBuf,
    globals: Vec<OsString>,
    folder: Option<PathBuf>,
    env: Vec<(OsString, OsString)>,
}

impl Cli {
    /// Commands on the vault in `data_dir`, passed as `--data`.
    pub fn new(data_dir: impl Into<PathBuf>) -> Cli {
        let data = data_dir.into();
        let globals = vec!["--data".into(), data.clone().into()];
        let program = PathBuf::from(env!("CARGO_BIN_EXE_countersign"));
        let cli = Cli { program, data, globals, folder: None, env: Vec::new() };
        for folder in [cli.home(), cli.state(), cli.tmp()] {
            fs::create_dir_all(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        }
        cli
    }

    /// Without `--data` and any other global argument: for `demo`, `evidence verify`, usage errors.
    pub fn bare(mut self) -> Cli {
        self.globals.clear();
        self
    }

    /// On this database (`--database URL`).
    pub fn database(self, url: &str) -> Cli {
        self.global("--database").global(url)
    }

    /// One more argument before the command.
    pub fn global(mut self, argument: impl Into<OsString>) -> Cli {
        self.globals.push(argument.into());
        self
    }

    /// One more environment variable.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Cli {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Run in this folder, where relative paths start.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Cli {
        self.folder = Some(folder.into());
        self
    }

    /// Another program than the built binary: for tests of this file, and to run it below `setpriv` or `sh`.
    pub fn program(mut self, program: impl Into<PathBuf>) -> Cli {
        self.program = program.into();
        self
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// `HOME` of the commands.
    pub fn home(&self) -> PathBuf {
        self.beside("home")
    }

    /// `XDG_STATE_HOME` of the commands, where the high-water mark is kept.
    pub fn state(&self) -> PathBuf {
        self.beside("state")
    }

    /// `TMPDIR` of the commands.
    pub fn tmp(&self) -> PathBuf {
        self.beside("tmp")
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut path = self.data.clone().into_os_string();
        path.push("-");
        path.push(suffix);
        path.into()
    }

    /// Runs to the end, with nothing on standard input.
    pub fn run<A: AsRef<OsStr>>(&self, args: &[A]) -> Output {
        self.spawn(args).wait()
    }

    /// Runs to the end with `stdin` on standard input.
    pub fn run_with<A: AsRef<OsStr>>(&self, args: &[A], stdin: &[u8]) -> Output {
        self.spawn_with(args, Some(stdin)).wait()
    }

    /// Starts without waiting.
    pub fn spawn<A: AsRef<OsStr>>(&self, args: &[A]) -> Running {
        self.spawn_with(args, None)
    }

    /// Starts without waiting, with `stdin` on standard input.
    pub fn spawn_with<A: AsRef<OsStr>>(&self, args: &[A], stdin: Option<&[u8]>) -> Running {
        let mut command = self.command(args);
        command.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child =
            command.spawn().unwrap_or_else(|e| panic!("{} does not start: {e}", self.program.display()));
        if let (Some(mut pipe), Some(bytes)) = (child.stdin.take(), stdin.map(<[u8]>::to_vec)) {
            // A thread of its own, since a command that writes first would wait for us for ever. A
            // command may end without reading all: then the pipe is broken and that is its right.
            thread::spawn(move || drop(pipe.write_all(&bytes)));
        }
        let stdout = Gathered::from(child.stdout.take().expect("piped"));
        let stderr = Gathered::from(child.stderr.take().expect("piped"));
        Running { child, stdout, stderr, started: Instant::now(), what: command_text(args) }
    }

    fn command<A: AsRef<OsStr>>(&self, args: &[A]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.globals).args(args).env_clear();
        for name in ["PATH", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command.env("LANG", "C.UTF-8").env("HOME", self.home());
        command.env("XDG_STATE_HOME", self.state()).env("TMPDIR", self.tmp());
        command.envs(self.env.iter().map(|(n, v)| (n, v)));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// Writes a password file as the product wants it: only its owner may read it. Gives its path.
pub fn write_password(folder: &Path, login: &str, password: &str) -> PathBuf {
    let path = folder.join(format!("{login}.password"));
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
    file.and_then(|mut file| writeln!(file, "{password}"))
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    path
}

/// What a command left: its exit code and its words.
#[derive(Debug, Clone)]
pub struct Output {
    /// Exit code; 128 + signal when a signal ended it, as a shell says it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    /// The last line of stdout, when it is JSON.
    pub json: Option<serde_json::Value>,
    /// From start to end.
    pub took: Duration,
    what: String,
}

impl Output {
    /// Panics with the command's words unless it ended with `code`.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Output {
        assert!(self.code == code, "expected exit {code}, got {self}");
        self
    }

    /// Panics with the command's words unless it ended well.
    #[track_caller]
    pub fn ok(self) -> Output {
        self.expect_code(0)
    }

    /// The JSON of the last line. Panics when there is none.
    #[track_caller]
    pub fn json(&self) -> &serde_json::Value {
        self.json.as_ref().unwrap_or_else(|| panic!("no JSON on the last line: {self}"))
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Output { code, stdout, stderr, what, .. } = self;
        write!(f, "exit {code} of `{what}`\n-- stdout\n{stdout}\n-- stderr\n{stderr}")
    }
}

/// A command that has been started. Dropped while it runs, it is killed: a failing test leaves nothing behind.
pub struct Running {
    child: Child,
    stdout: Gathered,
    stderr: Gathered,
    started: Instant,
    what: String,
}

impl Running {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_none()
    }

    /// Ends it with SIGKILL, as a power cut would, and gives what it had said. One that had already
    /// ended keeps its own exit code, so a test can count the kills that were kills (`code == 137`).
    pub fn kill(mut self) -> Output {
        self.child.kill().expect("our own child");
        self.wait()
    }

    /// Asks it to stop with SIGTERM; `wait` then gives what came of it.
    pub fn terminate(&self) {
        let asked = Command::new("kill").arg("-TERM").arg(self.id().to_string()).status();
        assert!(asked.is_ok_and(|s| s.success()), "kill -TERM failed");
    }

    /// Waits until standard error or standard output holds `text`, and gives all of the two until
    /// then. Panics when it ends before, or takes longer than `limit`.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str, limit: Duration) -> String {
        let started = Instant::now();
        loop {
            let ended = !self.is_running();
            let said = format!("{}{}", self.stderr.text(), self.stdout.text());
            if said.contains(text) {
                return said;
            }
            assert!(!ended, "`{}` ended without saying {text:?}:\n{said}", self.what);
            assert!(started.elapsed() < limit, "`{}` did not say {text:?}:\n{said}", self.what);
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for its end. Panics, and kills it, after ten minutes.
    #[track_caller]
    pub fn wait(mut self) -> Output {
        let status = self.status();
        let took = self.started.elapsed();
        let stdout = self.stdout.all();
        let stderr = self.stderr.all();
        let json = stdout.lines().rev().find(|l| !l.trim().is_empty());
        let json = json.and_then(|line| serde_json::from_str(line).ok());
        let code = status.code().or(status.signal().map(|s| 128 + s)).expect("one of the two");
        Output { code, stdout, stderr, json, took, what: std::mem::take(&mut self.what) }
    }

    fn status(&mut self) -> ExitStatus {
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                return status;
            }
            let said = self.stderr.text();
            assert!(self.started.elapsed() < TIME_LIMIT, "`{}` hangs; so far:\n{said}", self.what);
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when it has already ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A pipe read to its end on a thread, so that the command never waits for us.
struct Gathered {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Gathered {
    fn from(mut pipe: impl Read + Send + 'static) -> Gathered {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut piece = [0; 16 * 1024];
            while let Ok(read @ 1..) = pipe.read(&mut piece) {
                shared.lock().expect("not poisoned").extend_from_slice(&piece[..read]);
            }
        });
        Gathered { bytes, reader: Some(reader) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().expect("not poisoned")).into_owned()
    }

    fn all(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader ends");
        }
        self.text()
    }
}

fn command_text<A: AsRef<OsStr>>(args: &[A]) -> String {
    let words: Vec<_> = args.iter().map(|a| a.as_ref().to_string_lossy()).collect();
    words.join(" ")
}
