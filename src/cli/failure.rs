//! What a command says when it did not do what was asked: exit code, stable code, rule, message, hint.

use std::borrow::Cow;
use std::io::ErrorKind;

use crate::broker;
use crate::config::ConfigError;
use crate::keyring::root::RootError;
use crate::model::refusal::Refusal;
use crate::policy::PolicyError;
use crate::store::StoreError;

/// Refused or failed; the message names the rule or the cause.
pub const REFUSED: u8 = 1;
/// Tampering, truncation, rollback, a wrong key or schema row.
pub const INTEGRITY: u8 = 2;
/// Could not run: no vault, no key, no database, no space, no turn.
pub const COULD_NOT_RUN: u8 = 3;
/// Usage.
pub const USAGE: u8 = 64;

/// An error on its way out. Holds no personal value, for it is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Exit code of the process.
    pub exit: u8,
    /// Stable code for programs.
    pub code: Cow<'static, str>,
    /// Requirement id and article, for a refusal.
    pub rule: Option<Cow<'static, str>>,
    /// What happened, in a sentence.
    pub message: String,
    /// What to do; empty when nothing helps.
    pub hint: String,
}

impl Failure {
    fn new(exit: u8, code: &'static str, message: impl ToString, hint: impl Into<String>) -> Failure {
        Failure { exit, code: code.into(), rule: None, message: message.to_string(), hint: hint.into() }
    }

    /// An input that is not usable.
    pub fn input(code: &'static str, message: impl ToString, hint: impl Into<String>) -> Failure {
        Failure::new(REFUSED, code, message, hint)
    }

    /// A file in words, and what the system said.
    pub fn file(what: impl Into<String>, cause: std::io::Error) -> Failure {
        broker::Error::file(what, cause).into()
    }

    /// The command line asks for something that cannot be meant.
    pub fn usage(message: impl ToString, hint: impl Into<String>) -> Failure {
        Failure::new(USAGE, "usage", message, hint)
    }

    /// The program could not start at all.
    pub fn no_runtime(cause: &std::io::Error) -> Failure {
        Failure::new(COULD_NOT_RUN, "no_threads", format!("no threads to run on: {cause}"), "")
    }

    /// A server that cannot be reached, or that is none of ours.
    pub fn no_server(message: impl ToString, hint: impl Into<String>) -> Failure {
        Failure::new(COULD_NOT_RUN, "server", message, hint)
    }

    /// What a server told, with the exit code that it would have had here. `busy`: not now, or not at all, for a
    /// reason that is none of the caller's.
    pub fn told(code: String, rule: Option<String>, detail: &str, hint: String, busy: bool) -> Failure {
        let exit = match code.as_str() {
            "integrity" => INTEGRITY,
            _ if busy => COULD_NOT_RUN,
            _ => REFUSED,
        };
        let message = match &rule {
            Some(rule) => format!("{detail} [{rule}]"),
            None => detail.to_owned(),
        };
        Failure { exit, code: code.into(), rule: rule.map(Cow::Owned), message, hint }
    }

    /// What was found does not fit what was signed.
    pub fn integrity(message: impl ToString, hint: impl Into<String>) -> Failure {
        Failure::new(INTEGRITY, "integrity", message, hint)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        let faults = refusal.faults.iter();
        let faults =
            faults.map(|f| format!("\n  {}: {} ({})", f.pointer.trim_start_matches('/'), f.en, f.zh));
        Failure {
            exit: REFUSED,
            code: refusal.code.into(),
            rule: Some(refusal.rule.into()),
            message: std::iter::once(refusal.to_string()).chain(faults).collect(),
            hint: refusal.hint.into_owned(),
        }
    }
}

impl From<broker::Error> for Failure {
    fn from(error: broker::Error) -> Failure {
        match error {
            broker::Error::Refused(refusal) => refusal.into(),
            broker::Error::Store(error) => error.into(),
            broker::Error::Policy(error) => error.into(),
            broker::Error::DoesNotOpen(error) => Failure::integrity(
                format!("integrity: {error}"),
                "stop changing this vault; `countersign audit verify --deep` names what was altered",
            ),
            broker::Error::File { .. } => {
                Failure::new(REFUSED, "file", error, "look at the path, its owner and the free space")
            }
            broker::Error::Input { code, message, hint } => Failure::new(REFUSED, code, message, hint),
        }
    }
}

impl From<PolicyError> for Failure {
    fn from(error: PolicyError) -> Failure {
        let hint = "correct that place; `countersign policy check DIR` reads a folder without proposing it";
        Failure::new(REFUSED, "bad_policy", format!("the policy cannot be used: {error}"), hint)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        let hint = "known keys are data, database, high_water, passphrase_file and the table serve";
        match error {
            ConfigError::Unreadable { .. } => Failure::new(COULD_NOT_RUN, "no_config", error, ""),
            ConfigError::Wrong { .. } => Failure::new(USAGE, "bad_config", error, hint),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        let (exit, code, hint) = match &error {
            StoreError::Root(root) => return from_root(root),
            StoreError::NoVault => (
                COULD_NOT_RUN,
                "no_vault",
                "name its folder with --data, or make one with `countersign init`; `countersign demo` shows it all",
            ),
            StoreError::VaultExists => {
                (REFUSED, "vault_exists", "name another folder with --data, or an empty database")
            }
            StoreError::Url => (COULD_NOT_RUN, "bad_database_url", "correct --database"),
            StoreError::Unreachable(_) => {
                (COULD_NOT_RUN, "database_unreachable", "look whether it runs, and at --database")
            }
            StoreError::Busy => {
                (COULD_NOT_RUN, "busy", "nothing was stored; try again when the other is done")
            }
            StoreError::DiskFull => (COULD_NOT_RUN, "disk_full", "make room and run the command again"),
            StoreError::ReadOnly => (
                COULD_NOT_RUN,
                "read_only",
                "run as the user who owns the folder, on a file system that can be written",
            ),
            StoreError::NotDurable(..) => {
                (COULD_NOT_RUN, "not_durable", "set it in the database's configuration and start it again")
            }
            StoreError::NewerSchema(_) => (COULD_NOT_RUN, "newer_schema", "nothing was changed"),
            StoreError::OlderSchema => (
                COULD_NOT_RUN,
                "older_schema",
                "verify it with the program that made it; any command but this one and doctor then moves it to this version, with an entry",
            ),
            StoreError::Restoring => (
                COULD_NOT_RUN,
                "restore_unfinished",
                "run `countersign backup restore` again: it begins anew",
            ),
            StoreError::ChangedSchema(_) => {
                (INTEGRITY, "changed_schema", "use the program that made this vault")
            }
            StoreError::Migration(_) => {
                (COULD_NOT_RUN, "migration", "nothing was changed; read the cause above")
            }
            StoreError::Integrity { .. } => (
                INTEGRITY,
                "integrity",
                "stop changing this vault; `countersign audit verify --deep` names everything that does not fit",
            ),
            StoreError::ClockBack(_) => (COULD_NOT_RUN, "clock_back", "set the machine's clock"),
            StoreError::HighWater(..) => (
                COULD_NOT_RUN,
                "high_water",
                "make that folder writable, or name another place with --high-water",
            ),
            StoreError::Unfinished(_) => (
                COULD_NOT_RUN,
                "unfinished",
                "do not repeat it: what was ordered stands, and the rest is done when the vault is next opened",
            ),
            StoreError::Conflict(_) => {
                (REFUSED, "conflict", "look at what is stored, and give it another name")
            }
            StoreError::HighWaterUnreadable(..) => {
                (COULD_NOT_RUN, "high_water", "let whoever runs this program read that file")
            }
            StoreError::Fault(_) => (REFUSED, "fault", "run it again; if it comes back, report this message"),
            StoreError::NoRandomness(_) => (COULD_NOT_RUN, "no_randomness", ""),
            StoreError::Together(_) => (REFUSED, "failed_together", "run it again"),
            StoreError::Database(_) => (COULD_NOT_RUN, "database", "look at the database and its log"),
        };
        Failure::new(exit, code, &error, hint)
    }
}

fn from_root(error: &RootError) -> Failure {
    let (exit, code, hint) = match error {
        RootError::Unreadable { .. } => (
            COULD_NOT_RUN,
            "no_root_key",
            "without its root key a vault stays closed: put the file back from its backup",
        ),
        RootError::Unwritable { cause, .. } => match cause.kind() {
            ErrorKind::StorageFull => (COULD_NOT_RUN, "disk_full", "make room and run the command again"),
            ErrorKind::AlreadyExists => {
                (REFUSED, "vault_exists", "name another folder with --data, or move that key to a backup")
            }
            _ => (
                COULD_NOT_RUN,
                "read_only",
                "run as the user who owns the folder, on a file system that can be written",
            ),
        },
        RootError::Exposed(_) => {
            (COULD_NOT_RUN, "root_key_exposed", "chmod 600 that file, and ask who read it")
        }
        RootError::PassphraseNeeded => {
            (COULD_NOT_RUN, "passphrase_needed", "give it with --passphrase-file FILE, or -")
        }
        RootError::Malformed(_) => (INTEGRITY, "bad_root_key", "put the file back from its backup"),
        RootError::Wrong => {
            (INTEGRITY, "wrong_key", "look at the passphrase, and whether root.json belongs to this database")
        }
        RootError::NoRandomness(_) => (COULD_NOT_RUN, "no_randomness", ""),
    };
    let message = if exit == INTEGRITY { format!("integrity: {error}") } else { error.to_string() };
    Failure::new(exit, code, message, hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::aead::DoesNotOpen;

    #[test]
    fn exit_codes_are_those_of_the_contract() {
        let refusal = Refusal::new("x", "A6b (Art 6)", "no").hint("do");
        let refused = Failure::from(broker::Error::from(refusal));
        assert_eq!((refused.exit, &*refused.code, refused.rule.as_deref()), (1, "x", Some("A6b (Art 6)")));
        assert_eq!((refused.message.as_str(), refused.hint.as_str()), ("no [A6b (Art 6)]", "do"));
        for (error, exit) in [
            (StoreError::NoVault, 3),
            (StoreError::Busy, 3),
            (StoreError::DiskFull, 3),
            (StoreError::ReadOnly, 3),
            (StoreError::Url, 3),
            (StoreError::NewerSchema(9), 3),
            (StoreError::OlderSchema, 3),
            (StoreError::ChangedSchema(1), 2),
            (StoreError::NotDurable("fsync", "off".into()), 3),
            (StoreError::ClockBack(9), 3),
            (StoreError::integrity("unit", "row"), 2),
            (StoreError::Root(RootError::Wrong), 2),
            (StoreError::Root(RootError::PassphraseNeeded), 3),
            (StoreError::Root(RootError::Exposed("root.json".into())), 3),
            (StoreError::VaultExists, 1),
            (StoreError::Fault("sealing broke off"), 1),
            (StoreError::HighWaterUnreadable("mark".into(), ErrorKind::PermissionDenied.into()), 3),
        ] {
            let failure = Failure::from(error);
            assert_eq!(failure.exit, exit, "{}", failure.message);
            assert!(!failure.hint.is_empty(), "{}", failure.message);
        }
        assert_eq!(Failure::from(broker::Error::from(DoesNotOpen)).exit, 2);
    }

    #[test]
    fn a_key_file_that_cannot_be_written_says_so() {
        for (kind, exit, code) in [
            (ErrorKind::StorageFull, 3, "disk_full"),
            (ErrorKind::PermissionDenied, 3, "read_only"),
            (ErrorKind::AlreadyExists, 1, "vault_exists"),
        ] {
            let error = RootError::Unwritable { path: "checkpoint.key".into(), cause: kind.into() };
            let failure = Failure::from(StoreError::Root(error));
            assert_eq!((failure.exit, &*failure.code), (exit, code));
            assert!(failure.message.contains("cannot be written"), "{}", failure.message);
        }
    }

    #[test]
    fn a_full_disk_is_one_wherever_it_shows() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        assert_eq!(Failure::file("the errors file", full).exit, 3);
        let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
        assert_eq!(Failure::file("the errors file", missing).exit, 1);
    }
}
