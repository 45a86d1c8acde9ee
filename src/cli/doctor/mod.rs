//! `doctor`: everything about a vault that can be checked, a line each.

mod backups;
mod files;
mod records;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::failure::{INTEGRITY, REFUSED};
use super::{Context, Failure};
use crate::broker::Broker;
use crate::store::StoreError;

/// Check everything about this vault: each line ok, warning or broken
#[derive(Debug, Args)]
#[command(after_help = "Example: countersign doctor --data ./vault\n\
                        Exit 0 when nothing is broken, 2 when what is stored does not fit the log, else 1.")]
pub struct Doctor {}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Ok,
    Warning,
    Broken,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    what: &'static str,
    state: State,
    message: String,
    hint: String,
}

/// What was found, and whether it is the stored data that does not fit.
#[derive(Default)]
pub(super) struct Findings {
    lines: Vec<Line>,
    integrity: bool,
}

impl Findings {
    pub(super) fn ok(&mut self, what: &'static str, message: impl Into<String>) {
        self.add(what, State::Ok, message.into(), String::new());
    }

    pub(super) fn warning(
        &mut self,
        what: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.add(what, State::Warning, message.into(), hint.into());
    }

    pub(super) fn broken(&mut self, what: &'static str, message: impl Into<String>, hint: impl Into<String>) {
        self.add(what, State::Broken, message.into(), hint.into());
    }

    /// An error as a broken line.
    pub(super) fn failed(&mut self, what: &'static str, failure: Failure) {
        self.integrity |= failure.exit == INTEGRITY;
        self.broken(what, failure.message, failure.hint);
    }

    fn add(&mut self, what: &'static str, state: State, message: String, hint: String) {
        self.lines.push(Line { what, state, message, hint });
    }

    fn count(&self, state: State) -> usize {
        self.lines.iter().filter(|line| line.state == state).count()
    }

    fn exit(&self) -> u8 {
        match self.count(State::Broken) {
            0 => 0,
            _ if self.integrity => INTEGRITY,
            _ => REFUSED,
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for Line { what, state, message, hint } in &self.lines {
            let state = match state {
                State::Ok => "ok     ",
                State::Warning => "warning",
                State::Broken => "broken ",
            };
            text.push_str(&format!("{state}  {what}: {message}\n"));
            if !hint.is_empty() {
                text.push_str(&format!("         hint: {hint}\n"));
            }
        }
        text
    }
}

impl Doctor {
    pub(super) async fn run(self, context: &Context) -> Result<u8, Failure> {
        let place = context.place()?;
        let mut found = Findings::default();
        files::check(&place, &mut found);
        // Opening checks durability, schema, keys, the log's tail against its checkpoint and the high-water
        // mark, and every table that a decision reads; only looked at, so that nothing hides by being finished.
        match Broker::inspect(&place).await.map_err(Failure::from) {
            Ok(broker) => {
                records::check(&broker, &mut found).await?;
                files::check_packages(&broker, &mut found);
                backups::check(&broker, &mut found);
                broker.store().close().await;
            }
            Err(failure) if failure.code == Failure::from(StoreError::NoVault).code => return Err(failure),
            Err(failure) => found.failed("vault", failure),
        }
        let (warnings, broken) = (found.count(State::Warning), found.count(State::Broken));
        let answer = json!({ "lines": found.lines, "warnings": warnings, "broken": broken });
        context.out.answer(&answer, || found.text());
        context.out.say(format!("{} checked, {warnings} warnings, {broken} broken.", found.lines.len()));
        Ok(found.exit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_says_the_worst() {
        let mut found = Findings::default();
        found.ok("a", "fine");
        found.warning("b", "hm", "look");
        assert_eq!(found.exit(), 0);
        found.broken("c", "no", "mend it");
        assert_eq!(found.exit(), 1);
        found.failed("d", StoreError::integrity("unit", "a row").into());
        assert_eq!(found.exit(), 2);
        assert!(found.text().contains("broken   c: no\n         hint: mend it\n"));
    }
}
