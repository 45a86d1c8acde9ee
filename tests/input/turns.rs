//! Two processes on one vault take turns; one that gets none says so.

use std::time::Duration;

use sqlx::Connection as _;

use crate::support::desk::Desk;
use crate::support::world::{BOTH, On, block, cast, form};
use crate::{members, newcomers, told};

#[test]
fn two_imports_and_three_signatures_at_once_all_succeed() {
    for on in BOTH {
        let desk = Desk::new(on);
        let (entries, before) = (desk.verified(), members(&desk));
        let mut numbers = Vec::new();
        for channel in ["sms", "post", "sms"] {
            let file = desk.write(&format!("{channel}.toml"), form(channel)).display().to_string();
            let drafted = desk.by(cast(channel)[0], &["request", "draft", &file, "--json"]).ok();
            let no = drafted.json()["no"].as_str().unwrap().to_owned();
            desk.by(cast(channel)[0], &["request", "submit", &no]).ok();
            numbers.push((channel, no));
        }
        desk.write("a.csv", newcomers(71_000_000, 500));
        desk.write("b.csv", newcomers(71_000_400, 500));
        let mut running = vec![
            desk.start("mem.head", &["member", "import", "a.csv", "--json"]),
            desk.start("mem.head", &["member", "import", "b.csv", "--json"]),
        ];
        for (channel, no) in &numbers {
            running.push(desk.start(cast(channel)[1], &["request", "sign", no, "--json"]));
        }
        let mut created = 0;
        for running in running {
            let output = running.wait().ok();
            created += output.json()["created"].as_u64().unwrap_or(0);
        }
        // A hundred cards are in both files: each is made once.
        assert_eq!(created, 900);
        assert_eq!(members(&desk), before + 900);
        assert!(desk.verified() > entries + 8);
        for (channel, no) in &numbers {
            let shown = desk.by(cast(channel)[0], &["request", "show", no, "--json"]).ok();
            assert!(shown.stdout.contains(cast(channel)[1]), "{shown}");
        }
    }
}

/// The only one that has to wait the ten seconds.
#[test]
fn a_locked_database_is_given_up_after_ten_seconds() {
    let desk = Desk::new(On::Sqlite);
    let entries = desk.verified();
    let before = members(&desk);
    desk.write("a.csv", newcomers(72_000_000, 3));
    let url = desk.world.url.clone();
    let (holds, held) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let holder = std::thread::spawn(move || {
        block(async move {
            let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
            sqlx::raw_sql("begin immediate").execute(&mut connection).await.unwrap();
            holds.send(()).unwrap();
            released.recv().unwrap();
            sqlx::raw_sql("rollback").execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        });
    });
    held.recv().unwrap();
    let output = desk.by("mem.head", &["member", "import", "a.csv", "--json"]).expect_code(3);
    told(&output, "busy", &["10 s", "hint: "]);
    assert!((8..30).contains(&output.took.as_secs()), "it took {:?}", output.took);
    // A writer that only has to wait a little gets its turn.
    let waiting = desk.start("mem.head", &["member", "import", "a.csv", "--json"]);
    std::thread::sleep(Duration::from_millis(1500));
    release.send(()).unwrap();
    holder.join().unwrap();
    let output = waiting.wait().ok();
    assert_eq!(output.json()["created"], 3);
    assert_eq!(members(&desk), before + 3);
    assert!(desk.verified() > entries);
}
