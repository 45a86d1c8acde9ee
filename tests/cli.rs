//! The command line's manual, run: each `tests/cli/*.txt` is a transcript of commands with what they say.
//!
//! ```text
//! # a comment
//! $ countersign member show 88000001 --as he.fang --password-file he.fang.password
//! < a line for standard input
//! a line of standard output
//! ! a line of standard error
//! [exit 1]                          unless it is 0
//! -- org.toml --                    at the end: files that are there before the first command
//! ```
//! `…` stands for anything within a line; alone in a line (or `! …`) for any number of lines. Otherwise both
//! streams must be as written, whole. `{year}`, `{clone}` and `{names}` that a transcript's test gives are
//! put in. Commands run in a folder of their own with a vault in `data`.

mod support;

#[path = "cli/erasure.rs"]
mod erasure;
#[path = "cli/remote.rs"]
mod remote;
#[path = "cli/transcript.rs"]
mod transcript;

use support::cli::{Cli, write_password};
use support::desk::Desk;
use support::world::{BOTH, ORG, On};
use transcript::play;

/// From nothing to a vault with its people.
#[test]
fn a_vault_is_set_up() {
    let dir = tempfile::tempdir().unwrap();
    let cli = Cli::new(dir.path().join("data")).bare().env("COUNTERSIGN_DATA", "data").folder(dir.path());
    for login in ["zhou.jie", "zheng.tao", "zhou.ying", "li.na", "li.na.new", "wu.jun"] {
        write_password(dir.path(), login, &format!("the password of {login}"));
    }
    std::fs::create_dir(dir.path().join("policies")).unwrap();
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/policies")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), dir.path().join("policies").join(file.file_name())).unwrap();
    }
    play(include_str!("cli/setup.txt"), &cli, dir.path(), &[]);
}

/// Members, on the furnished vault.
#[test]
fn members_are_kept() {
    for on in BOTH {
        let desk = furnished(on);
        let other = desk.world.members.accepted().find(|row| row.store == "S002").unwrap();
        let names = [("other", &*other.card)];
        play(include_str!("cli/members.txt"), &desk.cli, desk.dir(), &names);
    }
}

/// A list, from the draft to the vendor.
#[test]
fn a_list_is_asked_for_signed_and_released() {
    for on in BOTH {
        let desk = furnished(on);
        play(include_str!("cli/release.txt"), &desk.cli, desk.dir(), &[]);
    }
}

/// Tokens for programs, made, listed and revoked.
#[test]
fn tokens_are_made_and_revoked() {
    for on in BOTH {
        let desk = furnished(on);
        play(include_str!("cli/tokens.txt"), &desk.cli, desk.dir(), &[]);
    }
}

/// What the command line says of itself, and measuring.
#[test]
fn usage_and_measuring() {
    let dir = tempfile::tempdir().unwrap();
    let cli = Cli::new(dir.path().join("data")).bare().env("COUNTERSIGN_DATA", "data").folder(dir.path());
    let clone = env!("CARGO_MANIFEST_DIR");
    play(include_str!("cli/usage.txt"), &cli, dir.path(), &[("clone", clone)]);
}

/// The furnished vault, its people's password files and its organisation's file.
fn furnished(on: On) -> Desk {
    let desk = Desk::new(on);
    for login in ORG.lines().filter_map(|line| line.strip_prefix("login = \"")?.strip_suffix('"')) {
        write_password(desk.dir(), login, &format!("pass word of {login}"));
    }
    desk
}
