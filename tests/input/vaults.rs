//! Vaults that must stay closed: a wrong key, a newer schema, nothing there.

use std::fs;

use crate::support::cli::{Cli, Output, write_password};
use crate::support::desk::Desk;
use crate::support::postgres;
use crate::support::world::{BOTH, On, block};
use crate::told;

/// A new vault under a passphrase: commands on it, and the arguments that name its files.
struct Sealed {
    dir: tempfile::TempDir,
    cli: Cli,
}

impl Sealed {
    fn new(on: On) -> Sealed {
        let dir = tempfile::tempdir().unwrap();
        let mut cli = Cli::new(dir.path().join("data")).folder(dir.path());
        if on == On::Postgres {
            cli = cli.database(&postgres::fresh_database());
        }
        write_password(dir.path(), "admin", "a long password");
        write_password(dir.path(), "root", "the root passphrase");
        write_password(dir.path(), "wrong", "another passphrase");
        let sealed = Sealed { dir, cli };
        sealed.run("root.password", &["init", "--admin", "admin", "--password-file", "admin.password"]).ok();
        sealed
    }

    fn run(&self, passphrase: &str, args: &[&str]) -> Output {
        self.cli.run(&[&["--passphrase-file", passphrase, "--json"], args].concat())
    }
}

#[test]
fn a_wrong_passphrase_is_integrity_and_a_missing_one_is_not() {
    for on in BOTH {
        let vault = Sealed::new(on);
        let verify = ["audit", "verify", "--deep"];
        let size = vault.run("root.password", &verify).ok().json()["size"].clone();
        let show = ["policy", "show", "--as", "admin", "--password-file", "admin.password"];
        told(&vault.run("wrong.password", &show).expect_code(2), "wrong_key", &["hint: ", "passphrase"]);
        let without = vault.cli.run(&[&["--json"], &show[..]].concat()).expect_code(3);
        told(&without, "passphrase_needed", &["--passphrase-file"]);
        let nowhere = vault.run("no-such", &show).expect_code(1);
        told(&nowhere, "file", &["no-such"]);
        let after = vault.run("root.password", &verify).ok();
        assert_eq!(after.json()["size"], size, "{after}");
        // The passphrase stands nowhere.
        let scanner = crate::support::scan::Scanner::new(&["the root passphrase".to_owned()]);
        assert_eq!(scanner.scan_tree(&vault.dir.path().join("data")), []);
    }
}

#[test]
fn a_wrong_password_and_an_unknown_person_are_one_answer() {
    let desk = Desk::new(On::Sqlite);
    let entries = desk.verified();
    let list = ["request", "list", "--json"];
    let mut answers = Vec::new();
    for (login, password) in [("hq.officer", "not the password"), ("nobody.here", "not the password")] {
        let file = write_password(desk.dir(), login, password).display().to_string();
        let args = [&list[..], &["--as", login, "--password-file", &file]].concat();
        let output = desk.cli.run(&args).expect_code(1);
        answers.push(output.json()["error"].clone());
    }
    assert_eq!(answers[0], answers[1]);
    assert!(desk.verified() - entries <= 2);
}

#[test]
fn a_newer_schema_is_left_alone() {
    for on in BOTH {
        let desk = Desk::new(on);
        let entries = desk.verified();
        let newer = "insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) \
                     select 9999, 'of a later version', installed_on, success, checksum, execution_time from _sqlx_migrations limit 1";
        sql(&desk, newer);
        for args in [&["doctor", "--json"][..], &["audit", "verify", "--json"]] {
            let output = desk.cli.run(args);
            assert_ne!(output.code, 0, "{output}");
            assert!(output.stderr.contains("9999") || output.stdout.contains("9999"), "{output}");
        }
        let output = desk.by("hq.officer", &["request", "list", "--json"]).expect_code(3);
        told(&output, "newer_schema", &["9999", "newer program", "nothing was changed"]);
        sql(&desk, "delete from _sqlx_migrations where version = 9999");
        assert_eq!(desk.verified(), entries);
    }
}

#[test]
fn no_vault_is_told_and_none_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let cli = Cli::new(dir.path().join("data")).folder(dir.path());
    write_password(dir.path(), "li.na", "a long password");
    for args in [
        &["doctor", "--json"][..],
        &["audit", "verify", "--json"],
        &["request", "list", "--as", "li.na", "--password-file", "li.na.password", "--json"],
    ] {
        told(&cli.run(args).expect_code(3), "no_vault", &["hint: ", "init"]);
    }
    assert!(!dir.path().join("data").exists());
    let unreachable = cli.clone().database("postgres://nobody@localhost:1/none?host=%2Fnowhere");
    told(
        &unreachable.run(&["audit", "verify", "--json"]).expect_code(3),
        "database_unreachable",
        &["hint: "],
    );
    let unknown = cli.database("mysql://localhost/x");
    told(&unknown.run(&["audit", "verify", "--json"]).expect_code(3), "bad_database_url", &["--database"]);
}

#[test]
fn a_root_key_that_others_may_read_or_that_is_gone_keeps_the_vault_closed() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new(On::Sqlite);
    let root = desk.dir().join("data/root.json");
    let list = ["request", "list", "--json"];
    fs::set_permissions(&root, fs::Permissions::from_mode(0o644)).unwrap();
    told(&desk.by("hq.officer", &list).expect_code(3), "root_key_exposed", &["chmod 600"]);
    fs::set_permissions(&root, fs::Permissions::from_mode(0o600)).unwrap();
    let key = fs::read(&root).unwrap();
    fs::remove_file(&root).unwrap();
    told(&desk.by("hq.officer", &list).expect_code(3), "no_root_key", &["backup"]);
    fs::write(&root, b"{").unwrap();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o600)).unwrap();
    told(&desk.by("hq.officer", &list).expect_code(2), "bad_root_key", &["backup"]);
    fs::write(&root, key).unwrap();
    desk.by("hq.officer", &list).ok();
    desk.verified();
}

/// What a database administrator could do.
fn sql(desk: &Desk, text: &str) {
    if desk.world.on == On::Postgres {
        return postgres::execute(&desk.world.url, text.to_owned());
    }
    let url = desk.world.url.clone();
    let text = text.to_owned();
    block(async move {
        use sqlx::Connection as _;
        let mut connection = sqlx::SqliteConnection::connect(&url).await?;
        sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&mut connection).await?;
        connection.close().await
    })
    .unwrap();
}
