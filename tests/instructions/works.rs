//! The vault that is worked on, and the works in the order in which they are counted.

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use countersign::audit::event::{Action, Actor, Event};
use countersign::broker::Broker;
use countersign::model::contact::CardNo;
use countersign::model::field::Field;
use countersign::model::ids::RequestNo;

use crate::support::generate::HEADER;
use crate::support::world::{self, On, World, step};

/// Folder of the vault, for [`run`].
pub const FOLDER: &str = "COUNTED_VAULT";
/// Entries that are appended; the figure is for one of them.
pub const ENTRIES: u64 = 50;
/// Fields that are opened, each in a reveal of its own.
pub const REVEALS: u64 = 10;
/// Rows of the imported file, all of which fit the request.
const ROWS: u64 = 1_000;
/// Nobody in the furnished vault joined so early; everybody in the counted file did.
const JOINED: &str = "2015-06-01";
const SELECTION: &str = "[selection]\nall = [{ attribute = \"joined_on\", to = \"2015-12-31\" }]\n";

/// A piece of work; [`run`] does them in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Append,
    Import,
    Open,
    Export,
}

impl Work {
    pub const ALL: [Work; 4] = [Work::Append, Work::Import, Work::Open, Work::Export];

    pub const fn name(self) -> &'static str {
        match self {
            Work::Append => "append-one",
            Work::Import => "import-1k",
            Work::Open => "open-one-field",
            Work::Export => "export-1k",
        }
    }
}

/// A furnished vault with a request that everybody has signed, closed again. Its number lies beside it.
pub fn prepare() -> World {
    let vault = World::new(On::Sqlite);
    world::block(async {
        let broker = vault.open().await;
        let officer = step(&broker, world::cast("sms")[0]).await.unwrap();
        let form = world::form("sms") + SELECTION;
        let no = broker.request_draft(officer.caller(), &form).await.unwrap();
        broker.request_submit(officer, &no).await.unwrap();
        for signer in &world::cast("sms")[1..4] {
            broker.request_sign(step(&broker, signer).await.unwrap(), &no, None, None).await.unwrap();
        }
        fs::write(vault.dir.path().join("request"), no.to_string()).unwrap();
        broker.store().close().await;
    });
    vault
}

/// Does the works, each between two marks, in the vault that the environment names.
pub fn run() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    // One thread for all that can run on one: threads that wait for each other in turns count differently.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(works(Path::new(&folder)));
}

async fn works(folder: &Path) {
    let url = format!("sqlite:{}", folder.join("data/vault.db").display());
    let (broker, _) = Broker::open(&world::place(folder, &url)).await.unwrap();
    let no = RequestNo::parse(&fs::read_to_string(folder.join("request")).unwrap()).unwrap();
    let importer = step(&broker, "mem.head").await.unwrap();
    let counter = step(&broker, "s1.counter").await.unwrap();
    let executor = step(&broker, world::cast("sms")[4]).await.unwrap();
    let (file, last) = file();

    // What is done for the first time only (statements are prepared) is not an entry's.
    append(&broker).await;
    quiet_mark().await;
    for _ in 0..ENTRIES {
        append(&broker).await;
    }
    quiet_mark().await;

    quiet_mark().await;
    let report = world::import(&broker, importer.caller(), file.as_bytes()).await.unwrap();
    quiet_mark().await;
    assert_eq!(report.counts.created, ROWS);

    quiet_mark().await;
    for _ in 0..REVEALS {
        let opened =
            broker.member_reveal(counter.caller(), &last, &[Field::Mobile], "指令计数测试").await.unwrap();
        assert_eq!(opened.len(), 1);
    }
    quiet_mark().await;

    quiet_mark().await;
    let made = broker.request_execute(executor, &no, &|_, _| {}).await.unwrap();
    quiet_mark().await;
    assert_eq!(made.rows, ROWS);
    broker.store().close().await;
}

async fn append(broker: &Broker) {
    let event = Event::new(Action::PolicyShown, Actor::Operator);
    black_box(broker.store().work().await.unwrap().commit(event).await.unwrap());
}

/// A mark when the other threads have come to rest, so that what a work leaves to them is counted as its own.
async fn quiet_mark() {
    tokio::time::sleep(Duration::from_millis(100)).await;
    mark();
}

/// Where callgrind writes down what it has counted and begins anew; found by this name.
#[inline(never)]
pub fn mark() {
    black_box(());
}

/// Members who are complete, consent and share nothing, as a file; and the card of the last.
fn file() -> (String, CardNo) {
    let mut csv = format!("\u{feff}{HEADER}\r\n");
    let card = |n: u64| 99_000_000 + n;
    for n in 0..ROWS {
        let _ = write!(
            csv,
            "{},张计数,139{:08},counted{n}@example.com,上海市徐汇区昆明路{}号,{:06},1980-{:02}-15,会员卡,普通,S001,\
             {JOINED},会员规约,2024-06,是,是,是,{n}.50,2024-03-{:02}\r\n",
            card(n),
            10_000_000 + n,
            1 + n,
            200_000 + n,
            1 + n % 12,
            1 + n % 28,
        );
    }
    (csv, CardNo::parse(&card(ROWS - 1).to_string()).unwrap())
}
