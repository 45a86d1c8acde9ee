//! What keeps a vault from being moved, and what breaks the moving off.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::raw::Raw;
use super::support::generate::Random;
use super::support::world::{BOTH, On, block};
use super::{MEMBERS, Old};

/// A row that was changed, removed or added before: it is not moved, and the table is named.
#[test]
fn a_tampered_row_is_not_moved() {
    let cases = [
        ("member", "update member set tier = 'gold' where ordinal = 30"),
        ("member", "delete from member where ordinal = 30"),
        (
            "member_record",
            "update member_record set id = (select id from member where ordinal = 31) where ordinal = 30",
        ),
        ("member_index", "delete from member_index where ordinal = 30"),
        ("consent_event", "update consent_event set actor = 'nobody' where ordinal = 30"),
        ("consent_event", "delete from consent_event where ordinal = 30"),
        ("keys.data_key", "delete from keys.data_key where ordinal = 30"),
        (
            "keys.data_key",
            "update keys.data_key set id = (select id from member where ordinal = 31) where ordinal = 30",
        ),
    ];
    for on in BOTH {
        for (table, sql) in cases {
            let old = Old::new(on);
            let kept = old.rows(table);
            old.run(sql);
            let changed = old.rows(table);
            assert_ne!(kept, changed, "{sql}");
            for _ in 0..2 {
                let output = old.look().expect_code(2);
                assert_eq!(output.json()["problems"][0]["what"], table, "{sql}: {output}");
                assert_eq!(old.rows(table), changed, "{sql}");
                assert_eq!(old.rows("member_attributes").len() + old.rows("keys.key_block").len(), 0);
                assert_eq!(old.entries().0, 0);
            }
            block(async {
                let mut raw = Raw::connect(&old.url).await;
                let table = raw.table(table).await;
                raw.replace(&table, &kept).await.unwrap();
            });
            old.verified();
            assert!(old.is_moved());
        }
    }
}

/// `kill -9` at random moments: afterwards it is what it was, or moved, and the next command finds it well.
#[test]
fn a_kill_breaks_nothing() {
    let seed = std::env::var("COUNTERSIGN_SEED").ok().and_then(|s| s.parse().ok());
    let now = || std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64 | 1;
    let seed = seed.unwrap_or_else(now);
    println!("COUNTERSIGN_SEED={seed}");
    let mut random = Random::new(seed);
    for on in BOTH {
        let whole = Old::new(on).cli.run(&["audit", "verify", "--json"]).ok().took;
        let (mut kills, mut moved) = (0, 0);
        while kills < 8 {
            let old = Old::new(on);
            let running = old.cli.spawn(&["audit", "verify", "--json"]);
            sleep(whole * random.below(1000) as u32 / 1000);
            if running.kill().code != 137 {
                continue;
            }
            kills += 1;
            // PostgreSQL goes on until it finds that nobody listens.
            let deadline = Instant::now() + Duration::from_secs(5);
            while on == On::Postgres && Instant::now() < deadline && old.is_held() {
                sleep(Duration::from_millis(20));
            }
            moved += u32::from(old.is_moved());
            old.verified();
            assert!(old.is_moved());
            assert_eq!(old.entries(), (1, Some(MEMBERS)));
        }
        println!("{on:?}: {moved} of {kills} had been moved; a whole run takes {whole:?}");
    }
}

#[test]
fn two_at_once() {
    for on in BOTH {
        for _ in 0..4 {
            let old = Old::new(on);
            let running: Vec<_> =
                (0..3).map(|_| old.cli.spawn(&["audit", "verify", "--deep", "--json"])).collect();
            for running in running {
                let output = running.wait().ok();
                assert_eq!(output.json()["verified"], true, "{output}");
            }
            assert!(old.is_moved());
            assert_eq!(old.entries(), (1, Some(MEMBERS)));
        }
    }
}

/// A process of before that is open still, and has its turn first: what it does to the keys counts.
#[test]
fn a_key_that_goes_meanwhile_is_not_copied() {
    for on in BOTH {
        let old = Old::new(on);
        block(async {
            let mut raw = Raw::connect(&old.url).await;
            let begin = match on {
                On::Sqlite => "begin immediate",
                On::Postgres => "begin; select pg_advisory_xact_lock(4771200)",
            };
            raw.run(begin).await.unwrap();
            let mut running = old.cli.spawn(&["audit", "verify", "--deep", "--json"]);
            sleep(Duration::from_millis(700));
            assert!(running.is_running(), "{}", running.wait());
            raw.run("delete from keys.data_key where ordinal = 78; commit").await.unwrap();
            let output = running.wait().ok();
            assert_eq!(output.json()["verified"], true, "{output}");
        });
        assert!(!old.keys().contains(&78));
        assert_eq!(old.keys().len() as u64, MEMBERS);
    }
}

/// The vault's file and the keystore's are committed one after the other: power may go between them.
#[test]
fn half_of_a_commit_is_finished() {
    for with_blocks in [true, false] {
        let old = Old::new(On::Sqlite);
        let keys = old.path("data/keys.db");
        if with_blocks {
            // Migrated, and not moved.
            old.run("update member set legacy = legacy + 7 where ordinal = 30");
            old.look().expect_code(2);
            old.run("update member set legacy = legacy - 7 where ordinal = 30");
        }
        let before = old.path("keys.before");
        block(async {
            let mut raw = Raw::connect(&old.url).await;
            raw.run(&format!("vacuum keys into '{}'", before.display())).await.unwrap();
        });
        old.verified();
        std::fs::copy(&before, &keys).unwrap();
        let tables = |name| old.tables().iter().any(|t| t == name);
        assert!(tables("keys.data_key") && tables("keys.key_block") == with_blocks);
        old.verified();
        assert!(old.is_moved());
        assert_eq!(old.keys().len() as u64, MEMBERS + 1);
        assert_eq!(old.entries(), (1, Some(MEMBERS)));

        // Migrating alone, in the same way.
        if !with_blocks {
            let old = Old::new(On::Sqlite);
            old.run("update member set legacy = legacy + 7 where ordinal = 30");
            old.look().expect_code(2);
            old.run("update member set legacy = legacy - 7 where ordinal = 30");
            std::fs::copy(&before, old.path("data/keys.db")).unwrap();
            old.verified();
            assert!(old.is_moved());
        }
    }
}
