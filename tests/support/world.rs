//! A vault with its people, vendors and members, made by the verbs everyone calls, on either engine.
//!
//! Enrolling twenty people takes seconds of argon2, so the first world of a kind is a template and the
//! others are copies of its files and database. No back door makes a grant, a signature or a member.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign::access::Error;
use countersign::broker::documents::NewDocument;
use countersign::broker::imports::{ImportOptions, ImportReport};
use countersign::broker::people::Password;
use countersign::broker::{Broker, StepUp};
use countersign::model::code::Step;
use countersign::model::ids::{Login, PackageNo, RequestNo, VendorCode};
use countersign::release::container::{generate_identity, open_with};
use countersign::store::Place;

use super::generate::{Generated, generate};
use super::postgres;

/// Which engine a world lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum On {
    Sqlite,
    Postgres,
}

pub const BOTH: [On; 2] = [On::Sqlite, On::Postgres];

/// One vault of a test's own.
pub struct World {
    pub on: On,
    pub dir: tempfile::TempDir,
    pub url: String,
    pub members: &'static Generated,
}

/// How many members a world has.
pub const MEMBERS: usize = 120;

pub const ORG: &str = include_str!("world_org.toml");

struct Template {
    dir: tempfile::TempDir,
    /// Name of the PostgreSQL database that copies are made of.
    database: Option<String>,
}

static MEMBERS_MADE: OnceLock<Generated> = OnceLock::new();
static COPIES: AtomicUsize = AtomicUsize::new(0);

fn generated() -> &'static Generated {
    MEMBERS_MADE.get_or_init(|| generate(MEMBERS, 7))
}

/// Runs a future to its end on a runtime of its own, so that templates can be made inside tests.
pub fn block<T: Send>(future: impl Future<Output = T> + Send) -> T {
    // A build without optimisation keeps every step of a long road on the stack.
    const STACK: usize = 16 << 20;
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, || {
                tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .thread_stack_size(STACK)
                    .enable_all()
                    .build()
                    .unwrap()
                    .block_on(future)
            })
            .unwrap()
            .join()
            .unwrap()
    })
}

fn template(on: On) -> &'static Template {
    static SQLITE: OnceLock<Template> = OnceLock::new();
    static POSTGRES: OnceLock<Template> = OnceLock::new();
    let cell = if on == On::Sqlite { &SQLITE } else { &POSTGRES };
    cell.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let url = match on {
            On::Sqlite => format!("sqlite:{}", dir.path().join("data/vault.db").display()),
            On::Postgres => postgres::fresh_database(),
        };
        block(furnish(place(dir.path(), &url)));
        let database = (on == On::Postgres)
            .then(|| url.split('?').next().unwrap().rsplit('/').next().unwrap().to_owned());
        Template { dir, database }
    })
}

pub fn place(dir: &Path, url: &str) -> Place {
    Place {
        dir: dir.join("data"),
        url: url.to_owned(),
        high_water: Some(dir.join("state/high-water")),
        passphrase: None,
        clock: None,
    }
}

/// Everything but members' requests: organisation, vendors, covenants, members, the group-wide scope.
async fn furnish(place: Place) {
    let broker = Broker::create(&place, false, "Asia/Shanghai").await.unwrap();
    let admin = login("admin");
    let undertaking = broker.undertaking().await.unwrap().text("zh").map(|text| text.digest);
    broker.first_admin(&admin, &password("admin"), undertaking).await.unwrap();
    let caller = broker.authenticate(&admin, &password("admin")).await.unwrap().caller().clone();
    let change = broker.org_apply(&caller, ORG, false).await.unwrap();
    for person in &change.unenrolled {
        let password = password(person.login.as_str());
        broker.enrol_scripted(&caller, &person.login, &password, undertaking).await.unwrap();
    }
    let vendors = step(&broker, "hq.vendors").await.unwrap();
    for (code, channels) in [("SMS1", "\"sms\""), ("DM1", "\"post\""), ("SMS2", "\"sms\"")] {
        let (identity, recipient) = generate_identity();
        std::fs::write(place.dir.parent().unwrap().join(format!("{code}.identity")), identity.as_bytes())
            .unwrap();
        let text = format!(
            "code = \"{code}\"\nname = {{ zh = \"外包商\", en = \"Vendor\" }}\nchannels = [{channels}]\n\
             contract = {{ reference = \"HT-1\", from = \"2026-01-01\", to = \"2099-12-31\" }}\n\
             key = {{ kind = \"age\", recipient = \"{recipient}\", fingerprint_checked_by = \"phone\" }}\n"
        );
        broker.vendor_add(vendors.caller(), &text).await.unwrap();
        prove_vendor(&broker, code, &identity).await;
    }
    for family in ["member_covenant", "points_card_covenant"] {
        for version in versions() {
            let document = NewDocument {
                family: family.to_owned(),
                version: version.to_owned(),
                language: "zh".to_owned(),
                body: format!("{family} {version}"),
                effective_on: None,
            };
            broker.document_add(&caller, document).await.unwrap();
        }
    }
    switch(&broker, "store_scope = \"own\"", "store_scope = \"group\"").await;
    let head = step(&broker, "mem.head").await.unwrap();
    let report = import(&broker, head.caller(), &generated().csv).await.unwrap();
    assert_eq!(report.counts.created as usize, generated().accepted().count());
    broker.store().close().await;
}

/// The vendor opens the challenge and reads the phrase back to a second person, as on the real road.
pub async fn prove_vendor(broker: &Broker, vendor: &str, identity: &str) {
    prove_vendor_to(broker, vendor, identity, "mem.head").await;
}

/// The same, to another second person.
pub async fn prove_vendor_to(broker: &Broker, vendor: &str, identity: &str, second: &str) {
    let code = VendorCode::parse(vendor).unwrap();
    let manager = step(broker, "hq.vendors").await.unwrap();
    let file = broker.vendor_key_challenge(manager.caller(), &code).await.unwrap();
    let second = step(broker, second).await.unwrap();
    broker.vendor_key_confirm(second.caller(), &code, &phrase_in(&file, identity)).await.unwrap();
}

/// The phrase in a challenge, as the vendor reads it.
pub fn phrase_in(file: &[u8], identity: &str) -> String {
    let text = open_with(identity, file).unwrap();
    text.lines().find_map(|line| line.strip_prefix("phrase: ")).unwrap().to_owned()
}

fn versions() -> Vec<&'static str> {
    let mut found: Vec<_> =
        generated().rows.iter().filter(|r| r.covenant.is_some()).map(|r| r.covenant_version).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Two administrators adopt the policies in force with texts exchanged: file, from, to.
pub async fn adopt(broker: &Broker, edits: &[(&str, &str, &str)]) {
    use countersign::policy::PolicyFiles;
    let admin = step(broker, "admin").await.unwrap();
    let shown = broker.policy_show(admin.caller()).await.unwrap();
    let now = shown.versions.iter().find(|v| v.id == shown.in_force).unwrap();
    let mut files: std::collections::BTreeMap<String, String> = PolicyFiles::from_bytes(&now.files)
        .unwrap()
        .iter()
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect();
    for (file, from, to) in edits {
        let text = files.get_mut(*file).unwrap();
        assert!(text.contains(from), "{file} does not say {from}");
        *text = text.replacen(from, to, 1);
    }
    let id = broker.policy_propose(admin, PolicyFiles::new(files).unwrap(), None).await.unwrap();
    let second = step(broker, "admin2").await.unwrap();
    broker.policy_second(second, id).await.unwrap();
}

/// Sets a switch, and what its test file expects of it.
pub async fn switch(broker: &Broker, from: &str, to: &str) {
    adopt(broker, &[("switches.toml", from, to), ("switches.test.toml", from, to)]).await;
}

pub fn login(text: &str) -> Login {
    Login::parse(text).unwrap()
}

pub fn password(login: &str) -> Password {
    Password::new(format!("pass word of {login}").into_bytes())
}

pub async fn step(broker: &Broker, who: &str) -> Result<StepUp, Error> {
    broker.authenticate(&login(who), &password(who)).await
}

pub async fn import(
    broker: &Broker,
    caller: &countersign::access::Caller,
    csv: &[u8],
) -> Result<ImportReport, Error> {
    let input = Box::new(std::io::Cursor::new(csv.to_vec()));
    broker
        .member_import(caller, input, ImportOptions { dry_run: false, errors: None, progress: &|_| {} })
        .await
}

impl World {
    /// A copy of the furnished vault.
    pub fn new(on: On) -> World {
        let template = template(on);
        let dir = tempfile::tempdir().unwrap();
        copy_tree(template.dir.path(), dir.path());
        let url = match &template.database {
            None => format!("sqlite:{}", dir.path().join("data/vault.db").display()),
            Some(database) => {
                let name = format!("copy{}", COPIES.fetch_add(1, Ordering::Relaxed));
                let base = postgres::fresh_database();
                postgres::execute(&base, format!("create database {name} template {database}"));
                let (head, query) = base.split_once('?').unwrap();
                format!("{}/{name}?{query}", head.rsplit_once('/').unwrap().0)
            }
        };
        World { on, dir, url, members: generated() }
    }

    pub fn place(&self) -> Place {
        place(self.dir.path(), &self.url)
    }

    pub async fn open(&self) -> Broker {
        Broker::open(&self.place()).await.unwrap().0
    }

    pub fn identity(&self, vendor: &str) -> PathBuf {
        self.dir.path().join(format!("{vendor}.identity"))
    }
}

fn copy_tree(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// A request of HQ marketing for SMS, or of store S001 marketing for direct mail.
pub fn form(channel: &str) -> String {
    let (unit, fields, vendor, receiver) = match channel {
        "sms" => ("HQ-MKT", "\"mobile\"", "SMS1", "hq.receiver"),
        _ => ("S001-MKT", "\"name\", \"address\", \"postcode\"", "DM1", "s1.receiver"),
    };
    format!(
        "unit = \"{unit}\"\npurpose = \"promotion\"\ncampaign = \"新年满减\"\nchannel = \"{channel}\"\n\
         fields = [{fields}]\nvendor = \"{vendor}\"\nreceiver = \"{receiver}\"\n\
         window = {{ from = \"2026-12-20\", to = \"2099-01-05\" }}\ndestroy_by = \"2099-01-20\"\n\
         row_limit = 500000\nimpact_assessment = \"PIA-2026-07\"\nreason = \"新年活动告知\"\n"
    )
}

/// Who takes part: requester, three signers, executor, receiver.
pub fn cast(channel: &str) -> [&'static str; 6] {
    match channel {
        "sms" => ["hq.officer", "hq.head", "hq.planner", "mem.head", "hq.it", "hq.receiver"],
        _ => ["s1.officer", "s1.head", "s1.pop", "mem.head", "s1.it", "s1.receiver"],
    }
}

/// Drafts and submits.
pub async fn submitted(broker: &Broker, channel: &str) -> RequestNo {
    let officer = step(broker, cast(channel)[0]).await.unwrap();
    let no = broker.request_draft(officer.caller(), &form(channel)).await.unwrap();
    broker.request_submit(officer, &no).await.unwrap();
    no
}

/// Drafts, submits and has all three sign.
pub async fn signed(broker: &Broker, channel: &str) -> RequestNo {
    let no = submitted(broker, channel).await;
    for (who, expected) in cast(channel)[1..4].iter().zip(Step::ALL) {
        let step = step(broker, who).await.unwrap();
        assert_eq!(broker.request_sign(step, &no, None, None).await.unwrap(), *expected);
    }
    no
}

/// The whole road up to the package.
pub async fn executed(broker: &Broker, channel: &str) -> PackageNo {
    let no = signed(broker, channel).await;
    let executor = step(broker, cast(channel)[4]).await.unwrap();
    broker.request_execute(executor, &no, &|_, _| {}).await.unwrap().package
}

/// The receiver fetches a package and hands it off.
pub async fn handed_off(broker: &Broker, package: &PackageNo) {
    let receiver = step(broker, "hq.receiver").await.unwrap();
    let caller = receiver.caller().clone();
    let out = tempfile::tempdir().unwrap();
    broker.package_download(receiver, package, out.path()).await.unwrap();
    broker.package_hand_off(&caller, package).await.unwrap();
}

/// The code of a refusal.
pub fn code<T>(result: Result<T, Error>) -> &'static str {
    match result {
        Ok(_) => "done",
        Err(Error::Refused(refusal)) => refusal.code,
        Err(other) => panic!("{other}"),
    }
}

/// What Debian's `age` makes of a package, as lines without header.
pub fn decrypt(file: &Path, identity: &Path) -> (String, Vec<String>) {
    let output =
        std::process::Command::new("age").arg("-d").arg("-i").arg(identity).arg(file).output().unwrap();
    assert!(output.status.success(), "age: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let text = text.strip_prefix('\u{feff}').expect("a byte order mark").to_owned();
    let mut lines = text.split_terminator("\r\n").map(str::to_owned);
    let header = lines.next().unwrap();
    (header, lines.collect())
}
