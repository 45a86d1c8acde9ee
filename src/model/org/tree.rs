//! The tree of units: who is below whom, and which site a department belongs to (A5b).

use std::collections::BTreeMap;

use super::Unit;
use crate::model::code::{Function, UnitKind};
use crate::model::ids::UnitCode;
use crate::model::refusal::Refusal;

const RULE: &str = "A5b (Art 5)";

/// Checked units: one group at the root, headquarters and stores under it, departments under a
/// site or another department, no circle; only departments have a function, and each has one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrgTree {
    units: BTreeMap<UnitCode, Unit>,
}

impl OrgTree {
    /// Builds the tree.
    ///
    /// # Errors
    /// A [`Refusal`] `bad_org` (A5b) that names the unit.
    pub fn new(units: impl IntoIterator<Item = Unit>) -> Result<OrgTree, Refusal> {
        let mut tree = OrgTree::default();
        for unit in units {
            let code = unit.code.clone();
            if tree.units.insert(code.clone(), unit).is_some() {
                return Err(bad(&code, "stands there twice"));
            }
        }
        tree.units.values().try_for_each(|unit| tree.check(unit))?;
        let mut groups = tree.units.values().filter(|unit| unit.kind == UnitKind::Group);
        match groups.nth(1) {
            Some(second) => Err(bad(&second.code, "is a second group")),
            None => Ok(tree),
        }
    }

    fn check(&self, unit: &Unit) -> Result<(), Refusal> {
        match (unit.kind == UnitKind::Department, unit.function) {
            (false, Some(_)) => return Err(bad(&unit.code, "only a department has a function")),
            (true, None) => return Err(bad(&unit.code, "a department needs a function")),
            _ => {}
        }
        let parent = match &unit.parent {
            None => None,
            Some(code) => Some(self.get(code).ok_or_else(|| bad(&unit.code, "its parent does not exist"))?),
        };
        if !may_stand_under(unit.kind, parent.map(|parent| parent.kind)) {
            return Err(bad(&unit.code, "this kind of unit does not stand there"));
        }
        // A walk up that is longer than there are units has met one of them twice.
        match self.upwards(&unit.code).nth(self.units.len()) {
            Some(_) => Err(bad(&unit.code, "stands above itself")),
            None => Ok(()),
        }
    }

    /// The unit of a code.
    pub fn get(&self, code: &UnitCode) -> Option<&Unit> {
        self.units.get(code)
    }

    /// Every unit, by code.
    pub fn units(&self) -> impl Iterator<Item = &Unit> {
        self.units.values()
    }

    /// The headquarters or store that a unit is or belongs to: the kind of this site chooses the
    /// chain. The group has none.
    pub fn site_of(&self, code: &UnitCode) -> Option<&Unit> {
        self.upwards(code).find(|unit| matches!(unit.kind, UnitKind::Hq | UnitKind::Store))
    }

    /// The departments of a site that have a function, by code.
    pub fn find(&self, site: &UnitCode, function: Function) -> impl Iterator<Item = &Unit> {
        self.units.values().filter(move |unit| {
            unit.function == Some(function) && self.site_of(&unit.code).is_some_and(|at| at.code == *site)
        })
    }

    /// Whether a unit is another one or stands somewhere under it.
    pub fn is_within(&self, code: &UnitCode, above: &UnitCode) -> bool {
        self.upwards(code).any(|unit| unit.code == *above)
    }

    /// A unit, the one above it, and so on.
    fn upwards<'a>(&'a self, code: &UnitCode) -> impl Iterator<Item = &'a Unit> {
        std::iter::successors(self.get(code), |unit| self.get(unit.parent.as_ref()?))
    }
}

const fn may_stand_under(kind: UnitKind, parent: Option<UnitKind>) -> bool {
    match kind {
        UnitKind::Group => parent.is_none(),
        UnitKind::Hq | UnitKind::Store => matches!(parent, Some(UnitKind::Group)),
        UnitKind::Department => {
            matches!(parent, Some(UnitKind::Hq | UnitKind::Store | UnitKind::Department))
        }
    }
}

fn bad(code: &UnitCode, what: &str) -> Refusal {
    Refusal::new("bad_org", RULE, format!("unit {code}: {what}"))
        .hint("a group, under it headquarters and stores, under them departments")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::code::Rank;
    use crate::model::org::Org;
    use crate::model::org::tests::EXAMPLE;

    fn code(text: &str) -> UnitCode {
        UnitCode::parse(text).unwrap()
    }

    fn units() -> Vec<Unit> {
        Org::from_toml(EXAMPLE, &[], Rank::Supervisor).unwrap().units
    }

    fn edited(at: &str, edit: impl FnOnce(&mut Unit)) -> String {
        let mut units = units();
        edit(units.iter_mut().find(|unit| unit.code == code(at)).unwrap());
        OrgTree::new(units).unwrap_err().message.into_owned()
    }

    #[test]
    fn a_department_belongs_to_its_site() {
        let tree = OrgTree::new(units()).unwrap();
        let site = |of| tree.site_of(&code(of)).map(|unit| unit.code.as_str());
        assert_eq!(site("HQ-MKT"), Some("HQ"));
        assert_eq!(site("S001-X"), Some("S001"));
        assert_eq!(site("S001"), Some("S001"));
        assert_eq!((site("GRP"), site("NONE")), (None, None));
    }

    #[test]
    fn a_unit_is_within_itself_and_those_above() {
        let tree = OrgTree::new(units()).unwrap();
        let within = |of, above| tree.is_within(&code(of), &code(above));
        assert!(within("S001-X", "S001-X") && within("S001-X", "S001") && within("S001-X", "GRP"));
        assert!(!within("S001", "S001-X") && !within("HQ-MKT", "S001") && !within("NONE", "GRP"));
    }

    #[test]
    fn functions_are_found_by_site() {
        let tree = OrgTree::new(units()).unwrap();
        let found: Vec<&str> =
            tree.find(&code("S001"), Function::Marketing).map(|unit| unit.code.as_str()).collect();
        assert_eq!(found, ["S001-MKT"]);
        assert_eq!(tree.find(&code("S001"), Function::It).count(), 0);
    }

    #[test]
    fn units_stand_where_their_kind_may() {
        for (at, parent) in [("HQ", "HQ-MKT"), ("S001", "HQ"), ("HQ-MKT", "GRP"), ("GRP", "HQ")] {
            assert!(edited(at, |u| u.parent = Some(code(parent))).contains("does not stand there"), "{at}");
        }
        assert!(edited("HQ-MKT", |u| u.parent = None).contains("does not stand there"));
        assert!(edited("HQ-MKT", |u| u.parent = Some(code("NONE"))).contains("does not exist"));
        assert!(edited("S001-MKT", |u| u.parent = Some(code("S001-X"))).contains("above itself"));
        assert!(edited("S001-X", |u| u.code = code("HQ")).contains("twice"));
        assert!(edited("HQ", |u| u.function = Some(Function::It)).contains("only a department"));
        assert!(edited("HQ-MKT", |u| u.function = None).contains("needs a function"));
        assert!(
            edited("HQ", |u| {
                u.kind = UnitKind::Group;
                u.parent = None;
            })
            .contains("does not stand there"),
            "a department does not stand under the group"
        );
        let mut two = units();
        two.push(Unit { code: code("ZZZ"), ..two[0].clone() });
        assert!(OrgTree::new(two).unwrap_err().message.contains("second group"));
    }
}
