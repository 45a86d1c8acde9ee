//! How many instructions the verbs take, against recorded figures: a change that makes one dearer shows here,
//! on any machine however busy. Wall clock is measured by `benches/` and fails no test.
//!
//! The test makes a furnished vault as fast as the machine can, then runs itself under valgrind's callgrind
//! with [`the_works`] alone, which opens that vault and does each piece of work between two calls of
//! [`mark`]. Callgrind writes what all threads did since the mark before: set-up, passwords (argon2) and the
//! opening of the vault lie between other marks and are not counted.
//!
//! | figure | one of it is |
//! |---|---|
//! | `append-one` | a writer's turn with one log entry and nothing else, until it is on disk |
//! | `import-1k` | the verb on a file of 1,000 new members who are complete, in memory |
//! | `open-one-field` | the vault's part of a reveal: a data key unwrapped, one field opened. Callgrind sees it as the inclusive cost of `Vault::reveal`; the entry before it is `append-one` |
//! | `export-1k` | the verb on a signed request that 1,000 of 1,120 members fit, to the sealed package |
//!
//! What a figure is not: a time. The crate is built as `cargo test` builds it: its own code unoptimised, the
//! ciphers and SQLite optimised (`[profile.dev]`). That is 5 (`import-1k`) to 20 times (`open-one-field`) what an
//! optimised build takes, with our own lines weighing too much, so more work done is seen and what only the
//! optimiser does is not. An optimised build for this alone costs nearly five minutes on two cores. Waiting for a disk costs no instruction. The processor is the one that valgrind plays, with AVX2 and
//! AES where the machine has them and never AVX-512 or SHA instructions.
//!
//! After a change that is meant to move a figure:
//! `INSTRUCTIONS=overwrite cargo test --test instructions`, and read the difference before it is committed.
//! `INSTRUCTIONS=keep` keeps what callgrind wrote, for callgrind_annotate.

mod support;

#[path = "instructions/callgrind.rs"]
mod callgrind;
#[path = "instructions/recorded.rs"]
mod recorded;
#[path = "instructions/works.rs"]
mod works;

use recorded::{Figures, Setting};

/// How far a figure may move either way before the test fails, in hundredths. Of six runs of one build, two
/// on an overloaded machine, the furthest two lay 0.44 apart (append-one), the others less.
const MARGIN: u64 = 5;

#[test]
fn the_works_take_the_instructions_that_are_recorded() {
    let asked = std::env::var("INSTRUCTIONS").unwrap_or_default();
    let overwrite = asked == "overwrite";
    let setting = Setting::here();
    let (was_setting, was) = recorded::read();
    if !overwrite && !setting.comparable(&was_setting) {
        println!("nothing is compared: recorded with {was_setting}; this is {setting}");
        return;
    }
    let mut vault = works::prepare();
    vault.dir.disable_cleanup(asked == "keep");
    let counted = callgrind::count(vault.dir.path());
    println!("in {}\n{}", vault.dir.path().display(), Figures::table(&was, &counted));
    if overwrite {
        return recorded::write(&setting, &counted);
    }
    let moved = was.moved(&counted, MARGIN);
    let differs = setting.differs(&was_setting);
    assert!(moved.is_empty(), "{}\n{differs}{}", moved.join("\n"), recorded::ADVICE);
}

/// What is counted. Run alone, under callgrind, by the test above; it does nothing by itself.
#[test]
#[ignore = "the other test runs it under callgrind"]
fn the_works() {
    works::run();
}
