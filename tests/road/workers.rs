//! Several processes on one database make one package; one of them is killed in the middle.

use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};

use crate::support::cli::Running;
use crate::support::desk::Desk;
use crate::support::world::{On, block, decrypt, signed};

/// Members beside those of the world, all to be reached.
const MORE: usize = 3_000;

/// How long anything may take to happen here.
const LIMIT: Duration = Duration::from_secs(60);

/// Holds a table that only the writing of a part reads: whoever has claimed one stands still there. At most
/// for the ten seconds that a process waits for a lock.
struct Hold {
    release: std::sync::mpsc::Sender<()>,
    holder: std::thread::JoinHandle<()>,
}

impl Hold {
    fn on(url: &str) -> Hold {
        let url = url.to_owned();
        let (holds, held) = std::sync::mpsc::channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let holder = std::thread::spawn(move || {
            block(async move {
                let mut connection = PgConnection::connect(&url).await.unwrap();
                sqlx::raw_sql("begin; lock table sealed_mobile in access exclusive mode")
                    .execute(&mut connection)
                    .await
                    .unwrap();
                holds.send(()).unwrap();
                released.recv().unwrap();
                sqlx::raw_sql("rollback").execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            });
        });
        held.recv().unwrap();
        Hold { release, holder }
    }

    fn release(self) {
        self.release.send(()).unwrap();
        self.holder.join().unwrap();
    }
}

/// What one column of one row says.
fn ask(url: &str, sql: &'static str) -> i64 {
    let url = url.to_owned();
    block(async move {
        let mut connection = PgConnection::connect(&url).await.unwrap();
        let said: i64 = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        said
    })
}

#[track_caller]
fn wait_until(what: &str, done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A vault of some thousand members with a signed request for them.
fn large() -> (Desk, String, usize) {
    let desk = Desk::new(On::Postgres);
    let template = desk.world.members.accepted().find(|row| row.covenant.is_some()).unwrap();
    let (covenant, version) = (template.covenant.unwrap(), template.covenant_version);
    let mut csv = String::from("卡号,姓名,手机,归属门店,规约,规约版本,同意短信\n");
    for n in 0..MORE {
        csv.push_str(&format!("{},林敏芳,1391{n:07},S001,{covenant},{version},是\n", 71_000_000 + n));
    }
    desk.write("more.csv", csv);
    let imported = desk.by("mem.head", &["member", "import", "more.csv", "--json"]).ok();
    assert_eq!(imported.json()["created"], MORE);
    let no = block(async { signed(&desk.world.open().await, "sms").await });
    let reached = desk.world.members.expected(crate::support::expect::Channel::Sms).rows.len() + MORE;
    (desk, no.to_string(), reached)
}

fn execute(desk: &Desk, no: &str) -> Running {
    desk.start("hq.it", &["request", "execute", no, "--parts", "4", "--json"])
}

fn worker(desk: &Desk) -> Running {
    desk.cli.spawn(&["worker", "--json"])
}

#[test]
fn a_killed_workers_part_is_taken_over() {
    let (desk, no, reached) = large();
    let url = desk.world.url.clone();
    let mut workers = [worker(&desk), worker(&desk)];
    let hold = Hold::on(&url);
    let executing = execute(&desk, &no);
    // Both have claimed a part and stand before its first row.
    for worker in &mut workers {
        worker.wait_for(": claimed", LIMIT);
    }
    wait_until("three claims", || {
        ask(&url, "select count(*) from package_range where claimed is not null") == 3
    });
    let [victim, other] = workers;
    let said = victim.kill();
    assert_eq!(said.code, 137, "{said}");
    assert!(!said.stderr.contains("made"), "{said}");
    hold.release();
    let executed = executing.wait().ok();
    assert_eq!(executed.json()["rows"], reached);
    assert_eq!(executed.json()["parts"].as_array().unwrap().len(), 4);
    let said = other.kill();
    assert!(said.stderr.contains("made,"), "{said}");

    let downloaded = desk.by("hq.receiver", &["package", "download", &no, "--out", "out", "--json"]).ok();
    let paths = downloaded.json()["paths"].as_array().unwrap().clone();
    let mut lines = Vec::new();
    for path in &paths {
        let path = desk.dir().join(path.as_str().unwrap());
        lines.extend(decrypt(&path, &desk.world.identity("SMS1")).1);
    }
    lines.sort();
    lines.dedup();
    assert_eq!((paths.len(), lines.len()), (4, reached), "every member once");

    // Four parts, of which one was claimed twice; and one sequence without a gap.
    let claimed =
        ask(&url, "select count(*) from log_leaf where position('package.range_claimed'::bytea in body) > 0");
    let made =
        ask(&url, "select count(*) from log_leaf where position('package.range_made'::bytea in body) > 0");
    assert_eq!((claimed, made), (5, 4));
    let gaps = ask(&url, "select max(seq) + 1 - count(*) + min(seq) from log_leaf");
    assert_eq!(gaps, 0);
    assert_eq!(desk.verified() as i64, ask(&url, "select count(*) from log_leaf"));
    let manifest = downloaded.json()["manifest"].as_str().unwrap();
    desk.cli.run(&["audit", "verify", "--deep", "--against", manifest]).ok();
    let doctor = desk.cli.run(&["doctor", "--json"]).ok();
    assert_eq!(doctor.json()["broken"], 0, "{doctor}");
}

#[test]
fn a_killed_executors_package_is_aborted_and_made_again() {
    let (desk, no, reached) = large();
    let url = desk.world.url.clone();
    let mut one = worker(&desk);
    let hold = Hold::on(&url);
    let executing = execute(&desk, &no);
    one.wait_for(": claimed", LIMIT);
    let said = executing.kill();
    assert_eq!(said.code, 137, "{said}");
    // A worker is still writing: nobody settles it from under him, and he himself does at his end.
    let still = desk.by("hq.it", &["request", "execute", &no, "--json"]).expect_code(1);
    assert_eq!(still.json()["error"]["code"], "executed_already", "{still}");
    hold.release();
    one.wait_for("its package is over", LIMIT);
    wait_until("aborted", || ask(&url, "select count(*) from package_fact where kind = 'aborted'") == 1);
    one.kill();
    assert_eq!(ask(&url, "select count(*) from package_range"), 0);
    let again = execute(&desk, &no).wait().ok();
    assert_eq!(again.json()["rows"], reached);
    let left = std::fs::read_dir(desk.dir().join("data/packages")).unwrap().count();
    assert_eq!(left, 4);
    desk.verified();
}
