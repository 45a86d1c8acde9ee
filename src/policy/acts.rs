//! May this person do this here? (`policies/acts.conf`, `acts.csv`; A4c, A6a, A6c, A8c, A9a, A12, B9)

use std::collections::BTreeMap;

use crate::model::code::{Role, codes};
use crate::model::lang::{Lang, Word as _, an};
use crate::model::refusal::Refusal;
use crate::policy::act::{Act, Place};
use crate::policy::error::PolicyError;
use crate::policy::files::PolicyFiles;
use crate::policy::gate::Gate;
use crate::policy::rules::{Eft, Kind, Row, cell, matcher_error, once, read_model, read_rows};

pub(super) const KIND: Kind = Kind {
    conf: "acts.conf",
    csv: "acts.csv",
    question: "roles, act, place",
    columns: "role, act, where, eft",
};

codes! {
    /// How far a rule reaches.
    Reach, "where" {
        /// [`Place::Own`] only.
        Own = "own",
        /// Every place.
        Any = "any",
    }
}

impl Reach {
    fn covers(self, place: Place) -> bool {
        self == Reach::Any || place == Place::Own
    }
}

/// Who may do what where.
pub(super) struct Acts {
    gate: Gate,
    /// What the self-test was answered: for hints and the role matrix, never for a decision.
    permitted: BTreeMap<Act, Vec<(Role, Reach)>>,
}

impl Acts {
    pub(super) async fn load(files: &PolicyFiles) -> Result<Self, PolicyError> {
        let model = read_model(files, &KIND)?;
        let rows = read_rows(files, &KIND)?;
        check(&rows)?;
        let gate = Gate::new(model, &rows).await.map_err(|e| matcher_error(files, &KIND, &e))?;
        let permitted = self_test(&gate).map_err(|e| matcher_error(files, &KIND, &e))?;
        Ok(Acts { gate, permitted })
    }

    /// Whether the roles, taken together, allow the act. An error of the gate denies.
    pub(super) fn may(&self, roles: &[Role], act: Act, place: Place) -> Result<(), Refusal> {
        match self.gate.ask([&held(roles), act.code(), place.code()]) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(self.refusal(roles, act, place)),
        }
    }

    /// Who alone may do an act, and how far.
    pub(super) fn permitted(&self, act: Act) -> &[(Role, Reach)] {
        self.permitted.get(&act).map(Vec::as_slice).unwrap_or_default()
    }

    fn refusal(&self, roles: &[Role], act: Act, place: Place) -> Refusal {
        let who = if roles.is_empty() { "a person without a role".to_owned() } else { list(roles) };
        let act_word = act.word(Lang::En);
        let message = match place {
            Place::Own => format!("{who} may not {act_word}"),
            Place::Other => format!("{who} may not {act_word} outside their own site"),
        };
        Refusal::new("not_permitted", act.rule(), message).hint(self.hint(roles, act, place))
    }

    fn hint(&self, roles: &[Role], act: Act, place: Place) -> String {
        let permitted = self.permitted(act);
        if permitted.is_empty() {
            return "the policy permits it to no role".to_owned();
        }
        if permitted.iter().any(|(role, reach)| reach.covers(place) && roles.contains(role)) {
            return "another role held by the same person is denied it, and a deny wins".to_owned();
        }
        let who: Vec<String> = permitted
            .iter()
            .map(|(role, reach)| match reach {
                Reach::Own => format!("{} (own site)", an(role.word(Lang::En))),
                Reach::Any => an(role.word(Lang::En)),
            })
            .collect();
        format!("it is permitted to {}", who.join(", "))
    }
}

/// `,counter,dept_head,`: what the matcher's `holds` looks in.
fn held(roles: &[Role]) -> String {
    roles.iter().fold(",".to_owned(), |text, role| text + role.code() + ",")
}

fn list(roles: &[Role]) -> String {
    roles.iter().map(|role| an(role.word(Lang::En))).collect::<Vec<_>>().join(" and ")
}

/// Every cell is a known word, and no role and act is ruled on twice.
fn check(rows: &[Row]) -> Result<(), PolicyError> {
    let mut seen = BTreeMap::new();
    for Row { line, cells } in rows {
        let role = cell(Role::parse(&cells[0]), KIND.csv, *line, "role")?;
        let act = cell(Act::parse(&cells[1]), KIND.csv, *line, "act")?;
        cell(Reach::parse(&cells[2]), KIND.csv, *line, "where")?;
        let eft = Eft::read(&cells[3], KIND.csv, *line)?;
        once(&mut seen, (role, act), KIND.csv, *line, eft)?;
    }
    Ok(())
}

/// Asks every act at every place, for every role alone, all together and none. A matcher that names a
/// function which is not there fails only when it is asked; so it is asked before anybody relies on it.
fn self_test(gate: &Gate) -> Result<BTreeMap<Act, Vec<(Role, Reach)>>, casbin::Error> {
    let mut permitted = BTreeMap::<Act, Vec<(Role, Reach)>>::new();
    for act in Act::ALL {
        for roles in [&[], Role::ALL] {
            for place in Place::ALL {
                gate.ask([&held(roles), act.code(), place.code()])?;
            }
        }
        for role in Role::ALL {
            let at = |place: Place| gate.ask([&held(&[*role]), act.code(), place.code()]);
            let (own, other) = (at(Place::Own)?, at(Place::Other)?);
            if own || other {
                let reach = if other { Reach::Any } else { Reach::Own };
                permitted.entry(*act).or_default().push((*role, reach));
            }
        }
    }
    Ok(permitted)
}
