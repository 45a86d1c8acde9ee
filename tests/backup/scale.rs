//! How long, and in how much memory: which does not grow with the members. Run by
//! `cargo test --release --test backup -- --ignored --nocapture in_flat_memory`.

use std::path::Path;
use std::time::Duration;

use crate::support::cli::{Cli, Output, Running};

/// A demo vault of so many members, and the commands on it.
fn demo(dir: &Path, members: usize) -> Cli {
    let cli = Cli::new(dir.join("demo"));
    let made = cli.clone().bare().folder(dir);
    made.run(&["demo", "--dir", "demo", "--members", &members.to_string(), "--json"]).ok();
    cli
}

/// Runs to its end; what it said, and the most memory it had resident, in MiB.
fn measured(mut running: Running) -> (Output, u64) {
    let status = format!("/proc/{}/status", running.id());
    let mut peak = 0;
    while running.is_running() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0) / 1024);
        std::thread::sleep(Duration::from_millis(2));
    }
    (running.wait().ok(), peak)
}

#[test]
#[ignore = "a measurement"]
fn a_hundred_thousand_members_in_flat_memory() {
    let mut peaks = Vec::new();
    for members in [10_000, 100_000] {
        let dir = tempfile::tempdir().unwrap();
        let cli = demo(dir.path(), members);
        let (data, keys) = (dir.path().join("data.csb"), dir.path().join("keys.csb"));
        let (data, keys) = (data.to_str().unwrap(), keys.to_str().unwrap());
        let root = dir.path().join("demo/root.json");
        let root = root.to_str().unwrap();
        let restored = Cli::new(dir.path().join("restored"));
        let mut told = vec![("create", measured(cli.spawn(&["backup", "create", data])))];
        told.push(("keys", measured(cli.spawn(&["backup", "keys", keys]))));
        told.push(("verify", measured(cli.spawn(&["backup", "verify", data, "--keys", keys]))));
        let words = ["backup", "restore", data, "--keys", keys, "--root", root];
        told.push(("restore", measured(restored.spawn(&words))));
        restored.run(&["audit", "verify", "--deep"]).ok();
        let bytes = |path: &str| std::fs::metadata(path).unwrap().len();
        eprintln!("{members} members: data {} bytes, keys {} bytes", bytes(data), bytes(keys));
        for (name, (output, peak)) in &told {
            eprintln!("  {name}: {:.1} s, {peak} MiB", output.took.as_secs_f64());
        }
        peaks.push(told.into_iter().map(|(name, (_, peak))| (name, peak)).collect::<Vec<_>>());
    }
    for ((name, few), (_, many)) in peaks[0].iter().zip(&peaks[1]) {
        assert!(*many < few + 32, "{name} grows: {few} MiB, {many} MiB");
    }
}
