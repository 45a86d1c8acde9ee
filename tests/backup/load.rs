//! A backup of a vault that others are writing to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::place::{Backup, Site, signed};
use crate::support::desk::Desk;
use crate::support::world::{BOTH, On};

/// A file of `n` new members whose cards start at `first`.
fn newcomers(first: u64, n: u64) -> String {
    let mut csv = String::from("card_no,name,mobile,address,postcode,home_store\n");
    for card in first..first + n {
        csv.push_str(&format!("{card},林敏芳,139{card:08},样例路{card}号,310000,S001\n"));
    }
    csv
}

#[test]
fn a_backup_of_one_moment_is_taken_while_others_write() {
    for on in BOTH {
        let desk = Desk::new(on);
        let cards: Vec<String> =
            desk.world.members.accepted().filter(|r| r.store == "S001").map(|r| r.card.clone()).collect();
        for part in 0..6 {
            desk.write(&format!("new{part}.csv"), newcomers(71_000_000 + part * 1000, 700));
        }
        let over = AtomicBool::new(false);
        let backups = thread::scope(|scope| {
            scope.spawn(|| {
                for part in 0..6 {
                    desk.by("mem.head", &["member", "import", &format!("new{part}.csv")]).ok();
                }
                over.store(true, Ordering::Relaxed);
            });
            scope.spawn(|| {
                for (at, card) in cards.iter().cycle().enumerate() {
                    let word = if at % 2 == 0 { "--refuse" } else { "--grant" };
                    let set = ["consent", "set", card, "--purpose", "promotion", "--channel", "sms", word];
                    desk.by("s1.counter", &set).ok();
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
            scope.spawn(|| {
                signed(&desk, "sms");
            });
            let mut backups = Vec::new();
            while !over.load(Ordering::Relaxed) {
                backups.push(Backup::of(&desk, &format!("b{}", backups.len())));
            }
            backups
        });
        assert!(backups.len() > 1, "the load was over before a second backup");
        let total = desk.verified();
        // The last is of a moment in the midst of it.
        for backup in [&backups[0], &backups[backups.len() / 2]] {
            let site = Site::new(&desk, if on == On::Sqlite { On::Postgres } else { On::Sqlite });
            let restored = site.restore(backup, &[]).ok();
            let answer = restored.json();
            assert_eq!(
                (&answer["without_key"], &answer["erased_again"]),
                (&0.into(), &0.into()),
                "{restored}"
            );
            assert!(answer["size"].as_u64().unwrap() < total, "{restored}");
            site.verified();
        }
    }
}
