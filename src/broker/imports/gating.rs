//! What is asked of a row beside its own form: whose member it is, and whether what it names is registered.

use std::collections::HashSet;

use crate::broker::subject::may_somewhere;
use crate::broker::{Caller, Ground, Refusal};
use crate::intake::{CellError, Column, Reason};
use crate::model::code::{CovenantFamily, UnitKind};
use crate::model::member::{Cell, MemberRow};
use crate::policy::Act;
use crate::store::documents::Document;

/// Whose rows the caller may bring.
pub(super) enum Reach {
    /// Everybody's.
    All,
    /// Members of these stores only (B9).
    Stores(HashSet<String>),
}

impl Reach {
    /// How far a caller's act reaches.
    ///
    /// # Errors
    /// `not_permitted` when it reaches nobody.
    pub(super) fn of(ground: &Ground, caller: &Caller, act: Act) -> Result<Reach, Refusal> {
        let refusal = match ground.staff.may(&ground.policy, caller, act, None) {
            Ok(()) => return Ok(Reach::All),
            Err(refusal) => refusal,
        };
        let may = |site: &_| ground.staff.may(&ground.policy, caller, act, Some(site));
        let sites = ground.staff.sites(caller);
        let own: HashSet<String> = sites.iter().filter(|s| may(s).is_ok()).map(ToString::to_string).collect();
        if own.is_empty() {
            return Err(may_somewhere(ground, caller, act).err().unwrap_or(refusal));
        }
        Ok(Reach::Stores(own))
    }

    /// The stores' codes, with commas; none when it is everybody's.
    pub(super) fn stores(&self) -> Option<String> {
        let Reach::Stores(stores) = self else { return None };
        let mut codes: Vec<&str> = stores.iter().map(String::as_str).collect();
        codes.sort_unstable();
        Some(codes.join(","))
    }

    /// Whether it is as far as it was ([`Reach::stores`]): a right can change while a file comes.
    ///
    /// # Errors
    /// `not_permitted`.
    pub(super) fn check_same(&self, was: Option<&str>) -> Result<(), Refusal> {
        if self.stores().as_deref() == was {
            return Ok(());
        }
        Err(Refusal::new("not_permitted", "B9", "the stores whose members you may bring have changed")
            .hint("begin again"))
    }

    /// Whether all these stores' members are within it.
    pub(super) fn covers_all(&self, stores: Option<&str>) -> bool {
        match (self, stores) {
            (Reach::All, _) => true,
            (Reach::Stores(_), None) => false,
            (Reach::Stores(own), Some(stores)) => stores.split(',').all(|store| own.contains(store)),
        }
    }

    /// Whether a member of this store is within it.
    pub(super) fn covers(&self, store: Option<&str>) -> bool {
        match self {
            Reach::All => true,
            Reach::Stores(stores) => store.is_some_and(|s| stores.contains(s)),
        }
    }
}

/// What is asked of a row beside its own form.
pub(super) struct Gate {
    pub(super) stores: HashSet<String>,
    pub(super) covenants: HashSet<(CovenantFamily, String)>,
    pub(super) reach: Reach,
}

/// The row is of a member whom the caller may not touch.
pub(super) const OTHER_STORE: CellError = CellError {
    column: Some(Column::HomeStore),
    reason: Reason::Refused {
        code: "other_store",
        rule: "B9",
        zh: "不属于您所在门店的会员，不能导入 (B9)",
        en: "is not a member of your own store (B9)",
    },
};

const UNKNOWN_STORE: CellError = CellError {
    column: Some(Column::HomeStore),
    reason: Reason::Refused {
        code: "unknown_store",
        rule: "B4",
        zh: "没有登记过的门店",
        en: "is not a registered store",
    },
};

const UNKNOWN_COVENANT: CellError = CellError {
    column: Some(Column::CovenantVersion),
    reason: Reason::Refused {
        code: "unknown_covenant",
        rule: "A2 (Art 2)",
        zh: "没有登记过的规约版本 (A2)",
        en: "is not a registered covenant version (A2)",
    },
};

/// What a row was refused for, by its code.
pub(super) fn reason_of(code: &str) -> Option<Reason> {
    let asked = [OTHER_STORE, UNKNOWN_STORE, UNKNOWN_COVENANT].map(|error| error.reason);
    asked.into_iter().find(|reason| reason.code() == code).or_else(|| Reason::of(code))
}

impl Gate {
    /// What is registered, and whose rows the caller may bring.
    pub(super) fn of(ground: &Ground, documents: &[Document], reach: Reach) -> Gate {
        let units = ground.staff.tree().units();
        let stores = units.filter(|u| u.kind == UnitKind::Store).map(|u| u.code.to_string()).collect();
        let covenants = documents
            .iter()
            .filter_map(|d| Some((CovenantFamily::parse(&d.family).ok()?, d.version.clone())))
            .collect();
        Gate { stores, covenants, reach }
    }

    pub(super) fn check(&self, row: &MemberRow) -> Vec<CellError> {
        let mut errors = Vec::new();
        match &row.home_store {
            Cell::Filled(store) if !self.stores.contains(store) => errors.push(UNKNOWN_STORE),
            Cell::Filled(store) if !self.reach.covers(Some(store)) => errors.push(OTHER_STORE),
            Cell::Empty if !self.reach.covers(None) => errors.push(OTHER_STORE),
            _ => {}
        }
        if row.covenant.value().is_some_and(|covenant| !self.covenants.contains(covenant)) {
            errors.push(UNKNOWN_COVENANT);
        }
        errors
    }
}
