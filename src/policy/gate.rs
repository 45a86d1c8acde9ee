//! One casbin enforcer for one kind of decision.
//!
//! Plain `Enforcer`s only, a question at a time: with an `EnforceContext` a deny of a second policy
//! counts as allow, and `CachedEnforcer` answers one context's question with another's decision. An
//! error is for the caller to take as a denial.
//!
//! What was decided is kept, word for word: a gate's rows never change, so the same question has the same answer for as long as
//! there is this gate, and a look at a member asks some six of them.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use casbin::function_map::dynamic_to_str;
use casbin::rhai::Dynamic;
use casbin::{CoreApi, DefaultModel, Enforcer, StringAdapter, function_map::OperatorFunction};

use crate::policy::rules::Row;

/// An enforcer that cannot be changed: a new policy is a new gate.
pub(super) struct Gate {
    enforcer: Enforcer,
    decided: RwLock<HashMap<String, bool>>,
}

/// Most decisions kept. Sets of roles that people hold come to some thousands of questions with all acts and places; of ten
/// roles hundreds of sets can be made, and a server runs for years. What would be one more is worked out each time.
const KEPT: usize = 10_000;

impl Gate {
    /// A gate over checked rows. Every cell has been read as a code, so none can hold a comma.
    pub(super) async fn new(model: DefaultModel, rows: &[Row]) -> Result<Self, casbin::Error> {
        let lines: Vec<String> = rows.iter().map(|row| format!("p,{}", row.cells.join(","))).collect();
        let mut enforcer = Enforcer::new(model, StringAdapter::new(lines.join("\n"))).await?;
        enforcer.add_function("holds", OperatorFunction::Arg2(holds));
        Ok(Gate { enforcer, decided: RwLock::default() })
    }

    /// Asks one question of three words.
    pub(super) fn ask(&self, words: [&str; 3]) -> Result<bool, casbin::Error> {
        // No code has such a character.
        let question = words.join("\u{1f}");
        if let Some(decision) = self.decided.read().unwrap_or_else(PoisonError::into_inner).get(&question) {
            return Ok(*decision);
        }
        let [first, second, third] = words;
        let decision = self.enforcer.enforce((first, second, third))?;
        let mut decided = self.decided.write().unwrap_or_else(PoisonError::into_inner);
        if decided.len() < KEPT {
            decided.insert(question, decision);
        }
        Ok(decision)
    }
}

/// `holds(",counter,dept_head,", "counter")`: whether a list of roles has one. The commas on both sides
/// keep a role from matching inside another's name.
#[allow(clippy::needless_pass_by_value)] // casbin sets the signature
fn holds(roles: Dynamic, role: Dynamic) -> Dynamic {
    dynamic_to_str(&roles).contains(&format!(",{},", dynamic_to_str(&role))).into()
}
