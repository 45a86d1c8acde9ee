//! Who signs, executes and receives (`policies/chains.toml`; A5b, A5c, A6a, A8c).

use serde::Deserialize;
use toml::Spanned;

use crate::model::code::{Function, Role, Step, UnitKind, codes};
use crate::policy::acts::Acts;
use crate::policy::error::{PolicyError, Source};
use crate::policy::files::PolicyFiles;
use crate::policy::{Act, Place};

codes! {
    /// Where a slot's department is, seen from the asking department.
    Site, "site" {
        /// The asking department itself.
        Asking = "asking",
        /// The asker's own headquarters or store.
        Own = "own",
        /// Headquarters.
        Hq = "hq",
    }
}

codes! {
    /// A place in a request's road that one person fills; the requester's is not among them.
    Slot, "slot" {
        /// First signature.
        Dept = "dept",
        /// Second signature.
        Planning = "planning",
        /// Third signature.
        Membership = "membership",
        /// Runs what is fully signed.
        Executor = "executor",
        /// Receives the package.
        Receiver = "receiver",
    }
}

impl Slot {
    /// The slot of a signing step.
    pub const fn of(step: Step) -> Slot {
        match step {
            Step::Dept => Slot::Dept,
            Step::Planning => Slot::Planning,
            Step::Membership => Slot::Membership,
        }
    }

    /// What whoever fills the slot does.
    pub const fn act(self) -> Act {
        match self {
            Slot::Dept => Act::RequestSignDept,
            Slot::Planning => Act::RequestSignPlanning,
            Slot::Membership => Act::RequestSignMembership,
            Slot::Executor => Act::RequestExecute,
            Slot::Receiver => Act::PackageDownload,
        }
    }
}

/// Who may fill a slot: a holder of the role in the department that function and site point at.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seat {
    /// The role to hold.
    pub role: Role,
    /// Where the department is.
    pub site: Site,
    /// What the department does; `None` exactly when the site is [`Site::Asking`].
    pub function: Option<Function>,
}

impl std::fmt::Display for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.function {
            Some(function) => write!(f, "{} of {function} at site {}", self.role, self.site),
            None => write!(f, "{} of the asking department", self.role),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    step: Step,
    role: Role,
    site: Site,
    function: Option<Function>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlanningAsks {
    signs: Spanned<Seat>,
    receives: Spanned<Seat>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChain {
    step: Vec<Spanned<RawStep>>,
    executor: Spanned<Seat>,
    receiver: Spanned<Seat>,
    planning_asks: RawPlanningAsks,
}

/// Someone at headquarters who fills a slot of a small store.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deputy {
    /// The store's unit code.
    pub store: String,
    /// Which slot; never `membership`, which is at headquarters anyway.
    pub slot: Slot,
    /// The unit at headquarters whose holder of the slot's role fills it.
    pub unit: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    hq: Spanned<RawChain>,
    store: Spanned<RawChain>,
    #[serde(default)]
    deputy: Vec<Spanned<Deputy>>,
}

/// The chain of one kind of unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// In the order of [`Step::ALL`], which is the signing order.
    steps: [Seat; Step::ALL.len()],
    executor: Seat,
    receiver: Seat,
    signs_for_planning: Seat,
    receives_for_planning: Seat,
}

impl Chain {
    /// Who fills a slot when a department of this function asks. When planning itself asks, another
    /// signs in its place and another receives.
    pub fn seat(&self, slot: Slot, asking: Function) -> &Seat {
        match (slot, asking) {
            (Slot::Planning, Function::Planning) => &self.signs_for_planning,
            (Slot::Receiver, Function::Planning) => &self.receives_for_planning,
            (Slot::Dept, _) => &self.steps[0],
            (Slot::Planning, _) => &self.steps[1],
            (Slot::Membership, _) => &self.steps[2],
            (Slot::Executor, _) => &self.executor,
            (Slot::Receiver, _) => &self.receiver,
        }
    }
}

/// Both chains and the deputies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chains {
    hq: Chain,
    store: Chain,
    deputies: Vec<Deputy>,
}

impl Chains {
    pub(super) fn load(files: &PolicyFiles, acts: &Acts) -> Result<Self, PolicyError> {
        let (source, file): (_, File) = Source::read(files, "chains.toml")?;
        let reader = Reader { source: &source, acts };
        Ok(Chains {
            hq: reader.chain(file.hq)?,
            store: reader.chain(file.store)?,
            deputies: reader.deputies(file.deputy)?,
        })
    }

    /// The chain of the departments below a unit of this kind: headquarters and stores have one.
    pub fn of(&self, kind: UnitKind) -> Option<&Chain> {
        match kind {
            UnitKind::Hq => Some(&self.hq),
            UnitKind::Store => Some(&self.store),
            UnitKind::Group | UnitKind::Department => None,
        }
    }

    /// The unit at headquarters that fills a store's slot, if the policy names one.
    pub fn deputy(&self, store: &str, slot: Slot) -> Option<&str> {
        self.deputies.iter().find(|d| d.store == store && d.slot == slot).map(|d| d.unit.as_str())
    }

    /// Every deputy, for the check that their stores and units exist.
    pub fn deputies(&self) -> &[Deputy] {
        &self.deputies
    }
}

/// The checks after parsing, with what they need.
struct Reader<'a> {
    source: &'a Source<'a>,
    acts: &'a Acts,
}

impl Reader<'_> {
    fn chain(&self, raw: Spanned<RawChain>) -> Result<Chain, PolicyError> {
        let span = raw.span();
        let raw = raw.into_inner();
        let order: Vec<Step> = raw.step.iter().map(|s| s.get_ref().step).collect();
        if order != Step::ALL {
            let expected = "expected dept, planning, membership, in this order (A6a, Art 6)";
            let span = raw
                .step
                .iter()
                .zip(Step::ALL)
                .find(|(s, want)| s.get_ref().step != **want)
                .map_or(span, |(s, _)| s.span());
            return Err(self.source.error(span, "step", expected));
        }
        let steps = raw
            .step
            .into_iter()
            .map(|step| {
                let span = step.span();
                let RawStep { step, role, site, function } = step.into_inner();
                self.seat(Slot::of(step), Spanned::new(span, Seat { role, site, function }))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let steps = steps.try_into().map_err(|_| self.source.error(span, "step", "expected three steps"))?;
        Ok(Chain {
            steps,
            executor: self.seat(Slot::Executor, raw.executor)?,
            receiver: self.seat(Slot::Receiver, raw.receiver)?,
            signs_for_planning: self.instead("signs", Slot::Planning, raw.planning_asks.signs)?,
            receives_for_planning: self.instead("receives", Slot::Receiver, raw.planning_asks.receives)?,
        })
    }

    /// A seat points at a department, and the acts let its role do what the slot is for: otherwise no
    /// request could ever pass.
    fn seat(&self, slot: Slot, seat: Spanned<Seat>) -> Result<Seat, PolicyError> {
        let span = seat.span();
        let seat = seat.into_inner();
        let wrong = |key: &str, expected: String| Err(self.source.error(span, key, expected));
        if (seat.site == Site::Asking) != seat.function.is_none() {
            return wrong("function", format!("expected with site own or hq, and not with asking ({slot})"));
        }
        if seat.site == Site::Asking && slot != Slot::Dept {
            return wrong(
                "site",
                format!("expected own or hq; only the dept step is the asker's own ({slot})"),
            );
        }
        if slot == Slot::Dept && seat.site != Site::Asking {
            return wrong(
                "site",
                "expected asking: the asking department's own head signs first (A6a)".to_owned(),
            );
        }
        if !seat.role.in_chain() {
            return wrong(
                "role",
                format!("expected a role of the chain; {} holds none of it (A6b)", seat.role),
            );
        }
        if self.acts.may(&[seat.role], slot.act(), Place::Own).is_err() {
            return wrong(
                "role",
                format!("expected a role that acts.csv allows {}; {} is not", slot.act(), seat.role),
            );
        }
        Ok(seat)
    }

    /// A seat that replaces planning's cannot be planning's.
    fn instead(&self, key: &str, slot: Slot, seat: Spanned<Seat>) -> Result<Seat, PolicyError> {
        if seat.get_ref().function == Some(Function::Planning) {
            let expected = "expected another function than planning, which is asking";
            return Err(self.source.error(seat.span(), key, expected));
        }
        self.seat(slot, seat)
    }

    fn deputies(&self, raw: Vec<Spanned<Deputy>>) -> Result<Vec<Deputy>, PolicyError> {
        let mut deputies: Vec<Deputy> = Vec::with_capacity(raw.len());
        for spanned in raw {
            let span = spanned.span();
            let deputy = spanned.into_inner();
            if deputy.slot == Slot::Membership {
                let expected = "expected dept, planning, executor or receiver; membership is at headquarters";
                return Err(self.source.error(span, "slot", expected));
            }
            if deputies.iter().any(|d| d.store == deputy.store && d.slot == deputy.slot) {
                return Err(self.source.error(span, "slot", "expected one deputy for a store's slot"));
            }
            deputies.push(deputy);
        }
        Ok(deputies)
    }
}
