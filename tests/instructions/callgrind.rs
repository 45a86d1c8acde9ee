//! Runs the works under callgrind and reads what it wrote.
//!
//! `--dump-before` writes a file and counts from zero at each mark, whatever the threads: the first file is the
//! set-up, the second the first work, the third what lies between, and so on.
//!
//! ```text
//! desc: Trigger: --dump-before=…::mark
//! fn=countersign::…
//! 12 340
//! cfn=countersign::vault::…::reveal
//! calls=10 0
//! 12 5600                      inclusive cost of these calls, last in the line
//! totals: 123456789
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use crate::recorded::Figures;
use crate::support::cli::Cli;
use crate::works::{ENTRIES, FOLDER, REVEALS, Work};

/// Counts the works in a prepared vault.
pub fn count(folder: &Path) -> Figures {
    let out = folder.join("callgrind.out");
    run(folder, &out);
    Figures::new(Work::ALL.iter().enumerate().map(|(at, work)| {
        let written = Written::read(&out, 2 + 2 * at);
        let count = match work {
            Work::Append => written.total / ENTRIES,
            Work::Open => {
                written.inclusive(REVEALS, |name| name.contains("vault") && name.ends_with("::reveal"))
            }
            Work::Import | Work::Export => written.total,
        };
        (work.name().to_owned(), count)
    }))
}

/// In an environment of its own, so that nobody's `VALGRIND_OPTS` counts otherwise, and not for ever.
fn run(folder: &Path, out: &Path) {
    let written = format!("--callgrind-out-file={}", out.display());
    let itself = std::env::current_exe().unwrap().display().to_string();
    let callgrind =
        ["--tool=callgrind", "--dump-before=*works::mark*", "--compress-strings=no", "--compress-pos=no"];
    let works = ["the_works", "--exact", "--ignored", "--nocapture", "--test-threads=1"];
    let args: Vec<&str> = [&callgrind[..], &[&*written, &*itself], &works[..]].concat();
    Cli::new(folder.join("data")).bare().program("valgrind").env(FOLDER, folder).run(&args).ok();
}

/// One file of callgrind's.
struct Written {
    total: u64,
    text: String,
}

impl Written {
    fn read(out: &Path, number: usize) -> Written {
        let path = PathBuf::from(format!("{}.{number}", out.display()));
        let text = fs::read_to_string(&path).unwrap_or_else(|cause| {
            panic!("{}: {cause}; was `mark` renamed, or the name stripped?", path.display())
        });
        let total = text.lines().rev().find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok());
        Written { total: total.expect("callgrind ends a file with its totals"), text }
    }

    /// The mean of `calls` calls of a function, with all that it calls.
    fn inclusive(&self, calls: u64, is_it: impl Fn(&str) -> bool) -> u64 {
        let (mut seen, mut cost) = (0, 0);
        let mut lines = self.text.lines();
        while let Some(line) = lines.next() {
            let Some(name) = line.strip_prefix("cfn=") else { continue };
            if !is_it(name) {
                continue;
            }
            let times = lines.by_ref().find_map(|line| line.strip_prefix("calls="));
            let number =
                |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok()).expect("a number");
            seen += number(times.and_then(|text| text.split_whitespace().next()));
            cost += number(lines.next().and_then(|line| line.split_whitespace().last()));
        }
        assert_eq!(seen, calls, "calls that callgrind saw of the function that opens; was it renamed?");
        cost / calls
    }
}
