//! What a caller may do to a request now, and of the rest why not: the very checks that the verbs make.

use serde::Serialize;

use super::executing::refuse_second;
use super::handing::check_may_copy;
use super::standing::{check_may_recall, check_may_revise, refuse_live_package};
use super::{Broker, Error, Ground, Refusal};
use crate::access::{Asked, Caller};
use crate::model::ids::Login;
use crate::model::lang::Lang;
use crate::model::refusal::words;
use crate::policy::Act;
use crate::store::requests::RequestRow;
use crate::store::{View, Work};

/// A verb, and whether the caller may do it now.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Ability {
    /// The verb, as commands and paths name it.
    pub verb: &'static str,
    /// Whether.
    pub may: bool,
    /// Why not: what the verb would be refused with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not: Option<WhyNot>,
}

/// A refusal in words.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WhyNot {
    /// Stable code.
    pub code: &'static str,
    /// Requirement id and article.
    pub rule: &'static str,
    /// What happened.
    pub why: String,
    /// What would make it pass.
    pub hint: String,
}

impl WhyNot {
    /// What happened, in a language.
    pub fn said(&self, lang: Lang) -> &str {
        words::of(self.code).filter(|_| lang == Lang::Zh).map_or(&self.why, |words| words.zh)
    }

    /// What would make it pass, in a language.
    pub fn hint_said(&self, lang: Lang) -> &str {
        words::of(self.code).filter(|_| lang == Lang::Zh).map_or(&self.hint, |words| words.hint_zh)
    }
}

/// A request as a caller finds it.
pub(super) struct Found<'a> {
    pub(super) row: &'a RequestRow,
    pub(super) asked: Option<&'a Asked>,
    pub(super) holder: &'a [Login],
}

impl Broker {
    /// Every verb of a request, with whether this caller may do it now.
    pub(super) async fn abilities(
        &self,
        work: &mut Work<'_>,
        ground: &Ground,
        caller: &Caller,
        found: &Found<'_>,
    ) -> Result<Vec<Ability>, Error> {
        let Found { row, asked, holder } = found;
        let mut all = Vec::new();
        let mut tell = |verb, answer: Result<(), Error>| -> Result<(), Error> {
            // None of them is a program's.
            all.push(ability(verb, caller.check_person().map_err(Error::from).and(answer))?);
            Ok(())
        };
        let may = |act| ground.staff.may(&ground.policy, caller, act, Some(&row.unit)).map_err(Error::from);
        tell("preview", may(Act::RequestPreview))?;
        tell("revise", revisable(work.view(), ground, caller, row).await)?;
        tell("submit", self.submittable(work, ground, row, *asked, caller).await.map(drop))?;
        for verb in ["sign", "return", "reject", "transfer"] {
            tell(verb, self.at_turn(work.view(), caller, row, *asked).await)?;
        }
        tell("recall", recallable(work.view(), caller, row, *asked).await)?;
        tell("execute", self.executable(work.view(), caller, row, *asked).await)?;
        let remind = match asked {
            Some(asked) => self.remindable(work, ground, caller, asked).await.map(drop),
            None => Err(not_submitted(row)),
        };
        tell("remind", remind)?;
        tell("cc", check_may_copy(caller, row, *asked, holder).map_err(Error::from))?;
        tell("repeat", may(Act::RequestDraft))?;
        Ok(all)
    }

    async fn at_turn(
        &self,
        view: &mut View<'_>,
        caller: &Caller,
        row: &RequestRow,
        asked: Option<&Asked>,
    ) -> Result<(), Error> {
        asked.ok_or_else(|| not_submitted(row))?.check_turn(caller)?;
        self.check_undertaken(view, caller.login()).await
    }

    async fn executable(
        &self,
        view: &mut View<'_>,
        caller: &Caller,
        row: &RequestRow,
        asked: Option<&Asked>,
    ) -> Result<(), Error> {
        let asked = asked.ok_or_else(|| not_submitted(row))?;
        asked.check_executable(caller)?;
        self.check_undertaken(view, caller.login()).await?;
        let packages = view.packages_of(&row.no).await?;
        refuse_second(view, &packages, asked.submission().round.get()).await
    }
}

async fn revisable(
    view: &mut View<'_>,
    ground: &Ground,
    caller: &Caller,
    row: &RequestRow,
) -> Result<(), Error> {
    check_may_revise(ground, caller, row)?;
    refuse_live_package(view, &row.no).await
}

async fn recallable(
    view: &mut View<'_>,
    caller: &Caller,
    row: &RequestRow,
    asked: Option<&Asked>,
) -> Result<(), Error> {
    check_may_recall(asked.ok_or_else(|| not_submitted(row))?, caller)?;
    refuse_live_package(view, &row.no).await
}

/// As [`Broker::asked`] says it.
fn not_submitted(row: &RequestRow) -> Error {
    Refusal::new("not_submitted", "A5a (Art 5)", format!("{} is a draft", row.no))
        .hint("its information officer submits it")
        .into()
}

fn ability(verb: &'static str, answer: Result<(), Error>) -> Result<Ability, Error> {
    match answer {
        Ok(()) => Ok(Ability { verb, may: true, not: None }),
        Err(Error::Refused(Refusal { code, rule, message, hint, .. })) => {
            let not = Some(WhyNot { code, rule, why: message.into_owned(), hint: hint.into_owned() });
            Ok(Ability { verb, may: false, not })
        }
        Err(failed) => Err(failed),
    }
}
