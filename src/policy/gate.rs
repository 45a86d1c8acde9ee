//! One casbin enforcer for one kind of decision.
//!
//! Plain `Enforcer`s only, a question at a time: with an `EnforceContext` a deny of a second policy
//! counts as allow, and `CachedEnforcer` answers one context's question with another's decision. An
//! error is for the caller to take as a denial.

use casbin::function_map::dynamic_to_str;
use casbin::rhai::Dynamic;
use casbin::{CoreApi, DefaultModel, Enforcer, StringAdapter, function_map::OperatorFunction};

use crate::policy::rules::Row;

/// An enforcer that cannot be changed: a new policy is a new gate.
pub(super) struct Gate(Enforcer);

impl Gate {
    /// A gate over checked rows. Every cell has been read as a code, so none can hold a comma.
    pub(super) async fn new(model: DefaultModel, rows: &[Row]) -> Result<Self, casbin::Error> {
        let lines: Vec<String> = rows.iter().map(|row| format!("p,{}", row.cells.join(","))).collect();
        let mut enforcer = Enforcer::new(model, StringAdapter::new(lines.join("\n"))).await?;
        enforcer.add_function("holds", OperatorFunction::Arg2(holds));
        Ok(Gate(enforcer))
    }

    /// Asks one question of three words.
    pub(super) fn ask(&self, words: [&str; 3]) -> Result<bool, casbin::Error> {
        let [first, second, third] = words;
        self.0.enforce((first, second, third))
    }
}

/// `holds(",counter,dept_head,", "counter")`: whether a list of roles has one. The commas on both sides
/// keep a role from matching inside another's name.
#[allow(clippy::needless_pass_by_value)] // casbin sets the signature
fn holds(roles: Dynamic, role: Dynamic) -> Dynamic {
    dynamic_to_str(&roles).contains(&format!(",{},", dynamic_to_str(&role))).into()
}
