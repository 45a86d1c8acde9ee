//! Giving the confidentiality undertaking (A10a). It is wanted for a reveal and for every signature but a recall,
//! and for executing and fetching a package; what it wants is read at that moment. A recall only takes a
//! request back, and nobody should have to read a text before stopping a list.

use super::people::still;
use super::{Broker, Error, Refusal, StepUp};
use crate::access::undertaken::{LASTS, Undertaking, check_undertaking};
use crate::audit::event::{Action, Event};
use crate::clock::Micros;
use crate::model::ids::{Digest, Login};
use crate::store::undertakings::UndertakingRow;
use crate::store::{View, Work};

impl Broker {
    /// The undertaking that holds today. Its text is for whoever is to give it, also before a first sign-in.
    ///
    /// # Errors
    /// The database failed.
    pub async fn undertaking(&self) -> Result<Undertaking, Error> {
        Undertaking::now(&mut self.store.view().await?, self.clock().today()).await
    }

    /// Until when a person's undertaking holds; none when it does not.
    ///
    /// # Errors
    /// The database failed.
    pub async fn undertaken_until(&self, login: &Login) -> Result<Option<Micros>, Error> {
        let mut view = self.store.view().await?;
        let undertaking = Undertaking::now(&mut view, self.clock().today()).await?;
        let until = undertaking.holds_until(&view.undertakings(login).await?);
        Ok(until.filter(|until| self.clock().now() < *until))
    }

    /// Gives it, to the text with this digest; until when it holds.
    ///
    /// # Errors
    /// `undertaking_changed` when that text is not one that holds today.
    pub async fn undertake(&self, step: StepUp, digest: Digest) -> Result<Micros, Error> {
        let login = step.caller().login();
        let event = Event::new(Action::UndertakingGiven, step.caller().actor()).object(login);
        self.logged(event.clone(), async {
            let mut work = self.store.work().await?;
            still(&mut work, &step).await?;
            self.undertake_in(&mut work, login, digest).await?;
            let until = work.at() + LASTS;
            work.commit(event.digest("undertaking", digest)).await?;
            Ok(until)
        })
        .await
    }

    /// Stores an undertaking in this turn; its entry is the turn's.
    pub(super) async fn undertake_in(
        &self,
        work: &mut Work<'_>,
        login: &Login,
        digest: Digest,
    ) -> Result<(), Error> {
        let today = self.clock().date(work.at());
        let undertaking = Undertaking::now(work.view(), today).await?;
        if !undertaking.has(digest) {
            return Err(Refusal::new(
                "undertaking_changed",
                "A10a (Art 10)",
                "this is not the undertaking that holds today",
            )
            .hint("read the present one, and give that")
            .into());
        }
        let at = work.at();
        let row = UndertakingRow { login: login.clone(), version: undertaking.version, digest, at };
        work.add_undertaking(&row).await?;
        Ok(())
    }

    /// Whether a person has given it, within the year, to the text that holds now.
    pub(super) async fn check_undertaken(&self, view: &mut View<'_>, login: &Login) -> Result<(), Error> {
        let now = self.clock().now();
        check_undertaking(view, login, now, self.clock().date(now)).await
    }
}
