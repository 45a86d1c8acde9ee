//! What the walk believes of the vault: facts, and the rules over them as sentences. It knows no order in
//! which the product looks, so it gives the set of all rules that say no; empty means yes.

use std::collections::{BTreeMap, BTreeSet};

use countersign::model::ids::{PackageNo, RequestNo};

/// Codes of the rules that say no.
pub type Noes = BTreeSet<&'static str>;

/// Requester, three signers in their order, executor, receiver.
pub type Cast = [&'static str; 6];

pub const CASTS: [Cast; 2] = [
    ["hq.officer", "hq.head", "hq.planner", "mem.head", "hq.it", "hq.receiver"],
    ["s1.officer", "s1.head", "s1.pop", "mem.head", "s1.it", "s1.receiver"],
];

/// What is asked for, as far as the walk changes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub vendor: usize,
    pub limit: u32,
}

/// A signed fact: by whom, with which of their keys.
pub type Fact = (&'static str, u32);

#[derive(Debug)]
pub struct Round {
    pub form: Draft,
    /// Which of the vendor's keys the request names.
    pub vendor_key: u32,
    /// The submit and the signatures.
    pub facts: Vec<Fact>,
    pub ended: bool,
    pub expired: bool,
    /// It has had a package.
    pub executed: bool,
}

#[derive(Debug)]
pub struct Request {
    pub no: RequestNo,
    pub cast: Cast,
    pub draft: Draft,
    pub round: Option<Round>,
    pub live: Option<PackageNo>,
}

#[derive(Debug, Default)]
pub struct Vendor {
    pub suspended: bool,
    pub key: u32,
}

#[derive(Debug)]
pub struct Model {
    pub suspended: BTreeSet<&'static str>,
    pub without_role: BTreeSet<&'static str>,
    /// How often a person's signing key was made anew.
    pub keys: BTreeMap<&'static str, u32>,
    pub vendors: Vec<Vendor>,
    pub channel_on: bool,
    pub requests: Vec<Request>,
}

impl Model {
    pub fn key(&self, who: &'static str) -> u32 {
        self.keys.get(who).copied().unwrap_or(0)
    }

    /// Whether a person has their role now and may use it.
    fn serves(&self, who: &str) -> bool {
        !self.suspended.contains(who) && !self.without_role.contains(who)
    }

    /// A signature counts while its signer serves, with the key that made it.
    fn counts(&self, (who, key): &Fact) -> bool {
        self.serves(who) && self.key(who) == *key
    }

    /// What a form must satisfy whenever it is looked at.
    fn form(&self, cast: &Cast, form: &Draft, noes: &mut Noes) {
        no(noes, !self.channel_on, "channel_off");
        no(noes, !self.serves(cast[5]), "receiver_not_officer");
        no(noes, self.vendors[form.vendor].suspended, "vendor_not_active");
    }

    /// Why a round cannot go on, whoever asks.
    fn standing(&self, request: &Request, round: &Round) -> Noes {
        let mut noes = Noes::new();
        self.form(&request.cast, &round.form, &mut noes);
        no(&mut noes, request.draft != round.form, "edited");
        no(&mut noes, round.expired, "expired");
        no(&mut noes, round.ended, "ended");
        no(&mut noes, self.vendors[round.form.vendor].key != round.vendor_key, "vendor_key_changed");
        no(&mut noes, !self.counts(&round.facts[0]), "requester_not_officer");
        no(&mut noes, round.facts[1..].iter().any(|f| !self.counts(f)), "signature_void");
        noes
    }

    /// Signing, returning or rejecting.
    pub fn at_step(&self, at: usize, who: &str) -> Noes {
        let request = &self.requests[at];
        let Some(round) = &request.round else { return Noes::from(["not_submitted"]) };
        let mut noes = self.standing(request, round);
        let turn = round.facts.len();
        no(&mut noes, turn == 4, "signed_already");
        no(&mut noes, round.facts.iter().any(|f| f.0 == who), "separation_of_duties");
        no(&mut noes, turn < 4 && (request.cast[turn] != who || !self.serves(who)), "not_your_step");
        noes
    }

    pub fn execute(&self, at: usize, who: &str) -> Noes {
        let request = &self.requests[at];
        let Some(round) = &request.round else { return Noes::from(["not_submitted"]) };
        let mut noes = self.standing(request, round);
        let executor = CASTS.iter().any(|cast| cast[4] == who) && self.serves(who);
        no(&mut noes, !executor, "not_permitted");
        no(&mut noes, request.cast[4] != who || !self.serves(who), "not_your_step");
        no(&mut noes, round.facts.len() < 4, "not_signed");
        let taken = round.facts.iter().any(|f| f.0 == who) || request.cast[5] == who;
        no(&mut noes, taken, "separation_of_duties");
        no(&mut noes, request.live.is_some() || round.executed, "executed_already");
        noes
    }

    pub fn submit(&self, at: usize, who: &str) -> Noes {
        let request = &self.requests[at];
        let mut noes = Noes::new();
        self.form(&request.cast, &request.draft, &mut noes);
        no(&mut noes, request.cast[0] != who || !self.serves(who), "not_permitted");
        no(&mut noes, request.live.is_some(), "executed_already");
        let running = request.round.as_ref().is_some_and(|round| self.standing(request, round).is_empty());
        no(&mut noes, running, "in_progress");
        noes
    }

    pub fn recall(&self, at: usize, who: &str) -> Noes {
        let request = &self.requests[at];
        let Some(round) = &request.round else { return Noes::from(["not_submitted"]) };
        let mut noes = Noes::new();
        no(&mut noes, request.cast[0] != who || !self.serves(who), "not_permitted");
        no(&mut noes, round.ended, "ended");
        no(&mut noes, request.live.is_some(), "executed_already");
        noes
    }

    pub fn revise(&self, at: usize, who: &str) -> Noes {
        let request = &self.requests[at];
        let mut noes = Noes::new();
        no(&mut noes, request.cast[0] != who || !self.serves(who), "not_permitted");
        no(&mut noes, !self.channel_on, "channel_off");
        no(&mut noes, request.live.is_some(), "executed_already");
        noes
    }
}

fn no(noes: &mut Noes, says: bool, code: &'static str) {
    if says {
        noes.insert(code);
    }
}
