//! The walk: at each turn something happens, and the product must say what the model says.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use countersign::access::Error;
use countersign::broker::editions::Seen;
use countersign::broker::{Broker, StepUp};
use countersign::clock::Clock;
use countersign::model::ids::{RequestNo, VendorCode};
use countersign::release::container::generate_identity;

use crate::at_clock;
use crate::model::{CASTS, Draft, Model, Noes, Request, Round, Vendor};
use crate::support::generate::Random;
use crate::support::world::{World, adopt, block, form, login, prove_vendor_to, step};

/// Who changes roles: login, unit, rank, role.
const ROLES: [(&str, &str, &str, &str); 11] = [
    ("hq.officer", "HQ-MKT", "supervisor", "info_officer"),
    ("hq.head", "HQ-MKT", "manager", "dept_head"),
    ("hq.planner", "HQ-PLAN", "manager", "planning_head"),
    ("mem.head", "HQ-MEM", "manager", "member_head"),
    ("hq.it", "HQ-IT", "staff", "executor"),
    ("hq.receiver", "HQ-PLAN", "staff", "planning_officer"),
    ("s1.officer", "S001-MKT", "supervisor", "info_officer"),
    ("s1.head", "S001-MKT", "manager", "dept_head"),
    ("s1.pop", "S001-PLAN", "manager", "planning_head"),
    ("s1.it", "S001-IT", "staff", "executor"),
    ("s1.receiver", "S001-PLAN", "staff", "planning_officer"),
];

/// What `release_fields.test.toml` asks about SMS, and what is answered while it is on.
const CARRIED: [(&str, &str); 5] = [
    ("\"mobile\"", "allow"),
    ("\"mobile\", \"name\"", "field_not_allowed"),
    ("\"name\"", "field_not_allowed"),
    ("", "field_missing"),
    ("\"mobile\", \"card\"", "field_not_allowed"),
];

/// A month and a day: longer than a request lives.
const MONTH: i64 = 32 * 86_400_000_000;

struct Walk {
    broker: Broker,
    clock: Arc<Clock>,
    random: Random,
    model: Model,
    seen: BTreeMap<&'static str, u32>,
}

pub fn run(world: &World, turns: usize) {
    // The same walk every time, but a longer one of its own with COUNTERSIGN_LONG=1.
    let long = std::env::var_os("COUNTERSIGN_LONG").is_some_and(|v| v == "1");
    let now = UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let seed = std::env::var("COUNTERSIGN_SEED").ok().and_then(|s| s.parse().ok());
    let seed = seed.unwrap_or(if long { now | 1 } else { 20_260_703 });
    let turns = if long { turns * 10 } else { turns };
    let _ = writeln!(std::io::stderr().lock(), "states: {:?}: COUNTERSIGN_SEED={seed}", world.on);
    block(async {
        let (broker, clock) = at_clock(world).await;
        let model = Model {
            suspended: BTreeSet::new(),
            without_role: BTreeSet::new(),
            keys: BTreeMap::new(),
            vendors: Vec::new(),
            channel_on: true,
            requests: Vec::new(),
        };
        let mut walk = Walk { broker, clock, random: Random::new(seed), model, seen: BTreeMap::new() };
        walk.vendor(0).await;
        for (at, cast) in CASTS.into_iter().enumerate() {
            let draft = Draft { vendor: 0, limit: 500_000 };
            let officer = step(&walk.broker, cast[0]).await.unwrap();
            let no = walk.broker.request_draft(officer.caller(), &text(at, &draft)).await.unwrap();
            walk.model.requests.push(Request { no, cast, draft, round: None, live: None });
        }
        for turn in 0..turns {
            walk.clock.set(walk.clock.now() + 1_000_000);
            walk.turn(turn).await;
        }
        assert_eq!(walk.broker.audit_verify(true, &[]).await.unwrap().problems, []);
        let _ = writeln!(std::io::stderr().lock(), "states: {:?}: {:?}", world.on, walk.seen);
        assert!(walk.seen.get("executed").is_some_and(|n| *n > 0), "the walk never got to a package");
        assert!(walk.seen.len() > 8, "the walk saw too little of the space: {:?}", walk.seen);
    });
}

/// The form of a request.
fn text(at: usize, draft: &Draft) -> String {
    let text = form("sms").replace("SMS1", &code_of(draft.vendor));
    let text = text.replace("500000", &draft.limit.to_string());
    if at == 0 { text } else { text.replace("HQ-MKT", "S001-MKT").replace("hq.receiver", "s1.receiver") }
}

fn code_of(vendor: usize) -> String {
    format!("W{vendor}")
}

impl Walk {
    async fn turn(&mut self, turn: usize) {
        let at = self.random.below(self.model.requests.len());
        match self.random.below(26) {
            // Most turns go on, or a walk would never get anywhere.
            0..=12 => self.go_on(at, turn).await,
            13 | 14 => {
                let who = self.anyone();
                self.at_step(at, who, "sign").await;
            }
            15 | 16 => {
                let who = self.anyone();
                self.execute(at, who).await;
            }
            17 | 18 => {
                let cast = self.model.requests[at].cast;
                let who = self.random.pick(&cast);
                match self.random.pick(&["return", "reject", "submit", "recall"]) {
                    "submit" => self.submit(at, who).await,
                    "recall" => self.recall(at, who).await,
                    what => self.at_step(at, who, what).await,
                }
            }
            19 => self.revise(at).await,
            20 => self.suspend().await,
            21 => self.change_role().await,
            22 => self.new_key().await,
            23 => self.change_vendor(at).await,
            24 => self.recall_package(at).await,
            _ => match self.random.below(2) {
                0 => self.change_policy().await,
                _ => self.expire().await,
            },
        }
    }

    fn anyone(&mut self) -> &'static str {
        let (who, ..) = self.random.pick(&ROLES);
        if self.random.below(10) == 0 { self.random.pick(&["auditor", "admin2", "hq.counter"]) } else { who }
    }

    /// What the request's own people would do next.
    async fn go_on(&mut self, at: usize, turn: usize) {
        // Left to chance, somebody would always be suspended.
        if turn.is_multiple_of(4) && self.mend().await {
            return;
        }
        let request = &self.model.requests[at];
        let cast = request.cast;
        let packageless = request.live.is_none();
        if packageless && self.model.vendors[request.draft.vendor].suspended {
            return self.revise(at).await;
        }
        let noes = self.model.submit(at, cast[0]);
        let stuck = packageless && !noes.is_empty() && !noes.contains("in_progress");
        if stuck && self.mend().await {
            return;
        }
        match &self.model.requests[at].round {
            Some(round) if !noes.is_empty() => match round.facts.len() {
                4 if round.executed && packageless => self.recall(at, cast[0]).await,
                4 => self.execute(at, cast[4]).await,
                signed => self.at_step(at, cast[signed], "sign").await,
            },
            _ => self.submit(at, cast[0]).await,
        }
    }

    /// Puts one thing right again, if something is not.
    async fn mend(&mut self) -> bool {
        if let Some(who) = self.model.suspended.first().copied() {
            self.set_suspended(who, false).await;
        } else if let Some(who) = self.model.without_role.first().copied() {
            self.set_role(who, true).await;
        } else if !self.model.channel_on {
            self.change_policy().await;
        } else {
            return false;
        }
        true
    }

    async fn at_step(&mut self, at: usize, who: &'static str, what: &'static str) {
        let noes = self.model.at_step(at, who);
        let no = self.no(at);
        let before = self.log_size().await;
        let result = match self.enter(who).await {
            Err(error) => Err(error),
            Ok(step) => match what {
                "sign" => self.broker.request_sign(step, &no, None, None).await,
                "return" => self.broker.request_return(step, &no, "narrow it").await,
                _ => self.broker.request_reject(step, &no, "not this season").await,
            },
        };
        if self.agrees(what, who, noes, result, before).await.is_some() {
            let key = self.model.key(who);
            let round = self.model.requests[at].round.as_mut().unwrap();
            if what == "sign" {
                round.facts.push((who, key));
            } else {
                round.ended = true;
            }
        }
    }

    async fn execute(&mut self, at: usize, who: &'static str) {
        let noes = self.model.execute(at, who);
        let no = self.no(at);
        let before = self.log_size().await;
        let result = match self.enter(who).await {
            Err(error) => Err(error),
            Ok(step) => self.broker.request_execute(step, &no, &|_, _| {}).await,
        };
        if let Some(executed) = self.agrees("executed", who, noes, result, before).await {
            let request = &mut self.model.requests[at];
            request.live = Some(executed.package);
            request.round.as_mut().unwrap().executed = true;
        }
    }

    async fn submit(&mut self, at: usize, who: &'static str) {
        let noes = self.model.submit(at, who);
        let no = self.no(at);
        let before = self.log_size().await;
        let result = match self.enter(who).await {
            Err(error) => Err(error),
            Ok(step) => self.broker.request_submit(step, &no).await,
        };
        if self.agrees("submit", who, noes, result, before).await.is_some() {
            let key = self.model.key(who);
            let form = self.model.requests[at].draft.clone();
            let vendor_key = self.model.vendors[form.vendor].key;
            let facts = vec![(who, key)];
            let round = Round { form, vendor_key, facts, ended: false, expired: false, executed: false };
            self.model.requests[at].round = Some(round);
        }
    }

    async fn recall(&mut self, at: usize, who: &'static str) {
        let noes = self.model.recall(at, who);
        let no = self.no(at);
        let before = self.log_size().await;
        let result = match self.enter(who).await {
            Err(error) => Err(error),
            Ok(step) => self.broker.request_recall(step, &no, None).await,
        };
        if self.agrees("recall", who, noes, result, before).await.is_some() {
            self.model.requests[at].round.as_mut().unwrap().ended = true;
        }
    }

    async fn revise(&mut self, at: usize) {
        let who = self.model.requests[at].cast[0];
        let noes = self.model.revise(at, who);
        let draft = Draft {
            vendor: self.random.below(self.model.vendors.len()),
            limit: self.random.pick(&[400_000, 500_000]),
        };
        let no = self.no(at);
        let before = self.log_size().await;
        let result = match self.enter(who).await {
            Err(error) => Err(error),
            Ok(step) => {
                self.broker.request_revise(step.caller(), &no, &text(at, &draft), &Seen::default()).await
            }
        };
        if self.agrees("edit", who, noes, result, before).await.is_some() {
            self.model.requests[at].draft = draft;
        }
    }

    async fn suspend(&mut self) {
        let (who, ..) = self.random.pick(&ROLES);
        let now = self.model.suspended.contains(who);
        self.set_suspended(who, !now).await;
    }

    async fn set_suspended(&mut self, who: &'static str, suspended: bool) {
        let admin = self.enter("admin").await.unwrap();
        let waits = self.broker.suspend(admin.caller(), &login(who), suspended).await.unwrap();
        self.second(waits).await;
        if suspended {
            self.model.suspended.insert(who)
        } else {
            self.model.suspended.remove(who);
            self.undertaken(who).await;
            true
        };
    }

    /// The other administrator seconds what waits for one.
    async fn second(&self, waits: Option<i64>) {
        if let Some(id) = waits {
            let other = self.enter("admin2").await.unwrap();
            self.broker.proposal_second(other, id).await.unwrap();
        }
    }

    /// Months go by here: who is nearing the year's end undertakes anew.
    async fn undertaken(&self, who: &'static str) {
        let until = self.broker.undertaken_until(&login(who)).await.unwrap();
        if until.is_some_and(|until| until > self.clock.now() + 2 * MONTH) {
            return;
        }
        let text = self.broker.undertaking().await.unwrap().texts.remove(0);
        let step = self.enter(who).await.unwrap();
        self.broker.undertake(step, text.digest).await.unwrap();
    }

    async fn change_role(&mut self) {
        let (who, ..) = self.random.pick(&ROLES);
        let without = self.model.without_role.contains(who);
        self.set_role(who, without).await;
    }

    async fn set_role(&mut self, who: &'static str, holds: bool) {
        let (_, unit, rank, role) = ROLES.into_iter().find(|r| r.0 == who).unwrap();
        let roles = if holds { format!("[\"{role}\"]") } else { "[]".to_owned() };
        let text = format!(
            "[[person]]\nlogin = \"{who}\"\nname = \"{who}\"\nunit = \"{unit}\"\nrank = \"{rank}\"\nroles = {roles}\n"
        );
        let admin = self.enter("admin").await.unwrap();
        let change = self.broker.org_apply(admin.caller(), &text, false).await.unwrap();
        if change.proposal.is_some() {
            self.second(change.proposal).await;
            // Who got a role signs nothing for a day: tests/api/proposals.rs looks at that.
            self.clock.set(self.clock.now() + 25 * 3_600_000_000);
        }
        if holds {
            self.model.without_role.remove(who)
        } else {
            self.model.without_role.insert(who)
        };
    }

    /// A new password is a new signing key: what the old one signed and is pending is void.
    async fn new_key(&mut self) {
        let (who, ..) = self.random.pick(&ROLES);
        if self.model.suspended.contains(who) {
            return;
        }
        let step = self.enter(who).await.unwrap();
        let key = self.model.key(who) + 1;
        self.broker.change_password(step, &password(who, key)).await.unwrap();
        self.model.keys.insert(who, key);
    }

    /// Suspends a vendor for good, or gives it another key; and there is always one that may be used.
    async fn change_vendor(&mut self, at: usize) {
        let vendor = self.model.requests[at].draft.vendor;
        if self.random.below(2) == 0 {
            let vendors = self.enter("hq.vendors").await.unwrap();
            let code = VendorCode::parse(&code_of(vendor)).unwrap();
            self.broker.vendor_suspend(vendors.caller(), &code).await.unwrap();
            self.model.vendors[vendor].suspended = true;
            self.vendor(self.model.vendors.len()).await;
        } else {
            self.vendor(vendor).await;
        }
        self.revise(at).await;
    }

    /// Registers a vendor, or a new key for it.
    async fn vendor(&mut self, vendor: usize) {
        let (identity, recipient) = generate_identity();
        let text = format!(
            "code = \"{}\"\nname = {{ zh = \"外包商\", en = \"Vendor\" }}\nchannels = [\"sms\"]\n\
             contract = {{ reference = \"HT-2\", from = \"2026-01-01\", to = \"2099-12-31\" }}\n\
             key = {{ kind = \"age\", recipient = \"{recipient}\", fingerprint_checked_by = \"phone\" }}\n",
            code_of(vendor)
        );
        let vendors = step(&self.broker, "hq.vendors").await.unwrap();
        self.broker.vendor_add(vendors.caller(), &text).await.unwrap();
        prove_vendor_to(&self.broker, &code_of(vendor), &identity, "hq.deputy").await;
        match self.model.vendors.get_mut(vendor) {
            Some(known) => known.key += 1,
            None => self.model.vendors.push(Vendor::default()),
        }
    }

    /// The channel off by a new policy, or on again by one more.
    async fn change_policy(&mut self) {
        let on = !self.model.channel_on;
        let asked = "purpose = \"promotion\"\nchannel = \"sms\"\n";
        let rule = format!("{asked}enabled = ");
        let header = format!("{asked}expect = ");
        let mut edits = vec![
            ("channels.toml", format!("{rule}true"), format!("{rule}false")),
            (
                "channels.test.toml",
                format!("{header}\"mobile\"\ncontact_point = \"mobile\""),
                format!("{header}\"channel_off\""),
            ),
        ];
        // A policy that does not pass its own test files is not proposed: they change with it.
        for (fields, answer) in CARRIED {
            let question = format!("{asked}fields = [{fields}]\nexpect = ");
            let answers = [answer, "channel_off"].map(|answer| format!("{question}\"{answer}\""));
            let [yes, no] = answers;
            edits.push(("release_fields.test.toml", yes, no));
        }
        let edits: Vec<_> = edits
            .iter()
            .map(
                |(file, yes, no)| {
                    if on { (*file, no.as_str(), yes.as_str()) } else { (*file, yes.as_str(), no.as_str()) }
                },
            )
            .collect();
        adopt(&self.broker, &edits).await;
        self.model.channel_on = on;
    }

    async fn expire(&mut self) {
        self.clock.set(self.clock.now() + MONTH);
        self.model.requests.iter_mut().filter_map(|r| r.round.as_mut()).for_each(|r| r.expired = true);
        for who in ROLES.map(|role| role.0).into_iter().chain(["admin", "admin2"]) {
            if !self.model.suspended.contains(who) {
                self.undertaken(who).await;
            }
        }
    }

    async fn recall_package(&mut self, at: usize) {
        let Some(package) = self.model.requests[at].live.take() else { return };
        if self.model.suspended.contains("mem.head") || self.model.without_role.contains("mem.head") {
            self.model.requests[at].live = Some(package);
            return;
        }
        let head = self.enter("mem.head").await.unwrap();
        self.broker.package_recall(head.caller(), &package, "wrong dates").await.unwrap();
    }

    fn no(&self, at: usize) -> RequestNo {
        self.model.requests[at].no.clone()
    }

    async fn enter(&self, who: &'static str) -> Result<StepUp, Error> {
        self.broker.authenticate(&login(who), &password(who, self.model.key(who))).await
    }

    async fn log_size(&self) -> u64 {
        self.broker.store().view().await.unwrap().log_size().await.unwrap()
    }

    /// Holds the product to the model: done when no rule says no, else refused by one of them, with the
    /// rule's id, and the log has it.
    async fn agrees<T>(
        &mut self,
        what: &'static str,
        who: &'static str,
        noes: Noes,
        result: Result<T, Error>,
        before: u64,
    ) -> Option<T> {
        let noes = if self.model.suspended.contains(who) { Noes::from(["suspended"]) } else { noes };
        match result {
            Ok(done) => {
                assert_eq!(noes, Noes::new(), "{what} by {who} was done; {:#?}", self.model);
                *self.seen.entry(what).or_default() += 1;
                Some(done)
            }
            Err(Error::Refused(refusal)) => {
                assert!(
                    noes.contains(refusal.code),
                    "{what} by {who}: {refusal:?} not of {noes:?}; {:#?}",
                    self.model
                );
                let mut view = self.broker.store().view().await.unwrap();
                let size = view.log_size().await.unwrap();
                let leaf = view.leaves(size - 1, size).await.unwrap().pop().unwrap().1;
                let leaf = String::from_utf8(leaf).unwrap();
                assert!(refusal.rule.len() >= 2 && size == before + 1, "{refusal:?}");
                for said in ["refuse", refusal.code, refusal.rule] {
                    assert!(leaf.contains(&format!("\"{said}\"")), "{said} is not in {leaf}");
                }
                *self.seen.entry(refusal.code).or_default() += 1;
                None
            }
            Err(other) => panic!("{what} by {who}: {other}"),
        }
    }
}

fn password(who: &str, key: u32) -> countersign::broker::people::Password {
    let base = crate::support::world::password(who);
    if key == 0 { base } else { format!("pass word {key} of {who}").into_bytes().into() }
}
