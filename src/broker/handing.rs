//! A request between its people: handed to a deputy, sent back to an earlier step, reminded of, copied (A5c,
//! A6a, A6b). Nothing here approves anything, and nothing is approved by time running out.

use super::requests::{Said, Target};
use super::rounds::{find, seated};
use super::standing::{form_of, standing};
use super::{Broker, Error, Ground, Refusal, StepUp};
use crate::access::{Asked, Caller, Standing};
use crate::audit::event::{Action, Event};
use crate::clock::Micros;
use crate::model::code::Step;
use crate::model::ids::{Login, RequestNo};
use crate::model::signing::SignedAct;
use crate::policy::Act;
use crate::store::notes::{NoteKind, NoteRow};
use crate::store::requests::RequestRow;
use crate::store::{View, Work};

/// How long nobody is reminded again of the same step.
const BETWEEN_REMINDERS: Micros = 24 * 3600 * 1_000_000;

impl Broker {
    /// Hands the step that is waited for to a deputy: someone who may hold it by the chain, and has no other
    /// part in the round. From then on it is the deputy's, who signs in the holder's place (A6b).
    ///
    /// # Errors
    /// `not_qualified`, `bad_target`, and those of [`Broker::request_sign`].
    pub async fn request_transfer(
        &self,
        step: StepUp,
        no: &RequestNo,
        to: &Login,
        comment: Option<&str>,
    ) -> Result<Step, Error> {
        let target = Target { to: Some(to.clone()), back_to: None };
        self.at_step(step, no, Said { act: SignedAct::Transfer, comment, seen: None, target }).await
    }

    /// Returns it to an earlier step, with a comment: what was signed from there on is set aside and signed
    /// again; the round goes on.
    ///
    /// # Errors
    /// `bad_target`, and those of [`Broker::request_sign`].
    pub async fn request_return_to(
        &self,
        step: StepUp,
        no: &RequestNo,
        back_to: Step,
        comment: &str,
    ) -> Result<Step, Error> {
        let target = Target { to: None, back_to: Some(back_to) };
        self.at_step(step, no, Said { act: SignedAct::Return, comment: Some(comment), seen: None, target })
            .await
    }

    /// Reminds whoever holds it, at most once a day for a step; gives who they are. The entry is what a
    /// notice is made of.
    ///
    /// # Errors
    /// `nothing_waits`, `reminded_already`, or the caller has no part in it.
    pub async fn request_remind(&self, caller: &Caller, no: &RequestNo) -> Result<Vec<Login>, Error> {
        let event = Event::new(Action::RequestReminded, caller.actor()).object(no);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            let asked = self.asked_on(work.view(), &ground, no).await?;
            let (subject, holder) = self.remindable(&mut work, &ground, caller, &asked).await?;
            note(&mut work, no, NoteKind::Remind, caller.login(), subject).await?;
            let event = event.request(asked.digest(), asked.form().purpose(), asked.form().channel());
            work.commit(event.count("reminded", holder.len())).await?;
            Ok(holder)
        })
        .await
    }

    /// What a caller would remind of now, and whom, if nothing says no.
    pub(super) async fn remindable(
        &self,
        work: &mut Work<'_>,
        ground: &Ground,
        caller: &Caller,
        asked: &Asked,
    ) -> Result<(String, Vec<Login>), Error> {
        let no = asked.no();
        self.check_may_see(work.view(), ground, caller, asked).await?;
        if !seated(ground, caller, asked.form().unit()) {
            ground.staff.may(&ground.policy, caller, Act::RequestDraft, Some(asked.form().unit()))?;
        }
        let executed = work.view().packages_of(no).await?.iter().any(|p| p.live);
        if executed || !matches!(asked.standing(), Standing::Waiting(_) | Standing::Signed) {
            return Err(Refusal::new("nothing_waits", "A6a (Art 6)", "nobody is waited for")
                .hint("`request show` says where it stands")
                .into());
        }
        let (waits, holder) = standing(work.view(), ground, asked.form(), no, Some(asked)).await?;
        let subject = format!("{} {waits}", asked.submission().round);
        let notes = work.view().request_notes(no).await?;
        let last = notes.iter().rfind(|n| n.kind == NoteKind::Remind && n.subject == subject);
        if let Some(left) = last.map(|n| n.at + BETWEEN_REMINDERS - work.at()).filter(|left| *left > 0) {
            return Err(reminded_already(left).into());
        }
        Ok((subject, holder))
    }

    /// Copies a request to a person: from then on they may see it, whatever their roles.
    ///
    /// # Errors
    /// `not_holder`, `unknown_login`.
    pub async fn request_cc(&self, caller: &Caller, no: &RequestNo, to: &Login) -> Result<(), Error> {
        let event = Event::new(Action::RequestCopied, caller.actor()).object(no);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            let row = find(work.view(), no).await?;
            let asked = self.newest_round(work.view(), &ground, row.clone()).await?;
            let form = form_of(&row.form, no)?;
            let (_, holder) = standing(work.view(), &ground, &form, no, asked.as_ref()).await?;
            check_may_copy(caller, &row, asked.as_ref(), &holder)?;
            // Who asked once and has no part in the unit any more lets nobody see it.
            match &asked {
                Some(asked) => self.check_may_see(work.view(), &ground, caller, asked).await?,
                None => self.check_draft_shown(work.view(), &ground, caller, &row).await?,
            }
            if !ground.staff.is_active(to) {
                return Err(Refusal::new(
                    "unknown_login",
                    "A5c (Art 5)",
                    format!("there is no {to} who may act"),
                )
                .hint("copies go to people of the organisation")
                .into());
            }
            let notes = work.view().request_notes(no).await?;
            if !notes.iter().any(|n| n.copies_to(to)) {
                let (kind, subject) = (NoteKind::Copy, to.to_string());
                note(&mut work, no, kind, caller.login(), subject).await?;
            }
            work.commit(event).await?;
            Ok(())
        })
        .await
    }

    /// A new draft with the form of a request that the caller may see; gives its number.
    ///
    /// # Errors
    /// The caller may not see it, or may not draft for its unit.
    pub async fn request_repeat(&self, caller: &Caller, no: &RequestNo) -> Result<RequestNo, Error> {
        let event = Event::new(Action::RequestDrafted, caller.actor());
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            let ground = self.ground(work.view()).await?;
            let row = find(work.view(), no).await?;
            match self.newest_round(work.view(), &ground, row.clone()).await? {
                Some(asked) => self.check_may_see(work.view(), &ground, caller, &asked).await?,
                None => self.check_draft_shown(work.view(), &ground, caller, &row).await?,
            }
            let form = form_of(&row.form, no)?;
            let new = self.draft_in(&mut work, &ground, caller, &form).await?;
            work.commit(event.object(&new).count("new", 1).count("repeated", 1)).await?;
            Ok(new)
        })
        .await
    }

    /// Whether a request that was never submitted may be seen.
    async fn check_draft_shown(
        &self,
        view: &mut View<'_>,
        ground: &Ground,
        caller: &Caller,
        row: &RequestRow,
    ) -> Result<(), Error> {
        self.check_shown_to(view, ground, caller, &row.no, &row.unit, Act::RequestShow).await
    }
}

/// Whoever asks or holds a request may copy it.
pub(super) fn check_may_copy(
    caller: &Caller,
    row: &RequestRow,
    asked: Option<&Asked>,
    holder: &[Login],
) -> Result<(), Refusal> {
    let login = caller.login();
    let asks = login == &row.drafted_by || asked.is_some_and(|asked| &asked.submission().requester == login);
    if asks || holder.contains(login) {
        return Ok(());
    }
    Err(Refusal::new(
        "not_holder",
        "A5c (Art 5)",
        "a request is copied by who asks or who holds it at present",
    )
    .hint("`request show` says who that is"))
}

async fn note(
    work: &mut Work<'_>,
    no: &RequestNo,
    kind: NoteKind,
    actor: &Login,
    subject: String,
) -> Result<(), Error> {
    let number = work.view().request_notes(no).await?.len() as u32 + 1;
    let (no, at, actor) = (no.clone(), work.at(), actor.clone());
    work.add_request_note(&NoteRow { no, number, kind, at, actor, subject }).await?;
    Ok(())
}

fn reminded_already(left: Micros) -> Refusal {
    let hours = (left + 3_599_999_999) / 3_600_000_000;
    Refusal::new("reminded_already", "A6a (Art 6)", "whoever holds it was reminded within the last day")
        .hint(format!("it can be done again in {hours} h; a holder can hand the step on meanwhile"))
        .after(u32::try_from(left / 1_000_000).unwrap_or(u32::MAX))
}
