//! The recorded figures, what they were taken with, and how far others are from them.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// What to do when a figure has moved.
pub const ADVICE: &str = "\
If this is meant: INSTRUCTIONS=overwrite cargo test --test instructions, and say why in the commit.
If not: run the test on the commit before as well; the difference is yours. Which function it is:
INSTRUCTIONS=keep leaves callgrind's files, and callgrind_annotate compares them.";

/// Counts by name, in the order of the works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures(Vec<(String, u64)>);

impl Figures {
    pub fn new(figures: impl IntoIterator<Item = (String, u64)>) -> Figures {
        Figures(figures.into_iter().collect())
    }

    fn of(&self, name: &str) -> Option<u64> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, count)| *count)
    }

    /// One sentence for each that is further from the recorded one than so many hundredths, either way: what
    /// became cheaper unrecorded could become dearer again unseen.
    pub fn moved(&self, now: &Figures, margin: u64) -> Vec<String> {
        let mut moved = Vec::new();
        for (name, count) in &now.0 {
            let Some(was) = self.of(name) else {
                moved.push(format!("{name}: {} instructions, and none are recorded", grouped(*count)));
                continue;
            };
            if was.abs_diff(*count).saturating_mul(100) > was.saturating_mul(margin) {
                moved.push(format!(
                    "{name}: {} instructions, recorded {}: {} (margin {margin}%)",
                    grouped(*count),
                    grouped(was),
                    change(was, *count)
                ));
            }
        }
        moved
    }

    /// All figures, one a line.
    pub fn table(was: &Figures, now: &Figures) -> String {
        let line = |(name, count): &(String, u64)| {
            let change = was.of(name).map_or_else(|| "new".to_owned(), |was| change(was, *count));
            format!("{name:<16}{:>16}  {change}\n", grouped(*count))
        };
        now.0.iter().map(line).collect()
    }
}

/// `+12.34%, 1.12 times`.
fn change(was: u64, now: u64) -> String {
    let times = now as f64 / was as f64;
    format!("{:+.2}%, {times:.2} times", (times - 1.0) * 100.0)
}

/// `1234567` as `1_234_567`.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

/// What a count depends on besides our own code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Setting {
    /// Processor family and cargo profile: with another, nothing can be compared.
    build: String,
    /// Vector units that valgrind passes on: ciphers, hashes and memcpy choose by them.
    cpu: String,
    rustc: String,
    valgrind: String,
    libc: String,
    /// SQLite and part of ring are C, built on the machine.
    cc: String,
}

impl Setting {
    pub fn here() -> Setting {
        let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
        Setting {
            build: format!("{} {profile}", std::env::consts::ARCH),
            cpu: cpu(),
            rustc: said_by("rustc"),
            valgrind: said_by("valgrind"),
            libc: said_by("ldd"),
            cc: said_by("cc"),
        }
    }

    fn parts(&self) -> [(&'static str, &str); 6] {
        [
            ("build", &self.build),
            ("cpu", &self.cpu),
            ("rustc", &self.rustc),
            ("valgrind", &self.valgrind),
            ("libc", &self.libc),
            ("cc", &self.cc),
        ]
    }

    /// Whether figures of another setting mean anything here.
    pub fn comparable(&self, other: &Setting) -> bool {
        self.build == other.build
    }

    /// A line for each part that is another than the recorded one; empty when there is none.
    pub fn differs(&self, was: &Setting) -> String {
        let pairs = self.parts().into_iter().zip(was.parts());
        pairs
            .filter(|(is, was)| is != was)
            .map(|((name, is), (_, was))| {
                format!("Note: {name} is `{is}`, recorded with `{was}`: that alone may be the reason.\n")
            })
            .collect()
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.parts().iter().map(|(name, value)| format!("{name} {value}")).collect();
        f.write_str(&parts.join(", "))
    }
}

/// The first line of `program --version`. A missing valgrind is said here, before any work.
fn said_by(program: &str) -> String {
    let output = Command::new(program).arg("--version").output().unwrap_or_else(|cause| {
        panic!("{program} does not start ({cause}); `./tests/run --tools` installs it or says how")
    });
    String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or("unknown").to_owned()
}

fn cpu() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = text.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    let has: Vec<&str> = ["aes", "pclmulqdq", "avx", "avx2"]
        .into_iter()
        .filter(|unit| flags.split_whitespace().any(|flag| flag == *unit))
        .collect();
    if has.is_empty() { "unknown".to_owned() } else { has.join(" ") }
}

fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/instructions/recorded.txt"))
}

/// What is recorded; nothing, when there is no file.
pub fn read() -> (Setting, Figures) {
    parse(&fs::read_to_string(path()).unwrap_or_default())
}

/// Lines `name = value`; those that start with `#` are for people.
fn parse(text: &str) -> (Setting, Figures) {
    let mut setting = Setting::default();
    let mut figures = Vec::new();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    for (name, value) in lines.filter_map(|line| line.split_once(" = ")) {
        match name {
            "build" => setting.build = value.to_owned(),
            "cpu" => setting.cpu = value.to_owned(),
            "rustc" => setting.rustc = value.to_owned(),
            "valgrind" => setting.valgrind = value.to_owned(),
            "libc" => setting.libc = value.to_owned(),
            "cc" => setting.cc = value.to_owned(),
            figure => {
                let count = value.replace('_', "").parse();
                figures.push((figure.to_owned(), count.unwrap_or_else(|_| panic!("{figure}: no number"))));
            }
        }
    }
    (setting, Figures(figures))
}

/// Records.
pub fn write(setting: &Setting, figures: &Figures) {
    fs::write(path(), text(setting, figures)).unwrap();
}

fn text(setting: &Setting, figures: &Figures) -> String {
    let mut text = "# Instructions, one each; see tests/instructions.rs. Written by\n\
                    # INSTRUCTIONS=overwrite cargo test --test instructions\n"
        .to_owned();
    for (name, value) in setting.parts() {
        text += &format!("{name} = {value}\n");
    }
    for (name, count) in &figures.0 {
        text += &format!("{name} = {}\n", grouped(*count));
    }
    text
}

#[test]
fn what_is_recorded_is_read_again() {
    let setting = Setting::here();
    let figures = Figures::new([("one".to_owned(), 7), ("other".to_owned(), 1_234_567)]);
    let text = text(&setting, &figures);
    assert!(text.contains("\none = 7\nother = 1_234_567\n"), "{text}");
    assert_eq!(parse(&text), (setting, figures));
}

#[test]
fn a_figure_that_moved_is_named_with_how_far() {
    let figures = |one, other| Figures::new([("one".to_owned(), one), ("other".to_owned(), other)]);
    let was = figures(100_000, 1_000);
    assert_eq!(was.moved(&figures(105_000, 950), 5), [""; 0]);
    assert_eq!(
        was.moved(&figures(105_001, 500), 5),
        [
            "one: 105_001 instructions, recorded 100_000: +5.00%, 1.05 times (margin 5%)",
            "other: 500 instructions, recorded 1_000: -50.00%, 0.50 times (margin 5%)",
        ]
    );
    let new = Figures::new([("third".to_owned(), 3)]);
    assert_eq!(was.moved(&new, 5), ["third: 3 instructions, and none are recorded"]);
}

#[test]
fn another_compiler_is_said_and_another_processor_is_not_compared() {
    let was = Setting { build: "x dev".to_owned(), rustc: "1".to_owned(), ..Setting::default() };
    let newer = Setting { rustc: "2".to_owned(), ..was.clone() };
    assert!(newer.comparable(&was));
    assert_eq!(newer.differs(&was), "Note: rustc is `2`, recorded with `1`: that alone may be the reason.\n");
    assert_eq!(was.differs(&was), "");
    assert!(!Setting { build: "y dev".to_owned(), ..was.clone() }.comparable(&was));
}
