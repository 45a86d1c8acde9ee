//! The command line on a furnished vault: what the people of `world` would type.

use std::fs;
use std::path::{Path, PathBuf};

use super::cli::{Cli, Output, Running, write_password};
use super::world::{On, World};

/// A vault of a test's own, and the commands on it.
pub struct Desk {
    pub world: World,
    pub cli: Cli,
}

impl Desk {
    /// A copy of the furnished vault on this engine.
    pub fn new(on: On) -> Desk {
        let world = World::new(on);
        let dir = world.dir.path();
        fs::create_dir_all(dir.join("passwords")).expect("our own folder");
        let mark = dir.join("state/high-water");
        let cli =
            Cli::new(dir.join("data")).database(&world.url).global("--high-water").global(mark).folder(dir);
        Desk { world, cli }
    }

    /// The folder that holds the data folder and everything beside it.
    pub fn dir(&self) -> &Path {
        self.world.dir.path()
    }

    /// Writes a file beside the data folder.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir().join(name);
        fs::write(&path, bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        path
    }

    /// The arguments with the person and their password file.
    pub fn words(&self, login: &str, args: &[&str]) -> Vec<String> {
        let file = write_password(&self.dir().join("passwords"), login, &format!("pass word of {login}"));
        let mut words: Vec<String> = args.iter().map(|word| (*word).to_owned()).collect();
        words.extend(["--as", login, "--password-file"].map(str::to_owned));
        words.push(file.display().to_string());
        words
    }

    /// Runs a command as a person.
    pub fn by(&self, login: &str, args: &[&str]) -> Output {
        self.cli.run(&self.words(login, args))
    }

    /// Runs a command as a person, with something on standard input.
    pub fn by_with(&self, login: &str, args: &[&str], stdin: &str) -> Output {
        self.cli.run_with(&self.words(login, args), stdin.as_bytes())
    }

    /// Starts a command as a person.
    pub fn start(&self, login: &str, args: &[&str]) -> Running {
        self.cli.spawn(&self.words(login, args))
    }

    /// How many entries the log has; everything under it fits.
    #[track_caller]
    pub fn verified(&self) -> u64 {
        let output = self.cli.run(&["audit", "verify", "--deep", "--json"]).ok();
        assert_eq!(output.json()["verified"], true, "{output}");
        output.json()["size"].as_u64().expect("a number")
    }
}
