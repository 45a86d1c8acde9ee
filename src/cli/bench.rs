//! `bench`: how fast the verbs are, in a temporary vault, with everything on that a real one has.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde_json::json;

use super::demo::people::{MemberFile, Profile, card};
use super::demo::road::{CAMPAIGNS, ask};
use super::demo::world::World;
use super::init::make_folder;
use super::{Context, Failure};
use crate::broker::imports::ImportOptions;
use crate::config::sqlite_in;
use crate::model::contact::CardNo;
use crate::model::field::Field;
use crate::store::Place;

/// Who imports.
const IMPORTER: &str = "liu.yang";
/// Who reveals, at the counter of the first store.
const COUNTER: &str = "lin.yu";
/// How many reveals are timed at most; each is a durable entry.
const REVEALS: u64 = 2_000;

/// Measure the verbs in a temporary vault
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Importing members: from opening the file to the last commit
    #[command(after_help = "Example: countersign bench import --members 1000000 --json")]
    Import(Size),
    /// Making a package by sms: from the verb to the renamed file
    #[command(after_help = "Example: countersign bench export --members 1000000 --json")]
    Export(Exports),
    /// Revealing one field of one member after the other
    #[command(after_help = "Example: countersign bench reveal --members 10000 --json")]
    Reveal(Size),
    /// Print the made-up member file that the others import, for other programs to be measured with
    #[command(after_help = "Example: countersign bench members --members 1000 > members.csv")]
    Members {
        #[command(flatten)]
        size: Size,
        /// The second file instead: those who withdraw their consent to sms
        #[arg(long)]
        withdrawn: bool,
    },
}

/// How large.
#[derive(Debug, Args)]
pub struct Size {
    /// How many members; 80% consent to sms and 5% of those have withdrawn
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    members: u64,
}

/// How large, and how often.
#[derive(Debug, Args)]
pub struct Exports {
    #[command(flatten)]
    size: Size,
    /// Make so many packages from the one vault, each of a request of its own; `seconds` is the median
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    repeat: u64,
    /// Before each package print `{"ready":n}` and wait for a line on standard input, so that another
    /// program can be measured in turn with this one
    #[arg(long)]
    wait: bool,
    /// Hand each package out after it was measured, to this new folder, and leave the vendor's identity
    /// beside them, so that their rows can be compared with another program's; not timed
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// What was measured.
struct Measured {
    /// Of one run.
    rows: u64,
    runs: Vec<Duration>,
    /// The packages that were kept, run by run.
    files: Vec<String>,
    /// The most memory held while the runs were made, in MiB; none where the system does not say.
    peak: Option<u64>,
}

impl Measured {
    fn once((rows, took): (u64, Duration)) -> Measured {
        Measured { rows, runs: vec![took], files: Vec::new(), peak: peak_rss_mib() }
    }

    fn median(&self) -> Duration {
        let mut runs = self.runs.clone();
        runs.sort_unstable();
        runs.get(runs.len() / 2).copied().unwrap_or_default()
    }
}

impl Bench {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        if let Bench::Members { size, withdrawn } = self {
            return print_members(size.members, withdrawn);
        }
        let scratch = Scratch::make(&context.settings()?.data)?;
        let place = Place {
            dir: scratch.0.join("data"),
            url: context.named_database().unwrap_or_else(|| sqlite_in(&scratch.0.join("data"))),
            high_water: Some(scratch.0.join("state").join("high-water")),
            passphrase: None,
            clock: None,
        };
        make_folder(&place.dir)?;
        let world = World::make_unkept(&place, self.keep()?, &context.out).await?;
        let measured = match self {
            Bench::Import(Size { members }) => {
                Measured::once(import(context, &world, members, Profile::Bench).await?)
            }
            Bench::Export(how) => export(context, &world, &how).await?,
            Bench::Reveal(Size { members }) => Measured::once(reveal(context, &world, members).await?),
            Bench::Members { .. } => return Ok(()),
        };
        world.broker.store().close().await;
        tell(context, &measured);
        Ok(())
    }

    /// The folder to hand packages out to, made; none when they are not wanted.
    fn keep(&self) -> Result<Option<&Path>, Failure> {
        let Bench::Export(Exports { keep: Some(folder), .. }) = self else { return Ok(None) };
        make_folder(folder)?;
        Ok(Some(folder.as_path()))
    }
}

/// The whole file to standard output.
fn print_members(members: u64, withdrawn: bool) -> Result<(), Failure> {
    let profile = if withdrawn { Profile::BenchWithdrawn } else { Profile::Bench };
    std::io::copy(&mut MemberFile::new(members, profile), &mut std::io::stdout().lock())
        .map_err(|cause| Failure::file("standard output", cause))?;
    Ok(())
}

fn tell(context: &Context, measured: &Measured) {
    let (rows, peak) = (measured.rows, measured.peak);
    let seconds = measured.median().as_secs_f64();
    let rate = if seconds > 0.0 { rows as f64 / seconds } else { 0.0 };
    let round = |x: f64, to: f64| (x * to).round() / to;
    let runs: Vec<f64> = measured.runs.iter().map(|run| round(run.as_secs_f64(), 1000.0)).collect();
    let mut answer = json!({
        "rows": rows, "seconds": round(seconds, 1000.0), "rows_per_s": round(rate, 1.0), "peak_rss_mib": peak,
        "runs": runs,
    });
    // Only where they were to be kept.
    if !measured.files.is_empty() {
        answer["files"] = json!(measured.files);
    }
    context.out.answer(&answer, || {
        let peak = peak.map_or_else(|| "unknown".to_owned(), |mib| format!("{mib} MiB"));
        format!("{rows} rows in {seconds:.3} s: {rate:.0} a second, peak memory {peak}")
    });
}

/// Rows stored, and how long it took.
async fn import(
    context: &Context,
    world: &World,
    members: u64,
    profile: Profile,
) -> Result<(u64, Duration), Failure> {
    let step = world.step(IMPORTER).await?;
    let progress = context.out.progress("members imported");
    let options =
        ImportOptions { dry_run: false, errors: None, progress: &|at| progress.at(at.rows, members) };
    let started = Instant::now();
    let input = Box::new(MemberFile::new(members, profile));
    let report = world.broker.member_import(step.caller(), input, options).await?;
    let took = started.elapsed();
    let stored = report.counts.created + report.counts.updated;
    if report.counts.rejected > 0 {
        return Err(Failure::input(
            "bad_bench",
            format!("{} made-up rows were rejected", report.counts.rejected),
            "",
        ));
    }
    Ok((stored, took))
}

/// Packages, and how long the making of each took. Members, withdrawals and signatures are set-up.
async fn export(context: &Context, world: &World, how: &Exports) -> Result<Measured, Failure> {
    import(context, world, how.size.members, Profile::Bench).await?;
    import(context, world, how.size.members, Profile::BenchWithdrawn).await?;
    let campaign = &CAMPAIGNS[0];
    let mut measured = Measured { rows: 0, runs: Vec::new(), files: Vec::new(), peak: None };
    for number in 1..=how.repeat {
        let no = ask(world, campaign).await?;
        let step = world.step(campaign.executor).await?;
        if how.wait {
            wait_for_a_line(context, number)?;
        }
        forget_peak();
        let progress = context.out.progress("rows");
        let started = Instant::now();
        let made = world.broker.request_execute(step, &no, &|done, of| progress.at(done, of)).await?;
        measured.runs.push(started.elapsed());
        measured.rows = made.rows;
        measured.peak = measured.peak.max(peak_rss_mib());
        if let Some(folder) = &how.keep {
            let receiver = world.step(campaign.receiver).await?;
            let got = world.broker.package_download(receiver, &made.package, folder).await?;
            measured.files.push(got.path.display().to_string());
        }
    }
    Ok(measured)
}

/// Says that all is set up, and blocks until whoever measures says go.
fn wait_for_a_line(context: &Context, number: u64) -> Result<(), Failure> {
    context.out.line(&json!({ "ready": number }).to_string());
    match std::io::stdin().read_line(&mut String::new()) {
        Ok(0) => Err(Failure::input("bad_bench", "standard input ended before all packages were made", "")),
        Ok(_) => Ok(()),
        Err(cause) => Err(Failure::file("standard input", cause)),
    }
}

/// Reveals, and how long they took: one person who has shown who they are, one field, one reason each.
async fn reveal(context: &Context, world: &World, members: u64) -> Result<(u64, Duration), Failure> {
    import(context, world, members, Profile::Bench).await?;
    let step = world.step(COUNTER).await?;
    // Every second member is the first store's.
    let own = members.div_ceil(2);
    let times = own.min(REVEALS);
    let progress = context.out.progress("reveals");
    let started = Instant::now();
    for time in 0..times {
        let card = CardNo::parse(&card(time * own / times * 2))
            .map_err(|wrong| Failure::input("bad_card", wrong.en(), ""))?;
        world.broker.member_reveal(step.caller(), &card, &[Field::Mobile], "bench").await?;
        progress.at(time, times);
    }
    Ok((times, started.elapsed()))
}

/// Begins the measuring of memory anew at what is held now, so that the set-up does not count; where the
/// system does not offer that, it counts.
fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The most memory this process held since, in MiB; none where the system does not say.
fn peak_rss_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib / 1024)
}

/// A folder beside the real vault's, so that the same disk is measured; gone when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn make(data: &Path) -> Result<Scratch, Failure> {
        let data =
            std::path::absolute(data).map_err(|cause| Failure::file(data.display().to_string(), cause))?;
        let beside = data.parent().unwrap_or(Path::new("/"));
        let path = beside.join(format!(".countersign-bench-{}", std::process::id()));
        if path.exists() {
            let cause = std::io::ErrorKind::AlreadyExists.into();
            return Err(Failure::file(path.display().to_string(), cause));
        }
        make_folder(&path)?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is only a demo vault that nobody has the passwords of.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
